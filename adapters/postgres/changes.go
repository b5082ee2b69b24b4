package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/sheafdb/sheaf/adapters/postgres/sqlcgen"
	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
)

// Changes returns at most limit changes of a bucket after the position.
func (s *Store) Changes(ctx context.Context, bucket int32, after change.Position, limit int) ([]change.Change, error) {
	rows, err := s.queries.ListChanges(ctx, sqlcgen.ListChangesParams{Bucket: bucket, After: int64(after), PageSize: limitOf(limit)})
	if err != nil {
		return nil, failed(ctx, err, "list changes")
	}
	return mapped(rows, func(r sqlcgen.ListChangesRow) (change.Change, error) {
		id, err := ident.ParseDocument(r.ID)
		if err != nil || len(r.Op) != 1 {
			return change.Change{}, fault.Wrap(err, fault.Internal, "internal", "a stored change cannot be read")
		}
		return change.Change{
			Bucket: bucket, Position: change.Position(r.Position), CollectionID: r.CollectionID, DocumentID: id, Revision: r.Revision,
			Op: change.Op(r.Op[0]), At: r.At, Actor: r.Actor, RequestID: r.RequestID, Data: r.Data,
		}, nil
	})
}

// Position returns the position of the newest change of a bucket. It is 0 for a bucket that does not exist.
func (s *Store) Position(ctx context.Context, bucket int32) (change.Position, error) {
	position, err := positionIn(ctx, s.queries, bucket)
	return position, failed(ctx, err, "get position")
}

func positionIn(ctx context.Context, queries *sqlcgen.Queries, bucket int32) (change.Position, error) {
	position, err := queries.GetPosition(ctx, bucket)
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	return change.Position(position), err
}

// News returns which documents changed after the positions.
func (s *Store) News(ctx context.Context, after change.Positions, limit int) (change.News, error) {
	history, err := s.queries.GetHistory(ctx)
	if err != nil {
		return change.News{}, failed(ctx, err, "get history")
	}
	arg := sqlcgen.ListTouchedParams{Buckets: make([]int32, len(after)), After: make([]int64, len(after)), Touched: limitOf(limit)}
	for i, position := range after {
		arg.Buckets[i], arg.After[i] = int32(i), int64(position)
	}
	rows, err := s.queries.ListTouched(ctx, arg)
	if err != nil {
		return change.News{}, failed(ctx, err, "list touched documents")
	}
	news := change.News{History: history}
	var count [change.Buckets]int
	for _, r := range rows {
		until := &news.Until[r.Bucket]
		if count[r.Bucket] == 0 {
			*until = change.Position(r.Newest)
		}
		if r.Position == 0 {
			continue
		}
		id, err := ident.ParseDocument(r.ID)
		if err != nil {
			return change.News{}, fault.Wrap(err, fault.Internal, "internal", "a stored change cannot be read")
		}
		news.Touched = append(news.Touched, change.Touched{Bucket: r.Bucket, Position: change.Position(r.Position), CollectionID: r.CollectionID, DocumentID: id})
		if count[r.Bucket]++; count[r.Bucket] == limit && r.Position < r.Newest {
			*until, news.More = change.Position(r.Position), true
		}
	}
	return news, nil
}
