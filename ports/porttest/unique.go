package porttest

import (
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/query"
)

var unique = promises{
	"Unique/FindKeys": func(f fixture) {
		c := f.declare("books", uniqueN)
		other := f.declare("authors", uniqueN)
		f.write(put(c, "a", `{"n": 1}`), put(c, "b", `{"n": 2}`), put(c, "c", `{}`), put(other, "x", `{"n": 3}`))
		f.write(put(c, "b", `{"n": 4}`), put(c, "d", `{"n": 5}`), remove(c, "d"))
		x := declaration(c.Indexes[0].Spec)
		var keys [][]byte
		for _, n := range []string{"4", "1", "2", "3", "5", "1.0"} {
			key, err := x.ParseKey(n, []query.Kind{query.Number})
			wantError(f, err, nil)
			keys = append(keys, key)
		}
		none := ident.Document{}
		ids, err := f.FindKeys(f.Context(), c.Key, c.Indexes[0].ID, keys)
		wantError(f, err, nil)
		wantEqual(f, ids, []ident.Document{id("b"), id("a"), none, none, none, id("a")})
		ids, err = f.FindKeys(f.Context(), c.Key, c.Indexes[0].ID, [][]byte{})
		wantError(f, err, nil)
		wantEqual(f, ids, []ident.Document{})
		// Nobody takes what is being built, or is gone, for all there is.
		f.write(put(other, "y", `{}`))
		building := f.declare("authors", `{"name": "by_m", "on": ["doc.m"], "unique": true}`)
		_, err = f.FindKeys(f.Context(), building.Key, building.Indexes[len(building.Indexes)-1].ID, keys)
		wantError(f, err, collection.ErrChanged)
		_, err = f.FindKeys(f.Context(), other.Key, other.Indexes[0].ID, keys)
		wantError(f, err, collection.ErrChanged)
		_, err = f.FindKeys(f.Context(), c.Key, 1<<30, keys)
		wantError(f, err, collection.ErrChanged)
	},
	"Unique/DryRun": func(f fixture) {
		c := f.declare("users", uniqueN)
		f.write(put(c, "a", `{"n": 1}`), put(c, "b", `{"n": 2}`), put(c, "c", `{}`))
		before := f.picture()
		dry := func(writes ...document.Write) ([]document.Result, error) {
			b := batch(writes...)
			b.DryRun = true
			return f.Write(f.Context(), b)
		}
		_, err := dry(put(c, "d", `{"n": 3}`), create(c, "e", `{"n": 1.0}`))
		f.wantDuplicate(err, 1)
		_, err = dry(create(c, "a", `{}`))
		wantFault(f, err, fault.Conflict, "document.exists")
		old := c
		old.Revision--
		_, err = dry(put(old, "d", `{}`))
		wantError(f, err, collection.ErrChanged)
		f.wantSame(before)

		// What is said is what would be done, every time.
		writes := []document.Write{put(c, "a", `{"n": 2}`), put(c, "b", `{"n": 1}`), remove(c, "c"), create(c, "d", `{"n": 3}`), put(c, "d", `{"n": 4}`), put(c, "e", `{"n": 5}`)}
		var said []document.Result
		for range 2 {
			said, err = dry(writes...)
			wantError(f, err, nil)
			f.wantSame(before)
		}
		done := f.write(writes...)
		for i := range done {
			if said[i].Mark != (change.Mark{}) {
				f.Errorf("a dry run is at %+v in the feed", said[i].Mark)
			}
			done[i].Mark = change.Mark{}
		}
		wantEqual(f, said, done)
		f.wantDuplicate(f.refused(create(c, "f", `{"n": 4}`)), 0)
		f.write(create(c, "f", `{"n": 3}`))
	},
	"Unique/One": func(f fixture) {
		c := f.declare("users", uniqueN)
		f.write(put(c, "a", `{"n": 1}`))
		err := f.refused(create(c, "b", `{"n": 1.0}`))
		f.wantDuplicate(err, 0)
		if v := fault.Find(err).Violations; len(v) != 1 || v[0].Pointer != "/n" || v[0].Code != "unique" || v[0].Params["index"] != "by_n" {
			f.Errorf("violations %+v", v)
		}
		f.wantDuplicate(f.refused(fresh(create(c, "b", `{"n": 1}`))), 0)
		f.write(put(c, "a", `{"x": 1, "n": 1.00}`)) // nobody is in its own way
		f.write(put(c, "b", `{"n": 2}`))
		f.wantDuplicate(f.refused(put(c, "b", `{"n": 1}`)), 0)
		f.write(put(c, "a", `{"n": 3}`))
		f.write(put(c, "b", `{"n": 1}`))
		f.write(remove(c, "b"))
		f.write(put(c, "d", `{"n": 1}`), put(f.configure("others", `{}`), "a", `{"n": 1}`))
	},
	"Unique/MissingAndNull": func(f fixture) {
		c := f.declare("users", uniqueN, uniquePair)
		f.write(put(c, "a", `{}`), put(c, "b", `{}`), put(c, "c", `{"n": null}`), put(c, "d", `{"a": 1}`), put(c, "e", `{"a": 1}`))
		f.wantDuplicate(f.refused(put(c, "f", `{"n": null}`)), 0)
		f.write(put(c, "g", `{"a": 1, "b": null}`), put(c, "h", `{"a": 1, "b": 2}`))
		err := f.refused(put(c, "i", `{"a": 1, "b": null}`))
		f.wantDuplicate(err, 0)
		if v := fault.Find(err).Violations; len(v) != 2 || v[0].Pointer != "/a" || v[1].Pointer != "/b" {
			f.Errorf("violations %+v", v)
		}
		f.write(put(c, "c", `{}`), put(c, "f", `{"n": null}`))
	},
	"Unique/Elements": func(f fixture) {
		c := f.declare("users", uniqueNames)
		f.write(put(c, "a", `{"names": ["Ann", "ANN", "Bo"]}`))
		f.wantDuplicate(f.refused(put(c, "b", `{"names": ["Cy", "bO"]}`)), 0)
		f.write(put(c, "b", `{"names": ["Cy"]}`), put(c, "c", `{"names": []}`), put(c, "d", `{"names": []}`))
		f.write(put(c, "a", `{"names": ["Bo"]}`), put(c, "c", `{"names": ["ann"]}`))
	},
	"Unique/LongValues": func(f fixture) {
		c := f.declare("users", uniqueN)
		long := strings.Repeat("é", index.KeyBytes)
		f.write(put(c, "a", `{"n": "`+long+`a"}`), put(c, "b", `{"n": "`+long+`b"}`))
		f.wantDuplicate(f.refused(put(c, "c", `{"n": "`+long+`a"}`)), 0)
	},
	"Unique/Batch": func(f fixture) {
		c := f.declare("users", uniqueN)
		f.write(put(c, "a", `{"n": 1}`), put(c, "b", `{"n": 2}`))
		// What counts is what the batch leaves.
		f.write(put(c, "a", `{"n": 2}`), put(c, "b", `{"n": 1}`))
		f.write(put(c, "c", `{"n": 1}`), remove(c, "b"))
		f.write(put(c, "d", `{"n": 1}`), put(c, "d", `{"n": 4}`))
		f.wantDuplicate(f.refused(put(c, "x", `{"n": 9}`), put(c, "y", `{"n": 9}`)), 1)
		f.wantDuplicate(f.refused(put(c, "y", `{"n": 10}`), put(c, "z", `{"n": 1}`), put(c, "x", `{"n": 4}`)), 1, 2)
		f.wantDuplicate(f.refused(put(c, "x", `{"n": 1}`), put(c, "x", `{"n": 1, "m": 2}`), put(c, "y", `{}`)), 0)
		f.wantDuplicate(f.refused(put(c, "x", `{"n": 1}`), put(c, "x", `{"n": 7}`), put(c, "x", `{"n": 1}`)), 2)
	},
	"Unique/Large": func(f fixture) {
		c := f.declare("users", uniqueN, byTags)
		f.write(put(c, "taken", `{"n": 1500}`))
		var writes []document.Write
		for i := range 2500 {
			writes = append(writes, create(c, number(i), fmt.Sprintf(`{"n": %d, "tags": [%d, "x"]}`, i, i)))
		}
		f.wantDuplicate(f.refused(writes...), 1500)
		writes = append(writes[:1500], writes[1501:]...)
		f.write(writes...)
		f.wantDuplicate(f.refused(put(c, "new", `{"n": 2499}`)), 0)
	},
	"Unique/TwentyAtOnce": func(f fixture) {
		c := f.declare("users", uniqueN)
		for round := range 10 {
			var won, lost atomic.Int64
			together(20, func(i int) {
				w := create(c, fmt.Sprint("u", round, "-", i), fmt.Sprintf(`{"n": %d}`, round))
				w.Fresh = i%2 == 0
				results, err := f.Write(f.Context(), batch(w, put(c, fmt.Sprint("beside", i), fmt.Sprintf(`{"r": %d}`, round))))
				switch {
				case err == nil && len(results) == 2:
					won.Add(1)
				case fault.CodeOf(err) == "document.duplicate":
					lost.Add(1)
				default:
					f.Errorf("got %v, %v", results, err)
				}
			})
			wantEqual(f, won.Load(), int64(1))
			wantEqual(f, lost.Load(), int64(19))
		}
		// Who has nothing to do with it does not suffer.
		var taken atomic.Int64
		together(20, func(i int) {
			w := create(c, fmt.Sprint("v", i), fmt.Sprintf(`{"n": %d}`, 100+i))
			if i%4 == 0 {
				w = create(c, fmt.Sprint("v", i), `{"n": 1}`)
			}
			if _, err := f.Write(f.Context(), batch(w)); (err != nil) != (i%4 == 0) {
				f.Errorf("%d: %v", i, err)
			} else if err != nil {
				taken.Add(1)
			}
		})
		wantEqual(f, taken.Load(), int64(5))
	},
}
