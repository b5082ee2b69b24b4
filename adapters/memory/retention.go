package memory

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/ports"
)

// trimming is how far the changes of a collection were gone through for one reason.
type trimming struct {
	position change.Position
	keep     int
	// trimmed is the newest change that is gone.
	trimmed change.Position
}

// beginning is the oldest revision that is kept of a document, and when the document was created that had it.
type beginning struct {
	revision  int64
	createdAt time.Time
}

// RetainingCollections returns at most limit collections with a retention and with names above after.
func (s *Store) RetainingCollections(ctx context.Context, after string, limit int) ([]ports.RetainingCollection, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := []ports.RetainingCollection{}
	for _, k := range s.names {
		retention, err := k.Retention()
		if err != nil {
			return nil, err
		}
		if retention != nil && k.State == collection.Active && k.Name.String() > after {
			list = append(list, ports.RetainingCollection{Name: k.Name, Key: k.Key})
		}
	}
	return part(list, 0, limit), nil
}

// TrimHistory goes through at most limit further changes.
func (s *Store) TrimHistory(ctx context.Context, key collection.Key, t change.Trim, limit int) (done bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.keys[key]
	if k == nil || k.State != collection.Active {
		return true, nil
	}
	if k.trims == nil {
		k.trims, k.begin = map[change.Reason]*trimming{}, map[ident.Document]beginning{}
	}
	if k.trims[t.Reason] == nil {
		k.trims[t.Reason] = &trimming{}
	}
	at, keep, limit := k.trims[t.Reason], max(t.Keep, 1), max(limit, 1)
	if at.keep > keep {
		at.position = 0
	}
	at.keep = keep
	all := slices.Clone(s.buckets[key.Bucket].changes)
	from, _ := slices.BinarySearchFunc(all, at.position+1, func(c change.Change, p change.Position) int { return cmp.Compare(c.Position, p) })
	next := part(all, from, limit)
	for _, c := range next {
		if c.CollectionID == key.ID {
			if !c.At.Before(stamp(t.Before)) {
				return true, nil
			}
			at.trimmed = max(at.trimmed, s.trim(k, c.DocumentID, c.Revision-int64(keep)))
		}
		at.position = c.Position
	}
	return len(next) < limit, nil
}

// trim removes the revisions of a document up to one, and returns the position of the newest of them, 0 where there were none.
func (s *Store) trim(k *kept, id ident.Document, upTo int64) change.Position {
	b := &s.buckets[k.Bucket]
	var newest change.Position
	begin := k.begin[id]
	b.changes = slices.DeleteFunc(slices.Clone(b.changes), func(c change.Change) bool {
		if c.CollectionID != k.ID || c.DocumentID != id || c.Revision > upTo {
			return false
		}
		newest = c.Position
		if c.Op == change.Created {
			begin.createdAt = c.At
		}
		return true
	})
	if newest == 0 {
		return 0
	}
	i := slices.IndexFunc(b.changes, func(c change.Change) bool { return c.CollectionID == k.ID && c.DocumentID == id })
	if first := b.changes[i]; first.Op == change.Created {
		begin.createdAt = first.At
	}
	begin.revision = b.changes[i].Revision
	k.begin[id] = begin
	return newest
}

// Trimmed returns the position of the newest change that was trimmed.
func (s *Store) Trimmed(ctx context.Context, key collection.Key) (change.Position, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	var newest change.Position
	if k := s.keys[key]; k != nil {
		for _, t := range k.trims {
			newest = max(newest, t.trimmed)
		}
	}
	return newest, nil
}

// beginningOf returns where the history of a document begins, and whether it was trimmed.
func (s *Store) beginningOf(key collection.Key, id ident.Document) (beginning, bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	k := s.keys[key]
	if k == nil {
		return beginning{}, false
	}
	begin, trimmed := k.begin[id]
	return begin, trimmed
}
