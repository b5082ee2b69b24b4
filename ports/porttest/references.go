package porttest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/ports"
)

// References are the promises about references that are checked.
func References(t *testing.T, open Open) {
	t.Helper()
	promises{
		"Exists":      referencesExist,
		"Changed":     referencesChanged,
		"Batch":       referencesInBatch,
		"Values":      referencesOfValues,
		"Targets":     referencesToWhat,
		"Expired":     referencesAndExpiry,
		"Restrict":    referencesRestrict,
		"Referrers":   referencesReferrers,
		"Declared":    referencesDeclared,
		"DryRun":      referencesDryRun,
		"Neighbours":  referencesOfNeighbours,
		"Concurrency": referencesConcurrently,
		"Crossing":    referencesCrossing,
	}.keep(t, open)
}

// refer is the declaration of a reference.
func refer(path, to, onDelete string) string {
	return fmt.Sprintf(`{"path": %q, "onDelete": %q, "collection": %q}`, path, onDelete, to)
}

// refers declares a collection with references.
func (f fixture) refers(name string, references ...string) collection.Stored {
	f.Helper()
	return f.configure(name, `{"references": [`+strings.Join(references, ", ")+`]}`)
}

// checking is a write by a collection whose reference is checked, and is not indexed.
func checking(w document.Write, path, to string) document.Write {
	field, err := index.ParseField(path)
	if err != nil {
		panic(err)
	}
	w.Indexes = index.NewSet(index.Kept{Index: index.NewReference(field, named(to))})
	return w
}

// wantDangling wants the fault of writes, by their numbers, that refer to nothing, with the places where they do.
func (f fixture) wantDangling(err error, want ...string) {
	f.Helper()
	wantFault(f, err, fault.Invalid, "document.invalid")
	var d *document.DanglingError
	if !errors.As(err, &d) {
		f.Fatalf("got %v", err)
	}
	got := []string{}
	for _, t := range d.Targets {
		got = append(got, fmt.Sprintf("%d %s %s", t.Write, t.Pointer, t.Text))
	}
	slices.Sort(got)
	wantEqual(f, got, want)
}

// wantReferred wants the fault of writes, by their numbers, that remove what others refer to.
func (f fixture) wantReferred(err error, want ...string) {
	f.Helper()
	wantFault(f, err, fault.Conflict, "document.referenced")
	var r *document.ReferredError
	if !errors.As(err, &r) {
		f.Fatalf("got %v", err)
	}
	got := []string{}
	for _, one := range r.Referred {
		got = append(got, fmt.Sprintf("%d %s %v", one.Write, one.ID, one.Expired))
	}
	slices.Sort(got)
	wantEqual(f, got, want)
}

func referencesExist(f fixture) {
	parents := f.configure("parents", `{}`)
	c := f.refers("children", refer("doc.p", "parents", "restrict"))
	f.write(put(parents, "a", `{}`))
	f.wantDangling(f.refused(create(c, "1", `{"p": "b"}`)), "0 /p b")
	f.wantDangling(f.refused(fresh(create(c, "1", `{"p": "b"}`))), "0 /p b")
	f.wantDangling(f.refused(put(c, "1", `{"p": "A"}`)), "0 /p A")
	f.write(create(c, "1", `{"p": "a"}`), put(c, "2", `{"p": null}`), put(c, "3", `{}`))
	f.wantDangling(f.refused(put(c, "2", `{"p": "b"}`)), "0 /p b")
	// One that is only checked is checked as well.
	ignoring := f.refers("ignoring", refer("doc.p", "parents", "ignore"))
	wantEqual(f, statesOf(ignoring), "")
	f.wantDangling(f.refused(checking(put(ignoring, "1", `{"p": "b"}`), "doc.p", "parents")), "0 /p b")
	f.write(checking(put(ignoring, "1", `{"p": "a"}`), "doc.p", "parents"))
	// And one without onDelete is not.
	unchecked := f.configure("unchecked", `{"references": [{"path": "doc.p", "collection": "parents"}]}`)
	wantEqual(f, statesOf(unchecked), "")
	f.write(put(unchecked, "1", `{"p": "b"}`))
	// Where there is no collection there is no document.
	lost := f.refers("lost", refer("doc.p", "ghosts", "restrict"))
	f.wantDangling(f.refused(put(lost, "1", `{"p": "a"}`)), "0 /p a")
	ghosts := f.configure("ghosts", `{}`)
	f.write(put(ghosts, "a", `{}`), put(lost, "1", `{"p": "a"}`))
	f.mark("ghosts")
	f.wantDangling(f.refused(put(lost, "2", `{"p": "a"}`)), "0 /p a")
}

// What a document refers to already is not looked at again.
func referencesChanged(f fixture) {
	parents := f.configure("parents", `{}`)
	before := f.configure("children", `{}`)
	f.write(put(parents, "a", `{}`), put(before, "1", `{"p": "gone", "n": 1}`), put(before, "2", `{"p": ["no", "id"]}`), put(before, "3", `{"p": "a"}`))
	c := f.refers("children", refer("doc.p", "parents", "restrict"))
	f.write(put(c, "1", `{"p": "gone", "n": 2}`), put(c, "2", `{"p": ["no", "id"], "n": 2}`))
	f.wantDangling(f.refused(put(c, "1", `{"p": "other"}`), put(c, "2", `{"p": ["another"]}`)), `1 /p ["another"]`)
	f.wantDangling(f.refused(put(c, "1", `{"p": "other"}`)), "0 /p other")
	f.write(put(c, "1", `{"p": "a"}`))
	f.wantDangling(f.refused(put(c, "1", `{"p": "gone"}`)), "0 /p gone")
	// A document that is stored anew under an id is another one.
	f.write(put(c, "3", `{}`))
	f.write(put(f.configure("parents", `{"description": "again"}`), "b", `{}`))
	f.wantDangling(f.refused(remove(c, "2"), put(c, "2", `{"p": "gone"}`)), "1 /p gone")
}

// A batch is judged by what it leaves.
func referencesInBatch(f fixture) {
	parents := f.configure("parents", `{}`)
	c := f.refers("children", refer("doc.p", "parents", "restrict"), refer("doc.self", "children", "restrict"))
	f.write(put(c, "1", `{"p": "a"}`), put(parents, "a", `{}`))
	f.write(put(parents, "b", `{}`), put(c, "1", `{"p": "b"}`), remove(parents, "a"))
	f.wantDangling(f.refused(put(parents, "x", `{}`), put(c, "2", `{"p": "x"}`), remove(parents, "x")), "1 /p x")
	f.wantDangling(f.refused(put(c, "2", `{"p": "x"}`), put(c, "2", `{"p": "x", "n": 1}`)), "0 /p x")
	f.write(put(c, "2", `{"p": "x"}`), put(c, "2", `{}`))
	f.write(put(c, "3", `{"self": "3"}`), put(c, "4", `{"self": "5"}`), put(c, "5", `{"self": "4"}`))
	f.wantReferred(f.refused(remove(c, "4")), "0 4 false")
	f.write(remove(c, "3"))                 // nobody else
	f.write(remove(c, "4"), remove(c, "5")) // each other
	f.write(remove(c, "1"), remove(parents, "b"))
	// What is removed and stored again is there.
	f.write(put(parents, "a", `{}`), put(c, "1", `{"p": "a"}`))
	f.write(remove(parents, "a"), put(parents, "a", `{"n": 1}`))
}

func referencesOfValues(f fixture) {
	parents := f.configure("parents", `{}`)
	c := f.refers("children", refer("doc.p", "parents", "restrict"), refer("doc.list[]", "parents", "restrict"), refer(`doc.lines[]["p q"].x`, "parents", "restrict"))
	f.write(put(parents, "a", `{}`), put(parents, "7", `{}`), put(parents, "é", `{}`))
	f.write(put(c, "1", `{"p": 7, "list": ["a", 7, "7", null, "é"], "lines": [{"p q": {"x": "a"}}, {}, {"p q": {"x": null}}, 5]}`), put(c, "2", `{"p": 7.0, "list": "no list", "lines": {}}`))
	for value, text := range map[string]string{`true`: `true`, `7.5`: `7.5`, `[]`: `[]`, `{"a": 1}`: `{"a": 1}`, `""`: `""`, `"a/b"`: `"a/b"`, `"."`: `"."`, `-7`: `-7`, `"` + strings.Repeat("a", 300) + `"`: `"` + strings.Repeat("a", 300) + `"`} {
		f.wantDangling(f.refused(put(c, "3", `{"p": `+value+`}`)), "0 /p "+text)
	}
	f.wantDangling(f.refused(put(c, "3", `{"list": ["a", "b", 8, {}]}`)), `0 /list/3 {}`)
	f.wantDangling(f.refused(put(c, "3", `{"list": ["a", "b", 8], "lines": [{"p q": {"x": "a"}}, {"p q": {"x": "c"}}]}`)), "0 /lines/1/p q/x c", "0 /list/1 b", "0 /list/2 8")
	many := strings.Repeat(`"a", "7", `, index.MaxEntries)
	f.write(put(c, "4", `{"list": [`+strings.TrimSuffix(many, ", ")+`]}`)) // distinct ones count
	var distinct []string
	for i := range index.MaxEntries + 1 {
		distinct = append(distinct, fmt.Sprint(1000+i))
	}
	err := f.refused(put(c, "5", `{"list": [`+strings.Join(distinct, ", ")+`]}`))
	wantFault(f, err, fault.Invalid, "document.invalid")
	if v := fault.Find(err).Violations; len(v) != 1 || v[0].Pointer != "/list" || v[0].Code != "maxItems" {
		f.Errorf("violations %+v", v)
	}
}

// A reference is by name: what has the name now is what it leads to.
func referencesToWhat(f fixture) {
	c := f.refers("children", refer("doc.p", "parents", "restrict"))
	f.write(put(f.configure("parents", `{}`), "a", `{}`), put(c, "1", `{"p": "a"}`))
	f.purge(f.mark("parents").Key, 100)
	f.wantDangling(f.refused(put(c, "2", `{"p": "a"}`)), "0 /p a")
	f.write(put(c, "1", `{"p": "a", "n": 1}`))
	parents := f.configure("parents", `{}`)
	f.write(put(parents, "a", `{}`), put(c, "2", `{"p": "a"}`))
	f.wantReferred(f.refused(remove(parents, "a")), "0 a false")
	f.write(remove(c, "1"), remove(c, "2"))
	f.write(remove(parents, "a"))
}

// A document that has expired is nothing to refer to, and time removes what others refer to.
func referencesAndExpiry(f fixture) {
	for _, kept := range []bool{true, false} {
		name := fmt.Sprint("parents", map[bool]string{true: "-kept"}[kept])
		parents := f.configure(name, `{}`)
		if !kept { // the rule is declared over documents that are there, and is not gone through yet
			f.write(put(parents, "x", `{}`))
		}
		if kept {
			parents = f.configure(name, `{`+untilDoc+`}`)
		}
		f.write(put(parents, "a", until(after(1))), put(parents, "b", until(after(1))), put(parents, "c", `{"until": "never"}`))
		if !kept {
			parents = f.configure(name, `{`+untilDoc+`}`)
			if f.compile(parents).Living(noon).Kept {
				f.Fatal("nothing is left to be gone through")
			}
		}
		restricting, cascading := f.refers("restricting", refer("doc.p", name, "restrict")), f.refers("cascading", refer("doc.p", name, "cascade"))
		f.write(put(restricting, "1", `{"p": "a"}`), put(cascading, "2", `{"p": "b"}`))
		if _, err := f.later(1, put(restricting, "9", `{"p": "a"}`)); err == nil {
			f.Error("refers to what has expired")
		} else {
			f.wantDangling(err, "0 /p a")
		}
		if _, err := f.later(1, put(restricting, "8", `{"p": "c"}`)); err != nil {
			f.Error(err)
		}
		// Nobody is asked whether time may pass, but somebody has to take care of what depends on it.
		if _, err := f.later(1, touch(parents, "a")); err != nil {
			f.Error(err)
		}
		_, err := f.later(1, touch(parents, "b"))
		f.wantReferred(err, "0 b true")
		if _, err := f.later(1, touch(parents, "b"), remove(cascading, "2")); err != nil {
			f.Error(err)
		}
		f.write(remove(restricting, "8"), remove(restricting, "1"))
	}
}

func referencesRestrict(f fixture) {
	parents := f.configure("parents", `{}`)
	for _, onDelete := range []string{"restrict", "cascade", "setNull"} {
		c := f.refers(strings.ToLower(onDelete), refer("doc.p", "parents", onDelete), refer("doc.list[]", "parents", onDelete))
		f.write(put(parents, "a", `{}`), put(parents, "b", `{}`), put(parents, "c", `{}`), put(c, "1", `{"p": "a", "list": ["b", "a"]}`))
		// What comes of it is not for the store to decide.
		f.wantReferred(f.refused(remove(parents, "a")), "0 a false")
		f.wantReferred(f.refused(remove(parents, "c"), remove(parents, "b"), remove(parents, "a")), "1 b false", "2 a false")
		f.write(put(c, "1", `{"p": "a", "list": ["c"]}`))
		f.write(remove(parents, "b"))
		f.write(remove(c, "1"))
		f.write(remove(parents, "a"), remove(parents, "c"))
	}
	// One that ignores, and one that is not checked, are in nobody's way; nor is a collection that is being deleted.
	f.write(put(parents, "a", `{}`))
	c := f.refers("others", refer("doc.p", "parents", "ignore"))
	f.write(checking(put(c, "1", `{"p": "a"}`), "doc.p", "parents"))
	gone := f.refers("gone", refer("doc.p", "parents", "restrict"))
	f.write(put(gone, "1", `{"p": "a"}`))
	f.mark("gone")
	f.write(remove(parents, "a"))
}

func referencesReferrers(f fixture) {
	parents := f.configure("parents", `{}`)
	a := f.refers("as", refer("doc.p", "parents", "restrict"), refer("doc.list[]", "parents", "cascade"), refer("doc.q", "parents", "ignore"))
	b := f.refers("bs", refer("doc.p", "parents", "setNull"), refer("doc.other", "as", "restrict"))
	f.refers("parents", refer("doc.next", "parents", "restrict"))
	parents = f.reread(parents)
	f.write(put(parents, "x", `{}`), put(parents, "y", `{"next": "x"}`), put(a, "2", `{"p": "x", "list": ["x", "x"]}`), put(a, "1", `{"p": "x"}`), put(b, "1", `{"p": "x", "other": "2"}`), put(a, "3", `{"p": "y"}`))
	names := func(list []ports.Referrer) []string {
		got := []string{}
		for _, r := range list {
			if stored := f.reread(collection.Stored{Name: r.Name}); stored.Key != r.Key {
				f.Errorf("%s is not at %v", r.Name, r.Key)
			}
			got = append(got, fmt.Sprintf("%s %s %s", r.Name, r.Path, r.ID))
		}
		slices.Sort(got)
		return got
	}
	all, err := f.Referrers(f.Context(), parents.Key, id("x"), 100)
	if err != nil {
		f.Fatal(err)
	}
	wantEqual(f, names(all), []string{"as doc.list[] 2", "as doc.p 1", "as doc.p 2", "bs doc.p 1", "parents doc.next y"})
	some, err := f.Referrers(f.Context(), parents.Key, id("x"), 2)
	if err != nil || len(some) != 2 {
		f.Errorf("got %v, %v", some, err)
	}
	for _, key := range []collection.Key{parents.Key, b.Key, {Bucket: 1, ID: 1 << 30}} {
		none, err := f.Referrers(f.Context(), key, id("nobody"), 10)
		if err != nil || len(none) != 0 {
			f.Errorf("got %v, %v", none, err)
		}
	}
	referring := func(name string, limit int) []string {
		list, err := f.ReferringCollections(f.Context(), named(name), limit)
		if err != nil {
			f.Fatal(err)
		}
		got := []string{}
		for _, name := range list {
			got = append(got, name.String())
		}
		return got
	}
	wantEqual(f, referring("parents", 10), []string{"as", "bs"}) // and itself, which is no other
	wantEqual(f, referring("parents", 1), []string{"as"})
	wantEqual(f, referring("as", 10), []string{"bs"})
	wantEqual(f, referring("bs", 10), []string{})
	f.mark("bs")
	wantEqual(f, referring("as", 10), []string{})
}

// References that are declared over documents which are there are built as indexes are.
func referencesDeclared(f fixture) {
	parents := f.configure("parents", `{}`)
	c := f.configure("children", `{}`)
	f.write(put(parents, "a", `{}`), put(parents, "b", `{}`))
	for i := range 10 {
		f.write(put(c, fmt.Sprint(i), `{"p": "a"}`))
	}
	c = f.refers("children", refer("doc.p", "parents", "restrict"))
	wantEqual(f, statesOf(c), "$reference doc.p building 0/10")
	f.write(put(c, "n", `{"p": "b"}`))
	f.wantReferred(f.refused(remove(parents, "b")), "0 b false") // writes count at once
	f.finish(3, nothing)
	c = f.reread(c)
	wantEqual(f, statesOf(c), "$reference doc.p ready 11/11")
	f.wantReferred(f.refused(remove(parents, "a")), "0 a false")
	// What is to happen is no part of the index.
	again := f.refers("children", refer("doc.p", "parents", "cascade"))
	wantEqual(f, again.Indexes, c.Indexes)
	c = f.refers("children", refer("doc.p", "parents", "ignore"))
	wantEqual(f, statesOf(c), "$reference doc.p deleting 11/11")
	f.write(remove(parents, "a"))
	f.finish(3, nothing)
	wantEqual(f, statesOf(f.reread(c)), "")
}

// A dry run fails as the batch would, or says what it would do, and does nothing.
func referencesDryRun(f fixture) {
	parents := f.configure("parents", `{}`)
	c := f.configure("children", `{"indexes": [`+uniqueN+`], "references": [`+refer("doc.p", "parents", "restrict")+`]}`)
	f.write(put(parents, "a", `{}`), put(c, "1", `{"p": "a", "n": 1}`))
	dry := func(writes ...document.Write) ([]document.Result, error) {
		before := f.picture()
		b := batch(writes...)
		b.DryRun = true
		results, err := f.Write(f.Context(), b)
		f.wantSame(before)
		return results, err
	}
	_, err := dry(put(c, "2", `{"p": "b"}`))
	f.wantDangling(err, "0 /p b")
	_, err = dry(put(c, "2", `{"n": 1}`))
	f.wantDuplicate(err, 0)
	_, err = dry(remove(parents, "a"))
	f.wantReferred(err, "0 a false")
	_, err = dry(create(c, "1", `{}`))
	wantFault(f, err, fault.Conflict, "document.exists")
	_, err = dry(refuse(c, "1"))
	wantError(f, err, errRefused)
	results, err := dry(put(parents, "b", `{}`), put(c, "1", `{"p": "b"}`), remove(parents, "a"), put(c, "2", `{"n": 1}`), leave(c, "1"))
	if err != nil {
		f.Fatal(err)
	}
	got := []string{}
	for _, r := range results {
		got = append(got, fmt.Sprintf("%d %s %d", r.Outcome, r.Document.ID, r.Document.Revision))
	}
	wantEqual(f, got, []string{"1 b 1", "2 1 2", "3 a 1", "1 2 1", "0 1 2"})
	f.write(put(c, "2", `{"n": 2}`), put(c, "1", `{"p": "a", "n": 1}`)) // no key was taken or given away
	f.wantDuplicate(f.refused(put(c, "3", `{"n": 1}`)), 0)
}

// Batches that are written at the same time do not suffer for one another.
func referencesOfNeighbours(f fixture) {
	parents := f.configure("parents", `{}`)
	c := f.refers("children", refer("doc.p", "parents", "restrict"))
	f.write(put(parents, "a", `{}`), put(c, "0", `{"p": "a"}`))
	var dangling, referred, written atomic.Int64
	together(30, func(i int) {
		w := put(c, fmt.Sprint("good", i), `{"p": "a"}`)
		switch i % 3 {
		case 1:
			w = put(c, fmt.Sprint("bad", i), `{"p": "b"}`)
		case 2:
			w = remove(parents, "a")
		}
		_, err := f.Write(f.Context(), batch(w))
		switch {
		case err == nil:
			written.Add(1)
		case fault.CodeOf(err) == "document.invalid":
			dangling.Add(1)
		case fault.CodeOf(err) == "document.referenced":
			referred.Add(1)
		default:
			f.Error(err)
		}
	})
	wantEqual(f, []int64{written.Load(), dangling.Load(), referred.Load()}, []int64{10, 10, 10})
}

// Whoever refers to a document while another one deletes it: one of them is told so, and nothing refers to nothing.
func referencesConcurrently(f fixture) {
	parents := f.configure("parents", `{}`)
	c := f.refers("children", refer("doc.p", "parents", "restrict"))
	const rounds, writers = 15, 8
	deleted := 0
	for round := range rounds {
		parent := fmt.Sprint("p", round)
		f.write(put(parents, parent, `{}`))
		var gone atomic.Bool
		together(writers+1, func(i int) {
			if i == writers {
				if _, err := f.Write(f.Context(), batch(remove(parents, parent))); err == nil {
					gone.Store(true)
				} else {
					wantFault(f, err, fault.Conflict, "document.referenced")
				}
				return
			}
			name := fmt.Sprint(parent, "-", i)
			for j := range 3 {
				if _, err := f.Write(f.Context(), batch(put(c, name, fmt.Sprintf(`{"p": %q, "n": %d}`, parent, j)))); err != nil {
					wantFault(f, err, fault.Invalid, "document.invalid")
				}
				if _, err := f.Write(f.Context(), batch(put(c, name, `{}`))); err != nil {
					f.Error(err)
				}
			}
			if _, err := f.Write(f.Context(), batch(put(c, name, fmt.Sprintf(`{"p": %q}`, parent)))); err != nil {
				wantFault(f, err, fault.Invalid, "document.invalid")
			}
		})
		if gone.Load() {
			deleted++
		}
		f.wantNothingDangles(c, "p", parents)
		_, err := f.Get(f.Context(), parents.Key, id(parent))
		if gone.Load() != (fault.KindOf(err) == fault.NotFound && err != nil) {
			f.Errorf("deleted: %v, and then: %v", gone.Load(), err)
		}
	}
	f.Logf("%d of %d were deleted", deleted, rounds)
}

// wantNothingDangles checks that every document refers to one that is there, or to none.
func (f fixture) wantNothingDangles(c collection.Stored, member string, to collection.Stored) {
	f.Helper()
	there := map[string]bool{}
	for _, name := range f.ids(to) {
		there[name] = true
	}
	items, _, err := f.List(f.Context(), c.Key, all)
	if err != nil {
		f.Fatal(err)
	}
	field, err := index.ParseField("doc." + member)
	if err != nil {
		f.Fatal(err)
	}
	set := index.NewSet(index.Kept{Index: index.NewReference(field, to.Name)})
	for _, d := range items {
		entries, err := set.Entries(d.Indexable())
		if err != nil {
			f.Fatal(err)
		}
		for _, r := range entries.Refers {
			if !there[r.ID.String()] {
				f.Errorf("%s refers to %s, which is not there", d.ID, r.Text)
			}
		}
	}
}

// Batches that write to, refer to and delete the same documents in any order come to an end.
func referencesCrossing(f fixture) {
	c := f.refers("nodes", refer("doc.p", "nodes", "restrict"))
	const nodes, writers, rounds = 6, 8, 25
	for i := range nodes {
		f.write(put(c, fmt.Sprint(i), `{}`))
	}
	together(writers, func(w int) {
		for round := range rounds {
			a, b := (w+round)%nodes, (w*5+round*3+1)%nodes
			var writes []document.Write
			switch (w + round) % 4 {
			case 0:
				writes = []document.Write{put(c, fmt.Sprint(a), fmt.Sprintf(`{"p": "%d", "w": %d}`, b, w)), put(c, fmt.Sprint(b), fmt.Sprintf(`{"p": "%d", "r": %d}`, a, round))}
			case 1:
				writes = []document.Write{put(c, fmt.Sprint(b), fmt.Sprintf(`{"p": "%d", "w": %d}`, a, round))}
			case 2:
				writes = []document.Write{write(c, fmt.Sprint(a), func(*document.Document) (document.Next, error) { return document.Remove(), nil })}
			case 3:
				writes = []document.Write{put(c, fmt.Sprint(a), `{}`), put(c, fmt.Sprint(b), `{}`)}
			}
			if _, err := f.Write(f.Context(), batch(writes...)); err != nil && fault.CodeOf(err) != "document.invalid" && fault.CodeOf(err) != "document.referenced" {
				f.Error(err)
			}
		}
	})
	f.wantNothingDangles(c, "p", c)
}
