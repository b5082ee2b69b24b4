package app

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/receipt"
	"github.com/sheafdb/sheaf/domain/transaction"
)

// RunTransaction is a request to change several documents at once.
type RunTransaction struct {
	Body         []byte // JSON as it came
	ValidateOnly bool
	// Receipt is what Caller.Receipt is for other requests; nil where there is none.
	Receipt *receipt.Pending[[]OperationResult]
}

// OperationResult is what one operation of a transaction did.
type OperationResult struct {
	transaction.Operation
	document.Result
}

// Transact does every operation of a transaction, in their order, or none. A later one sees what an earlier one made of its document.
// All faults that can be found are reported at once, each with a pointer to its operation; the first one decides the kind, as if its operation had been asked for by itself.
// It fails with what transaction.Parse fails with, and with what Create, Put, Patch and Delete fail with.
func (d *Documents) Transact(ctx context.Context, by Caller, r RunTransaction) ([]OperationResult, error) {
	list, err := transaction.Parse(r.Body, transaction.Limits{Operations: d.Limits.Operations, Depth: d.Limits.Document.Depth})
	if err != nil {
		return nil, err
	}
	run := &transactionRun{documents: d, operations: list, made: make([]ident.Document, len(list))}
	batch := document.Batch{Origin: by.origin(), At: d.Clock(), DryRun: r.ValidateOnly, Receipt: receipt.Of(r.Receipt, run.shown)}
	for range judgements {
		if err := run.prepare(ctx, &batch); err != nil {
			return nil, err
		}
		results, err := d.Store.Write(ctx, batch)
		switch {
		case errors.Is(err, collection.ErrChanged):
			for _, o := range list {
				d.Catalog.Forget(o.Collection)
			}
			continue
		case err != nil:
			return nil, run.explained(ctx, err)
		}
		run.mark(ctx, results)
		return run.shown(results), nil
	}
	return nil, collection.ErrChanged
}

// transactionRun is one transaction on its way.
type transactionRun struct {
	documents  *Documents
	operations []transaction.Operation
	// made are ids that the server makes, kept when the transaction is judged again.
	made []ident.Document

	// The fields below are of one judgement. collections and ids are those of the operations, writes what they mean.
	collections []*collection.Collection
	ids         []ident.Document
	writes      []document.Write

	// The fields below are of one decision inside the write, which may be made more than once.
	results  []document.Result
	failures operationFailures
	// trees are results as values are taken from them, made when the first one is; taken is how many bytes were.
	trees map[int]any
	taken int
}

// prepare makes the writes of the batch.
// It fails where an operation cannot be meant, whatever is stored.
func (run *transactionRun) prepare(ctx context.Context, batch *document.Batch) error {
	n := len(run.operations)
	run.collections, run.ids, run.writes = make([]*collection.Collection, n), make([]ident.Document, n), make([]document.Write, n)
	run.results, run.trees, run.taken = make([]document.Result, n), map[int]any{}, 0
	var failures operationFailures
	for i := range run.operations {
		w, err := run.judge(ctx, i, batch)
		if err != nil && fault.KindOf(err) == fault.Internal || fault.KindOf(err) == fault.Unavailable && err != nil {
			return err
		}
		if err != nil {
			failures.add(i, run.operations[i], err)
			continue
		}
		w.Collection, w.Indexes, w.Decided = run.collections[i].Version(), run.collections[i].Maintained, func(t document.Transition) { run.decided(i, t) }
		run.writes[i] = w
	}
	if len(failures) > 0 {
		return failures.error()
	}
	batch.Writes = slices.Clone(run.writes)
	for i := range batch.Writes {
		batch.Writes[i].Change = run.watched(i)
	}
	return nil
}

// watched is the change of an operation which, where it fails, lets the others go on to find their faults; the last one fails for all.
func (run *transactionRun) watched(i int) document.Change {
	do := run.writes[i].Change
	return func(current *document.Document) (document.Next, error) {
		if i == 0 {
			run.failures, run.trees, run.taken = nil, map[int]any{}, 0
		}
		next := document.Keep()
		if !run.failures.hinder(run, i) {
			var err error
			run.results[i] = document.Result{}
			if current != nil {
				run.results[i].Document = *current
			}
			if next, err = do(current); err != nil {
				if fault.KindOf(err) == fault.Internal {
					return document.Next{}, err
				}
				run.failures.add(i, run.operations[i], err)
				next = document.Keep()
			}
		}
		if i == len(run.writes)-1 && len(run.failures) > 0 {
			return document.Next{}, run.failures.error()
		}
		return next, nil
	}
}

// decided takes over what an operation does, for those that come after it.
func (run *transactionRun) decided(i int, t document.Transition) {
	if t.Outcome == document.Deleted {
		t.Document = run.results[i].Document // as it was before
	}
	run.results[i] = document.Result(t)
}

// mark gives results without a change a place in the feed at which the document was what they say.
func (run *transactionRun) mark(ctx context.Context, results []document.Result) {
	known := map[int32]change.Mark{}
	for i, r := range results[:len(run.collections)] {
		if r.Mark == (change.Mark{}) {
			c := run.collections[i]
			if _, found := known[c.Bucket]; !found {
				known[c.Bucket] = mark(ctx, run.documents.Store, c)
			}
			results[i].Mark = known[c.Bucket]
		}
	}
}

func (run *transactionRun) shown(results []document.Result) []OperationResult {
	list := make([]OperationResult, len(run.operations))
	for i, o := range run.operations {
		o.ID = run.ids[i]
		list[i] = OperationResult{o, shown(run.collections[i], results[i])}
	}
	return list
}

// explained adds to an error of the store which operations it is about.
func (run *transactionRun) explained(ctx context.Context, err error) error {
	var failed *TransactionError
	faults := document.Faults(err)
	switch {
	case errors.As(err, &failed):
		w := run.writes[failed.First]
		w.Decided = nil
		failed.Cause = run.documents.diverged(ctx, run.collections[failed.First], w, failed.Cause)
		return failed
	case faults != nil:
		var failures operationFailures
		for _, i := range slices.Sorted(maps.Keys(faults)) {
			failures.add(i, run.operations[i], faults[i])
		}
		return failures.error()
	case fault.KindOf(err) == fault.Invalid:
		var failures operationFailures
		for i, w := range run.writes {
			if _, refused := w.Indexes.Entries(run.results[i].Document.Indexable()); refused != nil && run.results[i].Document.Data != nil {
				failures.add(i, run.operations[i], refused)
			}
		}
		if len(failures) > 0 {
			return failures.error()
		}
	}
	return err
}
