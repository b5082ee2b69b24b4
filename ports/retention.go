package ports

import (
	"context"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/ident"
)

// RetainingCollection is a collection whose configuration says how much of its history is kept.
type RetainingCollection struct {
	Name ident.Collection
	Key  collection.Key
}

// RetentionStore trims the history of documents. What was trimmed is gone for whoever asks: see DocumentHistory.
type RetentionStore interface {
	// RetainingCollections returns at most limit active collections with a retention and with names above after, in the order of their names.
	RetainingCollections(ctx context.Context, after string, limit int) ([]RetainingCollection, error)

	// TrimHistory goes through at most limit further changes of the bucket, and says whether there is nothing left to do. Of a document, all but the trim's Keep newest revisions
	// of those that were made before its Before are removed; the newest one stays. How far it has come stands in the store, so that any process can go on, and nothing is gone through
	// twice unless less is to be kept than before. It may be called by several processes at once: one goes on, the others do nothing and are done. Writers do not wait for it.
	// Positions are not given out again: the feed has gaps where revisions were.
	TrimHistory(ctx context.Context, key collection.Key, t change.Trim, limit int) (done bool, err error)

	// Trimmed returns the position of the newest change of the collection that was trimmed, 0 where none was. Who follows the feed from before it has missed changes.
	Trimmed(ctx context.Context, key collection.Key) (change.Position, error)
}
