package ports

import (
	"context"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/ident"
)

// Referrer is a document that refers to another one.
type Referrer struct {
	Name ident.Collection
	Key  collection.Key
	// Path is the field of the reference, as it is declared.
	Path string
	ID   ident.Document
}

// ReferenceStore finds those who refer to documents, by references that are indexed (collection.Reference.Indexed) and whose index is building or ready.
type ReferenceStore interface {
	// Referrers returns at most limit documents of active collections that refer to a document of the collection, those included that have expired and are still stored. One that
	// does so by several references comes once for each.
	Referrers(ctx context.Context, key collection.Key, id ident.Document, limit int) ([]Referrer, error)

	// ReferringCollections returns the names of at most limit other active collections with references to a collection of that name.
	ReferringCollections(ctx context.Context, name ident.Collection, limit int) ([]ident.Collection, error)
}
