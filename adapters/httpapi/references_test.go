package httpapi_test

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/adapters/memory"
	"github.com/sheafdb/sheaf/ports/app"
)

// referenceScenarios are those of the contract.
var referenceScenarios = []scenario{
	{name: "delete what is referred to", send: "DELETE " + mobyPath, before: refersToMoby, status: 409, code: "document.referenced",
		want: `{"errors":[{"in":"path","pointer":"id","code":"reference","params":{"collection":"reviews","path":"doc.book","ids":["a","b"],"count":2}}]}`},
	{name: "delete what is referred to, validate only", send: "DELETE " + mobyPath + "?validateOnly=true", before: refersToMoby, status: 409, code: "document.referenced"},
	{name: "create with a reference to nothing", send: "POST /v1/collections/reviews/documents", body: `{"book":"emma"}`, before: refersToMoby, status: 422, code: "document.invalid",
		want: `{"errors":[{"in":"body","pointer":"/book","code":"reference","params":{"collection":"books","id":"emma"}}]}`},
	{name: "delete a collection that others refer to", send: "DELETE " + booksPath, before: refersToMoby, status: 409, code: "collection.referenced",
		want: `{"errors":[{"in":"path","pointer":"collection","code":"reference","params":{"collection":"reviews"}}]}`},
	{name: "delete a collection that others refer to, validate only", send: "DELETE " + booksPath + "?validateOnly=true", before: refersToMoby, status: 409, code: "collection.referenced"},
	{name: "delete a collection that others refer to, by force", send: "DELETE " + booksPath + "?force=true", before: refersToMoby, status: 204, writes: true},
}

func refersToMoby(t *testing.T, a *api) {
	t.Helper()
	a.declare(t, "reviews", `{"references":[{"path":"doc.book","collection":"books","onDelete":"restrict"}]}`)
	a.put(t, "reviews", "a", `{"book":"moby-dick"}`)
	a.put(t, "reviews", "b", `{"book":"moby-dick"}`)
}

// Whatever way a document comes in, what it refers to has to be there.
func TestReferences_Ways(t *testing.T) {
	t.Parallel()
	onEvery(t, func(t *testing.T, a *api) {
		t.Helper()
		a.declare(t, "people", `{}`)
		a.put(t, "people", "ann", `{}`)
		a.declare(t, "pets", `{}`)
		a.put(t, "pets", "rex", `{"owner":"bo"}`)
		a.put(t, "pets", "rex", `{"owner":null}`)
		wantStatus(t, a.send(t, "PUT /v1/collections/pets", `{"references":[{"path":"doc.owner","collection":"people","onDelete":"restrict"},{"path":"doc.friends[]","collection":"pets","onDelete":"setNull"}],"schema":{"properties":{"n":{"type":"integer"}}}}`), http.StatusOK)
		const base = "/v1/collections/pets/documents"
		before := contents(t, a.store)
		for _, test := range []struct {
			line, body, pointer string
			headers             []string
		}{
			{"POST " + base, `{"owner":"bo"}`, "/owner", nil},
			{"POST " + base + "?id=max", `{"owner":"bo"}`, "/owner", nil},
			{"POST " + base + "?validateOnly=true", `{"owner":"bo"}`, "/owner", nil},
			{"PUT " + base + "/max", `{"friends":["rex","tom"]}`, "/friends/1", nil},
			{"PUT " + base + "/rex", `{"owner":7}`, "/owner", nil},
			{"PUT " + base + "/rex", `{"owner":{}}`, "/owner", nil},
			{"PATCH " + base + "/rex", `{"owner":"bo"}`, "/owner", nil},
			{"PATCH " + base + "/rex", `[{"op":"add","path":"/friends","value":["tom"]}]`, "/friends/0", []string{"Content-Type: application/json-patch+json"}},
			{"PATCH " + base + "/rex", `{"set":{"doc.owner":"bo"}}`, "/owner", []string{"Content-Type: application/vnd.sheaf.update+json"}},
			{"POST " + base + "/rex/restore", `{"revision":1}`, "/owner", nil},
			{"POST /v1/transactions", `{"operations":[{"op":"put","collection":"pets","id":"rex","data":{}},{"op":"create","collection":"pets","id":"max","data":{"owner":"bo"}}]}`, "/operations/1/data/owner", nil},
		} {
			p := wantProblem(t, a.send(t, test.line, test.body, test.headers...), http.StatusUnprocessableEntity, "document.invalid")
			wantFault(t, p, "body", test.pointer, "reference")
		}
		for _, line := range []string{"POST " + base, "PUT " + base + "/rex"} {
			p := wantProblem(t, a.send(t, line, `{"n":"x","owner":"bo","friends":["rex",{}]}`), http.StatusUnprocessableEntity, "document.invalid")
			wantFault(t, p, "body", "/n", "type")
			wantFault(t, p, "body", "/owner", "reference")
			wantFault(t, p, "body", "/friends/1", "reference")
			if len(p.Errors) != 3 {
				t.Errorf("errors %+v", p.Errors)
			}
		}
		imported := wantStatus(t, a.send(t, "POST /v1/collections/pets/import", "{\"owner\":\"ann\"}\n{\"owner\":\"bo\"}\n", "Content-Type: application/x-ndjson"), http.StatusUnprocessableEntity)
		wantPart(t, imported.tree(t), decode(t, []byte(`{"report":{"failed":1,"errors":[{"line":2,"pointer":"/owner","code":"reference"}]}}`)))
		if got := contents(t, a.store); got != before {
			t.Errorf("the store has %s\nwant %s", got, before)
		}
		imported = wantStatus(t, a.send(t, "POST /v1/collections/pets/import?mode=skip&validateOnly=true", "{\"owner\":\"ann\"}\n{\"owner\":\"bo\"}\n", "Content-Type: application/x-ndjson"), http.StatusOK)
		wantPart(t, imported.tree(t), decode(t, []byte(`{"created":1,"failed":1,"errors":[{"line":2,"pointer":"/owner","code":"reference"}]}`)))
		if got := contents(t, a.store); got != before {
			t.Errorf("the store has %s\nwant %s", got, before)
		}
		// What refers to one another may come together, in any order.
		imported = wantStatus(t, a.send(t, "POST /v1/collections/pets/import?shape=document", `{"id":"x","data":{"friends":["y"]}}`+"\n"+`{"id":"y","data":{"owner":"ann","friends":["x","rex"]}}`+"\n", "Content-Type: application/x-ndjson"), http.StatusOK)
		wantPart(t, imported.tree(t), decode(t, []byte(`{"created":2,"failed":0}`)))
		wantStatus(t, a.send(t, "POST /v1/transactions", `{"operations":[{"op":"create","collection":"pets","id":"z","data":{"owner":"cy"}},{"op":"create","collection":"people","id":"cy","data":{}}]}`), http.StatusOK)
		// A line that nothing can be made of takes others along that rely on it.
		imported = wantStatus(t, a.send(t, "POST /v1/collections/pets/import?shape=document&mode=skip", `{"id":"i","data":{"friends":["j"]}}`+"\n"+`{"id":"j","data":{"friends":["k"]}}`+"\n"+`{"id":"k","data":{"owner":"bo"}}`+"\n"+`{"id":"l","data":{}}`+"\n", "Content-Type: application/x-ndjson"), http.StatusOK)
		wantPart(t, imported.tree(t), decode(t, []byte(`{"created":1,"failed":3}`)))
	})
}

// Documents that refer to one that is deleted are deleted or changed with it, by the same request.
func TestReferences_OnDelete(t *testing.T) {
	t.Parallel()
	onEvery(t, func(t *testing.T, a *api) {
		t.Helper()
		a.declare(t, "customers", `{}`)
		a.declare(t, "orders", `{"references":[{"path":"doc.customer","collection":"customers","onDelete":"cascade"},{"path":"doc.before","collection":"orders","onDelete":"setNull"}]}`)
		a.declare(t, "lines", `{"references":[{"path":"doc.order","collection":"orders","onDelete":"cascade"},{"path":"doc.tags[]","collection":"customers","onDelete":"setNull"},{"path":"doc.people[].id","collection":"customers","onDelete":"setNull"}]}`)
		a.declare(t, "audits", `{"references":[{"path":"doc.line","collection":"lines","onDelete":"ignore"}]}`)
		a.put(t, "customers", "c", `{}`)
		a.put(t, "customers", "d", `{}`)
		a.put(t, "orders", "o1", `{"customer":"c"}`)
		a.put(t, "orders", "o2", `{"customer":"c"}`)
		a.put(t, "orders", "o3", `{"customer":"d","before":"o1"}`)
		a.put(t, "lines", "l1", `{"order":"o1"}`)
		a.put(t, "lines", "l2", `{"order":"o3","tags":["c","d","c"],"people":[{"id":"c","n":1},{"id":"d"}]}`)
		a.put(t, "audits", "a", `{"line":"l1"}`)
		wantStatus(t, a.send(t, "DELETE /v1/collections/customers/documents/c?validateOnly=true", ""), http.StatusOK)
		wantStatus(t, a.send(t, "DELETE /v1/collections/customers/documents/c", "", "Request-Id: because-1"), http.StatusNoContent)
		for path, want := range map[string]string{
			"orders/documents/o1": ``, "orders/documents/o2": ``, "lines/documents/l1": ``, "customers/documents/d": `{"revision":1}`,
			"orders/documents/o3": `{"revision":2,"data":{"before":null,"customer":"d"}}`,
			"lines/documents/l2":  `{"revision":2,"data":{"order":"o3","tags":["d"],"people":[{"n":1,"id":null},{"id":"d"}]}}`,
			"audits/documents/a":  `{"revision":1}`,
		} {
			got := a.send(t, "GET /v1/collections/"+path, "")
			if want == "" {
				wantStatus(t, got, http.StatusNotFound)
				continue
			}
			wantPart(t, wantStatus(t, got, http.StatusOK).tree(t), decode(t, []byte(want)))
		}
		history := wantStatus(t, a.send(t, "GET /v1/collections/lines/documents/l1/revisions?data=false", ""), http.StatusOK)
		wantPart(t, history.tree(t), decode(t, []byte(`{"items":[{"op":"delete","revision":2,"actor":"anonymous","requestId":"because-1"},{"op":"create"}]}`)))
	})
}

// Circles and documents that refer to themselves come to an end.
func TestReferences_Circles(t *testing.T) {
	t.Parallel()
	onEvery(t, func(t *testing.T, a *api) {
		t.Helper()
		a.declare(t, "nodes", `{}`)
		a.declare(t, "links", `{"references":[{"path":"doc.node","collection":"nodes","onDelete":"cascade"}]}`)
		wantStatus(t, a.send(t, "PUT /v1/collections/nodes", `{"references":[{"path":"doc.next","collection":"nodes","onDelete":"cascade"},{"path":"doc.link","collection":"links","onDelete":"cascade"}]}`), http.StatusOK)
		const base = "/v1/collections/nodes/documents"
		a.put(t, "nodes", "self", `{}`)
		a.put(t, "nodes", "self", `{"next":"self"}`)
		wantStatus(t, a.send(t, "DELETE "+base+"/self", ""), http.StatusNoContent)
		wantStatus(t, a.send(t, "POST /v1/transactions", `{"operations":[{"op":"create","collection":"nodes","id":"a","data":{"next":"b"}},{"op":"create","collection":"nodes","id":"b","data":{"next":"c"}},
			{"op":"create","collection":"nodes","id":"c","data":{"next":"a","link":"l"}},{"op":"create","collection":"links","id":"l","data":{"node":"b"}},{"op":"create","collection":"nodes","id":"d","data":{"link":"l"}}]}`), http.StatusOK)
		wantStatus(t, a.send(t, "DELETE "+base+"/b", ""), http.StatusNoContent)
		for _, collection := range []string{"nodes", "links"} {
			wantPart(t, wantStatus(t, a.send(t, "GET /v1/collections/"+collection+"/documents?count=exact", ""), http.StatusOK).tree(t), decode(t, []byte(`{"items":[],"count":{"value":0}}`)))
		}
	})
}

// What stands against a deletion is told, and nothing is written.
func TestReferences_Refused(t *testing.T) {
	t.Parallel()
	onEvery(t, func(t *testing.T, a *api) {
		t.Helper()
		a.declare(t, "people", `{}`)
		a.declare(t, "pets", `{"references":[{"path":"doc.owner","collection":"people","onDelete":"cascade"}]}`)
		a.declare(t, "visits", `{"references":[{"path":"doc.pet","collection":"pets","onDelete":"restrict"}]}`)
		a.declare(t, "jobs", `{"schema":{"required":["who"],"properties":{"who":{"type":"string"}}},"references":[{"path":"doc.who","collection":"people","onDelete":"setNull"}]}`)
		a.declare(t, "seats", `{"indexes":[{"name":"by_who","on":["doc.who"],"unique":true}],"references":[{"path":"doc.who","collection":"people","onDelete":"setNull"}]}`)
		a.put(t, "people", "ann", `{}`)
		a.put(t, "people", "bo", `{}`)
		a.put(t, "people", "cy", `{}`)
		a.put(t, "pets", "rex", `{"owner":"ann"}`)
		for i := range 13 {
			a.put(t, "visits", fmt.Sprintf("%02d", i), `{"pet":"rex"}`)
		}
		a.put(t, "jobs", "j", `{"who":"bo"}`)
		a.put(t, "seats", "s", `{"who":null}`)
		a.put(t, "seats", "t", `{"who":"cy"}`)
		before := contents(t, a.store)
		// The deletion of a pet follows from that of its owner, and it is the owner who cannot be deleted.
		p := wantProblem(t, a.send(t, "DELETE /v1/collections/people/documents/ann", ""), http.StatusConflict, "document.referenced")
		wantFault(t, p, "path", "id", "reference")
		wantPart(t, a.send(t, "DELETE /v1/collections/pets/documents/rex", "").tree(t), decode(t, []byte(`{"errors":[{"params":{"collection":"visits","path":"doc.pet","count":13,"ids":["00","01","02","03","04","05","06","07","08","09"]}}]}`)))
		p = wantProblem(t, a.send(t, "DELETE /v1/collections/people/documents/bo", ""), http.StatusConflict, "document.referenced")
		if len(p.Errors) != 1 || !strings.Contains(p.Errors[0].Message, "/who of document j in collection jobs") {
			t.Errorf("errors %+v", p.Errors)
		}
		wantProblem(t, a.send(t, "DELETE /v1/collections/people/documents/cy", ""), http.StatusConflict, "document.referenced")
		p = wantProblem(t, a.send(t, "POST /v1/transactions", `{"operations":[{"op":"put","collection":"people","id":"dee","data":{}},{"op":"delete","collection":"people","id":"ann"}]}`), http.StatusConflict, "document.referenced")
		wantFault(t, p, "body", "/operations/1/id", "reference")
		if got := contents(t, a.store); got != before {
			t.Errorf("the store has %s\nwant %s", got, before)
		}
		// Who takes the obstacles away in the same transaction may delete.
		operations := `{"op":"delete","collection":"people","id":"ann"}`
		for i := range 13 {
			operations += fmt.Sprintf(`,{"op":"delete","collection":"visits","id":"%02d"}`, i)
		}
		wantStatus(t, a.send(t, "POST /v1/transactions?validateOnly=true", `{"operations":[`+operations+`]}`), http.StatusOK)
		done := wantStatus(t, a.send(t, "POST /v1/transactions", `{"operations":[`+operations+`]}`), http.StatusOK)
		if results := done.tree(t).(map[string]any)["results"].([]any); len(results) != 14 {
			t.Errorf("%d results", len(results))
		}
		wantStatus(t, a.send(t, "GET /v1/collections/pets/documents/rex", ""), http.StatusNotFound)
	})
}

// Of many that are deleted or changed at once, each is told what stands against it.
func TestReferences_Bulk(t *testing.T) {
	t.Parallel()
	onEvery(t, func(t *testing.T, a *api) {
		t.Helper()
		a.declare(t, "people", `{}`)
		a.declare(t, "pets", `{"references":[{"path":"doc.owner","collection":"people","onDelete":"restrict"},{"path":"doc.vet","collection":"people","onDelete":"cascade"}]}`)
		for i := range 6 {
			a.put(t, "people", fmt.Sprint("p", i), fmt.Sprintf(`{"n":%d}`, i))
		}
		a.put(t, "pets", "rex", `{"owner":"p1","vet":"p2"}`)
		a.put(t, "pets", "tom", `{"vet":"p3"}`)
		before := contents(t, a.store)
		got := wantStatus(t, a.send(t, "POST /v1/collections/people/delete", `{"filter":"doc.n < 4"}`), http.StatusUnprocessableEntity)
		wantPart(t, got.tree(t), decode(t, []byte(`{"code":"bulk.failed"}`)))
		if after := contents(t, a.store); after != before {
			t.Errorf("the store has %s\nwant %s", after, before)
		}
		got = wantStatus(t, a.send(t, "POST /v1/collections/people/delete", `{"filter":"doc.n < 2 || doc.n == 3","mode":"skip"}`), http.StatusOK)
		wantPart(t, got.tree(t), decode(t, []byte(`{"changed":2,"failed":1,"failures":[{"id":"p1","code":"document.referenced"}]}`)))
		wantPart(t, wantStatus(t, a.send(t, "GET /v1/collections/pets/documents", ""), http.StatusOK).tree(t), decode(t, []byte(`{"items":[{"id":"rex"}]}`)))
		got = wantStatus(t, a.send(t, "POST /v1/collections/pets/update", `{"filter":"true","patch":{"owner":"nobody"},"mode":"skip","all":true}`), http.StatusOK)
		wantPart(t, got.tree(t), decode(t, []byte(`{"changed":0,"failed":1,"failures":[{"id":"rex","code":"document.invalid"}]}`)))
	})
}

// A deletion that would lead to too much is refused as a whole.
func TestReferences_Bounds(t *testing.T) {
	t.Parallel()
	for name, start := range everyStore {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := start(t, func(s *settings) { s.limits.Cascade = app.CascadeLimits{Documents: 5, Depth: 3} })
			a.declare(t, "nodes", `{"references":[{"path":"doc.up","collection":"nodes","onDelete":"cascade"}]}`)
			a.put(t, "nodes", "wide", `{}`)
			for i := range 5 {
				a.put(t, "nodes", fmt.Sprint("w", i), `{"up":"wide"}`)
			}
			a.put(t, "nodes", "n0", `{}`)
			for i := range 4 {
				a.put(t, "nodes", fmt.Sprint("n", i+1), fmt.Sprintf(`{"up":"n%d"}`, i))
			}
			a.put(t, "nodes", "w5", `{"up":"wide"}`)
			before := contents(t, a.store)
			wantProblem(t, a.send(t, "DELETE /v1/collections/nodes/documents/wide", ""), http.StatusConflict, "document.cascadeTooLarge")
			wantProblem(t, a.send(t, "DELETE /v1/collections/nodes/documents/n0", ""), http.StatusConflict, "document.cascadeTooLarge")
			if got := contents(t, a.store); got != before {
				t.Errorf("the store has %s\nwant %s", got, before)
			}
			wantStatus(t, a.send(t, "DELETE /v1/collections/nodes/documents/w5", ""), http.StatusNoContent)
			wantStatus(t, a.send(t, "DELETE /v1/collections/nodes/documents/wide", ""), http.StatusNoContent)
			wantStatus(t, a.send(t, "DELETE /v1/collections/nodes/documents/n1", ""), http.StatusNoContent)
			wantPart(t, wantStatus(t, a.send(t, "GET /v1/collections/nodes/documents", ""), http.StatusOK).tree(t), decode(t, []byte(`{"items":[{"id":"n0"}]}`)))
		})
	}
}

// What has expired takes along what depends on it, and asks nobody.
func TestReferences_Expiry(t *testing.T) {
	t.Parallel()
	later(t, func(t *testing.T, a *api, clock *ticking) {
		t.Helper()
		a.declare(t, "sessions", `{"expiry":{"at":"createdAt","after":"1h"}}`)
		a.declare(t, "carts", `{"references":[{"path":"doc.session","collection":"sessions","onDelete":"cascade"}]}`)
		a.declare(t, "visits", `{"references":[{"path":"doc.session","collection":"sessions","onDelete":"restrict"}]}`)
		a.declare(t, "tokens", `{"expiry":{"at":"createdAt","after":"30m"},"references":[{"path":"doc.cart","collection":"carts","onDelete":"restrict"}]}`)
		a.put(t, "sessions", "s", `{}`)
		a.put(t, "carts", "c", `{"session":"s"}`)
		a.put(t, "visits", "v", `{"session":"s"}`)
		a.put(t, "tokens", "t", `{"cart":"c"}`)
		wantProblem(t, a.send(t, "DELETE /v1/collections/carts/documents/c", ""), http.StatusConflict, "document.referenced")
		clock.set(noon.Add(time.Hour))
		wantStatus(t, a.send(t, "DELETE /v1/collections/carts/documents/c?validateOnly=true", ""), http.StatusOK) // who stood against it has expired
		p := wantProblem(t, a.send(t, "PUT /v1/collections/visits/documents/w", `{"session":"s"}`), http.StatusUnprocessableEntity, "document.invalid")
		wantFault(t, p, "body", "/session", "reference")
		if err := a.documents.RemoveExpired(t.Context(), slog.New(slog.DiscardHandler)); err != nil {
			t.Fatal(err)
		}
		for path, status := range map[string]int{"sessions/documents/s": 404, "carts/documents/c": 404, "tokens/documents/t": 404, "visits/documents/v": 200} {
			wantStatus(t, a.send(t, "GET /v1/collections/"+path, ""), status)
		}
		wantPart(t, wantStatus(t, a.send(t, "GET /v1/collections/carts/documents/c/revisions?data=false", ""), http.StatusOK).tree(t), decode(t, []byte(`{"items":[{"op":"delete","actor":"system","requestId":"expiry"},{"op":"create"}]}`)))
	})
}

// While documents are deleted others are made to refer to them, and nothing ever refers to nothing.
func TestReferences_Concurrency(t *testing.T) {
	t.Parallel()
	onEvery(t, func(t *testing.T, a *api) {
		t.Helper()
		a.declare(t, "parents", `{}`)
		a.declare(t, "children", `{"references":[{"path":"doc.p","collection":"parents","onDelete":"cascade"},{"path":"doc.q","collection":"parents","onDelete":"setNull"}]}`)
		const rounds, writers = 6, 6
		for round := range rounds {
			a.put(t, "parents", fmt.Sprint("p", round), `{}`)
			var all sync.WaitGroup
			for w := range writers {
				all.Go(func() {
					for i := range 4 {
						member := map[bool]string{true: "p", false: "q"}[(w+i)%2 == 0]
						got := a.send(t, fmt.Sprintf("PUT /v1/collections/children/documents/%d-%d-%d", round, w, i), fmt.Sprintf(`{%q:"p%d"}`, member, round))
						if got.status != http.StatusCreated && got.status != http.StatusUnprocessableEntity {
							t.Errorf("%d: %.300s", got.status, got.body)
						}
					}
				})
			}
			all.Go(func() {
				got := a.send(t, fmt.Sprint("DELETE /v1/collections/parents/documents/p", round), "")
				if got.status != http.StatusNoContent {
					t.Errorf("%d: %.300s", got.status, got.body)
				}
			})
			all.Wait()
		}
		page := wantStatus(t, a.send(t, "GET /v1/collections/children/documents?pageSize=1000&filter=has(doc.p)%20%7C%7C%20doc.q%20!%3D%20null", ""), http.StatusOK)
		wantPart(t, page.tree(t), decode(t, []byte(`{"items":[]}`)))
	})
}

// Nonsense is told, all of it at once; what an answer shows can be sent back.
func TestReferences_Declarations(t *testing.T) {
	t.Parallel()
	a := serve(t, memory.New())
	for _, test := range []struct{ reference, pointer, code string }{
		{`7`, "/references/0", "type"},
		{`{}`, "/references/0", "required"},
		{`{"path":"doc.a","collection":"b","onDelete":"drop"}`, "/references/0/onDelete", "enum"},
		{`{"path":"doc.a","collection":"b","onDelete":true}`, "/references/0/onDelete", "type"},
		{`{"path":"a","collection":"b","onDelete":"restrict"}`, "/references/0/path", "path"},
		{`{"path":"id","collection":"b","onDelete":"restrict"}`, "/references/0/path", "path"},
		{`{"path":"doc.a[].b[]","collection":"b","onDelete":"restrict"}`, "/references/0/path", "path"},
		{`{"path":"doc.a desc","collection":"b","onDelete":"restrict"}`, "/references/0/path", "path"},
		{`{"path":"doc[\"\u0000\"]","collection":"b","onDelete":"restrict"}`, "", "json.nul"},
		{`{"path":"doc.a","collection":"B!","onDelete":"restrict"}`, "/references/0/collection", "name"},
		{`{"path":"doc.a","collection":"b","ondelete":"restrict"}`, "/references/0/ondelete", "unknownField"},
	} {
		got := a.send(t, "PUT /v1/collections/x", `{"references":[`+test.reference+`]}`)
		if test.code == "json.nul" {
			wantProblem(t, got, http.StatusBadRequest, "json.invalid")
			continue
		}
		wantFault(t, wantProblem(t, got, http.StatusUnprocessableEntity, "collection.invalid"), "body", test.pointer, test.code)
	}
	a.declare(t, "x", `{"references":[{"path":"doc[\"odd \\\"name\\\"\"][].y","collection":"x","onDelete":"restrict"},{"path":"doc.b","collection":"y"}]}`)
	shown := wantStatus(t, a.send(t, "GET /v1/collections/x", ""), http.StatusOK)
	wantPart(t, shown.tree(t), decode(t, []byte(`{"references":[{"path":"doc[\"odd \\\"name\\\"\"][].y","onDelete":"restrict","state":"ready"},{"path":"doc.b","collection":"y"}]}`)))
	wantPart(t, wantStatus(t, a.send(t, "PUT /v1/collections/x", string(shown.body)), http.StatusOK).tree(t), decode(t, []byte(`{"revision":1}`)))
	wantProblem(t, a.send(t, "PUT /v1/collections/x/documents/a", `{"odd \"name\"":[{"y":"b"}]}`), http.StatusUnprocessableEntity, "document.invalid")
	wantStatus(t, a.send(t, "PUT /v1/collections/x/documents/a", `{"odd \"name\"":[{"y":"a"},{"y":null},"a"],"b":"whatever"}`), http.StatusCreated)
}
