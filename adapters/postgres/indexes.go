package postgres

import (
	"context"
	"encoding/json"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/sheafdb/sheaf/adapters/postgres/sqlcgen"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/ports"
)

// storedIndex is a row as the domain has it.
func storedIndex(r sqlcgen.ListIndexesRow) (index.Stored, error) {
	x := index.Stored{ID: r.IndexID, Name: r.Name, Spec: r.Spec, Done: r.Done, Total: r.Total}
	if len(r.State) != 1 {
		return index.Stored{}, fault.New(fault.Internal, "internal", "a stored index cannot be read")
	}
	x.State = index.State(r.State[0])
	if r.Failure != nil {
		x.Failure = new(index.Failure)
		if err := json.Unmarshal(r.Failure, x.Failure); err != nil {
			return index.Stored{}, fault.Wrap(err, fault.Internal, "internal", "a stored index cannot be read")
		}
	}
	return x, nil
}

// storedIndexes reads the indexes that come with a collection's row; nil where there are none.
func storedIndexes(text []byte) ([]index.Stored, error) {
	var rows []struct {
		ID          int32
		Name, State string
		Spec        json.RawMessage
		Done, Total int64
		Failure     *index.Failure
	}
	if err := json.Unmarshal(text, &rows); err != nil {
		return nil, fault.Wrap(err, fault.Internal, "internal", "a stored collection cannot be read")
	}
	var list []index.Stored
	for _, r := range rows {
		if len(r.State) != 1 {
			return nil, fault.New(fault.Internal, "internal", "a stored index cannot be read")
		}
		list = append(list, index.Stored{ID: r.ID, Name: r.Name, Spec: r.Spec, State: index.State(r.State[0]), Done: r.Done, Total: r.Total, Failure: r.Failure})
	}
	return list, nil
}

// totalExactly is up to how many documents the size of a build is counted; above, the planner's estimate will do.
const totalExactly = 1000

// declareIndexes makes the indexes of a collection what its configuration declares, and returns all that there are. Nobody writes to the collection, nor builds its indexes.
func declareIndexes(ctx context.Context, q *sqlcgen.Queries, key collection.Key, text []byte) ([]index.Stored, error) {
	declared, err := collection.Declared(text)
	if err != nil {
		return nil, err
	}
	there, err := indexesOf(ctx, q, key)
	if err != nil {
		return nil, err
	}
	plan := index.PlanChange(declared, there)
	if len(plan.Drop) == 0 && len(plan.Create) == 0 {
		return there, nil
	}
	for _, x := range plan.Drop {
		if err := q.DropIndex(ctx, x.ID); err != nil {
			return nil, err
		}
	}
	if len(plan.Create) > 0 {
		total, err := q.EstimateDocuments(ctx, sqlcgen.EstimateDocumentsParams{Bucket: key.Bucket, CollectionID: key.ID, Exact: totalExactly})
		if err != nil {
			return nil, err
		}
		state := index.Building
		if total == 0 {
			state = index.Ready
		}
		for _, d := range plan.Create {
			if err := q.InsertIndex(ctx, sqlcgen.InsertIndexParams{
				CollectionID: key.ID, Name: d.Name, Spec: string(d.Spec), State: string(rune(state)), Total: total,
			}); err != nil {
				return nil, err
			}
		}
	}
	return indexesOf(ctx, q, key)
}

func indexesOf(ctx context.Context, q *sqlcgen.Queries, key collection.Key) ([]index.Stored, error) {
	rows, err := q.ListIndexes(ctx, key.ID)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	return mapped(rows, storedIndex)
}

// UnfinishedIndexes returns at most limit indexes for which something is left to do.
func (s *Store) UnfinishedIndexes(ctx context.Context, limit int) ([]ports.UnfinishedIndex, error) {
	rows, err := s.queries.ListUnfinishedIndexes(ctx, limitOf(limit))
	if err != nil {
		return nil, failed(ctx, err, "list unfinished indexes")
	}
	return mapped(rows, func(r sqlcgen.ListUnfinishedIndexesRow) (ports.UnfinishedIndex, error) {
		name, err := ident.ParseCollection(r.Collection)
		if err != nil {
			return ports.UnfinishedIndex{}, fault.Wrap(err, fault.Internal, "internal", "a stored collection cannot be read")
		}
		x, err := storedIndex(sqlcgen.ListIndexesRow{IndexID: r.IndexID, Name: r.Name, Spec: r.Spec, State: r.State, Done: r.Done, Total: r.Total, Failure: r.Failure})
		return ports.UnfinishedIndex{Collection: name, Key: collection.Key{Bucket: r.Bucket, ID: r.CollectionID}, Stored: x}, err
	})
}

// PurgeIndex removes a part of the entries of an index that is deleting or failed. It takes no lock that a writer of documents needs.
func (s *Store) PurgeIndex(ctx context.Context, key collection.Key, id int32, limit int) (bool, error) {
	row, err := s.queries.GetIndexState(ctx, sqlcgen.GetIndexStateParams{IndexID: id, CollectionID: key.ID})
	if errors.Is(err, pgx.ErrNoRows) {
		return true, nil
	}
	if err != nil {
		return false, failed(ctx, err, "purge index")
	}
	if row.Expires {
		return s.purgeExpiry(ctx, key, id, limitOf(max(limit, 1)))
	}
	finish := s.queries.DeleteIndex
	switch {
	case row.State == string(rune(index.Failed)) && !row.Purged:
		finish = s.queries.FinishPurge
	case row.State != string(rune(index.Deleting)):
		return true, nil
	}
	p := purge{queries: s.queries, key: key, limit: limitOf(max(limit, 1))}
	for _, step := range p.index(ctx, id) {
		if n, err := step(); err != nil || n >= int64(p.limit) {
			return false, failed(ctx, err, "purge index")
		}
	}
	holds, err := s.queries.HoldsEntries(ctx, sqlcgen.HoldsEntriesParams{Bucket: key.Bucket, IndexID: id, Buckets: allBuckets()})
	if err != nil || holds {
		return false, failed(ctx, err, "purge index")
	}
	if err := finish(ctx, id); err != nil {
		return false, failed(ctx, err, "purge index")
	}
	return true, nil
}
