package schema

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/sheafdb/sheaf/domain/fault"
)

var update = flag.Bool("update", false, "write the golden files")

// messageCases has a schema and a document for each keyword; what a person reads is in testdata/messages.txt.
var messageCases = []struct{ schema, doc string }{
	{`false`, `1`},
	{`{"type":"string"}`, `1`},
	{`{"type":["integer","null"]}`, `1.5`},
	{`{"type":["integer","number","array","object","boolean"]}`, `"a"`},
	{`{"const":"a"}`, `"b"`},
	{`{"const":{"b":[1,null,true],"a":"x"}}`, `1`},
	{`{"enum":["a"]}`, `"b"`},
	{`{"enum":["a",1,null]}`, `"b"`},
	{`{"enum":[1,2,3,4,5,6,7,8,9,10,11]}`, `0`},
	{`{"enum":[]}`, `0`},
	{`{"const":"` + strings.Repeat("long ", 100) + `"}`, `0`},
	{`{"minimum":1}`, `0`},
	{`{"maximum":9223372036854775807}`, `9223372036854775808`},
	{`{"exclusiveMinimum":0}`, `-0.0`},
	{`{"exclusiveMaximum":1e2}`, `100`},
	{`{"multipleOf":0.01}`, `1.985`},
	{`{"minLength":1}`, `""`},
	{`{"minLength":3,"pattern":"^[a-z]+$"}`, `"é"`},
	{`{"maxLength":2}`, `"abc"`},
	{`{"pattern":"` + strings.Repeat("a", 200) + `"}`, `"b"`},
	{`{"format":"date-time"}`, `"2024-05-31"`},
	{`{"format":"email"}`, `"a"`},
	{`{"format":"uuid"}`, `"a"`},
	{`{"minItems":1}`, `[]`},
	{`{"maxItems":1}`, `[1,2]`},
	{`{"uniqueItems":true}`, `[1,2,1.0]`},
	{`{"prefixItems":[true,true],"items":false}`, `[1,2,3]`},
	{`{"items":{"type":"string"}}`, `["a",1]`},
	{`{"contains":{"const":1}}`, `[2]`},
	{`{"contains":{"const":1},"minContains":2,"maxContains":3}`, `[1,1,1,1]`},
	{`{"contains":{"const":1},"minContains":2}`, `[1]`},
	{`{"unevaluatedItems":false,"prefixItems":[true]}`, `[1,2,3]`},
	{`{"required":["name"]}`, `{}`},
	{`{"required":["b","a","c"]}`, `{"a":1}`},
	{`{"minProperties":1}`, `{}`},
	{`{"maxProperties":1}`, `{"a":1,"b":2}`},
	{`{"dependentRequired":{"card":["holder"]}}`, `{"card":1}`},
	{`{"dependentSchemas":{"card":{"required":["holder"]}}}`, `{"card":1}`},
	{`{"additionalProperties":false,"properties":{"a":true}}`, `{"c":1,"b":1,"a":1}`},
	{`{"additionalProperties":false,"patternProperties":{"^x-":true}}`, `{"x-a":1,"b":1}`},
	{`{"additionalProperties":{"type":"null"}}`, `{"a/b":1,"c~d":1}`},
	{`{"unevaluatedProperties":false,"allOf":[{"properties":{"a":{"type":"null"}}}]}`, `{"a":1,"b":1}`},
	{`{"propertyNames":{"maxLength":1}}`, `{"ab":1}`},
	{`{"properties":{"a":false}}`, `{"a":1}`},
	{`{"not":{"type":"null"}}`, `null`},
	{`{"anyOf":[{"type":"string"},{"type":"object","required":["a"]}]}`, `{}`},
	{`{"oneOf":[{"type":"integer"},{"minimum":2}]}`, `3`},
	{`{"oneOf":[{"properties":{"kind":{"const":"a"},"x":{"minimum":1}}},{"properties":{"kind":{"const":"b"}}}]}`, `{"kind":"a","x":0}`},
	{`{"if":{"required":["a"]},"then":{"required":["b"]},"else":{"required":["c"]}}`, `{"a":1}`},
	{`{"if":{"required":["a"]},"then":{"required":["b"]},"else":{"required":["c"]}}`, `{}`},
	{`{"$ref":"#/$defs/a","$defs":{"a":{"properties":{"n":{"minimum":0}}}}}`, `{"n":-1}`},
	{`{"allOf":[{"$ref":"#/$defs/a"},{"$ref":"#/$defs/a"}],"$defs":{"a":{"type":"null"}}}`, `1`},
	{`{"$ref":"https://json-schema.org/draft/2020-12/schema"}`, `{"type":"text","minLength":-1}`},
}

func TestMessages(t *testing.T) {
	t.Parallel()
	var got strings.Builder
	for _, tt := range messageCases {
		fmt.Fprintf(&got, "%s  %s\n", clip(tt.schema, 120), tt.doc)
		for _, v := range mustCompile(t, tt.schema).Validate(decode(t, tt.doc)) {
			params := ""
			if v.Params != nil {
				raw, err := json.Marshal(v.Params)
				if err != nil {
					t.Fatal(err)
				}
				params = "  " + string(raw)
			}
			fmt.Fprintf(&got, "    %q %s: %s%s\n", v.Pointer, v.Code, v.Message, params)
		}
	}
	golden(t, "messages.txt", got.String())
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s differs; -update writes it\ngot\n%s", path, got)
	}
}

func TestValidateReportsEverythingInAStableOrder(t *testing.T) {
	t.Parallel()
	s := mustCompile(t, `{"required":["z"],"properties":{"a":{"type":"string"},"b":{"minimum":5,"multipleOf":2},"c":{"items":{"type":"null"}}},
		"patternProperties":{"^x":{"const":1}},"additionalProperties":{"type":"integer"}}`)
	doc := decode(t, `{"a":1,"b":3,"c":[null,1,2],"x2":2,"x1":2,"other":"o","more":"m"}`)
	first := fmt.Sprint(s.Validate(doc))
	for range 20 {
		if again := fmt.Sprint(s.Validate(doc)); again != first {
			t.Fatalf("got %s, then %s", first, again)
		}
	}
	for _, want := range []struct{ pointer, code string }{
		{"", "required"}, {"/a", "type"}, {"/b", "minimum"}, {"/b", "multipleOf"}, {"/c/1", "type"}, {"/c/2", "type"},
		{"/x1", "const"}, {"/x2", "const"}, {"/other", "type"}, {"/more", "type"},
	} {
		if !hasFault(s.Validate(doc), want.pointer, want.code) {
			t.Errorf("no %s at %q in %s", want.code, want.pointer, first)
		}
	}
}

func TestValidateStopsAtMaxViolations(t *testing.T) {
	t.Parallel()
	items := make([]any, 1000)
	got := mustCompile(t, `{"items":{"type":"string"}}`).Validate(items)
	if len(got) != fault.MaxViolations || got[99].Pointer != "/99" {
		t.Errorf("got %d violations", len(got))
	}
	// Faults of an alternative that was tried in vain leave room for the rest.
	s := mustCompile(t, `{"properties":{"a":{"anyOf":[{"items":{"type":"string"}},true]},"b":{"type":"string"}},"required":["c"]}`)
	got = s.Validate(map[string]any{"a": items, "b": nil})
	if len(got) != 2 || !hasFault(got, "/b", "type") || !hasFault(got, "", "required") {
		t.Errorf("got %v", got)
	}
}

func TestValidateIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	s := mustCompile(t, `{"$ref":"#/$defs/t","$defs":{"t":{"properties":{"n":{"pattern":"^a"},"c":{"items":{"$ref":"#/$defs/t"}}},"unevaluatedProperties":false}}}`)
	doc := decode(t, `{"n":"a","c":[{"n":"b"},{"x":1}]}`)
	var wait sync.WaitGroup
	for range 8 {
		wait.Go(func() {
			for range 100 {
				if got := s.Validate(doc); len(got) != 2 {
					t.Errorf("got %v", got)
				}
				s.Unknown(doc)
				s.Strip(doc)
			}
		})
	}
	wait.Wait()
}

func TestNumbersAreExact(t *testing.T) {
	t.Parallel()
	nines := strings.Repeat("9", 1000)
	for _, tt := range []struct {
		schema, number string
		valid          bool
	}{
		{`{"multipleOf":0.01}`, `1.98`, true},
		{`{"multipleOf":0.01}`, `19.99`, true},
		{`{"multipleOf":0.01}`, `1.985`, false},
		{`{"multipleOf":0.1}`, `0.3`, true},
		{`{"multipleOf":0.0001}`, `0.0075`, true},
		{`{"multipleOf":1e-308}`, `1e308`, true},
		{`{"multipleOf":3e-308}`, `1e308`, false},
		{`{"multipleOf":1e308}`, `1`, false},
		{`{"multipleOf":7}`, `-49`, true},
		{`{"multipleOf":2.5}`, `0`, true},
		{`{"multipleOf":9}`, nines, true},
		{`{"multipleOf":9}`, nines + "1", false},
		{`{"multipleOf":` + nines + `}`, nines + `0e300`, true},
		{`{"multipleOf":` + nines + `}`, nines + `1`, false},
		{`{"multipleOf":18446744073709551557}`, `36893488147419103114`, true},
		{`{"multipleOf":999999999999999989}`, `999999999999999989e5`, true},
		{`{"maximum":9223372036854775808}`, `9223372036854775808`, true},
		{`{"maximum":9223372036854775807}`, `9223372036854775808`, false},
		{`{"exclusiveMaximum":9007199254740993}`, `9007199254740992`, true},
		{`{"exclusiveMaximum":9007199254740992}`, `9007199254740992`, false},
		{`{"maximum":0.3}`, `0.30000000000000000001`, false},
		{`{"minimum":0.3}`, `0.29999999999999999999`, false},
		{`{"minimum":-0.3}`, `-0.30000000000000000001`, false},
		{`{"minimum":-1e10}`, `-9999999999`, true},
		{`{"minimum":0}`, `-0`, true},
		{`{"exclusiveMinimum":0}`, `1e-308`, true},
		{`{"maximum":99.5}`, `1e2`, false},
		{`{"maximum":1e308}`, nines, false},
		{`{"type":"integer"}`, `1.0`, true},
		{`{"type":"integer"}`, `1.5e1`, true},
		{`{"type":"integer"}`, `100e-2`, true},
		{`{"type":"integer"}`, `101e-2`, false},
		{`{"type":"integer"}`, `0e-300`, true},
		{`{"type":"integer"}`, nines + `.0`, true},
		{`{"const":1}`, `1.0`, true},
		{`{"const":100}`, `1e2`, true},
		{`{"const":0}`, `-0.0`, true},
		{`{"const":9007199254740993}`, `9007199254740992`, false},
		{`{"enum":[0.1]}`, `1e-1`, true},
		{`{"enum":[[1.50,{"a":2}]]}`, `[15e-1,{"a":2.0}]`, true},
		{`{"const":1}`, `true`, false},
		{`{"const":false}`, `0`, false},
		{`{"uniqueItems":true}`, `[1,1.0]`, false},
		{`{"uniqueItems":true}`, `[1,true,"1",[1],{"1":1},null,0,false,"",[]]`, true},
		{`{"uniqueItems":true}`, `[{"a":1,"b":2},{"b":2.0,"a":1}]`, false},
		{`{"uniqueItems":true}`, `["a","b","a"]`, false},
		{`{"uniqueItems":true}`, `[["ab","c"],["a","bc"]]`, true},
	} {
		if got := mustCompile(t, tt.schema).Validate(decode(t, tt.number)); (got == nil) != tt.valid {
			t.Errorf("%.60s %.60s: want valid=%v, got %.200s", tt.schema, tt.number, tt.valid, fmt.Sprint(got))
		}
	}
}
