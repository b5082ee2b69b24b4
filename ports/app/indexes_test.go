package app_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/adapters/memory"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/ports"
	"github.com/sheafdb/sheaf/ports/app"
)

// service is the use cases over a store in memory.
type service struct {
	*testing.T
	store       ports.Store
	collections *app.Collections
	documents   *app.Documents
	transfer    *app.Transfer
	name        ident.Collection
}

func open(t *testing.T) service {
	t.Helper()
	store := memory.New()
	clock := func() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) }
	parts := app.Dependencies{Store: store, Clock: clock, Limits: app.Limits{Import: app.ImportLimits{StrictDocuments: 1000, StrictBytes: 1 << 20}}}
	catalog := app.NewCatalog(store, clock, parts.Limits.Schema)
	parts.Store = app.Relate(store, catalog, parts.Limits.Cascade)
	name, err := ident.ParseCollection("users")
	if err != nil {
		t.Fatal(err)
	}
	return service{
		t, store, &app.Collections{Dependencies: parts, Catalog: catalog}, &app.Documents{Dependencies: parts, Catalog: catalog},
		&app.Transfer{Dependencies: parts, Catalog: catalog}, name,
	}
}

// declare puts a configuration with these indexes, JSON.
func (s service) declare(indexes string) collection.Stored {
	s.Helper()
	written, err := s.collections.Put(s.Context(), app.Caller{}, app.WriteCollection{Name: s.name, Body: []byte(`{"indexes": [` + indexes + `]}`)})
	if err != nil {
		s.Fatal(err)
	}
	return written.Collection
}

func (s service) put(id, data string) error {
	s.Helper()
	d, err := ident.ParseDocument(id)
	if err != nil {
		s.Fatal(err)
	}
	_, err = s.documents.Put(s.Context(), app.Caller{}, app.PutDocument{Collection: s.name, ID: d, Data: []byte(data)})
	return err
}

// importing imports lines and returns the report, the numbers of the bad lines and the error.
func (s service) importing(mode app.ImportMode, lines ...string) (app.ImportReport, []int64, error) {
	s.Helper()
	var bad []int64
	report, err := s.transfer.Import(s.Context(), app.Caller{}, app.ImportDocuments{
		Collection: s.name, Shape: app.DataShape, Mode: mode, Existing: app.ExistingError,
		Lines: func(yield func(app.Line, error) bool) {
			for i, line := range lines {
				if !yield(app.Line{Number: int64(i + 1), Data: []byte(line)}, nil) {
					return
				}
			}
		},
		Fault: func(f app.LineFault) {
			if f.Code != "unique" || f.Pointer != "/email" {
				s.Errorf("line %d: %+v", f.Line, f.Violation)
			}
			bad = append(bad, f.Line)
		},
	})
	return report, bad, err
}

const uniqueEmail = `{"name": "by_email", "on": ["doc.email"], "unique": true}`

func TestDocuments_Duplicate(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.declare(uniqueEmail)
	if err := s.put("a", `{"email": "ann@x"}`); err != nil {
		t.Fatal(err)
	}
	err := s.put("b", `{"email": "ann@x"}`)
	var d *document.DuplicateError
	if fault.KindOf(err) != fault.Conflict || fault.CodeOf(err) != "document.duplicate" || !errors.As(err, &d) {
		t.Errorf("got %v", err)
	}
	s.declare("")
	if err := s.put("b", `{"email": "ann@x"}`); err != nil {
		t.Errorf("without the index: %v", err)
	}
}

func TestTransfer_ImportDuplicates(t *testing.T) {
	t.Parallel()
	lines := []string{`{"email": "a"}`, `{"email": "taken"}`, `{"email": "b"}`, `{"email": "a"}`, `{}`}
	for _, mode := range []app.ImportMode{app.Strict, app.Skip} {
		s := open(t)
		s.declare(uniqueEmail)
		if err := s.put("x", `{"email": "taken"}`); err != nil {
			t.Fatal(err)
		}
		report, bad, err := s.importing(mode, lines...)
		slices.Sort(bad)
		// Of the two with the same value, the one whose id comes first is stored.
		if len(bad) != 2 || !slices.Contains(bad, 2) || report.Failed != 2 {
			t.Errorf("%s: bad lines %v, %+v", mode, bad, report)
		}
		items, _, listed := s.store.List(t.Context(), mustGet(s).Key, ports.Range{Limit: 10, Bytes: 1 << 20})
		want := 1
		if mode == app.Skip {
			want = 4
		}
		if listed != nil || len(items) != want || (mode == app.Strict) != (fault.CodeOf(err) == "import.failed") {
			t.Errorf("%s: %d documents, %v, %v", mode, len(items), err, listed)
		}
	}
}

func mustGet(s service) collection.Stored {
	s.Helper()
	c, err := s.collections.Get(s.Context(), app.Caller{}, s.name)
	if err != nil {
		s.Fatal(err)
	}
	return c
}

func TestCollections_BuildIndexes(t *testing.T) {
	t.Parallel()
	s := open(t)
	s.declare("")
	for i := range 1000 {
		if err := s.put(fmt.Sprintf("d%04d", i), fmt.Sprintf(`{"email": "e%d", "n": %d}`, i, i%10)); err != nil {
			t.Fatal(err)
		}
	}
	s.declare(uniqueEmail + `, {"name": "by_n", "on": ["doc.n"], "unique": true}, {"name": "later", "on": ["doc.n"]}`)
	s.declare(uniqueEmail + `, {"name": "by_n", "on": ["doc.n"], "unique": true}`)
	ctx, cancel := context.WithCancel(t.Context())
	finished := &ending{Store: s.store, end: cancel}
	s.collections.Store = finished
	s.collections.BuildIndexes(ctx, slog.New(slog.DiscardHandler)) // returns when the first round has ended
	c := mustGet(s)
	states := []string{}
	for _, x := range c.Indexes {
		states = append(states, fmt.Sprint(x.Name, " ", x.State))
	}
	if got := strings.Join(states, ", "); got != "by_email ready, by_n failed" {
		t.Errorf("got %s", got)
	}
	if err := s.put("new", `{"email": "e17"}`); fault.CodeOf(err) != "document.duplicate" {
		t.Errorf("got %v", err)
	}
	var view struct {
		Indexes []struct {
			State   string
			Failure *index.Failure
		}
	}
	if err := json.Unmarshal(c.View(), &view); err != nil || len(view.Indexes) != 2 || len(view.Indexes[1].Failure.Duplicates) != index.MaxDuplicates {
		t.Errorf("view %+v, %v", view, err)
	}
}

// ending ends the loop when nothing is unfinished any more.
type ending struct {
	ports.Store
	end func()
}

func (e *ending) UnfinishedIndexes(ctx context.Context, limit int) ([]ports.UnfinishedIndex, error) {
	list, err := e.Store.UnfinishedIndexes(ctx, limit)
	if len(list) == 0 {
		e.end()
	}
	return list, err
}
