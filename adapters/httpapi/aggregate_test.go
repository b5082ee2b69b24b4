package httpapi_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/domain/jsontext"
)

// sharedAggregations are the stages of the questions about groups and values in the shared data, each of which gives a key and a value in a row, or a value.
var sharedAggregations = map[string]string{
	"artworks-14":     `[{"group": {"by": {"key": "doc.classification"}, "fields": {"value": {"count": true}}}}, {"sort": ["value desc", "key"]}, {"limit": 10}]`,
	"earthquakes-11":  `[{"group": {"by": {"key": "doc.properties.magType"}, "fields": {"value": {"count": true}}}}, {"sort": ["value desc"]}]`,
	"mongo-export-12": `[{"match": "timestamp(doc.saleDate) >= timestamp(\"2022-01-01T00:00:00Z\") && timestamp(doc.saleDate) < timestamp(\"2023-01-01T00:00:00Z\")"}, {"group": {"fields": {"value": {"sum": "doc.total"}}}}]`,
	"music-store-10":  `[{"group": {"by": {"key": "doc.billing.country"}, "fields": {"value": {"sum": "doc.total"}}}}, {"sort": ["value desc", "key"]}]`,
	"music-store-11":  `[{"group": {"fields": {"value": {"sum": "doc.total"}}}}]`,
}

// Questions that users would ask have exactly the right answers.
func TestAggregate_SharedQuestions(t *testing.T) {
	t.Parallel()
	byName := map[string]set{}
	for _, s := range sets(t) {
		byName[s.name] = s
	}
	asked := 0
	files, _ := filepath.Glob(shared(t, "*", "queries.json"))
	for _, file := range files {
		var about struct {
			Queries []struct {
				ID, Collection, Kind string
				Answer               json.RawMessage
			}
		}
		if err := json.Unmarshal(mustRead(t, file), &about); err != nil {
			t.Fatal(err)
		}
		for _, question := range about.Queries {
			if question.Kind != "group" && question.Kind != "value" {
				continue
			}
			asked++
			t.Run(question.ID, func(t *testing.T) {
				t.Parallel()
				onEvery(t, func(t *testing.T, a *api) {
					t.Helper()
					s := byName[question.Collection]
					a.declare(t, s.name, s.definition(t))
					a.load(t, s, "")
					got := wantStatus(t, a.send(t, "POST "+s.path()+"/aggregate", `{"stages": `+sharedAggregations[question.ID]+`}`), http.StatusOK)
					wantAnswer(t, got.tree(t), decode(t, question.Answer))
				})
			})
		}
	}
	if asked != len(sharedAggregations) {
		t.Errorf("%d questions, %d answers", asked, len(sharedAggregations))
	}
}

// wantAnswer compares rows with groups, which are pairs, or with a single value. Of groups only those are compared that the answer has: in the end ties are cut.
func wantAnswer(t *testing.T, got, want any) {
	t.Helper()
	rows := got.(map[string]any)["items"].([]any)
	groups := []any{[]any{nil, want}}
	if object, ok := want.(map[string]any); ok {
		groups = object["groups"].([]any)
	}
	if len(rows) != len(groups) && len(rows) != 10 {
		t.Errorf("got %d rows, want %d", len(rows), len(groups))
	}
	for i := range min(len(rows), len(groups)) {
		row, pair := rows[i].(map[string]any), groups[i].([]any)
		value := pair[1]
		if text, ok := value.(string); ok { // an exact decimal
			value = json.Number(text)
		}
		if !jsontext.Equal(row["key"], pair[0]) || !jsontext.Equal(row["value"], value) {
			t.Errorf("row %d: got %v, want %v", i, row, pair)
		}
	}
}

const shopPath = "/v1/collections/shop"

// furnishShop makes a collection with references to another one.
func furnishShop(t *testing.T, a *api) {
	t.Helper()
	a.declare(t, "people", `{}`)
	a.put(t, "people", "ann", `{"name": "Ann"}`)
	a.declare(t, "shop", `{"schema": {"type": "object", "properties": {"buyer": {"type": "string"}, "total": {"type": "number"}, "note": {"type": "string"}, "tags": {"type": "array"}}},
		"unknownFields": "reject", "indexes": [{"name": "by_buyer", "on": ["doc.buyer"]}], "references": [{"path": "doc.buyer", "collection": "people"}]}`)
	for i, text := range []string{
		`{"buyer": "ann", "total": 1.10, "note": "a \"quoted\", note\nof two lines", "tags": ["x", 1]}`, `{"buyer": "ann", "total": 2}`, `{"total": 3.00, "note": ""}`,
	} {
		a.put(t, "shop", fmt.Sprint("o", i), text)
	}
}

func TestAggregate_Formats(t *testing.T) {
	t.Parallel()
	onEvery(t, func(t *testing.T, a *api) {
		t.Helper()
		furnishShop(t, a)
		body := `{"stages": [{"lookup": {"path": "doc.buyer", "as": "buyer"}}, {"project": {"name": "buyer.name", "note": "doc.note", "tags": "doc.tags", "total": "doc.total"}}]}`
		for accept, want := range map[string]string{
			"application/json":     `{"items":[{"name": "Ann", "note": "a \"quoted\", note\nof two lines", "tags": ["x", 1], "total": 1.10},{"name": "Ann", "note": null, "tags": null, "total": 2},{"name": null, "note": "", "tags": null, "total": 3.00}]}` + "\n",
			"application/x-ndjson": `{"name": "Ann", "note": "a \"quoted\", note\nof two lines", "tags": ["x", 1], "total": 1.10}` + "\n" + `{"name": "Ann", "note": null, "tags": null, "total": 2}` + "\n" + `{"name": null, "note": "", "tags": null, "total": 3.00}` + "\n",
			"text/csv":             "name,note,tags,total\r\nAnn,\"a \"\"quoted\"\", note\r\nof two lines\",\"[\"\"x\"\", 1]\",1.10\r\nAnn,,,2\r\n,,,3.00\r\n",
		} {
			got := wantStatus(t, a.send(t, "POST "+shopPath+"/aggregate", body, "Accept: "+accept), http.StatusOK)
			if string(got.body) != want || !strings.HasPrefix(got.header.Get("Content-Type"), accept) {
				t.Errorf("%s: got %s %q, want %q", accept, got.header.Get("Content-Type"), got.body, want)
			}
		}
		for body, want := range map[string]string{
			`{"stages": []}`: "id,revision,createdAt,updatedAt,data",
			`{"stages": [{"group": {"by": {"b": "doc.buyer", "z": "1"}, "fields": {"a": {"count": true}}}}, {"match": "false"}]}`: "b,z,a",
		} {
			got := wantStatus(t, a.send(t, "POST "+shopPath+"/aggregate", body, "Accept: text/csv"), http.StatusOK)
			if header, _, _ := strings.Cut(string(got.body), "\r\n"); header != want {
				t.Errorf("%s: got %q, want %q", body, header, want)
			}
		}
		wantProblem(t, a.send(t, "POST "+shopPath+"/aggregate", `{"stages": [{"unwind": {"path": "doc.tagz"}}]}`, "Accept: text/csv"), http.StatusBadRequest, "aggregate.invalid")
		many := `{"stages": [{"project": {"l": "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]"}}` + strings.Repeat(`, {"unwind": {"path": "l", "as": "x"}}, {"project": {"l": "l"}}`, 4)
		wantProblem(t, a.send(t, "POST "+shopPath+"/aggregate", many+`]}`), http.StatusRequestEntityTooLarge, "aggregate.rows")
		got := wantStatus(t, a.send(t, "POST "+shopPath+"/aggregate", many+`, {"limit": 25000}]}`, "Accept: application/x-ndjson"), http.StatusOK)
		if lines := strings.Count(string(got.body), "\n"); lines != 25000 {
			t.Errorf("got %d lines", lines)
		}
	})
}

func TestAggregate_Plans(t *testing.T) {
	t.Parallel()
	onEvery(t, func(t *testing.T, a *api) {
		t.Helper()
		furnishShop(t, a)
		narrow := serve(t, a.store, func(s *settings) { s.limits.Scan = 2 })
		everything := `[{"group": {"fields": {"n": {"count": true}}}}]`
		p := wantProblem(t, narrow.send(t, "POST "+shopPath+"/aggregate", `{"stages": `+everything+`}`), http.StatusUnprocessableEntity, "query.unindexed")
		if !strings.Contains(p.Detail, "allowScan") {
			t.Errorf("got %q", p.Detail)
		}
		wantPart(t, wantStatus(t, narrow.send(t, "POST "+shopPath+"/aggregate", `{"allowScan": true, "stages": `+everything+`}`), http.StatusOK).tree(t), decode(t, []byte(`{"items": [{"n": 3}]}`)))
		got := wantStatus(t, narrow.send(t, "POST "+shopPath+"/aggregate",
			`{"explain": true, "stages": [{"match": "doc.buyer == \"ann\" && doc.total > 1.5"}, {"group": {"fields": {"total": {"sum": "doc.total"}}}}]}`), http.StatusOK)
		wantPart(t, got.tree(t), decode(t, []byte(`{"items": [{"total": 2}], "explain": {"reads": "index", "index": "by_buyer", "residual": ["(doc.total > 1.5)"], "examinedRows": 2, "returned": 1}}`)))
		got = wantStatus(t, narrow.send(t, "POST "+shopPath+"/aggregate", `{"explain": true, "allowScan": true, "stages": [{"match": "doc.total > 1.5"}]}`), http.StatusOK)
		wantPart(t, got.tree(t), decode(t, []byte(`{"explain": {"reads": "ids", "examinedRows": 3}}`)))
	})
}

// Every mistake is named with its place.
func TestAggregate_Mistakes(t *testing.T) {
	t.Parallel()
	a := inMemory(t)
	furnishShop(t, a)
	for stages, want := range map[string][]string{
		`3`: {"/stages type"}, `[3]`: {"/stages/0 type"}, `[{}]`: {"/stages/0 type"}, `[{"match": "true", "limit": 1}]`: {"/stages/0 type"}, `[{"macht": "true"}]`: {"/stages/0/macht unknownField"},
		`[{"match": "doc.totl > 1"}, {"limit": 0}, {"skip": -1}, {"limit": 1.5}]`: {"/stages/0/match unknown", "/stages/1/limit range", "/stages/2/skip range", "/stages/3/limit range"},
		`[{"match": 1}, {"match": "1"}, {"match": "doc."}]`:                       {"/stages/0/match type", "/stages/1/match type", "/stages/2/match syntax"},
		`[{"group": {"by": {"b": "doc.buyer", "1x": "doc.note"}, "fields": {"n": {"summ": "doc.total"}, "b": {"count": true}, "m": {"sum": "doc.note"}, "p": {"percentile": "doc.total"}, "q": {"percentile": "doc.total", "p": 2}, "c": {"collect": "doc.total", "limit": 1001}, "x": {"count": 3}, "y": {}, "z": {"sum": "doc.total", "limit": 1}}}}]`: {
			"/stages/0/group/by/1x name", "/stages/0/group/fields/b taken", "/stages/0/group/fields/c/limit range", "/stages/0/group/fields/m/sum type", "/stages/0/group/fields/n/summ unknownField",
			"/stages/0/group/fields/p/p range", "/stages/0/group/fields/q/p range", "/stages/0/group/fields/x/count type", "/stages/0/group/fields/y type", "/stages/0/group/fields/z/limit unknownField"},
		`[{"group": {}}, {"group": {"buy": {}}}]`:                                                             {"/stages/0/group maxProperties", "/stages/1/group/buy unknownField"},
		`[{"group": {"by": {"city": "doc.buyer"}}}, {"sort": ["cty desc", 1]}, {"match": "doc.total > 1"}]`:   {"/stages/1/sort/0 unknown", "/stages/1/sort/1 type", "/stages/2/match unknown"},
		`[{"project": {"d": {"bucket": {"time": "doc.note", "unit": "fortnight", "zone": "CET"}}}}]`:          {"/stages/0/project/d/bucket/time type", "/stages/0/project/d/bucket/unit enum", "/stages/0/project/d/bucket/zone zone"},
		`[{"project": {"d": {"bucket": {"time": "createdAt"}}}}, {"project": {}}, {"project": {"doc": "1"}}]`: {"/stages/0/project/d/bucket required", "/stages/1/project maxProperties", "/stages/2/project/doc name"},
		`[{"unwind": "doc.tags.exists(t, true)"}]`:                                                            {"/stages/0/unwind path"},
		`[{"unwind": "doc"}]`: {"/stages/0/unwind path"},
		`[{"unwind": {"path": "doc.tags", "as": "id", "index": 3, "preserveEmpty": 1}}]`:                                                                                          {"/stages/0/unwind/as taken", "/stages/0/unwind/index type", "/stages/0/unwind/preserveEmpty type"},
		`[{"lookup": {"path": "doc.note", "as": "x"}}, {"lookup": {"path": "doc.note", "from": "ghosts", "as": "y"}}, {"lookup": {"path": "doc.note", "from": "No", "as": "z"}}]`: {"/stages/0/lookup required", "/stages/1/lookup/from notFound", "/stages/2/lookup/from type"},
		`[{"facet": {"a": [{"facet": {"b": []}}], "c": 1}}]`:                                                                                                                      {"/stages/0/facet/a/0/facet refused", "/stages/0/facet/c type"},
		`[{"sort": []}, {"facet": {}}]`:                                               {"/stages/0/sort type", "/stages/1/facet type"},
		`[` + strings.Repeat(`{"skip": 1},`, 50) + `{"skip": 1}]`:                     {"/stages maxItems"},
		`[{"facet": {"a": [` + strings.Repeat(`{"skip": 1},`, 20) + `{"skip": 1}]}}]`: {"/stages/0/facet/a maxItems"},
		`[{"project": {` + members(51) + `}}]`:                                        {"/stages/0/project maxProperties"},
		`[{"group": {"by": {` + members(17) + `}}}]`:                                  {"/stages/0/group/by maxProperties"},
	} {
		p := wantProblem(t, a.send(t, "POST "+shopPath+"/aggregate", `{"stages": `+stages+`}`), http.StatusBadRequest, "aggregate.invalid")
		var got []string
		for _, v := range p.Errors {
			got = append(got, v.Pointer+" "+v.Code)
		}
		if !slices.Equal(got, want) {
			t.Errorf("%.300s:\ngot  %q\nwant %q", stages, got, want)
		}
	}
	p := wantProblem(t, a.send(t, "POST "+shopPath+"/aggregate", `{"stage": [], "allowScan": 1}`), http.StatusBadRequest, "aggregate.invalid")
	wantFault(t, p, "body", "/stage", "unknownField")
	wantFault(t, p, "body", "", "required")
	wantFault(t, p, "body", "/allowScan", "type")
	got := a.send(t, "POST "+shopPath+"/aggregate", `{"stages": [{"group": {"by": {"city": "doc.buyer"}}}, {"sort": ["cty"]}]}`)
	wantPart(t, got.tree(t), decode(t, []byte(`{"errors": [{"params": {"nearest": "city"}}]}`)))
}

// members are n members of a project.
func members(n int) string {
	list := map[string]string{}
	for i := range n {
		list[fmt.Sprint("m", i)] = "1"
	}
	text, _ := json.Marshal(list) // strings always encode
	return strings.Trim(string(text), "{}")
}

func TestAggregate_Budget(t *testing.T) {
	t.Parallel()
	onEvery(t, func(t *testing.T, a *api) {
		t.Helper()
		furnishShop(t, a)
		hurried := serve(t, a.store, func(s *settings) { s.limits.Aggregate = 100 * time.Millisecond })
		endless := `{"stages": [{"project": {"l": "[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]"}}` + strings.Repeat(`, {"unwind": {"path": "l", "as": "x"}}, {"project": {"l": "l"}}`, 9) + `, {"group": {"fields": {"n": {"count": true}}}}]}`
		for _, accept := range []string{"application/json", "application/x-ndjson", "text/csv"} {
			wantProblem(t, hurried.send(t, "POST "+shopPath+"/aggregate", endless, "Accept: "+accept), http.StatusRequestEntityTooLarge, "aggregate.budget")
		}
	})
}
