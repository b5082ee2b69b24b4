package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sheafdb/sheaf/adapters/postgres"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
)

// stalled is a store with one turn, whose reads wait for a lock until release is called.
type stalled struct {
	*postgres.Store
	t       *testing.T
	c       collection.Stored
	release func()
	results sync.WaitGroup
}

func stall(t *testing.T, config postgres.Config, prepare ...string) *stalled {
	t.Helper()
	config.URL, config.Readers = schema.Open(t), 1
	s := &stalled{Store: open(t, config), t: t}
	s.c = mustCollection(t, s, "books")
	for i := range 20 {
		mustWrite(t, s, put(s.c, fmt.Sprint(i), fmt.Sprint(i)))
	}
	conn, err := pgx.Connect(t.Context(), config.URL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	for _, sql := range append(prepare, `BEGIN`, `LOCK TABLE documents`) {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", sql, err)
		}
	}
	s.release = func() {
		if _, err := conn.Exec(t.Context(), `COMMIT`); err != nil {
			t.Fatal(err)
		}
		s.results.Wait()
	}
	// The first takes the turn.
	s.get(t.Context(), "0", "")
	s.await(func(stat postgres.Stat) bool { return stat.Reads == 1 })
	return s
}

// get reads in the background; the outcome is checked: the document, or the code of the error.
func (s *stalled) get(ctx context.Context, name, code string) {
	s.results.Go(func() {
		d, err := s.Get(ctx, s.c.Key, id(name))
		switch {
		case fault.CodeOf(err) != code || code == "" && err != nil && !errors.Is(err, context.Canceled):
			s.t.Errorf("%s: got %v, want the code %q", name, err, code)
		case err == nil && string(d.Data) != name:
			s.t.Errorf("%s: got %s", name, d.Data)
		}
	})
}

// await waits until the store is as ok says.
func (s *stalled) await(ok func(postgres.Stat) bool) {
	s.t.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(s.Stat()); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			s.t.Fatalf("it never came about: %+v", s.Stat())
		}
	}
}

func queued(n int) func(postgres.Stat) bool {
	return func(s postgres.Stat) bool { return s.ReadsQueued == n }
}

func TestReader_Merges(t *testing.T) {
	t.Parallel()
	s := stall(t, postgres.Config{})
	for i := range 20 {
		s.get(t.Context(), fmt.Sprint(i), "")
		s.get(t.Context(), fmt.Sprint(i), "")
		s.get(t.Context(), fmt.Sprint("missing", i), "document.notFound")
	}
	s.await(queued(60))
	s.release()
	if stat := s.Stat(); stat.Statements != 2 || stat.Reads != 61 {
		t.Errorf("%d statements for %d reads", stat.Statements, stat.Reads)
	}
}

// A caller that leaves neither stays nor spoils it for others.
func TestReader_CallersLeave(t *testing.T) {
	t.Parallel()
	s := stall(t, postgres.Config{})
	ctx, leave := context.WithCancel(t.Context())
	for i := range 20 {
		s.get(ctx, fmt.Sprint(i), "")
	}
	s.await(queued(20))
	leave()
	for i := range 20 {
		s.get(t.Context(), fmt.Sprint(i), "")
	}
	s.await(queued(40))
	s.release()
	if stat := s.Stat(); stat.Reads > 41 {
		t.Errorf("%d reads", stat.Reads)
	}
}

// A read that fails, fails alone.
func TestReader_OneFails(t *testing.T) {
	t.Parallel()
	s := stall(t, postgres.Config{},
		`ALTER TABLE documents RENAME TO kept`,
		`CREATE FUNCTION fails(id text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN IF id = '7' THEN RAISE 'this one fails'; END IF; RETURN true; END $$`,
		`CREATE VIEW documents AS SELECT * FROM kept WHERE fails(id)`)
	for i := range 20 {
		code := ""
		if i == 7 {
			code = "internal"
		}
		s.get(t.Context(), fmt.Sprint(i), code)
	}
	s.await(queued(20))
	s.release()
}

func TestReader_QueueFull(t *testing.T) {
	t.Parallel()
	s := stall(t, postgres.Config{QueueLength: 3})
	for i := range 3 {
		s.get(t.Context(), fmt.Sprint(i), "")
	}
	s.await(queued(3))
	_, err := s.Get(t.Context(), s.c.Key, id("5"))
	wantCode(t, err, "read.queueFull")
	if f := fault.Find(err); f == nil || f.Kind != fault.Unavailable || f.RetryAfter == 0 {
		t.Errorf("got %+v", f)
	}
	s.release()
	if _, err := s.Get(t.Context(), s.c.Key, id("5")); err != nil {
		t.Error(err)
	}
}

// Connections that the server ended, all of them, are no reason for a read to fail.
func TestReader_ConnectionsEnded(t *testing.T) {
	t.Parallel()
	server := interrupted(t)
	for round := range 3 {
		var all sync.WaitGroup
		for i := range 16 {
			all.Go(func() {
				if _, err := server.Get(t.Context(), server.c.Key, id(fmt.Sprint(i))); err != nil {
					t.Errorf("round %d: %v", round, err)
				}
			})
		}
		all.Wait()
		server.endAll()
	}
}

func TestReader_Close(t *testing.T) {
	t.Parallel()
	s := open(t, postgres.Config{})
	c := mustCollection(t, s, "books")
	mustWrite(t, s, put(c, "a", `1`))
	var all sync.WaitGroup
	begin := make(chan struct{})
	for range 50 {
		all.Go(func() {
			<-begin
			for {
				d, err := s.Get(t.Context(), c.Key, id("a"))
				if err != nil {
					wantCode(t, err, "postgres.unavailable")
					return
				}
				if d.Revision != 1 {
					t.Errorf("got %+v", d)
				}
			}
		})
	}
	close(begin)
	s.Close()
	all.Wait()
}

// interruptible is a store beside a connection that can end all of the store's.
type interruptible struct {
	*postgres.Store
	c      collection.Stored
	endAll func()
}

func interrupted(t *testing.T) interruptible {
	t.Helper()
	url := schema.Open(t)
	s := open(t, postgres.Config{URL: url})
	c := mustCollection(t, s, "books")
	var writes []document.Write
	for i := range 16 {
		writes = append(writes, put(c, fmt.Sprint(i), `1`))
	}
	mustWrite(t, s, writes...)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	return interruptible{s, c, func() {
		const end = `SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE application_name = 'sheaf' AND datname = current_database()`
		var n int
		if err := conn.QueryRow(t.Context(), end).Scan(&n); err != nil || n == 0 {
			t.Fatalf("%d ended, %v", n, err)
		}
	}}
}
