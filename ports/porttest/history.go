package porttest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/ports"
)

// at makes the writes as one batch, so many seconds after noon.
func (f fixture) at(seconds int, writes ...document.Write) {
	f.Helper()
	b := batch(writes...)
	b.At, b.RequestID = noon.Add(time.Duration(seconds)*time.Second), fmt.Sprint("r", seconds)
	if _, err := f.Write(f.Context(), b); err != nil {
		f.Fatal(err)
	}
}

// lived is a document that was created, changed, deleted, created again and changed, a second apart, among others.
func (f fixture) lived() collection.Stored {
	f.Helper()
	c, other := f.sharing()
	f.at(1, put(c, "a", `{"n": 1}`), put(c, "aa", `1`), put(other, "a", `1`))
	f.at(2, put(c, "a", `{"n": 2}`), put(c, "A", `1`))
	f.at(3, remove(c, "a"), put(other, "a", `2`))
	f.at(4, put(c, "a", `{"n": 4}`), remove(c, "aa"))
	f.at(5, put(c, "a", `{"n": 5}`), put(c, "a", `{"n": 5}`), leave(c, "a"))
	return c
}

// revisionsOf returns all revisions as op and number.
func revisionsOf(items []change.Change) string {
	var b strings.Builder
	for _, c := range items {
		fmt.Fprintf(&b, "%c%d ", c.Op, c.Revision)
	}
	return strings.TrimSpace(b.String())
}

// History are the promises of ports.DocumentHistory.
func History(t *testing.T, open Open) {
	t.Helper()
	everything := ports.RevisionRange{Limit: 1 << 20, Bytes: 1 << 30}
	promises{
		"List": func(f fixture) {
			c := f.lived()
			items, more, err := f.ListRevisions(f.Context(), c.Key, id("a"), everything)
			wantError(f, err, nil)
			wantEqual(f, more, false)
			wantEqual(f, revisionsOf(items), "u5 c4 d3 u2 c1")
			var feed []change.Change
			for _, ch := range f.feed(c.Bucket) {
				if ch.CollectionID == c.ID && ch.DocumentID == id("a") {
					feed = append([]change.Change{ch}, feed...)
				}
			}
			wantEqual(f, items, feed)
		},
		"List/Range": func(f fixture) {
			c := f.lived() // 8 bytes each, but the deletion
			for _, test := range []struct {
				r    ports.RevisionRange
				want string
				more bool
			}{
				{ports.RevisionRange{Limit: 5, Bytes: 1000}, "u5 c4 d3 u2 c1", false},
				{ports.RevisionRange{Limit: 4, Bytes: 1000}, "u5 c4 d3 u2", true},
				{ports.RevisionRange{Before: 5, Limit: 2, Bytes: 1000}, "c4 d3", true},
				{ports.RevisionRange{Before: 3, Limit: 2, Bytes: 1000}, "u2 c1", false},
				{ports.RevisionRange{Before: 1, Limit: 2, Bytes: 1000}, "", false},
				{ports.RevisionRange{Before: 99, Limit: 1, Bytes: 1000}, "u5", true},
				{ports.RevisionRange{Limit: 5, Bytes: 1}, "u5", true},
				{ports.RevisionRange{Limit: 5, Bytes: 9}, "u5 c4", true},
				{ports.RevisionRange{Limit: 5, Bytes: 17}, "u5 c4 d3 u2", true},
				{ports.RevisionRange{Limit: 5, Bytes: 1, WithoutData: true}, "u5 c4 d3 u2 c1", false},
			} {
				items, more, err := f.ListRevisions(f.Context(), c.Key, id("a"), test.r)
				if got := revisionsOf(items); err != nil || got != test.want || more != test.more {
					f.Errorf("%+v: got %q, more %v, %v", test.r, got, more, err)
				}
				for _, ch := range items {
					if test.r.WithoutData != (ch.Data == nil) && ch.Op != change.Deleted {
						f.Errorf("%+v: data %s", test.r, ch.Data)
					}
				}
			}
		},
		"List/Walk": func(f fixture) {
			c := f.configure("books", `{}`)
			var writes []document.Write
			for i := range 300 {
				// The sizes jump, so that no guess about the rest is right.
				writes = append(writes, put(c, "a", `"`+strings.Repeat("x", (i%7)*(i%7)*20)+number(i)+`"`))
			}
			f.write(writes...)
			for _, r := range []ports.RevisionRange{{Limit: 7, Bytes: 1 << 20}, {Limit: 1000, Bytes: 1000}, {Limit: 299, Bytes: 1 << 20}} {
				next := int64(300)
				for more := true; more; {
					items, follow, err := f.ListRevisions(f.Context(), c.Key, id("a"), r)
					if err != nil || len(items) == 0 || len(items) > r.Limit {
						f.Fatalf("%+v: %d items, %v", r, len(items), err)
					}
					for _, ch := range items {
						wantEqual(f, ch.Revision, next)
						next--
					}
					r.Before, more = items[len(items)-1].Revision, follow
				}
				wantEqual(f, next, int64(0))
			}
		},
		"List/Missing": func(f fixture) {
			c := f.lived()
			for _, key := range []collection.Key{c.Key, nowhere, {Bucket: -2, ID: 1}} {
				items, more, err := f.ListRevisions(f.Context(), key, id("b"), everything)
				wantError(f, err, nil)
				wantEqual(f, more, false)
				wantEqual(f, items, []change.Change{})
			}
		},
		"Get": func(f fixture) {
			c := f.lived()
			items, _, err := f.ListRevisions(f.Context(), c.Key, id("a"), everything)
			wantError(f, err, nil)
			for _, want := range items {
				got, err := f.GetRevision(f.Context(), c.Key, id("a"), want.Revision)
				wantError(f, err, nil)
				wantEqual(f, got, want)
			}
			for _, revision := range []int64{0, -1, 6} {
				_, err := f.GetRevision(f.Context(), c.Key, id("a"), revision)
				wantFault(f, err, fault.NotFound, "revision.notFound")
			}
			_, err = f.GetRevision(f.Context(), nowhere, id("a"), 1)
			wantFault(f, err, fault.NotFound, "revision.notFound")
		},
		"Get/OfTheDeleted": func(f fixture) {
			c := f.lived()
			f.at(6, remove(c, "a"))
			got, err := f.GetRevision(f.Context(), c.Key, id("a"), 5)
			wantError(f, err, nil)
			wantEqual(f, string(got.Data), `{"n": 5}`)
			got, err = f.GetRevision(f.Context(), c.Key, id("a"), 6)
			wantError(f, err, nil)
			wantEqual(f, got.Op, change.Deleted)
			wantEqual(f, got.Data, []byte(nil))
		},
		"AsOf": func(f fixture) {
			c := f.lived()
			second := func(n int) time.Time { return noon.Add(time.Duration(n) * time.Second) }
			for _, test := range []struct {
				at                 time.Time
				revision, from, to int // 0 is none; from and to are when it was created and changed, in seconds
			}{
				{noon, 0, 0, 0},
				{second(1), 1, 1, 1},
				{second(2).Add(-time.Nanosecond), 1, 1, 1},
				{second(2), 2, 1, 2},
				{second(2).Add(999 * time.Nanosecond), 2, 1, 2},
				{second(3), 0, 0, 0},
				{second(4), 4, 4, 4},
				{second(5), 5, 4, 5},
				{second(1 << 20).In(time.FixedZone("", 3600)), 5, 4, 5},
			} {
				got, err := f.GetAsOf(f.Context(), c.Key, id("a"), test.at)
				if test.revision == 0 {
					wantFault(f, err, fault.NotFound, "document.notFound")
					continue
				}
				wantError(f, err, nil)
				wantEqual(f, got, document.Document{
					ID: id("a"), Revision: int64(test.revision), CreatedAt: second(test.from), UpdatedAt: second(test.to),
					Data: fmt.Appendf(nil, `{"n": %d}`, test.revision),
				})
			}
			_, err := f.GetAsOf(f.Context(), nowhere, id("a"), second(9))
			wantFault(f, err, fault.NotFound, "document.notFound")
		},
		"AsOf/ClocksDiffer": func(f fixture) {
			c := f.configure("books", `{}`)
			f.at(5, put(c, "a", `1`))
			f.at(3, put(c, "a", `2`)) // a document's times do not go back
			for _, at := range []int{5, 6} {
				got, err := f.GetAsOf(f.Context(), c.Key, id("a"), noon.Add(time.Duration(at)*time.Second))
				wantError(f, err, nil)
				wantEqual(f, got.Revision, int64(2))
			}
			_, err := f.GetAsOf(f.Context(), c.Key, id("a"), noon.Add(4*time.Second))
			wantFault(f, err, fault.NotFound, "document.notFound")
		},
		"Purged": func(f fixture) {
			c := f.lived()
			f.purge(f.mark(c.Name.String()).Key, 2)
			items, _, err := f.ListRevisions(f.Context(), c.Key, id("a"), everything)
			wantError(f, err, nil)
			wantEqual(f, items, []change.Change{})
		},
	}.keep(t, open)
}
