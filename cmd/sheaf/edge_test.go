package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/adapters/postgres/pgtest"
	"github.com/sheafdb/sheaf/ports/app"
)

// A cache in front is told what changes, from where it was left, and twice; and the metrics say so.
func TestWhole_Purge(t *testing.T) {
	t.Parallel()
	told := make(chan string, 100)
	cache := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		told <- r.Method + " " + r.Header.Get("Authorization") + " " + string(body)
	}))
	t.Cleanup(cache.Close)
	await := func(want string) {
		t.Helper()
		select {
		case got := <-told:
			if got != want {
				t.Fatalf("told %q, want %q", got, want)
			}
		case <-time.After(30 * time.Second):
			t.Fatalf("waited in vain for %q", want)
		}
	}
	database := pgtest.Open(t)
	flags := []string{"--postgres-migrate=auto", "--purge-urls=" + cache.URL, "--purge-form=json", "--purge-token=t", "--purge-again=1s"}
	url, stop := startWhole(t, database, flags...)
	active := "sheaf_purge_active{cache=\"" + strings.TrimPrefix(cache.URL, "http://") + "\"} 1\n"
	for begun := time.Now(); !strings.Contains(mustAsk(t, http.MethodGet, url+"/metrics", "", http.StatusOK), active); time.Sleep(10 * time.Millisecond) {
		if time.Since(begun) > 30*time.Second {
			t.Fatal("nobody tells the cache")
		}
	}
	mustAsk(t, http.MethodPut, url+"/v1/collections/books", `{"cache": {"public": true, "maxAge": "1m"}}`, http.StatusCreated)
	const whole, document = `POST Bearer t {"keys":["books"]}`, `POST Bearer t {"keys":["books/emma","books:list"]}`
	await(whole)
	await(whole)
	mustAsk(t, http.MethodPut, url+"/v1/collections/books/documents/emma", `{}`, http.StatusCreated)
	await(document)
	await(document)
	if err := stop(); err != nil {
		t.Fatal(err)
	}

	without, stop := startWhole(t, database) // which tells nobody
	mustAsk(t, http.MethodDelete, without+"/v1/collections/books/documents/emma", "", http.StatusNoContent)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	_, stop = startWhole(t, database, flags...)
	await(document)
	await(document)
	if err := stop(); err != nil {
		t.Fatal(err)
	}
	if left := len(told); left > 0 {
		t.Errorf("%d more", left)
	}
}

func TestEdgeCaches(t *testing.T) {
	t.Parallel()
	var turns []string
	for _, c := range edgeCaches(PurgeSettings{URLs: []string{"http://a/?x=secret", "http://a/?x=other", "https://b:8000/"}, Form: "header"}, app.Dependencies{}) {
		if strings.Contains(c.sender.Turn, "secret") || slices.Contains(turns, c.sender.Turn) || !strings.HasPrefix(c.sender.Turn, "edge/"+c.host+"/") {
			t.Errorf("turn %s", c.sender.Turn)
		}
		turns = append(turns, c.sender.Turn)
	}
	if len(turns) != 3 {
		t.Errorf("%d turns", len(turns))
	}
}
