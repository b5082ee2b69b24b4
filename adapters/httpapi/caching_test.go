package httpapi_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/adapters/memory"
	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/ports"
)

const sheetPath = "/v1/collections/sheets"

// How answers may be kept is what the collection says, and only what a public one shows may be kept by many.
func TestCaching(t *testing.T) {
	t.Parallel()
	const public = `{"public": true, "maxAge": "0s", "sMaxAge": "1m", "staleWhileRevalidate": "30s", "staleIfError": "10m"}`
	for _, test := range []struct {
		name, cache     string
		send            string
		control, shared string
		keys            string
	}{
		{name: "no policy", cache: `{}`, send: "/documents/a", control: "private, no-cache"},
		{name: "private", cache: `{"maxAge": "30s", "staleWhileRevalidate": "1m"}`, send: "/documents/a", control: "private, max-age=30, stale-while-revalidate=60"},
		{name: "private list", cache: `{"maxAge": "30s"}`, send: "/documents", control: "private, max-age=30"},
		{name: "private, stale at once", cache: `{"staleIfError": "1h"}`, send: "/documents", control: "private, max-age=0, stale-if-error=3600"},
		{name: "public", cache: `{"public": true, "maxAge": "30s"}`, send: "/documents/a", control: "public, max-age=30, s-maxage=30", shared: "max-age=30", keys: "sheets sheets/a"},
		{name: "public, always asked", cache: `{"public": true}`, send: "/documents/a", control: "public, no-cache", shared: "no-cache", keys: "sheets sheets/a"},
		{
			name: "public, for shared caches above all", cache: public, send: "/documents/a",
			control: "public, max-age=0, s-maxage=60, stale-while-revalidate=30, stale-if-error=600", shared: "max-age=60, stale-while-revalidate=30, stale-if-error=600", keys: "sheets sheets/a",
		},
		{
			name: "public list", cache: public, send: "/documents?filter=true",
			control: "public, max-age=0, s-maxage=60, stale-while-revalidate=30, stale-if-error=600", shared: "max-age=60, stale-while-revalidate=30, stale-if-error=600", keys: "sheets sheets:list",
		},
		{name: "what was", cache: public, send: "/documents/a?asOf=2030-01-01T00:00:00Z", control: "private, no-cache"},
		{name: "revisions", cache: public, send: "/documents/a/revisions", control: "private, no-cache"},
		{name: "revision", cache: public, send: "/documents/a/revisions/1", control: "private, no-cache"},
		{name: "difference", cache: public, send: "/documents/a/diff", control: "private, no-cache"},
		{name: "configuration", cache: public, send: "", control: "private, no-cache"},
		{name: "stream", cache: public, send: "/export", control: "no-store"},
		{name: "failure", cache: public, send: "/documents/b", control: "no-store"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a := inMemory(t, rootKey)
			key := "Authorization: Bearer sesame"
			wantStatus(t, a.send(t, "PUT "+sheetPath, `{"cache": `+test.cache+`}`, key), http.StatusCreated)
			wantStatus(t, a.send(t, "PUT "+sheetPath+"/documents/a", `{}`, key), http.StatusCreated)
			methods := []string{"GET", "HEAD"}
			for _, method := range methods {
				wantCaching(t, a.send(t, method+" "+sheetPath+test.send, "", key), test.control, test.shared, test.keys)
			}
			if strings.HasSuffix(test.send, "/a") {
				wantCaching(t, wantStatus(t, a.send(t, "GET "+sheetPath+test.send, "", key, `If-None-Match: "1"`), http.StatusNotModified), test.control, test.shared, test.keys)
			}
			refused := a.send(t, "GET "+sheetPath+test.send, "")
			wantProblem(t, refused, http.StatusUnauthorized, "auth.required")
			wantCaching(t, refused, "no-store", "", "")
		})
	}
}

// wantCaching holds the headers of an answer against the rules that tie them together.
func wantCaching(t *testing.T, got reply, control, shared, keys string) {
	t.Helper()
	for name, want := range map[string]string{
		"Cache-Control": control, "CDN-Cache-Control": shared, "Surrogate-Key": keys, "Cache-Tag": strings.ReplaceAll(keys, " ", ","),
	} {
		if value := got.header.Get(name); value != want {
			t.Errorf("%s: %q, want %q", name, value, want)
		}
	}
	vary := strings.Split(strings.Join(got.header.Values("Vary"), ", "), ", ")
	if !slices.Contains(vary, "Accept-Encoding") {
		t.Errorf("Vary: %q lacks Accept-Encoding", vary)
	}
	if private := strings.HasPrefix(control, "private"); private != slices.Contains(vary, "Authorization") {
		t.Errorf("Vary: %q beside %s", vary, control)
	}
}

// No cache may serve a document beyond the instant at which it expires.
func TestCaching_Expiry(t *testing.T) {
	t.Parallel()
	a := inMemory(t)
	a.declare(t, "sheets", `{"expiry": {"at": "doc.until"}, "cache": {"public": true, "maxAge": "1m", "sMaxAge": "1h", "staleIfError": "1h"}}`)
	a.declare(t, "notes", `{"cache": {"public": true, "maxAge": "1h", "staleIfError": "1h"}, "references": [{"path": "doc.sheet", "collection": "sheets"}]}`)
	a.put(t, "sheets", "a", `{"until": "2026-11-24T12:02:00Z"}`) // two minutes after noon, all but 123,456 µs
	a.put(t, "sheets", "b", `{}`)
	a.put(t, "notes", "n", `{"sheet": "b"}`)
	wantCaching(t, a.send(t, "GET "+sheetPath+"/documents/a", ""), "public, max-age=60, s-maxage=119", "max-age=119", "sheets sheets/a")
	wantCaching(t, a.send(t, "GET "+sheetPath+"/documents/b", ""), "public, max-age=60, s-maxage=3600, stale-if-error=3600", "max-age=3600, stale-if-error=3600", "sheets sheets/b")
	list := a.send(t, "GET "+sheetPath+"/documents", "")
	wantCaching(t, list, "public, no-cache", "no-cache", "sheets sheets:list")
	if tag := list.header.Get("Etag"); tag != "" {
		t.Errorf("a list that changes by itself has the tag %s", tag)
	}
	if tag := a.send(t, "POST "+sheetPath+"/aggregate", `{"stages": []}`).header.Get("Etag"); tag != "" {
		t.Errorf("an aggregate that changes by itself has the tag %s", tag)
	}
	wantCaching(t, a.send(t, "GET /v1/collections/notes/documents/n?expand=doc.sheet", ""), "public, no-cache", "no-cache", "notes notes/n sheets sheets:list")
}

// Who has written gets what is newer, and not what a cache has kept of an answer to somebody else.
func TestCaching_ConsistencyToken(t *testing.T) {
	t.Parallel()
	a := inMemory(t)
	a.declare(t, "sheets", `{"cache": {"public": true, "maxAge": "1m"}}`)
	token := wantStatus(t, a.send(t, "PUT "+sheetPath+"/documents/a", `{}`), http.StatusCreated).header.Get("Consistency-Token")
	for _, path := range []string{"/documents/a", "/documents"} {
		got := a.send(t, "GET "+sheetPath+path, "")
		if vary := strings.Join(got.header.Values("Vary"), ", "); vary != "Accept-Encoding, Consistency-Token" {
			t.Errorf("%s: Vary %s", path, vary)
		}
		wantCaching(t, a.send(t, "GET "+sheetPath+path, "", "Consistency-Token: "+token), "public, no-cache", "no-store", "")
	}
	a.declare(t, "secrets", `{"cache": {"maxAge": "1m"}}`)
	token = wantStatus(t, a.send(t, "PUT /v1/collections/secrets/documents/a", `{}`), http.StatusCreated).header.Get("Consistency-Token")
	wantCaching(t, a.send(t, "GET /v1/collections/secrets/documents/a", "", "Consistency-Token: "+token), "private, no-cache", "", "")
}

// remembering is a store behind a cache that has what it was asked for before.
type remembering struct {
	ports.Store
	from ports.Source
}

func (r remembering) GetRecent(ctx context.Context, key collection.Key, id ident.Document, seen change.Position) (document.Document, ports.Source, error) {
	d, _, err := r.Store.GetRecent(ctx, key, id, seen)
	return d, r.from, err
}

// Where there is a cache, answers about documents say what it did (RFC 9211), and how old what it had may be (RFC 9111 section 5.1).
func TestCaching_Status(t *testing.T) {
	t.Parallel()
	store := memory.New()
	furnish(t, serve(t, store))
	for from, want := range map[ports.Source]string{ports.FromMemory: "sheaf; hit; detail=memory", ports.FromShared: "sheaf; hit; detail=shared", ports.FromStore: "sheaf; fwd=miss"} {
		age := "2" // whole seconds that have passed
		if from == ports.FromStore {
			age = ""
		}
		a := serve(t, remembering{store, from}, func(s *settings) { s.CacheAge = func() time.Duration { return 2700 * time.Millisecond } })
		for _, send := range []string{"GET " + mobyPath, "HEAD " + mobyPath} {
			for _, headers := range [][]string{nil, {`If-None-Match: "1"`}} {
				got := a.send(t, send, "", headers...)
				if status, own := got.header.Get("Cache-Status"), got.header.Get("Age"); status != want || own != age {
					t.Errorf("%s %s: %d with %q and Age %q, want %q and %q", send, headers, got.status, status, own, want, age)
				}
			}
		}
		if got := a.send(t, "GET "+mobyPath+"?asOf=2030-01-01T00:00:00Z", "").header.Get("Cache-Status"); got != "" {
			t.Errorf("what was: %q", got)
		}
	}
	if got := serve(t, remembering{store, ports.FromMemory}).send(t, "GET "+mobyPath, "").header.Get("Cache-Status"); got != "" {
		t.Errorf("without a cache: %q", got)
	}
}

// An answer that shows documents of several collections may be kept as far as all of them allow.
func TestCaching_Expand(t *testing.T) {
	t.Parallel()
	a := inMemory(t)
	a.declare(t, "authors", `{"cache": {"public": true, "maxAge": "10s", "staleWhileRevalidate": "5s"}}`)
	a.declare(t, "secrets", `{"cache": {"maxAge": "1m"}}`)
	a.declare(t, "sheets", `{"cache": {"public": true, "maxAge": "1h", "sMaxAge": "5s", "staleWhileRevalidate": "1m"},
		"references": [{"path": "doc.by", "collection": "authors"}, {"path": "doc.secret", "collection": "secrets"}, {"path": "doc.ghost", "collection": "ghosts"}]}`)
	a.put(t, "sheets", "a", `{"by": "x"}`)
	for _, path := range []string{"/documents/a", "/documents"} {
		own := "sheets sheets:list"
		if path == "/documents/a" {
			own = "sheets sheets/a"
		}
		wantCaching(t, a.send(t, "GET "+sheetPath+path+"?expand=doc.by", ""),
			"public, max-age=10, s-maxage=5, stale-while-revalidate=5", "max-age=5, stale-while-revalidate=5", own+" authors authors:list")
		wantCaching(t, a.send(t, "GET "+sheetPath+path+"?expand=doc.by,doc.secret", ""), "private, max-age=10", "", "")
		wantCaching(t, a.send(t, "GET "+sheetPath+path+"?expand=doc.ghost", ""), "private, no-cache", "", "")
	}
}
