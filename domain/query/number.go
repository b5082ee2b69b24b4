package query

import (
	"encoding/json"
	"strings"

	"github.com/cockroachdb/apd/v3"
)

// exact computes without rounding: no precision is set, and the checker bounds what can come of it.
var exact = &apd.Context{MaxExponent: apd.MaxExponent, MinExponent: apd.MinExponent}

// arithmetic is + - * of two values.
func (ev *evaluation) arithmetic(n *Call, a, b any) (any, error) {
	switch a := a.(type) {
	case json.Number:
		if b, ok := b.(json.Number); ok && (n.On == Number || n.On == Dynamic) {
			ev.spend((len(a) + len(b)) / 8)
			return compute(n.Op, a, b)
		}
	case string:
		if b, ok := b.(string); ok && (n.On == String || n.On == Dynamic) {
			ev.spend((len(a) + len(b)) / textWork)
			return a + b, nil
		}
	case Instant:
		switch b := b.(type) {
		case Instant:
			return bounded(int64(a) - int64(b))
		case Span:
			micros := int64(a) + int64(b)
			if n.Op == OpSubtract {
				micros = int64(a) - int64(b)
			}
			if sum, ok := inRange(micros); ok {
				return sum, nil
			}
			return nil, errRange
		}
	case Span:
		if b, ok := b.(Span); ok {
			if n.Op == OpSubtract {
				return bounded(int64(a) - int64(b))
			}
			return bounded(int64(a) + int64(b))
		}
	}
	return nil, errKind
}

func bounded(micros int64) (any, error) {
	if micros < -maxSpan || micros > maxSpan {
		return nil, errRange
	}
	return Span(micros), nil
}

func compute(op Op, a, b json.Number) (any, error) {
	var x, y, z apd.Decimal
	if _, _, err := x.SetString(string(a)); err != nil {
		return nil, errNumber
	}
	if _, _, err := y.SetString(string(b)); err != nil {
		return nil, errNumber
	}
	var err error
	switch op {
	case OpAdd:
		_, err = exact.Add(&z, &x, &y)
	case OpSubtract:
		_, err = exact.Sub(&z, &x, &y)
	default:
		_, err = exact.Mul(&z, &x, &y)
	}
	if err != nil {
		return nil, errNumber
	}
	if z.IsZero() {
		z.Negative = false
	}
	return json.Number(z.Text('f')), nil
}

// negate changes the sign; zero has none.
func negate(n json.Number) json.Number {
	if digits, negative := strings.CutPrefix(string(n), "-"); negative {
		return json.Number(digits)
	}
	if strings.Trim(string(n), "0.") == "" {
		return n
	}
	return "-" + n
}

// truncate drops the fraction of a canonical number.
func truncate(n json.Number) json.Number {
	whole, _, _ := strings.Cut(string(n), ".")
	if whole == "-0" {
		return "0"
	}
	return json.Number(whole)
}

// parseNumber reads a string of digits, with a sign and a fraction perhaps.
func parseNumber(s string, fraction bool) (json.Number, bool) {
	if len(s) > maxDigits {
		return "", false
	}
	digits, negative := strings.CutPrefix(s, "-")
	whole, rest, pointed := strings.Cut(digits, ".")
	if !allDigits(whole) || pointed && (!fraction || !allDigits(rest)) {
		return "", false
	}
	return canonicalNumber(digits, negative)
}

func allDigits(s string) bool {
	return s != "" && strings.Trim(s, "0123456789") == ""
}
