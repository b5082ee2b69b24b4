package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sheafdb/sheaf/adapters/postgres/pglocal"
)

// stage is everything that a measurement stands on.
type stage struct {
	options
	dir      string
	database *pglocal.Server
	sheaf    *target
	http     *target
	pgx      *target
	conn     *pgx.Conn
	filled   bool         // with the documents that are read
	scaled   map[int]bool // sizes of collections that are filled
}

// target is a server as a process of its own.
type target struct {
	addr  string
	cmd   *exec.Cmd
	stop  func()
	spent time.Duration // the processor time of processes before this one
}

// openStage starts the database and the servers.
func openStage(ctx context.Context, o options) (s *stage, err error) {
	s = &stage{options: o, scaled: map[int]bool{}}
	defer func() {
		if err != nil {
			s.close()
		}
	}()
	if s.dir, err = os.MkdirTemp("", "sheafbench-"); err != nil {
		return s, err
	}
	if err = os.Chmod(s.dir, 0o711); err != nil { // a server that does not run as root has to pass
		return s, err
	}
	if s.database, err = pglocal.Start(ctx, pglocal.Options{Dir: filepath.Join(s.dir, "postgres")}); err != nil {
		return s, err
	}
	url := s.database.URL()
	if s.conn, err = pgx.Connect(ctx, url); err != nil {
		return s, err
	}
	if _, err = s.conn.Exec(ctx, baselineSetup); err != nil {
		return s, err
	}
	self, err := os.Executable()
	if err != nil {
		return s, err
	}
	if s.http, err = startBaseline(self, "baseline-http"); err != nil {
		return s, err
	}
	if s.pgx, err = startBaseline(self, "baseline-pgx", url); err != nil {
		return s, err
	}
	addr, err := freeAddress()
	if err != nil {
		return s, err
	}
	s.sheaf, err = s.startSheaf(ctx, addr)
	return s, err
}

// beside runs another Sheaf server on the same database, with settings of its own, for as long as do takes. It has no background work.
func (s *stage) beside(ctx context.Context, flags []string, do func(*target) error) error {
	addr, err := freeAddress()
	if err != nil {
		return err
	}
	t, err := s.startSheaf(ctx, addr, append([]string{"--roles", "configuration,store"}, flags...)...)
	if err != nil {
		return err
	}
	defer t.stop()
	return do(t)
}

// restartSheaf kills the server as a crash would, and starts it again at the same address.
func (s *stage) restartSheaf(ctx context.Context) error {
	if err := s.sheaf.cmd.Process.Kill(); err != nil {
		return err
	}
	_ = s.sheaf.cmd.Wait() // it says that the process was killed
	ended := s.sheaf.cmd.ProcessState
	again, err := s.startSheaf(ctx, s.sheaf.addr)
	if err == nil {
		again.spent = s.sheaf.spent + ended.UserTime() + ended.SystemTime()
		s.sheaf = again
	}
	return err
}

func startBaseline(self string, args ...string) (*target, error) {
	cmd := exec.Command(self, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	addr, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, err
	}
	return &target{addr: strings.TrimSpace(addr), cmd: cmd, stop: func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }}, nil
}

func (s *stage) startSheaf(ctx context.Context, addr string, flags ...string) (*target, error) {
	program, err := filepath.Abs(s.server)
	if err != nil {
		return nil, err
	}
	log, err := os.CreateTemp(s.dir, "sheaf-*.log")
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, append([]string{"serve", "--postgres-url", s.database.URL(), "--postgres-migrate", "auto", "--auth-mode", "none",
		"--http-addr", addr, "--log-level", "warn"}, flags...)...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, log, log
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	t := &target{addr: addr, cmd: cmd, stop: func() { _ = cmd.Process.Signal(os.Interrupt); _ = cmd.Wait(); _ = log.Close() }}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		response, err := http.Get("http://" + addr + "/readyz")
		if err == nil {
			_ = response.Body.Close()
			if response.StatusCode == http.StatusOK {
				return t, nil
			}
		}
		if time.Now().After(deadline) || ctx.Err() != nil {
			t.stop()
			text, _ := os.ReadFile(log.Name())
			return nil, fmt.Errorf("the server does not become ready: %s", bytes.TrimSpace(text))
		}
	}
}

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String(), nil
}

func (s *stage) close() {
	for _, t := range []*target{s.sheaf, s.pgx, s.http} {
		if t != nil {
			t.stop()
		}
	}
	if s.conn != nil {
		_ = s.conn.Close(context.Background())
	}
	if s.database != nil {
		_ = s.database.Close()
	}
	if s.dir != "" {
		_ = os.RemoveAll(s.dir)
	}
}

// scrape reads the metrics of a Sheaf server.
func scrape(ctx context.Context, t *target) (counters, error) {
	text, err := callAt(ctx, t, "GET", "/metrics", "", nil, 200)
	found := counters{}
	for line := range strings.Lines(string(text)) {
		at := strings.LastIndexByte(line, ' ')
		if at < 0 || line[0] == '#' {
			continue
		}
		if value, err := strconv.ParseFloat(strings.TrimSpace(line[at:]), 64); err == nil {
			found[line[:at]] = value
		}
	}
	return found, err
}

// call sends one request to the Sheaf server, outside of what is measured.
func (s *stage) call(ctx context.Context, method, path, contentType string, body []byte, want ...int) ([]byte, error) {
	return callAt(ctx, s.sheaf, method, path, contentType, body, want...)
}

func callAt(ctx context.Context, t *target, method, path, contentType string, body []byte, want ...int) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://"+t.addr+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", contentType)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	for _, status := range want {
		if response.StatusCode == status {
			return answer, nil
		}
	}
	return nil, fmt.Errorf("%s %s: status %d: %s", method, path, response.StatusCode, answer)
}
