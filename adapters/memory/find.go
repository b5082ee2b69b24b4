package memory

import (
	"bytes"
	"context"
	"slices"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/search"
	"github.com/sheafdb/sheaf/ports"
)

// Find looks at every document, whatever the plan: it is what plans are compared with.
func (s *Store) Find(ctx context.Context, key collection.Key, f ports.Find) (ports.Found, error) {
	if err := s.ready(key, f.Plan); err != nil {
		return ports.Found{}, err
	}
	top := search.NewTop[document.Document](f.Limit+1, f.Back)
	before, err := s.Position(ctx, key.Bucket)
	if err != nil {
		return ports.Found{}, err
	}
	examined, err := s.matching(ctx, key, f.Query, func(d document.Document) error {
		at, err := f.Query.Order.Of(d)
		if err != nil {
			return err
		}
		if f.From == nil || f.Back && at.Compare(*f.From) < 0 || !f.Back && at.Compare(*f.From) > 0 {
			top.Offer(at, d)
		}
		return nil
	})
	if err != nil {
		return ports.Found{}, err
	}
	found := ports.Found{Items: []document.Document{}, Examined: examined}
	if found.At, err = s.Position(ctx, key.Bucket); found.At != before {
		found.At = ports.Unplaced
	}
	size := 0
	for _, d := range top.Items() {
		if len(found.Items) == f.Limit || len(found.Items) > 0 && size >= f.Bytes {
			found.More = true
			break
		}
		found.Items = append(found.Items, d)
		size += len(d.Data)
	}
	return found, err
}

// GetAll returns the documents with these ids.
func (s *Store) GetAll(ctx context.Context, key collection.Key, ids []ident.Document) ([]document.Document, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	found := []document.Document{}
	for _, id := range ids {
		if d, _ := s.of(key).get(id); d != nil {
			found = append(found, *d)
		}
	}
	return found, ctx.Err()
}

// CountFound counts the documents that match.
func (s *Store) CountFound(ctx context.Context, key collection.Key, q search.Query, p search.Plan, limit int64) (int64, error) {
	if err := s.ready(key, p); err != nil {
		return 0, err
	}
	n := int64(0)
	_, err := s.matching(ctx, key, q, func(document.Document) error {
		n++
		return nil
	})
	if limit > 0 {
		n = min(n, limit)
	}
	return n, err
}

// matching calls each with the documents that match, and returns how many there were to look at.
func (s *Store) matching(ctx context.Context, key collection.Key, q search.Query, each func(document.Document) error) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	all := s.snapshot(key)
	for _, d := range all {
		matches, err := q.Matches(*d)
		if err != nil {
			return 0, err
		}
		if matches {
			if err := each(*d); err != nil {
				return 0, err
			}
		}
	}
	return int64(len(all)), ctx.Err()
}

// ready fails with collection.ErrChanged unless the index of the plan is ready. What makes words of a text is PostgreSQL's, and not imitated here.
func (s *Store) ready(key collection.Key, p search.Plan) error {
	if p.Index == nil {
		return nil
	}
	_, err := s.readyIndex(key, p.Index.ID)
	if err == nil && p.Index.Kind == index.Words {
		return fault.New(fault.Invalid, "search.unsupported", "this store keeps documents in memory, and has no text search")
	}
	return err
}

func (s *Store) readyIndex(key collection.Key, id int32) (*index.Index, error) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	k := s.keys[key]
	if k == nil {
		return nil, collection.ErrChanged
	}
	at := slices.IndexFunc(k.Indexes, func(x index.Stored) bool { return x.ID == id && x.State == index.Ready })
	if at < 0 {
		return nil, collection.ErrChanged
	}
	return index.ParseSpec(k.Indexes[at].Spec)
}

// CountEntries counts the entries in the spans, which it makes of the documents.
func (s *Store) CountEntries(ctx context.Context, key collection.Key, indexID int32, spans []index.Span, limit int64) (int64, error) {
	x, err := s.readyIndex(key, indexID)
	if err != nil {
		return 0, err
	}
	set := index.NewSet(index.Kept{Index: x, ID: indexID})
	n := int64(0)
	_, err = s.matching(ctx, key, search.Query{}, func(d document.Document) error {
		entries, err := set.Entries(d.Indexable())
		for _, e := range entries.Ordered {
			if slices.ContainsFunc(spans, func(s index.Span) bool {
				return bytes.Compare(e.Key, s.From) >= 0 && (s.To == nil || bytes.Compare(e.Key, s.To) < 0)
			}) {
				n++
			}
		}
		return err
	})
	return min(n, limit), err
}

// FindKeys returns the ids of the documents that have keys in a unique index.
func (s *Store) FindKeys(ctx context.Context, key collection.Key, indexID int32, keys [][]byte) ([]ident.Document, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if _, err := s.readyIndex(key, indexID); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	ids := make([]ident.Document, len(keys))
	k := s.keys[key]
	if k == nil || k.builds[indexID] == nil {
		return ids, nil
	}
	for i, key := range keys {
		ids[i] = k.builds[indexID].unique[string(key)]
	}
	return ids, nil
}
