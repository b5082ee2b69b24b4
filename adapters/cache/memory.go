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

var _ gocache.StoreInterface = (*memory)(nil)

// memory keeps entries in this process, by their places, up to a number of bytes; what is used least goes first. It is otter behind gocache's interface, of which gocache has no
// adapter: unlike that of ristretto, what is put is there at once, and bounded by its size. It never fails but for what is not there.
type memory struct {
	entries *otter.Cache[place, *entry]
}

// entryBytes is about what an entry takes beside its data and id: its structures and those of the cache.
const entryBytes = 320

func newMemory(maxBytes int) *memory {
	return &memory{otter.Must(&otter.Options[place, *entry]{
		MaximumWeight: uint64(maxBytes),
		Weigher: func(p place, e *entry) uint32 {
			return uint32(min(entryBytes+len(p.id.String())+len(e.document.Data), math.MaxUint32))
		},
	})}
}

func (m *memory) close() {
	m.entries.InvalidateAll()
	m.entries.StopAllGoroutines()
}

// bytes is about what the entries take.
func (m *memory) bytes() uint64 { return m.entries.WeightedSize() }

// errMissing is what Get fails with; making one each time would cost more than the look-up.
var errMissing = gocache.NotFoundWithCause(errors.New("not in memory"))

// Get returns the entry of a place.
func (m *memory) Get(_ context.Context, key any) (any, error) {
	if e, found := m.entries.GetIfPresent(key.(place)); found {
		return e, nil
	}
	return nil, errMissing
}

// GetWithTTL is Get: entries stay until they are replaced, dropped or in the way.
func (m *memory) GetWithTTL(ctx context.Context, key any) (any, time.Duration, error) {
	e, err := m.Get(ctx, key)
	return e, 0, err
}

// Set puts an entry.
func (m *memory) Set(_ context.Context, key, value any, _ ...gocache.Option) error {
	m.entries.Set(key.(place), value.(*entry))
	return nil
}

// Delete drops an entry.
func (m *memory) Delete(_ context.Context, key any) error {
	m.entries.Invalidate(key.(place))
	return nil
}

// tagOf is the tag that every entry of a collection has.
func tagOf(key collection.Key) string { return fmt.Sprint(key.Bucket, ":", key.ID) }

// Invalidate drops every entry with one of the tags; it looks at all.
func (m *memory) Invalidate(_ context.Context, options ...gocache.InvalidateOption) error {
	tags := gocache.ApplyInvalidateOptions(options...).Tags
	for p := range m.entries.All() {
		if slices.Contains(tags, tagOf(p.key)) {
			m.entries.Invalidate(p)
		}
	}
	return nil
}

// Clear drops everything.
func (m *memory) Clear(context.Context) error {
	m.entries.InvalidateAll()
	return nil
}

// GetType names the kind of store.
func (*memory) GetType() string { return "otter" }
