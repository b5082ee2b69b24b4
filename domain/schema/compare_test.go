package schema_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/schema"
)

func TestCompare(t *testing.T) {
	t.Parallel()
	open, closed := schema.Closing{}, schema.Closing{Was: true, Is: true}
	for _, test := range []struct {
		name, old, next string
		closing         schema.Closing
		want            string // pointers
	}{
		{"the same", `{"type": "object", "required": ["a"]}`, `{"required": ["a"], "type": "object"}`, open, `[]`},
		{"notes", `{"title": "x", "properties": {"a": {"description": "y"}}}`, `{"properties": {"a": {"examples": [1], "default": 3}}}`, open, `[]`},
		{"everything", `{"required": ["a"], "properties": {"a": {"type": "string"}}}`, `true`, open, `[]`},
		{"nothing", `{}`, `false`, open, `[""]`},

		{"a type more", `{"properties": {"a": {"type": "integer"}}}`, `{"properties": {"a": {"type": ["number", "null"]}}}`, open, `[]`},
		{"a type less", `{"properties": {"a": {"type": ["string", "null"]}}}`, `{"properties": {"a": {"type": "string"}}}`, open, `["/properties/a/type"]`},
		{"a type that was not asked for", `{"properties": {"a": {}}}`, `{"properties": {"a": {"type": "string"}}}`, open, `["/properties/a/type"]`},
		{"no type any more", `{"properties": {"a": {"type": "string"}}}`, `{"properties": {"a": {}}}`, open, `[]`},

		{"bounds wider", `{"properties": {"a": {"minimum": 2, "maximum": 3.5, "minLength": 2, "maxItems": 3}}}`, `{"properties": {"a": {"minimum": 1.5, "maximum": 10, "minLength": 0}}}`, open, `[]`},
		{"bounds narrower", `{"properties": {"a": {"minimum": 2, "maximum": 3.5}}}`, `{"properties": {"a": {"minimum": 2.5, "maximum": 3, "maxLength": 9}}}`, open, `["/properties/a/maxLength" "/properties/a/maximum" "/properties/a/minimum"]`},
		{"enum", `{"properties": {"a": {"enum": [1, 2]}, "b": {"enum": [1, 2]}}}`, `{"properties": {"a": {"enum": [2.0, 1, 3]}, "b": {"enum": [1]}}}`, open, `["/properties/b/enum"]`},
		{"required", `{"required": ["a", "b"]}`, `{"required": ["a"]}`, open, `[]`},
		{"more required", `{"required": ["a"]}`, `{"required": ["a", "b"]}`, open, `["/required"]`},
		{"first required", `{}`, `{"required": ["b"]}`, open, `["/required"]`},
		{"format and pattern", `{}`, `{"properties": {"a": {"format": "date"}, "b": {"pattern": "x"}}}`, closed, `["/properties" "/properties/a" "/properties/b"]`},
		{"pattern gone", `{"properties": {"a": {"pattern": "x", "format": "date", "const": 1, "not": {}}}}`, `{"properties": {"a": {}}}`, open, `[]`},

		{"a member more where others are admitted", `{"properties": {"a": {}}}`, `{"properties": {"a": {}, "b": {"type": "string"}}}`, open, `["/properties/b"]`},
		{"a member more that may be anything", `{"properties": {"a": {}}}`, `{"properties": {"a": {}, "b": {"title": "x"}}}`, open, `[]`},
		{"a member more where there was none", `{"properties": {"a": {}}}`, `{"properties": {"a": {}, "b": {"type": "string"}}}`, closed, `[]`},
		{"the same by a keyword", `{"additionalProperties": false}`, `{"additionalProperties": false, "properties": {"b": {"type": "string"}}}`, open, `[]`},
		{"a member less", `{"properties": {"a": {}, "b": {}}}`, `{"properties": {"a": {}}}`, open, `[]`},
		{"a member less where others are refused", `{"properties": {"a": {}, "b": {}}}`, `{"properties": {"a": {}}}`, closed, `["/properties/b"]`},
		{"a member less beside others", `{"properties": {"a": {}}, "additionalProperties": {"type": "string"}}`, `{"additionalProperties": {"type": "string"}}`, open, `["/properties/a"]`},
		{"a place that closes", `{"properties": {"a": {"type": "object"}}}`, `{"properties": {"a": {"type": "object", "properties": {"b": true}}}}`, closed, `["/properties/a/properties"]`},
		{"closed from now on", `{"properties": {"a": {}}}`, `{"properties": {"a": {}}}`, schema.Closing{Is: true}, `[""]`},
		{"open from now on", `{"properties": {"a": {}}}`, `{"properties": {"a": {}}}`, schema.Closing{Was: true}, `[]`},
		{"additional", `{}`, `{"additionalProperties": false}`, open, `["/additionalProperties"]`},
		{"additional, more", `{"additionalProperties": {"type": "string"}}`, `{"additionalProperties": {"type": ["string", "null"]}}`, open, `[]`},

		{"items", `{"items": {"type": "string"}}`, `{"items": {}}`, open, `[]`},
		{"items by prefix", `{"prefixItems": [{}], "items": {"type": "string"}}`, `{"items": {"type": "string"}}`, open, `["/prefixItems"]`},
		{"one of more", `{"anyOf": [{"type": "string"}]}`, `{"anyOf": [{"type": ["string", "null"]}, {"type": "number"}]}`, open, `[]`},
		{"one of fewer", `{"anyOf": [{"type": "string"}, {}]}`, `{"anyOf": [{"type": "string"}]}`, open, `["/anyOf"]`},
		{"all of more", `{"allOf": [{}]}`, `{"allOf": [{}, {}]}`, open, `["/allOf"]`},
		{"not", `{"not": {"required": ["a", "b"]}}`, `{"not": {"required": ["a"]}}`, open, `["/not"]`},
		{"exactly one", `{"oneOf": [{}]}`, `{"oneOf": [{}, {}]}`, open, `["/oneOf"]`},
		{"if", `{"if": {"required": ["a"]}, "then": {"required": ["b", "c"]}}`, `{"if": {"required": ["a"]}, "then": {"required": ["b"]}}`, open, `[]`},
		{"another if", `{"if": {"required": ["a"]}, "then": false}`, `{"if": {"required": ["b"]}, "then": false}`, open, `["/if"]`},
		{"a definition", `{"$defs": {"x": {"type": "string"}}, "$ref": "#/$defs/x"}`, `{"$defs": {"x": {}, "y": false}, "$ref": "#/$defs/x"}`, open, `["/$defs/x"]`},
		{"another reference", `{"$ref": "#/$defs/x"}`, `{"$ref": "#/$defs/y"}`, open, `["/$ref"]`},
		{"unevaluated", `{"unevaluatedProperties": false, "properties": {"a": {"type": "string"}}}`, `{"unevaluatedProperties": false, "properties": {"a": {}}}`, open, `[""]`},
		{"a pattern of names less", `{"patternProperties": {"^x": {}}, "additionalProperties": false}`, `{"additionalProperties": false}`, open, `["/patternProperties"]`},
		{"access", `{}`, `{"properties": {"a": {"readOnly": true}, "b": {"writeOnly": true}}}`, closed, `["/properties" "/properties/a" "/properties/b"]`},
		{"access of what was there", `{"properties": {"a": {}, "b": {}, "c": {"x-immutable": true}}}`, `{"properties": {"a": {"readOnly": true}, "b": {"writeOnly": true}, "c": {}}}`, open, `["/properties/a/readOnly" "/properties/b/writeOnly reads"]`},
		{"what nobody knows", `{}`, `{"someday": 1}`, open, `["/someday"]`},
	} {
		got := []string{}
		for _, d := range schema.Compare(decoded(test.old), decoded(test.next), test.closing) {
			if d.Reads {
				d.Pointer += " reads"
			}
			got = append(got, d.Pointer)
		}
		if text := fmt.Sprintf("%q", got); text != test.want {
			t.Errorf("%s: got %s, want %s", test.name, text, test.want)
		}
	}
}

func decoded(text string) any {
	v, err := jsontext.Decode([]byte(text))
	if err != nil {
		panic(err)
	}
	return v
}

// Where nothing is said to be stricter, no document that was admitted is refused.
func TestCompare_Sound(t *testing.T) {
	t.Parallel()
	looser := 0
	for seed := range uint64(30_000) {
		r := rand.New(rand.NewPCG(seed, 7))
		old := randomSchema(r, 3)
		next := changed(r, old)
		closing := schema.Closing{Was: r.IntN(3) == 0, Is: r.IntN(4) == 0}
		if len(schema.Compare(old, next, closing)) > 0 {
			continue
		}
		before, errBefore := schema.Compile(jsontext.Append(nil, old), schema.DefaultLimits())
		after, errAfter := schema.Compile(jsontext.Append(nil, next), schema.DefaultLimits())
		if errBefore != nil || errAfter != nil {
			continue
		}
		looser++
		for range 5 {
			doc := randomValue(r, 3)
			if _, ok := doc.(map[string]any); !ok {
				doc = map[string]any{"a": doc}
			}
			admitted := func(s *schema.Schema, closed bool) bool {
				return len(s.Validate(doc)) == 0 && (!closed || len(s.Unknown(doc)) == 0)
			}
			if admitted(before, closing.Was) && !admitted(after, closing.Is) {
				t.Fatalf("seed %d: %v\n%s\nadmits, and\n%s\nrefuses %s", seed, closing, jsontext.Append(nil, old), jsontext.Append(nil, next), jsontext.Append(nil, doc))
			}
		}
	}
	if looser < 1500 {
		t.Errorf("only %d pairs were compatible: the test says little", looser)
	}
}

var memberNames = []string{"a", "b", "c"}

// randomSchema returns a schema of some keywords.
func randomSchema(r *rand.Rand, levels int) any {
	if levels == 0 || r.IntN(12) == 0 {
		return r.IntN(3) > 0
	}
	s := map[string]any{}
	for range 1 + r.IntN(3) {
		addKeyword(r, s, levels)
	}
	return s
}

func pick[T any](r *rand.Rand, list ...T) T { return list[r.IntN(len(list))] }

func addKeyword(r *rand.Rand, s map[string]any, levels int) {
	inner := func() any { return randomSchema(r, levels-1) }
	list := func() []any {
		all := []any{inner()}
		if r.IntN(2) == 0 {
			all = append(all, inner())
		}
		return all
	}
	number := func() any { return decoded(fmt.Sprint(r.IntN(4))) }
	names := func() []any {
		all := []any{}
		for _, name := range memberNames {
			if r.IntN(2) == 0 {
				all = append(all, name)
			}
		}
		return all
	}
	switch r.IntN(16) {
	case 0, 1, 2, 3:
		members := map[string]any{}
		for _, name := range names() {
			members[name.(string)] = inner()
		}
		s["properties"] = members
	case 4:
		s["required"] = names()
	case 5:
		s["additionalProperties"] = inner()
	case 6:
		s["type"] = pick[any](r, "string", "integer", "object", []any{"number", "null"}, []any{"array", "object"})
	case 7:
		s[pick(r, "minimum", "maximum", "minItems", "maxItems", "minLength", "maxProperties")] = number()
	case 8:
		s["items"] = inner()
	case 9:
		s["prefixItems"] = list()
	case 10:
		s["anyOf"] = list()
	case 11:
		s[pick(r, "allOf", "oneOf")] = list()
	case 12:
		s["not"] = inner()
	case 13:
		s["if"], s["then"] = inner(), inner()
	case 14:
		s["enum"] = []any{number(), "x", nil}[r.IntN(2):]
	case 15:
		s["patternProperties"] = map[string]any{pick(r, "^a", "b"): inner()}
	}
}

// changed returns a schema that differs in some places.
func changed(r *rand.Rand, s any) any {
	object, ok := s.(map[string]any)
	if !ok || r.IntN(8) == 0 {
		return randomSchema(r, 2)
	}
	next := map[string]any{}
	for keyword, value := range object {
		switch r.IntN(6) {
		case 0: // gone
		case 1:
			next[keyword] = within(r, value)
		default:
			next[keyword] = value
		}
	}
	if r.IntN(3) == 0 {
		addKeyword(r, next, 2)
	}
	return next
}

// within changes a schema somewhere inside of a keyword's value.
func within(r *rand.Rand, value any) any {
	switch v := value.(type) {
	case map[string]any:
		if len(v) > 0 && r.IntN(2) == 0 {
			next := map[string]any{}
			for name, inner := range v {
				if r.IntN(3) > 0 {
					next[name] = changed(r, inner)
				}
			}
			return next
		}
		return changed(r, v)
	case []any:
		list := slices.Clone(v)
		if len(list) > 0 && r.IntN(2) == 0 {
			if _, ok := list[0].(map[string]any); ok {
				list[0] = changed(r, list[0])
			}
		}
		return list
	}
	return value
}

func randomValue(r *rand.Rand, levels int) any {
	switch n := r.IntN(9); {
	case n < 3 && levels > 0:
		object := map[string]any{}
		for _, name := range memberNames {
			if r.IntN(2) == 0 {
				object[name] = randomValue(r, levels-1)
			}
		}
		return object
	case n == 3 && levels > 0:
		list := []any{}
		for range r.IntN(3) {
			list = append(list, randomValue(r, levels-1))
		}
		return list
	case n == 4:
		return nil
	case n == 5:
		return r.IntN(2) == 0
	case n == 6:
		return pick(r, "", "x", "xyz")
	}
	return decoded(pick(r, "0", "1", "2.5", "3"))
}
