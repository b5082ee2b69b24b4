// Package index says what an index is: how it is declared, which entries a document has in it, and in which order they lie.
//
// An entry is a key, bytes that order as the values do, and the id of its document. The keys are made here and nowhere else, those of entries
// as well as those that bound a search (Equal, Range, StartsWith), so that the two agree whatever stores them.
//
// # Fields
//
// A field of an index is a path into the document, such as doc.address.zip or doc["odd name"], or one of id, revision, createdAt and updatedAt; " desc" after it
// turns its order around. One field of an index may lead through an array: [] after a path stands for each of its elements (of an object: the name of each member), as in
// doc.tags[] or doc.items[].sku. A document has one entry for each distinct element, and none when there is no array or it is empty: such an index finds documents by an element and
// cannot list all of them. A document has at most MaxEntries in an index; more are refused.
//
// # Order
//
// Values order by their kind, then by themselves: false, true, numbers (by exact value: 1.0 equals 1), strings (by the bytes of their UTF-8), arrays and objects (element by
// element, and member by member in the order of names), and null last, in both directions. A member that is missing counts as null.
// Of a long value the first ValueBytes of its key count; values that agree so far follow each other in an order of no meaning, but equal ones stay equal and different ones
// different. Of the key as a whole KeyBytes count in the same way.
//
// A case-insensitive index takes every string in its simple case folding (Unicode, without regard to language): "Straße" equals "STRAßE" but not "STRASSE".
//
// # Uniqueness
//
// In a unique index no two documents have equal keys. Null is a value like any other here, but a document in which one of the fields is missing
// is not constrained: whoever leaves an optional member out is in nobody's way.
//
// # Text
//
// A text index is for words: it has one entry for a document, made of all strings in its fields, see Text. Its fields are paths into the document, or doc for all of it; each has a weight,
// and the language says which words are the same. What makes words of a text is the adapter's.
//
// Start at Parse, Set and Compare.
package index

import (
	"encoding/json"
	"slices"
	"strconv"
	"time"

	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
)

// Limits of a declaration.
const (
	MaxIndexes = 64 // of a collection
	MaxFields  = 16 // of an index
	MaxEntries = 1000
)

// Kind is what an index is for.
type Kind string

// The kinds.
const (
	Ordered Kind = "ordered" // equality, ranges and order
	Words   Kind = "text"    // words, see Text
)

// Index is a declared index. It is immutable.
type Index struct {
	Name   string
	Kind   Kind
	Fields []Field
	Unique bool
	// CaseInsensitive says that strings are taken in their case folding.
	CaseInsensitive bool
	// Language and Weights are those of a text index. A weight, for each field, is 'A' to 'D'.
	Language string
	Weights  []byte
	// After is how much later than the field's time a document expires, in an index of kind Expires.
	After time.Duration
	// Collection is that of the documents which an index of kind Refers leads to.
	Collection ident.Collection
	// Where is the condition that a document meets to have entries; "" where all do.
	Where string
	where *query.Expr
}

// Condition returns Where as a checked expression, nil where there is none.
func (x *Index) Condition() *query.Expr { return x.where }

// Tree returns the declaration as decoded JSON, in the form that Parse reads.
func (x *Index) Tree() map[string]any {
	on := make([]any, len(x.Fields))
	for i, f := range x.Fields {
		on[i] = f.String()
	}
	tree := map[string]any{"name": x.Name, "on": on, "unique": x.Unique, "kind": string(x.Kind)}
	if x.CaseInsensitive {
		tree["caseInsensitive"] = true
	}
	if x.Kind == Words {
		tree["language"], tree["weights"] = x.Language, x.weightTree()
	}
	switch x.Kind {
	case Expires:
		tree["after"] = number(x.After.Microseconds())
		if len(x.Fields[0].Path) > 0 {
			path := make([]any, len(x.Fields[0].Path)) // for who does not read fields
			for i, name := range x.Fields[0].Path {
				path[i] = name
			}
			tree["path"] = path
		}
	case Refers:
		tree["collection"] = x.Collection.String()
	}
	if x.Where != "" {
		tree["where"] = x.Where
	}
	return tree
}

func number(n int64) json.Number { return json.Number(strconv.FormatInt(n, 10)) }

// Spec returns the canonical text of the declaration. Indexes with equal texts have equal entries.
func (x *Index) Spec() []byte { return jsontext.Append(nil, x.Tree()) }

// Each returns the number of the field that leads through an array, -1 where none does.
func (x *Index) Each() int {
	return slices.IndexFunc(x.Fields, func(f Field) bool { return f.Each })
}
