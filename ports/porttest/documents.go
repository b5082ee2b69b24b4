package porttest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/query"
	"github.com/sheafdb/sheaf/ports"
)

// nowhere is the key of a collection that does not exist.
var nowhere = collection.Key{Bucket: 1, ID: 999}

// number is an id; ids of larger numbers order later.
func number(i int) string { return fmt.Sprintf("%06d", i) }

// Documents are the promises of ports.DocumentReader, without Export.
func Documents(t *testing.T, open Open) {
	t.Helper()
	promises{
		"Get": func(f fixture) {
			c, other := f.sharing()
			f.write(put(c, "a", `{"n": 1}`), put(other, "a", `{"n": 2}`))
			want := document.Document{ID: id("a"), Revision: 1, SchemaRevision: 1, CreatedAt: noon, UpdatedAt: noon, Data: []byte(`{"n": 1}`)}
			wantEqual(f, f.get(c, "a"), want)
			want.Data = []byte(`{"n": 2}`)
			wantEqual(f, f.get(other, "a"), want)
		},
		"Get/Missing": func(f fixture) {
			c := f.configure("books", `{}`)
			f.write(put(c, "a", `1`), put(c, "gone", `1`), remove(c, "gone"))
			for _, name := range []string{"b", "A", "gone"} {
				_, err := f.Get(f.Context(), c.Key, id(name))
				wantFault(f, err, fault.NotFound, "document.notFound")
			}
			_, err := f.Get(f.Context(), nowhere, id("a"))
			wantFault(f, err, fault.NotFound, "document.notFound")
		},
		"Get/DataStays": func(f fixture) {
			c := f.configure("books", `{}`)
			f.write(put(c, "a", `{"n": 1}`))
			got := f.get(c, "a")
			listed, _, err := f.List(f.Context(), c.Key, all)
			wantError(f, err, nil)
			f.write(put(c, "a", `{"n": 2}`))
			f.write(remove(c, "a"))
			wantEqual(f, string(got.Data), `{"n": 1}`)
			wantEqual(f, string(listed[0].Data), `{"n": 1}`)
		},
		"List/Order": func(f fixture) {
			c := f.configure("books", `{}`)
			// In UTF-16 the last two would change places, in most languages é would be near e, and a before B.
			want := []string{" ", "!", "0", "10", "9", "A", "B", "a", "a b", "a-b", "aa", "b", "e", "z", "~", "é", "ｆ", "\U00010000"}
			for _, i := range []int{7, 3, 17, 0, 12, 5, 14, 1, 9, 16, 4, 10, 2, 13, 6, 15, 8, 11} {
				f.write(put(c, want[i], `1`))
			}
			wantEqual(f, f.ids(c), want)
			for i, name := range want {
				items, _, err := f.List(f.Context(), c.Key, ports.Range{After: name, Limit: 100, Bytes: 100})
				wantError(f, err, nil)
				wantEqual(f, idsOf(items), append([]string{}, want[i+1:]...))
			}
		},
		"List/Range": func(f fixture) {
			c := f.configure("books", `{}`)
			for _, name := range []string{"b", "d", "f", "h"} {
				f.write(put(c, name, `"`+strings.Repeat("x", 8)+`"`)) // of 10 bytes each
			}
			f.write(put(c, "gone", `1`), remove(c, "gone"))
			for _, test := range []struct {
				r    ports.Range
				want string
				more bool
			}{
				{ports.Range{Limit: 10, Bytes: 1000}, "bdfh", false},
				{ports.Range{Limit: 4, Bytes: 1000}, "bdfh", false},
				{ports.Range{Limit: 3, Bytes: 1000}, "bdf", true},
				{ports.Range{Limit: 1, Bytes: 1000}, "b", true},
				{ports.Range{After: "b", Limit: 2, Bytes: 1000}, "df", true},
				{ports.Range{After: "c", Limit: 3, Bytes: 1000}, "dfh", false}, // the id of none
				{ports.Range{After: "gone", Limit: 3, Bytes: 1000}, "h", false},
				{ports.Range{After: "h", Limit: 3, Bytes: 1000}, "", false},
				{ports.Range{After: "z", Limit: 3, Bytes: 1000}, "", false},
				{ports.Range{Limit: 10, Bytes: 1}, "b", true},
				{ports.Range{Limit: 10, Bytes: 10}, "b", true},
				{ports.Range{Limit: 10, Bytes: 11}, "bd", true},
				{ports.Range{Limit: 10, Bytes: 20}, "bd", true},
				{ports.Range{After: "d", Limit: 10, Bytes: 20}, "fh", false},
				{ports.Range{After: "f", Limit: 1, Bytes: 1}, "h", false},
			} {
				items, more, err := f.List(f.Context(), c.Key, test.r)
				if got := strings.Join(idsOf(items), ""); err != nil || got != test.want || more != test.more {
					f.Errorf("%+v: got %q, more %v, %v", test.r, got, more, err)
				}
				for _, d := range items {
					wantEqual(f, d, f.get(c, d.ID.String()))
				}
			}
		},
		"List/Walk": func(f fixture) {
			c := f.configure("books", `{}`)
			var writes []document.Write
			var want []string
			for i := range 300 {
				want = append(want, number(i))
				// The sizes jump, so that no guess about the rest is right.
				writes = append(writes, put(c, number(i), `"`+strings.Repeat("x", (i%7)*(i%7)*20)+`"`))
			}
			f.write(writes...)
			for _, r := range []ports.Range{{Limit: 50, Bytes: 1 << 20}, {Limit: 300, Bytes: 1 << 20}, {Limit: 1000, Bytes: 1}, {Limit: 70, Bytes: 5000}, {Limit: 1000, Bytes: 1 << 20}} {
				var got []string
				for more := true; more; {
					var items []document.Document
					var err error
					if items, more, err = f.List(f.Context(), c.Key, r); err != nil || len(items) == 0 {
						f.Fatalf("%+v: %d items, %v", r, len(items), err)
					}
					size := 0
					for i, d := range items {
						if i == r.Limit || i > 0 && size >= r.Bytes {
							f.Errorf("%+v: %d items, %d bytes were enough", r, len(items), size)
						}
						size += len(d.Data)
					}
					if more && len(items) < r.Limit && size < r.Bytes {
						f.Errorf("%+v: more follow after %d items and %d bytes", r, len(items), size)
					}
					got = append(got, idsOf(items)...)
					r.After = got[len(got)-1]
				}
				wantEqual(f, got, want)
			}
		},
		"List/Nowhere": func(f fixture) {
			c, other := f.configure("books", `{}`), f.configure("authors", `{}`)
			f.write(put(other, "a", `1`))
			for _, key := range []collection.Key{c.Key, nowhere, {Bucket: c.Bucket, ID: other.ID}} {
				items, more, err := f.List(f.Context(), key, all)
				if err != nil || more || len(items) != 0 {
					f.Errorf("%+v: got %v, more %v, %v", key, items, more, err)
				}
			}
		},
		"Count": func(f fixture) {
			c, other := f.configure("books", `{}`), f.configure("authors", `{}`)
			f.wantDocuments(c, 0)
			for i := range 30 {
				f.write(put(c, number(i), `1`), put(other, number(i), `1`))
			}
			f.write(remove(c, number(3)), put(c, number(4), `2`))
			f.wantDocuments(c, 29)
			f.wantDocuments(collection.Stored{Key: nowhere}, 0)
		},
		"Cancelled": func(f fixture) {
			c := f.configure("books", `{}`)
			f.write(put(c, "a", `1`))
			ctx, cancel := context.WithCancel(f.Context())
			cancel()
			for what, do := range map[string]func() error{
				"get":      func() error { _, err := f.Get(ctx, c.Key, id("a")); return err },
				"list":     func() error { _, _, err := f.List(ctx, c.Key, all); return err },
				"count":    func() error { _, err := f.Count(ctx, c.Key, query.CountExact); return err },
				"changes":  func() error { _, err := f.Changes(ctx, c.Bucket, 0, 10); return err },
				"position": func() error { _, err := f.Position(ctx, c.Bucket); return err },
			} {
				if err := do(); !errors.Is(err, context.Canceled) {
					f.Errorf("%s: got %v", what, err)
				}
			}
		},
	}.keep(t, open)
}

// wantDocuments wants n documents by every kind of count. What is estimated may be off; the kinds of few documents are known.
func (f fixture) wantDocuments(c collection.Stored, n int64) {
	f.Helper()
	for kind, called := range map[query.CountKind]string{query.CountExact: "exact", query.CountCapped: "exact", query.CountEstimated: "estimated"} {
		got, err := f.Count(f.Context(), c.Key, kind)
		if err != nil || got.Kind != called || kind != query.CountEstimated && got.Value != n || got.Value < 0 {
			f.Errorf("%s: got %+v, %v, want %d", kind, got, err, n)
		}
	}
}

// Export are the promises of Export.
func Export(t *testing.T, open Open) {
	t.Helper()
	promises{
		"InOrder": func(f fixture) {
			c, other := f.sharing()
			for _, name := range []string{"b", "é", "~", "a", "B"} {
				f.write(put(c, name, `{"n": 1}`), put(other, name+"x", `1`))
			}
			f.write(put(c, "b", `{"n": 2}`), put(c, "gone", `1`), remove(c, "gone"))
			var got []document.Document
			wantError(f, f.Export(f.Context(), c.Key, func(d document.Document) error {
				d.Data = slices.Clone(d.Data)
				got = append(got, d)
				return nil
			}), nil)
			wantEqual(f, idsOf(got), []string{"B", "a", "b", "~", "é"})
			for _, d := range got {
				wantEqual(f, d, f.get(c, d.ID.String()))
			}
		},
		"Nothing": func(f fixture) {
			c := f.configure("books", `{}`)
			f.write(put(f.configure("authors", `{}`), "a", `1`))
			for _, key := range []collection.Key{c.Key, nowhere} {
				wantError(f, f.Export(f.Context(), key, func(d document.Document) error {
					f.Errorf("visited %s", d.ID)
					return nil
				}), nil)
			}
		},
		"OneMoment": func(f fixture) {
			c := f.filled(400)
			var got []string
			wantError(f, f.Export(f.Context(), c.Key, func(d document.Document) error {
				got = append(got, d.ID.String()+string(d.Data))
				// What happens from here on is not part of it.
				switch len(got) {
				case 1:
					f.write(remove(c, number(300)), put(c, number(301), `"new"`), put(c, "000000x", `"new"`), put(c, "zzz", `"new"`))
				case 200:
					f.write(remove(c, number(350)), put(c, number(351), `"new"`), put(c, "000300x", `"new"`))
				}
				return nil
			}), nil)
			var want []string
			for i := range 400 {
				want = append(want, number(i)+"1")
			}
			wantEqual(f, got, want)
		},
		"WhilePurged": func(f fixture) {
			c := f.filled(200)
			n := 0
			wantError(f, f.Export(f.Context(), c.Key, func(document.Document) error {
				if n++; n == 1 {
					f.purge(f.mark("books").Key, 50)
				}
				return nil
			}), nil)
			wantEqual(f, n, 200)
		},
		"VisitorFails": func(f fixture) {
			c := f.filled(200)
			n := 0
			err := f.Export(f.Context(), c.Key, func(document.Document) error {
				if n++; n == 100 {
					return errRefused
				}
				return nil
			})
			if err != errRefused { //nolint:errorlint // as it is
				f.Errorf("got %v", err)
			}
			wantEqual(f, n, 100)
			f.write(put(c, "after", `1`))
		},
		"VisitorPanics": func(f fixture) {
			c := f.filled(10)
			for range 20 { // more than an adapter has of anything
				wantEqual(f, panics(func() {
					_ = f.Export(f.Context(), c.Key, func(document.Document) error { panic(errRefused) })
				}), any(errRefused))
			}
			f.write(put(c, "after", `1`))
		},
		"Cancelled": func(f fixture) {
			c := f.filled(200)
			ctx, cancel := context.WithCancel(f.Context())
			n := 0
			err := f.Export(ctx, c.Key, func(document.Document) error {
				n++
				cancel()
				return nil
			})
			wantError(f, err, context.Canceled)
			if n == 200 {
				f.Error("went on to the end")
			}
			wantError(f, f.Export(ctx, c.Key, func(document.Document) error { return errRefused }), context.Canceled)
		},
	}.keep(t, open)
}

// filled returns a collection "books" with n documents that hold 1.
func (f fixture) filled(n int) collection.Stored {
	f.Helper()
	c := f.configure("books", `{}`)
	writes := make([]document.Write, n)
	for i := range writes {
		writes[i] = create(c, number(i), `1`)
	}
	f.write(writes...)
	return c
}

// Volume are the promises that take many documents to see.
func Volume(t *testing.T, open Open) {
	t.Helper()
	promises{
		"CappedCount": func(f fixture) {
			c := f.filled(query.CountCap)
			for i, kind := range []string{"exact", "atLeast", "atLeast"} {
				capped, err := f.Count(f.Context(), c.Key, query.CountCapped)
				wantError(f, err, nil)
				wantEqual(f, capped, query.Count{Value: query.CountCap, Kind: kind})
				exact, err := f.Count(f.Context(), c.Key, query.CountExact)
				wantError(f, err, nil)
				wantEqual(f, exact, query.Count{Value: int64(query.CountCap + i), Kind: "exact"})
				f.write(create(c, number(query.CountCap+i), `1`))
			}
		},
		"LargeBatch": func(f fixture) {
			c := f.configure("books", `{}`)
			const n = 2500
			long := `"` + strings.Repeat("x", 2000) + `"`
			writes := make([]document.Write, n)
			for i := range writes {
				writes[i] = put(c, number((i*7919)%n), long)
			}
			f.write(writes...)
			f.refused(append(slices.Clone(writes), refuse(c, "last"))...)
			for i := range writes {
				writes[i] = put(c, number(i), `1`)
				if i%3 == 0 {
					writes[i] = remove(c, number(i))
				}
			}
			for i, r := range f.write(writes...) {
				if want := []document.Outcome{document.Deleted, document.Updated, document.Updated}[i%3]; r.Outcome != want {
					f.Fatalf("write %d: outcome %d", i, r.Outcome)
				}
			}
			feed := f.feed(c.Bucket)
			for i, ch := range feed {
				if want := number((i * 7919) % n); i < n && ch.DocumentID.String() != want || i >= n && ch.DocumentID.String() != number(i-n) {
					f.Fatalf("position %d is of %s", ch.Position, ch.DocumentID)
				}
			}
			wantEqual(f, len(feed), 2*n)
			wantEqual(f, len(f.ids(c)), n-(n+2)/3)
		},
		"LongExport": func(f fixture) {
			c := f.filled(5000)
			n := 0
			wantError(f, f.Export(f.Context(), c.Key, func(d document.Document) error {
				if d.ID.String() != number(n) || d.CreatedAt != noon {
					f.Errorf("%d. is %+v", n, d)
				}
				n++
				return nil
			}), nil)
			wantEqual(f, n, 5000)
		},
	}.keep(t, open)
}
