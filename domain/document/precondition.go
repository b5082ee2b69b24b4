package document

import (
	"fmt"
	"slices"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
)

// Condition is what a request states about the current revision: that it is one of Revisions, or (Any) that there is one.
type Condition struct {
	Any       bool
	Revisions []int64
}

// holds says whether the condition names revision; 0 is no document.
func (c *Condition) holds(revision int64) bool {
	return revision != 0 && (c.Any || slices.Contains(c.Revisions, revision))
}

// Precondition is what has to hold for a request to go on (RFC 9110 section 13). The zero Precondition always holds.
type Precondition struct {
	Match     *Condition // If-Match
	NoneMatch *Condition // If-None-Match
}

// Stated says whether there is any condition.
func (p Precondition) Stated() bool { return p.Match != nil || p.NoneMatch != nil }

// Newest returns the highest revision that the precondition names, 0 for none: who states it has seen that one.
func (p Precondition) Newest() int64 {
	var newest int64
	for _, c := range []*Condition{p.Match, p.NoneMatch} {
		if c != nil && len(c.Revisions) > 0 {
			newest = max(newest, slices.Max(c.Revisions))
		}
	}
	return newest
}

// Check says whether the precondition holds for the current document, nil where there is none.
// It fails with a *StaleError, which is a fault.Stale.
func (p Precondition) Check(current *Document) error {
	var revision int64
	if current != nil {
		revision = current.Revision
	}
	if p.Match != nil && !p.Match.holds(revision) || p.NoneMatch != nil && p.NoneMatch.holds(revision) {
		return p.stale(current)
	}
	return nil
}

// Unmodified says whether a read may answer that the reader's copy is still good: If-None-Match names the revision.
func (p Precondition) Unmodified(revision int64) bool {
	return p.NoneMatch != nil && p.NoneMatch.holds(revision)
}

// StaleError is a condition that does not hold, with the document as it stands.
type StaleError struct {
	Fault *fault.Error
	// Current is nil where there is no document.
	Current *Document
	// Precondition is what does not hold.
	Precondition Precondition
}

// Error returns the text of the fault.
func (e *StaleError) Error() string { return e.Fault.Error() }

// Unwrap returns the fault.
func (e *StaleError) Unwrap() error { return e.Fault }

func (p Precondition) stale(current *Document) error {
	text := "the condition does not hold: there is no such document"
	if current != nil {
		text = fmt.Sprintf("the condition does not hold: the document is at revision %d", current.Revision)
	}
	return &StaleError{Fault: fault.New(fault.Stale, "document.stale", "%s", text), Current: current, Precondition: p}
}

// NotFound is the fault of a document that is not there.
func NotFound(c ident.Collection, id ident.Document) error {
	return fault.New(fault.NotFound, "document.notFound", "collection %q has no document %q", c, id)
}

// NoRevision is the fault of a revision that a document does not have, or that history does not keep.
func NoRevision(id ident.Document, revision int64) error {
	return fault.New(fault.NotFound, "revision.notFound", "there is no revision %d of document %q", revision, id)
}

// Trimmed is the fault of a part of a document's history that is not kept any more.
func Trimmed(id ident.Document) error {
	return fault.New(fault.Gone, "revision.trimmed", "that part of the history of document %q is not kept any more", id)
}

// Exists is the fault of a document that is there already.
func Exists(c ident.Collection, id ident.Document) error {
	return fault.New(fault.Conflict, "document.exists", "collection %q already has a document %q", c, id)
}

// Tag returns the entity tag of a revision: a strong one, the same for every projection and encoding.
func Tag(revision int64) string { return fmt.Sprintf(`"%d"`, revision) }
