package app

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/operation"
)

const (
	// workEvery is how often the background looks for operations that another process started, or died with.
	workEvery = time.Second
	// holdFor is how long a process has an operation for itself after a step: longer than a step takes, and as long as others wait when it dies.
	holdFor = 10 * time.Second
	// stepDocuments and stepBytes bound one step: writers of these documents wait for it, and it is what is done again after a crash.
	stepDocuments = 500
	stepBytes     = 4 << 20
	// stepTries is how often a step is tried by one process before another may.
	stepTries = 8
	// oldOperations is how many operations are forgotten at once.
	oldOperations = 100
)

// Work does operations until ctx ends, at most parallel at once, and forgets those that ended longer ago than keep; 0 keeps all. What is to be done stands in the store, so
// that it goes on after a crash, and several processes may work at once.
func (s *Operations) Work(ctx context.Context, log *slog.Logger, parallel int, keep time.Duration) {
	var workers sync.WaitGroup
	for range max(parallel, 1) {
		workers.Go(func() { s.worker(ctx, log) })
	}
	workers.Go(func() { s.forget(ctx, log, keep) })
	workers.Wait()
}

// worker takes one operation after another.
func (s *Operations) worker(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(workEvery)
	defer tick.Stop()
	for {
		found, err := s.WorkOnce(ctx, log)
		if err != nil && ctx.Err() == nil {
			log.Warn("working on operations", "error", err)
		}
		if found && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-s.wake:
		case <-tick.C:
		}
	}
}

// WorkOnce claims the next operation and works on it until it ends, is lost, or cannot go on for now. found says whether there was one.
func (s *Operations) WorkOnce(ctx context.Context, log *slog.Logger) (found bool, err error) {
	at := s.Clock()
	o, found, err := s.Store.ClaimOperation(ctx, operation.Claim{Holder: s.IDs().String(), At: at, Until: at.Add(holdFor)})
	if err != nil || !found {
		return false, err
	}
	log.Info("operation goes on", "operation", o.ID.String(), "kind", string(o.Kind), "collection", o.Collection.String(), "phase", string(o.Phase), "done", o.Progress.Done)
	w := &work{Operations: s, operation: o, log: log}
	w.run(ctx)
	if w.operation.State.Ended() {
		log.Info("operation ended", "operation", o.ID.String(), "state", string(w.operation.State), "done", w.operation.Progress.Done,
			"changed", w.operation.Progress.Changed, "failed", w.operation.Progress.Failed)
	}
	return true, nil
}

// forget removes operations that ended long ago.
func (s *Operations) forget(ctx context.Context, log *slog.Logger, keep time.Duration) {
	tick := time.NewTicker(time.Minute)
	defer tick.Stop()
	for keep > 0 {
		n, err := s.Store.PurgeOperations(ctx, s.Clock().Add(-keep), oldOperations)
		if err != nil && ctx.Err() == nil {
			log.Warn("forgetting operations", "error", err)
		}
		if n == oldOperations && ctx.Err() == nil {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// work is an operation in the hands of this process.
type work struct {
	*Operations
	operation operation.Operation
	log       *slog.Logger
	// job is made of the request for one version of the collection.
	job     func(context.Context) error
	version *collection.Collection
	// unsure says that a step may have been committed although it failed.
	unsure bool
}

// run takes step after step.
func (w *work) run(ctx context.Context) {
	if w.operation.Claims > operation.MaxClaims {
		w.giveUp(ctx, fault.New(fault.Unavailable, "operation.stuck", "it was begun again %d times and did not go on", operation.MaxClaims))
		return
	}
	for tries := 0; !w.operation.State.Ended(); {
		err := w.step(ctx)
		switch {
		case err == nil:
			tries = 0
		case errors.Is(err, operation.ErrLost):
			w.log.Info("operation lost", "operation", w.operation.ID.String())
			return
		case ctx.Err() != nil:
			w.release(ctx)
			return
		case errors.Is(err, collection.ErrChanged):
			w.Catalog.Forget(w.operation.Collection)
			tries++
		case fault.KindOf(err) == fault.Unavailable || fault.KindOf(err) == fault.Internal:
			tries++
			w.log.Warn("operation does not go on", "operation", w.operation.ID.String(), "tries", tries, "error", err)
			w.pause(ctx, min(100*time.Millisecond<<tries, 5*time.Second))
		default:
			w.giveUp(ctx, err)
			return
		}
		if tries == stepTries {
			if fault.KindOf(err) == fault.Internal {
				w.giveUp(ctx, err)
			} else {
				w.release(ctx)
			}
			return
		}
	}
}

// step takes the next step.
func (w *work) step(ctx context.Context) (err error) {
	defer recovered(&err)
	defer func() { w.unsure = err != nil }()
	if w.unsure {
		now, err := w.Store.GetOperation(ctx, w.operation.ID)
		if err != nil {
			return err
		}
		if now.State != operation.Running || now.Holder != w.operation.Holder {
			return operation.ErrLost
		}
		w.operation = now
	}
	c, err := w.collectionOf(ctx, w.operation)
	if err != nil {
		return err
	}
	if w.job == nil || w.version != c {
		if w.job, err = w.jobOf(c); err != nil {
			return err
		}
		w.version = c
	}
	return w.job(ctx)
}

// jobOf makes steps of the request for a collection as it is.
func (w *work) jobOf(c *collection.Collection) (func(context.Context) error, error) {
	if w.operation.Kind == operation.Rollback {
		return w.rollbackOf(c)
	}
	return w.bulkOf(c)
}

// next begins the operation after a step.
func (w *work) next() operation.Operation { return w.operation.Next(w.Clock().Add(holdFor)) }

// advance commits a step that comes without documents.
func (w *work) advance(ctx context.Context, next operation.Operation, failures ...operation.Failure) error {
	// A step that has begun is finished: nobody knows otherwise how far the operation has come.
	err := w.Store.AdvanceOperation(context.WithoutCancel(ctx), operation.Step{Holder: w.operation.Holder, Next: next, Failures: failures})
	if err == nil {
		w.operation = next
	}
	return err
}

// giveUp ends the operation: it cannot go on.
func (w *work) giveUp(ctx context.Context, why error) {
	if fault.KindOf(why) == fault.Internal {
		w.log.Error("operation failed", "operation", w.operation.ID.String(), "error", why)
	}
	if err := w.advance(ctx, w.next().Fail(operation.FaultOf(why), w.Clock())); err != nil {
		w.log.Warn("ending an operation", "operation", w.operation.ID.String(), "error", err)
	}
}

// release lets others have the operation at once; ctx may have ended.
func (w *work) release(ctx context.Context) {
	o := w.operation
	o.Steps++
	o.HeldUntil = w.Clock()
	if err := w.advance(ctx, o); err != nil {
		w.log.Warn("letting go of an operation", "operation", o.ID.String(), "error", err)
	}
}

// rest waits as long as a rate demands after a step with n documents; 0 demands nothing.
func (s *Operations) rest(ctx context.Context, began time.Time, n, rate int) {
	if rate <= 0 {
		return
	}
	if left := time.Duration(n)*time.Second/time.Duration(rate) - s.Clock().Sub(began); left > 0 {
		s.pause(ctx, left)
	}
}

func (s *Operations) pause(ctx context.Context, d time.Duration) {
	if s.Pause != nil {
		s.Pause(ctx, d)
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
