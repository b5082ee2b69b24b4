package memory

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/query"
	"github.com/sheafdb/sheaf/domain/receipt"
	"github.com/sheafdb/sheaf/ports"
)

// configurationBucket numbers the changes of configurations.
const configurationBucket = -1

// GetCollection returns the collection with that name, whatever its state.
func (s *Store) GetCollection(ctx context.Context, name ident.Collection) (collection.Stored, error) {
	if err := ctx.Err(); err != nil {
		return collection.Stored{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	i, found := s.find(name.String())
	if !found {
		return collection.Stored{}, noCollection(name)
	}
	return s.names[i].Stored, nil
}

func noCollection(name ident.Collection) error {
	return fault.New(fault.NotFound, "collection.notFound", "there is no collection %q", name)
}

// ListCollections returns at most limit collections with names above after.
func (s *Store) ListCollections(ctx context.Context, after string, limit int) ([]collection.Stored, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	from, found := s.find(after)
	if found {
		from++
	}
	return storedOf(part(s.names, from, limit)), nil
}

func storedOf(list []*kept) []collection.Stored {
	all := make([]collection.Stored, len(list))
	for i, k := range list {
		all[i] = k.Stored
	}
	return all
}

// CountCollections counts all, whatever the kind.
func (s *Store) CountCollections(ctx context.Context, _ query.CountKind) (query.Count, error) {
	if err := ctx.Err(); err != nil {
		return query.Count{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return query.Count{Value: int64(len(s.names)), Kind: "exact"}, nil
}

// ListCollectionRevisions returns at most limit revisions below before, the newest first.
func (s *Store) ListCollectionRevisions(ctx context.Context, key collection.Key, before int64, limit int) ([]collection.Revision, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	k := s.keys[key]
	if k == nil {
		return []collection.Revision{}, nil
	}
	below := len(k.revisions)
	if before > 0 {
		below = int(max(0, min(int64(below), before-k.revisions[0].Revision)))
	}
	list := part(k.revisions[:below], below-limit, limit)
	slices.Reverse(list)
	return list, nil
}

// ConfigurationPosition returns the position of the newest configuration change.
func (s *Store) ConfigurationPosition(ctx context.Context) (change.Position, error) {
	return s.Position(ctx, configurationBucket)
}

// ConfigurationChanges returns the names of the collections that changed after the position.
func (s *Store) ConfigurationChanges(ctx context.Context, after change.Position, limit int) ([]ident.Collection, change.Position, error) {
	if err := ctx.Err(); err != nil {
		return nil, after, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	names := part(s.feed, int(after), limit)
	return names, after + change.Position(len(names)), nil
}

// WriteCollection creates or replaces a configuration.
func (s *Store) WriteCollection(ctx context.Context, c ports.CollectionChange) (collection.Stored, bool, error) {
	if err := ctx.Err(); err != nil {
		return collection.Stored{}, false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock() // also when Decide panics
	i, found := s.find(c.Name.String())
	if c.Receipt != nil && !s.receipts[c.Receipt.Claim.ID].Owned(c.Receipt.Claim) {
		return collection.Stored{}, false, receipt.ErrLost
	}
	var stored collection.Stored
	var err error
	if found {
		stored, err = s.replace(c, s.names[i])
	} else {
		stored, err = s.create(c, i)
	}
	if err != nil {
		return collection.Stored{}, false, err
	}
	settle, err := settling(s, c.Receipt, ports.CollectionResult{Stored: stored, Created: !found})
	if err != nil {
		return collection.Stored{}, false, err
	}
	settle()
	return stored, !found, nil
}

func (s *Store) replace(c ports.CollectionChange, k *kept) (collection.Stored, error) {
	if k.State == collection.Deleting {
		return collection.Stored{}, collection.BeingDeleted(c.Name)
	}
	current := k.Stored
	text, err := c.Decide(&current)
	if err != nil {
		return collection.Stored{}, err
	}
	if !bytes.Equal(text, k.Configuration) || index.AnyFailed(k.Indexes) {
		if err := s.declareIndexes(k, text); err != nil {
			return collection.Stored{}, err
		}
		k.Configuration = text
		s.advance(k, c.At, c.Origin)
	}
	return k.Stored, nil
}

// create makes a collection and puts it at index i of the names.
func (s *Store) create(c ports.CollectionChange, i int) (collection.Stored, error) {
	text, err := c.Decide(nil)
	if err != nil {
		return collection.Stored{}, err
	}
	s.newest++
	// Collections are dealt out to the buckets in turn.
	key := collection.Key{Bucket: s.newest % change.Buckets, ID: s.newest}
	before := s.purged[c.Name]
	k := &kept{Stored: collection.Stored{
		Key: key, Name: c.Name, Revision: before.configuration, Base: before.document, State: collection.Active, CreatedAt: stamp(c.At), Configuration: text,
	}}
	if err := s.declareIndexes(k, text); err != nil {
		return collection.Stored{}, err
	}
	s.keys[key], s.names = k, slices.Insert(s.names, i, k)
	s.advance(k, c.At, c.Origin)
	return k.Stored, nil
}

// advance makes what k is now its next revision. Its time does not go back where the clocks of two callers differ.
func (s *Store) advance(k *kept, at time.Time, by change.Origin) {
	k.Revision++
	if at = stamp(at); at.After(k.UpdatedAt) {
		k.UpdatedAt = at
	}
	k.revisions = append(k.revisions, collection.Revision{Revision: k.Revision, At: k.UpdatedAt, Configuration: k.Configuration, Origin: by})
	s.feed = append(s.feed, k.Name)
}

// DeleteCollection marks the collection as being deleted.
func (s *Store) DeleteCollection(ctx context.Context, d ports.CollectionDeletion) (collection.Stored, error) {
	if err := ctx.Err(); err != nil {
		return collection.Stored{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock() // also when Decide panics
	i, found := s.find(d.Name.String())
	if !found {
		return collection.Stored{}, noCollection(d.Name)
	}
	k := s.names[i]
	if k.State == collection.Deleting {
		return k.Stored, nil
	}
	if err := d.Decide(k.Stored, len(k.documents.sorted) > 0); err != nil {
		return collection.Stored{}, err
	}
	k.State = collection.Deleting
	s.advance(k, d.At, d.Origin)
	return k.Stored, nil
}

// DeletingCollections returns at most limit collections that are marked as being deleted.
func (s *Store) DeletingCollections(ctx context.Context, limit int) ([]collection.Stored, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	deleting := slices.DeleteFunc(slices.Clone(s.names), func(k *kept) bool { return k.State != collection.Deleting })
	slices.SortFunc(deleting, func(a, b *kept) int { return cmp.Compare(a.ID, b.ID) }) // the order that PostgreSQL has
	return storedOf(part(deleting, 0, limit)), nil
}

// PurgeCollection removes a part of a collection that is being deleted, and in the end the collection itself.
func (s *Store) PurgeCollection(ctx context.Context, key collection.Key, limit int) (done bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.keys[key]
	switch {
	case k == nil:
		return true, nil
	case k.State != collection.Deleting:
		return false, fault.New(fault.Conflict, "collection.active", "the collection is not being deleted")
	}
	limit = max(limit, 1)
	d := &k.documents
	d.sorted = d.sorted[min(limit, len(d.sorted)):]
	if s.purgeChanges(k, limit) || len(d.sorted) > 0 {
		return false, nil
	}
	i, _ := s.find(k.Name.String())
	s.names = slices.Delete(s.names, i, i+1)
	delete(s.keys, key)
	s.purged[k.Name] = highest{k.Revision, s.purged[k.Name].document}
	s.feed = append(s.feed, k.Name) // whoever has learnt that the name is taken has to hear that it is free
	return true, nil
}

// purgeChanges removes at most limit changes of a collection, keeps the highest of their revisions, and says whether there are more.
func (s *Store) purgeChanges(k *kept, limit int) (more bool) {
	b, left := &s.buckets[k.Bucket], s.purged[k.Name]
	b.changes = slices.DeleteFunc(b.changes, func(c change.Change) bool {
		if c.CollectionID != k.ID {
			return false
		}
		limit--
		if limit < 0 {
			more = true
			return false
		}
		left.document = max(left.document, c.Revision)
		return true
	})
	s.purged[k.Name] = left
	return more
}

// FirstRevision returns the revision that a new collection would have.
func (s *Store) FirstRevision(ctx context.Context, name ident.Collection) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.purged[name].configuration + 1, nil
}
