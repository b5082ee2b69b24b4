package httpapi_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sheafdb/sheaf/adapters/httpapi"
	"github.com/sheafdb/sheaf/adapters/httpapi/oas"
)

func TestCORS(t *testing.T) {
	t.Parallel()
	const origin = "https://app.example"
	a := inMemory(t, func(s *settings) { s.CORSOrigins, s.CORSMaxAge = []string{origin}, 10*time.Minute })
	furnish(t, a)
	preflight := func(from, method string) http.Header {
		r := a.request(t, "OPTIONS "+mobyPath, "", "Origin: "+from, "Access-Control-Request-Method: "+method, "Access-Control-Request-Headers: content-type,if-match")
		response, err := a.http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_ = response.Body.Close()
		return response.Header
	}
	allowed := preflight(origin, http.MethodPut)
	for name, want := range map[string]string{"Access-Control-Allow-Origin": origin, "Access-Control-Allow-Methods": "PUT", "Access-Control-Allow-Headers": "content-type,if-match", "Access-Control-Max-Age": "600"} {
		if got := allowed.Get(name); got != want {
			t.Errorf("%s %q, want %q", name, got, want)
		}
	}
	if got := preflight("https://evil.example", http.MethodPut).Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("another origin is allowed: %q", got)
	}
	got := a.send(t, "GET "+mobyPath, "", "Origin: "+origin)
	if exposed := strings.ToLower(got.header.Get("Access-Control-Expose-Headers")); got.header.Get("Access-Control-Allow-Origin") != origin || !strings.Contains(exposed, "etag") {
		t.Errorf("got %v", got.header)
	}
	// A failure is for the page to read too.
	if got := a.send(t, "GET /v1/collections/ghosts", "", "Origin: "+origin).header.Get("Access-Control-Allow-Origin"); got != origin {
		t.Errorf("a problem allows %q", got)
	}
	if got := inMemory(t).send(t, "GET /livez", "", "Origin: "+origin).header.Get("Access-Control-Allow-Origin"); got != "" {
		t.Errorf("without the setting %q is allowed", got)
	}
}

// elsewhere finds what a page loads or links from another host.
var elsewhere = regexp.MustCompile(`(?i)(?:src|href|url|action)\s*[=(:]\s*["']?\s*(?:https?:)?//[^"'\s)]*`)

func TestPages(t *testing.T) {
	t.Parallel()
	a := inMemory(t, func(s *settings) { s.Version = "1.2.3"; s.RootKey = "sesame" }) // pages ask for no key
	for _, target := range []string{"/", "/docs", "/docs/", "/problems/stale"} {
		got := wantStatus(t, a.send(t, "GET "+target, ""), http.StatusOK)
		if media := got.header.Get("Content-Type"); !strings.HasPrefix(media, "text/html") {
			t.Errorf("%s is %s", target, media)
		}
		if found := elsewhere.FindAll(got.body, -1); found != nil {
			t.Errorf("%s refers to other hosts: %q", target, found)
		}
	}
	root := string(a.send(t, "GET /", "").body)
	for _, want := range []string{"1.2.3", "configuration, store, process", `href="/docs"`, `href="/openapi.yaml"`, `href="/metrics"`} {
		if !strings.Contains(root, want) {
			t.Errorf("the root page lacks %s", want)
		}
	}
	for _, link := range regexp.MustCompile(`href="(/[^"]*)"`).FindAllStringSubmatch(root, -1) {
		wantStatus(t, a.send(t, "GET "+link[1], "", "Authorization: Bearer sesame"), http.StatusOK)
	}
}

// Swagger UI is served whole by this server, and reads the contract of this server.
func TestPages_SwaggerUI(t *testing.T) {
	t.Parallel()
	a := inMemory(t)
	page := string(a.send(t, "GET /docs", "").body)
	if !strings.Contains(page, "/openapi.yaml") {
		t.Error("the page does not name the contract")
	}
	assets := regexp.MustCompile(`(?:src|href)="(/docs/[^"]+)"`).FindAllStringSubmatch(page, -1)
	if len(assets) < 4 {
		t.Fatalf("only %d assets", len(assets))
	}
	for _, asset := range assets {
		for _, encoding := range []string{"identity", "gzip"} {
			got := wantStatus(t, a.send(t, "GET "+asset[1], "", "Accept-Encoding: "+encoding), http.StatusOK)
			if media := got.header.Get("Content-Type"); len(got.body) == 0 || strings.HasPrefix(media, "text/html") || strings.HasPrefix(media, "text/plain") {
				t.Errorf("%s is %d bytes of %s", asset[1], len(got.body), media)
			}
		}
	}
}

// What is served as the contract is openapi.yaml, and the generated code was made of it.
func TestPages_Contract(t *testing.T) {
	t.Parallel()
	want, err := os.ReadFile("../../openapi.yaml")
	if err != nil {
		t.Fatal(err)
	}
	if got := inMemory(t).send(t, "GET /openapi.yaml", ""); !bytes.Equal(got.body, want) {
		t.Error("another text than openapi.yaml is served")
	}
	spec, err := oas.GetSpec()
	if err != nil {
		t.Fatal(err)
	}
	for path, item := range contract().Paths.Map() {
		for method, op := range item.Operations() {
			embedded := spec.Paths.Value(path).GetOperation(method)
			if embedded == nil || embedded.OperationID != op.OperationID || len(embedded.Parameters) != len(op.Parameters) {
				t.Errorf("%s %s is not what was generated", method, path)
			}
		}
	}
}

// Every type of problem that the server can answer with has a page, and the contract's examples are of these types.
func TestPages_Problems(t *testing.T) {
	t.Parallel()
	a := inMemory(t)
	for slug, status := range httpapi.ProblemTypes() {
		page := wantStatus(t, a.send(t, "GET /problems/"+slug, ""), http.StatusOK)
		if !strings.Contains(string(page.body), fmt.Sprint("HTTP status ", status)) {
			t.Errorf("the page of %s does not name status %d", slug, status)
		}
	}
	for name, response := range contract().Components.Responses {
		example, _ := response.Value.Content["application/problem+json"].Example.(map[string]any)
		slug := strings.TrimPrefix(example["type"].(string), "/problems/")
		if _, known := httpapi.ProblemTypes()[slug]; !known {
			t.Errorf("the example of %s has the type %q", name, slug)
		}
		page := a.send(t, "GET /problems/"+slug, "")
		if title := example["title"].(string); !strings.Contains(string(page.body), title) {
			t.Errorf("the example of %s has the title %q, the page another", name, title)
		}
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	a := inMemory(t, func(s *settings) { s.Registry = registry })
	furnish(t, a)
	for range 3 {
		wantStatus(t, a.send(t, "GET "+mobyPath, ""), http.StatusOK)
	}
	wantStatus(t, a.send(t, "GET "+booksPath+"/documents/ghost", ""), http.StatusNotFound)
	wantStatus(t, a.send(t, "GET /nothing", ""), http.StatusNotFound)
	a.stop() // a request is counted after it was answered
	for _, test := range []struct {
		operation, status string
		want              uint64
	}{{"getDocument", "200", 3}, {"getDocument", "404", 1}, {"putCollection", "201", 3}, {"none", "404", 1}, {"getDocument", "500", 0}} {
		if got := observed(t, registry, test.operation, test.status); got != test.want {
			t.Errorf("%s %s: %d, want %d", test.operation, test.status, got, test.want)
		}
	}
}

// A request keeps the id that it came with, if that is one that can be stored and logged; else it gets one.
func TestRequestID(t *testing.T) {
	t.Parallel()
	a := inMemory(t)
	for _, id := range []string{"r-1", strings.Repeat("x", 128), "~!@#"} {
		if got := a.send(t, "GET /livez", "", "Request-Id: "+id).header.Get("Request-Id"); got != id {
			t.Errorf("got %q, want %q", got, id)
		}
	}
	var made []string
	for _, id := range []string{"", strings.Repeat("x", 129), "a b", "é", "a\tb"} {
		got := a.send(t, "GET /livez", "", "Request-Id: "+id).header.Get("Request-Id")
		if got == id || got == "" || slices.Contains(made, got) {
			t.Errorf("%q: got %q", id, got)
		}
		made = append(made, got)
	}
}
