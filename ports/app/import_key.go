package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
)

// soughtKeys is how many keys one look-up has at most.
const soughtKeys = 1000

// importTarget is the document that an item of an import by a key is about.
type importTarget struct {
	// own is the proposal under the id that the item would have by itself; made is that id where it was made for it.
	own  *collection.Proposal
	made ident.Document
	// unique is the index, keys are those of the item in it.
	unique collection.Unique
	keys   [][]byte
	// data is what has these keys, disagrees the fault of data that does not have them after all.
	data      []byte
	disagrees error
	// held says that a document had the key before, or gets it by a line before; fresh that nobody can have the id.
	held, fresh bool
}

// madeBy returns the id that was made for the item; it stays the same.
func (t *importTarget) madeBy(ids func() ident.Document) ident.Document {
	if t.made == (ident.Document{}) {
		t.made = ids()
	}
	return t.made
}

// is says whether a document has a key of the item.
func (t *importTarget) is(d *document.Document) bool {
	for _, key := range t.unique.KeysOf(d.Indexable()) {
		if slices.ContainsFunc(t.keys, func(own []byte) bool { return bytes.Equal(own, key) }) {
			return true
		}
	}
	return false
}

// agrees fails where the data that would be stored has not the keys that the item was found by.
func (t *importTarget) agrees(id ident.Document, data []byte) error {
	if bytes.Equal(data, t.data) {
		return nil
	}
	after := index.Document{ID: id.String(), Data: data}
	for _, key := range t.keys {
		if !t.unique.Has(after, key) {
			return t.disagrees
		}
	}
	return nil
}

// moved says whether a write failed because keys went to other documents after they were looked up.
func (run *importRun) moved(err error) bool {
	if run.request.By == "" {
		return false
	}
	duplicate := (*document.DuplicateError)(nil)
	if errors.As(err, &duplicate) {
		for _, d := range duplicate.Duplicates {
			if d.Index.Name == run.request.By {
				return true
			}
		}
	}
	return errors.Is(err, errMoved)
}

// resolve finds out, by their keys, which documents the items without faults are about: those that are stored, or those that lines before them store.
func (run *importRun) resolve(ctx context.Context, chunk *importChunk) error {
	unique, err := chunk.collection.Unique(run.request.By)
	if err != nil {
		return err
	}
	r := resolution{run, chunk.collection, unique, map[string]ident.Document{}, map[ident.Document][]string{}}
	var keys [][]byte
	for _, item := range chunk.items {
		if item.faults == nil {
			keys = append(keys, r.read(item)...)
		}
	}
	for len(keys) > 0 {
		part := keys[:min(soughtKeys, len(keys))]
		ids, err := run.transfer.Store.FindKeys(ctx, chunk.collection.Key, unique.ID, part)
		if err != nil {
			return err
		}
		for i, id := range ids {
			r.give(string(part[i]), id)
		}
		keys = keys[len(part):]
	}
	for _, item := range chunk.items {
		if item.faults == nil {
			r.target(item)
		}
	}
	return nil
}

// resolution is who has the keys of a chunk, line by line.
type resolution struct {
	run        *importRun
	collection *collection.Collection
	unique     collection.Unique
	// holders are by key, held are the keys of each of them that the chunk asks for.
	holders map[string]ident.Document
	held    map[ident.Document][]string
}

// read finds the keys of an item.
func (r *resolution) read(item *importItem) [][]byte {
	t := &item.target
	t.unique, t.held, t.fresh = r.unique, false, false
	t.data = t.own.Data()
	t.keys = r.unique.KeysOf(index.Document{ID: t.own.ID().String(), Data: t.data})
	t.disagrees = r.collection.Nameless(r.unique)
	if len(t.keys) == 0 {
		item.object(item.prefix, t.disagrees)
	}
	return t.keys
}

// target says which document an item is about, and gives it the keys.
func (r *resolution) target(item *importItem) {
	t := &item.target
	holder, err := r.holder(t.keys)
	if err != nil {
		item.object(item.prefix, err)
		return
	}
	item.proposal, item.id = t.own, t.own.ID()
	t.held, t.fresh = holder != (ident.Document{}), item.id == t.made
	switch {
	case !t.held, holder == item.id:
	case item.id != t.made:
		item.object(item.prefix, r.otherwise(holder))
		return
	default:
		if item.proposal, item.faults = r.run.propose(item, r.collection, holder, r.run.transfer.Clock()); item.faults != nil {
			item.decided = true
			return
		}
		item.id, t.fresh = holder, false
	}
	for _, key := range r.held[item.id] {
		delete(r.holders, key) // in an index over an array the document may not have it any more
	}
	delete(r.held, item.id)
	for _, key := range t.keys {
		r.give(string(key), item.id)
	}
}

// give makes a document the holder of a key.
func (r *resolution) give(key string, id ident.Document) {
	if id != (ident.Document{}) {
		r.holders[key], r.held[id] = id, append(r.held[id], key)
	}
}

// holder returns the document that has the keys, zero where none has.
func (r *resolution) holder(keys [][]byte) (found ident.Document, err error) {
	for _, key := range keys {
		id := r.holders[string(key)]
		if id == (ident.Document{}) || id == found {
			continue
		}
		if found != (ident.Document{}) {
			return found, r.refusal("documents %q and %q have these keys in index %q: a line is about one", found, id, r.unique.Name)
		}
		found = id
	}
	return found, nil
}

// otherwise is the fault of a line that names another document than the one that has its key.
func (r *resolution) otherwise(holder ident.Document) error {
	return r.refusal("document %q has this key in index %q, and the line names another", holder, r.unique.Name)
}

func (r *resolution) refusal(format string, args ...any) error {
	return fault.New(fault.Invalid, "document.invalid", "the line does not agree with what is stored").With(fault.Violation{
		In: "body", Code: "keyHolder", Message: fmt.Sprintf(format, args...), Params: map[string]any{"index": r.unique.Name},
	})
}
