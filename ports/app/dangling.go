package app

import (
	"context"
	"slices"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
)

// withDangling adds to the error of a document that is not admitted what it would refer to in vain, so that both are told at once. Nothing is stored, so that it is enough to look
// outside of a transaction; where that fails, or there is much to look for, the error is told as it is.
func (d *Documents) withDangling(ctx context.Context, c *collection.Collection, id ident.Document, data []byte, err error) error {
	refused := fault.Find(err)
	if refused == nil || refused.Code != "document.invalid" {
		return err
	}
	after, failed := c.Maintained.Entries(index.Document{Data: data})
	if failed != nil || len(after.Refers) == 0 || len(after.Refers) > fault.MaxViolations {
		return err
	}
	var before index.Entries
	if stored, failed := d.Store.Get(ctx, c.Key, id); failed == nil {
		before, _ = c.Maintained.Entries(stored.Indexable()) // in an index that refuses it, it has none
	}
	references, dangling := document.ReferencesOf(before.Refers).Written(after.Refers, 0)
	for _, t := range references.Targets {
		if there, failed := d.there(ctx, t); failed != nil {
			return err
		} else if !there {
			dangling = append(dangling, t)
		}
	}
	slices.SortStableFunc(dangling, func(a, b document.Target) int {
		return slices.IndexFunc(after.Refers, a.Same) - slices.IndexFunc(after.Refers, b.Same)
	})
	both := fault.New(refused.Kind, refused.Code, "%s", refused.Text).With(refused.Violations...)
	for _, t := range dangling {
		both = both.With(t.Violation())
	}
	return both
}

// there says whether a document can be referred to.
func (d *Documents) there(ctx context.Context, t document.Target) (bool, error) {
	to, err := d.Catalog.Get(ctx, t.Reference.Collection)
	if err == nil {
		found, failed := d.Store.Get(ctx, to.Key, t.ID)
		if failed == nil {
			return to.Living(d.Clock()).Finds(found.Indexable()), nil
		}
		err = failed
	}
	return false, ignoreNotFound(err)
}
