package cache_test

import (
	"context"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/adapters/cache"
	"github.com/sheafdb/sheaf/adapters/cache/redistest"
	"github.com/sheafdb/sheaf/adapters/memory"
	"github.com/sheafdb/sheaf/adapters/postgres"
	"github.com/sheafdb/sheaf/adapters/postgres/pgtest"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/ports"
	"github.com/sheafdb/sheaf/ports/porttest"
)

var schema = pgtest.NewTemplate(postgres.Migrate)

func TestMain(m *testing.M) { pgtest.Main(m) }

// reading is a cache whose Get is GetRecent: what the suite promises of reads holds for those that are answered from the cache, too, as long as all writes go through it.
type reading struct{ *cache.Store }

func (r reading) Get(ctx context.Context, key collection.Key, id ident.Document) (document.Document, error) {
	d, _, err := r.GetRecent(ctx, key, id, 0)
	return d, err
}

// follow runs the follower of a cache until the test ends, and returns when the cache serves.
func follow(tb testing.TB, s *cache.Store) {
	tb.Helper()
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.Follow(ctx)
	}()
	tb.Cleanup(func() {
		stop()
		<-done
		s.Close()
	})
	eventually(tb, "the cache is sure of itself", s.Sure)
}

func eventually(tb testing.TB, what string, ok func() bool) {
	tb.Helper()
	for end := time.Now().Add(30 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			tb.Fatalf("it never came about that %s", what)
		}
	}
}

// inFront puts a cache in front of a store.
func inFront(tb testing.TB, store ports.Store, change ...func(*cache.Config)) *cache.Store {
	tb.Helper()
	// Generous, so that a busy machine does not have everything bypass the cache.
	c := cache.Config{Store: store, MaxStaleness: 4 * time.Second}
	for _, f := range change {
		f(&c)
	}
	s := cache.New(c)
	if counted, ok := store.(*counting); ok {
		counted.wakes = append(counted.wakes, s.Wake)
	}
	follow(tb, s)
	return s
}

func withShared(tb testing.TB, url string) func(*cache.Config) {
	tb.Helper()
	shared, err := cache.OpenShared(cache.SharedConfig{URL: url, Timeout: 2 * time.Second})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(shared.Close)
	return func(c *cache.Config) { c.Shared = shared }
}

func openPostgres(tb testing.TB, url string) *postgres.Store {
	tb.Helper()
	s, err := postgres.Open(tb.Context(), postgres.Config{URL: url})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Close)
	return s
}

func TestPort_Memory(t *testing.T) {
	t.Parallel()
	porttest.Store(t, func(tb testing.TB) ports.Store {
		tb.Helper()
		return reading{inFront(tb, memory.New())}
	}, porttest.Without(porttest.Text))
}

// What a cache can spoil is tried again with Redis, on both stores.
func TestPort_Redis(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	behind := map[string]porttest.Open{
		"memory": func(testing.TB) ports.Store { return memory.New() },
		"postgres": func(tb testing.TB) ports.Store {
			tb.Helper()
			return openPostgres(tb, schema.Open(tb))
		},
	}
	parts := map[string]func(*testing.T, porttest.Open){
		"Documents": porttest.Documents, "Writes": porttest.Writes, "Recent": porttest.Recent, "Purge": porttest.Purge, "Concurrency": porttest.Concurrency,
	}
	for kind, open := range behind {
		for name, part := range parts {
			t.Run(kind+"/"+name, func(t *testing.T) {
				t.Parallel()
				part(t, func(tb testing.TB) ports.Store {
					tb.Helper()
					return reading{inFront(tb, open(tb), withShared(tb, server.URL()))}
				})
			})
		}
	}
}

// Random operations have the same answers with a cache in between and without.
func TestPort_Agree(t *testing.T) {
	t.Parallel()
	for seed := range uint64(10) {
		porttest.Agree(t, memory.New(), reading{inFront(t, memory.New())}, seed)
	}
}
