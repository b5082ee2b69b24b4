package postgres_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/sheafdb/sheaf/adapters/postgres"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/query"
	"github.com/sheafdb/sheaf/ports"
)

func deleting(name string) ports.CollectionDeletion {
	return ports.CollectionDeletion{Name: collectionName(name), At: noon, Decide: func(collection.Stored, bool) error { return nil }}
}

func TestCollections_Life(t *testing.T) {
	inEveryMode(t, func(t *testing.T, s *postgres.Store) { //nolint:thelper // the test itself
		ctx := t.Context()
		books := mustCollection(t, s, "books")
		if books.Revision != 1 || books.State != collection.Active || books.CreatedAt != noon {
			t.Errorf("created %+v", books)
		}
		if got, created, err := s.WriteCollection(ctx, configuring("books", `{}`)); err != nil || created || got.Revision != 1 {
			t.Errorf("the same again: %+v %v %v", got, created, err)
		}
		text := `{"description": "it's {\"quoted\"} \\ $1"}`
		replaced, created, err := s.WriteCollection(ctx, configuring("books", text))
		if err != nil || created || replaced.Revision != 2 {
			t.Errorf("replaced: %+v %v %v", replaced, created, err)
		}
		got, err := s.GetCollection(ctx, books.Name)
		if err != nil || string(got.Configuration) != text || got.Key != books.Key || got.Revision != 2 {
			t.Errorf("got %+v, %v", got, err)
		}
		revisions, err := s.ListCollectionRevisions(ctx, books.Key, 0, 10)
		if err != nil || len(revisions) != 2 || string(revisions[0].Configuration) != text || revisions[1].Actor != "ann" || revisions[1].RequestID != "r1" {
			t.Errorf("revisions %+v, %v", revisions, err)
		}
		refused := errors.New("refused")
		if _, _, err := s.WriteCollection(ctx, ports.CollectionChange{
			Name: books.Name, At: noon, Decide: func(*collection.Stored) ([]byte, error) { return nil, refused },
		}); !errors.Is(err, refused) {
			t.Errorf("got %v", err)
		}
		names, position, err := s.ConfigurationChanges(ctx, 0, 10)
		if err != nil || len(names) != 2 || position != 2 {
			t.Errorf("changes %v %v %v", names, position, err)
		}
		if n, err := s.CountCollections(ctx, query.CountEstimated); err != nil || n.Value != 1 {
			t.Errorf("count %v %v", n, err)
		}
	})
}

func TestCollections_Deletion(t *testing.T) {
	inEveryMode(t, func(t *testing.T, s *postgres.Store) { //nolint:thelper // the test itself
		ctx := t.Context()
		c, other := mustCollection(t, s, "books"), mustCollection(t, s, "authors")
		for i := range 25 {
			mustWrite(t, s, put(c, fmt.Sprint("d", i), `1`), put(other, fmt.Sprint("d", i), `1`))
		}
		refused := errors.New("refused")
		_, err := s.DeleteCollection(ctx, ports.CollectionDeletion{Name: c.Name, At: noon, Decide: func(_ collection.Stored, holds bool) error {
			if !holds {
				t.Error("the collection holds documents")
			}
			return refused
		}})
		if !errors.Is(err, refused) {
			t.Errorf("got %v", err)
		}
		mustWrite(t, s, put(c, "d0", `2`))
		if _, err := s.PurgeCollection(ctx, c.Key, 10); fault.KindOf(err) != fault.Conflict {
			t.Errorf("purging an active collection: %v", err)
		}
		gone, err := s.DeleteCollection(ctx, deleting("books"))
		if err != nil || gone.State != collection.Deleting || gone.Revision != 2 {
			t.Errorf("deleted %+v, %v", gone, err)
		}
		if again, err := s.DeleteCollection(ctx, deleting("books")); err != nil || again.Revision != 2 {
			t.Errorf("deleted again %+v, %v", again, err)
		}
		_, _, err = s.WriteCollection(ctx, configuring("books", `{}`))
		wantCode(t, err, "collection.deleting")
		for _, v := range []collection.Stored{c, gone} {
			if _, err := s.Write(ctx, batch(put(v, "d0", `3`))); !errors.Is(err, collection.ErrChanged) {
				t.Errorf("written at revision %d: %v", v.Revision, err)
			}
		}
		list, err := s.DeletingCollections(ctx, 10)
		if err != nil || len(list) != 1 || list[0].Key != c.Key {
			t.Errorf("deleting %v %v", list, err)
		}
		// Two processes purge at once.
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				for range 100 {
					done, err := s.PurgeCollection(ctx, c.Key, 10)
					if err != nil {
						t.Error(err)
						return
					}
					if done {
						return
					}
				}
				t.Error("never done")
			})
		}
		wg.Wait()
		_, err = s.GetCollection(ctx, c.Name)
		wantCode(t, err, "collection.notFound")
		_, err = s.DeleteCollection(ctx, deleting("books"))
		wantCode(t, err, "collection.notFound")
		if again := mustCollection(t, s, "books"); again.ID == c.ID || again.Revision != 3 {
			t.Errorf("created again %+v", again)
		}
		if n, err := s.Count(ctx, other.Key, query.CountExact); err != nil || n.Value != 25 {
			t.Errorf("the other has %v, %v", n, err)
		}
	})
}

func TestCollections_OneNameAtOnce(t *testing.T) {
	t.Parallel()
	s := open(t, postgres.Config{})
	var wg sync.WaitGroup
	created := make(chan bool, 16)
	for i := range 16 {
		wg.Go(func() {
			_, c, err := s.WriteCollection(t.Context(), configuring("books", fmt.Sprintf(`{"n": %d}`, i)))
			if err != nil {
				t.Error(err)
			}
			created <- c
		})
	}
	wg.Wait()
	close(created)
	n := 0
	for c := range created {
		if c {
			n++
		}
	}
	got, err := s.GetCollection(t.Context(), collectionName("books"))
	position, _ := s.ConfigurationPosition(t.Context())
	if err != nil || n != 1 || got.Revision != 16 || position != 16 {
		t.Errorf("created %d times, at revision %d and position %d (%v)", n, got.Revision, position, err)
	}
}
