package patch_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/patch"
)

// example is a patch of a document and what comes of it: a document, or a fault with a place.
type example struct {
	Name      string
	Doc       json.RawMessage
	Patch     json.RawMessage
	Want      json.RawMessage
	Code, At  string
	wantFails bool
}

func examples(t *testing.T, file string) (list []example) {
	t.Helper()
	text, err := os.ReadFile("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(text) {
		var e example
		if err := json.Unmarshal(line, &e); err != nil {
			t.Fatalf("%s: %s", err, line)
		}
		if e.Name == "" {
			e.Name = fmt.Sprintf("%s on %s", e.Patch, e.Doc)
		}
		e.wantFails = e.Want == nil
		list = append(list, e)
	}
	return list
}

// The examples of RFC 6902 appendix A and of RFC 7396 appendix A, and examples of ours.
func TestPatch_Examples(t *testing.T) {
	t.Parallel()
	for file, format := range map[string]patch.Format{"rfc6902.ndjson": patch.Operations, "rfc7396.ndjson": patch.Merge, "update.ndjson": patch.Update} {
		for _, e := range examples(t, file) {
			t.Run(file+"/"+e.Name, func(t *testing.T) {
				t.Parallel()
				got, err := apply(format, canonical(t, e.Doc), e.Patch, jsontext.Limits{})
				if e.wantFails {
					wantFault(t, err, e.Code, e.At)
					return
				}
				if err != nil {
					t.Fatal(err)
				}
				if want := canonical(t, e.Want); !bytes.Equal(got, want) {
					t.Errorf("got %s, want %s", got, want)
				}
			})
		}
	}
}

func canonical(tb testing.TB, text []byte) []byte {
	tb.Helper()
	c, err := jsontext.Canonical(nil, text, jsontext.Limits{})
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// noon is when every document was made.
var noon = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// apply applies a patch twice, which has to make no difference, and leaves the document as it was.
func apply(format patch.Format, doc, text []byte, limits jsontext.Limits) ([]byte, error) {
	p, err := patch.Parse(format, text, limits)
	if err != nil {
		return nil, err
	}
	before := bytes.Clone(doc)
	one, err := p.Apply(index.Document{ID: "a", Revision: 3, CreatedAt: noon, UpdatedAt: noon, Data: doc})
	again, errAgain := p.Apply(index.Document{ID: "a", Revision: 3, CreatedAt: noon, UpdatedAt: noon, Data: doc})
	if !bytes.Equal(one, again) || (err == nil) != (errAgain == nil) || !bytes.Equal(doc, before) {
		panic(fmt.Sprintf("%s is not pure: %s, then %s", text, one, again))
	}
	return one, err
}

// wantFault wants a fault with that code that names that place.
func wantFault(tb testing.TB, err error, code, at string) {
	tb.Helper()
	f := fault.Find(err)
	if f == nil || f.Code != code {
		tb.Fatalf("got %v, want %s", err, code)
	}
	for _, v := range f.Violations {
		if v.Pointer == at && v.Message != "" {
			return
		}
	}
	tb.Errorf("%+v does not name %q", f.Violations, at)
}

func TestPatch_Bounds(t *testing.T) {
	t.Parallel()
	limits := jsontext.Limits{Bytes: 64 << 10, Depth: 20}
	deep := func(levels int) string { return strings.Repeat("[", levels) + strings.Repeat("]", levels) }
	ops := func(n int, op string) string { return "[" + strings.Repeat(op+",", n-1) + op + "]" }
	paths := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, `,"doc.m%d":1`, i)
		}
		return b.String()[1:]
	}
	long := `{"l": [` + strings.Repeat(`1, `, 9_999) + `1]}`
	many := jsontext.Limits{Bytes: 1 << 30}
	for name, test := range map[string]struct {
		format     patch.Format
		doc, patch string
		limits     jsontext.Limits
		code, at   string
	}{
		"exponential copies":   {patch.Operations, `{"a": "xxxxxxxxxxxxxxxx"}`, ops(1000, `{"op":"copy","from":"","path":"/a"}`), limits, "document.invalid", ""},
		"exponential siblings": {patch.Operations, `{"a": [1]}`, ops(500, `{"op":"copy","from":"/a","path":"/a/-"}`), limits, "document.patchTooLarge", "-"},
		"large copies":         {patch.Operations, `{"a": "` + strings.Repeat("x", 1000) + `"}`, ops(1000, `{"op":"copy","from":"/a","path":"/b"}`), limits, "document.patchTooLarge", "-"},
		"copies of digits":     {patch.Operations, `{"a": [` + strings.Repeat("9", 999) + `]}`, ops(1000, `{"op":"copy","from":"/a","path":"/b"}`), limits, "document.patchTooLarge", "-"},
		"shifted elements":     {patch.Operations, `{"l": [` + strings.Repeat(`1, `, 99_999) + `1]}`, ops(1000, `{"op":"add","path":"/l/0","value":1}`), many, "document.patchTooLarge", "-"},
		"many operations":      {patch.Operations, `{}`, ops(1001, `{"op":"add","path":"/a","value":1}`), limits, "document.patchTooLarge", "-"},
		"many paths":           {patch.Update, `{}`, `{"set":{` + paths(1001) + `}}`, limits, "document.patchTooLarge", "-"},
		"too deep by moves":    {patch.Operations, `{"a": ` + deep(19) + `}`, `[{"op":"add","path":"/b","value":{}},{"op":"move","from":"/a","path":"/b/c"}]`, limits, "document.invalid", ""},
		"too deep by a value":  {patch.Operations, `{}`, `[{"op":"add","path":"/b","value":` + deep(20) + `}]`, limits, "document.invalid", ""},
		"too deep by a merge":  {patch.Merge, `{}`, `{"a":` + deep(20) + `}`, limits, "document.invalid", ""},
		"too deep to read":     {patch.Merge, `{}`, `{"a":` + deep(22) + `}`, limits, "json.invalid", "/a" + strings.Repeat("/0", 21)},
		"too large a result":   {patch.Merge, `{"a": "` + strings.Repeat("x", 40<<10) + `"}`, `{"b": "` + strings.Repeat("x", 40<<10) + `"}`, limits, "document.tooLarge", "-"},
		"too large a patch":    {patch.Merge, `{}`, `{"b": "` + strings.Repeat("x", 70<<10) + `"}`, limits, "document.tooLarge", "-"},
		"too many digits":      {patch.Update, `{"n": ` + strings.Repeat("9", 999) + `}`, `{"multiply":{"doc.n":99}}`, limits, "document.patchConflict", "/multiply/doc.n"},
		"no JSON":              {patch.Merge, `{}`, `{"a":`, limits, "json.invalid", ""},
		"two members":          {patch.Merge, `{}`, `{"a":1,"a":2}`, limits, "json.invalid", "/a"},
		"within":               {patch.Operations, long, ops(1000, `{"op":"add","path":"/l/0","value":1}`), many, "", ""},
		"digits of a product":  {patch.Update, `{"n": ` + strings.Repeat("9", 999) + `}`, `{"compute":{"doc.m":"[doc.n * doc.n]"}}`, limits, "document.patchConflict", "/compute/doc.m"},
		"copies by computing":  {patch.Update, `{"a": "` + strings.Repeat("x", 30<<10) + `"}`, `{"compute":{"doc.m":"doc.a", "doc.n":"[doc.a, doc.a]"}}`, limits, "document.patchTooLarge", "-"},
		"as many paths":        {patch.Update, `{}`, `{"set":{` + paths(1000) + `}}`, limits, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := apply(test.format, []byte(test.doc), []byte(test.patch), test.limits)
			switch {
			case test.code == "":
				if err != nil {
					t.Error(err)
				}
			case test.at == "-":
				if fault.CodeOf(err) != test.code {
					t.Errorf("got %v, want %s", err, test.code)
				}
			default:
				wantFault(t, err, test.code, test.at)
			}
		})
	}
}

// Whatever is sent, nothing panics, and a result is canonical.
func FuzzParse(f *testing.F) {
	formats := []patch.Format{patch.Merge, patch.Operations, patch.Update}
	for i, file := range []string{"rfc7396.ndjson", "rfc6902.ndjson", "update.ndjson"} {
		text, err := os.ReadFile("testdata/" + file)
		if err != nil {
			f.Fatal(err)
		}
		for line := range bytes.Lines(text) {
			var e example
			if err := json.Unmarshal(line, &e); err != nil {
				f.Fatal(err)
			}
			f.Add(i, []byte(e.Doc), []byte(e.Patch))
		}
	}
	f.Fuzz(func(t *testing.T, format int, doc, text []byte) {
		doc, err := jsontext.Canonical(nil, doc, jsontext.Limits{})
		if err != nil || format < 0 || format >= len(formats) {
			t.Skip()
		}
		got, err := apply(formats[format], doc, text, jsontext.Limits{Bytes: 1 << 16})
		if err != nil {
			if f := fault.Find(err); f == nil || f.Kind == fault.Internal {
				t.Errorf("an error of ours: %v", err)
			}
			return
		}
		if again := canonical(t, got); !bytes.Equal(again, got) {
			t.Errorf("%s is not canonical: %s", got, again)
		}
	})
}
