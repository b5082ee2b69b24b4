package schema

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

// patience is far above what any of this takes: hostile input that is not bounded takes years, and a busy machine makes all else some seconds.
const patience = time.Minute

// within fails the test when do takes longer than patience; the time is that of a busy machine under the race detector.
func within(t *testing.T, do func()) {
	t.Helper()
	start := time.Now()
	do()
	if took := time.Since(start); took > patience {
		t.Errorf("took %v", took)
	} else {
		t.Logf("took %v", took)
	}
}

func TestHostileSchemas(t *testing.T) {
	t.Parallel()
	many := func(count int, format string) string {
		var b strings.Builder
		for i := range count {
			if i > 0 {
				b.WriteByte(',')
			}
			fmt.Fprintf(&b, format, i)
		}
		return b.String()
	}
	for name, schema := range map[string]string{
		"a chain of references":   `{"$ref":"#/$defs/d0","$defs":{` + many(6000, `"d%[1]d":{"$ref":"#/$defs/d%[1]d"}`) + `}}`,
		"a long chain":            `{"$defs":{` + chain(6000) + `}}`,
		"many properties":         `{"properties":{` + many(6600, `"p%d":{"type":"string"}`) + `}}`,
		"many resources":          `{"$defs":{` + many(6600, `"p%[1]d":{"$id":"urn:%[1]d"}`) + `}}`,
		"many anchors":            `{"$defs":{` + many(6600, `"p%[1]d":{"$anchor":"a%[1]d"}`) + `}}`,
		"many dynamic anchors":    `{"$defs":{` + many(3000, `"p%[1]d":{"$id":"urn:%[1]d","$dynamicAnchor":"a","items":{"$dynamicRef":"#a"}}`) + `}}`,
		"dynamic references":      `{"$dynamicAnchor":"a","$defs":{` + many(3000, `"p%[1]d":{"$id":"urn:%[1]d","$dynamicAnchor":"a"},"q%[1]d":{"$dynamicRef":"#a"}`) + `}}`,
		"references off the path": `{"x":[` + many(6000, `{"t":%d}`) + `],"allOf":[` + many(6000, `{"$ref":"#/x/%d"}`) + `]}`,
		"many patterns":           `{"patternProperties":{` + many(9000, `"a{900}%d":true`) + `}}`,
		"many large patterns":     `{"allOf":[` + many(5000, `{"pattern":"(b|a{999})%d"}`) + `]}`,
		"long names, deep":        strings.Repeat(`{"properties":{"`+strings.Repeat("n", 1000)+`":`, 30) + `{"required":[` + many(15000, `%d`) + `]}` + strings.Repeat(`}}`, 30),
		"large classes":           `{"allOf":[` + many(250, `{"pattern":"`+strings.Repeat(`[^\\p{L}\\S]`, 150)+`%d"}`) + `]}`,
		"folded classes":          `{"allOf":[` + many(250, `{"pattern":"(?i:`+strings.Repeat(`[\\0-\\u{1e940}]`, 100)+`)%d"}`) + `]}`,
		"negated classes":         `{"allOf":[` + many(250, `{"pattern":"`+strings.Repeat(`[^\\s\\w]`, 220)+`%d"}`) + `]}`,
		"classes":                 `{"pattern":"` + strings.Repeat(`[\\s\\S]`, 250) + `"}`,
		"many mistakes":           `{"properties":{` + many(9000, `"p%d":3`) + `}}`,
		"open brackets":           strings.Repeat(`[`, 500_000),
		"open objects":            strings.Repeat(`{"a":`, 100_000),
		"spaces":                  strings.Repeat(` `, 500_000),
	} {
		t.Run(name, func(t *testing.T) {
			within(t, func() { _, _ = Compile([]byte(schema), DefaultLimits()) })
		})
	}
}

func chain(length int) string {
	var b strings.Builder
	for i := range length {
		fmt.Fprintf(&b, `"d%d":{"$ref":"#/$defs/d%d"},`, i, i+1)
	}
	fmt.Fprintf(&b, `"d%d":true`, length)
	return b.String()
}

func TestHostileDocuments(t *testing.T) {
	t.Parallel()
	array := func(count int, item func(i int) any) []any {
		items := make([]any, count)
		for i := range items {
			items[i] = item(i)
		}
		return items
	}
	number := func(i int) any { return json.Number(fmt.Sprint(i)) }
	deep := func(levels int, wrap func(any) any) any {
		var v any = "x"
		for range levels {
			v = wrap(v)
		}
		return v
	}
	list := func(v any) any { return []any{v} }
	values := make([]string, 10_000)
	for i := range values {
		values[i] = fmt.Sprintf(`"v%d"`, i)
	}
	text := strings.Repeat("a", 4<<20)
	for _, tt := range []struct {
		name, schema string
		doc          any
		tooComplex   bool
	}{
		{"a number beyond measure", `{"minimum":1,"multipleOf":0.1,"type":"integer","enum":[1]}`, json.Number("1e30000000"), false},
		{"a number below measure", `{"minimum":1,"multipleOf":0.1,"type":"integer","const":1}`, json.Number("1e-30000000"), false},
		{"an exponent beyond numbers", `{"minimum":1,"multipleOf":0.1}`, json.Number("1e99999999999999999999999"), false},
		{"far apart", `{"multipleOf":1e-308}`, json.Number("1e308"), false},
		{"many digits", `{"multipleOf":` + strings.Repeat("7", 999) + `e-300}`, json.Number(strings.Repeat("9", 1000) + "e308"), false},
		{"a million digits", `{"multipleOf":0.3,"minimum":3}`, json.Number(strings.Repeat("9", 1<<20)), true},
		{"enum times array", `{"items":{"enum":[` + strings.Join(values, ",") + `]}}`, array(100_000, func(int) any { return "no" }), false},
		{"unique numbers", `{"uniqueItems":true}`, array(200_000, number), false},
		{"unique objects", `{"uniqueItems":true}`, array(100_000, func(i int) any { return map[string]any{"a": number(i), "b": "x"} }), false},
		{"nested unique", `{"$defs":{"u":{"uniqueItems":true,"items":{"$ref":"#/$defs/u"}}},"$ref":"#/$defs/u"}`, deep(100, list), false},
		{"equal objects", `{"uniqueItems":true}`, array(2, func(int) any { return array(200_000, number) }), false},
		{"deep document", `{"$defs":{"t":{"items":{"$ref":"#/$defs/t"}}},"$ref":"#/$defs/t"}`, deep(9000, list), false},
		{"very deep document", `{"$defs":{"t":{"items":{"$ref":"#/$defs/t"}}},"$ref":"#/$defs/t"}`, deep(200_000, list), true},
		{"alternatives at each level", `{"$defs":{"t":{"anyOf":[{"type":"array","items":{"$ref":"#/$defs/t"},"minItems":2},{"type":"array","items":{"$ref":"#/$defs/t"},"maxItems":0}]}},"$ref":"#/$defs/t"}`, deep(100, list), true},
		{"expansion times nodes", `{"items":` + doubling16() + `}`, array(100_000, number), true},
		{"contains", `{"contains":{"const":1},"minContains":2,"maxContains":3}`, array(200_000, number), false},
		{"every item wrong", `{"items":{"type":"string","minLength":3}}`, array(200_000, number), false},
		{"a slow pattern", `{"pattern":"^(a?){500}(a*)*b{400}$"}`, text, true},
		{"a slow pattern for names", `{"patternProperties":{"^(x+x+)+y$":true}}`, map[string]any{text: "a"}, false},
		{"counting a long text", `{"maxLength":1000,"minLength":3}`, text, false},
		{"long names in pointers", `{"additionalProperties":{"items":{"type":"string"}}}`, map[string]any{text[:2<<20]: array(100_000, number)}, true},
		{"unevaluated", `{"anyOf":[` + strings.Repeat(`{"additionalProperties":{"type":"number"}},`, 40) + `true],"unevaluatedProperties":false}`, members(20_000), false},
		{"unevaluated items", `{"contains":{"type":"number"},"unevaluatedItems":false}`, array(200_000, number), false},
		{"regular expressions", `{"items":{"format":"regex"}}`, array(200, func(int) any { return strings.Repeat(`\p{L}`, 2000) }), true},
		{"host names", `{"items":{"format":"hostname"}}`, array(20_000, func(int) any { return strings.Repeat("xn--4gbwdl.", 19) + "a" }), false},
		{"subschemas that say nothing", `{"items":{"allOf":[` + strings.Repeat("true,", 9000) + `true]}}`, array(200_000, number), true},
		{"dependents that are absent", `{"items":{"dependentSchemas":{` + strings.Join(quoted(9000), ",") + `}}}`, array(100_000, func(int) any { return map[string]any{} }), true},
		{"names", `{"propertyNames":{"maxLength":3}}`, members(100_000), false},
		{"a schema of schemas", `{"$ref":"https://json-schema.org/draft/2020-12/schema"}`, deep(90, func(v any) any { return map[string]any{"not": v} }), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := mustCompile(t, tt.schema)
			within(t, func() {
				got := s.Validate(tt.doc)
				if gaveUp := hasFault(got, "", "tooComplex"); gaveUp != tt.tooComplex {
					t.Errorf("too complex: got %v, want %v (%.300s)", gaveUp, tt.tooComplex, fmt.Sprint(got))
				}
				s.Unknown(tt.doc)
				_, _, _ = s.Strip(tt.doc)
			})
		})
	}
}

// quoted returns members of a schema that say nothing.
func quoted(count int) []string {
	found := make([]string, count)
	for i := range found {
		found[i] = fmt.Sprintf(`"d%d":true`, i)
	}
	return found
}

func members(count int) map[string]any {
	object := make(map[string]any, count)
	for i := range count {
		object[fmt.Sprintf("m%d", i)] = json.Number("1")
	}
	return object
}

// doubling16 is within Limits.Expansion only just: 2^15 subschemas and more for one value.
func doubling16() string {
	v := `{"type":"number"}`
	for range 15 {
		v = `{"allOf":[` + v + `,true]}`
	}
	return `{"allOf":[` + strings.Repeat(v+`,`, 300) + `true]}`
}

func TestUnknownGivesUp(t *testing.T) {
	t.Parallel()
	lim := DefaultLimits()
	lim.Work = 100
	s, err := Compile([]byte(`{"properties":{"a":true}}`), lim)
	if err != nil {
		t.Fatal(err)
	}
	if got := s.Unknown(members(200)); !hasFault(got, "", "tooComplex") {
		t.Errorf("got %v", got)
	}
	if _, _, got := s.Strip(members(200)); !hasFault(got, "", "tooComplex") {
		t.Errorf("got %v", got)
	}
}
