package httpapi_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/sheafdb/sheaf/adapters/memory"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/ports"
)

// scenario is one request and what has to come of it. The store holds what furnish puts there.
type scenario struct {
	name, send, body string
	headers          []string
	// before prepares more than furnish does.
	before func(t *testing.T, a *api)
	// settings change the server, and store puts something in front of the store.
	settings func(*settings)
	store    func(ports.Store) ports.Store
	status   int
	code     string
	// want is a part of the answer's body, and has are headers of it.
	want string
	has  []string
	// writes says that the store holds something else afterwards; all others change nothing.
	writes bool
}

// furnish declares books, which admits any object and has moby-dick, strict, which wants a condition and a title and has emma, and authors, which have unique addresses, with ann.
func furnish(t *testing.T, a *api) {
	t.Helper()
	a.declare(t, "books", `{}`)
	a.put(t, "books", "moby-dick", `{"title":"Moby-Dick"}`)
	a.declare(t, "strict", `{"concurrency":"required","unknownFields":"reject","schema":{"type":"object","required":["title"],"properties":{"title":{"type":"string"}}}}`)
	a.put(t, "strict", "emma", `{"title":"Emma"}`)
	a.declare(t, "authors", `{"indexes":[{"name":"by_email","on":["doc.email"],"unique":true}]}`)
	a.put(t, "authors", "ann", `{"email":"ann@example.com"}`)
	waiting(t, a)
}

const (
	booksPath  = "/v1/collections/books"
	strictPath = "/v1/collections/strict"
	mobyPath   = booksPath + "/documents/moby-dick"
	emmaPath   = strictPath + "/documents/emma"
)

var (
	minimal     = "Prefer: return=minimal"
	wantNothing = []string{"Preference-Applied: return=minimal", "Content-Type: "}
)

// scenarios are what examples and their variations do not reach.
var scenarios = []scenario{
	{name: "collections, none", send: "GET /v1/collections?pageSize=1&count=exact", status: 200, want: `{"items":[{"name":"authors"}],"count":{"value":3,"kind":"exact"}}`, has: []string{"Cache-Control: private, no-cache"}},
	{name: "a page token of another list", send: "GET /v1/collections?pageToken=c1-eyJsIjoiIiwiYSI6IiJ9", status: 400, code: "page.token"},

	{name: "collection", send: "GET " + booksPath, status: 200, want: `{"name":"books","revision":1,"state":"active","unknownFields":"allow","concurrency":"optional"}`, has: []string{`Etag: "1"`}},
	{name: "collection, not modified", send: "GET " + booksPath, headers: []string{`If-None-Match: W/"1"`}, status: 304, has: []string{`Etag: "1"`}},
	{name: "collection, modified", send: "GET " + booksPath, headers: []string{`If-None-Match: "2"`}, status: 200},
	{name: "no such collection", send: "GET /v1/collections/ghosts", status: 404, code: "collection.notFound"},

	{name: "declare", send: "PUT /v1/collections/maps", body: `{"name":"maps","description":"Maps"}`, status: 201, want: `{"name":"maps","revision":1}`, has: []string{`Etag: "1"`, "Location: /v1/collections/maps"}, writes: true},
	{name: "declare, minimal", send: "PUT /v1/collections/maps", body: `{}`, headers: []string{minimal}, status: 201, has: append([]string{"Location: /v1/collections/maps"}, wantNothing...), writes: true},
	{name: "declare, validate only", send: "PUT /v1/collections/maps?validateOnly=true", body: `{}`, status: 200, want: `{"name":"maps","revision":1}`, has: []string{"Etag: "}},
	{name: "declare, only where there is none", send: "PUT " + booksPath, body: `{}`, headers: []string{"If-None-Match: *"}, status: 412, code: "collection.stale", want: `{"currentRevision":1}`},
	{name: "declare, only where there is one", send: "PUT /v1/collections/maps", body: `{}`, headers: []string{"If-Match: *"}, status: 412, code: "collection.stale"},
	{name: "redeclare", send: "PUT " + booksPath, body: `{"unknownFields":"strip"}`, headers: []string{`If-Match: "1"`}, status: 200, want: `{"revision":2,"unknownFields":"strip"}`, has: []string{`Etag: "2"`}, writes: true},
	{name: "redeclare, the same", send: "PUT " + booksPath, body: `{"unknownFields":"allow","revision":7,"state":"deleting","createdAt":"x","updatedAt":null}`, status: 200, want: `{"revision":1}`},
	{name: "redeclare, minimal", send: "PUT " + booksPath, body: `{"description":"x"}`, headers: []string{minimal}, status: 204, has: append([]string{`Etag: "2"`}, wantNothing...), writes: true},
	{name: "redeclare, and wait until all know", send: "PUT " + booksPath, body: `{"description":"x"}`, headers: []string{"Prefer: wait=1"}, status: 200, has: []string{"Preference-Applied: wait=1"}, writes: true},
	{name: "redeclare, and wait no time", send: "PUT " + booksPath, body: `{"description":"x"}`, headers: []string{"Prefer: wait=0"}, status: 200, has: []string{"Preference-Applied: "}, writes: true},
	{name: "declare, validate only, and wait for nothing", send: "PUT /v1/collections/maps?validateOnly=true", body: `{}`, headers: []string{"Prefer: wait=9"}, status: 200, has: []string{"Preference-Applied: "}},
	{name: "redeclare what is being deleted", send: "PUT /v1/collections/many", body: `{}`, before: deleteMany, status: 409, code: "collection.deleting"},
	{name: "declare wrongly", send: "PUT /v1/collections/maps", body: `{"name":"mops","schema":{"type":"strang"},"Concurrency":"required"}`, status: 422, code: "collection.invalid", want: `{"errors":[{"in":"body","pointer":"/Concurrency","code":"unknownField"},{"in":"body","pointer":"/name","code":"name"},{"in":"body","pointer":"/schema/type","code":"enum"}]}`},
	{name: "declare a list", send: "PUT /v1/collections/maps", body: `[]`, status: 422, code: "collection.invalid"},
	{name: "declare nothing", send: "PUT /v1/collections/maps", status: 400, code: "request.body"},

	{name: "patch a collection, minimal, and wait until all know", send: "PATCH " + booksPath, body: `{"description":"x"}`, headers: []string{"Content-Type: application/merge-patch+json", "Prefer: wait=2, return=minimal"}, status: 204, has: []string{"Preference-Applied: return=minimal, wait=2", "Content-Type: "}, writes: true},
	{name: "patch a collection", send: "PATCH " + booksPath, body: `{"unknownFields":"strip"}`, headers: []string{"Content-Type: application/merge-patch+json"}, status: 200, want: `{"revision":2}`, has: []string{`Etag: "2"`}, writes: true},
	{name: "patch a collection, minimal", send: "PATCH " + booksPath, body: `{"description":"x"}`, headers: []string{minimal}, status: 204, has: wantNothing, writes: true},
	{name: "patch a collection, validate only", send: "PATCH " + booksPath + "?validateOnly=true", body: `{"description":"x"}`, status: 200, want: `{"revision":2}`},
	{name: "patch a collection, stale", send: "PATCH " + booksPath, body: `{"description":"x"}`, headers: []string{`If-Match: "7"`}, status: 412, code: "collection.stale", want: `{"currentRevision":1}`},
	{name: "patch a collection that is being deleted", send: "PATCH /v1/collections/many", body: `{}`, before: deleteMany, status: 409, code: "collection.deleting"},
	{name: "patch a collection with a list", send: "PATCH " + booksPath, body: `[]`, status: 422, code: "collection.invalid"},
	{name: "patch no collection", send: "PATCH /v1/collections/ghosts", body: `{}`, status: 404, code: "collection.notFound"},

	{name: "delete a collection", send: "DELETE " + booksPath + "?force=true", headers: []string{`If-Match: "1"`}, status: 204, writes: true},
	{name: "delete an empty collection", send: "DELETE /v1/collections/maps", before: declareMaps, status: 204, writes: true},
	{name: "delete a collection, validate only", send: "DELETE " + booksPath + "?force=true&validateOnly=true", status: 200, want: `{"name":"books"}`, has: []string{`Etag: "1"`}},
	{name: "delete a large collection", send: "DELETE /v1/collections/many?force=true", before: importMany, status: 202, want: `{"state":"deleting","revision":2}`, has: []string{`Etag: "2"`}, writes: true},
	{name: "delete what is being deleted", send: "DELETE /v1/collections/many", before: deleteMany, status: 204, writes: true},
	{name: "delete a collection with documents", send: "DELETE " + booksPath, status: 409, code: "collection.notEmpty"},
	{name: "delete a collection, stale", send: "DELETE " + booksPath + "?force=true", headers: []string{`If-Match: "2", "3"`}, status: 412, code: "collection.stale", want: `{"currentRevision":1}`},
	{name: "delete no collection", send: "DELETE /v1/collections/ghosts", status: 404, code: "collection.notFound"},

	{name: "revisions", send: "GET " + booksPath + "/revisions", status: 200, want: `{"items":[{"revision":3,"at":"2026-11-24T12:00:00.123456Z","actor":"anonymous","requestId":"q1","configuration":{"name":"books","unknownFields":"allow","concurrency":"optional"}}]}`,
		before: declareAnew},
	{name: "revisions of nothing", send: "GET /v1/collections/ghosts/revisions", status: 404, code: "collection.notFound"},

	{name: "documents", send: "GET " + booksPath + "/documents?count=capped", status: 200, want: `{"items":[{"id":"moby-dick","revision":1,"createdAt":"2026-11-24T12:00:00.123456Z","updatedAt":"2026-11-24T12:00:00.123456Z","data":{"title":"Moby-Dick"}}],"count":{"value":1,"kind":"exact"}}`},
	{name: "documents, not modified", send: "GET " + booksPath + "/documents", headers: []string{"If-None-Match: *"}, status: 304, has: []string{"Content-Type: ", "Cache-Control: private, no-cache"}},
	{name: "documents, stale", send: "GET " + booksPath + "/documents", headers: []string{`If-Match: "1"`}, status: 412, code: "list.stale"},
	{name: "document, not older than a token", send: "GET " + mobyPath, headers: []string{"Consistency-Token: t1-AAE23iJp"}, status: 200},
	{name: "document, not older than nonsense", send: "GET " + mobyPath, headers: []string{"Consistency-Token: t1-AAE23iJq"}, status: 400, code: "consistency.token", want: `{"errors":[{"in":"header","pointer":"Consistency-Token","code":"format"}]}`},
	{name: "document, as its condition knows it", send: "GET " + mobyPath, headers: []string{`If-None-Match: "7"`}, status: 200},
	{name: "documents of what is being deleted", send: "GET /v1/collections/many/documents", before: deleteMany, status: 404, code: "collection.notFound"},

	{name: "documents by a filter", send: "GET " + booksPath + "/documents?filter=" + url.QueryEscape(`doc.title.startsWith("M")`) + "&orderBy=doc.title%20desc&fields=doc.title&explain=true", status: 200, want: `{"items":[{"id":"moby-dick","data":{"title":"Moby-Dick"}}],"explain":{"reads":"all","ordered":false,"residual":["doc.title.startsWith(\"M\")"],"estimatedRows":1,"examinedRows":1,"returned":1}}`},
	{name: "documents by a wrong filter", send: "GET " + strictPath + "/documents?filter=doc.titel%20%3D%3D%201&orderBy=doc.x&fields=%5B", status: 400, code: "filter.invalid"},
	{name: "documents by a quotient", send: "GET " + booksPath + "/documents?filter=" + url.QueryEscape(`doc.n / 0 > 1 || doc.n % 2 == 0`), status: 400, code: "filter.invalid"},
	{name: "documents of a large collection", send: "GET " + booksPath + "/documents?filter=doc.year%20%3D%3D%201851", settings: scanning(0), status: 422, code: "query.unindexed", want: `{"suggestedIndex":{"name":"by_year","on":["doc.year"]}}`},
	{name: "documents with too much behind them", send: "GET " + booksPath + "/documents?expand=doc.others%5B%5D", before: referMany, status: 413, code: "expand.tooLarge"},
	{name: "document with too much behind it", send: "GET " + mobyPath + "?expand=doc.others%5B%5D", before: referMany, status: 413, code: "expand.tooLarge"},
	{name: "document, in part", send: "GET " + mobyPath + "?fields=doc.author&expand=doc.sequel", before: referNone, status: 200, has: []string{`Etag: "1"`}, want: `{"id":"moby-dick","data":{},"expanded":{"doc.sequel":{"document":null,"reason":"absent"}}}`},
	{name: "query", send: "POST " + booksPath + "/query", body: `{"filter":"true","orderBy":"doc.title","pageSize":1,"count":"exact"}`, status: 200, want: `{"items":[{"id":"moby-dick"}],"count":{"value":1,"kind":"exact"}}`},
	{name: "query, not modified", send: "POST " + booksPath + "/query", body: `{}`, headers: []string{"If-None-Match: *"}, status: 304, has: []string{"Content-Type: "}},
	{name: "query, wrongly", send: "POST " + booksPath + "/query", body: `{"Filter":"true","pageSize":-1,"count":"all"}`, status: 400, code: "request.parameters", want: `{"errors":[{"pointer":"/Filter","code":"unknownField"},{"pointer":"/count","code":"enum"},{"pointer":"/pageSize","code":"type"}]}`},
	{name: "query of a large collection", send: "POST " + booksPath + "/query", body: `{"orderBy":"doc.year"}`, settings: scanning(0), status: 422, code: "query.unindexed"},
	{name: "query with too much behind it", send: "POST " + booksPath + "/query", body: `{"expand":"doc.others[]"}`, before: referMany, status: 413, code: "expand.tooLarge"},
	{name: "put what another has", send: "PUT /v1/collections/unique/documents/b", body: `{"n":1.0}`, before: uniqueTaken, status: 409, code: "document.duplicate", want: `{"errors":[{"in":"body","pointer":"/n","code":"unique","params":{"index":"by_n"}}]}`},
	{name: "put what another has, validate only", send: "PUT /v1/collections/unique/documents/b?validateOnly=true", body: `{"n":1.0}`, before: uniqueTaken, status: 409, code: "document.duplicate"},
	{name: "create what another has, validate only", send: "POST /v1/collections/unique/documents?validateOnly=true", body: `{"n":1}`, before: uniqueTaken, status: 409, code: "document.duplicate"},
	{name: "import what another has, validate only", send: "POST /v1/collections/unique/import?validateOnly=true&mode=skip", body: `[{"n":2},{"n":1},{"n":2}]`, before: uniqueTaken, status: 200, want: `{"created":1,"failed":2,"errors":[{"line":2,"pointer":"/n","code":"unique"},{"line":3,"pointer":"/n","code":"unique"}]}`},

	{name: "create", send: "POST " + booksPath + "/documents?id=emma", body: `{"n":1.10}`, status: 201, want: `{"id":"emma","revision":1,"data":{"n":1.10}}`, has: []string{`Etag: "1"`, "Location: " + booksPath + "/documents/emma"}, writes: true},
	{name: "create, minimal", send: "POST " + booksPath + "/documents", body: `{}`, headers: []string{minimal}, status: 201, has: append([]string{`Etag: "1"`}, wantNothing...), writes: true},
	{name: "create, validate only", send: "POST " + booksPath + "/documents?validateOnly=true", body: `{}`, status: 200, has: []string{"Etag: ", "Location: "}},
	{name: "create, validate only, minimal", send: "POST " + booksPath + "/documents?validateOnly=true", body: `{}`, headers: []string{minimal}, status: 204, has: wantNothing},
	{name: "create what is there", send: "POST " + booksPath + "/documents?id=moby-dick", body: `{}`, status: 409, code: "document.exists"},
	{name: "create what is not admitted", send: "POST " + strictPath + "/documents", body: `{"Title":1}`, status: 422, code: "document.invalid", want: `{"errors":[{"in":"body","pointer":"/Title","code":"unknownField"},{"in":"body","pointer":"","code":"required","params":{"missing":["title"]}}]}`},
	{name: "create in no collection", send: "POST /v1/collections/ghosts/documents", body: `{}`, status: 404, code: "collection.notFound"},
	{name: "create under no id", send: "POST " + booksPath + "/documents?id=a%2Fb", body: `{}`, status: 400, code: "document.id"},

	{name: "document", send: "GET " + mobyPath, headers: []string{`If-Match: "1"`}, status: 200, want: `{"id":"moby-dick","revision":1,"data":{"title":"Moby-Dick"}}`, has: []string{`Etag: "1"`}},
	{name: "document, not modified", send: "GET " + mobyPath, headers: []string{`If-None-Match: "0", "1"`}, status: 304, has: []string{`Etag: "1"`, "Content-Type: "}},
	{name: "document, stale", send: "GET " + mobyPath, headers: []string{`If-Match: W/"1"`}, status: 412, code: "document.stale", want: `{"currentRevision":1,"current":{"id":"moby-dick","data":{"title":"Moby-Dick"}}}`},
	{name: "no document", send: "GET " + booksPath + "/documents/ghost", status: 404, code: "document.notFound"},
	{name: "head", send: "HEAD " + mobyPath, status: 200, has: []string{`Etag: "1"`}},
	{name: "head, not modified", send: "HEAD " + mobyPath, headers: []string{"If-None-Match: *"}, status: 304, has: []string{`Etag: "1"`}},
	{name: "head, stale", send: "HEAD " + mobyPath, headers: []string{`If-Match: "2"`}, status: 412},
	{name: "head of nothing", send: "HEAD " + booksPath + "/documents/ghost", status: 404},

	{name: "put", send: "PUT " + booksPath + "/documents/emma", body: `{"n":1}`, headers: []string{"If-None-Match: *"}, status: 201, want: `{"id":"emma","revision":1}`, has: []string{`Etag: "1"`, "Location: " + booksPath + "/documents/emma"}, writes: true},
	{name: "put, minimal", send: "PUT " + booksPath + "/documents/emma", body: `{}`, headers: []string{minimal}, status: 201, has: wantNothing, writes: true},
	{name: "replace", send: "PUT " + mobyPath, body: `{"n":1}`, headers: []string{`If-Match: "1"`}, status: 200, want: `{"revision":2,"data":{"n":1}}`, has: []string{`Etag: "2"`}, writes: true},
	{name: "replace by the same", send: "PUT " + mobyPath, body: ` { "title" : "Moby\u002dDick" } `, status: 200, want: `{"revision":1}`, has: []string{`Etag: "1"`}},
	{name: "replace, minimal", send: "PUT " + mobyPath, body: `{}`, headers: []string{minimal}, status: 204, has: append([]string{`Etag: "2"`}, wantNothing...), writes: true},
	{name: "replace, validate only", send: "PUT " + mobyPath + "?validateOnly=true", body: `{}`, status: 200, want: `{"revision":2}`, has: []string{"Etag: "}},
	{name: "replace, stale", send: "PUT " + mobyPath, body: `{}`, headers: []string{`If-Match: "2"`}, status: 412, code: "document.stale", want: `{"currentRevision":1,"current":{"revision":1}}`},
	{name: "replace what is not there", send: "PUT " + booksPath + "/documents/ghost", body: `{}`, headers: []string{`If-Match: "1"`}, status: 412, code: "document.stale"},
	{name: "put only where there is none", send: "PUT " + mobyPath, body: `{}`, headers: []string{"If-None-Match: *"}, status: 412, code: "document.stale", want: `{"currentRevision":1}`},
	{name: "put what is not admitted", send: "PUT " + emmaPath, body: `{"title":1}`, headers: []string{`If-Match: "1"`}, status: 422, code: "document.invalid"},
	{name: "put without a condition", send: "PUT " + emmaPath, body: `{"title":"x"}`, status: 428, code: "document.conditionRequired"},
	{name: "put without a condition what is not admitted", send: "PUT " + emmaPath, body: `{}`, status: 422, code: "document.invalid"},

	{name: "delete", send: "DELETE " + mobyPath, headers: []string{`If-Match: "1"`}, status: 204, writes: true},
	{name: "delete, validate only", send: "DELETE " + mobyPath + "?validateOnly=true", status: 200, want: `{"id":"moby-dick","revision":1}`, has: []string{`Etag: "1"`}},
	{name: "delete, stale", send: "DELETE " + mobyPath, headers: []string{`If-Match: "2"`}, status: 412, code: "document.stale", want: `{"currentRevision":1}`},
	{name: "delete nothing", send: "DELETE " + booksPath + "/documents/ghost", headers: []string{`If-Match: "1"`}, status: 404, code: "document.notFound"},
	{name: "delete without a condition", send: "DELETE " + emmaPath, status: 428, code: "document.conditionRequired"},

	{name: "aggregate", send: "POST " + booksPath + "/aggregate", body: `{"stages":[{"group":{"by":{"title":"doc.title"},"fields":{"n":{"count":true}}}}]}`, status: 200, want: `{"items":[{"n":1,"title":"Moby-Dick"}]}`, has: []string{"Cache-Control: private, no-cache"}},
	{name: "aggregate lines", send: "POST " + booksPath + "/aggregate", body: `{"stages":[{"project":{"n":"1"}}]}`, headers: []string{"Accept: application/x-ndjson"}, status: 200, want: `{"n":1}`},
	{name: "aggregate, not modified", send: "POST " + booksPath + "/aggregate", body: `{"stages":[]}`, headers: []string{"If-None-Match: *"}, status: 304, has: []string{"Content-Type: "}},
	{name: "aggregate wrongly", send: "POST " + booksPath + "/aggregate", body: `{"stages":[{"limit":0}]}`, status: 400, code: "aggregate.invalid", want: `{"errors":[{"in":"body","pointer":"/stages/0/limit","code":"range"}]}`},
	{name: "aggregate too much", send: "POST " + booksPath + "/aggregate", body: `{"stages":[{"group":{"fields":{"n":{"count":true}}}}]}`, settings: func(s *settings) { s.limits.Scan = 0 }, status: 422, code: "query.unindexed"},
	{name: "aggregate nothing", send: "POST /v1/collections/ghosts/aggregate", body: `{"stages":[]}`, status: 404, code: "collection.notFound"},

	{name: "import", send: "POST " + booksPath + "/import", body: "{\"n\":1}\n\n{\"n\":2}", headers: []string{"Content-Type: application/x-ndjson"}, status: 200, want: `{"created":2,"replaced":0,"unchanged":0,"skipped":0,"failed":0}`, writes: true},
	{name: "import a list", send: "POST " + booksPath + "/import", body: `[{"n":1}, {"n":2}]`, status: 200, want: `{"created":2}`, writes: true},
	{name: "import envelopes", send: "POST " + booksPath + "/import?shape=document&existing=skip", body: `[{"id":"moby-dick","data":{}},{"id":"emma","data":{},"revision":7}]`, status: 200, want: `{"created":1,"skipped":1}`, writes: true},
	{name: "import, validate only", send: "POST " + booksPath + "/import?validateOnly=true", body: `[{}]`, status: 200, want: `{"created":1}`},
	{name: "import, skip", send: "POST " + strictPath + "/import?mode=skip", body: `[{"title":1},{"title":"x"},3]`, status: 200, want: `{"created":1,"failed":2}`, writes: true},
	{name: "import, strict", send: "POST " + strictPath + "/import", body: "{\"title\":\"x\"}\n{\"title\":1}\n{", headers: []string{"Content-Type: application/x-ndjson"}, status: 422, code: "import.failed", want: `{"report":{"created":0,"failed":2,"errors":[{"line":2,"pointer":"/title","code":"type"},{"line":3,"pointer":"","code":"json.syntax"}]}}`},
	{name: "import what is there", send: "POST " + booksPath + "/import?shape=document", body: `[{"id":"moby-dick","data":{}}]`, status: 422, code: "import.failed"},
	{name: "import, streaming", send: "POST " + strictPath + "/import", body: `[{}]`, headers: []string{"Accept: application/x-ndjson"}, status: 200},
	{name: "import half a list", send: "POST " + booksPath + "/import", body: `[{"n":1},`, status: 400, code: "json.invalid"},
	{name: "import no list", send: "POST " + booksPath + "/import", body: `{"n":1}`, status: 400, code: "json.invalid"},
	{name: "import by a key", send: "POST /v1/collections/authors/import?by=by_email", body: `[{"email":"bob@example.com"},{"email":"ann@example.com","name":"Ann"},{"email":"bob@example.com","name":"Bob"}]`, status: 200, want: `{"created":1,"replaced":2}`, writes: true},
	{name: "import by a key, skip what is there", send: "POST /v1/collections/authors/import?by=by_email&existing=skip", body: `[{"email":"ann@example.com","name":"Ann"}]`, status: 200, want: `{"skipped":1}`},
	{name: "import by a key, with another id", send: "POST /v1/collections/authors/import?by=by_email&shape=document", body: `[{"id":"bob","data":{"email":"ann@example.com"}}]`, status: 422, code: "import.failed", want: `{"report":{"errors":[{"line":1,"pointer":"/data","code":"keyHolder","params":{"index":"by_email"}}]}}`},
	{name: "import by a key, without one", send: "POST /v1/collections/authors/import?by=by_email", body: `[{"name":"Bob"}]`, status: 422, code: "import.failed", want: `{"report":{"errors":[{"line":1,"pointer":"/email","code":"key"}]}}`},
	{name: "import by a key of no index", send: "POST " + booksPath + "/import?by=by_email", body: `[]`, status: 404, code: "index.notFound"},
	{name: "import with a name", send: "POST " + booksPath + "/import?mode=skip&importId=i1", body: `[{"n":1},7]`, status: 200, want: `{"created":1,"failed":1}`, writes: true},
	{name: "import with a name, again", send: "POST " + booksPath + "/import?mode=skip&importId=i1", body: `[{"n":1},7]`, before: importNamed, status: 200, want: `{"created":1,"failed":1,"errors":[{"line":2,"code":"type"}]}`},
	{name: "import with the name of another", send: "POST " + booksPath + "/import?mode=skip&importId=i1", body: `[{"n":2},7]`, before: importNamed, status: 409, code: "import.reused"},
	{name: "import with the name of a longer one", send: "POST " + booksPath + "/import?mode=skip&importId=i1", body: `[{"n":1}]`, before: importNamed, status: 409, code: "import.reused"},
	{name: "import with the name of one by other rules", send: "POST " + booksPath + "/import?mode=skip&importId=i1&existing=skip", body: `[{"n":1},7]`, before: importNamed, status: 409, code: "import.reused"},
	{name: "import that runs", send: "POST " + booksPath + "/import?importId=i1", body: `[{"n":1}]`, before: importRunning, status: 409, code: "import.running", has: []string{"Retry-After: 1"}},
	{name: "import with a name, validate only", send: "POST " + booksPath + "/import?importId=i1&validateOnly=true", body: `[{"n":1}]`, before: importRunning, status: 200, want: `{"created":1}`},
	{name: "import with a wrong name", send: "POST " + booksPath + "/import?importId=%C3%A4", body: `[]`, status: 400, code: "request.parameters", want: `{"errors":[{"in":"query","pointer":"importId","code":"pattern"}]}`},
	{name: "import into nothing", send: "POST /v1/collections/ghosts/import", body: `[]`, status: 404, code: "collection.notFound"},

	{name: "export", send: "GET " + booksPath + "/export", status: 200, want: `{"title":"Moby-Dick"}`, has: []string{"Content-Type: application/x-ndjson"}},
	{name: "export envelopes", send: "GET " + booksPath + "/export?shape=document", status: 200, want: `{"id":"moby-dick","revision":1,"data":{"title":"Moby-Dick"}}`},
	{name: "export nothing", send: "GET /v1/collections/ghosts/export", status: 404, code: "collection.notFound"},

	{name: "alive", send: "GET /livez", status: 200, want: `{"status":"ok","checks":[]}`},
	{name: "contract", send: "GET /openapi.yaml", status: 200, has: []string{"Content-Type: application/yaml"}},
	{name: "metrics", send: "GET /metrics", status: 200},
	{name: "metrics, keyed", send: "GET /metrics", headers: []string{"Authorization: Bearer sesame"}, settings: rootKey, status: 200},
	{name: "metrics, open beside a key", send: "GET /metrics", settings: func(s *settings) { s.RootKey = "sesame" }, status: 200},
	{name: "problem type", send: "GET /problems/not-found", status: 200},
	{name: "ready", send: "GET /readyz", settings: checking(nil), status: 200, want: `{"status":"ok","checks":[{"name":"postgres","status":"ok"}]}`},
	{name: "not ready", send: "GET /readyz", settings: checking(errors.New("password=secret")), status: 503, want: `{"status":"failing","checks":[{"name":"postgres","status":"failing","reason":"does not answer"}]}`},
	{name: "not ready, for a reason", send: "GET /readyz", settings: checking(fault.New(fault.Unavailable, "postgres.unavailable", "a standby")), status: 503, want: `{"checks":[{"name":"postgres","status":"failing","reason":"a standby"}]}`},
	{name: "draining", send: "GET /readyz", before: func(_ *testing.T, a *api) { a.Drain() }, status: 503, want: `{"checks":[{"name":"drain","status":"failing","reason":"the process is about to stop"}]}`},
	{name: "no metrics", send: "GET /metrics", settings: func(s *settings) { s.Metrics = nil }, status: 404, code: "metrics.disabled"},
	{name: "no problem", send: "GET /problems/boredom", status: 404, code: "problem.notFound"},
	{name: "a long problem", send: "GET /problems/" + strings.Repeat("x", 65), status: 400, code: "request.parameters"},
}

func scanning(limit int64) func(*settings) {
	return func(s *settings) { s.limits.Scan = limit }
}

// referMany makes moby-dick refer to more documents than a page may.
func referMany(t *testing.T, a *api) {
	t.Helper()
	wantStatus(t, a.send(t, "PUT "+booksPath, `{"references":[{"path":"doc.others[]","collection":"books"}]}`), 200)
	ids := make([]string, 5001)
	for i := range ids {
		ids[i] = strconv.Itoa(i)
	}
	wantStatus(t, a.send(t, "PUT "+mobyPath, `{"others":[`+strings.Join(ids, ",")+`]}`), 200)
}

func referNone(t *testing.T, a *api) {
	t.Helper()
	wantStatus(t, a.send(t, "PUT "+booksPath, `{"references":[{"path":"doc.sequel","collection":"books"}]}`), 200)
}

func checking(err error) func(*settings) {
	return func(s *settings) {
		s.Checks = []ports.HealthCheck{{Name: "postgres", Check: func(context.Context) error { return err }}}
	}
}

func declareMaps(t *testing.T, a *api) {
	t.Helper()
	a.declare(t, "maps", `{}`)
}

// declareAnew replaces books by another collection of that name.
func declareAnew(t *testing.T, a *api) {
	t.Helper()
	wantStatus(t, a.send(t, "DELETE "+booksPath+"?force=true", ""), 204)
	wantStatus(t, a.send(t, "PUT "+booksPath, `{}`, "Request-Id: q1"), 201)
}

// importMany makes a collection that is too large to be deleted at once.
func importMany(t *testing.T, a *api) {
	t.Helper()
	a.declare(t, "many", `{}`)
	wantStatus(t, a.send(t, "POST /v1/collections/many/import", "["+strings.Repeat("{},", 1500)+"{}]"), 200)
}

// importNamed imports a document and a bad line into books, as i1.
func importNamed(t *testing.T, a *api) {
	t.Helper()
	wantStatus(t, a.send(t, "POST "+booksPath+"/import?mode=skip&importId=i1", `[{"n":1},7]`), 200)
}

// importRunning begins an import into books, as i1, that does not end before the test does.
func importRunning(t *testing.T, a *api) {
	t.Helper()
	c := converse(t, a, booksPath+"/import?importId=i1", "{\n")
	c.hear()
}

func deleteMany(t *testing.T, a *api) {
	t.Helper()
	importMany(t, a)
	wantStatus(t, a.send(t, "DELETE /v1/collections/many?force=true", ""), 202)
}

// example is a request made of the examples of an operation.
type example struct {
	op                   *openapi3.Operation
	method, target, body string
	headers              []string
}

func (e example) send() string { return e.method + " " + e.target }

// examples are the requests of every operation, one for each media type of its body: what it requires and nothing else.
func examples() (list []example) {
	paths := contract().Paths.Map()
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		methods := paths[path].Operations()
		for _, method := range slices.Sorted(maps.Keys(methods)) {
			op := methods[method]
			e := example{op: op, method: method, target: path}
			for _, p := range op.Parameters {
				if p.Value.In == openapi3.ParameterInPath {
					e.target = strings.ReplaceAll(e.target, "{"+p.Value.Name+"}", url.PathEscape(fmt.Sprint(p.Value.Example)))
				}
			}
			if op.RequestBody == nil {
				list = append(list, e)
				continue
			}
			for _, media := range slices.Sorted(maps.Keys(op.RequestBody.Value.Content)) {
				e.body = bodyExample(op.RequestBody.Value.Content[media])
				e.headers = []string{"Content-Type: " + media}
				list = append(list, e)
			}
		}
	}
	return list
}

// bodyExample returns the example of a body; a text is the body itself.
func bodyExample(media *openapi3.MediaType) string {
	value := media.Example
	for _, ref := range media.Examples {
		value = ref.Value.Value
	}
	if text, ok := value.(string); ok {
		return text
	}
	text, err := json.Marshal(value)
	if err != nil {
		panic(err)
	}
	return string(text)
}

// variations are what every operation does when its example is sent and something is wrong around it.
func variations() (list []scenario) {
	for _, e := range examples() {
		add := func(name string, status int, code string, change func(*scenario)) {
			if e.op.Responses.Status(status) == nil {
				return
			}
			s := scenario{name: fmt.Sprint(e.op.OperationID, ", ", name), send: e.send(), body: e.body, headers: e.headers, status: status, code: code}
			if e.method == http.MethodHead {
				s.code = ""
			}
			change(&s)
			list = append(list, s)
		}
		store := func(err error) func(*scenario) {
			return func(s *scenario) { s.store = func(ports.Store) ports.Store { return failing(err) } }
		}
		header := func(h string) func(*scenario) {
			return func(s *scenario) { s.headers = append(slices.Clone(s.headers), h) }
		}
		add("without a key", http.StatusUnauthorized, "auth.required", func(s *scenario) {
			s.settings, s.has = rootKey, []string{"Www-Authenticate: Bearer"}
		})
		add("with another key", http.StatusUnauthorized, "auth.invalid", func(s *scenario) {
			header("Authorization: Bearer seesam")(s)
			s.settings = rootKey
		})
		if e.op.Security == nil {
			add("of another role", http.StatusNotFound, "role.notServed", func(s *scenario) { s.settings = func(s *settings) { s.Roles = []string{"process"} } })
		}
		add("accepting none of it", http.StatusNotAcceptable, "request.notAcceptable", header("Accept: image/png, image/gif;q=0.5"))
		add("an unknown parameter", http.StatusBadRequest, "request.parameters", func(s *scenario) { s.send += "?nonsense=1" })
		add("another media type", http.StatusUnsupportedMediaType, "request.mediaType", header("Content-Type: text/csv"))
		add("another encoding", http.StatusUnsupportedMediaType, "request.contentEncoding", header("Content-Encoding: br"))
		large := add
		if largeCodes[e.op.OperationID] == "" {
			large = func(string, int, string, func(*scenario)) {} // it is not the body that is too large
		}
		large("too large", http.StatusRequestEntityTooLarge, largeCodes[e.op.OperationID], func(s *scenario) {
			s.settings = func(s *settings) {
				s.MaxBodyBytes, s.MaxTransactionBytes, s.limits.Document.Bytes, s.limits.Import.StrictDocuments = 8, 8, 28, 1
			}
		})
		if !strings.HasSuffix(e.target, "/readyz") {
			add("a store that fails", http.StatusInternalServerError, "internal", store(errors.New("password=secret")))
			add("a store that is away", http.StatusServiceUnavailable, "postgres.unavailable", func(s *scenario) {
				store(fault.New(fault.Unavailable, "postgres.unavailable", "the database does not answer").After(1500 * time.Millisecond))(s)
				s.has = []string{"Retry-After: 2"}
			})
		}
	}
	return list
}

func rootKey(s *settings) { s.RootKey, s.MetricsKeyed = "sesame", true }

var largeCodes = map[string]string{
	"putCollection": "request.tooLarge", "patchCollection": "request.tooLarge", "createDocument": "document.tooLarge", "putDocument": "document.tooLarge", "importDocuments": "import.tooLarge",
	"updateDocuments": "request.tooLarge", "deleteDocuments": "request.tooLarge", "migrateDocuments": "request.tooLarge",
	"runTransaction": "transaction.tooLarge", "queryDocuments": "request.tooLarge", "aggregateDocuments": "request.tooLarge",
	"putDocumentByKey": "document.tooLarge", "patchDocumentByKey": "document.tooLarge", "patchDocument": "document.tooLarge", "restoreDocument": "request.tooLarge",
}

// pairs are operations with statuses.
type pairs struct {
	mu  sync.Mutex
	has map[string]bool
}

func (p *pairs) add(operation string, status int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.has[operation+" "+strconv.Itoa(status)] = true
}

func TestContract(t *testing.T) {
	t.Parallel()
	seen := &pairs{has: map[string]bool{}}
	t.Cleanup(func() { seen.wantAll(t) }) // when all scenarios are over
	for _, s := range slices.Concat(scenarios, bulkScenarios, impactScenarios, patchScenarios, historyScenarios, retentionScenarios, referenceScenarios, transactionScenarios, keyScenarios, admissionScenarios, variations()) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			s.run(t, seen)
		})
	}
}

// wantAll lists the operations with documented statuses that were not seen.
func (p *pairs) wantAll(t *testing.T) {
	t.Helper()
	for _, e := range examples() {
		for status := range e.op.Responses.Map() {
			if pair := e.op.OperationID + " " + status; !p.has[pair] {
				t.Errorf("no scenario for %s", pair)
			}
		}
	}
}

func (s scenario) run(t *testing.T, seen *pairs) {
	t.Helper()
	store := memory.New()
	before := serve(t, store)
	furnish(t, before)
	a := serveBehind(t, store, s)
	if s.before != nil {
		s.before(t, a)
	}
	held := contents(t, store)
	a.seen = seen.add
	got := a.send(t, s.send, s.body, s.headers...)
	if got.status != s.status || got.code(t) != s.code {
		t.Fatalf("got %d %.1000s, want %d %s", got.status, got.body, s.status, s.code)
	}
	if s.want != "" {
		wantPart(t, got.tree(t), decode(t, []byte(s.want)))
	}
	for _, field := range s.has {
		name, value, _ := strings.Cut(field, ": ")
		if got.header.Get(name) != value {
			t.Errorf("%s: %q, want %q", name, got.header.Get(name), value)
		}
	}
	if s.status >= http.StatusInternalServerError && strings.Contains(string(got.body), "secret") {
		t.Errorf("the answer tells a secret: %s", got.body)
	}
	if changed := contents(t, store) != held; changed != s.writes {
		t.Errorf("the store has changed: %v, want %v", changed, s.writes)
	}
}

// serveBehind starts the scenario's server on the store.
func serveBehind(t *testing.T, store ports.Store, s scenario) *api {
	t.Helper()
	if s.store != nil {
		store = s.store(store)
	}
	if s.settings == nil {
		return serve(t, store)
	}
	return serve(t, store, s.settings)
}

// tried are values of optional parameters, which have no examples: a page that tries an operation out would send them.
var tried = map[string]string{
	"If-Match": `"1"`, "If-None-Match": `"7"`, "Consistency-Token": "t1-AAE23iJp", "Idempotency-Key": "k-1", "Prefer": "return=minimal", "validateOnly": "true", "force": "true", "id": "emma",
	"pageSize": "20", "pageToken": "", "count": "exact", "shape": "document", "mode": "skip", "existing": "replace", "by": "by_email", "importId": "i-1",
	"filter": `doc.year > 1800 && "x" in doc.tags`, "orderBy": "doc.year desc, createdAt", "fields": "doc.title,id", "expand": "", "allowScan": "true", "explain": "true",
	"collection": "books", "state": "queued",
	"asOf": "2026-11-30T00:00:00Z", "data": "false", "from": "0", "to": "1",
}

// The contract's examples of requests are requests that the server takes, and so is each parameter's.
func TestContract_Examples(t *testing.T) {
	t.Parallel()
	if err := contract().Validate(t.Context()); err != nil { // its examples too
		t.Error(err)
	}
	wantTaken := func(t *testing.T, e example, line string, headers ...string) {
		t.Helper()
		a := inMemory(t)
		furnish(t, a)
		if strings.Contains(line, "?by=") {
			line = strings.Replace(line, "books", "authors", 1) // they have the index
		}
		got := a.send(t, line, e.body, slices.Concat(e.headers, headers)...)
		for _, refused := range []int{400, 401, 404, 406, 413, 415, 500, 503} {
			if got.status == refused {
				t.Errorf("%s %v: %d %s", line, headers, got.status, got.body)
			}
		}
	}
	for _, e := range examples() {
		t.Run(e.op.OperationID, func(t *testing.T) {
			t.Parallel()
			wantTaken(t, e, e.send())
			for _, p := range e.op.Parameters {
				value, given := tried[e.op.OperationID+"."+p.Value.Name]
				if !given {
					value, given = tried[p.Value.Name]
				}
				if !given && p.Value.In != openapi3.ParameterInPath {
					t.Errorf("no value to try %s with", p.Value.Name)
				}
				switch p.Value.In {
				case openapi3.ParameterInQuery:
					wantTaken(t, e, e.send()+"?"+p.Value.Name+"="+url.QueryEscape(value))
				case openapi3.ParameterInHeader:
					wantTaken(t, e, e.send(), p.Value.Name+": "+value)
				}
			}
		})
	}
}

// uniqueTaken declares a collection with a unique index, in which a document has the key 1.
func uniqueTaken(t *testing.T, a *api) {
	t.Helper()
	a.declare(t, "unique", `{"indexes":[{"name":"by_n","on":["doc.n"],"unique":true}]}`)
	a.put(t, "unique", "a", `{"n":1}`)
}
