package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/ports"
)

const (
	// buildEvery is how often the background looks for indexes that are not finished.
	buildEvery = time.Second
	// buildBatch is how many documents one step goes through: writers of these wait for it.
	buildBatch = 100
	// buildIndexes bounds how many indexes are worked on in one round.
	buildIndexes = 100
)

// BuildIndexes builds declared indexes, and removes those that nobody declares any more, until ctx ends.
// What is to be done stands in the store, so that it goes on after a crash, and several processes may do it at once.
func (s *Collections) BuildIndexes(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(buildEvery)
	defer tick.Stop()
	for {
		if err := s.buildRound(ctx, log); err != nil && ctx.Err() == nil {
			log.Warn("building indexes", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// buildRound gives every unfinished index one step after another, in turn, until nothing is left or others are at what is left.
func (s *Collections) buildRound(ctx context.Context, log *slog.Logger) error {
	known := map[int32]int64{} // how far each was when it was last seen
	positions := map[int32]change.Position{}
	for moved := true; moved; {
		moved = false
		unfinished, err := s.Store.UnfinishedIndexes(ctx, buildIndexes)
		if err != nil {
			return err
		}
		for _, x := range unfinished {
			began := s.Clock()
			done, err := s.stepIndex(ctx, x)
			if err == nil {
				err = s.giveWay(ctx, x, positions, s.Clock().Sub(began))
			}
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				// One that cannot be built here and now is in nobody's way.
				log.Warn("building an index", "collection", x.Collection.String(), "index", x.Name, "error", err)
				continue
			}
			before, seen := known[x.ID]
			known[x.ID] = x.Done
			moved = moved || done || !seen || before != x.Done || x.State != index.Building
		}
	}
	return nil
}

// stepIndex takes the next step with an index, and says whether it was the last.
func (s *Collections) stepIndex(ctx context.Context, x ports.UnfinishedIndex) (done bool, err error) {
	if x.State != index.Building {
		return s.Store.PurgeIndex(ctx, x.Key, x.ID, purgeBatch)
	}
	declared, err := index.ParseSpec(x.Spec)
	if err != nil {
		return false, err
	}
	return s.Store.BuildIndex(ctx, ports.IndexBuild{Key: x.Key, ID: x.ID, Index: declared, At: s.Clock(), Limit: buildBatch})
}

// giveWay pauses after a step of a build when others write to the collection's bucket, for as long as the step took: of processors, disk and locks the build leaves them half.
// positions are those of buckets after the steps before.
func (s *Collections) giveWay(ctx context.Context, x ports.UnfinishedIndex, positions map[int32]change.Position, took time.Duration) error {
	if x.State != index.Building {
		return nil
	}
	at, err := s.Store.Position(ctx, x.Key.Bucket)
	if err != nil {
		return err
	}
	before, known := positions[x.Key.Bucket]
	positions[x.Key.Bucket] = at
	if !known || at == before {
		return nil
	}
	pause := time.NewTimer(took)
	defer pause.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-pause.C:
		return nil
	}
}
