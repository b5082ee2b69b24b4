package app_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sheafdb/sheaf/adapters/memory"
	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/schema"
	"github.com/sheafdb/sheaf/ports"
	"github.com/sheafdb/sheaf/ports/app"
)

// edge notes what it is told to forget.
type edge struct {
	mu    sync.Mutex
	calls []string
	fail  error
}

func (e *edge) Purge(_ context.Context, keys []string) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.fail != nil {
		return e.fail
	}
	e.calls = append(e.calls, strings.Join(keys, " "))
	return nil
}

// take returns what was purged since it was called last.
func (e *edge) take() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	calls := e.calls
	e.calls = nil
	return calls
}

// scene is a store with the use cases on it, at a time of its own.
type scene struct {
	*testing.T
	store       ports.Store
	collections *app.Collections
	documents   *app.Documents
	parts       app.Dependencies
}

func newScene(t *testing.T) *scene {
	t.Helper()
	store := memory.New()
	n := 0
	parts := app.Dependencies{
		Store: store, Clock: time.Now, Limits: app.Limits{Document: collection.Limits{Bytes: 1 << 20}, Schema: schema.DefaultLimits()},
		IDs: func() ident.Document { n++; return must(ident.ParseDocument(fmt.Sprint("made", n))) },
	}
	catalog := app.NewCatalog(store, parts.Clock, parts.Limits.Schema)
	return &scene{t, store, &app.Collections{Dependencies: parts, Catalog: catalog}, &app.Documents{Dependencies: parts, Catalog: catalog}, parts}
}

func (s *scene) declare(name, text string) {
	s.Helper()
	if _, _, err := s.store.WriteCollection(s.Context(), ports.CollectionChange{
		Name: must(ident.ParseCollection(name)), At: time.Now(), Decide: func(*collection.Stored) ([]byte, error) { return []byte(text), nil },
	}); err != nil {
		s.Fatal(err)
	}
}

func (s *scene) put(name, id, data string) {
	s.Helper()
	if _, err := s.documents.Put(s.Context(), app.Caller{}, app.PutDocument{
		Collection: must(ident.ParseCollection(name)), ID: must(ident.ParseDocument(id)), Data: []byte(data), Precondition: document.Precondition{},
	}); err != nil {
		s.Fatal(err)
	}
}

// purging runs a sender of purges until stop is called.
func (s *scene) purging(to ports.Edge, holder string, store ports.Store) (sender *app.EdgePurge, stop func()) {
	parts := s.parts
	parts.Store = store
	sender = &app.EdgePurge{Dependencies: parts, Edge: to, Turn: "edge", Holder: holder, Again: 30 * time.Second}
	ctx, cancel := context.WithCancel(s.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		sender.Run(ctx, slog.New(slog.DiscardHandler))
	}()
	time.Sleep(100 * time.Millisecond) // from here on the test and the sender wake up at different times
	return sender, sync.OnceFunc(func() { cancel(); <-done })
}

func wantCalls(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Fatalf("purged %q, want %q", got, want)
	}
}

const publicly = `{"cache": {"public": true, "maxAge": "1m"}}`

// Every change of a public collection is purged for at once and once more, and nothing else is.
func TestEdgePurge_Twice(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, e := newScene(t), &edge{}
		s.declare("books", publicly)
		s.declare("secrets", `{"cache": {"maxAge": "1m"}}`)
		s.put("books", "before", `{}`)
		_, stop := s.purging(e, "a", s.store)
		defer stop()
		time.Sleep(time.Minute)
		wantCalls(t, e.take()) // it begins with what changes from now on
		s.put("books", "moby dick", `{}`)
		s.put("secrets", "x", `{}`)
		time.Sleep(time.Second)
		wantCalls(t, e.take(), "books/moby%20dick books:list")
		time.Sleep(28 * time.Second)
		wantCalls(t, e.take())
		s.put("books", "moby dick", `{}`) // which changes nothing
		s.put("books", "emma", `{}`)
		time.Sleep(time.Second)
		wantCalls(t, e.take(), "books/emma books:list")
		time.Sleep(2 * time.Second)
		wantCalls(t, e.take(), "books/moby%20dick books:list")
		time.Sleep(time.Minute)
		wantCalls(t, e.take(), "books/emma books:list")

		s.declare("books", `{}`)
		time.Sleep(time.Second)
		wantCalls(t, e.take(), "books")
		s.put("books", "emma", `{"n": 1}`) // which nobody keeps any more
		s.declare("secrets", publicly)
		time.Sleep(time.Second)
		wantCalls(t, e.take(), "secrets")
		s.put("secrets", "x", `{"n": 1}`)
		time.Sleep(time.Minute)
		wantCalls(t, e.take(), "secrets/x secrets:list", "books", "secrets", "secrets/x secrets:list")
	})
}

// A large change is one of the whole collection.
func TestEdgePurge_Many(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, e := newScene(t), &edge{}
		s.declare("books", publicly)
		_, stop := s.purging(e, "a", s.store)
		defer stop()
		time.Sleep(time.Second)
		for i := range 3000 {
			s.put("books", fmt.Sprint("b", i), `{}`)
		}
		time.Sleep(time.Second)
		wantCalls(t, e.take(), "books", "books", "books")
		time.Sleep(time.Minute)
		wantCalls(t, e.take(), "books", "books", "books")
	})
}

// What was not purged twice is purged again by whoever goes on, and no two do it at once.
func TestEdgePurge_Turns(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, e := newScene(t), &edge{}
		s.declare("books", publicly)
		first, stopFirst := s.purging(e, "a", s.store)
		time.Sleep(time.Second)
		second, stopSecond := s.purging(e, "b", s.store)
		s.put("books", "emma", `{}`)
		time.Sleep(time.Minute)
		wantCalls(t, e.take(), "books/emma books:list", "books/emma books:list")
		if !first.Stat().Active || second.Stat().Active || first.Stat().Purges != 2 || first.Stat().Keys != 4 || first.Stat().Behind > time.Second {
			t.Errorf("%+v, %+v", first.Stat(), second.Stat())
		}
		s.put("books", "moby", `{}`)
		time.Sleep(time.Second)
		wantCalls(t, e.take(), "books/moby books:list")
		stopFirst() // which gives the turn back
		time.Sleep(time.Second)
		wantCalls(t, e.take(), "books/moby books:list")
		if first.Stat().Active || !second.Stat().Active {
			t.Errorf("%+v, %+v", first.Stat(), second.Stat())
		}
		time.Sleep(time.Minute)
		wantCalls(t, e.take(), "books/moby books:list")
		stopSecond()
		s.put("books", "between", `{}`)
		_, stopThird := s.purging(e, "c", s.store)
		defer stopThird()
		time.Sleep(time.Minute)
		wantCalls(t, e.take(), "books/between books:list", "books/between books:list")
	})
}

// Caches that cannot be told are told later; nothing is lost, and it waits longer and longer.
func TestEdgePurge_Failure(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, e := newScene(t), &edge{}
		s.declare("books", publicly)
		sender, stop := s.purging(e, "a", s.store)
		defer stop()
		time.Sleep(time.Second)
		e.mu.Lock()
		e.fail = errors.New("away")
		e.mu.Unlock()
		s.put("books", "emma", `{}`)
		time.Sleep(10 * time.Minute)
		if n := sender.Stat().Failed; n < 15 || n > 40 {
			t.Errorf("%d attempts in ten minutes", n)
		}
		s.put("books", "moby", `{}`)
		e.mu.Lock()
		e.fail = nil
		e.mu.Unlock()
		time.Sleep(2 * time.Minute)
		wantCalls(t, e.take(), "books/emma books/moby books:list", "books/emma books/moby books:list")
	})
}

// rewound is a store whose history is another one.
type rewound struct{ ports.Store }

func (r rewound) News(ctx context.Context, after change.Positions, limit int) (change.News, error) {
	news, err := r.Store.News(ctx, after, limit)
	news.History = "another"
	return news, err
}

// Where the database is another one than it was, all that is public is purged.
func TestEdgePurge_AnotherHistory(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, e := newScene(t), &edge{}
		s.declare("books", publicly)
		s.declare("maps", publicly)
		s.declare("secrets", `{}`)
		_, stop := s.purging(e, "a", s.store)
		time.Sleep(time.Second)
		s.put("books", "emma", `{}`)
		time.Sleep(time.Minute)
		e.take()
		stop()
		_, stop = s.purging(e, "b", rewound{s.store})
		defer stop()
		time.Sleep(time.Second)
		wantCalls(t, e.take(), "books maps")
		time.Sleep(time.Minute)
		wantCalls(t, e.take(), "books maps")
		s.put("books", "emma", `{"n": 1}`)
		time.Sleep(time.Second)
		wantCalls(t, e.take(), "books/emma books:list")
	})
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
