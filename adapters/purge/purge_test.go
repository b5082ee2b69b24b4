package purge_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/adapters/purge"
)

// cache is a server that notes what it is told.
type cache struct {
	*httptest.Server
	mu   sync.Mutex
	told []string
}

func newCache(t *testing.T, status int) *cache {
	t.Helper()
	c := &cache{}
	c.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		c.told = append(c.told, fmt.Sprintf("%s %s key=%q type=%q auth=%q fastly=%q %s", r.Method, r.URL.Path, r.Header.Get("Surrogate-Key")+r.Header.Get("xkey"),
			r.Header.Get("Content-Type"), r.Header.Get("Authorization"), r.Header.Get("Fastly-Key"), body))
		w.WriteHeader(status)
	}))
	t.Cleanup(c.Close)
	return c
}

func (c *cache) want(t *testing.T, told ...string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	if !slices.Equal(c.told, told) {
		t.Errorf("told %q, want %q", c.told, told)
	}
}

func TestPurge_Forms(t *testing.T) {
	t.Parallel()
	keys := []string{"books/a", "books:list"}
	for _, test := range []struct {
		options purge.Options
		want    string
	}{
		{purge.Options{Form: purge.Header}, `PURGE /p key="books/a books:list" type="" auth="" fastly="" `},
		{purge.Options{Form: purge.Header, Field: "xkey", Token: "t", TokenHeader: "authorization"}, `PURGE /p key="books/a books:list" type="" auth="Bearer t" fastly="" `},
		{purge.Options{Form: purge.Header, Method: "POST", Token: "t", TokenHeader: "Fastly-Key"}, `POST /p key="books/a books:list" type="" auth="" fastly="t" `},
		{purge.Options{Form: purge.JSON}, `POST /p key="" type="application/json" auth="" fastly="" {"keys":["books/a","books:list"]}`},
		{purge.Options{Form: purge.JSON, Method: "PUT", Field: "tags", Token: "t", TokenHeader: "Authorization"}, `PUT /p key="" type="application/json" auth="Bearer t" fastly="" {"tags":["books/a","books:list"]}`},
	} {
		server := newCache(t, http.StatusNoContent)
		test.options.URL, test.options.Timeout = server.URL+"/p", time.Minute
		told := purge.New(test.options)
		if err := told.Purge(t.Context(), keys); err != nil {
			t.Error(err)
		}
		if err := told.Purge(t.Context(), nil); err != nil {
			t.Error(err)
		}
		server.want(t, test.want)
		told.Close()
		told.Close()
	}
}

// Many keys are sent in several requests, none of them too large.
func TestPurge_Many(t *testing.T) {
	t.Parallel()
	var keys []string
	for i := range 250 {
		keys = append(keys, fmt.Sprint("books/", i))
	}
	for i := range 10 {
		keys = append(keys, "books/"+strings.Repeat("x", 800)+fmt.Sprint(i))
	}
	var mu sync.Mutex
	var got []string
	requests := 0
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		value := r.Header.Get("Surrogate-Key")
		if part := strings.Fields(value); len(part) > 100 || len(value) > 4096 {
			t.Errorf("%d keys in %d bytes", len(part), len(value))
		} else {
			got = append(got, part...)
		}
		requests++
	}))
	t.Cleanup(server.Close)
	if err := purge.New(purge.Options{URL: server.URL, Form: purge.Header, Timeout: time.Minute}).Purge(t.Context(), keys); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(got, keys) || requests > 6 {
		t.Errorf("%d keys in %d requests, want %d", len(got), requests, len(keys))
	}
}

// A cache that does not say yes is a failure, and tells no secret.
func TestPurge_Failures(t *testing.T) {
	t.Parallel()
	gone := newCache(t, http.StatusOK)
	gone.Close()
	for name, url := range map[string]string{
		"refused": newCache(t, http.StatusForbidden).URL, "redirect": newCache(t, http.StatusFound).URL, "broken": newCache(t, http.StatusInternalServerError).URL,
		"away": gone.URL, "no URL": "http://[::1", "nothing": "http://127.0.0.1:1",
	} {
		err := purge.New(purge.Options{URL: url + "/secret", Form: purge.Header, Timeout: time.Minute}).Purge(t.Context(), []string{"k"})
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", name, err)
		}
	}
}
