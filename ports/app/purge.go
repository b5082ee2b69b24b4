package app

import (
	"context"
	"log/slog"
	"time"
)

const (
	// purgeEvery is how often the background looks for collections that are being deleted.
	purgeEvery = time.Second
	// purgeBatch is how many documents one transaction removes: small enough that nobody waits for it.
	purgeBatch = 1000
	// purgeCollections bounds how many collections are worked on in one round.
	purgeCollections = 100
)

// Purge finishes deletions until ctx ends. What is to be done stands in the store, so that it goes on after a crash, and several processes may do it at once.
func (s *Collections) Purge(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(purgeEvery)
	defer tick.Stop()
	for {
		if err := s.purgeRound(ctx); err != nil && ctx.Err() == nil {
			log.Warn("removing deleted collections", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// purgeRound gives every collection that is being deleted one batch after another, in turn, until all are gone.
func (s *Collections) purgeRound(ctx context.Context) error {
	for {
		deleting, err := s.Store.DeletingCollections(ctx, purgeCollections)
		if err != nil || len(deleting) == 0 {
			return err
		}
		for _, c := range deleting {
			if _, err := s.Store.PurgeCollection(ctx, c.Key, purgeBatch); err != nil {
				return err
			}
		}
	}
}
