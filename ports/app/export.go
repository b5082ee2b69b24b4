package app

import (
	"context"

	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/ident"
)

// Export calls visit with every document that has not expired, in the order of the bytes of their ids, all as they were at one moment, and ends with the first error of visit.
// The document's data must not be kept after visit returned.
// It fails with fault.NotFound, before any visit, where there is no collection.
func (t *Transfer) Export(ctx context.Context, _ Caller, name ident.Collection, visit func(document.Document) error) error {
	c, err := t.Catalog.Get(ctx, name)
	if err != nil {
		return err
	}
	living := c.Living(t.Clock())
	return t.Store.Export(ctx, c.Key, func(d document.Document) error {
		if !living.Finds(d.Indexable()) {
			return nil
		}
		return visit(d)
	})
}
