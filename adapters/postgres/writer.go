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
// A few goroutines take whatever is queued, without lingering for more: under load the queue fills while transactions run, and a lone caller waits for nobody.
type writer struct {
	store *Store
	log   *slog.Logger
	queue chan *unit
	full  int // Config.MergedWrites
	done  sync.WaitGroup

	// mu keeps the queue from being closed while somebody puts a unit into it.
	mu     sync.RWMutex
	closed bool

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

func startWriter(s *Store, config Config) *writer {
	w := &writer{store: s, log: config.Logger, queue: make(chan *unit, config.QueueLength), full: config.MergedWrites}
	for range config.Writers {
		w.done.Go(w.run)
	}
	return w
}

// close refuses further batches and returns when those that wait are done. It is called once.
func (w *writer) close() {
	w.mu.Lock()
	w.closed = true
	close(w.queue)
	w.mu.Unlock()
	w.done.Wait()
}

// Write makes every write of the batch or none.
//
// A batch whose caller leaves before a writer has taken it is not written; after that it goes on, and the caller does not learn how it ended.
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
	if err := s.writer.enqueue(u); err != nil {
		return nil, err
	}
	select {
	case <-u.done:
	case <-ctx.Done():
		u.state.CompareAndSwap(waiting, abandoned)
		return nil, ctx.Err()
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

func (w *writer) enqueue(u *unit) error {
	w.mu.RLock()
	defer w.mu.RUnlock()
	if w.closed {
		return errClosed()
	}
	select {
	case w.queue <- u:
		return nil
	default:
		return fault.New(fault.Unavailable, "write.queueFull", "too many writes wait for the database").After(retryAfter)
	}
}

// run commits what is queued until the queue is closed and empty.
func (w *writer) run() {
	for {
		first, open := <-w.queue
		if !open {
			return
		}
		w.commitTaken(w.gather(first))
	}
}

// gather takes what waits beside first. A unit that is to be alone ends the list.
func (w *writer) gather(first *unit) []*unit {
	units, writes := []*unit(nil), 0
	for u := first; ; {
		if u.state.CompareAndSwap(waiting, taken) {
			units = append(units, u)
			writes += max(len(u.batch.Writes), 1)
			if w.alone(u) || writes >= w.full {
				return units
			}
		}
		select {
		case next, open := <-w.queue:
			if !open {
				return units
			}
			u = next
		default:
			return units
		}
	}
}

// commitTaken commits the units and lets their callers go.
func (w *writer) commitTaken(units []*unit) {
	if n := len(units); n > 1 && w.alone(units[n-1]) {
		w.commitTaken(units[:n-1])
		units = units[n-1:]
	}
	w.commit(units)
	for _, u := range units {
		if p := (*panicked)(nil); errors.As(u.err, &p) {
			w.log.Error("deciding a write panicked", "error", u.err)
		}
		close(u.done)
	}
}
