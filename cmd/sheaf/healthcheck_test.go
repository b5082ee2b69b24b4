package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHealthcheck(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		status int
		body   string
		line   string // of what is printed; "" is nothing, and success
	}{
		"ready":        {http.StatusOK, `{"status":"ok","checks":[]}`, ""},
		"not ready":    {http.StatusServiceUnavailable, `{"status":"failing","checks":[{"name":"postgres","status":"failing","reason":"does not\u0007 answer"},{"name":"x","status":"ok"}]}`, "sheaf: not ready: postgres: does not\uFFFD answer\n"},
		"another":      {http.StatusNotFound, `<html>`, "sheaf: not ready: 404 Not Found\n"},
		"somewhere":    {http.StatusFound, ``, "sheaf: not ready: 302 Found\n"},
		"nothing said": {http.StatusServiceUnavailable, `{}`, "sheaf: not ready: 503 Service Unavailable\n"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.URL.Path != "/readyz" {
					t.Errorf("asked for %s", r.URL)
				}
				w.WriteHeader(test.status)
				_, _ = io.WriteString(w, test.body)
			}))
			t.Cleanup(server.Close)
			p, stdout, stderr := testProgram(t)
			code := report(p.run(t.Context(), []string{"healthcheck", "--http-addr", server.Listener.Addr().String()}), stderr)
			if stderr.String() != test.line || stdout.String() != "" || code != map[bool]int{true: 0, false: 1}[test.line == ""] {
				t.Errorf("%d, %q, %q", code, stdout.String(), stderr.String())
			}
		})
	}
}

func TestHealthcheck_NobodyThere(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := listener.Addr().String()
	_ = listener.Close()
	p, _, stderr := testProgram(t)
	if code := report(p.run(t.Context(), []string{"healthcheck", "--http-addr=" + addr}), stderr); code != 1 || !strings.HasPrefix(stderr.String(), "sheaf: "+addr+" does not answer: ") {
		t.Errorf("%d, %q", code, stderr.String())
	}
}
