package search

import (
	"cmp"
	"slices"
	"strings"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/query"
)

// ByRank is the order of a search for which no other is asked: what matches best is first.
const ByRank = "rank desc"

// Search returns what the query searches for, and the number of that part of the filter; -1 where it searches for no words.
func (q Query) Search() (wanted query.Search, part int) {
	for i, n := range q.Nodes() {
		if wanted, is := query.SearchOf(n); is {
			return wanted, i
		}
	}
	return query.Search{}, -1
}

// Check judges the order and the search of a query together; declared are all indexes of the collection, in whatever state.
// It fails with fault.Malformed: code "order.invalid" for an order by rank without a search, "filter.invalid" for a search that does not say in which of several indexes, or names none of them.
func (q Query) Check(declared []*index.Index) error {
	wanted, part := q.Search()
	if part < 0 && q.Order.Ranked() {
		return fault.New(fault.Malformed, "order.invalid", "the order cannot be read").With(fault.Violation{
			In: "query", Pointer: "orderBy", Code: "orderBy", Message: "rank: is for a filter with search(…)",
		})
	}
	var names []string
	for _, x := range declared {
		if x.Kind == index.Words {
			names = append(names, x.Name)
		}
	}
	if part >= 0 && len(names) > 0 && (wanted.Index != "" || len(names) > 1) && !slices.Contains(names, wanted.Index) {
		message := "says in which text index: " + strings.Join(names, ", ")
		return fault.New(fault.Malformed, "filter.invalid", "the expression cannot be used: search(…) %s", message).With(fault.Violation{
			In: "query", Pointer: "filter", Code: "unknown", Message: "search(…) " + message, Params: map[string]any{"expected": names},
		})
	}
	return nil
}

// wordPlans returns the plan of a query that searches for words, as a list.
func wordPlans(wanted query.Search, part int, kept []index.Kept, all []query.Node, bound []binding) []Plan {
	for i := range kept {
		k := &kept[i]
		covered := make([]bool, len(all))
		covered[part] = true
		if k.Kind != index.Words || k.Name != cmp.Or(wanted.Index, k.Name) || !impliedBy(k.Index, all, bound, covered) {
			continue
		}
		p := Plan{Index: k, Words: wanted.Words, Bound: 1, Reads: []string{query.Format(all[part])}}
		for i, part := range all {
			if !covered[i] {
				p.Residual = append(p.Residual, part)
			}
		}
		return []Plan{p}
	}
	return nil
}

// suggestWords returns the declaration of a text index over whole documents: a search does not say which fields it is about.
func suggestWords(wanted query.Search) map[string]any {
	declaration := map[string]any{"name": wanted.Index, "kind": string(index.Words), "on": []any{"doc"}, "language": index.DefaultLanguage}
	if _, wrong := index.Parse(declaration); wrong != nil {
		declaration["name"] = "by_text"
	}
	return declaration
}

// Ranked says that the order has to be told how well a document matches: OfRanked has it, and Of does not.
func (o Order) Ranked() bool {
	return slices.ContainsFunc(o.terms, func(f index.Field) bool { return f.Column == index.Rank })
}

// parseRank reads a term of an order that is rank.
func parseRank(term string) (index.Field, bool) {
	name, direction, _ := strings.Cut(term, " ")
	direction = strings.TrimSpace(direction)
	is := name == string(index.Rank) && (direction == "" || direction == "asc" || direction == "desc")
	return index.Field{Column: index.Rank, Desc: direction == "desc"}, is
}
