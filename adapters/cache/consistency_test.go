package cache_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/adapters/cache"
	"github.com/sheafdb/sheaf/adapters/memory"
	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/ports"
)

// noon is when everything happens.
var noon = time.Date(2026, 11, 24, 12, 0, 0, 123_456_000, time.UTC)

func id(s string) ident.Document {
	d, err := ident.ParseDocument(s)
	if err != nil {
		panic(err)
	}
	return d
}

// books declares a collection in a store.
func books(tb testing.TB, s ports.CollectionWriter) collection.Stored {
	tb.Helper()
	name, err := ident.ParseCollection("books")
	if err != nil {
		tb.Fatal(err)
	}
	stored, _, err := s.WriteCollection(context.Background(), ports.CollectionChange{
		Name: name, At: noon, Decide: func(*collection.Stored) ([]byte, error) { return []byte(`{}`), nil },
	})
	if err != nil {
		tb.Fatal(err)
	}
	return stored
}

// put stores a document.
func put(tb testing.TB, s ports.DocumentWriter, c collection.Stored, name, data string) document.Result {
	tb.Helper()
	return write(tb, s, c, name, document.Put(document.AsIs([]byte(data)), document.Precondition{}))
}

func remove(tb testing.TB, s ports.DocumentWriter, c collection.Stored, name string) document.Result {
	tb.Helper()
	return write(tb, s, c, name, document.Delete(c.Name, id(name), document.Precondition{}))
}

func write(tb testing.TB, s ports.DocumentWriter, c collection.Stored, name string, does document.Change) document.Result {
	tb.Helper()
	results, err := s.Write(context.Background(), document.Batch{At: noon, Writes: []document.Write{{Collection: c.Version(), ID: id(name), Change: does}}})
	if err != nil {
		tb.Fatal(err)
	}
	return results[0]
}

// want reads a document, which has to be so, from there.
func want(tb testing.TB, s *cache.Store, c collection.Stored, name, data string, from ports.Source, seen ...change.Position) {
	tb.Helper()
	var least change.Position
	if len(seen) > 0 {
		least = seen[0]
	}
	d, source, err := s.GetRecent(context.Background(), c.Key, id(name), least)
	if data == "" && (err == nil || fault.CodeOf(err) != "document.notFound") || data != "" && (err != nil || string(d.Data) != data) {
		tb.Errorf("%s is %s (%v), want %s", name, d.Data, err, data)
	}
	if source != from {
		tb.Errorf("%s is from %d, want %d", name, source, from)
	}
}

// counting is a store that counts the documents which are read one by one.
type counting struct {
	ports.Store
	reads atomic.Int64
	// before runs before a read; nil is nothing.
	before func(ctx context.Context, name string) error
	// deaf says that nobody is told what is new.
	deaf atomic.Bool
	// met says that somebody has asked, and was not told.
	met  atomic.Bool
	news atomic.Int64
	// wakes have the followers ask at once.
	wakes []func()
}

func (s *counting) Get(ctx context.Context, key collection.Key, name ident.Document) (document.Document, error) {
	s.reads.Add(1)
	if s.before != nil {
		if err := s.before(ctx, name.String()); err != nil {
			return document.Document{}, err
		}
	}
	return s.Store.Get(ctx, key, name)
}

var errDeaf = errors.New("nobody answers")

func (s *counting) News(ctx context.Context, after change.Positions, limit int) (change.News, error) {
	if s.deaf.Load() {
		s.met.Store(true)
		return change.News{}, errDeaf
	}
	defer s.news.Add(1)
	return s.Store.News(ctx, after, limit)
}

// followed waits until the cache has heard of what happened before.
func (s *counting) followed(tb testing.TB) {
	tb.Helper()
	// The first of them may have been on its way.
	next := s.news.Load() + 2
	eventually(tb, "the follower asks", func() bool {
		for _, wake := range s.wakes {
			wake()
		}
		return s.news.Load() >= int64(len(s.wakes))+next
	})
}

// quick has the follower ask all the time, and the cache be sure of itself for long.
func quick(c *cache.Config) { c.MaxStaleness = 40 * time.Millisecond }

func TestGetRecent_FromMemory(t *testing.T) {
	t.Parallel()
	store := &counting{Store: memory.New()}
	s := inFront(t, store)
	c := books(t, s)
	put(t, store, c, "a", `1`)
	store.followed(t)
	for i := range 5 {
		from := ports.FromMemory
		if i == 0 {
			from = ports.FromStore
		}
		want(t, s, c, "a", `1`, from)
		want(t, s, c, "b", ``, from)
	}
	if n := store.reads.Load(); n != 2 {
		t.Errorf("%d reads of the store", n)
	}
	// What this process writes is at hand at once.
	put(t, s, c, "a", `2`)
	put(t, s, c, "b", `3`)
	want(t, s, c, "a", `2`, ports.FromMemory)
	want(t, s, c, "b", `3`, ports.FromMemory)
	remove(t, s, c, "a")
	want(t, s, c, "a", ``, ports.FromMemory)
	stat := s.Stat()
	if stat.MemoryHits != 11 || stat.MemoryMisses != 2 || stat.Loads != 2 || stat.Bypassed != 0 {
		t.Errorf("got %+v", stat)
	}
}

// What another process writes is known as soon as the follower has heard of it.
func TestFollow_OthersWrite(t *testing.T) {
	t.Parallel()
	store := &counting{Store: memory.New()}
	s := inFront(t, store, func(c *cache.Config) { c.MaxStaleness = time.Second })
	c := books(t, store)
	put(t, store, c, "a", `1`)
	want(t, s, c, "a", `1`, ports.FromStore)
	want(t, s, c, "b", ``, ports.FromStore)
	want(t, s, c, "c", ``, ports.FromStore)
	put(t, store, c, "a", `2`)
	put(t, store, c, "b", `1`)
	store.followed(t)
	want(t, s, c, "a", `2`, ports.FromStore)
	want(t, s, c, "b", `1`, ports.FromStore)
	want(t, s, c, "c", ``, ports.FromMemory) // nobody has written that one
	remove(t, store, c, "a")
	store.followed(t)
	want(t, s, c, "a", ``, ports.FromStore)
	want(t, s, c, "a", ``, ports.FromMemory)
}

// A cache that cannot ask what is new serves nothing older than the bound, and goes on where it was.
func TestFollow_Deaf(t *testing.T) {
	t.Parallel()
	store := &counting{Store: memory.New()}
	s := inFront(t, store, quick)
	c := books(t, store)
	put(t, store, c, "a", `1`)
	eventually(t, "it is in memory", func() bool {
		_, from, err := s.GetRecent(t.Context(), c.Key, id("a"), 0)
		return err == nil && from == ports.FromMemory
	})
	store.deaf.Store(true)
	put(t, store, c, "a", `2`)
	eventually(t, "it is not sure any more", func() bool { return !s.Sure() })
	for range 3 {
		want(t, s, c, "a", `2`, ports.FromStore)
	}
	store.deaf.Store(false)
	store.followed(t)
	eventually(t, "it is sure again", s.Sure)
	eventually(t, "the new one is in memory", func() bool {
		d, from, err := s.GetRecent(t.Context(), c.Key, id("a"), 0)
		return err == nil && from == ports.FromMemory && string(d.Data) == `2`
	})
}

// Who has seen a position is served nothing older, whatever the cache has heard.
func TestGetRecent_Seen(t *testing.T) {
	t.Parallel()
	store := &counting{Store: memory.New()}
	s := inFront(t, store)
	c := books(t, store)
	put(t, store, c, "a", `1`)
	store.followed(t)
	want(t, s, c, "a", `1`, ports.FromStore)
	store.deaf.Store(true)
	eventually(t, "the follower has met a deaf store", func() bool { return store.met.Load() })
	mark := put(t, store, c, "a", `2`).Mark
	want(t, s, c, "a", `1`, ports.FromMemory)
	want(t, s, c, "a", `2`, ports.FromStore, mark.Position)
	want(t, s, c, "a", `2`, ports.FromMemory) // once seen, it is kept
	// A position that nobody has reached is asked for in the store, every time, and spoils nothing.
	for range 3 {
		want(t, s, c, "a", `2`, ports.FromStore, 1<<60)
	}
	want(t, s, c, "a", `2`, ports.FromMemory)
	put(t, s, c, "a", `3`)
	want(t, s, c, "a", `3`, ports.FromMemory)
}

// Many who want the same document share one load, which does not end when the first of them leaves.
func TestLoad_Shared(t *testing.T) {
	t.Parallel()
	store := &counting{Store: memory.New()}
	s := inFront(t, store)
	c := books(t, store)
	put(t, store, c, "a", `1`)
	begun, release := make(chan struct{}), make(chan struct{})
	store.before = func(ctx context.Context, _ string) error {
		close(begun)
		<-release
		return ctx.Err()
	}
	first, leave := context.WithCancel(t.Context())
	var all sync.WaitGroup
	all.Go(func() {
		if _, _, err := s.GetRecent(first, c.Key, id("a"), 0); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	<-begun
	var waiting atomic.Int64
	for range 10 {
		all.Go(func() {
			waiting.Add(1)
			d, _, err := s.GetRecent(t.Context(), c.Key, id("a"), 0)
			if err != nil || string(d.Data) != `1` {
				t.Errorf("got %s, %v", d.Data, err)
			}
		})
	}
	eventually(t, "all wait", func() bool { return waiting.Load() == 10 && s.Stat().MemoryMisses == 11 })
	leave()
	close(release)
	all.Wait()
	if n := store.reads.Load(); n != 1 {
		t.Errorf("%d loads", n)
	}
}

// A load that began before a write was acknowledged is not what is served after it, and does not stay.
func TestLoad_Overtaken(t *testing.T) {
	t.Parallel()
	inner := memory.New()
	store := &late{Store: inner}
	s := inFront(t, store)
	c := books(t, inner)
	put(t, inner, c, "a", `1`)
	store.found, store.release = make(chan struct{}), make(chan struct{})
	var all sync.WaitGroup
	all.Go(func() {
		// Who came before the write may see what was there before.
		if _, _, err := s.GetRecent(t.Context(), c.Key, id("a"), 0); err != nil {
			t.Error(err)
		}
	})
	<-store.found
	put(t, s, c, "a", `2`)
	want(t, s, c, "a", `2`, ports.FromMemory)
	close(store.release)
	all.Wait()
	want(t, s, c, "a", `2`, ports.FromMemory)

	// The same for a document that is written but not kept, because it comes with many others.
	store.found, store.release = make(chan struct{}), make(chan struct{})
	store.once = sync.Once{}
	var writes []document.Write
	for i := range 100 {
		name := id(fmt.Sprint("many", i))
		writes = append(writes, document.Write{Collection: c.Version(), ID: name, Change: document.Put(document.AsIs([]byte(`1`)), document.Precondition{})})
	}
	all.Go(func() { want(t, s, c, "many7", ``, ports.FromStore) })
	<-store.found
	if _, err := s.Write(t.Context(), document.Batch{At: noon, Writes: writes}); err != nil {
		t.Fatal(err)
	}
	joined := make(chan struct{})
	all.Go(func() {
		defer close(joined)
		want(t, s, c, "many7", `1`, ports.FromStore)
	})
	eventually(t, "it waits", func() bool { return s.Stat().MemoryMisses == 3 })
	close(store.release)
	<-joined
	all.Wait()
	want(t, s, c, "many7", `1`, ports.FromMemory)
}

// late is a store whose first reader waits with what it found.
type late struct {
	ports.Store
	once           sync.Once
	found, release chan struct{}
}

func (s *late) Get(ctx context.Context, key collection.Key, name ident.Document) (document.Document, error) {
	d, err := s.Store.Get(ctx, key, name)
	if s.found != nil {
		s.once.Do(func() {
			close(s.found)
			<-s.release
		})
	}
	return d, err
}

// A store that fails is not remembered as one that has nothing.
func TestLoad_Fails(t *testing.T) {
	t.Parallel()
	store := &counting{Store: memory.New()}
	s := inFront(t, store)
	c := books(t, store)
	put(t, store, c, "a", `1`)
	broken := true
	store.before = func(context.Context, string) error {
		if broken {
			return fault.New(fault.Unavailable, "postgres.unavailable", "away")
		}
		return nil
	}
	for range 2 {
		if _, _, err := s.GetRecent(t.Context(), c.Key, id("a"), 0); fault.CodeOf(err) != "postgres.unavailable" {
			t.Errorf("got %v", err)
		}
	}
	broken = false
	want(t, s, c, "a", `1`, ports.FromStore)
	want(t, s, c, "a", `1`, ports.FromMemory)
	store.before = func(context.Context, string) error { panic("broken") }
	if _, _, err := s.GetRecent(t.Context(), c.Key, id("b"), 0); fault.CodeOf(err) != "internal" {
		t.Errorf("got %v", err)
	}
}

// What is kept is bounded by its size, however large the documents are.
func TestMemory_Bounded(t *testing.T) {
	t.Parallel()
	s := inFront(t, memory.New(), func(c *cache.Config) { c.MaxBytes = 1 << 20 })
	c := books(t, s)
	data := make([]byte, 10_000)
	for i := range data {
		data[i] = 'x'
	}
	for i := range 2000 {
		put(t, s, c, fmt.Sprint(i), `"`+string(data)+`"`)
		s.GetRecent(t.Context(), c.Key, id(fmt.Sprint("missing", i)), 0)
	}
	put(t, s, c, "larger than all", `"`+string(make([]byte, 2<<20))+`"`)
	eventually(t, "it is within its bound", func() bool { return s.Stat().MemoryBytes <= 1<<20 })
	if s.Stat().MemoryBytes < 1<<18 {
		t.Errorf("only %d bytes are kept", s.Stat().MemoryBytes)
	}
}

// rewound is a store that another one takes the place of, as a standby that has not got everything does.
type rewound struct {
	mu sync.RWMutex
	ports.Store
}

func (s *rewound) now() ports.Store {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.Store
}

func (s *rewound) Get(ctx context.Context, key collection.Key, name ident.Document) (document.Document, error) {
	return s.now().Get(ctx, key, name)
}

func (s *rewound) Write(ctx context.Context, b document.Batch) ([]document.Result, error) {
	return s.now().Write(ctx, b)
}

func (s *rewound) News(ctx context.Context, after change.Positions, limit int) (change.News, error) {
	return s.now().News(ctx, after, limit)
}

// Another history makes the cache forget this one; a write in it does so at once.
func TestFollow_AnotherHistory(t *testing.T) {
	t.Parallel()
	for name, notice := range map[string]func(t *testing.T, s *cache.Store, c collection.Stored){
		"followed": func(t *testing.T, s *cache.Store, _ collection.Stored) {
			t.Helper()
			eventually(t, "it begins anew", func() bool { return s.Stat().Restarts > 0 })
		},
		"written": func(t *testing.T, s *cache.Store, c collection.Stored) {
			t.Helper()
			put(t, s, c, "a", `"new"`)
			d, _, err := s.GetRecent(t.Context(), c.Key, id("a"), 0)
			if err != nil || string(d.Data) != `"new"` {
				t.Errorf("got %s, %v after the write was acknowledged", d.Data, err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			before, after := memory.New(), memory.New()
			c := books(t, before)
			if books(t, after).Key != c.Key {
				t.Fatal("the collections differ")
			}
			for i := range 10 {
				put(t, before, c, "a", fmt.Sprint(i))
			}
			put(t, after, c, "b", `1`)
			store := &rewound{Store: before}
			s := inFront(t, store)
			want(t, s, c, "a", `9`, ports.FromStore)
			want(t, s, c, "a", `9`, ports.FromMemory)
			store.mu.Lock()
			store.Store = after
			store.mu.Unlock()
			notice(t, s, c)
			eventually(t, "it is sure again", s.Sure)
			want(t, s, c, "b", `1`, ports.FromStore)
			want(t, s, c, "b", `1`, ports.FromMemory)
		})
	}
}

// A cache that is far behind begins anew instead of reading all that happened.
func TestFollow_FarBehind(t *testing.T) {
	t.Parallel()
	store := &endless{Store: memory.New()}
	c := books(t, store)
	put(t, store, c, "a", `1`)
	s := inFront(t, store, quick)
	store.more.Store(true)
	eventually(t, "it begins anew", func() bool { return s.Stat().Restarts > 0 })
	store.more.Store(false)
	eventually(t, "it is sure again", s.Sure)
}

// endless always has more news.
type endless struct {
	ports.Store
	more atomic.Bool
}

func (s *endless) News(ctx context.Context, after change.Positions, limit int) (change.News, error) {
	news, err := s.Store.News(ctx, after, limit)
	news.More = news.More || s.more.Load() && after[0] < 1<<61
	return news, err
}
