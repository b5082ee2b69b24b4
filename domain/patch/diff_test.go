package patch_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/patch"
)

func tree(tb testing.TB, text string) any {
	tb.Helper()
	if text == "" {
		return nil
	}
	v, err := jsontext.Decode([]byte(text))
	if err != nil {
		tb.Fatal(err)
	}
	return v
}

func TestDiff(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ from, to, want string }{
		{`{"a": 1}`, `{"a": 1}`, `[]`},
		{`{"a": 1, "b": 2}`, `{"b": 3, "c": 4}`, `[{"op": "remove", "path": "/a"}, {"op": "replace", "path": "/b", "value": 3}, {"op": "add", "path": "/c", "value": 4}]`},
		{`{"a": {"x": 1, "y": 2}}`, `{"a": {"x": 1, "y": 3}}`, `[{"op": "replace", "path": "/a/y", "value": 3}]`},
		{`{"a": 1.0}`, `{"a": 1.00}`, `[{"op": "replace", "path": "/a", "value": 1.00}]`},
		{`{"l": [1, 2, 3]}`, `{"l": [1, 3]}`, `[{"op": "remove", "path": "/l/1"}]`},
		{`{"l": [1, 3]}`, `{"l": [1, 2, 2, 3]}`, `[{"op": "add", "path": "/l/1", "value": 2}, {"op": "add", "path": "/l/2", "value": 2}]`},
		{`{"l": [{"a": 1, "b": 1}, 2]}`, `{"l": [{"a": 2, "b": 1}, 2]}`, `[{"op": "replace", "path": "/l/0/a", "value": 2}]`},
		{`{"l": [1, 2]}`, `{"l": []}`, `[{"op": "remove", "path": "/l/1"}, {"op": "remove", "path": "/l/0"}]`},
		{`{"a": [1]}`, `{"a": {"0": 1}}`, `[{"op": "replace", "path": "/a", "value": {"0": 1}}]`},
		{`{"a/b": {"~": 1}}`, `{"a/b": {"~": null}}`, `[{"op": "replace", "path": "/a~1b/~0", "value": null}]`},
		{``, `{"a": 1}`, `[{"op": "add", "path": "", "value": {"a": 1}}]`},
		{`{"a": 1}`, ``, `[{"op": "remove", "path": ""}]`},
		{``, ``, `[]`},
	} {
		got := patch.FormatOperations(patch.Diff(tree(t, test.from), tree(t, test.to)))
		if !bytes.Equal(got, canonical(t, []byte(test.want))) {
			t.Errorf("%s to %s: got %s, want %s", test.from, test.to, got, test.want)
		}
	}
}

// A diff is a patch that Parse accepts, and makes the one document of the other, digit for digit.
func TestDiff_Random(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3000) {
		random := rand.New(rand.NewPCG(seed, 0))
		from := randomObject(random, 3)
		to := altered(random, from)
		diff := patch.FormatOperations(patch.Diff(from, to))
		got, err := apply(patch.Operations, jsontext.Append(nil, from), diff, jsontext.Limits{})
		if want := jsontext.Append(nil, to); err != nil || !bytes.Equal(got, want) {
			t.Fatalf("seed %d: from %s\nby %s\ngot %s\nwant %s, %v", seed, jsontext.Append(nil, from), diff, got, want, err)
		}
	}
}

// Where nothing conflicts, each side's changes can be applied to the other's document, and both ways lead to the same.
func TestConflicts_Random(t *testing.T) {
	t.Parallel()
	merged := 0
	for seed := range uint64(3000) {
		random := rand.New(rand.NewPCG(seed, 1))
		base := randomObject(random, 3)
		one, other := altered(random, base), altered(random, base)
		if len(patch.Conflicts(base, one, other)) > 0 {
			continue
		}
		merged++
		there, err := apply(patch.Operations, jsontext.Append(nil, one), patch.FormatOperations(patch.Diff(base, other)), jsontext.Limits{})
		back, errBack := apply(patch.Operations, jsontext.Append(nil, other), patch.FormatOperations(patch.Diff(base, one)), jsontext.Limits{})
		if err != nil && errBack != nil {
			continue // both made the same change, which removes what the other has removed already
		}
		if err == nil && errBack == nil && !bytes.Equal(there, back) && !alikeInPart(base, one, other) {
			t.Fatalf("seed %d: base %s\none %s\nother %s\n%s\n%s", seed, jsontext.Append(nil, base), jsontext.Append(nil, one), jsontext.Append(nil, other), there, back)
		}
	}
	if merged < 300 {
		t.Errorf("only %d of the pairs merge", merged)
	}
}

// alikeInPart says that the two sides have made some change alike.
func alikeInPart(base, one, other any) bool {
	a, b := patch.Diff(base, one), patch.Diff(base, other)
	return slices.ContainsFunc(a, func(x patch.Operation) bool {
		return slices.ContainsFunc(b, func(y patch.Operation) bool { return slices.Equal(x.Path, y.Path) })
	})
}

func TestConflicts(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ base, one, other, want string }{
		{`{"a": 1, "b": 1}`, `{"a": 2, "b": 1}`, `{"a": 1, "b": 2}`, `[]`},
		{`{"a": 1}`, `{"a": 2}`, `{"a": 3}`, `["/a"]`},
		{`{"a": 1}`, `{"a": 2}`, `{"a": 2}`, `[]`},
		{`{"a": {"b": 1, "c": 1}}`, `{"a": {"b": 2, "c": 1}}`, `{"a": {"b": 3, "c": 2}}`, `["/a/b"]`},
		{`{"a": {"b": 1}}`, `{}`, `{"a": {"b": 2}}`, `["/a"]`},
		{`{}`, `{"a": 1}`, `{"a": 2}`, `["/a"]`},
		{`{}`, `{"a": {"x": 1}}`, `{"a": {"y": 2}}`, `["/a"]`},
		{`{"l": [1, 2]}`, `{"l": [1, 3]}`, `{"l": [0, 2]}`, `[]`},
		{`{"l": [1, 2]}`, `{"l": [1, 3]}`, `{"l": [1, 4]}`, `["/l/1"]`},
		{`{"l": [1, 2]}`, `{"l": [1, 2, 3]}`, `{"l": [0, 2]}`, `["/l"]`},
		{`{"a": 1}`, `{"a": 2}`, ``, `[""]`},
		{`{"a": 1}`, `{"a": 1}`, ``, `[]`},
	} {
		got := fmt.Sprintf("%q", patch.Conflicts(tree(t, test.base), tree(t, test.one), tree(t, test.other)))
		if got != test.want {
			t.Errorf("%s, %s, %s: got %s, want %s", test.base, test.one, test.other, got, test.want)
		}
	}
}

// Large and nested documents are compared in bounded time, and what is not looked at is replaced.
func TestDiff_Bounds(t *testing.T) {
	t.Parallel()
	nested := func(last string) any {
		return tree(t, strings.Repeat("[", 90)+strings.Repeat("1, ", 60_000)+last+strings.Repeat("]", 90))
	}
	from, to := map[string]any{"a": nested("1")}, map[string]any{"a": nested("2")}
	list := patch.Diff(from, to)
	if len(list) == 0 || len(list) > patch.MaxOperations {
		t.Fatalf("%d operations", len(list))
	}
	if got := patch.Conflicts(from, to, map[string]any{"a": nested("3")}); len(got) != 1 {
		t.Errorf("%d conflicts", len(got))
	}
	one, other := map[string]any{}, map[string]any{}
	for i := range patch.MaxOperations + 1 {
		one[fmt.Sprint(i)], other[fmt.Sprint(i)] = json.Number("1"), json.Number("2")
	}
	if list := patch.Diff(one, other); len(list) != 1 || len(list[0].Path) != 0 {
		t.Errorf("%d operations", len(list))
	}
	if got := patch.Conflicts(map[string]any{}, one, other); len(got) != patch.MaxConflicts {
		t.Errorf("%d conflicts", len(got))
	}
}

func randomObject(random *rand.Rand, levels int) map[string]any {
	object := map[string]any{}
	for range random.IntN(5) {
		object[string("abc/~"[random.IntN(5)])] = randomValue(random, levels-1)
	}
	return object
}

func randomValue(random *rand.Rand, levels int) any {
	switch n := random.IntN(10); {
	case n < 3 && levels > 0:
		return randomObject(random, levels)
	case n < 6 && levels > 0:
		list := []any{}
		for range random.IntN(5) {
			list = append(list, randomValue(random, levels-1))
		}
		return list
	case n < 7:
		return nil
	case n < 8:
		return "x"
	}
	return json.Number([]string{"1", "1.0", "2", "-3"}[random.IntN(4)])
}

// altered returns another tree with some differences.
func altered(random *rand.Rand, v any) any {
	switch v := v.(type) {
	case map[string]any:
		object := map[string]any{}
		for _, name := range []string{"a", "b", "c", "/", "~"} {
			member, found := v[name]
			switch n := random.IntN(10); {
			case found && n < 8:
				object[name] = altered(random, member)
			case !found && n == 9:
				object[name] = randomValue(random, 2)
			}
		}
		return object
	case []any:
		list := []any{}
		for _, element := range v {
			switch random.IntN(8) {
			case 0:
			case 1:
				list = append(list, randomValue(random, 1), element)
			default:
				list = append(list, altered(random, element))
			}
		}
		return list
	}
	if random.IntN(6) == 0 {
		return randomValue(random, 2)
	}
	return v
}
