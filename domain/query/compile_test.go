package query

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/jsontext"
)

var update = flag.Bool("update", false, "write the golden files anew")

// shop is a schema that closes its objects where unknown fields are refused.
const shop = `{
	"type": "object",
	"properties": {
		"name": {"type": "string"}, "total": {"type": "number"}, "count": {"type": ["integer", "null"]}, "paid": {"type": "boolean"}, "mixed": {"type": ["string", "array"]},
		"address": {"$ref": "#/$defs/address"},
		"lines": {"type": "array", "items": {"type": "object", "properties": {"sku": {"type": "string"}, "price": {"type": "number"}}}},
		"point": {"type": "array", "prefixItems": [{"type": "number"}, {"type": "string"}], "items": {"type": "boolean"}},
		"state": {"enum": ["open", "closed"]},
		"free": {"type": "object"},
		"placedAt": {"type": "string", "format": "date-time"}
	},
	"$defs": {"address": {"type": "object", "properties": {"zip": {"type": "string"}, "country": {"type": "string"}, "parent": {"$ref": "#/$defs/address"}}, "additionalProperties": false}}
}`

func decode(tb testing.TB, text string) any {
	tb.Helper()
	v, err := jsontext.Decode([]byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func TestCompile_Messages(t *testing.T) {
	t.Parallel()
	env := FilterEnv(SchemaType(decode(t, shop), true))
	sources, err := os.ReadFile(filepath.Join("testdata", "mistakes.txt"))
	if err != nil {
		t.Fatal(err)
	}
	var got strings.Builder
	for source := range strings.SplitSeq(strings.TrimSuffix(string(sources), "\n"), "\n") {
		fmt.Fprintf(&got, "%s\n", source)
		_, err := Compile(source, env)
		if err == nil {
			t.Errorf("%s compiles", source)
			continue
		}
		if fault.KindOf(err) != fault.Malformed || fault.CodeOf(err) != "filter.invalid" {
			t.Errorf("%s: %v", source, err)
		}
		for _, v := range fault.Find(err).Violations {
			if v.In != "query" || v.Pointer != "filter" {
				t.Errorf("%s: in %s %s", source, v.In, v.Pointer)
			}
			fmt.Fprintf(&got, "    %v:%v %s: %s", v.Params["line"], v.Params["column"], v.Code, v.Message)
			if nearest, ok := v.Params["nearest"]; ok {
				fmt.Fprintf(&got, " [%s]", nearest)
			}
			got.WriteByte('\n')
		}
	}
	golden := filepath.Join("testdata", "mistakes.golden")
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got.String() != string(want) {
		t.Errorf("other messages than in %s; run with -update and look at the difference", golden)
	}
}

func TestCompile_Accepts(t *testing.T) {
	t.Parallel()
	env := FilterEnv(SchemaType(decode(t, shop), true))
	for _, source := range []string{
		"true", "doc.paid", "doc.count == null", "doc.name != null", "doc.address != null", "createdAt == null", "doc.total + 1 > doc.count", "doc.lines == null || size(doc.lines) == 0",
		"doc.mixed == 'a' || 'a' in doc.mixed", "doc.address.parent.parent.zip == '1'", "doc.lines.exists(l, l.price * 2 > doc.total)", "doc.point[0] > 1 && doc.point[1] > 'a' && doc.point[2]",
		"doc.state == 'open'", "doc.free.anything.at.all == 1", "doc.free['odd name'] > 1", "timestamp(doc.placedAt) > createdAt - duration('24h')", "doc.address.parent == null || doc.address.parent.zip == 'x'",
		"doc.state in ['open', null]", "has(doc.address) && has(doc.address['zip'])", "doc.free.exists(k, k == 'a')", "// a comment\n doc.paid", `doc.name == """a "quoted" text"""`, `doc.name == r'\d'`, "doc.name == '\\u00e9'",
		"doc.point[2] == doc.paid", "doc.lines[0].sku == doc.name", "(doc.paid ? doc.total : null) > 1",
	} {
		if _, err := Compile(source, env); err != nil {
			t.Errorf("%s: %v", source, err)
		}
	}
}

func TestCompile_OtherCodes(t *testing.T) {
	t.Parallel()
	_, err := Compile("old.x >", &Env{Variables: map[string]*Type{"old": nil}, Code: "rule.invalid", In: "body", Pointer: "/rules/0/rule"})
	if got := fault.Find(err); got == nil || got.Code != "rule.invalid" || got.Violations[0].In != "body" || got.Violations[0].Pointer != "/rules/0/rule" {
		t.Errorf("got %+v", got)
	}
	e, err := Compile("n * 2", &Env{Variables: map[string]*Type{"n": TypeOf(Number)}})
	if err != nil {
		t.Fatal(err)
	}
	if v, err := e.Eval(Vars{"n": json.Number("1.5")}); v != json.Number("3.0") || err != nil {
		t.Errorf("got %v, %v", v, err)
	}
	if _, err := e.Eval(Vars{}); !errors.Is(err, errVariable) {
		t.Errorf("got %v", err)
	}
	closed := &Env{Variables: map[string]*Type{"row": MapType(map[string]*Type{"city": TypeOf(String), "tags": ListType(TypeOf(String))})}}
	for source, fine := range map[string]bool{"row.city": true, "row.town": false, "row.city > 1": false, "row.tags[0] + 'a'": true, "row.tags[0] > 1": false} {
		if _, err := Compile(source, closed); (err == nil) != fine {
			t.Errorf("%s: %v", source, err)
		}
	}
}

func TestCompile_Limits(t *testing.T) {
	t.Parallel()
	repeat := func(part, with string, n int) string { return strings.TrimSuffix(strings.Repeat(part+with, n), with) }
	elements := func(n int) string { return "doc.n in [" + repeat("1", ",", n) + "]" }
	for name, test := range map[string]struct {
		fits, breaks string
	}{
		"bytes":        {"true" + strings.Repeat(" ", maxSource-4), "true" + strings.Repeat(" ", maxSource-3)},
		"nodes":        {repeat("doc.a", "||", 249), repeat("doc.a", "||", 250)},
		"elements":     {elements(maxElements), elements(maxElements + 1)},
		"depth":        {"doc" + strings.Repeat(".a", maxDepth-1), "doc" + strings.Repeat(".a", maxDepth)},
		"not":          {strings.Repeat("!(", maxDepth-1) + "true" + strings.Repeat(")", maxDepth-1), strings.Repeat("!(", maxDepth) + "true" + strings.Repeat(")", maxDepth)},
		"quantifiers":  {"doc.a.all(a, a.all(b, b.all(c, c.all(d, d))))", "doc.a.all(a, a.all(b, b.all(c, c.all(d, d.all(e, e)))))"},
		"factors":      {repeat("doc.a", "*", 16) + " > 1", repeat("doc.a", "*", 17) + " > 1"},
		"text":         {repeat("doc.a", "+", 16) + " == 'a'", repeat("doc.a", "+", 17) + " == 'a'"},
		"list":         {"[" + repeat("doc", ",", 16) + "] == []", "[" + repeat("doc", ",", 17) + "] == []"},
		"digits":       {"doc.n < 1" + strings.Repeat("0", 999), "doc.n < 1" + strings.Repeat("0", 1000)},
		"exponent":     {"doc.n < 1e308", "doc.n < 1e309"},
		"pattern":      {`doc.s.matches("(ab){200}")`, `doc.s.matches("(abcdefghij){200}")`},
		"repeats":      {`doc.s.matches("a{255}")`, `doc.s.matches("a{256}")`},
		"empty":        {`doc.s.matches("(a?b*){128}")`, `doc.s.matches("(a?b*){129}")`},
		"classes":      {`doc.s.matches("\\pL{10}")`, `doc.s.matches("\\pL{20}")`},
		"year":         {`createdAt > timestamp("9999-12-31T23:59:59Z")`, `createdAt > timestamp("10000-01-01T00:00:00Z")`},
		"microseconds": {`duration("1us") < duration("1s")`, `duration("1ns") < duration("1s")`},
	} {
		if _, err := Compile(test.fits, FilterEnv(nil)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := Compile(test.breaks, FilterEnv(nil)); fault.KindOf(err) != fault.Malformed || err == nil {
			t.Errorf("%s: %.60s… gives %v", name, test.breaks, err)
		}
	}
}

func TestCompile_HostileSources(t *testing.T) {
	t.Parallel()
	for _, part := range []string{"(", "[", "{", "!", "-", "a.", "a[", "a?", "1+", "'", `"`, "`", "a(", "{1:", "a&&", "//", "\\", "\x00", "\xff", "a.all(x,", "0x", "1e", "😀"} {
		source := strings.Repeat(part, maxSource/len(part))
		begin := time.Now()
		_, err := Compile(source, FilterEnv(nil))
		if took := time.Since(begin); took > time.Second {
			t.Errorf("%q takes %s", part, took)
		}
		if err == nil && part != "//" || len(err.Error()) > 1000 {
			t.Errorf("%q: %v", part, err)
		}
	}
}

func TestPathOf(t *testing.T) {
	t.Parallel()
	for source, want := range map[string]string{"doc.a.b": "a.b", `doc["odd name"].c`: "odd name.c", "doc": "", "id": "-", "doc.a[0]": "-", "doc.a + 1": "-"} {
		e, err := Compile(source, &Env{Variables: FilterEnv(nil).Variables})
		if err != nil {
			t.Fatal(err)
		}
		got := "-"
		if path, ok := PathOf(e.Root()); ok {
			got = strings.Join(path, ".")
		}
		if got != want {
			t.Errorf("%s: %q, want %q", source, got, want)
		}
	}
}
