package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
)

// Bounds of a page of an export, in rows and in bytes of data.
const (
	exportRows  = 1000
	exportBytes = 4 << 20
)

// Export calls visit with every document as they were at one moment.
//
// Pages are read whole before they are visited: a slow visitor then holds a snapshot, but no statement that times out. One that is slower than
// idle_in_transaction_session_timeout over one page loses the transaction, and the export fails with fault.Unavailable.
func (s *Store) Export(ctx context.Context, key collection.Key, visit func(document.Document) error) error {
	tx, err := s.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return failed(ctx, err, "export")
	}
	// Nothing was written, so nothing can be lost.
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	page := make([]document.Document, 0, firstRows)
	after, rows := "", firstRows
	for {
		page = page[:0]
		bytes := 0
		err := s.page(ctx, tx, key, after, rows, func(d document.Document) bool {
			page = append(page, d)
			bytes += len(d.Data)
			return true
		})
		if err != nil {
			return failed(ctx, err, "export")
		}
		for _, d := range page {
			if err := visit(d); err != nil {
				return err
			}
		}
		if len(page) < rows {
			return nil
		}
		after = page[len(page)-1].ID.String()
		rows = max(1, min(exportRows, exportBytes/max(bytes/len(page), 1)))
		clear(page) // so that the data of this page does not outlive the next one
	}
}
