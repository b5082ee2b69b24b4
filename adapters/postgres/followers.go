package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/sheafdb/sheaf/adapters/postgres/sqlcgen"
	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/ports"
)

// TakeTurn gives the holder the turn, unless somebody else has it.
func (s *Store) TakeTurn(ctx context.Context, t ports.Turn) (*change.Place, error) {
	row, err := s.queries.TakeTurn(ctx, sqlcgen.TakeTurnParams{Name: t.Name, Holder: t.Holder, HeldUntil: t.Until, At: t.At})
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return nil, change.ErrTurnTaken
	case err != nil:
		return nil, failed(ctx, err, "take a turn")
	case row.History == nil:
		return nil, nil //nolint:nilnil // nobody has kept a place
	case row.Configurations == nil || len(row.Documents) != change.Buckets:
		return nil, fault.Wrap(fmt.Errorf("the place of follower %q", t.Name), fault.Internal, "internal", "a stored place cannot be read")
	}
	place := &change.Place{History: *row.History, Configurations: change.Position(*row.Configurations)}
	for i, position := range row.Documents {
		place.Documents[i] = change.Position(position)
	}
	return place, nil
}

// KeepPlace keeps how far the holder of a turn has come.
func (s *Store) KeepPlace(ctx context.Context, name, holder string, p change.Place) error {
	documents := make([]int64, len(p.Documents))
	for i, position := range p.Documents {
		documents[i] = int64(position)
	}
	kept, err := s.queries.KeepPlace(ctx, sqlcgen.KeepPlaceParams{
		Name: name, Holder: holder, History: p.History, Configurations: int64(p.Configurations), Documents: documents,
	})
	if err == nil && kept == 0 {
		return change.ErrTurnTaken
	}
	return failed(ctx, err, "keep a place")
}
