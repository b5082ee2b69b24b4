package schema

import (
	"encoding/binary"
	"encoding/json"
	"maps"
	"slices"
)

// appendKey appends a text that is the same for equal JSON values and for no others: 1.0 is 1, and members have no order.
func appendKey(buf []byte, v any) []byte {
	switch v := v.(type) {
	case nil:
		return append(buf, 'n')
	case bool:
		if v {
			return append(buf, 't')
		}
		return append(buf, 'f')
	case json.Number:
		buf = parseDecimal(string(v)).appendKey(append(buf, '#'))
		return append(buf, ';')
	case string:
		return appendText(append(buf, 's'), v)
	case []any:
		buf = append(buf, '[')
		for _, item := range v {
			buf = appendKey(buf, item)
		}
		return append(buf, ']')
	case map[string]any:
		buf = append(buf, '{')
		for _, name := range slices.Sorted(maps.Keys(v)) {
			buf = appendKey(appendText(buf, name), v[name])
		}
		return append(buf, '}')
	}
	return append(buf, '?')
}

// appendText appends s behind its length, so that no content can look like an end.
func appendText(buf []byte, s string) []byte {
	return append(binary.AppendUvarint(buf, uint64(len(s))), s...)
}

// valueSet is what enum and const admit. Looking a value up costs its own size, not the set's.
type valueSet struct {
	message string // for a value that is not in it
	texts   map[string]struct{}
	others  map[string]struct{} // by key
	types   types
}

func newValueSet(values []any) *valueSet {
	s := &valueSet{message: enumMessage(values), texts: map[string]struct{}{}, others: map[string]struct{}{}}
	for _, v := range values {
		if text, ok := v.(string); ok {
			s.texts[text] = struct{}{}
			continue
		}
		s.others[string(appendKey(nil, v))] = struct{}{}
		s.types |= roughType(v)
	}
	return s
}

// roughType is the type of v without a look at whether a number is an integer.
func roughType(v any) types {
	switch v.(type) {
	case nil:
		return typeNull
	case bool:
		return typeBoolean
	case string:
		return typeString
	case json.Number:
		return typeNumber
	case []any:
		return typeArray
	case map[string]any:
		return typeObject
	}
	return 0
}

// has looks v up and returns what it cost, in steps.
func (s *valueSet) has(v any) (found bool, work int) {
	if text, ok := v.(string); ok {
		_, found = s.texts[text]
		return found, 0
	}
	if s.types&roughType(v) == 0 {
		return false, 0
	}
	var buf [64]byte
	key := appendKey(buf[:0], v)
	_, found = s.others[string(key)]
	return found, len(key) / bytesAStep
}
