package app

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sheafdb/sheaf/domain/bulk"
	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/operation"
	"github.com/sheafdb/sheaf/domain/query"
	"github.com/sheafdb/sheaf/domain/receipt"
	"github.com/sheafdb/sheaf/domain/search"
	"github.com/sheafdb/sheaf/ports"
)

// bulkRun is a change of many documents on its way, for one version of their collection.
type bulkRun struct {
	collection *collection.Collection
	mode       bulk.Mode
	at         time.Time
	origin     change.Origin
	// decide says what becomes of a document, and whether it is one of those that are meant.
	decide func(id ident.Document, current *document.Document) (next document.Next, matches bool, err error)
}

func newBulkRun(c *collection.Collection, ch *bulk.Change, mode bulk.Mode, at time.Time, by change.Origin) *bulkRun {
	return &bulkRun{collection: c, mode: mode, at: at, origin: by, decide: func(_ ident.Document, current *document.Document) (document.Next, bool, error) {
		return ch.Decide(current, at)
	}}
}

// listingOf is a list of the documents that a filter matches at an instant, in the order of their ids.
func listingOf(c *collection.Collection, filter *query.Expr, at time.Time) *listing {
	q := search.Query{Filter: filter}
	return &listing{prepared: &prepared{query: q, plans: search.Plans(q, c.ReadyIndexes())}, collection: c, living: c.Living(at)}
}

// bulkItem is one document on its way. Its Change leaves here what it decided last.
type bulkItem struct {
	id ident.Document
	// matches says that the document is one of those that are meant, err why it cannot be changed.
	matches bool
	err     error
	// refused says that the store refused the document: it is not sent again.
	refused bool
	outcome document.Outcome
}

func (run *bulkRun) items(documents []document.Document) []*bulkItem {
	items := make([]*bulkItem, len(documents))
	for i, d := range documents {
		items[i] = &bulkItem{id: d.ID}
	}
	return items
}

// writes returns the writes of the items that the store did not refuse.
// In strict mode the last one ends the transaction where a document cannot be changed: it alone knows how all were decided.
func (run *bulkRun) writes(items []*bulkItem) []document.Write {
	var writes []document.Write
	for _, item := range sentOf(items) {
		writes = append(writes, document.Write{
			Collection: run.collection.Version(), Indexes: run.collection.Maintained, ID: item.id,
			Change: func(current *document.Document) (next document.Next, err error) {
				next, item.matches, item.err = run.decide(item.id, current)
				if item.err != nil {
					if fault.KindOf(item.err) == fault.Internal {
						return document.Next{}, item.err
					}
					return document.Keep(), nil
				}
				return next, nil
			},
		})
	}
	if run.mode != bulk.Strict || len(writes) == 0 {
		return writes
	}
	last := writes[len(writes)-1].Change
	writes[len(writes)-1].Change = func(current *document.Document) (document.Next, error) {
		next, err := last(current)
		if err == nil && anyFailed(items) {
			return document.Next{}, errNotStored
		}
		return next, err
	}
	return writes
}

func anyFailed(items []*bulkItem) bool {
	for _, item := range items {
		if item.err != nil {
			return true
		}
	}
	return false
}

// store writes the items in one transaction. In strict mode it writes nothing where one of them fails, which is then to be seen in the items.
// It fails with what the store fails with.
func (run *bulkRun) store(ctx context.Context, store ports.DocumentWriter, items []*bulkItem, kept *receipt.Pending[[]document.Result]) error {
	return run.send(ctx, store, items, document.Batch{Receipt: kept})
}

// step is store with the step of an operation. One that has begun is finished: nobody knows otherwise how far the operation has come.
func (run *bulkRun) step(ctx context.Context, store ports.DocumentWriter, items []*bulkItem, settle func([]document.Result) (operation.Step, error)) error {
	return run.send(context.WithoutCancel(ctx), store, items, document.Batch{Step: settle})
}

func (run *bulkRun) send(ctx context.Context, store ports.DocumentWriter, items []*bulkItem, batch document.Batch) error {
	batch.Origin, batch.At, batch.Writes = run.origin, run.at, run.writes(items)
	results, err := store.Write(ctx, batch)
	switch {
	case errors.Is(err, errNotStored):
		return nil
	case err != nil:
		return err
	}
	run.settle(items, results)
	return nil
}

// settle tells the items that were sent what became of them.
func (run *bulkRun) settle(items []*bulkItem, results []document.Result) {
	sent := sentOf(items)
	for i, r := range results {
		sent[i].outcome = r.Outcome
	}
}

// sentOf are the items that the store did not refuse.
func sentOf(items []*bulkItem) []*bulkItem {
	return slices.DeleteFunc(slices.Clone(items), func(item *bulkItem) bool { return item.refused })
}

// blame finds the items that a failure of the store is about, and says whether there are any. It is called with the items that were sent.
func (run *bulkRun) blame(err error, items []*bulkItem) bool {
	if faults := document.Faults(err); faults != nil {
		sent := sentOf(items)
		for i, f := range faults {
			sent[i].refuse(f)
		}
		return true
	}
	var one *itemError
	switch {
	case errors.As(err, &one):
		one.item.refuse(one.why)
	case aboutDocument(err) && len(items) == 1:
		items[0].refuse(err)
	default:
		return false
	}
	return true
}

// refuse leaves the item out of what is sent.
func (item *bulkItem) refuse(why error) { item.refused, item.matches, item.err = true, true, why }

// itemError says that one item is to be left out, and the others tried again.
type itemError struct {
	item *bulkItem
	why  error
}

// Error returns why the item is left out.
func (e *itemError) Error() string { return e.why.Error() }

// endError is a fault of a whole operation, and of none of its documents.
type endError struct{ error }

// Unwrap returns the fault.
func (e endError) Unwrap() error { return e.error }

// aboutDocument says whether an error of the store is the fault of a document, and not of the store, the collection or the operation.
func aboutDocument(err error) bool {
	if errors.Is(err, operation.ErrLost) || errors.As(err, new(endError)) {
		return false
	}
	switch fault.KindOf(err) {
	case fault.Invalid, fault.Conflict, fault.TooLarge, fault.Stale:
		return true
	}
	return false
}

// eachGood writes the items, in as many parts as it takes to find those that cannot be written: the others are written. The parts follow one another as the items do.
func (run *bulkRun) eachGood(items []*bulkItem, write func(part []*bulkItem) error) error {
	for {
		err := write(items)
		switch {
		case err == nil:
			return nil
		case run.blame(err, items): // each time there is at least one less
			continue
		case !aboutDocument(err) || len(items) < 2:
			return err
		}
		half := len(items) / 2
		if err := run.eachGood(items[:half], write); err != nil {
			return err
		}
		items = items[half:]
	}
}

// reportOf sums up what became of items.
func reportOf(items []*bulkItem) BulkReport {
	var r BulkReport
	for _, item := range items {
		switch {
		case !item.matches:
			continue
		case item.err != nil:
			r.Failed++
			if len(r.Failures) < fault.MaxViolations {
				r.Failures = append(r.Failures, operation.FailureOf(item.id, item.err))
			}
		case item.outcome == document.Unchanged:
			r.Unchanged++
		default:
			r.Changed++
		}
		r.Judged++
	}
	r.Matched.Value, r.Matched.Kind = r.Judged, "exact"
	return r
}

// rehearse says what would become of documents as they are, and shows some of them.
func (run *bulkRun) rehearse(documents []document.Document) BulkReport {
	items := run.items(documents)
	var samples []BulkSample
	bytes := 0
	for i, d := range documents {
		item := items[i]
		sample := BulkSample{Document: d}
		t, err := document.Decide(document.Write{
			Collection: run.collection.Version(), ID: d.ID, Change: func(current *document.Document) (next document.Next, err error) {
				next, item.matches, err = run.decide(d.ID, current)
				return next, err
			},
		}, &d, d.Revision, run.at)
		switch item.err = err; {
		case err != nil:
			sample.Failed = true
		case t.Outcome != document.Deleted:
			sample.Document = t.Document
		}
		sample.Document.Data = run.collection.Shown(sample.Document.Data, nil)
		item.outcome, sample.Outcome = t.Outcome, t.Outcome
		if item.matches && len(samples) < sampleDocuments && bytes+len(sample.Document.Data) <= sampleBytes {
			samples, bytes = append(samples, sample), bytes+len(sample.Document.Data)
		}
	}
	report := reportOf(items)
	report.Samples = samples
	return report
}
