package porttest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
	"github.com/sheafdb/sheaf/domain/schema"
	"github.com/sheafdb/sheaf/domain/search"
	"github.com/sheafdb/sheaf/ports"
)

// Find is the part of the suite about ports.DocumentFinder: every plan gives the answer that looking at every document gives.
func Find(t *testing.T, open Open) {
	t.Helper()
	promises{"Plans": findPlans, "Bytes": findBytes, "Empty": findEmpty, "Dropped": findDropped, "Moment": findMoment}.keep(t, open)
}

// searched is a configuration with an index of each sort.
const searched = `{"indexes": [
	{"name": "by_b", "on": ["doc.b"]},
	{"name": "by_b_n", "on": ["doc.b", "doc.n"]},
	{"name": "by_n_desc", "on": ["doc.n desc"]},
	{"name": "by_a", "on": ["doc.a"]},
	{"name": "by_b_a_desc", "on": ["doc.b", "doc.a desc", "doc.n"]},
	{"name": "by_tags", "on": ["doc.tags[]"]},
	{"name": "by_b_tag", "on": ["doc.b", "doc.tags[]"]},
	{"name": "by_sku", "on": ["doc.items[].sku", "doc.n"]},
	{"name": "by_created", "on": ["createdAt"]},
	{"name": "by_newest", "on": ["createdAt desc"]},
	{"name": "by_name", "on": ["doc.o.name"], "caseInsensitive": true},
	{"name": "open_n", "on": ["doc.n"], "where": "doc.b == \"x\""},
	{"name": "with_a", "on": ["doc.a"], "where": "has(doc.a)"},
	{"name": "by_long", "on": ["doc.long", "doc.n"]}
]}`

var searchedFilters = []string{
	``, `doc.b == "x"`, `doc.b == "x" && doc.n > 2`, `doc.b == "x" && doc.n >= 2 && doc.n < 5`, `doc.n > 3`, `2 < doc.n`, `doc.n == 2.50`, `doc.n != 2`,
	`doc.b in ["x", "y"]`, `doc.b in ["x", "x"] && doc.n == 3`, `doc.b == "x" || doc.b == "z"`, `doc.b == "x" || doc.n == 1`, `doc.b in ["x", "y"] && doc.n in [1, 2, 3]`,
	`doc.a == null`, `doc.a == true`, `doc.a`, `!doc.a`, `doc.a == "s"`, `doc.a > "a"`, `doc.a < 10`, `doc.a == [1]`, `has(doc.a)`, `has(doc.a) && doc.a == 1`, `doc.a != null && doc.a == 2`,
	`"red" in doc.tags`, `"red" in doc.tags && "blue" in doc.tags`, `doc.tags.exists(t, t == "red" || t == "blue")`, `doc.tags.exists(t, t > "c")`, `doc.b == "x" && "red" in doc.tags`,
	`doc.tags.all(t, t != "red")`, `size(doc.tags) == 2`,
	`doc.items.exists(i, i.sku == "p1")`, `doc.items.exists(i, i.sku == "p1" && i.qty > 1)`, `doc.items.exists(i, i.sku in ["p1", "p2"]) && doc.n > 1`, `doc.items[0].sku == "p1"`,
	`createdAt >= timestamp("2026-11-24T12:00:10.123456Z")`, `createdAt < timestamp("2026-11-24T12:00:30Z") && doc.b == "y"`, `id > "d3"`, `id == "d10"`, `revision == 1`,
	`doc.o.name.lowerAscii() == "anna"`, `doc.o.name == "Anna"`, `doc.o.name.startsWith("A")`, `doc.b.startsWith("")`,
	`doc.long == "` + strings.Repeat("k", 1100) + `1"`, `doc.long.startsWith("` + strings.Repeat("k", 1050) + `")`, `doc.b == null`, `doc.missing == 1`, `doc.n + 1 > doc.m`,
}

var searchedOrders = []string{``, `doc.n`, `doc.n desc`, `doc.a, doc.n desc`, `doc.a desc, doc.n`, `createdAt desc`, `doc.long`, `id desc`, `updatedAt, doc.b desc`}

// searchedData is a document with members of all sorts, some of them missing.
func searchedData(random *rand.Rand) map[string]any {
	pick := func(values ...any) any { return values[random.IntN(len(values))] }
	type absent struct{}
	data := map[string]any{}
	for name, value := range map[string]any{
		"b":     pick("x", "x", "y", "z", nil, absent{}),
		"n":     pick(json.Number("1"), json.Number("2"), json.Number("2.5"), json.Number("3"), json.Number("4.00"), json.Number("10"), json.Number("-1"), "3", nil, absent{}),
		"m":     pick(json.Number("1"), json.Number("3"), absent{}),
		"a":     pick(true, false, json.Number("1"), json.Number("2"), json.Number("1e2"), "s", "t", []any{json.Number("1")}, []any{json.Number("1.0")}, map[string]any{"k": "v"}, nil, absent{}),
		"tags":  pick([]any{"red"}, []any{"red", "blue"}, []any{"blue", "green", "red"}, []any{}, []any{json.Number("1")}, "red", map[string]any{"red": true}, absent{}),
		"items": pick([]any{map[string]any{"sku": "p1", "qty": json.Number("1")}}, []any{map[string]any{"sku": "p1", "qty": json.Number("2")}, map[string]any{"sku": "p2", "qty": json.Number("1")}}, []any{map[string]any{"qty": json.Number("3")}}, absent{}),
		"o":     pick(map[string]any{"name": "Anna"}, map[string]any{"name": "ANNA"}, map[string]any{"name": "Änna"}, map[string]any{}, absent{}),
		"long":  pick(strings.Repeat("k", 1100)+"1", strings.Repeat("k", 1100)+"2", strings.Repeat("k", 1000), "k", absent{}),
	} {
		if _, leftOut := value.(absent); !leftOut {
			data[name] = value
		}
	}
	return data
}

// searching is a collection with documents of searchedData, and what they are.
func (f fixture) searching(seed uint64, n int) (*collection.Collection, []document.Document) {
	f.Helper()
	random := rand.New(rand.NewPCG(seed, 0))
	c := f.compile(f.configure("searched", searched))
	var all []document.Document
	for i := range n {
		w := write(c.Stored, fmt.Sprint("d", i), document.Put(document.AsIs(jsontext.Append(nil, searchedData(random))), document.Precondition{}))
		w.Indexes = c.Maintained
		b := batch(w)
		b.At = noon.Add(seconds(random.IntN(40)))
		results, err := f.Write(f.Context(), b)
		if err != nil {
			f.Fatal(err)
		}
		all = append(all, results[0].Document)
	}
	return c, all
}

func (f fixture) compile(stored collection.Stored) *collection.Collection {
	f.Helper()
	found, err := f.GetCollection(f.Context(), stored.Name)
	if err != nil {
		f.Fatal(err)
	}
	c, err := collection.Compile(found, schema.Limits{})
	if err != nil {
		f.Fatal(err)
	}
	return c
}

func findPlans(f fixture) {
	c, all := f.searching(1, 50)
	used := map[string]int{}
	for i, filter := range searchedFilters {
		for j, order := range searchedOrders {
			if (i+j)%3 != 0 && filter != "" {
				continue // a third of the combinations has every filter with every sort of order
			}
			q := f.query(c, filter, order)
			want := f.expected(q, all)
			plans := search.Plans(q, c.ReadyIndexes())
			for _, p := range plans {
				if p.Index != nil {
					used[p.Index.Name]++
				}
				where := fmt.Sprintf("filter %q, order %q, plan %v %v", filter, order, planName(p), p.Reads)
				f.walk(where, c, q, p, want, 7)
				n, err := f.CountFound(f.Context(), c.Key, q, p, 0)
				if err != nil || n != int64(len(want)) {
					f.Fatalf("%s: counted %d, %v; want %d", where, n, err, len(want))
				}
			}
		}
	}
	for _, x := range c.Indexed {
		if used[x.Name] == 0 {
			f.Errorf("no query uses index %s", x.Name)
		}
	}
}

func planName(p search.Plan) string {
	if p.Index == nil {
		return "none"
	}
	return p.Index.Name
}

func (f fixture) query(c *collection.Collection, filter, order string) search.Query {
	f.Helper()
	var q search.Query
	var err error
	if filter != "" {
		if q.Filter, err = query.Compile(filter, c.Searches()); err != nil {
			f.Fatalf("filter %q: %v", filter, err)
		}
	}
	if q.Order, err = search.ParseOrder(order, c.Filters()); err != nil {
		f.Fatalf("order %q: %v", order, err)
	}
	return q
}

// expected are the ids of the documents that match, in their order.
func (f fixture) expected(q search.Query, all []document.Document) []string {
	f.Helper()
	var places []search.Position
	for _, d := range all {
		matches, err := q.Matches(d)
		if err != nil {
			f.Fatal(err)
		}
		at, err := q.Order.Of(d)
		if err != nil {
			f.Fatal(err)
		}
		if matches {
			places = append(places, at)
		}
	}
	slices.SortFunc(places, search.Position.Compare)
	ids := make([]string, len(places))
	for i, p := range places {
		ids[i] = p.ID
	}
	return ids
}

// walk reads a list page by page to its end, and back again.
func (f fixture) walk(where string, c *collection.Collection, q search.Query, p search.Plan, want []string, size int) {
	f.Helper()
	var got []string
	var from *search.Position
	for back := false; ; {
		found, err := f.Find(f.Context(), c.Key, ports.Find{Query: q, Plan: p, From: from, Back: back, Limit: size, Bytes: 1 << 20})
		if err != nil {
			f.Fatalf("%s: %v", where, err)
		}
		for _, d := range found.Items {
			got = append(got, d.ID.String())
		}
		if len(found.Items) > 0 {
			from = f.lastOf(q, found)
		}
		if found.More {
			if len(found.Items) == 0 {
				f.Fatalf("%s: an empty page that goes on", where)
			}
			continue
		}
		if !slices.Equal(got, want) {
			f.Fatalf("%s, back %v:\n got %v\nwant %v", where, back, got, want)
		}
		if back || len(want) == 0 {
			return
		}
		back, got = true, nil
		want = slices.Clone(want[:len(want)-1])
		slices.Reverse(want)
	}
}

func findBytes(f fixture) {
	c, all := f.searching(2, 30)
	for _, order := range []string{"", "doc.n desc", "doc.m"} {
		q := f.query(c, `doc.b in ["x", "y"]`, order)
		want := f.expected(q, all)
		for _, p := range search.Plans(q, c.ReadyIndexes()) {
			found, err := f.Find(f.Context(), c.Key, ports.Find{Query: q, Plan: p, Limit: 20, Bytes: 1})
			if err != nil || len(found.Items) != 1 || found.Items[0].ID.String() != want[0] || !found.More {
				f.Errorf("order %q, plan %s: %d documents, more %v, %v; want one, and more", order, planName(p), len(found.Items), found.More, err)
			}
		}
	}
}

func findEmpty(f fixture) {
	c := f.compile(f.configure("searched", searched))
	for _, filter := range searchedFilters {
		q := f.query(c, filter, "doc.n")
		for _, p := range search.Plans(q, c.ReadyIndexes()) {
			found, err := f.Find(f.Context(), c.Key, ports.Find{Query: q, Plan: p, Limit: 1, Bytes: 1})
			if err != nil || len(found.Items) != 0 || found.More || found.Items == nil {
				f.Errorf("filter %q, plan %s: %+v, %v; want nothing", filter, planName(p), found, err)
			}
		}
	}
}

// An index that is gone since the plan was made is not read: its entries may be gone, too.
func findDropped(f fixture) {
	c, _ := f.searching(3, 10)
	q := f.query(c, `doc.b in ["x", "y"] && doc.n > 1`, "")
	plans := search.Plans(q, c.ReadyIndexes())
	all := pipeline(f, f, c, `[{"match": "doc.b in [\"x\", \"y\"] && doc.n > 1"}]`)
	f.configure("searched", `{}`)
	for _, p := range plans {
		_, found := f.Find(f.Context(), c.Key, ports.Find{Query: q, Plan: p, Limit: 5, Bytes: 1 << 20})
		_, counted := f.CountFound(f.Context(), c.Key, q, p, 0)
		_, summed := rowsOf(f.Context(), f, c.Key, ports.Aggregation{Pipeline: all, Plan: p, Budget: time.Minute})
		for _, err := range []error{found, counted, summed} {
			if want := p.Index != nil; errors.Is(err, collection.ErrChanged) != want || err != nil && !want {
				f.Errorf("plan %s: %v; want collection.ErrChanged: %v", planName(p), err, want)
			}
		}
		if p.Index == nil {
			continue
		}
		if _, err := f.CountEntries(f.Context(), c.Key, p.Index.ID, p.Spans, 10); !errors.Is(err, collection.ErrChanged) {
			f.Errorf("plan %s: counting entries: %v; want collection.ErrChanged", planName(p), err)
		}
	}
}
