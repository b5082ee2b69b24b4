package postgres

import (
	"context"
	"time"

	"github.com/sheafdb/sheaf/adapters/postgres/sqlcgen"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/ports"
)

// never stands for no instant in arrays of instants: it is the first one behind the last that a document may have.
var never = time.Date(10_000, 1, 1, 0, 0, 0, 0, time.UTC)

func expiresOf(e index.Entries) time.Time {
	if e.Expires == nil {
		return never
	}
	return *e.Expires
}

// living adds that a document has not expired.
func (b *builder) living(l index.Living) { b.write(livingSQL(l, "d", b.bind)) }

// livingSQL is the condition that a document, under an alias, has not expired, behind an AND; "" where none does. What tells so from the document itself agrees with Living.Finds.
func livingSQL(l index.Living, alias string, bind func(value any, typ string) string) string {
	if l.Expiry == nil {
		return ""
	}
	at := bind(l.At, "timestamptz")
	if l.Kept {
		return ` AND (` + alias + `.expires_at IS NULL OR ` + alias + `.expires_at > ` + at + `)`
	}
	var from string
	switch f := l.Expiry.Fields[0]; f.Column {
	case index.CreatedAt:
		from = alias + `.created_at`
	case index.UpdatedAt:
		from = alias + `.updated_at`
	default:
		from = alias + `.data`
		for _, name := range f.Path { // a path as a whole would lead through arrays, too
			from += ` -> ` + bind(name, "text")
		}
		from = `public.sheaf_timestamp_v1(public.sheaf_text_v1(` + from + `))`
	}
	return ` AND COALESCE(public.sheaf_shift_v1(` + from + `, ` + bind(l.Expiry.After.Microseconds(), "bigint") + `) > ` + at + `, TRUE)`
}

// DueCollections returns at most limit collections of which something has expired.
func (s *Store) DueCollections(ctx context.Context, at time.Time, limit int) ([]ports.DueCollection, error) {
	rows, err := s.queries.ListDueCollections(ctx, sqlcgen.ListDueCollectionsParams{At: at, PageSize: limitOf(limit)})
	if err != nil {
		return nil, failed(ctx, err, "list collections with expired documents")
	}
	return mapped(rows, func(r sqlcgen.ListDueCollectionsRow) (ports.DueCollection, error) {
		name, err := ident.ParseCollection(r.Name)
		return ports.DueCollection{Name: name, Key: collection.Key{Bucket: r.Bucket, ID: r.CollectionID}}, unreadable(err)
	})
}

// DueDocuments returns at most limit documents of a collection that have expired.
func (s *Store) DueDocuments(ctx context.Context, key collection.Key, at time.Time, limit int) ([]ident.Document, error) {
	rows, err := s.queries.ListDueDocuments(ctx, sqlcgen.ListDueDocumentsParams{Bucket: key.Bucket, CollectionID: key.ID, At: at, PageSize: limitOf(limit)})
	if err != nil {
		return nil, failed(ctx, err, "list expired documents")
	}
	return mapped(rows, func(r string) (ident.Document, error) {
		id, err := ident.ParseDocument(r)
		return id, unreadable(err)
	})
}

// unreadable is an error of what somebody else must have written.
func unreadable(err error) error {
	if err == nil {
		return nil
	}
	return fault.Wrap(err, fault.Internal, "internal", "what is stored cannot be read")
}

// purgeExpiry removes instants that no index says any more. It holds the index, so that nobody declares another one meanwhile.
func (s *Store) purgeExpiry(ctx context.Context, key collection.Key, id, limit int32) (done bool, err error) {
	err = s.inTransaction(ctx, "purge expiry", func(q *sqlcgen.Queries) error {
		state, err := q.LockIndex(ctx, sqlcgen.LockIndexParams{IndexID: id, CollectionID: key.ID})
		if err != nil || state != string(rune(index.Deleting)) {
			return err
		}
		replaced, err := q.ExpiresOtherwise(ctx, sqlcgen.ExpiresOtherwiseParams{CollectionID: key.ID, IndexID: id})
		if err != nil {
			return err
		}
		if !replaced {
			n, err := q.PurgeExpiries(ctx, sqlcgen.PurgeExpiriesParams{Bucket: key.Bucket, CollectionID: key.ID, Batch: limit})
			if err != nil || n > 0 {
				return err // rows that others hold are left for the next time
			}
			holds, err := q.HoldsExpiries(ctx, sqlcgen.HoldsExpiriesParams{Bucket: key.Bucket, CollectionID: key.ID})
			if err != nil || holds {
				return err
			}
		}
		done = true
		return q.DeleteIndex(ctx, id)
	})
	return done && err == nil, err
}
