package app

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/sheafdb/sheaf/domain/receipt"
)

const (
	// receiptLease is how long a claim is believed without a word from its owner: what a retry waits for when the process that served the request has died.
	receiptLease = 10 * time.Second
	// receiptCall bounds what is done with a claim when the request that made it may be gone.
	receiptCall = 5 * time.Second
	// forgetEvery is how often the background looks for receipts that have ended.
	forgetEvery = time.Minute
	// forgetBatch is how many receipts one transaction removes.
	forgetBatch = 1000
)

// Receipts are the use cases of requests that may be sent again. It is safe for concurrent use.
type Receipts struct {
	Dependencies
	// Retention is how long an answer is kept.
	Retention time.Duration
	// Lease is how long a claim is believed; 0 is the default.
	Lease time.Duration
}

// KeyedRequest is a request that came with a key.
type KeyedRequest struct {
	Method, Path, Key string
	// Fingerprint is the digest of what it asks for.
	Fingerprint receipt.Digest
}

// Claim makes the caller the one who serves the request, until the ticket is closed. Where it was answered already, the receipt has the answer, and the ticket is nil.
// It fails with fault.Conflict, code "idempotency.running", while somebody else serves it, and with fault.Invalid, code "idempotency.reused", where the key belongs to another request.
func (s *Receipts) Claim(ctx context.Context, by Caller, r KeyedRequest) (*Ticket, receipt.Stored, error) {
	t := &Ticket{receipts: s, Claim: s.extended(receipt.Claim{
		ID: receipt.NewID(by.Principal.Name, r.Method, r.Path, r.Key), Owner: receipt.Owner(uuid.New()), Fingerprint: r.Fingerprint,
	})}
	stored, claimed, err := s.Store.ClaimReceipt(ctx, t.Claim)
	switch {
	case err != nil:
		return nil, receipt.Stored{}, err
	case claimed:
		t.mu.Lock()
		t.timer = time.AfterFunc(s.lease()/3, t.renew)
		t.mu.Unlock()
		return t, stored, nil
	case stored.Fingerprint != r.Fingerprint:
		return nil, receipt.Stored{}, receipt.Reused()
	case stored.Answer == nil:
		return nil, receipt.Stored{}, receipt.Running()
	}
	return nil, stored, nil
}

func (s *Receipts) lease() time.Duration {
	if s.Lease > 0 {
		return s.Lease
	}
	return receiptLease
}

// extended is a claim for as long as one made now.
func (s *Receipts) extended(c receipt.Claim) receipt.Claim {
	c.At = s.Clock()
	c.LeasedUntil, c.ExpiresAt = c.At.Add(s.lease()), c.At.Add(s.Retention)
	return c
}

// Ticket is a claim that is held while a request is served.
type Ticket struct {
	receipts *Receipts
	Claim    receipt.Claim

	// mu guards closed and timer, and keeps a renewal from beginning after Close.
	mu      sync.Mutex
	closed  bool
	timer   *time.Timer
	renewal sync.WaitGroup
}

// renew moves the end of the lease, again and again until the ticket is closed or the claim is lost.
func (t *Ticket) renew() {
	t.mu.Lock()
	if t.closed {
		t.mu.Unlock()
		return
	}
	t.renewal.Add(1)
	t.mu.Unlock()
	defer t.renewal.Done()
	ctx, cancel := context.WithTimeout(context.Background(), receiptCall)
	err := t.receipts.Store.RenewReceipt(ctx, t.receipts.extended(t.Claim))
	cancel()
	if errors.Is(err, receipt.ErrLost) { // answered, or somebody else's: who writes next will hear of it
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if !t.closed {
		t.timer.Reset(t.receipts.lease() / 3)
	}
}

// Settle keeps the answer, whether or not who asked is still there.
// It fails with receipt.ErrLost, and with what the store fails with.
func (t *Ticket) Settle(ctx context.Context, a receipt.Answer) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), receiptCall)
	defer cancel()
	return t.receipts.Store.SettleReceipt(ctx, t.Claim, receipt.Outcome{Answer: &a})
}

// Close ends the renewals. Where there is no answer the claim is given up, so that the next one who sends the request need not wait. It may be called twice.
func (t *Ticket) Close(ctx context.Context, answered bool) {
	t.mu.Lock()
	again := t.closed
	t.closed = true
	t.timer.Stop()
	t.mu.Unlock()
	t.renewal.Wait()
	if answered || again {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), receiptCall)
	defer cancel()
	_ = t.receipts.Store.ReleaseReceipt(ctx, t.Claim) // the lease ends by itself
}

// Forget removes receipts that have ended until ctx ends. Several processes may do it at once.
func (s *Receipts) Forget(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(forgetEvery)
	defer tick.Stop()
	for {
		if err := s.forgetRound(ctx); err != nil && ctx.Err() == nil {
			log.Warn("removing old receipts", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (s *Receipts) forgetRound(ctx context.Context) error {
	for {
		n, err := s.Store.PurgeReceipts(ctx, s.Clock(), forgetBatch)
		if err != nil || n < forgetBatch {
			return err
		}
	}
}
