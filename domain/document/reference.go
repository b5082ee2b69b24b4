package document

import (
	"errors"
	"slices"
	"time"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/jsontext"
)

// Target is what a write of a batch makes its document refer to.
type Target struct {
	// Write is its number in the batch, from 0.
	Write int
	index.Referral
}

// References is what becomes of a document's references in a batch.
type References struct {
	// before is what the document referred to when it was read, as far as it has done so without a break.
	before []index.Referral
	// Targets are what it has come to refer to since, each by the write that brought it.
	Targets []Target
}

// ReferencesOf returns the references of a document that is stored; before are what it refers to.
func ReferencesOf(before []index.Referral) References { return References{before: before} }

// Removed returns what they are when the document was deleted: one that is stored under its id afterwards is another one.
func (References) Removed() References { return References{} }

// Written returns what they are behind a write, which leaves a document that refers to after. What does not change is not looked at again.
// wrong are those of which something is no id.
func (r References) Written(after []index.Referral, write int) (next References, wrong []Target) {
	next.before = r.before
	for _, referral := range after {
		t := Target{write, referral}
		if slices.ContainsFunc(r.before, referral.Same) || slices.ContainsFunc(next.Targets, func(t Target) bool { return t.Same(referral) }) {
			continue
		}
		if referral.ID == (ident.Document{}) {
			wrong = append(wrong, t)
			continue
		}
		if i := slices.IndexFunc(r.Targets, func(t Target) bool { return t.Same(referral) }); i >= 0 {
			t.Write = r.Targets[i].Write
		}
		next.Targets = append(next.Targets, t)
	}
	return next, wrong
}

// Violation says what is wrong with a target that is not there.
func (t Target) Violation() fault.Violation {
	to := t.Reference.Collection.String()
	v := fault.Violation{In: "body", Pointer: t.Pointer, Code: "reference", Params: map[string]any{"collection": to}}
	if t.ID == (ident.Document{}) {
		v.Message = "must be the id of a document in collection " + to
		return v
	}
	v.Params["id"] = t.Text
	v.Message = "refers to document " + t.Text + " in collection " + to + ", which is not there"
	return v
}

// DanglingError is a batch that would leave documents referring to nothing.
type DanglingError struct {
	Fault *fault.Error
	// Targets are in the order of the writes; there may be more that were not looked at.
	Targets []Target
}

// Error returns the text of the fault.
func (e *DanglingError) Error() string { return e.Fault.Error() }

// Unwrap returns the fault.
func (e *DanglingError) Unwrap() error { return e.Fault }

// Dangling returns the error of a batch with these targets, at least one, that are not there: a fault.Invalid with code "document.invalid" and a violation for each.
func Dangling(targets ...Target) *DanglingError {
	slices.SortStableFunc(targets, func(a, b Target) int { return a.Write - b.Write })
	f := fault.New(fault.Invalid, "document.invalid", "the document refers to what is not there")
	for _, t := range targets {
		f = f.With(t.Violation())
	}
	return &DanglingError{Fault: f, Targets: targets}
}

// Referred is a document that a batch removes while others refer to it.
type Referred struct {
	// Write is the number of the write that removes it, from 0.
	Write      int
	Collection collection.Key
	ID         ident.Document
	// Expired says that nobody removes it: it has expired. References that restrict deletions do not count then.
	Expired bool
}

// ReferredError is a batch that would leave documents referring to nothing, because it removes what they refer to.
type ReferredError struct {
	Fault *fault.Error
	// Referred are in the order of the writes; there may be more that were not looked at.
	Referred []Referred
}

// Error returns the text of the fault.
func (e *ReferredError) Error() string { return e.Fault.Error() }

// Unwrap returns the fault.
func (e *ReferredError) Unwrap() error { return e.Fault }

// ReferredTo returns the error of a batch that removes these documents, at least one: a fault.Conflict with code "document.referenced".
func ReferredTo(referred ...Referred) *ReferredError {
	slices.SortStableFunc(referred, func(a, b Referred) int { return a.Write - b.Write })
	return &ReferredError{Fault: fault.New(fault.Conflict, "document.referenced", "other documents refer to document %q", referred[0].ID), Referred: referred}
}

// Deletion is the deletion of a document that others refer to by a reference.
type Deletion struct {
	Reference collection.Reference
	ID        ident.Document
}

// Same says whether both are of the same document by the same reference.
func (d Deletion) Same(other Deletion) bool {
	return d.ID == other.ID && d.Reference.Field.String() == other.Reference.Field.String()
}

// Follow is what becomes of a document of a collection when others are deleted that it refers to, by references of its own: it is deleted too, or the references are taken away from
// it and its collection judges what is left. It stays as it is where it does not refer to them any more. now is when the request was made.
// It fails with fault.Conflict, code "document.referenced", where the collection does not admit the document without them.
func Follow(c *collection.Collection, id ident.Document, deletions []Deletion, now time.Time) Change {
	return func(current *Document) (Next, error) {
		if current == nil {
			return Keep(), nil
		}
		tree, err := jsontext.Decode(current.Data)
		if err != nil {
			return Next{}, fault.Wrap(err, fault.Internal, "internal", "decode canonical data")
		}
		left, cleared := tree, false
		for _, d := range deletions {
			if !slices.ContainsFunc(d.Reference.Targets(tree), func(t collection.Target) bool { return t.ID == d.ID }) {
				continue
			}
			if d.Reference.OnDelete == collection.Cascade {
				return Remove(), nil
			}
			left, cleared = d.Reference.Clear(left, d.ID), true
		}
		if !cleared {
			return Keep(), nil
		}
		next, err := Edit{Collection: c, ID: id, Way: collection.Kept, Now: now, Apply: func(index.Document) ([]byte, error) {
			return jsontext.Append(make([]byte, 0, len(current.Data)), left), nil
		}}.Change(current)
		if f := fault.Find(err); f != nil && f.Kind == fault.Invalid {
			return Next{}, indispensable(c.Name, id, f.Violations)
		}
		return next, err
	}
}

// indispensable is the fault of a deletion that would take from another document what it cannot be without.
func indispensable(c ident.Collection, id ident.Document, why []fault.Violation) error {
	f := fault.New(fault.Conflict, "document.referenced", "document %q of collection %q refers to what would be deleted, and is not admitted without", id, c)
	for _, v := range why {
		f = f.With(fault.Violation{
			In: "path", Pointer: "id", Code: "reference", Message: v.Pointer + " of document " + id.String() + " in collection " + c.String() + " " + v.Message,
			Params: map[string]any{"collection": c.String(), "id": id.String(), "pointer": v.Pointer, "code": v.Code},
		})
	}
	return f
}

// Faults returns what is wrong with single writes of a batch, by their numbers, where err is about such writes and no others; else nil.
func Faults(err error) map[int]*fault.Error {
	of := map[int]*fault.Error{}
	add := func(write int, f *fault.Error, violations ...fault.Violation) {
		if of[write] == nil {
			of[write] = fault.New(f.Kind, f.Code, "%s", f.Text)
		}
		of[write] = of[write].With(violations...)
	}
	var duplicate *DuplicateError
	var dangling *DanglingError
	var referred *ReferredError
	switch {
	case errors.As(err, &duplicate):
		for _, d := range duplicate.Duplicates {
			add(d.Write, Duplicated(d).Fault, d.Violations()...)
		}
	case errors.As(err, &dangling):
		for _, t := range dangling.Targets {
			add(t.Write, dangling.Fault, t.Violation())
		}
	case errors.As(err, &referred):
		for _, r := range referred.Referred {
			add(r.Write, referred.Fault, referred.Fault.Violations...)
		}
	default:
		return nil
	}
	return of
}
