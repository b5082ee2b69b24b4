package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/sheafdb/sheaf/adapters/postgres/sqlcgen"
	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/search"
	"github.com/sheafdb/sheaf/ports"
)

// Find returns the documents of a stretch of a query's list.
//
// Where the plan reads one span in the order of the list, or documents in the order of their ids, a page is one statement that ends with its last document.
// Else the places of the documents come first: of some spans merged, or of everything that matches, of which as many are kept as the page has. Both steps see one moment.
func (s *Store) Find(ctx context.Context, key collection.Key, f ports.Find) (ports.Found, error) {
	if f.Plan.Ordered && len(f.Plan.Spans) <= 1 {
		return s.findInOrder(ctx, key, f)
	}
	var found ports.Found
	err := s.atOneMoment(ctx, "find documents", func(tx pgx.Tx) error {
		places, err := s.places(ctx, tx, key, f, &found)
		if err != nil {
			return err
		}
		if found.At, err = positionIn(ctx, s.queries.WithTx(tx), key.Bucket); err != nil {
			return err
		}
		if len(places) > f.Limit {
			places, found.More = places[:f.Limit], true
		}
		ids := make([]string, len(places))
		for i, at := range places {
			ids[i] = at.ID
		}
		var whole bool
		found.Items, whole, err = s.fetch(ctx, tx, key, ids, f.Bytes)
		found.More = found.More || !whole
		// Keys of entries may be cut; those that were made of values are not.
		if n := len(found.Items); n > 0 && !f.Plan.Ordered {
			found.Ends = []search.Position{places[0], places[n-1]}
		}
		return err
	})
	return found, tooExpensive(err)
}

// atOneMoment runs do in a transaction that reads what was there when it began.
func (s *Store) atOneMoment(ctx context.Context, what string, do func(pgx.Tx) error) error {
	tx, err := s.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return failed(ctx, err, what)
	}
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }() // nothing was written
	return failed(ctx, do(tx), what)
}

// tooExpensive says that a statement took too long because of what was asked.
func tooExpensive(err error) error {
	if fault.CodeOf(err) == "postgres.timeout" {
		return fault.Wrap(err, fault.Invalid, "query.tooExpensive", "the query takes too long: narrow it, or declare an index for it")
	}
	return err
}

// findInOrder reads documents in the order of the list until the page is full.
func (s *Store) findInOrder(ctx context.Context, key collection.Key, f ports.Find) (ports.Found, error) {
	found := ports.Found{Items: []document.Document{}}
	from, size := f.From, 0
	var first, last []byte // the keys of the first and the last entry
	for {
		// One more than there is room for says whether more follow.
		ask := min(f.Limit-len(found.Items)+1, firstRows)
		if len(found.Items) > 0 {
			ask = min(f.Limit-len(found.Items)+1, max(f.Bytes-size, 0)*len(found.Items)/max(size, 1)+1)
		}
		statement, err := orderedStatement(key, f, from, ask)
		if err != nil {
			return ports.Found{}, err
		}
		found.Items = slices.Grow(found.Items, ask-1)
		got, at := 0, ports.Unplaced
		err = s.scan(ctx, s.pool, statement, ask, &at, func(d document.Document, key []byte) bool {
			got++
			if len(found.Items) == f.Limit || len(found.Items) > 0 && size >= f.Bytes {
				found.More = true
				return false
			}
			if len(found.Items) == 0 {
				first = slices.Clone(key)
			}
			last = append(last[:0], key...)
			found.Items = append(found.Items, d)
			size += len(d.Data)
			return true
		})
		if err != nil {
			return ports.Found{}, tooExpensive(failed(ctx, err, "find documents"))
		}
		if found.Examined > 0 && found.At != at {
			at = ports.Unplaced // a page of several statements, and something happened between them
		}
		found.At = at
		found.Examined += int64(got)
		if found.More || got < ask {
			found.Ends = endsOf(f.Plan, found.Items, first, last)
			return found, nil
		}
		from = &search.Position{Key: orderKey(f.Plan, last, 0), ID: found.Items[len(found.Items)-1].ID.String()}
	}
}

// endsOf returns the places of the first and the last document that an index was read for, unless one of the keys of their entries is cut: then it is not that of the order.
func endsOf(p search.Plan, items []document.Document, first, last []byte) []search.Position {
	if p.Index == nil || len(items) == 0 || max(len(first), len(last)) > index.WholeKeyBytes {
		return nil
	}
	return []search.Position{{Key: orderKey(p, first, 0), ID: items[0].ID.String()}, {Key: orderKey(p, last, 0), ID: items[len(items)-1].ID.String()}}
}

// scan runs a statement that returns documents; see scanDocuments.
func (*Store) scan(ctx context.Context, db sqlcgen.DBTX, st statement, expected int, at *change.Position, each func(document.Document, []byte) bool) error {
	rows, err := db.Query(ctx, st.sql, st.args...)
	if err != nil {
		return err
	}
	return scanDocuments(rows, expected, true, at, each)
}

// places returns the places of the documents of the stretch in their order, one more than the page has when there is one.
func (s *Store) places(ctx context.Context, tx pgx.Tx, key collection.Key, f ports.Find, found *ports.Found) ([]search.Position, error) {
	top := search.NewTop[search.Position](f.Limit+1, f.Back)
	st, err := placesStatement(key, f)
	if err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, st.sql, st.args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	paths := f.Query.Order.Paths()
	seen := map[string]bool{}
	for rows.Next() {
		found.Examined++
		at, err := readPlace(rows, f, paths)
		if err != nil {
			return nil, err
		}
		if f.Plan.Repeats && !f.Plan.Ordered {
			if seen[at.ID] {
				continue
			}
			seen[at.ID] = true
		}
		if f.From == nil || f.Back && at.Compare(*f.From) < 0 || !f.Back && at.Compare(*f.From) > 0 {
			top.Offer(at, at)
		}
	}
	rows.Close()
	return top.Items(), rows.Err()
}

// fetch returns the documents with these ids in their order, up to a size; whole says that none is left out.
func (s *Store) fetch(ctx context.Context, tx pgx.Tx, key collection.Key, ids []string, bytes int) (items []document.Document, whole bool, err error) {
	items = make([]document.Document, 0, len(ids))
	size := 0
	for len(ids) > 0 {
		n := min(len(ids), firstRows)
		if len(items) > 0 {
			n = min(len(ids), max(bytes-size, 0)*len(items)/max(size, 1)+1)
		}
		byID := make(map[string]document.Document, n)
		err := s.scan(ctx, tx, fetchStatement(key, ids[:n]), n, nil, func(d document.Document, _ []byte) bool {
			byID[d.ID.String()] = d
			return true
		})
		if err != nil {
			return nil, false, err
		}
		for _, id := range ids[:n] {
			if len(items) > 0 && size >= bytes {
				return items, false, nil
			}
			d, ok := byID[id]
			if !ok {
				return nil, false, fault.New(fault.Internal, "internal", "an index names a document that is not there")
			}
			items = append(items, d)
			size += len(d.Data)
		}
		ids = ids[n:]
	}
	return items, true, nil
}

// GetAll returns the documents with these ids.
func (s *Store) GetAll(ctx context.Context, key collection.Key, ids []ident.Document) ([]document.Document, error) {
	names := make([]string, len(ids))
	for i, id := range ids {
		names[i] = id.String()
	}
	found := make([]document.Document, 0, len(ids))
	err := s.scan(ctx, s.pool, fetchStatement(key, names), len(names), nil, func(d document.Document, _ []byte) bool {
		found = append(found, d)
		return true
	})
	return found, failed(ctx, err, "get documents")
}

// CountFound counts the documents that match.
func (s *Store) CountFound(ctx context.Context, key collection.Key, q search.Query, p search.Plan, limit int64) (int64, error) {
	st, err := countStatement(key, q, p, limit)
	if err != nil {
		return 0, err
	}
	n, err := sqlRow[int64](ctx, s, st.sql, st.args...)
	return n, tooExpensive(failed(ctx, err, "count documents"))
}

// CountEntries counts the entries in the spans, each of which is a stretch of the primary key.
func (s *Store) CountEntries(ctx context.Context, key collection.Key, indexID int32, spans []index.Span, limit int64) (int64, error) {
	st := countEntriesStatement(key, indexID, spans, limit)
	n, err := sqlRow[int64](ctx, s, st.sql, st.args...)
	return n, failed(ctx, err, "count entries")
}

// FindKeys returns the ids of the documents that have keys in a unique index.
func (s *Store) FindKeys(ctx context.Context, _ collection.Key, indexID int32, keys [][]byte) ([]ident.Document, error) {
	buckets := make([]int32, len(keys))
	for i, key := range keys {
		buckets[i] = bucketOfKey(index.Entry{Index: indexID, Key: key})
	}
	rows, err := s.queries.FindKeys(ctx, sqlcgen.FindKeysParams{Buckets: buckets, Keys: keys, IndexID: indexID})
	if err != nil {
		return nil, failed(ctx, err, "find keys")
	}
	return mapped(rows, func(r sqlcgen.FindKeysRow) (ident.Document, error) {
		if r.ID == "" {
			return ident.Document{}, nil
		}
		return ident.ParseDocument(r.ID)
	})
}
