package collection

import (
	"encoding/json"
	"strings"

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

// Admitted is data that the collection admits.
type Admitted struct {
	// Data is the canonical text to store.
	Data []byte
	// ID is the id that the data itself names; zero unless the collection takes ids from its data.
	ID ident.Document
}

// Read checks that raw is JSON that can be kept exactly, and returns its canonical text.
// It fails with fault.Malformed and code "json.invalid", or fault.TooLarge and code "document.tooLarge".
func Read(raw []byte, limits Limits) ([]byte, error) {
	// Canonical text is a little longer than compact text: a space after every comma and colon.
	return jsontext.Canonical(make([]byte, 0, len(raw)+len(raw)/8), raw, jsontext.Limits{Bytes: limits.Bytes, Depth: limits.Depth})
}

// Admit judges the canonical text of a document as a whole; whatever the way in, it is this judgement that counts.
// It fails with fault.Invalid and code "document.invalid"; every mistake is a violation with a pointer into the data.
func (c *Collection) Admit(data []byte) (Admitted, error) {
	if len(data) == 0 || data[0] != '{' {
		return Admitted{}, c.refuse(fault.Violation{In: "body", Code: "type", Message: "must be an object"})
	}
	if c.schema.AdmitsAnyObject() && c.Config.IDFrom == nil && c.Config.Expiry == nil {
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
	faults = append(faults, c.Config.Expiry.check(tree)...)
	id, wrong := c.idFrom(tree)
	faults = append(faults, wrong...)
	if len(faults) > 0 {
		return Admitted{}, c.refuse(faults...)
	}
	return Admitted{Data: data, ID: id}, nil
}

func (c *Collection) refuse(faults ...fault.Violation) error {
	return fault.New(fault.Invalid, "document.invalid", "the document does not satisfy the configuration of collection %q", c.Name).With(faults...)
}

// idFrom returns the id that the data names: a string as it is, an integer as its digits.
func (c *Collection) idFrom(tree any) (ident.Document, []fault.Violation) {
	path := c.Config.IDFrom
	if path == nil {
		return ident.Document{}, nil
	}
	wrong := func(message string) (ident.Document, []fault.Violation) {
		return ident.Document{}, []fault.Violation{{In: "body", Pointer: path.Pointer(), Code: "id", Message: message}}
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
	return id, nil
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

// NameID returns the id of a document that is to be stored: the one that was given, the one that the data names, or none.
// It fails with fault.Invalid and code "document.invalid" when the two disagree.
func (c *Collection) NameID(given ident.Document, admitted Admitted) (ident.Document, error) {
	none := ident.Document{}
	switch {
	case admitted.ID == none:
		return given, nil
	case given == none || given == admitted.ID:
		return admitted.ID, nil
	}
	return none, c.refuse(fault.Violation{In: "body", Pointer: c.Config.IDFrom.Pointer(), Code: "id",
		Message: "must agree with the id in the request: the document's id is taken from it"})
}
