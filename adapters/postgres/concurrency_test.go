package postgres_test

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sheafdb/sheaf/adapters/postgres"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
)

// increment adds one to a document that holds a number.
func increment(c collection.Stored, name string) document.Write {
	return document.Write{Collection: c.Version(), ID: id(name), Change: func(current *document.Document) (document.Next, error) {
		n := 0
		if current != nil {
			n, _ = strconv.Atoi(string(current.Data))
		}
		return document.Store([]byte(strconv.Itoa(n + 1))), nil
	}}
}

// Thirty-two writers in two processes change four documents of two collections, one or several at once, and some delete them: no update is lost, nothing deadlocks.
func TestConcurrency_FewDocuments(t *testing.T) {
	t.Parallel()
	url := schema.Open(t)
	stores := []*postgres.Store{open(t, postgres.Config{URL: url}), open(t, postgres.Config{URL: url})}
	a, b := mustCollection(t, stores[0], "a"), mustCollection(t, stores[0], "b")
	const writers, rounds = 32, 15
	var wg sync.WaitGroup
	for w := range writers {
		wg.Go(func() {
			for i := range rounds {
				writes := []document.Write{increment(a, "one")}
				switch (w + i) % 3 {
				case 0:
					writes = []document.Write{increment(b, "two"), increment(a, "one")}
				case 1:
					writes = []document.Write{increment(a, "one"), put(a, "flicker", strconv.Itoa(w)), remove(a, "flicker"), increment(b, "two")}
				}
				if (w+i)%3 == 2 {
					writes = append(writes, put(b, "flicker", strconv.Itoa(w*rounds+i)))
				}
				if _, err := stores[w%2].Write(t.Context(), batch(writes...)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	for name, key := range map[string]collection.Stored{"one": a, "two": b} {
		want := writers * rounds
		if name == "two" {
			want = writers * rounds * 2 / 3
		}
		d, err := stores[0].Get(t.Context(), key.Key, id(name))
		if err != nil || string(d.Data) != strconv.Itoa(want) || d.Revision != int64(want) {
			t.Errorf("%s is %s at %d, want %d (%v)", name, d.Data, d.Revision, want, err)
		}
	}
	history(t, stores[1], a.Bucket)
	history(t, stores[1], b.Bucket)
}

// While the configuration changes again and again, no document is committed after the change that did not judge it.
func TestConcurrency_ConfigurationRace(t *testing.T) {
	t.Parallel()
	s := open(t, postgres.Config{})
	c := mustCollection(t, s, "books")
	var version atomic.Int64
	version.Store(1)
	done := make(chan struct{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				judged := c
				judged.Revision = version.Load()
				name := newID()
				w := put(judged, name, `1`)
				w.Fresh = name[len(name)-1]%2 == 0
				if _, err := s.Write(t.Context(), batch(w)); err != nil && !errors.Is(err, collection.ErrChanged) {
					t.Error(err)
				}
			}
		})
	}
	// Below the position at which a configuration came into force, nothing has its revision; above, nothing has an older one.
	var inForce []int
	for i := range 30 {
		stored, _, err := s.WriteCollection(t.Context(), configuring("books", fmt.Sprintf(`{"n": %d}`, i)))
		if err != nil {
			t.Fatal(err)
		}
		position, err := s.Position(t.Context(), c.Bucket)
		if err != nil {
			t.Fatal(err)
		}
		inForce = append(inForce, int(position))
		version.Store(stored.Revision)
	}
	close(done)
	wg.Wait()
	changes, err := s.Changes(t.Context(), c.Bucket, 0, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for i, at := range inForce {
		if at == len(changes) {
			continue
		}
		// Positions ascend, and with them the revisions, which is what comes next: the first one after is enough.
		first := changes[at]
		d, err := s.Get(t.Context(), c.Key, first.DocumentID)
		if err != nil || d.SchemaRevision < int64(i+2) {
			t.Fatalf("after revision %d came into force at %d, %s was committed with revision %d (%v)", i+2, at, first.DocumentID, d.SchemaRevision, err)
		}
	}
	var newest int64
	for _, ch := range changes {
		d, err := s.Get(t.Context(), c.Key, ch.DocumentID)
		if err != nil || d.SchemaRevision < newest {
			t.Fatalf("position %d has revision %d after %d (%v)", ch.Position, d.SchemaRevision, newest, err)
		}
		newest = d.SchemaRevision
	}
	t.Logf("%d documents, %d revisions", len(changes), len(inForce))
}
