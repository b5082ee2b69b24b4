package search

import (
	"slices"

	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/query"
)

// binding is what a part of a filter says of one field.
type binding struct {
	// part is the number of the part of the conjunction.
	part  int
	field index.Field
	// equal are the values that the field is one of; nil where it is in a range.
	equal  []any
	lo, hi *index.Bound
	// prefix is what the field begins with, where begins is set.
	prefix string
	begins bool
	// exact says that the part is true for exactly the documents that the binding admits; else it is looked at again.
	exact bool
	// folded says that only a case-insensitive index can use it.
	folded bool
}

// parts returns the parts of a conjunction.
func parts(n query.Node) []query.Node { return query.Parts(n) }

// bindings returns what the parts say of fields.
func bindings(all []query.Node) []binding {
	var list []binding
	for i, part := range all {
		if b, ok := bind(part, fieldOf); ok {
			b.part = i
			list = append(list, b)
		}
	}
	return list
}

// fieldOf returns the field that a node is.
func fieldOf(n query.Node) (index.Field, bool) {
	if v, ok := n.(*query.Variable); ok {
		switch column := index.Column(v.Name); column {
		case index.ID, index.Revision, index.CreatedAt, index.UpdatedAt:
			return index.Field{Column: column}, true
		}
		return index.Field{}, false
	}
	path, ok := query.PathOf(n)
	if !ok || len(path) == 0 {
		return index.Field{}, false
	}
	return index.Field{Path: path}, true
}

// finder tells which field a node is.
type finder func(query.Node) (index.Field, bool)

// bind returns what a part says of a field, when it does.
func bind(n query.Node, find finder) (binding, bool) {
	switch n := n.(type) {
	case *query.Select:
		f, ok := find(n)
		return binding{field: f, equal: []any{true}, exact: true}, ok
	case *query.Quantified:
		return bindElement(n)
	case *query.Call:
		return bindCall(n, find)
	}
	return binding{}, false
}

func bindCall(n *query.Call, find finder) (binding, bool) {
	switch n.Op {
	case query.OpNot:
		if s, ok := n.Arguments[0].(*query.Select); ok {
			f, ok := find(s)
			return binding{field: f, equal: []any{false}, exact: true}, ok
		}
	case query.OpOr:
		return bindAny(n, find)
	case query.OpIn:
		return bindIn(n, find)
	case query.OpStartsWith:
		f, ok := find(n.Arguments[0])
		prefix, constant := literal(n.Arguments[1])
		text, isText := prefix.(string)
		return binding{field: f, prefix: text, begins: true, exact: true}, ok && constant && isText
	case query.OpEqual, query.OpLess, query.OpLessOrEqual, query.OpGreater, query.OpGreaterOrEqual:
		return bindComparison(n, find)
	}
	return binding{}, false
}

// turned is the operator with its sides exchanged.
var turned = map[query.Op]query.Op{
	query.OpEqual: query.OpEqual, query.OpLess: query.OpGreater, query.OpLessOrEqual: query.OpGreaterOrEqual,
	query.OpGreater: query.OpLess, query.OpGreaterOrEqual: query.OpLessOrEqual,
}

func bindComparison(n *query.Call, find finder) (binding, bool) {
	op, left, right := n.Op, n.Arguments[0], n.Arguments[1]
	value, constant := literal(right)
	if !constant {
		op, left = turned[op], right
		if value, constant = literal(n.Arguments[0]); !constant {
			return binding{}, false
		}
	}
	folded := false
	if call, ok := left.(*query.Call); ok && call.Op == query.OpLowerASCII && op == query.OpEqual {
		// Strings that are equal but for the case of ASCII letters are equal in their folding too.
		left, folded = call.Arguments[0], true
	}
	f, ok := find(left)
	if !ok || !indexable(f, value) {
		return binding{}, false
	}
	b := binding{field: f, exact: !folded && value != nil, folded: folded}
	switch op {
	case query.OpEqual:
		b.equal = []any{value} // null is found among what is missing
	case query.OpLess:
		b.hi = &index.Bound{Value: value}
	case query.OpLessOrEqual:
		b.hi = &index.Bound{Value: value, Inclusive: true}
	case query.OpGreater:
		b.lo = &index.Bound{Value: value}
	default:
		b.lo = &index.Bound{Value: value, Inclusive: true}
	}
	return b, op == query.OpEqual || value != nil
}

// indexable says whether a value can be compared with the keys of a field: instants are those of columns, and columns have nothing else.
func indexable(f index.Field, value any) bool {
	switch value.(type) {
	case query.Span:
		return false
	case query.Instant:
		return f.Column == index.CreatedAt || f.Column == index.UpdatedAt
	}
	return f.Column != index.CreatedAt && f.Column != index.UpdatedAt
}

func literal(n query.Node) (any, bool) {
	l, ok := n.(*query.Literal)
	if !ok {
		return nil, false
	}
	return l.Value, true
}

// maxAlternatives bounds the values that a field may be one of: each is a search of its own.
const maxAlternatives = 50

// bindIn reads `field in [constants]` and `constant in doc.list`.
func bindIn(n *query.Call, find finder) (binding, bool) {
	if value, constant := literal(n.Arguments[0]); constant {
		path, ok := query.PathOf(n.Arguments[1])
		if !ok || len(path) == 0 || value == nil {
			return binding{}, false
		}
		return binding{field: index.Field{Path: path, Each: true}, equal: []any{value}, exact: true}, true
	}
	values, constant := literal(n.Arguments[1])
	list, isList := values.([]any)
	f, ok := find(n.Arguments[0])
	if !constant || !isList || !ok || len(list) == 0 || len(list) > maxAlternatives {
		return binding{}, false
	}
	b := binding{field: f, equal: list, exact: true}
	for _, v := range list {
		if !indexable(f, v) {
			return binding{}, false
		}
		b.exact = b.exact && v != nil
	}
	return b, true
}

// bindAny reads a disjunction of equalities of one field.
func bindAny(n *query.Call, find finder) (binding, bool) {
	all := binding{exact: true}
	for i, a := range n.Arguments {
		b, ok := bind(a, find)
		if !ok || b.equal == nil || i > 0 && (!sameField(b.field, all.field) || b.folded != all.folded) {
			return binding{}, false
		}
		all.field, all.folded, all.exact = b.field, b.folded, all.exact && b.exact
		all.equal = append(all.equal, b.equal...)
	}
	return all, len(all.equal) <= maxAlternatives
}

// bindElement reads exists over an array, with a condition of the element that binds one field of it.
func bindElement(q *query.Quantified) (binding, bool) {
	over, ok := query.PathOf(q.Over)
	if q.Quantifier != query.Any || !ok || len(over) == 0 {
		return binding{}, false
	}
	find := func(n query.Node) (index.Field, bool) {
		rest, ok := elementPath(n, q.Level)
		return index.Field{Path: over, Each: true, Rest: rest}, ok
	}
	conditions := parts(q.Body)
	for _, c := range conditions {
		if b, ok := bind(c, find); ok && b.field.Each && slices.Equal(b.field.Path, over) {
			b.exact = b.exact && len(conditions) == 1
			return b, true
		}
	}
	return binding{}, false
}

// elementPath returns the path from the element that is bound at a level.
func elementPath(n query.Node, level int) (query.Path, bool) {
	switch n := n.(type) {
	case *query.Bound:
		return query.Path{}, n.Level == level
	case *query.Select:
		path, ok := elementPath(n.Operand, level)
		return append(path, n.Member), ok
	}
	return nil, false
}

// sameField says whether two fields are the same but for their direction.
func sameField(a, b index.Field) bool {
	return a.Column == b.Column && a.Each == b.Each && slices.Equal(a.Path, b.Path) && slices.Equal(a.Rest, b.Rest)
}
