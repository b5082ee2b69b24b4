package main

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// runDev runs dev over a service of no parts until it listens, and returns what it did.
func runDev(t *testing.T, p *program, events *journal, args ...string) (wired Settings, err error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	p.wire = func(ctx context.Context, w wiring) (*service, error) {
		wired = w.settings
		return fakeWire(http.NotFoundHandler(), events.note)(ctx, w)
	}
	// dev is over as soon as it has said that it is there; the banner comes after this.
	p.listening = func(net.Addr) { cancel() }
	return wired, p.run(ctx, append([]string{"dev", "--http-addr=127.0.0.1:0"}, args...))
}

func TestDev_PrivateDatabase(t *testing.T) {
	t.Parallel()
	var j journal
	p, stdout, _ := testProgram(t)
	p.terminal = true
	p.openDatabase = func(_ context.Context, dir, binaries string, _ *slog.Logger) (*devDatabase, error) {
		if want := filepath.Join(p.dir, ".sheaf"); dir != want || binaries != "/opt/postgres" {
			t.Errorf("opened in %s from %s, want %s", dir, binaries, want)
		}
		j.note("start database")
		return &devDatabase{
			url:   "postgres:///sheaf?host=/tmp/it's",
			close: func() error { j.note("stop database"); return nil },
		}, nil
	}
	wired, err := runDev(t, p, &j, "--postgres-binaries=/opt/postgres")
	if err != nil {
		t.Fatal(err)
	}
	if wired.Postgres.URL != "postgres:///sheaf?host=/tmp/it's" || wired.Postgres.Migrate != "auto" {
		t.Errorf("wired with %q and migrate %s", wired.Postgres.URL.Reveal(), wired.Postgres.Migrate)
	}
	j.want(t, "start database", "wire", "drain", "close", "stop database")

	banner := stdout.String()
	for _, want := range []string{
		"http://127.0.0.1:", "/v1\n", "/docs\n", "/openapi.yaml\n", "curl -X PUT http://127.0.0.1:",
		`psql 'postgres:///sheaf?host=/tmp/it'\''s'  (kept in .sheaf)`,
	} {
		if !strings.Contains(banner, want) {
			t.Errorf("no %q in the banner:\n%s", want, banner)
		}
	}
	if strings.Contains(banner, "Authorization") {
		t.Error("the banner asks for a key that nobody set")
	}
}

// A database that is given is used, and no other is started.
func TestDev_GivenDatabase(t *testing.T) {
	t.Parallel()
	const given = "postgres://u:hunter2@h/d"
	var j journal
	p, stdout, stderr := testProgram(t)
	p.terminal = true
	wired, err := runDev(t, p, &j, "--postgres-url="+given, "--postgres-migrate=check", "--auth-root-key=hunter2-hunter2-hunter2")
	if err != nil {
		t.Fatal(err)
	}
	if wired.Postgres.URL != given || wired.Postgres.Migrate != "check" {
		t.Errorf("wired with %q and migrate %s", wired.Postgres.URL.Reveal(), wired.Postgres.Migrate)
	}
	j.want(t, "wire", "drain", "close")
	if !strings.Contains(stdout.String(), `-H "Authorization: Bearer $SHEAF_AUTH_ROOT_KEY"`) || strings.Contains(stdout.String()+stderr.String(), "hunter2") {
		t.Errorf("got %s and %s", stdout, stderr)
	}
}

// Without a terminal there is nobody to greet.
func TestDev_NoTerminal(t *testing.T) {
	t.Parallel()
	p, stdout, stderr := testProgram(t)
	if _, err := runDev(t, p, new(journal), "--postgres-url=postgres://h/d"); err != nil {
		t.Fatal(err)
	}
	if stdout.Len() > 0 || !strings.Contains(stderr.String(), "msg=listening") {
		t.Errorf("got %q and %q", stdout, stderr)
	}
}

func TestDev_Failures(t *testing.T) {
	t.Parallel()
	t.Run("given database does not answer", func(t *testing.T) {
		t.Parallel()
		p, _, stderr := testProgram(t) // its wire fails, and so would its openDatabase
		err := p.run(t.Context(), []string{"dev", "--postgres-url=postgres://h/d"})
		if code := report(err, stderr); code != 1 || stderr.String() != "sheaf: this test opens nothing\n" {
			t.Errorf("got %d and %q", code, stderr)
		}
	})
	t.Run("no database to start", func(t *testing.T) {
		t.Parallel()
		p, _, stderr := testProgram(t)
		err := p.run(t.Context(), []string{"dev"})
		if code := report(err, stderr); code != 1 || stderr.String() != "sheaf: this test starts no database\n" {
			t.Errorf("got %d and %q", code, stderr)
		}
	})
	t.Run("database is stopped when wiring fails", func(t *testing.T) {
		t.Parallel()
		p, _, _ := testProgram(t)
		stopped := false
		p.openDatabase = func(context.Context, string, string, *slog.Logger) (*devDatabase, error) {
			return &devDatabase{url: "postgres://h/d", close: func() error { stopped = true; return nil }}, nil
		}
		if err := p.run(t.Context(), []string{"dev"}); err == nil || !stopped {
			t.Errorf("got %v, stopped: %v", err, stopped)
		}
	})
	t.Run("beyond loopback", func(t *testing.T) {
		t.Parallel()
		p, _, _ := testProgram(t)
		err := p.run(t.Context(), []string{"dev", "--http-addr=:8080"})
		var typed mistakes
		if !errors.As(err, &typed) || !strings.Contains(err.Error(), "reachable from other machines") {
			t.Errorf("got %v", err)
		}
	})
}

func TestReachable(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"127.0.0.1:80": "127.0.0.1:80", "0.0.0.0:80": "127.0.0.1:80", "[::]:80": "127.0.0.1:80", "[::1]:80": "[::1]:80", "10.0.0.1:80": "10.0.0.1:80", ":80": "127.0.0.1:80",
		"box:80": "box:80", "[::ffff:0.0.0.0]:80": "[::ffff:0.0.0.0]:80",
	} {
		if got := reachable(given); got != want {
			t.Errorf("%s: got %s, want %s", given, got, want)
		}
	}
}
