package purge_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/sheafdb/sheaf"
	"github.com/sheafdb/sheaf/adapters/httpapi"
	"github.com/sheafdb/sheaf/adapters/memory"
	"github.com/sheafdb/sheaf/adapters/purge"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/schema"
	"github.com/sheafdb/sheaf/ports"
	"github.com/sheafdb/sheaf/ports/app"
)

const (
	purgeToken = "a-secret-of-the-test"
	// patience is how long the test waits for what has to come, on a machine that is busy with other things.
	patience = 30 * time.Second
)

// varnishd returns where the program is, and skips the test where it is not. With CI set that is a failure.
func varnishd(t *testing.T) string {
	t.Helper()
	modules, _ := filepath.Glob("/usr/lib/*/varnish/vmods/libvmod_xkey.so")
	for _, name := range []string{"varnishd", "/usr/sbin/varnishd"} {
		if path, err := exec.LookPath(name); err == nil && len(modules) > 0 {
			return path
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatal("there is no Varnish with its modules: tools/setup.sh varnish installs it")
	}
	t.Skip("there is no Varnish with its modules: tools/setup.sh varnish installs it")
	return ""
}

// site is a Sheaf with a Varnish before it, which is told what changes.
type site struct {
	*testing.T
	origin *httptest.Server
	url    string // of the Varnish
	client *http.Client
	sender *app.EdgePurge
	told   *told
	// held is called with each GET of the origin when its answer is made, and before it is sent.
	held atomic.Pointer[func(*http.Request)]
}

// told is an Edge that remembers how often it has been told each key, and when it was told last.
type told struct {
	ports.Edge
	mu   sync.Mutex
	keys map[string]int
	last map[string]time.Time
}

func (e *told) Purge(ctx context.Context, keys []string) error {
	if err := e.Edge.Purge(ctx, keys); err != nil {
		return err
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, key := range keys {
		e.keys[key]++
		e.last[key] = time.Now()
	}
	return nil
}

// since says whether it has been told of a document, or of its collection as a whole, at that time or later.
func (e *told) since(name, id string, at time.Time) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	return !e.last[name+"/"+id].Before(at) || !e.last[name].Before(at)
}

func (e *told) times(key string) int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.keys[key]
}

// newSite starts everything. A root key of "" is none.
func newSite(t *testing.T, rootKey string, again time.Duration) *site {
	t.Helper()
	program := varnishd(t)
	s := &site{T: t, client: &http.Client{Transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: 16}}}
	t.Cleanup(s.client.CloseIdleConnections)
	store := memory.New()
	made := atomic.Int64{}
	parts := app.Dependencies{
		Store: store, Clock: func() time.Time { return time.Now().UTC().Truncate(time.Microsecond) },
		Limits: app.Limits{Document: collection.Limits{Bytes: 1 << 20}, Schema: schema.DefaultLimits(), Scan: 10_000},
		IDs: func() ident.Document {
			id, err := ident.ParseDocument(fmt.Sprint("made", made.Add(1)))
			if err != nil {
				panic(err)
			}
			return id
		},
	}
	catalog := app.NewCatalog(store, parts.Clock, parts.Limits.Schema)
	server, err := httpapi.New(httpapi.Config{
		Collections: &app.Collections{Dependencies: parts, Catalog: catalog}, Documents: &app.Documents{Dependencies: parts, Catalog: catalog},
		Transfer: &app.Transfer{Dependencies: parts, Catalog: catalog},
		Roles:    []string{"configuration", "store"}, RootKey: rootKey, Contract: sheaf.Contract, MaxDocumentBytes: 1 << 20, MaxBodyBytes: 1 << 20,
	})
	if err != nil {
		t.Fatal(err)
	}
	var answers atomic.Int64
	s.origin = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/v1/") && r.Method == http.MethodGet {
			w.Header().Set("X-Answer", strconv.FormatInt(answers.Add(1), 10))
			if hold := s.held.Load(); hold != nil {
				made := httptest.NewRecorder()
				server.ServeHTTP(made, r)
				(*hold)(r)
				maps.Copy(w.Header(), made.Header())
				w.WriteHeader(made.Code)
				_, _ = w.Write(made.Body.Bytes())
				return
			}
		}
		server.ServeHTTP(w, r)
	}))
	t.Cleanup(s.origin.Close)
	s.url = startVarnish(t, program, s.origin.Listener.Addr().String(), rootKey)

	s.told = &told{Edge: purge.New(purge.Options{URL: s.url + "/", Form: purge.Header, Token: purgeToken, TokenHeader: "Authorization", Timeout: patience}), keys: map[string]int{}, last: map[string]time.Time{}}
	s.sender = &app.EdgePurge{Dependencies: parts, Edge: s.told, Turn: "edge", Holder: "test", Again: again}
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.sender.Run(ctx, slog.New(slog.DiscardHandler))
	}()
	t.Cleanup(func() { cancel(); <-done })
	s.await("the sender", func() bool { return s.sender.Stat().Active })
	return s
}

// startVarnish starts Varnish with the file that is shipped, and returns its URL.
func startVarnish(t *testing.T, program, origin, edgeKey string) string {
	t.Helper()
	vcl, err := os.ReadFile("../../deploy/varnish.vcl")
	if err != nil {
		t.Fatal(err)
	}
	host, port, err := net.SplitHostPort(origin)
	if err != nil {
		t.Fatal(err)
	}
	text := strings.NewReplacer(`.host = "127.0.0.1"`, `.host = "`+host+`"`, `.port = "8080"`, `.port = "`+port+`"`).Replace(string(vcl))
	dir := t.TempDir()
	file := filepath.Join(dir, "test.vcl")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	// The port is free until somebody else takes it.
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	_ = listener.Close()

	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), program, "-F", "-j", "none", "-n", filepath.Join(dir, "work"), "-f", file, "-a", addr, "-s", "malloc,64m")
	cmd.Env = append(os.Environ(), "SHEAF_PURGE_TOKEN="+purgeToken)
	if edgeKey != "" {
		cmd.Env = append(cmd.Env, "SHEAF_EDGE_KEY="+edgeKey)
	}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		<-ended
		if t.Failed() {
			t.Logf("varnishd said: %s", said.Bytes())
		}
	})
	for begun := time.Now(); ; {
		conn, err := (&net.Dialer{Timeout: time.Second}).DialContext(t.Context(), "tcp", addr)
		if err == nil {
			_ = conn.Close()
			return "http://" + addr
		}
		select {
		case <-ended:
			t.Fatalf("varnishd has ended: %s", said.Bytes())
		case <-time.After(20 * time.Millisecond):
		}
		if time.Since(begun) > patience {
			t.Fatal("varnishd does not answer")
		}
	}
}

// await waits until something has come about.
func (s *site) await(what string, done func() bool) {
	s.Helper()
	for begun := time.Now(); !done(); {
		if time.Since(begun) > patience {
			s.Fatalf("waited in vain for %s", what)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

// page is an answer that came through the Varnish.
type page struct {
	status   int
	header   http.Header
	body     string
	hit      bool
	answer   int // of the origin, counted from 1
	revision int64
}

func (s *site) send(method, url, body string, headers ...string) page {
	s.Helper()
	r, err := http.NewRequestWithContext(s.Context(), method, url, strings.NewReader(body))
	if err != nil {
		s.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Set(name, value)
	}
	response, err := s.client.Do(r)
	if err != nil {
		s.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		s.Fatal(err)
	}
	p := page{status: response.StatusCode, header: response.Header, body: string(text), hit: strings.HasSuffix(response.Header.Get("Cache-Status"), "varnish; hit")}
	p.answer, _ = strconv.Atoi(response.Header.Get("X-Answer"))
	var document struct{ Revision int64 }
	_ = json.Unmarshal(text, &document)
	p.revision = document.Revision
	return p
}

// get asks the Varnish.
func (s *site) get(path string, headers ...string) page {
	s.Helper()
	return s.send(http.MethodGet, s.url+"/v1/collections/"+path, "", headers...)
}

// put writes past the Varnish.
func (s *site) put(path, body string, headers ...string) page {
	s.Helper()
	p := s.send(http.MethodPut, s.origin.URL+"/v1/collections/"+path, body, headers...)
	if p.status != http.StatusOK && p.status != http.StatusCreated {
		s.Fatalf("put %s: %d %s", path, p.status, p.body)
	}
	return p
}

// declare makes a public collection, and waits until the cache knows that it has changed.
func (s *site) declare(name, cache string, headers ...string) {
	s.Helper()
	before := s.told.times(name)
	s.put(name, `{"cache": `+cache+`}`, headers...)
	s.await("the purge of "+name, func() bool { return s.told.times(name) > before })
}

func (s *site) want(what string, p page, status int, hit bool) page {
	s.Helper()
	if p.status != status || p.hit != hit {
		s.Fatalf("%s: %d, hit %v, %v %.200s", what, p.status, p.hit, p.header, p.body)
	}
	return p
}

// What is public is kept and forgotten piece by piece, and nothing else is kept at all.
func TestVarnish_Sharing(t *testing.T) {
	t.Parallel()
	s := newSite(t, "", time.Minute)
	s.declare("books", `{"public": true, "maxAge": "0s", "sMaxAge": "1h"}`)
	s.declare("notes", `{"maxAge": "1h"}`)
	token := s.put("books/documents/a", `{"n": 1}`).header.Get("Consistency-Token")
	s.put("books/documents/b,c d", `{"n": 1}`)
	s.put("notes/documents/a", `{"n": 1}`)
	s.await("the first purges", func() bool { return s.told.times("books/a") > 0 && s.told.times("books/b%2Cc%20d") > 0 })

	first := s.want("a public document", s.get("books/documents/a"), http.StatusOK, false)
	again := s.want("again", s.get("books/documents/a"), http.StatusOK, true)
	if again.body != first.body || again.answer != first.answer || again.header.Get("Age") == "" {
		t.Errorf("got %v %s, want %s", again.header, again.body, first.body)
	}
	for _, name := range []string{"Surrogate-Key", "Cache-Tag", "CDN-Cache-Control", "Xkey", "X-While"} {
		if again.header.Get(name) != "" {
			t.Errorf("%s: %s leaves the edge", name, again.header.Get(name))
		}
	}
	s.want("the same, known", s.get("books/documents/a", `If-None-Match: "1"`), http.StatusNotModified, true)
	s.want("the same, encoded", s.get("books/documents/a", "Accept-Encoding: gzip"), http.StatusOK, true)
	s.want("another one", s.get("books/documents/b,c%20d"), http.StatusOK, false)
	list := s.want("a list", s.get("books/documents?filter=doc.n==1"), http.StatusOK, false)
	s.want("the list again", s.get("books/documents?filter=doc.n==1"), http.StatusOK, true)
	s.want("the list, known", s.get("books/documents?filter=doc.n==1", "If-None-Match: "+list.header.Get("Etag")), http.StatusNotModified, true)
	for i := range 3 {
		for what, p := range map[string]page{
			"private": s.get("notes/documents/a"), "a private list": s.get("notes/documents"), "with a key": s.get("books/documents/a", fmt.Sprint("Authorization: Bearer ", i)),
			"with a token": s.get("books/documents/a", "Consistency-Token: "+token), "what was": s.get("books/documents/a/revisions"), "a configuration": s.get("books"),
		} {
			s.want(what, p, http.StatusOK, false)
		}
		s.want("nothing", s.get("books/documents/x"), http.StatusNotFound, false)
	}

	for _, header := range []string{"X: y", "Authorization: Bearer wrong", "Authorization: Bearer ", "Authorization: " + purgeToken} {
		s.want("a purge without the token", s.send("PURGE", s.url+"/", "", "Surrogate-Key: books", header), http.StatusForbidden, false)
	}
	s.put("books/documents/a", `{"n": 2}`)
	s.await("the purge", func() bool { return s.told.times("books/a") > 1 })
	if p := s.want("after a change", s.get("books/documents/a"), http.StatusOK, false); p.revision != 2 {
		t.Errorf("got revision %d", p.revision)
	}
	s.want("the list after a change", s.get("books/documents?filter=doc.n==1"), http.StatusOK, false)
	s.want("another one after a change", s.get("books/documents/b,c%20d"), http.StatusOK, true)
	s.declare("books", `{}`)
	for range 2 {
		s.want("what is no longer public", s.get("books/documents/b,c%20d"), http.StatusOK, false)
	}
}

// A Sheaf that asks for a key can be read through Varnish without one as far as it is public, and no further.
func TestVarnish_KeyedOrigin(t *testing.T) {
	t.Parallel()
	const rootKey = "the-key-of-the-test"
	key := "Authorization: Bearer " + rootKey
	s := newSite(t, rootKey, time.Minute)
	for _, name := range []string{"books", "notes"} {
		s.declare(name, fmt.Sprintf(`{"public": %v, "maxAge": "1h"}`, name == "books"), key)
		s.put(name+"/documents/a", `{}`, key)
	}
	token := s.put("books/documents/a", `{"n": 1}`, key).header.Get("Consistency-Token")
	s.await("the first purges", func() bool { return s.told.times("books/a") > 0 })
	s.want("public", s.get("books/documents/a"), http.StatusOK, false)
	s.want("public, again", s.get("books/documents/a"), http.StatusOK, true)
	for range 3 {
		s.want("public, with a token", s.get("books/documents/a", "Consistency-Token: "+token), http.StatusOK, false)
		s.want("private", s.get("notes/documents/a"), http.StatusUnauthorized, false)
		s.want("private, with the key", s.get("notes/documents/a", key), http.StatusOK, false)
		s.want("public, with another key", s.get("books/documents/a", key+"x"), http.StatusUnauthorized, false)
		s.want("history", s.get("books/documents/a/revisions"), http.StatusUnauthorized, false)
		s.want("a list of collections", s.get(""), http.StatusUnauthorized, false)
		s.want("a write", s.send(http.MethodPut, s.url+"/v1/collections/books/documents/a", `{}`), http.StatusUnauthorized, false)
		s.want("a forged header", s.get("notes/documents/a", "X-Edge: 1"), http.StatusUnauthorized, false)
	}
}

// While the origin is slow or away, what may be used stale is.
func TestVarnish_Stale(t *testing.T) {
	t.Parallel()
	s := newSite(t, "", time.Minute)
	s.declare("slow", `{"public": true, "sMaxAge": "1s", "staleWhileRevalidate": "1h"}`)
	s.declare("away", `{"public": true, "sMaxAge": "1s", "staleIfError": "1h"}`)
	s.declare("strict", `{"public": true, "sMaxAge": "1s"}`)
	for _, name := range []string{"slow", "away", "strict"} {
		s.put(name+"/documents/a", `{}`)
	}
	s.await("the first purges", func() bool { return s.told.times("strict/a") > 0 })
	for _, name := range []string{"slow", "away", "strict"} {
		s.want(name, s.get(name+"/documents/a"), http.StatusOK, false)
	}
	release := make(chan struct{})
	hold := func(*http.Request) { <-release }
	s.held.Store(&hold)
	s.await("an answer that is stale while the origin thinks", func() bool {
		p := s.want("slow", s.get("slow/documents/a"), http.StatusOK, true)
		age, _ := strconv.Atoi(p.header.Get("Age"))
		return age >= 2
	})
	s.held.Store(nil)
	close(release)
	s.origin.CloseClientConnections()
	s.origin.Close()
	s.want("away", s.get("away/documents/a"), http.StatusOK, true)
	if p := s.get("strict/documents/a"); p.status < http.StatusInternalServerError {
		t.Errorf("what is too old is served: %d %v", p.status, p.header)
	}
	s.want("away, again", s.get("away/documents/a"), http.StatusOK, true)
}

// An answer that was made before a change, and arrives after the first purge, is gone with the second.
func TestVarnish_InFlight(t *testing.T) {
	t.Parallel()
	s := newSite(t, "", 2*time.Second)
	s.declare("books", `{"public": true, "sMaxAge": "1h"}`)
	s.put("books/documents/a", `{}`)
	s.await("both purges", func() bool { return s.told.times("books/a") >= 2 })
	before := s.told.times("books/a")
	arrived, release := make(chan struct{}), make(chan struct{})
	hold := func(*http.Request) { close(arrived); <-release }
	s.held.Store(&hold)
	late := make(chan page)
	go func() { late <- s.get("books/documents/a") }()
	<-arrived
	s.held.Store(nil)
	s.put("books/documents/a", `{"n": 1}`)
	s.await("the first purge", func() bool { return s.told.times("books/a") > before })
	close(release)
	if p := <-late; p.revision != 1 {
		t.Fatalf("the answer that was on its way has revision %d", p.revision)
	}
	if p := s.get("books/documents/a"); s.told.times("books/a") == before+1 && p.revision != 1 {
		t.Errorf("revision %d is in the cache: the test has not met the race", p.revision)
	}
	s.await("the second purge", func() bool { return s.told.times("books/a") > before+1 })
	if p := s.want("after the second purge", s.get("books/documents/a"), http.StatusOK, false); p.revision != 2 {
		t.Errorf("got revision %d", p.revision)
	}
}
