package postgres

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/sheafdb/sheaf/adapters/postgres/sqlcgen"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
)

const (
	// transactionTries bounds how often a transaction begins again because somebody was faster. From the second try on its documents are
	// locked, so that only creations and deletions of the same ids can still come between.
	transactionTries = 20
	// waitFrom is the try before which there is a pause.
	waitFrom = 3
	// waitAtMost bounds a pause: the transactions that are in the way take some milliseconds.
	waitAtMost = 50 * time.Millisecond
)

// errUnread says that the decision has to be made again, on what is stored.
var errUnread = errors.New("the collection has to be read")

// commit writes the units, in as many transactions as it takes, and leaves in each its results or its error. It returns when all are done.
func (w *writer) commit(units []*unit) {
	for len(units) > 0 {
		n, err := w.try(units)
		first := units[:n]
		units = units[n:]
		var refused *refusal
		switch {
		case errors.As(err, &refused):
			w.commitWithout(refused, first)
		case n > 1 && divisible(err):
			// One of them is to blame, and the others must not suffer for it.
			for i := range first {
				w.commit(first[i : i+1])
			}
		default:
			again := swayed(first)
			for _, u := range first {
				if u.err == nil {
					u.err = err
				}
			}
			w.commit(again)
		}
	}
}

// commitWithout writes the units that were not refused, and then the others: what they were refused for may have been one of the former, and is only true when that is stored.
func (w *writer) commitWithout(refused *refusal, units []*unit) {
	var others, again []*unit
	for _, u := range units {
		if refused.of[u] == nil {
			others = append(others, u)
		} else {
			again = append(again, u)
		}
	}
	if len(others) == 0 {
		for u, err := range refused.of {
			u.err = err
		}
		return
	}
	w.commit(others)
	w.commit(again)
}

// swayed returns the units that refused because of what others before them in the transaction did. That may not have been committed, or not together with all else that they saw:
// they decide again, on what is stored. There are fewer of them each time, because a unit that does something is none of them.
func swayed(units []*unit) (list []*unit) {
	for _, u := range units {
		if u.err != nil && u.swayed {
			list = append(list, u)
		}
	}
	return list
}

// divisible says whether an error of several units may be the fault of one of them. A server that is slow or away is not.
func divisible(err error) bool {
	return serverError(err) != nil && fault.KindOf(err) == fault.Internal
}

// try commits as many of the units as fit into a transaction, at least one, and returns how many that were. Units that refuse to be written have their own errors then.
func (w *writer) try(units []*unit) (int, error) {
	var how trial
	reconnected := false
	for attempt := 0; ; attempt++ {
		ctx, cancel := context.WithTimeout(context.Background(), w.deadline(units))
		how.locked = attempt > 0
		n, err := w.attempt(ctx, units, &how)
		what := failedWrite(ctx, err)
		cancel()
		switch {
		case err == nil:
			return n, nil
		case errors.Is(err, errUnread):
		case !how.everything && errors.As(err, new(*refusal)):
			// Whether an index is still there is known when the collection was read.
		case overtaken(err):
			w.retries.Add(1)
			how.contested = how.contested || violates(err, constraintEntry)
			if attempt >= transactionTries {
				return n, contended(what)
			}
			if attempt >= waitFrom {
				time.Sleep(rand.N(min(time.Millisecond<<attempt, waitAtMost)))
			}
		case !reconnected && lost(err) && !errors.Is(err, errUnknown):
			// The connection was dead before anything was written: others of the pool are, too.
			reconnected = true
			w.store.pool.Reset()
		default:
			return n, what
		}
		how.everything = true
	}
}

// trial is how an attempt is made.
type trial struct {
	// everything is read, and what is read is locked.
	everything, locked bool
	// contested says that entries of documents may be there already, because somebody who builds an index adds them.
	contested bool
	// targets are those that the attempt before found: they are locked together with what is read, because whoever locks a part later may stand in another's way.
	targets []target
}

// errUnknown marks an error after which nobody knows whether the transaction is committed.
var errUnknown = errors.New("outcome unknown")

func failedWrite(ctx context.Context, err error) error {
	if errors.Is(err, errUnknown) {
		return unknown(err)
	}
	// The context is the writer's own: its end is the database's delay.
	return failed(context.WithoutCancel(ctx), err, "write documents")
}

// deadline bounds one attempt: the server bounds each statement, and this is for one that is no longer there.
func (w *writer) deadline(units []*unit) time.Duration {
	writes := 0
	for _, u := range units {
		writes += len(u.batch.Writes)
	}
	return w.store.timeout * time.Duration(2+writes/chunkRows)
}

// attempt reads, decides and writes once.
func (w *writer) attempt(ctx context.Context, units []*unit, how *trial) (int, error) {
	p := newPlan(units, how.everything)
	reading := p.toRead()
	conn, err := w.store.pool.Acquire(ctx)
	if err != nil {
		return len(units), err
	}
	defer conn.Release()
	t := transaction{conn: conn, queries: sqlcgen.New(conn)}
	if len(reading) > 0 {
		if err := t.read(ctx, p, reading, *how); err != nil {
			t.rollback(ctx)
			return len(units), err
		}
	}
	n := p.decide()
	p.units = units[:n]
	if p.unread() {
		t.rollback(ctx)
		return n, errUnread
	}
	related := relationsOf(p)
	how.targets = related.targets
	if err := t.apply(ctx, p, related, *how); err != nil {
		t.rollback(ctx)
		return n, err
	}
	w.transactions.Add(1)
	w.batches.Add(int64(n))
	return n, nil
}

// transaction is one attempt on one connection.
type transaction struct {
	conn    *pgxpool.Conn
	queries *sqlcgen.Queries
	open    bool
}

// begin opens a transaction block.
func (t *transaction) begin(ctx context.Context) error {
	if t.open {
		return nil
	}
	t.open = true
	_, err := t.conn.Exec(ctx, beginTransaction)
	return err
}

// beginTransaction names the isolation because the database's default is anybody's: the check of the collections needs a new snapshot for each statement.
const beginTransaction = `BEGIN ISOLATION LEVEL READ COMMITTED`

// rollback ends what begin opened; a connection on which even that fails is closed by the pool.
func (t *transaction) rollback(ctx context.Context) {
	if !t.open || t.conn.Conn().IsClosed() {
		return
	}
	t.open = false
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_, _ = t.conn.Exec(ctx, `ROLLBACK`) // see above
}

// read fills the slots with what is stored, in one round trip for each chunkRows of them. When locked, they stay so until the transaction ends.
func (t *transaction) read(ctx context.Context, p *plan, slots []int, how trial) error {
	for len(slots) > 0 {
		n := min(len(slots), chunkRows)
		if err := t.readChunk(ctx, p, slots[:n], how); err != nil {
			return err
		}
		slots, how.targets = slots[n:], nil
	}
	return nil
}

func (t *transaction) readChunk(ctx context.Context, p *plan, slots []int, how trial) error {
	n := len(slots)
	buckets, collections, ids := make([]int32, n), make([]int32, n), make([]string, n)
	for i, at := range slots {
		s := &p.slots[at]
		buckets[i], collections[i], ids[i] = s.Bucket, s.ID, s.id
	}
	if !how.locked {
		found, err := t.queries.ReadForWrite(ctx, sqlcgen.ReadForWriteParams{Buckets: buckets, Collections: collections, Ids: ids})
		if err != nil {
			return err
		}
		return p.fill(slots, found)
	}
	b := &pgx.Batch{}
	if !t.open {
		t.open = true
		b.Queue(beginTransaction)
	}
	places := make([]place, n)
	for i, at := range slots {
		places[i] = p.slots[at].place
	}
	l := lockColumns(places, func(int) bool { return true }, how.targets) // what becomes of them is not known yet
	b.Queue(sqlcgen.LockDocuments, l.LockedBuckets, l.LockedCollections, l.LockedIds, l.LockedRemoved, l.TargetNames, l.TargetIds)
	// The lock waits for others, and what they did is seen by the next statement only.
	b.Queue(sqlcgen.ReadForWrite, buckets, collections, ids).Query(func(rows pgx.Rows) error {
		found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[sqlcgen.ReadForWriteRow])
		if err != nil {
			return err
		}
		return p.fill(slots, found)
	})
	return t.conn.SendBatch(ctx, b).Close()
}

// fill takes over what was read.
func (p *plan) fill(slots []int, found []sqlcgen.ReadForWriteRow) error {
	if len(found) != len(slots) {
		return fmt.Errorf("read %d of %d documents", len(found), len(slots))
	}
	for i := range found {
		row := &found[i]
		s := &p.slots[slots[row.Ordinal-1]]
		s.active, s.base, s.last = row.Active, row.Revision, max(row.Last, row.Revision)
		if row.Revision == 0 {
			continue
		}
		id, err := ident.ParseDocument(s.id)
		if err != nil {
			return fmt.Errorf("a stored document cannot be read: %w", err)
		}
		s.current = &document.Document{
			ID: id, Revision: row.Revision, SchemaRevision: row.SchemaRevision, CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt, Data: row.Data,
		}
	}
	return nil
}
