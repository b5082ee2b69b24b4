package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/sheafdb/sheaf/adapters/postgres/pgtest"
)

// The process is killed between the commit and the answer. Whoever sends the request again has one document and the answer that never came.
func TestWhole_KilledBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	database := migrated.Open(t)
	proxy := pgtest.NewProxy(t, database)
	// Statements are sent as text, so that the one that commits is known when it comes by.
	p := startProcess(t, whole, "serve", "--http-addr=127.0.0.1:0", "--postgres-exec-mode=exec", "--postgres-url="+proxy.DSN())
	url := fmt.Sprint("http://", p.await("listening")["addr"])
	mustAsk(t, http.MethodPut, url+"/v1/collections/books", books, http.StatusCreated)
	create := func(url string) (*http.Response, string, error) {
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v1/collections/books/documents", strings.NewReader(`{"title": "Emma"}`))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		request.Header.Set("Idempotency-Key", `"emma-1"`)
		request.Close = true
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			return nil, "", err
		}
		defer func() { _ = response.Body.Close() }()
		text, err := io.ReadAll(response.Body)
		return response, string(text), err
	}
	proxy.KillOn("sheaf_settle_receipts_v1")
	answered := make(chan error, 1)
	go func() {
		response, _, err := create(url)
		if err == nil {
			err = fmt.Errorf("answered %s", response.Status)
		} else {
			err = nil
		}
		answered <- err
	}()
	<-proxy.Died()
	other, _ := startWhole(t, database)
	eventually(t, "the document is committed", func() bool { return len(ids(t, other, "books")) == 1 })
	p.signal(syscall.SIGKILL)
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
	for range 2 {
		response, text, err := create(other)
		if err != nil || response.StatusCode != http.StatusCreated || response.Header.Get("Idempotency-Replayed") != "true" {
			t.Fatalf("got %v, %s, %v", response, text, err)
		}
		if found := ids(t, other, "books"); len(found) != 1 || !strings.Contains(text, found[0]) || response.Header.Get("Location") != "/v1/collections/books/documents/"+found[0] {
			t.Errorf("there are %q, and the answer is %s", found, text)
		}
	}
}
