package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/sheafdb/sheaf/adapters/postgres/sqlcgen"
	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/ports"
)

// RetainingCollections returns at most limit collections with a retention and with names above after.
func (s *Store) RetainingCollections(ctx context.Context, after string, limit int) ([]ports.RetainingCollection, error) {
	rows, err := s.queries.ListRetainingCollections(ctx, sqlcgen.ListRetainingCollectionsParams{After: after, PageSize: limitOf(limit)})
	if err != nil {
		return nil, failed(ctx, err, "list collections with a retention")
	}
	return mapped(rows, func(r sqlcgen.ListRetainingCollectionsRow) (ports.RetainingCollection, error) {
		name, err := ident.ParseCollection(r.Name)
		return ports.RetainingCollection{Name: name, Key: collection.Key{Bucket: r.Bucket, ID: r.CollectionID}}, unreadable(err)
	})
}

// TrimHistory goes through further changes in one transaction, which takes no lock that a writer needs.
func (s *Store) TrimHistory(ctx context.Context, key collection.Key, t change.Trim, limit int) (bool, error) {
	done, err := s.queries.TrimHistory(ctx, sqlcgen.TrimHistoryParams{
		Bucket: key.Bucket, CollectionID: key.ID, Reason: string(rune(t.Reason)), Keep: limitOf(max(t.Keep, 1)), Before: t.Before, Batch: limitOf(max(limit, 1)),
	})
	return done, failed(ctx, err, "trim history")
}

// Trimmed returns the position of the newest change that was trimmed.
func (s *Store) Trimmed(ctx context.Context, key collection.Key) (change.Position, error) {
	at, err := s.queries.GetTrimmed(ctx, key.ID)
	return change.Position(at), failed(ctx, err, "get what was trimmed")
}

// missing returns why a revision is not there: none is the error of one that never was. below is the revision, or 0 for one before all that are kept.
func (s *Store) missing(ctx context.Context, key collection.Key, id ident.Document, below int64, none error) error {
	first, err := s.queries.GetTrimmedDocument(ctx, sqlcgen.GetTrimmedDocumentParams{Bucket: key.Bucket, CollectionID: key.ID, ID: id.String()})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return none
	case err != nil:
		return failed(ctx, err, "get the beginning of a history")
	case below < first:
		return document.Trimmed(id)
	}
	return none
}
