// Package search decides how a list of documents is found: what it asks for (Query), in which order (Order), how far it is read (Position), and
// by which index (Plan).
//
// # Order
//
// A list is ordered by the terms of its Order, as index.Compare orders values, and then by id. Null and missing values are last in both directions.
// Without terms the order is that of the ids.
//
// # Planning
//
// A filter is a conjunction: a document matches when each of its parts is true. Some parts can be answered by an index: equality and "in" with constants, ranges,
// startsWith, a boolean member by itself, an element in an array, and exists over an array with an equality. Plans of an index bind its first fields by equality, the next one
// by a range, and leave the other parts of the filter to be looked at in each document (Residual). The span of an index is in the order of the list when the fields
// behind those bound by equality are the terms of the order.
//
// A filter with search(…) is answered by a text index alone, whatever else there is: it finds the documents, and the other parts of the filter are looked at in each.
//
// Which plan is taken is decided by Choose and the caller, who knows how many entries there are: see docs/queries.md.
//
// Start at Plans.
package search

import (
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/query"
)

// Query is what a list asks for.
type Query struct {
	// Filter is what a document has to match; nil is everything.
	Filter *query.Expr
	Order  Order
	// Living is which documents there are; the zero value is all that are stored.
	Living index.Living
}

// Matches reports whether a document is there and matches the filter.
func (q Query) Matches(d document.Document) (bool, error) {
	if !q.Living.Finds(d.Indexable()) {
		return false, nil
	}
	if q.Filter == nil {
		return true, nil
	}
	vars, err := index.Vars(d.Indexable())
	if err != nil {
		return false, err
	}
	return q.Filter.Match(vars), nil
}

// Position is a place in an ordered list: that of a document with this key of the order and this id.
type Position struct {
	Key []byte
	ID  string
}
