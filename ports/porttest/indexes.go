package porttest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/ports"
)

// Declarations, canonical.
const (
	uniqueN     = `{"on": ["doc.n"], "kind": "ordered", "name": "by_n", "unique": true}`
	byN         = `{"on": ["doc.n"], "kind": "ordered", "name": "by_n", "unique": false}`
	byTags      = `{"on": ["doc.tags[]"], "kind": "ordered", "name": "by_tags", "unique": false}`
	uniquePair  = `{"on": ["doc.a", "doc.b desc"], "kind": "ordered", "name": "by_pair", "unique": true}`
	uniqueNames = `{"on": ["doc.names[]"], "kind": "ordered", "name": "by_names", "unique": true, "caseInsensitive": true}`
)

// setOf returns the indexes that a write of the collection maintains.
func setOf(c collection.Stored) *index.Set {
	var kept []index.Kept
	for _, s := range c.Indexes {
		if s.State == index.Building || s.State == index.Ready {
			kept = append(kept, index.Kept{Index: declaration(s.Spec), ID: s.ID})
		}
	}
	return index.NewSet(kept...)
}

func declaration(spec []byte) *index.Index {
	x, err := index.ParseSpec(spec)
	if err != nil {
		panic(err)
	}
	return x
}

func build(x ports.UnfinishedIndex, at time.Time, limit int) ports.IndexBuild {
	return ports.IndexBuild{Key: x.Key, ID: x.ID, Index: declaration(x.Spec), At: at, Limit: limit}
}

// declare makes the indexes those of a collection.
func (f fixture) declare(name string, indexes ...string) collection.Stored {
	f.Helper()
	return f.configure(name, `{"indexes": [`+strings.Join(indexes, ", ")+`]}`)
}

// reread returns a collection as it is now.
func (f fixture) reread(c collection.Stored) collection.Stored {
	f.Helper()
	now, err := f.GetCollection(f.Context(), c.Name)
	if err != nil {
		f.Fatal(err)
	}
	return now
}

// finish takes steps of that size until nothing is unfinished, and does between before each.
func (f fixture) finish(limit int, between func()) {
	f.Helper()
	for range 10_000 {
		list, err := f.UnfinishedIndexes(f.Context(), 10)
		if err != nil {
			f.Fatal(err)
		}
		if len(list) == 0 {
			return
		}
		for _, x := range list {
			between()
			if x.State == index.Building {
				_, err = f.BuildIndex(f.Context(), build(x, noon, limit))
			} else {
				_, err = f.PurgeIndex(f.Context(), x.Key, x.ID, limit)
			}
			if err != nil {
				f.Fatal(err)
			}
		}
	}
	f.Fatal("never finished")
}

func nothing() {}

// statesOf returns the indexes as name, state and progress.
func statesOf(c collection.Stored) string {
	words := []string{}
	for _, x := range c.Indexes {
		words = append(words, fmt.Sprintf("%s %s %d/%d", x.Name, x.State, x.Done, x.Total))
	}
	return strings.Join(words, ", ")
}

// wantDuplicate wants the fault of writes, by their numbers, that have keys of others.
func (f fixture) wantDuplicate(err error, writes ...int) {
	f.Helper()
	wantFault(f, err, fault.Conflict, "document.duplicate")
	var d *document.DuplicateError
	if !errors.As(err, &d) {
		f.Fatalf("got %v", err)
	}
	got := []int{}
	for _, one := range d.Duplicates {
		got = append(got, one.Write)
	}
	wantEqual(f, got, writes)
}

// Indexes are the promises about declared indexes.
func Indexes(t *testing.T, open Open) {
	t.Helper()
	declared.keep(t, open)
	built.keep(t, open)
	unique.keep(t, open)
}

var declared = promises{
	"Declared/New": func(f fixture) {
		c := f.declare("books", uniqueN, byTags)
		wantEqual(f, statesOf(c), "by_n ready 0/0, by_tags ready 0/0")
		wantEqual(f, f.reread(c), c)
		if c.Indexes[0].ID == c.Indexes[1].ID || string(c.Indexes[1].Spec) != byTags {
			f.Errorf("declared as %+v", c.Indexes)
		}
		other := f.declare("authors", uniqueN)
		if other.Indexes[0].ID == c.Indexes[0].ID {
			f.Error("an index id is used twice")
		}
		list, err := f.ListCollections(f.Context(), "", 10)
		wantError(f, err, nil)
		wantEqual(f, list, []collection.Stored{other, c})
	},
	"Declared/Replaced": func(f fixture) {
		c := f.declare("books", byN, byTags)
		f.write(put(c, "a", `{"n": 1}`), put(c, "b", `{"n": 1}`))
		// What is declared as before stays, and with it what it knows.
		again := f.declare("books", byTags)
		wantEqual(f, statesOf(again), "by_n deleting 0/0, by_tags ready 0/0")
		wantEqual(f, again.Indexes[1], c.Indexes[1])
		again = f.declare("books", byTags, uniqueN)
		wantEqual(f, statesOf(again), "by_n deleting 0/0, by_tags ready 0/0, by_n building 0/2")
		wantEqual(f, f.reread(c), again)
		none := f.configure("books", `{}`)
		wantEqual(f, statesOf(none), "by_n deleting 0/0, by_tags deleting 0/0, by_n deleting 0/2")
		// A dropped index holds nobody up, and a new one of its name begins anew.
		f.write(put(none, "c", `{"n": 1}`))
		f.finish(1, nothing)
		wantEqual(f, len(f.reread(c).Indexes), 0)
	},
	"Declared/Refused": func(f fixture) {
		c := f.declare("books", byN)
		before := f.picture()
		change := configuring("books", "")
		change.Decide = func(current *collection.Stored) ([]byte, error) {
			wantEqual(f, *current, c)
			return nil, errRefused
		}
		_, _, err := f.WriteCollection(f.Context(), change)
		wantError(f, err, errRefused)
		f.wantSame(before)
	},
	"Declared/CollectionDeleted": func(f fixture) {
		c := f.configure("books", `{}`)
		f.write(put(c, "a", `{"n": 1}`))
		c = f.declare("books", uniqueN)
		x := f.unfinished()[0]
		f.mark("books")
		wantEqual(f, len(f.unfinished()), 0)
		f.purge(c.Key, 1)
		for what, do := range map[string]func() (bool, error){
			"build": func() (bool, error) { return f.BuildIndex(f.Context(), build(x, noon, 10)) },
			"purge": func() (bool, error) { return f.PurgeIndex(f.Context(), x.Key, x.ID, 10) },
		} {
			if done, err := do(); err != nil || !done {
				f.Errorf("%s: %v, %v", what, done, err)
			}
		}
		f.write(put(f.declare("books", uniqueN), "b", `{"n": 1}`))
	},
	"Cancelled": func(f fixture) {
		c := f.configure("books", `{}`)
		f.write(put(c, "a", `{"n": 1}`))
		c = f.declare("books", uniqueN)
		x := f.unfinished()[0]
		before := f.picture()
		ctx, cancel := context.WithCancel(f.Context())
		cancel()
		for what, do := range map[string]func() error{
			"unfinished": func() error { _, err := f.UnfinishedIndexes(ctx, 10); return err },
			"build":      func() error { _, err := f.BuildIndex(ctx, build(x, noon, 10)); return err },
			"purge":      func() error { _, err := f.PurgeIndex(ctx, c.Key, x.ID, 10); return err },
		} {
			if err := do(); !errors.Is(err, context.Canceled) {
				f.Errorf("%s: got %v", what, err)
			}
		}
		f.wantSame(before)
	},
	"TooManyEntries": func(f fixture) {
		many := make([]string, index.MaxEntries+1)
		for i := range many {
			many[i] = fmt.Sprint(i)
		}
		data := `{"tags": [` + strings.Join(many, ", ") + `]}`
		c := f.declare("books", byTags)
		f.write(put(c, "a", `{"tags": [1]}`))
		wantFault(f, f.refused(put(c, "a", data)), fault.Invalid, "document.invalid")
		wantFault(f, f.refused(create(c, "b", data)), fault.Invalid, "document.invalid")
		f.configure("books", `{}`)
		f.write(put(f.reread(c), "b", data))
		c = f.declare("books", byTags)
		// The document can be changed and deleted while the index does not know it yet.
		f.write(put(c, "c", `{}`), remove(c, "c"))
		f.finish(1, nothing)
		c = f.reread(c)
		if x := c.Indexes[0]; x.State != index.Failed || x.Failure.Code != "document.invalid" || x.Done != 1 {
			f.Errorf("got %+v", x)
		}
		f.write(put(c, "b", `{}`))
		f.declare("books", byTags)
		f.finish(1, nothing)
		wantEqual(f, statesOf(f.reread(c)), "by_tags ready 2/2")
	},
}

func (f fixture) unfinished() []ports.UnfinishedIndex {
	f.Helper()
	list, err := f.UnfinishedIndexes(f.Context(), 10)
	if err != nil {
		f.Fatal(err)
	}
	return list
}

var built = promises{
	"Build/InSteps": func(f fixture) {
		c := f.configure("books", `{}`)
		for i := range 7 {
			f.write(put(c, number(i), fmt.Sprintf(`{"n": %d}`, i)))
		}
		c = f.declare("books", uniqueN)
		position, err := f.ConfigurationPosition(f.Context())
		wantError(f, err, nil)
		list := f.unfinished()
		wantEqual(f, list, []ports.UnfinishedIndex{{Collection: c.Name, Key: c.Key, Stored: c.Indexes[0]}})
		for _, want := range []string{"building 3/7", "building 6/7", "ready 7/7"} {
			done, err := f.BuildIndex(f.Context(), build(list[0], noon, 3))
			wantError(f, err, nil)
			wantEqual(f, statesOf(f.reread(c)), "by_n "+want)
			wantEqual(f, done, want == "ready 7/7")
		}
		wantEqual(f, len(f.unfinished()), 0)
		// The others are told, and the configuration is the same.
		f.wantConfigurations(position, 10, position+1, "books")
		wantEqual(f, f.reread(c).Version(), c.Version())
		before := f.picture()
		done, err := f.BuildIndex(f.Context(), build(list[0], noon, 3))
		wantError(f, err, nil)
		wantEqual(f, done, true)
		done, err = f.PurgeIndex(f.Context(), c.Key, list[0].ID, 3)
		wantError(f, err, nil)
		wantEqual(f, done, true)
		f.wantSame(before)
		f.wantDuplicate(f.refused(put(c, "new", `{"n": 3}`)), 0)
	},
	"Build/BetweenWrites": func(f fixture) {
		c := f.configure("books", `{}`)
		for i := range 20 {
			f.write(put(c, number(i), fmt.Sprintf(`{"n": %d}`, i)))
		}
		c = f.declare("books", uniqueN, byTags)
		i := 0
		f.finish(3, func() {
			switch i++; i % 4 {
			case 0:
				f.write(put(c, number(i), fmt.Sprintf(`{"n": %d}`, 100+i)))
			case 1:
				f.write(put(c, fmt.Sprint("new", i), fmt.Sprintf(`{"n": %d}`, 100+i)))
			case 2:
				f.write(remove(c, number(19-i/2)))
			case 3: // the key changes its owner
				f.write(put(c, number(1), `{"n": -1}`), put(c, number(3), `{"n": 1}`), put(c, number(1), `{"n": 3}`), put(c, number(2), `{"n": -2}`))
			}
		})
		wantIn(f, statesOf(f.reread(c)), "by_n ready", "by_tags ready")
		items, _, err := f.List(f.Context(), c.Key, all)
		wantError(f, err, nil)
		for _, d := range items {
			f.wantDuplicate(f.refused(put(c, "other", string(d.Data))), 0)
		}
	},
	"Build/Duplicates": func(f fixture) {
		c := f.configure("books", `{}`)
		for i := range 40 {
			f.write(put(c, number(i), fmt.Sprintf(`{"n": %d.0}`, i%20)))
		}
		c = f.declare("books", uniqueN)
		f.finish(25, nothing)
		failed := f.reread(c)
		x := failed.Indexes[0]
		if x.State != index.Failed || x.Failure.Code != "document.duplicate" || len(x.Failure.Duplicates) != 5 ||
			x.Failure.Duplicates[0] != (index.Duplicate{ID: number(20), Other: number(0)}) {
			f.Errorf("got %+v %+v", x, x.Failure)
		}
		wantEqual(f, failed.Version(), c.Version())
		// It constrains nobody. Declared again, it is built again.
		f.write(put(failed, "new", `{"n": 1}`))
		again := f.declare("books", uniqueN)
		wantEqual(f, again.Revision, c.Revision+1)
		wantEqual(f, statesOf(again), "by_n deleting 25/40, by_n building 0/41")
		f.finish(100, nothing)
		last := f.reread(c)
		if x := last.Indexes[0]; x.State != index.Failed || len(x.Failure.Duplicates) != index.MaxDuplicates {
			f.Errorf("got %+v", x)
		}
		for i := range 21 {
			f.write(remove(last, append([]string{"new"}, numbers(20, 40)...)[i]))
		}
		f.declare("books", uniqueN)
		f.finish(100, nothing)
		wantEqual(f, statesOf(f.reread(c)), "by_n ready 20/20")
	},
	"Build/ByManyAtOnce": func(f fixture) {
		c := f.configure("books", `{}`)
		for i := range 60 {
			f.write(put(c, number(i), fmt.Sprintf(`{"n": %d, "tags": [%d, "x"]}`, i, i)))
		}
		c = f.declare("books", uniqueN, byTags)
		var next atomic.Int64
		next.Store(1000)
		writer := func(round int) {
			name := number(round % 60)
			w := put(c, name, fmt.Sprintf(`{"n": %d, "tags": [%d]}`, next.Add(1), round))
			if round%5 == 0 {
				w = put(c, fmt.Sprint("new", next.Load()), fmt.Sprintf(`{"n": %d}`, next.Add(1)))
			}
			if _, err := f.Write(f.Context(), batch(w)); err != nil {
				f.Errorf("write: %v", err)
			}
		}
		whileDoing(func() { together(4, func(int) { f.finish(7, nothing) }) }, writer, func(round int) { writer(round + 30) })
		wantIn(f, statesOf(f.reread(c)), "by_n ready", "by_tags ready")
		items, _, err := f.List(f.Context(), c.Key, all)
		wantError(f, err, nil)
		for _, d := range items {
			if _, err := f.Write(f.Context(), batch(put(c, "other", string(d.Data)))); fault.CodeOf(err) != "document.duplicate" {
				f.Errorf("%s is not in the index: %v", d.ID, err)
			}
		}
	},
}

func numbers(from, to int) []string {
	list := []string{}
	for i := from; i < to; i++ {
		list = append(list, number(i))
	}
	return list
}

func wantIn(f fixture, text string, parts ...string) {
	f.Helper()
	for _, part := range parts {
		if !strings.Contains(text, part) {
			f.Errorf("%q has no %q", text, part)
		}
	}
}
