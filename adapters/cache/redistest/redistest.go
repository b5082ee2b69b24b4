// Package redistest gives tests a Redis of their own, which they may kill and start again.
//
// Where there is no redis-server to start, a test is skipped; with CI set it fails.
package redistest

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// Server is a Redis on a socket of a test's own. Its methods are called by one goroutine.
type Server struct {
	tb  testing.TB
	dir string
	cmd *exec.Cmd
}

// startTimeout bounds the start, which takes some tens of milliseconds.
const startTimeout = 20 * time.Second

// Start starts a server, which ends with the test.
func Start(tb testing.TB) *Server {
	tb.Helper()
	if _, err := exec.LookPath("redis-server"); err != nil {
		if os.Getenv("CI") == "" {
			tb.Skip("there is no redis-server")
		}
		tb.Fatal("there is no redis-server; tools/setup.sh redis installs it")
	}
	dir, err := os.MkdirTemp("", "sheaf-redis-") //nolint:usetesting // the path of a socket must be short
	if err != nil {
		tb.Fatal(err)
	}
	s := &Server{tb: tb, dir: dir}
	tb.Cleanup(func() {
		s.Kill()
		if err := os.RemoveAll(dir); err != nil {
			tb.Error(err)
		}
	})
	s.Restart()
	return s
}

// URL is what the server is reached at.
func (s *Server) URL() string { return "unix://" + s.socket() }

func (s *Server) socket() string { return filepath.Join(s.dir, "redis.sock") }

// Kill ends the server at once, if it runs: what it was not told to save is gone.
func (s *Server) Kill() {
	s.tb.Helper()
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Kill()
	_ = s.cmd.Wait()
	s.cmd = nil
}

// Restart starts the server, with what it saved last, and returns when it answers. One that runs is killed first.
func (s *Server) Restart() {
	s.tb.Helper()
	s.Kill()
	// Not the test's context: a server may be needed while the test cleans up.
	s.cmd = exec.CommandContext(context.Background(), "redis-server", "--port", "0", "--unixsocket", s.socket(), "--dir", s.dir, "--save", "", "--appendonly", "no")
	if err := s.cmd.Start(); err != nil {
		s.cmd = nil
		s.tb.Fatal(err)
	}
	client := s.Client()
	for end := time.Now().Add(startTimeout); ; time.Sleep(2 * time.Millisecond) {
		err := client.Ping(context.Background()).Err()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			s.tb.Fatalf("redis-server does not answer: %v", err)
		}
	}
}

// Freeze stops the server in the middle of whatever it does, and Thaw lets it go on: in between it takes connections and does not answer.
func (s *Server) Freeze() { s.signal(syscall.SIGSTOP) }

// Thaw ends a Freeze.
func (s *Server) Thaw() { s.signal(syscall.SIGCONT) }

func (s *Server) signal(what os.Signal) {
	s.tb.Helper()
	if err := s.cmd.Process.Signal(what); err != nil {
		s.tb.Fatal(err)
	}
}

// Client returns a client of the server, which is closed when the test ends.
func (s *Server) Client() *redis.Client {
	client := redis.NewClient(&redis.Options{Network: "unix", Addr: s.socket(), MaxRetries: -1})
	s.tb.Cleanup(func() { _ = client.Close() })
	return client
}
