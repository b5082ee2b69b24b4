package porttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/domain/aggregate"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/search"
	"github.com/sheafdb/sheaf/ports"
)

// Aggregate is the part of the suite about ports.DocumentAggregator.
func Aggregate(t *testing.T, open Open) {
	t.Helper()
	promises{"Rows": aggregateRows, "Plans": aggregatePlans, "Bounds": aggregateBounds, "Nothing": aggregateNothing}.keep(t, open)
}

// sales are documents of every sort: members that are missing, null or of another kind, numbers that are equal and not written alike.
var sales = []string{
	`{"at": "2022-01-31T23:30:00Z", "city": "Rome", "tags": ["x", "y"], "total": 1.10, "buyer": "ann", "lines": [{"n": 1, "sku": "p"}, {"n": 2, "sku": "q"}]}`,
	`{"at": "2022-02-01T00:30:00+01:00", "city": "Oslo", "tags": [], "total": 2, "buyer": 7, "lines": [{"n": 1.0, "sku": "p"}]}`,
	`{"at": "2022-10-30T00:30:00Z", "city": null, "tags": "z", "total": 2.00, "buyer": "bo"}`,
	`{"at": "2022-10-30T01:30:00Z", "total": "much", "buyer": ["ann", "none", 7.0], "lines": null}`,
	`{"at": "no time", "city": "Rome", "tags": ["x", null, {"a": 1}], "total": null, "flag": true}`,
	`{"at": "2023-05-07T12:00:00.123456Z", "city": "Ärla", "total": -0.55, "tags": [[1, 2], [1.0, 2], "x"], "flag": false}`,
}

// buyers are what sales refer to.
var buyers = map[string]string{"ann": `{"name": "Ann", "score": 1.50}`, "7": `{"name": "Seven"}`}

var aggregations = []struct{ name, stages, want string }{
	{"match", `[{"match": "doc.total > 1.5"}, {"project": {"id": "id"}}]`, `{"id": "s1"}; {"id": "s2"}`},
	{"project", `[{"limit": 1}, {"project": {"a": "doc.total + 1", "b": "doc.none", "c": "doc.lines[0]", "d": "createdAt", "e": "updatedAt - createdAt", "f": "doc.city + \"!\"", "g": "[doc.total, null]", "h": "revision"}}]`,
		`{"a": 2.10, "b": null, "c": {"n": 1, "sku": "p"}, "d": "2026-11-24T12:00:00.123456Z", "e": 0.000000, "f": "Rome!", "g": [1.10, null], "h": 1}`},
	{"documents", `[{"limit": 1}, {"unwind": {"path": "doc.tags", "as": "tag", "index": "at"}}, {"skip": 1}]`,
		`{"at": 1, "id": "s0", "tag": "y", "data": ` + sorted(sales[0]) + `, "revision": 1, "createdAt": "2026-11-24T12:00:00.123456Z", "updatedAt": "2026-11-24T12:00:00.123456Z"}`},
	{"unwind in place", `[{"unwind": "doc.lines"}, {"project": {"sku": "doc.lines.sku", "n": "doc.lines.n"}}]`,
		`{"n": 1, "sku": "p"}; {"n": 2, "sku": "q"}; {"n": 1.0, "sku": "p"}`},
	{"unwind a scalar", `[{"unwind": "doc.tags"}, {"match": "doc.tags == \"z\" || doc.tags == \"x\""}, {"project": {"id": "id"}}]`, `{"id": "s0"}; {"id": "s2"}; {"id": "s4"}; {"id": "s5"}`},
	{"unwind and preserve", `[{"unwind": {"path": "doc.tags", "preserveEmpty": true, "index": "i"}}, {"project": {"id": "id", "t": "doc.tags", "has": "has(doc.tags)", "i": "i"}}, {"limit": 5}]`,
		`{"i": 0, "t": "x", "id": "s0", "has": true}; {"i": 1, "t": "y", "id": "s0", "has": true}; {"i": null, "t": null, "id": "s1", "has": false}; {"i": 0, "t": "z", "id": "s2", "has": true}; {"i": null, "t": null, "id": "s3", "has": false}`},
	{"unwind a variable", `[{"group": {"fields": {"l": {"collect": "id", "limit": 2}}}}, {"unwind": "l"}]`, `{"l": "s0"}; {"l": "s1"}`},
	{"group", `[{"group": {"by": {"city": "doc.city"}, "fields": {"n": {"count": true}, "total": {"sum": "doc.total"}}}}]`,
		`{"n": 1, "city": "Oslo", "total": 2}; {"n": 2, "city": "Rome", "total": 1.10}; {"n": 1, "city": "Ärla", "total": -0.55}; {"n": 2, "city": null, "total": 2.00}`},
	{"group by numbers", `[{"unwind": {"path": "doc.lines", "as": "line"}}, {"group": {"by": {"n": "line.n"}, "fields": {"k": {"count": true}}}}]`, `{"k": 2, "n": 1}; {"k": 1, "n": 2}`},
	{"group by lists", `[{"unwind": {"path": "doc.tags", "as": "t"}}, {"group": {"by": {"t": "t"}, "fields": {"n": {"count": true}}}}]`,
		`{"n": 3, "t": "x"}; {"n": 1, "t": "y"}; {"n": 1, "t": "z"}; {"n": 2, "t": [1, 2]}; {"n": 1, "t": {"a": 1}}; {"n": 1, "t": null}`},
	{"count", `[{"group": {"fields": {"all": {"count": true}, "some": {"count": "doc.total > 1"}, "none": {"count": "doc.none > 1"}}}}]`, `{"all": 6, "none": 0, "some": 3}`},
	{"avg", `[{"group": {"fields": {"avg": {"avg": "doc.total"}, "third": {"avg": "doc.total > 1 ? 5 : -1"}, "none": {"avg": "doc.city"}}}}]`, `{"avg": 1.1375, "none": null, "third": 3.5}`},
	{"avg rounds", `[{"unwind": {"path": "doc.lines", "as": "l"}}, {"match": "l.sku != null"}, {"group": {"fields": {"up": {"avg": "l.n + l.n + 1"}, "down": {"avg": "-(l.n + l.n + 1)"}}}}]`,
		`{"up": 3.6666666666666667, "down": -3.6666666666666667}`},
	{"min and max", `[{"group": {"fields": {"min": {"min": "doc.total"}, "max": {"max": "doc.total"}, "first": {"min": "doc.flag"}, "last": {"max": "createdAt"}, "two": {"max": "doc.total > 1 ? doc.total : 0"}}}}]`,
		`{"max": "much", "min": -0.55, "two": 2, "last": "2026-11-24T12:00:05.123456Z", "first": false}`},
	{"first and last", `[{"sort": ["doc.total desc"]}, {"group": {"by": {"rome": "doc.city == \"Rome\""}, "fields": {"first": {"first": "id"}, "last": {"last": "doc.city"}}}}]`,
		`{"last": "Ärla", "rome": false, "first": "s1"}; {"last": "Rome", "rome": true, "first": "s0"}; {"last": null, "rome": null, "first": "s3"}`},
	{"distinct", `[{"unwind": {"path": "doc.tags", "as": "t"}}, {"group": {"fields": {"all": {"distinct": "t"}, "n": {"countDistinct": "t"}, "two": {"distinct": "t", "limit": 2}}}}]`,
		`{"n": 5, "all": ["x", "y", "z", [1, 2], {"a": 1}], "two": ["x", "y"]}`},
	{"percentile", `[{"group": {"fields": {"low": {"percentile": "doc.total", "p": 0}, "half": {"percentile": "doc.total", "p": 0.5}, "most": {"percentile": "doc.total", "p": 0.75}, "high": {"percentile": "doc.total", "p": 1}, "none": {"percentile": "doc.none", "p": 0.5}}}}]`,
		`{"low": -0.55, "half": 1.10, "high": 2.00, "most": 2, "none": null}`},
	{"collect", `[{"sort": ["id desc"]}, {"group": {"fields": {"cities": {"collect": "doc.city"}, "ids": {"collect": "id", "limit": 2}}}}]`, `{"ids": ["s5", "s4"], "cities": ["Ärla", "Rome", null, "Oslo", "Rome"]}`},
	{"sort", `[{"sort": ["doc.total", "id desc"]}, {"project": {"t": "doc.total", "id": "id"}}]`,
		`{"t": -0.55, "id": "s5"}; {"t": 1.10, "id": "s0"}; {"t": 2.00, "id": "s2"}; {"t": 2, "id": "s1"}; {"t": "much", "id": "s3"}; {"t": null, "id": "s4"}`},
	{"sort down", `[{"sort": ["doc.total desc"]}, {"project": {"id": "id"}}, {"skip": 1}, {"limit": 5}]`, `{"id": "s1"}; {"id": "s2"}; {"id": "s0"}; {"id": "s5"}; {"id": "s4"}`},
	{"sort keeps", `[{"sort": ["id desc"]}, {"sort": ["doc.city == \"Rome\" desc"]}, {"project": {"id": "id"}}]`, `{"id": "s4"}; {"id": "s0"}; {"id": "s5"}; {"id": "s2"}; {"id": "s1"}; {"id": "s3"}`},
	{"month", `[{"group": {"by": {"m": {"bucket": {"time": "timestamp(doc.at)", "unit": "month", "zone": "Europe/Berlin"}}}, "fields": {"n": {"count": true}}}}]`,
		`{"m": "2022-02-01", "n": 2}; {"m": "2022-10-01", "n": 2}; {"m": "2023-05-01", "n": 1}; {"m": null, "n": 1}`},
	{"hour", `[{"match": "timestamp(doc.at) > timestamp(\"2022-10-01T00:00:00Z\")"}, {"project": {"h": {"bucket": {"time": "timestamp(doc.at)", "unit": "hour", "zone": "Europe/Berlin"}}}}]`,
		`{"h": "2022-10-30T02:00:00+02:00"}; {"h": "2022-10-30T02:00:00+01:00"}; {"h": "2023-05-07T14:00:00+02:00"}`},
	{"buckets", `[{"skip": 5}, {"project": {"y": {"bucket": {"time": "timestamp(doc.at)", "unit": "year"}}, "q": {"bucket": {"time": "timestamp(doc.at)", "unit": "quarter"}}, "w": {"bucket": {"time": "timestamp(doc.at)", "unit": "week"}}, "d": {"bucket": {"time": "timestamp(doc.at)", "unit": "day", "zone": "America/St_Johns"}}, "m": {"bucket": {"time": "timestamp(doc.at)", "unit": "minute", "zone": "America/St_Johns"}}}}]`,
		`{"d": "2023-05-07", "m": "2023-05-07T09:30:00-02:30", "q": "2023-04-01", "w": "2023-05-01", "y": "2023-01-01"}`},
	{"lookup", `[{"lookup": {"from": "buyers", "path": "doc.buyer", "as": "buyer"}}, {"project": {"id": "id", "b": "buyer"}}]`,
		`{"b": {"name": "Ann", "score": 1.50}, "id": "s0"}; {"b": {"name": "Seven"}, "id": "s1"}; {"b": null, "id": "s2"}; {"b": [{"name": "Ann", "score": 1.50}, {"name": "Seven"}], "id": "s3"}; {"b": null, "id": "s4"}; {"b": null, "id": "s5"}`},
	{"facet", `[{"match": "doc.total != null"}, {"facet": {"n": [{"group": {"fields": {"n": {"count": true}}}}], "top": [{"sort": ["doc.total desc"]}, {"limit": 2}, {"project": {"id": "id"}}], "none": [{"match": "false"}]}}, {"project": {"all": "n[0].n", "top": "top", "none": "none"}}]`,
		`{"all": 5, "top": [{"id": "s3"}, {"id": "s1"}], "none": []}`},
	{"chains", `[{"group": {"by": {"city": "doc.city"}, "fields": {"n": {"count": true}}}}, {"group": {"by": {"n": "n"}, "fields": {"cities": {"collect": "city"}}}}, {"sort": ["n desc"]}]`,
		`{"n": 2, "cities": ["Rome", null]}; {"n": 1, "cities": ["Oslo", "Ärla"]}`},
}

func sorted(text string) string {
	tree, err := jsontext.Decode([]byte(text))
	if err != nil {
		panic(err)
	}
	return string(jsontext.Append(nil, tree))
}

// selling is a store with sales and buyers.
func (f fixture) selling(configuration string) *collection.Collection {
	f.Helper()
	f.configure("sales", configuration)
	c := f.compile(f.configure("sales", configuration))
	for i, text := range sales {
		w := write(c.Stored, fmt.Sprint("s", i), document.Put(document.AsIs([]byte(sorted(text))), document.Precondition{}))
		w.Indexes = c.Maintained
		b := batch(w)
		b.At = noon.Add(time.Duration(i) * time.Second)
		if _, err := f.Write(f.Context(), b); err != nil {
			f.Fatal(err)
		}
	}
	other := f.configure("buyers", `{}`)
	for name, text := range buyers {
		f.one(put(other, name, text))
	}
	return c
}

// pipeline parses stages over a collection.
func pipeline(tb testing.TB, s ports.CollectionReader, c *collection.Collection, stages string) *aggregate.Pipeline {
	tb.Helper()
	return pipelineAt(tb, s, c, index.Living{}, stages)
}

// pipelineAt looks up documents that are there.
func pipelineAt(tb testing.TB, s ports.CollectionReader, c *collection.Collection, living index.Living, stages string) *aggregate.Pipeline {
	tb.Helper()
	tree, err := jsontext.Decode([]byte(stages))
	if err != nil {
		tb.Fatalf("%s: %v", stages, err)
	}
	p, err := aggregate.Parse(tree, "/stages", aggregate.Source{
		Document: c.Filters().Variables["doc"],
		Open: func(name ident.Collection) (aggregate.Foreign, error) {
			stored, err := s.GetCollection(tb.Context(), name)
			return aggregate.Foreign{Key: stored.Key, Living: living}, err
		},
	})
	if err != nil {
		tb.Fatalf("%s: %v %v", stages, err, fault.Find(err).Violations)
	}
	return p
}

// scanning is an aggregation that reads every document.
func scanning(p *aggregate.Pipeline) ports.Aggregation {
	plans := search.Plans(search.Query{Filter: p.Leading()}, nil)
	return ports.Aggregation{Pipeline: p, Plan: plans[0], Budget: time.Minute}
}

// rowsOf returns the rows of an aggregation.
func rowsOf(ctx context.Context, s ports.DocumentAggregator, key collection.Key, a ports.Aggregation) ([]string, error) {
	rows := []string{}
	err := s.Aggregate(ctx, key, a, func(row []byte) error {
		rows = append(rows, string(row))
		return nil
	})
	return rows, err
}

func aggregateRows(f fixture) {
	c := f.selling(`{}`)
	for _, test := range aggregations {
		rows, err := rowsOf(f.Context(), f, c.Key, scanning(pipeline(f, f, c, test.stages)))
		if got := strings.Join(rows, "; "); err != nil || got != test.want {
			f.Errorf("%s: %s: %v\ngot  %s\nwant %s", test.name, test.stages, err, got, test.want)
		}
	}
}

// Whatever index the first match is answered by, the rows are the same.
func aggregatePlans(f fixture) {
	c := f.selling(`{"indexes": [{"name": "by_city", "on": ["doc.city"]}, {"name": "by_tag", "on": ["doc.tags[]"]}, {"name": "by_total", "on": ["doc.total", "doc.city"]}]}`)
	used := 0
	for _, condition := range []string{`doc.city == \"Rome\"`, `doc.city in [\"Rome\", \"Oslo\"] && doc.total > 0`, `doc.tags.exists(t, t > \"w\")`, `doc.total >= 2`, `doc.total == 2`, `true`} {
		p := pipeline(f, f, c, `[{"match": "`+condition+`"}, {"sort": ["doc.total"]}, {"group": {"by": {"city": "doc.city"}, "fields": {"ids": {"collect": "id"}, "sum": {"sum": "doc.total"}}}}]`)
		want, err := rowsOf(f.Context(), f, c.Key, scanning(p))
		if err != nil {
			f.Fatal(err)
		}
		for _, plan := range search.Plans(search.Query{Filter: p.Leading()}, c.ReadyIndexes()) {
			got, err := rowsOf(f.Context(), f, c.Key, ports.Aggregation{Pipeline: p, Plan: plan, Budget: time.Minute})
			if err != nil || !slices.Equal(got, want) {
				f.Errorf("%s by %s: got %v, %v; want %v", condition, planName(plan), got, err, want)
			}
			if plan.Index != nil {
				used++
			}
		}
	}
	if used < 4 {
		f.Errorf("only %d plans use an index", used)
	}
}

func aggregateBounds(f fixture) {
	c := f.selling(`{}`)
	// Six documents make 6^5 rows by five unwinds of six elements each.
	many := `[{"project": {"l": "[1, 2, 3, 4, 5, 6]"}}` + strings.Repeat(`, {"unwind": {"path": "l", "as": "NAME"}}`, 5)
	for _, name := range []string{"a", "b", "c", "d", "e"} {
		many = strings.Replace(many, "NAME", name, 1)
	}
	_, err := rowsOf(f.Context(), f, c.Key, scanning(pipeline(f, f, c, many+`]`)))
	wantFault(f, err, fault.TooLarge, "aggregate.rows")
	rows, err := rowsOf(f.Context(), f, c.Key, scanning(pipeline(f, f, c, many+`, {"limit": 20000}]`)))
	if err != nil || len(rows) != 20000 {
		f.Errorf("got %d rows, %v", len(rows), err)
	}

	// A list of a facet is whole or there is none: what it leaves out nobody could tell.
	for limit, code := range map[string]string{``: "aggregate.rows", `, {"limit": 1001}`: "aggregate.rows", `, {"limit": 1000}`: ""} {
		_, err := rowsOf(f.Context(), f, c.Key, scanning(pipeline(f, f, c, `[{"facet": {"few": [{"limit": 1}], "many": `+many+limit+`]}}]`)))
		if fault.CodeOf(err) != code || code != "" && !strings.Contains(fault.Find(err).Text, `"many"`) {
			f.Errorf("a facet whose list ends with %q: %v, want code %q", limit, err, code)
		}
	}

	a := scanning(pipeline(f, f, c, `[{"project": {"l": "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]"}}`+strings.Repeat(`, {"unwind": {"path": "l", "as": "x"}}, {"project": {"l": "l"}}`, 9)+`, {"group": {"fields": {"n": {"count": true}}}}]`))
	a.Budget = 200 * time.Millisecond
	_, err = rowsOf(f.Context(), f, c.Key, a)
	wantFault(f, err, fault.TooLarge, "aggregate.budget")

	grow := `[{"limit": 1}, {"project": {"x": "\"` + strings.Repeat("k", 1000) + `\"", "n": "1e200"}}` + strings.Repeat(`, {"project": {"x": "x + x", "n": "n * n"}}`, 40) + `]`
	rows, err = rowsOf(f.Context(), f, c.Key, scanning(pipeline(f, f, c, grow)))
	if err != nil || !slices.Equal(rows, []string{`{"n": null, "x": null}`}) {
		f.Errorf("got %d rows, %v", len(rows), err)
	}

	stop := errors.New("stop")
	calls := 0
	err = f.Aggregate(f.Context(), c.Key, scanning(pipeline(f, f, c, `[]`)), func([]byte) error { calls++; return stop })
	if !errors.Is(err, stop) || calls != 1 {
		f.Errorf("got %v after %d calls", err, calls)
	}
	cancelled, cancel := context.WithCancel(f.Context())
	cancel()
	if _, err = rowsOf(cancelled, f, c.Key, scanning(pipeline(f, f, c, `[]`))); !errors.Is(err, context.Canceled) {
		f.Errorf("got %v of a cancelled context", err)
	}
}

func aggregateNothing(f fixture) {
	c := f.compile(f.configure("sales", `{}`))
	for stages, want := range map[string][]string{
		`[]`: {}, `[{"group": {"by": {"c": "doc.city"}}}]`: {}, `[{"facet": {"a": [], "b": [{"group": {"fields": {"n": {"count": true}}}}]}}]`: {`{"a": [], "b": [{"n": 0}]}`},
		`[{"group": {"fields": {"n": {"count": true}, "s": {"sum": "doc.a"}, "m": {"max": "doc.a"}, "f": {"first": "doc.a"}, "l": {"last": "doc.a"}, "c": {"collect": "doc.a"}, "d": {"distinct": "doc.a"}, "p": {"percentile": "doc.a", "p": 0.5}}}}]`: {
			`{"c": [], "d": [], "f": null, "l": null, "m": null, "n": 0, "p": null, "s": 0}`},
	} {
		rows, err := rowsOf(f.Context(), f, c.Key, scanning(pipeline(f, f, c, stages)))
		if err != nil || !slices.Equal(rows, want) {
			f.Errorf("%s: got %v, %v; want %v", stages, rows, err, want)
		}
	}
}
