package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// resident is the most memory that a process may come to in these tests, in bytes: with thousands of connections and requests it takes less than half of it.
const resident = 1 << 30

// needFiles skips a test on a machine that does not let a process have so many open files.
func needFiles(t *testing.T, n uint64) {
	t.Helper()
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil {
		t.Fatal(err)
	}
	if limit.Cur < n {
		t.Skipf("%d open files are allowed, and this takes %d", limit.Cur, n)
	}
}

// many is a client with a connection for each request that runs at once.
func many(t *testing.T) *http.Client {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 10_000}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// burst sends so many writes at once, each of a document of its own, and tells what became of each.
type burst struct {
	url    string
	client *http.Client
	all    sync.WaitGroup

	refused atomic.Int64
	mu      sync.Mutex
	// stored and left are the documents whose writes were acknowledged, and whose callers left; the others were refused.
	stored, left map[string]bool
}

func (b *burst) send(ctx context.Context, t *testing.T, from, to int) {
	t.Helper()
	for i := from; i < to; i++ {
		b.all.Go(func() {
			name := fmt.Sprintf("d%05d", i)
			request, err := http.NewRequestWithContext(ctx, http.MethodPut, b.url+"/v1/collections/books/documents/"+name, strings.NewReader(`{"title": "`+name+`"}`))
			if err != nil {
				t.Error(err)
				return
			}
			request.Header.Set("Content-Type", "application/json")
			response, err := b.client.Do(request)
			b.mu.Lock()
			defer b.mu.Unlock()
			if err != nil {
				if ctx.Err() == nil {
					t.Error(err)
				}
				b.left[name] = true
				return
			}
			defer func() { _ = response.Body.Close() }()
			text, err := io.ReadAll(response.Body)
			switch {
			case err == nil && response.StatusCode == http.StatusCreated:
				b.stored[name] = true
			case err == nil && response.StatusCode == http.StatusServiceUnavailable && response.Header.Get("Retry-After") == "1" && strings.Contains(string(text), `"write.queueFull"`):
				b.refused.Add(1)
			default:
				t.Errorf("%s: got %s %s, %v", name, response.Status, text, err)
			}
		})
	}
}

// While the database stands still and far more is written than may wait, what is too much is refused at once, and everything else goes on: reads, health, and, as soon as the database
// does, the writes that waited. Callers that left meanwhile do no harm to those beside them.
func TestWhole_Overload(t *testing.T) {
	t.Parallel()
	const (
		waiting = 4096 // batches that may wait, as the documentation has it
		merged  = 2 * 256
		sent    = waiting + merged + 1500
		leaving = 500
	)
	if testing.Short() {
		t.Skip("it is about amounts and times, and the race detector multiplies them")
	}
	needFiles(t, sent+500)
	database := migrated.Open(t)
	p := startProcess(t, whole, "serve", "--http-addr=127.0.0.1:0", "--postgres-url="+database)
	url := listening(t, p)
	mustAsk(t, http.MethodPut, url+"/v1/collections/books", books, http.StatusCreated)
	mustAsk(t, http.MethodPut, url+"/v1/collections/books/documents/emma", `{"title": "Emma"}`, http.StatusCreated)

	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	block := func(statement string) {
		t.Helper()
		if _, err := conn.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	block(`BEGIN; LOCK TABLE public.buckets IN SHARE MODE`)
	b := &burst{url: url, client: many(t), stored: map[string]bool{}, left: map[string]bool{}}
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	b.send(ctx, t, 0, leaving)
	b.send(t.Context(), t, leaving, sent)
	eventually(t, "what is too much was refused", func() bool { return b.refused.Load() >= sent-waiting-merged })
	began := time.Now()
	mustAsk(t, http.MethodGet, url+"/livez", "", http.StatusOK)
	mustAsk(t, http.MethodGet, url+"/readyz", "", http.StatusOK)
	mustAsk(t, http.MethodGet, url+"/v1/collections/books/documents/emma", "", http.StatusOK)
	mustAsk(t, http.MethodGet, url+"/v1/collections/books/documents?pageSize=1", "", http.StatusOK)
	got := send(t, url, "PUT /v1/collections/books/documents/late", `{"title": "late"}`).want(t, http.StatusServiceUnavailable, "Retry-After: 1")
	if !strings.Contains(got.body, `"write.queueFull"`) {
		t.Errorf("got %s", got.body)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("five requests took %s", took)
	}
	if bytes := metric(t, url, "process_resident_memory_bytes"); bytes > resident {
		t.Errorf("%.0f MiB are resident", bytes/(1<<20))
	}
	leave()
	eventually(t, "some have left", func() bool {
		b.mu.Lock()
		defer b.mu.Unlock()
		return len(b.left)+int(b.refused.Load()) >= leaving
	})
	block(`COMMIT`)
	began = time.Now()
	b.all.Wait()
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("%d writes that waited took %s", len(b.stored), took)
	}
	mustAsk(t, http.MethodPut, url+"/v1/collections/books/documents/after", `{"title": "after"}`, http.StatusCreated)
	if n := metric(t, url, "sheaf_postgres_queued_batches"); n != 0 {
		t.Errorf("%.0f wait", n)
	}
	t.Logf("%d stored, %d refused, %d left", len(b.stored), b.refused.Load(), len(b.left))

	found := map[string]bool{}
	for _, id := range ids(t, url, "books") {
		found[id] = true
	}
	for name := range b.stored {
		if !found[name] {
			t.Errorf("%s was acknowledged and is lost", name)
		}
	}
	for name := range found {
		if name != "emma" && name != "after" && !b.stored[name] && !b.left[name] {
			t.Errorf("%s was refused and is there", name)
		}
	}
}

// listening is where a process listens whose log has errors only: it says so by answering.
func listening(t *testing.T, p *process) string {
	t.Helper()
	return fmt.Sprint("http://", p.await("listening")["addr"])
}

// Thousands of connections that send nothing, or the beginning of a request, take a bounded amount of memory, hinder nobody, and are ended.
func TestWhole_IdleConnections(t *testing.T) {
	t.Parallel()
	const connections = 5000
	needFiles(t, connections+500)
	p := startProcess(t, whole, "serve", "--http-addr=127.0.0.1:0", "--postgres-url="+migrated.Open(t), "--http-read-header-timeout=12s")
	url := listening(t, p)
	mustAsk(t, http.MethodPut, url+"/v1/collections/books", books, http.StatusCreated)
	before := metric(t, url, "process_resident_memory_bytes")
	files := metric(t, url, "process_open_fds")
	var ended sync.WaitGroup
	for i := range connections {
		conn, err := net.Dial("tcp", strings.TrimPrefix(url, "http://"))
		if err != nil {
			t.Fatal(err)
		}
		if i%2 == 1 {
			if _, err := io.WriteString(conn, "GET /v1/collections HTTP/1.1\r\nHost: localhost\r\nX-Begun: "); err != nil {
				t.Fatal(err)
			}
		}
		ended.Go(func() {
			defer func() { _ = conn.Close() }()
			_ = conn.SetReadDeadline(time.Now().Add(30 * time.Second))
			answer, err := io.ReadAll(conn)
			if err != nil || i%2 == 0 && len(answer) > 0 {
				t.Errorf("connection %d ends with %q, %v", i, answer, err)
			}
		})
	}
	const own = 32 // files of the process itself come and go, such as its connections to the database
	eventually(t, "all are taken", func() bool { return metric(t, url, "process_open_fds") >= files+connections-own })
	began := time.Now()
	for i := range 20 {
		mustAsk(t, http.MethodPut, fmt.Sprintf("%s/v1/collections/books/documents/d%d", url, i), `{"title": "x"}`, http.StatusCreated)
	}
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("20 requests beside them took %s", took)
	}
	each := (metric(t, url, "process_resident_memory_bytes") - before) / connections
	t.Logf("%.1f KiB a connection", each/1024)
	if each > 64<<10 {
		t.Errorf("a connection takes %.0f KiB", each/1024)
	}
	ended.Wait()
	eventually(t, "nothing is left of them", func() bool { return metric(t, url, "process_open_fds") < files+100 })
}

// Profiles are served where pprof.addr says, and nowhere else.
func TestWhole_Profiles(t *testing.T) {
	t.Parallel()
	database := migrated.Open(t)
	url, _ := startWhole(t, database)
	mustAsk(t, http.MethodGet, url+"/debug/pprof/", "", http.StatusNotFound)
	p := startProcess(t, whole, "serve", "--http-addr=127.0.0.1:0", "--postgres-url="+database, "--pprof-addr=127.0.0.1:0")
	mustAsk(t, http.MethodGet, listening(t, p)+"/debug/pprof/", "", http.StatusNotFound)
	profiles := fmt.Sprint("http://", p.await("profiles")["addr"])
	if got := mustAsk(t, http.MethodGet, profiles+"/debug/pprof/goroutine?debug=1", "", http.StatusOK); !strings.HasPrefix(got, "goroutine profile: total ") {
		t.Errorf("got %.100q", got)
	}
	mustAsk(t, http.MethodGet, profiles+"/v1/collections", "", http.StatusNotFound)
}

// health is what /readyz says of a check.
func health(t *testing.T, url, check string) (status, of string) {
	t.Helper()
	var told struct {
		Status string
		Checks []struct{ Name, Status string }
	}
	if err := json.Unmarshal([]byte(mustAsk(t, http.MethodGet, url+"/readyz", "", http.StatusOK)), &told); err != nil {
		t.Fatal(err)
	}
	for _, c := range told.Checks {
		if c.Name == check {
			of = c.Status
		}
	}
	return told.Status, of
}
