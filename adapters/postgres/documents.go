package postgres

import (
	"context"

	"github.com/sheafdb/sheaf/adapters/postgres/sqlcgen"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/query"
	"github.com/sheafdb/sheaf/ports"
)

// firstRows is how many documents are asked for before anything is known of their size: enough for a usual page, and not too
// many of the largest there may be.
const firstRows = 64

// List returns the documents in the range.
//
// A page is one statement as long as it has no more than firstRows documents. After these the number of further rows follows from the size of those that came,
// so that the server does not send what the range has no room for.
func (s *Store) List(ctx context.Context, key collection.Key, r ports.Range) (items []document.Document, more bool, err error) {
	items = []document.Document{}
	bytes, after := 0, r.After
	for {
		// One more than there is room for says whether more follow.
		ask := min(r.Limit-len(items)+1, firstRows)
		if len(items) > 0 {
			ask = min(r.Limit-len(items)+1, max(r.Bytes-bytes, 0)*len(items)/max(bytes, 1)+1)
		}
		got := 0
		err := s.page(ctx, s.pool, key, after, ask, func(d document.Document) bool {
			got++
			if len(items) == r.Limit || len(items) > 0 && bytes >= r.Bytes {
				more = true
				return false
			}
			items = append(items, d)
			bytes += len(d.Data)
			return true
		})
		if err != nil {
			return nil, false, failed(ctx, err, "list documents")
		}
		if more || got < ask {
			return items, more, nil
		}
		after = items[len(items)-1].ID.String()
	}
}

// page reads at most limit documents after an id, and ends early when each says so. Each document is the caller's.
func (s *Store) page(ctx context.Context, db sqlcgen.DBTX, key collection.Key, after string, limit int, each func(document.Document) bool) error {
	rows, err := db.Query(ctx, sqlcgen.ListDocuments, key.Bucket, key.ID, after, limitOf(limit))
	if err != nil {
		return err
	}
	return scanDocuments(rows, limit, false, nil, func(d document.Document, _ []byte) bool { return each(d) })
}

// estimatedExactly is up to how many documents an estimate counts: that costs what a point read does, and nobody is told 300 of an empty collection.
const estimatedExactly = 100

// Count returns how many documents there are. An estimate is the planner's, as fresh as the last ANALYZE and scaled to the table's size.
func (s *Store) Count(ctx context.Context, key collection.Key, kind query.CountKind) (query.Count, error) {
	switch kind {
	case query.CountEstimated:
		n, err := s.queries.EstimateDocuments(ctx, sqlcgen.EstimateDocumentsParams{Bucket: key.Bucket, CollectionID: key.ID, Exact: estimatedExactly})
		return query.Count{Value: n, Kind: "estimated"}, failed(ctx, err, "estimate documents")
	case query.CountCapped:
		n, err := s.queries.CountDocumentsUpTo(ctx, sqlcgen.CountDocumentsUpToParams{Bucket: key.Bucket, CollectionID: key.ID, Cap: query.CountCap + 1})
		return query.CappedCount(n), failed(ctx, err, "count documents")
	}
	n, err := s.queries.CountDocuments(ctx, sqlcgen.CountDocumentsParams{Bucket: key.Bucket, CollectionID: key.ID})
	return query.Count{Value: n, Kind: "exact"}, failed(ctx, err, "count documents")
}
