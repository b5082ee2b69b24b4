package aggregate

import (
	"cmp"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/sheafdb/sheaf/domain/jsontext"
)

// Compare compares two JSON values and returns -1, 0 or +1, as index.Compare does, but to the ends of long ones: false, true, numbers by value, strings by bytes,
// arrays and objects element by element and member by member in the order of names, and null last.
func Compare(a, b any) int {
	if x, y := rank(a), rank(b); x != y {
		return cmp.Compare(x, y)
	}
	switch x := a.(type) {
	case json.Number:
		return jsontext.CompareNumbers(x, b.(json.Number))
	case string:
		return strings.Compare(x, b.(string))
	case []any:
		return slices.CompareFunc(x, b.([]any), Compare)
	case map[string]any:
		return compareObjects(x, b.(map[string]any))
	}
	return 0
}

// compareIn is Compare in one direction: null is last in both.
func compareIn(a, b any, desc bool) int {
	if desc && a != nil && b != nil {
		return Compare(b, a)
	}
	return Compare(a, b)
}

// rank returns where the kind of a value stands among the kinds.
func rank(v any) int {
	switch v := v.(type) {
	case bool:
		if v {
			return 2
		}
		return 1
	case json.Number:
		return 3
	case string:
		return 4
	case []any:
		return 5
	case map[string]any:
		return 6
	}
	return 7
}

func compareObjects(a, b map[string]any) int {
	x, y := slices.Sorted(maps.Keys(a)), slices.Sorted(maps.Keys(b))
	for i := range min(len(x), len(y)) {
		if c := cmp.Or(strings.Compare(x[i], y[i]), Compare(a[x[i]], b[y[i]])); c != 0 {
			return c
		}
	}
	return cmp.Compare(len(x), len(y))
}

// compareShown orders equal numbers by how many digits they are written with.
func compareShown(a, b any) int { return cmp.Or(Compare(a, b), strings.Compare(text(a), text(b))) }
