// Package operation says what an operation is: work on the documents of a collection that takes longer than a request.
//
// Whoever asks for one gets its id at once. Processes take turns at it: one claims it for a while, takes step after step, and each step is committed together with
// the documents that it changed, on the condition that the operation is still held by that process and still running (Step). So a step happens once, whoever dies or
// wakes up late, and nothing is written any more from the moment in which an operation ended.
//
// The rules of an operation's life are the methods of Operation here; an adapter keeps what they return. Start at Operation.
package operation

import (
	"bytes"
	"encoding/json"
	"slices"
	"time"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
)

// Kind is what an operation does.
type Kind string

// The kinds.
const (
	Update    Kind = "update"    // changes the documents that match a filter
	Delete    Kind = "delete"    // deletes the documents that match a filter
	Migration Kind = "migration" // brings the documents of a collection into another form
	Rollback  Kind = "rollback"  // takes back what another operation did
)

// State is where an operation is in its life.
type State string

// The states.
const (
	Queued    State = "queued"    // nobody has begun
	Running   State = "running"   // a process is at it, or was until it died
	Succeeded State = "succeeded" // it came to its end; single documents may have failed
	Failed    State = "failed"    // it cannot go on, see Operation.Fault
	Cancelled State = "cancelled" // somebody ended it
)

// States are all states.
var States = []State{Queued, Running, Succeeded, Failed, Cancelled}

// Ended says whether nothing happens any more.
func (s State) Ended() bool { return s == Succeeded || s == Failed || s == Cancelled }

// Phase is what an operation is busy with.
type Phase string

// The phases, in their order.
const (
	Checking Phase = "checking" // it counts and judges, and writes nothing
	Applying Phase = "applying"
)

// Operation is an operation as it is at one moment.
type Operation struct {
	ID   ident.Operation
	Kind Kind
	// Collection is the name that Key had when the operation was asked for.
	Collection ident.Collection
	Key        collection.Key
	// Request is the canonical text of what is to be done, an object; the kind says how to read it.
	Request []byte
	// Origin is who asked for it, and by which request.
	change.Origin
	CreatedAt time.Time
	// StartedAt and EndedAt are zero until then.
	StartedAt, EndedAt time.Time

	State State
	Phase Phase
	// Cursor is how far the phase has come, "" for its beginning; the kind says how to read it.
	Cursor   string
	Progress Progress
	// First is the position of the bucket before the first change of the operation, 0 where nothing was applied yet. Last is one behind which it makes none; it is
	// set when the operation ends.
	First, Last change.Position
	// Fault is why it failed, nil where it did not.
	Fault *Fault

	// Steps counts the steps that were committed. Holder is who claimed it last, and HeldUntil when others may; Claims counts how often it was claimed since it went on last.
	Steps     int64
	Holder    string
	HeldUntil time.Time
	Claims    int
}

// Progress is how far an operation has come, in documents.
type Progress struct {
	// Total is how many there are to go through, -1 until that is known.
	Total int64
	// Done is how many it went through, in this phase; Changed how many of them it changed, Failed how many it could not.
	Done, Changed, Failed int64
}

// Fault is why an operation failed.
type Fault struct {
	Code    string `json:"code"`
	Message string `json:"message"`
}

// FaultOf says why an operation failed with err. What nobody classified is not told.
func FaultOf(err error) *Fault {
	f := fault.Find(err)
	if f == nil || f.Kind == fault.Internal {
		f = fault.New(fault.Internal, "internal", "see the log at the operation's id")
	}
	return &Fault{Code: f.Code, Message: f.Text}
}

// Failure is a document that an operation could not change.
type Failure struct {
	ID ident.Document
	Fault
	// Violations are the places that are wrong. Their params are decoded JSON: a failure is kept as text.
	Violations []fault.Violation
}

// FailureOf says why a document could not be changed.
func FailureOf(id ident.Document, err error) Failure {
	failure := Failure{ID: id, Fault: *FaultOf(err)}
	if f := fault.Find(err); f != nil && f.Kind != fault.Internal {
		failure.Violations = slices.Clone(f.Violations)
		for i := range failure.Violations {
			failure.Violations[i].Params = asJSON(failure.Violations[i].Params)
		}
	}
	return failure
}

// asJSON returns params as they are after they were kept as text.
func asJSON(params map[string]any) (kept map[string]any) {
	text, err := json.Marshal(params)
	if err == nil {
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		err = decoder.Decode(&kept)
	}
	if err != nil {
		panic("operation: params are texts, numbers and lists of them: " + err.Error())
	}
	return kept
}

// MaxFailures bounds how many failures of an operation are kept; further ones only count.
const MaxFailures = 10_000

// MaxClaims bounds how often an operation is claimed without going on: one that ends the processes which take it is given up.
const MaxClaims = 10

// New returns an operation that nobody has begun.
func New(id ident.Operation, kind Kind, c collection.Stored, request []byte, by change.Origin, at time.Time) Operation {
	return Operation{
		ID: id, Kind: kind, Collection: c.Name, Key: c.Key, Request: request, Origin: by, CreatedAt: at,
		State: Queued, Phase: Checking, Progress: Progress{Total: -1},
	}
}

// Claim says who takes an operation, when, and until when nobody else may.
type Claim struct {
	Holder    string
	At, Until time.Time
}

// Claimable says whether an operation may be claimed, as far as it alone can tell: nobody is at it. Of the operations of one collection only the first that has not ended may be.
func (o Operation) Claimable(at time.Time) bool {
	return o.State == Queued || o.State == Running && !o.HeldUntil.After(at)
}

// Claimed returns the operation with its holder.
func (o Operation) Claimed(c Claim) Operation {
	if o.State == Queued {
		o.State, o.StartedAt = Running, c.At
	}
	o.Holder, o.HeldUntil = c.Holder, c.Until
	o.Claims++
	return o
}

// Next begins the operation as it is after a step: it goes on, and is held further on.
func (o Operation) Next(until time.Time) Operation {
	o.Steps++
	o.Claims, o.HeldUntil = 0, until
	return o
}

// Cancelled returns the operation, ended. One that was cancelled before stays as it is.
// It fails with fault.Conflict, code "operation.ended", when it came to another end.
func (o Operation) Cancelled(at time.Time) (Operation, error) {
	switch {
	case o.State == Cancelled:
		return o, nil
	case o.State.Ended():
		return o, fault.New(fault.Conflict, "operation.ended", "the operation has %s already", o.State)
	}
	return o.end(Cancelled, at), nil
}

// Succeed returns the operation at its end.
func (o Operation) Succeed(at time.Time) Operation { return o.end(Succeeded, at) }

// Fail returns the operation that cannot go on.
func (o Operation) Fail(why *Fault, at time.Time) Operation {
	o.Fault = why
	return o.end(Failed, at)
}

func (o Operation) end(s State, at time.Time) Operation {
	o.State, o.EndedAt = s, at
	o.Holder, o.HeldUntil = "", time.Time{}
	return o
}

// Step is what a holder made of an operation. It is committed only while the operation is running, Holder holds it, and no other step was committed since.
type Step struct {
	Holder string
	// Next is the operation after the step, which it counts: see Operation.Next.
	Next Operation
	// Failures are those that the step adds.
	Failures []Failure
}

// Allowed says whether a step may be committed when the operation is as it is in current.
// It fails with ErrLost.
func (s Step) Allowed(current Operation) error {
	if current.State != Running || current.Holder != s.Holder || current.Steps != s.Next.Steps-1 {
		return ErrLost
	}
	return nil
}

// ErrLost says that an operation has ended, that somebody else holds it, or that another step came first: the step was not committed, and nothing that belongs to it.
var ErrLost = fault.New(fault.Conflict, "operation.lost", "the operation has ended or is held by another process")

// NotFound is the fault of an operation that is not there.
func NotFound(id ident.Operation) error {
	return fault.New(fault.NotFound, "operation.notFound", "there is no operation %q", id)
}

// RequestPrefix begins the request ids of changes that operations make; the rest is the operation's id. Requests from outside have other ids.
const RequestPrefix = "operation/"
