package search

import (
	"cmp"
	"slices"

	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
)

// Plan is a way to find the documents of a query.
type Plan struct {
	// Index is what is read; nil reads the documents themselves, in the order of their ids.
	Index *index.Kept
	// Spans are the stretches of the index that are read.
	Spans []index.Span
	// Words are what a text index is searched for. It has no spans, and is never Ordered.
	Words string
	// Ordered says that each span is in the order of the list; else all that matches is read, and sorted. Without an index it says that the list is ordered by id.
	Ordered bool
	// Repeats says that the spans may name a document more than once.
	Repeats bool
	// Prefix are the beginnings of the keys in each span, before those of the order.
	Prefix [][]byte
	// Residual are the parts of the filter that are looked at in each document.
	Residual []query.Node
	// Bound is how many parts of the filter the spans answer, in full or in part; Equal how many fields they bind by equality.
	Bound, Equal int
	// Reads say what each span is bound to, for people.
	Reads []string
}

// maxSpans bounds the spans of a plan.
const maxSpans = maxAlternatives

// Plans returns the ways to find the documents of a query, the one that promises most first. The last one reads the documents themselves, and always works.
// For a query that searches for words there is one plan, or none where no text index serves it.
func Plans(q Query, kept []index.Kept) []Plan {
	var all []query.Node
	if q.Filter != nil {
		all = parts(q.Filter.Root())
	}
	bound := bindings(all)
	if wanted, part := q.Search(); part >= 0 {
		return wordPlans(wanted, part, kept, all, bound)
	}
	var plans []Plan
	for i := range kept {
		if p, ok := planOf(q, &kept[i], all, bound); ok {
			plans = append(plans, p)
		}
	}
	slices.SortStableFunc(plans, func(a, b Plan) int {
		return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(len(a.Residual), len(b.Residual)), cmp.Compare(b.Equal, a.Equal), cmp.Compare(b.Bound, a.Bound))
	})
	return append(plans, Plan{Ordered: q.Order.ByID(), Residual: all})
}

// rank orders plans by what they promise: those that read no more than a page come first.
func (p Plan) rank() int {
	switch {
	case p.Ordered && len(p.Residual) == 0:
		return 0
	case p.Bound > 0 && len(p.Residual) == 0:
		return 1
	case p.Ordered && p.Bound > 0:
		return 2
	case p.Bound > 0:
		return 3
	}
	return 4
}

func planOf(q Query, k *index.Kept, all []query.Node, bound []binding) (Plan, bool) {
	covered := make([]bool, len(all))
	if k.Kind != index.Ordered {
		return Plan{}, false
	}
	if !impliedBy(k.Index, all, bound, covered) {
		return Plan{}, false
	}
	p := Plan{Index: k}
	values := p.bindEqual(bound, covered)
	if each := k.Each(); each > p.Equal || each == p.Equal && !p.bindRange(values, bound, covered) {
		return Plan{}, false // documents without an element have no entry
	} else if each < p.Equal {
		p.bindRange(values, bound, covered)
	}
	if p.Spans == nil {
		for _, v := range values {
			p.Spans = append(p.Spans, k.Equal(v...))
		}
	}
	exact := !slices.ContainsFunc(p.Spans, func(s index.Span) bool { return !s.Exact })
	for i, part := range all {
		if !covered[i] || !exact {
			p.Residual = append(p.Residual, part)
		}
	}
	p.Reads = p.describe(values, bound)
	p.order(q.Order)
	if p.Ordered {
		for _, v := range values {
			p.Prefix = append(p.Prefix, k.Equal(v...).From)
		}
	}
	return p, p.Bound > 0 || p.Ordered
}

// bindEqual binds the first fields of the index by equality, and returns the combinations of their values.
func (p *Plan) bindEqual(bound []binding, covered []bool) [][]any {
	values := [][]any{nil}
	for _, f := range p.Index.Fields {
		b, ok := findBinding(bound, f, p.Index.CaseInsensitive, func(b binding) bool { return b.equal != nil })
		if !ok {
			break
		}
		distinct := distinctValues(b.equal)
		if len(values)*len(distinct) > maxSpans {
			break
		}
		var next [][]any
		for _, before := range values {
			for _, v := range distinct {
				next = append(next, append(slices.Clone(before), v))
			}
		}
		values = next
		p.Repeats = p.Repeats || f.Each && len(distinct) > 1
		p.Equal++
		p.Bound++
		covered[b.part] = covered[b.part] || b.exact && !p.Index.CaseInsensitive
	}
	return values
}

// distinctValues drops values that have equal keys.
func distinctValues(values []any) []any {
	var list []any
	for _, v := range values {
		if !slices.ContainsFunc(list, func(w any) bool { return index.Compare(v, w) == 0 }) {
			list = append(list, v)
		}
	}
	return list
}

// bindRange binds the field behind those that are bound by equality, and says whether there was anything to bind it with.
func (p *Plan) bindRange(values [][]any, bound []binding, covered []bool) bool {
	if p.Equal == len(p.Index.Fields) {
		return false
	}
	f := p.Index.Fields[p.Equal]
	if b, ok := findBinding(bound, f, p.Index.CaseInsensitive, func(b binding) bool { return b.begins }); ok {
		for _, v := range values {
			p.Spans = append(p.Spans, p.Index.StartsWith(v, b.prefix))
		}
		covered[b.part] = b.exact && !p.Index.CaseInsensitive
		p.Bound++
		p.Repeats = p.Repeats || f.Each
		return true
	}
	if p.Index.CaseInsensitive {
		return false // its order is another
	}
	var r index.Range
	for _, b := range bound {
		switch {
		case b.folded || !sameField(b.field, f) || b.lo == nil && b.hi == nil:
		case b.lo != nil && r.Lo == nil && sameKind(b.lo, r.Hi):
			r.Lo = b.lo
			p.take(b, f, covered)
		case b.hi != nil && r.Hi == nil && sameKind(b.hi, r.Lo):
			r.Hi = b.hi
			p.take(b, f, covered)
		}
	}
	if r == (index.Range{}) {
		return false
	}
	for _, v := range values {
		p.Spans = append(p.Spans, p.Index.Range(v, r))
	}
	p.Repeats = p.Repeats || f.Each
	return true
}

// take notes that a part of the filter is answered by a range. Of an array, each bound may be met by another element.
func (p *Plan) take(b binding, f index.Field, covered []bool) {
	p.Bound++
	covered[b.part] = b.exact && !f.Each
}

// sameKind says whether two bounds are of one kind: a range of two kinds is empty, and that is for the filter to say.
func sameKind(a, b *index.Bound) bool { return b == nil || index.SameKind(a.Value, b.Value) }

func findBinding(bound []binding, f index.Field, folds bool, suits func(binding) bool) (binding, bool) {
	var best binding
	found := false
	for _, b := range bound {
		if !sameField(b.field, f) || b.folded && !folds || !suits(b) {
			continue
		}
		if !found || len(b.equal) < len(best.equal) {
			best, found = b, true
		}
	}
	return best, found
}

// order says whether the spans are in the order of the list.
func (p *Plan) order(o Order) {
	if p.Repeats || slices.ContainsFunc(p.Spans, func(s index.Span) bool { return !s.Exact }) || p.Index.CaseInsensitive && len(p.Index.Fields) > p.Equal {
		return
	}
	// An index that is turned around would have null first, and the ids of equal values from the last to the first.
	p.Ordered = o.is(p.Index.Fields[p.Equal:])
}

// impliedBy says whether every document that matches the filter has an entry in a partial index, and marks the parts that the index's condition answers.
func impliedBy(x *index.Index, all []query.Node, bound []binding, covered []bool) bool {
	if x.Condition() == nil {
		return true
	}
	for _, condition := range parts(x.Condition().Root()) {
		i := slices.IndexFunc(all, func(part query.Node) bool { return sameNode(part, condition) })
		if i >= 0 {
			covered[i] = true
			continue
		}
		if !impliesPresence(condition, bound) {
			return false
		}
	}
	return true
}

// impliesPresence says whether a condition only asks for a member that the filter compares with something.
func impliesPresence(condition query.Node, bound []binding) bool {
	var path query.Path
	switch c := condition.(type) {
	case *query.Has:
		parent, ok := query.PathOf(c.Operand)
		if !ok {
			return false
		}
		path = append(slices.Clone(parent), c.Member)
	case *query.Call:
		if c.Op != query.OpNotEqual {
			return false
		}
		value, constant := literal(c.Arguments[1])
		p, ok := query.PathOf(c.Arguments[0])
		if !constant || value != nil || !ok {
			return false
		}
		path = p
	default:
		return false
	}
	return slices.ContainsFunc(bound, func(b binding) bool {
		return !b.field.Each && slices.Equal(b.field.Path, path) && !slices.Contains(b.equal, nil)
	})
}

// sameNode says whether two expressions are written in the same way.
func sameNode(a, b query.Node) bool {
	switch a := a.(type) {
	case *query.Literal:
		b, ok := b.(*query.Literal)
		return ok && sameValue(a.Value, b.Value)
	case *query.Variable:
		b, ok := b.(*query.Variable)
		return ok && a.Name == b.Name
	case *query.Bound:
		b, ok := b.(*query.Bound)
		return ok && a.Level == b.Level
	case *query.Select:
		b, ok := b.(*query.Select)
		return ok && a.Member == b.Member && sameNode(a.Operand, b.Operand)
	case *query.Has:
		b, ok := b.(*query.Has)
		return ok && a.Member == b.Member && sameNode(a.Operand, b.Operand)
	case *query.Index:
		b, ok := b.(*query.Index)
		return ok && sameNode(a.At, b.At) && sameNode(a.Operand, b.Operand)
	case *query.Call:
		b, ok := b.(*query.Call)
		return ok && a.Op == b.Op && a.On == b.On && slices.EqualFunc(a.Arguments, b.Arguments, sameNode)
	case *query.Quantified:
		b, ok := b.(*query.Quantified)
		return ok && a.Quantifier == b.Quantifier && a.Level == b.Level && sameNode(a.Over, b.Over) && sameNode(a.Body, b.Body)
	}
	return false // an index is not used where that is not certain
}

func sameValue(a, b any) bool {
	switch a.(type) {
	case query.Instant, query.Span:
		return a == b
	}
	return jsontext.Equal(a, b)
}
