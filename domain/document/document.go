// Package document says what a document is and how one may change.
//
// A write is an intention: a pure function from what is stored now to what
// shall be stored (Change). The adapter that keeps documents calls it with the
// current document inside the transaction, so that conditions are decided
// where nothing can come between. Start at Change and Batch.
package document

import (
	"bytes"
	"time"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/operation"
	"github.com/sheafdb/sheaf/domain/receipt"
)

// Document is a document at one revision.
type Document struct {
	ID ident.Document
	// Revision counts from 1, or from above the collection's base. A document that is created again after a deletion goes on counting, so that an entity tag never names two contents.
	Revision int64
	// SchemaRevision is the revision of the collection's configuration that judged the data.
	SchemaRevision int64
	CreatedAt      time.Time
	UpdatedAt      time.Time
	// Data is the canonical text of what the user stored.
	Data []byte
}

// Indexable returns what an index sees of the document.
func (d Document) Indexable() index.Document {
	return index.Document{ID: d.ID.String(), Revision: d.Revision, CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt, Data: d.Data}
}

// Next is what a document becomes. The zero Next leaves it as it is.
type Next struct {
	remove   bool
	data     []byte
	warnings []fault.Violation
}

// Keep leaves the document as it is: no revision, no change.
func Keep() Next { return Next{} }

// Store makes data the document, creating it where there is none. data is canonical and is not changed afterwards.
func Store(data []byte) Next { return Next{data: data} }

// Accept makes what a collection admitted the document, creating it where there is none.
func Accept(a collection.Admitted) Next { return Next{data: a.Data, warnings: a.Warnings} }

// Data is what shall be stored, nil where nothing shall.
func (n Next) Data() []byte { return n.data }

// Remove deletes the document.
func Remove() Next { return Next{remove: true} }

// Change decides what a document becomes; current is nil where there is none.
// It is pure: it may run more than once, and an error from it leaves everything as it was.
type Change func(current *Document) (Next, error)

// Write is one intended change of one document.
type Write struct {
	Collection collection.Version
	ID         ident.Document
	// Indexes are those that the collection's version maintains; nil where it has none.
	Indexes *index.Set
	// Fresh says that the id was just made and cannot be taken; it spares a look-up. A wrong Fresh costs a second try and nothing else.
	Fresh  bool
	Change Change
	// Decided, where it is not nil, is called with what the write does, before the next write of the batch is decided. As Change may, it may be called more than once.
	Decided func(Transition)
}

// Batch is a list of writes that happen together or not at all, in their order: a later write of a document sees what an earlier one made of it.
type Batch struct {
	change.Origin
	// At is when the request was made; documents carry it as createdAt and updatedAt.
	At     time.Time
	Writes []Write
	// DryRun says that everything is decided and checked as if the batch were written, and nothing is written: no document, step or receipt.
	DryRun bool
	// Receipt is written with the batch; nil where there is none. Its outcome is made of the results before they are committed: they have no marks yet.
	Receipt *receipt.Pending[[]Result]
	// Step makes the step of an operation that is committed with the batch; nil for a batch that is none. It is given what the writes would do, and is pure as a Change is:
	// it may run more than once, and an error from it leaves everything as it was.
	Step func(results []Result) (operation.Step, error)
}

// Outcome says what a write did.
type Outcome byte

// The outcomes of a write.
const (
	Unchanged Outcome = iota
	Created
	Updated
	Deleted
)

// Result is what one write of a batch did.
type Result struct {
	Outcome Outcome
	// Document is what is stored after the write; after a deletion, what was stored before. It is zero when nothing was there and nothing was stored.
	Document Document
	// Warnings are those that the collection admitted the document with.
	Warnings []fault.Violation
	// Mark is where the change is in the feed, zero when nothing changed.
	Mark change.Mark
}

// Transition is what a Next means for the document it was decided on: an adapter applies it and keeps no rule of its own.
type Transition struct {
	Outcome Outcome
	// Document is the document after the change; after a deletion it has the revision and the time of the deletion, and no data.
	Document Document
	Warnings []fault.Violation
	// Mark is zero: the adapter that commits the change knows it.
	Mark change.Mark
}

// Decide runs w.Change on the current document and says what follows.
// last is the highest revision the id ever had, 0 for none; it matters where current is nil.
func Decide(w Write, current *Document, last int64, at time.Time) (Transition, error) {
	next, err := w.Change(current)
	if err != nil {
		return Transition{}, err
	}
	t := Transition{Warnings: next.warnings}
	switch {
	case next.remove && current != nil:
		t.Outcome, t.Document = Deleted, deletion(w, current, at)
	case next.data == nil, next.remove:
		if current != nil {
			t.Document = *current
		}
	case current == nil:
		t.Outcome, t.Document = Created, Document{
			ID: w.ID, Revision: max(last, w.Collection.Base) + 1, SchemaRevision: w.Collection.Revision, CreatedAt: at, UpdatedAt: at, Data: next.data,
		}
	case bytes.Equal(next.data, current.Data):
		t.Document = *current
	default:
		t.Outcome, t.Document = Updated, Document{
			ID: w.ID, Revision: current.Revision + 1, SchemaRevision: w.Collection.Revision,
			CreatedAt: current.CreatedAt, UpdatedAt: later(at, current.UpdatedAt), Data: next.data,
		}
	}
	if w.Decided != nil {
		w.Decided(t)
	}
	return t, nil
}

// deletion is what becomes of a document that is removed.
func deletion(w Write, current *Document, at time.Time) Document {
	return Document{
		ID: w.ID, Revision: current.Revision + 1, SchemaRevision: w.Collection.Revision,
		CreatedAt: current.CreatedAt, UpdatedAt: later(at, current.UpdatedAt),
	}
}

// later keeps a document's times in order where the clocks of two processes differ.
func later(a, b time.Time) time.Time {
	if a.Before(b) {
		return b
	}
	return a
}
