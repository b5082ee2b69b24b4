package app_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/adapters/memory"
	"github.com/sheafdb/sheaf/adapters/postgres"
	"github.com/sheafdb/sheaf/adapters/postgres/pgtest"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/patch"
	"github.com/sheafdb/sheaf/domain/schema"
	"github.com/sheafdb/sheaf/ports"
	"github.com/sheafdb/sheaf/ports/app"
)

var migrated = pgtest.NewTemplate(postgres.Migrate)

func TestMain(m *testing.M) { pgtest.Main(m) }

// shop is a collection of goods with a stock, as the use cases of documents see it.
type shop struct {
	*app.Documents
	*app.Collections
	goods ident.Collection
	one   ident.Document
}

// everyShop opens a shop with one article, of which there is nothing, on each store.
var everyShop = map[string]func(t *testing.T) shop{
	"memory": func(t *testing.T) shop {
		t.Helper()
		return openShop(t, memory.New())
	},
	"postgres": func(t *testing.T) shop {
		t.Helper()
		store, err := postgres.Open(t.Context(), postgres.Config{URL: migrated.Open(t)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(store.Close)
		return openShop(t, store)
	},
}

func openShop(t *testing.T, store ports.Store) shop {
	t.Helper()
	parts := app.Dependencies{
		Store: store, Clock: func() time.Time { return time.Now().UTC().Truncate(time.Microsecond) },
		Limits: app.Limits{Document: collection.Limits{Bytes: 1 << 20}, Schema: schema.DefaultLimits()},
	}
	catalog := app.NewCatalog(store, parts.Clock, parts.Limits.Schema)
	parts.Store = app.Relate(store, catalog, parts.Limits.Cascade)
	s := shop{Documents: &app.Documents{Dependencies: parts, Catalog: catalog}, Collections: &app.Collections{Dependencies: parts, Catalog: catalog}}
	var errName, errID error
	s.goods, errName = ident.ParseCollection("goods")
	s.one, errID = ident.ParseDocument("one")
	s.declare(t, `{"schema": {"properties": {"stock": {"type": "number"}}}}`)
	_, err := s.Documents.Put(t.Context(), app.Caller{}, app.PutDocument{Collection: s.goods, ID: s.one, Data: []byte(`{"stock": 0, "tags": []}`)})
	if err = errors.Join(errName, errID, err); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s shop) declare(t *testing.T, definition string) {
	t.Helper()
	if _, err := s.Collections.Put(t.Context(), app.Caller{}, app.WriteCollection{Name: s.goods, Body: []byte(definition)}); err != nil {
		t.Fatal(err)
	}
}

func (s shop) update(t *testing.T, text string) (document.Result, error) {
	t.Helper()
	return s.Documents.Patch(t.Context(), app.Caller{}, app.PatchDocument{Collection: s.goods, ID: s.one, Format: patch.Update, Patch: []byte(text)})
}

func (s shop) want(t *testing.T, revision int64, data string) {
	t.Helper()
	d, _, err := s.Documents.Get(t.Context(), app.Caller{}, s.goods, s.one, document.Precondition{})
	if err != nil || d.Revision != revision || string(d.Data) != data {
		t.Errorf("got %d %s, %v, want %d %s", d.Revision, d.Data, err, revision, data)
	}
}

// A hundred increments at once sum exactly, and each has a revision of its own.
func TestPatch_ParallelIncrements(t *testing.T) {
	t.Parallel()
	for name, open := range everyShop {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			var all sync.WaitGroup
			for i := range 100 {
				all.Go(func() {
					if _, err := s.update(t, fmt.Sprintf(`{"increment": {"doc.stock": 0.1}, "addToSet": {"doc.tags": [%d]}}`, i%10)); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			d, _, err := s.Documents.Get(t.Context(), app.Caller{}, s.goods, s.one, document.Precondition{})
			if err != nil || d.Revision != 101 {
				t.Fatalf("revision %d, %v", d.Revision, err)
			}
			if _, err := s.update(t, `{"unset": ["doc.tags"]}`); err != nil {
				t.Fatal(err)
			}
			s.want(t, 102, `{"stock": 10.0}`)
		})
	}
}

// With If-Match, one of the patches made for a revision wins; each of the others learns what the winner changed, and that its own change can be merged.
func TestPatch_OneWins(t *testing.T) {
	t.Parallel()
	for name, open := range everyShop {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			var all sync.WaitGroup
			var mu sync.Mutex
			won := 0
			for i := range 20 {
				all.Go(func() {
					_, err := s.Documents.Patch(t.Context(), app.Caller{}, app.PatchDocument{
						Collection: s.goods, ID: s.one, Format: patch.Merge, Patch: fmt.Appendf(nil, `{"by%d": true}`, i),
						Precondition: document.Precondition{Match: &document.Condition{Revisions: []int64{1}}},
					})
					mu.Lock()
					defer mu.Unlock()
					var lost *app.DivergedError
					switch {
					case err == nil:
						won++
					case !errors.As(err, &lost) || fault.KindOf(err) != fault.Stale:
						t.Error(err)
					case lost.Base != 1 || len(lost.Current) != 1 || len(lost.Yours) != 1 || len(lost.Conflicts) != 0:
						t.Errorf("%+v", lost)
					}
				})
			}
			all.Wait()
			if won != 1 {
				t.Errorf("%d have won", won)
			}
		})
	}
}

// The result is judged by the configuration in force, also where it changes while patches are made.
func TestPatch_JudgedByTheSchemaInForce(t *testing.T) {
	t.Parallel()
	for name, open := range everyShop {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := open(t)
			var all sync.WaitGroup
			for range 8 {
				all.Go(func() {
					for range 20 {
						if _, err := s.update(t, `{"increment": {"doc.stock": 1}}`); err != nil && fault.KindOf(err) != fault.Invalid {
							t.Error(err)
						}
					}
				})
			}
			s.declare(t, `{"schema": {"properties": {"stock": {"type": "number", "maximum": 50}}}}`)
			d, _, err := s.Documents.Get(t.Context(), app.Caller{}, s.goods, s.one, document.Precondition{})
			if err != nil {
				t.Fatal(err)
			}
			before := d.Revision
			all.Wait()
			after, _, err := s.Documents.Get(t.Context(), app.Caller{}, s.goods, s.one, document.Precondition{})
			if err != nil {
				t.Fatal(err)
			}
			// Once the schema was in force nothing above the maximum was stored; what was there before may be above.
			if most := max(before, 51); after.Revision > most {
				t.Errorf("revision %d, at most %d could come", after.Revision, most)
			}
			if _, err := s.update(t, `{"set": {"doc.stock": 51}}`); fault.KindOf(err) != fault.Invalid {
				t.Errorf("got %v", err)
			}
		})
	}
}
