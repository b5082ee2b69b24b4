package patch

import (
	"encoding/json"
	"slices"
	"strconv"
)

// maxCompared bounds how many values Diff and Conflicts compare, as a count of look-ups: nested arrays can make them look at the same values once for each level.
// What is not looked at counts as different.
const maxCompared = 1 << 22

// Diff returns operations that make the document to of the document from, digit for digit; nil is no document.
//
// They are few rather than fewest: members are compared by name, and arrays between what they have in common at the beginning and at the end.
// Where more than MaxOperations would be needed, the document is replaced as a whole, so that Parse accepts every diff.
func Diff(from, to any) []Operation {
	switch {
	case from == nil && to == nil:
		return nil
	case from == nil:
		return []Operation{{Op: opAdd, Value: to}}
	case to == nil:
		return []Operation{{Op: opRemove}}
	}
	d := differ{budget: maxCompared}
	d.diff(nil, from, to)
	if len(d.list) > MaxOperations {
		return []Operation{{Op: opReplace, Value: to}}
	}
	return d.list
}

// differ collects operations.
type differ struct {
	list   []Operation
	budget int
}

func (d *differ) put(op string, path []string, value any) {
	d.list = append(d.list, Operation{Op: op, Path: path, Value: value})
}

// child is the path to a part; it shares nothing with the path to another.
func child(path []string, token string) []string { return append(slices.Clip(path), token) }

func (d *differ) diff(path []string, from, to any) {
	if len(d.list) > MaxOperations {
		return
	}
	switch a := from.(type) {
	case map[string]any:
		if b, ok := to.(map[string]any); ok {
			d.objects(path, a, b)
			return
		}
	case []any:
		if b, ok := to.([]any); ok {
			d.arrays(path, a, b)
			return
		}
	}
	if !d.same(from, to) {
		d.put(opReplace, path, to)
	}
}

func (d *differ) objects(path []string, from, to map[string]any) {
	for _, name := range sortedNames(from) {
		if b, found := to[name]; found {
			d.diff(child(path, name), from[name], b)
		} else {
			d.put(opRemove, child(path, name), nil)
		}
	}
	for _, name := range sortedNames(to) {
		if _, found := from[name]; !found {
			d.put(opAdd, child(path, name), to[name])
		}
	}
}

// arrays leaves alone what both have at the beginning and at the end. In between, elements are compared in pairs, and what one has more of is removed or added.
func (d *differ) arrays(path []string, from, to []any) {
	begin := 0
	for begin < min(len(from), len(to)) && d.same(from[begin], to[begin]) {
		begin++
	}
	from, to = from[begin:], to[begin:]
	for len(from) > 0 && len(to) > 0 && d.same(from[len(from)-1], to[len(to)-1]) {
		from, to = from[:len(from)-1], to[:len(to)-1]
	}
	at := func(i int) []string { return child(path, strconv.Itoa(begin+i)) }
	pairs := min(len(from), len(to))
	for i := range pairs {
		d.diff(at(i), from[i], to[i])
	}
	for i := len(from) - 1; i >= pairs && len(d.list) <= MaxOperations; i-- {
		d.put(opRemove, at(i), nil)
	}
	for i := pairs; i < len(to) && len(d.list) <= MaxOperations; i++ {
		d.put(opAdd, at(i), to[i])
	}
}

// same says whether two values are written alike: 1.0 is not 1.00, because both can be stored.
func (d *differ) same(a, b any) bool {
	d.budget--
	if d.budget < 0 {
		return false
	}
	switch a := a.(type) {
	case json.Number:
		b, ok := b.(json.Number)
		return ok && a == b
	case []any:
		b, ok := b.([]any)
		return ok && slices.EqualFunc(a, b, d.same)
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for name, member := range a {
			if other, found := b[name]; !found || !d.same(member, other) {
				return false
			}
		}
		return true
	case string:
		b, ok := b.(string)
		return ok && a == b
	case bool:
		b, ok := b.(bool)
		return ok && a == b
	}
	return a == nil && b == nil
}
