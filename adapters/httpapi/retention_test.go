package httpapi_test

import (
	"log/slog"
	"net/http"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/adapters/memory"
	"github.com/sheafdb/sheaf/domain/change"
)

// retentionScenarios are those of the contract.
var retentionScenarios = []scenario{
	{name: "a revision that is not kept", send: "GET " + mobyPath + "/revisions/1", before: trimmed, status: 410, code: "revision.trimmed"},
	{name: "as it was when nothing is kept", send: "GET " + mobyPath + "?asOf=2026-11-24T12:00:00Z", before: trimmed, status: 410, code: "revision.trimmed"},
	{name: "head as it was when nothing is kept", send: "HEAD " + mobyPath + "?asOf=2026-11-24T12:00:00Z", before: trimmed, status: 410},
	{name: "diff from what is not kept", send: "GET " + mobyPath + "/diff", before: trimmed, status: 410, code: "revision.trimmed"},
	{name: "restore what is not kept", send: "POST " + mobyPath + "/restore", body: `{"revision":1}`, before: trimmed, status: 410, code: "revision.trimmed"},
	{name: "history, trimmed", send: "GET " + mobyPath + "/revisions", before: trimmed, status: 200, want: `{"items":[{"revision":2,"op":"update"}]}`},
}

// trimmed leaves moby-dick with its second revision.
func trimmed(t *testing.T, a *api) {
	t.Helper()
	second(t, a)
	if _, err := a.store.TrimHistory(t.Context(), keyOf(t, a.store, "books"), change.Trim{Reason: change.ByNumber, Keep: 1, Before: noon.Add(time.Hour)}, 100); err != nil {
		t.Fatal(err)
	}
}

// History goes by the declaration of its collection, and what is there does not.
func TestRetention(t *testing.T) {
	t.Parallel()
	later(t, func(t *testing.T, a *api, clock *ticking) {
		t.Helper()
		a.declare(t, "notes", `{"history":{"keep":"2h","revisions":3}}`)
		a.declare(t, "all", `{}`)
		const base = "/v1/collections/notes/documents"
		put := func(id, data string) {
			t.Helper()
			a.put(t, "notes", id, data)
			a.put(t, "all", id, data)
		}
		trim := func() {
			t.Helper()
			if err := a.documents.TrimHistory(t.Context(), slog.New(slog.DiscardHandler)); err != nil {
				t.Fatal(err)
			}
		}
		put("old", `{}`)
		for _, n := range []string{"1", "2", "3", "4", "5"} {
			put("busy", `{"n":`+n+`}`)
		}
		trim() // all of it is young
		wantPart(t, wantStatus(t, a.send(t, "GET "+base+"/busy/revisions?data=false", ""), http.StatusOK).tree(t), decode(t, []byte(`{"items":[{"revision":5},{"revision":4},{"revision":3},{"revision":2},{"revision":1}]}`)))
		clock.set(noon.Add(time.Hour + time.Second))
		trim()
		wantPart(t, wantStatus(t, a.send(t, "GET "+base+"/busy/revisions?data=false", ""), http.StatusOK).tree(t), decode(t, []byte(`{"items":[{"revision":5},{"revision":4},{"revision":3}]}`)))
		put("busy", `{"n":6}`)
		put("old", `{"n":1}`)
		clock.set(noon.Add(3*time.Hour + 2*time.Second))
		wantStatus(t, a.send(t, "DELETE "+base+"/old", ""), http.StatusNoContent)
		trim()
		wantPart(t, wantStatus(t, a.send(t, "GET "+base+"/busy/revisions?data=false", ""), http.StatusOK).tree(t), decode(t, []byte(`{"items":[{"revision":6}]}`)))
		wantPart(t, wantStatus(t, a.send(t, "GET "+base+"/old/revisions?data=false", ""), http.StatusOK).tree(t), decode(t, []byte(`{"items":[{"revision":3,"op":"delete"},{"revision":2}]}`)))
		// Every instant of the last two hours can be asked for, and those before cannot.
		wantPart(t, wantStatus(t, a.send(t, "GET "+base+"/busy?asOf=2026-11-24T13:30:00Z", ""), http.StatusOK).tree(t), decode(t, []byte(`{"revision":6,"createdAt":"2026-11-24T12:00:00.123456Z","data":{"n":6}}`)))
		wantProblem(t, a.send(t, "GET "+base+"/busy?asOf=2026-11-24T12:30:00Z", ""), http.StatusGone, "revision.trimmed")
		wantProblem(t, a.send(t, "POST "+base+"/old/restore", `{"revision":1}`), http.StatusGone, "revision.trimmed")
		wantStatus(t, a.send(t, "POST "+base+"/old/restore", `{"revision":2}`), http.StatusCreated)
		// A condition that asks for what is gone has no differences to tell, and is no less false.
		wantProblem(t, a.send(t, "PUT "+base+"/busy", `{}`, `If-Match: "2"`), http.StatusPreconditionFailed, "document.stale")
		wantPart(t, wantStatus(t, a.send(t, "GET /v1/collections/all/documents/busy/revisions?data=false&pageSize=1", ""), http.StatusOK).tree(t), decode(t, []byte(`{"items":[{"revision":6}]}`)))
		wantStatus(t, a.send(t, "GET /v1/collections/all/documents/busy/revisions/1", ""), http.StatusOK)
	})
}

// Nonsense is told, all of it at once; what an answer shows can be sent back.
func TestRetention_Declarations(t *testing.T) {
	t.Parallel()
	a := serve(t, memory.New())
	for _, test := range []struct{ history, pointer, code string }{
		{`7`, "/history", "type"},
		{`{}`, "/history", "minProperties"},
		{`{"keep": 90}`, "/history/keep", "type"},
		{`{"keep": "90"}`, "/history/keep", "format"},
		{`{"keep": "59m"}`, "/history/keep", "minimum"},
		{`{"keep": "0s"}`, "/history/keep", "minimum"},
		{`{"keep": "36501d"}`, "/history/keep", "format"},
		{`{"revisions": 0}`, "/history/revisions", "type"},
		{`{"revisions": 1.5}`, "/history/revisions", "type"},
		{`{"revisions": "5"}`, "/history/revisions", "type"},
		{`{"revisions": 1000001}`, "/history/revisions", "type"},
		{`{"revisions": 99999999999999999999}`, "/history/revisions", "type"},
		{`{"keep": "x", "revision": 1}`, "/history/revision", "unknownField"},
	} {
		p := wantProblem(t, a.send(t, "PUT /v1/collections/x", `{"history": `+test.history+`}`), http.StatusUnprocessableEntity, "collection.invalid")
		wantFault(t, p, "body", test.pointer, test.code)
	}
	a.declare(t, "x", `{"history":{"keep":"24h","revisions":100}}`)
	shown := wantStatus(t, a.send(t, "GET /v1/collections/x", ""), http.StatusOK)
	wantPart(t, shown.tree(t), decode(t, []byte(`{"history":{"keep":"1d","revisions":100}}`)))
	wantPart(t, wantStatus(t, a.send(t, "PUT /v1/collections/x", string(shown.body)), http.StatusOK).tree(t), decode(t, []byte(`{"revision":1}`)))
}
