package postgres_test

import (
	"context"
	"sync"
	"testing"

	"github.com/sheafdb/sheaf/adapters/postgres"
	"github.com/sheafdb/sheaf/adapters/postgres/pgtest"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
)

// The server is killed while sixteen callers write: what was acknowledged is there, what was refused is not, the positions have no gaps, and the store goes on by itself.
func TestCrash_ServerKilled(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t, nil)
	if err := postgres.Migrate(t.Context(), server.URL()); err != nil {
		t.Fatal(err)
	}
	s := open(t, postgres.Config{URL: server.URL()})
	c := mustCollection(t, s, "books")
	var mu sync.Mutex
	outcomes := map[string]string{} // by id: "" acknowledged, else the code
	var wg sync.WaitGroup
	enough := make(chan struct{})
	n := 0
	for i := range 16 {
		wg.Go(func() {
			for {
				name := newID()
				w := put(c, name, `1`)
				if i%2 == 0 {
					w = fresh(c, name, `1`)
				}
				_, err := s.Write(context.Background(), batch(w))
				mu.Lock()
				outcomes[name] = fault.CodeOf(err)
				if n++; n == 500 {
					close(enough)
				}
				mu.Unlock()
				if err != nil {
					if fault.KindOf(err) != fault.Unavailable {
						t.Errorf("got %v", err)
					}
					return
				}
			}
		})
	}
	<-enough
	server.Kill()
	wg.Wait()
	err := s.Ping(t.Context())
	wantCode(t, err, "postgres.unavailable")
	_, err = s.Write(t.Context(), batch(put(c, "while away", `1`)))
	wantCode(t, err, "postgres.unavailable")
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
