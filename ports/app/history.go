package app

import (
	"context"
	"strconv"
	"time"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/patch"
	"github.com/sheafdb/sheaf/domain/query"
	"github.com/sheafdb/sheaf/ports"
)

// newest is the range of a document's newest revision.
var newest = ports.RevisionRange{Limit: 1, Bytes: 1, WithoutData: true}

// ListDocumentRevisions is a request for the history of a document.
type ListDocumentRevisions struct {
	Collection  ident.Collection
	ID          ident.Document
	Paging      Paging
	WithoutData bool
}

// ListRevisions returns a page of the revisions of a document, the newest first, also of one that is deleted.
// It fails with fault.NotFound where there never was such a document, and with fault.Malformed for a page token that is not one of this list.
func (d *Documents) ListRevisions(ctx context.Context, _ Caller, r ListDocumentRevisions) (Page[change.Change], error) {
	c, err := d.Catalog.Get(ctx, r.Collection)
	if err != nil {
		return Page[change.Change]{}, err
	}
	cursor, err := query.ParseCursor("revisions/"+r.Collection.String()+"/"+r.ID.String(), r.Paging.Token)
	if err != nil {
		return Page[change.Change]{}, err
	}
	before, _ := strconv.ParseInt(cursor.After, 10, 64)
	items, more, err := d.Store.ListRevisions(ctx, c.Key, r.ID, ports.RevisionRange{
		Before: before, Limit: query.PageSize(r.Paging.Size), Bytes: pageBytes, WithoutData: r.WithoutData,
	})
	if err != nil {
		return Page[change.Change]{}, err
	}
	if len(items) == 0 && before == 0 {
		return Page[change.Change]{}, document.NotFound(r.Collection, r.ID)
	}
	for i := range items {
		items[i].Data = c.Shown(items[i].Data, nil)
	}
	page := Page[change.Change]{Items: items}
	if more {
		cursor.After = strconv.FormatInt(items[len(items)-1].Revision, 10)
		page.Next = cursor.Format()
	}
	return page, nil
}

// GetRevision returns one revision of a document, also of one that is deleted.
// It fails with fault.NotFound.
func (d *Documents) GetRevision(ctx context.Context, _ Caller, name ident.Collection, id ident.Document, revision int64) (change.Change, error) {
	c, err := d.Catalog.Get(ctx, name)
	if err != nil {
		return change.Change{}, err
	}
	made, err := d.Store.GetRevision(ctx, c.Key, id, revision)
	made.Data = c.Shown(made.Data, nil)
	return made, err
}

// GetAsOf returns the document as it was stored at an instant, unless it had expired by then, as the configuration in force has it. Conditions are those of Get.
func (d *Documents) GetAsOf(ctx context.Context, _ Caller, name ident.Collection, id ident.Document, at time.Time, pre document.Precondition) (document.Document, error) {
	c, err := d.Catalog.Get(ctx, name)
	if err != nil {
		return document.Document{}, err
	}
	found, err := d.Store.GetAsOf(ctx, c.Key, id, at)
	if err != nil {
		return document.Document{}, err
	}
	if !c.Living(at).Finds(found.Indexable()) {
		return document.Document{}, fault.New(fault.NotFound, "document.notFound", "there was no document %q", id)
	}
	pre.NoneMatch = nil
	return found, stale(c, pre.Check(&found))
}

// DiffDocument is a request for the difference of two revisions.
type DiffDocument struct {
	Collection ident.Collection
	ID         ident.Document
	// From and To are revisions. Revision 0, and one that is a deletion, is no document; nil is the one before To, and the newest.
	From, To *int64
}

// Diff returns a JSON Patch that leads from one revision of a document to another.
// It fails with fault.NotFound.
func (d *Documents) Diff(ctx context.Context, _ Caller, r DiffDocument) ([]patch.Operation, error) {
	c, err := d.Catalog.Get(ctx, r.Collection)
	if err != nil {
		return nil, err
	}
	to := r.To
	if to == nil {
		items, _, err := d.Store.ListRevisions(ctx, c.Key, r.ID, newest)
		if err != nil {
			return nil, err
		}
		if len(items) == 0 {
			return nil, document.NotFound(r.Collection, r.ID)
		}
		to = &items[0].Revision
	}
	from := r.From
	if from == nil {
		before := max(*to-1, 0)
		from = &before
	}
	trees := [2]any{}
	for i, revision := range []int64{*from, *to} {
		if revision == 0 {
			continue
		}
		made, err := d.Store.GetRevision(ctx, c.Key, r.ID, revision)
		if err != nil {
			return nil, err
		}
		if made.Data == nil {
			continue
		}
		trees[i] = decoded(c.Shown(made.Data, nil))
	}
	return patch.Diff(trees[0], trees[1]), nil
}

// RestoreDocument is a request to make a document what it was.
type RestoreDocument struct {
	Collection   ident.Collection
	ID           ident.Document
	Revision     int64
	Precondition document.Precondition
	ValidateOnly bool
}

// Restore stores the data of an older revision as a new one, also of a document that is deleted. It is judged by the configuration in force, like a Put of that data.
// It fails like Put, with fault.NotFound where there is no such revision, and with fault.Conflict, code "revision.deletion", where it is a deletion.
func (d *Documents) Restore(ctx context.Context, by Caller, r RestoreDocument) (document.Result, error) {
	return d.write(ctx, by, r.Collection, r.ValidateOnly, func(c *collection.Collection, at time.Time) (document.Write, error) {
		made, err := d.Store.GetRevision(ctx, c.Key, r.ID, r.Revision)
		if err != nil {
			return document.Write{}, err
		}
		if made.Data == nil {
			return document.Write{}, fault.New(fault.Conflict, "revision.deletion", "revision %d of document %q is its deletion: there is nothing to restore", r.Revision, r.ID)
		}
		return put(c, collection.Submission{Way: collection.Returned, Data: made.Data, ID: r.ID, Now: at, MaxBytes: d.Limits.Document.Bytes}, r.Precondition)
	})
}
