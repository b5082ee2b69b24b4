package httpapi_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/adapters/postgres"
	"github.com/sheafdb/sheaf/adapters/postgres/pgtest"
)

// The process dies at every step of an import of several chunks between it and the database, before or after what it sent or was sent has arrived. Whoever sends the import again
// has every document once, with one revision, and the report of the whole.
func TestImport_CrashPoints(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, target string
		deliver      bool
	}{
		{"skip, lost", "/import?mode=skip&importId=i1", false},
		{"skip, arrived", "/import?mode=skip&importId=i1", true},
		{"by a key, arrived", "/import?mode=skip&importId=i1&by=by_n", true},
		{"strict, arrived", "/import?importId=i1", true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			importEverywhere(t, test.target, test.deliver)
		})
	}
}

// enoughImports is more pieces than the import takes.
const enoughImports = 200

func importEverywhere(t *testing.T, target string, deliver bool) {
	t.Helper()
	database := migrated.Open(t)
	store, err := postgres.Open(t.Context(), postgres.Config{URL: database})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(store.Close)
	// Whoever comes later comes when the lease has ended.
	later := serve(t, store, func(s *settings) { s.clock = func() time.Time { return noon.Add(10 * time.Second) } })
	const count = 1100 // two chunks and a part of one
	var body strings.Builder
	for i := range count {
		fmt.Fprintf(&body, "{\"n\":%d}\n", i)
	}
	for n := range enoughImports {
		path := fmt.Sprint("/v1/collections/counters-", n)
		later.declare(t, fmt.Sprint("counters-", n), `{"indexes":[{"name":"by_n","on":["doc.n"],"unique":true}]}`)
		finished := dyingImport(t, database, n, path+target, body.String(), deliver)
		for range 2 {
			answer := wantStatus(t, later.send(t, "POST "+path+target, body.String(), "Content-Type: application/x-ndjson"), 200)
			if got, want := strings.TrimSpace(string(answer.body)), fmt.Sprintf(`{"created":%d,"replaced":0,"unchanged":0,"skipped":0,"failed":0}`, count); got != want {
				t.Errorf("step %d: got %s, want %s", n, got, want)
			}
		}
		wantEachOnce(t, later, path, count)
		if finished {
			t.Logf("%d steps", n)
			if n < 3 {
				t.Errorf("there are only %d steps", n)
			}
			return
		}
	}
	t.Fatalf("there are more than %d steps", enoughImports)
}

// dyingImport sends an import to a process that dies at the n-th step, and says whether there were fewer.
func dyingImport(t *testing.T, database string, n int, target, body string, deliver bool) (finished bool) {
	t.Helper()
	proxy := pgtest.NewProxy(t, database)
	store, err := postgres.Open(t.Context(), postgres.Config{URL: proxy.DSN()})
	if err != nil {
		t.Fatal(err)
	}
	dying := serve(t, store)
	// Connections and prepared statements are there already.
	wantStatus(t, dying.send(t, "POST "+strings.ReplaceAll(target, "i1", "warm")+"&validateOnly=true", body, "Content-Type: application/x-ndjson"), 200)
	proxy.KillAt(n, deliver)
	answered := make(chan struct{})
	go func() {
		defer close(answered)
		if response, err := dying.http.Do(dying.request(t, "POST "+target, body, "Content-Type: application/x-ndjson")); err == nil {
			response.Body.Close()
		}
	}()
	select {
	case <-answered:
		finished = !proxy.Disarm()
	case <-proxy.Died():
	}
	proxy.Close()
	<-answered
	store.Close()
	return finished
}

// wantEachOnce wants the numbers below count in the collection, each in one document that has one revision.
func wantEachOnce(t *testing.T, a *api, path string, count int) {
	t.Helper()
	seen := map[int]bool{}
	for line := range strings.Lines(string(wantStatus(t, a.send(t, "GET "+path+"/export?shape=document", ""), 200).body)) {
		var d struct {
			Revision int
			Data     struct{ N int }
		}
		if err := json.Unmarshal([]byte(line), &d); err != nil {
			t.Fatal(err)
		}
		if seen[d.Data.N] || d.Revision != 1 {
			t.Errorf("again, or changed: %s", line)
		}
		seen[d.Data.N] = true
	}
	if len(seen) != count {
		t.Errorf("there are %d documents, want %d", len(seen), count)
	}
}
