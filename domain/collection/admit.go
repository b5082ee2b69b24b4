package collection

import (
	"time"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/jsontext"
)

// Limits bound a document.
type Limits struct {
	// Bytes bounds the canonical text of the data.
	Bytes int
	// Depth bounds nesting, in levels.
	Depth int
}

// Read checks that raw is JSON that can be kept exactly, and returns its canonical text.
// It fails with fault.Malformed and code "json.invalid", or fault.TooLarge and code "document.tooLarge".
func Read(raw []byte, limits Limits) ([]byte, error) {
	// Canonical text is a little longer than compact text: a space after every comma and colon.
	return jsontext.Canonical(make([]byte, 0, len(raw)+len(raw)/8), raw, jsontext.Limits{Bytes: limits.Bytes, Depth: limits.Depth})
}

// Way is how data comes to be judged. What a document may be does not depend on it; what is filled in, and what may be said at all, does.
type Way uint8

// The ways.
const (
	// Whole is data that is all a client says of the document: a create, a replacement, a line of an import.
	Whole Way = iota
	// Edited is an edit of what is stored: what is missing was taken out.
	Edited
	// Returned is data that was stored before and is put back as it was: a restored revision, a line of a backup.
	Returned
	// Kept is what the server itself makes of what is stored: a migration, a reference that is set to null.
	Kept
)

// Submission is a document that somebody wants to be stored.
type Submission struct {
	Way Way
	// New says that nothing may be stored under the id: everything is judged at once then.
	New bool
	// Data is canonical text; it is not changed.
	Data []byte
	// ID is what the document shall be stored under. It may be zero only where the collection takes ids from its data, see TakesIDs.
	ID ident.Document
	// Now is when the request was made.
	Now time.Time
	// MaxBytes bounds the data to be stored, where the collection makes it longer; 0 does not.
	MaxBytes int
}

// Admitted is what a collection makes of a submission: a document to store.
type Admitted struct {
	// Data is the canonical text to store.
	Data []byte
	// Warnings are what the answer has to tell: values that were changed, and faults that are let pass. They are in a stable order, at most fault.MaxViolations.
	Warnings []fault.Violation
}

// TakesIDs says whether ids of new documents are taken from their data.
func (c *Collection) TakesIDs() bool { return c.Config.IDFrom != nil }

// Propose begins the judgement of a submission, outside the transaction that will store it. What does not depend on the stored document is judged now, which is
// everything unless the collection has rules about changes, or members that are kept from clients.
// It fails with fault.Invalid and code "document.invalid", every mistake being a violation with a pointer into the data, and with fault.TooLarge and code
// "document.tooLarge".
func (c *Collection) Propose(s Submission) (*Proposal, error) {
	p := &Proposal{collection: c, submission: s}
	if len(s.Data) == 0 || s.Data[0] != '{' {
		return nil, c.refuse(fault.Violation{In: "body", Code: "type", Message: "must be an object"})
	}
	if c.plain {
		p.admitted, p.ended = Admitted{Data: s.Data}, true
		return p, nil
	}
	if err := p.read(); err != nil {
		return nil, err
	}
	nothing := &lookback{}
	if len(c.marks) == 0 || s.New {
		if err := p.complete(nothing); err != nil {
			return nil, err
		}
	}
	if p.step == completed && (!c.judgesChanges || s.New) {
		p.judge(nothing)
	}
	if p.step == judged && (len(p.faults) == 0 || s.New || c.Config.Enforcement != Ratchet) {
		admitted, err := p.admit(nothing)
		if err != nil {
			return nil, err
		}
		p.admitted, p.ended = admitted, true
	}
	if len(p.identity) > 0 && s.ID == (ident.Document{}) {
		return nil, c.refuse(p.identity...) // there is no telling what is stored
	}
	return p, nil
}

// Admit is the whole judgement at once, for data that is made inside the transaction: stored is the data of the document as it is there, nil where there is none.
// It fails like Propose.
func (c *Collection) Admit(s Submission, stored []byte) (Admitted, error) {
	p, err := c.Propose(s)
	if err != nil {
		return Admitted{}, err
	}
	return p.Admit(stored)
}

func (c *Collection) refuse(faults ...fault.Violation) error {
	return fault.New(fault.Invalid, "document.invalid", "the document does not satisfy the configuration of collection %q", c.Name).With(faults...)
}
