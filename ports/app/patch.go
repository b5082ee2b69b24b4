package app

import (
	"context"
	"time"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/patch"
)

// PatchDocument is a request to change a document that is there.
type PatchDocument struct {
	Collection   ident.Collection
	ID           ident.Document
	Format       patch.Format
	Patch        []byte // JSON as it came
	Precondition document.Precondition
	ValidateOnly bool
}

// Patch changes a document; a patch that changes nothing makes no revision. It is applied inside the write, to what is stored then, so that of patches made at once
// none is lost, with or without a condition.
// It fails with what patch.Parse and Patch.Apply fail with, with fault.NotFound, with fault.Invalid where the collection does not admit the result, with a
// *document.StaleError where the precondition does not hold, and with fault.ConditionRequired where one is missing.
func (d *Documents) Patch(ctx context.Context, by Caller, r PatchDocument) (document.Result, error) {
	parsed, err := patch.Parse(r.Format, r.Patch, jsontext.Limits(d.Limits.Document))
	if err != nil {
		return document.Result{}, err
	}
	return d.write(ctx, by, r.Collection, r.ValidateOnly, func(c *collection.Collection, at time.Time) (document.Write, error) {
		if err := document.RequireCondition(c, r.Precondition); err != nil {
			return document.Write{}, err
		}
		edit := document.Edit{Collection: c, ID: r.ID, Precondition: r.Precondition, Way: collection.Edited, Now: at, Apply: parsed.Apply, MaxBytes: d.Limits.Document.Bytes}
		return document.Write{ID: r.ID, Change: edit.Change}, nil
	})
}
