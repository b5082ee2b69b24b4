package httpapi_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"sync"
	"testing"

	"github.com/sheafdb/sheaf/adapters/memory"
	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/ports"
)

// lists are requests for lists that have a tag, no two of them for the same answer.
var lists = []string{
	"", "?pageSize=1", "?count=exact", "?count=capped", "?filter=" + url.QueryEscape(`doc.n > 1`), "?filter=" + url.QueryEscape(`doc.n > 1 `), "?filter=false", "?orderBy=doc.n",
	"?orderBy=" + url.QueryEscape("doc.n desc"), "?fields=doc.n", "?filter=doc.n%20%3E%201&orderBy=doc.n&fields=id",
}

// A list has a strong tag, which is another one when anything about the list is, and no 304 but for it.
func TestListTags(t *testing.T) {
	t.Parallel()
	onEvery(t, func(t *testing.T, a *api) {
		t.Helper()
		a.declare(t, "books", `{}`)
		seen := map[string]string{} // tag → what it was of
		look := func(when string) map[string]string {
			tags := map[string]string{}
			for _, query := range lists {
				send := "GET " + booksPath + "/documents" + query
				got := wantStatus(t, a.send(t, send, ""), http.StatusOK)
				tag := got.header.Get("Etag")
				if len(tag) != 26 || tag[0] != '"' {
					t.Fatalf("%s: tag %q", send, tag)
				}
				if was, again := seen[tag]; again {
					t.Errorf("%s %s has the tag of %s", when, query, was)
				}
				seen[tag], tags[query] = when+" "+query, tag
				for _, condition := range []string{tag, "W/" + tag, `"x", ` + tag + ` , "y"`, "*"} {
					same := wantStatus(t, a.send(t, send, "", "If-None-Match: "+condition), http.StatusNotModified)
					if same.header.Get("Etag") != tag || len(same.body) > 0 || same.header.Get("Cache-Control") == "" {
						t.Errorf("%s with %s: %v", send, condition, same.header)
					}
				}
				wantStatus(t, a.send(t, send, "", "If-None-Match: \"1\", "+tag[:25]+`x"`), http.StatusOK)
				wantStatus(t, a.send(t, send, "", "If-Match: "+tag), http.StatusOK)
				wantProblem(t, a.send(t, send, "", "If-Match: W/"+tag), http.StatusPreconditionFailed, "list.stale")
				wantStatus(t, a.send(t, send, "", "If-Match: "+tag, "If-None-Match: "+tag), http.StatusNotModified)
				if head := a.send(t, "HEAD "+booksPath+"/documents"+query, ""); head.header.Get("Etag") != tag {
					t.Errorf("HEAD %s: tag %q, GET %q", query, head.header.Get("Etag"), tag)
				}
			}
			return tags
		}
		empty := look("empty")
		wantProblem(t, a.send(t, "GET "+booksPath+"/documents?filter=nonsense%28", "", "If-None-Match: *"), http.StatusBadRequest, "filter.invalid")
		for i := range 3 {
			a.put(t, "books", fmt.Sprint("b", i), fmt.Sprintf(`{"n": %d}`, i))
		}
		filled := look("filled")
		for query, tag := range empty {
			wantStatus(t, a.send(t, "GET "+booksPath+"/documents"+query, "", "If-None-Match: "+tag), http.StatusOK)
		}
		a.put(t, "books", "b0", `{"n": 0}`) // which changes nothing
		for query, tag := range filled {
			wantStatus(t, a.send(t, "GET "+booksPath+"/documents"+query, "", "If-None-Match: "+tag), http.StatusNotModified)
		}
		wantStatus(t, a.send(t, "PATCH "+booksPath, `{"description": "x"}`), http.StatusOK)
		look("declared anew")
		wantStatus(t, a.send(t, "DELETE "+booksPath+"?force=true", ""), http.StatusNoContent)
		a.declare(t, "books", `{}`)
		look("another collection")
	})
}

func TestListTags_None(t *testing.T) {
	t.Parallel()
	a := inMemory(t)
	a.declare(t, "books", `{"references":[{"path":"doc.sequel","collection":"books"}]}`)
	a.put(t, "books", "a", `{"sequel": "a"}`)
	for _, query := range []string{"?expand=doc.sequel", "?explain=true", "?count=estimated"} {
		if got := wantStatus(t, a.send(t, "GET "+booksPath+"/documents"+query, ""), http.StatusOK); got.header.Get("Etag") != "" {
			t.Errorf("%s: tag %s", query, got.header.Get("Etag"))
		}
		wantStatus(t, a.send(t, "GET "+booksPath+"/documents"+query, "", `If-None-Match: ""`), http.StatusOK)
		wantStatus(t, a.send(t, "GET "+booksPath+"/documents"+query, "", `If-Match: ""`), http.StatusPreconditionFailed)
	}
}

// A query in a body has a tag as well, and the same conditions.
func TestListTags_Query(t *testing.T) {
	t.Parallel()
	a := inMemory(t)
	furnish(t, a)
	tag := wantStatus(t, a.send(t, "POST "+booksPath+"/query", `{"filter": "true", "pageSize": 50}`), http.StatusOK).header.Get("Etag")
	same := wantStatus(t, a.send(t, "POST "+booksPath+"/query", `{"pageSize": 0, "filter": "true"}`, "If-None-Match: "+tag), http.StatusNotModified)
	if tag == "" || same.header.Get("Etag") != tag {
		t.Errorf("tag %q, then %q", tag, same.header.Get("Etag"))
	}
	wantStatus(t, a.send(t, "POST "+booksPath+"/query", `{"filter": "true", "pageSize": 1}`, "If-None-Match: "+tag), http.StatusOK)
	a.put(t, "books", "moby-dick", `{}`)
	wantStatus(t, a.send(t, "POST "+booksPath+"/query", `{"filter": "true"}`, "If-None-Match: "+tag), http.StatusOK)
}

// positioned is a store that tells positions and configurations, and nothing else.
type positioned struct {
	broken
	store ports.Store
}

func (p positioned) GetCollection(ctx context.Context, name ident.Collection) (collection.Stored, error) {
	return p.store.GetCollection(ctx, name)
}

func (p positioned) Position(ctx context.Context, bucket int32) (change.Position, error) {
	return p.store.Position(ctx, bucket)
}

// A page that has not changed is not looked for.
func TestListTags_SearchNothing(t *testing.T) {
	t.Parallel()
	store := memory.New()
	source := serve(t, store)
	furnish(t, source)
	a := serve(t, positioned{broken{fail: func() error { return errors.New("searched") }}, store})
	for _, query := range lists {
		send := "GET " + booksPath + "/documents" + query
		tag := source.send(t, send, "").header.Get("Etag")
		wantStatus(t, a.send(t, send, "", "If-None-Match: "+tag), http.StatusNotModified)
		wantStatus(t, a.send(t, send, ""), http.StatusInternalServerError)
	}
}

// However writers and readers meet: two answers with one tag are the same to the byte, and a 304 says nothing else than the answer at that moment would.
func TestListTags_Strong(t *testing.T) {
	t.Parallel()
	onEvery(t, func(t *testing.T, a *api) {
		t.Helper()
		a.declare(t, "books", `{"indexes": [{"name": "by_n", "on": ["doc.n"]}]}`)
		var mu sync.Mutex
		bodies := map[string]string{}
		var writing, reading sync.WaitGroup
		done := make(chan struct{})
		for writer := range 3 {
			writing.Go(func() {
				random := rand.New(rand.NewPCG(1, uint64(writer)))
				for i := range 60 {
					id := fmt.Sprint("b", random.IntN(5))
					if i%6 == 0 {
						a.send(t, "DELETE "+booksPath+"/documents/"+id, "")
					} else {
						a.put(t, "books", id, fmt.Sprintf(`{"n": %d}`, random.IntN(4)))
					}
				}
			})
		}
		for reader := range 3 {
			reading.Go(func() {
				random := rand.New(rand.NewPCG(2, uint64(reader)))
				for {
					select {
					case <-done:
						return
					default:
					}
					mu.Lock()
					known := slices.Collect(maps.Keys(bodies))
					mu.Unlock()
					send := "GET " + booksPath + "/documents" + lists[random.IntN(len(lists))]
					var headers []string
					if len(known) > 0 && random.IntN(2) == 0 {
						headers = []string{"If-None-Match: " + known[random.IntN(len(known))]}
					}
					got := a.send(t, send, "", headers...)
					tag := got.header.Get("Etag")
					mu.Lock()
					body, seen := bodies[tag]
					switch {
					case got.status == http.StatusNotModified:
						if headers[0] != "If-None-Match: "+tag || !seen {
							t.Errorf("%s with %v: 304 of %s", send, headers, tag)
						}
					case tag == "":
					case seen && body != string(got.body):
						t.Errorf("%s: two answers have the tag %s:\n%s\n%s", send, tag, body, got.body)
					default:
						bodies[tag] = string(got.body)
					}
					mu.Unlock()
				}
			})
		}
		writing.Wait()
		close(done)
		reading.Wait()
		if len(bodies) < 10 {
			t.Errorf("only %d tags were seen", len(bodies))
		}
	})
}

// An aggregate has a tag as a list has, and one that has not changed is not run.
func TestListTags_Aggregate(t *testing.T) {
	t.Parallel()
	store := memory.New()
	a := serve(t, store)
	furnish(t, a)
	send, body := "POST "+booksPath+"/aggregate", `{"stages": [{"group": {"fields": {"n": {"count": true}}}}]}`
	got := wantStatus(t, a.send(t, send, body), http.StatusOK)
	tag := got.header.Get("Etag")
	if tag == "" || a.send(t, send, ` { "stages":[{"group":{"fields":{"n":{"count":true}}}}]}`).header.Get("Etag") != tag {
		t.Fatalf("tag %q", tag)
	}
	idle := serve(t, positioned{broken{fail: func() error { return errors.New("aggregated") }}, store})
	if same := wantStatus(t, idle.send(t, send, body, "If-None-Match: "+tag), http.StatusNotModified); same.header.Get("Etag") != tag {
		t.Errorf("tag %q", same.header.Get("Etag"))
	}
	for name, other := range map[string]struct {
		body   string
		header string
	}{
		"other stages": {`{"stages": [{"limit": 1}]}`, "If-None-Match: " + tag},
		"a stream":     {body, "Accept: text/csv"},
		"explained":    {`{"stages": [], "explain": true}`, "If-None-Match: " + tag},
		"a lookup":     {`{"stages": [{"lookup": {"from": "strict", "path": "doc.other", "as": "other"}}]}`, "If-None-Match: " + tag},
	} {
		if got := wantStatus(t, a.send(t, send, other.body, other.header), http.StatusOK); (got.header.Get("Etag") != "") != (name == "other stages") || got.header.Get("Etag") == tag {
			t.Errorf("%s: tag %q", name, got.header.Get("Etag"))
		}
	}
	a.put(t, "books", "moby-dick", `{}`)
	if got := wantStatus(t, a.send(t, send, body, "If-None-Match: "+tag), http.StatusOK); got.header.Get("Etag") == tag {
		t.Error("the tag outlives a change")
	}
}
