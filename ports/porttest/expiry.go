package porttest

import (
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/search"
)

// Expiry are the promises about documents that expire.
func Expiry(t *testing.T, open Open) {
	t.Helper()
	promises{
		"Finds":       expiryFinds,
		"Aggregate":   expiryAggregate,
		"Writes":      expiryWrites,
		"Unique":      expiryUnique,
		"Due":         expiryDue,
		"Declared":    expiryDeclared,
		"Removed":     expiryRemoved,
		"Concurrency": expiryConcurrency,
	}.keep(t, open)
}

const untilDoc = `"expiry": {"at": "doc.until"}`

// after is a time some seconds after noon as documents have it.
func after(seconds int) string {
	return noon.Add(time.Duration(seconds) * time.Second).Format(time.RFC3339Nano)
}

func until(at string) string { return fmt.Sprintf(`{"until": %q}`, at) }

// later makes the writes as one batch some seconds after noon.
func (f fixture) later(seconds int, writes ...document.Write) ([]document.Result, error) {
	f.Helper()
	b := batch(writes...)
	b.At = noon.Add(time.Duration(seconds) * time.Second)
	return f.Write(f.Context(), b)
}

func touch(c collection.Stored, name string) document.Write {
	return write(c, name, document.Touch)
}

// What a read finds does not depend on whether the instants are kept, nor on how it finds it.
func expiryFinds(f fixture) {
	// None of these is judged: what a document says, and when it expires, is the same in Go and in the database whatever it says.
	odd := []string{
		`{}`, `{"until": null}`, `{"until": 5}`, `{"until": {"until": 1}}`, `["2026-01-01T00:00:00Z"]`, `{"until": ["2026-01-01T00:00:00Z"]}`, `{"until": "soon"}`, `{"until": ""}`,
		`{"until": "2026-11-24"}`, `{"until": "2026-02-29T00:00:00Z"}`, `{"until": "2026-11-24T12:00:00"}`, `{"until": "2026-11-24T12:00:00.123456Z"}`, `{"until": "2026-11-24T12:00:00.1234569Z"}`,
		`{"until": "2026-11-24T12:00:00.123457Z"}`, `{"until": "2026-11-24t13:30:00.123456+01:30"}`, `{"until": "2026-11-24T13:30:00.1234569+01:30"}`, `{"until": "2026-11-24T12:00:60Z"}`,
		`{"until": "0000-01-01T00:00:00Z"}`, `{"until": "0001-01-01T00:00:00Z"}`, `{"until": "0001-01-01T00:00:00+01:00"}`, `{"until": "9999-12-31T23:59:59.999999Z"}`, `{"until": "9999-12-31T23:59:59-01:00"}`,
		`{"until": "10000-01-01T00:00:00Z"}`, `{"until": "2026-11-24T12:00:00.123456+24:00"}`, `{"until": "9999-12-24T23:59:59Z"}`,
	}
	for name, rule := range map[string]string{
		"at": `{"at": "doc.until"}`, "later": `{"at": "doc.until", "after": "7d"}`, "odd": `{"at": "doc[\"un til\"][\"0\"]", "after": "1s"}`,
		"created": `{"at": "createdAt", "after": "60s"}`, "updated": `{"at": "updatedAt", "after": "1m"}`,
	} {
		c := f.configure(name, `{"indexes": [`+byN+`], "expiry": `+rule+`}`)
		for i, data := range odd {
			w := put(c, fmt.Sprintf("%02d", i), strings.Replace(data, "{", fmt.Sprintf(`{"n": %d, `, i%5), 1))
			if data == `{}` || data[0] != '{' {
				w = put(c, fmt.Sprintf("%02d", i), data)
			}
			if _, err := f.later(i, w); err != nil {
				f.Fatal(err)
			}
		}
		compiled := f.compile(c)
		all, _, err := f.List(f.Context(), c.Key, all)
		if err != nil {
			f.Fatal(err)
		}
		found := map[int]bool{}
		for _, at := range []time.Time{noon, noon.Add(-1), noon.Add(time.Second), noon.Add(65 * time.Second), noon.Add(7 * 24 * time.Hour), {}, time.Date(9999, 12, 31, 23, 59, 59, 999_999_000, time.UTC)} {
			at = at.Truncate(time.Microsecond)
			for _, kept := range []bool{true, false} {
				q := f.query(compiled, `has(doc.n) && doc.n >= 1`, "doc.n desc")
				q.Living = index.Living{Expiry: setOf(c).Expiry(), At: at, Kept: kept}
				for _, q := range []search.Query{{Living: q.Living}, q} {
					plans := search.Plans(q, compiled.ReadyIndexes())
					want := f.expected(q, all)
					found[len(want)] = true
					for _, p := range plans {
						f.walk(fmt.Sprintf("%s at %s, kept %v, plan %s", name, at, kept, planName(p)), compiled, q, p, want, 7)
						n, err := f.CountFound(f.Context(), c.Key, q, p, 0)
						if err != nil || n != int64(len(want)) {
							f.Fatalf("%s at %s, kept %v, plan %s: counted %d, %v; want %d", name, at, kept, planName(p), n, err, len(want))
						}
					}
				}
			}
		}
		if len(found) < 2 {
			f.Errorf("%s: nothing ever expires", name)
		}
	}
}

func expiryAggregate(f fixture) {
	c := f.configure("notes", `{`+untilDoc+`}`)
	f.write(put(c, "a", until(after(0))), put(c, "b", until(after(1))), put(c, "c", `{"refers": ["a", "b"]}`))
	compiled := f.compile(c)
	for _, kept := range []bool{true, false} {
		living := compiled.Living(noon)
		living.Kept = kept
		p := pipelineAt(f, f, compiled, living, `[{"lookup": {"path": "doc.refers", "as": "found", "from": "notes"}}, {"project": {"id": "id", "found": "found"}}]`)
		a := scanning(p)
		a.Living = living
		rows, err := rowsOf(f.Context(), f, c.Key, a)
		want := []string{`{"id": "b", "found": null}`, `{"id": "c", "found": [` + until(after(1)) + `]}`}
		if err != nil || !slices.Equal(rows, want) {
			f.Errorf("kept %v: got %v, %v; want %v", kept, rows, err, want)
		}
	}
}

// A write decides on what a reader sees at its time.
func expiryWrites(f fixture) {
	c := f.configure("notes", `{`+untilDoc+`}`)
	f.write(create(c, "a", until(after(1))), create(c, "b", until(after(1))), create(c, "c", until(after(1))))
	if got := f.get(c, "a"); got.Revision != 1 {
		f.Errorf("stored: %+v", got) // a document that has expired is stored until somebody removes it
	}
	_, err := f.later(0, create(c, "a", `{}`))
	wantFault(f, err, fault.Conflict, "document.exists")
	before := f.picture()
	for _, w := range []document.Write{
		removeIf(c, "a", ifAny), removeIf(c, "a", ifMatch(1)), remove(c, "a"), putIf(c, "a", `{}`, ifMatch(1)), putIf(c, "a", `{}`, ifAny), refuse(c, "a"),
		write(c, "a", func(current *document.Document) (document.Next, error) {
			if current != nil {
				f.Errorf("a change sees %+v", current)
			}
			return document.Next{}, errRefused
		}),
	} {
		if results, err := f.later(1, w); err == nil {
			f.Errorf("written: %v", results)
		}
	}
	f.wantSame(before)
	results, err := f.later(1, create(c, "a", `{"n": 1}`), putIf(c, "b", `{"n": 1}`, ifNone), touch(c, "c"), put(c, "a", `{"n": 2}`))
	if err != nil {
		f.Fatal(err)
	}
	for i, want := range []struct {
		outcome  document.Outcome
		revision int64
	}{{document.Created, 3}, {document.Created, 3}, {document.Unchanged, 0}, {document.Updated, 4}} {
		if got := results[i]; got.Outcome != want.outcome || got.Document.Revision != want.revision {
			f.Errorf("result %d: %+v", i, got)
		}
	}
	if at := results[0].Document.CreatedAt; !at.Equal(noon.Add(time.Second)) {
		f.Errorf("created at %s", at)
	}
	wantEqual(f, f.ids(c), []string{"a", "b"})
	// What a write removed on its way is gone for whoever asks, also where it is kept at hand.
	if found, _, err := f.GetRecent(f.Context(), c.Key, id("c"), 0); fault.KindOf(err) != fault.NotFound || err == nil {
		f.Errorf("removed, and found: %+v, %v", found, err)
	}
	if found, _, err := f.GetRecent(f.Context(), c.Key, id("b"), 0); err != nil || found.Revision != 3 {
		f.Errorf("created, and found: %+v, %v", found, err)
	}
	wantEqual(f, f.history(c.Bucket)[3:], []string{"d a 2", "c a 3", "d b 2", "c b 3", "d c 2", "u a 4"})
	for _, made := range f.feed(c.Bucket)[3:] {
		want := bo
		if made.Op == change.Deleted {
			want = document.Expiration
		}
		if got := (change.Origin{Actor: made.Actor, RequestID: made.RequestID}); got != want || !made.At.Equal(noon.Add(time.Second)) {
			f.Errorf("%c %s: by %v at %s", made.Op, made.DocumentID, got, made.At)
		}
	}
	// What is due at once is stored, and gone.
	if _, err := f.later(2, put(c, "b", until(after(2)))); err != nil {
		f.Fatal(err)
	}
	wantEqual(f, f.due(c, 2), []string{"b"})
}

// due are the documents that have expired some seconds after noon.
func (f fixture) due(c collection.Stored, seconds int) []string {
	f.Helper()
	ids, err := f.DueDocuments(f.Context(), c.Key, noon.Add(time.Duration(seconds)*time.Second), 1000)
	if err != nil {
		f.Fatal(err)
	}
	return textsOf(ids)
}

func textsOf(ids []ident.Document) []string {
	list := []string{}
	for _, id := range ids {
		list = append(list, id.String())
	}
	return list
}

// An expired document has its keys until it is removed, and whoever wants one is told who has it.
func expiryUnique(f fixture) {
	c := f.configure("notes", `{"indexes": [`+uniqueN+`], `+untilDoc+`}`)
	f.write(put(c, "a", `{"n": 1, "until": "`+after(1)+`"}`), put(c, "b", `{"n": 2}`))
	err := f.refused(put(c, "c", `{"n": 1}`), put(c, "d", `{"n": 2}`))
	f.wantDuplicate(err, 0, 1)
	for i, want := range []string{"a", "b"} {
		if got := err.(*document.DuplicateError).Duplicates[i].Holder; got != id(want) { //nolint:errorlint // it was checked
			f.Errorf("held by %s, want %s", got, want)
		}
	}
	if _, err := f.later(1, touch(c, "a"), put(c, "c", `{"n": 1}`)); err != nil {
		f.Error(err)
	}
	if _, err := f.later(1, put(c, "a", `{"n": 3, "until": "`+after(2)+`"}`)); err != nil {
		f.Error(err)
	}
	// It is its own key that is free.
	if _, err := f.later(2, create(c, "a", `{"n": 3}`)); err != nil {
		f.Error(err)
	}
	_, err = f.later(3, put(c, "x", `{"n": 3}`))
	f.wantDuplicate(err, 0)
}

func expiryDue(f fixture) {
	c, other := f.configure("notes", `{`+untilDoc+`}`), f.configure("others", `{`+untilDoc+`}`)
	f.configure("plain", `{}`)
	f.write(put(c, "a", until(after(3))), put(c, "b", until(after(1))), put(c, "c", until(after(2))), put(c, "d", `{}`), put(other, "x", until(after(5))))
	collections := func(seconds, limit int) []string {
		list, err := f.DueCollections(f.Context(), noon.Add(time.Duration(seconds)*time.Second), limit)
		if err != nil {
			f.Fatal(err)
		}
		names := []string{}
		for _, c := range list {
			names = append(names, fmt.Sprint(c.Name, " ", c.Key))
		}
		slices.Sort(names)
		return names
	}
	notes, others := fmt.Sprint("notes ", c.Key), fmt.Sprint("others ", other.Key)
	wantEqual(f, collections(0, 10), []string{})
	wantEqual(f, collections(1, 10), []string{notes})
	wantEqual(f, collections(5, 10), []string{notes, others})
	wantEqual(f, len(collections(5, 1)), 1)
	wantEqual(f, f.due(c, 0), []string{})
	wantEqual(f, f.due(c, 2), []string{"b", "c"})
	wantEqual(f, f.due(c, 9), []string{"b", "c", "a"})
	some, err := f.DueDocuments(f.Context(), c.Key, noon.Add(time.Minute), 2)
	if err != nil || !slices.Equal(textsOf(some), []string{"b", "c"}) {
		f.Errorf("got %v, %v", some, err)
	}
	none, err := f.DueDocuments(f.Context(), collection.Key{Bucket: 1, ID: 1 << 30}, noon, 2)
	if err != nil || len(none) != 0 {
		f.Errorf("of no collection: %v, %v", none, err)
	}
	// An update moves the instant, or takes it away.
	f.write(put(c, "b", until(after(7))), put(c, "c", `{}`), remove(c, "a"))
	wantEqual(f, f.due(c, 6), []string{})
	wantEqual(f, f.due(c, 7), []string{"b"})
	f.mark("others")
	wantEqual(f, collections(9, 10), []string{notes})
}

// Documents that were there before are gone through, step by step, while others write.
func expiryDeclared(f fixture) {
	c := f.configure("notes", `{}`)
	for i := range 20 {
		f.write(put(c, fmt.Sprintf("%02d", i+1), until(after(i+1))))
	}
	c = f.configure("notes", `{`+untilDoc+`}`)
	wantEqual(f, statesOf(c), "$expiry building 0/20")
	if f.compile(c).Living(noon).Kept {
		f.Error("instants are kept before the build")
	}
	steps := 0
	f.finish(3, func() {
		switch steps++; steps {
		case 2:
			f.write(put(c, "02", until(after(100))), put(c, "20", until(after(100))), put(c, "n", until(after(0))))
		}
	})
	c = f.reread(c)
	if want := "$expiry ready 21/21"; statesOf(c) != want || steps < 5 || !f.compile(c).Living(noon).Kept {
		f.Errorf("%s after %d steps, want %s", statesOf(c), steps, want)
	}
	wantEqual(f, f.due(c, 3), []string{"n", "01", "03"})
	wantEqual(f, len(f.due(c, 99)), 19)
	wantEqual(f, len(f.feed(c.Bucket)), 23) // an instant is no revision

	// Another rule is in the place of the first, whichever is worked on first.
	c = f.configure("notes", `{"expiry": {"at": "doc.until", "after": "10s"}}`)
	f.write(put(c, "n", until(after(2))))
	f.finish(2, nothing)
	c = f.reread(c)
	wantEqual(f, statesOf(c), "$expiry ready 21/21")
	wantEqual(f, f.due(c, 12), []string{"01", "n"})
}

// Without a rule nothing expires, and nothing is left of the instants.
func expiryRemoved(f fixture) {
	c := f.configure("notes", `{`+untilDoc+`}`)
	for i := range 10 {
		f.write(put(c, fmt.Sprintf("%02d", i), until(after(1))))
	}
	c = f.configure("notes", `{}`)
	if f.compile(c).Living(noon).Expiry != nil {
		f.Error("documents expire still")
	}
	wantEqual(f, statesOf(c), "$expiry deleting 0/0")
	f.finish(3, nothing)
	wantEqual(f, statesOf(f.reread(c)), "")
	c = f.configure("notes", `{"expiry": {"at": "doc.other"}}`)
	wantEqual(f, f.due(c, 9), []string{}) // before anything was built
	c = f.configure("notes", `{`+untilDoc+`}`)
	f.finish(3, nothing)
	wantEqual(f, len(f.due(f.reread(c), 9)), 10)
}

// Of many who meet a document that has expired, one removes it, and one gives its id to another.
func expiryConcurrency(f fixture) {
	c := f.configure("notes", `{"indexes": [`+uniqueN+`], `+untilDoc+`}`)
	const rounds, writers = 10, 8
	var created atomic.Int64
	for round := range rounds {
		name := fmt.Sprint("d", round)
		f.write(put(c, name, fmt.Sprintf(`{"n": %d, "until": %q}`, round, after(1))))
		together(writers, func(i int) {
			w := touch(c, name)
			if i%2 == 0 {
				w = create(c, name, fmt.Sprintf(`{"n": %d}`, round))
			}
			if results, err := f.later(1, w); err == nil && results[0].Outcome == document.Created {
				created.Add(1)
			} else if i%2 == 1 && err != nil {
				f.Error(err)
			}
		})
	}
	wantEqual(f, created.Load(), int64(rounds))
	history := f.history(c.Bucket)
	wantEqual(f, len(history), 3*rounds)
	for round := range rounds {
		name := fmt.Sprint("d", round)
		wantEqual(f, history[3*round:3*round+3], []string{"c " + name + " 1", "d " + name + " 2", "c " + name + " 3"})
	}
}
