// Package receipt says what is kept of a request that may be sent again, so that it has one effect and one answer.
//
// Whoever serves such a request claims its receipt first, and holds the claim by a lease; others who serve the same request are told that it runs.
// The answer is written in the transaction of the effect (Pending), and only by the owner of the claim: what was done is known to be done, and
// an owner that is late cannot do it again. A claim whose owner is gone is taken over when its lease ends. Start at Claim and Stored.
package receipt

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/sheafdb/sheaf/domain/fault"
)

// Digest is a SHA-256.
type Digest [sha256.Size]byte

// DigestOf returns the digest of a list of texts; no two lists have the same.
func DigestOf(parts ...[]byte) Digest {
	h := sha256.New()
	for _, part := range parts {
		var length [8]byte
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		h.Write(length[:])
		h.Write(part)
	}
	return Digest(h.Sum(nil))
}

// NewID returns the id of a receipt: a key belongs to who sends it, and to the method and the path that it is sent to.
func NewID(principal, method, path, key string) Digest {
	return DigestOf([]byte(principal), []byte(method), []byte(path), []byte(key))
}

// Owner tells one claim from every other: a random number.
type Owner [16]byte

// Claim is a request to own a receipt.
type Claim struct {
	ID    Digest
	Owner Owner
	// Fingerprint is the digest of what the request asks for: the same key with another one is another request.
	Fingerprint Digest
	// At is when the claim is made. It is held until LeasedUntil, unless it is renewed; the receipt is forgotten at ExpiresAt.
	At, LeasedUntil, ExpiresAt time.Time
}

// Answer is what a request was answered with.
type Answer struct {
	Status int
	Header map[string]string
	Body   []byte
}

// Outcome is what an owner leaves in the receipt. Once there is an answer nothing of it changes any more.
type Outcome struct {
	// Answer is nil while the request goes on.
	Answer *Answer
	// Progress is how far the request is, for whoever has to go on with it; nil leaves what is there.
	Progress []byte
}

// Stored is a receipt as it is kept.
type Stored struct {
	Claim
	Outcome
}

// Yields says whether the receipt is free for c: it is forgotten, or nobody is at it any more. Where something is done already, only the same request may go on.
func (s Stored) Yields(c Claim) bool {
	if !c.At.Before(s.ExpiresAt) {
		return true
	}
	return s.Answer == nil && !c.At.Before(s.LeasedUntil) && (s.Progress == nil || s.Fingerprint == c.Fingerprint)
}

// Taken is what becomes of the receipt when c takes it over.
func (s Stored) Taken(c Claim) Stored {
	next := Stored{Claim: c}
	if c.At.Before(s.ExpiresAt) && s.Fingerprint == c.Fingerprint {
		next.Progress = s.Progress
	}
	return next
}

// Owned says whether the owner of c may still write to the receipt.
func (s Stored) Owned(c Claim) bool { return s.Owner == c.Owner && s.Answer == nil }

// Pending is a receipt that is written with an effect, in its transaction.
type Pending[T any] struct {
	Claim Claim
	// Outcome says what is left in the receipt, of what the effect was. It is pure and may be called more than once.
	Outcome func(T) Outcome
}

// Of is the receipt p, nil for nil, of an effect that is seen in another way.
func Of[T, U any](p *Pending[T], see func(U) T) *Pending[U] {
	if p == nil {
		return nil
	}
	return &Pending[U]{Claim: p.Claim, Outcome: func(effect U) Outcome { return p.Outcome(see(effect)) }}
}

// retryAfter is when whoever meets a running request may ask again.
const retryAfter = time.Second

// ErrLost is the error of an owner whose claim somebody else has taken over: it was away for longer than its lease. The other one does, or did, what was asked for.
var ErrLost = Running()

// Running is the fault of a request that is being served already.
func Running() *fault.Error {
	return fault.New(fault.Conflict, "idempotency.running", "a request with this Idempotency-Key is being served").After(retryAfter)
}

// Reused is the fault of a key that came with another request before.
func Reused() *fault.Error {
	return fault.New(fault.Invalid, "idempotency.reused", "this Idempotency-Key was used for another request")
}
