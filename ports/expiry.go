package ports

import (
	"context"
	"time"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/ident"
)

// DueCollection is a collection of which something has expired.
type DueCollection struct {
	Name ident.Collection
	Key  collection.Key
}

// ExpiryStore finds the documents that have expired and are still stored. A write that names the index of their instants removes them: see DocumentWriter.
// While that index is building it may miss some, and have some that are not due.
type ExpiryStore interface {
	// DueCollections returns at most limit active collections of which something has expired by an instant.
	DueCollections(ctx context.Context, at time.Time, limit int) ([]DueCollection, error)

	// DueDocuments returns at most limit documents of a collection that have expired by an instant, those first that expired first.
	DueDocuments(ctx context.Context, key collection.Key, at time.Time, limit int) ([]ident.Document, error)
}
