package search

import (
	"slices"

	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/query"
)

// Suggest returns the declaration of an index, as decoded JSON, by which a query would be answered without reading everything; nil where no index helps.
func Suggest(q Query) map[string]any {
	if wanted, part := q.Search(); part >= 0 {
		return suggestWords(wanted)
	}
	var equal, ranged []index.Field
	if q.Filter != nil {
		for _, b := range bindings(parts(q.Filter.Root())) {
			f := b.field
			if f.Column == index.ID || slices.ContainsFunc(append(slices.Clone(equal), ranged...), func(g index.Field) bool { return sameField(f, g) }) {
				continue
			}
			if b.equal != nil {
				equal = append(equal, f)
			} else {
				ranged = append(ranged, f)
			}
		}
	}
	fields := equal
	order := q.Order.Terms()
	switch {
	case len(order) > 0:
		for _, t := range order {
			if !slices.ContainsFunc(fields, func(g index.Field) bool { return sameField(t, g) }) {
				fields = append(fields, t)
			}
		}
	case len(ranged) > 0:
		fields = append(fields, ranged[0])
	}
	fields = oneArray(fields)
	if len(fields) == 0 || len(fields) > index.MaxFields {
		return nil
	}
	on := make([]any, len(fields))
	for i, f := range fields {
		on[i] = f.String()
	}
	return map[string]any{"name": nameFor(fields), "on": on}
}

// oneArray drops what an index cannot have: a second field through an array.
func oneArray(fields []index.Field) []index.Field {
	seen := false
	return slices.DeleteFunc(slices.Clone(fields), func(f index.Field) bool {
		again := f.Each && seen
		seen = seen || f.Each
		return again
	})
}

// nameFor makes a name of the members that an index is on.
func nameFor(fields []index.Field) string {
	const most = 60
	name := []byte("by")
	for _, f := range fields {
		last := string(f.Column)
		if path := append(slices.Clone(f.Path), f.Rest...); last == "" && len(path) > 0 {
			last = path[len(path)-1]
		}
		name = append(name, '_')
		for i := range len(last) {
			switch c := last[i]; {
			case c >= 'a' && c <= 'z', c >= '0' && c <= '9':
				name = append(name, c)
			case c >= 'A' && c <= 'Z':
				name = append(name, c+'a'-'A')
			}
		}
	}
	return string(name[:min(len(name), most)])
}

// Nodes returns the parts of the filter, to be looked at in each document.
func (q Query) Nodes() []query.Node {
	if q.Filter == nil {
		return nil
	}
	return parts(q.Filter.Root())
}
