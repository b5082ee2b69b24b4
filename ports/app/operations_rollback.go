package app

import (
	"context"
	"strconv"

	"github.com/sheafdb/sheaf/domain/bulk"
	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/operation"
	"github.com/sheafdb/sheaf/ports"
)

// rollbackJob takes back the changes of an operation, in their order. What became of a document since stays: it is told as a failure. Its cursor is the position of a change.
type rollbackJob struct {
	*work
	request    rollback
	collection *collection.Collection
}

func (w *work) rollbackOf(c *collection.Collection) (func(context.Context) error, error) {
	request, err := parseRollback(w.operation.Request)
	if err != nil {
		return nil, err
	}
	return (&rollbackJob{work: w, request: request, collection: c}).step, nil
}

func (j *rollbackJob) step(ctx context.Context) error {
	if j.operation.Phase == operation.Checking {
		return j.begin(ctx)
	}
	after, err := strconv.ParseInt(j.operation.Cursor, 10, 64)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "internal", "the cursor of a rollback cannot be read")
	}
	page, more, err := j.Store.ListReversals(ctx, j.operation.Key, ports.ReversalRange{
		RequestID: requestIDOf(j.request.Of), After: change.Position(after), Last: j.request.Last, Limit: stepDocuments, Bytes: stepBytes,
	})
	if err != nil {
		return err
	}
	made := make(map[ident.Document]ports.Reversal, len(page))
	var items []*bulkItem
	for _, r := range page {
		made[r.DocumentID] = r
		items = append(items, &bulkItem{id: r.DocumentID})
	}
	run := &bulkRun{collection: j.collection, mode: bulk.Skip, at: j.Clock(), origin: originOf(j.operation)}
	run.decide = func(id ident.Document, current *document.Document) (document.Next, bool, error) {
		next, err := j.takeBack(run, made[id], current)
		return next, true, err
	}
	if err := j.apply(ctx, run, items, made, more); err != nil {
		return err
	}
	j.rest(ctx, run.at, len(items), j.Limits.OperationRate)
	return nil
}

// begin notes where the changes of the rollback begin.
func (j *rollbackJob) begin(ctx context.Context) error {
	first, err := j.Store.Position(ctx, j.operation.Key.Bucket)
	if err != nil {
		return err
	}
	next := j.next()
	next.Phase, next.First, next.Cursor = operation.Applying, first, strconv.FormatInt(int64(j.request.After), 10)
	if j.request.After == 0 { // that operation never came to write
		return j.advance(ctx, next.Succeed(j.Clock()))
	}
	return j.advance(ctx, next)
}

// takeBack makes a document what it was before a change. It is judged by the collection as it is now, like a restored revision.
func (j *rollbackJob) takeBack(run *bulkRun, made ports.Reversal, current *document.Document) (document.Next, error) {
	var revision int64
	if current != nil {
		revision = current.Revision
	}
	if deleted := made.Op == change.Deleted; deleted && current != nil || !deleted && revision != made.Revision {
		return document.Next{}, changedSince(made)
	}
	if !made.Known {
		return document.Next{}, document.NoRevision(made.DocumentID, made.Revision-1)
	}
	if made.Before == nil {
		return document.Remove(), nil
	}
	proposal, err := j.collection.Propose(collection.Submission{
		Way: collection.Returned, Data: made.Before, ID: made.DocumentID, Now: run.at, MaxBytes: j.Limits.Document.Bytes,
	})
	if err != nil {
		return document.Next{}, err
	}
	return document.Put(proposal.Admit, document.Precondition{})(current)
}

func changedSince(made ports.Reversal) error {
	return fault.New(fault.Conflict, "operation.changedSince", "the document was changed after revision %d", made.Revision)
}

// apply takes back the changes of a page.
func (j *rollbackJob) apply(ctx context.Context, run *bulkRun, items []*bulkItem, made map[ident.Document]ports.Reversal, more bool) error {
	left := len(items)
	return run.eachGood(items, func(part []*bulkItem) error {
		more := more || left > len(part)
		var next operation.Operation
		err := run.step(ctx, j.Store, part, func(results []document.Result) (operation.Step, error) {
			for i, item := range sentOf(part) {
				// Of a document that is gone only its next revision tells whether somebody made and deleted it again.
				if results[i].Outcome == document.Created && results[i].Document.Revision != made[item.id].Revision+1 {
					return operation.Step{}, &itemError{item, changedSince(made[item.id])}
				}
			}
			run.settle(part, results)
			report := reportOf(part)
			next = j.next()
			if len(part) > 0 {
				next.Cursor = strconv.FormatInt(int64(made[part[len(part)-1].id].Position), 10)
			}
			next.Progress.Done += report.Judged
			next.Progress.Changed += report.Changed
			next.Progress.Failed += report.Failed
			if !more {
				next = next.Succeed(j.Clock())
			}
			return operation.Step{Holder: j.operation.Holder, Next: next, Failures: failuresOf(part)}, nil
		})
		if err == nil {
			j.operation = next
			left -= len(part)
		}
		return err
	})
}
