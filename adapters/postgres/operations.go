package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sheafdb/sheaf/adapters/postgres/sqlcgen"
	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/operation"
	"github.com/sheafdb/sheaf/domain/receipt"
	"github.com/sheafdb/sheaf/ports"
)

// GetOperation returns the operation.
func (s *Store) GetOperation(ctx context.Context, id ident.Operation) (operation.Operation, error) {
	row, err := s.queries.GetOperation(ctx, id.String())
	return operationOf(ctx, row, err, id, "get operation")
}

// operationOf is a row as the domain has it.
func operationOf(ctx context.Context, r sqlcgen.Operation, err error, id ident.Operation, what string) (operation.Operation, error) {
	if errors.Is(err, pgx.ErrNoRows) {
		return operation.Operation{}, operation.NotFound(id)
	}
	if err != nil {
		return operation.Operation{}, failed(ctx, err, what)
	}
	return readOperation(r)
}

func readOperation(r sqlcgen.Operation) (operation.Operation, error) {
	id, wrongID := ident.ParseOperation(r.OperationID)
	name, wrongName := ident.ParseCollection(r.Collection)
	o := operation.Operation{
		ID: id, Kind: operation.Kind(r.Kind), Collection: name, Key: collection.Key{Bucket: r.Bucket, ID: r.CollectionID}, Request: r.Request,
		Origin: change.Origin{Actor: r.Actor, RequestID: r.RequestID}, CreatedAt: r.CreatedAt, StartedAt: timeOf(r.StartedAt), EndedAt: timeOf(r.EndedAt),
		State: operation.State(r.State), Phase: operation.Phase(r.Phase), Cursor: r.Cursor,
		Progress: operation.Progress{Total: r.Total, Done: r.Done, Changed: r.Changed, Failed: r.Failed},
		First:    change.Position(r.First), Last: change.Position(r.Last), Steps: r.Steps, Holder: r.Holder, HeldUntil: timeOf(r.HeldUntil), Claims: int(r.Claims),
	}
	var wrongFault error
	if r.Failure != nil {
		o.Fault = &operation.Fault{}
		wrongFault = json.Unmarshal(r.Failure, o.Fault)
	}
	if err := errors.Join(wrongID, wrongName, wrongFault); err != nil {
		return o, fault.Wrap(err, fault.Internal, "internal", "a stored operation cannot be read")
	}
	return o, nil
}

// timeOf and nullTime translate between a time that may be zero and a column that may be null.
func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}

func nullTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return new(stampOf(t))
}

// ListOperations returns the operations of the range.
func (s *Store) ListOperations(ctx context.Context, r ports.OperationRange) ([]operation.Operation, error) {
	rows, err := s.queries.ListOperations(ctx, sqlcgen.ListOperationsParams{
		Before: r.Before.String(), Collection: r.Collection.String(), State: string(r.State), PageSize: limitOf(r.Limit),
	})
	if err != nil {
		return nil, failed(ctx, err, "list operations")
	}
	return mapped(rows, readOperation)
}

// wireFailure is a failure as it is stored.
type wireFailure struct {
	operation.Fault
	Violations []fault.Violation `json:"violations,omitempty"`
}

// ListFailures returns failures of an operation.
func (s *Store) ListFailures(ctx context.Context, id ident.Operation, after int64, limit int) ([]operation.Failure, error) {
	rows, err := s.queries.ListOperationFailures(ctx, sqlcgen.ListOperationFailuresParams{OperationID: id.String(), After: after, PageSize: limitOf(limit)})
	if err != nil {
		return nil, failed(ctx, err, "list failures of an operation")
	}
	return mapped(rows, func(r sqlcgen.ListOperationFailuresRow) (operation.Failure, error) {
		var w wireFailure
		document, err := ident.ParseDocument(r.DocumentID)
		if err = errors.Join(err, decodeExactly(r.Failure, &w)); err != nil {
			return operation.Failure{}, fault.Wrap(err, fault.Internal, "internal", "a stored failure cannot be read")
		}
		return operation.Failure{ID: document, Fault: w.Fault, Violations: w.Violations}, nil
	})
}

// decodeExactly is json.Unmarshal with numbers as they are written.
func decodeExactly(text []byte, into any) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	return decoder.Decode(into)
}

// InsertOperation keeps a new operation.
func (s *Store) InsertOperation(ctx context.Context, o operation.Operation, r *receipt.Pending[operation.Operation]) error {
	o.CreatedAt = stampOf(o.CreatedAt)
	return s.inTransaction(ctx, "insert operation", func(q *sqlcgen.Queries) error {
		if err := settlePending(ctx, q, r, o); err != nil {
			return err
		}
		n, err := q.InsertOperation(ctx, insertOperation(o))
		if err == nil && n == 0 {
			return fault.New(fault.Conflict, "operation.exists", "there is an operation %q already", o.ID)
		}
		return err
	})
}

func insertOperation(o operation.Operation) sqlcgen.InsertOperationParams {
	return sqlcgen.InsertOperationParams{
		OperationID: o.ID.String(), Bucket: o.Key.Bucket, CollectionID: o.Key.ID, Collection: o.Collection.String(), Kind: string(o.Kind), Request: string(o.Request),
		Actor: o.Actor, RequestID: o.RequestID, CreatedAt: o.CreatedAt, State: string(o.State), Phase: string(o.Phase), Cursor: o.Cursor,
		Total: o.Progress.Total, Done: o.Progress.Done, Changed: o.Progress.Changed, Failed: o.Progress.Failed, First: int64(o.First), Last: int64(o.Last),
		Steps: o.Steps, Holder: o.Holder, Claims: int32(o.Claims),
	}
}

// ClaimOperation claims the first operation that is claimable.
func (s *Store) ClaimOperation(ctx context.Context, c operation.Claim) (claimed operation.Operation, found bool, err error) {
	c.At, c.Until = stampOf(c.At), stampOf(c.Until)
	err = s.inTransaction(ctx, "claim operation", func(q *sqlcgen.Queries) error {
		row, err := q.FindClaimable(ctx, &c.At)
		if errors.Is(err, pgx.ErrNoRows) {
			return nil
		}
		if err != nil {
			return err
		}
		o, err := readOperation(row)
		if err != nil {
			return err
		}
		claimed, found = o.Claimed(c), true
		return setOperation(ctx, q, claimed)
	})
	return claimed, found && err == nil, err
}

func setOperation(ctx context.Context, q *sqlcgen.Queries, o operation.Operation) error {
	return q.SetOperation(ctx, sqlcgen.SetOperationParams{
		OperationID: o.ID.String(), State: string(o.State), StartedAt: nullTime(o.StartedAt), Holder: o.Holder, HeldUntil: nullTime(o.HeldUntil),
		Claims: int32(o.Claims),
	})
}

// AdvanceOperation commits a step without changes.
func (s *Store) AdvanceOperation(ctx context.Context, step operation.Step) error {
	return s.inTransaction(ctx, "advance operation", func(q *sqlcgen.Queries) error { return takeStep(ctx, q, step) })
}

// stepAlone commits the step of a batch without writes, where it has one.
func (s *Store) stepAlone(ctx context.Context, batch document.Batch) error {
	if batch.Step == nil {
		return nil
	}
	step, err := batch.Step([]document.Result{})
	if err != nil {
		return err
	}
	return s.AdvanceOperation(ctx, step)
}

// takeStep writes a step. The row of the operation comes last in every transaction, and who cancels holds nothing else: nobody waits in a circle.
func takeStep(ctx context.Context, q *sqlcgen.Queries, s operation.Step) error {
	o := s.Next
	var why *string
	if o.Fault != nil {
		text, err := json.Marshal(o.Fault)
		if err != nil {
			return err
		}
		why = new(string(text))
	}
	n, err := q.StepOperation(ctx, sqlcgen.StepOperationParams{
		OperationID: o.ID.String(), Holder: s.Holder, State: string(o.State), Phase: string(o.Phase), Cursor: o.Cursor,
		Total: o.Progress.Total, Done: o.Progress.Done, Changed: o.Progress.Changed, Failed: o.Progress.Failed, First: int64(o.First),
		Failure: why, Taken: o.Steps - 1, NextHolder: o.Holder, HeldUntil: nullTime(o.HeldUntil), Claims: int32(o.Claims),
	})
	if err != nil {
		return err
	}
	if n == 0 {
		return operation.ErrLost
	}
	if err := addFailures(ctx, q, o.ID, s.Failures); err != nil || !o.State.Ended() {
		return err
	}
	_, err = q.EndOperation(ctx, sqlcgen.EndOperationParams{OperationID: o.ID.String(), EndedAt: nullTime(o.EndedAt)})
	return err
}

func addFailures(ctx context.Context, q *sqlcgen.Queries, id ident.Operation, list []operation.Failure) error {
	if len(list) == 0 {
		return nil
	}
	arg := sqlcgen.AddOperationFailuresParams{OperationID: id.String(), Most: operation.MaxFailures}
	for _, f := range list {
		text, err := json.Marshal(wireFailure{f.Fault, f.Violations})
		if err != nil {
			return err
		}
		arg.DocumentIds, arg.Failures = append(arg.DocumentIds, f.ID.String()), append(arg.Failures, string(text))
	}
	return q.AddOperationFailures(ctx, arg)
}

// CancelOperation ends an operation.
func (s *Store) CancelOperation(ctx context.Context, id ident.Operation, at time.Time) (ended operation.Operation, err error) {
	err = s.inTransaction(ctx, "cancel operation", func(q *sqlcgen.Queries) error {
		row, err := q.LockOperation(ctx, id.String())
		o, err := operationOf(ctx, row, err, id, "cancel operation")
		if err != nil {
			return err
		}
		if ended, err = o.Cancelled(stampOf(at)); err != nil || o.State.Ended() {
			return err
		}
		if err := setOperation(ctx, q, ended); err != nil {
			return err
		}
		last, err := q.EndOperation(ctx, sqlcgen.EndOperationParams{OperationID: id.String(), EndedAt: nullTime(ended.EndedAt)})
		ended.Last = change.Position(last)
		return err
	})
	return ended, err
}

// PurgeOperations forgets operations that ended.
func (s *Store) PurgeOperations(ctx context.Context, before time.Time, limit int) (int, error) {
	n, err := s.queries.PurgeOperations(ctx, sqlcgen.PurgeOperationsParams{Before: new(stampOf(before)), Batch: limitOf(limit)})
	return int(n), failed(ctx, err, "purge operations")
}

// ListReversals returns the changes that a request made, with what was before them. As in List, what came says how many rows there is room for.
func (s *Store) ListReversals(ctx context.Context, key collection.Key, r ports.ReversalRange) (items []ports.Reversal, more bool, err error) {
	items = []ports.Reversal{}
	after, bytes := r.After, 0
	for {
		ask := min(r.Limit-len(items)+1, firstRows)
		if len(items) > 0 {
			ask = min(r.Limit-len(items)+1, max(r.Bytes-bytes, 0)*len(items)/max(bytes, 1)+1)
		}
		rows, err := s.queries.ListReversals(ctx, sqlcgen.ListReversalsParams{
			Bucket: key.Bucket, CollectionID: key.ID, RequestID: r.RequestID, After: int64(after), Last: int64(r.Last), PageSize: limitOf(ask),
		})
		if err != nil {
			return nil, false, failed(ctx, err, "list what an operation did")
		}
		for _, row := range rows {
			if len(items) == r.Limit || len(items) > 0 && bytes >= r.Bytes {
				return items, true, nil
			}
			item, err := reversalOf(key, r.RequestID, row)
			if err != nil {
				return nil, false, err
			}
			items = append(items, item)
			after, bytes = item.Position, bytes+len(item.Before)
		}
		if len(rows) < ask {
			return items, false, nil
		}
	}
}

func reversalOf(key collection.Key, request string, row sqlcgen.ListReversalsRow) (ports.Reversal, error) {
	id, err := ident.ParseDocument(row.ID)
	if err != nil {
		return ports.Reversal{}, fault.Wrap(err, fault.Internal, "internal", "a stored change cannot be read")
	}
	c, err := revisionOf(key, id, row.Revision, row.Op)
	c.Position, c.At, c.Actor, c.RequestID = change.Position(row.Position), row.At, row.Actor, request
	return ports.Reversal{Change: c, Before: row.Data, Known: row.Known || c.Op == change.Created}, err
}
