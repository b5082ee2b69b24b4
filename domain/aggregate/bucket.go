package aggregate

import (
	"strings"
	"time"
	_ "time/tzdata" // zones are part of the language: they do not depend on the machine

	"github.com/sheafdb/sheaf/domain/query"
)

// Unit is the length of a bucket.
type Unit string

// The units. Weeks begin on Monday.
const (
	Year    Unit = "year"
	Quarter Unit = "quarter"
	Month   Unit = "month"
	Week    Unit = "week"
	Day     Unit = "day"
	Hour    Unit = "hour"
	Minute  Unit = "minute"
)

// Units are all units.
var Units = []Unit{Year, Quarter, Month, Week, Day, Hour, Minute}

// loadZone finds a zone. A name without a slash is an abbreviation, which does not mean the same to everybody.
func loadZone(name string) (*time.Location, bool) {
	if name != "UTC" && !strings.Contains(name, "/") {
		return time.UTC, false
	}
	zone, err := time.LoadLocation(name)
	return zone, err == nil
}

// Label returns how the bucket is told that an instant lies in: for a day and longer the date on which it begins, as 2026-01-31; for hours and minutes
// the time at which it begins, as 2026-01-31T13:00:00+01:00. Where the clocks are put back an hour is two, told apart by their offsets.
// Offsets have no seconds, which zones had before there was a standard time. It is false for an instant that is not in the years 1 to 9999 of the zone.
func (b *Bucket) Label(i query.Instant) (string, bool) {
	t := i.Time().In(b.Zone)
	if t.Year() < 1 || t.Year() > 9999 {
		return "", false
	}
	switch b.Unit {
	case Hour:
		return t.Format("2006-01-02T15:00:00-07:00"), true
	case Minute:
		return t.Format("2006-01-02T15:04:00-07:00"), true
	case Year:
		return t.Format("2006") + "-01-01", true
	case Month:
		return t.Format("2006-01") + "-01", true
	case Quarter:
		first := time.Date(t.Year(), (t.Month()-1)/3*3+1, 1, 0, 0, 0, 0, time.UTC)
		return first.Format(time.DateOnly), true
	}
	day := time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	if b.Unit == Week {
		day = day.AddDate(0, 0, -(int(day.Weekday())+6)%7)
	}
	return day.Format(time.DateOnly), true
}
