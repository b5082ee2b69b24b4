package aggregate

import (
	"encoding/json"

	"github.com/cockroachdb/apd/v3"
)

// AvgDigits is how many digits an average has behind the point: it is rounded there, halves away from zero, and zeros at its end are left out.
const AvgDigits = 16

// exact computes without rounding.
var exact = &apd.Context{MaxExponent: apd.MaxExponent, MinExponent: apd.MinExponent}

func must(_ apd.Condition, err error) {
	if err != nil {
		panic("aggregate: sums of canonical numbers are exact: " + err.Error())
	}
}

// add returns the sum, with as many digits behind the point as the longest has.
func add(list []json.Number) *apd.Decimal {
	total := new(apd.Decimal)
	for _, n := range list {
		var d apd.Decimal
		if _, _, err := d.SetString(string(n)); err != nil {
			panic("aggregate: a stored number is canonical: " + err.Error())
		}
		must(exact.Add(total, total, &d))
	}
	if total.IsZero() {
		total.Negative = false
	}
	return total
}

func sum(list []json.Number) any { return json.Number(add(list).Text('f')) }

// average divides as integers: halfway cases are told exactly.
func average(list []json.Number) any {
	if len(list) == 0 {
		return nil
	}
	total, n := add(list), apd.New(int64(len(list)), 0)
	negative := total.Negative
	total.Negative = false
	// total / n rounded at a digit is the whole part of (2 total + n) / 2n, in units of that digit.
	total.Exponent += AvgDigits
	must(exact.Mul(total, total, apd.New(2, 0)))
	must(exact.Add(total, total, n))
	must(exact.Mul(n, n, apd.New(2, 0)))
	whole := *exact
	whole.Precision = uint32(max(total.NumDigits()+int64(max(total.Exponent, 0)), n.NumDigits()) + 1)
	var q apd.Decimal
	must(whole.QuoInteger(&q, total, n))
	q.Exponent -= AvgDigits
	q.Negative = negative && !q.IsZero()
	return trimmed(json.Number(q.Text('f')))
}
