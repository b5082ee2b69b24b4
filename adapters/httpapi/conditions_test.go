package httpapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/sheafdb/sheaf/adapters/memory"
)

// wrongConditions are values of If-Match and If-None-Match that are none.
var wrongConditions = []string{
	`1`, `"1`, `1"`, `'1'`, `"1" "2"`, `"1";"2"`, `w/"1"`, `W/1`, `W/ "1"`, `W"1"`, `"a b"`, "\"a\tb\"", `**`, `*, "1"`, `"1", *`, `* ` + `*`, `""1""`, `"1", 2`, `,`, `W/`, `null`, `{"a":1}`, `"1"x`,
	`“1”`, `\"1\"`,
}

// Whatever a condition looks like: what cannot be read is refused and does nothing, and what can be read and names nothing of ours is a condition like any other.
func TestConditions_Wrong(t *testing.T) {
	t.Parallel()
	a := inMemory(t)
	furnish(t, a)
	held := contents(t, a.store)
	for _, request := range []struct {
		send, body string
		headers    []string
	}{
		{"GET " + mobyPath, "", []string{"If-Match", "If-None-Match"}},
		{"HEAD " + mobyPath, "", []string{"If-Match", "If-None-Match"}},
		{"PUT " + mobyPath, `{}`, []string{"If-Match", "If-None-Match"}},
		{"PATCH " + mobyPath, `{"x":1}`, []string{"If-Match", "If-None-Match"}},
		{"DELETE " + mobyPath, "", []string{"If-Match"}},
		{"POST " + mobyPath + "/restore", `{"revision":1}`, []string{"If-Match", "If-None-Match"}},
		{"GET " + mobyPath + "/revisions/1", "", []string{"If-None-Match"}},
		{"GET " + booksPath, "", []string{"If-None-Match"}},
		{"PUT " + booksPath, `{"description":"x"}`, []string{"If-Match", "If-None-Match"}},
		{"PATCH " + booksPath, `{"description":"x"}`, []string{"If-Match"}},
		{"DELETE " + booksPath + "?force=true", "", []string{"If-Match"}},
		{"GET " + booksPath + "/documents", "", []string{"If-Match", "If-None-Match"}},
		{"POST " + booksPath + "/query", `{}`, []string{"If-None-Match"}},
		{"POST " + booksPath + "/aggregate", `{"stages":[]}`, []string{"If-None-Match"}},
	} {
		for _, header := range request.headers {
			for _, value := range wrongConditions {
				got := a.send(t, request.send, request.body, header+": "+value)
				if got.status != http.StatusBadRequest || !strings.HasPrefix(request.send, "HEAD") && got.code(t) != "condition.malformed" {
					t.Errorf("%s with %s: %s: %d %.200s", request.send, header, value, got.status, got.body)
				}
			}
			got := a.send(t, request.send, request.body, header+`: "`+strings.Repeat("x", 5000)+`"`)
			if got.status != http.StatusBadRequest {
				t.Errorf("%s with a long %s: %d", request.send, header, got.status)
			}
		}
	}
	if contents(t, a.store) != held {
		t.Error("something was written")
	}
}

// Conditions on a time, and on parts, are not for resources that have neither (RFC 9110 sections 13.1.3 to 13.1.5 and 14.2): they change nothing.
func TestConditions_Ignored(t *testing.T) {
	t.Parallel()
	a := inMemory(t)
	furnish(t, a)
	for _, send := range []string{"GET " + mobyPath, "HEAD " + mobyPath, "GET " + booksPath + "/documents", "GET " + booksPath, "GET " + booksPath + "/export"} {
		want := a.send(t, send, "", "Request-Id: r")
		for _, header := range []string{
			"If-Modified-Since: Wed, 25 Nov 2099 00:00:00 GMT", "If-Unmodified-Since: Thu, 01 Jan 1970 00:00:00 GMT", "If-Modified-Since: yesterday", `If-Range: "1"`, "If-Range: nonsense",
			"Range: bytes=0-1", "Range: bytes=9-", "Range: lines=1", "Range: nonsense",
		} {
			got := a.send(t, send, "", "Request-Id: r", header)
			if got.status != want.status || string(got.body) != string(want.body) || got.header.Get("Etag") != want.header.Get("Etag") || got.header.Get("Content-Range") != "" {
				t.Errorf("%s with %s: %d %.200s, want %d %.200s", send, header, got.status, got.body, want.status, want.body)
			}
		}
	}
}

// What a list of entity tags is, written as RFC 9110 writes it: the model that the reader of conditions is compared with.
var (
	anyTag  = regexp.MustCompile(`^[ \t]*\*[ \t]*$`)
	oneTag  = `(W/)?"[\x21\x23-\x7e\x80-\x{10ffff}]*"`
	tagList = regexp.MustCompile(`^[ \t,]*` + oneTag + `([ \t]*,[ \t,]*` + oneTag + `)*[ \t,]*$`)
	tags    = regexp.MustCompile(oneTag)
)

// holds says whether the model takes one of the tags for the current one; readable whether it takes the text for a condition at all.
func holds(text, current string, weak bool) (holds, readable bool) {
	switch {
	case anyTag.MatchString(text):
		return true, true
	case !tagList.MatchString(text):
		return false, false
	}
	for _, tag := range tags.FindAllString(text, -1) {
		opaque, isWeak := strings.CutPrefix(tag, "W/")
		if opaque == current && (weak || !isWeak) {
			return true, true
		}
	}
	return false, true
}

// A condition is decided as the model decides it, on a document and on a list.
func FuzzConditions(f *testing.F) {
	for _, value := range append(slices.Clone(wrongConditions), "\"\u007f\"", ``, `*`, `"1"`, `W/"1"`, `"2"`, ` , "1" ,, "x"`, `"01"`, `"+1"`, `""`, `"1", "1"`, `"9223372036854775808"`, `"ä"`, `TAG`, `W/TAG, "1"`) {
		f.Add(value, "")
		f.Add("", value)
		f.Add(value, `"1"`)
	}
	a := serve(f, memory.New())
	a.declare(f, "books", `{}`)
	a.put(f, "books", "moby-dick", `{}`)
	listPath := booksPath + "/documents"
	current := map[string]string{mobyPath: `"1"`, listPath: a.send(f, "GET "+listPath, "").header.Get("Etag")}
	f.Fuzz(func(t *testing.T, match, noneMatch string) {
		for path, tag := range current {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil)
			values := map[string]string{"If-Match": strings.ReplaceAll(match, "TAG", tag), "If-None-Match": strings.ReplaceAll(noneMatch, "TAG", tag)}
			for name, value := range values {
				if len(value) > 4096 || strings.ContainsAny(value, "\r\n\x00") || strings.ToValidUTF8(value, "") != value || strings.Trim(value, " \t") != value {
					return // no header of HTTP, or refused for its length
				}
				if value != "" {
					r.Header.Set(name, value)
				}
			}
			w := httptest.NewRecorder()
			a.ServeHTTP(w, r)
			want := http.StatusOK
			matches, matchReadable := holds(values["If-Match"], tag, false)
			none, noneReadable := holds(values["If-None-Match"], tag, true)
			switch {
			case values["If-Match"] != "" && !matchReadable, values["If-None-Match"] != "" && !noneReadable:
				want = http.StatusBadRequest
			case values["If-Match"] != "" && !matches:
				want = http.StatusPreconditionFailed
			case values["If-None-Match"] != "" && none:
				want = http.StatusNotModified
			}
			if w.Code != want {
				t.Errorf("%s with %s: %d, want %d", path, fmt.Sprintf("%q", values), w.Code, want)
			}
		}
	})
}
