package query_test

import (
	"testing"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/query"
)

func TestSearchOf(t *testing.T) {
	t.Parallel()
	env := query.FilterEnv(query.TypeOf(query.Map))
	if _, err := query.Compile(`search("a")`, env); fault.CodeOf(err) != "filter.invalid" {
		t.Errorf("where no search can be: %v", err)
	}
	env.Search = true
	for source, want := range map[string]query.Search{
		`search("a -b")`: {Words: "a -b"}, `doc.n == 1 && (doc.m == 2 && search("i", "a"))`: {Index: "i", Words: "a"}, `search("")`: {},
	} {
		e, err := query.Compile(source, env)
		if err != nil {
			t.Errorf("%s: %v", source, err)
			continue
		}
		found := 0
		for _, part := range query.Parts(e.Root()) {
			if got, is := query.SearchOf(part); is {
				found++
				if got != want {
					t.Errorf("%s: got %+v, want %+v", source, got, want)
				}
				if again, err := query.Compile(query.Format(part), env); err != nil || query.Format(again.Root()) != query.Format(part) {
					t.Errorf("%s: formatted as %s: %v", source, query.Format(part), err)
				}
			}
		}
		if found != 1 || e.Match(query.Vars{"doc": map[string]any{}}) {
			t.Errorf("%s: %d searches, or a match without an index", source, found)
		}
	}
	for source, offset := range map[string]int{
		`!search("a")`: 1, `doc.n == 1 || search("a")`: 14, `search("a") && search("b")`: 15, `doc.a && search(doc.b)`: 19, `search("a" + "b")`: 11, `size(doc.l) == 1 && doc.l.all(x, search("a"))`: 33,
	} {
		_, err := query.Compile(source, env)
		f := fault.Find(err)
		if f == nil || len(f.Violations) != 1 || f.Violations[0].Code != "refused" {
			t.Errorf("%s: %v", source, err)
			continue
		}
		if at := f.Violations[0].Params["offset"]; at != offset && at != offset+len("search") {
			t.Errorf("%s: at %v, want %d: %s", source, at, offset, f.Violations[0].Message)
		}
	}
}
