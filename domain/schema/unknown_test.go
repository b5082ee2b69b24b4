package schema

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

func TestUnknownAndStrip(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, schema, doc string
		gone              string // pointers, by blanks
		left              string // "" is doc itself
	}{
		{"nothing declared", `{"type":"object","required":["a"]}`, `{"a":1,"b":{"c":1}}`, "", ""},
		{"declared", `{"properties":{"a":true}}`, `{"a":{"x":1},"c":1,"b":1}`, "/b /c", `{"a":{"x":1}}`},
		{"closed by false", `{"properties":{"a":true},"additionalProperties":false}`, `{"a":1,"b":1}`, "/b", `{"a":1}`},
		{"open by true", `{"properties":{"a":true},"additionalProperties":true}`, `{"a":1,"b":1}`, "", ""},
		{"open by a schema", `{"properties":{"a":true},"additionalProperties":{"properties":{"x":true}}}`, `{"b":{"x":1,"y":1}}`, "/b/y", `{"b":{"x":1}}`},
		{"open by unevaluatedProperties", `{"properties":{"a":true},"unevaluatedProperties":{}}`, `{"b":1}`, "", ""},
		{"unevaluatedProperties false", `{"properties":{"a":true},"unevaluatedProperties":false}`, `{"b":1}`, "/b", `{}`},
		{"patterns", `{"patternProperties":{"^x-":true}}`, `{"x-a":1,"b":1}`, "/b", `{"x-a":1}`},
		{"nested", `{"properties":{"a":{"properties":{"b":{"properties":{"c":true}}}}}}`, `{"a":{"b":{"c":1,"d":1},"e":1}}`, "/a/b/d /a/e", `{"a":{"b":{"c":1}}}`},
		{"reference", `{"$ref":"#/$defs/p","properties":{"b":true},"$defs":{"p":{"properties":{"a":true}}}}`, `{"a":1,"b":1,"c":1}`, "/c", `{"a":1,"b":1}`},
		{"all, any, one", `{"allOf":[{"properties":{"a":true}}],"anyOf":[{"properties":{"b":true}}],"oneOf":[{"properties":{"c":true}},{"properties":{"d":true}}]}`, `{"a":1,"b":1,"c":1,"d":1,"e":1}`, "/e", `{"a":1,"b":1,"c":1,"d":1}`},
		{"if, then, else", `{"if":{"properties":{"a":true}},"then":{"properties":{"b":true}},"else":{"properties":{"c":true}}}`, `{"a":1,"b":1,"c":1,"d":1}`, "/d", `{"a":1,"b":1,"c":1}`},
		{"dependent", `{"properties":{"a":true},"dependentSchemas":{"a":{"properties":{"b":true}}}}`, `{"b":1,"c":1}`, "/c", `{"b":1}`},
		{"not", `{"properties":{"a":true},"not":{"properties":{"b":true}}}`, `{"a":1,"b":1}`, "/b", `{"a":1}`},
		{"one branch open", `{"oneOf":[{"properties":{"a":true}},{"additionalProperties":{"type":"string"}}]}`, `{"b":1}`, "", ""},
		{"a member's union", `{"allOf":[{"properties":{"m":{"properties":{"a":true}}}},{"properties":{"m":{"properties":{"b":true}}}}]}`, `{"m":{"a":1,"b":1,"c":1}}`, "/m/c", `{"m":{"a":1,"b":1}}`},
		{"items", `{"items":{"properties":{"a":true}}}`, `[{"a":1},{"b":1},[{"c":1}]]`, "/1/b", `[{"a":1},{},[{"c":1}]]`},
		{"prefixItems", `{"prefixItems":[{"properties":{"a":true}}],"items":{"properties":{"b":true}}}`, `[{"a":1,"b":1},{"a":1,"b":1}]`, "/0/b /1/a", `[{"a":1},{"b":1}]`},
		{"contains", `{"contains":{"properties":{"a":true}}}`, `[{"a":1,"b":1}]`, "/0/b", `[{"a":1}]`},
		{"recursion", `{"properties":{"n":true,"c":{"items":{"$ref":"#"}}}}`, `{"n":1,"c":[{"n":1,"c":[{"x":1}]}]}`, "/c/0/c/0/x", `{"n":1,"c":[{"n":1,"c":[{}]}]}`},
		{"odd names", `{"properties":{"a":true}}`, `{"a/b":1,"~":1,"":1}`, "/ /a~1b /~0", `{}`},
		{"other types", `{"properties":{"a":true}}`, `"text"`, "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, doc := mustCompile(t, tt.schema), decode(t, tt.doc)
			left, gone, faults := s.Strip(doc)
			if faults != nil || strings.Join(gone, " ") != tt.gone {
				t.Errorf("got gone %q, faults %v", gone, faults)
			}
			want := tt.left
			if want == "" {
				want = tt.doc
			}
			if !reflect.DeepEqual(left, decode(t, want)) {
				t.Errorf("got left %s", mustEncode(t, left))
			}
			if !reflect.DeepEqual(doc, decode(t, tt.doc)) {
				t.Errorf("the document was changed: %s", mustEncode(t, doc))
			}
			var reported []string
			for _, v := range s.Unknown(doc) {
				if v.Code != "unknownField" {
					t.Errorf("got %v", v)
				}
				reported = append(reported, v.Pointer)
			}
			if strings.Join(reported, " ") != tt.gone {
				t.Errorf("reported %q", reported)
			}
			if got := s.Unknown(left); got != nil {
				t.Errorf("what is left has unknown members: %v", got)
			}
		})
	}
}

func mustEncode(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
