package app

import (
	"context"
	"errors"
	"math"
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
)

const (
	// bulkDocuments is how many documents a request changes itself where nobody says otherwise.
	bulkDocuments = 1000
	// bulkCount bounds the counting of what is too much for a request: where it takes longer, the operation counts.
	bulkCount = 2 * time.Second
	// sampleDocuments and sampleBytes bound the documents that a rehearsal shows, sampleJudged those that it judges of what is too much for a request.
	sampleDocuments = 20
	sampleBytes     = 256 << 10
	sampleJudged    = 200
)

// Bulk are the use cases that change many documents by one request. It is safe for concurrent use.
type Bulk struct {
	Dependencies
	Catalog    *Catalog
	Documents  *Documents
	Operations *Operations
}

// ChangeDocuments is a request to change many documents.
type ChangeDocuments struct {
	Collection ident.Collection
	// Kind is operation.Update, operation.Delete or operation.Migration.
	Kind operation.Kind
	Body []byte // JSON as it came; see bulk.Request
	// Async asks for an operation, however few documents there are.
	Async        bool
	ValidateOnly bool
	// Receipt is written with what is done; nil where there is none.
	Receipt *receipt.Pending[ChangedDocuments]
}

// ofOperation is the receipt of a request that is answered with an operation.
func (r ChangeDocuments) ofOperation() *receipt.Pending[operation.Operation] {
	if r.Receipt == nil {
		return nil
	}
	return &receipt.Pending[operation.Operation]{Claim: r.Receipt.Claim, Outcome: func(o operation.Operation) receipt.Outcome {
		return r.Receipt.Outcome(ChangedDocuments{Operation: &o})
	}}
}

// ofReport is the receipt of a request that is answered with what became of items.
func (r ChangeDocuments) ofReport(run *bulkRun, part, items []*bulkItem) *receipt.Pending[[]document.Result] {
	if r.Receipt == nil {
		return nil
	}
	return &receipt.Pending[[]document.Result]{Claim: r.Receipt.Claim, Outcome: func(results []document.Result) receipt.Outcome {
		run.settle(part, results)
		report := reportOf(items)
		return r.Receipt.Outcome(ChangedDocuments{Report: &report})
	}}
}

// ChangedDocuments is what a request did: a report, or an operation that does it.
type ChangedDocuments struct {
	Report    *BulkReport
	Operation *operation.Operation
}

// BulkReport is what became of the documents, or what would become of them.
type BulkReport struct {
	// Matched is how many documents are meant.
	Matched query.Count
	// Judged is how many of them were looked at: fewer only where a rehearsal takes a sample.
	Judged                     int64
	Changed, Unchanged, Failed int64
	// Samples are some of the documents as they would be; only of a rehearsal.
	Samples []BulkSample
	// Failures are documents that cannot be changed, at most fault.MaxViolations.
	Failures []operation.Failure
	// Mark is a place in the feed that is not before any of the changes, zero where nothing was to be changed or it cannot be found out.
	Mark change.Mark
}

// BulkSample is what would become of a document.
type BulkSample struct {
	// Outcome is document.Updated, Deleted or Unchanged; Failed says that none of it can be.
	Outcome  document.Outcome
	Failed   bool
	Document document.Document // as it would be, or as it stays
}

// BulkFailedError is a request that was to change all documents or none, and cannot.
type BulkFailedError struct {
	Fault  *fault.Error
	Report BulkReport
}

// Error returns the text of the fault.
func (e *BulkFailedError) Error() string { return e.Fault.Error() }

// Unwrap returns the fault.
func (e *BulkFailedError) Unwrap() error { return e.Fault }

// Change changes the documents that match when it is made. Few of them are changed at once: in strict mode all, in one transaction, or none. For more there is an operation.
// It fails with what bulk.Parse and Request.Compile fail with, with fault.NotFound (no collection), with an *UnindexedError, with fault.Conflict, code "bulk.tooMany", where more
// match than MaxAffected, and with a *BulkFailedError, a fault.Invalid with code "bulk.failed". Nothing is written then.
func (b *Bulk) Change(ctx context.Context, by Caller, r ChangeDocuments) (ChangedDocuments, error) {
	request, err := bulk.Parse(r.Kind, r.Body, math.MaxInt32)
	if err != nil {
		return ChangedDocuments{}, err
	}
	for range judgements {
		done, err := b.change(ctx, by, r, request)
		if !errors.Is(err, collection.ErrChanged) {
			return done, err
		}
		b.Catalog.Forget(r.Collection)
	}
	return ChangedDocuments{}, collection.ErrChanged
}

func (b *Bulk) change(ctx context.Context, by Caller, r ChangeDocuments, request bulk.Request) (ChangedDocuments, error) {
	c, err := b.Catalog.Get(ctx, r.Collection)
	if err != nil {
		return ChangedDocuments{}, err
	}
	compiled, err := request.Compile(c, b.Limits.Document)
	if err != nil {
		return ChangedDocuments{}, err
	}
	at := b.Clock()
	l := listingOf(c, compiled.Filter, at)
	plan, estimated, err := b.Documents.plan(ctx, l, request.AllowScan)
	if err != nil {
		return ChangedDocuments{}, err
	}
	run := newBulkRun(c, compiled, request.Mode, at, by.origin())
	few, items, err := b.gather(ctx, l, plan, estimated)
	if err != nil {
		return ChangedDocuments{}, err
	}
	switch {
	case few && request.MaxAffected > 0 && int64(len(items)) > request.MaxAffected:
		return ChangedDocuments{}, tooMany(query.Count{Value: int64(len(items)), Kind: "exact"}, request.MaxAffected)
	case few && r.ValidateOnly:
		report := run.rehearse(items)
		report.Matched = query.Count{Value: report.Judged, Kind: "exact"}
		return ChangedDocuments{Report: &report}, nil
	case few && !r.Async && r.Kind != operation.Migration:
		report, err := b.write(ctx, run, items, r)
		return ChangedDocuments{Report: report}, err
	}
	var matched query.Count
	if !few {
		if matched, err = b.count(ctx, l, plan, request.MaxAffected, r.ValidateOnly, int64(len(items))); err != nil {
			return ChangedDocuments{}, err
		}
	}
	if r.ValidateOnly {
		report := run.rehearse(items[:min(len(items), sampleJudged)])
		report.Matched = matched
		return ChangedDocuments{Report: &report}, nil
	}
	o, err := b.Operations.start(ctx, c, r.Kind, request.Text(), -1, by, r.ofOperation())
	return ChangedDocuments{Operation: &o}, err
}

// gather finds the documents where they are few enough for a request, or else some of them.
func (b *Bulk) gather(ctx context.Context, l *listing, plan search.Plan, estimated int64) (few bool, items []document.Document, err error) {
	most := b.Limits.Bulk
	if most <= 0 {
		most = bulkDocuments
	}
	if plan.Index == nil && estimated > b.Limits.Scan {
		// Reading all of a large collection is for an operation. What matches among the first documents is a sample.
		items, _, _, err := b.Documents.scan(ctx, l, "", sampleJudged)
		return false, items, err
	}
	found, err := b.Documents.find(ctx, l, plan, most)
	return !found.More, found.Items, err
}

// count says how many documents match, as far as there is time: known is how many were seen.
// It fails where there are more than most; 0 sets no bound, and then all are counted only where somebody wants to know.
func (b *Bulk) count(ctx context.Context, l *listing, plan search.Plan, most int64, all bool, known int64) (query.Count, error) {
	matched := query.Count{Value: known, Kind: "atLeast"}
	if most == 0 && !all {
		return matched, nil
	}
	limit := int64(0)
	if !all {
		limit = most + 1
	}
	bounded, cancel := context.WithTimeout(ctx, bulkCount)
	defer cancel()
	n, err := b.Store.CountFound(bounded, l.collection.Key, l.asked(), plan, limit)
	switch {
	case err != nil && bounded.Err() != nil && ctx.Err() == nil:
		return matched, nil
	case err != nil:
		return matched, err
	case most > 0 && n > most:
		kind := "exact"
		if limit > 0 {
			kind = "atLeast"
		}
		return matched, tooMany(query.Count{Value: n, Kind: kind}, most)
	}
	return query.Count{Value: n, Kind: "exact"}, nil
}

// tooMany is the fault of a request that would change more documents than it allows.
func tooMany(n query.Count, most int64) error {
	text := "%d documents match, and maxAffected is %d"
	if n.Kind == "atLeast" {
		text = "at least %d documents match, and maxAffected is %d"
	}
	return fault.New(fault.Conflict, "bulk.tooMany", text, n.Value, most).With(fault.Violation{
		In: "body", Pointer: "/maxAffected", Code: "maximum", Message: "more documents match", Params: map[string]any{"matched": n.Value, "kind": n.Kind},
	})
}

// write changes few documents: in strict mode in one transaction.
func (b *Bulk) write(ctx context.Context, run *bulkRun, documents []document.Document, r ChangeDocuments) (*BulkReport, error) {
	items := run.items(documents)
	if run.mode == bulk.Skip {
		left := len(items)
		err := run.eachGood(items, func(part []*bulkItem) error {
			var kept *receipt.Pending[[]document.Result]
			if left == len(part) { // the last one
				kept = r.ofReport(run, part, items)
			}
			err := run.store(ctx, b.Store, part, kept)
			if err == nil {
				left -= len(part)
			}
			return err
		})
		if err != nil {
			return nil, err
		}
	} else if err := run.store(ctx, b.Store, items, r.ofReport(run, items, items)); err != nil && !run.blame(err, items) {
		return nil, err
	}
	report := reportOf(items)
	if run.mode == bulk.Strict && report.Failed > 0 {
		return nil, bulkFailed(report)
	}
	report.Mark = mark(ctx, b.Store, run.collection)
	return &report, nil
}

func bulkFailed(report BulkReport) error {
	f := fault.New(fault.Invalid, "bulk.failed", "%d of %d documents cannot be changed; nothing was changed", report.Failed, report.Judged)
	return &BulkFailedError{Fault: f, Report: report}
}
