package jsontext

import (
	"fmt"
	"sync"
	"unicode/utf8"
)

// Canonical checks that src is one JSON value (RFC 8259, in UTF-8, nothing before or after it but white space) that can
// be kept exactly, and appends to dst the text that PostgreSQL prints for src::jsonb. dst and src must not overlap.
// The time is O(n log n) and the memory O(n) for any input; objects need no decoding and numbers no arithmetic.
//
// It fails with fault.Malformed and code "json.invalid". A violation has one of these codes:
//   - json.syntax: not JSON; params are the offset in bytes, the line and the column in characters. Reading stops there.
//   - json.depth: nested deeper than the limit. Reading stops there.
//   - json.nul, json.surrogate, json.utf8: a string or member name holds U+0000, half of a surrogate pair, or bytes that are
//     not UTF-8. There is one violation for each string; for a member name, the pointer is that of the object.
//   - json.duplicate: two members of an object have the same name.
//   - json.number: over 1000 characters, as it is written or with its exponent written out, or an exponent beyond ±308.
//
// A pointer over 1024 bytes is cut to an outer value. After fault.MaxViolations, reading stops.
// It fails with fault.TooLarge and code "document.tooLarge" as soon as the canonical text is over the limit.
func Canonical(dst, src []byte, lim Limits) ([]byte, error) {
	lim = lim.withDefaults()
	if len(src) > 4*maxBytes {
		return nil, tooLarge(lim.Bytes)
	}
	w := writers.Get().(*writer)
	defer w.release()
	w.src, w.limits, w.text = src, lim, &plain
	if utf8.Valid(src) {
		w.text = &valid
	}
	// The text is written behind what dst holds, with offsets of its own.
	w.out = dst[len(dst):]
	if cap(w.out) == 0 {
		w.out = make([]byte, 0, min(len(src)+len(src)/8, lim.Bytes)+16)
	}
	if !w.document() || len(w.faults) > 0 {
		return nil, w.failure()
	}
	w.order()
	if len(dst) == 0 {
		return w.out, nil
	}
	return append(dst, w.out...), nil
}

// writer is the state of one Canonical.
type writer struct {
	src    []byte
	pos    int // the next byte of src
	limits Limits
	text   *[256]bool // which bytes stand for themselves in a string: plain, or valid where src is known to be UTF-8
	out    []byte     // canonical but for the order of members
	steps  []step     // the containers that are open, from the outside in
	failed
	members
}

// step is a place in an open container: the index of an element, or inObject and the name of a member.
type step struct {
	index int
	name  name
}

const inObject = -1

// writers keeps the lists of writers for the next one: a write should not pay for growing them.
var writers = sync.Pool{New: func() any { return new(writer) }}

// maxKept bounds the lists that are kept, in members, so that one large document does not hold memory for ever.
const maxKept = 2048

func (w *writer) release() {
	if cap(w.open) > maxKept || cap(w.kept) > maxKept || cap(w.objects) > maxKept || cap(w.names) > maxKept*32 || cap(w.ordered) > maxKept*32 {
		return
	}
	*w = writer{steps: w.steps[:0], members: members{
		open: w.open[:0], kept: w.kept[:0], objects: w.objects[:0], names: w.names[:0], ordered: w.ordered[:0],
	}}
	writers.Put(w)
}

// document reads the whole text. Like all that follow, it returns false when reading cannot go on.
func (w *writer) document() bool {
	if !w.value() {
		return false
	}
	if w.pos = skipSpace(w.src, w.pos); w.pos < len(w.src) {
		return w.syntax(w.pos, "the end of the text")
	}
	return true
}

func (w *writer) value() bool {
	w.pos = skipSpace(w.src, w.pos)
	if w.pos == len(w.src) {
		return w.syntax(w.pos, "a value")
	}
	var ok bool
	switch w.src[w.pos] {
	case '{':
		ok = w.object()
	case '[':
		ok = w.array()
	case '"':
		var s scanned
		if s, ok = w.string(); s.flaw != "" {
			ok = ok && w.fault(len(w.steps), s.flaw, s.at, stringMessages[s.flaw])
		}
	case 't':
		ok = w.word("true")
	case 'f':
		ok = w.word("false")
	case 'n':
		ok = w.word("null")
	default:
		ok = w.number()
	}
	// Numbers are the only values that grow by more than a little, and each by no more than its exponent: this is soon enough.
	if ok && len(w.out) > w.limits.Bytes {
		w.large = true
		return false
	}
	return ok
}

func (w *writer) word(word string) bool {
	if !hasWord(w.src, w.pos, word) {
		return w.syntax(w.pos, "a value")
	}
	w.out = append(w.out, word...)
	w.pos += len(word)
	return true
}

func (w *writer) number() bool {
	n, length, ok := scanNumber(w.src[w.pos:])
	if !ok {
		if length == 0 {
			return w.syntax(w.pos, "a value")
		}
		return w.syntax(w.pos+length, "a digit")
	}
	start := w.pos
	w.pos += length
	if !n.tooBig(length) {
		w.out = appendNumber(w.out, w.src[start:w.pos], n)
		return true
	}
	message := "a number has at most 1000 characters, as it is written and with its exponent written out"
	if n.exponent > maxExponent || n.exponent < -maxExponent {
		message = "the exponent of a number is at most 308 and at least -308"
	}
	return w.fault(len(w.steps), codeNumber, start, message)
}

// enter opens a container.
func (w *writer) enter(bracket byte, s step) bool {
	if len(w.steps) == w.limits.Depth {
		w.fault(len(w.steps), codeDepth, w.pos, fmt.Sprintf("values are nested at most %d levels deep", w.limits.Depth))
		return false
	}
	w.steps = append(w.steps, s)
	w.out = append(w.out, bracket)
	w.pos = skipSpace(w.src, w.pos+1)
	return true
}

func (w *writer) leave(bracket byte) bool {
	w.steps = w.steps[:len(w.steps)-1]
	w.out = append(w.out, bracket)
	w.pos++
	return true
}

// at reports whether c is the next byte.
func (w *writer) at(c byte) bool { return w.pos < len(w.src) && w.src[w.pos] == c }

func (w *writer) array() bool {
	if !w.enter('[', step{}) {
		return false
	}
	if w.at(']') {
		return w.leave(']')
	}
	for {
		if !w.value() {
			return false
		}
		w.pos = skipSpace(w.src, w.pos)
		switch {
		case w.at(','):
			w.pos++
			w.out = append(w.out, ", "...)
			w.steps[len(w.steps)-1].index++
		case w.at(']'):
			return w.leave(']')
		default:
			return w.syntax(w.pos, "',' or ']'")
		}
	}
}

func (w *writer) object() bool {
	if !w.enter('{', step{index: inObject}) {
		return false
	}
	if w.at('}') {
		return w.leave('}')
	}
	o := w.beginObject(len(w.out))
	for {
		if !w.at('"') {
			return w.syntax(w.pos, "a member name in quotes")
		}
		if !w.member(&o) {
			return false
		}
		w.pos = skipSpace(w.src, w.pos)
		switch {
		case w.at(','):
			w.pos = skipSpace(w.src, w.pos+1)
			w.out = append(w.out, ", "...)
		case w.at('}'):
			return w.endObject(o) && w.leave('}')
		default:
			return w.syntax(w.pos, "',' or '}'")
		}
	}
}

func (w *writer) member(o *openObject) bool {
	m := member{start: int32(len(w.out)), object: int32(len(w.objects))}
	s, ok := w.string()
	if !ok {
		return false
	}
	if s.flaw != "" && !w.fault(len(w.steps)-1, s.flaw, s.at, "a member name: "+stringMessages[s.flaw]) {
		return false
	}
	m.name = w.nameOf(w.out[m.start+1:len(w.out)-1], m.start+1, s.escaped)
	w.steps[len(w.steps)-1].name = m.name
	if w.pos = skipSpace(w.src, w.pos); !w.at(':') {
		return w.syntax(w.pos, "':'")
	}
	w.pos++
	w.out = append(w.out, ": "...)
	if !w.value() {
		return false
	}
	m.end, m.objectEnd = int32(len(w.out)), int32(len(w.objects))
	if s.flaw == "" { // else the name is not the one that was sent
		w.addMember(o, m)
	}
	return true
}

// scanned is what there is to say about a string: whether its canonical text has escapes,
// and the first reason why it cannot be kept, with its offset.
type scanned struct {
	escaped bool
	flaw    string
	at      int
}

// string writes the string that begins at pos. For what cannot be kept, it writes U+FFFD.
func (w *writer) string() (s scanned, ok bool) {
	src, text := w.src, w.text
	out := append(w.out, '"') //nolint:gocritic // w.out is set where the string ends
	start := w.pos + 1
	for i := start; ; {
		for i < len(src) && text[src[i]] {
			i++
		}
		out = append(out, src[start:i]...)
		if i == len(src) {
			return s, w.syntax(i, "the closing quote of a string")
		}
		r, next, flaw := rune(0), i+1, ""
		switch c := src[i]; {
		case c == '"':
			w.out, w.pos = append(out, '"'), next //nolint:gocritic // see above
			return s, true
		case c == '\\':
			if r, next, flaw = scanEscape(src, i); flaw == codeSyntax {
				return s, w.syntax(next, "an escape sequence")
			}
		case c == 0:
			flaw = codeNul
		case c < 0x20:
			return s, w.syntax(i, "no control character inside a string")
		default:
			var size int
			if r, size = utf8.DecodeRune(src[i:]); r == utf8.RuneError && size == 1 {
				flaw = codeUTF8
			}
			next = i + size
		}
		if flaw != "" {
			r = utf8.RuneError
			if s.flaw == "" {
				s.flaw, s.at = flaw, i
			}
		}
		s.escaped = s.escaped || r < 0x20 || r == '"' || r == '\\'
		out = appendRune(out, r)
		i, start = next, next
	}
}
