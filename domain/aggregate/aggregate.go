// Package aggregate holds lists of stages that turn documents into rows: what they are, how they are read from JSON, and what they mean.
//
// # Rows
//
// A row is a set of variables with JSON values. The rows of a collection are its documents in the order of their ids, with the variables doc, id, revision, createdAt
// and updatedAt; a stage takes rows and gives rows. After a project or a group its members are the variables, and there are no others.
//
// Rows hold JSON: what a project or a group computes is turned into it. A timestamp becomes its text in UTC with six digits of a fraction, which orders as time does, a
// duration the number of its seconds. What has no value becomes null, so that every row has every member; and so does a number that is longer than MaxNumber digits, and a list or
// a string that an expression has put together and that is longer than MaxComputed bytes.
//
// # Order
//
// Rows have an order at every moment: that of the ids, then that of the last sort, in which ties keep the order they had. The elements of an array follow in their own order.
// Groups come in the order of their keys. Values order as index.Compare says, and null and missing values are last in both directions; long values are compared to their ends.
//
// # Two interpreters
//
// Run is the meaning of a pipeline, in Go. adapters/postgres compiles the same stages to one statement, which gives the same rows, byte for byte.
//
// Start at Parse, Pipeline and Run.
package aggregate

import (
	"time"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/query"
)

// Limits of a pipeline.
const (
	MaxStages       = 50
	MaxFacets       = 10 // of a stage
	MaxFacetStages  = 20 // of a facet
	MaxFacetRows    = 1000
	MaxMembers      = 50 // of a project, and of a group
	MaxKeys         = 16 // of a group
	MaxTerms        = 16 // of a sort
	MaxCollected    = 1000
	MaxLimit        = 1_000_000
	MaxSkip         = 1_000_000_000
	DefaultRows     = 10_000 // of a result whose last stage is no limit
	maxNameBytes    = 128
	MaxNumber       = 1000    // digits and signs of a computed number: as many as a document's number has
	MaxComputed     = 1 << 20 // bytes of the text of a string or list that an expression puts together
	MaxCollectBytes = 4 << 20 // of the texts of what one collect or distinct holds: as much as a document
	MaxRow          = 16 << 20
)

// Pipeline is a checked list of stages. It is immutable, and safe for concurrent use.
type Pipeline struct {
	Stages []Stage
	// Columns are the members of the rows it gives, in the order in which they are told.
	Columns []Column
}

// Column is a member of a row.
type Column struct {
	// Name is the member, Variable what has its value: they differ in documents, of which doc is the member data.
	Name, Variable string
}

// Leading returns the condition of the first stage when that is a match, nil when it is not.
func (p *Pipeline) Leading() *query.Expr {
	if len(p.Stages) > 0 {
		if m, ok := p.Stages[0].(*Match); ok {
			return m.Condition
		}
	}
	return nil
}

// Rows returns how many rows the pipeline may give.
func (p *Pipeline) Rows() int64 {
	if len(p.Stages) > 0 {
		if l, ok := p.Stages[len(p.Stages)-1].(*Limit); ok {
			return l.Rows
		}
	}
	return DefaultRows
}

// Stage is *Match, *Unwind, *Project, *Group, *Sort, *Limit, *Skip, *Lookup or *Facet.
type Stage interface{ stage() }

// Match keeps the rows for which the condition is true.
type Match struct{ Condition *query.Expr }

// Unwind gives a row for each element of an array. What is neither an array nor null counts as an array of one element.
type Unwind struct {
	// Path is a variable, or a member of one.
	Path *query.Expr
	// Root is the variable, Members lead on from it.
	Root    string
	Members query.Path
	// As is the variable that the element becomes; "" puts it in the place of the array.
	As string
	// Index is the variable that the place of the element becomes, counted from 0; "" for none.
	Index string
	// PreserveEmpty keeps a row without elements: As and Index are null then, and in its own place an empty array is taken away.
	PreserveEmpty bool
}

// Project gives rows with these members.
type Project struct{ Members []Member }

// Member is a computed member of a row.
type Member struct {
	Name  string
	Value Value
}

// Value is an expression, or the bucket of time that an instant lies in.
type Value struct {
	Expr   *query.Expr
	Bucket *Bucket
}

// Bucket is a stretch of the calendar in a zone.
type Bucket struct {
	Unit Unit
	Zone *time.Location
}

// Group gives a row for each combination of the values of By: its keys, then its fields. Numbers of equal value are one key, shown as the one that is written shortest.
// Without keys there is one row, also of no rows.
type Group struct {
	By     []Member
	Fields []Field
}

// Field is a member that sums up the rows of a group.
type Field struct {
	Name string
	Op   Op
	// Of is what it sums up; nil counts rows.
	Of *query.Expr
	// Most bounds what OpDistinct and OpCollect hold.
	Most int
	// At is the percentile, from 0 to 1.
	At float64
}

// Op is a way to sum up values.
type Op string

// The ways. Null and missing values do not count, but where it is said.
const (
	OpCount         Op = "count"         // rows, or rows for which Of is true
	OpSum           Op = "sum"           // of the numbers, exact; 0 of none
	OpAvg           Op = "avg"           // of the numbers, see AvgDigits; null of none
	OpMin           Op = "min"           // of the scalars; null of none
	OpMax           Op = "max"           // likewise
	OpFirst         Op = "first"         // in the order of the rows, null where that row has no value
	OpLast          Op = "last"          // likewise
	OpDistinct      Op = "distinct"      // the different values in their order, the first Most of them
	OpCountDistinct Op = "countDistinct" // how many different values there are
	OpPercentile    Op = "percentile"    // of the numbers, the smallest that At of them are not above; null of none
	OpCollect       Op = "collect"       // values in the order of the rows, the first Most of them; null counts
)

// Sort orders rows.
type Sort struct{ Terms []Term }

// Term is one of the things that rows are ordered by.
type Term struct {
	By   *query.Expr
	Desc bool
}

// Limit keeps the first rows.
type Limit struct{ Rows int64 }

// Skip leaves the first rows out.
type Skip struct{ Rows int64 }

// Lookup makes a variable of the data of a document of another collection, null where there is none; of an array of ids, an array of those there are.
type Lookup struct {
	From ident.Collection
	Key  collection.Key
	// Living is which documents of the other collection there are.
	Living index.Living
	// ID is the id: a string as it is, or a whole number as its digits.
	ID *query.Expr
	As string
	// Hidden are members of those documents that answers do not show unless they are named.
	Hidden []query.Path
}

// Facet gives one row with a member for each branch: an array of the rows that its stages make of all rows, MaxFacetRows at most.
type Facet struct{ Branches []Branch }

// Branch is one of the branches of a facet.
type Branch struct {
	Name    string
	Stages  []Stage
	Columns []Column
}

func (*Match) stage()   {}
func (*Unwind) stage()  {}
func (*Project) stage() {}
func (*Group) stage()   {}
func (*Sort) stage()    {}
func (*Limit) stage()   {}
func (*Skip) stage()    {}
func (*Lookup) stage()  {}
func (*Facet) stage()   {}
