package httpapi_test

import (
	"fmt"
	"net/http"
	"testing"
)

// historyScenarios are those of what documents were.
var historyScenarios = []scenario{
	{name: "history", send: "GET " + mobyPath + "/revisions", before: gone, status: 200, has: []string{"Cache-Control: private, no-cache"},
		want: `{"items":[{"revision":3,"op":"delete","at":"2026-11-24T12:00:00.123456Z","actor":"anonymous"},{"revision":2,"op":"update","data":{"title":"The Whale"}},{"revision":1,"op":"create","data":{"title":"Moby-Dick"}}]}`},
	{name: "history without data", send: "GET " + mobyPath + "/revisions?data=false", status: 200, want: `{"items":[{"revision":1,"op":"create","data":null}]}`},
	{name: "history, by a token of another list", send: "GET " + mobyPath + "/revisions?pageToken=c1-eyJsIjoiIiwiYSI6IiJ9", status: 400, code: "page.token"},
	{name: "history of nothing", send: "GET " + booksPath + "/documents/ghost/revisions", status: 404, code: "document.notFound"},
	{name: "history in no collection", send: "GET /v1/collections/ghosts/documents/x/revisions", status: 404, code: "collection.notFound"},

	{name: "revision", send: "GET " + mobyPath + "/revisions/1", before: gone, status: 200, want: `{"revision":1,"op":"create","data":{"title":"Moby-Dick"}}`, has: []string{`Etag: "1"`}},
	{name: "revision that is a deletion", send: "GET " + mobyPath + "/revisions/3", before: gone, status: 200, want: `{"revision":3,"op":"delete"}`},
	{name: "revision, not modified", send: "GET " + mobyPath + "/revisions/1", headers: []string{`If-None-Match: "1"`}, status: 304, has: []string{`Etag: "1"`}},
	{name: "no revision", send: "GET " + mobyPath + "/revisions/2", status: 404, code: "revision.notFound"},
	{name: "revision zero", send: "GET " + mobyPath + "/revisions/0", status: 400, code: "request.parameters"},
	{name: "revision of no number", send: "GET " + mobyPath + "/revisions/x", status: 400, code: "request.parameters"},

	{name: "document as it was", send: "GET " + mobyPath + "?asOf=2026-11-24T12:00:00.123456Z", status: 200, want: `{"id":"moby-dick","revision":1,"createdAt":"2026-11-24T12:00:00.123456Z","data":{"title":"Moby-Dick"}}`, has: []string{`Etag: "1"`}},
	{name: "document as it was, elsewhere", send: "GET " + mobyPath + "?asOf=2026-11-24T13:30:00%2B01:00", status: 200},
	{name: "document before it was", send: "GET " + mobyPath + "?asOf=2026-11-24T12:00:00Z", status: 404, code: "document.notFound"},
	{name: "document after it was", send: "GET " + mobyPath + "?asOf=2026-11-24T13:00:00Z", before: gone, status: 404, code: "document.notFound"},
	{name: "document as it was, not modified", send: "GET " + mobyPath + "?asOf=2026-11-25T00:00:00Z", headers: []string{`If-None-Match: "1"`}, status: 304},
	{name: "document as it was, stale", send: "GET " + mobyPath + "?asOf=2026-11-25T00:00:00Z", headers: []string{`If-Match: "2"`}, status: 412, code: "document.stale"},
	{name: "document at no time", send: "GET " + mobyPath + "?asOf=yesterday", status: 400, code: "request.parameters"},
	{name: "head as it was", send: "HEAD " + mobyPath + "?asOf=2026-11-25T00:00:00Z", status: 200, has: []string{`Etag: "1"`}},
	{name: "head before it was", send: "HEAD " + mobyPath + "?asOf=2026-11-24T12:00:00Z", status: 404},

	{name: "diff", send: "GET " + mobyPath + "/diff", before: second, status: 200, want: `[{"op":"replace","path":"/title","value":"The Whale"}]`, has: []string{"Content-Type: application/json-patch+json"}},
	{name: "diff, back", send: "GET " + mobyPath + "/diff?from=2&to=1", before: second, status: 200, want: `[{"op":"replace","path":"/title","value":"Moby-Dick"}]`},
	{name: "diff, the same", send: "GET " + mobyPath + "/diff?from=1&to=1", status: 200, want: `[]`},
	{name: "diff from nothing", send: "GET " + mobyPath + "/diff?to=1", before: gone, status: 200, want: `[{"op":"add","path":"","value":{"title":"Moby-Dick"}}]`},
	{name: "diff to nothing", send: "GET " + mobyPath + "/diff?from=1", before: gone, status: 200, want: `[{"op":"remove","path":""}]`},
	{name: "diff of no revision", send: "GET " + mobyPath + "/diff?from=7", status: 404, code: "revision.notFound"},
	{name: "diff of no document", send: "GET " + booksPath + "/documents/ghost/diff", status: 404, code: "document.notFound"},
	{name: "diff below zero", send: "GET " + mobyPath + "/diff?from=-1", status: 400, code: "request.parameters"},

	{name: "restore", send: "POST " + mobyPath + "/restore", body: `{"revision":1}`, before: second, headers: []string{`If-Match: "2"`}, status: 200, want: `{"revision":3,"data":{"title":"Moby-Dick"}}`, has: []string{`Etag: "3"`}, writes: true},
	{name: "restore what is deleted", send: "POST " + mobyPath + "/restore", body: `{"revision":1}`, before: gone, status: 201, want: `{"revision":4,"data":{"title":"Moby-Dick"}}`, has: []string{`Etag: "4"`, "Location: " + mobyPath}, writes: true},
	{name: "restore what is deleted, validate only", send: "POST " + mobyPath + "/restore?validateOnly=true", body: `{"revision":1}`, before: gone, status: 200, want: `{"revision":4}`},
	{name: "restore, minimal", send: "POST " + mobyPath + "/restore", body: `{"revision":1}`, before: second, headers: []string{minimal}, status: 204, has: append([]string{`Etag: "3"`}, wantNothing...), writes: true},
	{name: "restore what is there", send: "POST " + mobyPath + "/restore", body: `{"revision":1}`, status: 200, want: `{"revision":1}`},
	{name: "restore a deletion", send: "POST " + mobyPath + "/restore", body: `{"revision":3}`, before: gone, status: 409, code: "revision.deletion"},
	{name: "restore, stale", send: "POST " + mobyPath + "/restore", body: `{"revision":1}`, headers: []string{`If-Match: "7"`}, status: 412, code: "document.stale"},
	{name: "restore no revision", send: "POST " + mobyPath + "/restore", body: `{"revision":7}`, status: 404, code: "revision.notFound"},
	{name: "restore, wrongly", send: "POST " + mobyPath + "/restore", body: `{"revision":1.5,"to":2}`, status: 422, code: "restoration.invalid", want: `{"errors":[{"in":"body","pointer":"/to","code":"unknownField"},{"in":"body","pointer":"/revision","code":"type"}]}`},
	{name: "restore a list", send: "POST " + mobyPath + "/restore", body: `[]`, status: 422, code: "restoration.invalid"},
	{name: "restore nothing", send: "POST " + mobyPath + "/restore", body: `{}`, status: 422, code: "restoration.invalid", want: `{"errors":[{"in":"body","pointer":"","code":"required"}]}`},
	{name: "restore without a condition", send: "POST " + emmaPath + "/restore", body: `{"revision":1}`, status: 428, code: "document.conditionRequired"},
	{name: "restore what is not admitted any more", send: "POST " + mobyPath + "/restore", body: `{"revision":1}`, status: 422, code: "document.invalid", want: `{"errors":[{"pointer":"/title","code":"minLength"}]}`,
		before: func(t *testing.T, a *api) {
			t.Helper()
			second(t, a)
			wantStatus(t, a.send(t, "PUT "+booksPath, `{"schema":{"properties":{"title":{"minLength":20}}}}`), http.StatusOK)
		}},
}

// A walk of all pages yields every revision once, and the differences lead from each to the next.
func TestHistory_Walk(t *testing.T) {
	t.Parallel()
	for name, open := range everyStore {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := open(t)
			a.declare(t, "books", `{}`)
			for i := range 25 {
				a.put(t, "books", "moby-dick", fmt.Sprintf(`{"n":%d,"l":[%d,1]}`, i, i%3))
			}
			next := 25
			for token := ""; ; {
				got := wantStatus(t, a.send(t, "GET "+mobyPath+"/revisions?data=false&pageSize=7&pageToken="+token, ""), http.StatusOK)
				page, _ := got.tree(t).(map[string]any)
				items, _ := page["items"].([]any)
				for _, item := range items {
					wantPart(t, item, decode(t, fmt.Appendf(nil, `{"revision":%d}`, next)))
					next--
				}
				if token, _ = page["nextPageToken"].(string); token == "" {
					break
				}
			}
			if next != 0 {
				t.Errorf("the walk ends at %d", next)
			}
			a.put(t, "books", "other", `{"n":0,"l":[0,1]}`)
			for revision := 2; revision <= 25; revision++ {
				diff := wantStatus(t, a.send(t, fmt.Sprintf("GET %s/diff?to=%d", mobyPath, revision), ""), http.StatusOK)
				patched := wantStatus(t, a.send(t, "PATCH "+booksPath+"/documents/other", string(diff.body), jsonPatch), http.StatusOK)
				was, _ := wantStatus(t, a.send(t, fmt.Sprintf("GET %s/revisions/%d", mobyPath, revision), ""), http.StatusOK).tree(t).(map[string]any)
				wantPart(t, patched.tree(t), map[string]any{"data": was["data"]})
			}
		})
	}
}
