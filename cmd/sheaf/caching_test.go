package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"
)

// reply is an answer with its headers.
type reply struct {
	status int
	header http.Header
	body   string
}

// send sends a request of a line such as "GET /livez", with headers such as "If-None-Match: *". What is encoded is left so.
func send(t *testing.T, url, line, body string, headers ...string) reply {
	t.Helper()
	method, path, _ := strings.Cut(line, " ")
	request, err := http.NewRequestWithContext(t.Context(), method, url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Close = true
	request.Header.Set("Accept-Encoding", "identity")
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		request.Header.Set(name, value)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return reply{response.StatusCode, response.Header, string(text)}
}

// want fails where the answer has another status, or other values of headers such as "Etag: \"1\""; one without a value is not to be there.
func (r reply) want(t *testing.T, status int, headers ...string) reply {
	t.Helper()
	if r.status != status {
		t.Errorf("got %d %s, want %d", r.status, r.body, status)
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		if got := strings.Join(r.header.Values(name), ", "); got != value {
			t.Errorf("%s: got %q, want %q", name, got, value)
		}
	}
	return r
}

// metric is the value of one metric, with its labels if it has any.
func metric(t *testing.T, url, name string) float64 {
	t.Helper()
	lines := bufio.NewScanner(strings.NewReader(mustAsk(t, http.MethodGet, url+"/metrics", "", http.StatusOK)))
	for lines.Scan() {
		if value, found := strings.CutPrefix(lines.Text(), name+" "); found {
			n, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Fatal(err)
			}
			return n
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

const (
	// shown is a policy for shared caches above all.
	shown    = `{"cache": {"public": true, "maxAge": "0s", "sMaxAge": "1m", "staleWhileRevalidate": "30s", "staleIfError": "10m"}}`
	shownFor = "Cache-Control: public, max-age=0, s-maxage=60, stale-while-revalidate=30, stale-if-error=600"
)

// What the process has at hand is answered, and confirmed, without the database; the answer says where it comes from, and how old it may be.
func TestWhole_Caching(t *testing.T) {
	t.Parallel()
	database := migrated.Open(t)
	// Sure of itself for long, so that a busy machine does not have anything bypass the cache.
	url, _ := startWhole(t, database, "--cache-max-staleness=1m")
	const books, emma = "/v1/collections/books", "/v1/collections/books/documents/emma"
	send(t, url, "PUT "+books, shown).want(t, http.StatusCreated)
	send(t, url, "PUT "+emma, `{"n": 1}`).want(t, http.StatusCreated)
	sure := func(url string) {
		t.Helper()
		eventually(t, "the process knows what changes", func() bool {
			return send(t, url, "GET "+emma, "").want(t, http.StatusOK).header.Get("Cache-Status") == "sheaf; hit; detail=memory"
		})
	}
	sure(url)

	asked := func() [2]float64 {
		return [2]float64{metric(t, url, "sheaf_postgres_reads_total"), metric(t, url, "sheaf_postgres_read_statements_total")}
	}
	hit := []string{
		"Cache-Status: sheaf; hit; detail=memory", shownFor, "Cdn-Cache-Control: max-age=60, stale-while-revalidate=30, stale-if-error=600",
		"Surrogate-Key: books books/emma", "Cache-Tag: books,books/emma", "Vary: Accept-Encoding, Consistency-Token",
	}
	before := asked()
	for n := 1; n <= 3; n++ {
		tag := fmt.Sprintf("%q", strconv.Itoa(n))
		for range 10 {
			got := send(t, url, "GET "+emma, "", "If-None-Match: "+tag).want(t, http.StatusNotModified, append(hit, "Etag: "+tag)...)
			if age, err := strconv.Atoi(got.header.Get("Age")); err != nil || age < 0 || age > 60 || got.body != "" {
				t.Errorf("Age %q, body %q", got.header.Get("Age"), got.body)
			}
			send(t, url, "HEAD "+emma, "", "If-None-Match: "+tag).want(t, http.StatusNotModified, hit...)
			send(t, url, "GET "+emma, "").want(t, http.StatusOK, append(hit, "Etag: "+tag)...)
			send(t, url, "GET "+emma, "", "If-Match: "+tag).want(t, http.StatusOK, hit...)
			send(t, url, "GET "+emma, "", "Accept-Encoding: gzip", "If-None-Match: "+tag).want(t, http.StatusNotModified, append(hit, "Etag: "+tag, "Content-Encoding")...)
		}
		// What is written is known at once, without being read.
		send(t, url, "PUT "+emma, fmt.Sprintf(`{"n": %d, "text": %q}`, n+1, strings.Repeat("x", 2000))).want(t, http.StatusOK)
	}
	for range 10 {
		send(t, url, "GET "+emma, "", "Accept-Encoding: gzip").want(t, http.StatusOK, append(hit, `Etag: "4"`, "Content-Encoding: gzip")...)
	}
	if after := asked(); after != before {
		t.Errorf("the database was asked: %v reads and statements, and then %v", before, after)
	}

	// Who has nothing at hand says so, once.
	other, _ := startWhole(t, database, "--cache-max-staleness=1m")
	send(t, other, "GET "+emma, "").want(t, http.StatusOK, `Etag: "4"`, "Cache-Status: sheaf; fwd=miss", "Age")
	sure(other)
	send(t, other, "GET "+emma, "").want(t, http.StatusOK, append(hit, `Etag: "4"`)...)
	without, _ := startWhole(t, database, "--cache-enabled=false")
	send(t, without, "GET "+emma, "").want(t, http.StatusOK, `Etag: "4"`, "Cache-Status", "Age", shownFor)

	// Lists and aggregates have strong tags, which change with the collection.
	for line, body := range map[string]string{
		"GET " + books + "/documents?filter=doc.n>0": "", "POST " + books + "/query": `{"filter": "doc.n > 0"}`, "POST " + books + "/aggregate": `{"stages": [{"group": {"fields": {"n": {"count": true}}}}]}`,
	} {
		first := send(t, url, line, body).want(t, http.StatusOK)
		tag := first.header.Get("Etag")
		if !strings.HasPrefix(tag, `"`) {
			t.Errorf("%s: the tag is %s: %s", line, tag, first.body)
		}
		send(t, without, line, body, "If-None-Match: "+tag).want(t, http.StatusNotModified, "Etag: "+tag)
		send(t, url, "POST "+books+"/documents", `{"n": 5}`).want(t, http.StatusCreated)
		if again := send(t, without, line, body, "If-None-Match: "+tag).want(t, http.StatusOK); again.header.Get("Etag") == tag {
			t.Errorf("%s: the tag stays %s", line, tag)
		}
	}
}

// Every process serves a new configuration within a second of the answer; who asks for that gets the answer when all do.
func TestWhole_Configuration(t *testing.T) {
	t.Parallel()
	database := migrated.Open(t)
	here, _ := startWhole(t, database)
	there, _ := startWhole(t, database)
	const books, emma = "/v1/collections/books", "/v1/collections/books/documents/emma"
	policy := func(seconds int) (body, header string) {
		return fmt.Sprintf(`{"cache": {"maxAge": "%ds"}}`, seconds), fmt.Sprintf("private, max-age=%d", seconds)
	}
	body, header := policy(1)
	send(t, here, "PUT "+books, body).want(t, http.StatusCreated)
	send(t, here, "PUT "+emma, `{}`).want(t, http.StatusCreated)
	seen := func() string {
		got := send(t, there, "GET "+emma, "").want(t, http.StatusOK)
		return got.header.Get("Cache-Control")
	}
	for round := 2; round < 8; round++ {
		if before := seen(); before != header {
			t.Errorf("%q before it was changed, want %q", before, header)
		}
		body, header = policy(round)
		if round%2 == 0 {
			send(t, here, "PUT "+books, body, "Prefer: wait=5").want(t, http.StatusOK, "Preference-Applied: wait=5")
			if now := seen(); now != header {
				t.Errorf("%q after all knew, want %q", now, header)
			}
			continue
		}
		send(t, here, "PUT "+books, body).want(t, http.StatusOK, "Preference-Applied")
		stored := time.Now()
		for asked := time.Now(); seen() != header; asked = time.Now() {
			if late := asked.Sub(stored); late > time.Second {
				t.Fatalf("after %s the other process serves what was", late)
			}
		}
	}

	// Who leaves meanwhile has stored it all the same.
	ctx, leave := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodPut, here+books, strings.NewReader(`{"description": "left"}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Prefer", "wait=60")
	gone := make(chan error, 1)
	go func() {
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			_ = response.Body.Close()
		}
		gone <- err
	}()
	eventually(t, "it is stored", func() bool { return strings.Contains(send(t, there, "GET "+books, "").body, "left") })
	leave()
	<-gone
}
