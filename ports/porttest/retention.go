package porttest

import (
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/ports"
)

// Retention are the promises about history that is not kept for ever.
func Retention(t *testing.T, open Open) {
	t.Helper()
	promises{
		"Age":         retentionByAge,
		"Number":      retentionByNumber,
		"Newest":      retentionOfTheNewest,
		"Created":     retentionOfCreation,
		"Steps":       retentionInSteps,
		"Less":        retentionOfLess,
		"Collections": retentionOfCollections,
		"Purged":      retentionPurged,
		"Concurrency": retentionConcurrently,
	}.keep(t, open)
}

// older is a trim of all that was followed by a revision that was made before so many seconds after noon.
func older(seconds int) change.Trim {
	return change.Trim{Reason: change.ByAge, Keep: 1, Before: noon.Add(time.Duration(seconds) * time.Second)}
}

// atMost is a trim of all but so many revisions.
func atMost(n int) change.Trim {
	return change.Trim{Reason: change.ByNumber, Keep: n, Before: noon.Add(time.Hour)}
}

// trim takes steps of that size until nothing is left to do, and returns how many it took.
func (f fixture) trim(c collection.Stored, t change.Trim, limit int) int {
	f.Helper()
	for steps := 1; steps < 10_000; steps++ {
		done, err := f.TrimHistory(f.Context(), c.Key, t, limit)
		if err != nil {
			f.Fatal(err)
		}
		if done {
			return steps
		}
	}
	f.Fatal("trimming does not end")
	return 0
}

// kept returns the revisions of a document that are there, the newest first.
func (f fixture) kept(c collection.Stored, name string) []int64 {
	f.Helper()
	items, _, err := f.ListRevisions(f.Context(), c.Key, id(name), ports.RevisionRange{Limit: 1000, Bytes: 1 << 30})
	if err != nil {
		f.Fatal(err)
	}
	revisions := []int64{}
	for _, made := range items {
		revisions = append(revisions, made.Revision)
	}
	return revisions
}

// wantTrimmed wants that what is asked for is not kept any more.
func (f fixture) wantTrimmed(c collection.Stored, name string, revision int64, seconds int) {
	f.Helper()
	_, err := f.GetRevision(f.Context(), c.Key, id(name), revision)
	wantFault(f, err, fault.Gone, "revision.trimmed")
	_, err = f.GetAsOf(f.Context(), c.Key, id(name), noon.Add(time.Duration(seconds)*time.Second))
	wantFault(f, err, fault.Gone, "revision.trimmed")
}

func (f fixture) asOf(c collection.Stored, name string, seconds int) string {
	f.Helper()
	d, err := f.GetAsOf(f.Context(), c.Key, id(name), noon.Add(time.Duration(seconds)*time.Second))
	if err != nil {
		return fault.CodeOf(err)
	}
	return fmt.Sprintf("%d %s created %d", d.Revision, d.Data, int(d.CreatedAt.Sub(noon).Seconds()))
}

// A revision that was in force at an instant is kept until another one has been for long enough.
func retentionByAge(f fixture) {
	c, other := f.sharing()
	for i := range 6 {
		f.at(10*i, put(c, "a", fmt.Sprintf(`{"n": %d}`, i)), put(other, "a", fmt.Sprintf(`{"n": %d}`, i)))
	}
	f.at(5, put(c, "quiet", `{}`))
	f.trim(c, older(0), 100)
	wantEqual(f, f.kept(c, "a"), []int64{6, 5, 4, 3, 2, 1})
	f.trim(c, older(30), 100)
	wantEqual(f, f.kept(c, "a"), []int64{6, 5, 4, 3})
	f.trim(c, older(31), 100)
	wantEqual(f, f.kept(c, "a"), []int64{6, 5, 4})
	wantEqual(f, f.kept(c, "quiet"), []int64{1})
	wantEqual(f, f.kept(other, "a"), []int64{6, 5, 4, 3, 2, 1})
	f.wantTrimmed(c, "a", 3, 29)
	wantEqual(f, f.asOf(c, "a", 30), `4 {"n": 3} created 0`)
	wantEqual(f, f.asOf(c, "a", 55), `6 {"n": 5} created 0`)
	// What never was is no more than that.
	_, err := f.GetRevision(f.Context(), c.Key, id("a"), 7)
	wantFault(f, err, fault.NotFound, "revision.notFound")
	_, err = f.GetRevision(f.Context(), c.Key, id("quiet"), 2)
	wantFault(f, err, fault.NotFound, "revision.notFound")
	wantEqual(f, f.asOf(c, "quiet", 4), "document.notFound")
	wantEqual(f, f.asOf(other, "a", 0), `1 {"n": 0} created 0`)
	// Positions are not given again, and whoever was behind can know.
	before, err := f.Position(f.Context(), c.Bucket)
	if err != nil || before != 13 {
		f.Errorf("at %d, %v", before, err)
	}
	if at, err := f.Trimmed(f.Context(), c.Key); err != nil || at != 5 {
		f.Errorf("trimmed up to %d, %v", at, err)
	}
	if at, err := f.Trimmed(f.Context(), other.Key); err != nil || at != 0 {
		f.Errorf("trimmed up to %d, %v", at, err)
	}
	f.at(70, put(c, "a", `{"n": 6}`))
	list, err := f.Changes(f.Context(), c.Bucket, before, 10)
	if err != nil || len(list) != 1 || list[0].Position != before+1 || list[0].Revision != 7 {
		f.Errorf("changes %+v, %v", list, err)
	}
}

func retentionByNumber(f fixture) {
	c := f.configure("c", `{}`)
	for i := range 10 {
		f.at(i, put(c, "a", fmt.Sprintf(`{"n": %d}`, i)))
	}
	f.at(20, put(c, "b", `{}`), put(c, "b", `{"n": 1}`))
	f.trim(c, atMost(4), 3)
	wantEqual(f, f.kept(c, "a"), []int64{10, 9, 8, 7})
	wantEqual(f, f.kept(c, "b"), []int64{2, 1})
	f.wantTrimmed(c, "a", 6, 5)
	// What is young is kept, however much there is of it.
	young := atMost(1)
	young.Before = noon.Add(9 * time.Second)
	f.trim(c, young, 100)
	wantEqual(f, f.kept(c, "a"), []int64{10, 9})
}

// Whatever goes, what is there stays, and an id goes on counting.
func retentionOfTheNewest(f fixture) {
	c := f.configure("c", `{}`)
	f.at(0, put(c, "a", `{"n": 1}`), put(c, "gone", `{}`))
	f.at(1, remove(c, "gone"), put(c, "a", `{"n": 2}`))
	f.trim(c, older(1000), 100)
	f.trim(c, atMost(1), 100)
	wantEqual(f, f.kept(c, "a"), []int64{2})
	wantEqual(f, f.kept(c, "gone"), []int64{2})
	if d := f.get(c, "a"); d.Revision != 2 || string(d.Data) != `{"n": 2}` {
		f.Errorf("got %+v", d)
	}
	wantEqual(f, f.asOf(c, "gone", 5), "document.notFound")
	f.wantTrimmed(c, "gone", 1, 0)
	if r := f.one(create(c, "gone", `{}`)); r.Document.Revision != 3 {
		f.Errorf("created at revision %d", r.Document.Revision)
	}
}

// A document knows when it was created, also when that is not kept any more.
func retentionOfCreation(f fixture) {
	c := f.configure("c", `{}`)
	f.at(0, put(c, "a", `{"n": 1}`))
	f.at(1, put(c, "a", `{"n": 2}`))
	f.at(2, remove(c, "a"))
	f.at(3, put(c, "a", `{"n": 4}`))
	for i := 4; i < 9; i++ {
		f.at(i, put(c, "a", fmt.Sprintf(`{"n": %d}`, i+1)))
	}
	f.trim(c, older(2), 100)
	wantEqual(f, f.kept(c, "a"), []int64{9, 8, 7, 6, 5, 4, 3, 2})
	wantEqual(f, f.asOf(c, "a", 1), `2 {"n": 2} created 0`)
	f.trim(c, older(4), 100)
	wantEqual(f, f.kept(c, "a"), []int64{9, 8, 7, 6, 5, 4})
	wantEqual(f, f.asOf(c, "a", 3), `4 {"n": 4} created 3`)
	f.trim(c, older(6), 100)
	wantEqual(f, f.asOf(c, "a", 5), `6 {"n": 6} created 3`)
	f.trim(c, older(8), 100)
	wantEqual(f, f.asOf(c, "a", 8), `9 {"n": 9} created 3`)
}

// However small the steps, the same is left; and nothing is gone through twice.
func retentionInSteps(f fixture) {
	left := map[int][]int64{}
	for _, limit := range []int{1, 2, 7, 1000} {
		c := f.configure(fmt.Sprint("c", limit), `{}`)
		for i := range 12 {
			f.at(i, put(c, "a", fmt.Sprintf(`{"n": %d}`, i)), put(c, fmt.Sprint("b", i), `{}`))
		}
		f.trim(c, older(8), limit)
		if steps := f.trim(c, older(8), limit); steps != 1 {
			f.Errorf("%d steps to find that there is nothing left to do", steps)
		}
		left[limit] = f.kept(c, "a")
		wantEqual(f, left[limit], []int64{12, 11, 10, 9, 8})
		wantEqual(f, len(f.ids(c)), 13)
	}
}

// Who wants less than before gets it.
func retentionOfLess(f fixture) {
	c := f.configure("c", `{}`)
	for i := range 10 {
		f.at(i, put(c, "a", fmt.Sprintf(`{"n": %d}`, i)))
	}
	f.trim(c, atMost(8), 4)
	wantEqual(f, len(f.kept(c, "a")), 8)
	f.trim(c, atMost(3), 4)
	wantEqual(f, f.kept(c, "a"), []int64{10, 9, 8})
	f.at(20, put(c, "a", `{}`))
	f.trim(c, atMost(6), 4)
	wantEqual(f, f.kept(c, "a"), []int64{11, 10, 9, 8})
	f.trim(c, atMost(2), 4)
	wantEqual(f, f.kept(c, "a"), []int64{11, 10})
}

func retentionOfCollections(f fixture) {
	for _, name := range []string{"d", "a", "c"} {
		f.configure(name, `{"history": {"keep": "90d"}}`)
	}
	f.configure("b", `{}`)
	names := func(after string, limit int) []string {
		list, err := f.RetainingCollections(f.Context(), after, limit)
		if err != nil {
			f.Fatal(err)
		}
		got := []string{}
		for _, c := range list {
			got = append(got, c.Name.String())
		}
		return got
	}
	wantEqual(f, names("", 10), []string{"a", "c", "d"})
	wantEqual(f, names("a", 1), []string{"c"})
	wantEqual(f, names("d", 10), []string{})
	f.mark("c")
	wantEqual(f, names("", 10), []string{"a", "d"})
}

// A collection takes along what is kept of its trimming, and its name goes on counting.
func retentionPurged(f fixture) {
	c := f.configure("c", `{}`)
	for i := range 5 {
		f.at(i, put(c, "a", fmt.Sprintf(`{"n": %d}`, i)))
	}
	f.trim(c, older(100), 100)
	deleting := f.mark("c")
	if done, err := f.TrimHistory(f.Context(), deleting.Key, atMost(1), 10); err != nil || !done {
		f.Errorf("done %v, %v", done, err)
	}
	f.purge(c.Key, 2)
	if done, err := f.TrimHistory(f.Context(), c.Key, atMost(1), 10); err != nil || !done {
		f.Errorf("done %v, %v", done, err)
	}
	if at, err := f.Trimmed(f.Context(), c.Key); err != nil || at != 0 {
		f.Errorf("trimmed up to %d, %v", at, err)
	}
	c = f.configure("c", `{}`)
	if r := f.one(put(c, "a", `{}`)); r.Document.Revision != 6 {
		f.Errorf("revision %d", r.Document.Revision)
	}
}

// Several trim while others write and read: what is kept is a whole stretch up to the newest revision.
func retentionConcurrently(f fixture) {
	c := f.configure("c", `{}`)
	const writes = 60
	var written atomic.Int64
	trimmers := func(int) {
		for _, t := range []change.Trim{atMost(5), older(int(written.Load()) - 10)} {
			if _, err := f.TrimHistory(f.Context(), c.Key, t, 7); err != nil {
				f.Error(err)
			}
		}
	}
	reader := func(int) {
		kept := f.kept(c, "a")
		for i := 1; i < len(kept); i++ {
			if kept[i] != kept[i-1]-1 {
				f.Errorf("kept %v", kept)
			}
		}
	}
	whileDoing(func() {
		for i := range writes {
			f.at(i, put(c, "a", fmt.Sprintf(`{"n": %d}`, i)))
			written.Store(int64(i))
		}
	}, trimmers, trimmers, reader)
	f.trim(c, atMost(5), 100)
	kept := f.kept(c, "a")
	if len(kept) == 0 || len(kept) > 5 || kept[0] != writes || !slices.IsSortedFunc(kept, func(a, b int64) int { return int(b - a) }) {
		f.Errorf("kept %v", kept)
	}
}
