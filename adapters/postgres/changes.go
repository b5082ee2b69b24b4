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
