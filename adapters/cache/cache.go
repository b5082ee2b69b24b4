// Package cache keeps documents at hand: in this process, and in a Redis beside it where there is one. It is a ports.Store in front of another.
//
// Only GetRecent is answered from here, and only while the cache knows what it is talking about:
//
//   - A follower asks the store every moment which documents changed (follow.go), and what changed is no longer served. When it cannot ask, nothing is served from here
//     once the last answer is older than the bound.
//   - A write that goes through this store is known here before it is acknowledged.
//   - Every entry carries a position: it is the document as it was when its bucket was at that position. A ledger (ledger.go) knows which documents changed after which
//     positions, and decides whether an entry is still what the store would say. So it does not matter who wrote the entry, when, or how long Redis kept it: an entry that is
//     older than what is known is refused, and a Redis that forgets, restores or mixes up costs time only.
//
// Start reading at Store.GetRecent, then ledger.go.
package cache

import (
	"context"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/ports"
)

var _ ports.Store = (*Store)(nil)

// Config says what stands behind a cache and how much it may keep. The zero value of each field but Store is a sensible default.
type Config struct {
	Store ports.Store
	// MaxBytes bounds the documents kept in this process; 0 is 64 MiB.
	MaxBytes int
	// MaxStaleness bounds how old a document may be that is served from here although another process has changed it; 0 is 1 s. The store is asked four times as often.
	MaxStaleness time.Duration
	// Shared is the cache beside this process; nil is none. Who opened it closes it, after the store.
	Shared *Shared
	// Now tells the time, with the monotonic clock; nil is time.Now.
	Now func() time.Time
	// Logger hears of what no caller can be told; nil discards it.
	Logger *slog.Logger
}

const (
	defaultBytes     = 64 << 20
	defaultStaleness = time.Second
	// loadTimeout bounds one load that callers share: it does not hang on the caller that happened to be first.
	loadTimeout = 5 * time.Second
	// keptWrites is how many documents a batch may have for them to be kept: what an import writes is not what is read next.
	keptWrites = 16
)

// others are the parts of a store that this package adds little or nothing to. ports.DocumentWriter is not among them: whatever writes documents has to be known here.
type others interface {
	ports.CollectionStore
	ports.DocumentReader
	ports.DocumentFinder
	ports.DocumentAggregator
	ports.DocumentHistory
	ports.ChangeReader
	ports.ExpiryStore
	ports.ReferenceStore
	ports.IndexStore
	ports.ReceiptStore
	ports.OperationStore
	ports.FollowerStore
}

// Store is a cache in front of a store. Its methods may be called concurrently. Until Follow runs it keeps nothing.
type Store struct {
	others
	inner  ports.Store
	memory memory
	otter  *otterStore // what is behind memory
	shared *Shared
	bound  time.Duration
	now    func() time.Time
	log    *slog.Logger

	// ledger is the one in force.
	ledger atomic.Pointer[ledger]
	// trusted is until when the cache believes itself, after start.
	trusted atomic.Int64
	start   time.Time
	// woken tells the follower not to wait.
	woken   chan struct{}
	flights singleflight.Group
	purged  purged
	stat    counters
	close   sync.Once
}

// New returns an empty cache in front of a store.
func New(c Config) *Store {
	if c.MaxBytes <= 0 {
		c.MaxBytes = defaultBytes
	}
	if c.MaxStaleness <= 0 {
		c.MaxStaleness = defaultStaleness
	}
	if c.Now == nil {
		c.Now = time.Now
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	o := newOtter(c.MaxBytes)
	s := &Store{
		others: c.Store, inner: c.Store, memory: memory{o}, otter: o, shared: c.Shared, bound: c.MaxStaleness, now: c.Now, log: c.Logger, start: c.Now(), woken: make(chan struct{}, 1),
	}
	s.ledger.Store(newLedger())
	return s
}

// Close forgets everything. The store behind it stays open. It may be called twice.
func (s *Store) Close() { s.close.Do(s.otter.close) }

// place is where a document is.
type place struct {
	key collection.Key
	id  ident.Document
}

// name is the place as text.
func (p place) name() string {
	b := make([]byte, 0, 64)
	b = strconv.AppendInt(b, int64(p.key.Bucket), 10)
	b = append(b, ':')
	b = strconv.AppendInt(b, int64(p.key.ID), 10)
	b = append(b, ':')
	return string(append(b, p.id.String()...))
}

// entry is a document as it was when its bucket was at a position, or that there was none. It is never changed.
type entry struct {
	at change.Position
	// gone says that there is no document.
	gone     bool
	document document.Document
}

func (e *entry) answer(from ports.Source) (document.Document, ports.Source, error) {
	if e.gone {
		return document.Document{}, from, fault.New(fault.NotFound, "document.notFound", "there is no such document")
	}
	return e.document, from, nil
}

// GetRecent returns the document from memory, from the shared cache or from the store.
func (s *Store) GetRecent(ctx context.Context, key collection.Key, id ident.Document, seen change.Position) (document.Document, ports.Source, error) {
	if err := ctx.Err(); err != nil {
		return document.Document{}, ports.FromStore, err
	}
	l := s.ledger.Load()
	if !s.Sure() || s.purged.has(key) {
		s.stat.bypassed.Add(1)
		d, err := s.inner.Get(ctx, key, id)
		return d, ports.FromStore, err
	}
	p := place{key, id}
	// How far the bucket was followed has to be read before the entry: then the entry is no older.
	followed := change.Position(l.buckets[key.Bucket].through.Load())
	if e := s.memory.get(p); e != nil && seen <= max(e.at, followed) {
		s.stat.memoryHits.Add(1)
		return e.answer(ports.FromMemory)
	}
	s.stat.memoryMisses.Add(1)
	return s.load(ctx, l, p, seen)
}

// Sure says whether the cache knows well enough what has changed to answer at all.
func (s *Store) Sure() bool { return s.elapsed() < s.trusted.Load() }

func (s *Store) elapsed() int64 { return int64(s.now().Sub(s.start)) }
