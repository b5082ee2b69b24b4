package collection_test

import (
	"bytes"
	"testing"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/schema"
)

func parse(t *testing.T, text string) (collection.Configuration, error) {
	t.Helper()
	tree, err := jsontext.Decode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	name, err := ident.ParseCollection("books")
	if err != nil {
		t.Fatal(err)
	}
	config, _, err := collection.Parse(name, tree, schema.Limits{})
	return config, err
}

func TestParse_Indexes(t *testing.T) {
	t.Parallel()
	config, err := parse(t, `{"indexes": [{"name": "by_a", "on": ["doc.a desc"], "where": "doc.b == 1"}, {"name": "gone", "state": "deleting"}]}`)
	if err != nil {
		t.Fatal(err)
	}
	const text = `{"indexes": [{"on": ["doc.a desc"], "kind": "ordered", "name": "by_a", "where": "doc.b == 1", "unique": false}], "concurrency": "optional", "unknownFields": "allow"}`
	if got := string(config.Format()); got != text {
		t.Errorf("got %s", got)
	}
	declared, err := index.Declared(config.Format())
	if err != nil || len(declared) != 1 || !bytes.Equal(declared[0].Spec, config.Indexes[0].Spec()) {
		t.Errorf("declared %v, %v", declared, err)
	}
	_, err = parse(t, `{"indexes": [{"name": "by_a", "on": ["a"]}]}`)
	if f := fault.Find(err); f == nil || f.Code != "collection.invalid" || f.Violations[0].Pointer != "/indexes/0/on/0" {
		t.Errorf("got %v", err)
	}
}

func TestCompile_Indexes(t *testing.T) {
	t.Parallel()
	config, err := parse(t, `{"indexes": [{"name": "ready", "on": ["id"]}, {"name": "building", "on": ["id"]}, {"name": "failed", "on": ["id"], "unique": true}]}`)
	if err != nil {
		t.Fatal(err)
	}
	stored := collection.Stored{Configuration: config.Format(), Indexes: []index.Stored{
		{ID: 1, Name: "ready", Spec: []byte(`{"name": "ready"}`), State: index.Deleting},
		{ID: 2, Name: "failed", State: index.Failed, Failure: index.Duplicated([]index.Duplicate{{ID: "b", Other: "a"}})},
		{ID: 3, Name: "building", State: index.Building, Done: 3, Total: 10},
		{ID: 4, Name: "ready", State: index.Ready},
	}}
	c, err := collection.Compile(stored, schema.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Indexed) != 3 || c.Indexed[0].ID != 4 || c.Indexed[2].State != index.Failed {
		t.Errorf("indexed %+v", c.Indexed)
	}
	if m := c.Maintained; m.Find(4) == nil || m.Find(3) == nil || m.Find(2) != nil || m.Find(1) != nil {
		t.Errorf("maintained %+v", m)
	}
	const view = `{"indexes": [{"on": ["id"], "kind": "ordered", "name": "ready", "state": "ready", "unique": false}, ` +
		`{"on": ["id"], "kind": "ordered", "name": "building", "state": "building", "unique": false, "progress": {"done": 3, "total": 10}}, ` +
		`{"on": ["id"], "kind": "ordered", "name": "failed", "state": "failed", "unique": true, "failure": {"code": "document.duplicate", ` +
		`"message": "documents have equal values where the index allows none", "duplicates": [{"id": "b", "other": "a"}]}}, ` +
		`{"name": "ready", "state": "deleting"}], "concurrency": "optional", "unknownFields": "allow"}`
	if got := string(stored.View()); got != view {
		t.Errorf("view %s", got)
	}
	// What an answer showed may be sent back.
	if again, err := parse(t, view); err != nil || !bytes.Equal(again.Format(), config.Format()) {
		t.Errorf("sent back: %v", err)
	}
	other := stored
	other.Indexes = append([]index.Stored{}, stored.Indexes...)
	other.Indexes[2].Done = 7
	if !stored.Same(other) {
		t.Error("progress is no other state")
	}
	other.Indexes[2].State = index.Ready
	if stored.Same(other) || index.Settled(other.Indexes) {
		t.Error("a state changed")
	}
}
