package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/sheafdb/sheaf/adapters/postgres/sqlcgen"
	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/principal"
)

// PurgeCollection removes a part of a collection that is being deleted, and in the end the collection itself. It takes no lock that a writer of documents needs.
func (s *Store) PurgeCollection(ctx context.Context, key collection.Key, limit int) (bool, error) {
	state, err := s.queries.GetCollectionState(ctx, sqlcgen.GetCollectionStateParams{Bucket: key.Bucket, CollectionID: key.ID})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return true, nil
	case err != nil:
		return false, failed(ctx, err, "purge collection")
	case state != string(rune(collection.Deleting)):
		return false, fault.New(fault.Conflict, "collection.active", "the collection is not being deleted")
	}
	p := purge{queries: s.queries, key: key, limit: limitOf(max(limit, 1))}
	full, err := p.contents(ctx)
	if err != nil || full {
		return false, failed(ctx, err, "purge collection")
	}
	holds, err := s.queries.HoldsAnything(ctx, sqlcgen.HoldsAnythingParams{Bucket: key.Bucket, CollectionID: key.ID, Buckets: allBuckets()})
	if err != nil || holds {
		return false, failed(ctx, err, "purge collection")
	}
	if err := s.inTransaction(ctx, "purge collection", func(q *sqlcgen.Queries) error { return p.collection(ctx, q) }); err != nil {
		return false, err
	}
	return true, nil
}

type purge struct {
	queries *sqlcgen.Queries
	key     collection.Key
	limit   int32
}

// contents removes at most limit rows of each kind, each in a transaction of its own, and says whether it stopped at the limit.
func (p purge) contents(ctx context.Context) (full bool, err error) {
	b, c := p.key.Bucket, p.key.ID
	steps := []func() (int64, error){
		func() (int64, error) {
			return p.queries.PurgeDocuments(ctx, sqlcgen.PurgeDocumentsParams{Bucket: b, CollectionID: c, Batch: p.limit})
		},
		func() (int64, error) {
			return p.queries.PurgeChanges(ctx, sqlcgen.PurgeChangesParams{Bucket: b, CollectionID: c, Batch: p.limit})
		},
		func() (int64, error) {
			return p.queries.PurgeTrimmedDocuments(ctx, sqlcgen.PurgeTrimmedDocumentsParams{Bucket: b, CollectionID: c, Batch: p.limit})
		},
	}
	indexes, err := p.queries.ListIndexIDs(ctx, c)
	if err != nil {
		return false, err
	}
	for _, id := range indexes {
		steps = append(steps, p.index(ctx, id)...)
	}
	for _, step := range steps {
		n, err := step()
		if err != nil {
			return false, err
		}
		full = full || n >= int64(p.limit)
	}
	return full, nil
}

// index removes at most limit entries of each kind.
func (p purge) index(ctx context.Context, id int32) []func() (int64, error) {
	return []func() (int64, error){
		func() (int64, error) {
			return p.queries.PurgeIndexEntries(ctx, sqlcgen.PurgeIndexEntriesParams{Bucket: p.key.Bucket, IndexID: id, Batch: p.limit})
		},
		func() (int64, error) {
			return p.queries.PurgeTextEntries(ctx, sqlcgen.PurgeTextEntriesParams{Bucket: p.key.Bucket, IndexID: id, Batch: p.limit})
		},
		func() (int64, error) {
			return p.queries.PurgeUniqueEntries(ctx, sqlcgen.PurgeUniqueEntriesParams{Buckets: allBuckets(), IndexID: id, Batch: p.limit})
		},
	}
}

// collection removes what is left when the contents are gone. Of several processes one does it.
// Others are told, because they may have learnt that the name is taken.
func (p purge) collection(ctx context.Context, q *sqlcgen.Queries) error {
	since, err := q.LockDeletingCollection(ctx, p.key.ID)
	if errors.Is(err, pgx.ErrNoRows) {
		return nil
	}
	if err != nil {
		return err
	}
	err = q.AppendConfigurationChange(ctx, sqlcgen.AppendConfigurationChangeParams{
		CollectionID: p.key.ID, Op: configurationPurged, At: since, Actor: principal.System.Name,
	})
	if err == nil {
		err = q.DeleteTrims(ctx, sqlcgen.DeleteTrimsParams{Bucket: p.key.Bucket, CollectionID: p.key.ID})
	}
	for _, step := range []func(context.Context, int32) error{q.KeepRevisions, q.DeleteCollectionIndexes, q.DeleteCollectionRevisions, q.DeleteCollection} {
		if err == nil {
			err = step(ctx, p.key.ID)
		}
	}
	return err
}

func allBuckets() []int32 {
	all := make([]int32, change.Buckets)
	for i := range all {
		all[i] = int32(i)
	}
	return all
}
