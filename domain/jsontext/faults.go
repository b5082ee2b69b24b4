package jsontext

import (
	"bytes"
	"fmt"
	"strconv"
	"unicode"
	"unicode/utf8"

	"github.com/sheafdb/sheaf/domain/fault"
)

// The codes of violations; Canonical says what they mean.
const (
	codeSyntax    = "json.syntax"
	codeDepth     = "json.depth"
	codeNul       = "json.nul"
	codeSurrogate = "json.surrogate"
	codeUTF8      = "json.utf8"
	codeDuplicate = "json.duplicate"
	codeNumber    = "json.number"
)

// maxPointer bounds a pointer in a violation, in bytes: names may be long, and a hundred violations each repeat them.
const maxPointer = 1024

var stringMessages = map[string]string{
	codeNul:       "the character U+0000 cannot be kept",
	codeSurrogate: "half of a surrogate pair is not a character",
	codeUTF8:      "the bytes are not UTF-8",
}

// nowhere is the offset of what has none.
const nowhere = -1

// failed is what the writer found wrong.
type failed struct {
	faults []fault.Violation
	broken *fault.Violation // the syntax error, where reading stopped
	large  bool
}

func tooLarge(limit int) *fault.Error {
	return fault.New(fault.TooLarge, "document.tooLarge", "a document has at most %d bytes", limit)
}

func (w *writer) failure() error {
	switch {
	case w.large:
		return tooLarge(w.limits.Bytes)
	case w.broken != nil:
		text := fmt.Sprintf("not JSON: %s, at line %d, column %d", w.broken.Message, w.broken.Params["line"], w.broken.Params["column"])
		// The syntax error is never the one that there is no room for.
		return fault.New(fault.Malformed, "json.invalid", "%s", text).
			With(w.faults[:min(len(w.faults), fault.MaxViolations-1)]...).With(*w.broken)
	}
	return fault.New(fault.Malformed, "json.invalid", "the JSON holds what cannot be kept exactly").With(w.faults...)
}

// fault notes something that cannot be kept, in the value that the first depth steps lead to, and reports whether reading may go on.
func (w *writer) fault(depth int, code string, offset int, message string) bool {
	v := fault.Violation{In: "body", Pointer: w.pointer(depth), Code: code, Message: message}
	if offset != nowhere {
		v.Params = map[string]any{"offset": offset}
	}
	w.faults = append(w.faults, v)
	return len(w.faults) < fault.MaxViolations
}

func (w *writer) pointer(depth int) string {
	ptr := ""
	for _, s := range w.steps[:depth] {
		var token string
		switch {
		case s.index != inObject:
			token = strconv.Itoa(s.index)
		case s.name.length > maxPointer:
			return ptr
		default:
			token = string(w.nameBytes(s.name))
		}
		longer := AppendPointer(ptr, token)
		if len(longer) > maxPointer {
			return ptr
		}
		ptr = longer
	}
	return ptr
}

// syntax notes what was expected at an offset, and stops.
func (w *writer) syntax(offset int, expected string) bool {
	before := w.src[:offset]
	line := before[bytes.LastIndexByte(before, '\n')+1:]
	w.broken = &fault.Violation{
		In: "body", Code: codeSyntax, Message: "expected " + expected + ", found " + found(w.src[offset:]),
		Params: map[string]any{
			"offset": offset,
			"line":   1 + bytes.Count(before, []byte{'\n'}),
			"column": 1 + utf8.RuneCount(line),
		},
	}
	return false
}

// found names the first character of rest.
func found(rest []byte) string {
	if len(rest) == 0 {
		return "the end of the text"
	}
	r, size := utf8.DecodeRune(rest)
	switch {
	case r == utf8.RuneError && size == 1:
		return fmt.Sprintf("the byte 0x%02x", rest[0])
	case r == '\uFEFF':
		return "a byte order mark"
	case r == '\'':
		return `"'"`
	case unicode.IsGraphic(r) && r != ' ':
		return "'" + string(r) + "'"
	}
	return fmt.Sprintf("the character U+%04X", r)
}
