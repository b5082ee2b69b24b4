package postgres

import (
	"bytes"
	"context"
	"errors"

	"github.com/jackc/pgx/v5"

	"github.com/sheafdb/sheaf/adapters/postgres/sqlcgen"
	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/ports"
)

// configurationBucket numbers the changes of configurations.
const configurationBucket = -1

// configurationTries bounds how often a change of a configuration begins again because another one came first.
const configurationTries = 20

// What a configuration change did, as the letters of the table.
const (
	configurationCreated = "c"
	configurationUpdated = "u"
	configurationDeleted = "d"
	configurationPurged  = "p"
	configurationIndexed = "i" // an index came to another state; there is no revision
)

// errOvertaken says that a collection is no longer what was read of it.
var errOvertaken = errors.New("the collection changed in between")

// WriteCollection creates or replaces a configuration.
//
// The decision is made on what was read without a lock, because it compiles schemas and writers wait for the bucket; the write takes place only when that is still so.
func (s *Store) WriteCollection(ctx context.Context, c ports.CollectionChange) (collection.Stored, bool, error) {
	for range configurationTries {
		current, err := s.find(ctx, c)
		if err != nil {
			return collection.Stored{}, false, err
		}
		text, err := c.Decide(current)
		if err != nil {
			return collection.Stored{}, false, err
		}
		if current != nil && bytes.Equal(text, current.Configuration) && !index.AnyFailed(current.Indexes) {
			return *current, false, s.settleUnchanged(ctx, c, *current)
		}
		var result collection.Stored
		if current == nil {
			result, err = s.createCollection(ctx, c, text)
		} else {
			result, err = s.replaceCollection(ctx, c, *current, text)
		}
		switch {
		case err == nil:
			return result, current == nil, nil
		case !errors.Is(err, errOvertaken) && !overtaken(err):
			return collection.Stored{}, false, err
		}
	}
	return collection.Stored{}, false, contended(errOvertaken)
}

// find returns the collection, nil where there is none.
func (s *Store) find(ctx context.Context, c ports.CollectionChange) (*collection.Stored, error) {
	current, err := s.GetCollection(ctx, c.Name)
	switch {
	case fault.KindOf(err) == fault.NotFound:
		return nil, nil //nolint:nilnil // no collection is what Decide knows as nil
	case err != nil:
		return nil, err
	case current.State == collection.Deleting:
		return nil, collection.BeingDeleted(c.Name)
	}
	return &current, nil
}

func (s *Store) createCollection(ctx context.Context, c ports.CollectionChange, text []byte) (collection.Stored, error) {
	at := stampOf(c.At)
	created := collection.Stored{Name: c.Name, State: collection.Active, CreatedAt: at, UpdatedAt: at, Configuration: text}
	err := s.inTransaction(ctx, "create collection", func(q *sqlcgen.Queries) error {
		row, err := q.InsertCollection(ctx, sqlcgen.InsertCollectionParams{
			Buckets: change.Buckets, Name: c.Name.String(), At: at, Configuration: string(text),
		})
		if errors.Is(err, pgx.ErrNoRows) {
			return errOvertaken
		}
		if err != nil {
			return err
		}
		created.Key = collection.Key{Bucket: row.Bucket, ID: row.CollectionID}
		first, err := q.ContinueRevisions(ctx, created.ID)
		if err != nil {
			return err
		}
		created.Revision, created.Base = first.Revision, first.Base
		if created.Indexes, err = declareIndexes(ctx, q, created.Key, text); err != nil {
			return err
		}
		if err := record(ctx, q, created, configurationCreated, c.Origin); err != nil {
			return err
		}
		return settlePending(ctx, q, c.Receipt, ports.CollectionResult{Stored: created, Created: true})
	})
	return created, err
}

// settleUnchanged writes the receipt of a change that changes nothing.
func (s *Store) settleUnchanged(ctx context.Context, c ports.CollectionChange, current collection.Stored) error {
	if c.Receipt == nil {
		return nil
	}
	return s.SettleReceipt(ctx, c.Receipt.Claim, c.Receipt.Outcome(ports.CollectionResult{Stored: current}))
}

func (s *Store) replaceCollection(ctx context.Context, c ports.CollectionChange, current collection.Stored, text []byte) (collection.Stored, error) {
	next := current
	next.Revision, next.UpdatedAt, next.Configuration = current.Revision+1, stampOf(c.At), text
	if next.UpdatedAt.Before(current.UpdatedAt) {
		next.UpdatedAt = current.UpdatedAt // the clocks of two processes differ
	}
	err := s.inTransaction(ctx, "replace collection", func(q *sqlcgen.Queries) error {
		if _, err := q.LockIndexes(ctx, current.ID); err != nil {
			return err
		}
		err := q.LockBucket(ctx, current.Bucket)
		if err != nil {
			return err
		}
		if next.Indexes, err = declareIndexes(ctx, q, current.Key, text); err != nil {
			return err
		}
		if err := advance(ctx, q, current, next, configurationUpdated, c.Origin); err != nil {
			return err
		}
		return settlePending(ctx, q, c.Receipt, ports.CollectionResult{Stored: next})
	})
	return next, err
}

// DeleteCollection marks the collection as being deleted.
func (s *Store) DeleteCollection(ctx context.Context, d ports.CollectionDeletion) (collection.Stored, error) {
	for range configurationTries {
		current, err := s.GetCollection(ctx, d.Name)
		if err != nil || current.State == collection.Deleting {
			return current, err
		}
		next := current
		next.State, next.Revision, next.UpdatedAt = collection.Deleting, current.Revision+1, stampOf(d.At)
		if next.UpdatedAt.Before(current.UpdatedAt) {
			next.UpdatedAt = current.UpdatedAt
		}
		var refused error
		err = s.inTransaction(ctx, "delete collection", func(q *sqlcgen.Queries) error {
			if err := q.LockBucket(ctx, current.Bucket); err != nil {
				return err
			}
			// From here on nobody writes to the collection, so that what is found stays so.
			holds, err := q.HasDocuments(ctx, sqlcgen.HasDocumentsParams{Bucket: current.Bucket, CollectionID: current.ID})
			if err != nil {
				return err
			}
			// A decision on a state that is gone does not count, so the state comes first.
			if err := advance(ctx, q, current, next, configurationDeleted, d.Origin); err != nil {
				return err
			}
			refused = d.Decide(current, holds)
			return refused
		})
		switch {
		case err == nil:
			return next, nil
		case refused != nil:
			return collection.Stored{}, refused
		case !errors.Is(err, errOvertaken) && !overtaken(err):
			return collection.Stored{}, err
		}
	}
	return collection.Stored{}, contended(errOvertaken)
}

// advance replaces current by next, with its revision and its configuration change, unless it is no longer what it was.
func advance(ctx context.Context, q *sqlcgen.Queries, current, next collection.Stored, op string, by change.Origin) error {
	n, err := q.UpdateCollection(ctx, sqlcgen.UpdateCollectionParams{
		CollectionID: current.ID, Revision: current.Revision, State: string(rune(next.State)), At: next.UpdatedAt, Configuration: string(next.Configuration),
	})
	if err != nil {
		return err
	}
	if n == 0 {
		return errOvertaken
	}
	return record(ctx, q, next, op, by)
}

// record appends a revision and a configuration change.
func record(ctx context.Context, q *sqlcgen.Queries, c collection.Stored, op string, by change.Origin) error {
	err := q.InsertCollectionRevision(ctx, sqlcgen.InsertCollectionRevisionParams{CollectionID: c.ID, Actor: by.Actor, RequestID: by.RequestID})
	if err != nil {
		return err
	}
	return q.AppendConfigurationChange(ctx, sqlcgen.AppendConfigurationChangeParams{
		CollectionID: c.ID, Op: op, At: c.UpdatedAt, Actor: by.Actor, RequestID: by.RequestID,
	})
}

// inTransaction runs do in a transaction and commits it. Errors that do returns as its own pass unchanged; those of the database are classified.
func (s *Store) inTransaction(ctx context.Context, what string, do func(*sqlcgen.Queries) error) error {
	return s.transact(ctx, what, func(_ pgx.Tx, q *sqlcgen.Queries) error { return do(q) })
}

// transact is inTransaction for what reads row by row.
func (s *Store) transact(ctx context.Context, what string, do func(pgx.Tx, *sqlcgen.Queries) error) error {
	tx, err := s.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.ReadCommitted})
	if err != nil {
		return failed(ctx, err, what)
	}
	// It does nothing after a commit, and runs also when a caller's function panics in do. The connection is closed when even this fails, and the transaction with it.
	defer func() { _ = tx.Rollback(context.WithoutCancel(ctx)) }()
	if err := do(tx, s.queries.WithTx(tx)); err != nil {
		if errors.Is(err, errOvertaken) || overtaken(err) || fault.Find(err) != nil || !fromDriver(ctx, err) {
			return err
		}
		return failed(ctx, err, what)
	}
	if err := tx.Commit(ctx); err != nil {
		if undone(err) || ctx.Err() != nil {
			return failed(ctx, err, what)
		}
		return unknown(err)
	}
	return nil
}

// fromDriver tells an error of the database from one of the code that uses it.
func fromDriver(ctx context.Context, err error) bool {
	return serverError(err) != nil || lost(err) || ctx.Err() != nil
}
