package pglocal

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// helperEnv turns this test binary into a launcher of its own: the variable holds a request.
const helperEnv = "PGLOCAL_TEST_LAUNCHER"

type request struct {
	Dir, Moved string
	// Guarded starts the server as on systems other than Linux.
	Guarded bool
}

// answer is the one line a launcher prints.
type answer struct {
	URL, Home, Error string
	PID              int
}

func TestMain(m *testing.M) {
	text, ok := os.LookupEnv(helperEnv)
	if !ok {
		os.Exit(m.Run())
	}
	var ask request
	if err := json.Unmarshal([]byte(text), &ask); err != nil {
		panic(err)
	}
	var out answer
	if ask.Guarded {
		out = guardedSleep()
	} else {
		s, err := Start(context.Background(), Options{Dir: ask.Dir, moved: ask.Moved})
		if err != nil {
			out.Error = err.Error()
		} else {
			defer s.Close()
			out = answer{URL: s.URL(), Home: s.Home(), PID: s.PID()}
		}
	}
	_ = json.NewEncoder(os.Stdout).Encode(out)
	_, _ = io.Copy(io.Discard, os.Stdin) // until told to go, or killed
}

// launcher is a launcher in a process of its own.
type launcher struct {
	answer
	cmd   *exec.Cmd
	stdin io.Closer
}

// launch runs a launcher, as another user when uid is not -1.
func launch(t *testing.T, ask request, uid int) *launcher {
	t.Helper()
	text, err := json.Marshal(ask)
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(program)
	if uid >= 0 {
		cmd = exec.Command(copyProgram(t, program))
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}}
	}
	cmd.Dir = "/"
	cmd.Env = append(os.Environ(), helperEnv+"="+string(text))
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	l := &launcher{cmd: cmd, stdin: stdin}
	t.Cleanup(l.end)
	line, err := bufio.NewReader(stdout).ReadBytes('\n')
	if err != nil {
		t.Fatalf("the launcher said nothing: %v", err)
	}
	if err := json.Unmarshal(line, &l.answer); err != nil {
		t.Fatal(err)
	}
	return l
}

// end lets the launcher stop its server and go.
func (l *launcher) end() {
	_ = l.stdin.Close()
	_ = l.cmd.Wait()
}

// kill ends the launcher as a crash would.
func (l *launcher) kill() {
	_ = l.cmd.Process.Kill()
	_ = l.cmd.Wait()
}

// copyProgram puts the test binary where every user can run it.
func copyProgram(t *testing.T, program string) string {
	t.Helper()
	text, err := os.ReadFile(program)
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(openDir(t), "launcher")
	if err := os.WriteFile(path, text, 0o755); err != nil {
		t.Fatal(err)
	}
	return path
}

// openDir is t.TempDir that every user can enter, as a project under an ordinary root would be.
func openDir(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, d := range []string{filepath.Dir(dir), dir} {
		if err := os.Chmod(d, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// needPostgres skips where there is no PostgreSQL to launch; on CI that is a failure.
func needPostgres(t *testing.T) {
	t.Helper()
	who, err := accountFor(t.TempDir() + "/none")
	if err == nil {
		_, err = (finder{folders: installFolders, who: who}).find(t.Context(), 0)
	}
	switch {
	case err == nil:
	case os.Getenv("CI") != "":
		t.Fatal(err)
	default:
		t.Skip(err)
	}
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can become other users")
	}
}

// quick are settings for clusters that nobody will miss.
func quick(dir string) Options {
	return Options{Dir: dir, Settings: map[string]string{"fsync": "off"}, Logger: slog.New(slog.DiscardHandler)}
}

func mustStart(t *testing.T, opts Options) *Server {
	t.Helper()
	s, err := Start(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

func mustClose(t *testing.T, s *Server) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
}

// mustExec runs one statement over a connection of its own.
func mustExec(t *testing.T, url, sql string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	if _, err := conn.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

// wantRows counts the rows of the table that the tests use.
func wantRows(t *testing.T, url string, want int) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	var got int
	if err := conn.QueryRow(t.Context(), "SELECT count(*) FROM kept").Scan(&got); err != nil {
		t.Fatal(err)
	}
	if got != want {
		t.Errorf("rows = %d, want %d", got, want)
	}
}

// wantGone waits until the process no longer works.
func wantGone(t *testing.T, what string, running func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if !poll(ctx, func() bool { return !running() }) {
		t.Fatalf("%s still runs", what)
	}
}

// snapshot lists every file below dir with size, mode, owner and time of change, to show that nothing was touched.
func snapshot(t *testing.T, dir string) string {
	t.Helper()
	var text strings.Builder
	err := filepath.WalkDir(dir, func(path string, _ os.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := os.Lstat(path)
		if err != nil {
			return err
		}
		uid, _, err := owner(path)
		fmt.Fprintln(&text, path, info.Size(), info.Mode(), uid, info.ModTime().UnixNano())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return text.String()
}

func guardedSleep() answer {
	cmd := exec.Command("/bin/sleep", "60")
	if _, err := startGuarded(cmd); err != nil {
		return answer{Error: err.Error()}
	}
	return answer{PID: cmd.Process.Pid, URL: runtime.GOOS}
}
