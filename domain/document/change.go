package document

import (
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
)

// Create stores data as a new document; it fails with Exists where there is one.
func Create(c ident.Collection, id ident.Document, data []byte) Change {
	return func(current *Document) (Next, error) {
		if current != nil {
			return Next{}, Exists(c, id)
		}
		return Store(data), nil
	}
}

// Put stores data as the document, new or not.
// It fails with a *StaleError where the precondition does not hold, also when it asks for a revision and there is no document.
func Put(data []byte, pre Precondition) Change {
	return func(current *Document) (Next, error) {
		if err := pre.Check(current); err != nil {
			return Next{}, err
		}
		return Store(data), nil
	}
}

// Patch makes the document what apply makes of its data. What comes of it is judged by the collection as a whole, like every document that is stored.
// It fails with NotFound where there is none, with a *StaleError where the precondition does not hold, with what apply fails with, and with fault.Invalid where the
// collection does not admit the result or takes another id from it.
func Patch(c *collection.Collection, id ident.Document, pre Precondition, apply func(data []byte) ([]byte, error)) Change {
	return func(current *Document) (Next, error) {
		if current == nil {
			return Next{}, NotFound(c.Name, id)
		}
		if err := pre.Check(current); err != nil {
			return Next{}, err
		}
		data, err := apply(current.Data)
		if err != nil {
			return Next{}, err
		}
		admitted, err := c.Admit(data)
		if err != nil {
			return Next{}, err
		}
		if _, err := c.NameID(id, admitted); err != nil {
			return Next{}, err
		}
		return Store(admitted.Data), nil
	}
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

// RequireCondition fails with fault.ConditionRequired where the collection takes writes to existing documents only with a condition and the request states none.
func RequireCondition(c *collection.Collection, pre Precondition) error {
	if c.Config.Concurrency == collection.ConditionRequired && !pre.Stated() {
		return fault.New(fault.ConditionRequired, "document.conditionRequired", "collection %q takes writes only with If-Match or If-None-Match", c.Name)
	}
	return nil
}
