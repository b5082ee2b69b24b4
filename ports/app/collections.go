package app

import (
	"bytes"
	"context"
	"strconv"
	"sync/atomic"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
	"github.com/sheafdb/sheaf/domain/receipt"
	"github.com/sheafdb/sheaf/ports"
)

// purgeNow is how many documents a deletion removes before it answers; what is left goes in the background.
const purgeNow = 1000

// Collections are the use cases of collections. It is safe for concurrent use.
type Collections struct {
	Dependencies
	Catalog *Catalog

	// examining counts rehearsals that look at documents; see Impact.
	examining atomic.Int32
}

// Get returns a collection, whatever its state.
// It fails with fault.NotFound when there is none.
func (s *Collections) Get(ctx context.Context, _ Caller, name ident.Collection) (collection.Stored, error) {
	return s.Store.GetCollection(ctx, name)
}

// List returns a page of collections in the order of their names.
func (s *Collections) List(ctx context.Context, _ Caller, p Paging) (Page[collection.Stored], error) {
	cursor, err := query.ParseCursor("collections", p.Token)
	if err != nil {
		return Page[collection.Stored]{}, err
	}
	size := query.PageSize(p.Size)
	items, err := s.Store.ListCollections(ctx, cursor.After, size+1)
	if err != nil {
		return Page[collection.Stored]{}, err
	}
	page := Page[collection.Stored]{Items: items}
	if len(items) > size {
		page.Items = items[:size]
		cursor.After = items[size-1].Name.String()
		page.Next = cursor.Format()
	}
	page.Count, err = count(p.Count, func(kind query.CountKind) (query.Count, error) { return s.Store.CountCollections(ctx, kind) })
	return page, err
}

// ListRevisions returns a page of the revisions of a configuration, the newest first.
func (s *Collections) ListRevisions(ctx context.Context, _ Caller, name ident.Collection, p Paging) (Page[collection.Revision], error) {
	stored, err := s.Store.GetCollection(ctx, name)
	if err != nil {
		return Page[collection.Revision]{}, err
	}
	cursor, err := query.ParseCursor("revisions/"+name.String(), p.Token)
	if err != nil {
		return Page[collection.Revision]{}, err
	}
	before, _ := strconv.ParseInt(cursor.After, 10, 64)
	size := query.PageSize(p.Size)
	items, err := s.Store.ListCollectionRevisions(ctx, stored.Key, before, size+1)
	if err != nil {
		return Page[collection.Revision]{}, err
	}
	page := Page[collection.Revision]{Items: items}
	if len(items) > size {
		page.Items = items[:size]
		cursor.After = strconv.FormatInt(items[size-1].Revision, 10)
		page.Next = cursor.Format()
	}
	return page, nil
}

// WriteCollection is a request to create, replace or change a configuration.
type WriteCollection struct {
	Name         ident.Collection
	Body         []byte // JSON as it came: a declaration, or a merge patch
	Precondition document.Precondition
	ValidateOnly bool
	// Receipt is written with the configuration; nil where there is none.
	Receipt *receipt.Pending[Written]
}

// Written is what a write of a configuration did.
type Written struct {
	Collection collection.Stored
	Created    bool
	// Impact is what the change would mean; nil where it was made, and where there is no collection yet.
	Impact *Impact
}

// Put creates or replaces a collection; an equal configuration makes no revision.
// It fails with fault.Malformed (the JSON), Invalid (the configuration), Stale (a condition) and Conflict (it is being deleted).
func (s *Collections) Put(ctx context.Context, by Caller, r WriteCollection) (Written, error) {
	body, err := s.read(r.Body)
	if err != nil {
		return Written{}, err
	}
	return s.write(ctx, by, r, func(*collection.Stored) (any, error) { return body, nil })
}

// Patch changes a collection by a merge patch (RFC 7396) of its configuration.
// It fails like Put, and with fault.NotFound when there is none.
func (s *Collections) Patch(ctx context.Context, by Caller, r WriteCollection) (Written, error) {
	patch, err := s.read(r.Body)
	if err != nil {
		return Written{}, err
	}
	return s.write(ctx, by, r, func(current *collection.Stored) (any, error) {
		if current == nil {
			return nil, NotFound(r.Name)
		}
		if _, ok := patch.(map[string]any); !ok {
			return nil, fault.New(fault.Invalid, "collection.invalid", "the patch is not valid").
				With(fault.Violation{In: "body", Code: "type", Message: "must be an object"})
		}
		tree, err := jsontext.Decode(current.Configuration)
		if err != nil {
			return nil, err
		}
		return jsontext.MergePatch(tree, patch), nil
	})
}

// read decodes a body. What cannot be kept exactly is refused here as in documents.
func (s *Collections) read(body []byte) (any, error) {
	text, err := collection.Read(body, s.Limits.Document)
	if err != nil {
		return nil, err
	}
	return jsontext.Decode(text)
}

func (s *Collections) write(ctx context.Context, by Caller, r WriteCollection, declare func(current *collection.Stored) (any, error)) (Written, error) {
	at := s.Clock()
	decide := func(current *collection.Stored) ([]byte, error) {
		declared, err := declare(current)
		if err != nil {
			return nil, err
		}
		config, _, err := collection.Parse(r.Name, declared, s.Limits.Schema)
		if err != nil {
			return nil, err
		}
		if err := condition(r.Precondition, current); err != nil {
			return nil, err
		}
		return config.Format(), nil
	}
	if r.ValidateOnly {
		return s.rehearse(ctx, r.Name, decide, collection.Stored{Name: r.Name, State: collection.Active, CreatedAt: at, UpdatedAt: at})
	}
	stored, created, err := s.Store.WriteCollection(ctx, ports.CollectionChange{Name: r.Name, At: at, Origin: by.origin(), Decide: decide, Receipt: receipt.Of(r.Receipt, func(r ports.CollectionResult) Written {
		return Written{Collection: r.Stored, Created: r.Created}
	})})
	s.Catalog.Forget(r.Name)
	return Written{Collection: stored, Created: created}, err
}

// rehearse says what a write would make of the collection now, and does nothing.
func (s *Collections) rehearse(ctx context.Context, name ident.Collection, decide func(*collection.Stored) ([]byte, error), fresh collection.Stored) (Written, error) {
	current, err := s.Store.GetCollection(ctx, name)
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return Written{}, err
	}
	if err != nil {
		text, err := decide(nil)
		if err != nil {
			return Written{}, err
		}
		if fresh.Revision, err = s.Store.FirstRevision(ctx, name); err != nil {
			return Written{}, err
		}
		fresh, err = fresh.Declaring(text)
		for i := range fresh.Indexes {
			fresh.Indexes[i].State = index.Ready // there are no documents
		}
		return Written{Collection: fresh, Created: true}, err
	}
	if current.State == collection.Deleting {
		return Written{}, collection.BeingDeleted(name)
	}
	text, err := decide(&current)
	if err != nil {
		return Written{}, err
	}
	next := current
	if !bytes.Equal(text, current.Configuration) || index.AnyFailed(current.Indexes) {
		if next, err = current.Declaring(text); err != nil {
			return Written{}, err
		}
		next.UpdatedAt = fresh.UpdatedAt
		next.Revision++
	}
	impact, err := s.impact(ctx, current, next)
	return Written{Collection: next, Impact: impact}, err
}

// condition judges a precondition on the revision of a configuration.
func condition(pre document.Precondition, current *collection.Stored) error {
	if current == nil {
		if pre.Check(nil) != nil {
			return fault.New(fault.Stale, "collection.stale", "the condition does not hold: there is no such collection")
		}
		return nil
	}
	if pre.Check(&document.Document{Revision: current.Revision}) != nil {
		return &StaleError{
			Fault:   fault.New(fault.Stale, "collection.stale", "the condition does not hold: the configuration is at revision %d", current.Revision),
			Current: *current,
		}
	}
	return nil
}

// DeleteCollection is a request to delete a collection.
type DeleteCollection struct {
	Name         ident.Collection
	Precondition document.Precondition
	// Force deletes the documents too, and asks nobody who refers to them.
	Force        bool
	ValidateOnly bool
}

// Everywhere returns, about a second later, when every process serves and judges by the configurations that were in force at the call, or by newer ones; or when ctx ends.
func (s *Collections) Everywhere(ctx context.Context) { s.Catalog.settled(ctx) }

// Delete deletes a collection, and says whether that is done or goes on in the background; see Purge.
// It fails with fault.NotFound, with fault.Stale where a condition does not hold, and, where Force is not set, with fault.Conflict: code "collection.notEmpty" where it holds documents,
// "collection.referenced" where other collections declare references to it that are followed when its documents are deleted.
func (s *Collections) Delete(ctx context.Context, by Caller, r DeleteCollection) (stored collection.Stored, done bool, err error) {
	referring, err := s.Store.ReferringCollections(ctx, r.Name, namedReferrers)
	if err != nil {
		return collection.Stored{}, false, err
	}
	decide := func(current collection.Stored, holds bool) error {
		if err := condition(r.Precondition, &current); err != nil {
			return err
		}
		if len(referring) > 0 && !r.Force {
			return referred(r.Name, referring)
		}
		if holds && !r.Force {
			return fault.New(fault.Conflict, "collection.notEmpty", "collection %q holds documents; force=true deletes them too", r.Name)
		}
		return nil
	}
	if r.ValidateOnly {
		current, err := s.Store.GetCollection(ctx, r.Name)
		if err != nil {
			return collection.Stored{}, false, err
		}
		n, err := s.Store.Count(ctx, current.Key, query.CountCapped)
		if err != nil {
			return collection.Stored{}, false, err
		}
		return current, false, decide(current, n.Value > 0)
	}
	stored, err = s.Store.DeleteCollection(ctx, ports.CollectionDeletion{Name: r.Name, At: s.Clock(), Origin: by.origin(), Decide: decide})
	s.Catalog.Forget(r.Name)
	if err != nil {
		return collection.Stored{}, false, err
	}
	// The collection is marked: whatever happens from here on, Purge will finish the work.
	done, failed := s.Store.PurgeCollection(ctx, stored.Key, purgeNow)
	return stored, done && failed == nil, nil
}

// referred is the fault of a collection that others refer to.
func referred(name ident.Collection, by []ident.Collection) error {
	f := fault.New(fault.Conflict, "collection.referenced", "other collections refer to documents of collection %q; force=true leaves them referring to nothing", name)
	for _, other := range by {
		f = f.With(fault.Violation{
			In: "path", Pointer: "collection", Code: "reference", Message: "collection " + other.String() + " declares a reference to it", Params: map[string]any{"collection": other.String()},
		})
	}
	return f
}

// StaleError is a condition on a collection that does not hold, with the collection as it stands.
type StaleError struct {
	Fault   *fault.Error
	Current collection.Stored
}

// Error returns the text of the fault.
func (e *StaleError) Error() string { return e.Fault.Error() }

// Unwrap returns the fault.
func (e *StaleError) Unwrap() error { return e.Fault }
