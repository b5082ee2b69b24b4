package jsontext

import (
	"encoding/json"
	"slices"
	"unicode/utf8"

	"github.com/sheafdb/sheaf/domain/fault"
)

// maxDecodeDepth bounds the recursion of Decode, in levels. It is far above any limit that text is checked with.
const maxDecodeDepth = 10_000

// Decode returns the tree of a JSON text: map[string]any, []any, string, json.Number as written, bool and nil.
// The tree shares nothing with src, but its strings share one copy of it: a string that is kept for long is to be cloned.
// The text is meant to be canonical already. Other JSON is read all the same, of any size and up to 10,000 levels deep;
// all else that Canonical refuses is refused with the same faults.
func Decode(src []byte) (any, error) {
	if utf8.Valid(src) {
		d := decoder{src: src, all: string(src)}
		if v, ok := d.document(); ok {
			return v, nil
		}
	}
	// Why it failed is for Canonical to say.
	if _, err := Canonical(nil, src, Limits{Depth: maxDecodeDepth}); err != nil {
		return nil, err
	}
	return nil, fault.New(fault.Internal, "internal", "canonical text cannot be decoded")
}

// DecodeMembers returns what Decode does, without the members of the outermost object that are not among names: those are stepped over, and only as far looked at as is needed to
// find where they end. The text is canonical.
func DecodeMembers(src []byte, names ...string) (any, error) {
	d := decoder{src: src, all: string(src), only: names, some: true}
	if v, ok := d.document(); ok {
		return v, nil
	}
	return Decode(src)
}

type decoder struct {
	src   []byte
	all   string // src; strings without escapes are parts of it
	pos   int
	depth int
	// only are the members of the outermost object that are decoded, where some says so.
	only []string
	some bool
	// What open containers hold so far, so that each is made at its size.
	values []any
	names  []string
	buf    []byte
}

func (d *decoder) document() (any, bool) {
	v, ok := d.value()
	return v, ok && skipSpace(d.src, d.pos) == len(d.src)
}

// next skips white space and returns the byte behind it, 0 at the end.
func (d *decoder) next() byte {
	if d.pos = skipSpace(d.src, d.pos); d.pos == len(d.src) {
		return 0
	}
	return d.src[d.pos]
}

func (d *decoder) value() (any, bool) {
	switch d.next() {
	case '{':
		return d.object()
	case '[':
		return d.array()
	case '"':
		s, ok := d.string()
		return s, ok
	case 't':
		return true, d.word("true")
	case 'f':
		return false, d.word("false")
	case 'n':
		return nil, d.word("null")
	}
	n, length, ok := scanNumber(d.src[d.pos:])
	d.pos += length
	return json.Number(d.all[d.pos-length : d.pos]), ok && !n.tooBig(length)
}

func (d *decoder) word(word string) bool {
	ok := hasWord(d.src, d.pos, word)
	d.pos += len(word)
	return ok
}

// enter steps over the bracket that opens a container.
func (d *decoder) enter() bool {
	d.pos++
	d.depth++
	return d.depth <= maxDecodeDepth
}

func (d *decoder) array() (any, bool) {
	if !d.enter() {
		return nil, false
	}
	first := len(d.values)
	for more := d.next() != ']'; more; {
		v, ok := d.value()
		if !ok {
			return nil, false
		}
		d.values = append(d.values, v)
		switch d.next() {
		case ',':
			d.pos++
		case ']':
			more = false
		default:
			return nil, false
		}
	}
	d.pos++
	d.depth--
	array := make([]any, len(d.values)-first)
	copy(array, d.values[first:])
	d.values = d.values[:first]
	return array, true
}

func (d *decoder) object() (any, bool) {
	if !d.enter() {
		return nil, false
	}
	firstName, firstValue := len(d.names), len(d.values)
	for more := d.next() != '}'; more; {
		if d.next() != '"' {
			return nil, false
		}
		name, ok := d.string()
		if !ok || d.next() != ':' {
			return nil, false
		}
		d.pos++
		if !d.member(name) {
			return nil, false
		}
		switch d.next() {
		case ',':
			d.pos++
		case '}':
			more = false
		default:
			return nil, false
		}
	}
	d.pos++
	d.depth--
	names, values := d.names[firstName:], d.values[firstValue:]
	object := make(map[string]any, len(names))
	for i, name := range names {
		object[name] = values[i]
	}
	d.names, d.values = d.names[:firstName], d.values[:firstValue]
	return object, len(object) == len(names)
}

// member reads or steps over the value of a member.
func (d *decoder) member(name string) bool {
	if d.some && d.depth == 1 && !slices.Contains(d.only, name) {
		return d.skip()
	}
	v, ok := d.value()
	if ok {
		d.names, d.values = append(d.names, name), append(d.values, v)
	}
	return ok
}

// skip steps over a value.
func (d *decoder) skip() bool {
	open := 0
	for d.next() != 0 {
		switch c := d.src[d.pos]; {
		case c == '"':
			end := endOfString(d.src, d.pos)
			if end < 0 {
				return false
			}
			d.pos = end
		case c == '{' || c == '[':
			open++
			d.pos++
			continue
		case c == '}' || c == ']':
			open--
			d.pos++
		case c == ',' || c == ':':
			d.pos++
			continue
		default:
			for d.pos < len(d.src) && !delimits[d.src[d.pos]] {
				d.pos++
			}
		}
		if open <= 0 {
			return open == 0
		}
	}
	return false
}

// delimits has the bytes that end a number or a word.
var delimits = [256]bool{',': true, ':': true, '}': true, ']': true, '{': true, '[': true, '"': true, ' ': true, '\t': true, '\n': true, '\r': true}

// endOfString returns where the string that begins at a place ends, behind its quote, and -1 where it does not.
func endOfString(src []byte, at int) int {
	for i := at + 1; i < len(src); i++ {
		switch src[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return -1
}

func (d *decoder) string() (string, bool) {
	start := d.pos + 1
	end := start
	escaped := false
	for {
		for end < len(d.src) && valid[d.src[end]] {
			end++
		}
		switch {
		case end == len(d.src) || d.src[end] < 0x20:
			return "", false
		case d.src[end] == '"':
			d.pos = end + 1
			if !escaped {
				return d.all[start:end], true
			}
			d.buf = unescape(d.buf[:0], d.src[start:end])
			return string(d.buf), true
		}
		var flaw string
		if _, end, flaw = scanEscape(d.src, end); flaw != "" {
			return "", false
		}
		escaped = true
	}
}

// unescape appends the characters of a string without flaws, given without its quotes.
func unescape(dst, text []byte) []byte {
	for i := 0; i < len(text); {
		start := i
		for i < len(text) && text[i] != '\\' {
			i++
		}
		dst = append(dst, text[start:i]...)
		if i < len(text) {
			var r rune
			r, i, _ = scanEscape(text, i)
			dst = utf8.AppendRune(dst, r)
		}
	}
	return dst
}
