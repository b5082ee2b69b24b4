package app

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/operation"
	"github.com/sheafdb/sheaf/domain/query"
	"github.com/sheafdb/sheaf/domain/receipt"
	"github.com/sheafdb/sheaf/ports"
)

// Operations are the use cases of operations. It is safe for concurrent use.
type Operations struct {
	Dependencies
	Catalog   *Catalog
	Documents *Documents
	// Pause waits, or returns earlier where ctx ends; nil waits by the clock of the machine.
	Pause func(ctx context.Context, d time.Duration)

	// wake has a token when there may be something to do; see Work.
	wake chan struct{}
}

// NewOperations returns the use cases of operations.
func NewOperations(d Dependencies, catalog *Catalog, documents *Documents) *Operations {
	return &Operations{Dependencies: d, Catalog: catalog, Documents: documents, wake: make(chan struct{}, 1)}
}

// start makes an operation on a collection, to be done by whoever works; total is how many documents it is about, -1 where that is not known yet.
func (s *Operations) start(ctx context.Context, c *collection.Collection, kind operation.Kind, request []byte, total int64, by Caller, r *receipt.Pending[operation.Operation]) (operation.Operation, error) {
	id, err := ident.ParseOperation(s.IDs().String())
	if err != nil {
		return operation.Operation{}, fault.Wrap(err, fault.Internal, "internal", "the id of an operation")
	}
	o := operation.New(id, kind, c.Stored, request, by.origin(), s.Clock())
	o.Progress.Total = total
	if err := s.Store.InsertOperation(ctx, o, r); err != nil {
		return operation.Operation{}, err
	}
	select {
	case s.wake <- struct{}{}:
	default: // there is one already
	}
	return o, nil
}

// Get returns an operation.
// It fails with fault.NotFound when there is none.
func (s *Operations) Get(ctx context.Context, _ Caller, id ident.Operation) (operation.Operation, error) {
	return s.Store.GetOperation(ctx, id)
}

// ListOperations is a request for a page of operations.
type ListOperations struct {
	// Collection and State leave out all others where they are set.
	Collection ident.Collection
	State      operation.State
	Paging     Paging
}

// List returns a page of operations, the newest first.
// It fails with fault.Malformed for a page token that is not one of this list.
func (s *Operations) List(ctx context.Context, _ Caller, r ListOperations) (Page[operation.Operation], error) {
	cursor, err := query.ParseCursor("operations/"+r.Collection.String()+"/"+string(r.State), r.Paging.Token)
	if err != nil {
		return Page[operation.Operation]{}, err
	}
	size := query.PageSize(r.Paging.Size)
	within := ports.OperationRange{Collection: r.Collection, State: r.State, Limit: size + 1}
	if cursor.After != "" {
		if within.Before, err = ident.ParseOperation(cursor.After); err != nil {
			return Page[operation.Operation]{}, err
		}
	}
	items, err := s.Store.ListOperations(ctx, within)
	if err != nil {
		return Page[operation.Operation]{}, err
	}
	page := Page[operation.Operation]{Items: items}
	if len(items) > size {
		page.Items = items[:size]
		cursor.After = items[size-1].ID.String()
		page.Next = cursor.Format()
	}
	return page, nil
}

// ListFailures returns a page of the documents that an operation could not change, in the order in which it came to them.
// It fails with fault.NotFound when there is no such operation, and with fault.Malformed for a page token that is not one of this list.
func (s *Operations) ListFailures(ctx context.Context, _ Caller, id ident.Operation, p Paging) (Page[operation.Failure], error) {
	if _, err := s.Store.GetOperation(ctx, id); err != nil {
		return Page[operation.Failure]{}, err
	}
	cursor, err := query.ParseCursor("failures/"+id.String(), p.Token)
	if err != nil {
		return Page[operation.Failure]{}, err
	}
	after, _ := strconv.ParseInt(cursor.After, 10, 64)
	size := query.PageSize(p.Size)
	items, err := s.Store.ListFailures(ctx, id, after, size+1)
	if err != nil {
		return Page[operation.Failure]{}, err
	}
	page := Page[operation.Failure]{Items: items}
	if len(items) > size {
		page.Items = items[:size]
		cursor.After = strconv.FormatInt(after+int64(size), 10)
		page.Next = cursor.Format()
	}
	return page, nil
}

// Cancel ends an operation. What it did stays; from here on it does nothing more.
// It fails with fault.NotFound when there is none, and with fault.Conflict, code "operation.ended", when it came to another end.
func (s *Operations) Cancel(ctx context.Context, _ Caller, id ident.Operation) (operation.Operation, error) {
	return s.Store.CancelOperation(ctx, id, s.Clock())
}

// Rollback starts an operation that takes back what another one did: every document that did not change since becomes what it was before, as a new revision.
// The receipt is written with the operation; nil where there is none.
// It fails with fault.NotFound when there is no such operation or its collection is gone, and with fault.Conflict, code "operation.running", while it is not over.
func (s *Operations) Rollback(ctx context.Context, by Caller, id ident.Operation, r *receipt.Pending[operation.Operation]) (operation.Operation, error) {
	o, err := s.Store.GetOperation(ctx, id)
	if err != nil {
		return operation.Operation{}, err
	}
	if !o.State.Ended() {
		return operation.Operation{}, fault.New(fault.Conflict, "operation.running", "the operation is %s: cancel it, or wait for its end", o.State)
	}
	c, err := s.collectionOf(ctx, o)
	if err != nil {
		return operation.Operation{}, err
	}
	request := rollback{Of: o.ID, After: o.First, Last: o.Last}
	return s.start(ctx, c, operation.Rollback, request.text(), o.Progress.Changed, by, r)
}

// collectionOf returns the collection that an operation is about.
func (s *Operations) collectionOf(ctx context.Context, o operation.Operation) (*collection.Collection, error) {
	c, err := s.Catalog.Get(ctx, o.Collection)
	if err != nil {
		return nil, err
	}
	if c.Key != o.Key {
		return nil, fault.New(fault.NotFound, "collection.notFound", "the collection %q that the operation is about is gone; there is another one of that name", o.Collection)
	}
	return c, nil
}

// rollback is what a rollback is to take back: the changes of an operation between two positions of the feed.
type rollback struct {
	Of          ident.Operation
	After, Last change.Position
}

func (r rollback) text() []byte {
	number := func(p change.Position) json.Number { return json.Number(strconv.FormatInt(int64(p), 10)) }
	return jsontext.Append(nil, map[string]any{"of": r.Of.String(), "after": number(r.After), "last": number(r.Last)})
}

func parseRollback(text []byte) (r rollback, err error) {
	var w struct {
		Of          string
		After, Last int64
	}
	if err = json.Unmarshal(text, &w); err == nil {
		r.Of, err = ident.ParseOperation(w.Of)
	}
	r.After, r.Last = change.Position(w.After), change.Position(w.Last)
	if err != nil {
		return r, fault.Wrap(err, fault.Internal, "internal", "the request of a rollback cannot be read")
	}
	return r, nil
}

// requestIDOf is the request that the changes of an operation are told to be made by. No request from outside has such an id.
func requestIDOf(id ident.Operation) string { return operation.RequestPrefix + id.String() }
