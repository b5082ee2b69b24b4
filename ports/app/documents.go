package app

import (
	"context"
	"errors"
	"time"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/query"
	"github.com/sheafdb/sheaf/domain/receipt"
	"github.com/sheafdb/sheaf/ports"
)

// judgements bounds how often a write is judged again because the configuration changed under it.
const judgements = 8

// pageBytes ends a page of large documents early: a page is built in memory.
const pageBytes = 16 << 20

// Documents are the use cases of documents. It is safe for concurrent use.
type Documents struct {
	Dependencies
	Catalog  *Catalog
	prepared preparations
}

// CreateDocument is a request to store a new document.
type CreateDocument struct {
	Collection ident.Collection
	// ID is zero where the data names it or the server shall make it.
	ID           ident.Document
	Data         []byte // JSON as it came
	ValidateOnly bool
}

// Create stores a new document.
// It fails with fault.NotFound (no collection), Malformed and TooLarge (the JSON), Invalid (the configuration does not admit it) and Conflict (the id is taken).
func (d *Documents) Create(ctx context.Context, by Caller, r CreateDocument) (document.Result, error) {
	data, err := collection.Read(r.Data, d.Limits.Document)
	if err != nil {
		return document.Result{}, err
	}
	made := ident.Document{}
	return d.write(ctx, by, r.Collection, r.ValidateOnly, func(c *collection.Collection, at time.Time) (document.Write, error) {
		id := r.ID
		fresh := id == ident.Document{} && !c.TakesIDs()
		if fresh {
			if made == (ident.Document{}) {
				made = d.IDs()
			}
			id = made
		}
		proposal, err := c.Propose(collection.Submission{New: true, Data: data, ID: id, Now: at, MaxBytes: d.Limits.Document.Bytes})
		if err != nil {
			return document.Write{}, d.withDangling(ctx, c, id, data, err)
		}
		id = proposal.ID()
		return document.Write{ID: id, Fresh: fresh, Change: document.Create(c.Name, id, proposal.Admit)}, nil
	})
}

// PutDocument is a request to create or replace a document.
type PutDocument struct {
	Collection   ident.Collection
	ID           ident.Document
	Data         []byte // JSON as it came
	Precondition document.Precondition
	ValidateOnly bool
}

// Put creates or replaces a document; equal data makes no revision.
// It fails like Create, with a *document.StaleError where the precondition does not hold, and with fault.ConditionRequired where one is missing.
func (d *Documents) Put(ctx context.Context, by Caller, r PutDocument) (document.Result, error) {
	data, err := collection.Read(r.Data, d.Limits.Document)
	if err != nil {
		return document.Result{}, err
	}
	return d.write(ctx, by, r.Collection, r.ValidateOnly, func(c *collection.Collection, at time.Time) (document.Write, error) {
		w, err := put(c, collection.Submission{Data: data, ID: r.ID, Now: at, MaxBytes: d.Limits.Document.Bytes}, r.Precondition)
		return w, d.withDangling(ctx, c, r.ID, data, err)
	})
}

// put is the write of a document as a whole.
func put(c *collection.Collection, s collection.Submission, pre document.Precondition) (document.Write, error) {
	proposal, err := c.Propose(s)
	if err != nil {
		return document.Write{}, err
	}
	if err := document.RequireCondition(c, pre); err != nil {
		return document.Write{}, err
	}
	return document.Write{ID: proposal.ID(), Change: document.Put(proposal.Admit, pre)}, nil
}

// DeleteDocument is a request to delete a document.
type DeleteDocument struct {
	Collection   ident.Collection
	ID           ident.Document
	Precondition document.Precondition
	ValidateOnly bool
}

// Delete removes a document; the result has it as it was.
// It fails with fault.NotFound, with a *document.StaleError where the precondition does not hold, and with fault.ConditionRequired where one is missing.
func (d *Documents) Delete(ctx context.Context, by Caller, r DeleteDocument) (document.Result, error) {
	return d.write(ctx, by, r.Collection, r.ValidateOnly, func(c *collection.Collection, _ time.Time) (document.Write, error) {
		if err := document.RequireCondition(c, r.Precondition); err != nil {
			return document.Write{}, err
		}
		return document.Write{ID: r.ID, Change: document.Delete(c.Name, r.ID, r.Precondition)}, nil
	})
}

// write has judge make a write of the collection as it is, and makes that write; where the configuration changed meanwhile it begins again.
func (d *Documents) write(ctx context.Context, by Caller, name ident.Collection, validateOnly bool, judge func(*collection.Collection, time.Time) (document.Write, error)) (document.Result, error) {
	at := d.Clock()
	for range judgements {
		c, err := d.Catalog.Get(ctx, name)
		if err != nil {
			return document.Result{}, err
		}
		w, err := judge(c, at)
		if err != nil {
			return document.Result{}, err
		}
		w.Collection, w.Indexes = c.Version(), c.Maintained
		batch := document.Batch{
			Origin: by.origin(), At: at, Writes: []document.Write{w}, DryRun: validateOnly,
			Receipt: receipt.Of(by.Receipt, func(results []document.Result) document.Result { return shown(c, results[0]) }),
		}
		results, err := d.Store.Write(ctx, batch)
		if errors.Is(err, collection.ErrChanged) {
			d.Catalog.Forget(name)
			continue
		}
		if err != nil {
			return document.Result{}, d.diverged(ctx, c, w, err)
		}
		if validateOnly {
			return shown(c, results[0]), nil
		}
		return shown(c, d.marked(ctx, c, results[0])), nil
	}
	return document.Result{}, collection.ErrChanged
}

// marked gives a result without a change a place in the feed at which the document was what the result says, so that its caller is not served an older one afterwards either.
func (d *Documents) marked(ctx context.Context, c *collection.Collection, result document.Result) document.Result {
	if result.Outcome == document.Unchanged {
		result.Mark = mark(ctx, d.Store, c)
	}
	return result
}

// mark returns where the feed is that a collection's changes are in; zero where that cannot be found out, which is no reason to fail for a write that has succeeded.
func mark(ctx context.Context, store ports.ChangeReader, c *collection.Collection) change.Mark {
	at, err := store.Position(ctx, c.Bucket)
	if err != nil {
		return change.Mark{}
	}
	return change.Mark{Bucket: c.Bucket, Position: at}
}

// shown is what an answer shows of a result.
func shown(c *collection.Collection, r document.Result) document.Result {
	r.Document.Data = c.Shown(r.Document.Data, nil)
	return r
}

// Get returns a document as it is stored, or was a short while ago (ports.DocumentReader.GetRecent), and where it was found, also when it fails; Present makes of it what an answer shows.
// Who names a revision in a condition has seen it, and is not served an older one.
// It fails with fault.NotFound, and with a *document.StaleError where If-Match does not hold. If-None-Match is the caller's: see Precondition.Unmodified.
func (d *Documents) Get(ctx context.Context, by Caller, name ident.Collection, id ident.Document, pre document.Precondition) (document.Document, ports.Source, error) {
	c, err := d.Catalog.Get(ctx, name)
	if err != nil {
		return document.Document{}, ports.FromStore, err
	}
	found, from, err := d.Store.GetRecent(ctx, c.Key, id, by.Seen.At(c.Bucket))
	if from != ports.FromStore && found.Revision < pre.Newest() {
		found, err = d.Store.Get(ctx, c.Key, id)
		from = ports.FromStore
	}
	if err != nil && fault.KindOf(err) != fault.NotFound {
		return document.Document{}, from, err
	}
	if err != nil || !c.Living(d.Clock()).Finds(found.Indexable()) {
		return document.Document{}, from, document.NotFound(name, id)
	}
	pre.NoneMatch = nil
	return found, from, stale(c, pre.Check(&found))
}

// stale has the error of a condition show what an answer may show.
func stale(c *collection.Collection, err error) error {
	if err == nil {
		return nil
	}
	var e *document.StaleError
	if !errors.As(err, &e) || e.Current == nil {
		return err
	}
	shown, current := *e, *e.Current
	current.Data = c.Shown(current.Data, nil)
	shown.Current = &current
	return &shown
}

// count asks for a count where one is wanted.
func count(kind query.CountKind, ask func(query.CountKind) (query.Count, error)) (*query.Count, error) {
	if kind == "" || kind == query.CountNone {
		return nil, nil
	}
	n, err := ask(kind)
	if err != nil {
		return nil, err
	}
	return &n, nil
}
