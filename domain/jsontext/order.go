package jsontext

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"slices"
)

// PostgreSQL keeps the members of an object in the order of the length of their names, then of their bytes.
//
// The writer writes members as they come and notes where they are. An object whose members came in order needs nothing
// more. If another did not, the text is written once more at the end, from the outside in, each member at its place: every
// byte is moved twice at most, however deep it lies.

// members is what the writer knows about objects.
type members struct {
	open    []member // of the objects that are open; an object has the last ones
	kept    []member // sorted, of the objects that came out of order
	objects []object // in the order in which they begin
	names   []byte   // the names that have escapes in the text, without them
	ordered []byte   // where the text is written in order
}

// name is the name of a member, without escapes.
type name struct {
	at     int32 // its offset in out, or the complement of its offset in names
	length int32
	prefix uint64 // its first eight bytes, for a quick comparison
}

// member is a member in out, from the quote of its name to the end of its value.
type member struct {
	name              name
	start, end        int32
	object, objectEnd int32 // the objects inside
}

// object is an object in out, without its brackets.
type object struct {
	start, end    int32
	first, behind int32 // its members in kept; none when they came in order
	next          int32 // the first object that is not inside
}

// openObject is an object whose end is not read.
type openObject struct {
	object   int // in objects
	first    int // in open
	unsorted bool
}

// nameOf returns the name whose canonical text, between the quotes, stands at an offset in out.
func (m *members) nameOf(text []byte, at int32, escaped bool) name {
	n := name{at: at, length: int32(len(text))}
	if escaped {
		n.at = ^int32(len(m.names))
		m.names = unescape(m.names, text)
		text = m.names[^n.at:]
		n.length = int32(len(text))
	}
	if len(text) >= 8 {
		n.prefix = binary.BigEndian.Uint64(text)
		return n
	}
	for _, c := range text { // names of one length are compared only with each other: nothing to align
		n.prefix = n.prefix<<8 | uint64(c)
	}
	return n
}

func (w *writer) nameBytes(n name) []byte {
	if n.at < 0 {
		return w.names[^n.at:][:n.length]
	}
	return w.out[n.at:][:n.length]
}

func (w *writer) compare(a, b name) int {
	switch {
	case a.length != b.length:
		return cmp.Compare(a.length, b.length)
	case a.prefix != b.prefix:
		return cmp.Compare(a.prefix, b.prefix)
	case a.length <= 8:
		return 0
	}
	return bytes.Compare(w.nameBytes(a)[8:], w.nameBytes(b)[8:])
}

func (m *members) beginObject(start int) openObject {
	m.objects = append(m.objects, object{start: int32(start)})
	return openObject{object: len(m.objects) - 1, first: len(m.open)}
}

func (w *writer) addMember(o *openObject, m member) {
	if len(w.open) > o.first && w.compare(w.open[len(w.open)-1].name, m.name) >= 0 {
		o.unsorted = true
	}
	w.open = append(w.open, m)
}

// endObject brings the members of an object in order, and finds those with the same name.
func (w *writer) endObject(o openObject) bool {
	own := w.open[o.first:]
	w.open = w.open[:o.first]
	closed := &w.objects[o.object]
	closed.end, closed.next = int32(len(w.out)), int32(len(w.objects))
	if !o.unsorted {
		return true
	}
	slices.SortFunc(own, func(a, b member) int { return w.compare(a.name, b.name) })
	for i := 1; i < len(own); i++ {
		same := w.compare(own[i-1].name, own[i].name) == 0
		if same && (i == 1 || w.compare(own[i-2].name, own[i].name) != 0) { // once for each name
			w.steps[len(w.steps)-1].name = own[i].name
			if !w.fault(len(w.steps), codeDuplicate, nowhere, "a member name occurs more than once in an object") {
				return false
			}
		}
	}
	closed.first = int32(len(w.kept))
	w.kept = append(w.kept, own...)
	closed.behind = int32(len(w.kept))
	return true
}

// order brings the members of all objects in order.
func (w *writer) order() {
	if len(w.kept) == 0 {
		return
	}
	w.ordered = slices.Grow(w.ordered[:0], len(w.out))
	w.appendOrdered(0, int32(len(w.out)), 0, int32(len(w.objects)))
	copy(w.out, w.ordered)
}

// appendOrdered appends a part of out, in which the given objects lie, to ordered. It recurses as deep as values are nested.
func (w *writer) appendOrdered(start, end, first, behind int32) {
	for first < behind {
		o := w.objects[first]
		if o.first == o.behind {
			first++
			continue
		}
		w.ordered = append(w.ordered, w.out[start:o.start]...)
		for i, m := range w.kept[o.first:o.behind] {
			if i > 0 {
				w.ordered = append(w.ordered, ", "...)
			}
			w.appendOrdered(m.start, m.end, m.object, m.objectEnd)
		}
		start, first = o.end, o.next
	}
	w.ordered = append(w.ordered, w.out[start:end]...)
}
