package ports

import (
	"context"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/query"
)

// Range is a stretch of a list.
type Range struct {
	// After is the id that the stretch begins after; "" is before the first.
	After string
	// Limit is how many documents at most, at least 1.
	Limit int
	// Bytes ends the stretch with the document whose data brings the sum to this size or above: pages of large documents hold fewer of them. At least 1.
	Bytes int
}

// Source says where a document was found.
type Source byte

// The sources of a document.
const (
	// FromStore is the store itself: the answer is current.
	FromStore Source = iota
	// FromMemory and FromShared are caches, in this process and beside it.
	FromMemory
	FromShared
)

// DocumentReader finds documents, those included that have expired and are still stored: what is read of a collection whose documents expire is for collection.Living to judge.
// Data is canonical text, and is not changed after it was returned; that of documents which are returned together may lie in one piece of memory, which who keeps one of them keeps.
// A slice of documents is the caller's.
type DocumentReader interface {
	// Get returns the current document.
	// It fails with fault.NotFound when there is none; the fault names no collection, which an adapter knows only by its key.
	Get(ctx context.Context, key collection.Key, id ident.Document) (document.Document, error)

	// GetRecent returns the document as Get does, or as it was a short while ago, which the adapter bounds. It is never older than a write that this store acknowledged before,
	// nor than the position of its bucket that the caller has seen, 0 for none. It says where it found it, also when it fails because there is none.
	GetRecent(ctx context.Context, key collection.Key, id ident.Document, seen change.Position) (document.Document, Source, error)

	// GetAll returns the current documents with these ids, in no order; those that are not there are left out.
	GetAll(ctx context.Context, key collection.Key, ids []ident.Document) ([]document.Document, error)

	// List returns the documents in the range, in the order of the bytes of their ids, and says whether more follow.
	List(ctx context.Context, key collection.Key, r Range) (items []document.Document, more bool, err error)

	// Count returns how many documents there are.
	// Exact counts all, capped at most query.CountCap, estimated may be off and costs no more than a point read.
	Count(ctx context.Context, key collection.Key, kind query.CountKind) (query.Count, error)

	// Export calls visit with every document in the order of the bytes of their ids, all as they were at one moment.
	// It holds no more than a page of them at once. It ends with the first error of visit and returns it as it is. The document's data must not be kept after visit returned.
	Export(ctx context.Context, key collection.Key, visit func(document.Document) error) error
}

// DocumentWriter changes documents.
type DocumentWriter interface {
	// Write makes every write of the batch, in their order, or none, and returns one result for each.
	// Every write that changes a document appends one change with the next position of its bucket; the batch's changes are consecutive within a bucket.
	// Entries of a document in the indexes that a write names are as new as the document, whatever the batch did on the way.
	// A document that has expired when it is written to is deleted first (document.Expire), with a change of its own, and the write decides as if there were none.
	// An error of a Change is returned as it is, and nothing is written; so is the error of a document that cannot be indexed.
	// It fails with a *document.DuplicateError, which is a fault.Conflict with code "document.duplicate", and writes nothing, when the batch would leave two documents with equal keys
	// in a unique index. Other batches do not suffer for it.
	// What a document comes to refer to, by a reference in the indexes that its write names, has to be there when the batch is done, and stays there as long as it is referred to.
	// It fails with a *document.DanglingError, which is a fault.Invalid with code "document.invalid", and writes nothing, where it is not. Expired documents are not there.
	// It fails with a *document.ReferredError, which is a fault.Conflict with code "document.referenced", and writes nothing, when the batch would remove a document while others go on
	// referring to it by references that are indexed; see ReferenceStore. Where the document has expired, references that restrict deletions do not count. Other batches do not suffer for it.
	// A dry run fails as the batch would, or returns what it would, and writes nothing.
	// It fails with collection.ErrChanged, and writes nothing, when a collection is no longer at the version that a write names, or no longer active.
	// A receipt of the batch is written with it, also where nothing changes. It fails with receipt.ErrLost, and writes nothing, when the claim is lost.
	// A batch that is a step of an operation is committed together with that step, also where it changes no document. It fails with operation.ErrLost, and writes nothing, when the
	// step is not allowed, and with what Step fails with.
	// A rehearsal leaves everything as it was.
	// When it returns nil the batch is durable, if it is no rehearsal. When it fails with fault.Unavailable, code "write.unknown", it may or may not have happened.
	Write(ctx context.Context, batch document.Batch) ([]document.Result, error)
}

// ChangeReader reads what was committed.
type ChangeReader interface {
	// Changes returns at most limit changes of a bucket after the position, in their order, without gaps.
	Changes(ctx context.Context, bucket int32, after change.Position, limit int) ([]change.Change, error)

	// Position returns the position of the newest change of a bucket, 0 before the first.
	Position(ctx context.Context, bucket int32) (change.Position, error)

	// News returns which documents changed after the positions, all as it is at one moment; of a bucket at most limit changes, the first ones. A position above a bucket's own
	// has no news, and Until is the bucket's own then.
	News(ctx context.Context, after change.Positions, limit int) (change.News, error)
}

// DocumentStore is everything that keeps documents.
type DocumentStore interface {
	DocumentReader
	DocumentFinder
	DocumentAggregator
	DocumentWriter
	DocumentHistory
	ChangeReader
	ExpiryStore
	ReferenceStore
}

// Store is everything that keeps data: one adapter, one database.
type Store interface {
	CollectionStore
	DocumentStore
	IndexStore
	ReceiptStore
	OperationStore
	FollowerStore
}
