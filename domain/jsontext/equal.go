package jsontext

import "encoding/json"

// Equal reports whether two decoded trees are the same JSON value. Numbers are compared by their exact
// decimal value, so 1.0 equals 1 and 0.1 differs from 0.10000000000000001; the order of members does not count.
// Types that Decode does not return equal nothing.
func Equal(a, b any) bool {
	switch a := a.(type) {
	case nil:
		return b == nil
	case bool:
		b, ok := b.(bool)
		return ok && a == b
	case string:
		b, ok := b.(string)
		return ok && a == b
	case json.Number:
		b, ok := b.(json.Number)
		return ok && CompareNumbers(a, b) == 0
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !Equal(a[i], b[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for key, value := range a {
			if other, found := b[key]; !found || !Equal(value, other) {
				return false
			}
		}
		return true
	}
	return false
}
