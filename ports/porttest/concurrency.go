package porttest

import (
	"errors"
	"fmt"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/ports"
)

// writers is how many callers write at once.
const writers = 20

// Concurrency are the promises to several callers at once.
func Concurrency(t *testing.T, open Open) {
	t.Helper()
	promises{
		"OneWinsByRevision": func(f fixture) {
			c := f.configure("books", `{}`)
			f.write(put(c, "a", `"first"`))
			for round := range int64(5) {
				var won atomic.Int64
				together(writers, func(i int) {
					results, err := f.Write(f.Context(), batch(unhurried(putIf(c, "a", fmt.Sprintf(`"%d %d"`, round, i), ifMatch(round+1)))))
					if err == nil {
						won.Add(1)
						wantEqual(f, results[0].Document.Revision, round+2)
						return
					}
					wantFault(f, err, fault.Stale, "document.stale")
					var stale *document.StaleError
					if errors.As(err, &stale) && stale.Current.Revision != round+2 {
						f.Errorf("refused at revision %d", stale.Current.Revision)
					}
				})
				wantEqual(f, won.Load(), int64(1))
			}
			wantEqual(f, len(f.feed(c.Bucket)), 6)
		},
		"OneCreates": func(f fixture) {
			c := f.configure("books", `{}`)
			for round := range 5 {
				var won atomic.Int64
				together(writers, func(i int) {
					w := unhurried(create(c, number(round), strconv.Itoa(i)))
					w.Fresh = i%2 == 0
					if _, err := f.Write(f.Context(), batch(w)); err == nil {
						won.Add(1)
					} else {
						wantFault(f, err, fault.Conflict, "document.exists")
					}
				})
				wantEqual(f, won.Load(), int64(1))
			}
			wantEqual(f, len(f.feed(c.Bucket)), 5)
		},
		"OneDeletes": func(f fixture) {
			c := f.filled(5)
			for round := range 5 {
				var won atomic.Int64
				together(writers, func(int) {
					if _, err := f.Write(f.Context(), batch(unhurried(remove(c, number(round))))); err == nil {
						won.Add(1)
					} else {
						wantFault(f, err, fault.NotFound, "document.notFound")
					}
				})
				wantEqual(f, won.Load(), int64(1))
			}
			wantEqual(f, len(f.feed(c.Bucket)), 10)
		},
		"NoUpdateIsLost": func(f fixture) {
			a, b := f.configure("a", `{}`), f.configure("b", `{}`)
			const rounds = 10
			together(writers, func(i int) {
				for round := range rounds {
					one, two := add(a, "one", 1), add(b, "two", 1)
					writes := []document.Write{one, two}
					if (i+round)%2 == 0 {
						writes = []document.Write{two, put(a, "flicker", strconv.Itoa(i)), remove(a, "flicker"), one}
					}
					if _, err := f.Write(f.Context(), batch(writes...)); err != nil {
						f.Error(err)
					}
				}
			})
			for _, d := range []document.Document{f.get(a, "one"), f.get(b, "two")} {
				wantEqual(f, string(d.Data), strconv.Itoa(writers*rounds))
				wantEqual(f, d.Revision, int64(writers*rounds))
			}
			wantEqual(f, len(f.feed(a.Bucket)), writers*rounds*2)
			wantEqual(f, len(f.feed(b.Bucket)), writers*rounds)
		},
		"FeedHasNoGaps": func(f fixture) {
			a, b := f.configure("a", `{}`), f.configure("b", `{}`)
			const rounds, each = 10, 3
			var read []change.Change
			// One follows while the others write: what it has read up to a position is all there will ever be.
			together(writers+1, func(i int) {
				if i < writers {
					for round := range rounds {
						name := number(i*rounds + round)
						one := batch(put(a, name, `1`), put(b, name, `1`), put(a, name+"x", `1`), put(b, name+"x", `1`), put(a, name, `2`), put(b, name, `2`))
						one.RequestID = name
						if _, err := f.Write(f.Context(), one); err != nil {
							f.Error(err)
						}
						if _, err := f.Write(f.Context(), batch(put(a, name+"y", `1`), refuse(b, name))); err == nil {
							f.Error("half a batch was written")
						}
					}
					return
				}
				for len(read) < writers*rounds*each && !f.Failed() {
					page, err := f.Changes(f.Context(), a.Bucket, change.Position(len(read)), 7)
					if err != nil {
						f.Error(err)
						return
					}
					read = append(read, page...)
				}
			})
			wantEqual(f, read, f.feed(a.Bucket))
			for _, c := range []collection.Stored{a, b} {
				feed := f.feed(c.Bucket)
				if len(feed) != writers*rounds*each {
					f.Fatalf("%d changes", len(feed))
				}
				for i := 0; i < len(feed); i += each {
					name := feed[i].RequestID
					for k, want := range []string{"c " + name + " 1", "c " + name + "x 1", "u " + name + " 2"} {
						if got := fmt.Sprintf("%c %s %d", feed[i+k].Op, feed[i+k].DocumentID, feed[i+k].Revision); got != want || feed[i+k].RequestID != name {
							f.Errorf("position %d is %q of the request %s, want %q of %s", i+k+1, got, feed[i+k].RequestID, want, name)
						}
					}
				}
			}
		},
		"ConfigurationAndWrites": func(f fixture) {
			c := f.configure("books", `{}`)
			var newest atomic.Pointer[collection.Stored]
			newest.Store(&c)
			var n atomic.Int64
			some := func(round int) {
				w := put(*newest.Load(), number(int(n.Add(1))), `1`)
				w.Fresh = round%2 == 0
				if _, err := f.Write(f.Context(), batch(w)); err != nil {
					wantError(f, err, collection.ErrChanged)
				}
			}
			var inForce []change.Position // of revision 2, 3 …
			whileDoing(func() {
				for i := range 20 {
					stored := f.configure("books", fmt.Sprintf(`{"n": %d}`, i))
					at, err := f.Position(f.Context(), c.Bucket)
					wantError(f, err, nil)
					inForce = append(inForce, at)
					newest.Store(&stored)
				}
			}, some, some, some, some)
			judgedBy := map[string]int64{}
			items, _, err := f.List(f.Context(), c.Key, all)
			wantError(f, err, nil)
			for _, d := range items {
				judgedBy[d.ID.String()] = d.SchemaRevision
			}
			for _, ch := range f.feed(c.Bucket) {
				inForceThen := int64(1)
				for i, at := range inForce {
					if at < ch.Position {
						inForceThen = int64(i + 2)
					}
				}
				if got := judgedBy[ch.DocumentID.String()]; got < inForceThen {
					f.Errorf("position %d was judged by revision %d when %d was in force", ch.Position, got, inForceThen)
				}
			}
		},
		"DeletionAndWrites": func(f fixture) {
			c := f.configure("books", `{}`)
			var at change.Position
			var marked atomic.Bool
			together(writers, func(i int) {
				if i == 0 {
					_, err := f.DeleteCollection(f.Context(), deleting("books"))
					wantError(f, err, nil)
					at, err = f.Position(f.Context(), c.Bucket)
					wantError(f, err, nil)
					marked.Store(true)
					return
				}
				for round := 0; ; round++ {
					late := marked.Load()
					if _, err := f.Write(f.Context(), batch(put(c, fmt.Sprint(i, " ", round), `1`))); err != nil {
						wantError(f, err, collection.ErrChanged)
						return
					}
					if late {
						f.Error("written although the collection is being deleted")
						return
					}
				}
			})
			wantEqual(f, len(f.feed(c.Bucket)), int(at))
		},
		"DeletionOfTheEmpty": func(f fixture) {
			for round := range 10 {
				c := f.configure(fmt.Sprint("c", round), `{}`)
				d := deleting(c.Name.String())
				d.Decide = func(_ collection.Stored, holds bool) error {
					if holds {
						return errRefused
					}
					return nil
				}
				var deleted, written error
				together(2, func(i int) {
					if i == 0 {
						_, deleted = f.DeleteCollection(f.Context(), d)
					} else {
						_, written = f.Write(f.Context(), batch(put(c, "a", `1`)))
					}
				})
				switch {
				case deleted == nil:
					wantError(f, written, collection.ErrChanged)
					wantEqual(f, f.ids(c), []string{})
				default:
					wantError(f, deleted, errRefused)
					wantError(f, written, nil)
				}
			}
		},
		"ConfigurationsInTurn": func(f fixture) {
			var created atomic.Int64
			var keys sync.Map
			together(writers, func(i int) {
				c, isNew, err := f.WriteCollection(f.Context(), configuring("books", fmt.Sprintf(`{"n": %d}`, i)))
				if err != nil {
					f.Error(err)
				}
				if isNew {
					created.Add(1)
				}
				if other, taken := keys.LoadOrStore(c.Revision, c); taken {
					f.Errorf("revision %d twice: %+v", c.Revision, other)
				}
			})
			wantEqual(f, created.Load(), int64(1))
			c, err := f.GetCollection(f.Context(), named("books"))
			wantError(f, err, nil)
			wantEqual(f, c.Revision, int64(writers))
			at, err := f.ConfigurationPosition(f.Context())
			wantError(f, err, nil)
			wantEqual(f, at, change.Position(writers))
		},
		"ExportsOfOneMoment": func(f fixture) {
			c := f.filled(150)
			transfer := func(from int) func(int) {
				return func(round int) {
					one, other := number((from+round)%150), number((from+7*round+1)%150)
					if _, err := f.Write(f.Context(), batch(add(c, one, -1), add(c, other, 1))); err != nil {
						f.Error(err)
					}
				}
			}
			whileDoing(func() {
				for range 10 {
					n, sum := 0, 0
					wantError(f, f.Export(f.Context(), c.Key, func(d document.Document) error {
						n++
						sum += valueOf(&d)
						return nil
					}), nil)
					if n != 150 || sum != 150 {
						f.Errorf("%d documents that hold %d", n, sum)
					}
				}
			}, transfer(0), transfer(40), transfer(80))
		},
		"PagesUnderWrites": func(f fixture) {
			c := f.filled(200)
			flicker := func(from int) func(int) {
				return func(round int) {
					name := number((from+7*round)%200) + "x"
					if _, err := f.Write(f.Context(), batch(put(c, name, strconv.Itoa(round)))); err != nil {
						f.Error(err)
					}
					if _, err := f.Write(f.Context(), batch(remove(c, name))); err != nil && fault.KindOf(err) != fault.NotFound {
						f.Error(err)
					}
				}
			}
			whileDoing(func() {
				for range 5 {
					var got []string
					r := ports.Range{Limit: 9, Bytes: 1 << 20}
					for more := true; more; {
						items, follow, err := f.List(f.Context(), c.Key, r)
						if err != nil || len(items) == 0 {
							break // the last of all was deleted before its page
						}
						for _, d := range items {
							if name := d.ID.String(); len(name) == 6 {
								got = append(got, name)
							}
							r.After = d.ID.String()
						}
						more = follow
					}
					// Whatever comes and goes, those that stay come once each.
					if len(got) != 200 || got[0] != number(0) || got[199] != number(199) {
						f.Errorf("a walk of %d documents", len(got))
					}
				}
			}, flicker(0), flicker(100))
		},
	}.keep(t, open)
}

// add adds to the number that a document holds.
func add(c collection.Stored, name string, n int) document.Write {
	return unhurried(write(c, name, func(current *document.Document) (document.Next, error) {
		return document.Store([]byte(strconv.Itoa(valueOf(current) + n))), nil
	}))
}

// unhurried lets others run before it decides, so that they get between, where an adapter lets them.
func unhurried(w document.Write) document.Write {
	decide := w.Change
	w.Change = func(current *document.Document) (document.Next, error) {
		runtime.Gosched()
		return decide(current)
	}
	return w
}

// valueOf is the number that a document holds, 0 for none.
func valueOf(d *document.Document) int {
	if d == nil {
		return 0
	}
	n, err := strconv.Atoi(string(d.Data))
	if err != nil {
		panic(err)
	}
	return n
}
