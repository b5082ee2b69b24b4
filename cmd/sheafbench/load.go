package main

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// question is a request with what there is to know about it.
type question struct {
	wire  []byte // the request as it is sent
	want  int    // status of the answer
	about int    // what is asked for; its meaning is between who asks and who checks
}

// asking makes the n-th request of one connection.
type asking func(connection, n int) question

// check looks at a sampled answer and says what is wrong with it.
type check func(q question, a answer) error

// sampleEvery is how often an answer is looked at while measuring; of the others only the status is.
const sampleEvery = 64

// load says how much is asked, and how much of the answers is looked at.
type load struct {
	connections int
	duration    time.Duration // 0 is until all is asked
	requests    int64         // 0 is without end
	every       int           // 1 checks every answer; 0 is sampleEvery
}

// slice is what one turn of a variant measured.
type slice struct {
	elapsed   time.Duration
	latencies []time.Duration
	cpu       time.Duration
	database  time.Duration
}

func (s *slice) add(other slice) {
	s.elapsed += other.elapsed
	s.cpu += other.cpu
	s.database += other.database
	s.latencies = append(s.latencies, other.latencies...)
}

// hit sends requests over connections in a closed loop.
// It fails with the first answer of another status than the question wants, or that check refuses.
func hit(ctx context.Context, addr string, l load, ask asking, verify check) (slice, error) {
	if l.duration > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, l.duration)
		defer cancel()
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var asked atomic.Int64
	var all slice
	var failed error
	began := time.Now()
	for c := range l.connections {
		wg.Go(func() {
			more := func() bool { return ctx.Err() == nil && (l.requests == 0 || asked.Add(1) <= l.requests) }
			took, err := loop(addr, c, l.every, more, ask, verify)
			mu.Lock()
			defer mu.Unlock()
			all.latencies = append(all.latencies, took...)
			if failed == nil {
				failed = err
			}
		})
	}
	wg.Wait()
	all.elapsed = time.Since(began)
	return all, failed
}

// loop asks over one connection as long as there is more to ask.
func loop(addr string, connection, every int, more func() bool, ask asking, verify check) ([]time.Duration, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	if every == 0 {
		every = sampleEvery
	}
	in := newAnswers(conn)
	var took []time.Duration
	for n := 0; more(); n++ {
		q := ask(connection, n)
		sampled := verify != nil && n%every == 0
		began := time.Now()
		if _, err := conn.Write(q.wire); err != nil {
			return took, err
		}
		a, err := in.next(sampled, q.want)
		if err != nil {
			return took, err
		}
		took = append(took, time.Since(began))
		if a.status != q.want {
			return took, fmt.Errorf("status %d, want %d: %.300s", a.status, q.want, a.body)
		}
		if sampled {
			if err := verify(q, a); err != nil {
				return took, fmt.Errorf("wrong answer: %w", err)
			}
		}
	}
	return took, nil
}

// get asks for what is at a path.
func get(path string) []byte {
	return []byte("GET " + path + " HTTP/1.1\r\nHost: bench\r\n\r\n")
}

// getUnless asks for what is at a path unless it has a tag.
func getUnless(path, tag string) []byte {
	return []byte("GET " + path + " HTTP/1.1\r\nHost: bench\r\nIf-None-Match: " + tag + "\r\n\r\n")
}

// send sends a body.
func send(method, path string, body []byte) []byte {
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", method, path, len(body))
	return append(append(make([]byte, 0, len(head)+len(body)), head...), body...)
}
