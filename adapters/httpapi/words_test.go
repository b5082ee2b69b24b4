package httpapi_test

import (
	"net/http"
	"net/url"
	"slices"
	"testing"
)

const articlesPath = "/v1/collections/articles"

// Words are searched for as any other condition is asked: in a filter, with an order and pages of their own.
func TestWords(t *testing.T) {
	t.Parallel()
	a := onPostgres(t)
	a.declare(t, "articles", `{"indexes":[{"name":"by_text","kind":"text","on":["doc.title","doc.body"],"language":"english","weights":{"doc.title":"A"}}]}`)
	a.put(t, "articles", "title", `{"title":"Running shoes","body":"For the road","price":90}`)
	a.put(t, "articles", "body", `{"title":"Socks","body":"Worn in a shoe, when you run","price":9}`)
	a.put(t, "articles", "other", `{"title":"Hats","body":"For the sun","price":20}`)
	for _, test := range []struct {
		filter string
		want   []string
	}{
		{`search("shoes")`, []string{"title", "body"}}, // what matches best is first, in any form of the word
		{`search("run shoe") && doc.price < 50`, []string{"body"}},
		{`search("by_text", "sun or road")`, []string{"other", "title"}},
		{`search('"running shoes"')`, []string{"title"}},
		{`search("shoes -road")`, []string{"body"}},
		{`search("the")`, nil}, // counts for nothing in English
	} {
		query := url.Values{"filter": {test.filter}}
		if got := a.collect(t, articlesPath, query, 1, 10); !slices.Equal(got, test.want) {
			t.Errorf("%s: got %v, want %v", test.filter, got, test.want)
		}
	}
	list := func(parameters url.Values) string { return "GET " + articlesPath + "/documents?" + parameters.Encode() }
	wantPart(t, wantStatus(t, a.send(t, list(url.Values{"filter": {`search("shoes")`}, "orderBy": {"doc.price"}, "explain": {"true"}, "count": {"exact"}}), ""), http.StatusOK).tree(t),
		decode(t, []byte(`{"items":[{"id":"body"},{"id":"title"}],"count":{"value":2},"explain":{"reads":"index","index":"by_text","ordered":false,"returned":2}}`)))
	wantPart(t, wantStatus(t, a.send(t, "POST "+articlesPath+"/query", `{"filter":"search(\"hats\")","fields":"doc.title"}`), http.StatusOK).tree(t),
		decode(t, []byte(`{"items":[{"id":"other","data":{"title":"Hats"}}]}`)))

	for _, test := range []struct{ filter, order, code string }{
		{`!search("a")`, "", "filter.invalid"},
		{`search("a") || doc.price > 1`, "", "filter.invalid"},
		{`search("a") && search("b")`, "", "filter.invalid"},
		{`search("by_words", "a")`, "", "filter.invalid"},
		{`doc.price > 1`, "rank desc", "order.invalid"},
	} {
		wantProblem(t, a.send(t, list(url.Values{"filter": {test.filter}, "orderBy": {test.order}}), ""), http.StatusBadRequest, test.code)
	}
	narrow := serve(t, a.store, func(s *settings) { s.limits.Scan = 1 })
	wantProblem(t, narrow.send(t, list(url.Values{"filter": {`search("shoes")`}}), ""), http.StatusUnprocessableEntity, "query.tooExpensive")
	wantStatus(t, narrow.send(t, list(url.Values{"filter": {`search("shoes")`}, "allowScan": {"true"}}), ""), http.StatusOK)
	a.declare(t, "plain", `{}`)
	refused := a.send(t, "GET /v1/collections/plain/documents?filter="+url.QueryEscape(`search("x")`), "")
	wantProblem(t, refused, http.StatusUnprocessableEntity, "query.unindexed")
	wantPart(t, refused.tree(t), decode(t, []byte(`{"suggestedIndex":{"name":"by_text","kind":"text","on":["doc"]}}`)))
}
