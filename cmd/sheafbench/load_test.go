package main

import (
	"context"
	"errors"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

func TestHit(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(answersFromMemory())
	defer server.Close()
	addr := strings.TrimPrefix(server.URL, "http://")
	var checked atomic.Int64
	ask := func(want int) asking {
		return inTurn(200, func(i int) question { return question{get("/docs/" + documentID(i)), want, i} })
	}
	count := func(_ question, a answer) error {
		checked.Add(1)
		return isAnything(question{}, a)
	}
	all, err := hit(t.Context(), addr, load{connections: 4, requests: 200, every: 1}, ask(200), count)
	if err != nil || len(all.latencies) != 200 || checked.Load() != 200 || all.elapsed <= 0 {
		t.Errorf("%d latencies, %d checked, %v", len(all.latencies), checked.Load(), err)
	}
	checked.Store(0)
	if _, err := hit(t.Context(), addr, load{connections: 1, requests: 129}, ask(200), count); err != nil || checked.Load() != 3 {
		t.Errorf("%d checked of 129, want one in 64: %v", checked.Load(), err)
	}
	if _, err := hit(t.Context(), addr, load{connections: 2, requests: 10}, ask(201), nil); err == nil || !strings.Contains(err.Error(), `status 200, want 201: {"id":`) {
		t.Errorf("another status: %v", err)
	}
	wrong := errors.New("wrong")
	if _, err := hit(t.Context(), addr, load{connections: 2, requests: 10}, ask(200), func(question, answer) error { return wrong }); !errors.Is(err, wrong) {
		t.Errorf("a wrong answer: %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if all, err := hit(ended, addr, load{connections: 2}, ask(200), nil); err != nil || len(all.latencies) != 0 {
		t.Errorf("after the end: %d, %v", len(all.latencies), err)
	}
}

func TestBaseline_FromMemory(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(answersFromMemory())
	defer server.Close()
	addr := strings.TrimPrefix(server.URL, "http://")
	var tag string
	keep := func(_ question, a answer) error { tag = a.tag; return nil }
	once := load{connections: 1, requests: 1, every: 1}
	if _, err := hit(t.Context(), addr, once, func(_, _ int) question { return question{get("/tagged/x"), 200, 0} }, keep); err != nil || tag == "" {
		t.Fatalf("tag %q, %v", tag, err)
	}
	for _, q := range []question{
		{getUnless("/tagged/x", tag), 304, 0}, {getUnless("/tagged/x", `"other"`), 200, 0}, {get("/docs"), 200, 0},
		{send("POST", "/docs", sample(1)), 201, 0}, {send("PUT", "/docs/x", sample(1)), 200, 0},
	} {
		verify := check(isAnything)
		if q.want == 304 {
			verify = isUnchanged([]string{tag}, isAnything)
		}
		if _, err := hit(t.Context(), addr, once, func(_, _ int) question { return q }, verify); err != nil {
			t.Errorf("%.40s: %v", q.wire, err)
		}
	}
}

func TestAnswers(t *testing.T) {
	t.Parallel()
	const two = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nEtag: \"7\"\r\n\r\n{}"
	tests := []struct {
		name, wire string
		sampled    bool
		want       []answer
		fails      string
	}{
		{name: "length", wire: two + two, sampled: true, want: []answer{{200, `"7"`, []byte("{}")}, {200, `"7"`, []byte("{}")}}},
		{name: "not looked at", wire: two + two, want: []answer{{200, "", nil}, {200, "", nil}}},
		{name: "not wanted", wire: "HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno" + two, want: []answer{{404, "", []byte("no")}, {200, "", nil}}},
		{name: "chunks", wire: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{\"a\r\nA\r\n\":12345678\r\n1\r\n}\r\n0\r\n\r\n" + two, sampled: true, want: []answer{{200, "", []byte(`{"a":12345678}`)}, {200, `"7"`, []byte("{}")}}},
		{name: "chunks not looked at", wire: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n" + two, want: []answer{{200, "", nil}, {200, "", nil}}},
		{name: "without a body", wire: "HTTP/1.1 304 Not Modified\r\nETag: \"8\"\r\n\r\n" + two, sampled: true, want: []answer{{304, `"8"`, nil}, {200, `"7"`, []byte("{}")}}},
		{name: "another protocol", wire: "SSH-2.0-x\r\n", fails: "no answer of HTTP"},
		{name: "a length that is none", wire: "HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", fails: "no length"},
		{name: "no length", wire: "HTTP/1.1 200 OK\r\n\r\n", fails: "without length"},
		{name: "a chunk that is none", wire: "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nx\r\n", fails: "no size of a chunk"},
		{name: "cut", wire: two[:len(two)-1], sampled: true, fails: "unexpected EOF"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			in := newAnswers(strings.NewReader(test.wire))
			for i, want := range test.want {
				got, err := in.next(test.sampled, 200)
				if err != nil || got.status != want.status || got.tag != want.tag || string(got.body) != string(want.body) {
					t.Errorf("%d: got %d %s %q, %v", i, got.status, got.tag, got.body, err)
				}
			}
			if test.fails != "" {
				if _, err := in.next(test.sampled, 200); err == nil || !strings.Contains(err.Error(), test.fails) {
					t.Errorf("got %v, want %s", err, test.fails)
				}
			}
		})
	}
}
