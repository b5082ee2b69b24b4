package index_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/jsontext"
)

func parseText(t *testing.T, declaration string) (*index.Index, string) {
	t.Helper()
	tree, err := jsontext.Decode([]byte(declaration))
	if err != nil {
		t.Fatal(err)
	}
	x, wrong := index.Parse(tree)
	var places []string
	for _, v := range wrong {
		places = append(places, v.Pointer+" "+v.Code)
	}
	return x, strings.Join(places, ", ")
}

func TestParse_Text(t *testing.T) {
	t.Parallel()
	x, wrong := parseText(t, `{"kind": "text", "weights": {"doc.t[]": "A", "doc[\"b\"]": "D"}, "on": ["doc.t[]", "doc.b", "doc.i[].n", "doc"], "name": "w", "language": "german"}`)
	if wrong != "" {
		t.Fatal(wrong)
	}
	want := `{"on": ["doc.t[]", "doc.b", "doc.i[].n", "doc"], "kind": "text", "name": "w", "unique": false, "weights": {"doc.t[]": "A"}, "language": "german"}`
	if got := string(x.Spec()); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	again, err := index.ParseSpec(x.Spec())
	if err != nil || string(again.Spec()) != want || string(again.Weights) != "ADDD" {
		t.Errorf("read again: %+v, %v", again, err)
	}
	if x, wrong := parseText(t, `{"kind": "text", "name": "w", "on": ["doc.a"]}`); wrong != "" || x.Language != index.DefaultLanguage || string(x.Weights) != "D" {
		t.Errorf("by default: %+v, %s", x, wrong)
	}
	for declaration, want := range map[string]string{
		`"kind": "text", "on": ["createdAt"]`:                                      "/on/0 path",
		`"kind": "text", "on": ["doc.a desc"]`:                                     "/on/0 path",
		`"kind": "text", "on": ["doc.a", "doc.a"]`:                                 "/on/1 uniqueItems",
		`"kind": "text", "on": ["doc.a"], "language": "englisch"`:                  "/language enum",
		`"kind": "text", "on": ["doc.a"], "language": 1`:                           "/language type",
		`"kind": "text", "on": ["doc.a"], "weights": []`:                           "/weights type",
		`"kind": "text", "on": ["doc.a"], "weights": {"doc.a": "E", "doc.b": "A"}`: "/weights/doc.a enum, /weights/doc.b unknownField",
		`"kind": "text", "on": ["doc.a"], "unique": true, "caseInsensitive": true`: "/unique kind, /caseInsensitive kind",
		`"on": ["doc.a"], "language": "english", "weights": {}`:                    "/language kind, /weights kind",
		`"on": ["doc"]`:                    "/on/0 path",
		`"kind": "words", "on": ["doc.a"]`: "/kind enum",
		`"on": ["rank"]`:                   "/on/0 path",
	} {
		if _, got := parseText(t, `{"name": "x", `+declaration+`}`); got != want {
			t.Errorf("%s: got %s, want %s", declaration, got, want)
		}
	}
}

func TestSet_Texts(t *testing.T) {
	t.Parallel()
	x, wrong := parseText(t, `{"kind": "text", "name": "w", "on": ["doc.t", "doc.l[]", "doc.i[].n", "doc.o"], "weights": {"doc.t": "A", "doc.l[]": "B"}}`)
	if wrong != "" {
		t.Fatal(wrong)
	}
	set := index.NewSet(index.Kept{Index: x, ID: 7})
	texts := func(data string) index.Entries {
		t.Helper()
		entries, err := set.Entries(index.Document{ID: "d", Data: []byte(data)})
		if err != nil || entries.Ordered != nil || entries.Unique != nil {
			t.Fatalf("%+v, %v", entries, err)
		}
		return entries
	}
	got := texts(`{"t": "title", "l": ["a", 1, ["b"], ""], "i": [{"n": "c"}, {}, 2], "o": {"z": "last", "b": {"deep": "first"}}}`)
	want := index.Text{Index: 7, Language: "simple", Weighted: [4]string{"title", "a\nb", "", "c\nfirst\nlast"}}
	if len(got.Texts) != 1 || got.Texts[0] != want {
		t.Errorf("got %+v, want %+v", got.Texts, want)
	}
	for _, data := range []string{`{}`, `[]`, `{"t": 1, "l": "a", "o": ""}`} {
		if got := texts(data); got.Texts != nil {
			t.Errorf("%s: got %+v", data, got.Texts)
		}
	}
	long := texts(`{"t": "` + strings.Repeat("é", index.TextBytes) + `", "o": "more"}`).Texts[0]
	if n := long.Size(); n > index.TextBytes || n < index.TextBytes-4 || !utf8.ValidString(long.Weighted[0]) || long.Weighted[3] != "" {
		t.Errorf("%d bytes", n)
	}
	for _, word := range strings.Fields(long.Weighted[0]) {
		if len(word) > 256 {
			t.Errorf("a word of %d bytes", len(word))
		}
	}
	one, two := texts(`{"t": "one"}`), texts(`{"t": "two"}`)
	for _, test := range []struct {
		before, after index.Entries
		gone, come    int
	}{{one, one, 0, 0}, {one, two, 0, 1}, {one, index.Entries{}, 1, 0}, {index.Entries{}, two, 0, 1}} {
		gone, come := index.Diff(test.before, test.after)
		if len(gone.Texts) != test.gone || len(come.Texts) != test.come {
			t.Errorf("from %+v to %+v: gone %+v, come %+v", test.before.Texts, test.after.Texts, gone.Texts, come.Texts)
		}
	}
}
