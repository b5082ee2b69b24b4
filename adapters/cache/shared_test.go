package cache_test

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/adapters/cache"
	"github.com/sheafdb/sheaf/adapters/cache/redistest"
	"github.com/sheafdb/sheaf/adapters/memory"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/ports"
)

// read reads a document, which has to be so, and returns where it was found.
func read(tb testing.TB, s *cache.Store, c collection.Stored, name, data string) ports.Source {
	tb.Helper()
	d, from, err := s.GetRecent(context.Background(), c.Key, id(name), 0)
	if data == "" && fault.CodeOf(err) != "document.notFound" || data != "" && (err != nil || string(d.Data) != data) {
		tb.Errorf("%s is %s (%v), want %s", name, d.Data, err, data)
	}
	return from
}

// fresh is a cache with nothing in memory, and the Redis beside it.
func fresh(tb testing.TB, store ports.Store, url string) *cache.Store {
	tb.Helper()
	return inFront(tb, store, withShared(tb, url))
}

func TestShared_ServesOthers(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	store := &counting{Store: memory.New()}
	c := books(t, store)
	put(t, store, c, "a", `{"n": 1.10}`)
	one := fresh(t, store, server.URL())
	want(t, one, c, "a", `{"n": 1.10}`, ports.FromStore)
	want(t, one, c, "b", ``, ports.FromStore)
	eventually(t, "both are sent", func() bool { return one.Stat().SharedPuts == 2 })
	full, err := store.Get(t.Context(), c.Key, id("a"))
	if err != nil {
		t.Fatal(err)
	}
	reads := store.reads.Load()

	two := fresh(t, store, server.URL())
	want(t, two, c, "b", ``, ports.FromShared)
	got, from, err := two.GetRecent(t.Context(), c.Key, id("a"), 0)
	if err != nil || from != ports.FromShared || got.Revision != full.Revision || !got.CreatedAt.Equal(full.CreatedAt) || got.SchemaRevision != full.SchemaRevision ||
		!got.UpdatedAt.Equal(full.UpdatedAt) || !bytes.Equal(got.Data, full.Data) || got.ID != full.ID {
		t.Errorf("got %+v from %d, %v, want %+v", got, from, err, full)
	}
	want(t, two, c, "a", `{"n": 1.10}`, ports.FromMemory)
	if store.reads.Load() != reads {
		t.Errorf("%d reads of the store", store.reads.Load()-reads)
	}

	// What one writes, the other does not take from Redis any more, whoever keeps it there: it has heard of the change.
	put(t, one, c, "a", `{"n": 2}`)
	store.followed(t)
	want(t, two, c, "a", `{"n": 2}`, ports.FromStore)
	if stat := two.Stat(); stat.SharedRefused != 1 {
		t.Errorf("got %+v", stat)
	}
	// A third begins behind it, and refuses what is in Redis too, or takes the new one.
	eventually(t, "it is sent", func() bool { return two.Stat().SharedPuts == 1 })
	want(t, fresh(t, store, server.URL()), c, "a", `{"n": 2}`, ports.FromShared)
}

// A Redis that comes back with what it saved long ago is no reason to serve it.
func TestShared_Restored(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	store := &counting{Store: memory.New()}
	c := books(t, store)
	put(t, store, c, "a", `1`)
	one, two := fresh(t, store, server.URL()), fresh(t, store, server.URL())
	want(t, one, c, "a", `1`, ports.FromStore)
	eventually(t, "it is sent", func() bool { return one.Stat().SharedPuts == 1 })
	if err := server.Client().Save(t.Context()).Err(); err != nil {
		t.Fatal(err)
	}
	put(t, one, c, "a", `2`)
	server.Restart()
	if n := server.Client().DBSize(t.Context()).Val(); n != 1 {
		t.Fatalf("%d keys were restored", n)
	}
	store.followed(t)
	for _, s := range []*cache.Store{one, two, fresh(t, store, server.URL())} {
		read(t, s, c, "a", `2`)
	}
	// Also when memory has lost it, and the write is this process's own.
	third := fresh(t, store, server.URL())
	put(t, third, c, "a", `3`)
	var others []document.Write
	for i := range 100 {
		others = append(others, document.Write{Collection: c.Version(), ID: id(fmt.Sprint(i)), Change: document.Put(document.AsIs([]byte(`1`)), document.Precondition{})})
	}
	others[50].ID, others[50].Change = id("a"), document.Put(document.AsIs([]byte(`4`)), document.Precondition{})
	if _, err := third.Write(t.Context(), document.Batch{At: noon, Writes: others}); err != nil {
		t.Fatal(err)
	}
	want(t, third, c, "a", `4`, ports.FromStore)
}

// What is under our keys and is not ours is not served: cut, changed, of another place or version, or not even text.
func TestShared_ForeignKeys(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	client := server.Client()
	store := memory.New()
	c := books(t, store)
	put(t, store, c, "a", `1`)
	put(t, store, c, "b", `2`)
	one := fresh(t, store, server.URL())
	read(t, one, c, "a", `1`)
	read(t, one, c, "b", `2`)
	eventually(t, "they are sent", func() bool { return one.Stat().SharedPuts == 2 })
	keys := client.Keys(t.Context(), "*").Val()
	if len(keys) != 2 {
		t.Fatalf("the keys are %v", keys)
	}
	key, other := keys[0], keys[1]
	if strings.HasSuffix(other, "a") {
		key, other = other, key
	}
	good, foreign := client.Get(t.Context(), key).Val(), client.Get(t.Context(), other).Val()
	texts := []string{"", "x", "nil", strings.Repeat("x", 100), good[:len(good)-1], good + "x", foreign, "\x02" + good[1:], strings.ToUpper(good)}
	for i := range good {
		texts = append(texts, good[:i]+string([]byte{good[i] ^ 1})+good[i+1:])
	}
	for i, text := range texts {
		if err := client.Set(t.Context(), key, text, 0).Err(); err != nil {
			t.Fatal(err)
		}
		s := fresh(t, store, server.URL())
		if from := read(t, s, c, "a", `1`); from != ports.FromStore {
			t.Fatalf("text %d is served", i)
		}
		eventually(t, "the right one is sent", func() bool { return s.Stat().SharedPuts == 1 })
	}
	client.Del(t.Context(), key)
	if err := client.LPush(t.Context(), key, "1", "2").Err(); err != nil {
		t.Fatal(err)
	}
	if from := read(t, fresh(t, store, server.URL()), c, "a", `1`); from != ports.FromStore {
		t.Error("a list is served")
	}
	// Other keys of other programs are left alone.
	if err := client.Set(t.Context(), "session:1", "x", 0).Err(); err != nil || client.Get(t.Context(), "session:1").Val() != "x" {
		t.Errorf("the session is gone, %v", err)
	}
}

// Without Redis everything goes on, and with a Redis that hangs nobody waits for longer than a few times the timeout.
func TestShared_Away(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	store := memory.New()
	c := books(t, store)
	shared, err := cache.OpenShared(cache.SharedConfig{URL: server.URL(), Timeout: 30 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(shared.Close)
	s := inFront(t, store, func(c *cache.Config) { c.Shared = shared })
	n := 0
	some := func(what string) {
		t.Helper()
		for range 200 {
			n++
			name, data := fmt.Sprint(n), fmt.Sprint(n)
			put(t, store, c, name, data)
			if from := read(t, s, c, name, data); from != ports.FromStore {
				t.Errorf("%s: from %d", what, from)
			}
		}
	}
	some("there")
	if err := shared.Ping(t.Context()); err != nil {
		t.Error(err)
	}
	server.Kill()
	some("gone")
	if err := shared.Ping(t.Context()); fault.CodeOf(err) != "redis.unavailable" {
		t.Errorf("got %v", err)
	}
	failed := s.Stat().SharedErrors
	if failed == 0 {
		t.Error("nothing failed")
	}
	server.Restart()
	eventually(t, "Redis is used again", func() bool {
		some("back")
		return s.Stat().SharedMisses > 0 && shared.Ping(t.Context()) == nil && s.Stat().SharedErrors > 0
	})
	before := s.Stat().SharedPuts
	eventually(t, "documents are sent again", func() bool { some("back"); return s.Stat().SharedPuts > before })
	server.Freeze()
	some("hangs")
	if err := shared.Ping(t.Context()); fault.CodeOf(err) != "redis.unavailable" {
		t.Errorf("got %v", err)
	}
	server.Thaw()
	eventually(t, "Redis answers again", func() bool { return shared.Ping(t.Context()) == nil })
}

// speaking answers every connection with what speak writes.
func speaking(t *testing.T, speak func(net.Conn)) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer conn.Close()
				speak(conn)
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		all.Wait()
	})
	return "redis://" + listener.Addr().String()
}

// A Redis that speaks garbage, announces what nobody can hold, or talks without end, costs time and nothing else.
func TestShared_Garbage(t *testing.T) {
	t.Parallel()
	answers := map[string]string{
		"http":           "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
		"noise":          strings.Repeat("\x00\xff\r\n$", 1000),
		"huge text":      "$99999999999\r\n",
		"huge list":      "*2147483647\r\n",
		"impossible":     "$9223372036854775807\r\n",
		"negative":       "$-9\r\n",
		"nothing":        "",
		"empty lines":    strings.Repeat("\r\n", 5000),
		"a long line":    strings.Repeat("+", 1<<20) + "\r\n",
		"wrong text":     "$5\r\nhello\r\n",
		"a short text":   "$500\r\nhello\r\n",
		"a list of text": "*1\r\n$5\r\nhello\r\n",
		"an error":       "-LOADING Redis is loading the dataset in memory\r\n",
		"a number":       ":1\r\n",
	}
	for name, answer := range answers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			url := speaking(t, func(conn net.Conn) {
				in := bufio.NewReader(conn)
				for {
					if _, err := in.ReadByte(); err != nil {
						return
					}
					in.Discard(in.Buffered())
					if _, err := conn.Write([]byte(answer)); err != nil {
						return
					}
					if answer == "" {
						return
					}
				}
			})
			shared, err := cache.OpenShared(cache.SharedConfig{URL: url, Timeout: 30 * time.Millisecond})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(shared.Close)
			store := memory.New()
			c := books(t, store)
			s := inFront(t, store, func(c *cache.Config) { c.Shared = shared })
			for i := range 30 {
				put(t, store, c, fmt.Sprint(i), fmt.Sprint(i))
				if from := read(t, s, c, fmt.Sprint(i), fmt.Sprint(i)); from != ports.FromStore {
					t.Errorf("from %d", from)
				}
			}
		})
	}
}

// What one writes, the other hears of from Redis, long before it would have asked.
func TestShared_Wakes(t *testing.T) {
	t.Parallel()
	server := redistest.Start(t)
	store := memory.New()
	c := books(t, store)
	slow := func(c *cache.Config) { c.MaxStaleness = time.Hour }
	one, two := inFront(t, store, withShared(t, server.URL()), slow), inFront(t, store, withShared(t, server.URL()), slow)
	put(t, one, c, "a", `0`)
	read(t, two, c, "a", `0`)
	for _, data := range []string{`1`, `2`} {
		eventually(t, "the other has heard of "+data, func() bool {
			put(t, one, c, "a", data) // equal data is no change: only the first message counts, and those before somebody listened
			put(t, one, c, "b", fmt.Sprint(time.Now().UnixNano()))
			d, _, err := two.GetRecent(t.Context(), c.Key, id("a"), 0)
			return err == nil && string(d.Data) == data
		})
		server.Restart()
	}
}

func TestOpenShared_URL(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "http://x", "redis://:secret@x:port/0", "redis://x/notanumber"} {
		_, err := cache.OpenShared(cache.SharedConfig{URL: url})
		if err == nil || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v", url, err)
		}
	}
	missing := filepath.Join(t.TempDir(), "nobody.sock")
	shared, err := cache.OpenShared(cache.SharedConfig{URL: "unix://" + missing})
	if err != nil {
		t.Fatal(err)
	}
	if err := shared.Ping(t.Context()); fault.CodeOf(err) != "redis.unavailable" {
		t.Errorf("got %v", err)
	}
	shared.Close()
	shared.Close()
}
