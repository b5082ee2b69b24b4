package postgres

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/operation"
	"github.com/sheafdb/sheaf/domain/receipt"
)

// mergedBytes bounds a transaction that merges batches, beside Config.MergedWrites.
const mergedBytes = 4 << 20

// writer merges batches that wait at the same time into one transaction: one commit, one round trip and one turn at the counter of a bucket for all of them.
//
// A few turns go round. Whoever finds one free commits, on its own goroutine, what waits together with its batch; there is no lingering for more, and a lone caller waits for
// nobody. While a transaction is under way the next one begins when as many batches wait as that one has, or when it ends: then each of them shares its cost among as many as it can,
// instead of one taking all and the other next to nothing.
type writer struct {
	store *Store
	log   *slog.Logger
	full  int // Config.MergedWrites

	// mu guards the fields below.
	mu     sync.Mutex
	free   int // turns
	queue  []*unit
	limit  int
	closed bool
	// running are the transactions under way, and newest is how many batches the last of them began with.
	running, newest int

	turns                          sync.WaitGroup // that are taken
	transactions, batches, retries atomic.Int64
}

// unit is a batch on its way.
type unit struct {
	batch document.Batch
	at    time.Time
	// state is waiting, then taken by a writer or abandoned by its caller, whoever comes first.
	state atomic.Int32
	done  chan struct{}

	// The fields below are the writer's until done is closed.
	slots   []int
	changed bool
	swayed  bool // others of the transaction changed, before it, what it is about
	results []document.Result
	outcome receipt.Outcome // of its receipt
	step    *operation.Step
	err     error
}

// alone says whether a unit has a transaction of its own: one that is large by itself does not hold others up, a step is about one operation, and a dry run is undone.
func (w *writer) alone(u *unit) bool {
	return len(u.batch.Writes) >= max(w.full/4, 2) || u.batch.Step != nil || u.batch.DryRun
}

const (
	waiting int32 = iota
	taken
	abandoned
)

func newWriter(s *Store, config Config) *writer {
	return &writer{store: s, log: config.Logger, full: config.MergedWrites, free: config.Writers, limit: config.QueueLength}
}

// close refuses further batches and returns when those that wait are done.
func (w *writer) close() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.turns.Wait()
}

// Write makes every write of the batch or none.
//
// A batch whose caller leaves before it is taken into a transaction is not written; after that it goes on, and the caller does not learn how it ended. A caller that commits, for itself and
// for others, leaves when that is done.
// It fails with fault.Unavailable: code "write.queueFull" when too many wait, "write.unknown" when the connection broke during the commit,
// "write.contended" when others were faster every time.
func (s *Store) Write(ctx context.Context, batch document.Batch) ([]document.Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if len(batch.Writes) == 0 && batch.Receipt == nil {
		return []document.Result{}, s.stepAlone(ctx, batch)
	}
	u := &unit{batch: batch, at: stampOf(batch.At), done: make(chan struct{})}
	units, err := s.writer.enqueue(u)
	if err != nil {
		return nil, err
	}
	if units != nil {
		s.writer.commitTaken(units) //nolint:contextcheck // they are of several callers
		s.writer.pass()             //nolint:contextcheck // see above
	}
	if err := u.wait(ctx); err != nil {
		return nil, err
	}
	var p *panicked
	if errors.As(u.err, &p) {
		panic(p.value)
	}
	if u.err != nil {
		return nil, u.err
	}
	return u.results, nil
}

// wait returns when the unit is done, or its caller leaves before that.
func (u *unit) wait(ctx context.Context) error {
	select {
	case <-u.done:
		return nil
	default:
	}
	select {
	case <-u.done:
		return nil
	case <-ctx.Done():
		u.state.CompareAndSwap(waiting, abandoned)
		return ctx.Err()
	}
}

// enqueue has the unit wait. Where that makes a transaction due, it takes a turn and returns the units to commit, the caller's most often among them; the caller passes the turn on.
func (w *writer) enqueue(u *unit) ([]*unit, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case w.closed:
		return nil, errClosed()
	case len(w.queue) >= w.limit:
		return nil, fault.New(fault.Unavailable, "write.queueFull", "too many writes wait for the database").After(retryAfter)
	}
	w.queue = append(w.queue, u)
	if w.free == 0 || !w.due() {
		return nil, nil
	}
	w.free--
	w.turns.Add(1)
	return w.take(), nil
}

// due says whether a transaction is to begin. The caller has the lock.
func (w *writer) due() bool {
	return len(w.queue) > 0 && (w.running == 0 || len(w.queue) >= w.newest)
}

// take takes the units of the next transaction from those that wait. The caller has the lock.
func (w *writer) take() []*unit {
	units, writes, n := []*unit(nil), 0, 0
	for _, u := range w.queue {
		if len(units) > 0 && (w.alone(u) || writes >= w.full) {
			break
		}
		n++
		if !u.state.CompareAndSwap(waiting, taken) {
			continue // its caller is gone
		}
		units = append(units, u)
		writes += max(len(u.batch.Writes), 1)
		if w.alone(u) {
			break
		}
	}
	if w.queue = w.queue[n:]; len(w.queue) == 0 {
		w.queue = nil
	}
	w.running, w.newest = w.running+1, len(units)
	return units
}

// pass ends the transaction of a turn. The turn goes to what is due then, or is given back.
func (w *writer) pass() {
	if units := w.next(); len(units) > 0 {
		go func() {
			for ; len(units) > 0; units = w.next() {
				w.commitTaken(units)
			}
		}()
	}
}

// next ends the transaction of a turn and returns the units of the next one, none where the turn is given back.
func (w *writer) next() []*unit {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.running--
	for w.due() {
		if units := w.take(); len(units) > 0 {
			return units
		}
		w.running--
	}
	w.free++
	w.turns.Done()
	return nil
}

func (w *writer) queued() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return len(w.queue)
}

// commitTaken commits the units and lets their callers go.
func (w *writer) commitTaken(units []*unit) {
	w.commit(units)
	for _, u := range units {
		if p := (*panicked)(nil); errors.As(u.err, &p) {
			w.log.Error("deciding a write panicked", "error", u.err)
		}
		close(u.done)
	}
}
