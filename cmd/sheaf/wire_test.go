package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/sheafdb/sheaf/adapters/postgres"
	"github.com/sheafdb/sheaf/adapters/postgres/pgtest"
	"github.com/sheafdb/sheaf/domain/ident"
	sheaf "github.com/sheafdb/sheaf/sdk/go"
)

// migrated is a database that is up to date.
var migrated = pgtest.NewTemplate(postgres.Migrate)

// wholeProgram has everything that the command has, and a log that may be read meanwhile.
func wholeProgram(t *testing.T) (*program, *bytes.Buffer, *logBook) {
	t.Helper()
	p, stdout, _ := testProgram(t)
	log := new(logBook)
	p.wire, p.openMigration, p.stderr = wire, openMigration, log
	return p, stdout, log
}

// startWhole serves a database until the test ends or stop is called, and returns where.
func startWhole(t *testing.T, database string, flags ...string) (url string, stop func() error) {
	t.Helper()
	p, _, log := wholeProgram(t)
	addr, stop := startProgram(t, p, log, append([]string{"serve", "--postgres-url=" + database}, flags...)...)
	return "http://" + addr.String(), stop
}

// ask sends a request and returns status and body; with no answer the status is 0.
func ask(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	request.Close = true
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, err.Error()
	}
	return response.StatusCode, string(text)
}

func mustAsk(t *testing.T, method, url, body string, status int) string {
	t.Helper()
	got, text := ask(t, method, url, body)
	if got != status {
		t.Fatalf("%s %s: got %d %s, want %d", method, url, got, text, status)
	}
	return text
}

const books = `{"schema": {"type": "object", "required": ["title"], "properties": {"title": {"type": "string"}}}, "unknownFields": "reject"}`

// From an empty database to a copy of a collection, and everything closed at the end.
func TestWhole(t *testing.T) {
	t.Parallel()
	database := pgtest.Open(t)
	p, stdout, _ := wholeProgram(t)
	for _, step := range []string{"status", "up", "up", "status"} {
		if err := p.run(t.Context(), []string{"migrate", step, "--postgres-url=" + database}); err != nil {
			t.Fatal(err)
		}
	}
	if got := stdout.String(); !regexp.MustCompile(`0001_documents +no\n`).MatchString(got) || !strings.Contains(got, "applied 0001_documents\n") || !strings.Contains(got, "nothing to apply\n") {
		t.Errorf("got %s", got)
	}

	url, stop := startWhole(t, database)
	server := "--url=" + url
	mustAsk(t, http.MethodPut, url+"/v1/collections/books", books, http.StatusCreated)
	mustAsk(t, http.MethodPut, url+"/v1/collections/copies", `{}`, http.StatusCreated)

	const lines = "{\"title\": \"Emma\"}\n{\"title\": \"Persuasion\"}\n{\"title\": \"Emma\"}\n"
	file := mustFile(t, "books.ndjson", []byte(lines))
	counts := func(text string) string { return file + ": " + text + "\n" }
	call(t, nil, nil, "import", file, "--collection=books", "--validate-only", server).want(t, 0, counts("nothing stored; would be 3 created, 0 replaced, 0 unchanged, 0 skipped, 0 failed"), "")
	call(t, nil, nil, "import", file, "--collection=books", server).want(t, 0, counts("3 created, 0 replaced, 0 unchanged, 0 skipped, 0 failed"), "")
	call(t, nil, nil, "import", file, "--collection=books", "--existing=replace", server).want(t, 0, counts("0 created, 0 replaced, 3 unchanged, 0 skipped, 0 failed"), "")
	call(t, nil, nil, "import", file, "--collection=books", "--existing=skip", server).want(t, 0, counts("0 created, 0 replaced, 0 unchanged, 3 skipped, 0 failed"), "")
	if got := call(t, nil, nil, "import", file, "--collection=books", server); got.code != 1 || strings.Count(got.stderr, "(document.exists)") != 3 {
		t.Errorf("got %+v", got)
	}
	call(t, nil, nil, "export", "--collection=books", server).want(t, 0, lines, "")

	// With its envelopes a collection is copied whole, by way of a compressed file.
	path := filepath.Join(t.TempDir(), "books.ndjson.gz")
	call(t, nil, nil, "export", "--collection=books", "--shape=document", "-o", path, server).want(t, 0, path+": 3 documents\n", "")
	call(t, nil, nil, "import", path, "--collection=copies", "--shape=document", server).want(t, 0, path+": 3 created, 0 replaced, 0 unchanged, 0 skipped, 0 failed\n", "")
	if got, want := ids(t, url, "copies"), ids(t, url, "books"); !slices.Equal(got, want) || len(got) != 3 {
		t.Errorf("the copy has the ids %q, want %q", got, want)
	}

	// More bad lines than any buffer holds, while the body is still being sent.
	const bad = 20_000
	mixed := strings.Repeat("{\"title\": 1, \"colour\": 2}\n", bad) + "[]\n{\"title\": \"Lady Susan\"}\n"
	got := call(t, nil, strings.NewReader(mixed), "import", "-", "--collection=books", "--mode=skip", server)
	if got.code != 1 || got.stdout != fmt.Sprintf("-: 1 created, 0 replaced, 0 unchanged, 0 skipped, %d failed\n", bad+1) ||
		strings.Count(got.stderr, "\n") != 2*bad+2 || !strings.Contains(got.stderr, "-:1: /title: ") || !strings.Contains(got.stderr, "\n-:20001: ") {
		t.Errorf("got %d, %q, and %d lines that begin with %.300q and end with %q", got.code, got.stdout, strings.Count(got.stderr, "\n"), got.stderr, got.stderr[max(0, len(got.stderr)-300):])
	}
	if got := call(t, nil, nil, "import", file, "--collection=ghosts", server); got.code != 1 || !strings.Contains(got.stderr, "(404 collection.notFound), request ") {
		t.Errorf("got %+v", got)
	}

	mustAsk(t, http.MethodGet, url+"/readyz", "", http.StatusOK)
	if got := mustAsk(t, http.MethodGet, url+"/openapi.yaml", "", http.StatusOK); !strings.HasPrefix(got, "openapi: 3.0") {
		t.Errorf("the contract is %.100q", got)
	}
	metrics := mustAsk(t, http.MethodGet, url+"/metrics", "", http.StatusOK)
	for _, want := range []string{"\nsheaf_postgres_connections_max 16\n", "\nsheaf_postgres_queued_batches 0\n", "\nsheaf_postgres_batches_total ", "\nsheaf_build_info{"} {
		if !strings.Contains(metrics, want) {
			t.Errorf("no %q in the metrics:\n%s", want, metrics)
		}
	}
	if err := stop(); err != nil {
		t.Errorf("stopped with %v", err)
	}
	wantLeft(t, database)
}

// ids are those of a collection, as an export gives them.
func ids(t *testing.T, url, name string) []string {
	t.Helper()
	var list []string
	for line := range strings.Lines(mustAsk(t, http.MethodGet, url+"/v1/collections/"+name+"/export?shape=document", "", http.StatusOK)) {
		var document sheaf.Document
		if err := json.Unmarshal([]byte(line), &document); err != nil {
			t.Fatal(err)
		}
		list = append(list, document.ID)
	}
	return list
}

// wantLeft waits until nobody is connected to a database any more.
func wantLeft(t *testing.T, database string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.WithoutCancel(t.Context())) }()
	eventually(t, "all connections are given back", func() bool {
		var n int
		err := conn.QueryRow(t.Context(), "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()").Scan(&n)
		if err != nil {
			t.Fatal(err)
		}
		return n == 0
	})
}

// Whatever keeps it from starting is one line, and nothing stays open.
func TestWhole_StartFailures(t *testing.T) {
	t.Parallel()
	taken, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	const away = "postgres://someone:hunter2@127.0.0.1:1/none?sslmode=disable"
	tests := []struct {
		name, database string
		flags          []string
		want           string
		code           int
	}{
		{name: "no database", database: away, want: "the database does not answer: open the database: ", code: 1},
		{name: "no database to migrate", database: away, flags: []string{"--postgres-migrate=auto"}, want: "the database does not answer: open the database: ", code: 1},
		{name: "behind", database: pgtest.Open(t), want: "the database's schema is behind: it is at 0 and this version needs ", code: 1},
		{name: "port in use", database: migrated.Open(t), flags: []string{"--http-addr=" + taken.Addr().String()}, want: taken.Addr().String() + " is in use: stop what listens there, or choose another with --http-addr\n", code: 1},
		{name: "no key", database: migrated.Open(t), flags: []string{"--http-addr=:0"}, want: `flags: --http-addr ":0" is reachable from other machines: set auth.rootKey`, code: 2},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var stdout, stderr bytes.Buffer
			code := report(run(t.Context(), append([]string{"serve", "--http-addr=127.0.0.1:0", "--postgres-url=" + test.database}, test.flags...), nil, &stdout, &stderr), &stderr)
			if got := stderr.String(); code != test.code || !strings.HasPrefix(got, "sheaf: "+test.want) || strings.Count(got, "\n") != 1 || strings.Contains(got, "hunter2") {
				t.Errorf("got %d and %q, want %d and %q", code, got, test.code, test.want)
			}
			if test.database != away {
				wantLeft(t, test.database)
			}
		})
	}
}

// What migrate says decides what a database that is behind means.
func TestWhole_Migrate(t *testing.T) {
	t.Parallel()
	t.Run("auto", func(t *testing.T) {
		t.Parallel()
		p, _, log := wholeProgram(t)
		// dev brings a database up by itself, past the pooler where there is one.
		database := pgtest.Open(t)
		addr, _ := startProgram(t, p, log, "dev", "--log-format=json", "--postgres-url="+pgtest.Exec.DSN(database), "--postgres-direct-url="+database)
		mustAsk(t, http.MethodPut, fmt.Sprintf("http://%s/v1/collections/books", addr), books, http.StatusCreated)
		if got := log.find("migrated"); got == nil || got["migration"] != "0001_documents" {
			t.Errorf("the log has %v in %s", got, log)
		}
	})
	t.Run("off", func(t *testing.T) {
		t.Parallel()
		url, _ := startWhole(t, pgtest.Open(t), "--postgres-migrate=off")
		mustAsk(t, http.MethodGet, url+"/livez", "", http.StatusOK)
	})
}

// A process serves its roles and says of the rest that it does not.
func TestWhole_Roles(t *testing.T) {
	t.Parallel()
	database := migrated.Open(t)
	serving := map[string]string{}
	for _, role := range []string{"configuration", "store", "process"} {
		serving[role], _ = startWhole(t, database, "--roles="+role)
	}
	refused := func(role, method, path, body string) {
		t.Helper()
		if got := mustAsk(t, method, serving[role]+path, body, http.StatusNotFound); !strings.Contains(got, `"role.notServed"`) {
			t.Errorf("%s answers %s %s with %s", role, method, path, got)
		}
	}
	refused("store", http.MethodPut, "/v1/collections/books", books)
	refused("process", http.MethodPut, "/v1/collections/books", books)
	refused("configuration", http.MethodGet, "/v1/collections/books/documents", "")
	refused("process", http.MethodGet, "/v1/collections/books/documents", "")
	mustAsk(t, http.MethodPut, serving["configuration"]+"/v1/collections/books", books, http.StatusCreated)
	mustAsk(t, http.MethodPut, serving["store"]+"/v1/collections/books/documents/emma", `{"title": "Emma"}`, http.StatusCreated)

	// A collection too large to go at once is removed by whoever has the role process.
	many := call(t, nil, strings.NewReader(strings.Repeat("{\"title\": \"x\"}\n", 1500)), "import", "-", "--collection=books", "--url", serving["store"])
	if many.code != 0 {
		t.Fatalf("got %+v", many)
	}
	mustAsk(t, http.MethodDelete, serving["configuration"]+"/v1/collections/books?force=true", "", http.StatusAccepted)
	eventually(t, "the collection is gone", func() bool {
		status, _ := ask(t, http.MethodGet, serving["configuration"]+"/v1/collections/books", "")
		return status == http.StatusNotFound
	})
}

// With a key only those are served who have it, clients by way of the variable that the server reads too.
func TestWhole_Key(t *testing.T) {
	t.Parallel()
	const key = "0123456789abcdef"
	url, _ := startWhole(t, migrated.Open(t), "--auth-root-key="+key)
	export := []string{"export", "--collection=books", "--url", url}
	if got := call(t, nil, nil, export...); got.code != 1 || !strings.Contains(got.stderr, "set SHEAF_KEY") {
		t.Errorf("got %+v", got)
	}
	if got := call(t, []string{"SHEAF_AUTH_ROOT_KEY=" + key}, nil, export...); got.code != 1 || !strings.Contains(got.stderr, "collection.notFound") {
		t.Errorf("got %+v", got)
	}
}

// While the database is away the process is not ready, says so without telling where it is, and goes on by itself afterwards.
func TestWhole_DatabaseAway(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t, map[string]string{"fsync": "off"})
	url, _ := startWhole(t, server.URL(), "--postgres-migrate=auto")
	mustAsk(t, http.MethodPut, url+"/v1/collections/books", books, http.StatusCreated)
	server.Kill()
	becomes := func(method, path, body string, status int) (answer string) {
		t.Helper()
		eventually(t, fmt.Sprint(method, " ", path, " answers ", status), func() bool { // connections outlive their server by a moment
			var got int
			got, answer = ask(t, method, url+path, body)
			return got == status
		})
		return answer
	}
	if got := becomes(http.MethodGet, "/readyz", "", http.StatusServiceUnavailable); !strings.Contains(got, `"reason":"the database does not answer"`) {
		t.Errorf("got %s", got)
	}
	mustAsk(t, http.MethodGet, url+"/livez", "", http.StatusOK)
	becomes(http.MethodPut, "/v1/collections/books/documents/emma", `{"title": "Emma"}`, http.StatusServiceUnavailable)
	server.Restart()
	becomes(http.MethodGet, "/readyz", "", http.StatusOK)
	mustAsk(t, http.MethodPut, url+"/v1/collections/books/documents/persuasion", `{"title": "Persuasion"}`, http.StatusCreated)
}

// An import that is under way when the process is told to stop goes on to its end.
func TestWhole_Drain(t *testing.T) {
	t.Parallel()
	database := migrated.Open(t)
	p := startProcess(t, whole, "serve", "--http-addr=127.0.0.1:0", "--http-drain-delay=0s", "--postgres-url="+database)
	url := fmt.Sprint("http://", p.await("listening")["addr"])
	mustAsk(t, http.MethodPut, url+"/v1/collections/books", books, http.StatusCreated)

	in, more := io.Pipe()
	const half = 5000
	halfOfThem := strings.Repeat("{\"title\": \"x\"}\n", half) // more than buffers keep back
	ended := make(chan outcome, 1)
	go func() { ended <- call(t, nil, in, "import", "-", "--collection=books", "--url", url) }()
	if _, err := io.WriteString(more, halfOfThem); err != nil {
		t.Fatal(err)
	}
	p.signal(syscall.SIGTERM)
	p.await("draining")
	eventually(t, "nobody else is served", func() bool {
		status, _ := ask(t, http.MethodGet, url+"/livez", "")
		return status == 0
	})
	_, err := io.WriteString(more, halfOfThem)
	if err := errors.Join(err, more.Close()); err != nil {
		t.Fatal(err)
	}
	(<-ended).want(t, 0, fmt.Sprintf("-: %d created, 0 replaced, 0 unchanged, 0 skipped, 0 failed\n", 2*half), "")
	if err := p.cmd.Wait(); err != nil {
		t.Errorf("stopped with %v: %s", err, p.log)
	}
	wantLeft(t, database)
}

// What was acknowledged is there, once, after the process was killed in the middle of everything.
func TestWhole_Killed(t *testing.T) {
	t.Parallel()
	database := migrated.Open(t)
	p := startProcess(t, whole, "serve", "--http-addr=127.0.0.1:0", "--postgres-url="+database)
	url := fmt.Sprint("http://", p.await("listening")["addr"])
	mustAsk(t, http.MethodPut, url+"/v1/collections/books", books, http.StatusCreated)

	const writers, enough = 8, 400
	acknowledgements := make(chan string, 1<<20) // more than come before the kill
	var writing sync.WaitGroup
	for writer := range writers {
		writing.Go(func() { putUntilKilled(t, url, fmt.Sprint(writer), acknowledgements) })
	}
	var acknowledged []string
	for len(acknowledged) < enough {
		acknowledged = append(acknowledged, <-acknowledgements)
	}
	p.signal(syscall.SIGKILL)
	writing.Wait()
	close(acknowledgements)
	for id := range acknowledgements {
		acknowledged = append(acknowledged, id)
	}

	url, _ = startWhole(t, database)
	stored := map[string]bool{}
	for _, id := range ids(t, url, "books") {
		if stored[id] {
			t.Errorf("%s is there twice", id)
		}
		stored[id] = true
	}
	for _, id := range acknowledged {
		if !stored[id] {
			t.Errorf("%s was acknowledged and is lost", id)
		}
	}
	if unknown := len(stored) - len(acknowledged); unknown > writers {
		t.Errorf("%d documents are there that nobody was told of, and there were %d writers", unknown, writers)
	}
}

// putUntilKilled creates one document after the other and passes on the ids of those that were acknowledged, until there is no answer.
func putUntilKilled(t *testing.T, url, prefix string, acknowledged chan<- string) {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{}}
	defer client.CloseIdleConnections()
	for n := 0; ; n++ {
		id := fmt.Sprintf("%s-%d", prefix, n)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPut, url+"/v1/collections/books/documents/"+id, strings.NewReader(`{"title": "`+id+`"}`))
		if err != nil {
			t.Error(err)
			return
		}
		request.Header.Set("Content-Type", "application/json")
		response, err := client.Do(request)
		if err != nil {
			return
		}
		_, _ = io.Copy(io.Discard, response.Body) // the status alone is an acknowledgement
		_ = response.Body.Close()
		if response.StatusCode != http.StatusCreated {
			t.Errorf("%s: got %s", id, response.Status)
			return
		}
		acknowledged <- id
	}
}

// Ids made by many at once are all different, and those made one after the other are in order.
func TestNewDocumentID(t *testing.T) {
	t.Parallel()
	var seen sync.Map
	var making sync.WaitGroup
	for range 4 {
		making.Go(func() {
			before := ident.Document{}
			for range 2000 {
				id := newDocumentID()
				if _, twice := seen.LoadOrStore(id, true); twice || id.String() <= before.String() {
					t.Errorf("%s after %s", id, before)
				}
				before = id
			}
		})
	}
	making.Wait()
}

func TestNow(t *testing.T) {
	t.Parallel()
	if got := now(); got.Location().String() != "UTC" || got.Nanosecond()%1000 != 0 || got.IsZero() {
		t.Errorf("got %v", got)
	}
}
