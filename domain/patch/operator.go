package patch

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/sheafdb/sheaf/domain/jsontext"
)

// operator is what an update can do to a value.
type operator struct {
	name string
	// bare says that it takes paths and nothing else.
	bare bool
	// computes says that it takes an expression, and is given its value.
	computes bool
	// accepts says what is wrong with an argument, "" where nothing is; nil accepts any.
	accepts func(argument any) string
	// apply returns what becomes of the value, either of which may be nothing, or says why the operator cannot be applied to it. It changes neither.
	apply func(current, argument any) (next any, message string)
}

var operators = func() map[string]operator {
	table := map[string]operator{}
	for _, o := range []operator{
		{name: "set", apply: func(_, argument any) (any, string) { return argument, "" }},
		{name: "compute", computes: true, accepts: source, apply: func(_, argument any) (any, string) { return argument, "" }},
		{name: "setIfMissing", apply: func(current, argument any) (any, string) {
			if _, missing := current.(nothing); missing {
				return argument, ""
			}
			return current, ""
		}},
		{name: "setIfGreater", accepts: ordered, apply: func(current, argument any) (any, string) { return outermost(current, argument, 1) }},
		{name: "setIfLess", accepts: ordered, apply: func(current, argument any) (any, string) { return outermost(current, argument, -1) }},
		{name: "unset", bare: true, apply: func(any, any) (any, string) { return nothing{}, "" }},
		{name: "increment", accepts: number, apply: func(current, argument any) (any, string) { return computed(current, argument, sum) }},
		{name: "multiply", accepts: number, apply: func(current, argument any) (any, string) { return computed(current, argument, product) }},
		{name: "append", accepts: values, apply: func(current, argument any) (any, string) {
			return listed(current, func(list []any) []any { return slices.Concat(list, argument.([]any)) })
		}},
		{name: "addToSet", accepts: values, apply: func(current, argument any) (any, string) {
			return listed(current, func(list []any) []any { return union(list, argument.([]any)) })
		}},
		{name: "remove", accepts: values, apply: func(current, argument any) (any, string) {
			if _, missing := current.(nothing); missing {
				return current, ""
			}
			return listed(current, func(list []any) []any { return without(list, argument.([]any)) })
		}},
	} {
		table[o.name] = o
	}
	return table
}()

func number(argument any) string {
	if _, ok := argument.(json.Number); !ok {
		return "must be a number"
	}
	return ""
}

func source(argument any) string {
	if _, ok := argument.(string); !ok {
		return "must be an expression, as a string"
	}
	return ""
}

func ordered(argument any) string {
	switch argument.(type) {
	case json.Number, string:
		return ""
	}
	return "must be a number or a string"
}

func values(argument any) string {
	if _, ok := argument.([]any); !ok {
		return "must be an array of values"
	}
	return ""
}

// outermost returns the argument where it is greater (sign 1) or less (-1), or nothing is there. Numbers compare by value, strings by their bytes in UTF-8.
func outermost(current, argument any, sign int) (any, string) {
	var compared int
	switch c := current.(type) {
	case nothing:
		return argument, ""
	case json.Number:
		a, ok := argument.(json.Number)
		if !ok {
			return nil, "is a number, which is not compared with a string"
		}
		compared = jsontext.CompareNumbers(a, c)
	case string:
		a, ok := argument.(string)
		if !ok {
			return nil, "is a string, which is not compared with a number"
		}
		compared = strings.Compare(a, c)
	default:
		return nil, "is " + kindOf(current) + ", which is not compared"
	}
	if compared == sign {
		return argument, ""
	}
	return current, ""
}

// computed calculates with a number; a missing one is 0.
func computed(current, argument any, operation func(a, b json.Number) json.Number) (any, string) {
	n, ok := current.(json.Number)
	if _, missing := current.(nothing); missing {
		n, ok = "0", true
	}
	if !ok {
		return nil, "is " + kindOf(current) + " and no number"
	}
	result := operation(n, argument.(json.Number))
	if !jsontext.ValidNumber(string(result)) {
		return nil, "would get more digits than a number can have"
	}
	return result, ""
}

// listed makes a new array of an array; a missing one is empty.
func listed(current any, change func([]any) []any) (any, string) {
	list, ok := current.([]any)
	if _, missing := current.(nothing); !missing && !ok {
		return nil, "is " + kindOf(current) + " and no array"
	}
	return change(list), ""
}

// union appends the values that are not in the list, each once.
func union(list, more []any) []any {
	has := make(map[string]bool, len(list)+len(more))
	for _, v := range list {
		has[identity(v)] = true
	}
	result := slices.Clone(list)
	for _, v := range more {
		if id := identity(v); !has[id] {
			has[id] = true
			result = append(result, v)
		}
	}
	return result
}

// without leaves out every element that equals one of the values.
func without(list, values []any) []any {
	gone := make(map[string]bool, len(values))
	for _, v := range values {
		gone[identity(v)] = true
	}
	result := make([]any, 0, len(list))
	for _, v := range list {
		if !gone[identity(v)] {
			result = append(result, v)
		}
	}
	return result
}

// identity returns a text that two values share just when they are equal, so that many are compared in linear time.
func identity(v any) string { return string(jsontext.Append(nil, reduced(v))) }

// reduced writes every number in a value in its shortest form.
func reduced(v any) any {
	switch v := v.(type) {
	case json.Number:
		return shortest(v)
	case []any:
		list := make([]any, len(v))
		for i, element := range v {
			list[i] = reduced(element)
		}
		return list
	case map[string]any:
		object := make(map[string]any, len(v))
		for name, member := range v {
			object[name] = reduced(member)
		}
		return object
	}
	return v
}

// kindOf names the kind of a value in a sentence.
func kindOf(v any) string {
	switch v.(type) {
	case nothing:
		return "missing"
	case nil:
		return "null"
	case bool:
		return "a boolean"
	case json.Number:
		return "a number"
	case string:
		return "a string"
	case []any:
		return "an array"
	}
	return "an object"
}
