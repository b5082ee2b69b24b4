package httpapi

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"iter"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/ports/app"
)

// lineBuffer is how much of a stream is read at once, in bytes.
const lineBuffer = 64 << 10

// ndjson splits a stream of newline-delimited JSON into its lines. Blank lines are counted and passed over.
// A line of more than limit bytes is passed over with an error of its own. What read fails with ends the lines.
func ndjson(read io.Reader, limit int) iter.Seq2[app.Line, error] {
	return func(yield func(app.Line, error) bool) {
		in := bufio.NewReaderSize(read, lineBuffer)
		var line []byte
		for number := int64(1); ; number++ {
			line = line[:0]
			var tooLong bool
			var err error
			for {
				var part []byte
				part, err = in.ReadSlice('\n')
				if !tooLong {
					line = append(line, part...)
					tooLong = len(line) > limit
				}
				if !errors.Is(err, bufio.ErrBufferFull) {
					break
				}
			}
			if err != nil && !errors.Is(err, io.EOF) {
				yield(app.Line{}, broken(err))
				return
			}
			switch {
			case tooLong:
				if !yield(app.Line{Number: number, Err: lineTooLong(limit)}, nil) {
					return
				}
				line = nil
			case !blank(line):
				if !yield(app.Line{Number: number, Data: line}, nil) {
					return
				}
			}
			if err != nil {
				return
			}
		}
	}
}

// blank says whether a text is nothing but the white space of JSON (RFC 8259 section 2), which is less than that of Unicode.
func blank(text []byte) bool { return len(bytes.Trim(text, " \t\r\n")) == 0 }

func lineTooLong(limit int) error {
	return fault.New(fault.TooLarge, "document.tooLarge", "a document has at most %d bytes", limit)
}

// broken is the error of a body that stops before its end.
func broken(err error) error {
	if fault.Find(err) != nil {
		return err
	}
	return fault.Wrap(err, fault.Malformed, "request.body", "the body cannot be read to its end")
}

// jsonArray splits a stream that is one JSON array into its elements, which it only delimits: whether they are JSON is for the reader of the lines to say.
// An element of more than limit bytes is passed over with an error of its own. Where the array itself is damaged the lines end with an error.
func jsonArray(read io.Reader, limit int) iter.Seq2[app.Line, error] {
	return func(yield func(app.Line, error) bool) {
		a := arraySplitter{in: bufio.NewReaderSize(read, lineBuffer), limit: limit}
		if c, err := a.next(); err != nil || c != '[' {
			yield(app.Line{}, a.damaged(err, "the body must be a JSON array"))
			return
		}
		for number := int64(1); ; number++ {
			end, err := a.element()
			if err != nil {
				yield(app.Line{}, a.damaged(err, "the array is not closed"))
				return
			}
			empty := blank(a.buffer) && !a.tooLong
			switch {
			case empty && end == ']' && number == 1:
			case empty:
				yield(app.Line{}, a.damaged(nil, "an element of the array is missing"))
				return
			case a.tooLong:
				if !yield(app.Line{Number: number, Err: lineTooLong(limit)}, nil) {
					return
				}
			default:
				if !yield(app.Line{Number: number, Data: a.buffer}, nil) {
					return
				}
			}
			if end == ']' {
				break
			}
		}
		if _, err := a.next(); !errors.Is(err, io.EOF) {
			yield(app.Line{}, a.damaged(err, "nothing may follow the array"))
		}
	}
}

type arraySplitter struct {
	in      *bufio.Reader
	limit   int
	buffer  []byte
	tooLong bool
}

// next returns the next byte that is no white space.
func (a *arraySplitter) next() (byte, error) {
	for {
		c, err := a.in.ReadByte()
		if err != nil || c != ' ' && c != '\t' && c != '\n' && c != '\r' {
			return c, err
		}
	}
}

// errUnbalanced says that a bracket closes what was not opened.
var errUnbalanced = errors.New("unbalanced bracket")

// element reads up to the comma or bracket that ends an element, and returns that byte; the element is in buffer.
func (a *arraySplitter) element() (end byte, err error) {
	a.buffer, a.tooLong = a.buffer[:0], false
	depth, inString, escaped := 0, false, false
	for {
		c, err := a.in.ReadByte()
		if err != nil {
			return 0, err
		}
		switch {
		case escaped:
			escaped = false
		case inString:
			escaped, inString = c == '\\', c != '"'
		case c == '"':
			inString = true
		case c == '[' || c == '{':
			depth++
		case depth == 0 && (c == ',' || c == ']'):
			return c, nil
		case depth == 0 && c == '}':
			return 0, errUnbalanced
		case c == ']' || c == '}':
			depth--
		}
		if len(a.buffer) < a.limit {
			a.buffer = append(a.buffer, c)
		} else {
			a.tooLong = true
		}
	}
}

func (a *arraySplitter) damaged(err error, text string) error {
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, errUnbalanced) {
		return broken(err)
	}
	return fault.New(fault.Malformed, "json.invalid", "%s", text).
		With(fault.Violation{In: "body", Code: "json.syntax", Message: text})
}
