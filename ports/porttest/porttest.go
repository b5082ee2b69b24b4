// Package porttest has the promises of package ports as tests: one suite, run on every adapter.
//
// Store runs all of it; the functions beside it run the parts, for an adapter that repeats some of them in several settings. Each test of a part has an empty store
// of its own, and runs in parallel with the others. Agree compares two stores by random sequences of operations.
//
// What cannot be seen through the ports is left to the tests of an adapter: that an acknowledged write survives the end of the process, and how much an export
// holds in memory.
package porttest

import (
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/ports"
)

// Open returns an empty store that is closed when the test ends. It is called by parallel tests.
type Open func(tb testing.TB) ports.Store

// Capability is something that an adapter may leave out.
type Capability string

// Text is the search for words: what makes words of a text is the matter of a whole library.
const Text Capability = "text"

// Without is what an adapter leaves out.
type Without Capability

// Store runs every part of the suite, but for what the adapter leaves out.
func Store(t *testing.T, open Open, without ...Without) {
	t.Helper()
	if slices.Contains(without, Without(Text)) {
		t.Run("Words", func(t *testing.T) { NoWords(t, open) })
	} else {
		t.Run("Words", func(t *testing.T) { Words(t, open) })
	}
	t.Run("Collections", func(t *testing.T) { Collections(t, open) })
	t.Run("Documents", func(t *testing.T) { Documents(t, open) })
	t.Run("Find", func(t *testing.T) { Find(t, open) })
	t.Run("Aggregate", func(t *testing.T) { Aggregate(t, open) })
	t.Run("Writes", func(t *testing.T) { Writes(t, open) })
	t.Run("Indexes", func(t *testing.T) { Indexes(t, open) })
	t.Run("References", func(t *testing.T) { References(t, open) })
	t.Run("Expiry", func(t *testing.T) { Expiry(t, open) })
	t.Run("Receipts", func(t *testing.T) { Receipts(t, open) })
	t.Run("Changes", func(t *testing.T) { Changes(t, open) })
	t.Run("News", func(t *testing.T) { News(t, open) })
	t.Run("Recent", func(t *testing.T) { Recent(t, open) })
	t.Run("History", func(t *testing.T) { History(t, open) })
	t.Run("Operations", func(t *testing.T) { Operations(t, open) })
	t.Run("Followers", func(t *testing.T) { Followers(t, open) })
	t.Run("Export", func(t *testing.T) { Export(t, open) })
	t.Run("Purge", func(t *testing.T) { Purge(t, open) })
	t.Run("Concurrency", func(t *testing.T) { Concurrency(t, open) })
	t.Run("Volume", func(t *testing.T) { Volume(t, open) })
}

// promises are tests by what they are about.
type promises map[string]func(f fixture)

// fixture is an empty store with the test around it.
type fixture struct {
	*testing.T
	ports.Store
}

// keep runs each test on a store of its own.
func (p promises) keep(t *testing.T, open Open) {
	t.Helper()
	for name, test := range p {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(fixture{t, open(t)})
		})
	}
}

func seconds(n int) time.Duration { return time.Duration(n) * time.Second }

// noon is when everything happens.
var noon = time.Date(2026, 11, 24, 12, 0, 0, 123_456_000, time.UTC)

// errRefused is an error that no adapter knows.
var errRefused = errors.New("refused")

var (
	ann = change.Origin{Actor: "ann", RequestID: "r1"} // who changes configurations
	bo  = change.Origin{Actor: "bo", RequestID: "r2"}  // who writes documents
)

func named(s string) ident.Collection {
	name, err := ident.ParseCollection(s)
	if err != nil {
		panic(err)
	}
	return name
}

func id(s string) ident.Document {
	d, err := ident.ParseDocument(s)
	if err != nil {
		panic(err)
	}
	return d
}

// configuring makes text the configuration.
func configuring(name, text string) ports.CollectionChange {
	return ports.CollectionChange{
		Name: named(name), At: noon, Origin: ann, Decide: func(*collection.Stored) ([]byte, error) { return []byte(text), nil },
	}
}

// deleting deletes a collection, whatever it holds.
func deleting(name string) ports.CollectionDeletion {
	return ports.CollectionDeletion{Name: named(name), At: noon, Origin: ann, Decide: func(collection.Stored, bool) error { return nil }}
}

// configure makes text the configuration of a collection.
func (f fixture) configure(name, text string) collection.Stored {
	f.Helper()
	stored, _, err := f.WriteCollection(f.Context(), configuring(name, text))
	if err != nil {
		f.Fatal(err)
	}
	return stored
}

// mark marks a collection as being deleted.
func (f fixture) mark(name string) collection.Stored {
	f.Helper()
	stored, err := f.DeleteCollection(f.Context(), deleting(name))
	if err != nil {
		f.Fatal(err)
	}
	return stored
}

// purge removes a collection that is being deleted, in steps of that size.
func (f fixture) purge(key collection.Key, limit int) {
	f.Helper()
	for range 10_000 {
		done, err := f.PurgeCollection(f.Context(), key, limit)
		if err != nil {
			f.Fatal(err)
		}
		if done {
			return
		}
	}
	f.Fatal("purging does not end")
}

// sharing creates collections until two of them are in the same bucket, and returns these two.
func (f fixture) sharing() (a, b collection.Stored) {
	f.Helper()
	in := map[int32]collection.Stored{}
	for i := range change.Buckets + 1 {
		c := f.configure(fmt.Sprint("c", i), `{}`)
		if other, taken := in[c.Bucket]; taken {
			return other, c
		}
		in[c.Bucket] = c
	}
	f.Fatal("there are more buckets than there can be")
	return a, b
}

// write is a change of a document that was judged by the collection as it is in c.
func write(c collection.Stored, name string, does document.Change) document.Write {
	return document.Write{Collection: c.Version(), Indexes: setOf(c), ID: id(name), Change: does}
}

func create(c collection.Stored, name, data string) document.Write {
	return write(c, name, document.Create(c.Name, id(name), document.AsIs([]byte(data))))
}

func put(c collection.Stored, name, data string) document.Write {
	return write(c, name, document.Put(document.AsIs([]byte(data)), document.Precondition{}))
}

func putIf(c collection.Stored, name, data string, pre document.Precondition) document.Write {
	return write(c, name, document.Put(document.AsIs([]byte(data)), pre))
}

func remove(c collection.Stored, name string) document.Write {
	return write(c, name, document.Delete(c.Name, id(name), document.Precondition{}))
}

func removeIf(c collection.Stored, name string, pre document.Precondition) document.Write {
	return write(c, name, document.Delete(c.Name, id(name), pre))
}

func leave(c collection.Stored, name string) document.Write {
	return write(c, name, func(*document.Document) (document.Next, error) { return document.Keep(), nil })
}

func refuse(c collection.Stored, name string) document.Write {
	return write(c, name, func(*document.Document) (document.Next, error) { return document.Next{}, errRefused })
}

// fresh is the write of an id that is believed to be new.
func fresh(w document.Write) document.Write {
	w.Fresh = true
	return w
}

func ifMatch(revisions ...int64) document.Precondition {
	return document.Precondition{Match: &document.Condition{Revisions: revisions}}
}

var (
	ifAny  = document.Precondition{Match: &document.Condition{Any: true}}
	ifNone = document.Precondition{NoneMatch: &document.Condition{Any: true}}
)

func batch(writes ...document.Write) document.Batch {
	return document.Batch{Origin: bo, At: noon, Writes: writes}
}

// write makes the writes as one batch.
func (f fixture) write(writes ...document.Write) []document.Result {
	f.Helper()
	results, err := f.Write(f.Context(), batch(writes...))
	if err != nil {
		f.Fatal(err)
	}
	if len(results) != len(writes) {
		f.Fatalf("%d results of %d writes", len(results), len(writes))
	}
	return results
}

// one makes one write and returns its result.
func (f fixture) one(w document.Write) document.Result {
	f.Helper()
	return f.write(w)[0]
}

// refused makes the writes as one batch and returns the error, which there has to be; nothing may have changed.
func (f fixture) refused(writes ...document.Write) error {
	f.Helper()
	before := f.picture()
	results, err := f.Write(f.Context(), batch(writes...))
	if err == nil {
		f.Errorf("written: %v", results)
	}
	f.wantSame(before)
	return err
}

// get returns a document that has to be there.
func (f fixture) get(c collection.Stored, name string) document.Document {
	f.Helper()
	d, err := f.Get(f.Context(), c.Key, id(name))
	if err != nil {
		f.Fatal(err)
	}
	return d
}

// all is a range that no test fills.
var all = ports.Range{Limit: 1 << 20, Bytes: 1 << 30}

// ids returns the ids of a collection in the order of its list.
func (f fixture) ids(c collection.Stored) []string {
	f.Helper()
	items, more, err := f.List(f.Context(), c.Key, all)
	if err != nil || more {
		f.Fatalf("more: %v, %v", more, err)
	}
	return idsOf(items)
}

func idsOf(items []document.Document) []string {
	list := []string{}
	for _, d := range items {
		list = append(list, d.ID.String())
	}
	return list
}

// feed returns the changes of a bucket, having checked that their positions are 1, 2, 3 … up to where the bucket is.
func (f fixture) feed(bucket int32) []change.Change {
	f.Helper()
	list, err := f.Changes(f.Context(), bucket, 0, 1<<20)
	if err != nil {
		f.Fatal(err)
	}
	for i, c := range list {
		if int(c.Position) != i+1 {
			f.Fatalf("position %d is the %d. of its bucket", c.Position, i+1)
		}
	}
	if at, err := f.Position(f.Context(), bucket); err != nil || int(at) != len(list) {
		f.Fatalf("the bucket is at %d after %d changes, %v", at, len(list), err)
	}
	return list
}

// history returns the changes of a bucket as op, id and revision.
func (f fixture) history(bucket int32) []string {
	f.Helper()
	list := []string{}
	for _, c := range f.feed(bucket) {
		list = append(list, fmt.Sprintf("%c %s %d", c.Op, c.DocumentID, c.Revision))
	}
	return list
}

// wantFault wants an error of that kind and code.
func wantFault(tb testing.TB, err error, kind fault.Kind, code string) {
	tb.Helper()
	if err == nil || fault.KindOf(err) != kind || fault.CodeOf(err) != code {
		tb.Errorf("got %v (kind %d, code %q), want kind %d and code %q", err, fault.KindOf(err), fault.CodeOf(err), kind, code)
	}
}

// wantError wants that very error.
func wantError(tb testing.TB, err, want error) {
	tb.Helper()
	if !errors.Is(err, want) {
		tb.Errorf("got %v, want %v", err, want)
	}
}

// wantEqual compares by value.
func wantEqual(tb testing.TB, got, want any) {
	tb.Helper()
	if !reflect.DeepEqual(got, want) {
		tb.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// panics says what do panics with, nil when it does not.
func panics(do func()) (value any) {
	defer func() { value = recover() }()
	do()
	return nil
}

// together runs do n times at once, and returns when all are done. Nobody begins before all are there.
func together(n int, do func(i int)) {
	var wg sync.WaitGroup
	begin := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-begin
			do(i)
		})
	}
	close(begin)
	wg.Wait()
}

// whileDoing runs others, again and again, until do returns.
func whileDoing(do func(), others ...func(round int)) {
	var wg sync.WaitGroup
	done := make(chan struct{})
	for _, other := range others {
		wg.Go(func() {
			for round := 0; ; round++ {
				select {
				case <-done:
					return
				default:
					other(round)
				}
			}
		})
	}
	defer wg.Wait()
	defer close(done) // also when do gives up the test
	do()
}
