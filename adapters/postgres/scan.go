package postgres

import (
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
)

// slabBytes is how much memory the data of several documents is put into at once: a page is a few pieces for the garbage collector and not two for each document.
const slabBytes = 16 << 10

// scanDocuments calls each with the documents of rows, expected many or so, until it returns false, and closes the rows. A row has the columns of a document; with keyed
// there is the key of an entry before them, which must not be kept. A row without an id has a position in the place of the revision, which at gets.
func scanDocuments(rows pgx.Rows, expected int, keyed bool, at *change.Position, each func(d document.Document, key []byte) bool) error {
	defer rows.Close()
	var d document.Document
	var id string
	var key, data pgtype.DriverBytes
	into, placed := []any{&key, &id, &d.Revision, &d.SchemaRevision, &d.CreatedAt, &d.UpdatedAt, &data}, []any{nil, nil, (*int64)(at), nil, nil, nil, nil}
	if !keyed {
		into = into[1:]
	}
	var slab []byte
	for rows.Next() {
		if at != nil && rows.RawValues()[1] == nil {
			if err := rows.Scan(placed...); err != nil {
				return err
			}
			continue
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		var err error
		if d.ID, err = ident.ParseDocument(id); err != nil {
			return fault.Wrap(err, fault.Internal, "internal", "a stored document cannot be read")
		}
		if n := len(data); cap(slab)-len(slab) < n {
			slab = make([]byte, 0, max(n, min(n*expected, slabBytes)))
		}
		begin := len(slab)
		slab = append(slab, data...)
		d.Data = slab[begin:len(slab):len(slab)]
		expected = max(expected-1, 1)
		if !each(d, key) {
			break
		}
	}
	rows.Close() // what is left is read and thrown away; an error of it counts
	return rows.Err()
}
