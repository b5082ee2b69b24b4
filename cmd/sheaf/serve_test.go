package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// journal is a list of events in their order.
type journal struct {
	mu     sync.Mutex
	events []string
}

func (j *journal) note(event string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.events = append(j.events, event)
}

func (j *journal) want(t *testing.T, events ...string) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	if !slices.Equal(j.events, events) {
		t.Errorf("got %v, want %v", j.events, events)
	}
}

// startServe runs serve over handler until stop is called, which returns what serve returned.
func startServe(t *testing.T, handler http.Handler, note func(string), flags ...string) (addr net.Addr, stop func() error) {
	t.Helper()
	p, _, stderr := testProgram(t)
	p.wire = fakeWire(handler, note)
	return startProgram(t, p, stderr, append([]string{"serve", "--postgres-url=postgres://nowhere"}, flags...)...)
}

// startProgram runs a command that listens until stop is called, which returns what it returned.
func startProgram(t *testing.T, p *program, stderr fmt.Stringer, args ...string) (addr net.Addr, stop func() error) {
	t.Helper()
	listening := make(chan net.Addr, 1)
	p.listening = func(addr net.Addr) { listening <- addr }

	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	args = append([]string{args[0], "--http-addr=127.0.0.1:0", "--http-drain-delay=0s"}, args[1:]...)
	go func() { done <- p.run(ctx, args) }()
	stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() { _ = stop() })
	select {
	case addr = <-listening:
	case err := <-done:
		done <- err
		t.Fatalf("not listening: %v; %s", err, stderr)
	}
	return addr, stop
}

func get(t *testing.T, addr net.Addr) (int, string, error) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, fmt.Sprintf("http://%s/", addr), nil)
	if err != nil {
		t.Fatal(err)
	}
	// A client of its own: a kept connection would hold the drain.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	response, err := client.Do(request)
	if err != nil {
		return 0, "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	return response.StatusCode, string(body), err
}

// An open request ends in peace: first readiness, then the request, then what it stands on.
func TestServe_Drain(t *testing.T) {
	t.Parallel()
	var j journal
	entered, draining := make(chan struct{}), make(chan struct{})
	addr, stop := startServe(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-draining
		if r.Context().Err() != nil {
			t.Error("the request was cancelled by the signal")
		}
		_, _ = io.WriteString(w, "whole")
		j.note("answer")
	}), func(event string) {
		j.note(event)
		if event == "drain" {
			close(draining)
		}
	})

	answered := make(chan string, 1)
	go func() {
		_, body, err := get(t, addr)
		answered <- fmt.Sprint(body, err)
	}()
	<-entered
	if err := stop(); err != nil {
		t.Errorf("stopped with %v", err)
	}
	if got := <-answered; got != "whole<nil>" {
		t.Errorf("the open request got %s", got)
	}
	j.want(t, "wire", "drain", "answer", "close")
}

// A request that does not end is cancelled after the drain, and waited for before its store is closed.
func TestServe_Cut(t *testing.T) {
	t.Parallel()
	var j journal
	entered := make(chan struct{})
	addr, stop := startServe(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
		j.note("cancelled")
	}), j.note, "--http-drain-timeout=0s")

	failed := make(chan error, 1)
	go func() {
		_, _, err := get(t, addr)
		failed <- err
	}()
	<-entered
	if err := stop(); err != nil {
		t.Errorf("stopped with %v", err)
	}
	if <-failed == nil {
		t.Error("the request that was cut has an answer")
	}
	j.want(t, "wire", "drain", "cancelled", "close")
}

// What was opened is closed when a later part does not open, and the reason is one line with exit code 1.
func TestServe_Failures(t *testing.T) {
	t.Parallel()
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })

	tests := []struct {
		name   string
		flags  []string
		wire   error
		want   string
		events []string
	}{
		{name: "wire", wire: errors.New("open pool: no answer"), want: "sheaf: open pool: no answer\n"},
		{name: "port in use", flags: []string{"--http-addr=" + taken.Addr().String()}, want: "sheaf: " + taken.Addr().String() + " is in use: stop what listens there, or choose another with --http-addr\n", events: []string{"wire", "close"}},
		{name: "port of profiles in use", flags: []string{"--http-addr=127.0.0.1:0", "--pprof-addr=" + taken.Addr().String()}, want: "sheaf: open pprof.addr: ", events: []string{"wire", "close"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var j journal
			p, _, stderr := testProgram(t)
			p.wire = fakeWire(http.NotFoundHandler(), j.note)
			if test.wire != nil {
				p.wire = func(context.Context, wiring) (*service, error) { return nil, test.wire }
			}
			err := p.run(t.Context(), append([]string{"serve", "--postgres-url=postgres://nowhere"}, test.flags...))
			if code := report(err, stderr); code != 1 {
				t.Errorf("exit code %d, want 1", code)
			}
			if got := stderr.String(); !strings.HasPrefix(got, test.want) || strings.Count(got, "\n") != 1 {
				t.Errorf("got %q, want %q", got, test.want)
			}
			j.want(t, test.events...)
		})
	}
}

// Being told to stop while opening is no failure.
func TestServe_StoppedWhileOpening(t *testing.T) {
	t.Parallel()
	p, _, _ := testProgram(t)
	ctx, cancel := context.WithCancel(t.Context())
	p.wire = func(ctx context.Context, _ wiring) (*service, error) {
		cancel()
		<-ctx.Done()
		return nil, fmt.Errorf("open pool: %w", ctx.Err())
	}
	if err := p.run(ctx, []string{"serve", "--postgres-url=postgres://nowhere"}); err != nil {
		t.Errorf("got %v", err)
	}
}

func TestServe_Profiles(t *testing.T) {
	t.Parallel()
	p, _, _ := testProgram(t)
	settings := mustLoad(t, nil, nil, nil)
	parts, err := p.openTelemetry(t.Context(), settings.Settings)
	if err != nil {
		t.Fatal(err)
	}
	stop, err := serveProfiles(t.Context(), PprofSettings{Addr: "127.0.0.1:0"}, parts.Log)
	if err != nil {
		t.Fatal(err)
	}
	if err := stop(t.Context()); err != nil {
		t.Error(err)
	}
}

// A body that stops half-way fails its Read in bounded time, and the connection is given up.
func TestServe_BodyThatStops(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		handle func(r *http.Request) error
		want   error
	}{
		{name: "read", handle: func(r *http.Request) error { _, err := io.ReadAll(r.Body); return err }, want: os.ErrDeadlineExceeded},
		{name: "not read", handle: func(*http.Request) error { return nil }},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			failures := make(chan error, 1)
			addr, _ := startServe(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				failures <- test.handle(r)
				w.WriteHeader(http.StatusRequestTimeout)
			}), nil, "--http-read-timeout=100ms")

			conn := mustDial(t, addr)
			_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf")
			if got := <-failures; !errors.Is(got, test.want) {
				t.Errorf("got %v, want %v", got, test.want)
			}
			answer, err := io.ReadAll(conn) // to the end: the server closes
			if err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 408 ") {
				t.Errorf("got %q, %v", answer, err)
			}
		})
	}
}

// The bound on bodies leaves nothing behind: the next request of the connection is served, and so is one that takes longer.
func TestServe_ConnectionGoesOn(t *testing.T) {
	t.Parallel()
	addr, _ := startServe(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		select { // longer than the read timeout, with the body at its end: nothing may cut it
		case <-r.Context().Done():
			t.Error("cut while it worked")
		case <-time.After(250 * time.Millisecond):
		}
		_, _ = w.Write(body)
	}), nil, "--http-read-timeout=100ms")

	conn := mustDial(t, addr)
	answers := bufio.NewReader(conn)
	for range 2 {
		_, _ = io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello")
		response, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		if err != nil || string(body) != "hello" {
			t.Errorf("got %q, %v", body, err)
		}
		_ = response.Body.Close()
	}
}

// A client that never reads is given up, however much there is to write.
func TestServe_ClientThatNeverReads(t *testing.T) {
	t.Parallel()
	failures := make(chan error, 1)
	addr, _ := startServe(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		block := make([]byte, 1<<20)
		for {
			if _, err := w.Write(block); err != nil {
				failures <- err
				return
			}
		}
	}), nil, "--http-write-timeout=100ms")

	_, _ = io.WriteString(mustDial(t, addr), "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if err := <-failures; !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("got %v, want the end of our patience", err)
	}
}

func TestPatience(t *testing.T) {
	t.Parallel()
	p := newPatience(10*time.Second, 1000)
	steps := []struct {
		waited time.Duration
		moved  int
		left   time.Duration
	}{
		{waited: 4 * time.Second, moved: 0, left: 6 * time.Second},
		{waited: time.Second, moved: 1000, left: 6 * time.Second},            // exactly the least rate
		{waited: 0, moved: 1_000_000, left: 10 * time.Second},                // never more than the start
		{waited: 9 * time.Second, moved: 100, left: 1100 * time.Millisecond}, // a trickle runs out
		{waited: 9 * time.Second, moved: 100, left: -7800 * time.Millisecond},
	}
	for i, step := range steps {
		p.spend(step.waited, step.moved)
		if p.left != step.left {
			t.Errorf("step %d: %v left, want %v", i, p.left, step.left)
		}
	}
}

// Beyond maxConnections a connection waits, and is served when another one ends.
func TestServe_MaxConnections(t *testing.T) {
	t.Parallel()
	addr, _ := startServe(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "ok")
	}), nil, "--http-max-connections=1")

	first := mustDial(t, addr)
	_, _ = io.WriteString(first, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	if _, err := http.ReadResponse(bufio.NewReader(first), nil); err != nil {
		t.Fatal(err)
	}
	second := mustDial(t, addr)
	_, _ = io.WriteString(second, "GET / HTTP/1.1\r\nHost: x\r\n\r\n")
	_ = second.SetReadDeadline(time.Now().Add(100 * time.Millisecond))
	if n, err := second.Read(make([]byte, 1)); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("served beside the first: %d, %v", n, err)
	}
	_ = first.Close()
	_ = second.SetReadDeadline(time.Time{})
	if _, err := http.ReadResponse(bufio.NewReader(second), nil); err != nil {
		t.Error(err)
	}
}
