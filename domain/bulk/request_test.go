package bulk_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/domain/bulk"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/operation"
	"github.com/sheafdb/sheaf/domain/schema"
)

const limit = 1 << 20

// places are the code of a fault and the places that it names.
func places(err error) string {
	f := fault.Find(err)
	if f == nil {
		return fmt.Sprint(err)
	}
	words := []string{f.Code}
	for _, v := range f.Violations {
		words = append(words, v.Pointer+":"+v.Code)
	}
	return strings.Join(words, " ")
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		kind       operation.Kind
		body, want string
	}{
		{operation.Update, `{"filter": "doc.n > 1", "patch": {"n": null}}`, `{"mode": "strict", "patch": {"n": null}, "filter": "doc.n > 1", "contentType": "application/merge-patch+json"}`},
		{operation.Update, `{"all": true, "patch": {"n": 1.10}, "contentType": "application/json", "mode": "skip", "maxAffected": 5, "documentsPerSecond": 7, "allowScan": true}`,
			`{"all": true, "mode": "skip", "patch": {"n": 1.10}, "allowScan": true, "contentType": "application/merge-patch+json", "maxAffected": 5, "documentsPerSecond": 7}`},
		{operation.Delete, `{"all": true}`, `{"all": true, "mode": "strict"}`},
		{operation.Migration, `{"patch": []}`, `{"mode": "strict", "patch": [], "contentType": "application/merge-patch+json"}`},

		{operation.Update, ``, `json.invalid :json.syntax`},
		{operation.Update, `3`, `bulk.malformed :type`},
		{operation.Update, `{}`, `bulk.malformed :required`},
		{operation.Update, `{"patch": null, "filter": "x"}`, `bulk.malformed :required`},
		{operation.Update, `{"patch": {}}`, `bulk.unfiltered /filter:unfiltered`},
		{operation.Update, `{"patch": {}, "all": false}`, `bulk.unfiltered /filter:unfiltered`},
		{operation.Update, `{"patch": {}, "filter": "` + strings.Repeat("x", 5000) + `"}`, `bulk.malformed /filter:maxLength`},
		{operation.Update, `{"patch": {}, "maxAffected": 0}`, `bulk.malformed /maxAffected:range`},
		{operation.Update, `{"patch": {}, "maxAffected": -1}`, `bulk.malformed /maxAffected:range`},
		{operation.Update, `{"patch": {}, "maxAffected": 1.5}`, `bulk.malformed /maxAffected:range`},
		{operation.Update, `{"patch": {}, "maxAffected": 1000000001}`, `bulk.malformed /maxAffected:range`},
		{operation.Update, `{"patch": {}, "maxAffected": "many"}`, `bulk.malformed /maxAffected:range`},
		{operation.Update, `{"patch": {}, "documentsPerSecond": 1e9}`, `bulk.malformed /documentsPerSecond:range`},
		{operation.Update, `{"contentType": "application/xml", "fillter": "", "mode": "SKIP", "all": "yes", "allowScan": 1}`,
			`bulk.malformed /all:type /allowScan:type /contentType:enum /fillter:unknownField /mode:enum :required`},
		{operation.Delete, `{"filter": "x", "patch": {}, "contentType": ""}`, `bulk.malformed /contentType:unknownField /patch:unknownField`},
		{operation.Migration, `{"all": true, "patch": {}}`, `bulk.malformed /all:unknownField`},
		{operation.Update, `{"filter": "x", "patch": {"a": ` + strings.Repeat("[", 110) + strings.Repeat("]", 110) + `}}`, `json.invalid /patch/a` + strings.Repeat("/0", 101) + `:json.depth`},
	} {
		r, err := bulk.Parse(test.kind, []byte(test.body), limit)
		got := string(r.Text())
		if err != nil {
			got = places(err)
		}
		if got != test.want {
			t.Errorf("%.100s: got %s, want %s", test.body, got, test.want)
		}
	}
}

func compiled(t *testing.T, definition string) *collection.Collection {
	t.Helper()
	name, err := ident.ParseCollection("goods")
	if err != nil {
		t.Fatal(err)
	}
	c, err := collection.Compile(collection.Stored{Name: name, Revision: 1, Configuration: []byte(definition)}, schema.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestCompile(t *testing.T) {
	t.Parallel()
	c := compiled(t, `{"unknownFields": "reject", "schema": {"properties": {"n": {"type": "integer"}, "tags": {"type": "array"}}}}`)
	for _, test := range []struct {
		kind       operation.Kind
		body, want string
	}{
		{operation.Update, `{"filter": "true", "patch": {}}`, `bulk.unfiltered /filter:unfiltered`},
		{operation.Update, `{"filter": "[1, 2].exists(x, x > 1) && (1 < 2 ? true : false)", "patch": {}}`, `bulk.unfiltered /filter:unfiltered`},
		{operation.Update, `{"filter": "true", "all": true, "patch": {}}`, ``},
		{operation.Update, `{"filter": "doc.tags.exists(x, x == 'a')", "patch": {}}`, ``},
		{operation.Update, `{"filter": "id != ''", "patch": {}}`, ``},
		{operation.Delete, `{"filter": "doc.m == 1"}`, `filter.invalid /filter:unknown`},
		{operation.Migration, `{"filter": "doc.m == 1", "patch": {}}`, ``}, // older documents may have it
		{operation.Update, `{"filter": "doc.n + ", "patch": {}}`, `filter.invalid /filter:syntax`},
		{operation.Update, `{"all": true, "patch": {"set": {"n": 1}}, "contentType": "application/vnd.sheaf.update+json"}`, `document.patchMalformed /patch/set/n:path`},
		{operation.Update, `{"all": true, "patch": [{"op": "add"}], "contentType": "application/json-patch+json"}`, `document.patchMalformed /patch/0:required /patch/0:required`},
		{operation.Update, `{"all": true, "patch": 7}`, `document.patchInvalid /patch:type`},
	} {
		r, err := bulk.Parse(test.kind, []byte(test.body), limit)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = r.Compile(c, collection.Limits{}); err == nil && test.want != "" || err != nil && places(err) != test.want {
			t.Errorf("%s: got %v, want %s", test.body, places(err), test.want)
		}
	}
}

func TestChange_Decide(t *testing.T) {
	t.Parallel()
	c := compiled(t, `{"schema": {"properties": {"n": {"maximum": 2}}}}`)
	now := time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)
	r, err := bulk.Parse(operation.Update, []byte(`{"filter": "doc.n >= 1", "patch": {"increment": {"doc.n": 1}}, "contentType": "application/vnd.sheaf.update+json"}`), limit)
	if err != nil {
		t.Fatal(err)
	}
	change, err := r.Compile(c, collection.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	id, err := ident.ParseDocument("a")
	if err != nil {
		t.Fatal(err)
	}
	for data, want := range map[string]string{
		``: `false keep`, `{"n": 0}`: `false keep`, `{"m": 1}`: `false keep`, `{"n": 1}`: `true {"n": 2}`, `{"n": 2}`: `true document.invalid /n:maximum`,
	} {
		var current *document.Document
		if data != "" {
			current = &document.Document{ID: id, Revision: 1, Data: []byte(data)}
		}
		next, matches, err := change.Decide(current, now)
		got := fmt.Sprint(matches, " keep")
		if err != nil {
			got = fmt.Sprint(matches, " ", places(err))
		} else if matches {
			w := document.Write{ID: id, Change: func(*document.Document) (document.Next, error) { return next, nil }}
			made, err := document.Decide(w, current, 1, now)
			if err != nil {
				t.Fatal(err)
			}
			got = fmt.Sprint(matches, " ", string(made.Document.Data))
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", data, got, want)
		}
	}
}

// What is accepted is accepted again as it is kept, and nothing panics.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{`{"filter": "doc.n > 1", "patch": {"n": 1}}`, `{"all": true, "maxAffected": 3}`, `{"patch": [], "mode": "skip", "contentType": "application/json"}`} {
		f.Add(byte(0), []byte(seed))
		f.Add(byte(1), []byte(seed))
		f.Add(byte(2), []byte(seed))
	}
	kinds := []operation.Kind{operation.Update, operation.Delete, operation.Migration}
	f.Fuzz(func(t *testing.T, kind byte, body []byte) {
		r, err := bulk.Parse(kinds[kind%3], body, limit)
		if err != nil {
			if fault.KindOf(err) == fault.Internal {
				t.Errorf("an error of ours: %v", err)
			}
			return
		}
		again, err := bulk.Parse(r.Kind, r.Text(), limit*2)
		if err != nil || !bytes.Equal(again.Text(), r.Text()) {
			t.Errorf("%s became %s, %v", r.Text(), again.Text(), err)
		}
	})
}
