package httpapi_test

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
)

const (
	annPath  = "/v1/collections/authors/by/by_email/ann@example.com"
	bobPath  = "/v1/collections/authors/by/by_email/bob@example.com"
	keysPath = "/v1/collections/keys/by/"
)

// declareKeys declares indexes of all sorts.
func declareKeys(t *testing.T, a *api) {
	t.Helper()
	a.declare(t, "keys", `{"schema":{"properties":{"n":{"type":"integer"},"s":{"type":"string"},"b":{"type":"boolean"}}},"indexes":[
		{"name":"number","on":["doc.n"],"unique":true},{"name":"text","on":["doc.s"],"unique":true},{"name":"pair","on":["doc.s","doc.n desc"],"unique":true},
		{"name":"any","on":["doc.x"],"unique":true},{"name":"folded","on":["doc.name"],"unique":true,"caseInsensitive":true},{"name":"each","on":["doc.tags[]"],"unique":true},
		{"name":"part","on":["doc.code"],"unique":true,"where":"doc.live == true"},{"name":"plain","on":["doc.n"]},{"name":"mixed","on":["doc.x","createdAt"],"unique":true}]}`)
	a.put(t, "keys", "a", `{"n":10,"s":"a,b","b":true,"x":"7","name":"Ann","tags":["x","y/z"],"code":1,"live":true}`)
	a.put(t, "keys", "b", `{"n":-1.0,"s":"","x":7,"name":"Bob","code":1,"live":false}`)
	a.declare(t, "rated", `{"id":{"from":"doc.n"},"concurrency":"required","indexes":[{"name":"by_code","on":["doc.code"],"unique":true}]}`)
	wantStatus(t, a.send(t, "POST /v1/collections/rated/documents", `{"n":1,"code":"x"}`), 201)
}

// declareBuilding makes an index that nobody builds.
func declareBuilding(t *testing.T, a *api) {
	t.Helper()
	wantStatus(t, a.send(t, "PUT "+booksPath, `{"indexes":[{"name":"by_title","on":["doc.title"],"unique":true}]}`), 200)
}

var keyScenarios = []scenario{
	{name: "by key", send: "GET " + annPath, status: 200, want: `{"id":"ann","data":{"email":"ann@example.com"}}`, has: []string{`Etag: "1"`, "Content-Location: /v1/collections/authors/documents/ann"}},
	{name: "by key, in part", send: "GET " + annPath + "?fields=doc.name", status: 200, want: `{"id":"ann","data":{}}`},
	{name: "by key, none", send: "GET " + bobPath, status: 404, code: "document.notFound"},
	{name: "by key, no collection", send: "GET /v1/collections/ghosts/by/x/y", status: 404, code: "collection.notFound"},
	{name: "by key, no index", send: "GET /v1/collections/authors/by/by_mail/y", status: 404, code: "index.notFound"},
	{name: "by key, not unique", send: "GET " + keysPath + "plain/10", before: declareKeys, status: 422, code: "index.notUnique"},
	{name: "by key, of the server", send: "GET " + keysPath + "mixed/7,2026-11-24T12:00:00Z", before: declareKeys, status: 422, code: "index.notUnique"},
	{name: "by key, not ready", send: "GET " + booksPath + "/by/by_title/Moby-Dick", before: declareBuilding, status: 409, code: "index.notReady", has: []string{"Retry-After: 1"}},
	{name: "by key, too much behind it", send: "GET " + annPath + "?expand=doc.others%5B%5D", status: 413, code: "expand.tooLarge", before: func(t *testing.T, a *api) {
		t.Helper()
		wantStatus(t, a.send(t, "PATCH /v1/collections/authors", `{"references":[{"path":"doc.others[]","collection":"books"}]}`), 200)
		a.put(t, "authors", "ann", `{"email":"ann@example.com","others":[`+numbersUpTo(5001)+`]}`)
	}},

	{name: "by key, put new", send: "PUT " + bobPath, body: `{"email":"bob@example.com"}`, headers: []string{"If-None-Match: *"}, status: 201, want: `{"id":"made-000001","revision":1}`, has: []string{`Etag: "1"`, "Location: /v1/collections/authors/documents/made-000001"}, writes: true},
	{name: "by key, put", send: "PUT " + annPath, body: `{"email":"ann@example.com","n":1}`, headers: []string{`If-Match: "1"`}, status: 200, want: `{"id":"ann","revision":2,"data":{"n":1}}`, has: []string{`Etag: "2"`}, writes: true},
	{name: "by key, put the same", send: "PUT " + annPath, body: `{"email":"ann@example.com"}`, status: 200, want: `{"id":"ann","revision":1}`},
	{name: "by key, put, minimal", send: "PUT " + annPath, body: `{"email":"ann@example.com","n":1}`, headers: []string{minimal}, status: 204, has: append([]string{`Etag: "2"`}, wantNothing...), writes: true},
	{name: "by key, put, validate only", send: "PUT " + annPath + "?validateOnly=true", body: `{"email":"ann@example.com","n":1}`, status: 200, want: `{"id":"ann","revision":2}`},
	{name: "by key, put only new", send: "PUT " + annPath, body: `{"email":"ann@example.com"}`, headers: []string{"If-None-Match: *"}, status: 412, code: "document.stale", want: `{"currentRevision":1,"current":{"id":"ann"}}`},
	{name: "by key, put only what is there", send: "PUT " + bobPath, body: `{"email":"bob@example.com"}`, headers: []string{"If-Match: *"}, status: 412, code: "document.stale"},
	{name: "by key, put another key", send: "PUT " + annPath, body: `{"email":"bob@example.com"}`, status: 422, code: "document.invalid", want: `{"errors":[{"in":"body","pointer":"/email","code":"key"}]}`},
	{name: "by key, put no key", send: "PUT " + bobPath, body: `{}`, status: 422, code: "document.invalid", want: `{"errors":[{"in":"body","pointer":"/email","code":"key"}]}`},
	{name: "by key, put what others have", send: "PUT " + keysPath + "number/11", body: `{"n":11,"s":""}`, before: declareKeys, status: 409, code: "document.duplicate", want: `{"errors":[{"pointer":"/s","code":"unique"}]}`},
	{name: "by key, put no object", send: "PUT " + bobPath, body: `[]`, status: 422, code: "document.invalid"},
	{name: "by key, put, no collection", send: "PUT /v1/collections/ghosts/by/x/y", body: `{}`, status: 404, code: "collection.notFound"},
	{name: "by key, put, ids from data", send: "PUT /v1/collections/rated/by/by_code/y", body: `{"n":2,"code":"y"}`, headers: []string{"If-None-Match: *"}, before: declareKeys, status: 201, want: `{"id":"2"}`, writes: true},
	{name: "by key, put, another id", send: "PUT /v1/collections/rated/by/by_code/x", body: `{"n":2,"code":"x"}`, headers: []string{"If-Match: *"}, before: declareKeys, status: 422, code: "document.invalid", want: `{"errors":[{"pointer":"/n","code":"id"}]}`},
	{name: "by key, put, an id that is taken", send: "PUT /v1/collections/rated/by/by_code/y", body: `{"n":1,"code":"y"}`, headers: []string{"If-None-Match: *"}, before: declareKeys, status: 409, code: "document.exists"},
	{name: "by key, put without a condition", send: "PUT /v1/collections/rated/by/by_code/x", body: `{"n":1,"code":"x"}`, before: declareKeys, status: 428, code: "document.conditionRequired"},

	{name: "by key, patch", send: "PATCH " + annPath, body: `{"n":1}`, headers: []string{`If-Match: "1"`}, status: 200, want: `{"id":"ann","revision":2,"data":{"n":1}}`, writes: true},
	{name: "by key, patch, minimal", send: "PATCH " + annPath, body: `{"n":1}`, headers: []string{minimal}, status: 204, has: wantNothing, writes: true},
	{name: "by key, patch the key", send: "PATCH " + annPath, body: `{"email":"bob@example.com"}`, status: 200, want: `{"id":"ann","revision":2}`, writes: true},
	{name: "by key, patch, stale", send: "PATCH " + annPath, body: `{"n":1}`, headers: []string{`If-Match: "2"`}, status: 412, code: "document.stale"},
	{name: "by key, patch none", send: "PATCH " + bobPath, body: `{}`, status: 404, code: "document.notFound"},
	{name: "by key, patch a place that is not there", send: "PATCH " + annPath, body: `[{"op":"remove","path":"/x"}]`, headers: []string{"Content-Type: application/json-patch+json"}, status: 409, code: "document.patchConflict"},
	{name: "by key, patch wrongly", send: "PATCH " + annPath, body: `7`, status: 422, code: "document.patchInvalid"},
	{name: "by key, patch without a condition", send: "PATCH /v1/collections/rated/by/by_code/x", body: `{}`, before: declareKeys, status: 428, code: "document.conditionRequired"},

	{name: "by key, delete", send: "DELETE " + annPath, headers: []string{`If-Match: "1"`}, status: 204, writes: true},
	{name: "by key, delete, validate only", send: "DELETE " + annPath + "?validateOnly=true", status: 200, want: `{"id":"ann"}`},
	{name: "by key, delete none", send: "DELETE " + bobPath, status: 404, code: "document.notFound"},
	{name: "by key, delete, stale", send: "DELETE " + annPath, headers: []string{`If-Match: "2"`}, status: 412, code: "document.stale"},
	{name: "by key, delete without a condition", send: "DELETE /v1/collections/rated/by/by_code/x", before: declareKeys, status: 428, code: "document.conditionRequired"},
	{name: "by key, delete, not unique", send: "DELETE " + keysPath + "plain/10", before: declareKeys, status: 422, code: "index.notUnique"},
	{name: "by key, delete, not ready", send: "DELETE " + booksPath + "/by/by_title/Moby-Dick", before: declareBuilding, status: 409, code: "index.notReady"},
}

// How keys are spelt.
func TestByKey_Keys(t *testing.T) {
	t.Parallel()
	onEvery(t, func(t *testing.T, a *api) {
		t.Helper()
		declareKeys(t, a)
		for path, want := range map[string]string{
			"number/10": "a", "number/1e1": "a", "number/10.0": "a", "number/-1": "b", `number/%2210%22`: "", "number/null": "",
			"text/a%2Cb": "a", `text/%22%22`: "b", `text/%22a%2Cb%22`: "a", `text/%22a\u002cb%22`: "a", "text/null": "",
			"pair/a%2Cb,10": "a", `pair/%22%22,-1.00`: "b", `pair/%22%22,10`: "",
			"any/7": "b", `any/%227%22`: "a", "any/true": "", "any/null": "",
			"folded/ANN": "a", "folded/b%6Fb": "b",
			"each/x": "a", "each/y%2Fz": "a", "each/y": "",
			"part/1": "a", "part/2": "",
		} {
			got := a.send(t, "GET "+keysPath+path, "")
			if want == "" {
				if got.code(t) != "document.notFound" {
					t.Errorf("%s: %d %s", path, got.status, got.body)
				}
				continue
			}
			if got.status != 200 || !strings.HasPrefix(string(got.body), `{"id":"`+want+`"`) {
				t.Errorf("%s: %d %.200s, want %s", path, got.status, got.body, want)
			}
		}
		for _, path := range []string{"number/x", "number/a,b", "number/true", "pair/a", "pair/a,1,2", "pair/,1", "pair/a,", "text/%22a", "text/%22a%22b", "number/%0A1", "number/[1]", "number/%7B%7D"} {
			p := wantProblem(t, a.send(t, "GET "+keysPath+path, ""), 400, "key.malformed")
			wantFault(t, p, "path", "key", "key")
		}
		// A body that the index does not cover does not have the key.
		p := wantProblem(t, a.send(t, "PUT "+keysPath+"part/3", `{"code":3,"live":false}`), 422, "document.invalid")
		wantFault(t, p, "body", "/code", "key")
		wantStatus(t, a.send(t, "PUT "+keysPath+"each/new", `{"tags":["old","new"]}`), 201)
		wantStatus(t, a.send(t, "PUT "+keysPath+"each/old", `{"tags":["old"]}`), 200)
		wantStatus(t, a.send(t, "PUT "+keysPath+"folded/ANN", `{"name":"ann","n":10}`), 200)
	})
}

// Of many at once one creates the document, and each of the others replaces what is there then: there is one document, and a revision for each.
func TestByKey_Concurrently(t *testing.T) {
	t.Parallel()
	onEvery(t, func(t *testing.T, a *api) {
		t.Helper()
		furnish(t, a)
		const rounds, writers = 4, 12
		for round := range rounds {
			email := fmt.Sprintf("x%d@example.com", round)
			path := "/v1/collections/authors/by/by_email/" + url.PathEscape(email)
			statuses := make(chan int, writers)
			for i := range writers {
				go func() {
					statuses <- a.send(t, "PUT "+path, fmt.Sprintf(`{"email":%q,"n":%d}`, email, i)).status
				}()
			}
			seen := map[int]int{}
			for range writers {
				seen[<-statuses]++
			}
			if seen[201] != 1 || seen[200] != writers-1 {
				t.Errorf("got %v", seen)
			}
			wantPart(t, a.send(t, "GET "+path, "").tree(t), map[string]any{"revision": decode(t, fmt.Append(nil, writers))})
		}
		// One that moves to another document all the time is found by its key, whoever has it.
		a.put(t, "authors", "one", `{"email":"one@example.com"}`)
		a.put(t, "authors", "two", `{"email":"two@example.com"}`)
		done := make(chan struct{})
		go func() {
			defer close(done)
			for range 20 {
				for _, ids := range [][2]string{{"one", "two"}, {"two", "one"}} {
					got := a.send(t, transactionsPath, operationsBody(
						`{"op":"patch","collection":"authors","id":"`+ids[0]+`","patch":{"email":"star@example.com"}}`, `{"op":"patch","collection":"authors","id":"`+ids[1]+`","patch":{"email":null}}`))
					if got.status != 200 {
						t.Errorf("got %d %s", got.status, got.body)
					}
				}
			}
		}()
		for i := 0; ; i++ {
			select {
			case <-done:
				return
			default:
			}
			got := a.send(t, "PATCH /v1/collections/authors/by/by_email/star@example.com", fmt.Sprintf(`{"n":%d}`, i))
			if got.status == 200 && !strings.Contains(string(got.body), "star@example.com") || got.status != 200 && got.status != 404 && got.status != 503 {
				t.Errorf("got %d %s", got.status, got.body)
			}
		}
	})
}

// A key whose document has expired is free.
func TestByKey_Expired(t *testing.T) {
	t.Parallel()
	onEvery(t, func(t *testing.T, a *api) {
		t.Helper()
		a.declare(t, "seats", `{"expiry":{"at":"doc.until"},"indexes":[{"name":"by_seat","on":["doc.seat"],"unique":true}]}`)
		a.put(t, "seats", "old", `{"seat":"12A","until":"2026-11-24T12:00:00Z"}`)
		path := "/v1/collections/seats/by/by_seat/12A"
		wantProblem(t, a.send(t, "GET "+path, ""), 404, "document.notFound")
		wantProblem(t, a.send(t, "PATCH "+path, `{}`), 404, "document.notFound")
		wantStatus(t, a.send(t, "PUT "+path, `{"seat":"12A"}`, "If-None-Match: *"), 201)
		wantStatus(t, a.send(t, "GET "+path, ""), 200)
	})
}

func numbersUpTo(n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprint(i)
	}
	return strings.Join(list, ",")
}
