package httpapi_test

import (
	"context"
	"time"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/operation"
	"github.com/sheafdb/sheaf/domain/query"
	"github.com/sheafdb/sheaf/domain/search"
	"github.com/sheafdb/sheaf/ports"
)

// broken is a store of which no call gets through: fail says what happens instead.
//
// What no operation calls is left to the nil store, which panics.
type broken struct {
	ports.Store
	fail func() error
}

var _ ports.Store = broken{}

// failing is a store whose every call fails with err.
func failing(err error) ports.Store { return broken{fail: func() error { return err }} }

func (b broken) GetCollection(context.Context, ident.Collection) (collection.Stored, error) {
	return collection.Stored{}, b.fail()
}

func (b broken) ListCollections(context.Context, string, int) ([]collection.Stored, error) {
	return nil, b.fail()
}

func (b broken) CountCollections(context.Context, query.CountKind) (query.Count, error) {
	return query.Count{}, b.fail()
}

func (b broken) ListCollectionRevisions(context.Context, collection.Key, int64, int) ([]collection.Revision, error) {
	return nil, b.fail()
}

func (b broken) ConfigurationPosition(context.Context) (change.Position, error) { return 0, b.fail() }

func (b broken) ConfigurationChanges(context.Context, change.Position, int) ([]ident.Collection, change.Position, error) {
	return nil, 0, b.fail()
}

func (b broken) WriteCollection(context.Context, ports.CollectionChange) (collection.Stored, bool, error) {
	return collection.Stored{}, false, b.fail()
}

func (b broken) DeleteCollection(context.Context, ports.CollectionDeletion) (collection.Stored, error) {
	return collection.Stored{}, b.fail()
}

func (b broken) ReferringCollections(context.Context, ident.Collection, int) ([]ident.Collection, error) {
	return nil, b.fail()
}

func (b broken) Referrers(context.Context, collection.Key, ident.Document, int) ([]ports.Referrer, error) {
	return nil, b.fail()
}

func (b broken) DeletingCollections(context.Context, int) ([]collection.Stored, error) {
	return nil, b.fail()
}

func (b broken) PurgeCollection(context.Context, collection.Key, int) (bool, error) {
	return false, b.fail()
}

func (b broken) GetAll(context.Context, collection.Key, []ident.Document) ([]document.Document, error) {
	return nil, b.fail()
}

func (b broken) Find(context.Context, collection.Key, ports.Find) (ports.Found, error) {
	return ports.Found{}, b.fail()
}

func (b broken) CountFound(context.Context, collection.Key, search.Query, search.Plan, int64) (int64, error) {
	return 0, b.fail()
}

func (b broken) Get(context.Context, collection.Key, ident.Document) (document.Document, error) {
	return document.Document{}, b.fail()
}

func (b broken) List(context.Context, collection.Key, ports.Range) ([]document.Document, bool, error) {
	return nil, false, b.fail()
}

func (b broken) Count(context.Context, collection.Key, query.CountKind) (query.Count, error) {
	return query.Count{}, b.fail()
}

func (b broken) Export(context.Context, collection.Key, func(document.Document) error) error {
	return b.fail()
}

func (b broken) Write(context.Context, document.Batch) ([]document.Result, error) {
	return nil, b.fail()
}

func (b broken) ListRevisions(context.Context, collection.Key, ident.Document, ports.RevisionRange) ([]change.Change, bool, error) {
	return nil, false, b.fail()
}

func (b broken) GetRevision(context.Context, collection.Key, ident.Document, int64) (change.Change, error) {
	return change.Change{}, b.fail()
}

func (b broken) GetAsOf(context.Context, collection.Key, ident.Document, time.Time) (document.Document, error) {
	return document.Document{}, b.fail()
}

func (b broken) GetOperation(context.Context, ident.Operation) (operation.Operation, error) {
	return operation.Operation{}, b.fail()
}

func (b broken) ListOperations(context.Context, ports.OperationRange) ([]operation.Operation, error) {
	return nil, b.fail()
}

func (b broken) CancelOperation(context.Context, ident.Operation, time.Time) (operation.Operation, error) {
	return operation.Operation{}, b.fail()
}

func (b broken) Changes(context.Context, int32, change.Position, int) ([]change.Change, error) {
	return nil, b.fail()
}

func (b broken) Position(context.Context, int32) (change.Position, error) { return 0, b.fail() }

// cutting is a store whose exports end with a call of end after some documents.
type cutting struct {
	ports.Store
	after int
	end   func() error
}

func (c cutting) Export(ctx context.Context, key collection.Key, visit func(document.Document) error) error {
	left := c.after
	return c.Store.Export(ctx, key, func(d document.Document) error {
		if left == 0 {
			return c.end()
		}
		left--
		return visit(d)
	})
}

func (b broken) FirstRevision(context.Context, ident.Collection) (int64, error) { return 0, b.fail() }
