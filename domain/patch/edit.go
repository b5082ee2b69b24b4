package patch

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/jsontext"
)

// maxShifted bounds how many elements of arrays the operations of one patch move aside, in elements: a thousand insertions
// at the front of an array of some ten thousand, which takes milliseconds. A write holds locks meanwhile.
const maxShifted = 1 << 25

// editor is a document while operations are applied to it. The tree is its own: it is changed in place, and nothing in it is shared with the patch.
type editor struct {
	doc     any
	limits  jsontext.Limits
	placed  int // bytes of the values that were added and copied, about
	shifted int // elements
	deep    bool
}

// misfit says why an operation cannot be done.
type misfit struct{ Code, Message string }

// edit applies operations one after the other. It fails with the first that cannot be done.
func edit(doc any, list []Operation, limits jsontext.Limits) (any, error) {
	e := editor{doc: doc, limits: limits}
	for i, o := range list {
		wrong := e.do(o)
		switch {
		case e.deep:
			return nil, tooDeep(limits.Depth)
		case e.placed > limits.Bytes:
			return nil, fault.New(fault.TooLarge, "document.patchTooLarge", "what the operations of a patch add and copy has at most %d bytes in all", limits.Bytes)
		case e.shifted > maxShifted:
			return nil, fault.New(fault.TooLarge, "document.patchTooLarge", "the operations of a patch move at most %d elements of arrays aside", maxShifted)
		case wrong != nil && wrong.Code == opTest:
			return nil, wrong.in(i, o, "document.patchTest")
		case wrong != nil:
			return nil, wrong.in(i, o, "document.patchConflict")
		}
	}
	return e.doc, nil
}

// in is the fault of the operation with an index.
func (m *misfit) in(i int, o Operation, code string) error {
	return fault.New(fault.Conflict, code, "operation %d (%s) of the patch cannot be done: %s", i, o.Op, m.Message).
		With(violation("/"+strconv.Itoa(i), m.Code, m.Message))
}

func (e *editor) do(o Operation) *misfit {
	switch o.Op {
	case opTest:
		if value, found := jsontext.Find(e.doc, o.Path); !found {
			return missing(o.Path)
		} else if !jsontext.Equal(value, o.Value) {
			return &misfit{Code: opTest, Message: fmt.Sprintf("the value at %q is another", shown(o.Path))}
		}
		return nil
	case opAdd:
		return e.add(o.Path, e.clone(o.Value, e.limits.Depth))
	case opReplace:
		return e.replace(o.Path, e.clone(o.Value, e.limits.Depth))
	case opRemove:
		_, wrong := e.remove(o.Path)
		return wrong
	case opMove:
		value, wrong := e.remove(o.From)
		if wrong != nil {
			return wrong
		}
		return e.add(o.Path, value)
	}
	value, found := jsontext.Find(e.doc, o.From)
	if !found {
		return missing(o.From)
	}
	return e.add(o.Path, e.clone(value, e.limits.Depth))
}

func missing(path []string) *misfit {
	return &misfit{Code: "missing", Message: fmt.Sprintf("there is no place %q", shown(path))}
}

// maxShown bounds how much of a pointer a message repeats, in bytes.
const maxShown = 200

func shown(path []string) string {
	if len(path) > maxShown {
		path = path[:maxShown]
	}
	text := jsontext.FormatPointer(path)
	if len(text) > maxShown {
		text = strings.ToValidUTF8(text[:maxShown], "") + "…"
	}
	return text
}

// clone copies a value and counts it. It stops at what is larger or deeper than a document may be, which the caller finds out.
func (e *editor) clone(v any, levels int) any {
	e.placed += 2
	switch v := v.(type) {
	case string:
		e.placed += len(v)
	case json.Number:
		e.placed += len(v)
	case []any:
		if e.deep = e.deep || levels == 0; e.deep {
			return nil
		}
		list := make([]any, 0, len(v))
		for _, element := range v {
			if e.placed > e.limits.Bytes || e.deep {
				return nil
			}
			list = append(list, e.clone(element, levels-1))
		}
		return list
	case map[string]any:
		if e.deep = e.deep || levels == 0; e.deep {
			return nil
		}
		object := make(map[string]any, len(v))
		for name, member := range v {
			if e.placed += len(name); e.placed > e.limits.Bytes || e.deep {
				return nil
			}
			object[name] = e.clone(member, levels-1)
		}
		return object
	}
	return v
}

// at has change make something of the container that a path ends in, and puts what becomes of it in its place.
func (e *editor) at(path []string, change func(container any, token string) (any, bool)) *misfit {
	doc, ok := descend(e.doc, path, change)
	if !ok {
		return missing(path)
	}
	e.doc = doc
	return nil
}

// descend goes down a path of at least one token, and reports whether change could be made.
func descend(v any, path []string, change func(container any, token string) (any, bool)) (any, bool) {
	if len(path) == 1 {
		return change(v, path[0])
	}
	switch v := v.(type) {
	case map[string]any:
		member, found := v[path[0]]
		if !found {
			return nil, false
		}
		next, ok := descend(member, path[1:], change)
		if ok {
			v[path[0]] = next
		}
		return v, ok
	case []any:
		i, ok := jsontext.ParseIndex(path[0], len(v))
		if !ok {
			return nil, false
		}
		next, ok := descend(v[i], path[1:], change)
		if ok {
			v[i] = next
		}
		return v, ok
	}
	return nil, false
}

func (e *editor) add(path []string, value any) *misfit {
	if len(path) == 0 {
		e.doc = value
		return nil
	}
	return e.at(path, func(container any, token string) (any, bool) {
		switch c := container.(type) {
		case map[string]any:
			c[token] = value
			return c, true
		case []any:
			i, ok := len(c), token == "-"
			if !ok {
				i, ok = jsontext.ParseIndex(token, len(c)+1)
			}
			if !ok {
				return nil, false
			}
			e.shifted += len(c) - i
			return slices.Insert(c, i, value), true
		}
		return nil, false
	})
}

func (e *editor) replace(path []string, value any) *misfit {
	if len(path) == 0 {
		e.doc = value
		return nil
	}
	return e.at(path, func(container any, token string) (any, bool) {
		switch c := container.(type) {
		case map[string]any:
			if _, found := c[token]; !found {
				return nil, false
			}
			c[token] = value
			return c, true
		case []any:
			i, ok := jsontext.ParseIndex(token, len(c))
			if ok {
				c[i] = value
			}
			return c, ok
		}
		return nil, false
	})
}

// remove takes a value away and returns it. Without its root a document is null, which later operations may replace.
func (e *editor) remove(path []string) (value any, wrong *misfit) {
	if len(path) == 0 {
		value, e.doc = e.doc, nil
		return value, nil
	}
	wrong = e.at(path, func(container any, token string) (any, bool) {
		switch c := container.(type) {
		case map[string]any:
			var found bool
			value, found = c[token]
			delete(c, token)
			return c, found
		case []any:
			i, ok := jsontext.ParseIndex(token, len(c))
			if !ok {
				return nil, false
			}
			value = c[i]
			e.shifted += len(c) - i
			return slices.Delete(c, i, i+1), true
		}
		return nil, false
	})
	return value, wrong
}
