package app

import (
	"context"
	"errors"
	"time"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/patch"
)

// Name names a document by a key that it has in a unique index.
type Name struct {
	Collection ident.Collection
	Index      string
	Key        string // as it stands in a path, percent-encoded; see index.ParseKey
}

// errMoved says that the key went to another document between the look-up and the write.
var errMoved = errors.New("the key has gone to another document")

// errNameless is of a look-up that finds no document.
func errNameless(n Name) error {
	return fault.New(fault.NotFound, "document.notFound", "collection %q has no document with this key in index %q", n.Collection, n.Index)
}

// named is a name that was looked up.
type named struct {
	unique collection.Unique
	key    []byte
	// id is that of the document, zero where none has the key.
	id ident.Document
}

// findNamed finds out which document has the key.
func (d *Documents) findNamed(ctx context.Context, c *collection.Collection, n Name) (named, error) {
	u, err := c.Unique(n.Index)
	if err != nil {
		return named{}, err
	}
	key, err := u.ParseKey(n.Key)
	if err != nil {
		return named{}, err
	}
	ids, err := d.Store.FindKeys(ctx, c.Key, u.ID, [][]byte{key})
	if err != nil {
		return named{}, err
	}
	return named{u, key, ids[0]}, nil
}

// holding makes a change only where the document has the key still.
func (n named) holding(change document.Change) document.Change {
	return func(current *document.Document) (document.Next, error) {
		if current != nil && !n.unique.Has(current.Indexable(), n.key) {
			return document.Next{}, errMoved
		}
		return change(current)
	}
}

// resolved does something with a name until nobody comes between the look-up and what follows.
func (d *Documents) resolved(n Name, do func() error) error {
	for range judgements {
		err := do()
		duplicate := (*document.DuplicateError)(nil)
		switch {
		case errors.Is(err, errMoved):
		case errors.Is(err, collection.ErrChanged):
			d.Catalog.Forget(n.Collection)
		case errors.As(err, &duplicate) && len(duplicate.Duplicates) == 1 && duplicate.Duplicates[0].Index.Name == n.Index:
			// Somebody else was first to create the document with the key.
		default:
			return err
		}
	}
	return errContended()
}

// GetByKey returns the document that has a key in a unique index, as it is stored.
// It fails with fault.NotFound, and with what collection.Unique and index.ParseKey fail with.
func (d *Documents) GetByKey(ctx context.Context, _ Caller, n Name) (found document.Document, err error) {
	err = d.resolved(n, func() error {
		c, err := d.Catalog.Get(ctx, n.Collection)
		if err != nil {
			return err
		}
		at, err := d.findNamed(ctx, c, n)
		if err != nil {
			return err
		}
		if at.id == (ident.Document{}) {
			return errNameless(n)
		}
		switch found, err = d.Store.Get(ctx, c.Key, at.id); {
		case err != nil && fault.KindOf(err) == fault.NotFound, err == nil && !at.unique.Has(found.Indexable(), at.key):
			return errMoved
		case err != nil:
			return err
		case !c.Living(d.Clock()).Finds(found.Indexable()):
			return errNameless(n)
		}
		return nil
	})
	return found, err
}

// PutByKey is a request to create or replace the document that has a key in a unique index.
type PutByKey struct {
	Name
	Data         []byte // JSON as it came
	Precondition document.Precondition
	ValidateOnly bool
}

// PutByKey stores the document that has the key, new or not: of several at once one creates it, and the others replace what it has created. The data has to have the key.
// It fails like Put, and with what collection.Unique and index.ParseKey fail with.
func (d *Documents) PutByKey(ctx context.Context, by Caller, r PutByKey) (result document.Result, err error) {
	data, err := collection.Read(r.Data, d.Limits.Document)
	if err != nil {
		return document.Result{}, err
	}
	made := d.IDs()
	err = d.resolved(r.Name, func() (err error) {
		result, err = d.write(ctx, by, r.Collection, r.ValidateOnly, func(c *collection.Collection, at time.Time) (document.Write, error) {
			found, err := d.findNamed(ctx, c, r.Name)
			if err != nil {
				return document.Write{}, err
			}
			s := collection.Submission{Data: data, ID: found.id, Now: at, MaxBytes: d.Limits.Document.Bytes}
			fresh := s.ID == (ident.Document{}) && !c.TakesIDs()
			if fresh {
				s.New, s.ID = true, made
			}
			w, err := put(c, s, r.Precondition)
			if err != nil {
				return document.Write{}, err
			}
			if w.Fresh = fresh; found.id == (ident.Document{}) {
				w.Change = absent(c.Name, w.ID, w.Change)
			} else {
				w.Change = found.holding(w.Change)
			}
			w.Change = agreeing(c, found, w)
			return w, nil
		})
		return err
	})
	return result, err
}

// absent makes a change only where there is no document, as nobody has the key: one that is there has another.
func absent(c ident.Collection, id ident.Document, change document.Change) document.Change {
	return func(current *document.Document) (document.Next, error) {
		if current != nil {
			return document.Next{}, document.Exists(c, id)
		}
		return change(nil)
	}
}

// agreeing makes a write only where the document that it would store has the key.
func agreeing(c *collection.Collection, n named, w document.Write) document.Change {
	return func(current *document.Document) (document.Next, error) {
		next, err := w.Change(current)
		if err != nil {
			return document.Next{}, err
		}
		after := document.Document{ID: w.ID, Data: next.Data()}
		if current != nil {
			after.Revision, after.CreatedAt, after.UpdatedAt = current.Revision, current.CreatedAt, current.UpdatedAt
		}
		if !n.unique.Has(after.Indexable(), n.key) {
			return document.Next{}, c.Disagrees(n.unique)
		}
		return next, nil
	}
}

// PatchByKey is a request to change the document that has a key in a unique index.
type PatchByKey struct {
	Name
	Format       patch.Format
	Patch        []byte // JSON as it came
	Precondition document.Precondition
	ValidateOnly bool
}

// PatchByKey changes the document that has the key, which may give it another one.
// It fails like Patch, and with what collection.Unique and index.ParseKey fail with.
func (d *Documents) PatchByKey(ctx context.Context, by Caller, r PatchByKey) (result document.Result, err error) {
	parsed, err := patch.Parse(r.Format, r.Patch, jsontext.Limits(d.Limits.Document))
	if err != nil {
		return document.Result{}, err
	}
	return d.changeByKey(ctx, by, r.Name, r.Precondition, r.ValidateOnly, func(c *collection.Collection, id ident.Document, at time.Time) document.Change {
		return document.Edit{Collection: c, ID: id, Precondition: r.Precondition, Way: collection.Edited, Now: at, Apply: parsed.Apply, MaxBytes: d.Limits.Document.Bytes}.Change
	})
}

// DeleteByKey is a request to delete the document that has a key in a unique index.
type DeleteByKey struct {
	Name
	Precondition document.Precondition
	ValidateOnly bool
}

// DeleteByKey removes the document that has the key; the result has it as it was.
// It fails like Delete, and with what collection.Unique and index.ParseKey fail with.
func (d *Documents) DeleteByKey(ctx context.Context, by Caller, r DeleteByKey) (document.Result, error) {
	return d.changeByKey(ctx, by, r.Name, r.Precondition, r.ValidateOnly, func(c *collection.Collection, id ident.Document, _ time.Time) document.Change {
		return document.Delete(c.Name, id, r.Precondition)
	})
}

// changeByKey changes the document that has the key.
func (d *Documents) changeByKey(ctx context.Context, by Caller, n Name, pre document.Precondition, validateOnly bool,
	change func(*collection.Collection, ident.Document, time.Time) document.Change,
) (result document.Result, err error) {
	err = d.resolved(n, func() (err error) {
		result, err = d.write(ctx, by, n.Collection, validateOnly, func(c *collection.Collection, at time.Time) (document.Write, error) {
			found, err := d.findNamed(ctx, c, n)
			if err != nil {
				return document.Write{}, err
			}
			if found.id == (ident.Document{}) {
				return document.Write{}, errNameless(n)
			}
			if err := document.RequireCondition(c, pre); err != nil {
				return document.Write{}, err
			}
			return document.Write{ID: found.id, Change: found.holding(change(c, found.id, at))}, nil
		})
		return err
	})
	return result, err
}
