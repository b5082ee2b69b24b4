package porttest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/query"
	"github.com/sheafdb/sheaf/ports"
)

// Steps of a sequence, and how many pass before everything is compared.
const (
	agreeSteps   = 300
	agreePicture = 50
)

// Agree makes the same random sequence of some hundred operations on two stores, which are empty, and compares every answer, every fault by kind and code,
// and again and again everything that is stored. Collections get the same keys in both: adapters deal them out in turn.
// A seed stands for one sequence; a failure tells the seed and the operations that led to it.
func Agree(t *testing.T, model, other ports.Store, seed uint64) {
	t.Helper()
	w := &walk{T: t, model: model, other: other, random: rand.New(rand.NewPCG(seed, 0)), buckets: map[int32]bool{}, at: noon}
	defer func() {
		if t.Failed() {
			t.Logf("seed %d; the last operations were\n%s", seed, strings.Join(w.log[max(0, len(w.log)-20):], "\n"))
		}
	}()
	for i := range 3 {
		w.configure(collectionNames[i])
	}
	for step := range agreeSteps {
		w.step()
		if step%agreePicture == agreePicture-1 {
			w.compareAll()
		}
		if t.Failed() {
			return
		}
	}
}

// walk is one sequence on its way.
type walk struct {
	*testing.T
	model, other ports.Store
	random       *rand.Rand
	log          []string
	// known are the versions of collections that were ever in force, the newest last.
	known   []collection.Stored
	buckets map[int32]bool
	at      time.Time
}

// answer is what an operation returned.
type answer struct {
	value any
	err   error
}

// both performs an operation on both stores and returns what the model says.
func (w *walk) both(what string, do func(context.Context, ports.Store) (any, error)) answer {
	w.Helper()
	w.log = append(w.log, what)
	value, err := do(w.Context(), w.model)
	want := answer{value, err}
	value, err = do(w.Context(), w.other)
	got := answer{value, err}
	if !sameError(got.err, want.err) {
		w.Fatalf("%s: got %v (%v), want %v (%v)", what, got.err, got.value, want.err, want.value)
	}
	if want.err == nil && !reflect.DeepEqual(got.value, want.value) {
		w.Fatalf("%s:\ngot  %+v\nwant %+v", what, got.value, want.value)
	}
	return want
}

// sameError compares faults by kind, code and the document or the duplicates that they carry, and other errors as they are.
func sameError(got, want error) bool {
	if got == nil || want == nil || fault.Find(want) == nil {
		return (got == nil) == (want == nil) && errors.Is(got, want)
	}
	var a, b *document.StaleError
	if errors.As(got, &a) != errors.As(want, &b) || a != nil && !reflect.DeepEqual(a.Current, b.Current) {
		return false
	}
	var c, d *document.DuplicateError
	if errors.As(got, &c) != errors.As(want, &d) || c != nil && !reflect.DeepEqual(c.Duplicates, d.Duplicates) {
		return false
	}
	return fault.KindOf(got) == fault.KindOf(want) && fault.CodeOf(got) == fault.CodeOf(want)
}

func pick[T any](w *walk, list []T) T { return list[w.random.IntN(len(list))] }

// often says yes once in n times.
func (w *walk) often(n int) bool { return w.random.IntN(n) == 0 }

// step performs one random operation.
func (w *walk) step() {
	w.Helper()
	switch n := w.random.IntN(100); {
	case n < 55:
		w.write()
	case n < 63:
		w.configure(pick(w, collectionNames))
	case n < 67:
		w.delete(pick(w, collectionNames))
	case n < 70:
		w.purge()
	case n < 76:
		w.finish()
	default:
		w.read()
	}
}

// clock is when an operation happens: mostly later, now and then earlier, and finer than what is kept.
func (w *walk) clock() time.Time {
	w.at = w.at.Add(time.Duration(w.random.IntN(5000)-1000) * time.Microsecond)
	return w.at.Add(time.Duration(w.random.IntN(1000)))
}

func (w *walk) origin() change.Origin {
	return change.Origin{Actor: pick(w, []string{"ann", "bo", ""}), RequestID: fmt.Sprint("r", len(w.log))}
}

// What the sequences are about: few of each, so that they meet.
var (
	collectionNames = []string{"books", "a", "a-b", "a_b"}
	documentIDs     = []string{"a", "aa", "B", "é", "~", "a b", "\U00010000", "ｆ"}
	// Canonical texts.
	configurations = []string{
		`{}`, `{"n": 1}`, `{"description": "it's \"quoted\" \\ $1"}`, `{"indexes": [` + uniqueN + `, ` + byTags + `]}`, `{"n": 1, "indexes": [` + uniqueN + `]}`,
	}
	datas = []string{`1`, `{}`, `{"n": 1.10}`, `{"n": 1.1}`, `{"n": 2, "tags": ["x", 1.0]}`, `{"tags": ["y", "x", "y"]}`, `{"a": [null, true, "é\n"], "bb": {}}`, `"` + strings.Repeat("x", 100) + `"`}
)

func (w *walk) configure(name string) {
	w.Helper()
	text, refused := pick(w, configurations), w.often(10)
	c := ports.CollectionChange{Name: named(name), At: w.clock(), Origin: w.origin(), Decide: func(*collection.Stored) ([]byte, error) {
		if refused {
			return nil, errRefused
		}
		return []byte(text), nil
	}}
	type written struct {
		stored  collection.Stored
		created bool
	}
	got := w.both(fmt.Sprintf("configure %s as %s, refused: %v", name, text, refused), func(ctx context.Context, s ports.Store) (any, error) {
		stored, created, err := s.WriteCollection(ctx, c)
		return written{stored, created}, err
	})
	if got.err == nil {
		w.learn(got.value.(written).stored)
	}
}

func (w *walk) learn(c collection.Stored) {
	w.known = append(w.known, c)
	w.buckets[c.Bucket] = true
}

func (w *walk) delete(name string) {
	w.Helper()
	force := w.often(3)
	d := ports.CollectionDeletion{Name: named(name), At: w.clock(), Origin: w.origin(), Decide: func(_ collection.Stored, holds bool) error {
		if holds && !force {
			return errRefused
		}
		return nil
	}}
	got := w.both(fmt.Sprintf("delete %s, force: %v", name, force), func(ctx context.Context, s ports.Store) (any, error) { return s.DeleteCollection(ctx, d) })
	if got.err == nil {
		w.learn(got.value.(collection.Stored))
	}
}

// purge purges to the end: how much a step removes, and of what, is the adapter's.
func (w *walk) purge() {
	w.Helper()
	c := pick(w, w.known)
	if some := w.both("deleting", func(ctx context.Context, s ports.Store) (any, error) { return s.DeletingCollections(ctx, 10) }).value.([]collection.Stored); len(some) > 0 && w.often(2) {
		c = some[0]
	}
	limit := 1 + w.random.IntN(20)
	w.both(fmt.Sprintf("purge %v", c.Key), func(ctx context.Context, s ports.Store) (any, error) {
		for {
			if done, err := s.PurgeCollection(ctx, c.Key, limit); err != nil || done {
				return done, err
			}
		}
	})
}

// finish takes some steps with what is unfinished. Those that remove an index go to the end: how much a step removes is the adapter's.
func (w *walk) finish() {
	w.Helper()
	list := w.both("unfinished", func(ctx context.Context, s ports.Store) (any, error) { return s.UnfinishedIndexes(ctx, 10) }).value.([]ports.UnfinishedIndex)
	limit, at := 1+w.random.IntN(3), w.clock()
	for _, x := range list {
		w.both(fmt.Sprintf("finish %+v", x), func(ctx context.Context, s ports.Store) (any, error) {
			if x.State == index.Building {
				return s.BuildIndex(ctx, build(x, at, limit))
			}
			for {
				if done, err := s.PurgeIndex(ctx, x.Key, x.ID, limit); err != nil || done {
					return done, err
				}
			}
		})
	}
}

func (w *walk) write() {
	w.Helper()
	b := document.Batch{Origin: w.origin(), At: w.clock()}
	what := "write"
	for range 1 + w.random.IntN(1+w.random.IntN(6)) {
		c := w.recent()
		one, said := w.oneWrite(c, pick(w, documentIDs))
		one.Fresh = w.often(4)
		b.Writes = append(b.Writes, one)
		what += fmt.Sprintf("\n\tin %s at %d of %v: %s, fresh: %v", c.Name, c.Revision, c.Key, said, one.Fresh)
	}
	w.both(what, func(ctx context.Context, s ports.Store) (any, error) { return s.Write(ctx, b) })
}

// recent returns a version of a collection, most often the one that is in force.
func (w *walk) recent() collection.Stored {
	c := pick(w, w.known)
	now, err := w.model.GetCollection(w.Context(), c.Name)
	// The indexes of a version that is in force are those of now: what becomes of an index that has failed is the adapter's.
	if err != nil || w.often(15) && now.Version() != c.Version() {
		return c
	}
	return now
}

func (w *walk) oneWrite(c collection.Stored, name string) (one document.Write, what string) {
	data, pre, condition := pick(w, datas), document.Precondition{}, ""
	if w.often(3) {
		revisions := []int64{c.Base + 1 + w.random.Int64N(4), c.Base + 1 + w.random.Int64N(8)}
		pre = pick(w, []document.Precondition{ifAny, ifNone, ifMatch(revisions...), {NoneMatch: &document.Condition{Revisions: revisions}}})
		condition = fmt.Sprintf(" if %+v %+v", pre.Match, pre.NoneMatch)
	}
	switch n := w.random.IntN(20); {
	case n < 5:
		return create(c, name, data), fmt.Sprintf("create %q as %s", name, data)
	case n < 13:
		return putIf(c, name, data, pre), fmt.Sprintf("put %q as %s%s", name, data, condition)
	case n < 17:
		return removeIf(c, name, pre), fmt.Sprintf("remove %q%s", name, condition)
	case n < 18:
		return leave(c, name), fmt.Sprintf("leave %q", name)
	case n < 19:
		return write(c, name, func(*document.Document) (document.Next, error) { return document.Remove(), nil }), fmt.Sprintf("remove %q if there", name)
	}
	return refuse(c, name), fmt.Sprintf("refuse %q", name)
}

// read asks one random question.
func (w *walk) read() {
	w.Helper()
	c, name, limit, after := pick(w, w.known), pick(w, documentIDs), 1+w.random.IntN(6), w.random.IntN(10)
	kind := pick(w, []query.CountKind{query.CountExact, query.CountCapped})
	asOf := w.at.Add(-time.Duration(w.random.IntN(50_000)) * time.Microsecond)
	r := ports.Range{After: pick(w, append([]string{"", "a0"}, documentIDs...)), Limit: limit, Bytes: 1 + w.random.IntN(400)}
	ask := pick(w, []func(context.Context, ports.Store) (any, error){
		func(ctx context.Context, s ports.Store) (any, error) { return s.GetCollection(ctx, c.Name) },
		func(ctx context.Context, s ports.Store) (any, error) {
			return s.ListCollections(ctx, c.Name.String(), limit)
		},
		func(ctx context.Context, s ports.Store) (any, error) {
			return s.ListCollectionRevisions(ctx, c.Key, int64(after), limit)
		},
		func(ctx context.Context, s ports.Store) (any, error) {
			names, last, err := s.ConfigurationChanges(ctx, change.Position(after), limit)
			return []any{names, last}, err
		},
		func(ctx context.Context, s ports.Store) (any, error) { return s.Get(ctx, c.Key, id(name)) },
		func(ctx context.Context, s ports.Store) (any, error) {
			items, more, err := s.List(ctx, c.Key, r)
			return []any{items, more}, err
		},
		func(ctx context.Context, s ports.Store) (any, error) { return s.Count(ctx, c.Key, kind) },
		func(ctx context.Context, s ports.Store) (any, error) {
			return s.Changes(ctx, c.Bucket, change.Position(after), limit)
		},
		func(ctx context.Context, s ports.Store) (any, error) {
			items, more, err := s.ListRevisions(ctx, c.Key, id(name), ports.RevisionRange{Before: int64(after), Limit: limit, Bytes: r.Bytes, WithoutData: after%2 == 0})
			return []any{items, more}, err
		},
		func(ctx context.Context, s ports.Store) (any, error) {
			return s.GetRevision(ctx, c.Key, id(name), int64(after))
		},
		func(ctx context.Context, s ports.Store) (any, error) { return s.GetAsOf(ctx, c.Key, id(name), asOf) },
		func(ctx context.Context, s ports.Store) (any, error) {
			var list []document.Document
			err := s.Export(ctx, c.Key, func(d document.Document) error {
				d.Data = append([]byte{}, d.Data...)
				list = append(list, d)
				return nil
			})
			return list, err
		},
	})
	w.both(fmt.Sprintf("read of %s %v, document %q, %+v, after %d", c.Name, c.Key, name, r, after), ask)
}

// compareAll compares everything that is stored.
func (w *walk) compareAll() {
	w.Helper()
	var buckets []int32
	for b := range w.buckets {
		buckets = append(buckets, b)
	}
	want, err := pictureOf(w.Context(), w.model, buckets...)
	if err != nil {
		w.Fatal(err)
	}
	got, err := pictureOf(w.Context(), w.other, buckets...)
	if err != nil {
		w.Fatal(err)
	}
	wantSamePicture(w.T, got, want)
}
