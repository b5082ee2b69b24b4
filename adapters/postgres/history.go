package postgres

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sheafdb/sheaf/adapters/postgres/sqlcgen"
	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/ports"
)

// ListRevisions returns the revisions of a document in the range.
//
// As in List, the first statement asks for no more rows than a usual page has, and the size of what came says how many the next one asks for.
func (s *Store) ListRevisions(ctx context.Context, key collection.Key, id ident.Document, r ports.RevisionRange) (items []change.Change, more bool, err error) {
	items = []change.Change{}
	before, bytes := r.Before, 0
	if before == 0 {
		before = math.MaxInt64
	}
	for {
		ask := min(r.Limit-len(items)+1, firstRows)
		if len(items) > 0 {
			ask = min(r.Limit-len(items)+1, max(r.Bytes-bytes, 0)*len(items)/max(bytes, 1)+1)
		}
		rows, err := s.queries.ListRevisions(ctx, sqlcgen.ListRevisionsParams{
			Bucket: key.Bucket, CollectionID: key.ID, ID: id.String(), Before: before, WithData: !r.WithoutData, PageSize: limitOf(ask),
		})
		if err != nil {
			return nil, false, failed(ctx, err, "list revisions")
		}
		for _, row := range rows {
			if len(items) == r.Limit || len(items) > 0 && bytes >= r.Bytes {
				return items, true, nil
			}
			c, err := revisionOf(key, id, row.Revision, row.Op)
			if err != nil {
				return nil, false, err
			}
			c.Position, c.At, c.Actor, c.RequestID, c.Data = change.Position(row.Position), row.At, row.Actor, row.RequestID, row.Data
			items = append(items, c)
			before, bytes = row.Revision, bytes+len(row.Data)
		}
		if len(rows) < ask {
			return items, false, nil
		}
	}
}

// revisionOf begins a change; op is the letter that is stored.
func revisionOf(key collection.Key, id ident.Document, revision int64, op string) (change.Change, error) {
	if len(op) != 1 {
		return change.Change{}, fault.New(fault.Internal, "internal", "a stored change cannot be read")
	}
	return change.Change{Bucket: key.Bucket, CollectionID: key.ID, DocumentID: id, Revision: revision, Op: change.Op(op[0])}, nil
}

// GetRevision returns one revision of a document.
func (s *Store) GetRevision(ctx context.Context, key collection.Key, id ident.Document, revision int64) (change.Change, error) {
	row, err := s.queries.GetRevision(ctx, sqlcgen.GetRevisionParams{Bucket: key.Bucket, CollectionID: key.ID, ID: id.String(), Revision: revision})
	if errors.Is(err, pgx.ErrNoRows) {
		return change.Change{}, s.missing(ctx, key, id, revision, document.NoRevision(id, revision))
	}
	if err != nil {
		return change.Change{}, failed(ctx, err, "get revision")
	}
	c, err := revisionOf(key, id, revision, row.Op)
	c.Position, c.At, c.Actor, c.RequestID, c.Data = change.Position(row.Position), row.At, row.Actor, row.RequestID, row.Data
	return c, err
}

// GetAsOf returns the document as it was at an instant.
func (s *Store) GetAsOf(ctx context.Context, key collection.Key, id ident.Document, at time.Time) (document.Document, error) {
	row, err := s.queries.GetDocumentAsOf(ctx, sqlcgen.GetDocumentAsOfParams{Bucket: key.Bucket, CollectionID: key.ID, ID: id.String(), AsOf: stampOf(at)})
	none := fault.New(fault.NotFound, "document.notFound", "there was no document %q", id)
	if errors.Is(err, pgx.ErrNoRows) {
		return document.Document{}, s.missing(ctx, key, id, 0, none)
	}
	if err == nil && row.Data == nil {
		return document.Document{}, none
	}
	if err != nil {
		return document.Document{}, failed(ctx, err, "get document as of an instant")
	}
	return document.Document{ID: id, Revision: row.Revision, CreatedAt: row.CreatedAt, UpdatedAt: row.At, Data: row.Data}, nil
}
