package main

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"syscall"
	"testing"
)

// The process is killed in the middle of an import. The same file sent again under the same name goes on: every document is there once, and the report counts the whole.
func TestWhole_ImportKilled(t *testing.T) {
	t.Parallel()
	const count = 2300
	database := migrated.Open(t)
	p := startProcess(t, whole, "serve", "--http-addr=127.0.0.1:0", "--postgres-url="+database)
	url := fmt.Sprint("http://", p.await("listening")["addr"])
	mustAsk(t, http.MethodPut, url+"/v1/collections/books", `{"indexes": [{"name": "by_n", "on": ["doc.n"]}]}`, http.StatusCreated)
	var lines strings.Builder
	for i := range count {
		fmt.Fprintf(&lines, "{\"n\": %d}\n", i)
	}
	text := lines.String()

	read, write := io.Pipe()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/v1/collections/books/import?mode=skip&shape=data&existing=error&importId=i1", read)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/x-ndjson")
	answered := make(chan error, 1)
	go func() {
		response, err := http.DefaultClient.Do(request)
		if err == nil {
			err = fmt.Errorf("answered %s", response.Status)
			_ = response.Body.Close()
		} else {
			err = nil
		}
		answered <- err
	}()
	if _, err := io.WriteString(write, text[:len(text)/2]); err != nil {
		t.Fatal(err)
	}
	other, _ := startWhole(t, database)
	eventually(t, "a part is stored", func() bool { return len(ids(t, other, "books")) > 0 })
	p.signal(syscall.SIGKILL)
	_ = p.cmd.Wait()
	_ = write.CloseWithError(io.ErrUnexpectedEOF)
	if err := <-answered; err != nil {
		t.Fatal(err)
	}
	if stored := len(ids(t, other, "books")); stored == 0 || stored >= count/2 {
		t.Errorf("%d documents are stored, which is not in the middle", stored)
	}

	file := mustFile(t, "books.ndjson", []byte(text))
	again := func() outcome {
		return call(t, nil, nil, "import", file, "--collection=books", "--mode=skip", "--import-id=i1", "--url", other)
	}
	var got outcome
	// The name is held by the process that was killed, for as long as it would be believed to be alive.
	eventually(t, "the import goes on", func() bool { got = again(); return !strings.Contains(got.stderr, "import.running") })
	report := fmt.Sprintf("%s: %d created, 0 replaced, 0 unchanged, 0 skipped, 0 failed\n", file, count)
	got.want(t, 0, report, "")
	again().want(t, 0, report, "")
	export := mustAsk(t, http.MethodGet, other+"/v1/collections/books/export?shape=document", "", http.StatusOK)
	if n, first := strings.Count(export, "\n"), strings.Count(export, `"revision":1,`); n != count || first != count {
		t.Errorf("%d documents, %d of them with one revision, want %d", n, first, count)
	}
}
