package httpapi_test

import (
	"net/http"
	"testing"
)

// Every answer to a write has a token, and a read that sends it is answered.
func TestConsistencyToken(t *testing.T) {
	t.Parallel()
	onEvery(t, func(t *testing.T, a *api) { //nolint:thelper // the test itself
		furnish(t, a)
		last := ""
		for _, write := range []struct {
			line, body string
			headers    []string
		}{
			{line: "POST " + booksPath + "/documents?id=one", body: `{}`},
			{line: "PUT " + booksPath + "/documents/one", body: `{"n":1}`},
			{line: "PUT " + booksPath + "/documents/two", body: `{"n":1}`, headers: []string{minimal}},
			{line: "PATCH " + booksPath + "/documents/one", body: `{"n":2}`},
			{line: "PATCH " + booksPath + "/documents/one", body: `{"n":3}`, headers: []string{minimal}},
			{line: "POST " + booksPath + "/documents/one/restore", body: `{"revision":1}`},
			{line: "DELETE " + booksPath + "/documents/one"},
			{line: "POST " + booksPath + "/import", body: `[{"n":1},{"n":2}]`},
		} {
			got := a.send(t, write.line, write.body, write.headers...)
			token := got.header.Get("Consistency-Token")
			if got.status >= 300 || token == "" || token == last {
				t.Errorf("%s: %d with token %q after %q", write.line, got.status, token, last)
			}
			last = token
			for _, line := range []string{"GET " + booksPath + "/documents", "HEAD " + mobyPath, "GET " + mobyPath} {
				wantStatus(t, a.send(t, line, "", "Consistency-Token: "+token), http.StatusOK)
			}
		}
		for range 2 { // the second answer is the first one again, and who gets it has seen the write, too
			got := a.send(t, "POST "+booksPath+"/documents?id=keyed", `{}`, "Idempotency-Key: k")
			if last = got.header.Get("Consistency-Token"); last == "" {
				t.Errorf("%d without a token", got.status)
			}
		}
		// Who changes nothing has seen what there is, too.
		if got := a.send(t, "PUT "+booksPath+"/documents/two", `{"n":1}`); got.header.Get("Consistency-Token") != last {
			t.Errorf("unchanged, and the token is %q after %q", got.header.Get("Consistency-Token"), last)
		}
		if got := a.send(t, "PUT "+booksPath+"/documents/two?validateOnly=true", `{"n":2}`); got.header.Get("Consistency-Token") != "" {
			t.Error("nothing is stored, and there is a token")
		}
	})
}
