package postgres_test

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/anishathalye/porcupine"
	"github.com/jackc/pgx/v5"

	"github.com/sheafdb/sheaf/adapters/postgres"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
)

// Everything that clients see at once could have happened one after the other: histories of random writes, transactions and reads, by way of two processes, are linearizable
// against the rules that the domain states (document.Decide), which the memory adapter keeps too.
func TestLinearizable(t *testing.T) {
	t.Parallel()
	for seed := range uint64(6) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			observe(t, seed).run(t, 8, 40, nil)
		})
	}
}

// They are, too, while connections of the processes are killed, where nobody may know how a write ended.
//
// It fails now and then since references and the dry run came together: a known defect that is being looked for, hence nightly.
func TestLinearizable_ConnectionsKilled(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			h := observe(t, seed)
			conn, err := pgx.Connect(t.Context(), h.url)
			if err != nil {
				t.Fatal(err)
			}
			h.run(t, 8, 40, func() {
				if _, err := conn.Exec(context.Background(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'sheaf' AND datname = current_database()`); err != nil {
					t.Error(err)
				}
			})
			if err := conn.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// known are the documents of a history: two in each of two collections.
const known = 4

// fact is what the model keeps of a document.
type fact struct {
	revision, last int64 // revision 0 is no document
	value          int
}

// facts are a state of the model.
type facts [known]fact

// deed is one write of a call.
type deed struct {
	kind     string // create, put, putIf, add, remove or check
	document int
	value    int
	revision int64 // of putIf
}

// call is what a client asks for: a batch of deeds, or a reading of documents.
type call struct {
	deeds []deed
	reads []int
}

// seen is what a client sees of it.
type seen struct {
	code    string
	unknown bool // nobody knows whether it was done
	views   [known]view
}

// view is a document as it is seen.
type view struct {
	outcome  document.Outcome
	revision int64
	value    int
}

// observed is what is done to two stores of one database, and seen.
type observed struct {
	url         string
	seed        uint64
	stores      [2]*postgres.Store
	collections [2]collection.Stored

	mu         sync.Mutex
	operations []porcupine.Operation
}

func observe(t *testing.T, seed uint64) *observed {
	t.Helper()
	h := &observed{url: schema.Open(t), seed: seed}
	for i := range h.stores {
		h.stores[i] = open(t, postgres.Config{URL: h.url})
	}
	h.collections = [2]collection.Stored{mustCollection(t, h.stores[0], "one"), mustCollection(t, h.stores[0], "two")}
	return h
}

// run has clients make calls, with a disturbance now and then, and checks what they saw.
func (h *observed) run(t *testing.T, clients, calls int, disturb func()) {
	t.Helper()
	began := time.Now()
	var all sync.WaitGroup
	for client := range clients {
		random := rand.New(rand.NewPCG(h.seed, uint64(client)))
		all.Go(func() {
			var last facts // what the client saw last
			for n := range calls {
				if disturb != nil && client == 0 && n%10 == 5 {
					disturb()
				}
				c := randomCall(random, last)
				at := time.Since(began).Nanoseconds()
				s, drop := h.do(t, h.stores[(client+n)%2], c)
				if drop {
					continue
				}
				o := porcupine.Operation{ClientId: client, Input: c, Output: s, Call: at, Return: time.Since(began).Nanoseconds()}
				if s.unknown {
					o.Return = math.MaxInt64 // it may happen at any time from now on
				}
				h.mu.Lock()
				h.operations = append(h.operations, o)
				h.mu.Unlock()
				for i, v := range s.views {
					if v.revision > 0 {
						last[i].revision = v.revision
					}
				}
			}
		})
	}
	all.Wait()
	codes := map[string]int{}
	for _, o := range h.operations {
		codes[o.Output.(seen).code]++
	}
	if result := porcupine.CheckOperationsTimeout(model, h.operations, time.Minute); result != porcupine.Ok {
		t.Errorf("seed %d: %s", h.seed, result)
	}
	t.Logf("%d operations in %v: %v", len(h.operations), time.Since(began), codes)
}

// randomCall is a read, a write or a transaction. Most are about the same few documents, so that they meet.
func randomCall(r *rand.Rand, last facts) call {
	if r.IntN(4) == 0 {
		first := 2 * r.IntN(2) // of one collection, as they were at one moment
		return call{reads: [][]int{{first}, {first + 1}, {first, first + 1}}[r.IntN(3)]}
	}
	var c call
	for range 1 + r.IntN(2)*r.IntN(3) {
		d := deed{kind: []string{"create", "put", "putIf", "add", "add", "remove", "check"}[r.IntN(7)], document: r.IntN(known), value: r.IntN(100)}
		d.revision = max(1, last[d.document].revision)
		c.deeds = append(c.deeds, d)
	}
	return c
}

// change is what a deed means for its document.
func (d deed) change(c ident.Collection, name ident.Document) document.Change {
	data := []byte(strconv.Itoa(d.value))
	switch d.kind {
	case "create":
		return document.Create(c, name, document.AsIs(data))
	case "put":
		return document.Put(document.AsIs(data), document.Precondition{})
	case "putIf":
		return document.Put(document.AsIs(data), document.Precondition{Match: &document.Condition{Revisions: []int64{d.revision}}})
	case "remove":
		return document.Delete(c, name, document.Precondition{})
	case "check":
		return document.Check(c, name, document.Precondition{})
	}
	return func(current *document.Document) (document.Next, error) {
		if current == nil {
			return document.Next{}, document.NotFound(c, name)
		}
		return document.Store([]byte(strconv.Itoa(valueOf(current.Data) + d.value))), nil
	}
}

func valueOf(data []byte) int {
	n, err := strconv.Atoi(string(data))
	if err != nil {
		panic(err)
	}
	return n
}

func nameOf(i int) ident.Document { return id("d" + strconv.Itoa(i)) }

// do makes a call. What nobody saw anything of, and surely did nothing, is dropped.
func (h *observed) do(t *testing.T, s *postgres.Store, c call) (result seen, drop bool) {
	t.Helper()
	ctx := context.Background()
	if c.deeds == nil {
		var names []ident.Document
		for _, i := range c.reads {
			names = append(names, nameOf(i))
		}
		found, err := s.GetAll(ctx, h.collections[c.reads[0]/2].Key, names)
		for _, d := range found {
			i := slices.Index(names, d.ID)
			result.views[c.reads[i]] = view{revision: d.Revision, value: valueOf(d.Data)}
		}
		return result, err != nil
	}
	b := batch()
	for _, d := range c.deeds {
		in := h.collections[d.document/2]
		b.Writes = append(b.Writes, document.Write{Collection: in.Version(), ID: nameOf(d.document), Change: d.change(in.Name, nameOf(d.document))})
	}
	results, err := s.Write(ctx, b)
	if err != nil {
		if kind := fault.KindOf(err); kind == fault.Internal {
			t.Errorf("got %v", err)
		}
		code := fault.CodeOf(err)
		return seen{code: code, unknown: code == "write.unknown"}, fault.KindOf(err) == fault.Unavailable && code != "write.unknown"
	}
	for i, r := range results {
		result.views[c.deeds[i].document] = viewOf(r.Outcome, r.Document)
	}
	return result, false
}

func viewOf(o document.Outcome, d document.Document) view {
	v := view{outcome: o, revision: d.Revision}
	if d.Revision > 0 && d.Data != nil {
		v.value = valueOf(d.Data)
	}
	return v
}

// model does one call after the other.
var model = porcupine.Model{
	Init: func() any { return facts{} },
	Step: func(state, input, output any) (bool, any) {
		before, c, s := state.(facts), input.(call), output.(seen)
		if c.deeds == nil {
			for _, i := range c.reads {
				if s.views[i] != (view{revision: before[i].revision, value: before[i].value}) {
					return false, before
				}
			}
			return true, before
		}
		after, views, code := before.apply(c.deeds)
		switch {
		case s.unknown:
			return true, after
		case code != s.code:
			return false, before
		case code != "":
			return true, before
		}
		return views == s.views, after
	},
	DescribeOperation: func(input, output any) string { return fmt.Sprintf("%+v -> %+v", input, output) },
}

// apply does the deeds by the rules of the domain, all or none.
func (f facts) apply(deeds []deed) (after facts, views [known]view, code string) {
	after = f
	for _, d := range deeds {
		k := &after[d.document]
		var current *document.Document
		if k.revision > 0 {
			current = &document.Document{ID: nameOf(d.document), Revision: k.revision, Data: []byte(strconv.Itoa(k.value))}
		}
		w := document.Write{ID: nameOf(d.document), Change: d.change(ident.Collection{}, nameOf(d.document))}
		t, err := document.Decide(w, current, k.last, noon)
		if err != nil {
			return f, views, fault.CodeOf(err)
		}
		if t.Outcome == document.Deleted {
			views[d.document] = view{document.Deleted, k.revision, k.value}
			*k = fact{last: t.Document.Revision}
			continue
		}
		views[d.document] = viewOf(t.Outcome, t.Document)
		if t.Document.Revision > 0 {
			*k = fact{t.Document.Revision, t.Document.Revision, views[d.document].value}
		}
	}
	return after, views, ""
}

// The checker would find it if one of two writes at once were lost, or if a read came too late.
func TestLinearizable_Finds(t *testing.T) {
	t.Parallel()
	add := call{deeds: []deed{{kind: "add", value: 1}}}
	created := porcupine.Operation{Input: call{deeds: []deed{{kind: "create"}}}, Output: seen{views: [known]view{{document.Created, 1, 0}}}, Call: 0, Return: 1}
	updated := func(revision int64, value int, at int64) porcupine.Operation {
		return porcupine.Operation{Input: add, Output: seen{views: [known]view{{document.Updated, revision, value}}}, Call: at, Return: at + 5}
	}
	read := func(revision int64, value int, at int64) porcupine.Operation {
		return porcupine.Operation{Input: call{reads: []int{0}}, Output: seen{views: [known]view{{revision: revision, value: value}}}, Call: at, Return: at + 1}
	}
	for _, test := range []struct {
		name string
		of   []porcupine.Operation
		want bool
	}{
		{"one after the other", []porcupine.Operation{created, updated(2, 1, 2), updated(3, 2, 2), read(3, 2, 9)}, true},
		{"lost", []porcupine.Operation{created, updated(2, 1, 2), updated(2, 1, 2)}, false},
		{"old", []porcupine.Operation{created, updated(2, 1, 2), read(1, 0, 9)}, false},
	} {
		if got := porcupine.CheckOperations(model, test.of); got != test.want {
			t.Errorf("%s: %v", test.name, got)
		}
	}
}
