package query

import (
	"time"
)

// Instant is a point in time in microseconds since 1970-01-01T00:00:00Z, within the years 0001 to 9999.
type Instant int64

// Span is a length of time in microseconds, at most 10,000 years either way.
type Span int64

// Limits of instants and spans, in microseconds; those of CEL's timestamps and durations.
const (
	minInstant = -62_135_596_800_000_000 // 0001-01-01T00:00:00Z
	maxInstant = 253_402_300_799_999_999 // 9999-12-31T23:59:59.999999Z
	maxSpan    = 315_576_000_000_000_000
)

// InstantOf returns t cut to microseconds.
func InstantOf(t time.Time) Instant { return Instant(t.UnixMicro()) }

// Time returns the instant in UTC.
func (i Instant) Time() time.Time { return time.UnixMicro(int64(i)).UTC() }

// Text returns the instant as answers write it: in UTC, always with microseconds, so that texts order as time does.
func (i Instant) Text() string { return i.Time().Format("2006-01-02T15:04:05.000000Z") }

// Plus returns the time some time later, in UTC, and whether it is within the years 0001 to 9999.
func (i Instant) Plus(d time.Duration) (time.Time, bool) {
	later, ok := inRange(int64(i) + d.Microseconds())
	if !ok {
		return time.Time{}, false
	}
	return later.Time(), true
}

// ParseInstant reads a date and time of RFC 3339, such as 2026-01-31T23:59:59.5+01:00, and cuts it to microseconds.
// It fails for a date that is not in the calendar, a leap second, and a time that is not within the years 0001 to 9999 in UTC.
func ParseInstant(s string) (Instant, bool) {
	const date, clock = len("2006-01-02"), len("2006-01-02T15:04:05")
	if len(s) <= clock || s[4] != '-' || s[7] != '-' || s[date]|0x20 != 't' || s[13] != ':' || s[16] != ':' {
		return 0, false
	}
	year, month, day := decimalDigits(s[0:4]), decimalDigits(s[5:7]), decimalDigits(s[8:10])
	hour, minute, second := decimalDigits(s[11:13]), decimalDigits(s[14:16]), decimalDigits(s[17:19])
	if year < 1 || month < 1 || month > 12 || day < 1 || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59 {
		return 0, false
	}
	rest := s[clock:]
	micros := 0
	if rest[0] == '.' {
		end := 1
		for ; end < len(rest) && isDigit(rune(rest[end])); end++ {
			if end <= 6 {
				micros = micros*10 + int(rest[end]-'0')
			}
		}
		for digits := end - 1; digits < 6; digits++ {
			micros *= 10
		}
		if end == 1 {
			return 0, false
		}
		rest = rest[end:]
	}
	offset, ok := offsetSeconds(rest)
	t := time.Date(year, time.Month(month), day, hour, minute, second, 0, time.UTC)
	if !ok || t.Day() != day { // a day that is not in the month runs into the next one
		return 0, false
	}
	return inRange((t.Unix()-int64(offset))*1_000_000 + int64(micros))
}

func inRange(micros int64) (Instant, bool) {
	return Instant(micros), micros >= minInstant && micros <= maxInstant
}

// offsetSeconds reads what stands behind a time: Z, or the hours and minutes it is ahead of UTC.
func offsetSeconds(s string) (int, bool) {
	if s == "Z" || s == "z" {
		return 0, true
	}
	if len(s) != len("+01:00") || s[0] != '+' && s[0] != '-' || s[3] != ':' {
		return 0, false
	}
	hours, minutes := decimalDigits(s[1:3]), decimalDigits(s[4:6])
	if hours < 0 || hours > 23 || minutes < 0 || minutes > 59 {
		return 0, false
	}
	seconds := (hours*60 + minutes) * 60
	if s[0] == '-' {
		seconds = -seconds
	}
	return seconds, true
}

// decimalDigits reads a few digits, -1 when there is anything else.
func decimalDigits(s string) int {
	n := 0
	for i := range len(s) {
		if !isDigit(rune(s[i])) {
			return -1
		}
		n = n*10 + int(s[i]-'0')
	}
	return n
}

// parseSpan reads a length of time such as 1h30m or -1.5s: numbers with the units h, m, s, ms and us, without a fraction of a microsecond.
func parseSpan(s string) (Span, bool) {
	d, err := time.ParseDuration(s)
	return Span(d.Microseconds()), err == nil && d%time.Microsecond == 0
}
