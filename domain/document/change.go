package document

import (
	"time"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
)

// Judge says what a collection makes of a document that shall be stored; stored is the data of the one that is there, nil where there is none.
// It is pure: it may be called more than once. A (*collection.Proposal).Admit is one.
type Judge func(stored []byte) (collection.Admitted, error)

// AsIs admits data as it is: for what was judged before.
func AsIs(data []byte) Judge {
	return func([]byte) (collection.Admitted, error) { return collection.Admitted{Data: data}, nil }
}

// Create stores a new document; it fails with Exists where there is one, and with what judge fails with.
func Create(c ident.Collection, id ident.Document, judge Judge) Change {
	return func(current *Document) (Next, error) {
		if current != nil {
			return Next{}, Exists(c, id)
		}
		return judge.on(nil)
	}
}

// Put stores a document, new or not.
// It fails with a *StaleError where the precondition does not hold, also when it asks for a revision and there is no document, and with what judge fails with.
func Put(judge Judge, pre Precondition) Change {
	return func(current *Document) (Next, error) {
		if err := pre.Check(current); err != nil {
			return Next{}, err
		}
		return judge.on(current)
	}
}

// Edit is a change of a document that is there.
type Edit struct {
	Collection   *collection.Collection
	ID           ident.Document
	Precondition Precondition
	// Way is how the collection judges what comes of it: collection.Edited, or collection.Kept.
	Way collection.Way
	// Now is when the request was made.
	Now time.Time
	// Apply makes canonical data of what is stored.
	Apply func(current index.Document) ([]byte, error)
	// MaxBytes bounds the data to be stored, where the collection makes it longer; 0 does not.
	MaxBytes int
}

// Change makes the document what Apply makes of its data. What comes of it is judged by the collection as a whole, like every document that is stored.
// It fails with NotFound where there is none, with a *StaleError where the precondition does not hold, with what Apply fails with, and with fault.Invalid where the
// collection does not admit the result.
func (e Edit) Change(current *Document) (Next, error) {
	if current == nil {
		return Next{}, NotFound(e.Collection.Name, e.ID)
	}
	if err := e.Precondition.Check(current); err != nil {
		return Next{}, err
	}
	data, err := e.Apply(current.Indexable())
	if err != nil {
		return Next{}, err
	}
	admitted, err := e.Collection.Admit(collection.Submission{Way: e.Way, Data: data, ID: e.ID, Now: e.Now, MaxBytes: e.MaxBytes}, current.Data)
	if err != nil {
		return Next{}, err
	}
	return Accept(admitted), nil
}

// on judges with what is stored.
func (j Judge) on(current *Document) (Next, error) {
	var stored []byte
	if current != nil {
		stored = current.Data
	}
	admitted, err := j(stored)
	if err != nil {
		return Next{}, err
	}
	return Accept(admitted), nil
}

// Delete removes the document. It fails with NotFound where there is none, and with a *StaleError where the precondition does not hold.
func Delete(c ident.Collection, id ident.Document, pre Precondition) Change {
	return func(current *Document) (Next, error) {
		if current == nil {
			return Next{}, NotFound(c, id)
		}
		if err := pre.Check(current); err != nil {
			return Next{}, err
		}
		return Remove(), nil
	}
}

// Check leaves the document as it is. It fails with NotFound where there is none, unless the precondition asks for something else, and with a *StaleError where that does
// not hold.
func Check(c ident.Collection, id ident.Document, pre Precondition) Change {
	return func(current *Document) (Next, error) {
		if current == nil && pre.NoneMatch == nil {
			return Next{}, NotFound(c, id)
		}
		return Keep(), pre.Check(current)
	}
}

// RequireCondition fails with fault.ConditionRequired where the collection takes writes to existing documents only with a condition and the request states none.
func RequireCondition(c *collection.Collection, pre Precondition) error {
	if c.Config.Concurrency == collection.ConditionRequired && !pre.Stated() {
		return fault.New(fault.ConditionRequired, "document.conditionRequired", "collection %q takes writes only with If-Match or If-None-Match", c.Name)
	}
	return nil
}
