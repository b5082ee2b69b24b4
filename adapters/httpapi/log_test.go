package httpapi_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/sheafdb/sheaf/adapters/memory"
	"github.com/sheafdb/sheaf/adapters/telemetry"
)

// A request is a line of the log that leads to its collection, to its trace, and where nothing is at its path, to that path.
func TestRequestLog(t *testing.T) {
	t.Parallel()
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	for _, test := range []struct {
		send string
		want map[string]any // members of the line; nil is one that is not there
	}{
		{"GET " + mobyPath, map[string]any{"operation": "getDocument", "collection": "books", "status": 200.0, "trace_id": trace, "path": nil, "code": nil}},
		{"GET " + booksPath + "/documents/ghost", map[string]any{"collection": "books", "code": "document.notFound", "trace_id": trace}},
		{"GET " + booksPath + "?nonsense=1", map[string]any{"operation": "getCollection", "code": "request.parameters", "trace_id": trace}},
		{"GET /v1/collections", map[string]any{"operation": "listCollections", "collection": nil, "trace_id": trace}},
		{"GET /v2/nothing%0a?secret=1", map[string]any{"operation": "none", "path": "/v2/nothing\n", "status": 404.0}},
		{"GET /" + strings.Repeat("x", 300), map[string]any{"path": "/" + strings.Repeat("x", 199) + "…"}},
		{"BREW /v1/collections", map[string]any{"method": "BREW", "path": "/v1/collections", "status": 405.0}},
	} {
		t.Run(test.send[:min(len(test.send), 40)], func(t *testing.T) {
			t.Parallel()
			var log bytes.Buffer
			parts, err := telemetry.Open(t.Context(), telemetry.Options{Log: &log})
			if err != nil {
				t.Fatal(err)
			}
			tracers := sdktrace.NewTracerProvider()
			t.Cleanup(func() { _ = tracers.Shutdown(t.Context()) })
			store := memory.New()
			furnish(t, serve(t, store))
			a := serve(t, store, func(s *settings) { s.Log, s.Tracers, s.Propagator = parts.Log, tracers, parts.Propagator })
			a.send(t, test.send, "", "Traceparent: 00-"+trace+"-00f067aa0ba902b7-01")
			a.stop() // and nobody writes to the log any more
			var line map[string]any
			if err := json.Unmarshal(log.Bytes(), &line); err != nil {
				t.Fatalf("%v: %s", err, log.Bytes())
			}
			for name, want := range test.want {
				if line[name] != want {
					t.Errorf("%s: %v, want %v", name, line[name], want)
				}
			}
			if strings.Contains(log.String(), "secret") {
				t.Errorf("the query is logged: %s", log.String())
			}
		})
	}
}

// What is JSON ends with a line, however it is asked for.
func TestAnswersEndWithALine(t *testing.T) {
	t.Parallel()
	a := inMemory(t)
	furnish(t, a)
	for _, send := range []string{"GET " + mobyPath, "GET " + booksPath, "GET " + booksPath + "/documents", "GET /livez", "GET /v1/nothing", "GET " + mobyPath + "/diff", "PUT " + mobyPath} {
		got := a.send(t, send, map[bool]string{true: `{"title":"x"}`}[strings.HasPrefix(send, "PUT")])
		if !bytes.HasSuffix(got.body, []byte("\n")) || bytes.HasSuffix(got.body, []byte("\n\n")) || bytes.Count(got.body, []byte("\n")) != 1 {
			t.Errorf("%s: %q", send, got.body)
		}
	}
	if got := a.send(t, "GET "+mobyPath, "", `If-None-Match: "2"`); got.status != http.StatusNotModified || len(got.body) > 0 {
		t.Errorf("%d %q", got.status, got.body)
	}
}

// The document of a 412 is the text that is stored, down to its spaces.
func TestStale_CurrentAsStored(t *testing.T) {
	t.Parallel()
	a := inMemory(t)
	furnish(t, a)
	a.put(t, "books", "moby-dick", `{"title":"<&>","n":1.10,"list":[1,2]}`)
	stored := bytes.TrimSuffix(a.send(t, "GET "+mobyPath, "").body, []byte("\n"))
	got := a.send(t, "PUT "+mobyPath, `{}`, `If-Match: "1"`)
	wantProblem(t, got, http.StatusPreconditionFailed, "document.stale")
	if !bytes.Contains(stored, []byte(`[1, 2]`)) || !bytes.Contains(got.body, append([]byte(`"current":`), stored...)) {
		t.Errorf("%s is not in %s", stored, got.body)
	}
}
