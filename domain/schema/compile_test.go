package schema

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sheafdb/sheaf/domain/fault"
)

func TestCompileRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, schema, pointer, code string
	}{
		{"no JSON", `{`, "", "syntax"},
		{"text behind", `{} {}`, "", "syntax"},
		{"a string", `"x"`, "", "type"},
		{"null", `null`, "", "type"},
		{"another dialect", `{"$schema":"http://json-schema.org/draft-07/schema#"}`, "/$schema", "$schema"},
		{"an unknown type", `{"type":"text"}`, "/type", "enum"},
		{"an unknown type in a list", `{"properties":{"a":{"type":["string","date"]}}}`, "/properties/a/type/1", "enum"},
		{"no types", `{"type":[]}`, "/type", "minItems"},
		{"a type twice", `{"type":["null","null"]}`, "/type", "uniqueItems"},
		{"a type that is no text", `{"type":3}`, "/type", "type"},
		{"properties as a list", `{"properties":[]}`, "/properties", "type"},
		{"a subschema that is none", `{"properties":{"a/b":"string"}}`, "/properties/a~1b", "type"},
		{"negative minLength", `{"minLength":-1}`, "/minLength", "minimum"},
		{"fractional minItems", `{"minItems":1.5}`, "/minItems", "type"},
		{"minimum as text", `{"minimum":"1"}`, "/minimum", "type"},
		{"draft 4 exclusiveMinimum", `{"exclusiveMinimum":true}`, "/exclusiveMinimum", "type"},
		{"multipleOf zero", `{"multipleOf":0}`, "/multipleOf", "exclusiveMinimum"},
		{"enum of one value", `{"enum":"a"}`, "/enum", "type"},
		{"empty allOf", `{"allOf":[]}`, "/allOf", "minItems"},
		{"draft 7 items", `{"items":[{}]}`, "/items", "type"},
		{"required of draft 3", `{"properties":{"a":{"required":true}}}`, "/properties/a/required", "type"},
		{"required with a number", `{"required":["a",1]}`, "/required/1", "type"},
		{"required twice", `{"required":["a","a"]}`, "/required", "uniqueItems"},
		{"uniqueItems as text", `{"uniqueItems":"yes"}`, "/uniqueItems", "type"},
		{"title as number", `{"title":1}`, "/title", "type"},
		{"a vocabulary", `{"$vocabulary":{}}`, "/$vocabulary", "$vocabulary"},
		{"recursiveRef", `{"$recursiveRef":"#"}`, "/$recursiveRef", "$recursiveRef"},
		{"id with fragment", `{"$id":"http://example.com/a#b"}`, "/$id", "pattern"},
		{"bad anchor", `{"$anchor":"1a"}`, "/$anchor", "pattern"},
		{"anchor twice", `{"$anchor":"a","$defs":{"x":{"$anchor":"a"}}}`, "/$defs/x/$anchor", "$anchor"},
		{"id twice", `{"$defs":{"x":{"$id":"urn:a"},"y":{"$id":"urn:a"}}}`, "/$defs/y/$id", "$id"},
		{"id of the metaschema", `{"$id":"https://json-schema.org/draft/2020-12/schema"}`, "/$id", "$id"},

		{"remote reference", `{"$ref":"https://example.com/s.json"}`, "/$ref", "reference"},
		{"file reference", `{"$ref":"file:///etc/passwd"}`, "/$ref", "reference"},
		{"relative reference", `{"items":{"$ref":"other.json#/a"}}`, "/items/$ref", "reference"},
		{"part of the metaschema", `{"$ref":"https://json-schema.org/draft/2020-12/schema#/$defs"}`, "/$ref", "reference"},
		{"vocabulary metaschema", `{"$ref":"https://json-schema.org/draft/2020-12/meta/core"}`, "/$ref", "reference"},
		{"dangling pointer", `{"$ref":"#/$defs/none"}`, "/$ref", "reference"},
		{"dangling anchor", `{"$ref":"#none"}`, "/$ref", "reference"},
		{"dangling dynamicRef", `{"$dynamicRef":"#none"}`, "/$dynamicRef", "reference"},
		{"reference to no schema", `{"$ref":"#/x-list","x-list":[1]}`, "/x-list", "type"},
		{"reference behind a zero", `{"$ref":"#/allOf/00","allOf":[true]}`, "/$ref", "reference"},
		{"reference with bad escape", `{"$ref":"#/%zz"}`, "/$ref", "format"},

		{"look-ahead", `{"pattern":"^(?=a)"}`, "/pattern", "pattern"},
		{"look-behind", `{"pattern":"(?<!a)b"}`, "/pattern", "pattern"},
		{"back-reference", `{"pattern":"(a)\\1"}`, "/pattern", "pattern"},
		{"named back-reference", `{"pattern":"(?<x>a)\\k<x>"}`, "/pattern", "pattern"},
		{"look-ahead in a name", `{"patternProperties":{"^(?!x)":true}}`, "/patternProperties/^(?!x)", "pattern"},
		{"unclosed group", `{"pattern":"("}`, "/pattern", "pattern"},
		{"foreign escape", `{"pattern":"\\Aa\\z"}`, "/pattern", "pattern"},
		{"long pattern", `{"pattern":"` + strings.Repeat("a", 2001) + `"}`, "/pattern", "limit"},
		{"large pattern", `{"pattern":"(abcdefghij){1000}"}`, "/pattern", "limit"},
		{"product of repetitions", `{"pattern":"((a{100}){100}){100}"}`, "/pattern", "pattern"},

		{"circle of one", `{"$ref":"#"}`, "", "cycle"},
		{"circle through allOf", `{"allOf":[{"anyOf":[{"$ref":"#"}]}]}`, "", "cycle"},
		{"circle through not", `{"not":{"$ref":"#"}}`, "", "cycle"},
		{"circle of two", `{"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}}`, "/$defs/a", "cycle"},
		{"circle through dependentSchemas", `{"dependentSchemas":{"a":{"$ref":"#"}}}`, "", "cycle"},
		{"circle through dynamicRef", `{"$dynamicAnchor":"n","if":{"$dynamicRef":"#n"}}`, "", "cycle"},
		{"18 doublings", doubling(18), "/$defs/d3", "limit"},
		{"40 doublings", doubling(40), "/$defs/d25", "limit"},
		{"deep schema", strings.Repeat(`{"items":`, 70) + `true` + strings.Repeat(`}`, 70), strings.Repeat("/items", 65), "limit"},
		{"9000-deep schema", strings.Repeat(`{"not":`, 9000) + `true` + strings.Repeat(`}`, 9000), strings.Repeat("/not", 65), "limit"},
		{"many values", `{"enum":[` + strings.Repeat("1,", 10_000) + `1]}`, "/enum", "limit"},
		{"many nodes", `{"default":[` + strings.Repeat("1,", 20_000) + `1]}`, "/default/19998", "limit"},
		{"large text", `{"title":"` + strings.Repeat("a", 512<<10) + `"}`, "", "limit"},
		{"long name", `{"properties":{"` + strings.Repeat("a", 1025) + `":true}}`, "/properties", "limit"},
		{"large exponent", `{"minimum":1e30000000}`, "/minimum", "limit"},
		{"many digits", `{"minimum":` + strings.Repeat("1", 1200) + `}`, "/minimum", "limit"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			wantRefusal(t, tt.schema, tt.pointer, tt.code)
		})
	}
}

func wantRefusal(t *testing.T, schema, pointer, code string) {
	t.Helper()
	_, err := Compile([]byte(schema), DefaultLimits())
	if fault.KindOf(err) != fault.Invalid || fault.CodeOf(err) != CodeSchema {
		t.Fatalf("got %v, want fault.Invalid %s", err, CodeSchema)
	}
	if found := fault.Find(err).Violations; !hasFault(found, pointer, code) {
		t.Errorf("want %s at %.80q, got %.300s", code, pointer, fmt.Sprint(found))
	}
}

// doubling is a schema in which each definition applies the next one twice.
func doubling(levels int) string {
	var b strings.Builder
	b.WriteString(`{"$ref":"#/$defs/d0","$defs":{`)
	for i := range levels {
		fmt.Fprintf(&b, `"d%d":{"allOf":[{"$ref":"#/$defs/d%d"},{"$ref":"#/$defs/d%d"}]},`, i, i+1, i+1)
	}
	fmt.Fprintf(&b, `"d%d":{"type":"object"}}}`, levels)
	return b.String()
}

func TestCompileReportsEveryMistake(t *testing.T) {
	t.Parallel()
	_, err := Compile([]byte(`{"type":"text","minLength":-1,"properties":{"a":3,"b":{"$ref":"#/no"},"c":{"pattern":"("}}}`), DefaultLimits())
	got := ""
	for _, v := range fault.Find(err).Violations {
		got += v.Pointer + " " + v.Code + "\n"
	}
	const want = "/minLength minimum\n/properties/a type\n/properties/c/pattern pattern\n/type enum\n/properties/b/$ref reference\n"
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
}

func TestCompileAdmits(t *testing.T) {
	t.Parallel()
	for name, schema := range map[string]string{
		"true":                    `true`,
		"nothing":                 `{}`,
		"the dialect":             `{"$schema":"https://json-schema.org/draft/2020-12/schema"}`,
		"the dialect, with hash":  `{"$schema":"https://json-schema.org/draft/2020-12/schema#"}`,
		"the metaschema":          `{"$ref":"https://json-schema.org/draft/2020-12/schema"}`,
		"recursion through items": `{"$defs":{"t":{"items":{"$ref":"#/$defs/t"}}},"$ref":"#/$defs/t"}`,
		"an unknown keyword":      `{"x-anything":{"type":3,"$id":5}}`,
		"an unknown format":       `{"format":"shoe-size"}`,
		"definitions by pointer":  `{"components":{"a":{"type":"string"}},"$ref":"#/components/a"}`,
		"an embedded resource":    `{"$id":"https://example.com/a","$ref":"b#x","$defs":{"b":{"$id":"b","$defs":{"x":{"$anchor":"x"}}}}}`,
		"a urn":                   `{"$id":"urn:uuid:f81d4fae-7dec-11d0-a765-00a0c91e6bf6","$ref":"#/$defs/a","$defs":{"a":true}}`,
		"a large count":           `{"maxLength":1e300}`,
		"10 doublings":            doubling(10),
		"an empty enum":           `{"enum":[]}`,
		"escapes of a reference":  `{"$ref":"#/$defs/a~1b%25","$defs":{"a/b%":true}}`,
	} {
		if _, err := Compile([]byte(schema), DefaultLimits()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAny(t *testing.T) {
	t.Parallel()
	if !Any().AdmitsAnyObject() || !mustCompile(t, `{"type":["null","object"],"title":"x"}`).AdmitsAnyObject() {
		t.Error("want any object admitted")
	}
	for _, schema := range []string{`{"required":["a"],"type":"object"}`, `{"type":"string"}`, `false`, `{"type":"object","not":{}}`} {
		if mustCompile(t, schema).AdmitsAnyObject() {
			t.Errorf("%s does not admit any object", schema)
		}
	}
	if got := Any().Validate([]any{}); !hasFault(got, "", "type") {
		t.Errorf("got %v", got)
	}
	doc := decode(t, `{"a":{"b":1}}`)
	if got := Any().Unknown(doc); got != nil {
		t.Errorf("got %v", got)
	}
}
