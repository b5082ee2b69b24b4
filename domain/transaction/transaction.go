// Package transaction says what a request asks for that changes several documents at once.
//
// A transaction is a list of operations. Parse judges its form, every mistake with a pointer; what the operations mean for documents is for the use case to say.
// An operation may take values from the results of those before it. These are named outside of its data (Fill), so that no data can be mistaken for one.
package transaction

import (
	"slices"

	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/patch"
	"github.com/sheafdb/sheaf/domain/query"
)

// Op is what an operation does.
type Op string

// The operations.
const (
	Create Op = "create"
	Put    Op = "put"
	Patch  Op = "patch"
	Delete Op = "delete"
	// Check changes nothing: it holds the document to its condition, or to being there, until all is done.
	Check Op = "check"
)

var ops = []string{string(Create), string(Put), string(Patch), string(Delete), string(Check)}

// Operation is one operation of a transaction.
type Operation struct {
	Op Op
	// Name is what later operations call its result, "" where they do not.
	Name       string
	Collection ident.Collection
	// ID is zero where a create leaves it to the data or the server, and where it is filled in.
	ID ident.Document
	// Body is the data of a create or a put, or the patch, decoded; nil for the others.
	Body         any
	Format       patch.Format // of a patch
	Precondition document.Precondition
	// Fill are in the order in which the values are put in: the outer ones first.
	Fill []Fill
}

// Text is the body as canonical text.
func (o Operation) Text() []byte { return jsontext.Append(nil, o.Body) }

// Fill is a value that an operation takes from the result of an earlier one.
type Fill struct {
	// Pointer leads to it in the request.
	Pointer string
	// Target is where the value goes: id, or a place in data or patch.
	Target query.Place
	// From is the number of the operation, and Source a place in its result: id, revision, createdAt, updatedAt, or doc with what is in it.
	From   int
	Source query.Place
}

// Static says whether the value is known before the transaction: ids are, everything else is what a document has become.
func (f Fill) Static() bool { return f.Source.Steps[0].Name == "id" }

// Filled returns the body with the values that find returns put in; those for which it says false are left out. The body itself and the values are not changed.
// It returns the first that there is no place for.
func (o Operation) Filled(find func(Fill) (any, bool)) (body any, missing *Fill) {
	if body = o.Body; len(o.Fill) > 0 {
		body = copied(body)
	}
	for i, f := range o.Fill {
		if f.Target.Root == idTarget {
			continue
		}
		value, found := find(f)
		if !found {
			continue
		}
		var ok bool
		if body, ok = f.Target.Put(body, copied(value)); !ok {
			return nil, &o.Fill[i]
		}
	}
	return body, nil
}

// copied returns a tree that shares nothing with v that may change.
func copied(v any) any {
	switch v := v.(type) {
	case map[string]any:
		object := make(map[string]any, len(v))
		for name, member := range v {
			object[name] = copied(member)
		}
		return object
	case []any:
		list := make([]any, len(v))
		for i, element := range v {
			list[i] = copied(element)
		}
		return list
	}
	return v
}

// FilledID returns the fill of the id, nil where there is none.
func (o Operation) FilledID() *Fill {
	i := slices.IndexFunc(o.Fill, func(f Fill) bool { return f.Target.Root == idTarget })
	if i < 0 {
		return nil
	}
	return &o.Fill[i]
}

// The roots of targets.
const (
	idTarget    = "id"
	dataTarget  = "data"
	patchTarget = "patch"
)
