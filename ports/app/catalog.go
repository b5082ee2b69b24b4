package app

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/schema"
	"github.com/sheafdb/sheaf/ports"
)

const (
	// catalogPoll is how often the catalog asks what changed.
	catalogPoll = 250 * time.Millisecond
	// catalogTrust is how long after the last answer the catalog still believes itself: no configuration is served that was replaced longer ago.
	catalogTrust = time.Second
	// catalogLoad bounds one look-up; it does not hang on the request that happened to be first.
	catalogLoad = 5 * time.Second
	// catalogBytes bounds the compiled configurations kept: some thousands of usual size.
	catalogBytes = 256 << 20
	// compiledFactor is about how many times the memory of its text a compiled configuration takes: 42 KB for a schema of 1 KB, as measured.
	compiledFactor = 40
	// catalogChanges is how many configuration changes are read at once.
	catalogChanges = 1000
)

// Catalog keeps compiled collections at hand. A collection is compiled once for each revision of its configuration.
//
// What it returns may be up to a second behind when another process changed the configuration. That is safe: every
// write names the version that judged it, and the store refuses one that is no longer in force. It is safe for concurrent use.
type Catalog struct {
	store  ports.CollectionStore
	limits schema.Limits
	clock  ports.Clock
	loads  singleflight.Group

	// checked is when the catalog last knew that it is complete, in Unix microseconds.
	checked atomic.Int64

	mu      sync.RWMutex
	entries map[ident.Collection]*collection.Collection
	bytes   int
	// forgotten counts what was dropped, so that a look-up that began before does not bring it back.
	forgotten uint64
}

// NewCatalog returns an empty catalog. Until Follow runs it trusts nothing it keeps, and asks the store every time.
func NewCatalog(store ports.CollectionStore, clock ports.Clock, limits schema.Limits) *Catalog {
	return &Catalog{store: store, limits: limits, clock: clock, entries: map[ident.Collection]*collection.Collection{}}
}

// Get returns the collection for documents to be read from and written to.
// It fails with fault.NotFound, code "collection.notFound", when there is none or it is being deleted.
func (c *Catalog) Get(ctx context.Context, name ident.Collection) (*collection.Collection, error) {
	if c.clock().UnixMicro()-c.checked.Load() < catalogTrust.Microseconds() {
		c.mu.RLock()
		found := c.entries[name]
		c.mu.RUnlock()
		if found != nil {
			return found, nil
		}
	}
	return c.load(ctx, name)
}

func (c *Catalog) load(ctx context.Context, name ident.Collection) (*collection.Collection, error) {
	loaded := c.loads.DoChan(name.String(), func() (_ any, err error) {
		defer recovered(&err)
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), catalogLoad)
		defer cancel()
		c.mu.RLock()
		before, have := c.forgotten, c.entries[name]
		c.mu.RUnlock()
		stored, err := c.store.GetCollection(ctx, name)
		if err != nil {
			return nil, err
		}
		if stored.State != collection.Active {
			return nil, NotFound(name)
		}
		if have != nil && have.Same(stored) {
			return have, nil
		}
		compiled, err := collection.Compile(stored, c.limits)
		if err != nil {
			return nil, err
		}
		c.keep(compiled, before)
		return compiled, nil
	})
	select {
	case <-ctx.Done():
		return nil, ctx.Err()
	case r := <-loaded:
		if r.Err != nil {
			return nil, r.Err
		}
		return r.Val.(*collection.Collection), nil
	}
}

func (c *Catalog) keep(compiled *collection.Collection, before uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.forgotten != before {
		return
	}
	for name, old := range c.entries { // Go's map order stands in for a policy: what is in use comes back at once
		if c.bytes+weight(compiled) <= catalogBytes {
			break
		}
		c.remove(name, old)
	}
	if old := c.entries[compiled.Name]; old != nil {
		c.remove(compiled.Name, old)
	}
	c.entries[compiled.Name] = compiled
	c.bytes += weight(compiled)
}

func weight(c *collection.Collection) int { return compiledFactor * len(c.Configuration) }

func (c *Catalog) remove(name ident.Collection, old *collection.Collection) {
	delete(c.entries, name)
	c.bytes -= weight(old)
}

// Forget drops a collection: the next Get asks the store.
func (c *Catalog) Forget(names ...ident.Collection) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forgotten++
	for _, name := range names {
		c.loads.Forget(name.String())
		if old := c.entries[name]; old != nil {
			c.remove(name, old)
		}
	}
}

// Follow keeps the catalog up to date with what other processes change, until ctx ends.
func (c *Catalog) Follow(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(catalogPoll)
	defer tick.Stop()
	var at change.Position
	known, failing := false, false
	for {
		began := c.clock().UnixMicro()
		var err error
		if !known {
			at, err = c.store.ConfigurationPosition(ctx)
			if err == nil {
				known = true
				c.forgetAll()
			}
		} else {
			at, err = c.catchUp(ctx, at)
		}
		if err == nil {
			c.checked.Store(began)
		}
		if ctx.Err() != nil {
			return
		}
		if (err != nil) != failing {
			failing = err != nil
			if failing {
				log.Warn("configurations cannot be followed", "error", err)
			} else {
				log.Info("configurations are followed again")
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (c *Catalog) catchUp(ctx context.Context, at change.Position) (change.Position, error) {
	for {
		names, next, err := c.store.ConfigurationChanges(ctx, at, catalogChanges)
		if err != nil {
			return at, err
		}
		if len(names) == 0 {
			return next, nil
		}
		c.Forget(names...)
		at = next
	}
}

// settled returns when no process believes any more in a configuration that was replaced before the call, or when ctx ends. Nobody has to be asked: who has not heard of it by then
// believes nothing that it remembers.
func (c *Catalog) settled(ctx context.Context) {
	timer := time.NewTimer(catalogTrust)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

func (c *Catalog) forgetAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.forgotten++
	clear(c.entries)
	c.bytes = 0
}

// NotFound is the fault of a collection that is not there.
func NotFound(name ident.Collection) error {
	return fault.New(fault.NotFound, "collection.notFound", "there is no collection %q", name)
}
