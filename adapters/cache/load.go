package cache

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/ports"
)

// loaded is what a load found, and where.
type loaded struct {
	*entry
	from ports.Source
}

// load finds a document that is not in memory. Callers that want the same document share one load.
func (s *Store) load(ctx context.Context, l *ledger, p place, seen change.Position) (document.Document, ports.Source, error) {
	b, slot := l.of(p)
	b.mu.Lock()
	// What the answer has to be as new as: what this process acknowledged and followed before this call, and what the caller has seen.
	need := max(b.since(slot), seen)
	ahead := seen > b.seen
	b.mu.Unlock()
	if ahead { // no load can know that it is new enough, and this one is
		found, err := s.read(ctx, l, p)
		if err != nil {
			return document.Document{}, ports.FromStore, err
		}
		return found.answer(ports.FromStore)
	}
	flight := s.flights.DoChan(p.name(), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), loadTimeout)
		defer cancel()
		return s.find(ctx, l, p)
	})
	select {
	case <-ctx.Done():
		return document.Document{}, ports.FromStore, ctx.Err()
	case r := <-flight:
		if r.Err != nil {
			return document.Document{}, ports.FromStore, r.Err
		}
		if found := r.Val.(loaded); found.at >= need {
			return found.answer(found.from)
		}
	}
	// The load had begun before a change that this caller has to see.
	found, err := s.read(ctx, l, p)
	if err != nil {
		return document.Document{}, ports.FromStore, err
	}
	return found.answer(ports.FromStore)
}

// find looks into the shared cache, then into the store.
func (s *Store) find(ctx context.Context, l *ledger, p place) (found any, err error) {
	defer func() { // a panic in a goroutine of ours would end the process, and not the request
		if v := recover(); v != nil {
			err = fault.Wrap(fmt.Errorf("%v\n%s", v, debug.Stack()), fault.Internal, "internal", "panic")
		}
	}()
	if e := s.shared.get(ctx, l.history, p); e != nil {
		if at, ok := s.keep(l, p, e); ok {
			s.stat.sharedHits.Add(1)
			current := *e
			current.at = at
			return loaded{&current, ports.FromShared}, nil
		}
		s.stat.sharedRefused.Add(1)
	}
	e, err := s.read(ctx, l, p)
	if err != nil {
		return nil, err
	}
	s.shared.put(l.history, p, e)
	return loaded{e, ports.FromStore}, nil
}

// read reads from the store, and keeps what it finds.
func (s *Store) read(ctx context.Context, l *ledger, p place) (*entry, error) {
	b, _ := l.of(p)
	e := &entry{at: b.horizon()}
	s.stat.loads.Add(1)
	d, err := s.inner.Get(ctx, p.key, p.id)
	switch {
	case err == nil:
		e.document = d
	case fault.KindOf(err) == fault.NotFound:
		e.gone = true
	default:
		return nil, err
	}
	s.keep(l, p, e)
	return e, nil
}

// keep puts an entry into memory, unless it is known to be old, or there is a newer one. It returns the position up to which it is known to be current.
func (s *Store) keep(l *ledger, p place, e *entry) (change.Position, bool) {
	b, slot := l.of(p)
	b.mu.Lock()
	defer b.mu.Unlock()
	if e.at < b.since(slot) {
		return 0, false
	}
	if s.ledger.Load() == l && !s.purged.has(p.key) && s.improves(p, e) {
		s.memory.set(p, e)
	}
	// All changes up to there are known, and none of them is of this document and after the entry.
	return max(e.at, change.Position(b.through.Load())), true
}

// older says whether what is in memory, if anything, is of an earlier position.
func (s *Store) older(p place, at change.Position) bool {
	have := s.memory.get(p)
	return have == nil || have.at < at
}

// improves says whether an entry is newer than what is in memory, if anything. What was read at the same position may be newer than the position says, and its revision tells.
func (s *Store) improves(p place, e *entry) bool {
	have := s.memory.get(p)
	return have == nil || e.at > have.at || e.at == have.at && (e.gone || have.gone || e.document.Revision > have.document.Revision)
}
