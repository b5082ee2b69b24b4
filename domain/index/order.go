package index

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strings"

	"github.com/sheafdb/sheaf/domain/jsontext"
)

// shortString is up to which length, in bytes, a string is compared by itself: its key is not cut, whatever is in it.
const shortString = ValueBytes/2 - 2

// Compare compares two values of documents and returns -1, 0 or +1, as the keys of an ordered index do: see the package's comment.
// Null, and with it what is missing, is above everything; a list in descending order has it last all the same, see CompareIn.
func Compare(a, b any) int {
	if x, y := kindOf(a), kindOf(b); x != y {
		return cmp.Compare(x, y)
	}
	switch x := a.(type) {
	case nil:
		return 0
	case json.Number:
		if y, ok := b.(json.Number); ok {
			return jsontext.CompareNumbers(x, y)
		}
	case string:
		if y := b.(string); len(x) <= shortString && len(y) <= shortString {
			return strings.Compare(x, y)
		}
	}
	return bytes.Compare(cut(appendValue(nil, a, false), 0, ValueBytes), cut(appendValue(nil, b, false), 0, ValueBytes))
}

// CompareIn is Compare in one direction of order: null is last in both.
func CompareIn(a, b any, desc bool) int {
	if desc && a != nil && b != nil {
		return Compare(b, a)
	}
	return Compare(a, b)
}

// kindOf returns where the kind of a value stands among the kinds.
func kindOf(v any) byte {
	switch v.(type) {
	case nil:
		return tagNull
	case bool:
		return tagFalse
	case json.Number:
		return tagZero
	case string:
		return tagString
	case []any:
		return tagArray
	case map[string]any:
		return tagObject
	}
	return tagTime
}
