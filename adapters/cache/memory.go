package cache

import (
	"context"

	gocache "github.com/eko/gocache/lib/v4/store"

	"github.com/sheafdb/sheaf/domain/collection"
)

// memory keeps entries in this process, by their places. Whatever store is behind it, it does not wait, and does not fail but for what is not there.
type memory struct {
	store gocache.StoreInterface
}

// detached is the context of what nobody waits for.
var detached = context.Background()

// get returns the entry of a place, nil where there is none.
func (m memory) get(p place) *entry {
	found, err := m.store.Get(detached, p)
	if err != nil {
		return nil
	}
	return found.(*entry)
}

func (m memory) set(p place, e *entry) { _ = m.store.Set(detached, p, e) }

func (m memory) drop(p place) { _ = m.store.Delete(detached, p) }

// dropAll drops every entry of a collection.
func (m memory) dropAll(key collection.Key) {
	_ = m.store.Invalidate(detached, gocache.WithInvalidateTags([]string{tagOf(key)}))
}

func (m memory) clear() { _ = m.store.Clear(detached) }
