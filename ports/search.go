package ports

import (
	"context"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/search"
)

// Find is a stretch of a list that is found by a query.
type Find struct {
	Query search.Query
	// Plan is one of search.Plans for the query. Whatever the plan, the answer is the same.
	// One that searches for words fails with fault.Invalid and code "search.unsupported" in an adapter that has no text search.
	Plan search.Plan
	// From is the place that the stretch begins behind, or, going Back, in front of; nil is an end of the list.
	From *search.Position
	// Back reads from the place towards the beginning: the nearest document comes first.
	Back bool
	// Limit is how many documents at most, at least 1.
	Limit int
	// Bytes ends the stretch as in Range. At least 1.
	Bytes int
}

// Found is what Find found.
type Found struct {
	Items []document.Document
	// Ends are the places of the first and the last item, where there are items and the adapter knows their places without looking into them; nil where the documents tell.
	// In an order by rank they do not.
	Ends []search.Position
	// More says that the list goes on.
	More bool
	// At is the position of the collection's bucket at the moment that the answer is of, and Unplaced where it is of several moments.
	At change.Position
	// Examined is how many entries of an index, or documents, were read, as far as the adapter can tell.
	Examined int64
}

// Unplaced is the position of an answer that is of no one moment.
const Unplaced change.Position = -1

// DocumentFinder finds documents by what is in them. Its methods fail with collection.ErrChanged when the index that they are to read is no longer ready.
type DocumentFinder interface {
	// Find returns the documents of the stretch, in the order of the query, then of their ids, from the place on.
	// A document matches when it has not expired, as Query.Living says, and the filter is true for it.
	Find(ctx context.Context, key collection.Key, f Find) (Found, error)

	// CountFound counts the documents that match, at most limit of them; 0 counts all. Of a plan that searches for words, what its Residual does not name does not count.
	CountFound(ctx context.Context, key collection.Key, q search.Query, p search.Plan, limit int64) (int64, error)

	// CountEntries returns how many entries of an index lie in the spans, at most limit.
	CountEntries(ctx context.Context, key collection.Key, indexID int32, spans []index.Span, limit int64) (int64, error)

	// FindKeys returns the ids of the documents that have keys in a unique index, one for each key, zero where no document has it. Documents that have expired, and
	// were not removed yet, are among them. All are of one moment, after which others may change them.
	FindKeys(ctx context.Context, key collection.Key, indexID int32, keys [][]byte) ([]ident.Document, error)
}
