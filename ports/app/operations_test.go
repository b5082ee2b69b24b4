package app_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/operation"
	"github.com/sheafdb/sheaf/ports"
	"github.com/sheafdb/sheaf/ports/app"
)

const incremented = `"patch": {"increment": {"doc.n": 1}}, "contentType": "application/vnd.sheaf.update+json"`

// wantOnce wants that the operation made exactly one revision of each document, in the feed too.
func (d depot) wantOnce(c collection.Stored, o operation.Operation, documents int) {
	d.Helper()
	feed, err := d.store.Changes(d.Context(), c.Bucket, 0, 1<<20)
	if err != nil {
		d.Fatal(err)
	}
	made := map[ident.Document]int{}
	for _, ch := range feed {
		if ch.RequestID == operation.RequestPrefix+o.ID.String() {
			made[ch.DocumentID]++
			if ch.Position <= o.First || ch.Position > o.Last {
				d.Errorf("a change at %d of an operation between %d and %d", ch.Position, o.First, o.Last)
			}
			if ch.Actor != "clerk" {
				d.Errorf("made by %s", ch.Actor)
			}
		}
	}
	for id, n := range made {
		if n != 1 {
			d.Errorf("%s has %d revisions of the operation", id, n)
		}
	}
	if len(made) != documents {
		d.Errorf("%d documents changed, want %d", len(made), documents)
	}
}

func TestOperations_Update(t *testing.T) {
	onDepots(t, app.Limits{Bulk: 100}, func(d depot) {
		c := d.fill(1234)
		done, err := d.change(operation.Update, `{"filter": "doc.n >= 34", `+incremented+`}`)
		if err != nil || done.Operation == nil {
			d.Fatalf("got %+v, %v", done, err)
		}
		o := *done.Operation
		if o.State != operation.Queued || o.Kind != operation.Update || o.Actor != "clerk" || o.RequestID != "q1" || o.Progress.Total != -1 {
			d.Errorf("asked for as %+v", o)
		}
		// What comes later is not meant.
		d.now.Add(1)
		d.put("later", `{"n": 99}`)
		d.once()
		o = d.stands(o.ID)
		d.wantEnd(o, operation.Succeeded, 1200, 1200, 0)
		if o.Progress.Total != 1200 || o.Phase != operation.Applying || !o.StartedAt.After(o.CreatedAt) || o.EndedAt.IsZero() {
			d.Errorf("ended as %+v", o)
		}
		d.wantOnce(c, o, 1200)
		if held := d.held(); held["00033"] != `1 {"n": 33}` || held["00034"] != `2 {"n": 35}` || held["later"] != `1 {"n": 99}` {
			d.Errorf("%s, %s, %s", held["00033"], held["00034"], held["later"])
		}
		found, err := d.operations.WorkOnce(d.Context(), slog.New(slog.DiscardHandler))
		if found || err != nil {
			d.Errorf("there is more to do: %v, %v", found, err)
		}
	})
}

// Few documents are an operation too where somebody asks for one.
func TestOperations_Delete(t *testing.T) {
	onDepots(t, app.Limits{}, func(d depot) {
		c := d.fill(20)
		o := d.ended(d.ordered(operation.Delete, `{"filter": "doc.n < 5"}`).ID)
		d.wantEnd(o, operation.Succeeded, 5, 5, 0)
		d.wantOnce(c, o, 5)
		if held := d.held(); len(held) != 15 {
			d.Errorf("%d documents are left", len(held))
		}
		o = d.ended(d.ordered(operation.Delete, `{"all": true}`).ID)
		d.wantEnd(o, operation.Succeeded, 15, 15, 0)
		o = d.ended(d.ordered(operation.Delete, `{"all": true}`).ID)
		d.wantEnd(o, operation.Succeeded, 0, 0, 0)
	})
}

func TestOperations_ByIndex(t *testing.T) {
	onDepots(t, app.Limits{}, func(d depot) {
		d.declare(`{"indexes": [{"name": "by_n", "on": ["doc.n"]}]}`)
		for i := range 30 {
			d.put(fmt.Sprintf("%02d", i), fmt.Sprintf(`{"n": %d}`, i%3))
		}
		// Entries go away while the index is read.
		o := d.ended(d.ordered(operation.Update, `{"filter": "doc.n == 1", `+incremented+`}`).ID)
		d.wantEnd(o, operation.Succeeded, 10, 10, 0)
		o = d.ended(d.ordered(operation.Update, `{"filter": "doc.n >= 1", "documentsPerSecond": 4, `+incremented+`}`).ID)
		d.wantEnd(o, operation.Succeeded, 20, 20, 0)
	})
}

func TestOperations_Strict(t *testing.T) {
	onDepots(t, app.Limits{}, func(d depot) {
		d.fill(700)
		d.declare(`{"schema": {"properties": {"n": {"maximum": 690}}}}`)
		held := d.held()
		// What is found by the check is the end before anything is written.
		o := d.ended(d.ordered(operation.Update, `{"filter": "doc.n >= 0", `+incremented+`}`).ID)
		d.wantEnd(o, operation.Failed, 700, 0, 10)
		if o.Fault.Code != "bulk.failed" || o.Phase != operation.Checking {
			d.Errorf("failed with %+v in %s", o.Fault, o.Phase)
		}
		d.want(held)
		page, err := d.operations.ListFailures(d.Context(), clerk, o.ID, app.Paging{Size: 6})
		if err != nil || len(page.Items) != 6 || page.Items[0].ID.String() != "00690" || page.Items[0].Violations[0].Pointer != "/n" || page.Next == "" {
			d.Errorf("got %+v, %v", page, err)
		}
		page, err = d.operations.ListFailures(d.Context(), clerk, o.ID, app.Paging{Size: 6, Token: page.Next})
		if err != nil || len(page.Items) != 4 || page.Next != "" || page.Items[3].ID.String() != "00699" {
			d.Errorf("got %+v, %v", page, err)
		}
		o = d.ended(d.ordered(operation.Update, `{"filter": "doc.n >= 0", "mode": "skip", `+incremented+`}`).ID)
		d.wantEnd(o, operation.Succeeded, 700, 690, 10)
	})
}

// A configuration that becomes stricter after the check ends a strict operation where it meets the first document.
func TestOperations_StrictAndOvertaken(t *testing.T) {
	onDepots(t, app.Limits{}, func(d depot) {
		d.fill(1200)
		o := d.ordered(operation.Update, `{"filter": "doc.n >= 0", `+incremented+`}`)
		store := d.store
		d.work(interrupt(store, func(call int) error {
			if call == 2 { // after one step
				_, _, err := store.WriteCollection(d.Context(), ports.CollectionChange{
					Name: d.goods, At: noon(), Decide: func(*collection.Stored) ([]byte, error) {
						return []byte(`{"schema": {"properties": {"n": {"maximum": 700}}}}`), nil
					},
				})
				return err
			}
			return nil
		}), app.Limits{Scan: 10_000})
		o = d.ended(o.ID)
		d.wantEnd(o, operation.Failed, 500, 500, 300)
		if o.Fault.Code != "bulk.failed" || o.Phase != operation.Applying {
			d.Errorf("failed with %+v", o.Fault)
		}
		held := d.held()
		if held["00499"] != `2 {"n": 500}` || held["00500"] != `1 {"n": 500}` {
			d.Errorf("%s, %s", held["00499"], held["00500"])
		}
	})
}

func TestOperations_MaxAffected(t *testing.T) {
	onDepots(t, app.Limits{}, func(d depot) {
		d.fill(600)
		o := d.ordered(operation.Update, `{"filter": "doc.n < 10", "maxAffected": 10, "mode": "skip", `+incremented+`}`)
		// They became more since.
		d.put("extra", `{"n": 1}`)
		held := d.held()
		o = d.ended(o.ID)
		d.wantEnd(o, operation.Failed, 11, 0, 0)
		if o.Fault.Code != "bulk.tooMany" || o.Phase != operation.Checking {
			d.Errorf("failed with %+v in %s", o.Fault, o.Phase)
		}
		d.want(held)

		// And so after the check.
		o = d.ordered(operation.Update, `{"filter": "doc.n == 550", "maxAffected": 1, "mode": "skip", `+incremented+`}`)
		store := d.store
		d.work(interrupt(store, func(call int) error {
			if call == 1 {
				d.work(store, app.Limits{Scan: 10_000})
				d.put("00540", `{"n": 550}`)
				d.put("00541", `{"n": 550}`)
			}
			return nil
		}), app.Limits{Scan: 10_000})
		o = d.ended(o.ID)
		if o.State != operation.Failed || o.Fault.Code != "bulk.tooMany" || o.Progress.Changed > 1 {
			d.Errorf("ended as %+v, %+v", o, o.Fault)
		}
	})
}

// dying is a store that is gone after some calls: the process that has it dies there. The last write may happen although nobody hears of it.
type dying struct {
	ports.Store
	mu        sync.Mutex
	left      int
	afterwork bool
}

var errDead = fault.New(fault.Unavailable, "test.dead", "dead")

func (s *dying) alive() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.left--
	return s.left >= 0
}

func (s *dying) Write(ctx context.Context, batch document.Batch) ([]document.Result, error) {
	if s.alive() {
		return s.Store.Write(ctx, batch)
	}
	if s.afterwork {
		s.afterwork = false
		_, _ = s.Store.Write(ctx, batch)
	}
	return nil, errDead
}

func (s *dying) AdvanceOperation(ctx context.Context, step operation.Step) error {
	if s.alive() {
		return s.Store.AdvanceOperation(ctx, step)
	}
	if s.afterwork {
		s.afterwork = false
		_ = s.Store.AdvanceOperation(ctx, step)
	}
	return errDead
}

func (s *dying) GetOperation(ctx context.Context, id ident.Operation) (operation.Operation, error) {
	if !s.alive() {
		return operation.Operation{}, errDead
	}
	return s.Store.GetOperation(ctx, id)
}

// Wherever a process dies, before or after it has committed, another one goes on, and each document has exactly one new revision.
func TestOperations_Death(t *testing.T) {
	onDepots(t, app.Limits{}, func(d depot) {
		const documents = 1100
		c := d.fill(documents)
		store, rounds := d.store, 0
		for _, afterwork := range []bool{false, true} {
			for after := range 7 {
				rounds++
				o := d.ordered(operation.Update, `{"filter": "doc.n >= 0", `+incremented+`}`)
				d.work(&dying{Store: store, left: after, afterwork: afterwork}, app.Limits{Scan: 10_000})
				_, _ = d.operations.WorkOnce(d.Context(), slog.New(slog.DiscardHandler))
				if o := d.held(); len(o) != documents {
					d.Fatal("documents are lost")
				}
				d.work(store, app.Limits{Scan: 10_000})
				d.now.Add(3600)
				o = d.ended(o.ID)
				d.wantEnd(o, operation.Succeeded, documents, documents, 0)
				d.wantOnce(c, o, documents)
			}
		}
		if got, want := d.held()["00007"], fmt.Sprintf(`%d {"n": %d}`, rounds+1, 7+rounds); got != want {
			d.Errorf("got %s, want %s", got, want)
		}
	})
}

// unsure is a store that loses the answers of some writes, which happened.
type unsure struct {
	ports.Store
	calls int
}

func (s *unsure) Write(ctx context.Context, batch document.Batch) ([]document.Result, error) {
	results, err := s.Store.Write(ctx, batch)
	if s.calls++; s.calls%2 == 1 && err == nil {
		return nil, fault.New(fault.Unavailable, "write.unknown", "the write may or may not have happened")
	}
	return results, err
}

func TestOperations_UnknownOutcome(t *testing.T) {
	onDepots(t, app.Limits{}, func(d depot) {
		c := d.fill(2100)
		o := d.ordered(operation.Update, `{"filter": "doc.n >= 0", `+incremented+`}`)
		d.work(&unsure{Store: d.store}, app.Limits{Scan: 10_000})
		d.once() // it finds out by itself, and needs nobody else
		o = d.stands(o.ID)
		d.wantEnd(o, operation.Succeeded, 2100, 2100, 0)
		d.wantOnce(c, o, 2100)
	})
}

// Two processes that both believe that an operation is theirs do not do it twice.
func TestOperations_Lost(t *testing.T) {
	onDepots(t, app.Limits{}, func(d depot) {
		c := d.fill(1600)
		o := d.ordered(operation.Update, `{"filter": "doc.n >= 0", `+incremented+`}`)
		store, slow := d.store, d
		slow.work(interrupt(store, func(call int) error {
			if call == 2 { // it slept too long
				d.now.Add(3600)
				d.once()
			}
			return nil
		}), app.Limits{Scan: 10_000})
		slow.once()
		o = d.stands(o.ID)
		d.wantEnd(o, operation.Succeeded, 1600, 1600, 0)
		d.wantOnce(c, o, 1600)
	})
}

func TestOperations_Cancelled(t *testing.T) {
	onDepots(t, app.Limits{}, func(d depot) {
		c := d.fill(1600)
		o := d.ordered(operation.Update, `{"filter": "doc.n >= 0", `+incremented+`}`)
		store := d.store
		d.work(interrupt(store, func(call int) error {
			if call == 3 {
				_, err := d.operations.Cancel(d.Context(), clerk, o.ID)
				return err
			}
			return nil
		}), app.Limits{Scan: 10_000})
		d.once()
		o = d.stands(o.ID)
		d.wantEnd(o, operation.Cancelled, 1000, 1000, 0)
		d.wantOnce(c, o, 1000)
		if held := d.held(); held["00999"] != `2 {"n": 1000}` || held["01000"] != `1 {"n": 1000}` {
			d.Errorf("%s, %s", held["00999"], held["01000"])
		}
		// Before it began.
		o = d.ordered(operation.Delete, `{"all": true}`)
		if _, err := d.operations.Cancel(d.Context(), clerk, o.ID); err != nil {
			d.Fatal(err)
		}
		d.once()
		if held := d.held(); len(held) != 1600 {
			d.Errorf("%d documents are left", len(held))
		}
		done := d.ended(d.ordered(operation.Delete, `{"filter": "doc.n < 0"}`).ID)
		_, err := d.operations.Cancel(d.Context(), clerk, done.ID)
		wantCode(d, err, fault.Conflict, "operation.ended")
	})
}

// A process that is told to stop lets go at once.
func TestOperations_Stopped(t *testing.T) {
	onDepots(t, app.Limits{}, func(d depot) {
		c := d.fill(1600)
		o := d.ordered(operation.Update, `{"filter": "doc.n >= 0", `+incremented+`}`)
		store := d.store
		ctx, stop := context.WithCancel(d.Context())
		d.work(interrupt(store, func(call int) error {
			if call == 2 {
				stop()
			}
			return nil
		}), app.Limits{Scan: 10_000})
		if _, err := d.operations.WorkOnce(ctx, slog.New(slog.DiscardHandler)); err != nil {
			d.Fatal(err)
		}
		half := d.stands(o.ID)
		if half.State != operation.Running || half.Progress.Done != 1000 {
			d.Errorf("stopped as %+v", half)
		}
		d.work(store, app.Limits{Scan: 10_000})
		d.once() // the clock stands still: nobody has to wait
		o = d.stands(o.ID)
		d.wantEnd(o, operation.Succeeded, 1600, 1600, 0)
		d.wantOnce(c, o, 1600)
	})
}

// An operation that ends every process that takes it is given up.
func TestOperations_Stuck(t *testing.T) {
	onDepots(t, app.Limits{}, func(d depot) {
		d.fill(10)
		o := d.ordered(operation.Update, `{"filter": "doc.n >= 0", `+incremented+`}`)
		next := d.ordered(operation.Update, `{"filter": "doc.n >= 0", `+incremented+`}`)
		store := d.store
		d.work(&dying{Store: store}, app.Limits{Scan: 10_000})
		for range operation.MaxClaims {
			d.once()
			d.now.Add(60)
		}
		d.work(store, app.Limits{Scan: 10_000})
		d.once()
		if o = d.stands(o.ID); o.State != operation.Failed || o.Fault.Code != "operation.stuck" {
			d.Errorf("ended as %+v, %+v", o, o.Fault)
		}
		d.wantEnd(d.ended(next.ID), operation.Succeeded, 10, 10, 0)
	})
}

func TestOperations_UniqueKeys(t *testing.T) {
	onDepots(t, app.Limits{}, func(d depot) {
		d.declare(`{"indexes": [{"name": "by_n", "on": ["doc.n"], "unique": true}]}`)
		for i := range 40 {
			d.put(fmt.Sprintf("%02d", i), fmt.Sprintf(`{"n": %d}`, i))
		}
		// Each takes the key of the one behind it: all at once that is fine.
		o := d.ended(d.ordered(operation.Update, `{"filter": "doc.n >= 0", `+incremented+`}`).ID)
		d.wantEnd(o, operation.Succeeded, 40, 40, 0)
		// All take one key.
		o = d.ended(d.ordered(operation.Update, `{"filter": "doc.n >= 0", "mode": "skip", "patch": {"n": 7}}`).ID)
		if o.State != operation.Succeeded || o.Progress.Changed > 1 || o.Progress.Failed < 38 {
			d.Errorf("ended as %+v", o)
		}
		page, err := d.operations.ListFailures(d.Context(), clerk, o.ID, app.Paging{})
		if err != nil || page.Items[0].Code != "document.duplicate" || page.Items[0].Violations[0].Code != "unique" {
			d.Errorf("got %+v, %v", page, err)
		}
		o = d.ended(d.ordered(operation.Update, `{"filter": "doc.n > 7", "patch": {"n": 7}}`).ID)
		if o.State != operation.Failed || o.Fault.Code != "bulk.failed" || o.Progress.Changed != 0 {
			d.Errorf("ended as %+v", o)
		}
		_, err = d.change(operation.Update, `{"filter": "doc.n > 7", "patch": {"n": 7}}`)
		wantCode(d, err, fault.Invalid, "bulk.failed")
	})
}

// The rate is kept by steps of half a second each.
func TestOperations_Throttled(t *testing.T) {
	onDepots(t, app.Limits{OperationRate: 100}, func(d depot) {
		d.fill(120)
		var mu sync.Mutex
		var waited []time.Duration
		d.operations.Pause = func(_ context.Context, w time.Duration) { mu.Lock(); waited = append(waited, w); mu.Unlock() }
		d.ended(d.ordered(operation.Update, `{"filter": "doc.n >= 0", `+incremented+`}`).ID)
		if want := []time.Duration{500 * time.Millisecond, 500 * time.Millisecond, 200 * time.Millisecond}; !slices.Equal(waited, want) {
			d.Errorf("waited %v, want %v", waited, want)
		}
		waited = nil
		d.ended(d.ordered(operation.Update, `{"filter": "doc.n < 4", "documentsPerSecond": 2, `+incremented+`}`).ID)
		if want := slices.Repeat([]time.Duration{500 * time.Millisecond}, 3); !slices.Equal(waited, want) {
			d.Errorf("waited %v, want %v", waited, want)
		}
	})
}

func TestOperations_CollectionGone(t *testing.T) {
	onDepots(t, app.Limits{}, func(d depot) {
		d.fill(10)
		first := d.ended(d.ordered(operation.Update, `{"filter": "doc.n >= 0", `+incremented+`}`).ID)
		o := d.ordered(operation.Delete, `{"all": true}`)
		if _, _, err := d.collections.Delete(d.Context(), clerk, app.DeleteCollection{Name: d.goods, Force: true}); err != nil {
			d.Fatal(err)
		}
		// Another one of that name is none of its business.
		d.declare(`{}`)
		d.put("x", `{}`)
		o = d.ended(o.ID)
		if o.State != operation.Failed || o.Fault.Code != "collection.notFound" || len(d.held()) != 1 {
			d.Errorf("ended as %+v", o)
		}
		_, err := d.operations.Rollback(d.Context(), clerk, first.ID, nil)
		wantCode(d, err, fault.NotFound, "collection.notFound")
	})
}

// A filter that the schema has come to refuse ends the operation.
func TestOperations_FilterRefused(t *testing.T) {
	onDepots(t, app.Limits{}, func(d depot) {
		d.fill(10)
		o := d.ordered(operation.Delete, `{"filter": "doc.x == 1"}`)
		d.declare(`{"unknownFields": "reject", "schema": {"properties": {"n": {"type": "number"}}}}`)
		if o = d.ended(o.ID); o.State != operation.Failed || o.Fault.Code != "filter.invalid" {
			d.Errorf("ended as %+v, %+v", o, o.Fault)
		}
	})
}

func TestOperations_Migration(t *testing.T) {
	onDepots(t, app.Limits{}, func(d depot) {
		d.declare(`{}`)
		d.put("ada", `{"first": "Ada", "last": "Lovelace"}`)
		d.put("bob", `{"first": "Bob"}`)
		d.put("cat", `{"name": "Cat"}`)
		d.declare(`{"unknownFields": "reject", "schema": {"required": ["name"], "properties": {"name": {"type": "string"}}}}`)
		body := `{"filter": "!has(doc.name)", "mode": "skip", "contentType": "application/vnd.sheaf.update+json",
			"patch": {"compute": {"doc.name": "doc.first + ' ' + doc.last"}, "unset": ["doc.first", "doc.last"]}}`
		done, err := d.change(operation.Migration, body, rehearsing)
		r := wantReport(d, done, err, 2, 1, 0, 1)
		if string(r.Samples[0].Document.Data) != `{"name": "Ada Lovelace"}` || r.Failures[0].ID.String() != "bob" || r.Failures[0].Code != "document.patchConflict" {
			d.Errorf("rehearsed as %+v", r)
		}
		done, err = d.change(operation.Migration, body)
		if err != nil || done.Operation == nil {
			d.Fatalf("got %+v, %v: a migration is an operation, however small", done, err)
		}
		o := d.ended(done.Operation.ID)
		d.wantEnd(o, operation.Succeeded, 2, 1, 1)
		d.want(map[string]string{"ada": `2 {"name": "Ada Lovelace"}`, "bob": `1 {"first": "Bob"}`, "cat": `1 {"name": "Cat"}`})
	})
}

func TestOperations_Rollback(t *testing.T) {
	onDepots(t, app.Limits{}, func(d depot) {
		c := d.fill(1100)
		held := d.held()
		o := d.ordered(operation.Update, `{"filter": "doc.n >= 0", `+incremented+`}`)
		_, err := d.operations.Rollback(d.Context(), clerk, o.ID, nil)
		wantCode(d, err, fault.Conflict, "operation.running")
		o = d.ended(o.ID)
		// What somebody else made of it since stays.
		d.put("00001", `{"n": 1000}`)
		if _, err := d.documents.Delete(d.Context(), clerk, app.DeleteDocument{Collection: d.goods, ID: documentID("00002")}); err != nil {
			d.Fatal(err)
		}
		back, err := d.operations.Rollback(d.Context(), clerk, o.ID, nil)
		if err != nil {
			d.Fatal(err)
		}
		back = d.ended(back.ID)
		d.wantEnd(back, operation.Succeeded, 1100, 1098, 2)
		d.wantOnce(c, back, 1098)
		page, err := d.operations.ListFailures(d.Context(), clerk, back.ID, app.Paging{})
		if err != nil || len(page.Items) != 2 || page.Items[0].ID.String() != "00001" || page.Items[1].Code != "operation.changedSince" {
			d.Errorf("got %+v, %v", page, err)
		}
		now := d.held()
		for id, was := range held {
			want := "3" + was[1:]
			switch id {
			case "00001":
				want = `3 {"n": 1000}`
			case "00002":
				want = ""
			}
			if now[id] != want {
				d.Errorf("%s is %q, want %q", id, now[id], want)
			}
		}
	})
}

func TestOperations_RollbackOfDeletions(t *testing.T) {
	onDepots(t, app.Limits{}, func(d depot) {
		c := d.fill(6)
		o := d.ended(d.ordered(operation.Delete, `{"filter": "doc.n < 5"}`).ID)
		d.put("00001", `{"again": true}`)
		d.put("00002", `{"again": true}`)
		if _, err := d.documents.Delete(d.Context(), clerk, app.DeleteDocument{Collection: d.goods, ID: documentID("00002")}); err != nil {
			d.Fatal(err)
		}
		d.declare(`{"schema": {"properties": {"n": {"maximum": 3}}}}`)
		back, err := d.operations.Rollback(d.Context(), clerk, o.ID, nil)
		if err != nil {
			d.Fatal(err)
		}
		back = d.ended(back.ID)
		d.wantEnd(back, operation.Succeeded, 5, 2, 3)
		d.want(map[string]string{"00000": `3 {"n": 0}`, "00001": `3 {"again": true}`, "00003": `3 {"n": 3}`, "00005": `1 {"n": 5}`})
		codes := map[string]string{}
		page, err := d.operations.ListFailures(d.Context(), clerk, back.ID, app.Paging{})
		for _, f := range page.Items {
			codes[f.ID.String()] = f.Code
		}
		if err != nil || fmt.Sprint(codes) != "map[00001:operation.changedSince 00002:operation.changedSince 00004:document.invalid]" {
			d.Errorf("got %v, %v", codes, err)
		}
		// A rollback can be rolled back: what it brought back goes again.
		again, err := d.operations.Rollback(d.Context(), clerk, back.ID, nil)
		if err != nil {
			d.Fatal(err)
		}
		d.wantEnd(d.ended(again.ID), operation.Succeeded, 2, 2, 0)
		d.want(map[string]string{"00001": `3 {"again": true}`, "00005": `1 {"n": 5}`})
		feed, err := d.store.Changes(d.Context(), c.Bucket, 0, 1000)
		if err != nil || feed[len(feed)-1].Op != change.Deleted {
			d.Errorf("the feed ends with %+v, %v", feed[len(feed)-1], err)
		}
		// One that wrote nothing has nothing to take back.
		none := d.ordered(operation.Delete, `{"all": true}`)
		if _, err := d.operations.Cancel(d.Context(), clerk, none.ID); err != nil {
			d.Fatal(err)
		}
		back, err = d.operations.Rollback(d.Context(), clerk, none.ID, nil)
		if err != nil {
			d.Fatal(err)
		}
		d.wantEnd(d.ended(back.ID), operation.Succeeded, 0, 0, 0)
	})
}

func TestOperations_List(t *testing.T) {
	onDepots(t, app.Limits{}, func(d depot) {
		d.fill(3)
		var want []string
		for range 5 {
			want = append(want, d.ordered(operation.Delete, `{"filter": "doc.n > 5"}`).ID.String())
		}
		slices.Reverse(want)
		var got []string
		token := ""
		for {
			page, err := d.operations.List(d.Context(), clerk, app.ListOperations{Collection: d.goods, State: operation.Queued, Paging: app.Paging{Size: 2, Token: token}})
			if err != nil {
				d.Fatal(err)
			}
			for _, o := range page.Items {
				got = append(got, o.ID.String())
			}
			if token = page.Next; token == "" {
				break
			}
		}
		if !slices.Equal(got, want) {
			d.Errorf("got %v, want %v", got, want)
		}
		page, err := d.operations.List(d.Context(), clerk, app.ListOperations{Paging: app.Paging{Size: 2}})
		if err != nil {
			d.Fatal(err)
		}
		_, err = d.operations.List(d.Context(), clerk, app.ListOperations{State: operation.Queued, Paging: app.Paging{Token: page.Next}})
		wantCode(d, err, fault.Malformed, "page.foreign")
	})
}

// Workers do what there is, forget what is long over, and end when they are told to.
func TestOperations_Work(t *testing.T) {
	onDepots(t, app.Limits{}, func(d depot) {
		d.fill(10)
		old := d.ended(d.ordered(operation.Delete, `{"filter": "doc.n > 50"}`).ID)
		d.now.Add(7200)
		ctx, stop := context.WithCancel(d.Context())
		var worker sync.WaitGroup
		worker.Go(func() { d.operations.Work(ctx, slog.New(slog.DiscardHandler), 2, time.Hour) })
		o := d.ordered(operation.Update, `{"filter": "doc.n >= 0", `+incremented+`}`)
		for end := time.Now().Add(time.Minute); !d.stands(o.ID).State.Ended(); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				d.Fatal("nobody works")
			}
		}
		for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
			_, err := d.operations.Get(d.Context(), clerk, old.ID)
			if fault.CodeOf(err) == "operation.notFound" {
				break
			}
			if time.Now().After(end) {
				d.Fatal("nobody forgets")
			}
		}
		stop()
		worker.Wait()
		d.wantEnd(d.stands(o.ID), operation.Succeeded, 10, 10, 0)
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			d.Error("it took too long")
		}
	})
}
