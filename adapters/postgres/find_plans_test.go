package postgres_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sheafdb/sheaf/adapters/postgres"
	"github.com/sheafdb/sheaf/domain/aggregate"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/query"
	declared "github.com/sheafdb/sheaf/domain/schema"
	"github.com/sheafdb/sheaf/domain/search"
	"github.com/sheafdb/sheaf/ports"
)

// Searches read stretches of primary keys, in their order, and once the state of the index: no statement of a page sorts what it could not hold.
func TestPlans_Find(t *testing.T) {
	t.Parallel()
	conn := skewed(t)
	c := compiled(t, `{"indexes": [{"name": "by_ab", "on": ["doc.a", "doc.b desc"]}, {"name": "by_created", "on": ["createdAt desc"]},
		{"name": "by_words", "kind": "text", "on": ["doc"]}]}`)
	inSpan := access{"index_entries_pkey", []string{"bucket", "index_id", "key", "key"}}
	byWords := access{"text_entries_text", nil}
	from := &search.Position{Key: []byte{1}, ID: "000100"}
	for _, test := range []struct {
		name, filter, order string
		back                bool
		from                *search.Position
		want                map[string][]access
	}{
		{"of those that live, by index", `doc.a == 1`, `doc.b desc`, false, nil, map[string][]access{"page": {byIndex, inSpan, byPlace}, "count": {byIndex, inSpan, byPlace}}},
		{"of those that live, by several spans", `doc.a in [1, 2]`, `doc.b desc`, false, from, map[string][]access{"places": {byIndex, inSpan, byPlace}, "fetch": {byPlace}}},
		{"of those that live as they say, by index", `doc.a == 1`, `doc.b desc`, false, nil, map[string][]access{"page": {byIndex, inSpan, byPlace}, "count": {byIndex, inSpan, byPlace}}},
		{"of those that live, by id", ``, ``, false, from, map[string][]access{"page": {byPlace}, "count": {ofOne}}},
		{"by index", `doc.a == 1 && doc.c > 2`, `doc.b desc`, false, nil, map[string][]access{"page": {byIndex, inSpan, byPlace}}},
		{"by index, on", `doc.a == 1`, `doc.b desc`, false, from, map[string][]access{"page": {byIndex, inSpan, byPlace}, "count": {byIndex, inSpan}}},
		{"by index, back", `doc.a == 1`, `doc.b desc`, true, from, map[string][]access{"page": {byIndex, inSpan, byPlace}}},
		{"by the order alone", ``, `createdAt desc`, false, nil, map[string][]access{"page": {byIndex, inSpan, byPlace}}},
		{"by several spans", `doc.a in [1, 2]`, `doc.b desc`, false, from, map[string][]access{"places": {byIndex, inSpan}, "entries": {byIndex, inSpan}, "fetch": {byPlace}}},
		{"by index, sorted", `doc.a > 1`, `doc.c`, false, nil, map[string][]access{"places": {byIndex, inSpan, byPlace}, "count": {byIndex, inSpan}}},
		{"by id", `doc.c == 1`, ``, false, from, map[string][]access{"page": {byPlace}, "count": {ofOne}}},
		{"by words", `search("a")`, `rank desc`, false, from, map[string][]access{"places": {byIndex, byWords}, "count": {byIndex, byWords}, "fetch": {byPlace}}},
		{"by words, in part and in another order", `search("a") && doc.c > 2`, `doc.b desc`, false, from, map[string][]access{"places": {byIndex, byWords, byPlace}, "count": {byIndex, byWords, byPlace}}},
		{"by id, back", `doc.c == 1`, ``, true, from, map[string][]access{"page": {byPlace}}},
	} {
		q := search.Query{}
		var err error
		if test.filter != "" {
			if q.Filter, err = query.Compile(test.filter, c.Searches()); err != nil {
				t.Fatal(err)
			}
		}
		if q.Order, err = search.ParseOrder(test.order, c.Filters()); err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(test.name, "of those that live") {
			q.Living = index.Living{Expiry: index.NewExpiry(index.Field{Path: query.Path{"until"}}, 0), At: noon, Kept: !strings.Contains(test.name, "as they say")}
		}
		f := ports.Find{Query: q, Plan: search.Plans(q, c.ReadyIndexes())[0], From: test.from, Back: test.back, Limit: 20, Bytes: 1 << 20}
		statements, err := postgres.FindStatements(collection.Key{Bucket: 1, ID: 1}, f, 21)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range slices.Sorted(keysOf(statements)) {
			plan := explained(t, conn, statements[name])
			if want, given := test.want[name]; given {
				if name == "page" { // which says of which position it is
					want = append(slices.Clone(want), access{"buckets_pkey", []string{"bucket"}})
				}
				wantAccess(t, test.name+", "+name, plan, want)
			}
			if name == "page" && sorts(plan) {
				t.Errorf("%s: the page is sorted", test.name)
			}
		}
		for name := range test.want {
			if statements[name] == "" {
				t.Errorf("%s: there is no statement %s", test.name, name)
			}
		}
	}
}

// What an aggregation reads it reads by an index, where one bounds it. Its statement is planned for its arguments, whatever it costs to scan.
func TestPlans_Aggregate(t *testing.T) {
	t.Parallel()
	conn := skewed(t)
	for _, sql := range []string{`SET plan_cache_mode = force_custom_plan`, `SET enable_seqscan = on`} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	c := compiled(t, `{"indexes": [{"name": "by_a", "on": ["doc.a"]}], "references": [{"path": "doc.b", "collection": "others"}]}`)
	inSpan := access{"index_entries_pkey", []string{"bucket", "index_id", "key", "key"}}
	for stages, want := range map[string][]access{
		`[{"match": "doc.a == 7"}, {"group": {"by": {"c": "doc.c"}, "fields": {"n": {"count": true}}}}]`:           {byIndex, inSpan, byPlace},
		`[{"match": "doc.a in [7, 8] && doc.c > 1"}, {"lookup": {"path": "doc.b", "as": "other"}}, {"limit": 10}]`: {byIndex, inSpan, byPlace, byPlace},
	} {
		request, err := aggregate.ParseRequest([]byte(`{"stages": `+stages+`}`), aggregate.Source{
			Document: c.Filters().Variables["doc"],
			Refers:   func(query.Path) (ident.Collection, bool) { return collectionName("others"), true },
			Open: func(ident.Collection) (aggregate.Foreign, error) {
				return aggregate.Foreign{Key: collection.Key{Bucket: 1, ID: 1}, Document: c.Filters().Variables["doc"]}, nil
			},
		})
		if err != nil {
			t.Fatalf("%s: %v %v", stages, err, fault.Find(err).Violations)
		}
		q := search.Query{Filter: request.Pipeline.Leading()}
		sql, args, err := postgres.AggregateStatement(collection.Key{Bucket: 1, ID: 1}, ports.Aggregation{Pipeline: request.Pipeline, Plan: search.Plans(q, c.ReadyIndexes())[0]})
		if err != nil {
			t.Fatal(err)
		}
		var text []byte
		if err := conn.QueryRow(t.Context(), "EXPLAIN (FORMAT JSON) "+sql, args...).Scan(&text); err != nil {
			t.Fatal(err)
		}
		wantAccess(t, stages, planned(t, text), want)
	}
}

func keysOf[V any](m map[string]V) func(func(string) bool) {
	return func(yield func(string) bool) {
		for k := range m {
			if !yield(k) {
				return
			}
		}
	}
}

// compiled is a collection whose indexes are ready.
func compiled(t *testing.T, configuration string) *collection.Collection {
	t.Helper()
	stored, err := collection.Stored{Configuration: []byte(configuration)}.Declaring([]byte(configuration))
	if err != nil {
		t.Fatal(err)
	}
	for i := range stored.Indexes {
		stored.Indexes[i].ID, stored.Indexes[i].State = int32(i+1), index.Ready
	}
	c, err := collection.Compile(stored, declared.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// explained is the generic plan of a statement.
func explained(t *testing.T, conn *listening, sql string) node {
	t.Helper()
	statement, err := conn.Prepare(t.Context(), "test", sql)
	if err != nil {
		t.Fatalf("%v: %s", err, sql)
	}
	var text []byte
	if err := conn.QueryRow(t.Context(), fmt.Sprintf("EXPLAIN (FORMAT JSON) EXECUTE test(NULL%s)", strings.Repeat(", NULL", len(statement.ParamOIDs)-1))).Scan(&text); err != nil {
		t.Fatal(err)
	}
	if err := conn.Deallocate(t.Context(), "test"); err != nil {
		t.Fatal(err)
	}
	return planned(t, text)
}

// planned reads what EXPLAIN says.
func planned(t *testing.T, text []byte) node {
	t.Helper()
	var plans []struct{ Plan node }
	if err := json.Unmarshal(text, &plans); err != nil {
		t.Fatal(err)
	}
	return plans[0].Plan
}

// sorts says whether a plan sorts as a whole; an incremental sort only puts ties in order.
func sorts(n node) bool {
	return n.Type == "Sort" || slices.ContainsFunc(n.Plans, sorts)
}
