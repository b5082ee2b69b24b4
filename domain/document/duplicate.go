package document

import (
	"fmt"
	"strings"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
)

// Duplicate is a write of a batch that gives its document a key which another document has in a unique index.
type Duplicate struct {
	// Write is its number in the batch, from 0.
	Write int
	Index *index.Index
	// Holder is the other document, or one of the others.
	Holder ident.Document
}

// Same says whether two duplicates are the same fault: of one write, in one index.
func (d Duplicate) Same(other Duplicate) bool {
	return d.Write == other.Write && d.Index == other.Index
}

// DuplicateError is a batch that would put equal keys into unique indexes.
type DuplicateError struct {
	Fault *fault.Error
	// Duplicates are in the order of the writes; there may be more that were not looked at.
	Duplicates []Duplicate
}

// Error returns the text of the fault.
func (e *DuplicateError) Error() string { return e.Fault.Error() }

// Unwrap returns the fault.
func (e *DuplicateError) Unwrap() error { return e.Fault }

// Duplicated returns the error of a batch with these duplicates, at least one: a fault.Conflict with code "document.duplicate" and a violation for each field of each index.
func Duplicated(duplicates ...Duplicate) *DuplicateError {
	first := duplicates[0].Index
	f := fault.New(fault.Conflict, "document.duplicate", "another document has the same %s, which index %q makes unique", fieldsOf(first), first.Name)
	for _, d := range duplicates {
		f = f.With(d.Violations()...)
	}
	return &DuplicateError{Fault: f, Duplicates: duplicates}
}

// Violations are the fields whose values another document has.
func (d Duplicate) Violations() []fault.Violation {
	list := make([]fault.Violation, len(d.Index.Fields))
	for i, f := range d.Index.Fields {
		list[i] = fault.Violation{
			In: "body", Pointer: f.Pointer(), Code: "unique", Message: fmt.Sprintf("another document has the same value; index %q makes it unique", d.Index.Name),
			Params: map[string]any{"index": d.Index.Name},
		}
		if len(d.Index.Fields) > 1 {
			list[i].Message = fmt.Sprintf("another document has the same %s; index %q makes them unique together", fieldsOf(d.Index), d.Index.Name)
		}
	}
	return list
}

func fieldsOf(x *index.Index) string {
	names := make([]string, len(x.Fields))
	for i, f := range x.Fields {
		names[i] = strings.TrimSuffix(f.String(), " desc")
	}
	return strings.Join(names, " and ")
}
