package app

import (
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/transaction"
)

// TransactionError is a transaction of which nothing was done.
type TransactionError struct {
	// Fault is of the kind of the first failure, with the violations of all.
	Fault *fault.Error
	// First is the operation that failed first, and Cause what it failed with.
	First int
	Cause error
}

// Error returns the text of the fault.
func (e *TransactionError) Error() string { return e.Fault.Error() }

// Unwrap returns the fault, then the cause.
func (e *TransactionError) Unwrap() []error { return []error{e.Fault, e.Cause} }

// errFollows is of an operation that cannot be judged because one that it relies on has failed.
var errFollows = errors.New("an operation that it relies on has failed")

// operationFailure is an operation that failed.
type operationFailure struct {
	operation int
	of        transaction.Operation
	err       error
}

// operationFailures are in the order of the operations.
type operationFailures []operationFailure

func (list *operationFailures) add(i int, o transaction.Operation, err error) {
	if !errors.Is(err, errFollows) {
		*list = append(*list, operationFailure{i, o, err})
	}
}

// hinder says whether an operation cannot be judged, because one that it relies on has failed: it takes a value from it, or is about the same document.
func (list operationFailures) hinder(run *transactionRun, i int) bool {
	return slices.ContainsFunc(list, func(f operationFailure) bool {
		return f.of.Collection == run.operations[i].Collection && run.ids[f.operation] == run.ids[i] ||
			slices.ContainsFunc(run.operations[i].Fill, func(fill transaction.Fill) bool { return fill.From == f.operation })
	})
}

// error is the failure of the transaction.
func (list operationFailures) error() error {
	first := list[0]
	cause := fault.Find(first.err)
	f := fault.New(cause.Kind, cause.Code, "operation %d: %s", first.operation, cause.Text).After(cause.RetryAfter)
	for _, failed := range list {
		f = f.With(failed.violations()...)
	}
	return &TransactionError{Fault: f, First: first.operation, Cause: first.err}
}

// violations are the places of the request where an operation is wrong.
func (f operationFailure) violations() []fault.Violation {
	found := fault.Find(f.err)
	pointer := "/operations/" + strconv.Itoa(f.operation)
	var there *misplaced
	if errors.As(f.err, &there) && strings.HasPrefix(there.pointer, pointer) {
		return []fault.Violation{{In: "body", Pointer: there.pointer, Code: found.Code, Message: found.Text}}
	}
	if len(found.Violations) == 0 {
		return []fault.Violation{{In: "body", Pointer: pointer, Code: found.Code, Message: found.Text}}
	}
	pointer += "/data" // of a patch: a place in the document that it would make
	if there != nil {
		pointer = strings.TrimSuffix(pointer, "/data") + there.pointer
	}
	list := slices.Clone(found.Violations)
	for i := range list {
		if list[i].In == "path" { // a parameter of the path is a member of the operation
			list[i].In, list[i].Pointer = "body", "/operations/"+strconv.Itoa(f.operation)+"/"+list[i].Pointer
			continue
		}
		list[i].Pointer = pointer + list[i].Pointer
	}
	return list
}

// misplaced is a failure that is about another part of an operation than its data.
type misplaced struct {
	pointer string
	error
}

// Unwrap returns the failure.
func (e *misplaced) Unwrap() error { return e.error }

// inPatch says that the places of a failure are in the patch.
func inPatch(err error) error {
	if err == nil || !strings.HasPrefix(fault.CodeOf(err), "document.patch") && fault.CodeOf(err) != "json.invalid" {
		return err
	}
	return &misplaced{"/patch", err}
}
