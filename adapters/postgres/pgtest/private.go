package pgtest

import (
	"context"
	"maps"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/sheafdb/sheaf/adapters/postgres/pglocal"
)

// Private is a server of one test's own, for tests that take it away. It is durable, as a real one is, and its address stays
// the same through every restart. Its methods are for the goroutine of the test; a failure ends the test.
type Private struct {
	tb     testing.TB
	opts   pglocal.Options
	server *pglocal.Server
}

// Server starts a private server with the settings, which may be nil; it is stopped and removed when the test ends. It takes one
// to two seconds, so most tests are better off with Open. It does not use TEST_DATABASE_URL.
func Server(tb testing.TB, settings map[string]string) *Private {
	tb.Helper()
	// Not TempDir: a socket's path must be short, and under root another user must get in.
	dir, err := os.MkdirTemp("", "sheaf-pgtest-") //nolint:usetesting // for the reasons above
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			tb.Error(err)
		}
	})
	if err := os.Chmod(dir, 0o711); err != nil {
		tb.Fatal(err)
	}
	p := &Private{tb: tb, opts: pglocal.Options{Dir: filepath.Join(dir, "pg"), Settings: maps.Clone(settings), Fetch: true}}
	p.Restart()
	tb.Cleanup(p.Stop)
	return p
}

// URL returns the connection string of the server's database, for the time it runs.
func (p *Private) URL() string { return p.server.URL() }

// PID is the process id of the server as last started.
func (p *Private) PID() int { return p.server.PID() }

// Kill ends the server as a crash would, and returns when it is gone.
func (p *Private) Kill() {
	p.tb.Helper()
	if err := syscall.Kill(p.server.PID(), syscall.SIGKILL); err != nil {
		p.tb.Fatal(err)
	}
	<-p.server.Done()
	p.Stop()
}

// Stop shuts the server down, dropping its connections, and returns when it is gone. One that is gone already stays so.
func (p *Private) Stop() {
	p.tb.Helper()
	if p.server == nil {
		return
	}
	if err := p.server.Close(); err != nil {
		p.tb.Error(err)
	}
}

// Restart starts the server again, on the same data and at the same address, and returns when it takes connections. One
// that still runs is stopped first.
func (p *Private) Restart() {
	p.tb.Helper()
	p.Stop()
	// Not the test's context: a server may be restarted while the test cleans up.
	server, err := pglocal.Start(context.Background(), p.opts)
	if err != nil {
		missing(p.tb, err)
	}
	p.server = server
}
