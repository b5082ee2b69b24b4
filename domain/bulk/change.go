package bulk

import (
	"time"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/operation"
	"github.com/sheafdb/sheaf/domain/patch"
	"github.com/sheafdb/sheaf/domain/query"
)

// Change is what a request does to a document of one collection. It is immutable.
type Change struct {
	// Filter is nil where everything matches.
	Filter *query.Expr

	collection *collection.Collection
	apply      func(index.Document) ([]byte, error) // nil deletes
	way        collection.Way
	limits     collection.Limits
}

// Compile checks the filter and the patch of a request for a collection.
// It fails with fault.Malformed and the codes of filters and patches, and with fault.Invalid and TooLarge as patch.Parse does; pointers lead into the body of the request. It fails
// with fault.Invalid, code "bulk.unfiltered", where the filter says nothing about a document and the request does not say that everything is meant.
func (r Request) Compile(c *collection.Collection, limits collection.Limits) (*Change, error) {
	ch := &Change{collection: c, way: collection.Edited, limits: limits}
	if r.Kind == operation.Migration {
		ch.way = collection.Kept
	}
	var err error
	if r.Filter != "" {
		if ch.Filter, err = query.Compile(r.Filter, r.env(c)); err != nil {
			return nil, err
		}
	}
	if ch.Filter != nil && constant(ch.Filter.Root()) && !r.everythingIsMeant() {
		return nil, unfiltered("the filter says nothing about the documents")
	}
	if r.Kind == operation.Delete {
		return ch, nil
	}
	parsed, err := patch.Parse(r.Format, r.Patch, jsontext.Limits(limits))
	if err != nil {
		return nil, within("/patch", err)
	}
	ch.apply = parsed.Apply
	return ch, nil
}

// env is what filters are compiled for. A migration is about documents that are older than the schema: it may name what the schema does not know.
func (r Request) env(c *collection.Collection) *query.Env {
	env := *c.Filters()
	if r.Kind == operation.Migration {
		env = *query.FilterEnv(nil)
	}
	env.In, env.Pointer = "body", "/filter"
	return &env
}

// within moves the violations of a fault below a pointer.
func within(pointer string, err error) error {
	f := fault.Find(err)
	if f == nil || len(f.Violations) == 0 {
		return err
	}
	moved := *f
	moved.Violations = make([]fault.Violation, len(f.Violations))
	for i, v := range f.Violations {
		v.Pointer = pointer + v.Pointer
		moved.Violations[i] = v
	}
	return &moved
}

// constant says whether an expression has the same value for every document.
func constant(n query.Node) bool {
	switch n := n.(type) {
	case *query.Literal:
		return true
	case *query.Variable:
		return false
	case *query.Bound:
		return true
	case *query.Select:
		return constant(n.Operand)
	case *query.Has:
		return constant(n.Operand)
	case *query.Index:
		return constant(n.Operand) && constant(n.At)
	case *query.ListOf:
		return allConstant(n.Elements...)
	case *query.Conditional:
		return allConstant(n.If, n.Then, n.Else)
	case *query.Quantified:
		return allConstant(n.Over, n.Body)
	case *query.Call:
		return allConstant(n.Arguments...)
	}
	return false
}

func allConstant(nodes ...query.Node) bool {
	for _, n := range nodes {
		if !constant(n) {
			return false
		}
	}
	return true
}

// Matches says whether a document is one of those that are meant.
func (ch *Change) Matches(d document.Document) (bool, error) {
	if ch.Filter == nil {
		return true, nil
	}
	vars, err := index.Vars(d.Indexable())
	if err != nil {
		return false, err
	}
	return ch.Filter.Match(vars), nil
}

// Decide says what becomes of the document as it is now, nil where there is none, and whether it is one of those that are meant. now is when the request was made.
// It fails with what the patch and the collection fail with.
func (ch *Change) Decide(current *document.Document, now time.Time) (next document.Next, matches bool, err error) {
	if current == nil {
		return document.Keep(), false, nil
	}
	if matches, err = ch.Matches(*current); err != nil || !matches {
		return document.Keep(), false, err
	}
	if ch.apply == nil {
		return document.Remove(), true, nil
	}
	edit := document.Edit{Collection: ch.collection, ID: current.ID, Way: ch.way, Now: now, Apply: ch.apply, MaxBytes: ch.limits.Bytes}
	next, err = edit.Change(current)
	return next, true, err
}
