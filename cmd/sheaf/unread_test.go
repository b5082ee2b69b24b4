package main

import (
	"bufio"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// What net/http refuses by itself is a problem like every other, and what a handler answers is left alone.
func TestUnreadRequests(t *testing.T) {
	t.Parallel()
	const plain = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n400 Bad Request"
	addr, _ := startServe(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, plain) }), func(string) {}, "--http-max-header-bytes=4KiB")
	send := func(t *testing.T, text string) *http.Response {
		t.Helper()
		conn, err := new(net.Dialer).DialContext(t.Context(), "tcp", addr.String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		go func() { _, _ = io.WriteString(conn, text) }() // the server may stop reading before the end
		response, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = response.Body.Close() })
		return response
	}
	for name, test := range map[string]struct {
		send, code, detail string
		status             int
	}{
		"large headers":   {"GET / HTTP/1.1\r\nHost: x\r\nX: " + strings.Repeat("x", 20<<10) + "\r\n\r\n", "request.headersTooLarge", "too large", 431},
		"large line":      {"GET /" + strings.Repeat("x", 20<<10) + " HTTP/1.1\r\nHost: x\r\n\r\n", "request.headersTooLarge", "too large", 431},
		"no HTTP":         {"hello\r\n\r\n", "request.http", "cannot be read", 400},
		"no host":         {"GET / HTTP/1.1\r\n\r\n", "request.http", "missing required Host header", 400},
		"two hosts":       {"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", "request.http", "cannot be read", 400},
		"a broken header": {"GET / HTTP/1.1\r\nHost: x\r\na b: c\r\n\r\n", "request.http", "cannot be read", 400},
		"two lengths":     {"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", "request.http", "cannot be read", 400},
		"another coding":  {"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n", "request.transferEncoding", "not known", 501},
		"another version": {"GET / HTTP/3.0\r\nHost: x\r\n\r\n", "request.httpVersion", "not spoken here", 505},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			response := send(t, test.send)
			body, err := io.ReadAll(response.Body)
			if err != nil {
				t.Fatal(err)
			}
			var p struct{ Type, Code, Detail, RequestID string }
			if err := json.Unmarshal(body, &p); err != nil {
				t.Fatalf("%v: %q", err, body)
			}
			if response.StatusCode != test.status || response.Header.Get("Content-Type") != "application/problem+json" || response.ContentLength != int64(len(body)) {
				t.Errorf("%d %v", response.StatusCode, response.Header)
			}
			if p.Code != test.code || !strings.Contains(p.Detail, test.detail) || p.RequestID == "" || p.RequestID != response.Header.Get("Request-Id") || !strings.HasPrefix(p.Type, "/problems/") {
				t.Errorf("got %s", body)
			}
		})
	}
	response := send(t, "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
	if body, err := io.ReadAll(response.Body); err != nil || string(body) != plain {
		t.Errorf("%v: %q", err, body)
	}
}
