package schema_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/schema"
)

func compiled(tb testing.TB, text string) *schema.Schema {
	tb.Helper()
	s, err := schema.Compile([]byte(text), schema.DefaultLimits())
	if err != nil {
		tb.Fatalf("%s: %v %v", text, err, fault.Find(err).Violations)
	}
	return s
}

func tree(tb testing.TB, text string) any {
	tb.Helper()
	v, err := jsontext.Decode([]byte(text))
	if err != nil {
		tb.Fatalf("%s: %v", text, err)
	}
	return v
}

// in short: pointer and code.
func inShort(list []fault.Violation) []string {
	var texts []string
	for _, v := range list {
		texts = append(texts, v.Pointer+" "+v.Code)
	}
	return texts
}

var all = schema.Shaping{Coerce: true, Fill: true}

func TestShape(t *testing.T) {
	t.Parallel()
	for _, test := range [...]struct{ schema, doc, want string }{
		{`{"properties": {"a": {"default": 1}}}`, `{"b": 2}`, `{"a": 1, "b": 2}`},
		{`{"properties": {"a": {"default": 1}}}`, `[]`, `[]`},
		{`{"properties": {"a": {"$ref": "#/$defs/d", "default": 2}, "b": {"$ref": "#/$defs/d"}, "c": {"allOf": [{}, {"default": 3}]}}, "$defs": {"d": {"default": 1}}}`, `{}`, `{"a": 2, "b": 1, "c": 3}`},
		{`{"allOf": [{"properties": {"a": {"default": 1}}}, {"$ref": "#/$defs/d"}], "$defs": {"d": {"properties": {"b": {"default": 2}}}}}`, `{}`, `{"a": 1, "b": 2}`},
		{`{"patternProperties": {"^x": {"properties": {"a": {"default": 1}}}}, "additionalProperties": {"type": "integer"}}`, `{"x1": {}, "y": "1"}`, `{"x1": {"a": 1}, "y": 1}`},
		{`{"properties": {"l": {"prefixItems": [{"type": "integer"}], "items": {"type": "string"}}}}`, `{"l": ["1", 2]}`, `{"l": [1, "2"]}`},
		{`{"dependentSchemas": {"a": {"properties": {"b": {"default": 1}}}}}`, `{"a": 1}`, `{"a": 1, "b": 1}`},
		{`{"dependentSchemas": {"a": {"properties": {"b": {"default": 1}}}}}`, `{}`, `{}`},
		{`{"properties": {"n": {"$ref": "#"}, "v": {"default": 0}}}`, `{"n": {"n": {"v": 1}}}`, `{"n": {"n": {"v": 1}, "v": 0}, "v": 0}`},
		{`{"properties": {"s": {"x-normalize": ["nfc", "uppercase"]}}}`, `{"s": "é"}`, `{"s": "É"}`},
		// What was meant is not known, so nothing is done.
		{`{"anyOf": [{"properties": {"a": {"default": 1, "type": "integer"}}}], "not": {"properties": {"b": {"default": 1}}}}`, `{"a": "1"}`, `{"a": "1"}`},
		{`{"properties": {"a": {"enum": [1]}, "b": {"const": 1}, "c": {"type": ["integer", "boolean"]}}}`, `{"a": "1", "b": "1", "c": "1"}`, `{"a": "1", "b": "1", "c": "1"}`},
	} {
		s := compiled(t, test.schema)
		doc := tree(t, test.doc)
		before := string(jsontext.Append(nil, doc))
		got := s.Shape(doc, all)
		want := string(jsontext.Append(nil, tree(t, test.want)))
		if text := string(jsontext.Append(nil, got.Doc)); text != want || got.Changed != (want != before) || len(got.Faults) > 0 {
			t.Errorf("%s makes of %s\n got %s %v %v\nwant %s", test.schema, test.doc, text, got.Changed, got.Faults, want)
		}
		if again := s.Shape(got.Doc, all); again.Changed {
			t.Errorf("%s makes of its own %s again %s", test.schema, want, jsontext.Append(nil, again.Doc))
		}
		if after := string(jsontext.Append(nil, doc)); after != before {
			t.Errorf("%s has changed %s into %s", test.schema, before, after)
		}
		if test.want != test.doc && !s.Shapes(all) || s.Shapes(schema.Shaping{}) && !strings.Contains(test.schema, "x-normalize") {
			t.Errorf("%s: whether it changes documents is wrong", test.schema)
		}
	}
}

func TestShape_Bounds(t *testing.T) {
	t.Parallel()
	// A default counts for every item that gets it.
	wide := compiled(t, `{"properties": {"l": {"items": {"properties": {"a": {"default": "`+strings.Repeat("x", 1000)+`"}}}}}}`)
	got := wide.Shape(tree(t, `{"l": [`+strings.Repeat(`{}, `, 1100)+`{}]}`), all)
	if !slices.Equal(inShort(got.Faults), []string{" default"}) {
		t.Errorf("1 MiB of defaults: %v", got.Faults)
	}
	deep := compiled(t, `{"$defs": {"n": {"properties": {"n": {"$ref": "#/$defs/n"}, "a": {"default": {"b": {"c": {}}}}}}}, "$ref": "#/$defs/n"}`)
	if got = deep.Shape(tree(t, strings.Repeat(`{"n": `, 98)+`{}`+strings.Repeat(`}`, 98)), all); !slices.Equal(inShort(got.Faults), []string{" json.depth"}) {
		t.Errorf("101 levels: %v", got.Faults)
	}
}

func TestDefaultFaults(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		`{"properties": {"a": {"default": "x", "type": "string"}}}`:                                                                                     nil,
		`{"properties": {"a": {"default": 1, "type": "string"}, "b": {"default": null, "type": "null"}}}`:                                               {"/properties/a/default default"},
		`{"properties": {"a": {"$ref": "#/$defs/d", "default": 1}}, "$defs": {"d": {"minimum": 2}}}`:                                                    {"/properties/a/default default"},
		`{"properties": {"a": {"default": {}, "required": ["b"]}}}`:                                                                                     {"/properties/a/default default"},
		`{"properties": {"a": {"default": {}, "required": ["b"], "properties": {"b": {"default": 1}}}}}`:                                                nil,
		`{"properties": {"a": {"default": " x", "x-normalize": "trim"}}}`:                                                                               {"/properties/a/default default"},
		`{"properties": {"a": {"allOf": [{"default": 1}, {"default": 2}]}}}`:                                                                            {"/properties/a/allOf/1/default default"},
		`{"properties": {"a": {"default": 1, "allOf": [{"default": 1.0}, {"default": 2}]}}}`:                                                            nil,
		`{"allOf": [{"properties": {"a": {"default": 1}}}, {"properties": {"a": {"default": 2}}}]}`:                                                     {"/allOf/1/properties/a/default default"},
		`{"properties": {"a": {"default": 3}}, "allOf": [{"properties": {"a": {"default": 2}}}]}`:                                                       nil,
		`{"properties": {"n": {"$ref": "#", "default": {}}}}`:                                                                                           {"/properties/n/default default"}, // there is no end to it
		`{"anyOf": [{"properties": {"a": {"default": 1, "type": "string"}}}], "$defs": {"x": {"properties": {"b": {"default": 1, "type": "string"}}}}}`: nil,
		`{"if": {}, "then": {"properties": {"a": {"default": 1, "type": "string"}}}}`:                                                                   {"/then/properties/a/default default"},
	} {
		if got := inShort(compiled(t, text).DefaultFaults()); !slices.Equal(got, want) {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
}

func TestMarks(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"properties": {"a": {"readOnly": true}, "b": {"readOnly": false}, "c": {"properties": {"d": {"writeOnly": true, "x-immutable": true}}}}}`:                          "a readOnly, c.d writeOnly immutable",
		`{"properties": {"a": {"$ref": "#/$defs/s"}}, "$defs": {"s": {"readOnly": true}, "unused": {"properties": {"z": {"readOnly": true}}}}}`:                              "a readOnly",
		`{"allOf": [{"properties": {"a": {"readOnly": true}}}], "anyOf": [{"properties": {"a": {"x-immutable": true}}}], "then": {"properties": {"b": {"readOnly": true}}}}`: "a readOnly immutable",
		`{"if": {}, "else": {"properties": {"b": {"readOnly": true}}}, "not": {"properties": {"c": {"readOnly": true}}}}`:                                                    "b readOnly",
		`{"properties": {"a": {"readOnly": true, "properties": {"b": {"readOnly": true}, "c": {"readOnly": true, "writeOnly": true}}}}}`:                                     "a readOnly, a.c writeOnly",
		`{"properties": {"n": {"$ref": "#"}, "l": {"items": {"$ref": "#/$defs/x"}}}, "$defs": {"x": {"properties": {"y": {}}}}}`:                                             "",
	} {
		var marks []string
		for _, m := range compiled(t, text).Marks() {
			mark := strings.Join(m.Path, ".")
			if m.ReadOnly {
				mark += " readOnly"
			}
			if m.WriteOnly {
				mark += " writeOnly"
			}
			if m.Immutable {
				mark += " immutable"
			}
			marks = append(marks, mark)
		}
		if got := strings.Join(marks, ", "); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
	for text, want := range map[string]string{
		`{"readOnly": true}`: " unnamed",
		`{"properties": {"l": {"items": {"properties": {"a": {"readOnly": true}}}}}}`:                "/properties/l/items/properties/a unnamed",
		`{"additionalProperties": {"writeOnly": true}}`:                                              "/additionalProperties unnamed",
		`{"patternProperties": {"x": {"$ref": "#/$defs/s"}}, "$defs": {"s": {"x-immutable": true}}}`: "/$defs/s unnamed",
		`{"properties": {"n": {"$ref": "#"}, "a": {"readOnly": true}}}`:                              " recursive",
		`{"properties": {"a": {"x-normalise": "trim"}, "b": {"x-order": 1}}}`:                        "/properties/a/x-normalise unknownField",
		`{"properties": {"a": {"x-timestamp": "now"}}}`:                                              "/properties/a/x-timestamp enum",
		`{"properties": {"a": {"readOnly": "yes"}}}`:                                                 "/properties/a/readOnly type",
		`{"properties": {"a": {"x-normalize": ["trim", "lowercase", "uppercase"]}}}`:                 "/properties/a/x-normalize x-normalize",
	} {
		_, err := schema.Compile([]byte(text), schema.DefaultLimits())
		if err == nil || inShort(fault.Find(err).Violations)[0] != want {
			t.Errorf("%s: %v, want %s", text, err, want)
		}
	}
	var hostile strings.Builder
	for i := range 12 {
		fmt.Fprintf(&hostile, `"d%d": {"properties": {"a": {"$ref": "#/$defs/d%d"}, "b": {"$ref": "#/$defs/d%d"}}}, `, i, i+1, i+1)
	}
	if _, err := schema.Compile([]byte(`{"$ref": "#/$defs/d0", "$defs": {`+hostile.String()+`"d12": {"properties": {"x": {"readOnly": true}}}}}`), schema.DefaultLimits()); err == nil ||
		!strings.HasSuffix(inShort(fault.Find(err).Violations)[0], " limit") {
		t.Errorf("4,096 marks: %v", err)
	}
}

func FuzzNormalize(f *testing.F) {
	for _, seed := range []string{" A  b ", "ÀÉ", "ǅ İ ı ß", "\u2126 \u00a0x\u2003", "Ａ\u0345"} {
		f.Add(seed)
	}
	var schemas []*schema.Schema
	for _, words := range []string{`["trim"]`, `["lowercase", "nfc"]`, `["uppercase", "nfc", "collapse"]`, `["nfc", "lowercase", "collapse", "trim"]`} {
		s, err := schema.Compile([]byte(`{"properties": {"s": {"x-normalize": `+words+`}}}`), schema.DefaultLimits())
		if err != nil {
			f.Fatal(err)
		}
		schemas = append(schemas, s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		text = strings.ToValidUTF8(text, "")
		for _, s := range schemas {
			once := s.Shape(map[string]any{"s": text}, all).Doc
			if twice := s.Shape(once, all); twice.Changed {
				t.Errorf("%q becomes %q, and that %q", text, once, twice.Doc)
			}
		}
	})
}
