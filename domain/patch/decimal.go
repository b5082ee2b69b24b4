package patch

import (
	"encoding/json"
	"math/big"
	"strings"
)

// Numbers are exact decimals. They are canonical here: digits with a sign and a point, without an exponent.

// sum adds as PostgreSQL's numeric does: the result has as many digits after the point as the operand that has more.
func sum(a, b json.Number) json.Number {
	x, xScale := unscaled(a)
	y, yScale := unscaled(b)
	scale := max(xScale, yScale)
	x.Mul(x, pow10(scale-xScale))
	return scaled(x.Add(x, y.Mul(y, pow10(scale-yScale))), scale)
}

// product multiplies as PostgreSQL's numeric does: the result has as many digits after the point as both operands together.
func product(a, b json.Number) json.Number {
	x, xScale := unscaled(a)
	y, yScale := unscaled(b)
	return scaled(x.Mul(x, y), xScale+yScale)
}

func pow10(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

// unscaled returns a number without its point, and how many digits stood behind that.
func unscaled(n json.Number) (*big.Int, int) {
	whole, fraction, _ := strings.Cut(string(n), ".")
	i, ok := new(big.Int).SetString(whole+fraction, 10)
	if !ok {
		panic("patch: not a canonical number: " + string(n))
	}
	return i, len(fraction)
}

// scaled puts the point back.
func scaled(i *big.Int, scale int) json.Number {
	digits, sign := i.String(), ""
	if i.Sign() < 0 {
		digits, sign = digits[1:], "-"
	}
	if len(digits) <= scale {
		digits = strings.Repeat("0", scale+1-len(digits)) + digits
	}
	if scale > 0 {
		digits = digits[:len(digits)-scale] + "." + digits[len(digits)-scale:]
	}
	return json.Number(sign + digits)
}

// shortest returns an equal number without zeros at the end of its fraction.
func shortest(n json.Number) json.Number {
	if strings.Contains(string(n), ".") {
		return json.Number(strings.TrimSuffix(strings.TrimRight(string(n), "0"), "."))
	}
	return n
}
