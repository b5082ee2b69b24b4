package httpapi_test

import (
	"io"
	"net/http"
	"strings"
	"testing"
)

// sink is a ResponseWriter that keeps nothing.
type sink struct{ header http.Header }

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(int)             {}
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }

// What the process adds to a request, the network and the database aside.
func BenchmarkServe(b *testing.B) {
	a := inMemory(b)
	for _, send := range []struct{ target, body string }{{booksPath, `{}`}, {mobyPath, `{"title":"Moby-Dick"}`}} {
		r, err := http.NewRequestWithContext(b.Context(), http.MethodPut, send.target, strings.NewReader(send.body))
		if err != nil {
			b.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		a.ServeHTTP(&sink{http.Header{}}, r)
	}
	for _, bench := range []struct{ name, method, target, body string }{
		{"get", "GET", mobyPath, ""},
		{"list", "GET", booksPath + "/documents?pageSize=20", ""},
		{"put", "PUT", mobyPath, `{"title":"Moby-Dick","year":1851,"price":12.50}`},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r, err := http.NewRequestWithContext(b.Context(), bench.method, bench.target, io.NopCloser(strings.NewReader(bench.body)))
				if err != nil {
					b.Fatal(err)
				}
				if bench.body != "" {
					r.Header.Set("Content-Type", "application/json")
					r.ContentLength = int64(len(bench.body))
				}
				a.ServeHTTP(&sink{http.Header{}}, r)
			}
		})
	}
}
