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
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/query"
)

// Collections are the promises of ports.CollectionReader, ports.CollectionFeed and ports.CollectionWriter, without PurgeCollection.
func Collections(t *testing.T, open Open) {
	t.Helper()
	promises{
		"Get/Missing": func(f fixture) {
			f.configure("books", `{}`)
			_, err := f.GetCollection(f.Context(), named("book"))
			wantFault(f, err, fault.NotFound, "collection.notFound")
		},
		"Get/WhateverState": func(f fixture) {
			active := f.configure("books", `{}`)
			got, err := f.GetCollection(f.Context(), active.Name)
			wantError(f, err, nil)
			wantEqual(f, got, active)
			deleted := f.mark("books")
			got, err = f.GetCollection(f.Context(), active.Name)
			wantError(f, err, nil)
			wantEqual(f, got, deleted)
			wantEqual(f, got.State, collection.Deleting)
		},
		"List": func(f fixture) {
			for _, name := range []string{"b", "a_b", "a-b", "a0", "c", "a"} {
				f.configure(name, `{}`)
			}
			f.mark("c")
			for _, test := range []struct {
				after string
				limit int
				want  []string
			}{
				{"", 10, []string{"a", "a-b", "a0", "a_b", "b", "c"}},
				{"", 2, []string{"a", "a-b"}},
				{"a-b", 2, []string{"a0", "a_b"}},
				{"a1", 10, []string{"a_b", "b", "c"}}, // the name of none
				{"c", 10, []string{}},
			} {
				page, err := f.ListCollections(f.Context(), test.after, test.limit)
				wantError(f, err, nil)
				got := []string{}
				for _, c := range page {
					got = append(got, c.Name.String())
					one, err := f.GetCollection(f.Context(), c.Name)
					wantError(f, err, nil)
					wantEqual(f, c, one)
				}
				wantEqual(f, got, test.want)
			}
		},
		"Count": func(f fixture) {
			f.wantCollections(0)
			f.configure("books", `{}`)
			f.configure("authors", `{}`)
			f.mark("books")
			f.wantCollections(2)
		},
		"Revisions": func(f fixture) {
			c := f.configure("books", `{}`)
			f.configure("authors", `{"n": 0}`)
			two := configuring("books", `{"n": 2}`)
			two.Origin, two.At = bo, noon.Add(time.Hour)
			if _, _, err := f.WriteCollection(f.Context(), two); err != nil {
				f.Fatal(err)
			}
			f.mark("books")
			one := collection.Revision{Revision: 1, At: noon, Configuration: []byte(`{}`), Origin: ann}
			second := collection.Revision{Revision: 2, At: noon.Add(time.Hour), Configuration: []byte(`{"n": 2}`), Origin: bo}
			third := collection.Revision{Revision: 3, At: noon.Add(time.Hour), Configuration: []byte(`{"n": 2}`), Origin: ann}
			for _, test := range []struct {
				before int64
				limit  int
				want   []collection.Revision
			}{
				{0, 10, []collection.Revision{third, second, one}},
				{0, 2, []collection.Revision{third, second}},
				{3, 1, []collection.Revision{second}},
				{2, 10, []collection.Revision{one}},
				{1, 10, []collection.Revision{}},
				{9, 1, []collection.Revision{third}},
			} {
				got, err := f.ListCollectionRevisions(f.Context(), c.Key, test.before, test.limit)
				wantError(f, err, nil)
				wantEqual(f, got, test.want)
			}
			got, err := f.ListCollectionRevisions(f.Context(), collection.Key{Bucket: 1, ID: 999}, 0, 10)
			wantError(f, err, nil)
			wantEqual(f, got, []collection.Revision{})
		},
		"Feed": func(f fixture) {
			f.wantConfigurations(0, 10, 0)
			f.configure("books", `{}`)
			f.configure("authors", `{}`)
			f.configure("books", `{"n": 2}`)
			c := f.mark("books")
			f.purge(c.Key, 10)
			f.wantConfigurations(0, 10, 5, "books", "authors", "books", "books", "books")
			f.wantConfigurations(0, 2, 2, "books", "authors")
			f.wantConfigurations(2, 1, 3, "books")
			f.wantConfigurations(5, 10, 5)
			f.wantConfigurations(9, 10, 9)
			position, err := f.ConfigurationPosition(f.Context())
			wantError(f, err, nil)
			wantEqual(f, position, change.Position(5))
		},
		"Write/Create": func(f fixture) {
			c := configuring("books", `{"n": 1}`)
			c.Decide = func(current *collection.Stored) ([]byte, error) {
				if current != nil {
					f.Errorf("there is %+v", current)
				}
				return []byte(`{"n": 1}`), nil
			}
			got, created, err := f.WriteCollection(f.Context(), c)
			wantError(f, err, nil)
			wantEqual(f, created, true)
			wantEqual(f, got, collection.Stored{
				Key: got.Key, Name: named("books"), Revision: 1, State: collection.Active, CreatedAt: noon, UpdatedAt: noon, Configuration: []byte(`{"n": 1}`),
			})
			if got.Bucket < 0 || got.Bucket >= change.Buckets {
				f.Errorf("in bucket %d", got.Bucket)
			}
		},
		"Write/Replace": func(f fixture) {
			first := f.configure("books", `{"n": 1}`)
			c := configuring("books", `{"n": 2}`)
			c.At = noon.Add(time.Minute)
			c.Decide = func(current *collection.Stored) ([]byte, error) {
				wantEqual(f, *current, first)
				return []byte(`{"n": 2}`), nil
			}
			got, created, err := f.WriteCollection(f.Context(), c)
			wantError(f, err, nil)
			wantEqual(f, created, false)
			want := first
			want.Revision, want.UpdatedAt, want.Configuration = 2, noon.Add(time.Minute), []byte(`{"n": 2}`)
			wantEqual(f, got, want)
			f.wantConfigurations(0, 10, 2, "books", "books")
		},
		"Write/TimesAscend": func(f fixture) {
			f.configure("books", `{"n": 1}`)
			c := configuring("books", `{"n": 2}`)
			c.At = noon.Add(-time.Minute)
			got, _, err := f.WriteCollection(f.Context(), c)
			wantError(f, err, nil)
			wantEqual(f, got.UpdatedAt, noon)
		},
		"Write/EqualText": func(f fixture) {
			first := f.configure("books", `{"n": 1}`)
			before := f.picture()
			got, created, err := f.WriteCollection(f.Context(), configuring("books", `{"n": 1}`))
			wantError(f, err, nil)
			wantEqual(f, created, false)
			wantEqual(f, got, first)
			f.wantSame(before)
		},
		"Write/Refused": func(f fixture) {
			f.configure("books", `{}`)
			before := f.picture()
			for _, name := range []string{"books", "authors"} {
				c := configuring(name, `{"n": 1}`)
				c.Decide = func(*collection.Stored) ([]byte, error) { return []byte(`{"n": 1}`), errRefused }
				_, created, err := f.WriteCollection(f.Context(), c)
				wantError(f, err, errRefused)
				wantEqual(f, created, false)
			}
			f.wantSame(before)
		},
		"Write/Panic": func(f fixture) {
			f.configure("books", `{}`)
			before := f.picture()
			for _, name := range []string{"books", "authors"} {
				c := configuring(name, `{"n": 1}`)
				c.Decide = func(*collection.Stored) ([]byte, error) { panic(errRefused) }
				wantEqual(f, panics(func() { _, _, _ = f.WriteCollection(f.Context(), c) }), any(errRefused))
			}
			f.wantSame(before)
			f.configure("books", `{"n": 2}`)
		},
		"Write/WhileDeleting": func(f fixture) {
			f.configure("books", `{}`)
			f.mark("books")
			before := f.picture()
			_, _, err := f.WriteCollection(f.Context(), configuring("books", `{"n": 1}`))
			wantFault(f, err, fault.Conflict, "collection.deleting")
			f.wantSame(before)
		},
		"Write/KeyIsNew": func(f fixture) {
			seen := map[collection.Key]bool{}
			for range 5 {
				c := f.configure("books", `{}`)
				if seen[c.Key] {
					f.Errorf("created again as %+v", c)
				}
				seen[c.Key] = true
				f.purge(f.mark("books").Key, 10)
			}
		},
		"Write/RevisionsGoOn": func(f fixture) {
			c := f.configure("books", `{}`)
			f.write(put(c, "a", `1`), put(c, "a", `2`), put(c, "b", `1`), put(c, "c", `1`), put(c, "c", `2`), put(c, "c", `3`), remove(c, "c"))
			f.configure("books", `{"n": 2}`)
			f.purge(f.mark("books").Key, 2) // at revision 3
			first, err := f.FirstRevision(f.Context(), named("books"))
			wantError(f, err, nil)
			wantEqual(f, first, int64(4))
			first, err = f.FirstRevision(f.Context(), named("ghosts"))
			wantError(f, err, nil)
			wantEqual(f, first, int64(1))
			again := f.configure("books", `{}`)
			wantEqual(f, []int64{again.Revision, again.Base}, []int64{4, 4})
			read, err := f.GetCollection(f.Context(), again.Name)
			wantError(f, err, nil)
			wantEqual(f, read, again)
			for _, test := range []struct {
				before int64
				want   int
			}{{0, 1}, {4, 0}, {5, 1}, {1, 0}} {
				got, err := f.ListCollectionRevisions(f.Context(), again.Key, test.before, 10)
				wantError(f, err, nil)
				wantEqual(f, len(got), test.want)
			}
			// Whoever read a document of the first collection does not write over one of the second.
			for _, w := range []document.Write{put(again, "a", `1`), fresh(create(again, "c", `1`)), put(again, "new", `1`)} {
				wantEqual(f, f.one(w).Document.Revision, int64(5))
			}
			for revision := range int64(5) {
				wantFault(f, f.refused(putIf(again, "a", `3`, ifMatch(revision))), fault.Stale, "document.stale")
			}
			f.write(remove(again, "a"), put(again, "a", `2`))
			wantEqual(f, f.get(again, "a").Revision, int64(7))
			// A collection without documents does not forget; other names are not concerned.
			f.purge(f.mark("books").Key, 100)
			f.configure("books", `{}`)
			f.purge(f.mark("books").Key, 100)
			third := f.configure("books", `{}`)
			wantEqual(f, []int64{third.Revision, third.Base}, []int64{8, 7})
			other := f.configure("authors", `{}`)
			wantEqual(f, []int64{other.Revision, other.Base, f.one(put(other, "a", `1`)).Document.Revision}, []int64{1, 0, 1})
		},
		"Delete/Marks": func(f fixture) {
			c := f.configure("books", `{"n": 1}`)
			f.write(put(c, "a", `1`))
			d := deleting("books")
			d.At = noon.Add(time.Minute)
			d.Decide = func(current collection.Stored, holds bool) error {
				wantEqual(f, current, c)
				wantEqual(f, holds, true)
				return nil
			}
			got, err := f.DeleteCollection(f.Context(), d)
			wantError(f, err, nil)
			want := c
			want.State, want.Revision, want.UpdatedAt = collection.Deleting, 2, noon.Add(time.Minute)
			wantEqual(f, got, want)
			f.wantConfigurations(0, 10, 2, "books", "books")
			for _, judged := range []collection.Stored{c, got} {
				wantError(f, f.refused(put(judged, "b", `1`)), collection.ErrChanged)
				wantError(f, f.refused(remove(judged, "a")), collection.ErrChanged)
			}
		},
		"Delete/Empty": func(f fixture) {
			c := f.configure("books", `{}`)
			f.write(put(f.configure("authors", `{}`), "a", `1`))
			f.write(put(c, "a", `1`), remove(c, "a"))
			d := deleting("books")
			d.Decide = func(_ collection.Stored, holds bool) error {
				wantEqual(f, holds, false)
				return nil
			}
			_, err := f.DeleteCollection(f.Context(), d)
			wantError(f, err, nil)
		},
		"Delete/Refused": func(f fixture) {
			c := f.configure("books", `{}`)
			before := f.picture()
			d := deleting("books")
			d.Decide = func(collection.Stored, bool) error { return errRefused }
			_, err := f.DeleteCollection(f.Context(), d)
			wantError(f, err, errRefused)
			f.wantSame(before)
			f.write(put(c, "a", `1`))
		},
		"Delete/Panic": func(f fixture) {
			c := f.configure("books", `{}`)
			before := f.picture()
			d := deleting("books")
			d.Decide = func(collection.Stored, bool) error { panic(errRefused) }
			wantEqual(f, panics(func() { _, _ = f.DeleteCollection(f.Context(), d) }), any(errRefused))
			f.wantSame(before)
			f.write(put(c, "a", `1`))
			f.mark("books")
		},
		"Delete/Again": func(f fixture) {
			f.configure("books", `{}`)
			first := f.mark("books")
			before := f.picture()
			wantEqual(f, f.mark("books"), first)
			f.wantSame(before)
		},
		"Delete/Missing": func(f fixture) {
			_, err := f.DeleteCollection(f.Context(), deleting("books"))
			wantFault(f, err, fault.NotFound, "collection.notFound")
			c := f.configure("books", `{}`)
			f.mark("books")
			f.purge(c.Key, 10)
			_, err = f.DeleteCollection(f.Context(), deleting("books"))
			wantFault(f, err, fault.NotFound, "collection.notFound")
		},
		"Deleting": func(f fixture) {
			f.wantDeleting()
			for _, name := range []string{"a", "b", "c", "d"} {
				f.configure(name, `{}`)
			}
			b, d := f.mark("b"), f.mark("d")
			f.wantDeleting(b, d)
			if some, err := f.DeletingCollections(f.Context(), 1); err != nil || len(some) != 1 {
				f.Errorf("%d of at most 1, %v", len(some), err)
			}
			f.purge(b.Key, 10)
			f.wantDeleting(d)
		},
		"Cancelled": func(f fixture) {
			c := f.configure("books", `{}`)
			f.configure("authors", `{}`)
			deleted := f.mark("authors")
			before := f.picture()
			ctx, cancel := context.WithCancel(f.Context())
			cancel()
			for what, do := range map[string]func() error{
				"get":                    func() error { _, err := f.GetCollection(ctx, c.Name); return err },
				"list":                   func() error { _, err := f.ListCollections(ctx, "", 10); return err },
				"count":                  func() error { _, err := f.CountCollections(ctx, query.CountExact); return err },
				"revisions":              func() error { _, err := f.ListCollectionRevisions(ctx, c.Key, 0, 10); return err },
				"configuration position": func() error { _, err := f.ConfigurationPosition(ctx); return err },
				"configuration changes":  func() error { _, _, err := f.ConfigurationChanges(ctx, 0, 10); return err },
				"deleting":               func() error { _, err := f.DeletingCollections(ctx, 10); return err },
				"write":                  func() error { _, _, err := f.WriteCollection(ctx, configuring("books", `{"n": 1}`)); return err },
				"create":                 func() error { _, _, err := f.WriteCollection(ctx, configuring("new", `{}`)); return err },
				"delete":                 func() error { _, err := f.DeleteCollection(ctx, deleting("books")); return err },
				"purge":                  func() error { _, err := f.PurgeCollection(ctx, deleted.Key, 10); return err },
			} {
				if err := do(); !errors.Is(err, context.Canceled) {
					f.Errorf("%s: got %v", what, err)
				}
			}
			f.wantSame(before)
		},
	}.keep(t, open)
}

func (f fixture) wantCollections(n int64) {
	f.Helper()
	for _, kind := range []query.CountKind{query.CountExact, query.CountEstimated, query.CountCapped} {
		got, err := f.CountCollections(f.Context(), kind)
		if err != nil || got.Value != n || got.Kind != "exact" && got.Kind != string(kind) {
			f.Errorf("%s: got %+v, %v, want %d", kind, got, err, n)
		}
	}
}

func (f fixture) wantConfigurations(after change.Position, limit int, last change.Position, names ...string) {
	f.Helper()
	got, position, err := f.ConfigurationChanges(f.Context(), after, limit)
	wantError(f, err, nil)
	want := []ident.Collection{}
	for _, name := range names {
		want = append(want, named(name))
	}
	wantEqual(f, got, want)
	wantEqual(f, position, last)
}

func (f fixture) wantDeleting(want ...collection.Stored) {
	f.Helper()
	got, err := f.DeletingCollections(f.Context(), 10)
	wantError(f, err, nil)
	byKey := map[collection.Key]collection.Stored{}
	for _, c := range got {
		byKey[c.Key] = c
	}
	if len(got) != len(want) {
		f.Errorf("%d are being deleted, want %d", len(got), len(want))
	}
	for _, c := range want {
		wantEqual(f, byKey[c.Key], c)
	}
}

// Purge are the promises of PurgeCollection.
func Purge(t *testing.T, open Open) {
	t.Helper()
	promises{
		"InSteps": func(f fixture) {
			c, other := f.sharing()
			for _, name := range []string{"a", "b", "c", "d", "e", "f", "g"} {
				f.write(put(c, name, `1`), put(other, name, `1`), put(c, name, `2`))
			}
			f.write(remove(c, "a"))
			kept := changesOf(f.feed(c.Bucket), other)
			at, err := f.Position(f.Context(), c.Bucket)
			wantError(f, err, nil)
			f.mark(c.Name.String())
			documents, changes := 6, 15
			for steps := 1; ; steps++ {
				done, err := f.PurgeCollection(f.Context(), c.Key, 2)
				if err != nil || steps > 20 {
					f.Fatalf("step %d: %v", steps, err)
				}
				all, err := f.Changes(f.Context(), c.Bucket, 0, 1<<20)
				wantError(f, err, nil)
				left, inFeed := len(f.ids(c)), len(changesOf(all, c))
				if documents-left > 2 || changes-inFeed > 2 {
					f.Errorf("a step of 2 removed %d documents and %d changes", documents-left, changes-inFeed)
				}
				documents, changes = left, inFeed
				_, err = f.GetCollection(f.Context(), c.Name)
				if done {
					wantFault(f, err, fault.NotFound, "collection.notFound")
					break
				}
				wantError(f, err, nil)
			}
			if documents != 0 || changes != 0 {
				f.Errorf("done with %d documents and %d changes left", documents, changes)
			}
			// The other collection of the bucket, and the bucket's numbers, are as they were.
			wantEqual(f, len(f.ids(other)), 7)
			all, err := f.Changes(f.Context(), c.Bucket, 0, 1<<20)
			wantError(f, err, nil)
			wantEqual(f, all, kept)
			after, err := f.Position(f.Context(), c.Bucket)
			wantError(f, err, nil)
			wantEqual(f, after, at)
			f.write(put(other, "new", `1`))
			next, err := f.Changes(f.Context(), c.Bucket, at, 10)
			if err != nil || len(next) != 1 || next[0].Position != at+1 {
				f.Errorf("after position %d follows %+v, %v", at, next, err)
			}
		},
		"Everything": func(f fixture) {
			c := f.configure("books", `{}`)
			f.write(put(c, "a", `1`))
			f.mark("books")
			f.purge(c.Key, 1)
			_, err := f.GetCollection(f.Context(), c.Name)
			wantFault(f, err, fault.NotFound, "collection.notFound")
			_, err = f.Get(f.Context(), c.Key, id("a"))
			wantFault(f, err, fault.NotFound, "document.notFound")
			revisions, err := f.ListCollectionRevisions(f.Context(), c.Key, 0, 10)
			wantError(f, err, nil)
			wantEqual(f, len(revisions), 0)
			wantError(f, f.refused(put(c, "a", `1`)), collection.ErrChanged)
			// Nothing of it shows in a collection of the same name.
			again := f.configure("books", `{}`)
			wantEqual(f, f.ids(again), []string{})
			revisions, err = f.ListCollectionRevisions(f.Context(), again.Key, 0, 10)
			wantError(f, err, nil)
			wantEqual(f, len(revisions), 1)
			wantEqual(f, f.history(again.Bucket), []string{})
		},
		"Missing": func(f fixture) {
			c := f.configure("books", `{}`)
			before := f.picture()
			for _, key := range []collection.Key{{Bucket: 1, ID: 999}, {Bucket: -1, ID: c.ID}} {
				done, err := f.PurgeCollection(f.Context(), key, 10)
				wantError(f, err, nil)
				wantEqual(f, done, true)
			}
			f.wantSame(before)
			f.purge(f.mark("books").Key, 10)
			before = f.picture()
			done, err := f.PurgeCollection(f.Context(), c.Key, 10)
			wantError(f, err, nil)
			wantEqual(f, done, true)
			f.wantSame(before)
		},
		"Active": func(f fixture) {
			c := f.configure("books", `{}`)
			f.write(put(c, "a", `1`))
			before := f.picture()
			done, err := f.PurgeCollection(f.Context(), c.Key, 10)
			wantFault(f, err, fault.Conflict, "collection.active")
			wantEqual(f, done, false)
			f.wantSame(before)
		},
		"ByManyAtOnce": func(f fixture) {
			c, other := f.configure("books", `{}`), f.configure("authors", `{}`)
			for i := range 60 {
				f.write(put(c, number(i), `1`), put(other, number(i), `1`))
			}
			f.mark("books")
			before, err := f.ConfigurationPosition(f.Context())
			wantError(f, err, nil)
			together(6, func(int) {
				for range 10_000 {
					done, err := f.PurgeCollection(f.Context(), c.Key, 7)
					if err != nil {
						f.Error(err)
						return
					}
					if !done {
						continue
					}
					// Whoever is told that it is done finds nothing.
					_, err = f.GetCollection(f.Context(), c.Name)
					wantFault(f, err, fault.NotFound, "collection.notFound")
					return
				}
				f.Error("never done")
			})
			f.wantConfigurations(before, 10, before+1, "books") // removed once
			wantEqual(f, len(f.ids(other)), 60)
			wantEqual(f, f.ids(c), []string{})
		},
	}.keep(t, open)
}

// changesOf returns the changes of one collection.
func changesOf(list []change.Change, c collection.Stored) []change.Change {
	some := []change.Change{}
	for _, ch := range list {
		if ch.CollectionID == c.ID {
			some = append(some, ch)
		}
	}
	return some
}
