package httpapi_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/adapters/memory"
)

// ticking is a clock that tests set.
type ticking struct{ at atomic.Int64 }

func (c *ticking) set(at time.Time) { c.at.Store(at.UnixMicro()) }

func (c *ticking) now() time.Time { return time.UnixMicro(c.at.Load()).UTC() }

// later starts a server on each store, at noon, by a clock that the test sets.
func later(t *testing.T, test func(t *testing.T, a *api, clock *ticking)) {
	t.Helper()
	for name, start := range everyStore {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			clock := &ticking{}
			clock.set(noon)
			test(t, start(t, func(s *settings) { s.clock = clock.now }), clock)
		})
	}
}

// A document is gone from its instant on, whatever is asked, and it does not matter whether it was removed already.
func TestExpiry_Reads(t *testing.T) {
	t.Parallel()
	later(t, func(t *testing.T, a *api, clock *ticking) {
		t.Helper()
		a.declare(t, "sessions", `{"expiry": {"at": "doc.until"}, "indexes": [{"name": "by_n", "on": ["doc.n"]}], "references": [{"path": "doc.parent", "collection": "sessions"}]}`)
		a.put(t, "sessions", "a", `{"n": 1, "until": "2026-11-24T12:30:00Z"}`)
		a.put(t, "sessions", "b", `{"n": 2, "parent": "a"}`)
		a.put(t, "sessions", "c", `{"n": 3, "until": "2026-11-25T00:00:00+01:00"}`)
		reads := func(t *testing.T, there bool) {
			t.Helper()
			status, ids, count, found, rows := http.StatusNotFound, `["b","c"]`, `2`, `null`, `[{"n":2}]`
			expanded := `{"doc.parent":{"document":null,"id":"a","reason":"notFound"}}`
			if there {
				status, ids, count, found, rows = http.StatusOK, `["a","b","c"]`, `3`, `{"n":1,"until":"2026-11-24T12:30:00Z"}`, `[{"n":3}]`
				expanded = `{"doc.parent":{"document":{"id":"a","revision":1}}}`
			}
			const base = "/v1/collections/sessions/documents"
			for _, line := range []string{"GET " + base + "/a", "HEAD " + base + "/a", "GET " + base + "/a?asOf=" + clock.now().Format(time.RFC3339Nano)} {
				wantStatus(t, a.send(t, line, ""), status)
			}
			for _, line := range []string{base + "?count=exact", base + "?count=capped", base + "?filter=doc.n%20%3E%200&orderBy=doc.n&count=exact", base + "?filter=has(doc.n)&count=exact", base + "?orderBy=updatedAt&count=exact"} {
				got := wantStatus(t, a.send(t, "GET "+line, ""), http.StatusOK).tree(t).(map[string]any)
				var listed []any
				for _, item := range got["items"].([]any) {
					listed = append(listed, item.(map[string]any)["id"])
				}
				wantPart(t, listed, decode(t, []byte(ids)))
				wantPart(t, got["count"].(map[string]any)["value"], decode(t, []byte(count)))
			}
			page := wantStatus(t, a.send(t, "GET "+base+"?expand=doc.parent&filter=id%20%3D%3D%20%22b%22", ""), http.StatusOK).tree(t)
			wantPart(t, page, decode(t, []byte(`{"items":[{"id":"b","expanded":`+expanded+`}]}`)))
			wantPart(t, wantStatus(t, a.send(t, "GET "+base+"/b?expand=doc.parent", ""), http.StatusOK).tree(t), decode(t, []byte(`{"expanded":`+expanded+`}`)))
			got := wantStatus(t, a.send(t, "POST /v1/collections/sessions/aggregate", `{"stages":[{"group":{"fields":{"n":{"count":true}}}}]}`), http.StatusOK).tree(t)
			wantPart(t, got.(map[string]any)["items"], decode(t, []byte(rows)))
			got = wantStatus(t, a.send(t, "POST /v1/collections/sessions/aggregate", `{"stages":[{"match":"id == \"b\""},{"lookup":{"path":"doc.parent","as":"found"}},{"project":{"found":"found"}}]}`), http.StatusOK).tree(t)
			wantPart(t, got.(map[string]any)["items"], decode(t, []byte(`[{"found":`+found+`}]`)))
			exported := wantStatus(t, a.send(t, "GET /v1/collections/sessions/export", "", "Accept: application/x-ndjson"), http.StatusOK)
			lines := 0
			for _, b := range exported.body {
				if b == '\n' {
					lines++
				}
			}
			wantPart(t, decode(t, []byte(count)), decode(t, []byte(fmt.Sprint(lines))))
		}
		reads(t, true)
		listed := wantStatus(t, a.send(t, "GET /v1/collections/sessions/documents", ""), http.StatusOK)
		if tag := listed.header.Get("ETag"); tag != "" {
			t.Errorf("a list that time changes has the tag %s", tag)
		}
		at := time.Date(2026, 11, 24, 12, 30, 0, 0, time.UTC)
		clock.set(at.Add(-time.Microsecond))
		reads(t, true)
		clock.set(at)
		reads(t, false)
		if err := a.documents.RemoveExpired(t.Context(), slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
		if due, err := a.store.DueCollections(t.Context(), clock.now(), 1); err != nil || len(due) > 0 {
			t.Fatalf("left behind: %v, %v", due, err)
		}
		reads(t, false)
		history := wantStatus(t, a.send(t, "GET /v1/collections/sessions/documents/a/revisions", ""), http.StatusOK)
		wantPart(t, history.tree(t), decode(t, []byte(`{"items":[{"revision":2,"op":"delete","actor":"system","requestId":"expiry","at":"2026-11-24T12:30:00.000000Z"},{"revision":1,"op":"create"}]}`)))
		// What was is as it was.
		wantStatus(t, a.send(t, "GET /v1/collections/sessions/documents/a?asOf=2026-11-24T12:29:59Z", ""), http.StatusOK)
		clock.set(at.Add(time.Hour))
		wantStatus(t, a.send(t, "GET /v1/collections/sessions/documents/a?asOf=2026-11-24T12:30:00Z", ""), http.StatusNotFound)
	})
}

// A write finds no document where a read finds none.
func TestExpiry_Writes(t *testing.T) {
	t.Parallel()
	later(t, func(t *testing.T, a *api, clock *ticking) {
		t.Helper()
		a.declare(t, "sessions", `{"expiry": {"at": "createdAt", "after": "1h"}, "indexes": [{"name": "by_user", "on": ["doc.user"], "unique": true}]}`)
		const base = "/v1/collections/sessions/documents"
		for _, id := range []string{"a", "b", "c", "d"} {
			a.put(t, "sessions", id, `{"user": "`+id+`"}`)
		}
		clock.set(noon.Add(time.Hour - time.Microsecond))
		wantProblem(t, a.send(t, "POST "+base+"?id=a", `{"user":"a"}`), http.StatusConflict, "document.exists")
		wantProblem(t, a.send(t, "POST "+base+"?id=x", `{"user":"a"}`), http.StatusConflict, "document.duplicate")
		clock.set(noon.Add(time.Hour))
		before := contents(t, a.store)
		wantProblem(t, a.send(t, "PATCH "+base+"/a", `{"n":1}`), http.StatusNotFound, "document.notFound")
		wantProblem(t, a.send(t, "DELETE "+base+"/a", ""), http.StatusNotFound, "document.notFound")
		if p := wantProblem(t, a.send(t, "PUT "+base+"/a", `{"user":"a"}`, `If-Match: "1"`), http.StatusPreconditionFailed, "document.stale"); p.CurrentRevision != 0 {
			t.Errorf("the document is at %d", p.CurrentRevision)
		}
		wantStatus(t, a.send(t, "POST "+base+"?id=a&validateOnly=true", `{"user":"a"}`), http.StatusOK)
		if got := contents(t, a.store); got != before {
			t.Errorf("the store has %s\nwant %s", got, before)
		}
		created := wantStatus(t, a.send(t, "POST "+base+"?id=a", `{"user":"a"}`), http.StatusCreated)
		wantPart(t, created.tree(t), decode(t, []byte(`{"id":"a","revision":3,"createdAt":"2026-11-24T13:00:00.123456Z"}`)))
		// Keys are free, also those of several at once.
		wantStatus(t, a.send(t, "POST "+base+"?id=x", `{"user":"b"}`), http.StatusCreated)
		imported := wantStatus(t, a.send(t, "POST /v1/collections/sessions/import", "{\"user\":\"c\"}\n{\"user\":\"d\"}\n", "Content-Type: application/x-ndjson"), http.StatusOK)
		wantPart(t, imported.tree(t), decode(t, []byte(`{"created":2,"failed":0}`)))
		wantPart(t, wantStatus(t, a.send(t, "GET "+base+"/b/revisions?data=false", ""), http.StatusOK).tree(t), decode(t, []byte(`{"items":[{"op":"delete","revision":2,"actor":"system"},{"op":"create"}]}`)))
		// What has expired can be brought back, and expires again in an hour.
		wantStatus(t, a.send(t, "POST "+base+"/d/restore", `{"revision":1}`), http.StatusConflict)
		wantStatus(t, a.send(t, "DELETE "+base+"/x", ""), http.StatusNoContent)
		wantStatus(t, a.send(t, "POST "+base+"/b/restore", `{"revision":1}`), http.StatusCreated)
	})
}

// Another rule holds from the moment that it is declared, for the documents that are there.
func TestExpiry_Changed(t *testing.T) {
	t.Parallel()
	later(t, func(t *testing.T, a *api, clock *ticking) {
		t.Helper()
		a.declare(t, "notes", `{}`)
		a.put(t, "notes", "a", `{"until": "2026-11-24T12:30:00Z"}`)
		a.put(t, "notes", "b", `{"until": "whenever"}`)
		clock.set(noon.Add(time.Hour))
		for _, step := range []struct {
			definition string
			state      string
			a          int
		}{
			{`{}`, ``, http.StatusOK},
			{`{"expiry":{"at":"doc.until"}}`, `{"expiry":{"at":"doc.until","state":"building"}}`, http.StatusNotFound},
			{`{"expiry":{"at":"doc.until","after":"1d"}}`, `{"expiry":{"at":"doc.until","after":"1d","state":"building"}}`, http.StatusOK},
			{`{"expiry":{"at":"createdAt","after":"59m"}}`, `{"expiry":{"at":"createdAt","after":"59m"}}`, http.StatusNotFound},
			{`{}`, ``, http.StatusOK},
		} {
			got := wantStatus(t, a.send(t, "PUT /v1/collections/notes", step.definition), http.StatusOK)
			if step.state != "" {
				wantPart(t, got.tree(t), decode(t, []byte(step.state)))
			}
			wantStatus(t, a.send(t, "GET /v1/collections/notes/documents/a", ""), step.a)
		}
		// What an answer showed can be sent back.
		shown := wantStatus(t, a.send(t, "PUT /v1/collections/notes", `{"expiry":{"at":"doc.until"}}`), http.StatusOK)
		again := wantStatus(t, a.send(t, "PUT /v1/collections/notes", string(shown.body)), http.StatusOK)
		wantPart(t, again.tree(t), decode(t, []byte(`{"revision":6}`)))
		// A document that says no time is not stored any more; what is there does not expire by it.
		wantStatus(t, a.send(t, "GET /v1/collections/notes/documents/b", ""), http.StatusOK)
		p := wantProblem(t, a.send(t, "PATCH /v1/collections/notes/documents/b", `{"n":1}`), http.StatusUnprocessableEntity, "document.invalid")
		wantFault(t, p, "body", "/until", "expiry")
	})
}

// Nonsense is told, all of it at once.
func TestExpiry_Refused(t *testing.T) {
	t.Parallel()
	a := serve(t, memory.New())
	for _, test := range []struct{ expiry, pointer, code string }{
		{`7`, "/expiry", "type"},
		{`{}`, "/expiry", "required"},
		{`{"at": 5}`, "/expiry/at", "type"},
		{`{"at": "until"}`, "/expiry/at", "path"},
		{`{"at": "doc"}`, "/expiry/at", "path"},
		{`{"at": "id"}`, "/expiry/at", "path"},
		{`{"at": "revision"}`, "/expiry/at", "path"},
		{`{"at": "doc.until desc"}`, "/expiry/at", "path"},
		{`{"at": "doc.times[]"}`, "/expiry/at", "path"},
		{`{"at": "doc.times[].until"}`, "/expiry/at", "path"},
		{`{"at": "createdAt"}`, "/expiry", "dependentRequired"},
		{`{"at": "updatedAt", "after": "0s"}`, "/expiry", "dependentRequired"},
		{`{"at": "doc.until", "after": 7}`, "/expiry/after", "type"},
		{`{"at": "doc.until", "after": "7"}`, "/expiry/after", "format"},
		{`{"at": "doc.until", "after": "-7d"}`, "/expiry/after", "format"},
		{`{"at": "doc.until", "after": "36501d"}`, "/expiry/after", "format"},
		{`{"at": "doc.until", "after": "99999999999999999999d"}`, "/expiry/after", "format"},
		{`{"at": "doc.until", "then": "delete"}`, "/expiry/then", "unknownField"},
	} {
		p := wantProblem(t, a.send(t, "PUT /v1/collections/x", `{"expiry": `+test.expiry+`}`), http.StatusUnprocessableEntity, "collection.invalid")
		wantFault(t, p, "body", test.pointer, test.code)
	}
	a.declare(t, "x", `{"expiry": {"at": "doc.a.until", "after": "30d"}, "schema": {"required": ["name"]}}`)
	before := contents(t, a.store)
	for _, until := range []string{`"soon"`, `""`, `"2026-02-30T00:00:00Z"`, `"2026-11-24"`, `1764000000`, `true`, `[]`, `{}`, `"10000-01-01T00:00:00Z"`, `"9999-12-31T23:59:59Z"`, `"-0001-01-01T00:00:00Z"`, `"2026-11-24T12:00:00"`} {
		p := wantProblem(t, a.send(t, "POST /v1/collections/x/documents", `{"a": {"until": `+until+`}}`), http.StatusUnprocessableEntity, "document.invalid")
		wantFault(t, p, "body", "/a/until", "expiry")
		wantFault(t, p, "body", "", "required")
	}
	if got := contents(t, a.store); got != before {
		t.Errorf("the store has %s", got)
	}
	for _, data := range []string{`{"name":1}`, `{"name":1,"a":null}`, `{"name":1,"a":{"until":null}}`, `{"name":1,"a":[]}`, `{"name":1,"a":{"until":"0001-01-01T00:00:00Z"}}`, `{"name":1,"a":{"until":"9999-11-24T12:00:00.5-01:00"}}`} {
		wantStatus(t, a.send(t, "POST /v1/collections/x/documents", data), http.StatusCreated)
	}
}
