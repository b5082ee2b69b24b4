package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/adapters/cache/redistest"
)

// slow stands between programs and a Redis, and may let answers wait.
type slow struct {
	listener net.Listener
	server   string
	delay    atomic.Int64
	all      sync.WaitGroup

	mu    sync.Mutex
	conns []net.Conn
}

// slowly returns a way to the Redis at a socket, for as long as the test runs.
func slowly(t *testing.T, server string) *slow {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &slow{listener: listener, server: strings.TrimPrefix(server, "unix://")}
	s.all.Go(s.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		s.mu.Lock()
		for _, c := range s.conns {
			_ = c.Close()
		}
		s.mu.Unlock()
		s.all.Wait()
	})
	return s
}

func (s *slow) url() string { return "redis://" + s.listener.Addr().String() }

func (s *slow) accept() {
	for {
		client, err := s.listener.Accept()
		if err != nil {
			return
		}
		server, err := net.Dial("unix", s.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		s.mu.Lock()
		s.conns = append(s.conns, client, server)
		s.mu.Unlock()
		pump := func(to, from net.Conn, late bool) {
			defer func() { _, _ = to.Close(), from.Close() }()
			buffer := make([]byte, 64<<10)
			for {
				n, err := from.Read(buffer)
				if d := time.Duration(s.delay.Load()); late && d > 0 {
					time.Sleep(d) // what is late is the point
				}
				if _, failed := to.Write(buffer[:n]); err != nil || failed != nil {
					return
				}
			}
		}
		s.all.Go(func() { pump(server, client, false) })
		s.all.Go(func() { pump(client, server, true) })
	}
}

// A Redis that is full of something else, emptied, slow or gone costs time, and a bounded one: the answers are right all along, and /readyz tells.
func TestWhole_Redis(t *testing.T) {
	t.Parallel()
	const documents = 40
	server := redistest.Start(t)
	redis, way := server.Client(), slowly(t, server.URL())
	database := migrated.Open(t)
	start := func() string {
		t.Helper()
		url, _ := startWhole(t, database, "--redis-url="+way.url(), "--redis-timeout=50ms")
		return url
	}
	path := func(n int) string { return fmt.Sprintf("/v1/collections/books/documents/d%d", n) }
	writer := start()
	mustAsk(t, http.MethodPut, writer+"/v1/collections/books", `{}`, http.StatusCreated)
	content := make([]string, documents)
	change := func() {
		t.Helper()
		for n := range documents {
			content[n] = fmt.Sprintf(`{"n": %d, "text": "%s"}`, n, rand.Text())
			if status, text := ask(t, http.MethodPut, writer+path(n), content[n]); status != http.StatusCreated && status != http.StatusOK {
				t.Fatalf("got %d %s", status, text)
			}
		}
	}
	// check reads everything with a process that has nothing in memory, and returns it.
	check := func(what string) string {
		t.Helper()
		url := start()
		for range 2 {
			for n := range documents {
				began := time.Now()
				if got := mustAsk(t, http.MethodGet, url+path(n), "", http.StatusOK); !strings.Contains(got, content[n]) {
					t.Errorf("%s: got %s, want %s", what, got, content[n])
				}
				if took := time.Since(began); took > 2*time.Second {
					t.Errorf("%s: a read took %s", what, took)
				}
			}
			if got := send(t, url, "GET /v1/collections/books/documents/nobody", ""); got.status != http.StatusNotFound {
				t.Errorf("%s: got %d %s for what is not there", what, got.status, got.body)
			}
		}
		return url
	}
	wantHealth := func(url, status, of string) {
		t.Helper()
		eventually(t, "/readyz says "+status, func() bool {
			got, own := health(t, url, "redis")
			return got == status && own == of
		})
	}
	// wantReads waits until Redis was asked, and its answers were of some kind. A process that does not know yet what has changed asks the database.
	wantReads := func(url, result string) {
		t.Helper()
		eventually(t, "reads of Redis with "+result, func() bool {
			for n := range documents {
				mustAsk(t, http.MethodGet, url+path(n), "", http.StatusOK)
			}
			return metric(t, url, `sheaf_cache_reads_total{layer="redis",result="`+result+`"}`) > 0
		})
	}
	change()
	wantHealth(check("there"), "ok", "ok")
	eventually(t, "Redis has documents", func() bool { return len(redis.Keys(t.Context(), "sheaf:*").Val()) >= documents })
	wantReads(check("shared"), "hit")

	// Garbage under each key: noise, text of another program, and what is no text at all.
	for i, key := range redis.Keys(t.Context(), "*").Val() {
		noise := make([]byte, i*7)
		_, _ = rand.Read(noise)
		switch i % 3 {
		case 0:
			redis.Set(t.Context(), key, noise, 0)
		case 1:
			redis.Set(t.Context(), key, `{"id":"d1","revision":99,"data":{"n":"forged"}}`, 0)
		default:
			redis.Del(t.Context(), key)
			redis.LPush(t.Context(), key, noise, "x")
		}
	}
	garbled := check("garbage")
	wantReads(garbled, "foreign")
	wantHealth(garbled, "ok", "ok")

	change() // and what Redis has is old
	check("old")
	redis.FlushAll(t.Context())
	check("emptied")

	way.delay.Store(int64(3 * time.Second))
	change()
	late := check("slow")
	wantReads(late, "error")
	wantHealth(late, "degraded", "degraded")
	way.delay.Store(0)
	wantHealth(late, "ok", "ok")

	server.Kill()
	change()
	away := check("gone")
	wantHealth(away, "degraded", "degraded")
	wantHealth(writer, "degraded", "degraded")
	server.Restart()
	wantHealth(away, "ok", "ok")
	wantHealth(writer, "ok", "ok")
	change()
	eventually(t, "Redis is used again", func() bool {
		check("back")
		return len(redis.Keys(context.Background(), "sheaf:*").Val()) > 0
	})
}
