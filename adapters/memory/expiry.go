package memory

import (
	"context"
	"slices"
	"time"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/ports"
)

// DueCollections returns at most limit collections of which something has expired.
func (s *Store) DueCollections(ctx context.Context, at time.Time, limit int) ([]ports.DueCollection, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := []ports.DueCollection{}
	for _, k := range s.names {
		due, err := k.due(at)
		if err != nil {
			return nil, err
		}
		if len(due) > 0 && k.State == collection.Active {
			list = append(list, ports.DueCollection{Name: k.Name, Key: k.Key})
		}
	}
	return part(list, 0, limit), nil
}

// DueDocuments returns at most limit documents of a collection that have expired.
func (s *Store) DueDocuments(ctx context.Context, key collection.Key, at time.Time, limit int) ([]ident.Document, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	k := s.keys[key]
	if k == nil {
		return []ident.Document{}, nil
	}
	due, err := k.due(at)
	return part(due, 0, limit), err
}

// due returns the documents of a collection that have expired, those first that expired first. It looks at all of them.
func (k *kept) due(at time.Time) ([]ident.Document, error) {
	expiry, err := k.expiry()
	if err != nil || expiry == nil {
		return nil, err
	}
	instant := map[ident.Document]time.Time{}
	var due []ident.Document
	for _, d := range k.documents.sorted {
		if !(index.Living{Expiry: expiry, At: at}).Finds(d.Indexable()) {
			instant[d.ID], _ = expiry.Instant(d.Indexable())
			due = append(due, d.ID)
		}
	}
	slices.SortStableFunc(due, func(a, b ident.Document) int { return instant[a].Compare(instant[b]) })
	return due, nil
}

// expiry returns when documents expire, nil where they do not.
func (k *kept) expiry() (*index.Index, error) {
	i := slices.IndexFunc(k.Indexes, func(x index.Stored) bool { return x.Name == index.ExpiryName && x.State != index.Deleting })
	if i < 0 {
		return nil, nil //nolint:nilnil // no index says that nothing expires
	}
	return index.ParseSpec(k.Indexes[i].Spec)
}
