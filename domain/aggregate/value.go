package aggregate

import (
	"encoding/json"
	"strings"

	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
)

// Computes says whether an expression may make a value that is longer than those that it is made of. Both interpreters look at the length of such a value.
func Computes(n query.Node) bool {
	switch n := n.(type) {
	case *query.Call:
		switch n.Op {
		case query.OpAdd, query.OpSubtract, query.OpMultiply:
			return n.On != query.Timestamp && n.On != query.Duration
		case query.OpNegate, query.OpLowerASCII, query.OpUpperASCII:
			return Computes(n.Arguments[0])
		}
	case *query.ListOf:
		return true
	case *query.Conditional:
		return Computes(n.Then) || Computes(n.Else)
	case *query.Select:
		return Computes(n.Operand)
	case *query.Index:
		return Computes(n.Operand)
	}
	return false
}

// bounded says whether a computed value is short enough to be one.
func bounded(v any) bool {
	switch v := v.(type) {
	case json.Number:
		return len(v) <= MaxNumber
	case string, []any, map[string]any:
		return len(jsontext.Append(nil, v)) <= MaxComputed
	}
	return true
}

// text is a value as it is written.
func text(v any) string { return string(jsontext.Append(nil, v)) }

// sameKey returns a text that equal values have in common: numbers in it have no zeros at their ends.
func sameKey(v any) string { return text(plain(v)) }

func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		return trimmed(v)
	case []any:
		list := make([]any, len(v))
		for i, element := range v {
			list[i] = plain(element)
		}
		return list
	case map[string]any:
		object := make(map[string]any, len(v))
		for name, member := range v {
			object[name] = plain(member)
		}
		return object
	}
	return v
}

// trimmed is a canonical number without zeros at its end.
func trimmed(n json.Number) json.Number {
	s := string(n)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return json.Number(s)
}
