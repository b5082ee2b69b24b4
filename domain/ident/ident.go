// Package ident holds the names of things: parsed once at the edge, valid by construction after that.
package ident

import (
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/sheafdb/sheaf/domain/fault"
)

// Limits of names, in bytes.
const (
	MaxCollectionName = 63
	MaxDocumentID     = 255
	maxOperationID    = 64
)

// CollectionPattern is what the name of a collection matches.
const CollectionPattern = "^[a-z][a-z0-9_-]{0,62}$"

// Collection is the name of a collection, which matches CollectionPattern.
// Its zero value is no name.
type Collection struct{ name string }

// ParseCollection returns the name in s.
// It fails with fault.Malformed and code "collection.name" when s is not one.
func ParseCollection(s string) (Collection, error) {
	if !validCollection(s) {
		return Collection{}, fault.New(fault.Malformed, "collection.name",
			"a collection's name has 1 to %d of a-z, 0-9, _ and -, and begins with a letter", MaxCollectionName)
	}
	return Collection{s}, nil
}

func validCollection(s string) bool {
	if s == "" || len(s) > MaxCollectionName || s[0] < 'a' || s[0] > 'z' {
		return false
	}
	for i := 1; i < len(s); i++ {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '_' && c != '-' {
			return false
		}
	}
	return true
}

// String returns the name.
func (c Collection) String() string { return c.name }

// Document is the id of a document within its collection: 1 to 255 bytes of UTF-8
// without control characters and "/", and neither "." nor "..".
// Its zero value is no id. Ids order by their bytes.
type Document struct{ id string }

// ParseDocument returns the id in s.
// It fails with fault.Malformed and code "document.id" when s is not one.
func ParseDocument(s string) (Document, error) {
	if reason := invalidDocument(s); reason != "" {
		return Document{}, fault.New(fault.Malformed, "document.id", "a document's id %s", reason)
	}
	return Document{s}, nil
}

func invalidDocument(s string) string {
	switch {
	case s == "":
		return "is not empty"
	case len(s) > MaxDocumentID:
		return "has at most 255 bytes"
	case s == "." || s == "..":
		return `is neither "." nor ".."`
	case !utf8.ValidString(s):
		return "is valid UTF-8"
	case strings.IndexFunc(s, forbidden) >= 0:
		return `holds no control characters and no "/"`
	}
	return ""
}

func forbidden(r rune) bool { return r == '/' || unicode.IsControl(r) }

// String returns the id.
func (d Document) String() string { return d.id }

// Operation is the id of an operation: 1 to 64 letters, digits and "-".
// Its zero value is no id. The server makes them, in the order of time.
type Operation struct{ id string }

// ParseOperation returns the id in s.
// It fails with fault.NotFound and code "operation.notFound" when s is not one: nothing can have that id.
func ParseOperation(s string) (Operation, error) {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '-' {
			return Operation{}, fault.New(fault.NotFound, "operation.notFound", "there is no such operation")
		}
	}
	if s == "" || len(s) > maxOperationID {
		return Operation{}, fault.New(fault.NotFound, "operation.notFound", "there is no such operation")
	}
	return Operation{s}, nil
}

// String returns the id.
func (o Operation) String() string { return o.id }

// TextOf returns a value of a document as an id is written: a string as it is, a whole number as its digits.
func TextOf(value any) (string, bool) {
	switch v := value.(type) {
	case string:
		return v, true
	case json.Number:
		whole, fraction, _ := strings.Cut(string(v), ".")
		return whole, strings.Trim(fraction, "0") == ""
	}
	return "", false
}
