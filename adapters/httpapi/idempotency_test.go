package httpapi_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/adapters/memory"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/ports"
)

const aKey = `Idempotency-Key: "k-1"`

// wantReplayed sends a request again and wants what it was answered with before, and nothing else to happen.
func (a *api) wantReplayed(t *testing.T, first reply, line, body string, headers ...string) {
	t.Helper()
	held := contents(t, a.store)
	again := a.send(t, line, body, headers...)
	if again.status != first.status || string(again.body) != string(first.body) {
		t.Errorf("%s: first %d %.300s, then %d %.300s", line, first.status, first.body, again.status, again.body)
	}
	if first.header.Get("Idempotency-Replayed") != "" || again.header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("%s: Idempotency-Replayed is %q, then %q", line, first.header.Get("Idempotency-Replayed"), again.header.Get("Idempotency-Replayed"))
	}
	for _, name := range []string{"Etag", "Location", "Content-Type", "Preference-Applied", "Cache-Control"} {
		if first.header.Get(name) != again.header.Get(name) {
			t.Errorf("%s: %s is %q, then %q", line, name, first.header.Get(name), again.header.Get(name))
		}
	}
	if contents(t, a.store) != held {
		t.Errorf("%s: done twice", line)
	}
}

// Every operation that takes a key has one effect and one answer.
func TestIdempotency_EveryOperation(t *testing.T) {
	t.Parallel()
	for _, e := range examples() {
		if e.op.Parameters.GetByInAndName("header", "Idempotency-Key") == nil {
			continue
		}
		t.Run(fmt.Sprint(e.op.OperationID, e.headers), func(t *testing.T) {
			t.Parallel()
			onEvery(t, func(t *testing.T, a *api) {
				t.Helper()
				furnish(t, a)
				if e.op.OperationID == "rollbackOperation" {
					cancelled(t, a)
				}
				headers := append([]string{aKey}, e.headers...)
				first := a.send(t, e.send(), e.body, headers...)
				if first.status >= 300 {
					t.Fatalf("got %d %s", first.status, first.body)
				}
				a.wantReplayed(t, first, e.send(), e.body, headers...)
				if e.op.Parameters.GetByInAndName("query", "validateOnly") == nil {
					return
				}
				wantProblem(t, a.send(t, e.send()+"?validateOnly=false", e.body, headers...), 422, "idempotency.reused")
				// Trying out uses no key up, and needs none.
				got := a.send(t, e.send()+"?validateOnly=true", e.body, headers...)
				if got.code(t) == "idempotency.reused" || got.header.Get("Idempotency-Replayed") != "" {
					t.Errorf("got %d %s", got.status, got.body)
				}
			})
		})
	}
}

func TestIdempotency_Answers(t *testing.T) {
	t.Parallel()
	onEvery(t, func(t *testing.T, a *api) {
		t.Helper()
		furnish(t, a)
		for i, s := range []struct {
			line, body string
			headers    []string
			status     int
			kept       bool
		}{
			{line: "POST " + booksPath + "/documents?id=emma", body: `{"n":1.10}`, status: 201, kept: true},
			{line: "POST " + booksPath + "/documents", body: `{"n": 1}`, headers: []string{minimal}, status: 201, kept: true},
			{line: "POST " + booksPath + "/documents?id=moby-dick", body: `{}`, status: 409, kept: true},
			{line: "POST " + strictPath + "/documents", body: `{}`, status: 422, kept: true},
			{line: "PATCH " + mobyPath, body: `{"n":2}`, status: 200, kept: true},
			{line: "PATCH " + mobyPath, body: `{"n":2}`, headers: []string{minimal}, status: 204, kept: true}, // it changes nothing, and is answered all the same
			{line: "PATCH " + mobyPath, body: `{"n":3}`, headers: []string{`If-Match: "9"`}, status: 412, kept: true},
			{line: "PATCH " + booksPath, body: `{"description":"x"}`, status: 200, kept: true},
			{line: "PATCH " + booksPath, body: `{"description":"x"}`, status: 200, kept: true},
			{line: "PATCH " + booksPath, body: `{"description":"y"}`, headers: []string{`If-Match: "9"`}, status: 412, kept: true},
			{line: "POST " + mobyPath + "/restore", body: `{"revision":1}`, status: 200, kept: true},

			{line: "POST " + booksPath + "/documents", body: `{`, status: 400},
			{line: "POST " + booksPath + "/documents?x=1", body: `{}`, status: 400},
			{line: "POST " + booksPath + "/documents", body: `{}`, headers: []string{"Content-Type: text/plain"}, status: 415},
			{line: "POST " + booksPath + "/documents", body: `{"x":"` + strings.Repeat("x", maxDocument) + `"}`, status: 413},
			{line: "POST /v1/collections/ghosts/documents", body: `{}`, status: 404},
			{line: "PATCH " + booksPath + "/documents/ghost", body: `{}`, status: 404},
			{line: "PATCH " + emmaPath, body: `{"title":"x"}`, status: 428},
		} {
			headers := append([]string{fmt.Sprint("Idempotency-Key: ", i)}, s.headers...)
			first := wantStatus(t, a.send(t, s.line, s.body, headers...), s.status)
			if s.kept {
				a.wantReplayed(t, first, s.line, s.body, headers...)
				continue
			}
			again := wantStatus(t, a.send(t, s.line, s.body, headers...), s.status)
			if again.header.Get("Idempotency-Replayed") != "" {
				t.Errorf("%s %d is kept", s.line, s.status)
			}
			// The key is still free, also for another body.
			if got := a.send(t, s.line, `{"title":"another"}`, headers...); got.code(t) == "idempotency.reused" || got.code(t) == "idempotency.running" {
				t.Errorf("%s %d uses the key up", s.line, s.status)
			}
		}
	})
}

// What a key was used for is the whole request; whom it belongs to is the caller, and the place.
func TestIdempotency_Reused(t *testing.T) {
	t.Parallel()
	onEvery(t, func(t *testing.T, a *api) {
		t.Helper()
		furnish(t, a)
		a.declare(t, "maps", `{}`)
		create := "POST " + booksPath + "/documents"
		first := wantStatus(t, a.send(t, create, `{"n":1}`, aKey), 201)
		patched := wantStatus(t, a.send(t, "PATCH "+mobyPath, `{"n":1}`, aKey), 200) // another place
		wantStatus(t, a.send(t, "POST /v1/collections/maps/documents", `{"n":1}`, aKey), 201)
		held := contents(t, a.store)
		for _, s := range []struct {
			line, body string
			headers    []string
		}{
			{line: create, body: `{"n":2}`}, {line: create, body: `{"n": 1}`}, {line: create + "?id=x", body: `{"n":1}`},
			{line: "PATCH " + mobyPath, body: `{"n":1}`, headers: []string{"Content-Type: application/merge-patch+json"}},
			{line: "PATCH " + mobyPath, body: `{"n":1}`, headers: []string{`If-Match: "2"`}},
			{line: "PATCH " + mobyPath, body: `{"n":1}`, headers: []string{`If-None-Match: "7"`}},
		} {
			p := wantProblem(t, a.send(t, s.line, s.body, append([]string{aKey}, s.headers...)...), 422, "idempotency.reused")
			if p.Type != "/problems/invalid" {
				t.Errorf("got %+v", p)
			}
		}
		if contents(t, a.store) != held {
			t.Error("something is written")
		}
		a.wantReplayed(t, first, create, `{"n":1}`, `Idempotency-Key: k-1`) // the same without quotes
		a.wantReplayed(t, patched, "PATCH "+mobyPath, `{"n":1}`, aKey, minimal)
		// Other methods know no keys.
		for range 2 {
			wantStatus(t, a.send(t, "PUT "+mobyPath, `{"n":9}`, aKey), 200)
		}
		if got := a.send(t, "POST "+booksPath+"/query", `{}`, aKey); got.header.Get("Idempotency-Replayed") != "" {
			t.Errorf("a query is replayed: %s", got.body)
		}
	})
}

func TestIdempotency_Keys(t *testing.T) {
	t.Parallel()
	a := inMemory(t)
	furnish(t, a)
	for _, good := range []string{"a", `"a"`, "8e03978e-40d5-43dd-bc93-6894a57f9324", `"a \" \\ b"`, "a b,c;d=e", strings.Repeat("x", 255), `"` + strings.Repeat(`\"`, 255) + `"`} {
		wantStatus(t, a.send(t, "POST "+booksPath+"/documents", `{}`, "Idempotency-Key: "+good), 201)
	}
	held := contents(t, a.store)
	bad := func(lines ...string) {
		t.Helper()
		r := a.request(t, "POST "+booksPath+"/documents", `{}`)
		r.Header["Idempotency-Key"] = lines
		p := wantProblem(t, a.do(t, r), 400, "idempotency.key")
		wantFault(t, p, "header", "Idempotency-Key", "idempotencyKey")
	}
	for _, text := range []string{"", " ", `""`, `"a`, `a"`, `a"b`, `"a" "b"`, `"a";x=1`, `"a\x"`, `"a\`, "ä", "a\tb", strings.Repeat("x", 256), `"` + strings.Repeat("x", 256) + `"`} {
		bad(text)
	}
	bad("a", "a")
	if contents(t, a.store) != held {
		t.Error("something is written")
	}
}

// gate is a store whose writes wait.
type gate struct {
	ports.Store
	entered, open chan struct{}
	once          sync.Once
}

func (g *gate) Write(ctx context.Context, b document.Batch) ([]document.Result, error) {
	g.once.Do(func() {
		close(g.entered)
		<-g.open
	})
	return g.Store.Write(ctx, b)
}

// Of two requests at once one is served; the other is told to come again, and is then answered like the first.
func TestIdempotency_AtOnce(t *testing.T) {
	t.Parallel()
	g := &gate{Store: memory.New(), entered: make(chan struct{}), open: make(chan struct{})}
	furnish(t, serve(t, g.Store))
	a := serve(t, g)
	create, body := "POST "+booksPath+"/documents", `{"n":1}`
	answered := make(chan reply, 1)
	go func() { answered <- a.send(t, create, body, aKey) }()
	<-g.entered
	got := a.send(t, create, body, aKey)
	wantProblem(t, got, 409, "idempotency.running")
	if got.header.Get("Retry-After") != "1" {
		t.Errorf("Retry-After is %q", got.header.Get("Retry-After"))
	}
	wantProblem(t, a.send(t, create, `{"n":2}`, aKey), 422, "idempotency.reused")
	close(g.open)
	first := wantStatus(t, <-answered, 201)
	a.wantReplayed(t, first, create, body, aKey)
}

// What a process leaves that has died is taken over when its lease ends; if it lives after all, it has lost.
func TestIdempotency_TakenOver(t *testing.T) {
	t.Parallel()
	g := &gate{Store: memory.New(), entered: make(chan struct{}), open: make(chan struct{})}
	furnish(t, serve(t, g.Store))
	hanging := serve(t, g)
	later := serve(t, g.Store, func(s *settings) { s.clock = func() time.Time { return noon.Add(10 * time.Second) } })
	create, body := "POST "+booksPath+"/documents", `{"n":1}`
	answered := make(chan reply, 1)
	go func() { answered <- hanging.send(t, create, body, aKey) }()
	<-g.entered
	first := wantStatus(t, later.send(t, create, body, aKey), 201)
	held := contents(t, g.Store)
	close(g.open)
	wantProblem(t, <-answered, 409, "idempotency.running")
	if contents(t, g.Store) != held {
		t.Error("done twice")
	}
	hanging.wantReplayed(t, first, create, body, aKey)
}

// away is a store that fails once.
type away struct {
	ports.Store
	once sync.Once
}

func (s *away) Write(ctx context.Context, b document.Batch) (results []document.Result, err error) {
	s.once.Do(func() { err = fault.New(fault.Unavailable, "write.queueFull", "too many writes wait for the database") })
	if err != nil {
		return nil, err
	}
	return s.Store.Write(ctx, b)
}

// A failure that is nobody's decision leaves the key free at once.
func TestIdempotency_AfterFailure(t *testing.T) {
	t.Parallel()
	s := &away{Store: memory.New()}
	furnish(t, serve(t, s.Store))
	a := serve(t, s)
	create, body := "POST "+booksPath+"/documents", `{"n":1}`
	wantProblem(t, a.send(t, create, body, aKey), http.StatusServiceUnavailable, "write.queueFull")
	first := wantStatus(t, a.send(t, create, body, aKey), 201)
	a.wantReplayed(t, first, create, body, aKey)
}

// Whoever leaves while the request is served finds the answer when they come again.
func TestIdempotency_ClientGone(t *testing.T) {
	t.Parallel()
	g := &gate{Store: memory.New(), entered: make(chan struct{}), open: make(chan struct{})}
	furnish(t, serve(t, g.Store))
	a := serve(t, g)
	create, body := "POST "+booksPath+"/documents", `{"n":1}`
	ctx, leave := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() {
		response, err := a.http.Do(a.request(t, create, body, aKey).WithContext(ctx))
		if err == nil {
			response.Body.Close()
		}
		gone <- err
	}()
	<-g.entered
	leave()
	if err := <-gone; err == nil {
		t.Fatal("answered")
	}
	close(g.open)
	a.stop() // when every request is done
	b := serve(t, g.Store)
	got := wantStatus(t, b.send(t, create, body, aKey), 201)
	if n := strings.Count(contents(t, g.Store), `{"n": 1}`); n != 1 {
		t.Errorf("%d documents: %s", n, got.body)
	}
}

// What an answer does not show its receipt does not keep.
func TestIdempotency_WriteOnly(t *testing.T) {
	t.Parallel()
	onEvery(t, func(t *testing.T, a *api) {
		t.Helper()
		a.declare(t, "users", `{"schema":{"type":"object","properties":{"password":{"type":"string","writeOnly":true}}}}`)
		create, body := "POST /v1/collections/users/documents?id=ann", `{"name":"Ann","password":"sesame"}`
		first := wantStatus(t, a.send(t, create, body, aKey), 201)
		a.wantReplayed(t, first, create, body, aKey)
		if strings.Contains(string(first.body), "sesame") {
			t.Errorf("got %s", first.body)
		}
	})
}
