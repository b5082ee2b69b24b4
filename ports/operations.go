package ports

import (
	"context"
	"time"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/operation"
	"github.com/sheafdb/sheaf/domain/receipt"
)

// OperationRange is a stretch of the list of operations, from the newest down.
type OperationRange struct {
	// Before is the id that the stretch begins below; the zero id begins with the newest.
	Before ident.Operation
	// Collection and State leave out all others where they are set.
	Collection ident.Collection
	State      operation.State
	// Limit is how many operations at most, at least 1.
	Limit int
}

// OperationReader finds operations.
type OperationReader interface {
	// GetOperation returns the operation.
	// It fails with fault.NotFound, code "operation.notFound", when there is none.
	GetOperation(ctx context.Context, id ident.Operation) (operation.Operation, error)

	// ListOperations returns the operations of the range, the highest id first.
	ListOperations(ctx context.Context, r OperationRange) ([]operation.Operation, error)

	// ListFailures returns at most limit failures of an operation in the order in which they came about, beginning behind the first after of them.
	// There are at most operation.MaxFailures, and none of an operation that does not exist.
	ListFailures(ctx context.Context, id ident.Operation, after int64, limit int) ([]operation.Failure, error)
}

// OperationWriter changes operations; each call is atomic. What becomes of an operation is for package operation to say.
type OperationWriter interface {
	// InsertOperation keeps a new operation, and with it the receipt of the request that asked for it; nil where there is none.
	// It fails with fault.Conflict, code "operation.exists", when the id is taken, and with receipt.ErrLost when the claim is lost; nothing is kept then.
	InsertOperation(ctx context.Context, o operation.Operation, r *receipt.Pending[operation.Operation]) error

	// ClaimOperation claims an operation that is claimable: of each collection only the one with the lowest id that has not ended, and of these the one with the lowest id.
	// found is false when there is none. Of several callers at once, each operation goes to one.
	ClaimOperation(ctx context.Context, c operation.Claim) (claimed operation.Operation, found bool, err error)

	// AdvanceOperation commits a step that comes without changes of documents; document.Batch has those that come with some.
	// It fails with operation.ErrLost, and changes nothing, when the step is not allowed. With the step that ends an operation its Last is set.
	AdvanceOperation(ctx context.Context, s operation.Step) error

	// CancelOperation ends an operation, and returns it. When it has returned, no step of the operation is committed any more.
	// It fails with fault.NotFound when there is none, and with what Cancelled fails with.
	CancelOperation(ctx context.Context, id ident.Operation, at time.Time) (operation.Operation, error)

	// PurgeOperations forgets at most limit operations that ended before an instant, with their failures, and returns how many.
	// It may be called by several processes at once.
	PurgeOperations(ctx context.Context, before time.Time, limit int) (int, error)
}

// Reversal is a change with what was before it.
type Reversal struct {
	change.Change // without its data
	// Before is the canonical text of the document before the change, nil where there was none.
	Before []byte
	// Known is false where history does not keep what was before.
	Known bool
}

// ReversalRange is a stretch of the changes that an operation made.
type ReversalRange struct {
	// RequestID is the one that the changes carry.
	RequestID string
	// After and Last bound the positions: above After, up to Last.
	After, Last change.Position
	// Limit and Bytes end the stretch as in Range, by what was before.
	Limit, Bytes int
}

// OperationHistory reads what an operation did.
type OperationHistory interface {
	// ListReversals returns the changes of a collection that a request made, in the order of their positions, and says whether more follow.
	ListReversals(ctx context.Context, key collection.Key, r ReversalRange) (items []Reversal, more bool, err error)
}

// OperationStore is everything that keeps operations.
type OperationStore interface {
	OperationReader
	OperationWriter
	OperationHistory
}
