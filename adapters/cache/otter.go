package cache

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"time"

	gocache "github.com/eko/gocache/lib/v4/store"
	"github.com/maypok86/otter/v2"

	"github.com/sheafdb/sheaf/domain/collection"
)

var _ gocache.StoreInterface = (*otterStore)(nil)

// otterStore is otter behind gocache's interface, of which gocache has no adapter. It keeps entries up to a number of bytes; what is used least goes first. Unlike in
// ristretto, what is put is there at once, and is counted by its size.
type otterStore struct {
	entries *otter.Cache[place, *entry]
}

// entryBytes is about what an entry takes beside its data and id: its structures and those of the cache.
const entryBytes = 320

func newOtter(maxBytes int) *otterStore {
	return &otterStore{otter.Must(&otter.Options[place, *entry]{
		MaximumWeight: uint64(maxBytes),
		Weigher: func(p place, e *entry) uint32 {
			return uint32(min(entryBytes+len(p.id.String())+len(e.document.Data), math.MaxUint32))
		},
	})}
}

func (s *otterStore) close() {
	s.entries.InvalidateAll()
	s.entries.StopAllGoroutines()
}

// bytes is about what the entries take.
func (s *otterStore) bytes() uint64 { return s.entries.WeightedSize() }

// errMissing is what Get fails with; making one each time would cost more than the look-up.
var errMissing = gocache.NotFoundWithCause(errors.New("not in memory"))

// Get returns the entry of a place.
func (s *otterStore) Get(_ context.Context, key any) (any, error) {
	if e, found := s.entries.GetIfPresent(key.(place)); found {
		return e, nil
	}
	return nil, errMissing
}

// GetWithTTL is Get: entries stay until they are replaced, dropped or in the way.
func (s *otterStore) GetWithTTL(ctx context.Context, key any) (any, time.Duration, error) {
	e, err := s.Get(ctx, key)
	return e, 0, err
}

// Set puts an entry.
func (s *otterStore) Set(_ context.Context, key, value any, _ ...gocache.Option) error {
	s.entries.Set(key.(place), value.(*entry))
	return nil
}

// Delete drops an entry.
func (s *otterStore) Delete(_ context.Context, key any) error {
	s.entries.Invalidate(key.(place))
	return nil
}

// tagOf is the tag that every entry of a collection has.
func tagOf(key collection.Key) string { return fmt.Sprint(key.Bucket, ":", key.ID) }

// Invalidate drops every entry with one of the tags; it looks at all.
func (s *otterStore) Invalidate(_ context.Context, options ...gocache.InvalidateOption) error {
	tags := gocache.ApplyInvalidateOptions(options...).Tags
	for p := range s.entries.All() {
		if slices.Contains(tags, tagOf(p.key)) {
			s.entries.Invalidate(p)
		}
	}
	return nil
}

// Clear drops everything.
func (s *otterStore) Clear(context.Context) error {
	s.entries.InvalidateAll()
	return nil
}

// GetType names the kind of store.
func (*otterStore) GetType() string { return "otter" }
