// Package pgtest hands tests throwaway PostgreSQL databases.
//
//	var schema = pgtest.NewTemplate(postgres.Migrate)
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
//
//	func TestDocuments(t *testing.T) {
//		url := schema.Open(t) // a database of this test's own until it ends
//	}
//
// The databases live on the server that TEST_DATABASE_URL names, whose user must be allowed to create databases; without
// it, on one private server for the test process, started when first needed. Tests that must kill or restart a server
// ask for one of their own: Server. Where there is neither a server nor PostgreSQL to start one, a test is skipped; with CI set it
// fails. Everything here may be used by parallel tests.
package pgtest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sheafdb/sheaf/adapters/postgres/pglocal"
)

// here is the server of this test process. It is the package's one piece of state: test functions of a package have
// nothing but the process in common.
var here = &host{url: os.Getenv("TEST_DATABASE_URL")}

// adminTimeout bounds the making or dropping of a database, which takes some tens of milliseconds.
const adminTimeout = time.Minute

// host is a server on which databases are made.
type host struct {
	begin sync.Once
	url   string // of the maintenance database; given, or set by start
	err   error
	stop  func() error // nil for a server that is not ours

	run string // part of every name, so that runs do not meet on a shared server
	n   atomic.Int64

	mu   sync.Mutex
	kept map[string]bool // databases dropped by close; others are dropped by the tests they belong to
}

// Open returns the connection string of an empty database that is dropped when the test ends, along with what is still connected to it.
func Open(tb testing.TB) string {
	tb.Helper()
	return here.open(tb)
}

// Main runs the tests of a package and then stops the server and drops the templates. Without it both go too, only less
// tidily: the server stops when the process ends, and templates stay on a server of TEST_DATABASE_URL.
//
//	func TestMain(m *testing.M) { pgtest.Main(m) }
func Main(m *testing.M) {
	code := m.Run()
	if err := here.close(); err != nil {
		fmt.Fprintln(os.Stderr, "pgtest:", err)
		code = max(code, 1)
	}
	os.Exit(code)
}

// start finds the server. It is called by whoever needs the server first.
func (h *host) start() error {
	h.begin.Do(func() {
		h.run = strings.ToLower(rand.Text()[:8])
		if h.url == "" {
			h.url, h.stop, h.err = startSlot()
		}
	})
	return h.err
}

// need is start for a test.
func (h *host) need(tb testing.TB) {
	tb.Helper()
	if err := h.start(); err != nil {
		missing(tb, err)
	}
}

// missing ends a test that cannot have its server.
func missing(tb testing.TB, err error) {
	tb.Helper()
	if errors.Is(err, pglocal.ErrNoBinaries) && os.Getenv("CI") == "" {
		tb.Skipf("no database: %v", err)
	}
	tb.Fatalf("no database: %v", err)
}

// open makes an empty database for as long as the test runs.
func (h *host) open(tb testing.TB) string {
	tb.Helper()
	h.need(tb)
	name := h.name()
	if err := h.create(tb.Context(), name, ""); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := h.drop(name); err != nil {
			tb.Error(err)
		}
	})
	return withDatabase(h.url, name)
}

// namePrefix begins the name of every database made here.
const namePrefix = "sheaf_test_"

func (h *host) name() string { return fmt.Sprintf("%s%s_%d", namePrefix, h.run, h.n.Add(1)) }

// keep leaves a database to close.
func (h *host) keep(name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.kept == nil {
		h.kept = map[string]bool{}
	}
	h.kept[name] = true
}

func (h *host) create(ctx context.Context, name, template string) error {
	statement := "CREATE DATABASE " + pgx.Identifier{name}.Sanitize()
	if template != "" {
		statement += " TEMPLATE " + pgx.Identifier{template}.Sanitize()
	}
	if h.stop != nil {
		// Four times as fast as the default where fsync is off; elsewhere its checkpoints would cost more than it saves.
		statement += " STRATEGY file_copy"
	}
	return h.exec(ctx, statement)
}

func (h *host) drop(name string) error {
	// FORCE, because a connection that a test forgot must not make it fail here, far from the reason.
	return h.exec(context.Background(), "DROP DATABASE IF EXISTS "+pgx.Identifier{name}.Sanitize()+" WITH (FORCE)")
}

// exec runs statements on the maintenance database, one after the other and in no transaction.
func (h *host) exec(ctx context.Context, statements ...string) error {
	ctx, cancel := context.WithTimeout(ctx, adminTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, h.url)
	if err != nil {
		return fmt.Errorf("pgtest: %w", err)
	}
	defer func() { _ = conn.Close(ctx) }() // the statements have had their answers
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return fmt.Errorf("pgtest: %s: %w", statement, err)
		}
	}
	return nil
}

// close drops the templates and stops the server, if it is ours. The host is of no use after that.
func (h *host) close() error {
	h.begin.Do(func() { h.err = errors.New("pgtest: closed") })
	if h.err != nil {
		return nil // there was nothing to stop, or its failure has been told to the tests
	}
	if h.stop != nil {
		return h.stop() // the next process drops what is left before it uses the cluster
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	var errs []error
	for name := range h.kept {
		errs = append(errs, h.drop(name))
	}
	return errors.Join(errs...)
}
