package schema

import (
	"bytes"
	"math/big"
	"math/bits"
	"strconv"
	"strings"
)

// decimal is the number ±coefficient × 10^exponent, exactly. The coefficient ends in
// no zero, so equal numbers are equal decimals however they were written; zero has
// the coefficient 0 and the exponent 0.
//
// Nothing here raises ten to an exponent that was read, so 1e308 and 1e-30000000
// cost no more than 1.
type decimal struct {
	negative bool
	small    uint64 // the coefficient, when large is empty
	large    string // the coefficient's digits, when there are more than smallDigits
	exponent int
}

// smallDigits always fit a uint64.
const smallDigits = 18

// maxExponent is where exponents stop: nothing further out is told apart, and sums of a few stay far inside an int.
const maxExponent = 1 << 40

// parseDecimal reads a JSON number; anything else gives an arbitrary decimal, since callers hold decoded numbers.
func parseDecimal(text string) decimal {
	var d decimal
	mantissa := text
	if strings.HasPrefix(mantissa, "-") {
		d.negative, mantissa = true, mantissa[1:]
	}
	exponent := 0
	if i := strings.IndexAny(mantissa, "eE"); i >= 0 {
		exponent = parseExponent(mantissa[i+1:])
		mantissa = mantissa[:i]
	}
	digits, zeros, fraction, inFraction := 0, 0, 0, false
	for i := range len(mantissa) {
		ch := mantissa[i]
		if ch == '.' {
			inFraction = true
			continue
		}
		if inFraction {
			fraction++
		}
		switch {
		case ch != '0':
			digits += zeros + 1
			for ; zeros >= 0 && digits <= smallDigits; zeros-- {
				d.small *= 10
			}
			zeros = 0
			d.small += uint64(ch - '0')
		case digits > 0:
			zeros++
		}
	}
	if digits == 0 {
		return decimal{}
	}
	if digits > smallDigits {
		d.small = 0
		d.large = strings.Trim(strings.Replace(mantissa, ".", "", 1), "0")
	}
	d.exponent = exponent + zeros - fraction
	return d
}

// parseExponent reads an exponent and stops at ±maxExponent.
func parseExponent(text string) int {
	sign := 1
	switch {
	case strings.HasPrefix(text, "-"):
		sign, text = -1, text[1:]
	case strings.HasPrefix(text, "+"):
		text = text[1:]
	}
	n := 0
	for i := range len(text) {
		if n = n*10 + int(text[i]-'0'); n > maxExponent {
			return sign * maxExponent
		}
	}
	return sign * n
}

// isInteger says whether a JSON number has no fraction: 1, 1.0 and 1e2 have none.
func isInteger(text string) bool {
	if !strings.ContainsAny(text, ".eE") {
		return true
	}
	return parseDecimal(text).exponent >= 0
}

func (d decimal) isZero() bool { return d.small == 0 && d.large == "" }

// digits appends the coefficient to buf.
func (d decimal) digits(buf []byte) []byte {
	if d.large != "" {
		return append(buf, d.large...)
	}
	return strconv.AppendUint(buf, d.small, 10)
}

// appendKey appends a text that is the same for equal numbers and for no others.
func (d decimal) appendKey(buf []byte) []byte {
	if d.negative {
		buf = append(buf, '-')
	}
	buf = append(d.digits(buf), 'e')
	return strconv.AppendInt(buf, int64(d.exponent), 10)
}

// compare returns -1, 0 or +1 as a is less than, equal to or greater than b.
func compare(a, b decimal) int {
	if s := a.sign() - b.sign(); s != 0 || a.isZero() {
		return min(max(s, -1), 1)
	}
	if a.negative {
		return compareMagnitude(b, a)
	}
	return compareMagnitude(a, b)
}

func (d decimal) sign() int {
	switch {
	case d.isZero():
		return 0
	case d.negative:
		return -1
	}
	return 1
}

func compareMagnitude(a, b decimal) int {
	var aBuf, bBuf [2 * smallDigits]byte
	aDigits, bDigits := a.digits(aBuf[:0]), b.digits(bBuf[:0])
	aSize, bSize := len(aDigits)+a.exponent, len(bDigits)+b.exponent
	if aSize != bSize {
		if aSize < bSize {
			return -1
		}
		return 1
	}
	// Both begin at the same power of ten, and neither ends in a zero.
	return bytes.Compare(aDigits, bDigits)
}

// isMultiple says whether a is an integer times b; b is not zero.
func isMultiple(a, b decimal) bool {
	if a.isZero() {
		return true
	}
	shift := a.exponent - b.exponent
	if shift < 0 {
		// b's coefficient would have to divide a's with powers of ten to spare, and a's ends in no zero.
		return false
	}
	if b.large == "" {
		return mulMod(a.mod(b.small), powMod10(shift, b.small), b.small) == 0
	}
	modulus := b.big()
	power := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(shift)), modulus)
	rest := new(big.Int).Mod(a.big(), modulus)
	return rest.Mul(rest, power).Mod(rest, modulus).Sign() == 0
}

// mod returns the rest of the coefficient, in time linear in its digits.
func (d decimal) mod(modulus uint64) uint64 {
	if d.large == "" {
		return d.small % modulus
	}
	rest := uint64(0)
	for i := range len(d.large) {
		hi, lo := bits.Mul64(rest, 10)
		lo, carry := bits.Add64(lo, uint64(d.large[i]-'0'), 0)
		rest = bits.Rem64(hi+carry, lo, modulus)
	}
	return rest
}

func (d decimal) big() *big.Int {
	if d.large == "" {
		return new(big.Int).SetUint64(d.small)
	}
	n, _ := new(big.Int).SetString(d.large, 10)
	return n
}

func powMod10(exponent int, modulus uint64) uint64 {
	result, square := 1%modulus, 10%modulus
	for ; exponent > 0; exponent >>= 1 {
		if exponent&1 == 1 {
			result = mulMod(result, square, modulus)
		}
		square = mulMod(square, square, modulus)
	}
	return result
}

func mulMod(a, b, modulus uint64) uint64 {
	hi, lo := bits.Mul64(a, b)
	return bits.Rem64(hi, lo, modulus)
}
