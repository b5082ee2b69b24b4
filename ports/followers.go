package ports

import (
	"context"
	"time"

	"github.com/sheafdb/sheaf/domain/change"
)

// Turn is a claim to follow the feed under a name, alone, for a while.
type Turn struct {
	// Name is of what is followed for, Holder of who does.
	Name, Holder string
	// At is now, Until when others may take over. With both the same the turn is given back.
	At, Until time.Time
}

// FollowerStore keeps how far those have come who follow the feed, so that who takes over goes on from there.
type FollowerStore interface {
	// TakeTurn gives the holder the turn, and returns the place that was kept last under the name, nil where none was. Who has the turn takes it again to keep it.
	// It fails with change.ErrTurnTaken, and changes nothing, while somebody else has it, which is until their Until. Of several callers at once, one gets it.
	TakeTurn(ctx context.Context, t Turn) (*change.Place, error)

	// KeepPlace keeps how far the holder of a turn has come.
	// It fails with change.ErrTurnTaken, and keeps nothing, when somebody else has taken the turn since.
	KeepPlace(ctx context.Context, name, holder string, p change.Place) error
}
