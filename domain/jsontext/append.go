package jsontext

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"unicode/utf8"
)

// Append appends the canonical text of a tree, the same that Canonical writes for it.
// The tree holds what Decode returns; numbers may be written in any way. Bytes of a string that are not UTF-8 become U+FFFD,
// and U+0000 is written as an escape, which PostgreSQL and Canonical refuse.
// It panics on other types and on a json.Number that is not a ValidNumber: only a fault of ours can bring them here.
func Append(dst []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, "null"...)
	case bool:
		if v {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	case string:
		return AppendString(dst, v)
	case json.Number:
		n, end, ok := scanNumber(string(v))
		if !ok || end != len(v) || n.tooBig(len(v)) {
			panic("jsontext: not a number that can be kept")
		}
		return appendNumber(dst, string(v), n)
	case []any:
		dst = append(dst, '[')
		for i, element := range v {
			if i > 0 {
				dst = append(dst, ", "...)
			}
			dst = Append(dst, element)
		}
		return append(dst, ']')
	case map[string]any:
		return appendObject(dst, v)
	}
	panic(fmt.Sprintf("jsontext: a %T is not part of a decoded tree", v))
}

func appendObject(dst []byte, object map[string]any) []byte {
	var few [16]string // most objects need no more, and then no allocation
	names := few[:0]
	for name := range object {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	})
	dst = append(dst, '{')
	for i, name := range names {
		if i > 0 {
			dst = append(dst, ", "...)
		}
		dst = append(AppendString(dst, name), ": "...)
		dst = Append(dst, object[name])
	}
	return append(dst, '}')
}

// AppendString appends a string with its quotes.
func AppendString(dst []byte, s string) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(s); {
		start := i
		for i < len(s) && plain[s[i]] {
			i++
		}
		dst = append(dst, s[start:i]...)
		if i < len(s) {
			r, size := utf8.DecodeRuneInString(s[i:])
			dst = appendRune(dst, r)
			i += size
		}
	}
	return append(dst, '"')
}
