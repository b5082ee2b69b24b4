package schema

import "strings"

// isDateTime follows RFC 3339 section 5.6: a full date, t or T, and a time with its offset.
func isDateTime(s string) bool {
	return len(s) > 11 && s[10]|0x20 == 't' && isDate(s[:10]) && isTime(s[11:])
}

func isDate(s string) bool {
	if len(s) != 10 || s[4] != '-' || s[7] != '-' {
		return false
	}
	century, ok1 := number2(s[0:2])
	year, ok2 := number2(s[2:4])
	month, ok3 := number2(s[5:7])
	day, ok4 := number2(s[8:10])
	if !ok1 || !ok2 || !ok3 || !ok4 || month < 1 || month > 12 || day < 1 {
		return false
	}
	return day <= daysIn(month, century*100+year)
}

func daysIn(month, year int) int {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// isTime accepts a leap second where one can be: at 23:59:60 in UTC.
func isTime(s string) bool {
	if len(s) < len("00:00:00Z") || s[2] != ':' || s[5] != ':' {
		return false
	}
	hour, ok1 := number2(s[0:2])
	minute, ok2 := number2(s[3:5])
	second, ok3 := number2(s[6:8])
	if !ok1 || !ok2 || !ok3 || hour > 23 || minute > 59 || second > 60 {
		return false
	}
	rest := s[8:]
	if rest[0] == '.' {
		digits := countDigits(rest[1:])
		if digits == 0 {
			return false
		}
		rest = rest[1+digits:]
	}
	offset, ok := offsetMinutes(rest)
	if !ok {
		return false
	}
	const day = 24 * 60
	return second < 60 || (hour*60+minute-offset+day)%day == day-1
}

func offsetMinutes(s string) (int, bool) {
	if s == "Z" || s == "z" {
		return 0, true
	}
	if len(s) != len("+00:00") || s[0] != '+' && s[0] != '-' || s[3] != ':' {
		return 0, false
	}
	hours, ok1 := number2(s[1:3])
	minutes, ok2 := number2(s[4:6])
	if !ok1 || !ok2 || hours > 23 || minutes > 59 {
		return 0, false
	}
	if s[0] == '-' {
		return -hours*60 - minutes, true
	}
	return hours*60 + minutes, true
}

// number2 reads exactly two digits.
func number2(s string) (int, bool) {
	if !isDigit(s[0]) || !isDigit(s[1]) {
		return 0, false
	}
	return int(s[0]-'0')*10 + int(s[1]-'0'), true
}

// isDuration follows RFC 3339 appendix A, but lets a unit between two others be left out, as ISO 8601 does.
func isDuration(s string) bool {
	if len(s) < 3 || s[0] != 'P' {
		return false
	}
	if weeks, ok := strings.CutSuffix(s[1:], "W"); ok {
		return weeks != "" && countDigits(weeks) == len(weeks)
	}
	date, clock, timed := strings.Cut(s[1:], "T")
	if timed && clock == "" {
		return false
	}
	return inUnits(date, "YMD") && inUnits(clock, "HMS")
}

// inUnits reads numbers followed by units, each unit at most once and in the order given.
func inUnits(s, units string) bool {
	for s != "" {
		digits := countDigits(s)
		if digits == 0 || digits == len(s) {
			return false
		}
		at := strings.IndexByte(units, s[digits])
		if at < 0 {
			return false
		}
		s, units = s[digits+1:], units[at+1:]
	}
	return true
}
