package app

import (
	"context"
	"log/slog"
	"time"

	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/ports"
)

const (
	// expireEvery is how often the background looks for documents that have expired. Nobody sees them in the meantime.
	expireEvery = time.Second
	// expireBatch is how many documents one transaction removes: small enough that other writers do not wait for it.
	expireBatch = 200
	// expireCollections bounds how many collections are worked on in one round.
	expireCollections = 100
)

// Expire does what RemoveExpired does, again and again until ctx ends.
func (d *Documents) Expire(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(expireEvery)
	defer tick.Stop()
	for {
		if err := d.RemoveExpired(ctx, log); err != nil && ctx.Err() == nil {
			log.Warn("removing expired documents", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// RemoveExpired removes the documents that have expired by now, each with a change of its own: every collection gets one batch after another, in turn, until nothing more
// can be removed. What is due stands in the store, so that it goes on after a crash, and several processes may do it at once.
func (d *Documents) RemoveExpired(ctx context.Context, log *slog.Logger) error {
	at := d.Clock()
	for removed := true; removed; {
		removed = false
		due, err := d.Store.DueCollections(ctx, at, expireCollections)
		if err != nil {
			return err
		}
		for _, c := range due {
			some, err := d.expireSome(ctx, c, at)
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err != nil {
				// One of which nothing can be removed here and now is in nobody's way.
				d.Catalog.Forget(c.Name)
				log.Warn("removing expired documents", "collection", c.Name.String(), "error", err)
			}
			removed = removed || some
		}
	}
	return nil
}

// expireSome removes some expired documents of a collection, and says whether there were any. The rule in force decides, whatever the store takes for due.
func (d *Documents) expireSome(ctx context.Context, due ports.DueCollection, at time.Time) (some bool, err error) {
	ids, err := d.Store.DueDocuments(ctx, due.Key, at, expireBatch)
	if err != nil || len(ids) == 0 {
		return false, err
	}
	c, err := d.Catalog.Get(ctx, due.Name)
	if err != nil || c.Key != due.Key {
		return false, err
	}
	batch := document.Batch{Origin: document.Expiration, At: at}
	for _, id := range ids {
		batch.Writes = append(batch.Writes, document.Write{Collection: c.Version(), Indexes: c.Maintained, ID: id, Change: document.Touch})
	}
	results, err := d.Store.Write(ctx, batch)
	for _, r := range results {
		some = some || r.Document.Revision == 0
	}
	return some, err
}
