package httpapi_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/operation"
)

const (
	waitingID   = "0198c5a2-6f1e-7cc3-98c4-dc0c0c07398f"
	waitingPath = "/v1/operations/" + waitingID
	updateType  = "application/vnd.sheaf.update+json"
)

// waiting puts an operation into the store that nobody works on: the one that the contract's examples name.
func waiting(t *testing.T, a *api) {
	t.Helper()
	stored, err := a.store.GetCollection(t.Context(), collectionName("books"))
	if err != nil {
		t.Fatal(err)
	}
	id, err := ident.ParseOperation(waitingID)
	if err != nil {
		t.Fatal(err)
	}
	by := change.Origin{Actor: "ann", RequestID: "q0"}
	o := operation.New(id, operation.Delete, stored, []byte(`{"mode": "strict", "filter": "doc.year < 0"}`), by, noon)
	if err := a.store.InsertOperation(t.Context(), o, nil); err != nil {
		t.Fatal(err)
	}
}

// cancelled ends the operation.
func cancelled(t *testing.T, a *api) {
	t.Helper()
	wantStatus(t, a.send(t, "POST "+waitingPath+"/cancel", ""), http.StatusOK)
}

// worked does the operation.
func worked(t *testing.T, a *api) {
	t.Helper()
	for {
		found, err := a.Operations.WorkOnce(context.WithoutCancel(t.Context()), slog.New(slog.DiscardHandler))
		if err != nil {
			t.Fatal(err)
		}
		if !found {
			return
		}
	}
}

var bulkScenarios = []scenario{
	{name: "update many", send: "POST " + booksPath + "/update", body: `{"filter":"doc.title == \"Moby-Dick\"","patch":{"year":1851},"maxAffected":1}`, status: 200, want: `{"matched":{"value":1,"kind":"exact"},"judged":1,"changed":1,"unchanged":0,"failed":0}`, writes: true},
	{name: "update many, nothing changes", send: "POST " + booksPath + "/update", body: `{"all":true,"patch":{"title":"Moby-Dick"}}`, status: 200, want: `{"matched":{"value":1},"changed":0,"unchanged":1}`},
	{name: "update many, none match", send: "POST " + booksPath + "/update", body: `{"filter":"doc.year > 0","patch":{}}`, status: 200, want: `{"matched":{"value":0},"judged":0}`},
	{name: "update many, validate only", send: "POST " + booksPath + "/update?validateOnly=true", body: `{"all":true,"contentType":"` + updateType + `","patch":{"compute":{"doc.long":"doc.title + '!'"}}}`, status: 200, want: `{"matched":{"value":1},"changed":1,"samples":[{"outcome":"updated","document":{"id":"moby-dick","revision":2,"data":{"title":"Moby-Dick","long":"Moby-Dick!"}}}]}`},
	{name: "update many, validate only, wrongly", send: "POST " + strictPath + "/update?validateOnly=true", body: `{"all":true,"patch":{"title":1}}`, status: 200, want: `{"failed":1,"samples":[{"outcome":"failed","document":{"revision":1,"data":{"title":"Emma"}}}],"failures":[{"id":"emma","code":"document.invalid","errors":[{"in":"body","pointer":"/title","code":"type"}]}]}`},
	{name: "update many, in a collection that wants conditions", send: "POST " + strictPath + "/update", body: `{"filter":"revision == 1","patch":{"title":"x"}}`, status: 200, want: `{"changed":1}`, writes: true},
	{name: "update many, by an operation", send: "POST " + booksPath + "/update", body: `{"filter":"doc.title != \"\"","patch":{"year":1851}}`, headers: []string{"Prefer: respond-async, wait=10", "Request-Id: q1"}, status: 202, has: []string{"Location: /v1/operations/made-000001", "Preference-Applied: respond-async"}, want: `{"id":"made-000001","kind":"update","collection":"books","state":"queued","request":{"filter":"doc.title != \"\"","mode":"strict","patch":{"year":1851},"contentType":"application/merge-patch+json"},"progress":{"done":0,"changed":0,"failed":0},"actor":"anonymous","requestId":"q1","createdAt":"2026-11-24T12:00:00.123456Z"}`},
	{name: "update many, too many", send: "POST /v1/collections/many/update", body: `{"all":true,"maxAffected":1000,"patch":{}}`, before: importMany, status: 409, code: "bulk.tooMany", want: `{"errors":[{"in":"body","pointer":"/maxAffected","code":"maximum","params":{"matched":1001,"kind":"atLeast"}}]}`},
	{name: "update many, and many they are", send: "POST /v1/collections/many/update", body: `{"all":true,"maxAffected":1501,"patch":{}}`, before: importMany, status: 202},
	{name: "update many, wrongly", send: "POST " + strictPath + "/update", body: `{"all":true,"patch":{"title":null}}`, status: 422, code: "bulk.failed", want: `{"failures":[{"id":"emma","code":"document.invalid","message":"the document does not satisfy the configuration of collection \"strict\"","errors":[{"pointer":"","code":"required"}]}]}`},
	{name: "update many, without a filter", send: "POST " + booksPath + "/update", body: `{"filter":"1 == 1","patch":{}}`, status: 422, code: "bulk.unfiltered", want: `{"errors":[{"pointer":"/filter","code":"unfiltered"}]}`},
	{name: "update many, unreadable", send: "POST " + booksPath + "/update", body: `{"maxAffected":0,"Filter":"x","patch":{}}`, status: 400, code: "bulk.malformed", want: `{"errors":[{"pointer":"/Filter","code":"unknownField"},{"pointer":"/maxAffected","code":"range"}]}`},
	{name: "update many by no expression", send: "POST " + booksPath + "/update", body: `{"filter":"doc.","patch":{}}`, status: 400, code: "filter.invalid", want: `{"errors":[{"in":"body","pointer":"/filter","code":"syntax"}]}`},
	{name: "update many by no patch", send: "POST " + booksPath + "/update", body: `{"all":true,"contentType":"application/json-patch+json","patch":[{"op":"jump"}]}`, status: 400, code: "document.patchMalformed", want: `{"errors":[{"pointer":"/patch/0/op"},{"pointer":"/patch/0"}]}`},
	{name: "update many of a large collection", send: "POST " + booksPath + "/update", body: `{"filter":"doc.year == 1851","patch":{}}`, settings: scanning(0), status: 422, code: "query.unindexed", want: `{"suggestedIndex":{"name":"by_year"}}`},
	{name: "update what is not there", send: "POST /v1/collections/ghosts/update", body: `{"all":true,"patch":{}}`, status: 404, code: "collection.notFound"},

	{name: "delete many", send: "POST " + booksPath + "/delete", body: `{"filter":"has(doc.title)"}`, status: 200, want: `{"matched":{"value":1},"changed":1}`, writes: true},
	{name: "delete many, validate only", send: "POST " + booksPath + "/delete?validateOnly=true", body: `{"all":true}`, status: 200, want: `{"samples":[{"outcome":"deleted","document":{"id":"moby-dick","revision":1}}]}`},
	{name: "delete many, by an operation", send: "POST " + booksPath + "/delete", body: `{"all":true}`, headers: []string{"Prefer: respond-async"}, status: 202, want: `{"kind":"delete"}`},
	{name: "delete many, too many", send: "POST /v1/collections/many/delete", body: `{"all":true,"maxAffected":1}`, before: importMany, status: 409, code: "bulk.tooMany"},
	{name: "delete many, without a filter", send: "POST " + booksPath + "/delete", body: `{}`, status: 422, code: "bulk.unfiltered"},
	{name: "delete many, with a patch", send: "POST " + booksPath + "/delete", body: `{"all":true,"patch":{}}`, status: 400, code: "bulk.malformed"},

	{name: "migrate", send: "POST " + booksPath + "/migrations", body: `{"patch":{"year":1851},"documentsPerSecond":100}`, status: 202, has: []string{"Location: /v1/operations/made-000001", "Preference-Applied: "}, want: `{"kind":"migration","request":{"documentsPerSecond":100}}`},
	{name: "migrate, validate only", send: "POST " + booksPath + "/migrations?validateOnly=true", body: `{"patch":{"year":1851}}`, status: 200, want: `{"changed":1}`},
	{name: "migrate too many", send: "POST " + "/v1/collections/many/migrations", body: `{"patch":{},"maxAffected":3}`, before: importMany, status: 409, code: "bulk.tooMany"},
	{name: "migrate a large collection", send: "POST " + booksPath + "/migrations", body: `{"filter":"doc.year == 1851","patch":{}}`, settings: scanning(0), status: 422, code: "query.unindexed"},
	{name: "migrate what is not there", send: "POST /v1/collections/ghosts/migrations", body: `{"patch":{}}`, status: 404, code: "collection.notFound"},

	{name: "operations", send: "GET /v1/operations?collection=books&state=queued", status: 200, want: `{"items":[{"id":"` + waitingID + `","kind":"delete","state":"queued","actor":"ann"}]}`, has: []string{"Cache-Control: private, no-cache"}},
	{name: "operations, none", send: "GET /v1/operations?state=failed", status: 200, want: `{"items":[]}`},
	{name: "operations of no collection", send: "GET /v1/operations?collection=Books", status: 400, code: "request.parameters"},
	{name: "operation", send: "GET " + waitingPath, status: 200, want: `{"id":"` + waitingID + `","request":{"mode":"strict","filter":"doc.year < 0"}}`},
	{name: "operation, over", send: "GET " + waitingPath, before: worked, status: 200, want: `{"state":"succeeded","phase":"applying","progress":{"total":0,"done":0,"changed":0,"failed":0},"startedAt":"2026-11-24T12:00:00.123456Z","endedAt":"2026-11-24T12:00:00.123456Z"}`},
	{name: "no operation", send: "GET /v1/operations/ghost", status: 404, code: "operation.notFound"},
	{name: "no name of an operation", send: "GET /v1/operations/%00", status: 404, code: "operation.notFound"},
	{name: "failures", send: "GET /v1/operations/made-000001/failures", before: func(t *testing.T, a *api) {
		t.Helper()
		wantStatus(t, a.send(t, "POST "+strictPath+"/update", `{"all":true,"patch":{"title":7}}`, "Prefer: respond-async"), http.StatusAccepted)
		worked(t, a)
	}, status: 200, want: `{"items":[{"id":"emma","code":"document.invalid","errors":[{"in":"body","pointer":"/title","code":"type"}]}]}`},
	{name: "failures, none", send: "GET " + waitingPath + "/failures", status: 200, want: `{"items":[]}`},
	{name: "failures of no operation", send: "GET /v1/operations/ghost/failures", status: 404, code: "operation.notFound"},
	{name: "cancel", send: "POST " + waitingPath + "/cancel", status: 200, want: `{"state":"cancelled","endedAt":"2026-11-24T12:00:00.123456Z"}`},
	{name: "cancel again", send: "POST " + waitingPath + "/cancel", before: cancelled, status: 200, want: `{"state":"cancelled"}`},
	{name: "cancel what is over", send: "POST " + waitingPath + "/cancel", before: worked, status: 409, code: "operation.ended"},
	{name: "cancel nothing", send: "POST /v1/operations/ghost/cancel", status: 404, code: "operation.notFound"},
	{name: "roll back", send: "POST " + waitingPath + "/rollback", before: cancelled, status: 202, has: []string{"Location: /v1/operations/made-000001"}, want: `{"kind":"rollback","collection":"books","request":{"of":"` + waitingID + `"}}`},
	{name: "roll back what is not over", send: "POST " + waitingPath + "/rollback", status: 409, code: "operation.running"},
	{name: "roll back nothing", send: "POST /v1/operations/ghost/rollback", status: 404, code: "operation.notFound"},
}

var impactScenarios = []scenario{
	{name: "redeclare, validate only", send: "PUT " + booksPath + "?validateOnly=true", body: `{"schema":{"required":["year"]},"indexes":[{"name":"by_title","on":["doc.title"],"unique":true}],"impact":{}}`, status: 200, want: `{"revision":2,"impact":{"effect":"affectsWrites","consequences":[{"pointer":"/indexes","effect":"affectsWrites"},{"pointer":"/schema/required","effect":"affectsWrites","message":"may refuse what was admitted"}],"documents":{"total":{"value":1,"kind":"exact"},"judged":1,"failing":1,"failures":[{"id":"moby-dick","code":"document.invalid","errors":[{"pointer":"","code":"required","params":{"missing":["year"]}}]}]},"indexes":[{"name":"by_title","action":"build"}]}}`},
	{name: "patch a collection, validate only, in vain", send: "PATCH " + booksPath + "?validateOnly=true", body: `{}`, status: 200, want: `{"revision":1,"impact":{"effect":"compatible","consequences":[],"documents":{"total":{"value":1,"kind":"exact"},"judged":1,"failing":0},"indexes":[]}}`},
	{name: "redeclare, validate only, minimal", send: "PUT " + booksPath + "?validateOnly=true", body: `{"schema":{"required":["year"]}}`, headers: []string{minimal}, status: 204, has: wantNothing},
}

// A client never makes changes that look like those of an operation.
func TestBulk_RequestIDs(t *testing.T) {
	t.Parallel()
	a := inMemory(t)
	furnish(t, a)
	got := a.send(t, "PUT "+mobyPath, `{"n":1}`, "Request-Id: operation/"+waitingID)
	if id := got.header.Get("Request-Id"); strings.HasPrefix(id, "operation/") {
		t.Errorf("a request has the id %s", id)
	}
}

// A change by an operation, from the request to the way back, as a client sees it.
func TestBulk_EndToEnd(t *testing.T) {
	t.Parallel()
	onEvery(t, func(t *testing.T, a *api) {
		t.Helper()
		a.declare(t, "books", `{}`)
		lines := make([]string, 1200)
		for i := range lines {
			lines[i] = fmt.Sprintf(`{"id":"b%04d","data":{"n":%d}}`, i, i)
		}
		wantStatus(t, a.send(t, "POST "+booksPath+"/import?shape=document", "["+strings.Join(lines, ",")+"]"), http.StatusOK)
		got := wantStatus(t, a.send(t, "POST "+booksPath+"/update", `{"filter":"doc.n >= 100","patch":{"increment":{"doc.n":1}},"contentType":"`+updateType+`"}`), http.StatusAccepted)
		path := got.header.Get("Location")
		worked(t, a)
		wantPart(t, wantStatus(t, a.send(t, "GET "+path, ""), http.StatusOK).tree(t), decode(t, []byte(`{"state":"succeeded","progress":{"total":1100,"done":1100,"changed":1100,"failed":0}}`)))
		got = wantStatus(t, a.send(t, "GET "+booksPath+"/documents/b0100/revisions", ""), http.StatusOK)
		wantPart(t, got.tree(t), decode(t, []byte(`{"items":[{"revision":2,"op":"update","requestId":"operation/`+strings.TrimPrefix(path, "/v1/operations/")+`","data":{"n":101}},{"revision":1,"data":{"n":100}}]}`)))
		got = wantStatus(t, a.send(t, "POST "+path+"/rollback", ""), http.StatusAccepted)
		worked(t, a)
		wantPart(t, wantStatus(t, a.send(t, "GET "+got.header.Get("Location"), ""), http.StatusOK).tree(t), decode(t, []byte(`{"state":"succeeded","progress":{"done":1100,"changed":1100,"failed":0}}`)))
		wantPart(t, a.send(t, "GET "+booksPath+"/documents/b0100", "").tree(t), decode(t, []byte(`{"revision":3,"data":{"n":100}}`)))
	})
}

// What follows from a deletion follows from one by an operation, too. It is not counted, and a rollback, which is about the operation's own collection, leaves it.
func TestBulk_CascadeByOperation(t *testing.T) {
	t.Parallel()
	onEvery(t, func(t *testing.T, a *api) {
		t.Helper()
		a.declare(t, "people", `{}`)
		a.declare(t, "pets", `{"references":[{"path":"doc.owner","collection":"people","onDelete":"restrict"},{"path":"doc.vet","collection":"people","onDelete":"cascade"}]}`)
		for i := range 4 {
			a.put(t, "people", fmt.Sprint("p", i), fmt.Sprintf(`{"n":%d}`, i))
		}
		a.put(t, "pets", "rex", `{"owner":"p1"}`)
		a.put(t, "pets", "tom", `{"vet":"p2"}`)
		got := wantStatus(t, a.send(t, "POST /v1/collections/people/delete", `{"all":true,"mode":"skip"}`, "Prefer: respond-async"), http.StatusAccepted)
		path := got.header.Get("Location")
		worked(t, a)
		wantPart(t, a.send(t, "GET "+path, "").tree(t), decode(t, []byte(`{"state":"succeeded","progress":{"total":4,"done":4,"changed":3,"failed":1}}`)))
		wantPart(t, a.send(t, "GET "+path+"/failures", "").tree(t), decode(t, []byte(`{"items":[{"id":"p1","code":"document.referenced"}]}`)))
		wantPart(t, a.send(t, "GET /v1/collections/people/documents", "").tree(t), decode(t, []byte(`{"items":[{"id":"p1"}]}`)))
		wantPart(t, a.send(t, "GET /v1/collections/pets/documents", "").tree(t), decode(t, []byte(`{"items":[{"id":"rex"}]}`)))
		wantStatus(t, a.send(t, "POST "+path+"/rollback", ""), http.StatusAccepted)
		worked(t, a)
		wantPart(t, a.send(t, "GET /v1/collections/people/documents", "").tree(t), decode(t, []byte(`{"items":[{"id":"p0"},{"id":"p1"},{"id":"p2"},{"id":"p3"}]}`)))
		wantPart(t, a.send(t, "GET /v1/collections/pets/documents", "").tree(t), decode(t, []byte(`{"items":[{"id":"rex"}]}`)))
	})
}
