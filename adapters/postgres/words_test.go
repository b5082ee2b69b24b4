package postgres_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/adapters/postgres"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/query"
	"github.com/sheafdb/sheaf/ports/app"
)

// library is a collection of books with the use cases around it.
type library struct {
	*testing.T
	collections *app.Collections
	documents   *app.Documents
	store       *postgres.Store
}

func openLibrary(t *testing.T, scan int64) library {
	t.Helper()
	store := open(t, postgres.Config{})
	clock := func() time.Time { return noon }
	parts := app.Dependencies{Store: store, Clock: clock, Limits: app.Limits{Scan: scan}}
	catalog := app.NewCatalog(store, clock, parts.Limits.Schema)
	parts.Store = app.Relate(store, catalog, parts.Limits.Cascade)
	return library{t, &app.Collections{Dependencies: parts, Catalog: catalog}, &app.Documents{Dependencies: parts, Catalog: catalog}, store}
}

func (l library) declare(indexes string) {
	l.Helper()
	_, err := l.collections.Put(l.Context(), app.Caller{}, app.WriteCollection{Name: collectionName("books"), Body: []byte(`{"indexes": [` + indexes + `]}`)})
	if err != nil {
		l.Fatal(err)
	}
}

func (l library) put(name, data string) {
	l.Helper()
	if _, err := l.documents.Put(l.Context(), app.Caller{}, app.PutDocument{Collection: collectionName("books"), ID: id(name), Data: []byte(data)}); err != nil {
		l.Fatal(err)
	}
}

func (l library) list(r app.ListDocuments) (app.DocumentPage, error) {
	r.Collection = collectionName("books")
	return l.documents.List(l.Context(), app.Caller{}, r)
}

// ids returns the ids of all pages of a list, and goes back to the first one.
func (l library) ids(r app.ListDocuments) []string {
	l.Helper()
	var pages [][]string
	forward := true
	for {
		page, err := l.list(r)
		if err != nil {
			l.Fatalf("%+v: %v", r, err)
		}
		var ids []string
		for _, d := range page.Items {
			ids = append(ids, d.ID.String())
		}
		at := len(pages)
		if forward {
			pages = append(pages, ids)
		} else if at = slices.IndexFunc(pages, func(p []string) bool { return slices.Equal(p, ids) }); at < 0 {
			l.Errorf("going back, %v is no page of %v", ids, pages)
			return nil
		}
		switch {
		case forward && page.Next != "":
			r.Token = page.Next
		case page.Previous != "":
			forward, r.Token = false, page.Previous
		default:
			if at != 0 {
				l.Errorf("going back ends at page %d of %v", at, pages)
			}
			return slices.Concat(pages...)
		}
	}
}

const textIndex = `{"name": "by_text", "kind": "text", "on": ["doc.title", "doc.body"], "language": "english", "weights": {"doc.title": "A"}}`

func TestWords_List(t *testing.T) {
	t.Parallel()
	l := openLibrary(t, 100)
	l.declare(textIndex)
	for i := range 30 {
		l.put(fmt.Sprintf("b%02d", i), fmt.Sprintf(`{"title": "Book %d", "body": "%s whale", "n": %d}`, i, strings.Repeat("word ", i%7), i%3))
	}
	l.put("moby", `{"title": "Whales", "n": 1}`)
	all := l.ids(app.ListDocuments{Filter: `search("whale")`})
	if len(all) != 31 || all[0] != "moby" {
		t.Errorf("found %v", all)
	}
	for _, size := range []int{1, 7, 30, 31} {
		if got := l.ids(app.ListDocuments{Filter: `search("whale")`, Paging: app.Paging{Size: size}}); !slices.Equal(got, all) {
			t.Errorf("pages of %d: %v, want %v", size, got, all)
		}
	}
	got := l.ids(app.ListDocuments{Filter: `doc.n == 1 && search("whale -book")`, OrderBy: "doc.n desc"})
	if !slices.Equal(got, []string{"moby"}) {
		t.Errorf("found %v", got)
	}
	page, err := l.list(app.ListDocuments{
		Filter: `doc.n == 1 && search("whale")`, Explain: true, Fields: "doc.title", Paging: app.Paging{Size: 5, Count: query.CountExact},
	})
	if err != nil || page.Count == nil || page.Count.Value != 11 || string(page.Items[0].Data) != `{"title": "Whales"}` {
		t.Fatalf("page %+v, %v", page, err)
	}
	e := page.Explain
	if e.Index.Name != "by_text" || e.Reads[0] != `search("whale")` || len(e.Residual) != 1 || e.Estimated != 31 || e.Examined != 11 || e.Ordered {
		t.Errorf("explained %+v", e)
	}
}

func TestWords_Refused(t *testing.T) {
	t.Parallel()
	l := openLibrary(t, 5)
	l.declare("")
	l.put("b", `{"title": "whale"}`)
	refused := func(filter, order, code string) error {
		t.Helper()
		_, err := l.list(app.ListDocuments{Filter: filter, OrderBy: order})
		if fault.CodeOf(err) != code {
			t.Errorf("filter %q, order %q: %v, want code %q", filter, order, err, code)
		}
		return err
	}
	var unindexed *app.UnindexedError
	if err := refused(`search("whale")`, "", "query.unindexed"); !errors.As(err, &unindexed) || unindexed.Suggestion == nil {
		t.Fatalf("got %v", err)
	}
	suggestion, _ := json.Marshal(unindexed.Suggestion)
	l.declare(string(suggestion))
	if err := refused(`search("whale")`, "", "query.unindexed"); !errors.As(err, &unindexed) || unindexed.Suggestion != nil {
		t.Errorf("while it is built: %v", err)
	}
	for _, x := range must(l.store.UnfinishedIndexes(t.Context(), 10)) {
		if err := step(t.Context(), l.store, x, 10); err != nil {
			t.Fatal(err)
		}
	}
	if got := l.ids(app.ListDocuments{Filter: `search("whale")`}); !slices.Equal(got, []string{"b"}) {
		t.Errorf("found %v", got)
	}
	for filter, order := range map[string]string{
		`!search("a")`: "", `search("a") || doc.n == 1`: "", `search("a") && search("b")`: "", `search(doc.title)`: "", `search()`: "", `search("a", "b", "c")`: "", `search("other", "a")`: "",
		`doc.tags.exists(t, search("a"))`: "", `search("a") ? true : false`: "", `search("a") == true`: "", `search(1)`: "", `doc.title.search("a")`: "",
	} {
		refused(filter, order, "filter.invalid")
	}
	refused(`doc.n == 1`, "rank desc", "order.invalid")
	refused(`search("a")`, "rank up", "order.invalid")
	for i := range 6 {
		l.put(fmt.Sprint("w", i), `{"title": "whale"}`)
	}
	refused(`search("whale")`, "", "query.tooExpensive")
	if got := l.ids(app.ListDocuments{Filter: `search("whale")`, AllowScan: true}); len(got) != 7 {
		t.Errorf("found %v", got)
	}
	l.declare(string(suggestion) + ", " + strings.Replace(textIndex, "by_text", "other", 1))
	refused(`search("a")`, "", "filter.invalid")
	l.ids(app.ListDocuments{Filter: `search("by_text", "a")`})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
