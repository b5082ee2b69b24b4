// Package ports is the boundary of the program: every interface that an adapter implements.
//
// Each line of a comment here is a promise; ports/porttest has the same promises as tests, and runs them on every adapter.
package ports

import (
	"context"
	"time"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/query"
	"github.com/sheafdb/sheaf/domain/receipt"
)

// CollectionReader finds collections.
type CollectionReader interface {
	// GetCollection returns the collection with that name, whatever its state.
	// It fails with fault.NotFound, code "collection.notFound", when there is none.
	GetCollection(ctx context.Context, name ident.Collection) (collection.Stored, error)

	// ListCollections returns at most limit collections with names above after, in the order of their names, whatever their state.
	ListCollections(ctx context.Context, after string, limit int) ([]collection.Stored, error)

	// FirstRevision returns the revision that a collection of that name would have when it is created, where there is none: above those of all collections that had the name.
	FirstRevision(ctx context.Context, name ident.Collection) (int64, error)

	// CountCollections returns how many there are. Estimated and capped counts may be exact.
	CountCollections(ctx context.Context, kind query.CountKind) (query.Count, error)

	// ListCollectionRevisions returns at most limit revisions of a configuration below before, the newest first.
	// before 0 begins with the newest.
	ListCollectionRevisions(ctx context.Context, key collection.Key, before int64, limit int) ([]collection.Revision, error)
}

// CollectionFeed tells which configurations changed.
type CollectionFeed interface {
	// ConfigurationPosition returns the position of the newest configuration change, 0 before the first.
	ConfigurationPosition(ctx context.Context) (change.Position, error)

	// ConfigurationChanges returns the names of the collections that were created, changed or deleted after the position, at most limit changes in their order,
	// and the position of the last of them; the given position when there are none. A name may come more than once.
	ConfigurationChanges(ctx context.Context, after change.Position, limit int) ([]ident.Collection, change.Position, error)
}

// CollectionChange is an intended change of a configuration.
type CollectionChange struct {
	Name ident.Collection
	At   time.Time
	change.Origin
	// Decide returns the canonical text of the new configuration; current is nil where there is no collection.
	// A text equal to the current one makes no revision, as long as no index has failed. Decide may run more than once, and an error from it leaves everything as it was.
	Decide func(current *collection.Stored) ([]byte, error)
	// Receipt is written with the change; nil where there is none.
	Receipt *receipt.Pending[CollectionResult]
}

// CollectionResult is what a change of a configuration did.
type CollectionResult struct {
	collection.Stored
	Created bool
}

// CollectionDeletion is an intended deletion of a collection.
type CollectionDeletion struct {
	Name ident.Collection
	At   time.Time
	change.Origin
	// Decide returns nil when the collection may go; holds says whether it has documents.
	// It may run more than once, and an error from it leaves everything as it was.
	Decide func(current collection.Stored, holds bool) error
}

// CollectionWriter changes configurations; each call is atomic.
//
// A write of a document and a change of its collection's configuration never overlap: after a call returned, no write that was judged by an older configuration is committed.
type CollectionWriter interface {
	// WriteCollection creates or replaces a configuration, with a revision and a configuration change of its own, and says whether it was created.
	// A new collection gets a key that was never used before, and revision 1. Where there were collections of that name before, its revision is above all that they had,
	// and its base is such that the revisions of its documents are above all of theirs.
	// The indexes that the text declares are made and dropped in the same moment (index.PlanChange). A new one is ready when there are no documents, and building otherwise: see IndexStore.
	// While an index has failed, a text equal to the current one makes a revision too, in which that index is built again.
	// A receipt of the change is written with it, also where nothing changes. It fails with receipt.ErrLost, and writes nothing, when the claim is lost.
	// It fails with fault.Conflict, code "collection.deleting", while a collection of that name is being deleted.
	WriteCollection(ctx context.Context, c CollectionChange) (stored collection.Stored, created bool, err error)

	// DeleteCollection marks the collection as being deleted, with a revision and a configuration change; no document is written to it any more.
	// It is done when Purge says so. Deleting it again changes nothing and returns it.
	// It fails with fault.NotFound when there is none.
	DeleteCollection(ctx context.Context, d CollectionDeletion) (collection.Stored, error)

	// DeletingCollections returns at most limit collections that are marked as being deleted.
	DeletingCollections(ctx context.Context, limit int) ([]collection.Stored, error)

	// PurgeCollection removes at most limit documents and as many changes and index entries of a collection that is being deleted, and in the end the collection itself; done says that nothing is left.
	// It may be called by several processes at once. It does nothing, and is done, for a collection that does not exist, and fails for one that is not being deleted.
	PurgeCollection(ctx context.Context, key collection.Key, limit int) (done bool, err error)
}

// CollectionStore is everything that keeps collections.
type CollectionStore interface {
	CollectionReader
	CollectionFeed
	CollectionWriter
}
