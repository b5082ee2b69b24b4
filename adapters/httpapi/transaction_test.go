package httpapi_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sheafdb/sheaf/domain/change"
)

const transactionsPath = "POST /v1/transactions"

// operationsBody is a transaction of these operations.
func operationsBody(operations ...string) string {
	return `{"operations":[` + strings.Join(operations, ",") + `]}`
}

func declareCoded(t *testing.T, a *api) {
	t.Helper()
	a.declare(t, "coded", `{"indexes":[{"name":"by_code","on":["doc.code"],"unique":true}]}`)
	a.put(t, "coded", "a", `{"code":"x"}`)
	a.declare(t, "numbered", `{"id":{"from":"doc.n"}}`)
	a.declare(t, "users", `{"schema":{"type":"object","properties":{"password":{"type":"string","writeOnly":true}}}}`)
	a.put(t, "users", "ann", `{"name":"Ann","password":"sesame"}`)
}

const checkMoby = `{"op":"check","collection":"books","id":"moby-dick"}`

var transactionScenarios = []scenario{
	{name: "transaction", send: transactionsPath, status: 200, writes: true, before: declareCoded, body: operationsBody(
		`{"op":"create","name":"order","collection":"coded","data":{"n":1.10}}`,
		`{"op":"create","collection":"coded","id":"line","data":{"n":1},"fill":{"data.order":"order.id","data.total":"order.doc.n","data.at":"order.createdAt","data.revision":"order.revision"}}`,
		`{"op":"put","collection":"books","id":"emma","data":{"n":1},"ifNoneMatch":"*"}`,
		`{"op":"patch","collection":"books","id":"emma","contentType":"application/json-patch+json","patch":[{"op":"test","path":"/n","value":1},{"op":"add","path":"/order","value":null}],"fill":{"patch[1].value":"order.id"}}`,
		`{"op":"put","collection":"strict","id":"emma","data":{"title":"Emma"},"ifMatch":1}`,
		`{"op":"delete","collection":"books","id":"moby-dick","ifMatch":"\"7\", \"1\""}`,
		`{"op":"check","collection":"books","id":"moby-dick","ifNoneMatch":"*"}`,
	), want: `{"results":[
		{"op":"create","outcome":"created","collection":"coded","id":"made-000001","revision":1,"document":{"id":"made-000001","revision":1,"data":{"n":1.10}}},
		{"op":"create","outcome":"created","collection":"coded","id":"line","revision":1,"document":{"data":{"n":1,"order":"made-000001","total":1.10,"at":"2026-11-24T12:00:00.123456Z","revision":1}}},
		{"op":"put","outcome":"created","collection":"books","id":"emma","revision":1},
		{"op":"patch","outcome":"updated","collection":"books","id":"emma","revision":2,"document":{"data":{"n":1,"order":"made-000001"}}},
		{"op":"put","outcome":"unchanged","collection":"strict","id":"emma","revision":1},
		{"op":"delete","outcome":"deleted","collection":"books","id":"moby-dick"},
		{"op":"check","outcome":"unchanged","collection":"books","id":"moby-dick"}]}`},
	{name: "transaction, minimal", send: transactionsPath, status: 200, headers: []string{minimal}, has: []string{"Preference-Applied: return=minimal"}, writes: true,
		body: operationsBody(`{"op":"create","collection":"books","id":"emma","data":{}}`), want: `{"results":[{"op":"create","outcome":"created","collection":"books","id":"emma","revision":1,"document":null}]}`},
	{name: "transaction, validate only", send: transactionsPath + "?validateOnly=true", status: 200, body: operationsBody(
		`{"op":"create","name":"new","collection":"books","data":{"n":1}}`, `{"op":"delete","name":"old","collection":"books","id":"moby-dick"}`,
		`{"op":"create","collection":"books","id":"copy","fill":{"data":"old.doc","data.of":"new.id"}}`),
		want: `{"results":[{"op":"create","id":"made-000001"},{"outcome":"deleted"},{"outcome":"created","document":{"data":{"title":"Moby-Dick","of":"made-000001"}}}]}`},
	{name: "transaction, a copy, validate only", send: transactionsPath + "?validateOnly=true", status: 200, body: operationsBody(
		`{"op":"delete","name":"old","collection":"books","id":"moby-dick"}`, `{"op":"create","name":"new","collection":"books","id":"copy","fill":{"data":"old.doc"}}`,
		`{"op":"patch","collection":"books","patch":{"n":1},"fill":{"id":"new.id"}}`),
		want: `{"results":[{"outcome":"deleted"},{"outcome":"created","revision":1,"document":{"data":{"title":"Moby-Dick"}}},{"id":"copy","outcome":"updated","revision":2,"document":{"data":{"title":"Moby-Dick","n":1}}}]}`},
	{name: "transaction, one document again and again", send: transactionsPath, status: 200, writes: true, body: operationsBody(
		`{"op":"patch","collection":"books","id":"moby-dick","patch":{"n":1}}`, `{"op":"delete","collection":"books","id":"moby-dick","ifMatch":2}`, `{"op":"create","collection":"books","id":"moby-dick","data":{"n":2}}`),
		want: `{"results":[{"revision":2},{"outcome":"deleted"},{"outcome":"created","revision":4}]}`},
	{name: "transaction, reading only", send: transactionsPath, status: 200, body: operationsBody(checkMoby), want: `{"results":[{"op":"check","outcome":"unchanged","id":"moby-dick","revision":1,"document":{"data":{"title":"Moby-Dick"}}}]}`},
	{name: "transaction, what is hidden stays so", send: transactionsPath, status: 200, before: declareCoded, writes: true, body: operationsBody(
		`{"op":"check","name":"ann","collection":"users","id":"ann"}`, `{"op":"create","collection":"books","id":"x","fill":{"data":"ann.doc"}}`),
		want: `{"results":[{"document":{"data":{"name":"Ann","password":null}}},{"document":{"data":{"name":"Ann","password":null}}}]}`},
	{name: "transaction, ids from data", send: transactionsPath, status: 200, before: declareCoded, writes: true, body: operationsBody(
		`{"op":"create","name":"seven","collection":"numbered","data":{"n":7}}`, `{"op":"create","collection":"books","id":"x","data":{},"fill":{"data.of":"seven.id"}}`,
		`{"op":"put","collection":"numbered","data":{"n":7,"m":1},"fill":{"id":"seven.id","data.rev":"seven.revision"}}`),
		want: `{"results":[{"id":"7"},{"document":{"data":{"of":"7"}}},{"id":"7","revision":2,"document":{"data":{"n":7,"m":1,"rev":1}}}]}`},

	{name: "transaction, no JSON", send: transactionsPath, body: `{"operations":[}`, status: 400, code: "json.invalid"},
	{name: "transaction, nothing to do", send: transactionsPath, body: `{"operations":[]}`, status: 422, code: "transaction.invalid", want: `{"errors":[{"pointer":"/operations","code":"minItems"}]}`},
	{name: "transaction, a list", send: transactionsPath, body: `[]`, status: 422, code: "transaction.invalid", want: `{"errors":[{"pointer":"","code":"type"}]}`},
	{name: "transaction, all mistakes of its form", send: transactionsPath, status: 422, code: "transaction.invalid", body: `{"operation":1,"operations":[7,{"op":"drop"},{"op":"put"},
		{"op":"check","collection":"Books","id":"a/b","data":{},"ifmatch":1},{"op":"patch","collection":"books","id":"x","contentType":"text/plain","ifMatch":"3","ifNoneMatch":0},
		{"op":"create","name":"a b","collection":7,"id":7,"data":{}},{"op":"create","name":"x","collection":"books","data":{}},{"op":"create","name":"x","collection":"books","data":{}}]}`,
		want: `{"errors":[{"pointer":"/operation","code":"unknownField"},{"pointer":"/operations/0","code":"type"},{"pointer":"/operations/1/op","code":"enum"},
		{"pointer":"/operations/2","code":"required"},{"pointer":"/operations/2","code":"required"},{"pointer":"/operations/2","code":"required"},
		{"pointer":"/operations/3/data","code":"unknownField"},{"pointer":"/operations/3/ifmatch","code":"unknownField"},{"pointer":"/operations/3/collection","code":"name"},{"pointer":"/operations/3/id","code":"id"},
		{"pointer":"/operations/4/contentType","code":"enum"},{"pointer":"/operations/4/ifMatch","code":"entityTag"},{"pointer":"/operations/4/ifNoneMatch","code":"entityTag"},{"pointer":"/operations/4","code":"required"},
		{"pointer":"/operations/5/name","code":"name"},{"pointer":"/operations/5/collection","code":"type"},{"pointer":"/operations/5/id","code":"type"},
		{"pointer":"/operations/7/name","code":"uniqueName"}]}`},
	{name: "transaction, wrong references", send: transactionsPath, status: 422, code: "transaction.invalid", body: operationsBody(
		`{"op":"create","name":"one","collection":"books","data":{},"fill":{"data.x":"one.id","data.y":"later.id"}}`,
		`{"op":"create","name":"later","collection":"books","data":{},"fill":{"data.a":"one","data.b":"one.data","data.c":"one.id.x","data.d":"one[0]","data.e":7,"data.f":"1 + 1","data.g":"doc.x","id":"one.doc.x","patch.x":"one.id","collection":"one.id","data.[":"one.id","data.h":"ones.id","data.i":"one.id","data[\"i\"]":"one.id"}}`,
		`{"op":"delete","collection":"books","id":"x","fill":{"id":"one.id","data.x":"one.id"}}`,
		`{"op":"delete","collection":"books","id":"x","fill":[]}`),
		want: `{"errors":[{"pointer":"/operations/0/fill/data.x","code":"unknown"},{"pointer":"/operations/0/fill/data.y","code":"unknown"},
		{"pointer":"/operations/1/fill/collection","code":"path"},{"pointer":"/operations/1/fill/data.[","code":"path"},{"pointer":"/operations/1/fill/data.a","code":"path"},{"pointer":"/operations/1/fill/data.b","code":"path"},{"pointer":"/operations/1/fill/data.c","code":"path"},
		{"pointer":"/operations/1/fill/data.d","code":"path"},{"pointer":"/operations/1/fill/data.e","code":"type"},{"pointer":"/operations/1/fill/data.f","code":"path"},{"pointer":"/operations/1/fill/data.g","code":"path"},{"pointer":"/operations/1/fill/data.h","code":"unknown","message":"no earlier operation has the name ones; did you mean one?"},
		{"pointer":"/operations/1/fill/id","code":"path"},{"pointer":"/operations/1/fill/patch.x","code":"path"},{"pointer":"/operations/1/fill/data[\"i\"]","code":"overlap"},
		{"pointer":"/operations/2/fill/data.x","code":"path"},{"pointer":"/operations/2/id","code":"taken"},{"pointer":"/operations/3/fill","code":"type"}]}`},
	{name: "transaction, no place to fill in", send: transactionsPath, status: 422, code: "transaction.invalid", body: operationsBody(
		`{"op":"create","name":"one","collection":"books","data":{}}`, `{"op":"create","collection":"books","data":{"list":[]},"fill":{"data.list[0]":"one.id"}}`,
		`{"op":"create","collection":"books","data":{"a":1},"fill":{"data.a.b":"one.id"}}`),
		want: `{"errors":[{"pointer":"/operations/1/fill/data.list[0]","code":"transaction.invalid"},{"pointer":"/operations/2/fill/data.a.b"}]}`},
	{name: "transaction, nothing to fill in", send: transactionsPath, status: 409, code: "transaction.unresolved", body: operationsBody(
		`{"op":"check","name":"one","collection":"books","id":"moby-dick"}`, `{"op":"create","collection":"books","data":{},"fill":{"data.price":"one.doc.price"}}`,
		`{"op":"check","name":"none","collection":"books","id":"ghost","ifNoneMatch":"*"}`, `{"op":"create","collection":"books","data":{},"fill":{"data.revision":"none.revision"}}`),
		want: `{"errors":[{"pointer":"/operations/1/fill/data.price","code":"transaction.unresolved"},{"pointer":"/operations/3/fill/data.revision"}]}`},
	{name: "transaction, an id that is not known yet", send: transactionsPath, status: 422, code: "transaction.invalid", before: declareCoded, body: operationsBody(
		`{"op":"check","name":"one","collection":"books","id":"moby-dick"}`, `{"op":"create","collection":"numbered","data":{},"fill":{"data.n":"one.revision"}}`), want: `{"errors":[{"pointer":"/operations/1","code":"transaction.invalid"}]}`},
	{name: "transaction, another id than the data's", send: transactionsPath, status: 422, code: "document.invalid", before: declareCoded, body: operationsBody(
		`{"op":"create","name":"one","collection":"books","data":{}}`, `{"op":"put","collection":"numbered","id":"8","data":{},"fill":{"data.n":"one.revision"}}`), want: `{"errors":[{"pointer":"/operations/1/data/n","code":"id"}]}`},

	{name: "transaction, all faults of its documents", send: transactionsPath, status: 422, code: "document.invalid", body: operationsBody(
		`{"op":"create","collection":"strict","data":{"x":1}}`, `{"op":"create","collection":"ghosts","data":{}}`, `{"op":"patch","collection":"books","id":"x","contentType":"application/json-patch+json","patch":[{"op":"up","path":"/x"}]}`,
		`{"op":"put","collection":"strict","id":"x","data":{"title":"x"}}`),
		want: `{"errors":[{"pointer":"/operations/0/data/x","code":"unknownField"},{"pointer":"/operations/0/data","code":"required"},{"pointer":"/operations/1","code":"collection.notFound"},
		{"pointer":"/operations/2/patch/0/op"},{"pointer":"/operations/3","code":"document.conditionRequired"}]}`},
	{name: "transaction, all faults inside the write", send: transactionsPath, status: 409, code: "document.exists", body: operationsBody(
		`{"op":"create","collection":"books","id":"emma","data":{}}`, `{"op":"create","name":"again","collection":"books","id":"moby-dick","data":{}}`, `{"op":"patch","collection":"books","id":"moby-dick","patch":{"n":1}}`,
		`{"op":"create","collection":"books","data":{},"fill":{"data.revision":"again.revision"}}`, `{"op":"delete","collection":"books","id":"ghost"}`, `{"op":"patch","collection":"strict","id":"emma","ifMatch":"*","patch":{"title":null,"x":1}}`,
		`{"op":"patch","collection":"books","id":"emma","contentType":"application/json-patch+json","patch":[{"op":"remove","path":"/y"}]}`, `{"op":"check","collection":"strict","id":"emma","ifMatch":2}`),
		want: `{"errors":[{"pointer":"/operations/1","code":"document.exists"},{"pointer":"/operations/4","code":"document.notFound"},{"pointer":"/operations/5/data/x","code":"unknownField"},{"pointer":"/operations/5/data","code":"required"},
		{"pointer":"/operations/6/patch/0","code":"missing"}]}`},
	{name: "transaction, stale", send: transactionsPath, status: 412, code: "document.stale", body: operationsBody(
		`{"op":"create","collection":"books","id":"x","data":{}}`, `{"op":"put","collection":"books","id":"moby-dick","data":{},"ifMatch":7}`), want: `{"currentRevision":1,"current":{"id":"moby-dick","data":{"title":"Moby-Dick"}},"errors":[{"pointer":"/operations/1","code":"document.stale"}]}`},
	{name: "transaction, of no collection", send: transactionsPath, status: 404, code: "collection.notFound", body: operationsBody(`{"op":"delete","collection":"ghosts","id":"x"}`)},
	{name: "transaction, without a condition", send: transactionsPath, status: 428, code: "document.conditionRequired", body: operationsBody(`{"op":"delete","collection":"strict","id":"emma"}`)},
	{name: "transaction, taken keys", send: transactionsPath, status: 409, code: "document.duplicate", before: declareCoded, body: operationsBody(
		`{"op":"create","collection":"coded","id":"b","data":{"code":"y"}}`, `{"op":"create","collection":"coded","id":"c","data":{"code":"x"}}`, `{"op":"create","collection":"coded","id":"d","data":{"code":"y"}}`),
		want: `{"errors":[{"pointer":"/operations/1/data/code","code":"unique"},{"pointer":"/operations/2/data/code","code":"unique"}]}`},
	{name: "transaction, taken keys, validate only", send: transactionsPath + "?validateOnly=true", status: 409, code: "document.duplicate", before: declareCoded, body: operationsBody(
		checkMoby, `{"op":"create","collection":"coded","id":"c","data":{"code":"x"}}`), want: `{"errors":[{"pointer":"/operations/1/data/code","code":"unique"}]}`},
	{name: "transaction, too many", send: transactionsPath, status: 413, code: "transaction.tooLarge", body: operationsBody(strings.Split(strings.Repeat(checkMoby+"\n", 500)+checkMoby, "\n")...)},
	{name: "transaction, a document too large", send: transactionsPath, status: 413, code: "document.tooLarge", body: operationsBody(checkMoby, `{"op":"create","collection":"books","data":{"x":"`+strings.Repeat("x", maxDocument)+`"}}`), want: `{"errors":[{"pointer":"/operations/1","code":"document.tooLarge"}]}`},
	{name: "transaction, a large value again and again", send: transactionsPath, status: 413, code: "transaction.tooLarge", before: func(t *testing.T, a *api) {
		t.Helper()
		a.put(t, "books", "large", `{"x":"`+strings.Repeat("x", maxDocument-100)+`"}`)
	}, body: operationsBody(append([]string{`{"op":"check","name":"large","collection":"books","id":"large"}`}, strings.Split(strings.Repeat(`{"op":"create","collection":"books","fill":{"data":"large.doc"}}`+"\n", 9)+checkMoby, "\n")...)...)},
	{name: "transaction, many", send: transactionsPath, status: 200, body: operationsBody(strings.Split(strings.Repeat(checkMoby+"\n", 499)+checkMoby, "\n")...)},
}

// A transaction that fails leaves nothing: no document, no revision, no change.
func TestTransaction_Nothing(t *testing.T) {
	t.Parallel()
	onEvery(t, func(t *testing.T, a *api) {
		t.Helper()
		furnish(t, a)
		key := keyOf(t, a.store, "books")
		at, err := a.store.Position(t.Context(), key.Bucket)
		if err != nil {
			t.Fatal(err)
		}
		held := contents(t, a.store)
		body := operationsBody(`{"op":"create","collection":"books","data":{}}`, `{"op":"delete","collection":"books","id":"moby-dick"}`, `{"op":"patch","collection":"strict","id":"emma","ifMatch":1,"patch":{"title":7}}`)
		first := a.send(t, transactionsPath, body, aKey)
		wantProblem(t, first, 422, "document.invalid")
		a.wantReplayed(t, first, transactionsPath, body, aKey)
		if now, err := a.store.Position(t.Context(), key.Bucket); now != at || err != nil || contents(t, a.store) != held {
			t.Errorf("at %d, was at %d: %v", now, at, err)
		}
	})
}

// Money moves between accounts while others move it, and its sum stays what it was.
func TestTransaction_Concurrently(t *testing.T) {
	t.Parallel()
	onEvery(t, func(t *testing.T, a *api) {
		t.Helper()
		const accounts, movers, moves = 4, 8, 15
		for i := range accounts {
			name := fmt.Sprint("bank", i%2)
			if i < 2 {
				a.declare(t, name, `{"schema":{"properties":{"amount":{"type":"integer","minimum":0}}}}`)
			}
			a.put(t, name, fmt.Sprint(i), `{"amount":100}`)
		}
		move := func(account, amount int) string {
			return fmt.Sprintf(`{"op":"patch","collection":"bank%d","id":"%d","contentType":"application/vnd.sheaf.update+json","patch":{"increment":{"doc.amount":%d}}}`, account%2, account, amount)
		}
		done := make(chan struct{})
		for m := range movers {
			go func() {
				defer func() { done <- struct{}{} }()
				for i := range moves {
					from, to := (m+i)%accounts, (m*3+i*5+1)%accounts
					got := a.send(t, transactionsPath, operationsBody(move(from, -30), move(to, 30)))
					if got.status != 200 && got.code(t) != "document.invalid" {
						t.Errorf("got %d %s", got.status, got.body)
					}
				}
			}()
		}
		for range movers {
			<-done
		}
		sum := 0
		for i := range accounts {
			var amount int
			got := a.send(t, fmt.Sprintf("GET /v1/collections/bank%d/documents/%d", i%2, i), "")
			_, after, _ := strings.Cut(string(got.body), `"amount": `)
			if _, err := fmt.Sscan(after, &amount); err != nil {
				t.Fatalf("%v: %s", err, got.body)
			}
			sum += amount
		}
		if sum != accounts*100 {
			t.Errorf("the sum is %d", sum)
		}
	})
}

// Who has changed something by a transaction is not served anything older, also where the answer comes again.
func TestTransaction_Token(t *testing.T) {
	t.Parallel()
	onEvery(t, func(t *testing.T, a *api) {
		t.Helper()
		furnish(t, a)
		body := operationsBody(`{"op":"check","collection":"strict","id":"emma"}`, `{"op":"patch","collection":"books","id":"moby-dick","patch":{"n":1}}`)
		for range 2 {
			got := wantStatus(t, a.send(t, transactionsPath, body, aKey), 200)
			token, err := change.ParseToken(got.header.Get("Consistency-Token"))
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"books", "strict"} {
				key := keyOf(t, a.store, name)
				if at, err := a.store.Position(t.Context(), key.Bucket); err != nil || token.At(key.Bucket) != at {
					t.Errorf("%s is at %d, and the token says %d, %v", name, at, token.At(key.Bucket), err)
				}
			}
		}
	})
}
