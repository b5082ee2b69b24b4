package sheaf_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	sheaf "github.com/sheafdb/sheaf/sdk/go"
)

const stale = `{"type":"/problems/stale","title":"Stale","status":412,"code":"document.stale","detail":"it is at revision 3","requestId":"r1","currentRevision":3,` +
	`"errors":[{"in":"header","pointer":"If-Match","code":"stale","message":"does not hold"}]}`

func TestCheck(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer k" {
			http.Error(w, "who?", http.StatusUnauthorized)
			return
		}
		if strings.HasSuffix(r.URL.Path, "/bad") {
			w.Header().Set("Content-Type", "application/problem+json; charset=utf-8")
			w.WriteHeader(http.StatusPreconditionFailed)
			_, _ = io.WriteString(w, stale)
			return
		}
		_, _ = io.WriteString(w, "good")
	}))
	t.Cleanup(server.Close)
	get := func(key, collection string) (*http.Response, error) {
		client, err := sheaf.NewClient(server.URL, sheaf.WithKey(key))
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.GetCollection(t.Context(), collection, nil)
		if err != nil {
			t.Fatal(err)
		}
		return response, sheaf.Check(response)
	}

	response, err := get("k", "good")
	if err != nil {
		t.Fatal(err)
	}
	if body, err := io.ReadAll(response.Body); err != nil || string(body) != "good" {
		t.Errorf("got %q, %v", body, err)
	}
	_ = response.Body.Close()

	for key, want := range map[string]string{
		"k":     "it is at revision 3 (412 document.stale), request r1; If-Match: does not hold (stale)",
		"wrong": "Unauthorized (401)",
	} {
		response, err := get(key, "bad")
		var problem *sheaf.Problem
		if !errors.As(err, &problem) || err.Error() != want || problem.Status != response.StatusCode {
			t.Errorf("got %v, want %s", err, want)
		}
	}
}

func TestReadImport(t *testing.T) {
	t.Parallel()
	const bad, done = `{"error":{"line":2,"pointer":"/n","code":"type","message":"must be a number"}}`, `{"report":{"created":1,"failed":1}}`
	tests := []struct {
		name, answer string
		faults       []string
		created      int64
		err          error
	}{
		{name: "whole", answer: bad + "\n" + bad + "\n" + done + "\n", faults: []string{"2: /n: must be a number (type)", "2: /n: must be a number (type)"}, created: 1},
		{name: "good", answer: done, created: 1},
		{name: "no report", answer: bad + "\n", faults: []string{"2: /n: must be a number (type)"}, err: io.ErrUnexpectedEOF},
		{name: "half a line", answer: bad[:20], err: io.ErrUnexpectedEOF},
		{name: "members of later versions", answer: `{"progress":{"lines":1}}` + done, created: 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var faults []string
			report, err := sheaf.ReadImport(strings.NewReader(test.answer), func(e sheaf.ImportError) { faults = append(faults, e.Error()) })
			if report.Created != test.created || !errors.Is(err, test.err) || (err == nil) != (test.err == nil) || !slices.Equal(faults, test.faults) {
				t.Errorf("got %+v, %q, %v", report, faults, err)
			}
		})
	}
	var problem *sheaf.Problem
	report, err := sheaf.ReadImport(strings.NewReader(`{"report":{"created":7},"problem":`+stale+`}`), nil)
	if !errors.As(err, &problem) || problem.Code != "document.stale" || report.Created != 7 {
		t.Errorf("got %+v, %v", report, err)
	}
}
