package memory

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/operation"
	"github.com/sheafdb/sheaf/domain/receipt"
	"github.com/sheafdb/sheaf/ports"
)

// running is an operation with its failures.
type running struct {
	operation.Operation
	failures []operation.Failure
}

// findOperation returns where in operations the id is, or would be.
func (s *Store) findOperation(id ident.Operation) (int, bool) {
	return slices.BinarySearchFunc(s.operations, id, func(r *running, id ident.Operation) int { return strings.Compare(r.ID.String(), id.String()) })
}

// GetOperation returns the operation.
func (s *Store) GetOperation(ctx context.Context, id ident.Operation) (operation.Operation, error) {
	if err := ctx.Err(); err != nil {
		return operation.Operation{}, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	i, found := s.findOperation(id)
	if !found {
		return operation.Operation{}, operation.NotFound(id)
	}
	return s.operations[i].Operation, nil
}

// ListOperations returns the operations of the range.
func (s *Store) ListOperations(ctx context.Context, r ports.OperationRange) ([]operation.Operation, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	below := len(s.operations)
	if r.Before != (ident.Operation{}) {
		below, _ = s.findOperation(r.Before)
	}
	list := []operation.Operation{}
	for _, o := range slices.Backward(s.operations[:below]) {
		if r.Collection != (ident.Collection{}) && o.Collection != r.Collection || r.State != "" && o.State != r.State {
			continue
		}
		if len(list) == r.Limit {
			break
		}
		list = append(list, o.Operation)
	}
	return list, nil
}

// ListFailures returns failures of an operation.
func (s *Store) ListFailures(ctx context.Context, id ident.Operation, after int64, limit int) ([]operation.Failure, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	i, found := s.findOperation(id)
	if !found {
		return []operation.Failure{}, nil
	}
	return part(s.operations[i].failures, int(after), limit), nil
}

// InsertOperation keeps a new operation.
func (s *Store) InsertOperation(ctx context.Context, o operation.Operation, r *receipt.Pending[operation.Operation]) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i, found := s.findOperation(o.ID)
	if found {
		return fault.New(fault.Conflict, "operation.exists", "there is an operation %q already", o.ID)
	}
	o.CreatedAt = stamp(o.CreatedAt)
	settle, err := settling(s, r, o)
	if err != nil {
		return err
	}
	settle()
	s.operations = slices.Insert(s.operations, i, &running{Operation: o})
	return nil
}

// ClaimOperation claims the first operation that is claimable.
func (s *Store) ClaimOperation(ctx context.Context, c operation.Claim) (operation.Operation, bool, error) {
	if err := ctx.Err(); err != nil {
		return operation.Operation{}, false, err
	}
	c.At, c.Until = stamp(c.At), stamp(c.Until)
	s.mu.Lock()
	defer s.mu.Unlock()
	behind := map[collection.Key]bool{}
	for _, o := range s.operations {
		if o.State.Ended() || behind[o.Key] {
			continue
		}
		behind[o.Key] = true
		if o.Claimable(c.At) {
			o.Operation = o.Claimed(c)
			return o.Operation, true, nil
		}
	}
	return operation.Operation{}, false, nil
}

// AdvanceOperation commits a step without changes.
func (s *Store) AdvanceOperation(ctx context.Context, step operation.Step) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	at, err := s.allow(step)
	if err != nil {
		return err
	}
	at.take(step, s)
	return nil
}

// allow returns the operation of a step that may be committed.
func (s *Store) allow(step operation.Step) (*running, error) {
	i, found := s.findOperation(step.Next.ID)
	if !found {
		return nil, operation.ErrLost
	}
	return s.operations[i], step.Allowed(s.operations[i].Operation)
}

// take makes of the operation what a step says.
func (o *running) take(step operation.Step, s *Store) {
	next := step.Next
	next.HeldUntil, next.EndedAt = stamp(next.HeldUntil), stamp(next.EndedAt)
	if next.State.Ended() {
		next.Last = s.buckets[next.Key.Bucket].position
	}
	o.Operation = next
	room := operation.MaxFailures - len(o.failures)
	o.failures = append(o.failures, step.Failures[:min(room, len(step.Failures))]...)
}

// CancelOperation ends an operation.
func (s *Store) CancelOperation(ctx context.Context, id ident.Operation, at time.Time) (operation.Operation, error) {
	if err := ctx.Err(); err != nil {
		return operation.Operation{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	i, found := s.findOperation(id)
	if !found {
		return operation.Operation{}, operation.NotFound(id)
	}
	o := s.operations[i]
	next, err := o.Cancelled(stamp(at))
	if err != nil || o.State.Ended() {
		return next, err
	}
	next.Last = s.buckets[next.Key.Bucket].position
	o.Operation = next
	return next, nil
}

// PurgeOperations forgets operations that ended.
func (s *Store) PurgeOperations(ctx context.Context, before time.Time, limit int) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	gone := 0
	s.operations = slices.DeleteFunc(s.operations, func(o *running) bool {
		if gone == limit || !o.State.Ended() || !o.EndedAt.Before(before) {
			return false
		}
		gone++
		return true
	})
	return gone, nil
}

// ListReversals returns the changes that a request made, with what was before them.
func (s *Store) ListReversals(ctx context.Context, key collection.Key, r ports.ReversalRange) (items []ports.Reversal, more bool, err error) {
	if err := ctx.Err(); err != nil {
		return nil, false, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	items = []ports.Reversal{}
	before := map[ident.Document]change.Change{}
	bytes := 0
	for _, c := range s.buckets[key.Bucket].changes {
		if c.CollectionID != key.ID {
			continue
		}
		was, known := before[c.DocumentID]
		before[c.DocumentID] = c
		if c.RequestID != r.RequestID || c.Position <= r.After || c.Position > r.Last {
			continue
		}
		if len(items) == r.Limit || len(items) > 0 && bytes >= r.Bytes {
			return items, true, nil
		}
		made := ports.Reversal{Change: c, Known: known && was.Revision == c.Revision-1 || c.Op == change.Created}
		made.Data = nil
		if c.Op != change.Created && made.Known {
			made.Before = was.Data
		}
		items = append(items, made)
		bytes += len(made.Before)
	}
	return items, false, nil
}
