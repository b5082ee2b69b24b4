package memory

import (
	"bytes"
	"cmp"
	"context"
	"slices"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/ports"
)

// uniqueKeys are the keys of a unique index with the ids of the documents that have them. Of other entries nothing is kept: a list looks at all documents.
type uniqueKeys map[string]ident.Document

// building is how far an index is: the last document that was gone through.
type building struct {
	unique uniqueKeys
	last   string
}

// declareIndexes makes the indexes of a collection what its configuration declares.
func (s *Store) declareIndexes(k *kept, text []byte) error {
	declared, err := collection.Declared(text)
	if err != nil {
		return err
	}
	plan := index.PlanChange(declared, k.Indexes)
	for _, x := range plan.Drop {
		x.State = index.Deleting
		k.setIndex(x)
	}
	for _, d := range plan.Create {
		s.newestIndex++
		x := index.Stored{ID: s.newestIndex, Name: d.Name, Spec: d.Spec, State: index.Building, Total: int64(len(k.documents.sorted))}
		if x.Total == 0 {
			x.State = index.Ready
		}
		k.Indexes = append(slices.Clip(k.Indexes), x)
	}
	return nil
}

// setIndex replaces an index by what it is now. Views of the collection that were handed out stay as they are.
func (k *kept) setIndex(x index.Stored) {
	k.Indexes = slices.Clone(k.Indexes)
	k.Indexes[slices.IndexFunc(k.Indexes, func(s index.Stored) bool { return s.ID == x.ID })] = x
}

func (k *kept) index(id int32) (index.Stored, bool) {
	i := slices.IndexFunc(k.Indexes, func(s index.Stored) bool { return s.ID == id })
	if i < 0 {
		return index.Stored{}, false
	}
	return k.Indexes[i], true
}

// of returns what is kept of an index.
func (k *kept) build(id int32) *building {
	if k.builds == nil {
		k.builds = map[int32]*building{}
	}
	if k.builds[id] == nil {
		k.builds[id] = &building{unique: uniqueKeys{}}
	}
	return k.builds[id]
}

// UnfinishedIndexes returns at most limit indexes for which something is left to do.
func (s *Store) UnfinishedIndexes(ctx context.Context, limit int) ([]ports.UnfinishedIndex, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	var all []ports.UnfinishedIndex
	for _, k := range s.names {
		for _, x := range k.Indexes {
			purged := x.State == index.Failed && k.builds[x.ID] == nil
			if k.State == collection.Active && x.State != index.Ready && !purged {
				all = append(all, ports.UnfinishedIndex{Collection: k.Name, Key: k.Key, Stored: x})
			}
		}
	}
	slices.SortFunc(all, func(a, b ports.UnfinishedIndex) int { return cmp.Compare(a.ID, b.ID) })
	return part(all, 0, limit), nil
}

// BuildIndex goes through the next documents.
func (s *Store) BuildIndex(ctx context.Context, b ports.IndexBuild) (done bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.keys[b.Key]
	if k == nil {
		return true, nil
	}
	x, found := k.index(b.ID)
	if !found || x.State != index.Building {
		return true, nil
	}
	set, state := index.NewSet(index.Kept{Index: b.Index, ID: b.ID}), k.build(b.ID)
	from, at := k.documents.find(state.last)
	if at {
		from++
	}
	next := part(k.documents.sorted, from, max(b.Limit, 1))
	var duplicates []index.Duplicate
	for _, d := range next {
		entries, err := set.Entries(d.Indexable())
		if err != nil {
			x.Failure = &index.Failure{Code: "document.invalid", Message: "document " + d.ID.String() + ": " + fault.Find(err).Text}
			break
		}
		for _, e := range entries.Unique {
			if holder, taken := state.unique[string(e.Key)]; taken && holder != d.ID {
				duplicates = append(duplicates, index.Duplicate{ID: d.ID.String(), Other: holder.String()})
				continue
			}
			state.unique[string(e.Key)] = d.ID
		}
		state.last = d.ID.String()
		x.Done++
	}
	x.Total = max(x.Total, x.Done)
	if len(duplicates) > 0 && x.Failure == nil {
		slices.SortFunc(duplicates, func(a, b index.Duplicate) int { return cmp.Or(cmp.Compare(a.ID, b.ID), cmp.Compare(a.Other, b.Other)) })
		x.Failure = index.Duplicated(duplicates)
	}
	switch {
	case x.Failure != nil:
		x.State = index.Failed
	case len(next) < max(b.Limit, 1):
		x.State = index.Ready
	}
	k.setIndex(x)
	if x.State != index.Building {
		s.feed = append(s.feed, k.Name)
	}
	return x.State != index.Building, nil
}

// PurgeIndex removes a part of what is kept of an index that is deleting or failed.
func (s *Store) PurgeIndex(ctx context.Context, key collection.Key, id int32, limit int) (done bool, err error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	k := s.keys[key]
	if k == nil {
		return true, nil
	}
	x, found := k.index(id)
	if !found || x.State != index.Deleting && x.State != index.Failed {
		return true, nil
	}
	if b := k.builds[id]; b != nil {
		for held := range b.unique {
			if limit--; limit < 0 {
				return false, nil
			}
			delete(b.unique, held)
		}
		delete(k.builds, id)
	}
	if x.State == index.Deleting {
		k.Indexes = slices.DeleteFunc(slices.Clone(k.Indexes), func(s index.Stored) bool { return s.ID == id })
		if len(k.Indexes) == 0 {
			k.Indexes = nil
		}
	}
	return true, nil
}

// entriesOf returns the entries of a document, nil for none. A document that is stored has none in an index that refuses it.
func entriesOf(w document.Write, d *document.Document) (index.Entries, error) {
	if w.Indexes == nil || d == nil {
		return index.Entries{}, nil
	}
	return w.Indexes.Entries(d.Indexable())
}

// claim gives and takes the unique keys that the drafts change.
// undo takes all of it back. It fails with a *document.DuplicateError, and changes nothing, when two documents would have equal keys.
func claim(drafts map[place]*draft) (undo func(), err error) {
	type row struct {
		place
		index.Entry
		draft *draft
	}
	var gone, come []row
	for at, d := range drafts {
		if !d.changed || len(d.steps) == 0 {
			continue
		}
		g, c := index.Diff(d.before, d.steps[len(d.steps)-1].entries)
		for _, e := range g.Unique {
			gone = append(gone, row{at, e, d})
		}
		for _, e := range c.Unique {
			come = append(come, row{at, e, d})
		}
	}
	slices.SortFunc(come, func(a, b row) int { return cmp.Compare(a.id.String(), b.id.String()) })
	unique := func(r row) uniqueKeys { return r.in.build(r.Index).unique }
	taken := []row{}
	for _, r := range gone {
		if unique(r)[string(r.Key)] == r.id {
			delete(unique(r), string(r.Key))
			taken = append(taken, r)
		}
	}
	var given []row
	var duplicates []document.Duplicate
	for _, r := range come {
		if holder, held := unique(r)[string(r.Key)]; held && holder != r.id {
			found := r.draft.origin(r.Entry)
			found.Holder = holder
			if !slices.ContainsFunc(duplicates, found.Same) {
				duplicates = append(duplicates, found)
			}
			continue
		}
		unique(r)[string(r.Key)] = r.id
		given = append(given, r)
	}
	undo = func() {
		for _, r := range given {
			delete(unique(r), string(r.Key))
		}
		for _, r := range taken {
			unique(r)[string(r.Key)] = r.id
		}
	}
	if len(duplicates) == 0 {
		return undo, nil
	}
	undo()
	slices.SortFunc(duplicates, func(a, b document.Duplicate) int {
		return cmp.Or(cmp.Compare(a.Write, b.Write), cmp.Compare(a.Index.Name, b.Index.Name))
	})
	return nil, document.Duplicated(duplicates...)
}

// made is what one write of a batch has made of a document.
type made struct {
	write   int
	indexes *index.Set
	entries index.Entries
}

// origin returns the write that gave a document the key which it has in the end: later ones only kept it.
func (d *draft) origin(e index.Entry) document.Duplicate {
	first := d.steps[len(d.steps)-1]
	for _, m := range slices.Backward(d.steps) {
		if !slices.ContainsFunc(m.entries.Unique, func(has index.Entry) bool { return has.Index == e.Index && bytes.Equal(has.Key, e.Key) }) {
			break
		}
		first = m
	}
	return document.Duplicate{Write: first.write, Index: first.indexes.Find(e.Index)}
}
