package httpapi_test

import (
	"net/http"
	"testing"
)

// Who is asked under a name that is not its own does nothing.
func TestHosts(t *testing.T) {
	t.Parallel()
	open := inMemory(t)
	a := inMemory(t, func(s *settings) { s.Hosts = []string{"localhost", "sheaf.example"} })
	for host, answered := range map[string]bool{
		"": true, "localhost": true, "LocalHost:8080": true, "localhost.": true, "127.0.0.1": true, "127.0.0.1:80": true, "[::1]:80": true, "[::1]": true, "10.0.0.7:8080": true, "sheaf.example": true,
		"evil.example": false, "evil.example:8080": false, "localhost.evil.example": false, "127.0.0.1.evil.example": false, "sheaf.example.evil:80": false, "x:y:z": false, "127.1": false,
	} {
		for method, path := range map[string]string{http.MethodGet: "/livez", http.MethodPut: booksPath, http.MethodPost: "/nothing"} {
			r := a.request(t, method+" "+path, map[bool]string{true: "{}"}[method != http.MethodGet])
			r.Host = host
			got := a.do(t, r)
			if refused := got.status == http.StatusMisdirectedRequest; refused == answered {
				t.Errorf("%s %s for %q: %d %s", method, path, host, got.status, got.body)
			} else if refused {
				wantProblem(t, got, http.StatusMisdirectedRequest, "request.host")
			}
		}
	}
	r := open.request(t, "GET /livez", "")
	r.Host = "evil.example"
	wantStatus(t, open.do(t, r), http.StatusOK)
}
