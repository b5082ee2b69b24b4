// Package schema holds a collection's JSON Schema (draft 2020-12): admitted,
// compiled once, applied to every document.
//
// Compile is the gate. A schema is written by a user and is hostile until shown
// otherwise: its size, its references, its patterns and the number of subschemas
// that meet at one place of a document are bounded before anything runs, and
// every mistake is reported with its place. What passes is a graph of nodes in
// which each reference is resolved; nothing outside the schema is ever loaded.
//
// Validate walks the graph beside a document. It counts its own work and gives
// up at Limits.Work, so that no pair of schema and document, however made, holds
// a processor for long; numbers are compared as the decimals they are written as.
// Strip and Unknown answer the other question: which members nobody declared.
//
// Which keyword is read where: keyword.go. References: reference.go. The rules:
// validate.go, object.go, array.go. Patterns are ECMA-262 as far as RE2 goes:
// pattern.go. The words a person reads: message.go.
package schema

import (
	"github.com/sheafdb/sheaf/domain/fault"
)

// Dialect is the metaschema every schema is written in, said or not.
const Dialect = "https://json-schema.org/draft/2020-12/schema"

// Limits bound what Compile admits and what Validate spends.
type Limits struct {
	Bytes          int // of the schema's text
	Depth          int // nesting of the schema, in levels
	Nodes          int // JSON values in the schema
	Name           int // bytes of one member name in the schema: pointers are made of them
	Enum           int // values under one enum
	Expansion      int // subschemas applied at one place of a document
	Chain          int // subschemas applied at one place, one inside the other: the stack grows with it
	Pattern        int // characters of one pattern
	PatternProgram int // instructions of one compiled pattern, and its large classes of characters
	Programs       int // instructions of all patterns of a schema
	Work           int // steps of one validation; a million takes from 20 to 200 ms
}

// DefaultLimits leave an order of magnitude above the largest schemas seen in use.
func DefaultLimits() Limits {
	return Limits{
		Bytes:          512 << 10,
		Depth:          64,
		Nodes:          20_000,
		Name:           1024,
		Enum:           10_000,
		Expansion:      100_000,
		Chain:          200,
		Pattern:        2_000,
		PatternProgram: 5_000,
		Programs:       100_000,
		Work:           5_000_000,
	}
}

// Schema is a compiled schema: immutable, and safe for concurrent use.
type Schema struct {
	root    *node
	work    int
	dynamic bool
	// dynamics are the nodes each $dynamicAnchor names, over all resources of the schema.
	dynamics map[string][]*node
	size     int
	marks    []Mark
	// defaultFaults are mistakes in defaults, which matter only where they are filled in.
	defaultFaults []fault.Violation
}

// Any returns the schema of every JSON object: what a collection without a schema admits.
func Any() *Schema {
	return &Schema{
		root: &node{types: typeObject, place: &place{}},
		work: DefaultLimits().Work,
		size: 256,
	}
}

// Size estimates the memory the schema holds, in bytes, for the accounts of a cache.
func (s *Schema) Size() int { return s.size }

// AdmitsAnyObject says that Validate accepts every JSON object, so that nobody need decode one to ask.
func (s *Schema) AdmitsAnyObject() bool {
	n := s.root
	return n.always || n.types&typeObject != 0 &&
		n.enum == nil && n.constant == nil && !n.meta && !n.hasObject && !n.hasInPlace
}

// CodeSchema is the code of the fault.Invalid with which Compile refuses a schema.
const CodeSchema = "collection.schema"

// codeTooComplex is the code of the one violation of a document that needs more than Limits.Work.
const codeTooComplex = "tooComplex"

func tooComplex() fault.Violation {
	return fault.Violation{
		In:      "body",
		Code:    codeTooComplex,
		Message: "takes too long to check against the schema; make the document smaller or the schema simpler",
	}
}
