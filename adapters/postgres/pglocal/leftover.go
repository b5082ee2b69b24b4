package pglocal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// pidName is PostgreSQL's own lock file: the first line is the server's process id, the fifth the folder of its socket.
const pidName = "postmaster.pid"

// leftover is what an earlier launcher, gone without a goodbye, may have left on a data directory. The caller holds the
// directory's lock, so whatever runs there belongs to nobody any more.
type leftover struct {
	data   string
	wait   time.Duration
	logger *slog.Logger
}

// clear stops servers that still run on the directory, cleanly if they let it, and removes a process id file that would
// keep PostgreSQL from starting although its process id now belongs to something else. The file of a dead process stays:
// PostgreSQL takes it over by itself and makes checks of its own on the way. Nothing is removed while a server lives.
func (l leftover) clear(ctx context.Context) error {
	lines, err := readLines(filepath.Join(l.data, pidName))
	if errors.Is(err, fs.ErrNotExist) {
		lines = nil
	} else if err != nil {
		return err
	}
	pid := 0
	if len(lines) > 0 {
		pid, _ = strconv.Atoi(lines[0]) // not a number: PostgreSQL says so better than we could
	}
	if pid < 0 {
		pid = -pid // a single-user session writes it negative
	}
	if pid > 0 && servesFrom(pid, l.data) {
		l.logger.Warn("stopping the server of an earlier run", slog.Int("pid", pid), slog.String("data", l.data))
		if err := l.stop(ctx, pid, syscall.SIGINT, syscall.SIGQUIT); err != nil {
			return err
		}
	}
	// Sessions outlive a server that was killed, until they look up from their work; PostgreSQL does not start beside them.
	for _, child := range serversOn(l.data) {
		if err := l.stop(ctx, child, syscall.SIGQUIT); err != nil {
			return err
		}
	}
	if len(lines) > 4 {
		removeSocketDir(lines[4])
	}
	if pid == 0 || errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
		return nil
	}
	err = os.Remove(filepath.Join(l.data, pidName))
	if err == nil {
		l.logger.Warn("removed the process id file of a server that is gone", slog.Int("pid", pid), slog.String("data", l.data))
	} else if errors.Is(err, fs.ErrNotExist) {
		err = nil // the server that was stopped above took it along
	}
	return err
}

// stop sends the signals in turn, waiting after each, until the process no longer serves the directory.
func (l leftover) stop(ctx context.Context, pid int, signals ...syscall.Signal) error {
	for _, signal := range signals {
		if err := syscall.Kill(pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("stop process %d, which uses %s: %w", pid, l.data, err)
		}
		waiting, cancel := context.WithTimeout(ctx, l.wait)
		gone := poll(waiting, func() bool { return !servesFrom(pid, l.data) })
		cancel()
		if gone {
			return nil
		}
	}
	return refuse(ErrInUse, "process %d, left by an earlier run, uses %s and does not stop: end it first", pid, l.data)
}

// pollEvery is how often a state that nobody announces is looked at: often enough not to be felt, seldom enough not to cost.
const pollEvery = 20 * time.Millisecond

// poll asks until the answer is yes, and reports false when ctx ends before.
func poll(ctx context.Context, yes func() bool) bool {
	tick := time.NewTicker(pollEvery)
	defer tick.Stop()
	for !yes() {
		select {
		case <-ctx.Done():
			return false
		case <-tick.C:
		}
	}
	return true
}

func readLines(path string) ([]string, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var lines []string
	for line := range bytes.Lines(text) {
		lines = append(lines, string(bytes.TrimSpace(line)))
	}
	return lines, nil
}
