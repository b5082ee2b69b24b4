package app

import (
	"context"
	"errors"
	"iter"
	"time"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/receipt"
)

// Shape is what a line of a transfer holds.
type Shape string

// The shapes of a line.
const (
	DataShape     Shape = "data"     // what the user stored
	DocumentShape Shape = "document" // the envelope around it
)

// ImportMode says what a bad line means for the others.
type ImportMode string

// The modes of an import.
const (
	Strict ImportMode = "strict" // all or nothing, bounded by ImportLimits
	Skip   ImportMode = "skip"   // whatever is good, in transactions of some hundred documents
)

// Existing says what happens to a document whose id is taken.
type Existing string

// What can happen to a document whose id is taken.
const (
	ExistingError   Existing = "error"
	ExistingSkip    Existing = "skip"
	ExistingReplace Existing = "replace"
)

// ImportLimits bound a strict import, which is one transaction and is held in memory until it is made.
type ImportLimits struct {
	StrictDocuments int
	StrictBytes     int
}

// An import in skip mode is written in chunks of at most this many documents and about this many bytes: what is held in memory, and what one transaction locks.
const (
	chunkDocuments = 500
	chunkBytes     = 4 << 20
)

// Line is one document of an import as it came.
type Line struct {
	// Number counts from 1; in a JSON array it is the element.
	Number int64
	// Data is the JSON text; it may be used until the next line is asked for.
	Data []byte
	// Err is set instead of Data where the line could not be taken in, being too long for instance; the lines after it can.
	Err error
}

// ImportDocuments is a request to import.
type ImportDocuments struct {
	Collection ident.Collection
	// ID names the import where it may be sent again: what of it is stored is not stored twice, and the report counts it. "" is an import without a name.
	ID string
	// By is the unique index by whose keys lines find the documents that are there, instead of by ids. "" is none.
	By string
	// Lines ends with an error where nothing after it can be read.
	Lines    iter.Seq2[Line, error]
	Shape    Shape
	Mode     ImportMode
	Existing Existing
	// ValidateOnly judges everything and stores nothing.
	ValidateOnly bool
	// Fault is called with every fault of every bad line, in the order of the lines of a chunk.
	Fault func(LineFault)
	// Warning, where it is given, is called with every warning of every line that was stored, likewise.
	Warning func(LineFault)
}

// LineFault is one fault of one line.
type LineFault struct {
	Line int64
	fault.Violation
}

// ImportReport says what an import did, in documents.
type ImportReport struct {
	Created, Replaced, Unchanged, Skipped, Failed int64
	// Warned counts those that were stored with warnings.
	Warned int64
}

// Transfer are the use cases that move whole collections. It is safe for concurrent use.
type Transfer struct {
	Dependencies
	Catalog *Catalog
	// Receipts keep how far imports are that have a name.
	Receipts *Receipts
}

// Import stores the lines. The report says what was stored, also when it fails.
// In strict mode a bad line fails it with fault.Invalid, code "import.failed", after all lines were judged, and nothing is stored; more than ImportLimits fail it with fault.TooLarge, code "import.tooLarge".
// It fails with fault.NotFound where there is no collection, with what collection.Unique fails with, with fault.Conflict where the id is that of another import ("import.reused")
// or of one that runs ("import.running"), and with what Lines and the store fail with.
func (t *Transfer) Import(ctx context.Context, by Caller, r ImportDocuments) (ImportReport, error) {
	run := &importRun{transfer: t, by: by, request: r, lines: r.Lines}
	c, err := t.Catalog.Get(ctx, r.Collection)
	if err != nil {
		return ImportReport{}, err
	}
	if r.By != "" {
		if _, err := c.Unique(r.By); err != nil {
			return ImportReport{}, err
		}
	}
	if r.ID != "" && !r.ValidateOnly {
		if err := run.resume(ctx, c); err != nil {
			return ImportReport{}, err
		}
		defer run.thread.ticket.Close(ctx, false) // whoever sends the import again need not wait
	}
	if r.Mode == Skip {
		err = run.skip(ctx)
	} else {
		err = run.strict(ctx)
	}
	if errors.Is(err, receipt.ErrLost) {
		err = importRunning()
	}
	return run.report, err
}

// Mark returns a place in the feed that is not before any change of an import that has ended, zero where it cannot be found out.
func (t *Transfer) Mark(ctx context.Context, name ident.Collection) change.Mark {
	c, err := t.Catalog.Get(ctx, name)
	if err != nil {
		return change.Mark{}
	}
	return mark(ctx, t.Store, c)
}

// importRun is one import on its way.
type importRun struct {
	transfer *Transfer
	by       Caller
	request  ImportDocuments
	// lines are those of the request that are not stored yet.
	lines  iter.Seq2[Line, error]
	report ImportReport
	// fresh says that the last chunk met nothing that was stored: it is not looked for before the next one is written.
	fresh bool
	// thread is what ties the import to what was done of it before, nil where it has no name.
	thread *importThread
}

// strict judges every line, then stores all in one transaction.
func (run *importRun) strict(ctx context.Context) error {
	limits := run.transfer.Limits.Import
	var chunk importChunk
	for line, err := range run.lines {
		if err != nil {
			return err
		}
		item := run.read(line)
		if item.faults == nil && run.report.Failed == 0 {
			chunk.add(item)
			if len(chunk.items) > limits.StrictDocuments || chunk.bytes > limits.StrictBytes {
				return fault.New(fault.TooLarge, "import.tooLarge",
					"an import that is all or nothing has at most %d documents and %d bytes; mode=skip has no such limit", limits.StrictDocuments, limits.StrictBytes)
			}
			if len(chunk.items)%chunkDocuments != 0 {
				continue
			}
			// Judged as they come, so that a long import does not wait for its last line to fail.
			if err := run.judgeTail(ctx, &chunk); err != nil {
				return err
			}
			continue
		}
		if err := run.judgeTail(ctx, &chunk); err != nil {
			return err
		}
		if item.faults == nil {
			run.judgeItem(item, chunk.collection, run.transfer.Clock())
		}
		run.fail(item)
		chunk.release(run.report.Failed > 0)
	}
	if err := run.judgeTail(ctx, &chunk); err != nil {
		return err
	}
	if run.report.Failed == 0 && len(chunk.items) > 0 {
		chunk.end = run.thread.here()
		if err := run.store(ctx, &chunk, true); err != nil {
			return err
		}
	}
	if run.report.Failed > 0 {
		return fault.New(fault.Invalid, "import.failed", "%d lines cannot be stored; nothing was stored", run.report.Failed)
	}
	return nil
}

// judgeTail judges the items that were not judged yet, and counts the bad ones.
func (run *importRun) judgeTail(ctx context.Context, chunk *importChunk) error {
	if chunk.collection == nil {
		c, err := run.transfer.Catalog.Get(ctx, run.request.Collection)
		if err != nil {
			return err
		}
		chunk.collection = c
	}
	now := run.transfer.Clock()
	for _, item := range chunk.items[chunk.judged:] {
		run.judgeItem(item, chunk.collection, now)
		run.fail(item)
	}
	chunk.judged = len(chunk.items)
	return ctx.Err()
}

// skip stores the good lines chunk by chunk; while one is stored, the next is read and judged.
func (run *importRun) skip(ctx context.Context) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stored := make(chan error, 1)
	stored <- nil // the turn to store; it also hands run.report over
	next := &importChunk{}
	hand := func() error {
		chunk := next
		chunk.end = run.thread.here()
		next = &importChunk{}
		if err := run.judge(ctx, chunk); err != nil {
			return err
		}
		if err := <-stored; err != nil {
			stored <- nil
			return err
		}
		go func() { stored <- run.storeGood(ctx, chunk) }()
		return nil
	}
	var failed error
	for line, err := range run.lines {
		if err != nil {
			failed = err
			break
		}
		next.add(run.read(line))
		if len(next.items) >= chunkDocuments || next.bytes >= chunkBytes {
			if failed = hand(); failed != nil {
				break
			}
		}
	}
	if len(next.items) > 0 && (failed == nil || ctx.Err() == nil) {
		if err := hand(); failed == nil {
			failed = err
		}
	}
	if err := <-stored; failed == nil {
		failed = err
	}
	return failed
}

// judge judges every item of a chunk by the collection as it is now.
func (run *importRun) judge(ctx context.Context, chunk *importChunk) error {
	c, err := run.transfer.Catalog.Get(ctx, run.request.Collection)
	if err != nil {
		return err
	}
	chunk.collection = c
	now := run.transfer.Clock()
	for _, item := range chunk.items {
		if !item.unreadable {
			run.judgeItem(item, c, now)
		}
	}
	return ctx.Err()
}

// storeGood stores the good items of a chunk, and reports the bad ones.
func (run *importRun) storeGood(ctx context.Context, chunk *importChunk) (err error) {
	defer recovered(&err)
	if err := run.store(ctx, chunk, false); err != nil {
		return err
	}
	run.failAll(chunk)
	return nil
}

// errNotStored ends a transaction whose decisions were wanted and whose writes are not.
var errNotStored = errors.New("decided, not to be stored")

// store writes the items without faults in one transaction and counts what became of them.
// all says that a taken id undoes everything.
func (run *importRun) store(ctx context.Context, chunk *importChunk, all bool) error {
	at := run.transfer.Clock()
	var failed error
	for tries := 0; tries < judgements; {
		err := run.write(ctx, chunk, at, all)
		faults := document.Faults(err)
		switch {
		case run.moved(err):
			tries, failed = tries+1, errContended()
			continue
		case faults != nil:
			// Each time there is at least one item less.
			if chunk.refuse(faults); !all {
				tries = 0
				continue
			}
		case errors.Is(err, collection.ErrChanged):
			tries, failed = tries+1, err
			run.transfer.Catalog.Forget(run.request.Collection)
			if err := run.judge(ctx, chunk); err != nil {
				return err
			}
			if all && chunk.bad() {
				run.failAll(chunk)
				return nil
			}
			continue
		case err != nil && !errors.Is(err, errNotStored):
			return err
		}
		if all && chunk.bad() {
			run.failAll(chunk)
			return nil
		}
		run.thread.keep(run.report, chunk)
		run.fresh = run.request.By == "" && chunk.fresh()
		for _, item := range chunk.items {
			if item.faults == nil {
				run.count(item)
			}
		}
		return nil
	}
	return failed
}

// write tries to write the items without faults, and the checkpoint behind them.
func (run *importRun) write(ctx context.Context, chunk *importChunk, at time.Time, all bool) error {
	if run.request.By != "" {
		if err := run.resolve(ctx, chunk); err != nil {
			return err
		}
	}
	batch := document.Batch{Origin: run.by.origin(), At: at, DryRun: run.request.ValidateOnly, Writes: chunk.writes(run.request, all, run.fresh)}
	if !all || !chunk.bad() {
		batch.Receipt = run.thread.checkpoint(run.report, chunk)
	}
	if len(batch.Writes) == 0 && batch.Receipt == nil {
		return nil
	}
	_, err := run.transfer.Store.Write(ctx, batch)
	return err
}

// errContended is the error of a write that others were in the way of again and again.
func errContended() error {
	return fault.New(fault.Unavailable, "write.contended", "others changed the same documents again and again").After(time.Second)
}

// failAll reports the bad items of a chunk.
func (run *importRun) failAll(chunk *importChunk) {
	for _, item := range chunk.items {
		run.fail(item)
	}
}

// count counts an item that was stored, and hands its warnings on.
func (run *importRun) count(item *importItem) {
	run.report.add(item)
	for _, v := range item.warnings {
		if run.request.Warning != nil {
			run.request.Warning(item.warning(v))
		}
	}
}

// fail counts an item that has faults, and hands them on.
func (run *importRun) fail(item *importItem) {
	if item.faults == nil {
		return
	}
	run.report.add(item)
	for _, v := range item.faults {
		run.request.Fault(LineFault{item.line, v})
	}
}

// add counts an item.
func (r *ImportReport) add(item *importItem) {
	if item.faults != nil {
		r.Failed++
		return
	}
	if len(item.warnings) > 0 {
		r.Warned++
	}
	switch item.outcome {
	case created:
		r.Created++
	case replaced:
		r.Replaced++
	case unchanged:
		r.Unchanged++
	case skipped:
		r.Skipped++
	}
}
