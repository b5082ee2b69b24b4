package pglocal

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestStart_KeepsDataAcrossRuns(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	dir := filepath.Join(openDir(t), ".sheaf", "postgres")
	s := mustStart(t, Options{Dir: dir}) // durable, as a person gets it
	mustExec(t, s.URL(), "CREATE TABLE kept (n int)")
	mustExec(t, s.URL(), "INSERT INTO kept VALUES (1)")
	if s.Home() != dir {
		t.Errorf("home = %s, want %s", s.Home(), dir)
	}
	if _, err := Start(t.Context(), Options{Dir: dir}); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), strconv.Itoa(os.Getpid())) {
		t.Errorf("second start: %v, want ErrInUse naming this process", err)
	}
	url := s.URL()
	mustClose(t, s)
	mustClose(t, s)
	<-s.Done()

	s = mustStart(t, quick(dir))
	if s.URL() != url || s.String() != `psql "`+url+`"` {
		t.Errorf("%s is not the address of the first run, %s", s, url)
	}
	wantRows(t, s.URL(), 1)
	mustExec(t, s.DSN("postgres"), "DO $$ BEGIN ASSERT current_setting('fsync') = 'off' AND current_setting('listen_addresses') = ''; END $$")
	if psql, err := exec.LookPath("psql"); err == nil {
		if out, err := exec.Command(psql, s.URL(), "-Atc", "SELECT 41 + 1").CombinedOutput(); err != nil || strings.TrimSpace(string(out)) != "42" {
			t.Errorf("psql: %v, %s", err, out)
		}
	}
}

func TestStart_OddPaths(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	for _, name := range []string{strings.Repeat("long", 40), "space, comma 'quote' \"é"} {
		t.Run(name[:4], func(t *testing.T) {
			t.Parallel()
			s := mustStart(t, quick(filepath.Join(openDir(t), name)))
			mustExec(t, s.URL(), "SELECT 1")
			info, err := os.Stat(s.socketDir)
			if err != nil || info.Mode().Perm() != 0o700 {
				t.Errorf("socket folder: %v, %v; want mode 0700", info, err)
			}
			mustClose(t, s)
			if _, err := os.Stat(s.socketDir); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("the socket folder outside the home is still there: %v", err)
			}
		})
	}
}

func TestStart_Refuses(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	version := func(text string) func(t *testing.T, data string) {
		return func(t *testing.T, data string) {
			t.Helper()
			mustWrite(t, filepath.Join(data, "PG_VERSION"), text)
			mustWrite(t, filepath.Join(data, "base", "1"), "precious")
			who, err := accountFor(filepath.Join(data, "none"))
			if err != nil {
				t.Fatal(err)
			}
			if err := who.give(data); err != nil {
				t.Fatal(err)
			}
		}
	}
	otherFiles := func(t *testing.T, data string) {
		t.Helper()
		mustWrite(t, filepath.Join(data, "thesis.txt"), "precious")
	}
	for _, test := range []struct {
		name  string
		make  func(t *testing.T, data string)
		want  error
		words []string
	}{
		{"OlderVersion", version("12\n"), ErrVersion, []string{"PostgreSQL 12", "older than PostgreSQL 15", "dump"}},
		{"NewerVersion", version("99\n"), ErrVersion, []string{"PostgreSQL 99", "Install PostgreSQL 99", "move the data away"}},
		{"NoVersion", version("many\n"), ErrForeign, []string{"PG_VERSION"}},
		{"OtherFiles", otherFiles, ErrForeign, []string{"move it away"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			dir := openDir(t)
			data := filepath.Join(dir, dataName)
			test.make(t, data)
			before := snapshot(t, data)
			_, err := Start(t.Context(), quick(dir))
			if !errors.Is(err, test.want) {
				t.Fatalf("error = %v, want %v", err, test.want)
			}
			for _, word := range test.words {
				if !strings.Contains(err.Error(), word) {
					t.Errorf("error %q does not say %q", err, word)
				}
			}
			if after := snapshot(t, data); after != before {
				t.Errorf("the directory changed:\n%s\nwas:\n%s", after, before)
			}
			release, err := lock(dir, account{})
			if err != nil {
				t.Fatalf("the directory is still locked: %v", err)
			}
			release()
		})
	}
}

func TestStart_SettingsThatAreNotTheirs(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"listen_addresses", "port", "Fsync", "a b", ""} {
		if _, err := Start(t.Context(), Options{Dir: t.TempDir(), Settings: map[string]string{name: "x"}}); err == nil {
			t.Errorf("setting %q was taken", name)
		}
	}
}

func TestStart_FailureTellsTheServersReason(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	opts := quick(openDir(t))
	opts.Settings["shared_buffers"] = "nonsense"
	_, err := Start(t.Context(), opts)
	if err == nil || !strings.Contains(err.Error(), "shared_buffers") || !strings.Contains(err.Error(), "ended before it was ready") {
		t.Errorf("error = %v, want the log's last words", err)
	}
	delete(opts.Settings, "shared_buffers")
	mustStart(t, opts) // and the directory is as good as before
}

func TestStart_HeedsContext(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	dir := openDir(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Start(ctx, quick(dir)); err == nil {
		t.Fatal("started with a context that had ended")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, "data*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestStart_AfterLauncherKilled(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	dir := openDir(t)
	l := launch(t, request{Dir: dir}, -1)
	if l.Error != "" {
		t.Fatal(l.Error)
	}
	mustExec(t, l.URL, "CREATE TABLE kept (n int)")
	mustExec(t, l.URL, "INSERT INTO kept VALUES (1), (2)")
	if _, err := Start(t.Context(), quick(dir)); !errors.Is(err, ErrInUse) || !strings.Contains(err.Error(), strconv.Itoa(l.cmd.Process.Pid)) {
		t.Errorf("start beside another process: %v, want ErrInUse naming %d", err, l.cmd.Process.Pid)
	}
	l.kill()
	s := mustStart(t, quick(dir))
	wantRows(t, s.URL(), 2)
	if s.PID() == l.PID {
		t.Error("the old server was not stopped")
	}
	mustClose(t, s)
	wantGone(t, "the server of the killed launcher", func() bool { return len(serversOn(filepath.Join(dir, dataName))) > 0 })
}

func TestStart_AfterLauncherKilled_ServerFollows(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	dir := openDir(t)
	l := launch(t, request{Dir: dir}, -1)
	if l.Error != "" {
		t.Fatal(l.Error)
	}
	l.kill() // and nobody starts again
	wantGone(t, "the server", func() bool { return servesFrom(l.PID, filepath.Join(dir, dataName)) })
}

func TestStart_AfterServerKilled(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	dir := openDir(t)
	s := mustStart(t, Options{Dir: dir})
	mustExec(t, s.URL(), "CREATE TABLE kept (n int)")
	mustExec(t, s.URL(), "INSERT INTO kept VALUES (1)")
	if err := syscall.Kill(s.PID(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-s.Done()
	mustClose(t, s)
	s = mustStart(t, Options{Dir: dir})
	wantRows(t, s.URL(), 1)
}

// An orphan is a server whose launcher is gone and that did not follow it, as after a power cut of the launcher's container.
func TestStart_StopsOrphan(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	dir := openDir(t)
	s := mustStart(t, quick(dir))
	mustExec(t, s.URL(), "CREATE TABLE kept (n int)")
	s.unlock() // all that another launcher can see of this one's death
	second := mustStart(t, quick(dir))
	<-s.Done()
	wantRows(t, second.URL(), 0)
}

func TestStart_StaleProcessID(t *testing.T) {
	t.Parallel()
	needPostgres(t)
	dead := exec.Command("/bin/true")
	if err := dead.Run(); err != nil {
		t.Fatal(err)
	}
	dir := openDir(t)
	s := mustStart(t, quick(dir))
	mustExec(t, s.URL(), "CREATE TABLE kept (n int)")
	mustClose(t, s)
	data := filepath.Join(dir, dataName)
	who, err := accountFor(data)
	if err != nil {
		t.Fatal(err)
	}
	// A process of the server's own user: the one case that PostgreSQL cannot tell from a server of its own.
	other := exec.Command("/bin/sleep", "60")
	who.run(other)
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Process.Kill(); _ = other.Wait() }()

	for name, pid := range map[string]int{"dead": dead.Process.Pid, "another's": other.Process.Pid} {
		path := filepath.Join(data, pidName)
		text := strings.Join([]string{strconv.Itoa(pid), data, strconv.FormatInt(time.Now().Unix(), 10), port, s.socketDir, "", "  5432001         7", "ready   "}, "\n") + "\n"
		mustWrite(t, path, text)
		if err := who.give(path); err != nil {
			t.Fatal(err)
		}
		s, err := Start(t.Context(), quick(dir))
		if err != nil {
			t.Fatalf("%s process id: %v", name, err)
		}
		wantRows(t, s.URL(), 0)
		mustClose(t, s)
	}
	if err := other.Process.Signal(syscall.Signal(0)); err != nil {
		t.Errorf("the process that only had the number was harmed: %v", err)
	}
}

func TestStartGuarded(t *testing.T) {
	t.Parallel()
	l := launch(t, request{Guarded: true}, -1)
	if l.Error != "" {
		t.Fatal(l.Error)
	}
	if err := syscall.Kill(l.PID, 0); err != nil {
		t.Fatal(err)
	}
	l.kill()
	wantGone(t, "the guarded program", func() bool {
		state, _ := exec.Command("ps", "-o", "stat=", "-p", strconv.Itoa(l.PID)).Output()
		return len(state) > 0 && state[0] != 'Z'
	})

	cmd := exec.Command("/bin/sh", "-c", "exit 3")
	wait, err := startGuarded(cmd)
	if err != nil {
		t.Fatal(err)
	}
	var exit *exec.ExitError
	if err := wait(); !errors.As(err, &exit) || exit.ExitCode() != 3 {
		t.Errorf("wait = %v, want the program's own exit status", err)
	}
}

func mustWrite(t *testing.T, path, text string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}
