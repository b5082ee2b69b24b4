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

// clockTicks is the unit of the times in /proc/PID/stat, per second; Linux has had 100 on every platform for user space (proc(5)).
const clockTicks = 100

// stage is everything that a measurement stands on.
type stage struct {
	options
	dir      string
	database *pglocal.Server
	sheaf    *target
	http     *target
	pgx      *target
	conn     *pgx.Conn
	filled   bool // with the documents that are read
}

// target is a server as a process of its own.
type target struct {
	addr string
	cmd  *exec.Cmd
	stop func()
}

// openStage starts the database and the servers.
func openStage(ctx context.Context, o options) (s *stage, err error) {
	s = &stage{options: o}
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
	s.sheaf, err = startSheaf(ctx, o.server, s.dir, url, addr)
	return s, err
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

func startSheaf(ctx context.Context, program, dir, url, addr string) (*target, error) {
	program, err := filepath.Abs(program)
	if err != nil {
		return nil, err
	}
	log, err := os.Create(filepath.Join(dir, "sheaf.log"))
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(program, "serve", "--postgres-url", url, "--postgres-migrate", "auto", "--auth-mode", "none", "--http-addr", addr, "--log-level", "warn")
	cmd.Dir, cmd.Stdout, cmd.Stderr = dir, log, log
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

// cpu returns the processor time that the server's process has used.
func (t *target) cpu() time.Duration { return processTime(t.cmd.Process.Pid, false) }

// databaseCPU returns the processor time that the database has used, all its processes together.
func (s *stage) databaseCPU() time.Duration {
	root := s.database.PID()
	all := processTime(root, true)
	children, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", root, root))
	if err != nil {
		return 0
	}
	for word := range strings.FieldsSeq(string(children)) {
		if pid, err := strconv.Atoi(word); err == nil {
			all += processTime(pid, false)
		}
	}
	return all
}

// processTime returns the processor time of a process, and if so wanted of its children that have ended (proc(5), fields 14 to 17 of stat).
func processTime(pid int, ended bool) time.Duration {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0
	}
	_, rest, _ := strings.Cut(string(text), ") ")
	fields := strings.Fields(rest)
	if len(fields) < 15 {
		return 0
	}
	counted := fields[11:13]
	if ended {
		counted = fields[11:15]
	}
	var ticks int64
	for _, field := range counted {
		n, _ := strconv.ParseInt(field, 10, 64)
		ticks += n
	}
	return time.Duration(ticks) * time.Second / clockTicks
}

// residentMiB returns the memory that the server's process holds (proc(5), field 2 of statm).
func (t *target) residentMiB() float64 {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", t.cmd.Process.Pid))
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text))
	if len(fields) < 2 {
		return 0
	}
	pages, _ := strconv.ParseInt(fields[1], 10, 64)
	return float64(pages*int64(os.Getpagesize())) / (1 << 20)
}

// call sends one request to the Sheaf server, outside of what is measured.
func (s *stage) call(ctx context.Context, method, path, contentType string, body []byte, want ...int) ([]byte, error) {
	request, err := http.NewRequestWithContext(ctx, method, "http://"+s.sheaf.addr+path, bytes.NewReader(body))
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
