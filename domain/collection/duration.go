package collection

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// Day is the longest unit that a duration is written in: 24 hours, whatever the calendar says.
const Day = 24 * time.Hour

// longestDuration bounds every duration of a configuration: a hundred years is as good as for ever, and can be added to any time.
const longestDuration = 36_500 * Day

type durationUnit struct {
	letter byte
	length time.Duration
}

// durationUnits are the units of durations, in the order in which they are written.
var durationUnits = []durationUnit{{'d', Day}, {'h', time.Hour}, {'m', time.Minute}, {'s', time.Second}}

// ParseDuration reads a duration such as 30s, 90d or 1h30m: whole numbers with the units d, h, m and s, each at most once and the longer before the shorter.
// ok is false for any other text, and for more than a hundred years.
func ParseDuration(text string) (d time.Duration, ok bool) {
	if text == "" {
		return 0, false
	}
	units := durationUnits
	for text != "" {
		end := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' })
		if end < 1 {
			return 0, false
		}
		n, err := strconv.ParseInt(text[:end], 10, 64)
		at := slices.IndexFunc(units, func(u durationUnit) bool { return u.letter == text[end] })
		if err != nil || at < 0 || n > int64(longestDuration/units[at].length) {
			return 0, false
		}
		d += time.Duration(n) * units[at].length
		text, units = text[end+1:], units[at+1:]
	}
	return d, d <= longestDuration
}

// FormatDuration returns the text of a duration of whole seconds in the longest unit that has it whole: 90s, 2m, 1d.
func FormatDuration(d time.Duration) string {
	for _, u := range durationUnits {
		if d%u.length == 0 && d > 0 {
			return strconv.FormatInt(int64(d/u.length), 10) + string(u.letter)
		}
	}
	return "0s"
}
