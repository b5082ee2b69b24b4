package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
)

const (
	mergePatch = "Content-Type: application/merge-patch+json"
	jsonPatch  = "Content-Type: application/json-patch+json"
	update     = "Content-Type: application/vnd.sheaf.update+json"
)

// second makes moby-dick's second revision, and gone deletes it.
func second(t *testing.T, a *api) {
	t.Helper()
	a.put(t, "books", "moby-dick", `{"title":"The Whale"}`)
}

func gone(t *testing.T, a *api) {
	t.Helper()
	second(t, a)
	wantStatus(t, a.send(t, "DELETE "+mobyPath, ""), http.StatusNoContent)
}

// patchScenarios are those of changing parts of documents.
var patchScenarios = []scenario{
	{name: "merge", send: "PATCH " + mobyPath, body: `{"year":1851,"title":null}`, headers: []string{mergePatch}, status: 200, want: `{"revision":2,"data":{"year":1851}}`, has: []string{`Etag: "2"`}, writes: true},
	{name: "merge, as JSON", send: "PATCH " + mobyPath, body: `{"year":1851}`, headers: []string{`If-Match: "1"`}, status: 200, want: `{"data":{"title":"Moby-Dick","year":1851}}`, writes: true},
	{name: "merge, by another case of the media type", send: "PATCH " + mobyPath, body: `{"year":1851}`, headers: []string{"Content-Type: Application/Merge-Patch+JSON; charset=UTF-8"}, status: 200, writes: true},
	{name: "merge nothing", send: "PATCH " + mobyPath, body: `{"title":"Moby-Dick","x":null}`, status: 200, want: `{"revision":1}`, has: []string{`Etag: "1"`}},
	{name: "merge, minimal", send: "PATCH " + mobyPath, body: `{"n":1}`, headers: []string{minimal}, status: 204, has: append([]string{`Etag: "2"`}, wantNothing...), writes: true},
	{name: "merge, validate only", send: "PATCH " + mobyPath + "?validateOnly=true", body: `{"n":1}`, status: 200, want: `{"revision":2,"data":{"n":1}}`, has: []string{"Etag: "}},
	{name: "merge a list", send: "PATCH " + mobyPath, body: `[1]`, headers: []string{mergePatch}, status: 422, code: "document.patchInvalid"},
	{name: "merge into nothing", send: "PATCH " + booksPath + "/documents/ghost", body: `{"n":1}`, status: 404, code: "document.notFound"},
	{name: "merge what is not admitted", send: "PATCH " + emmaPath, body: `{"title":null,"n":1}`, headers: []string{"If-Match: *"}, status: 422, code: "document.invalid", want: `{"errors":[{"in":"body","pointer":"/n","code":"unknownField"},{"in":"body","pointer":"","code":"required"}]}`},
	{name: "merge without a condition", send: "PATCH " + emmaPath, body: `{"title":"x"}`, status: 428, code: "document.conditionRequired"},
	{name: "merge, stale", send: "PATCH " + mobyPath, body: `{"n":1}`, headers: []string{`If-Match: "2"`}, status: 412, code: "document.stale", want: `{"currentRevision":1,"current":{"data":{"title":"Moby-Dick"}}}`},
	{name: "merge, where there is none", send: "PATCH " + mobyPath, body: `{"n":1}`, headers: []string{"If-None-Match: *"}, status: 412, code: "document.stale"},
	{name: "merge, too large a result", send: "PATCH " + mobyPath, body: `{"n":"` + strings.Repeat("x", maxDocument-20) + `"}`, status: 413, code: "document.tooLarge"},
	{name: "a patch of another media type", send: "PATCH " + mobyPath, body: `{}`, headers: []string{"Content-Type: text/csv"}, status: 415, code: "request.mediaType",
		has: []string{"Accept-Patch: application/json, application/json-patch+json, application/merge-patch+json, application/vnd.sheaf.update+json"}},

	{name: "JSON Patch", send: "PATCH " + mobyPath, headers: []string{jsonPatch}, status: 200, want: `{"revision":2,"data":{"name":"Moby-Dick","tags":[1,2]}}`, writes: true,
		body: `[{"op":"test","path":"/title","value":"Moby-Dick"},{"op":"move","from":"/title","path":"/name"},{"op":"add","path":"/tags","value":[2]},{"op":"add","path":"/tags/0","value":1}]`},
	{name: "JSON Patch, nothing", send: "PATCH " + mobyPath, body: `[]`, headers: []string{jsonPatch}, status: 200, want: `{"revision":1}`},
	{name: "JSON Patch, a test that fails", send: "PATCH " + mobyPath, body: `[{"op":"add","path":"/n","value":1},{"op":"test","path":"/title","value":"x"}]`, headers: []string{jsonPatch}, status: 409, code: "document.patchTest", want: `{"errors":[{"in":"body","pointer":"/1","code":"test"}]}`},
	{name: "JSON Patch, no place", send: "PATCH " + mobyPath, body: `[{"op":"remove","path":"/a/b"}]`, headers: []string{jsonPatch}, status: 409, code: "document.patchConflict", want: `{"errors":[{"in":"body","pointer":"/0","code":"missing"}]}`},
	{name: "JSON Patch, malformed", send: "PATCH " + mobyPath, body: `[{"op":"add","path":"a","value":1},{"op":"spin","path":""}]`, headers: []string{jsonPatch}, status: 400, code: "document.patchMalformed", want: `{"errors":[{"in":"body","pointer":"/0/path","code":"pointer"},{"in":"body","pointer":"/1/op","code":"enum"}]}`},
	{name: "JSON Patch, no JSON", send: "PATCH " + mobyPath, body: `[{"op":]`, headers: []string{jsonPatch}, status: 400, code: "json.invalid"},
	{name: "JSON Patch, too many", send: "PATCH " + mobyPath, body: "[" + strings.Repeat(`{"op":"add","path":"/n","value":1},`, 1000) + `{"op":"remove","path":"/n"}]`, headers: []string{jsonPatch}, status: 413, code: "document.patchTooLarge"},
	{name: "JSON Patch, all gone", send: "PATCH " + mobyPath, body: `[{"op":"remove","path":""}]`, headers: []string{jsonPatch}, status: 422, code: "document.invalid"},
	{name: "JSON Patch, through what is not admitted", send: "PATCH " + emmaPath, body: `[{"op":"remove","path":"/title"},{"op":"add","path":"/title","value":"x"}]`, headers: []string{jsonPatch, "If-Match: *"}, status: 200, writes: true},
	{name: "JSON Patch, not admitted", send: "PATCH " + emmaPath, body: `[{"op":"replace","path":"/title","value":1}]`, headers: []string{jsonPatch, "If-Match: *"}, status: 422, code: "document.invalid", want: `{"errors":[{"pointer":"/title","code":"type"}]}`},

	{name: "update", send: "PATCH " + mobyPath, body: `{"increment":{"doc.sold.count":2},"append":{"doc.tags":["x"]},"unset":["doc.title"]}`, headers: []string{update}, status: 200, want: `{"revision":2,"data":{"sold":{"count":2},"tags":["x"]}}`, writes: true},
	{name: "update nothing", send: "PATCH " + mobyPath, body: `{"setIfMissing":{"doc.title":"x"},"unset":["doc.n"]}`, headers: []string{update}, status: 200, want: `{"revision":1}`},
	{name: "update, in conflict", send: "PATCH " + mobyPath, body: `{"increment":{"doc.title":1}}`, headers: []string{update}, status: 409, code: "document.patchConflict", want: `{"errors":[{"in":"body","pointer":"/increment/doc.title","code":"conflict","params":{"path":"doc.title","pointer":"/title"}}]}`},
	{name: "update, overlapping", send: "PATCH " + mobyPath, body: `{"set":{"doc.a":{}},"unset":["doc.a.b"]}`, headers: []string{update}, status: 400, code: "document.patchMalformed", want: `{"errors":[{"in":"body","pointer":"/unset/0","code":"overlap"}]}`},
	{name: "update, unknown", send: "PATCH " + mobyPath, body: `{"inc":{"doc.a":1},"set":{"a":1}}`, headers: []string{update}, status: 400, code: "document.patchMalformed", want: `{"errors":[{"in":"body","pointer":"/inc","code":"operator"},{"in":"body","pointer":"/set/a","code":"path"}]}`},
}

// A patch does not change what the document's id is taken from.
func TestPatch_IDFromData(t *testing.T) {
	t.Parallel()
	for name, open := range everyStore {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := open(t)
			a.declare(t, "orders", `{"id":{"from":"doc.number"}}`)
			wantStatus(t, a.send(t, "POST /v1/collections/orders/documents", `{"number":7}`), http.StatusCreated)
			path := "PATCH /v1/collections/orders/documents/7"
			for _, r := range []struct{ body, header string }{
				{`{"number":8}`, mergePatch}, {`{"number":null}`, mergePatch}, {`[{"op":"replace","path":"/number","value":8}]`, jsonPatch}, {`{"increment":{"doc.number":1}}`, update},
			} {
				wantFault(t, wantProblem(t, a.send(t, path, r.body, r.header), http.StatusUnprocessableEntity, "document.invalid"), "body", "/number", "id")
			}
			wantPart(t, wantStatus(t, a.send(t, path, `{"open":true}`), http.StatusOK).tree(t), decode(t, []byte(`{"id":"7","revision":2,"data":{"number":7,"open":true}}`)))
		})
	}
}

// A 412 says what both sides have changed since the revision that the request was made for.
func TestStale_CanBeMerged(t *testing.T) {
	t.Parallel()
	for name, open := range everyStore {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := open(t)
			a.declare(t, "books", `{"schema":{"properties":{"year":{"type":"integer"}}}}`)
			a.put(t, "books", "moby-dick", `{"title":"Moby-Dick","year":1850,"tags":["sea"]}`)
			a.put(t, "books", "moby-dick", `{"title":"Moby-Dick","year":1851,"tags":["sea","whales"]}`)
			for _, test := range []struct{ send, body, header, changes, conflicts string }{
				{"PUT " + mobyPath, `{"title":"The Whale","year":1850,"tags":["sea"]}`, "Content-Type: application/json", `{"yours":[{"op":"replace","path":"/title","value":"The Whale"}]}`, `[]`},
				{"PATCH " + mobyPath, `{"title":"The Whale"}`, mergePatch, `{"yours":[{"op":"replace","path":"/title","value":"The Whale"}]}`, `[]`},
				{"PATCH " + mobyPath, `{"year":1849,"title":"x"}`, mergePatch, `{"yours":[{"op":"replace","path":"/title","value":"x"},{"op":"replace","path":"/year","value":1849}]}`, `["/year"]`},
				{"PATCH " + mobyPath + "?validateOnly=true", `{"append":{"doc.tags":["x"]}}`, update, `{"yours":[{"op":"add","path":"/tags/1","value":"x"}]}`, `["/tags"]`},
				{"PATCH " + mobyPath, `[{"op":"replace","path":"/year","value":1851}]`, jsonPatch, `{"yours":[{"op":"replace","path":"/year","value":1851}]}`, `[]`},
				{"POST " + mobyPath + "/restore", `{"revision":1}`, "Content-Type: application/json", `{"yours":[]}`, `[]`},
				{"DELETE " + mobyPath, ``, mergePatch, `{"yours":[{"op":"remove","path":""}]}`, `[""]`},
				{"PATCH " + mobyPath, `{"year":"x"}`, mergePatch, ``, `null`}, // it could not have been stored
			} {
				got := a.send(t, test.send, test.body, test.header, `If-Match: "1"`)
				wantProblem(t, got, http.StatusPreconditionFailed, "document.stale")
				tree, _ := got.tree(t).(map[string]any)
				wantPart(t, tree, decode(t, []byte(`{"currentRevision":2,"current":{"revision":2},"baseRevision":1,"conflicts":`+test.conflicts+`,
					"changes":{"current":[{"op":"add","path":"/tags/1","value":"whales"},{"op":"replace","path":"/year","value":1851}]}}`)))
				if test.changes != "" {
					wantPart(t, tree["changes"], decode(t, []byte(test.changes)))
				} else if changes, _ := tree["changes"].(map[string]any); changes["yours"] != nil {
					t.Errorf("%s %s: %v", test.send, test.body, changes)
				}
			}
			// A revision that never was, and conditions that name none, have nothing to compare with.
			for _, header := range []string{`If-Match: "7"`, `If-Match: "x"`, `If-None-Match: *`} {
				got := a.send(t, "PATCH "+mobyPath, `{"n":1}`, header)
				wantProblem(t, got, http.StatusPreconditionFailed, "document.stale")
				if tree, _ := got.tree(t).(map[string]any); tree["current"] == nil || tree["changes"] != nil || tree["conflicts"] != nil {
					t.Errorf("%s: %s", header, got.body)
				}
			}
		})
	}
}
