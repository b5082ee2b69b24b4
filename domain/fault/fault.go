// Package fault holds the kinds of failure a caller can act on.
//
// An error is classified where the fact is known, travels wrapped, and is
// rendered once, at the edge. Nothing here knows HTTP; adapters/httpapi has the
// table from Kind to status. Start at Error.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what a caller can do about a failure.
type Kind uint8

// The zero Kind is Internal, so that a failure nobody classified says so.
const (
	Internal          Kind = iota // nobody classified it: a bug or a broken invariant of ours
	Malformed                     // the request cannot be read; sending it again is pointless
	Invalid                       // well-formed, but breaks a schema, a rule or a reference
	Unauthenticated               // the caller is not known
	Denied                        // the caller is known and not allowed
	NotFound                      // nothing there
	Gone                          // there was something, and it is not kept any more
	Conflict                      // a name, key or state is in the way
	Stale                         // a stated condition does not hold: read again, then retry
	ConditionRequired             // the collection demands a condition and the request has none
	TooLarge                      // over a declared size: send less
	Unsupported                   // the media type or encoding is not understood
	Exhausted                     // over a declared rate or queue: send later
	Unavailable                   // a dependency did not answer: the same request may succeed later
)

// MaxViolations bounds how many violations one Error carries; a document can break a schema in more places than anybody reads.
const MaxViolations = 100

// Error is a classified failure.
type Error struct {
	Kind Kind
	// Code is stable and dotted, such as "document.exists"; docs/errors.md lists every one.
	Code string
	// Text is for people. It holds nothing private and is sent to the caller.
	Text string
	// Violations are all places that are wrong, at most MaxViolations, in a stable order.
	Violations []Violation
	// RetryAfter is how long a caller should wait before the same request; zero says nothing.
	RetryAfter time.Duration
	// Cause is for the log and is never sent.
	Cause error
}

// Violation names one place of a request that is wrong.
type Violation struct {
	// In is the part of the request: "body" (also when empty), "query", "path" or "header".
	In string
	// Pointer is an RFC 6901 JSON Pointer into a body, or the name of a parameter or header.
	Pointer string
	// Code is the JSON Schema keyword, the rule's code, or a word of ours such as "unknownField".
	Code string
	// Message is for people.
	Message string
	// Params are facts a program can use, such as {"missing": ["name"]}; nil where there are none.
	Params map[string]any
}

// New returns a classified failure whose text is formatted as by fmt.Sprintf.
func New(kind Kind, code, format string, args ...any) *Error {
	return &Error{Kind: kind, Code: code, Text: fmt.Sprintf(format, args...)}
}

// Wrap is New with a cause for the log.
func Wrap(cause error, kind Kind, code, format string, args ...any) *Error {
	e := New(kind, code, format, args...)
	e.Cause = cause
	return e
}

// With returns e with the violations added, up to MaxViolations in all.
func (e *Error) With(violations ...Violation) *Error {
	room := MaxViolations - len(e.Violations)
	if len(violations) > room {
		violations = violations[:max(room, 0)]
	}
	e.Violations = append(e.Violations, violations...)
	return e
}

// After returns e with RetryAfter set.
func (e *Error) After(wait time.Duration) *Error {
	e.RetryAfter = wait
	return e
}

// Error returns the text and, for the log, the cause.
func (e *Error) Error() string {
	text := e.Text
	if text == "" {
		text = e.Code
	}
	if e.Cause != nil {
		return text + ": " + e.Cause.Error()
	}
	return text
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// Find returns the first *Error in err's chain, or nil.
func Find(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// KindOf returns the kind of the first *Error in err's chain, Internal when there is none.
func KindOf(err error) Kind {
	if e := Find(err); e != nil {
		return e.Kind
	}
	return Internal
}

// CodeOf returns the code of the first *Error in err's chain, "" when there is none.
func CodeOf(err error) string {
	if e := Find(err); e != nil {
		return e.Code
	}
	return ""
}
