package postgres

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/sheafdb/sheaf/adapters/postgres/sqlcgen"
	"github.com/sheafdb/sheaf/domain/change"
)

// Bounds of one statement, in elements and in bytes of data. The server holds a statement's arguments in memory several times.
const (
	chunkRows  = 1000
	chunkBytes = 4 << 20
)

// apply writes what was decided and commits. It fails with errUnknown when the connection broke while the commit was on its way.
func (t *transaction) apply(ctx context.Context, p *plan, related relations, how trial) error {
	var settled settlements
	if !p.dryRun() {
		settled = settlementsOf(p.units)
	}
	if len(p.changes) == 0 && p.step() == nil {
		return t.settle(ctx, settled)
	}
	r := rowsOf(p)
	entries, kept := entryRowsOf(p), p.kept()
	if p.step() != nil || p.dryRun() || len(kept) > 0 || len(related.targets) > chunkRows || len(r.id) > chunkRows || p.bytes > chunkBytes || entries.size() > chunkRows || textBytes(entries.texts) > chunkBytes {
		return settled.blame(t.applyInSteps(ctx, p, r, entries, related, kept, settled))
	}
	if related.empty() && len(entries.unique) == 0 && len(entries.texts) == 0 {
		w := r.write(entries)
		w.Contested = how.contested
		bases, err := t.commit(ctx, settled, sqlcgen.Write,
			w.Buckets, w.Collections, w.Ids, w.Bases, w.Revisions, w.SchemaRevisions, w.Ops, w.Created, w.Ats, w.Expires, w.Datas, w.LockOrder, w.Inserts, w.Contested,
			w.GoneBuckets, w.GoneIndexes, w.GoneKeys, w.GoneIds, w.EntryBuckets, w.EntryIndexes, w.EntryKeys, w.EntryIds,
			w.Ordinals, w.Actors, w.RequestIds, w.TakenBuckets, w.TakenCounts, w.CheckedCollections, w.CheckedRevisions)
		return settled.blame(p.take(r, bases, err))
	}
	e := r.writeWithEntries(entries, related)
	bases, err := t.commit(ctx, settled, sqlcgen.WriteWithEntries,
		e.Buckets, e.Collections, e.Ids, e.Bases, e.Revisions, e.SchemaRevisions, e.Ops, e.Created, e.Ats, e.Expires, e.Datas, e.LockOrder, e.Inserts,
		e.GoneBuckets, e.GoneIndexes, e.GoneKeys, e.GoneIds, e.EntryBuckets, e.EntryIndexes, e.EntryKeys, e.EntryIds,
		e.TextBuckets, e.TextIndexes, e.TextIds, e.TextGone, e.Languages, e.A, e.B, e.C, e.D,
		e.UniqueBuckets, e.UniqueIndexes, e.UniqueKeys, e.UniqueCollections, e.UniqueIds, e.UniqueGone,
		e.LockedBuckets, e.LockedCollections, e.LockedIds, e.LockedRemoved, e.TargetNames, e.TargetIds, e.TargetAts,
		e.RemovedBuckets, e.RemovedCollections, e.RemovedIds, e.RemovedExpired,
		e.Ordinals, e.Actors, e.RequestIds, e.TakenBuckets, e.TakenCounts, e.CheckedCollections, e.CheckedRevisions)
	return settled.blame(p.blameRelations(p.blame(p.take(r, bases, err), entries.unique), related))
}

// settle ends a transaction that changes no document: only its receipts are written.
func (t *transaction) settle(ctx context.Context, settled settlements) error {
	t.rollback(ctx)
	if len(settled) == 0 {
		return nil
	}
	return settled.blame(t.committed(t.queries.SettleReceipts(ctx, settled.params())))
}

// take tells the results of a write that committed where their changes are: bases are what the buckets were at before. It returns err.
func (p *plan) take(r *rows, bases []int64, err error) error {
	if err != nil {
		return err
	}
	for i := range p.changes {
		c := &p.changes[i]
		at, _ := slices.BinarySearch(r.buckets, r.bucket[i])
		c.unit.results[c.write].Mark = change.Mark{Bucket: r.bucket[i], Position: change.Position(bases[at] + r.ordinal[i])}
	}
	return nil
}

// commit writes by one statement and commits, in one round trip. It returns what the buckets were at before.
func (t *transaction) commit(ctx context.Context, settled settlements, sql string, args ...any) (bases []int64, err error) {
	if !t.open && len(settled) == 0 {
		// A statement by itself is a transaction, and commits before it is answered.
		err = t.conn.QueryRow(ctx, sql, args...).Scan(&bases)
		return bases, t.committed(err)
	}
	b := &pgx.Batch{}
	if !t.open {
		t.open = true
		b.Queue(beginTransaction)
	}
	settled.queue(b)
	b.Queue(sql, args...).QueryRow(func(row pgx.Row) error { return row.Scan(&bases) })
	b.Queue(`COMMIT`)
	err = t.committed(t.conn.SendBatch(ctx, b).Close())
	t.open = err != nil
	return bases, err
}

// committed marks an error of a statement that was to commit, unless it is certain that it did not.
func (*transaction) committed(err error) error {
	if err == nil || undone(err) {
		return err
	}
	return errors.Join(errUnknown, err)
}

// applyInSteps does the same with a statement for each part: for batches that are too large for one, for those that rely on documents which they do not change, and for the steps
// of operations.
func (t *transaction) applyInSteps(ctx context.Context, p *plan, r *rows, entries entryRows, related relations, kept []int, settled settlements) error {
	if err := t.begin(ctx); err != nil {
		return err
	}
	if len(settled) > 0 {
		if err := t.queries.SettleReceipts(ctx, settled.params()); err != nil {
			return err
		}
	}
	var bases []int64
	if len(r.id) > 0 { // a step may come without
		var err error
		if bases, err = t.applyChanges(ctx, p, r, entries, related, kept); err != nil {
			return err
		}
	}
	if p.dryRun() {
		t.rollback(ctx)
		return nil
	}
	if step := p.step(); step != nil {
		if err := takeStep(ctx, t.queries, *step); err != nil {
			return err
		}
	}
	_, err := t.conn.Exec(ctx, `COMMIT`)
	err = t.committed(p.take(r, bases, err))
	t.open = err != nil
	return err
}

// applyChanges returns what the buckets were at before.
func (t *transaction) applyChanges(ctx context.Context, p *plan, r *rows, entries entryRows, related relations, kept []int) (bases []int64, err error) {
	if len(related.targets) > 0 {
		if err := t.queries.LockDocuments(ctx, r.locks(related.targets)); err != nil {
			return nil, err
		}
	}
	inserts, others := r.documents()
	for _, chunk := range r.chunks(inserts) {
		if err := t.queries.WriteDocuments(ctx, r.writeDocuments(chunk, true)); err != nil {
			return nil, err
		}
	}
	for _, chunk := range r.chunks(others) {
		if err := t.queries.WriteDocuments(ctx, r.writeDocuments(chunk, false)); err != nil {
			return nil, err
		}
	}
	if err := t.applyEntries(ctx, p, entries); err != nil {
		return nil, err
	}
	if err := t.checkRelations(ctx, p, related); err != nil {
		return nil, err
	}
	bases, err = t.queries.TakePositions(ctx, sqlcgen.TakePositionsParams{
		TakenBuckets: r.buckets, TakenCounts: r.counts, CheckedCollections: r.checkedCollection, CheckedRevisions: r.checkedRevision,
	})
	if err != nil {
		return nil, err
	}
	if len(kept) > 0 {
		if err := t.queries.CheckDocuments(ctx, p.expected(kept)); err != nil {
			return nil, err
		}
	}
	all := make([]int, len(r.id))
	for i := range all {
		all[i] = i
	}
	for _, chunk := range r.chunks(all) {
		if err := t.queries.AppendChanges(ctx, r.appendChanges(chunk, bases)); err != nil {
			return nil, err
		}
	}
	return bases, nil
}

func (t *transaction) applyEntries(ctx context.Context, p *plan, r entryRows) error {
	for _, chunk := range chunksOf(r.gone) {
		if err := t.queries.WriteEntries(ctx, writeEntries(chunk, nil)); err != nil {
			return err
		}
	}
	for _, chunk := range chunksOf(r.come) {
		if err := t.queries.WriteEntries(ctx, writeEntries(nil, chunk)); err != nil {
			return err
		}
	}
	for _, chunk := range textChunks(r.texts) {
		if err := t.queries.WriteTexts(ctx, writeTexts(chunk)); err != nil {
			return err
		}
	}
	for _, chunk := range chunksOf(r.unique) {
		if err := t.queries.WriteUnique(ctx, writeUnique(chunk)); err != nil {
			return p.blame(err, chunk)
		}
	}
	return nil
}

func (p *plan) expected(slots []int) sqlcgen.CheckDocumentsParams {
	var arg sqlcgen.CheckDocumentsParams
	for _, at := range slots {
		s := &p.slots[at]
		arg.Buckets, arg.Collections = append(arg.Buckets, s.Bucket), append(arg.Collections, s.ID)
		arg.Ids, arg.Revisions = append(arg.Ids, s.id), append(arg.Revisions, s.base)
	}
	return arg
}
