package app

import (
	"context"
	"math"
	"slices"

	"github.com/sheafdb/sheaf/domain/bulk"
	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/operation"
	"github.com/sheafdb/sheaf/domain/query"
	"github.com/sheafdb/sheaf/domain/search"
	"github.com/sheafdb/sheaf/ports"
)

// bulkJob changes the documents that match, in the order of their ids.
//
// It goes through them twice. First it counts and, in strict mode, judges, so that nothing is written where there are too many documents or some cannot be changed. Then it
// writes, step by step. Documents that were created after the operation was asked for are not meant: there is an end, however fast they come.
type bulkJob struct {
	*work
	request bulk.Request
	change  *bulk.Change
	of      *collection.Collection
}

func (w *work) bulkOf(c *collection.Collection) (func(context.Context) error, error) {
	request, err := bulk.Parse(w.operation.Kind, w.operation.Request, math.MaxInt32)
	if err != nil {
		return nil, err
	}
	compiled, err := request.Compile(c, w.Limits.Document)
	if err != nil {
		return nil, err
	}
	job := &bulkJob{work: w, request: request, change: compiled, of: c}
	return job.step, nil
}

func (j *bulkJob) step(ctx context.Context) error {
	began := j.Clock()
	page, last, more, err := j.Documents.walk(ctx, listingOf(j.of, j.change.Filter, began), j.operation.Cursor, j.size())
	if err != nil {
		return err
	}
	run := newBulkRun(j.of, j.change, j.request.Mode, began, originOf(j.operation))
	decide := run.decide
	run.decide = func(id ident.Document, current *document.Document) (document.Next, bool, error) {
		if current != nil && current.CreatedAt.After(j.operation.CreatedAt) {
			return document.Keep(), false, nil
		}
		return decide(id, current)
	}
	if j.operation.Phase == operation.Checking {
		return j.check(ctx, run, page, last, more)
	}
	if err := j.apply(ctx, run, run.items(page), last, more); err != nil {
		return err
	}
	j.rest(ctx, began, len(page), j.rate())
	return nil
}

// originOf is what the changes of an operation record: who asked for it, and the operation as the request that made them.
func originOf(o operation.Operation) change.Origin {
	return change.Origin{Actor: o.Actor, RequestID: requestIDOf(o.ID)}
}

// rate is how many documents may be changed in a second, 0 for any number.
func (j *bulkJob) rate() int {
	rates := []int{j.request.PerSecond, j.Limits.OperationRate}
	rates = slices.DeleteFunc(rates, func(n int) bool { return n <= 0 })
	if len(rates) == 0 {
		return 0
	}
	return slices.Min(rates)
}

// size is how many documents a step takes: what may be changed in half a second, so that a slow operation is no burst of writes now and then.
func (j *bulkJob) size() int {
	if rate := j.rate(); rate > 0 && j.operation.Phase == operation.Applying {
		return max(1, min(rate/2, stepDocuments))
	}
	return stepDocuments
}

// check counts the documents of a page, and judges them where one that fails is the end of all.
func (j *bulkJob) check(ctx context.Context, run *bulkRun, page []document.Document, last string, more bool) error {
	next := j.next()
	next.Cursor = last
	var report BulkReport
	if j.request.Mode == bulk.Strict {
		report = run.rehearse(page)
	} else {
		for _, d := range page {
			if matches, err := j.change.Matches(d); err != nil {
				return err
			} else if matches && !d.CreatedAt.After(j.operation.CreatedAt) {
				report.Judged++
			}
		}
	}
	next.Progress.Done += report.Judged
	next.Progress.Failed += report.Failed
	switch {
	case j.request.MaxAffected > 0 && next.Progress.Done > j.request.MaxAffected:
		why := tooMany(query.Count{Value: next.Progress.Done, Kind: "atLeast"}, j.request.MaxAffected)
		return j.advance(ctx, next.Fail(operation.FaultOf(why), j.Clock()))
	case more:
		return j.advance(ctx, next, report.Failures...)
	case next.Progress.Failed > 0:
		why := fault.New(fault.Invalid, "bulk.failed", "%d of %d documents cannot be changed; nothing was changed", next.Progress.Failed, next.Progress.Done)
		return j.advance(ctx, next.Fail(operation.FaultOf(why), j.Clock()), report.Failures...)
	}
	first, err := j.Store.Position(ctx, j.operation.Key.Bucket)
	if err != nil {
		return err
	}
	next.Phase, next.Cursor, next.First = operation.Applying, "", first
	next.Progress = operation.Progress{Total: next.Progress.Done}
	return j.advance(ctx, next)
}

// apply changes the documents of a page.
func (j *bulkJob) apply(ctx context.Context, run *bulkRun, items []*bulkItem, last string, more bool) error {
	left := len(items)
	return run.eachGood(items, func(part []*bulkItem) error {
		// Parts follow one another: the last one brings the cursor to the end of the page.
		ends := last
		if left > len(part) {
			ends = part[len(part)-1].id.String()
		}
		err := j.commit(ctx, run, part, ends, more || left > len(part))
		if err == nil {
			left -= len(part)
		}
		return err
	})
}

// commit changes some documents together with the step of the operation.
func (j *bulkJob) commit(ctx context.Context, run *bulkRun, items []*bulkItem, cursor string, more bool) error {
	var next operation.Operation
	settle := func(results []document.Result) (operation.Step, error) {
		run.settle(items, results)
		report := reportOf(items)
		next = j.next()
		next.Cursor = cursor
		next.Progress.Done += report.Judged
		next.Progress.Changed += report.Changed
		next.Progress.Failed += report.Failed
		next.Progress.Total = max(next.Progress.Total, next.Progress.Done)
		failures := failuresOf(items)
		switch {
		case j.request.MaxAffected > 0 && next.Progress.Done > j.request.MaxAffected:
			return operation.Step{}, endError{tooMany(query.Count{Value: next.Progress.Done, Kind: "atLeast"}, j.request.MaxAffected)}
		case !more:
			next = next.Succeed(j.Clock())
		}
		return operation.Step{Holder: j.operation.Holder, Next: next, Failures: failures}, nil
	}
	if run.mode == bulk.Skip || !anyFailed(items) {
		if err := run.step(ctx, j.Store, items, settle); err != nil {
			return err
		}
	}
	if run.mode == bulk.Skip || !anyFailed(items) {
		j.operation = next
		return nil
	}
	// The check let these documents pass, and they changed since; or it is the store that refuses them.
	failures := failuresOf(items)
	next = j.next()
	next.Progress.Failed += int64(len(failures))
	why := fault.New(fault.Invalid, "bulk.failed", "a document cannot be changed; %d before it were, and can be rolled back", next.Progress.Changed)
	return j.advance(ctx, next.Fail(operation.FaultOf(why), j.Clock()), failures...)
}

// failuresOf are the failures of items.
func failuresOf(items []*bulkItem) []operation.Failure {
	var list []operation.Failure
	for _, item := range items {
		if item.matches && item.err != nil {
			list = append(list, operation.FailureOf(item.id, item.err))
		}
	}
	return list
}

// walk returns the next documents of a list that match, the id that it has come to, and whether there is more behind it. A stretch without matches ends, too.
func (d *Documents) walk(ctx context.Context, l *listing, after string, limit int) (page []document.Document, last string, more bool, err error) {
	plan, _, err := d.plan(ctx, l, true)
	if err != nil {
		return nil, "", false, err
	}
	if plan.Index == nil {
		return d.scan(ctx, l, after, limit)
	}
	find := ports.Find{Query: l.asked(), Plan: plan, Limit: limit, Bytes: stepBytes}
	if after != "" {
		find.From = &search.Position{ID: after}
	}
	found, err := d.Store.Find(ctx, l.collection.Key, find)
	if err != nil {
		return nil, "", false, err
	}
	last = after
	if n := len(found.Items); n > 0 {
		last = found.Items[n-1].ID.String()
	}
	return found.Items, last, found.More, nil
}

// scan is walk without an index: it reads stretches of the collection, and looks for matches here. So each step is short, however few match.
func (d *Documents) scan(ctx context.Context, l *listing, after string, limit int) (page []document.Document, last string, more bool, err error) {
	read, more, err := d.Store.List(ctx, l.collection.Key, ports.Range{After: after, Limit: limit, Bytes: stepBytes})
	if err != nil {
		return nil, "", false, err
	}
	last = after
	for _, found := range read {
		last = found.ID.String()
		matches, err := l.asked().Matches(found)
		if err != nil {
			return nil, "", false, err
		}
		if matches {
			page = append(page, found)
		}
	}
	return page, last, more, nil
}
