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
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/query"
)

// GetCollection returns the collection with that name, whatever its state.
func (s *Store) GetCollection(ctx context.Context, name ident.Collection) (collection.Stored, error) {
	row, err := s.queries.GetCollection(ctx, name.String())
	if errors.Is(err, pgx.ErrNoRows) {
		return collection.Stored{}, noCollection(name)
	}
	if err != nil {
		return collection.Stored{}, failed(ctx, err, "get collection")
	}
	return stored(row)
}

func noCollection(name ident.Collection) error {
	return fault.New(fault.NotFound, "collection.notFound", "there is no collection %q", name)
}

// ListCollections returns at most limit collections with names above after.
func (s *Store) ListCollections(ctx context.Context, after string, limit int) ([]collection.Stored, error) {
	rows, err := s.queries.ListCollections(ctx, sqlcgen.ListCollectionsParams{After: after, PageSize: limitOf(limit)})
	if err != nil {
		return nil, failed(ctx, err, "list collections")
	}
	return mapped(rows, func(r sqlcgen.ListCollectionsRow) (collection.Stored, error) {
		return stored(sqlcgen.GetCollectionRow(r))
	})
}

// CountCollections counts all: the index of names holds no more than some thousands.
func (s *Store) CountCollections(ctx context.Context, _ query.CountKind) (query.Count, error) {
	n, err := s.queries.CountCollections(ctx)
	return query.Count{Value: n, Kind: "exact"}, failed(ctx, err, "count collections")
}

// ListCollectionRevisions returns at most limit revisions below before, the newest first.
func (s *Store) ListCollectionRevisions(ctx context.Context, key collection.Key, before int64, limit int) ([]collection.Revision, error) {
	if before <= 0 {
		before = math.MaxInt64
	}
	rows, err := s.queries.ListCollectionRevisions(ctx, sqlcgen.ListCollectionRevisionsParams{CollectionID: key.ID, Before: before, PageSize: limitOf(limit)})
	if err != nil {
		return nil, failed(ctx, err, "list revisions of a collection")
	}
	return mapped(rows, func(r sqlcgen.ListCollectionRevisionsRow) (collection.Revision, error) {
		return collection.Revision{
			Revision: r.Revision, At: r.At, Configuration: r.Configuration, Origin: change.Origin{Actor: r.Actor, RequestID: r.RequestID},
		}, nil
	})
}

// ConfigurationPosition returns the position of the newest configuration change.
func (s *Store) ConfigurationPosition(ctx context.Context) (change.Position, error) {
	return s.Position(ctx, configurationBucket)
}

// ConfigurationChanges returns the names of the collections that changed after the position.
func (s *Store) ConfigurationChanges(ctx context.Context, after change.Position, limit int) ([]ident.Collection, change.Position, error) {
	rows, err := s.queries.ListConfigurationChanges(ctx, sqlcgen.ListConfigurationChangesParams{After: int64(after), PageSize: limitOf(limit)})
	if err != nil {
		return nil, after, failed(ctx, err, "list configuration changes")
	}
	last := after
	names, err := mapped(rows, func(r sqlcgen.ListConfigurationChangesRow) (ident.Collection, error) {
		last = change.Position(r.Position)
		return ident.ParseCollection(r.Name)
	})
	if err != nil {
		return nil, after, err
	}
	return names, last, nil
}

// DeletingCollections returns at most limit collections that are marked as being deleted.
func (s *Store) DeletingCollections(ctx context.Context, limit int) ([]collection.Stored, error) {
	rows, err := s.queries.ListDeletingCollections(ctx, limitOf(limit))
	if err != nil {
		return nil, failed(ctx, err, "list deleted collections")
	}
	return mapped(rows, func(r sqlcgen.ListDeletingCollectionsRow) (collection.Stored, error) {
		return stored(sqlcgen.GetCollectionRow(r))
	})
}

// stored is a row as the domain has it. It fails only where somebody else wrote the row.
func stored(r sqlcgen.GetCollectionRow) (collection.Stored, error) {
	name, err := ident.ParseCollection(r.Name)
	if err != nil || len(r.State) != 1 {
		return collection.Stored{}, fault.Wrap(err, fault.Internal, "internal", "a stored collection cannot be read")
	}
	indexes, err := storedIndexes(r.Indexes)
	if err != nil {
		return collection.Stored{}, err
	}
	return collection.Stored{
		Key: collection.Key{Bucket: r.Bucket, ID: r.CollectionID}, Name: name, Revision: r.Revision, Base: r.Base, State: collection.State(r.State[0]),
		CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, Configuration: r.Configuration, Indexes: indexes,
	}, nil
}

// mapped returns what f makes of each row, never nil.
func mapped[R, T any](rows []R, f func(R) (T, error)) ([]T, error) {
	list := make([]T, 0, len(rows))
	for _, row := range rows {
		item, err := f(row)
		if err != nil {
			return nil, err
		}
		list = append(list, item)
	}
	return list, nil
}

func limitOf(limit int) int32 { return int32(max(0, min(limit, math.MaxInt32))) }

// stampOf cuts a time to what PostgreSQL keeps, so that what is returned is what will be read.
func stampOf(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }

// FirstRevision returns the revision that a new collection would have.
func (s *Store) FirstRevision(ctx context.Context, name ident.Collection) (int64, error) {
	revision, err := s.queries.GetFirstRevision(ctx, name.String())
	return revision, failed(ctx, err, "get the first revision of a collection")
}
