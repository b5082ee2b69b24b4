package jsontext

import (
	"cmp"
	"encoding/json"
	"strings"
)

const (
	// maxNumber bounds a number as it is written, in bytes: nobody measures that precisely, and arithmetic on it is slow everywhere.
	maxNumber = 1000
	// maxExponent bounds the written exponent either way. A double ends there, and the canonical form writes all the zeros out.
	maxExponent = 308
	// farExponent is what a larger exponent counts as, so that adding lengths to it cannot overflow.
	farExponent = 1_000_000_000_000_000
)

// number is where the parts of a number stand in its text.
type number struct {
	whole    int // the first digit: 1 after a sign, else 0
	point    int // the end of the whole part; a fraction begins one further
	mantissa int // the end of the digits, where an exponent begins if there is one
	exponent int // the written exponent, cut at ±farExponent; 0 when there is none
}

// scanNumber finds the end of the number at the start of s.
// Where ok is false, end is the offset of the byte that cannot stand there.
func scanNumber[T string | []byte](s T) (n number, end int, ok bool) {
	i := 0
	if i < len(s) && s[i] == '-' {
		i++
	}
	n.whole = i
	switch {
	case i < len(s) && s[i] == '0':
		i++
	default:
		for i < len(s) && isDigit(s[i]) {
			i++
		}
		if i == n.whole {
			return n, i, false
		}
	}
	n.point = i
	if i < len(s) && s[i] == '.' {
		i++
		for i < len(s) && isDigit(s[i]) {
			i++
		}
		if i == n.point+1 {
			return n, i, false
		}
	}
	n.mantissa = i
	if i == len(s) || s[i]|0x20 != 'e' {
		return n, i, true
	}
	i++
	negative := false
	if i < len(s) && (s[i] == '+' || s[i] == '-') {
		negative = s[i] == '-'
		i++
	}
	first := i
	for ; i < len(s) && isDigit(s[i]); i++ {
		n.exponent = min(n.exponent*10+int(s[i]-'0'), farExponent)
	}
	if negative {
		n.exponent = -n.exponent
	}
	return n, i, i > first
}

func isDigit(c byte) bool { return c-'0' <= 9 }

// tooBig reports whether a number of length bytes is over the limits of Canonical. What it is written out to is counted too
// (zeros in front included), so that canonical text is within the limits as well.
func (n number) tooBig(length int) bool {
	if length > maxNumber || n.exponent > maxExponent || n.exponent < -maxExponent {
		return true
	}
	if n.exponent == 0 {
		return false
	}
	digits := n.mantissa - n.whole
	if n.mantissa > n.point {
		digits--
	}
	point := n.point - n.whole + n.exponent
	length = n.whole + max(point, 1)
	if fraction := digits - point; fraction > 0 {
		length += 1 + fraction
	}
	return length > maxNumber
}

// ValidNumber reports whether s is a JSON number that Canonical accepts: the grammar of RFC 8259,
// at most 1000 bytes as it is written and as its exponent is written out, and an exponent within ±308.
func ValidNumber(s string) bool {
	n, end, ok := scanNumber(s)
	return ok && end == len(s) && !n.tooBig(len(s))
}

// appendNumber appends the number s as numeric_in and numeric_out of PostgreSQL print it: without an exponent,
// with as many digits after the point as were written, less the exponent; and zero has no sign.
func appendNumber[T string | []byte](dst []byte, s T, n number) []byte {
	if n.whole == 1 && isZero(s, n) {
		s = s[1:]
		n.whole, n.point, n.mantissa = 0, n.point-1, n.mantissa-1
	}
	if n.mantissa == len(s) {
		return append(dst, s...)
	}
	return appendShifted(dst, s, n)
}

func isZero[T string | []byte](s T, n number) bool {
	for i := n.whole; i < n.mantissa; i++ {
		if s[i] != '0' && s[i] != '.' {
			return false
		}
	}
	return true
}

// appendShifted writes a number that has an exponent.
func appendShifted[T string | []byte](dst []byte, s T, n number) []byte {
	if n.whole == 1 {
		dst = append(dst, '-')
	}
	wholeDigits := n.point - n.whole
	digits := wholeDigits
	if n.mantissa > n.point {
		digits = n.mantissa - n.whole - 1
	}
	// digit returns the digit at a position of the mantissa read without its point, and 0 outside of it.
	digit := func(at int) byte {
		switch {
		case at < 0 || at >= digits:
			return '0'
		case at < wholeDigits:
			return s[n.whole+at]
		}
		return s[n.whole+at+1]
	}
	point := wholeDigits + n.exponent
	at := 0
	for at < point && digit(at) == '0' {
		at++
	}
	if at >= point {
		dst = append(dst, '0')
	}
	for ; at < point; at++ {
		dst = append(dst, digit(at))
	}
	if point < digits {
		dst = append(dst, '.')
		for at := point; at < digits; at++ {
			dst = append(dst, digit(at))
		}
	}
	return dst
}

// CompareNumbers compares the exact decimal values of two JSON numbers and returns -1, 0 or +1: 1.0 equals 1, and 1e2 equals 100.
// It does not allocate and never writes an exponent out. What is not a JSON number counts as 0.
// Exponents beyond ±10^15 count as that.
func CompareNumbers(a, b json.Number) int {
	if a == b {
		return 0
	}
	x, y := decimalOf(string(a)), decimalOf(string(b))
	if x.sign != y.sign || x.sign == 0 {
		return cmp.Compare(x.sign, y.sign)
	}
	return x.sign * compareMagnitudes(x, y)
}

// Digits returns a JSON number taken apart: sign × 0.digits × 10^scale. The first digit is not 0; zeros at the end stand as they were written,
// and so does the point, which does not count. All parts of 0, and of what is no JSON number, are zero.
func Digits(n json.Number) (sign int, digits string, scale int) {
	d := decimalOf(string(n))
	return d.sign, d.digits, d.scale
}

// decimal is a number taken apart: sign × 0.digits × 10^scale, where the first digit is not 0.
type decimal struct {
	sign   int
	digits string // may hold the point, which does not count
	scale  int
}

func decimalOf(s string) decimal {
	n, end, ok := scanNumber(s)
	if !ok || end != len(s) {
		return decimal{}
	}
	first := n.whole
	for first < n.mantissa && (s[first] == '0' || s[first] == '.') {
		first++
	}
	if first == n.mantissa {
		return decimal{}
	}
	d := decimal{sign: 1, digits: s[first:n.mantissa], scale: n.point - first + n.exponent}
	if first > n.point {
		d.scale++ // the point itself was counted
	}
	if n.whole == 1 {
		d.sign = -1
	}
	return d
}

func compareMagnitudes(x, y decimal) int {
	if x.scale != y.scale {
		return cmp.Compare(x.scale, y.scale)
	}
	a, b := x.digits, y.digits
	for a != "" && b != "" {
		switch {
		case a[0] == '.':
			a = a[1:]
		case b[0] == '.':
			b = b[1:]
		case a[0] != b[0]:
			return cmp.Compare(a[0], b[0])
		default:
			a, b = a[1:], b[1:]
		}
	}
	return cmp.Compare(len(strings.Trim(a, "0.")), len(strings.Trim(b, "0.")))
}
