package memory

import (
	"cmp"
	"context"
	"slices"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/operation"
	"github.com/sheafdb/sheaf/domain/query"
	"github.com/sheafdb/sheaf/ports"
)

// Get returns the current document.
func (s *Store) Get(ctx context.Context, key collection.Key, id ident.Document) (document.Document, error) {
	if err := ctx.Err(); err != nil {
		return document.Document{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if d, _ := s.of(key).get(id); d != nil {
		return *d, nil
	}
	return document.Document{}, fault.New(fault.NotFound, "document.notFound", "there is no document %q", id)
}

// GetRecent returns the current document.
func (s *Store) GetRecent(ctx context.Context, key collection.Key, id ident.Document, _ change.Position) (document.Document, ports.Source, error) {
	d, err := s.Get(ctx, key, id)
	return d, ports.FromStore, err
}

// List returns the documents in the range.
func (s *Store) List(ctx context.Context, key collection.Key, r ports.Range) (items []document.Document, more bool, err error) {
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := s.of(key)
	from, found := all.find(r.After)
	if found {
		from++
	}
	items = []document.Document{}
	bytes := 0
	for _, d := range all.sorted[from:] {
		if len(items) == r.Limit || len(items) > 0 && bytes >= r.Bytes {
			return items, true, nil
		}
		items = append(items, *d)
		bytes += len(d.Data)
	}
	return items, false, nil
}

// Count returns how many documents there are; an estimate is exact too.
func (s *Store) Count(ctx context.Context, key collection.Key, kind query.CountKind) (query.Count, error) {
	if err := ctx.Err(); err != nil {
		return query.Count{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	n := int64(len(s.of(key).sorted))
	switch kind {
	case query.CountEstimated:
		return query.Count{Value: n, Kind: "estimated"}, nil
	case query.CountCapped:
		return query.CappedCount(n), nil
	}
	return query.Count{Value: n, Kind: "exact"}, nil
}

// Export calls visit with every document as they were when it was called.
func (s *Store) Export(ctx context.Context, key collection.Key, visit func(document.Document) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	for _, d := range s.snapshot(key) {
		if err := visit(*d); err != nil {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return nil
}

// snapshot returns the documents as they are now; what changes later changes a copy.
func (s *Store) snapshot(key collection.Key) []*document.Document {
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.keys[key]
	if k == nil {
		return nil
	}
	k.documents.exported = true
	return k.documents.sorted
}

// draft is what a batch has made of a document so far.
type draft struct {
	current *document.Document
	last    int64
	changed bool
	// before are the entries of what is stored, once it is known; steps what the writes made of them.
	known  bool
	before index.Entries
	steps  []made
	// references are what became of its references, write the write that changed it last, and expired says that it was removed because it had expired.
	references document.References
	write      int
	expired    bool
}

// become makes of the document what a transition of a write says; entries are those that it has then.
func (d *draft) become(number int, w document.Write, t document.Transition, entries index.Entries) {
	d.read(w)
	if w.Indexes != nil {
		d.steps = append(d.steps, made{number, w.Indexes, entries})
	}
	if t.Outcome == document.Deleted {
		d.references = d.references.Removed()
	}
	d.current, d.last, d.changed, d.write, d.expired = stays(t), t.Document.Revision, true, number, false
}

// read finds out what the stored document has, before it is changed for the first time.
func (d *draft) read(w document.Write) {
	if !d.known {
		d.known = true
		d.before, _ = entriesOf(w, d.current)
		d.references = document.ReferencesOf(d.before.Refers)
	}
}

// place is where a document is or would be.
type place struct {
	in *kept
	id ident.Document
}

// Write makes every write of the batch or none.
func (s *Store) Write(ctx context.Context, batch document.Batch) ([]document.Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock() // also when a Change panics: nothing is stored before all have decided
	at := stamp(batch.At)
	results := make([]document.Result, len(batch.Writes))
	drafts := make(map[place]*draft, len(batch.Writes))
	changes, changed := make([]change.Change, 0, len(batch.Writes)), make([]int, 0, len(batch.Writes))
	for i, w := range batch.Writes {
		k := s.keys[w.Collection.Key]
		if k == nil || k.State != collection.Active || k.Revision != w.Collection.Revision {
			return nil, collection.ErrChanged
		}
		d := drafts[place{k, w.ID}]
		if d == nil {
			d = &draft{}
			d.current, d.last = k.documents.get(w.ID)
			drafts[place{k, w.ID}] = d
		}
		if t, expired := document.Expire(w, d.current, at); expired {
			d.become(i, w, t, index.Entries{})
			d.expired = true
			changes, changed = append(changes, changeOf(k.Key, t, document.Expiration)), append(changed, i)
		}
		t, err := document.Decide(w, d.current, d.last, at)
		if err != nil {
			return nil, err
		}
		results[i] = document.Result(t)
		if t.Outcome == document.Unchanged {
			continue
		}
		entries, err := entriesOf(w, stays(t))
		if err != nil {
			return nil, err
		}
		d.read(w)
		next, wrong := d.references.Written(entries.Refers, i)
		if len(wrong) > 0 {
			return nil, document.Dangling(wrong...)
		}
		d.references = next
		if t.Outcome == document.Deleted {
			results[i].Document = *d.current
		}
		d.become(i, w, t, entries)
		changes, changed = append(changes, changeOf(k.Key, t, batch.Origin)), append(changed, i)
	}
	var step operation.Step
	var advanced *running
	if batch.Step != nil {
		var err error
		if step, err = batch.Step(results); err != nil {
			return nil, err
		}
		if advanced, err = s.allow(step); err != nil {
			return nil, err
		}
	}
	settle, err := settling(s, batch.Receipt, results)
	if err != nil {
		return nil, err
	}
	unclaim, err := claim(drafts)
	if err != nil {
		return nil, err
	}
	if err := s.checkReferences(drafts, at); err != nil || batch.DryRun {
		unclaim()
		return results, err
	}
	settle()
	for at, d := range drafts {
		if d.changed {
			at.in.documents.set(at.id, d.current, d.last)
		}
	}
	for i, c := range changes {
		b := &s.buckets[c.Bucket]
		b.position++
		c.Position = b.position
		results[changed[i]].Mark = change.Mark{Bucket: c.Bucket, Position: c.Position}
		b.changes = append(b.changes, c)
	}
	if advanced != nil {
		advanced.take(step, s)
	}
	return results, nil
}

// stays returns the document after a transition, nil after a deletion.
func stays(t document.Transition) *document.Document {
	if t.Outcome == document.Deleted {
		return nil
	}
	return &t.Document
}

var ops = map[document.Outcome]change.Op{document.Created: change.Created, document.Updated: change.Updated, document.Deleted: change.Deleted}

// changeOf is the change that a transition makes, without its position.
func changeOf(key collection.Key, t document.Transition, by change.Origin) change.Change {
	return change.Change{
		Bucket: key.Bucket, CollectionID: key.ID, DocumentID: t.Document.ID, Revision: t.Document.Revision, Op: ops[t.Outcome],
		At: t.Document.UpdatedAt, Actor: by.Actor, RequestID: by.RequestID, Data: t.Document.Data,
	}
}

// Changes returns at most limit changes of a bucket after the position.
func (s *Store) Changes(ctx context.Context, bucket int32, after change.Position, limit int) ([]change.Change, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if bucket < 0 || bucket >= change.Buckets {
		return []change.Change{}, nil
	}
	all := s.buckets[bucket].changes
	from, _ := slices.BinarySearchFunc(all, after+1, func(c change.Change, p change.Position) int { return cmp.Compare(c.Position, p) })
	return part(all, from, limit), nil
}

// Position returns the position of the newest change of a bucket. It is 0 for a bucket that does not exist.
func (s *Store) Position(ctx context.Context, bucket int32) (change.Position, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	switch {
	case bucket == configurationBucket:
		return change.Position(len(s.feed)), nil
	case bucket < 0 || bucket >= change.Buckets:
		return 0, nil
	}
	return s.buckets[bucket].position, nil
}

// News returns which documents changed after the positions.
func (s *Store) News(ctx context.Context, after change.Positions, limit int) (change.News, error) {
	if err := ctx.Err(); err != nil {
		return change.News{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	news := change.News{History: s.history}
	for i := range s.buckets {
		b := &s.buckets[i]
		news.Until[i] = b.position
		from, _ := slices.BinarySearchFunc(b.changes, after[i]+1, func(c change.Change, p change.Position) int { return cmp.Compare(c.Position, p) })
		list := part(b.changes, from, limit)
		for _, c := range list {
			news.Touched = append(news.Touched, change.Touched{Bucket: c.Bucket, Position: c.Position, CollectionID: c.CollectionID, DocumentID: c.DocumentID})
		}
		if len(list) < len(b.changes)-from {
			news.Until[i], news.More = list[len(list)-1].Position, true
		}
	}
	return news, nil
}
