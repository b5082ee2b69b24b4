package index

import (
	"encoding/json"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/jsontext"
)

func TestParse(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ body, want string }{
		{`{"name": "by_status", "on": ["doc.status"]}`, `{"on": ["doc.status"], "kind": "ordered", "name": "by_status", "unique": false}`},
		{`{"name": "a", "on": ["doc.a.b desc", "createdAt asc", "id"], "unique": true, "caseInsensitive": true, "state": "ready", "progress": {}}`,
			`{"on": ["doc.a.b desc", "createdAt", "id"], "kind": "ordered", "name": "a", "unique": true, "caseInsensitive": true}`},
		{`{"name": "a", "on": ["doc[\"status\"]", "doc['odd [] name'][].x[\"in\"] desc", "doc[\"é\\\"\"]"]}`,
			`{"on": ["doc.status", "doc[\"odd [] name\"][].x[\"in\"] desc", "doc[\"é\\\"\"]"], "kind": "ordered", "name": "a", "unique": false}`},
		{`{"name": "a", "on": ["doc.tags[]", "doc.items"]}`, `{"on": ["doc.tags[]", "doc.items"], "kind": "ordered", "name": "a", "unique": false}`},
		{`{"name": "a", "on": ["id"], "where": "has(doc.email) && createdAt > timestamp('2020-01-01T00:00:00Z')"}`,
			`{"on": ["id"], "kind": "ordered", "name": "a", "where": "has(doc.email) && createdAt > timestamp('2020-01-01T00:00:00Z')", "unique": false}`},
		{`{"name": "a", "on": ["id"], "where": "doc.x +"}`, `/where syntax`},
		{`{"name": "a", "on": ["id"], "where": "doc.x + 1"}`, `/where type`},
		{`7`, ` type`},
		{`{}`, ` required`},
		{`{"name": "A", "on": []}`, `/name pattern, /on minItems`},
		{`{"name": "a", "on": "doc.x", "uniqe": true, "kind": "hash", "unique": 1}`, `/kind enum, /on type, /unique type, /uniqe unknownField`},
		{`{"name": "a", "on": ["status", "doc", "doc.a[].b[]", 7, "doc.a[].", "doc.a[0]", "doc.a + 1", ""]}`,
			`/on/0 path, /on/1 path, /on/2 path, /on/3 type, /on/4 path, /on/5 path, /on/6 path, /on/7 path`},
		{`{"name": "a", "on": ["doc.a[]", "doc.b[]", "doc.c", "doc.c desc"]}`, `/on/1 path, /on/3 uniqueItems`},
		{`{"name": "a", "on": [` + strings.Repeat(`"id", `, 16) + `"id"]}`, `/on maxItems`},
		{`{"name": "a", "on": ["id"], "where": 1}`, `/where type`},
	} {
		x, faults := Parse(mustDecode(t, test.body))
		got := codes(faults)
		if x != nil {
			got = string(x.Spec())
			again, err := ParseSpec(x.Spec())
			if err != nil || string(again.Spec()) != got {
				t.Errorf("%s: read again: %v", got, err)
			}
		}
		if got != test.want && sorted(got) != sorted(test.want) {
			t.Errorf("%s: got %s, want %s", test.body, got, test.want)
		}
	}
}

func TestParseAll(t *testing.T) {
	t.Parallel()
	list, faults := ParseAll(mustDecode(t, `[{"name": "a", "on": ["id"]}, {"name": "a", "on": ["id"]}, {"name": "gone", "state": "deleting"}, 1]`))
	if got := codes(faults); got != "/1/name uniqueName, /3 type" || len(list) != 2 {
		t.Errorf("%d indexes, %s", len(list), got)
	}
	var many []any
	for i := range MaxIndexes + 1 {
		many = append(many, map[string]any{"name": fmt.Sprint("i", i), "on": []any{"id"}})
	}
	if _, faults = ParseAll(many); codes(faults) != " maxItems" {
		t.Errorf("many: %s", codes(faults))
	}
}

func FuzzField(f *testing.F) {
	for _, s := range []string{"id", "doc.a.b desc", `doc["a\"[]"][].b`, "doc.a[] asc", `doc['\u00e9']`, "doc.null", "doc.a[].b[]", `doc["` + strings.Repeat("\x01", 300) + `"]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		field, err := parseField(s)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatalf("%q: %v", s, err)
			}
			return
		}
		again, err := parseField(field.String())
		if err != nil || again.String() != field.String() || !reflect.DeepEqual(again, field) {
			t.Fatalf("%q is %q, and that is %q (%v)", s, field, again, err)
		}
	})
}

func TestSet_Entries(t *testing.T) {
	t.Parallel()
	const (
		plain = 1 + iota
		unique
		tags
		skus
		folded
	)
	set := NewSet(
		keptAs(t, folded, `{"name": "f", "on": ["doc.name"], "caseInsensitive": true, "unique": true}`),
		keptAs(t, plain, `{"name": "p", "on": ["doc.status", "createdAt desc", "revision", "id", "updatedAt"]}`),
		keptAs(t, unique, `{"name": "u", "on": ["doc.a", "doc.b"], "unique": true}`),
		keptAs(t, tags, `{"name": "t", "on": ["doc.tags[]"]}`),
		keptAs(t, skus, `{"name": "s", "on": ["doc.items[].sku", "doc.status"], "unique": true}`),
	)
	entries := func(data string) Entries {
		e, err := set.Entries(Document{ID: "x", Revision: 3, CreatedAt: time.UnixMicro(1), UpdatedAt: time.UnixMicro(2), Data: []byte(data)})
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	for _, test := range []struct{ data, ordered, unique string }{
		{`{}`, "1 2 5", ""},
		{`{"a": 1, "b": null, "name": null}`, "1 2 5", "2 5"},
		{`{"a": 1}`, "1 2 5", ""},
		{`{"tags": ["x", "y", "x", 1, 1.0, null], "status": "open"}`, "1 2 3 3 3 3 5", ""},
		{`{"tags": [], "items": {}}`, "1 2 5", ""},
		{`{"items": [{"sku": 1}, {"sku": 2}, {"sku": 1}, {}, 7, {"sku": null}], "status": 1}`, "1 2 4 4 4 5", "4 4 4"},
		{`{"items": [{}, 7], "status": 1}`, "1 2 4 5", ""},
		{`{"items": [{"sku": 1}]}`, "1 2 4 5", ""},
	} {
		got := entries(test.data)
		if o, u := ids(got.Ordered), ids(got.Unique); o != test.ordered || u != test.unique {
			t.Errorf("%s: got %q and %q, want %q and %q", test.data, o, u, test.ordered, test.unique)
		}
		if !slices.IsSortedFunc(got.Ordered, compareEntries) || !slices.IsSortedFunc(got.Unique, compareEntries) {
			t.Errorf("%s: entries are out of order", test.data)
		}
	}
	partial := NewSet(keptAs(t, 1, `{"name": "p", "on": ["doc.email"], "unique": true, "where": "has(doc.email) && !doc.deleted && revision > 2"}`))
	for data, want := range map[string]string{
		`{"email": "a", "deleted": false}`: "1 1", `{"email": "a", "deleted": true}`: " ", `{"email": "a"}`: " ", `{}`: " ", `{"deleted": false}`: " ",
	} {
		e, err := partial.Entries(Document{ID: "x", Revision: 3, Data: []byte(data)})
		if got := ids(e.Ordered) + " " + ids(e.Unique); err != nil || got != want {
			t.Errorf("%s: got %q, want %q (%v)", data, got, want, err)
		}
	}
	gone, come := Diff(entries(`{"status": 1, "tags": ["a", "b"], "name": "Ann"}`), entries(`{"status": 1.0, "tags": ["b", "c"], "name": "ANN"}`))
	if ids(gone.Ordered) != "3" || ids(come.Ordered) != "3" || gone.Unique != nil || come.Unique != nil {
		t.Errorf("gone %v, come %v", gone, come)
	}
	gone, come = Diff(entries(`{"a": 1, "b": null}`), entries(`{"a": 1}`))
	if gone.Ordered != nil || come.Ordered != nil || ids(gone.Unique) != "2" || come.Unique != nil {
		t.Errorf("gone %v, come %v", gone, come)
	}
	many := make([]any, MaxEntries+1)
	for i := range many {
		many[i] = json.Number(fmt.Sprint(i))
	}
	_, err := set.Entries(Document{ID: "x", Data: jsontext.Append(nil, map[string]any{"tags": many})})
	if fault.KindOf(err) != fault.Invalid || fault.Find(err).Violations[0].Pointer != "/tags" {
		t.Errorf("too many elements: %v", err)
	}
	var none *Set
	if e, err := none.Entries(Document{}); err != nil || e.Ordered != nil {
		t.Errorf("no indexes: %v %v", e, err)
	}
}

func TestPlanChange(t *testing.T) {
	t.Parallel()
	declared, err := Declared([]byte(`{"indexes": [{"on": ["id"], "name": "same"}, {"on": ["id"], "name": "other"}, {"on": ["id"], "name": "new"}, {"on": ["id"], "name": "failed"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	spec := func(name string) []byte { return []byte(`{"on": ["id"], "name": "` + name + `"}`) }
	plan := PlanChange(declared, []Stored{
		{ID: 1, Name: "same", Spec: spec("same"), State: Ready}, {ID: 2, Name: "other", Spec: []byte(`{}`), State: Building}, {ID: 3, Name: "old", State: Ready},
		{ID: 4, Name: "failed", Spec: spec("failed"), State: Failed}, {ID: 5, Name: "new", Spec: spec("new"), State: Deleting},
	})
	var dropped, created []string
	for _, s := range plan.Drop {
		dropped = append(dropped, s.Name)
	}
	for _, d := range plan.Create {
		created = append(created, d.Name)
	}
	if got := fmt.Sprint(dropped, created); got != "[other old failed] [other new failed]" {
		t.Errorf("got %s", got)
	}
}

func keptAs(t *testing.T, id int32, declaration string) Kept {
	t.Helper()
	x, faults := Parse(mustDecode(t, declaration))
	if x == nil {
		t.Fatal(faults)
	}
	return Kept{x, id}
}

func ids(list []Entry) string {
	var words []string
	for _, e := range list {
		words = append(words, fmt.Sprint(e.Index))
	}
	return strings.Join(words, " ")
}

func mustDecode(t *testing.T, text string) any {
	t.Helper()
	tree, err := jsontext.Decode([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return tree
}

func codes(faults []fault.Violation) string {
	return strings.Join(faultsOf(faults), ", ")
}

func faultsOf(faults []fault.Violation) []string {
	var words []string
	for _, v := range faults {
		words = append(words, v.Pointer+" "+v.Code)
	}
	return words
}

func sorted(words string) string {
	list := strings.Split(words, ", ")
	slices.Sort(list)
	return strings.Join(list, ", ")
}
