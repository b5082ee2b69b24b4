package porttest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
)

// Writes are the promises of ports.DocumentWriter to one caller; see Concurrency for several.
func Writes(t *testing.T, open Open) {
	t.Helper()
	promises{
		"Create": func(f fixture) {
			c := f.configure("books", `{}`)
			r := f.one(create(c, "a", `{"n": 1}`))
			wantEqual(f, r, document.Result{Outcome: document.Created, Mark: change.Mark{Bucket: c.Bucket, Position: 1}, Document: document.Document{
				ID: id("a"), Revision: 1, SchemaRevision: 1, CreatedAt: noon, UpdatedAt: noon, Data: []byte(`{"n": 1}`),
			}})
			wantEqual(f, f.get(c, "a"), r.Document)
			wantEqual(f, f.history(c.Bucket), []string{"c a 1"})
		},
		"Create/Exists": func(f fixture) {
			c := f.configure("books", `{}`)
			f.write(create(c, "a", `1`))
			wantFault(f, f.refused(create(c, "a", `2`)), fault.Conflict, "document.exists")
		},
		"Put": func(f fixture) {
			c := f.configure("books", `{"n": 1}`)
			first := f.one(put(c, "a", `{"n": 1}`))
			wantEqual(f, first.Outcome, document.Created)
			c = f.configure("books", `{"n": 2}`)
			later := batch(put(c, "a", `{"n": 2}`))
			later.At = noon.Add(time.Minute)
			results, err := f.Write(f.Context(), later)
			wantError(f, err, nil)
			wantEqual(f, results, []document.Result{{Outcome: document.Updated, Mark: change.Mark{Bucket: c.Bucket, Position: 2}, Document: document.Document{
				ID: id("a"), Revision: 2, SchemaRevision: 2, CreatedAt: noon, UpdatedAt: noon.Add(time.Minute), Data: []byte(`{"n": 2}`),
			}}})
			wantEqual(f, f.get(c, "a"), results[0].Document)
			wantEqual(f, f.history(c.Bucket), []string{"c a 1", "u a 2"})
		},
		"Put/EqualData": func(f fixture) {
			c := f.configure("books", `{"n": 1}`)
			first := f.one(put(c, "a", `{"n": 1}`))
			c = f.configure("books", `{"n": 2}`)
			before := f.picture()
			wantEqual(f, f.one(put(c, "a", `{"n": 1}`)), document.Result{Outcome: document.Unchanged, Document: first.Document})
			f.wantSame(before)
		},
		"Put/Conditions": func(f fixture) {
			c := f.configure("books", `{}`)
			for _, pre := range []document.Precondition{ifMatch(1), ifAny} {
				f.wantStale(putIf(c, "a", `1`, pre), nil)
			}
			f.write(putIf(c, "a", `1`, ifNone))
			current := f.get(c, "a")
			f.wantStale(putIf(c, "a", `2`, ifNone), &current)
			f.wantStale(putIf(c, "a", `2`, ifMatch(2, 3)), &current)
			f.wantStale(putIf(c, "a", `1`, ifMatch(2)), &current) // equal data is no way round
			wantEqual(f, f.one(putIf(c, "a", `2`, ifMatch(7, 1))).Document.Revision, int64(2))
			wantEqual(f, f.one(putIf(c, "a", `3`, ifAny)).Document.Revision, int64(3))
			f.write(putIf(c, "b", `1`, document.Precondition{NoneMatch: &document.Condition{Revisions: []int64{1}}}))
		},
		"Delete": func(f fixture) {
			c := f.configure("books", `{"n": 1}`)
			f.write(put(c, "a", `1`))
			stored := f.one(put(c, "a", `2`)).Document
			c = f.configure("books", `{"n": 2}`)
			wantEqual(f, f.one(remove(c, "a")), document.Result{Outcome: document.Deleted, Document: stored, Mark: change.Mark{Bucket: c.Bucket, Position: 3}})
			_, err := f.Get(f.Context(), c.Key, id("a"))
			wantFault(f, err, fault.NotFound, "document.notFound")
			wantEqual(f, f.history(c.Bucket), []string{"c a 1", "u a 2", "d a 3"})
		},
		"Delete/Missing": func(f fixture) {
			c := f.configure("books", `{}`)
			wantFault(f, f.refused(remove(c, "a")), fault.NotFound, "document.notFound")
			wantFault(f, f.refused(removeIf(c, "a", ifMatch(1))), fault.NotFound, "document.notFound")
			f.write(put(c, "a", `1`), remove(c, "a"))
			wantFault(f, f.refused(remove(c, "a")), fault.NotFound, "document.notFound")
		},
		"Delete/Conditions": func(f fixture) {
			c := f.configure("books", `{}`)
			f.write(put(c, "a", `1`))
			current := f.get(c, "a")
			f.wantStale(removeIf(c, "a", ifMatch(2)), &current)
			f.wantStale(removeIf(c, "a", ifNone), &current)
			wantEqual(f, f.one(removeIf(c, "a", ifMatch(1))).Outcome, document.Deleted)
		},
		"RevisionsOutliveDeletion": func(f fixture) {
			c, other := f.sharing()
			f.write(put(c, "a", `1`), put(other, "a", `1`))
			f.write(put(c, "a", `2`))
			f.write(remove(c, "a"))
			r := f.one(create(c, "a", `1`))
			wantEqual(f, r.Document.Revision, int64(4))
			f.wantStale(putIf(c, "a", `9`, ifMatch(1)), &r.Document)
			f.write(remove(c, "a"))
			wantEqual(f, f.one(fresh(create(c, "a", `1`))).Document.Revision, int64(6))
			f.write(remove(c, "a"), put(c, "a", `2`), remove(c, "a"))
			wantEqual(f, f.one(put(c, "a", `1`)).Document.Revision, int64(10))
			wantEqual(f, f.one(put(other, "a", `2`)).Document.Revision, int64(2))
		},
		"Keep": func(f fixture) {
			c := f.configure("books", `{}`)
			f.write(put(c, "a", `1`))
			current := f.get(c, "a")
			before := f.picture()
			wantEqual(f, f.write(leave(c, "a"), leave(c, "b"), write(c, "b", func(*document.Document) (document.Next, error) { return document.Remove(), nil })),
				[]document.Result{{Outcome: document.Unchanged, Document: current}, {}, {}})
			f.wantSame(before)
		},
		"TimesAscend": func(f fixture) {
			c := f.configure("books", `{}`)
			f.write(put(c, "a", `1`))
			earlier := batch(put(c, "a", `2`), remove(c, "a"), put(c, "a", `3`))
			earlier.At = noon.Add(-time.Minute)
			results, err := f.Write(f.Context(), earlier)
			wantError(f, err, nil)
			wantEqual(f, results[0].Document.UpdatedAt, noon)
			wantEqual(f, results[2].Document.CreatedAt, noon.Add(-time.Minute))
			wantEqual(f, f.get(c, "a"), results[2].Document)
		},
		"TimesOfTheDatabase": func(f fixture) {
			c := f.configure("books", `{}`)
			b := batch(put(c, "a", `1`))
			b.At = noon.Add(999 * time.Nanosecond).In(time.FixedZone("", 3600))
			results, err := f.Write(f.Context(), b)
			wantError(f, err, nil)
			wantEqual(f, results[0].Document.CreatedAt, noon)
			wantEqual(f, f.get(c, "a"), results[0].Document)
		},
		"SeesTheCurrent": func(f fixture) {
			c := f.configure("books", `{}`)
			f.write(put(c, "a", `1`))
			current := f.get(c, "a")
			f.write(write(c, "a", func(seen *document.Document) (document.Next, error) {
				wantEqual(f, seen, &current)
				return document.Keep(), nil
			}), write(c, "b", func(seen *document.Document) (document.Next, error) {
				wantEqual(f, seen, (*document.Document)(nil))
				return document.Keep(), nil
			}))
		},
		"Batch": func(f fixture) {
			c, other := f.configure("books", `{}`), f.configure("authors", `{}`)
			f.write(put(c, "old", `1`), put(c, "gone", `1`))
			results := f.write(
				put(c, "a", `1`), put(c, "a", `2`), put(other, "z", `1`), remove(c, "a"), create(c, "a", `3`), put(c, "old", `2`),
				remove(c, "gone"), create(c, "passing", `1`), removeIf(c, "passing", ifMatch(1)), put(c, "old", `2`), leave(other, "z"))
			type outcome struct {
				document.Outcome
				Revision int64
				Data     string
			}
			var got []outcome
			for _, r := range results {
				got = append(got, outcome{r.Outcome, r.Document.Revision, string(r.Document.Data)})
			}
			wantEqual(f, got, []outcome{
				{document.Created, 1, `1`}, {document.Updated, 2, `2`}, {document.Created, 1, `1`}, {document.Deleted, 2, `2`}, {document.Created, 4, `3`},
				{document.Updated, 2, `2`}, {document.Deleted, 1, `1`}, {document.Created, 1, `1`}, {document.Deleted, 1, `1`}, {document.Unchanged, 2, `2`},
				{document.Unchanged, 1, `1`},
			})
			wantEqual(f, f.history(c.Bucket), []string{
				"c old 1", "c gone 1", "c a 1", "u a 2", "d a 3", "c a 4", "u old 2", "d gone 2", "c passing 1", "d passing 2",
			})
			wantEqual(f, f.history(other.Bucket), []string{"c z 1"})
			wantEqual(f, f.ids(c), []string{"a", "old"})
			wantEqual(f, f.get(c, "a"), results[4].Document)
		},
		"Batch/SameId": func(f fixture) {
			a, b := f.sharing()
			f.write(put(a, "x", `1`), put(b, "x", `2`), put(a, "x", `3`), remove(b, "x"))
			wantEqual(f, f.history(a.Bucket), []string{"c x 1", "c x 1", "u x 2", "d x 2"})
			wantEqual(f, string(f.get(a, "x").Data), `3`)
			wantEqual(f, f.ids(b), []string{})
		},
		"Batch/Nothing": func(f fixture) {
			results, err := f.Write(f.Context(), batch())
			if err != nil || len(results) != 0 {
				f.Errorf("got %v, %v", results, err)
			}
		},
		"Batch/FailsHalfWay": func(f fixture) {
			c, other := f.configure("books", `{}`), f.configure("authors", `{}`)
			f.write(put(c, "old", `1`), put(c, "gone", `1`))
			err := f.refused(put(c, "new", `1`), put(c, "old", `2`), remove(c, "gone"), put(other, "z", `1`), refuse(c, "new"), put(c, "later", `1`))
			if err != errRefused { //nolint:errorlint // as it is
				f.Errorf("got %v", err)
			}
			wantFault(f, f.refused(put(c, "a", `1`), create(c, "old", `2`)), fault.Conflict, "document.exists")
			wantFault(f, f.refused(put(c, "a", `1`), create(c, "a", `2`)), fault.Conflict, "document.exists")
			wantFault(f, f.refused(remove(c, "old"), remove(c, "old")), fault.NotFound, "document.notFound")
			// The revisions that were not written are not used up.
			wantEqual(f, f.one(put(c, "old", `2`)).Document.Revision, int64(2))
			wantEqual(f, f.one(put(c, "new", `1`)).Document.Revision, int64(1))
		},
		"Batch/SeesEarlier": func(f fixture) {
			c := f.configure("books", `{}`)
			f.refused(put(c, "a", `1`), write(c, "a", func(seen *document.Document) (document.Next, error) {
				if seen == nil || string(seen.Data) != `1` || seen.Revision != 1 {
					f.Errorf("got %+v", seen)
				}
				return document.Next{}, errRefused
			}))
		},
		"Changed": func(f fixture) {
			old, other := f.configure("books", `{"n": 1}`), f.configure("authors", `{}`)
			f.write(put(old, "a", `1`))
			c := f.configure("books", `{"n": 2}`)
			next, unknown := c, c
			next.Revision++
			unknown.Key = nowhere
			for name, judged := range map[string]collection.Stored{"older": old, "newer": next, "unknown": unknown} {
				for what, w := range map[string]document.Write{
					"create": create(judged, "b", `1`), "fresh": fresh(create(judged, "b", `1`)), "update": put(judged, "a", `2`), "unchanged": put(judged, "a", `1`),
					"keep": leave(judged, "b"), "fresh keep": fresh(leave(judged, "b")), "delete": remove(judged, "a"),
				} {
					if err := f.refused(w); !errors.Is(err, collection.ErrChanged) {
						f.Errorf("%s, %s: got %v", name, what, err)
					}
					if err := f.refused(put(other, "z", `1`), w); !errors.Is(err, collection.ErrChanged) {
						f.Errorf("%s, %s after another: got %v", name, what, err)
					}
				}
			}
			wantFault(f, collection.ErrChanged, fault.Unavailable, "collection.changed")
			f.write(put(c, "a", `2`), fresh(create(c, "b", `1`)))
		},
		"Fresh": func(f fixture) {
			c := f.configure("books", `{}`)
			wantEqual(f, f.one(fresh(create(c, "a", `1`))).Document.Revision, int64(1))
			// Whoever is wrong about it gets the answer of whoever asked.
			wantFault(f, f.refused(fresh(create(c, "a", `2`))), fault.Conflict, "document.exists")
			wantFault(f, f.refused(fresh(create(c, "b", `2`)), create(c, "b", `3`)), fault.Conflict, "document.exists")
			wantEqual(f, f.one(fresh(put(c, "a", `1`))).Outcome, document.Unchanged)
			wantEqual(f, f.one(fresh(put(c, "a", `2`))).Document.Revision, int64(2))
			current := f.get(c, "a")
			f.wantStale(fresh(putIf(c, "a", `3`, ifNone)), &current)
			wantEqual(f, f.one(fresh(putIf(c, "a", `3`, ifMatch(2)))).Document.Revision, int64(3))
			wantEqual(f, f.one(fresh(leave(c, "a"))).Document.Revision, int64(3))
			wantEqual(f, f.one(fresh(remove(c, "a"))).Outcome, document.Deleted)
			wantEqual(f, f.one(fresh(create(c, "a", `1`))).Document.Revision, int64(5))
			wantEqual(f, f.write(fresh(create(c, "b", `1`)), fresh(put(c, "b", `2`)), fresh(put(c, "a", `2`)))[2].Outcome, document.Updated)
		},
		"Panic": func(f fixture) {
			c := f.configure("books", `{}`)
			f.write(put(c, "a", `1`))
			before := f.picture()
			for range 5 {
				wantEqual(f, panics(func() {
					_, _ = f.Write(f.Context(), batch(put(c, "b", `1`), write(c, "a", func(*document.Document) (document.Next, error) { panic(errRefused) })))
				}), any(errRefused))
			}
			f.wantSame(before)
			f.write(put(c, "b", `1`))
		},
		"Cancelled": func(f fixture) {
			c := f.configure("books", `{}`)
			before := f.picture()
			ctx, cancel := context.WithCancel(f.Context())
			cancel()
			_, err := f.Write(ctx, batch(put(c, "a", `1`)))
			wantError(f, err, context.Canceled)
			f.wantSame(before)
		},
	}.keep(t, open)
}

// wantStale wants that the write's condition does not hold, with the document as it stands, and that nothing changed.
func (f fixture) wantStale(w document.Write, current *document.Document) {
	f.Helper()
	err := f.refused(w)
	wantFault(f, err, fault.Stale, "document.stale")
	var stale *document.StaleError
	if !errors.As(err, &stale) {
		f.Fatalf("%T does not say what there is", err)
	}
	wantEqual(f, stale.Current, current)
}

// Changes are the promises of ports.ChangeReader, and of what a write leaves for it.
func Changes(t *testing.T, open Open) {
	t.Helper()
	promises{
		"Contents": func(f fixture) {
			c := f.configure("books", `{}`)
			f.write(put(c, "a", `{"n": 1}`))
			b := batch(put(c, "a", `{"n": 2}`), remove(c, "a"))
			b.Origin, b.At = change.Origin{Actor: "cy", RequestID: "r3"}, noon.Add(time.Second)
			_, err := f.Write(f.Context(), b)
			wantError(f, err, nil)
			at := func(p change.Position, op change.Op) change.Change {
				return change.Change{
					Bucket: c.Bucket, Position: p, CollectionID: c.ID, DocumentID: id("a"), Revision: int64(p), Op: op,
					At: noon.Add(time.Second), Actor: "cy", RequestID: "r3",
				}
			}
			created, updated, deleted := at(1, change.Created), at(2, change.Updated), at(3, change.Deleted)
			created.At, created.Actor, created.RequestID, created.Data = noon, "bo", "r2", []byte(`{"n": 1}`)
			updated.Data = []byte(`{"n": 2}`)
			wantEqual(f, f.feed(c.Bucket), []change.Change{created, updated, deleted})
		},
		"Range": func(f fixture) {
			c := f.configure("books", `{}`)
			var want []string
			for i := range 9 {
				f.write(put(c, number(i), `1`))
				want = append(want, number(i))
			}
			for _, test := range []struct {
				after    change.Position
				limit    int
				from, to int
			}{{0, 100, 0, 9}, {0, 9, 0, 9}, {0, 4, 0, 4}, {4, 4, 4, 8}, {8, 4, 8, 9}, {9, 4, 9, 9}, {99, 4, 9, 9}} {
				list, err := f.Changes(f.Context(), c.Bucket, test.after, test.limit)
				wantError(f, err, nil)
				got := []string{}
				for i, ch := range list {
					got = append(got, ch.DocumentID.String())
					wantEqual(f, ch.Position, test.after+change.Position(i)+1)
				}
				wantEqual(f, got, append([]string{}, want[test.from:test.to]...))
			}
		},
		"Position": func(f fixture) {
			c := f.configure("books", `{}`)
			for _, bucket := range []int32{c.Bucket, 0, change.Buckets - 1, change.Buckets, -2} {
				at, err := f.Position(f.Context(), bucket)
				wantError(f, err, nil)
				wantEqual(f, at, change.Position(0))
				list, err := f.Changes(f.Context(), bucket, 0, 10)
				wantError(f, err, nil)
				wantEqual(f, list, []change.Change{})
			}
			f.write(put(c, "a", `1`), put(c, "b", `1`))
			at, err := f.Position(f.Context(), c.Bucket)
			wantError(f, err, nil)
			wantEqual(f, at, change.Position(2))
		},
		"BucketOfTwo": func(f fixture) {
			a, b := f.sharing()
			f.write(put(a, "x", `1`), put(b, "y", `1`), put(a, "z", `1`))
			f.write(put(b, "x", `1`))
			feed := f.feed(a.Bucket)
			wantEqual(f, f.history(a.Bucket), []string{"c x 1", "c y 1", "c z 1", "c x 1"})
			for i, want := range []collection.Stored{a, b, a, b} {
				wantEqual(f, feed[i].CollectionID, want.ID)
			}
		},
		"OnlyWhatChanges": func(f fixture) {
			c := f.configure("books", `{}`)
			f.write(put(c, "a", `1`), put(c, "a", `1`), leave(c, "b"), put(c, "c", `1`))
			f.refused(put(c, "d", `1`), refuse(c, "e"))
			f.configure("books", `{"n": 2}`)
			wantEqual(f, f.history(c.Bucket), []string{"c a 1", "c " + "c 1"})
		},
	}.keep(t, open)
}
