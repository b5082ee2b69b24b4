package porttest

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
)

// Recent are the promises about reads that need not be the newest: to one store that all writes go through they are.
func Recent(t *testing.T, open Open) {
	t.Helper()
	promises{
		"Get": func(f fixture) {
			c, other := f.sharing()
			f.write(put(c, "a", `{"n": 1}`), put(other, "a", `{"n": 2}`))
			for range 3 {
				wantEqual(f, f.recent(c, "a"), f.get(c, "a"))
				wantEqual(f, f.recent(other, "a"), f.get(other, "a"))
			}
			f.write(put(c, "a", `{"n": 3}`))
			for range 3 {
				wantEqual(f, f.recent(c, "a"), f.get(c, "a"))
				wantEqual(f, f.recent(other, "a"), f.get(other, "a"))
			}
		},
		"Missing": func(f fixture) {
			c := f.configure("books", `{}`)
			f.write(put(c, "gone", `1`))
			f.recent(c, "gone")
			f.write(remove(c, "gone"))
			for range 3 {
				for _, name := range []string{"a", "gone"} {
					f.wantMissing(c.Key, name)
				}
				f.wantMissing(nowhere, "a")
			}
			f.write(put(c, "a", `1`), put(c, "gone", `2`))
			wantEqual(f, f.recent(c, "a"), f.get(c, "a"))
			wantEqual(f, f.recent(c, "gone"), f.get(c, "gone"))
		},
		"Refused": func(f fixture) {
			c := f.configure("books", `{}`)
			f.write(put(c, "a", `1`))
			want := f.recent(c, "a")
			f.refused(put(c, "a", `2`), refuse(c, "b"))
			wantEqual(f, f.recent(c, "a"), want)
			f.wantMissing(c.Key, "b")
		},
		"DryRun": func(f fixture) {
			c := f.configure("books", `{}`)
			f.write(put(c, "a", `1`))
			for _, n := range []int{1, 40} { // few are kept where many are not
				b := batch(put(c, "a", `2`))
				for i := range n {
					b.Writes = append(b.Writes, put(c, number(i), `1`))
				}
				b.DryRun = true
				results, err := f.Write(f.Context(), b)
				wantError(f, err, nil)
				for _, r := range results {
					wantEqual(f, r.Mark, change.Mark{})
				}
				wantEqual(f, string(f.recent(c, "a").Data), `1`)
				f.wantMissing(c.Key, number(0))
			}
		},
		"LargeBatch": func(f fixture) {
			c := f.configure("books", `{}`)
			for i := range 40 {
				f.wantMissing(c.Key, number(i))
			}
			for round := range 2 {
				var writes []document.Write
				for i := range 40 {
					writes = append(writes, put(c, number(i), fmt.Sprint(round)))
				}
				f.write(writes...)
				for i := range 40 {
					wantEqual(f, string(f.recent(c, number(i)).Data), fmt.Sprint(round))
				}
			}
		},
		"Purged": func(f fixture) {
			c := f.configure("books", `{}`)
			f.write(put(c, "a", `1`), put(c, "b", `1`))
			f.recent(c, "a")
			f.mark("books")
			f.purge(c.Key, 1)
			f.wantMissing(c.Key, "a")
			f.wantMissing(c.Key, "b")
			again := f.configure("books", `{}`)
			f.wantMissing(again.Key, "a")
		},
		"Cancelled": func(f fixture) {
			c := f.configure("books", `{}`)
			f.write(put(c, "a", `1`))
			ctx, cancel := context.WithCancel(f.Context())
			cancel()
			for _, name := range []string{"a", "b"} {
				_, _, err := f.GetRecent(ctx, c.Key, id(name), 0)
				wantError(f, err, context.Canceled)
			}
			f.recent(c, "a")
		},
		"DataStays": func(f fixture) {
			c := f.configure("books", `{}`)
			f.write(put(c, "a", `{"n": 1}`))
			got := f.recent(c, "a")
			f.write(put(c, "a", `{"n": 2}`))
			f.write(remove(c, "a"))
			wantEqual(f, string(got.Data), `{"n": 1}`)
		},
		// Whoever asks after a write was acknowledged sees it, whatever others load and write meanwhile.
		"NeverOlderThanAcknowledged": func(f fixture) {
			c := f.configure("books", `{}`)
			const documents = 3
			var acknowledged [documents]atomic.Int64
			reader := func(round int) {
				name := round % documents
				least := acknowledged[name].Load()
				d, _, err := f.GetRecent(f.Context(), c.Key, id(number(name)), 0)
				switch {
				case fault.KindOf(err) == fault.NotFound && err != nil: // it may have been deleted since
				case err != nil:
					f.Error(err)
				case d.Revision < least:
					f.Errorf("revision %d after revision %d was acknowledged", d.Revision, least)
				}
			}
			rounds := 60
			if testing.Short() {
				rounds = 20
			}
			whileDoing(func() {
				together(documents, func(name int) {
					for range rounds {
						// Revisions 1 and 2 are documents, revision 3 is a deletion, and so on.
						for step := range 3 {
							w := put(c, number(name), fmt.Sprint(step))
							if step == 2 {
								w = remove(c, number(name))
							}
							results, err := f.Write(f.Context(), batch(w))
							if err != nil {
								f.Error(err)
								return
							}
							want := results[0].Document
							if step == 2 {
								acknowledged[name].Store(want.Revision + 1)
								f.wantMissing(c.Key, number(name))
								continue
							}
							acknowledged[name].Store(want.Revision)
							got, _, err := f.GetRecent(f.Context(), c.Key, id(number(name)), 0)
							wantError(f, err, nil)
							wantEqual(f, got, want)
						}
					}
				})
			}, reader, reader, reader, reader)
		},
	}.keep(t, open)
}

// recent returns a document that has to be there.
func (f fixture) recent(c collection.Stored, name string) document.Document {
	f.Helper()
	d, _, err := f.GetRecent(f.Context(), c.Key, id(name), 0)
	if err != nil {
		f.Fatal(err)
	}
	return d
}

func (f fixture) wantMissing(key collection.Key, name string) {
	f.Helper()
	_, _, err := f.GetRecent(f.Context(), key, id(name), 0)
	wantFault(f, err, fault.NotFound, "document.notFound")
}
