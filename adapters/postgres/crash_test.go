package postgres_test

import (
	"context"
	"sync"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/sheafdb/sheaf/adapters/postgres"
	"github.com/sheafdb/sheaf/adapters/postgres/pgtest"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
)

// A backend is killed while sixteen callers write, so that the server recovers from its log, and then the server itself. What was acknowledged is there, what was
// refused is not, the positions have no gaps, and the store goes on by itself.
func TestCrash_ServerKilled(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t, nil)
	if err := postgres.Migrate(t.Context(), server.URL()); err != nil {
		t.Fatal(err)
	}
	s := open(t, postgres.Config{URL: server.URL()})
	c := mustCollection(t, s, "books")
	backends := backendsOf(t, server.URL())

	var mu sync.Mutex
	outcomes := map[string]string{} // by id: "" acknowledged, else the code
	acknowledged := 0
	some, enough, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	for i := range 16 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				name := newID()
				w := put(c, name, `1`)
				if i%2 == 0 {
					w = fresh(c, name, `1`)
				}
				_, err := s.Write(context.Background(), batch(w))
				if err != nil && fault.KindOf(err) != fault.Unavailable {
					t.Errorf("got %v", err)
				}
				mu.Lock()
				outcomes[name] = fault.CodeOf(err)
				if err == nil {
					switch acknowledged++; acknowledged {
					case 300:
						close(some)
					case 900:
						close(enough)
					}
				}
				mu.Unlock()
			}
		})
	}
	<-some
	for _, pid := range backends {
		// Its process may have ended by itself when the pool grew or shrank.
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	<-enough
	server.Kill()
	close(done)
	wg.Wait()
	// Backends outlive the server by the statement they are at, and may serve one call more.
	for code := ""; code != "postgres.unavailable"; {
		name := newID()
		_, err := s.Write(t.Context(), batch(put(c, name, `1`)))
		code = fault.CodeOf(err)
		outcomes[name] = code
		if err != nil && fault.KindOf(err) != fault.Unavailable {
			t.Fatal(err)
		}
	}
	for err := s.Ping(t.Context()); fault.CodeOf(err) != "postgres.unavailable"; err = s.Ping(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
	}
	server.Restart()
	// The first call finds dead connections in the pool, and still succeeds.
	mustWrite(t, s, put(c, "after", `1`))
	if err := s.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	history(t, s, c.Bucket)
	there := map[string]bool{}
	if err := s.Export(t.Context(), c.Key, func(d document.Document) error { there[d.ID.String()] = true; return nil }); err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for name, code := range outcomes {
		count[code]++
		switch {
		case code == "" && !there[name]:
			t.Errorf("%s was acknowledged and is lost", name)
		case code != "" && code != "write.unknown" && there[name]:
			t.Errorf("%s was refused with %s and is there", name, code)
		}
	}
	t.Logf("outcomes %v", count)
}

// backendsOf returns the processes that serve the store.
func backendsOf(t *testing.T, url string) []int {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := conn.Query(t.Context(), `SELECT pid FROM pg_stat_activity WHERE application_name = 'sheaf'`)
	if err != nil {
		t.Fatal(err)
	}
	pids, err := pgx.CollectRows(rows, pgx.RowTo[int])
	if err != nil || len(pids) == 0 {
		t.Fatalf("%d backends, %v", len(pids), err)
	}
	if err := conn.Close(t.Context()); err != nil {
		t.Error(err)
	}
	return pids
}
