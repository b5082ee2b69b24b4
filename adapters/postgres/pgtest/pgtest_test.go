package pgtest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/sheafdb/sheaf/adapters/postgres/pglocal"
)

func TestMain(m *testing.M) { Main(m) }

var migrations atomic.Int32

var schema = NewTemplate(func(ctx context.Context, url string) error {
	migrations.Add(1)
	return query(ctx, url, "CREATE TABLE kept (n int PRIMARY KEY)")
})

func query(ctx context.Context, url, sql string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(context.Background())
	_, err = conn.Exec(ctx, sql)
	return err
}

func mustQuery(tb testing.TB, url, sql string) {
	tb.Helper()
	if err := query(tb.Context(), url, sql); err != nil {
		tb.Fatal(err)
	}
}

func TestTemplate_Open(t *testing.T) {
	t.Parallel()
	// Each test inserts the same key, so two of them cannot share a database.
	for n := range 8 {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			t.Parallel()
			url := schema.Open(t)
			mustQuery(t, url, "INSERT INTO kept VALUES (1)")
			if got := migrations.Load(); got != 1 {
				t.Errorf("migrated %d times, want once", got)
			}
		})
	}
}

func TestOpen_DropsWhenTheTestEnds(t *testing.T) { //nolint:tparallel // looks at what its subtest leaves
	t.Parallel()
	var url string
	t.Run("inner", func(t *testing.T) {
		url = Open(t)
		conn, err := pgx.Connect(t.Context(), url) // and never closed: FORCE is for this
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Exec(t.Context(), "CREATE TABLE kept ()"); err != nil {
			t.Fatal(err)
		}
	})
	if err := query(t.Context(), url, "SELECT 1"); err == nil || !strings.Contains(err.Error(), "3D000") {
		t.Errorf("connect to the dropped database: %v, want SQLSTATE 3D000", err)
	}
}

func TestHost_GivenServer(t *testing.T) { //nolint:tparallel // as above
	t.Parallel()
	given := Server(t, map[string]string{"fsync": "off"})
	h := &host{url: given.URL()}
	template := NewTemplate(func(ctx context.Context, url string) error { return query(ctx, url, "CREATE TABLE kept ()") })
	t.Run("inner", func(t *testing.T) { mustQuery(t, template.openOn(t, h), "SELECT FROM kept") })
	if err := h.close(); err != nil {
		t.Fatal(err)
	}
	mustQuery(t, given.URL(), "DO $$ BEGIN ASSERT (SELECT count(*) FROM pg_database WHERE datname LIKE 'sheaf_test_%') = 0; END $$")
}

func TestHost_GivenServerUnreachable(t *testing.T) {
	t.Setenv("CI", "")
	if got := outcome(t, func(tb *recorder) {
		(&host{url: "postgres://127.0.0.1:1/x?connect_timeout=1"}).open(tb)
	}); got != "fatal" {
		t.Errorf("a given server that does not answer: %s, want fatal: never another one in its place", got)
	}
}

func TestMissing(t *testing.T) {
	for _, test := range []struct {
		ci   string
		err  error
		want string
	}{
		{"", pglocal.ErrNoBinaries, "skip"},
		{"true", pglocal.ErrNoBinaries, "fatal"},
		{"", errors.New("broken"), "fatal"},
	} {
		t.Setenv("CI", test.ci)
		if got := outcome(t, func(tb *recorder) { missing(tb, test.err) }); got != test.want {
			t.Errorf("CI=%q, %v: %s, want %s", test.ci, test.err, got, test.want)
		}
	}
}

func TestTemplate_FailedMigration(t *testing.T) {
	t.Parallel()
	var calls int
	template := NewTemplate(func(context.Context, string) error { calls++; return errors.New("no") })
	for range 2 {
		if got := outcome(t, func(tb *recorder) { template.Open(tb) }); got != "fatal" {
			t.Errorf("got %s, want fatal", got)
		}
	}
	if calls != 1 {
		t.Errorf("migrated %d times, want once", calls)
	}
}

func TestTakeSlot(t *testing.T) {
	t.Parallel()
	base := t.TempDir()
	first, release, err := takeSlot(base)
	if err != nil {
		t.Fatal(err)
	}
	second, releaseSecond, err := takeSlot(base)
	if err != nil || second == first {
		t.Fatalf("second slot: %q, %v; want another than %q", second, err, first)
	}
	defer releaseSecond()
	release()
	again, release, err := takeSlot(base)
	if err != nil || again != first {
		t.Fatalf("after release: %q, %v; want %q", again, err, first)
	}
	release()
}

func TestServer_KillAndRestart(t *testing.T) {
	t.Parallel()
	p := Server(t, nil)
	url, pid := p.URL(), p.PID()
	mustQuery(t, url, "CREATE TABLE kept (n int)")
	p.Kill()
	if err := query(t.Context(), url, "SELECT 1"); err == nil {
		t.Error("a killed server answered")
	}
	p.Restart()
	mustQuery(t, url, "INSERT INTO kept VALUES (1)")
	if p.PID() == pid {
		t.Error("the same process as before")
	}
	p.Stop()
	p.Restart()
	mustQuery(t, url, "SELECT 1 / count(*) FROM kept")
}

func TestExecMode_DSN(t *testing.T) {
	t.Parallel()
	want := map[ExecMode]pgx.QueryExecMode{
		CacheStatement: pgx.QueryExecModeCacheStatement, Exec: pgx.QueryExecModeExec, SimpleProtocol: pgx.QueryExecModeSimpleProtocol,
	}
	for _, dsn := range []string{"postgres://u@/d?host=%2Ftmp&port=5432", "postgres://u:p@localhost/d", "host=/tmp user=u dbname=d"} {
		for _, mode := range ExecModes {
			config, err := pgx.ParseConfig(withDatabase(mode.DSN(dsn), "other"))
			if err != nil {
				t.Fatal(err)
			}
			if config.DefaultQueryExecMode != want[mode] || config.Database != "other" || config.User != "u" {
				t.Errorf("%s of %q: mode %s, database %s, user %s", mode, dsn, config.DefaultQueryExecMode, config.Database, config.User)
			}
		}
	}
}

// Used again, a copy is what the template is, but for what nobody can put back: then it is not used again.
func TestTemplate_UsedAgain(t *testing.T) { //nolint:tparallel // its subtests follow one another
	t.Parallel()
	template := NewTemplate(func(ctx context.Context, url string) error {
		return query(ctx, url, `CREATE TABLE seeded (n int GENERATED ALWAYS AS IDENTITY, t text); INSERT INTO seeded (t) VALUES ('a'), ('b'); CREATE TABLE "odd name" (n serial)`)
	})
	seen := map[string]int{}
	for n, spoil := range []string{
		`INSERT INTO seeded (t) VALUES ('c'); DELETE FROM seeded WHERE t = 'a'; INSERT INTO "odd name" DEFAULT VALUES`,
		`TRUNCATE seeded`, `BEGIN; INSERT INTO "odd name" DEFAULT VALUES; ROLLBACK`, `SELECT`,
		`CREATE TABLE more ()`, `ALTER TABLE seeded ADD u text`, `CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'`, `CREATE SCHEMA more`, `DROP TABLE "odd name"`,
		`DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET work_mem = 64', current_database()); END $$`,
	} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			url := template.Open(t)
			seen[url]++
			mustQuery(t, url, `DO $$ BEGIN
				ASSERT (SELECT string_agg(n || t, ',' ORDER BY n) FROM seeded) = '1a,2b';
				INSERT INTO seeded (t) VALUES ('c'); INSERT INTO "odd name" DEFAULT VALUES;
				ASSERT (SELECT max(n) FROM seeded) = 3 AND (SELECT max(n) FROM "odd name") = 1;
				ASSERT current_setting('work_mem') <> '64kB';
			END $$`)
			mustQuery(t, url, spoil)
			forgotten, err := pgx.Connect(t.Context(), url)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := forgotten.Exec(t.Context(), `BEGIN; LOCK TABLE seeded`); err != nil {
				t.Fatal(err)
			}
		})
	}
	if len(seen) != 6 { // the first is used for five, then each one is spoilt
		t.Errorf("%d databases were made, want 6: %v", len(seen), seen)
	}
}

func BenchmarkTemplate_Open(b *testing.B) {
	schema.Open(b)
	b.Run("copied", func(b *testing.B) {
		for b.Loop() {
			name := here.name()
			if err := here.create(b.Context(), name, schema.name); err != nil {
				b.Fatal(err)
			}
			if err := here.drop(name); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("used again", func(b *testing.B) {
		url := schema.Open(b)
		for b.Loop() {
			mustQuery(b, url, "INSERT INTO kept VALUES (1)")
			if err := schema.seed.restore(b.Context(), url); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// recorder is a test that only remembers how it ended.
type recorder struct {
	testing.TB
	mu  sync.Mutex
	end string
}

func (r *recorder) stop(end string) {
	r.mu.Lock()
	r.end = end
	r.mu.Unlock()
	runtime.Goexit()
}

func (r *recorder) Fatal(...any)          { r.stop("fatal") }
func (r *recorder) Fatalf(string, ...any) { r.stop("fatal") }
func (r *recorder) Skipf(string, ...any)  { r.stop("skip") }

// outcome runs f as a test would run and returns how it ended.
func outcome(t *testing.T, f func(*recorder)) string {
	t.Helper()
	r := &recorder{TB: t, end: "passed"}
	done := make(chan struct{})
	go func() {
		defer close(done)
		f(r)
	}()
	<-done
	return r.end
}
