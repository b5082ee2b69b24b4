package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// asProcess makes the test binary behave as the command: hollow, with a service of no parts, or whole.
const (
	asProcess = "RUN_AS_PROCESS"
	hollow    = "hollow"
	whole     = "whole"
)

// process is the command as the operating system sees it: it has signals and can be killed.
type process struct {
	tb  testing.TB
	cmd *exec.Cmd
	log *logBook
}

// startProcess starts the command in a folder of its own with an empty environment. What is left of it when the test ends is killed.
func startProcess(t *testing.T, kind string, args ...string) *process {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // ends one that hangs
	p := &process{tb: t, cmd: exec.CommandContext(ctx, self, args...), log: new(logBook)}
	p.cmd.Env, p.cmd.Dir, p.cmd.Stderr = []string{asProcess + "=" + kind}, t.TempDir(), p.log
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cancel()
		_ = p.cmd.Wait()
	})
	return p
}

// await returns the first log line with the message, once it is there.
func (p *process) await(message string) map[string]any {
	p.tb.Helper()
	var found map[string]any
	eventually(p.tb, "the process says "+message, func() bool {
		found = p.log.find(message)
		return found != nil
	})
	return found
}

func (p *process) signal(s os.Signal) {
	p.tb.Helper()
	if err := p.cmd.Process.Signal(s); err != nil {
		p.tb.Fatal(err)
	}
}

// logBook keeps a log that is written while it is read.
type logBook struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logBook) Write(b []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(b)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func (l *logBook) find(message string) map[string]any {
	for line := range bytes.Lines([]byte(l.String())) {
		var record map[string]any
		if json.Unmarshal(line, &record) == nil && record["msg"] == message {
			return record
		}
	}
	return nil
}

// eventually waits until ok, which is asked every few milliseconds; a test fails that waits much longer than anything here takes.
func eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(3 * time.Millisecond) {
		if time.Now().After(end) {
			tb.Fatalf("it never came about that %s", what)
		}
	}
}
