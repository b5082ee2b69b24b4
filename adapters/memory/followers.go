package memory

import (
	"context"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/ports"
)

// follower is whose turn it is under a name, and how far that one and those before have come.
type follower struct {
	ports.Turn
	place *change.Place
}

// TakeTurn gives the holder the turn, unless somebody else has it.
func (s *Store) TakeTurn(ctx context.Context, t ports.Turn) (*change.Place, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.followers[t.Name]
	if f == nil {
		f = &follower{}
		s.followers[t.Name] = f
	} else if f.Holder != t.Holder && f.Until.After(t.At) {
		return nil, change.ErrTurnTaken
	}
	f.Turn = t
	if f.place == nil {
		return nil, nil //nolint:nilnil // nobody has kept a place
	}
	place := *f.place
	return &place, nil
}

// KeepPlace keeps how far the holder of a turn has come.
func (s *Store) KeepPlace(ctx context.Context, name, holder string, p change.Place) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.followers[name]
	if f == nil || f.Holder != holder {
		return change.ErrTurnTaken
	}
	f.place = &p
	return nil
}
