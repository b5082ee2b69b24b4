package surrogate_test

import (
	"strings"
	"testing"

	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/surrogate"
)

func TestKeys(t *testing.T) {
	t.Parallel()
	name, err := ident.ParseCollection("books")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{surrogate.Collection(name): true, surrogate.List(name): true}
	for id, want := range map[string]string{
		"moby-dick": "books/moby-dick", "a b": "books/a%20b", "a,b": "books/a%2Cb", "a:b": "books/a%3Ab", "%20": "books/%2520", "ä": "books/%C3%A4", ":list": "books/%3Alist",
		strings.Repeat("ü", 127): "books/" + strings.Repeat("%C3%BC", 127),
	} {
		document, err := ident.ParseDocument(id)
		if err != nil {
			t.Fatal(err)
		}
		got := surrogate.Document(name, document)
		if got != want || seen[got] || len(got) > 830 {
			t.Errorf("%s: got %s", id, got)
		}
		seen[got] = true
	}
}
