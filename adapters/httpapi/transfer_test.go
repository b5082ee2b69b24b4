package httpapi_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sheafdb/sheaf/adapters/memory"
	"github.com/sheafdb/sheaf/domain/fault"
)

// An answer is the same however it is sent, and so is its entity tag.
func TestEncodedAnswers(t *testing.T) {
	t.Parallel()
	a := inMemory(t)
	a.declare(t, "books", `{}`)
	a.put(t, "books", "moby-dick", `{"text":"`+strings.Repeat("Call me Ishmael. ", 1000)+`"}`)
	for _, target := range []string{mobyPath, booksPath + "/documents", booksPath + "/export", booksPath, "/openapi.yaml", "/", "/v1/" + strings.Repeat("x", 3000), "/problems/stale", "/docs/swagger-ui.css"} {
		plain := a.send(t, "GET "+target, "", "Request-Id: r")
		for _, encoding := range []string{"gzip", "zstd"} {
			got := a.send(t, "GET "+target, "", "Request-Id: r", "Accept-Encoding: "+encoding)
			text := got.body
			if applied := got.header.Get("Content-Encoding"); applied != "" {
				text = unpack(t, applied, got.body)
			}
			if !bytes.Equal(text, plain.body) || got.status != plain.status {
				t.Errorf("%s %s: %d %.100s, want %d %.100s", encoding, target, got.status, text, plain.status, plain.body)
			}
			if !strings.HasPrefix(target, "/docs/") && got.header.Get("Etag") != plain.header.Get("Etag") {
				t.Errorf("%s %s: etag %s, want %s", encoding, target, got.header.Get("Etag"), plain.header.Get("Etag"))
			}
			if len(plain.body) > 4096 && len(got.body) > len(plain.body)/2 && !strings.HasPrefix(target, "/docs/") {
				t.Errorf("%s %s: %d bytes of %d", encoding, target, len(got.body), len(plain.body))
			}
		}
	}
	for _, encoding := range []string{"", "identity", "gzip"} {
		for _, send := range []string{"GET " + mobyPath, "HEAD " + mobyPath, "GET /v1/nothing", "DELETE " + booksPath + "/documents/ghost"} {
			if got := a.send(t, send, "", "Accept-Encoding: "+encoding).header.Get("Vary"); got != "Accept-Encoding" {
				t.Errorf("%s, %q: Vary %q", send, encoding, got)
			}
		}
	}
	if got := a.send(t, "HEAD "+booksPath+"/documents", "", "Accept-Encoding: gzip").header.Get("Content-Length"); got != "" {
		t.Errorf("HEAD says %s bytes, which GET does not send", got)
	}
	wantStatus(t, a.send(t, "GET "+mobyPath, "", "Accept-Encoding: gzip", `If-None-Match: "1"`), http.StatusNotModified)
}

// An export that fails on its way is seen to fail, however much was sent before and however it is encoded.
func TestExport_Aborted(t *testing.T) {
	t.Parallel()
	store := memory.New()
	source := serve(t, store)
	source.declare(t, "books", `{}`)
	wantStatus(t, source.send(t, "POST "+booksPath+"/import", "["+strings.Repeat(`{"text":"Call me Ishmael."},`, 4999)+"{}]"), http.StatusOK)
	ends := map[string]func() error{
		"fails": func() error {
			return fault.New(fault.Unavailable, "postgres.unavailable", "the database does not answer")
		},
		"panics": func() error { panic("password=secret") },
	}
	for name, end := range ends {
		for _, after := range []int{1, 4000} {
			for _, encoding := range []string{"identity", "gzip", "zstd"} {
				t.Run(fmt.Sprint(name, " after ", after, ", ", encoding), func(t *testing.T) {
					t.Parallel()
					a := serve(t, cutting{store, after, end})
					response, err := a.http.Do(a.request(t, "GET "+booksPath+"/export", "", "Accept-Encoding: "+encoding))
					if err != nil {
						return // nothing was sent yet
					}
					defer response.Body.Close()
					if text, err := io.ReadAll(response.Body); err == nil {
						t.Errorf("%d with %d bytes looks whole", response.StatusCode, len(text))
					}
				})
			}
		}
		t.Run(name+" at once", func(t *testing.T) {
			t.Parallel()
			got := serve(t, cutting{store, 0, end}).send(t, "GET "+booksPath+"/export", "")
			if got.status < http.StatusInternalServerError || strings.Contains(string(got.body), "secret") {
				t.Errorf("%d %s", got.status, got.body)
			}
		})
	}
}

func TestExport_Empty(t *testing.T) {
	t.Parallel()
	a := inMemory(t)
	a.declare(t, "books", `{}`)
	if got := wantStatus(t, a.send(t, "GET "+booksPath+"/export", ""), http.StatusOK); len(got.body) > 0 || got.header.Get("Content-Type") != "application/x-ndjson" {
		t.Errorf("%q as %s", got.body, got.header.Get("Content-Type"))
	}
}

// conversation is an import whose answer is read while its body is written.
type conversation struct {
	t      *testing.T
	body   *io.PipeWriter
	answer *bufio.Scanner
}

// converse begins an import. Its first part is sent before the answer is waited for.
func converse(t *testing.T, a *api, target, first string, headers ...string) *conversation {
	t.Helper()
	read, write := io.Pipe()
	t.Cleanup(func() { _ = write.Close() })
	r := a.request(t, "POST "+target, "", append([]string{"Content-Type: application/x-ndjson", "Accept: application/x-ndjson"}, headers...)...)
	r.Body, r.ContentLength = read, -1
	sent := make(chan error, 1)
	go func() {
		_, err := io.WriteString(write, first)
		sent <- err
	}()
	response, err := a.http.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	if err := <-sent; err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("%d %v", response.StatusCode, err)
	}
	return &conversation{t, write, bufio.NewScanner(response.Body)}
}

func (c *conversation) say(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c.body, text); err != nil {
		c.t.Fatal(err)
	}
}

type importLine struct {
	Error   *lineFault
	Report  *report
	Problem *problem
}

func (c *conversation) hear() (line importLine) {
	c.t.Helper()
	if !c.answer.Scan() {
		c.t.Fatalf("the answer ended: %v", c.answer.Err())
	}
	if err := json.Unmarshal(c.answer.Bytes(), &line); err != nil {
		c.t.Fatalf("%v: %s", err, c.answer.Bytes())
	}
	if line.Report != nil {
		wantSchema(c.t, "ImportReport", field(c.t, c.answer.Bytes(), "report"))
	} else {
		wantSchema(c.t, "ImportError", field(c.t, c.answer.Bytes(), "error"))
	}
	return line
}

func field(tb testing.TB, object []byte, name string) []byte {
	tb.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal(object, &members); err != nil {
		tb.Fatal(err)
	}
	return members[name]
}

// A fault is told as soon as it is known, while the client still sends.
func TestImport_Duplex(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, target, first, second string
		lines                       [2]int64
		report                      report
	}{
		{"strict", booksPath + "/import", "{}\n{\n", "7\n", [2]int64{2, 3}, report{Failed: 2}},
		// In this mode a chunk of 500 lines is stored before its faults are told.
		{"skip", booksPath + "/import?mode=skip", "{}\n{\n" + strings.Repeat("{}\n", 498), "7\n" + strings.Repeat("{}\n", 499), [2]int64{2, 501}, report{Created: 998, Failed: 2}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a := inMemory(t)
			a.declare(t, "books", `{}`)
			c := converse(t, a, test.target, test.first)
			for i, text := range []string{"", test.second} {
				c.say(text)
				if got := c.hear(); got.Error == nil || got.Error.Line != test.lines[i] {
					t.Fatalf("got %+v, want the fault of line %d", got.Error, test.lines[i])
				}
			}
			if err := c.body.Close(); err != nil {
				t.Fatal(err)
			}
			if got := c.hear().Report; got == nil || fmt.Sprint(*got) != fmt.Sprint(test.report) {
				t.Errorf("got %+v, want %+v", got, test.report)
			}
			if c.answer.Scan() {
				t.Errorf("something follows the report: %s", c.answer.Text())
			}
		})
	}
}

// A stream has every fault, a report the first thousand. Both count them all.
func TestImport_ManyFaults(t *testing.T) {
	t.Parallel()
	a := inMemory(t)
	a.declare(t, "books", `{}`)
	body := strings.Repeat("<\n", 3000)
	got := wantProblem(t, a.send(t, "POST "+booksPath+"/import", body, "Content-Type: application/x-ndjson"), http.StatusUnprocessableEntity, "import.failed")
	if got.Report.Failed != 3000 || len(got.Report.Errors) != 1000 || got.Report.Errors[999].Line != 1000 {
		t.Errorf("%d failed, %d told", got.Report.Failed, len(got.Report.Errors))
	}
	for _, mode := range []string{"strict", "skip"} {
		stream := wantStatus(t, a.send(t, "POST "+booksPath+"/import?mode="+mode, body, "Content-Type: application/x-ndjson", "Accept: application/x-ndjson"), http.StatusOK)
		lines := strings.Split(strings.TrimSpace(string(stream.body)), "\n")
		if len(lines) != 3001 || lines[3000] != `{"report":{"created":0,"replaced":0,"unchanged":0,"skipped":0,"failed":3000}}` {
			t.Errorf("%s: %d lines, the last %s", mode, len(lines), lines[len(lines)-1])
		}
	}
}

// An import that ends badly after the answer began says so in its last line.
func TestImport_StreamEndsWithProblem(t *testing.T) {
	t.Parallel()
	a := inMemory(t)
	a.declare(t, "books", `{}`)
	c := converse(t, a, booksPath+"/import", "{\n{\"n\":1}\n", "Content-Encoding: identity")
	if got := c.hear(); got.Error == nil {
		t.Fatalf("got %+v, want a fault", got)
	}
	_ = c.body.CloseWithError(errors.New("the client is gone"))
	for c.answer.Scan() {
		t.Errorf("an answer to nobody: %s", c.answer.Text())
	}
	a.stop()
	if got := contents(t, a.store); strings.Contains(got, `"n"`) {
		t.Errorf("something was stored: %s", got)
	}
}

// In mode skip, what came whole before the body broke off stays, and the report counts it.
func TestImport_BrokenArray(t *testing.T) {
	t.Parallel()
	a := inMemory(t)
	a.declare(t, "books", `{}`)
	p := wantProblem(t, a.send(t, "POST "+booksPath+"/import?mode=skip", `[{"n":1},{"n":2}`), http.StatusBadRequest, "json.invalid")
	if p.Report.Created != 1 || len(a.walk(t, "books", 7)) != 1 {
		t.Errorf("%+v, want one created", p.Report)
	}
	stream := wantStatus(t, a.send(t, "POST "+booksPath+"/import?mode=skip", `[3,{"n":3},{`, "Accept: application/x-ndjson"), http.StatusOK)
	lines := strings.Split(strings.TrimSpace(string(stream.body)), "\n")
	var last importLine
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &last); err != nil {
		t.Fatal(err)
	}
	if len(lines) != 2 || last.Problem == nil || last.Problem.Code != "json.invalid" || last.Report.Created != 1 || last.Report.Failed != 1 {
		t.Errorf("got %s", stream.body)
	}
}

// A client that leaves in the middle leaves nothing of a strict import behind, and is no failure of ours.
func TestImport_ClientGone(t *testing.T) {
	t.Parallel()
	registry := prometheus.NewRegistry()
	a := inMemory(t, func(s *settings) { s.Registry = registry })
	a.declare(t, "books", `{}`)
	ctx, leave := context.WithCancel(t.Context())
	read, write := io.Pipe()
	r := a.request(t, "POST "+booksPath+"/import", "", "Content-Type: application/x-ndjson").WithContext(ctx)
	r.Body, r.ContentLength = read, -1
	left := make(chan error, 1)
	go func() {
		response, err := a.http.Do(r)
		if err == nil {
			_ = response.Body.Close()
		}
		left <- err
	}()
	if _, err := io.WriteString(write, strings.Repeat("{}\n", 5000)); err != nil {
		t.Fatal(err)
	}
	leave()
	_ = write.CloseWithError(context.Canceled) // the transport waits for whoever reads the body
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("the client got %v", err)
	}
	a.stop()
	if got := contents(t, a.store); strings.Contains(got, "{}") {
		t.Errorf("something was stored: %.300s", got)
	}
	for _, status := range []string{"500", "200"} {
		if n := observed(t, registry, "importDocuments", status); n != 0 {
			t.Errorf("%d answers with %s", n, status)
		}
	}
}

// observed returns how many answers of that kind were counted.
func observed(tb testing.TB, registry *prometheus.Registry, operation, status string) uint64 {
	tb.Helper()
	families, err := registry.Gather()
	if err != nil {
		tb.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != "sheaf_http_request_duration_seconds" {
			continue
		}
		for _, metric := range family.GetMetric() {
			labels := map[string]string{}
			for _, pair := range metric.GetLabel() {
				labels[pair.GetName()] = pair.GetValue()
			}
			if labels["operation"] == operation && labels["status"] == status {
				return metric.GetHistogram().GetSampleCount()
			}
		}
	}
	return 0
}
