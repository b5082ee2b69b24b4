package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"
)

// request makes the n-th request of one connection, as its bytes on the wire.
type request func(connection, n int) []byte

// check looks at a sampled answer and says what is wrong with it.
type check func(status int, body []byte) error

// sampleEvery is how often an answer is looked at while measuring; the others are only read.
const sampleEvery = 64

// slice is what one turn of a variant measured.
type slice struct {
	requests  int
	elapsed   time.Duration
	latencies []time.Duration
	cpu       time.Duration
	database  time.Duration
}

// hit sends requests over connections in a closed loop for the duration.
// It fails with the first answer of a status other than want, or that check refuses.
func hit(ctx context.Context, addr string, connections int, duration time.Duration, want int, render request, verify check) (slice, error) {
	ctx, cancel := context.WithTimeout(ctx, duration)
	defer cancel()
	var wg sync.WaitGroup
	var mu sync.Mutex
	var all slice
	var failed error
	began := time.Now()
	for c := range connections {
		wg.Go(func() {
			one, err := loop(ctx, addr, c, want, render, verify)
			mu.Lock()
			defer mu.Unlock()
			all.requests += len(one)
			all.latencies = append(all.latencies, one...)
			if failed == nil {
				failed = err
			}
		})
	}
	wg.Wait()
	all.elapsed = time.Since(began)
	return all, failed
}

func loop(ctx context.Context, addr string, connection, want int, render request, verify check) ([]time.Duration, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close() }()
	in := bufio.NewReaderSize(conn, 64<<10)
	var took []time.Duration
	for n := 0; ctx.Err() == nil; n++ {
		out := render(connection, n)
		began := time.Now()
		if _, err := conn.Write(out); err != nil {
			return took, err
		}
		response, err := http.ReadResponse(in, nil)
		if err != nil {
			return took, err
		}
		if n%sampleEvery == 0 || response.StatusCode != want {
			body, err := io.ReadAll(response.Body)
			took = append(took, time.Since(began))
			if err != nil {
				return took, err
			}
			if response.StatusCode != want {
				return took, fmt.Errorf("status %d, want %d: %s", response.StatusCode, want, bytes.TrimSpace(body))
			}
			if verify != nil {
				if err := verify(response.StatusCode, body); err != nil {
					return took, err
				}
			}
			continue
		}
		if _, err := io.Copy(io.Discard, response.Body); err != nil {
			return took, err
		}
		took = append(took, time.Since(began))
	}
	return took, nil
}

// get and send render requests.
func get(path string) []byte {
	return fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: bench\r\n\r\n", path)
}

func send(method, path string, body []byte) []byte {
	return fmt.Appendf(nil, "%s %s HTTP/1.1\r\nHost: bench\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", method, path, len(body), body)
}

// contender is a variant of a workload.
type contender struct {
	name   string
	target *target
	want   int
	make   request
	verify check
}

// race lets the variants take turns and returns a row for each; the ratio is to base.
func race(ctx context.Context, s *stage, workload string, connections int, base string, contenders ...contender) ([]result, error) {
	for _, c := range contenders { // warm up
		if _, err := hit(ctx, c.target.addr, connections, s.slice/2, c.want, c.make, c.verify); err != nil {
			return nil, fmt.Errorf("%s: %w", c.name, err)
		}
	}
	sums := make([]slice, len(contenders))
	for round := range s.rounds {
		for i := range contenders {
			k := (i + round) % len(contenders)
			c := contenders[k]
			before, database := c.target.cpu(), s.databaseCPU()
			one, err := hit(ctx, c.target.addr, connections, s.slice, c.want, c.make, c.verify)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", c.name, err)
			}
			sums[k].requests += one.requests
			sums[k].elapsed += one.elapsed
			sums[k].cpu += c.target.cpu() - before
			sums[k].database += s.databaseCPU() - database
			sums[k].latencies = append(sums[k].latencies, one.latencies...)
		}
	}
	rows := make([]result, len(contenders))
	var basis float64
	for i, c := range contenders {
		slices.Sort(sums[i].latencies)
		n := len(sums[i].latencies)
		rows[i] = result{
			Workload:    workload,
			Variant:     c.name,
			PerSecond:   float64(sums[i].requests) / sums[i].elapsed.Seconds(),
			P50Micro:    micros(sums[i].latencies[n/2]),
			P99Micro:    micros(sums[i].latencies[n*99/100]),
			CPUMicro:    micros(sums[i].cpu) / float64(sums[i].requests),
			DBMicro:     micros(sums[i].database) / float64(sums[i].requests),
			ResidentMiB: c.target.residentMiB(),
		}
		if c.name == base {
			basis = score(rows[i], connections)
		}
	}
	for i := range rows {
		if rows[i].Variant != base {
			rows[i].Base, rows[i].Ratio = base, score(rows[i], connections)/basis
		}
	}
	return rows, nil
}

// score is what is compared: throughput, and with one client the latency.
func score(r result, connections int) float64 {
	if connections == 1 {
		return r.P50Micro
	}
	return r.PerSecond
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }
