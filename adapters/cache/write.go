package cache

import (
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/ports"
)

// Write makes the writes in the store. What it returns is known here: no read that begins after it returned is answered with anything older.
func (s *Store) Write(ctx context.Context, batch document.Batch) ([]document.Result, error) {
	before := horizons(s.ledger.Load(), batch)
	results, err := s.inner.Write(ctx, batch)
	if err != nil {
		return nil, err
	}
	changed := false
	for i, r := range results {
		if r.Mark.Position == 0 {
			continue
		}
		l := s.ledger.Load()
		if r.Mark.Position <= before[r.Mark.Bucket] {
			// The store has forgotten commits, and gives their positions out again.
			s.restart(l)
			l = s.ledger.Load()
		}
		e := &entry{at: r.Mark.Position, gone: r.Outcome == document.Deleted}
		if !e.gone {
			e.document = r.Document
		}
		s.wrote(l, place{batch.Writes[i].Collection.Key, batch.Writes[i].ID}, e, len(results) <= keptWrites)
		changed = true
	}
	if changed {
		s.shared.announce()
	}
	return results, nil
}

// horizons returns at which positions the buckets of a batch are at least; its changes come behind them.
func horizons(l *ledger, batch document.Batch) map[int32]change.Position {
	at := make(map[int32]change.Position, 1)
	for _, w := range batch.Writes {
		if _, known := at[w.Collection.Bucket]; !known {
			at[w.Collection.Bucket] = l.buckets[w.Collection.Bucket].horizon()
		}
	}
	return at
}

// wrote takes a change of this process down.
func (s *Store) wrote(l *ledger, p place, e *entry, keep bool) {
	b, slot := l.of(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.note(slot, e.at)
	if keep && e.at >= b.since(slot) && s.ledger.Load() == l && s.older(p, e.at) {
		s.memory.set(p, e)
		return
	}
	s.memory.drop(p)
}

// DeleteCollection marks the collection as being deleted. Its documents go without changes, and so without anything that could be followed: from here on they are read from
// the store.
func (s *Store) DeleteCollection(ctx context.Context, d ports.CollectionDeletion) (collection.Stored, error) {
	stored, err := s.others.DeleteCollection(ctx, d)
	if err == nil {
		s.forget(stored.Key)
	}
	return stored, err
}

// PurgeCollection removes a part of a collection that is being deleted.
func (s *Store) PurgeCollection(ctx context.Context, key collection.Key, limit int) (bool, error) {
	s.forget(key)
	return s.others.PurgeCollection(ctx, key, limit)
}

// forget drops the documents of a collection, and keeps none of it from now on.
func (s *Store) forget(key collection.Key) {
	s.purged.add(key, s.now(), s.memory.dropAll)
}

// purged are the collections that this process has seen deleted, for as long as an entry of theirs can be anywhere.
type purged struct {
	mu   sync.Mutex
	keys atomic.Pointer[map[collection.Key]time.Time] // replaced, never changed
}

// has says whether the collection was deleted.
func (p *purged) has(key collection.Key) bool {
	keys := p.keys.Load()
	if keys == nil {
		return false
	}
	_, gone := (*keys)[key]
	return gone
}

// add remembers a collection and has its entries dropped, and those of others again before they are not remembered any more.
func (p *purged) add(key collection.Key, now time.Time, drop func(collection.Key)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.has(key) {
		return
	}
	keys := map[collection.Key]time.Time{}
	if have := p.keys.Load(); have != nil {
		maps.Copy(keys, *have)
	}
	for k, at := range keys {
		if now.Sub(at) > 2*sharedFor {
			drop(k)
			delete(keys, k)
		}
	}
	keys[key] = now
	p.keys.Store(&keys)
	drop(key)
}
