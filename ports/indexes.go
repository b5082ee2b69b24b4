package ports

import (
	"context"
	"time"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
)

// UnfinishedIndex is an index of a collection that is not being deleted, for which something is left to do.
type UnfinishedIndex struct {
	Collection ident.Collection
	Key        collection.Key
	index.Stored
}

// IndexBuild is a step of the building of an index.
type IndexBuild struct {
	Key   collection.Key
	ID    int32
	Index *index.Index
	// At is when the step is made.
	At time.Time
	// Limit is how many documents at most, at least 1. A step with large documents or many entries takes fewer.
	Limit int
}

// IndexStore builds and removes indexes, step by step; each step is atomic. What is to be done stands in the store, so that any process can go on with it.
//
// From the moment in which WriteCollection returns, every write that is committed maintains what it declared. So a build has to go only through the documents that were there before,
// and a document that a step has seen stays indexed, whatever happens to it.
type IndexStore interface {
	// UnfinishedIndexes returns at most limit indexes that are building, deleting, or failed with entries left, in the order of their ids.
	UnfinishedIndexes(ctx context.Context, limit int) ([]UnfinishedIndex, error)

	// BuildIndex gives entries to the next documents in the order of their ids, and says whether there is nothing left to do.
	// With the last document the index becomes ready; it becomes failed, with the reason, when two documents have equal keys in a unique index or one cannot be indexed.
	// A new state is a configuration change of the collection, and no revision.
	// It does nothing, and is done, for an index that is not building any more or does not exist. It may be called by several processes at once; one of them advances the index,
	// and the others do nothing and are not done. Writers wait for no more than one step.
	BuildIndex(ctx context.Context, b IndexBuild) (done bool, err error)

	// PurgeIndex removes at most limit entries of an index that is deleting or failed, and says whether there are none left. In the end an index that is deleting is gone itself.
	// It does nothing, and is done, for any other index. It may be called by several processes at once.
	PurgeIndex(ctx context.Context, key collection.Key, id int32, limit int) (done bool, err error)
}
