package memory

import (
	"context"
	"slices"
	"time"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/ports"
)

// historyOf returns the revisions of a document, the newest first. It looks through the whole bucket: nobody keeps much in memory.
func (s *Store) historyOf(key collection.Key, id ident.Document) []change.Change {
	s.mu.RLock()
	defer s.mu.RUnlock()
	list := []change.Change{}
	if key.Bucket < 0 || key.Bucket >= change.Buckets {
		return list
	}
	for _, c := range slices.Backward(s.buckets[key.Bucket].changes) {
		if c.CollectionID == key.ID && c.DocumentID == id {
			list = append(list, c)
		}
	}
	return list
}

// ListRevisions returns the revisions of a document in the range.
func (s *Store) ListRevisions(ctx context.Context, key collection.Key, id ident.Document, r ports.RevisionRange) (items []change.Change, more bool, err error) {
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	items = []change.Change{}
	bytes := 0
	for _, c := range s.historyOf(key, id) {
		if r.Before != 0 && c.Revision >= r.Before {
			continue
		}
		if len(items) == r.Limit || len(items) > 0 && bytes >= r.Bytes {
			return items, true, nil
		}
		if r.WithoutData {
			c.Data = nil
		}
		items = append(items, c)
		bytes += len(c.Data)
	}
	return items, false, nil
}

// GetRevision returns one revision of a document.
func (s *Store) GetRevision(ctx context.Context, key collection.Key, id ident.Document, revision int64) (change.Change, error) {
	if err := ctx.Err(); err != nil {
		return change.Change{}, err
	}
	for _, c := range s.historyOf(key, id) {
		if c.Revision == revision {
			return c, nil
		}
	}
	if begin, trimmed := s.beginningOf(key, id); trimmed && revision < begin.revision {
		return change.Change{}, document.Trimmed(id)
	}
	return change.Change{}, document.NoRevision(id, revision)
}

// GetAsOf returns the document as it was at an instant.
func (s *Store) GetAsOf(ctx context.Context, key collection.Key, id ident.Document, at time.Time) (document.Document, error) {
	if err := ctx.Err(); err != nil {
		return document.Document{}, err
	}
	var found *change.Change
	for _, c := range s.historyOf(key, id) {
		if found == nil && !c.At.After(stamp(at)) {
			found = &c
		}
		if found != nil && found.Op == change.Deleted {
			break
		}
		if found != nil && c.Op == change.Created {
			return document.Document{ID: id, Revision: found.Revision, CreatedAt: c.At, UpdatedAt: found.At, Data: found.Data}, nil
		}
	}
	begin, trimmed := s.beginningOf(key, id)
	switch {
	case trimmed && found == nil:
		return document.Document{}, document.Trimmed(id)
	case trimmed && found.Op != change.Deleted:
		return document.Document{ID: id, Revision: found.Revision, CreatedAt: begin.createdAt, UpdatedAt: found.At, Data: found.Data}, nil
	}
	return document.Document{}, fault.New(fault.NotFound, "document.notFound", "there was no document %q", id)
}
