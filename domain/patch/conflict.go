package patch

import (
	"slices"
	"strconv"

	"github.com/sheafdb/sheaf/domain/jsontext"
)

// MaxConflicts bounds the pointers that Conflicts returns.
const MaxConflicts = 100

// Conflicts returns JSON Pointers to the places that two documents, made of the same base, have both changed and not to the same; at most MaxConflicts, in the order
// of their names. nil is no document. Where there is none, each document's changes can be applied to the other.
func Conflicts(base, one, other any) []string {
	c := conflicts{list: []string{}}
	c.budget = maxCompared
	c.find("", present(base), present(one), present(other))
	return c.list
}

// present makes nothing of no document.
func present(doc any) any {
	if doc == nil {
		return nothing{}
	}
	return doc
}

type conflicts struct {
	differ
	list []string
}

func (c *conflicts) find(pointer string, base, one, other any) {
	if len(c.list) == MaxConflicts || c.alike(one, other) || c.alike(base, one) || c.alike(base, other) {
		return
	}
	found := len(c.list)
	if !c.inside(pointer, base, one, other) || c.budget < 0 {
		c.list = append(c.list[:found], pointer) // the parts were not all looked at: say it of the whole
	}
}

// inside looks at the parts of three values that have the same parts, and reports whether they do.
func (c *conflicts) inside(pointer string, base, one, other any) bool {
	if a, b, o, ok := three[map[string]any](base, one, other); ok {
		for _, name := range namesOf(a, b, o) {
			c.find(jsontext.AppendPointer(pointer, name), member(a, name), member(b, name), member(o, name))
			if c.budget < 0 {
				break
			}
		}
		return true
	}
	a, b, o, ok := three[[]any](base, one, other)
	if !ok || len(a) != len(b) || len(a) != len(o) {
		return false
	}
	for i := range a {
		c.find(pointer+"/"+strconv.Itoa(i), a[i], b[i], o[i])
		if c.budget < 0 {
			break
		}
	}
	return true
}

// alike is same for values that may be nothing.
func (c *conflicts) alike(a, b any) bool {
	_, aMissing := a.(nothing)
	_, bMissing := b.(nothing)
	if aMissing || bMissing {
		return aMissing && bMissing
	}
	return c.same(a, b)
}

// three returns three values of one type, and whether they are.
func three[T any](x, y, z any) (a, b, c T, ok bool) {
	a, okA := x.(T)
	b, okB := y.(T)
	c, okC := z.(T)
	return a, b, c, okA && okB && okC
}

func member(object map[string]any, name string) any {
	if v, found := object[name]; found {
		return v
	}
	return nothing{}
}

func namesOf(objects ...map[string]any) []string {
	var names []string
	for _, o := range objects {
		names = append(names, sortedNames(o)...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
