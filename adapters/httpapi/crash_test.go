package httpapi_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/adapters/postgres"
	"github.com/sheafdb/sheaf/adapters/postgres/pgtest"
)

// crash is a request during which the process dies; n tells its repetitions apart.
type crash struct {
	name    string
	line    func(n int) string
	body    func(n int) string
	headers []string
	status  int
	// look is what shows how often it was done, and once what that shows after one time.
	look func(n int) string
	once string
}

var crashes = []crash{
	{
		name: "create", status: 201, once: `{"revision":1,"data":{"n":1}}`,
		line: func(n int) string { return fmt.Sprintf("POST /v1/collections/counters/documents?id=new-%d", n) }, body: func(int) string { return `{"n":1}` },
		look: func(n int) string { return fmt.Sprintf("GET /v1/collections/counters/documents/new-%d", n) },
	},
	{
		name: "increment", status: 200, once: `{"revision":2,"data":{"n":1}}`, headers: []string{"Content-Type: application/vnd.sheaf.update+json"},
		line: func(n int) string { return fmt.Sprintf("PATCH /v1/collections/counters/documents/%d", n) }, body: func(int) string { return `{"increment":{"doc.n":1}}` },
		look: func(n int) string { return fmt.Sprintf("GET /v1/collections/counters/documents/%d", n) },
	},
	{
		name: "transaction", status: 200, once: `{"revision":2,"data":{"n":2}}`,
		line: func(int) string { return transactionsPath },
		body: func(n int) string {
			return operationsBody(`{"op":"check","name":"c","collection":"others","id":"one"}`,
				fmt.Sprintf(`{"op":"patch","collection":"counters","id":"%d","contentType":"application/vnd.sheaf.update+json","patch":{"increment":{"doc.n":2}}}`, n),
				fmt.Sprintf(`{"op":"create","collection":"others","id":"t-%d","fill":{"data":"c.doc"}}`, n))
		},
		look: func(n int) string { return fmt.Sprintf("GET /v1/collections/counters/documents/%d", n) },
	},
	{
		name: "conflict", status: 409, once: `{"revision":1}`,
		line: func(int) string { return "POST /v1/collections/others/documents?id=one" }, body: func(int) string { return `{"n":1}` },
		look: func(int) string { return "GET /v1/collections/others/documents/one" },
	},
}

// The process dies at every step between it and the database, before or after what it sent or was sent has arrived. Whoever sends the request again finds one effect and one answer.
func TestIdempotency_CrashPoints(t *testing.T) {
	t.Parallel()
	for _, c := range crashes {
		for _, deliver := range []bool{false, true} {
			t.Run(fmt.Sprint(c.name, "/", deliver), func(t *testing.T) {
				t.Parallel()
				c.everywhere(t, deliver)
			})
		}
	}
}

// enough is more pieces than any of the requests takes.
const enough = 60

func (c crash) everywhere(t *testing.T, deliver bool) {
	t.Helper()
	database := migrated.Open(t)
	store, err := postgres.Open(t.Context(), postgres.Config{URL: database})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	// Whoever comes later comes when the lease has ended.
	later := serve(t, store, func(s *settings) { s.clock = func() time.Time { return noon.Add(10 * time.Second) } })
	later.declare(t, "counters", `{"indexes":[{"name":"by_n","on":["doc.n"]}]}`)
	later.declare(t, "others", `{}`)
	later.put(t, "others", "one", `{"m":1}`)
	for n := range enough {
		later.put(t, "counters", fmt.Sprint(n), `{"n":0}`)
		if c.at(t, later, database, n, deliver) {
			t.Logf("%d steps", n)
			if n < 3 {
				t.Errorf("there are only %d steps", n)
			}
			return
		}
	}
	t.Fatalf("there are more than %d steps", enough)
}

// at has a process die at the n-th step of its own request, and says whether that had fewer.
func (c crash) at(t *testing.T, later *api, database string, n int, deliver bool) (finished bool) {
	t.Helper()
	proxy := pgtest.NewProxy(t, database)
	store, err := postgres.Open(t.Context(), postgres.Config{URL: proxy.DSN()})
	if err != nil {
		t.Fatal(err)
	}
	dying := serve(t, store)
	// Connections and prepared statements are there already.
	wantStatus(t, dying.send(t, "PATCH /v1/collections/counters/documents/"+fmt.Sprint(n), `{"n":0}`, fmt.Sprint("Idempotency-Key: warm-", n)), 200)

	headers := append([]string{fmt.Sprint("Idempotency-Key: k-", n)}, c.headers...)
	proxy.KillAt(n, deliver)
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		if response, err := dying.http.Do(dying.request(t, c.line(n), c.body(n), headers...)); err == nil {
			response.Body.Close()
		}
	}()
	select {
	case <-answered:
		finished = !proxy.Disarm()
	case <-proxy.Died():
	}
	first := wantStatus(t, later.send(t, c.line(n), c.body(n), headers...), c.status)
	second := wantStatus(t, later.send(t, c.line(n), c.body(n), headers...), c.status)
	if string(first.body) != string(second.body) || second.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("step %d: first %s, then %s", n, first.body, second.body)
	}
	wantPart(t, later.send(t, c.look(n), "").tree(t), decode(t, []byte(c.once)))
	proxy.Close()
	<-answered
	store.Close()
	return finished
}
