package coding_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/zstd"

	"github.com/sheafdb/sheaf/adapters/httpapi/coding"
)

var moby = strings.Repeat("Call me Ishmael. Some years ago, never mind how long precisely. ", 100)

// serve starts a server whose answers are encoded.
func serve(t *testing.T, handler http.HandlerFunc) func(method string, accepted ...string) *http.Response {
	t.Helper()
	encoder := coding.New(func(contentType string) bool { return contentType == "application/json" })
	server := httptest.NewServer(encoder.Wrap(handler, func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusNotAcceptable) }))
	t.Cleanup(server.Close)
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	t.Cleanup(client.CloseIdleConnections)
	return func(method string, accepted ...string) *http.Response {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, server.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header["Accept-Encoding"] = accepted
		response, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = response.Body.Close() })
		return response
	}
}

// whole writes a text at once, as JSON with an entity tag.
func whole(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(text)))
		w.Header().Set("ETag", `"1"`)
		_, _ = io.WriteString(w, text)
	}
}

func decoder(t *testing.T, encoding string, body io.Reader) io.Reader {
	t.Helper()
	switch encoding {
	case "gzip":
		r, err := gzip.NewReader(body)
		if err != nil {
			t.Fatal(err)
		}
		return r
	case "zstd":
		r, err := zstd.NewReader(body, zstd.WithDecoderConcurrency(1))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(r.Close)
		return r
	}
	return body
}

// wantText holds the decoded body against a text, and the coding and the length against what the header says.
func wantText(t *testing.T, response *http.Response, encoding, text string) {
	t.Helper()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if got := response.Header.Get("Content-Encoding"); got != encoding {
		t.Fatalf("Content-Encoding %q, want %q", got, encoding)
	}
	if n := response.ContentLength; n >= 0 && n != int64(len(body)) {
		t.Errorf("Content-Length %d of %d bytes", n, len(body))
	}
	got, err := io.ReadAll(decoder(t, encoding, bytes.NewReader(body)))
	if err != nil || string(got) != text {
		t.Errorf("%v: %d bytes, want %d", err, len(got), len(text))
	}
	if response.Header.Get("Vary") != "Accept-Encoding" {
		t.Errorf("Vary %q", response.Header.Values("Vary"))
	}
}

func TestWhole(t *testing.T) {
	t.Parallel()
	get := serve(t, whole(moby))
	for range 2 { // encoded, and remembered
		for _, encoding := range []string{"gzip", "zstd"} {
			response := get(http.MethodGet, encoding)
			if response.ContentLength <= 0 || response.ContentLength > int64(len(moby)/4) || response.Header.Get("ETag") != `"1"` {
				t.Errorf("%s: %d bytes, %v", encoding, response.ContentLength, response.Header)
			}
			wantText(t, response, encoding, moby)
		}
		wantText(t, get(http.MethodGet), "", moby)
	}
	if got := get(http.MethodGet, "identity;q=0").StatusCode; got != http.StatusNotAcceptable {
		t.Errorf("status %d", got)
	}
}

func TestLeftAlone(t *testing.T) {
	t.Parallel()
	noise := make([]byte, 3000)
	for i := range noise {
		noise[i] = byte(i * i * 31 >> 3 * i)
	}
	header := func(name, value string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.Header().Set(name, value)
			_, _ = io.WriteString(w, moby)
		}
	}
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(code) }
	}
	for name, test := range map[string]struct {
		handler  http.HandlerFunc
		encoding string
	}{
		"short":              {handler: whole("{}")},
		"another media type": {handler: header("Content-Type", "image/png")},
		"encoded already":    {handler: header("Content-Encoding", "br"), encoding: "br"},
		"no content":         {handler: status(http.StatusNoContent)},
		"not modified":       {handler: status(http.StatusNotModified)},
		"a part": {handler: func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusPartialContent)
		}},
		"nothing":              {handler: func(http.ResponseWriter, *http.Request) {}},
		"nothing, and says so": {handler: whole("")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			get := serve(t, test.handler)
			want, got := get(http.MethodGet), get(http.MethodGet, "gzip")
			text, err := io.ReadAll(want.Body)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(got.Body)
			if err != nil || !bytes.Equal(body, text) || got.StatusCode != want.StatusCode || got.ContentLength != want.ContentLength || got.Header.Get("Content-Encoding") != test.encoding {
				t.Errorf("%d %v %v with %d bytes (%v)", got.StatusCode, got.Header, got.ContentLength, len(body), err)
			}
		})
	}
}

// What does not become shorter goes out as it is, unless that is forbidden.
func TestForbidden(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"{}", moby} {
		wantText(t, serve(t, whole(text))(http.MethodGet, "gzip, identity;q=0"), "gzip", text)
	}
	get := serve(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>") })
	response := get(http.MethodGet, "zstd, *;q=0")
	if media := response.Header.Get("Content-Type"); media != "text/html; charset=utf-8" {
		t.Errorf("Content-Type %s", media)
	}
	wantText(t, response, "zstd", "<html>")
}

// A HEAD says what GET would, and no length that GET would not have.
func TestHead(t *testing.T) {
	t.Parallel()
	get := serve(t, whole(moby))
	if response := get(http.MethodHead, "gzip"); response.ContentLength >= 0 || response.Header.Get("Content-Encoding") != "gzip" || response.Header.Get("ETag") != `"1"` {
		t.Errorf("%d %v", response.ContentLength, response.Header)
	}
	if response := get(http.MethodHead); response.ContentLength != int64(len(moby)) {
		t.Errorf("%d %v", response.ContentLength, response.Header)
	}
}

// What is flushed arrives, while the rest is not there yet.
func TestStream(t *testing.T) {
	t.Parallel()
	for _, encoding := range []string{"gzip", "zstd"} {
		t.Run(encoding, func(t *testing.T) {
			t.Parallel()
			goOn := make(chan struct{})
			get := serve(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(http.StatusOK)
				_ = http.NewResponseController(w).Flush()
				for i := range 3 {
					_, _ = fmt.Fprintf(w, "line %d\n", i)
					_ = http.NewResponseController(w).Flush()
					<-goOn
				}
			})
			response := get(http.MethodGet, encoding)
			if got := response.Header.Get("Content-Encoding"); got != encoding {
				t.Fatalf("Content-Encoding %q", got)
			}
			body := decoder(t, encoding, response.Body)
			for i := range 3 {
				line := make([]byte, len("line 0\n"))
				if _, err := io.ReadFull(body, line); err != nil || string(line) != fmt.Sprintf("line %d\n", i) {
					t.Fatalf("%q, %v", line, err)
				}
				goOn <- struct{}{}
			}
			if rest, err := io.ReadAll(body); err != nil || len(rest) > 0 {
				t.Errorf("%q, %v", rest, err)
			}
		})
	}
}

// An answer that breaks off does not look whole.
func TestAborted(t *testing.T) {
	t.Parallel()
	for _, encoding := range []string{"gzip", "zstd"} {
		get := serve(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, moby)
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		})
		if text, err := io.ReadAll(get(http.MethodGet, encoding).Body); err == nil {
			t.Errorf("%s: %d bytes look whole", encoding, len(text))
		}
	}
}

// Callers at once get their own answers, whoever had the compressor before.
func TestConcurrently(t *testing.T) {
	t.Parallel()
	get := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, r.Header.Get("Accept-Encoding"))
		_, _ = io.WriteString(w, moby)
	})
	var all sync.WaitGroup
	for i := range 32 {
		encoding := []string{"gzip", "zstd"}[i%2]
		accepted := fmt.Sprintf("%s, br;q=0.%d", encoding, i)
		response := get(http.MethodGet, accepted)
		all.Go(func() {
			text, err := io.ReadAll(response.Body)
			if err != nil {
				t.Error(err)
				return
			}
			got, err := io.ReadAll(decoder(t, encoding, bytes.NewReader(text)))
			if err != nil || string(got) != accepted+moby {
				t.Errorf("%s: %v, %.40s", accepted, err, got)
			}
		})
	}
	all.Wait()
}
