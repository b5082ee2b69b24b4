package query

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// What is read without the parser is what the parser reads, and what a type is said to have is what the checker finds.
func TestPath_Plain(t *testing.T) {
	t.Parallel()
	shop := FilterEnv(SchemaType(decode(t, shop), true))
	open := FilterEnv(nil)
	shop.Result, open.Result = Dynamic, Dynamic
	names := []string{"name", "address", "parent", "zip", "lines", "sku", "free", "mixed", "nope", "has", "a1", "_x", "1a", "in", "null", "true", "", "é", "a-b", " a", "`a`", "size()", "point", "state"}
	r := rand.New(rand.NewPCG(1, 1))
	plain, reached := 0, 0
	for range 5000 {
		words := []string{"doc"}
		for range r.IntN(5) {
			words = append(words, names[r.IntN(len(names))])
		}
		text := strings.Join(words, ".")
		path := plainPath(text)
		if path == nil {
			continue
		}
		plain++
		if parsed, err := parsePath(text); err != nil || !slices.Equal(parsed, path) {
			t.Fatalf("%s: %q, and the parser has %q, %v", text, path, parsed, err)
		}
		for _, env := range []*Env{shop, open} {
			if env.Variables["doc"].Reaches(path) {
				reached++
				if _, err := Compile(text, env); err != nil {
					t.Fatalf("%s is reached, and is no expression: %v", text, err)
				}
			}
		}
	}
	if plain < 100 || reached < 100 {
		t.Errorf("%d paths are plain, %d reached", plain, reached)
	}
	for depth := range 40 {
		path := slices.Repeat(Path{"a"}, depth+1)
		text := "doc." + strings.Join(path, ".")
		parsed, err := ParsePath(text)
		if slow, failed := parsePath(text); !slices.Equal(parsed, slow) || (err == nil) != (failed == nil) {
			t.Errorf("at depth %d: %q, %v and %q, %v", depth, parsed, err, slow, failed)
		}
		if _, err := Compile(text, open); open.Variables["doc"].Reaches(path) && err != nil {
			t.Errorf("at depth %d: %v", depth, err)
		}
	}
}
