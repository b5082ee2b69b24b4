package cache

import (
	"hash/maphash"
	"math"
	"sync"
	"sync/atomic"

	"github.com/sheafdb/sheaf/domain/change"
)

// slots is how many documents of a bucket are told apart when their changes are remembered, a power of two. Documents that share a slot share their fate: a change of one
// has the cache ask the store for the others, once. A bucket in use takes 128 KiB.
const slots = 1 << 14

// unknown is above every position.
const unknown change.Position = math.MaxInt64

// ledger is what this process knows of one history of the store: how far each bucket has come, and which documents changed on the way.
//
// Positions make it simple. The store gives them out in the order of commits and without gaps, so that the state at a position is one thing, whoever read it and
// when. An entry is a document at a position; it is as good as new as long as no change of the document after that position is known.
//
// A ledger takes writes of this process down from the beginning, and says nothing of anything until it begins.
type ledger struct {
	// history is set when the ledger begins, which is before anything is served by it.
	history string
	seed    maphash.Seed
	buckets [change.Buckets]bucket
}

// bucket is what is known of one bucket.
type bucket struct {
	// through is how far the bucket was followed: every change up to there is taken down, and what it made old is no longer in memory.
	through atomic.Int64

	mu sync.Mutex
	// seen is the highest position that is known to be committed: what is read from the store from now on is not older.
	seen change.Position
	// floor is where the ledger begins: which documents changed up to there is not known.
	floor change.Position
	// changed has the position of the newest known change in each slot; nil while there is none.
	changed []change.Position
}

func newLedger() *ledger {
	l := &ledger{seed: maphash.MakeSeed()}
	for i := range l.buckets {
		l.buckets[i].floor = unknown
	}
	return l
}

// begin says that everything that changes after the positions is going to be taken down. The positions were read after the ledger was put in force.
func (l *ledger) begin(history string, at change.Positions) {
	l.history = history
	for i, p := range at {
		b := &l.buckets[i]
		b.mu.Lock()
		b.floor, b.seen = p, max(b.seen, p)
		b.through.Store(int64(p))
		b.mu.Unlock()
	}
}

// followed returns how far every bucket was followed.
func (l *ledger) followed() (at change.Positions) {
	for i := range l.buckets {
		at[i] = change.Position(l.buckets[i].through.Load())
	}
	return at
}

// lock has all buckets to itself. Nobody else has more than one.
func (l *ledger) lock() {
	for i := range l.buckets {
		l.buckets[i].mu.Lock()
	}
}

func (l *ledger) unlock() {
	for i := range l.buckets {
		l.buckets[i].mu.Unlock()
	}
}

func (l *ledger) of(p place) (b *bucket, slot int) {
	return &l.buckets[p.key.Bucket], int(maphash.Comparable(l.seed, p) & (slots - 1))
}

// horizon returns at which position the bucket is at least, if the store is asked now.
func (b *bucket) horizon() change.Position {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.seen
}

// since returns the position of the newest change that a document may have had, as far as is known: an entry from there on is current. The caller has the lock.
func (b *bucket) since(slot int) change.Position {
	if b.changed == nil {
		return b.floor
	}
	return max(b.floor, b.changed[slot])
}

// note takes a change down. The caller has the lock.
func (b *bucket) note(slot int, at change.Position) {
	if b.changed == nil {
		b.changed = make([]change.Position, slots)
	}
	b.changed[slot] = max(b.changed[slot], at)
	b.seen = max(b.seen, at)
}
