package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/sheafdb/sheaf/adapters/postgres/pgtest"
)

var update = flag.Bool("update", false, "rewrite the golden files and .env.example")

func TestMain(m *testing.M) {
	switch os.Getenv(asProcess) {
	case "":
		pgtest.Main(m)
	case hollow:
		p := &program{stdout: os.Stdout, stderr: os.Stderr, wire: fakeWire(http.NotFoundHandler(), nil)}
		os.Exit(report(p.run(untilSignal(), os.Args[1:]), os.Stderr))
	case whole:
		main()
	}
}

// fakeWire wires handler and nothing else, and tells note what is done with it.
func fakeWire(handler http.Handler, note func(string)) func(context.Context, wiring) (*service, error) {
	if note == nil {
		note = func(string) {}
	}
	return func(context.Context, wiring) (*service, error) {
		note("wire")
		return &service{
			handler: handler,
			drain:   func() { note("drain") },
			close:   func(context.Context) error { note("close"); return nil },
		}, nil
	}
}

// testProgram has a folder of its own, an empty environment, and no way to a database or a port unless a test adds it.
func testProgram(t *testing.T) (p *program, stdout, stderr *bytes.Buffer) {
	t.Helper()
	stdout, stderr = new(bytes.Buffer), new(bytes.Buffer)
	return &program{
		dir:    t.TempDir(),
		stdout: stdout,
		stderr: stderr,
		wire: func(context.Context, wiring) (*service, error) {
			return nil, errors.New("this test opens nothing")
		},
		openDatabase: func(context.Context, string, string, *slog.Logger) (*devDatabase, error) {
			return nil, errors.New("this test starts no database")
		},
		openMigration: func(context.Context, PostgresSettings) (migrator, error) {
			return nil, errors.New("this test has no migrations")
		},
	}, stdout, stderr
}

func mustWrite(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

func wantGolden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not current; run go test ./cmd/sheaf -update and look at the difference. Got:\n%s", path, got)
	}
}

// Whatever is wrong with what was typed, it is one line on standard error and exit code 2.
func TestRun_Mistakes(t *testing.T) {
	t.Parallel()
	missing := filepath.Join(t.TempDir(), "absent.yaml")
	tests := []struct {
		name    string
		args    []string
		environ []string
		want    []string
	}{
		{name: "unknown command", args: []string{"srve"}, want: []string{`"srve" is not a command of sheaf; did you mean serve?`}},
		{name: "unknown command below", args: []string{"migrate", "upp"}, want: []string{`"upp" is not a command of sheaf migrate; did you mean up?`}},
		{name: "argument", args: []string{"serve", "now"}, want: []string{`sheaf serve takes no argument, and was given "now"`}},
		{name: "unknown flag", args: []string{"serve", "--postgress-url=x"}, want: []string{"--postgress-url is not a flag of sheaf serve; did you mean --postgres-url?"}},
		{name: "unknown short flag", args: []string{"serve", "-z"}, want: []string{"flags: "}},
		{name: "flag without value", args: []string{"serve", "--http-addr"}, want: []string{"flags: flag needs an argument: --http-addr"}},
		{name: "format", args: []string{"config", "--format=xml"}, want: []string{`--format "xml" is not one of table, json`}},
		{name: "no such file", args: []string{"config", "--config", missing}, want: []string{missing + ": no such file"}},
		{name: "no such file by variable", args: []string{"config"}, environ: []string{"SHEAF_CONFIG=" + missing}, want: []string{missing + ": no such file"}},
		{name: "no database", args: []string{"serve"}, want: []string{"postgres.url is not set", "sheaf dev"}},
		{name: "no database to migrate", args: []string{"migrate", "status"}, want: []string{"postgres.url is not set"}},
		{
			name: "several", args: []string{"serve", "--http-addr=0.0.0.0:80", "--log-level=loud"}, environ: []string{"SHEAF_HTTP_ADR=x"},
			want: []string{"4 mistakes: ", "SHEAF_HTTP_ADR is not a setting", `--log-level "loud" is not one of debug`, "postgres.url is not set", "reachable from other machines"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			if code := report(run(t.Context(), test.args, test.environ, &stdout, &stderr), &stderr); code != 2 {
				t.Errorf("exit code %d, want 2", code)
			}
			text := stderr.String()
			if strings.Count(text, "\n") != 1 || !strings.HasPrefix(text, "sheaf: ") || stdout.Len() > 0 {
				t.Errorf("not one line: %q and on standard output %q", text, stdout.String())
			}
			for _, want := range test.want {
				if !strings.Contains(text, want) {
					t.Errorf("got %q, want %q in it", text, want)
				}
			}
		})
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		err  error
		code int
		line string
	}{
		{name: "none"},
		{name: "failure", err: errors.New("no database"), code: 1, line: "sheaf: no database\n"},
		{name: "joined", err: errors.Join(errors.New("one"), errors.New("two")), code: 1, line: "sheaf: one; two\n"},
		{name: "said twice", err: errors.New("failed to connect to `user=x`:\n\t127.0.0.1:1 (localhost): refused\n\t127.0.0.1:1 (localhost): refused\n\r\n\t[::1]:1: refused"), code: 1, line: "sheaf: failed to connect to `user=x`: 127.0.0.1:1 (localhost): refused; [::1]:1: refused\n"},
		{name: "mistakes", err: errors.Join(mistakes{"one", "two"}), code: 2, line: "sheaf: 2 mistakes: one; two\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var stderr bytes.Buffer
			if code := report(test.err, &stderr); code != test.code || stderr.String() != test.line {
				t.Errorf("got %d and %q, want %d and %q", code, stderr.String(), test.code, test.line)
			}
		})
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	p, stdout, _ := testProgram(t)
	if err := p.run(t.Context(), []string{"version"}); err != nil {
		t.Fatal(err)
	}
	if got := stdout.String(); !strings.HasPrefix(got, "sheaf ") || !strings.Contains(got, ", commit ") || !strings.Contains(got, ", go1.") {
		t.Errorf("got %q", got)
	}
}

func TestSignals(t *testing.T) {
	t.Parallel()
	start := func(t *testing.T, delay string) *process {
		t.Helper()
		return startProcess(t, hollow, "serve", "--http-addr=127.0.0.1:0", "--postgres-url=postgres://nowhere", "--http-drain-delay="+delay)
	}
	for _, with := range []os.Signal{os.Interrupt, syscall.SIGTERM} {
		t.Run("one "+with.String(), func(t *testing.T) {
			t.Parallel()
			p := start(t, "0s")
			p.await("listening")
			p.signal(with)
			if err := p.cmd.Wait(); err != nil {
				t.Errorf("stopped with %v, want exit code 0", err)
			}
		})
	}
	t.Run("two", func(t *testing.T) {
		t.Parallel()
		p := start(t, "1h")
		p.await("listening")
		p.signal(syscall.SIGTERM)
		p.await("draining")
		p.signal(syscall.SIGTERM)
		var exit *exec.ExitError
		if err := p.cmd.Wait(); !errors.As(err, &exit) || exit.ExitCode() != 128+int(syscall.SIGTERM) {
			t.Errorf("got %v, want the exit code of the second signal", err)
		}
	})
}

// mustDial connects to a server that a test started.
func mustDial(t *testing.T, addr net.Addr) net.Conn {
	t.Helper()
	conn, err := new(net.Dialer).DialContext(t.Context(), addr.Network(), addr.String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}
