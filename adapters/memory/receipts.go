package memory

import (
	"context"
	"time"

	"github.com/sheafdb/sheaf/domain/receipt"
)

// ClaimReceipt makes the claim where nobody else has the receipt.
func (s *Store) ClaimReceipt(ctx context.Context, c receipt.Claim) (receipt.Stored, bool, error) {
	if err := ctx.Err(); err != nil {
		return receipt.Stored{}, false, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	c.At, c.LeasedUntil, c.ExpiresAt = stamp(c.At), stamp(c.LeasedUntil), stamp(c.ExpiresAt)
	found, there := s.receipts[c.ID]
	switch {
	case !there:
		found = receipt.Stored{Claim: c}
	case found.Yields(c):
		found = found.Taken(c)
	default:
		return found, false, nil
	}
	s.receipts[c.ID] = found
	return found, true, nil
}

// RenewReceipt moves the end of the lease.
func (s *Store) RenewReceipt(ctx context.Context, c receipt.Claim) error {
	return s.owned(ctx, c, func(r *receipt.Stored) { r.LeasedUntil, r.ExpiresAt = stamp(c.LeasedUntil), stamp(c.ExpiresAt) })
}

// SettleReceipt leaves an outcome in the receipt.
func (s *Store) SettleReceipt(ctx context.Context, c receipt.Claim, o receipt.Outcome) error {
	return s.owned(ctx, c, func(r *receipt.Stored) { leave(r, o) })
}

// ReleaseReceipt ends the lease.
func (s *Store) ReleaseReceipt(ctx context.Context, c receipt.Claim) error {
	if err := s.owned(ctx, c, func(r *receipt.Stored) { r.LeasedUntil = time.Unix(0, 0).UTC() }); err != nil && ctx.Err() != nil {
		return err
	}
	return nil
}

// owned changes a receipt for its owner.
func (s *Store) owned(ctx context.Context, c receipt.Claim, change func(*receipt.Stored)) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r := s.receipts[c.ID]
	if !r.Owned(c) {
		return receipt.ErrLost
	}
	change(&r)
	s.receipts[c.ID] = r
	return nil
}

func leave(r *receipt.Stored, o receipt.Outcome) {
	r.Answer = o.Answer
	if o.Progress != nil {
		r.Progress = o.Progress
	}
}

// settling returns what writes a pending receipt, as soon as nothing else can fail. The lock is held.
func settling[T any](s *Store, p *receipt.Pending[T], effect T) (func(), error) {
	if p == nil {
		return func() {}, nil
	}
	r := s.receipts[p.Claim.ID]
	if !r.Owned(p.Claim) {
		return nil, receipt.ErrLost
	}
	leave(&r, p.Outcome(effect))
	return func() { s.receipts[p.Claim.ID] = r }, nil
}

// PurgeReceipts removes receipts that have ended.
func (s *Store) PurgeReceipts(ctx context.Context, at time.Time, limit int) (int, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for id, r := range s.receipts {
		if n < limit && !at.Before(r.ExpiresAt) {
			delete(s.receipts, id)
			n++
		}
	}
	return n, nil
}
