package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sheafdb/sheaf/adapters/postgres/sqlcgen"
	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/receipt"
)

// claimTries bounds how often a claim looks again because somebody changed the receipt in between.
const claimTries = 20

// bucketOfReceipt spreads receipts.
func bucketOfReceipt(id receipt.Digest) int32 { return int32(id[0] % change.Buckets) }

// ClaimReceipt makes the claim where there is no receipt, or where it yields.
func (s *Store) ClaimReceipt(ctx context.Context, c receipt.Claim) (receipt.Stored, bool, error) {
	c.At, c.LeasedUntil, c.ExpiresAt = stampOf(c.At), stampOf(c.LeasedUntil), stampOf(c.ExpiresAt)
	for range claimTries {
		n, err := s.queries.InsertReceipt(ctx, sqlcgen.InsertReceiptParams{
			Bucket: bucketOfReceipt(c.ID), ID: c.ID[:], Fingerprint: c.Fingerprint[:], Owner: c.Owner[:], At: c.At, LeasedUntil: c.LeasedUntil, ExpiresAt: c.ExpiresAt,
		})
		if err != nil {
			return receipt.Stored{}, false, failed(ctx, err, "claim a receipt")
		}
		if n > 0 {
			return receipt.Stored{Claim: c}, true, nil
		}
		found, err := s.receipt(ctx, c.ID)
		if errors.Is(err, pgx.ErrNoRows) {
			continue // it was purged meanwhile
		}
		if err != nil {
			return receipt.Stored{}, false, failed(ctx, err, "read a receipt")
		}
		if !found.Yields(c) {
			return found, false, nil
		}
		next := found.Taken(c)
		if n, err = s.queries.TakeReceipt(ctx, takeReceipt(found, next)); err != nil {
			return receipt.Stored{}, false, failed(ctx, err, "take a receipt over")
		}
		if n > 0 {
			return next, true, nil
		}
	}
	return receipt.Stored{}, false, contended(errors.New("others claimed the same receipt"))
}

func (s *Store) receipt(ctx context.Context, id receipt.Digest) (receipt.Stored, error) {
	row, err := s.queries.GetReceipt(ctx, sqlcgen.GetReceiptParams{Bucket: bucketOfReceipt(id), ID: id[:]})
	if err != nil {
		return receipt.Stored{}, err
	}
	found := receipt.Stored{
		Claim:   receipt.Claim{ID: id, At: row.At, LeasedUntil: row.LeasedUntil, ExpiresAt: row.ExpiresAt},
		Outcome: receipt.Outcome{Progress: row.Progress},
	}
	if len(row.Owner) != len(found.Owner) || len(row.Fingerprint) != len(found.Fingerprint) {
		return receipt.Stored{}, fault.New(fault.Internal, "internal", "a stored receipt cannot be read")
	}
	found.Owner, found.Fingerprint = receipt.Owner(row.Owner), receipt.Digest(row.Fingerprint)
	if row.Status == 0 {
		return found, nil
	}
	found.Answer = &receipt.Answer{Status: int(row.Status), Body: row.Body}
	if row.Header != nil {
		if err := json.Unmarshal(row.Header, &found.Answer.Header); err != nil {
			return receipt.Stored{}, fault.Wrap(err, fault.Internal, "internal", "a stored receipt cannot be read")
		}
	}
	return found, nil
}

func takeReceipt(before, next receipt.Stored) sqlcgen.TakeReceiptParams {
	status := 0
	if before.Answer != nil {
		status = before.Answer.Status
	}
	return sqlcgen.TakeReceiptParams{
		Fingerprint: next.Fingerprint[:], Owner: next.Owner[:], At: next.At, LeasedUntil: next.LeasedUntil, ExpiresAt: next.ExpiresAt, Progress: next.Progress,
		Bucket: bucketOfReceipt(next.ID), ID: next.ID[:], BeforeOwner: before.Owner[:], BeforeStatus: int32(status),
		BeforeLeasedUntil: before.LeasedUntil, BeforeExpiresAt: before.ExpiresAt, BeforeProgress: before.Progress,
	}
}

// RenewReceipt moves the end of the lease.
func (s *Store) RenewReceipt(ctx context.Context, c receipt.Claim) error {
	n, err := s.queries.RenewReceipt(ctx, sqlcgen.RenewReceiptParams{
		LeasedUntil: stampOf(c.LeasedUntil), ExpiresAt: stampOf(c.ExpiresAt), Bucket: bucketOfReceipt(c.ID), ID: c.ID[:], Owner: c.Owner[:],
	})
	if err == nil && n == 0 {
		return receipt.ErrLost
	}
	return failed(ctx, err, "renew a claim")
}

// ReleaseReceipt ends the lease.
func (s *Store) ReleaseReceipt(ctx context.Context, c receipt.Claim) error {
	err := s.queries.ReleaseReceipt(ctx, sqlcgen.ReleaseReceiptParams{Bucket: bucketOfReceipt(c.ID), ID: c.ID[:], Owner: c.Owner[:]})
	return failed(ctx, err, "release a claim")
}

// SettleReceipt leaves an outcome in the receipt.
func (s *Store) SettleReceipt(ctx context.Context, c receipt.Claim, o receipt.Outcome) error {
	err := s.queries.SettleReceipts(ctx, settlements{{claim: c, outcome: o}}.params())
	switch {
	case stateOf(err) == stateClaimLost:
		return receipt.ErrLost
	case err == nil || undone(err) || ctx.Err() != nil:
		return failed(ctx, err, "settle a receipt")
	}
	return unknown(err)
}

// PurgeReceipts removes receipts that have ended.
func (s *Store) PurgeReceipts(ctx context.Context, at time.Time, limit int) (int, error) {
	n, err := s.queries.PurgeReceipts(ctx, sqlcgen.PurgeReceiptsParams{At: at, Batch: limitOf(limit)})
	return int(n), failed(ctx, err, "purge receipts")
}

// settlements are the receipts that a transaction writes.
type settlements []settlement

type settlement struct {
	claim   receipt.Claim
	outcome receipt.Outcome
	unit    *unit
}

// settlementsOf returns the receipts of the units that succeeded, in their order: no two transactions write the same one, or a claim is lost.
func settlementsOf(units []*unit) (list settlements) {
	for _, u := range units {
		if u.err == nil && u.batch.Receipt != nil {
			list = append(list, settlement{u.batch.Receipt.Claim, u.outcome, u})
		}
	}
	return list
}

// settlePending writes the receipt of a change of a configuration.
func settlePending[T any](ctx context.Context, q *sqlcgen.Queries, p *receipt.Pending[T], effect T) error {
	if p == nil {
		return nil
	}
	err := q.SettleReceipts(ctx, settlements{{claim: p.Claim, outcome: p.Outcome(effect)}}.params())
	if stateOf(err) == stateClaimLost {
		return receipt.ErrLost
	}
	return err
}

// params are the receipts as the parallel arrays that the function of the database takes.
func (s settlements) params() sqlcgen.SettleReceiptsParams {
	n := len(s)
	arg := sqlcgen.SettleReceiptsParams{
		Buckets: make([]int32, n), Ids: make([][]byte, n), Owners: make([][]byte, n), Statuses: make([]int32, n),
		Headers: make([]string, n), Bodies: make([][]byte, n), Progresses: make([][]byte, n),
	}
	for i := range s {
		c, o := &s[i].claim, s[i].outcome
		arg.Buckets[i], arg.Ids[i], arg.Owners[i] = bucketOfReceipt(c.ID), c.ID[:], c.Owner[:]
		arg.Headers[i], arg.Progresses[i] = "null", o.Progress
		if o.Answer == nil {
			continue
		}
		header, err := json.Marshal(o.Answer.Header)
		if err != nil {
			panic(fmt.Sprintf("postgres: a map of texts always encodes: %v", err))
		}
		arg.Statuses[i], arg.Headers[i], arg.Bodies[i] = int32(o.Answer.Status), string(header), o.Answer.Body
	}
	return arg
}

// queue sends the receipts before what they are about: their locks are taken before all others.
func (s settlements) queue(b *pgx.Batch) {
	if len(s) == 0 {
		return
	}
	p := s.params()
	b.Queue(sqlcgen.SettleReceipts, p.Buckets, p.Ids, p.Owners, p.Statuses, p.Headers, p.Bodies, p.Progresses)
}

// blame finds out which units' claims are lost. Every other error it returns as it is.
func (s settlements) blame(err error) error {
	e := serverError(err)
	if e == nil || e.Code != stateClaimLost {
		return err
	}
	r := &refusal{map[*unit]error{}}
	for word := range strings.SplitSeq(e.Detail, ",") {
		n, bad := strconv.Atoi(word)
		if bad != nil || n < 1 || n > len(s) {
			return err
		}
		r.of[s[n-1].unit] = receipt.ErrLost
	}
	return r
}
