package app_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/adapters/memory"
	"github.com/sheafdb/sheaf/adapters/postgres"
	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/operation"
	"github.com/sheafdb/sheaf/domain/principal"
	"github.com/sheafdb/sheaf/domain/schema"
	"github.com/sheafdb/sheaf/ports"
	"github.com/sheafdb/sheaf/ports/app"
)

// depot is the use cases of bulk changes and operations over one collection.
type depot struct {
	*testing.T
	store       ports.Store
	collections *app.Collections
	documents   *app.Documents
	bulk        *app.Bulk
	operations  *app.Operations
	goods       ident.Collection
	now         *atomic.Int64 // seconds after noon
}

// clerk asks for everything here.
var clerk = app.Caller{Principal: principal.Principal{Name: "clerk"}, RequestID: "q1"}

func openDepot(t *testing.T, store ports.Store, limits app.Limits) depot {
	t.Helper()
	d := depot{T: t, store: store, now: new(atomic.Int64)}
	d.goods, _ = ident.ParseCollection("goods")
	limits.Scan = 20_000
	d.work(store, limits)
	return d
}

var made atomic.Int64

// work makes the use cases over a store, as another process would have them.
func (d *depot) work(store ports.Store, limits app.Limits) {
	limits.Schema = schema.DefaultLimits()
	parts := app.Dependencies{
		Store: store, Clock: func() time.Time { return noon().Add(time.Duration(d.now.Load()) * time.Second) }, Limits: limits,
		IDs: func() ident.Document { id, _ := ident.ParseDocument(fmt.Sprintf("made-%06d", made.Add(1))); return id },
	}
	catalog := app.NewCatalog(store, parts.Clock, limits.Schema)
	d.collections = &app.Collections{Dependencies: parts, Catalog: catalog}
	d.documents = &app.Documents{Dependencies: parts, Catalog: catalog}
	d.operations = app.NewOperations(parts, catalog, d.documents)
	d.operations.Pause = func(context.Context, time.Duration) {}
	d.bulk = &app.Bulk{Dependencies: parts, Catalog: catalog, Documents: d.documents, Operations: d.operations}
}

// onDepots runs a test on each store.
func onDepots(t *testing.T, limits app.Limits, test func(d depot)) {
	t.Helper()
	t.Parallel()
	t.Run("memory", func(t *testing.T) { t.Parallel(); test(openDepot(t, memory.New(), limits)) })
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		store, err := postgres.Open(t.Context(), postgres.Config{URL: migrated.Open(t)})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(store.Close)
		test(openDepot(t, store, limits))
	})
}

func (d depot) declare(configuration string) collection.Stored {
	d.Helper()
	written, err := d.collections.Put(d.Context(), clerk, app.WriteCollection{Name: d.goods, Body: []byte(configuration)})
	if err != nil {
		d.Fatal(err)
	}
	return written.Collection
}

func documentID(s string) ident.Document {
	id, err := ident.ParseDocument(s)
	if err != nil {
		panic(err)
	}
	return id
}

func (d depot) put(id, data string) document.Document {
	d.Helper()
	result, err := d.documents.Put(d.Context(), clerk, app.PutDocument{Collection: d.goods, ID: documentID(id), Data: []byte(data)})
	if err != nil {
		d.Fatal(err)
	}
	return result.Document
}

// fill stores n documents with the numbers from 0 on.
func (d depot) fill(n int) collection.Stored {
	d.Helper()
	c, err := d.collections.Get(d.Context(), clerk, d.goods)
	if err != nil {
		c = d.declare(`{}`)
	}
	writes := make([]document.Write, n)
	for i := range writes {
		id := documentID(fmt.Sprintf("%05d", i))
		writes[i] = document.Write{Collection: c.Version(), ID: id, Change: document.Create(c.Name, id, document.AsIs(fmt.Appendf(nil, `{"n": %d}`, i)))}
	}
	if _, err := d.store.Write(d.Context(), document.Batch{At: noon(), Writes: writes}); err != nil {
		d.Fatal(err)
	}
	return c
}

func (d depot) change(kind operation.Kind, body string, also ...func(*app.ChangeDocuments)) (app.ChangedDocuments, error) {
	d.Helper()
	r := app.ChangeDocuments{Collection: d.goods, Kind: kind, Body: []byte(body)}
	for _, f := range also {
		f(&r)
	}
	return d.bulk.Change(d.Context(), clerk, r)
}

func rehearsing(r *app.ChangeDocuments) { r.ValidateOnly = true }
func async(r *app.ChangeDocuments)      { r.Async = true }

// ordered makes a request that becomes an operation.
func (d depot) ordered(kind operation.Kind, body string, also ...func(*app.ChangeDocuments)) operation.Operation {
	d.Helper()
	done, err := d.change(kind, body, append(also, async)...)
	if err != nil || done.Operation == nil {
		d.Fatalf("got %+v, %v, want an operation", done, err)
	}
	return *done.Operation
}

// once works on the next operation.
func (d depot) once() {
	d.Helper()
	if _, err := d.operations.WorkOnce(d.Context(), slog.New(slog.NewTextHandler(d.Output(), nil))); err != nil {
		d.Fatal(err)
	}
}

// ended works until the operation ends.
func (d depot) ended(id ident.Operation) operation.Operation {
	d.Helper()
	for range 100 {
		if o := d.stands(id); o.State.Ended() {
			return o
		}
		d.once()
		d.now.Add(60) // whatever holds it is dead
	}
	d.Fatalf("never ended: %+v", d.stands(id))
	return operation.Operation{}
}

func (d depot) stands(id ident.Operation) operation.Operation {
	d.Helper()
	o, err := d.operations.Get(d.Context(), clerk, id)
	if err != nil {
		d.Fatal(err)
	}
	return o
}

// wantEnd wants an operation that ended so.
func (d depot) wantEnd(o operation.Operation, state operation.State, done, changed, failed int64) {
	d.Helper()
	if p := o.Progress; o.State != state || p.Done != done || p.Changed != changed || p.Failed != failed {
		d.Errorf("%s with %+v (%+v), want %s with %d, %d, %d", o.State, o.Progress, o.Fault, state, done, changed, failed)
	}
}

// held returns the documents of the collection as id, revision and data.
func (d depot) held() map[string]string {
	d.Helper()
	c, err := d.store.GetCollection(d.Context(), d.goods)
	if err != nil {
		d.Fatal(err)
	}
	all := map[string]string{}
	err = d.store.Export(d.Context(), c.Key, func(x document.Document) error {
		all[x.ID.String()] = fmt.Sprintf("%d %s", x.Revision, x.Data)
		return nil
	})
	if err != nil {
		d.Fatal(err)
	}
	return all
}

func (d depot) want(want map[string]string) {
	d.Helper()
	got := d.held()
	for id, w := range want {
		if got[id] != w {
			d.Errorf("%s is %q, want %q", id, got[id], w)
		}
	}
	if len(got) != len(want) {
		d.Errorf("%d documents, want %d: %v", len(got), len(want), got)
	}
}

func wantCode(tb testing.TB, err error, kind fault.Kind, code string) {
	tb.Helper()
	if fault.KindOf(err) != kind || fault.CodeOf(err) != code {
		tb.Errorf("got %v (%q), want %q", err, fault.CodeOf(err), code)
	}
}

func wantReport(tb testing.TB, done app.ChangedDocuments, err error, matched, changed, unchanged, failed int64) app.BulkReport {
	tb.Helper()
	if err != nil || done.Report == nil {
		tb.Fatalf("got %+v, %v, want a report", done, err)
	}
	r := *done.Report
	if r.Matched.Value != matched || r.Changed != changed || r.Unchanged != unchanged || r.Failed != failed {
		tb.Errorf("got %+v, want %d, %d, %d, %d", r, matched, changed, unchanged, failed)
	}
	return r
}

func TestBulk_AtOnce(t *testing.T) {
	onDepots(t, app.Limits{}, func(d depot) {
		c := d.declare(`{"schema": {"properties": {"n": {"maximum": 10}}}}`)
		for i, n := range []int{1, 2, 9, 10, 2} {
			d.put(fmt.Sprint(i), fmt.Sprintf(`{"n": %d}`, n))
		}
		before, _ := d.store.Position(d.Context(), c.Bucket)
		increment := `"patch": {"increment": {"doc.n": 1}}, "contentType": "application/vnd.sheaf.update+json"`
		// All or nothing.
		_, err := d.change(operation.Update, `{"filter": "doc.n >= 9", `+increment+`}`)
		wantCode(d, err, fault.Invalid, "bulk.failed")
		var failed *app.BulkFailedError
		if !errors.As(err, &failed) || len(failed.Report.Failures) != 1 || failed.Report.Failures[0].ID.String() != "3" || failed.Report.Failures[0].Code != "document.invalid" ||
			failed.Report.Failures[0].Violations[0].Pointer != "/n" {
			d.Errorf("failed as %+v", failed)
		}
		if now, _ := d.store.Position(d.Context(), c.Bucket); now != before {
			d.Errorf("the feed is at %d, was at %d", now, before)
		}
		d.want(map[string]string{"0": `1 {"n": 1}`, "1": `1 {"n": 2}`, "2": `1 {"n": 9}`, "3": `1 {"n": 10}`, "4": `1 {"n": 2}`})
		// What can be.
		done, err := d.change(operation.Update, `{"filter": "doc.n >= 9", "mode": "skip", `+increment+`}`)
		wantReport(d, done, err, 2, 1, 0, 1)
		// One revision each, and none where nothing changes.
		done, err = d.change(operation.Update, `{"filter": "doc.n < 9", "patch": {"n": 2}}`)
		wantReport(d, done, err, 3, 1, 2, 0)
		d.want(map[string]string{"0": `2 {"n": 2}`, "1": `1 {"n": 2}`, "2": `2 {"n": 10}`, "3": `1 {"n": 10}`, "4": `1 {"n": 2}`})
		done, err = d.change(operation.Delete, `{"filter": "doc.n == 2", "maxAffected": 3}`)
		wantReport(d, done, err, 3, 3, 0, 0)
		d.want(map[string]string{"2": `2 {"n": 10}`, "3": `1 {"n": 10}`})
		feed, err := d.store.Changes(d.Context(), c.Bucket, before, 100)
		if err != nil || len(feed) != 5 || feed[4].Op != change.Deleted || feed[4].Actor != "clerk" || feed[4].RequestID != "q1" {
			d.Errorf("the feed has %+v, %v", feed, err)
		}
		done, err = d.change(operation.Delete, `{"filter": "doc.n == 2"}`)
		wantReport(d, done, err, 0, 0, 0, 0)
	})
}

func TestBulk_Refused(t *testing.T) {
	onDepots(t, app.Limits{}, func(d depot) {
		d.declare(`{"unknownFields": "reject", "schema": {"properties": {"n": {"type": "integer"}, "s": {"type": "string"}}}}`)
		d.put("a", `{"n": 1}`)
		d.put("b", `{"n": 2}`)
		held := d.held()
		for body, want := range map[string]struct {
			kind fault.Kind
			code string
		}{
			`{`:                                     {fault.Malformed, "json.invalid"},
			`[]`:                                    {fault.Malformed, "bulk.malformed"},
			`{"patch": {}, "patch": {}}`:            {fault.Malformed, "json.invalid"},
			`{"patch": {"n": 3}}`:                   {fault.Invalid, "bulk.unfiltered"},
			`{"filter": "", "patch": {"n": 3}}`:     {fault.Invalid, "bulk.unfiltered"},
			`{"filter": "true", "patch": {}}`:       {fault.Invalid, "bulk.unfiltered"},
			`{"filter": "1 < 2", "patch": {}}`:      {fault.Invalid, "bulk.unfiltered"},
			`{"filter": "doc.n > 0"}`:               {fault.Malformed, "bulk.malformed"},
			`{"filter": "doc.x > 0", "patch":{}}`:   {fault.Malformed, "filter.invalid"},
			`{"filter": "search('x')", "patch":{}}`: {fault.Malformed, "filter.invalid"},
			`{"filter": 1, "patch": {}, "maxAffected": 1e30, "mode": "x", "all": 0, "Filter": "", "contentType": "text/csv", "documentsPerSecond": 0.5}`: {fault.Malformed, "bulk.malformed"},
			`{"filter": "doc.n > 0", "patch": [], "maxAffected": 1}`:                                                                                     {fault.Invalid, "document.patchInvalid"},
			`{"filter": "doc.n > 0", "patch": {"incr": {}}, "contentType": "application/vnd.sheaf.update+json"}`:                                         {fault.Malformed, "document.patchMalformed"},
			`{"filter": "doc.n > 0", "patch": [{"op": "add"}], "contentType": "application/json-patch+json"}`:                                            {fault.Malformed, "document.patchMalformed"},
			`{"filter": "doc.n > 0", "patch": {"s": 1}}`:                                                                                                 {fault.Invalid, "bulk.failed"},
			`{"filter": "doc.n > 0", "patch": [{"op": "test", "path": "/n", "value": 1}], "contentType": "application/json-patch+json"}`:                 {fault.Invalid, "bulk.failed"},
			`{"filter": "doc.n > 0", "patch": {"n": 5}, "maxAffected": 1}`:                                                                               {fault.Conflict, "bulk.tooMany"},
		} {
			for _, also := range []func(*app.ChangeDocuments){func(*app.ChangeDocuments) {}, rehearsing} {
				done, err := d.change(operation.Update, body, also)
				if want.code == "bulk.failed" && err == nil { // a rehearsal reports
					if done.Report == nil || done.Report.Failed == 0 {
						d.Errorf("%s: %+v", body, done.Report)
					}
					continue
				}
				if fault.KindOf(err) != want.kind || fault.CodeOf(err) != want.code {
					d.Errorf("%s: %v, want %s", body, err, want.code)
				}
			}
		}
		_, err := d.change(operation.Update, `{"filter": 1, "maxAffected": 0, "nope": 1}`)
		if f := fault.Find(err); f == nil || len(f.Violations) != 4 {
			d.Errorf("not all at once: %+v", f)
		}
		_, err = d.change(operation.Delete, `{"filter": "doc.n > 0", "patch": {}}`)
		wantCode(d, err, fault.Malformed, "bulk.malformed")
		_, err = d.change(operation.Migration, `{"all": true, "patch": {}}`)
		wantCode(d, err, fault.Malformed, "bulk.malformed")
		d.want(held)
		list, err := d.operations.List(d.Context(), clerk, app.ListOperations{})
		if err != nil || len(list.Items) != 0 {
			d.Errorf("operations %+v, %v", list, err)
		}
		d.goods, _ = ident.ParseCollection("ghosts")
		_, err = d.change(operation.Delete, `{"all": true}`)
		wantCode(d, err, fault.NotFound, "collection.notFound")
	})
}

func TestBulk_ValidateOnly(t *testing.T) {
	onDepots(t, app.Limits{Bulk: 50}, func(d depot) {
		d.declare(`{"schema": {"properties": {"n": {"maximum": 100}}}}`)
		d.fill(60)
		held := d.held()
		body := `{"filter": "doc.n >= 20", "patch": {"multiply": {"doc.n": 2}}, "contentType": "application/vnd.sheaf.update+json"}`
		done, err := d.change(operation.Update, body, rehearsing)
		r := wantReport(d, done, err, 40, 31, 0, 9)
		if r.Matched.Kind != "exact" || r.Judged != 40 || len(r.Failures) != 9 || len(r.Samples) != 20 || string(r.Samples[0].Document.Data) != `{"n": 40}` || r.Samples[0].Document.Revision != 2 {
			d.Errorf("got %+v", r)
		}
		// Too many for a request: a count, and a sample.
		done, err = d.change(operation.Update, strings.Replace(body, "20", "0", 1), rehearsing)
		r = wantReport(d, done, err, 60, 49, 1, 0)
		if r.Matched.Kind != "exact" || r.Judged != 50 {
			d.Errorf("got %+v", r)
		}
		done, err = d.change(operation.Delete, `{"all": true}`, rehearsing)
		if r = wantReport(d, done, err, 60, 50, 0, 0); r.Samples[0].Outcome != document.Deleted || string(r.Samples[0].Document.Data) != `{"n": 0}` {
			d.Errorf("got %+v", r.Samples[0])
		}
		_, err = d.change(operation.Delete, `{"all": true, "maxAffected": 59}`, rehearsing)
		wantCode(d, err, fault.Conflict, "bulk.tooMany")
		done, err = d.change(operation.Delete, `{"all": true, "maxAffected": 60}`, rehearsing)
		wantReport(d, done, err, 60, 50, 0, 0)
		d.want(held)
	})
}

// A document that no longer matches when its turn comes is left alone, and what somebody else wrote in between is not lost.
func TestBulk_LooksAgain(t *testing.T) {
	onDepots(t, app.Limits{}, func(d depot) {
		d.declare(`{}`)
		for _, id := range []string{"a", "b", "c"} {
			d.put(id, `{"n": 1}`)
		}
		store := d.store
		d.work(interrupt(store, func(call int) error {
			if call == 1 {
				for id, data := range map[string]string{"a": `{"n": 2}`, "b": `{"n": 1, "theirs": true}`} {
					c, err := store.GetCollection(d.Context(), d.goods)
					if err != nil {
						return err
					}
					w := document.Write{Collection: c.Version(), ID: documentID(id), Change: document.Put(document.AsIs([]byte(data)), document.Precondition{})}
					if _, err = store.Write(d.Context(), document.Batch{At: noon(), Writes: []document.Write{w}}); err != nil {
						return err
					}
				}
			}
			return nil
		}), app.Limits{Scan: 100})
		done, err := d.change(operation.Update, `{"filter": "doc.n == 1", "patch": {"mine": true}}`)
		wantReport(d, done, err, 2, 2, 0, 0)
		d.want(map[string]string{"a": `2 {"n": 2}`, "b": `3 {"n": 1, "mine": true, "theirs": true}`, "c": `2 {"n": 1, "mine": true}`})
	})
}

// Increments of many writers and of bulk changes sum exactly.
func TestBulk_AmongWriters(t *testing.T) {
	onDepots(t, app.Limits{}, func(d depot) {
		d.declare(`{}`)
		const documents, writers, rounds = 20, 4, 10
		for i := range documents {
			d.put(fmt.Sprint(i), `{"n": 0}`)
		}
		var all sync.WaitGroup
		for range writers {
			all.Go(func() {
				for i := range documents * rounds {
					_, err := d.documents.Patch(d.Context(), clerk, app.PatchDocument{
						Collection: d.goods, ID: documentID(fmt.Sprint(i % documents)), Format: "application/vnd.sheaf.update+json", Patch: []byte(`{"increment": {"doc.n": 1}}`),
					})
					if err != nil {
						d.Error(err)
					}
				}
			})
		}
		var bulk atomic.Int64
		for range 2 {
			all.Go(func() {
				for range rounds {
					done, err := d.change(operation.Update, `{"filter": "doc.n >= 0", "patch": {"increment": {"doc.n": 1}}, "contentType": "application/vnd.sheaf.update+json"}`)
					if err != nil {
						d.Error(err)
						continue
					}
					bulk.Add(done.Report.Changed)
				}
			})
		}
		all.Wait()
		n := writers*rounds + bulk.Load()/documents
		want := map[string]string{}
		for i := range documents {
			want[fmt.Sprint(i)] = fmt.Sprintf(`%d {"n": %d}`, n+1, n)
		}
		d.want(want)
	})
}

func TestBulk_Unindexed(t *testing.T) {
	onDepots(t, app.Limits{}, func(d depot) {
		d.fill(30)
		d.work(d.store, app.Limits{Scan: 10})
		_, err := d.change(operation.Delete, `{"filter": "doc.n > 28"}`)
		wantCode(d, err, fault.Invalid, "query.unindexed")
		// What may read everything is not for a request, however little there is to find.
		done, err := d.change(operation.Delete, `{"filter": "doc.n > 28", "allowScan": true}`)
		if err != nil || done.Operation == nil {
			d.Fatalf("got %+v, %v", done, err)
		}
		d.wantEnd(d.ended(done.Operation.ID), operation.Succeeded, 1, 1, 0)
	})
}

// What has expired is not there, also while it is still stored.
func TestBulk_Expired(t *testing.T) {
	onDepots(t, app.Limits{}, func(d depot) {
		d.declare(`{"expiry": {"at": "doc.until"}}`)
		d.put("a", `{"until": "2026-11-24T12:00:10Z"}`)
		d.put("b", `{"until": "2026-11-24T13:00:00Z"}`)
		d.put("c", `{}`)
		d.now.Add(60)
		done, err := d.change(operation.Update, `{"all": true, "patch": {"n": 1}}`)
		wantReport(d, done, err, 2, 2, 0, 0)
		d.wantEnd(d.ended(d.ordered(operation.Update, `{"all": true, "patch": {"n": 2}}`).ID), operation.Succeeded, 2, 2, 0)
		done, err = d.change(operation.Delete, `{"filter": "has(doc.until)"}`)
		wantReport(d, done, err, 1, 1, 0, 0)
	})
}
