package collection

import (
	"encoding/json"
	"strings"
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

// idText returns a value as an id is written: a string as it is, an integer as its digits.
func idText(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case json.Number:
		whole, fraction, _ := strings.Cut(string(v), ".")
		return whole, strings.Trim(fraction, "0") == ""
	}
	return "", false
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
	// Data is canonical text; it is not changed.
	Data []byte
	// ID is what the document shall be stored under. It may be zero only where the collection takes ids from its data, see TakesIDs.
	ID ident.Document
	// Now is when the request was made.
	Now time.Time
}

// Admitted is what a collection makes of a submission: a document to store.
type Admitted struct {
	// Data is the canonical text to store.
	Data []byte
	// Warnings are what the answer has to tell: values that were changed, and faults that are let pass. They are in a stable order, at most fault.MaxViolations.
	Warnings []fault.Violation
}

// Proposal is a submission on its way to be stored: what can be said of it without knowing what is stored was said already. It is immutable.
type Proposal struct {
	collection *Collection
	submission Submission
	// admitted is the judgement where it does not depend on what is stored.
	admitted *Admitted
}

// TakesIDs says whether ids of new documents are taken from their data.
func (c *Collection) TakesIDs() bool { return c.Config.IDFrom != nil }

// Propose begins the judgement of a submission, outside the transaction that will store it. What does not depend on the stored document is judged now, which is
// everything unless the collection has rules about changes.
// It fails with fault.Invalid and code "document.invalid"; every mistake is a violation with a pointer into the data.
func (c *Collection) Propose(s Submission) (*Proposal, error) {
	p := &Proposal{collection: c, submission: s}
	admitted, err := p.judge()
	if err != nil {
		return nil, err
	}
	p.admitted = &admitted
	return p, nil
}

// ID returns the id to store the document under: the one that was submitted, or that the data names.
func (p *Proposal) ID() ident.Document { return p.submission.ID }

// Admit ends the judgement: stored is the data of the document as it is in the transaction, nil where there is none. It may be called more than once.
// Whatever the way in, it is this judgement that counts.
// It fails like Propose.
func (p *Proposal) Admit(_ []byte) (Admitted, error) { return *p.admitted, nil }

// Admit is the whole judgement at once, for data that is made inside the transaction.
// It fails like Propose.
func (c *Collection) Admit(s Submission, stored []byte) (Admitted, error) {
	p, err := c.Propose(s)
	if err != nil {
		return Admitted{}, err
	}
	return p.Admit(stored)
}

func (p *Proposal) judge() (Admitted, error) {
	c, data := p.collection, p.submission.Data
	if len(data) == 0 || data[0] != '{' {
		return Admitted{}, c.refuse(fault.Violation{In: "body", Code: "type", Message: "must be an object"})
	}
	if c.schema.AdmitsAnyObject() && c.Config.IDFrom == nil {
		return Admitted{Data: data}, nil
	}
	tree, err := jsontext.Decode(data)
	if err != nil {
		return Admitted{}, fault.Wrap(err, fault.Internal, "internal", "decode canonical data")
	}
	var faults []fault.Violation
	switch c.Config.UnknownFields {
	case StripUnknown:
		stripped, gone, wrong := c.schema.Strip(tree)
		if len(wrong) > 0 {
			return Admitted{}, c.refuse(wrong...)
		}
		if len(gone) > 0 {
			tree, data = stripped, jsontext.Append(make([]byte, 0, len(data)), stripped)
		}
	case RejectUnknown:
		faults = c.schema.Unknown(tree)
	}
	faults = append(faults, c.schema.Validate(tree)...)
	faults = append(faults, p.takeID(tree)...)
	if len(faults) > 0 {
		return Admitted{}, c.refuse(faults...)
	}
	return Admitted{Data: data}, nil
}

func (c *Collection) refuse(faults ...fault.Violation) error {
	return fault.New(fault.Invalid, "document.invalid", "the document does not satisfy the configuration of collection %q", c.Name).With(faults...)
}

// takeID takes the id from the data, where the collection says so: a string as it is, an integer as its digits.
func (p *Proposal) takeID(tree any) []fault.Violation {
	path := p.collection.Config.IDFrom
	if path == nil {
		return nil
	}
	wrong := func(message string) []fault.Violation {
		return []fault.Violation{{In: "body", Pointer: path.Pointer(), Code: "id", Message: message}}
	}
	value, found := path.Find(tree)
	if !found {
		return wrong("must be given: the document's id is taken from it")
	}
	text, ok := idText(value)
	if !ok {
		return wrong("must be a string or an integer: the document's id is taken from it")
	}
	id, err := ident.ParseDocument(text)
	if err != nil {
		return wrong(fault.Find(err).Text)
	}
	if given := p.submission.ID; given != (ident.Document{}) && given != id {
		return wrong("must agree with the id in the request: the document's id is taken from it")
	}
	p.submission.ID = id
	return nil
}
