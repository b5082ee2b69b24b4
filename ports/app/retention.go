package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/sheafdb/sheaf/ports"
)

const (
	// trimEvery is how often the background looks for history that is not to be kept any more.
	trimEvery = time.Minute
	// trimBatch is how many changes one transaction goes through.
	trimBatch = 1000
	// trimCollections is how many collections are read at once.
	trimCollections = 100
)

// Retain does what TrimHistory does, again and again until ctx ends.
func (d *Documents) Retain(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(trimEvery)
	defer tick.Stop()
	for {
		if err := d.TrimHistory(ctx, log); err != nil && ctx.Err() == nil {
			log.Warn("trimming history", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// TrimHistory removes the revisions that are not to be kept any more, collection by collection. How far it has come stands in the store, so that it goes on after a crash, and
// several processes may do it at once.
func (d *Documents) TrimHistory(ctx context.Context, log *slog.Logger) error {
	after := ""
	for {
		list, err := d.Store.RetainingCollections(ctx, after, trimCollections)
		if err != nil || len(list) == 0 {
			return err
		}
		for _, c := range list {
			after = c.Name.String()
			if err := d.trim(ctx, c); err != nil {
				if ctx.Err() != nil {
					return ctx.Err()
				}
				// One that cannot be trimmed here and now is in nobody's way.
				log.Warn("trimming history", "collection", after, "error", err)
			}
		}
	}
}

func (d *Documents) trim(ctx context.Context, retaining ports.RetainingCollection) error {
	c, err := d.Catalog.Get(ctx, retaining.Name)
	if err != nil || c.Key != retaining.Key {
		return err
	}
	for _, t := range c.Config.History.Trims(d.Clock()) {
		for done := false; !done; {
			if done, err = d.Store.TrimHistory(ctx, c.Key, t, trimBatch); err != nil {
				return err
			}
		}
	}
	return nil
}
