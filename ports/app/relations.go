package app

import (
	"context"
	"errors"

	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/ports"
)

// relationTries bounds how often a write is tried again because of other documents: each time there is something less in its way.
const relationTries = 32

// Relate returns the store with writes that reach beyond the documents which they name: keys that expired documents have in unique indexes are free.
func Relate(store ports.Store) ports.Store { return relations{store} }

type relations struct{ ports.Store }

// Write makes every write of the batch or none; see ports.DocumentWriter.
func (s relations) Write(ctx context.Context, batch document.Batch) ([]document.Result, error) {
	for try := 0; ; try++ {
		results, err := s.Store.Write(ctx, batch)
		duplicate := (*document.DuplicateError)(nil)
		if try == relationTries || !errors.As(err, &duplicate) {
			return results, err
		}
		freed, failed := s.free(ctx, batch, duplicate)
		if failed != nil {
			return nil, failed
		}
		if !freed {
			return nil, err
		}
	}
}

// free removes expired documents that have keys which a batch wants, and says whether any of these keys is free now.
func (s relations) free(ctx context.Context, batch document.Batch, duplicate *document.DuplicateError) (freed bool, err error) {
	removal := document.Batch{Origin: document.Expiration, At: batch.At}
	for _, d := range duplicate.Duplicates {
		w := batch.Writes[d.Write]
		if w.Indexes.Expiry() != nil {
			removal.Writes = append(removal.Writes, document.Write{Collection: w.Collection, Indexes: w.Indexes, ID: d.Holder, Change: document.Touch})
		}
	}
	if len(removal.Writes) == 0 {
		return false, nil
	}
	results, err := s.Store.Write(ctx, removal)
	for _, r := range results {
		freed = freed || r.Document.Revision == 0
	}
	return freed, err
}
