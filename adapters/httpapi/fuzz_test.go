package httpapi

import (
	"bytes"
	"encoding/json"
	"io"
	"iter"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/ports/app"
)

// splitter is ndjson or jsonArray.
type splitter func(read io.Reader, limit int) iter.Seq2[app.Line, error]

// split is what a splitter made of a stream.
type split struct {
	numbers []int64
	lines   []string // "" where a line is too long
	err     error
}

// drain takes everything out of a splitter, and fails where a line breaks a promise.
func drain(t *testing.T, lines iter.Seq2[app.Line, error], limit int) (s split) {
	t.Helper()
	for line, err := range lines {
		if s.err != nil {
			t.Fatal("a line follows the error")
		}
		if s.err = err; err != nil {
			continue
		}
		if last := len(s.numbers) - 1; last >= 0 && line.Number <= s.numbers[last] || line.Number < 1 {
			t.Fatalf("line %d follows %v", line.Number, s.numbers)
		}
		if line.Err != nil && (line.Data != nil || fault.KindOf(line.Err) != fault.TooLarge) || len(line.Data) > limit {
			t.Fatalf("line %d: %v, %q", line.Number, line.Err, line.Data)
		}
		s.numbers, s.lines = append(s.numbers, line.Number), append(s.lines, string(line.Data))
	}
	if s.err != nil && fault.KindOf(s.err) != fault.Malformed {
		t.Fatalf("not the caller's fault: %v", s.err)
	}
	return s
}

// drainAll returns the lines of a text without a limit, having seen that they are the same when it arrives byte by byte, and when lines are cut from a limit on.
func drainAll(t *testing.T, of splitter, text []byte) split {
	t.Helper()
	const none, short = 1 << 20, 8
	whole := drain(t, of(bytes.NewReader(text), none), none)
	slow := drain(t, of(iotest.OneByteReader(bytes.NewReader(text)), none), none)
	cut := drain(t, of(bytes.NewReader(text), short), short)
	if !slices.Equal(slow.lines, whole.lines) || !slices.Equal(slow.numbers, whole.numbers) {
		t.Fatalf("%q: %q, byte by byte %q", text, whole.lines, slow.lines)
	}
	for i, line := range whole.lines {
		// Blank lines are lines too where they are too long.
		if at := slices.Index(cut.numbers, whole.numbers[i]); at < 0 || (len(line) <= short) != (cut.lines[at] == line) {
			t.Fatalf("%q: line %q is cut, all are %q", text, line, cut.lines)
		}
	}
	if fault.CodeOf(slow.err) != fault.CodeOf(whole.err) || fault.CodeOf(cut.err) != fault.CodeOf(whole.err) {
		t.Fatalf("%q: %v, byte by byte %v, cut %v", text, whole.err, slow.err, cut.err)
	}
	return whole
}

// The lines are those that splitting the whole text at its line ends gives.
func FuzzNDJSON(f *testing.F) {
	for _, text := range []string{"", "\n", "{}\n{}\n", "{}\r\n\r\n {} \n", "{\"a\":1}", "\n\n\n7", "123456789\n{}", "         \n{}", "[1,\n2]", "\v\n\u00a0"} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got := drainAll(t, ndjson, text)
		var want split
		for i, line := range bytes.SplitAfter(text, []byte("\n")) {
			if len(bytes.Trim(line, " \t\r\n")) > 0 {
				want.numbers, want.lines = append(want.numbers, int64(i+1)), append(want.lines, string(line))
			}
		}
		if got.err != nil || !slices.Equal(got.lines, want.lines) || !slices.Equal(got.numbers, want.numbers) {
			t.Fatalf("%q: got %q (%v), want %q", text, got.lines, got.err, want.lines)
		}
	})
}

// The elements are those that a decoder finds, and where it finds no array there is an error or an element that is not JSON.
func FuzzJSONArray(f *testing.F) {
	for _, text := range []string{
		"", "[]", " [ ] ", "[1,2]", `[{"a":"]"},["b",{}]]`, `["\"",",\\"]`, "[1", "[1,", "[1,]", "[,1]", "[1] 2", "[[]", "[]]", "{}", "null", "[1}", `["`, "[1234567890,1]", "[ 1 ,\n2 ]", "[{]}]", "[         1]",
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		got := drainAll(t, jsonArray, text)
		valid := func(line string) bool { return json.Valid([]byte(line)) }
		var want []json.RawMessage
		if err := json.Unmarshal(text, &want); err != nil || want == nil {
			if got.err == nil && !slices.ContainsFunc(got.lines, func(line string) bool { return !valid(line) }) {
				t.Fatalf("%q was taken for an array of %q", text, got.lines)
			}
			return
		}
		if got.err != nil || len(got.lines) != len(want) {
			t.Fatalf("%q: got %q (%v), want %q", text, got.lines, got.err, want)
		}
		for i, element := range want {
			if strings.Trim(got.lines[i], " \t\r\n") != string(element) {
				t.Fatalf("%q: element %d is %q, want %q", text, i, got.lines[i], element)
			}
		}
	})
}

// What is accepted as a condition is accepted again as it is written out, and means the same.
func FuzzParseCondition(f *testing.F) {
	for _, text := range []string{"", "*", `"1"`, `W/"1"`, `"1", "2"`, ` , "3",,W/"4" `, `"1`, "1", `"a b"`, `"\"`, `""`, `"01"`, `"99999999999999999999"`, `"é"`, "*,", `"1""2"`} {
		f.Add(text, true)
		f.Add(text, false)
	}
	f.Fuzz(func(t *testing.T, text string, weak bool) {
		c, ok := document.ParseCondition(text, weak)
		if !ok {
			return
		}
		tags := make([]string, 0, len(c.Revisions)+1)
		for _, revision := range c.Revisions {
			if revision < 1 {
				t.Fatalf("%q names revision %d", text, revision)
			}
			tags = append(tags, document.Tag(revision))
		}
		written := strings.Join(append(tags, `"none"`), ", ")
		if c.Any {
			written = "*"
		}
		again, ok := document.ParseCondition(written, weak)
		if !ok || again.Any != c.Any || len(again.Revisions) != len(c.Revisions) {
			t.Fatalf("%q is %+v, and %q is %+v (%v)", text, c, written, again, ok)
		}
		if strict, _ := document.ParseCondition(text, false); weak && len(strict.Revisions) > len(c.Revisions) {
			t.Fatalf("%q names more revisions by the strong comparison", text)
		}
	})
}

// A preference stays one, or none, whatever other preferences are around it.
func FuzzPrefer(f *testing.F) {
	for _, text := range []string{"", "return=minimal", `return="minimal"`, "RETURN = minimal ; x=y", "return=representation", "wait=10, return=minimal", "return", "return=minimal, return=representation", ",,;=", "respond-async"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := minimal(text)
		if got && !strings.Contains(strings.ToLower(text), "return") {
			t.Fatalf("%q is taken for return=minimal", text)
		}
		if minimal("wait=10, "+text) != got {
			t.Fatalf("%q differs behind another preference", text)
		}
		if !minimal("return=minimal, " + text) {
			t.Fatalf("%q takes back what is said before it", text)
		}
	})
}
