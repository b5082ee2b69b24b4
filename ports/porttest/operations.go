package porttest

import (
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/operation"
	"github.com/sheafdb/sheaf/domain/receipt"
	"github.com/sheafdb/sheaf/ports"
)

// Operations are the promises about operations.
func Operations(t *testing.T, open Open) {
	t.Helper()
	operationsKept.keep(t, open)
	operationsStepped.keep(t, open)
	operationsReversed.keep(t, open)
}

func operationID(s string) ident.Operation {
	id, err := ident.ParseOperation(s)
	if err != nil {
		panic(err)
	}
	return id
}

// order asks for an operation on a collection.
func (f fixture) order(name string, c collection.Stored) operation.Operation {
	f.Helper()
	o := operation.New(operationID(name), operation.Update, c, []byte(`{"n": 1.10, "filter": "true"}`), ann, noon)
	if err := f.InsertOperation(f.Context(), o, nil); err != nil {
		f.Fatal(err)
	}
	return o
}

// take claims an operation for ten seconds from a moment on; nil is none.
func (f fixture) take(holder string, at time.Time) *operation.Operation {
	f.Helper()
	o, found, err := f.ClaimOperation(f.Context(), operation.Claim{Holder: holder, At: at, Until: at.Add(seconds(10))})
	if err != nil {
		f.Fatal(err)
	}
	if !found {
		return nil
	}
	return &o
}

// mustTake claims the operation, which has to be the next.
func (f fixture) mustTake(id string) operation.Operation {
	f.Helper()
	o := f.take("h-"+id, noon)
	if o == nil || o.ID != operationID(id) {
		f.Fatalf("claimed %v, want %s", o, id)
	}
	return *o
}

// stepOn is an operation after one step more.
func stepOn(o operation.Operation) operation.Operation { return o.Next(noon.Add(seconds(10))) }

// stands returns an operation as it is now.
func (f fixture) stands(id ident.Operation) operation.Operation {
	f.Helper()
	o, err := f.GetOperation(f.Context(), id)
	if err != nil {
		f.Fatal(err)
	}
	return o
}

// namesOf are the ids of operations.
func namesOf(list []operation.Operation) []string {
	names := []string{}
	for _, o := range list {
		names = append(names, o.ID.String())
	}
	return names
}

func failures(names ...string) []operation.Failure {
	list := []operation.Failure{}
	for _, name := range names {
		list = append(list, operation.Failure{
			ID: id(name), Fault: operation.Fault{Code: "document.invalid", Message: "no"},
			Violations: []fault.Violation{{In: "body", Pointer: "/n", Code: "type", Message: "must be a string", Params: map[string]any{"type": "string"}}},
		})
	}
	return list
}

var operationsKept = promises{
	"Operations/Inserted": func(f fixture) {
		c := f.configure("books", `{}`)
		o := f.order("o1", c)
		wantEqual(f, f.stands(o.ID), o)
		wantFault(f, f.InsertOperation(f.Context(), o, nil), fault.Conflict, "operation.exists")
		_, err := f.GetOperation(f.Context(), operationID("o2"))
		wantFault(f, err, fault.NotFound, "operation.notFound")
	},
	"Operations/InsertedWithReceipt": func(f fixture) {
		c := f.configure("books", `{}`)
		first := claim("k", 1)
		f.claim(first)
		insert := func(name string, by receipt.Claim) error {
			o := operation.New(operationID(name), operation.Update, c, []byte(`{}`), ann, noon)
			return f.InsertOperation(f.Context(), o, &receipt.Pending[operation.Operation]{Claim: by, Outcome: func(o operation.Operation) receipt.Outcome {
				return answered(o.ID.String())
			}})
		}
		wantError(f, insert("o1", first), nil)
		stored, claimed := f.claim(claim("k", 2))
		wantEqual(f, claimed, false)
		wantEqual(f, stored, receipt.Stored{Claim: first, Outcome: answered("o1")})
		// Neither is there without the other.
		wantError(f, insert("o2", first), receipt.ErrLost)
		_, err := f.GetOperation(f.Context(), operationID("o2"))
		wantFault(f, err, fault.NotFound, "operation.notFound")
		other := claim("l", 3)
		f.claim(other)
		wantFault(f, insert("o1", other), fault.Conflict, "operation.exists")
		wantError(f, f.SettleReceipt(f.Context(), other, answered("done")), nil)
	},
	"Operations/Listed": func(f fixture) {
		books, maps := f.configure("books", `{}`), f.configure("maps", `{}`)
		for i := range 5 {
			f.order(fmt.Sprint("b", i), books)
			f.order(fmt.Sprint("m", i), maps)
		}
		f.mustTake("b0")
		list := func(r ports.OperationRange) []string {
			f.Helper()
			found, err := f.ListOperations(f.Context(), r)
			wantError(f, err, nil)
			return namesOf(found)
		}
		wantEqual(f, list(ports.OperationRange{Limit: 3}), []string{"m4", "m3", "m2"})
		wantEqual(f, list(ports.OperationRange{Limit: 3, Before: operationID("m0")}), []string{"b4", "b3", "b2"})
		wantEqual(f, list(ports.OperationRange{Limit: 9, Collection: books.Name}), []string{"b4", "b3", "b2", "b1", "b0"})
		wantEqual(f, list(ports.OperationRange{Limit: 9, State: operation.Running}), []string{"b0"})
		wantEqual(f, list(ports.OperationRange{Limit: 9, State: operation.Queued, Collection: books.Name, Before: operationID("b3")}), []string{"b2", "b1"})
		wantEqual(f, list(ports.OperationRange{Limit: 9, Collection: named("ghosts")}), []string{})
	},
	"Operations/ClaimedInOrder": func(f fixture) {
		books, maps := f.configure("books", `{}`), f.configure("maps", `{}`)
		if o := f.take("h", noon); o != nil {
			f.Fatalf("claimed %v of none", o)
		}
		for _, name := range []string{"2", "1"} {
			f.order("b"+name, books)
			f.order("m"+name, maps)
		}
		// One at a time for each collection, and the first of all first.
		first := f.mustTake("b1")
		if first.State != operation.Running || first.Holder != "h-b1" || !first.StartedAt.Equal(noon) || !first.HeldUntil.Equal(noon.Add(seconds(10))) || first.Claims != 1 {
			f.Errorf("claimed as %+v", first)
		}
		wantEqual(f, f.stands(first.ID), first)
		f.mustTake("m1")
		if o := f.take("h", noon); o != nil {
			f.Fatalf("claimed %v although others are before it", o)
		}
		wantError(f, f.AdvanceOperation(f.Context(), operation.Step{Holder: "h-b1", Next: stepOn(first).Succeed(noon)}), nil)
		f.mustTake("b2")
	},
	"Operations/ClaimedAgain": func(f fixture) {
		f.order("o1", f.configure("books", `{}`))
		dead := f.mustTake("o1")
		if o := f.take("other", noon.Add(seconds(9))); o != nil {
			f.Fatalf("claimed %v while another holds it", o)
		}
		again := f.take("other", noon.Add(seconds(10)))
		if again == nil || again.Holder != "other" || again.Claims != 2 || !again.StartedAt.Equal(noon) {
			f.Fatalf("claimed %+v", again)
		}
		// Who was thought dead is too late.
		late := stepOn(dead)
		late.Cursor = "x"
		wantError(f, f.AdvanceOperation(f.Context(), operation.Step{Holder: dead.Holder, Next: late}), operation.ErrLost)
		wantEqual(f, f.stands(again.ID), *again)
	},
	"Operations/ClaimedAtOnce": func(f fixture) {
		for i := range 4 {
			f.order(fmt.Sprint("o", i), f.configure(fmt.Sprint("c", i), `{}`))
		}
		var claimed [4]atomic.Int32
		together(8, func(i int) {
			for {
				o, found, err := f.ClaimOperation(f.Context(), operation.Claim{Holder: fmt.Sprint("h", i), At: noon, Until: noon.Add(seconds(10))})
				if err != nil || !found {
					wantError(f, err, nil)
					return
				}
				claimed[o.ID.String()[1]-'0'].Add(1)
			}
		})
		for i := range claimed {
			if n := claimed[i].Load(); n != 1 {
				f.Errorf("operation %d was claimed %d times", i, n)
			}
		}
	},
	"Operations/Cancelled": func(f fixture) {
		c := f.configure("books", `{}`)
		queued, ran := f.order("o1", c), f.order("o2", c)
		got, err := f.CancelOperation(f.Context(), queued.ID, noon)
		wantError(f, err, nil)
		if got.State != operation.Cancelled || !got.EndedAt.Equal(noon) {
			f.Errorf("cancelled as %+v", got)
		}
		wantEqual(f, f.stands(queued.ID), got)
		again, err := f.CancelOperation(f.Context(), queued.ID, noon.Add(seconds(1)))
		wantError(f, err, nil)
		wantEqual(f, again, got)

		f.write(put(c, "a", `{}`))
		held := f.mustTake("o2")
		got, err = f.CancelOperation(f.Context(), ran.ID, noon)
		wantError(f, err, nil)
		if got.Last != 1 || got.Holder != "" {
			f.Errorf("cancelled as %+v", got)
		}
		wantError(f, f.AdvanceOperation(f.Context(), operation.Step{Holder: held.Holder, Next: stepOn(held)}), operation.ErrLost)
		if o := f.take("h", noon.Add(seconds(100))); o != nil {
			f.Errorf("claimed %v, which is cancelled", o)
		}
		o3 := f.order("o3", c)
		held = f.mustTake("o3")
		wantError(f, f.AdvanceOperation(f.Context(), operation.Step{Holder: held.Holder, Next: stepOn(held).Succeed(noon)}), nil)
		_, err = f.CancelOperation(f.Context(), o3.ID, noon)
		wantFault(f, err, fault.Conflict, "operation.ended")
		_, err = f.CancelOperation(f.Context(), operationID("o4"), noon)
		wantFault(f, err, fault.NotFound, "operation.notFound")
	},
	"Operations/Purged": func(f fixture) {
		for i := range 5 {
			c := f.configure(fmt.Sprint("c", i), `{}`)
			o := f.order(fmt.Sprint("o", i), c)
			if i == 4 {
				break // one that goes on
			}
			held := f.mustTake(o.ID.String())
			step := operation.Step{Holder: held.Holder, Next: stepOn(held).Fail(&operation.Fault{Code: "x", Message: "y"}, noon.Add(seconds(i))), Failures: failures("a")}
			wantError(f, f.AdvanceOperation(f.Context(), step), nil)
		}
		purge := func(at time.Time, limit, want int) {
			f.Helper()
			n, err := f.PurgeOperations(f.Context(), at, limit)
			wantError(f, err, nil)
			if n != want {
				f.Errorf("%d are gone, want %d", n, want)
			}
		}
		purge(noon, 10, 0)
		purge(noon.Add(seconds(3)), 2, 2)
		purge(noon.Add(seconds(3)), 2, 1)
		left, err := f.ListOperations(f.Context(), ports.OperationRange{Limit: 10})
		wantError(f, err, nil)
		wantEqual(f, namesOf(left), []string{"o4", "o3"})
		for name, want := range map[string]int{"o0": 0, "o3": 1} {
			list, err := f.ListFailures(f.Context(), operationID(name), 0, 10)
			wantError(f, err, nil)
			if len(list) != want {
				f.Errorf("%d failures of %s, want %d", len(list), name, want)
			}
		}
	},
}

// stepped is a batch that is a step of an operation.
func stepped(s operation.Step, writes ...document.Write) document.Batch {
	b := batch(writes...)
	b.Step = func([]document.Result) (operation.Step, error) { return s, nil }
	return b
}

var operationsStepped = promises{
	"Operations/Advanced": func(f fixture) {
		f.order("o1", f.configure("books", `{}`))
		held := f.mustTake("o1")
		next := held.Next(noon.Add(seconds(20)))
		next.Phase, next.Cursor, next.First = operation.Applying, "k", 7
		next.Progress = operation.Progress{Total: 9, Done: 5, Changed: 3, Failed: 2}
		wantError(f, f.AdvanceOperation(f.Context(), operation.Step{Holder: held.Holder, Next: next, Failures: failures("a", "b")}), nil)
		wantEqual(f, f.stands(held.ID), next)
		// A step that was thought to have failed is not taken twice.
		wantError(f, f.AdvanceOperation(f.Context(), operation.Step{Holder: held.Holder, Next: next}), operation.ErrLost)
		next = stepOn(next)
		wantError(f, f.AdvanceOperation(f.Context(), operation.Step{Holder: held.Holder, Next: next, Failures: failures("c")}), nil)
		list := func(after int64, limit int) []operation.Failure {
			f.Helper()
			found, err := f.ListFailures(f.Context(), held.ID, after, limit)
			wantError(f, err, nil)
			return found
		}
		wantEqual(f, list(0, 2), failures("a", "b"))
		wantEqual(f, list(2, 2), failures("c"))
		wantEqual(f, list(3, 2), []operation.Failure{})

		ended := stepOn(next).Fail(&operation.Fault{Code: "bulk.failed", Message: "no"}, noon.Add(seconds(5)))
		wantError(f, f.AdvanceOperation(f.Context(), operation.Step{Holder: held.Holder, Next: ended}), nil)
		wantEqual(f, f.stands(held.ID), ended)
		wantError(f, f.AdvanceOperation(f.Context(), operation.Step{Holder: held.Holder, Next: ended}), operation.ErrLost)
		next.ID = operationID("o2")
		wantError(f, f.AdvanceOperation(f.Context(), operation.Step{Holder: held.Holder, Next: next}), operation.ErrLost)
	},
	"Operations/FailuresBounded": func(f fixture) {
		f.order("o1", f.configure("books", `{}`))
		held := f.mustTake("o1")
		names := make([]string, 4000)
		for i := range names {
			names[i] = fmt.Sprint(i)
		}
		for range 3 {
			next := stepOn(held)
			wantError(f, f.AdvanceOperation(f.Context(), operation.Step{Holder: held.Holder, Next: next, Failures: failures(names...)}), nil)
			held = next
		}
		for after, want := range map[int64]int{operation.MaxFailures - 1: 1, operation.MaxFailures: 0} {
			list, err := f.ListFailures(f.Context(), held.ID, after, 10)
			wantError(f, err, nil)
			if len(list) != want {
				f.Errorf("%d failures behind %d, want %d", len(list), after, want)
			}
		}
	},
	"Operations/WrittenWithStep": func(f fixture) {
		c := f.configure("books", `{}`)
		f.write(put(c, "a", `{"n": 1}`), put(c, "b", `{"n": 2}`))
		f.order("o1", c)
		held := f.mustTake("o1")
		b := batch(put(c, "a", `{"n": 5}`), put(c, "b", `{"n": 2}`), leave(c, "c"))
		b.Step = func(results []document.Result) (operation.Step, error) {
			next := stepOn(held)
			next.Cursor = "c"
			for _, r := range results {
				next.Progress.Done++
				if r.Outcome != document.Unchanged {
					next.Progress.Changed++
				}
			}
			return operation.Step{Holder: held.Holder, Next: next, Failures: failures("c")}, nil
		}
		if _, err := f.Write(f.Context(), b); err != nil {
			f.Fatal(err)
		}
		got := f.stands(held.ID)
		if got.Cursor != "c" || got.Progress != (operation.Progress{Total: -1, Done: 3, Changed: 1}) {
			f.Errorf("the operation is %+v", got)
		}
		wantEqual(f, string(f.get(c, "a").Data), `{"n": 5}`)
		// A step may come with no changes, or no writes, at all.
		got = stepOn(got)
		got.Cursor = "d"
		_, err := f.Write(f.Context(), stepped(operation.Step{Holder: held.Holder, Next: got}, leave(c, "a")))
		wantError(f, err, nil)
		wantEqual(f, f.stands(held.ID).Cursor, "d")
		got = stepOn(got)
		got.Cursor = "e"
		_, err = f.Write(f.Context(), stepped(operation.Step{Holder: held.Holder, Next: got.Succeed(noon)}))
		wantError(f, err, nil)
		got = f.stands(held.ID)
		if got.Cursor != "e" || got.State != operation.Succeeded || got.Last != 3 {
			f.Errorf("the operation is %+v", got)
		}
		f.history(c.Bucket)
	},
	"Operations/NotWrittenWithoutStep": func(f fixture) {
		c := f.configure("books", `{}`)
		f.write(put(c, "a", `{"n": 1}`))
		f.order("o1", c)
		held := f.mustTake("o1")
		next := stepOn(held)
		next.Cursor = "x"
		before := f.picture()
		attempt := func(b document.Batch, want error) {
			f.Helper()
			_, err := f.Write(f.Context(), b)
			wantError(f, err, want)
			f.wantSame(before)
			if got := f.stands(held.ID); got.Cursor != "" {
				f.Errorf("the operation is %+v", got)
			}
		}
		attempt(stepped(operation.Step{Holder: "somebody", Next: next}, put(c, "a", `{"n": 2}`), put(c, "b", `{}`)), operation.ErrLost)
		attempt(stepped(operation.Step{Holder: held.Holder, Next: next}, put(c, "a", `{"n": 2}`), refuse(c, "b")), errRefused)
		b := batch(put(c, "a", `{"n": 2}`))
		b.Step = func([]document.Result) (operation.Step, error) { return operation.Step{}, errRefused }
		attempt(b, errRefused)
		if _, err := f.CancelOperation(f.Context(), held.ID, noon); err != nil {
			f.Fatal(err)
		}
		attempt(stepped(operation.Step{Holder: held.Holder, Next: next}, put(c, "a", `{"n": 2}`)), operation.ErrLost)
		attempt(stepped(operation.Step{Holder: held.Holder, Next: next}), operation.ErrLost)
	},
	// Others' writes do not suffer for a step that is refused, and one that is cancelled in the middle writes nothing afterwards.
	"Operations/AmongOthers": func(f fixture) {
		c := f.configure("books", `{}`)
		f.order("o1", c)
		held := f.mustTake("o1")
		of := held.ID
		var steps, cancelled atomic.Int64
		whileDoing(func() {
			for round := 0; ; round++ {
				next := stepOn(held)
				next.Cursor = fmt.Sprint(round)
				_, err := f.Write(f.Context(), stepped(operation.Step{Holder: held.Holder, Next: next}, put(c, "mine", fmt.Sprintf(`{"n": %d}`, round))))
				if errors.Is(err, operation.ErrLost) {
					return
				}
				wantError(f, err, nil)
				held = next
				steps.Add(1)
			}
		}, func(round int) {
			if _, err := f.Write(f.Context(), batch(put(c, "theirs", fmt.Sprintf(`{"n": %d}`, round)))); err != nil {
				f.Errorf("got %v", err)
			}
		}, func(int) {
			if steps.Load() > 20 && cancelled.Add(1) == 1 {
				o, err := f.CancelOperation(f.Context(), of, noon)
				wantError(f, err, nil)
				position, err := f.Position(f.Context(), c.Bucket)
				wantError(f, err, nil)
				if o.Last > position {
					f.Errorf("it ended at %d, and the bucket is at %d", o.Last, position)
				}
			}
		})
		o := f.stands(of)
		for _, ch := range f.feed(c.Bucket) {
			if ch.DocumentID == id("mine") && ch.Position > o.Last {
				f.Errorf("a change at %d of an operation that ended at %d", ch.Position, o.Last)
			}
		}
		if n := f.get(c, "mine").Revision; n != steps.Load() {
			f.Errorf("%d revisions of %d steps", n, steps.Load())
		}
	},
}

var operationsReversed = promises{
	"Operations/Reversals": func(f fixture) {
		c, other := f.sharing()
		f.write(put(c, "a", `{"n": 1}`), put(c, "b", `{"n": 2}`), put(c, "gone", `{"n": 3}`), put(other, "a", `{}`))
		f.write(remove(c, "gone"))
		theirs := batch(put(c, "a", `{"n": 10}`), remove(c, "b"), put(c, "new", `{}`), put(c, "gone", `{}`), put(other, "a", `{"n": 1}`))
		theirs.RequestID = "operation/o1"
		if _, err := f.Write(f.Context(), theirs); err != nil {
			f.Fatal(err)
		}
		f.write(put(c, "a", `{"n": 11}`))
		list := func(r ports.ReversalRange) (found []string, more bool) {
			f.Helper()
			if r.Bytes == 0 {
				r.Bytes = 1 << 20
			}
			items, more, err := f.ListReversals(f.Context(), c.Key, r)
			wantError(f, err, nil)
			for _, x := range items {
				found = append(found, fmt.Sprintf("%d %c %s %d %s %v", x.Position, x.Op, x.DocumentID, x.Revision, x.Before, x.Known))
				if x.Data != nil || x.RequestID != "operation/o1" || x.Bucket != c.Bucket {
					f.Errorf("read as %+v", x)
				}
			}
			return found, more
		}
		want := []string{`6 u a 2 {"n": 1} true`, `7 d b 2 {"n": 2} true`, `8 c new 1  true`, `9 c gone 3  true`}
		got, more := list(ports.ReversalRange{RequestID: "operation/o1", Last: 100, Limit: 10})
		if !slices.Equal(got, want) || more {
			f.Errorf("got %q, more %v", got, more)
		}
		got, more = list(ports.ReversalRange{RequestID: "operation/o1", After: 6, Last: 9, Limit: 2})
		if !slices.Equal(got, want[1:3]) || !more {
			f.Errorf("got %q, more %v", got, more)
		}
		got, more = list(ports.ReversalRange{RequestID: "operation/o1", After: 6, Last: 8, Limit: 2})
		if !slices.Equal(got, want[1:3]) || more {
			f.Errorf("got %q, more %v", got, more)
		}
		if got, more = list(ports.ReversalRange{RequestID: "operation/o1", Last: 100, Limit: 10, Bytes: 1}); !slices.Equal(got, want[:1]) || !more {
			f.Errorf("got %q, more %v", got, more)
		}
		if got, more = list(ports.ReversalRange{RequestID: "operation/o2", Last: change.Position(100), Limit: 10}); got != nil || more {
			f.Errorf("got %q, more %v", got, more)
		}
	},
}
