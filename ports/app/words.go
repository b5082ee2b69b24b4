package app

import (
	"context"
	"slices"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/search"
)

// planWords judges the plan of a query that searches for words: every document that has them is read, and sorted.
func (d *Documents) planWords(ctx context.Context, l *listing, allowScan bool) (plan search.Plan, estimated int64, err error) {
	if len(l.plans) == 0 {
		return search.Plan{}, 0, wordless(l)
	}
	plan = l.plans[0]
	found := plan
	found.Residual = nil
	n, err := d.Store.CountFound(ctx, l.collection.Key, search.Query{}, found, d.Limits.Scan+1)
	if err != nil {
		return search.Plan{}, 0, err
	}
	if n > d.Limits.Scan && !allowScan {
		return search.Plan{}, 0, fault.New(fault.Invalid, "query.tooExpensive",
			"more than %d documents have these words: search for others, or sort all of them with allowScan=true", d.Limits.Scan)
	}
	return plan, n, nil
}

// wordless is the failure of a search that no index answers. It suggests one, unless there is one that only is not ready, or is for a part of the documents.
func wordless(l *listing) error {
	text := "no text index answers this search: declare the suggested one, or one on the fields that matter"
	suggestion := search.Suggest(l.query)
	if slices.ContainsFunc(l.collection.Config.Indexes, func(x *index.Index) bool { return x.Kind == index.Words }) {
		text = "the text index does not answer this search: it is not ready, or its condition is no part of the filter"
		suggestion = nil
	}
	return &UnindexedError{Fault: fault.New(fault.Invalid, "query.unindexed", "%s", text), Suggestion: suggestion}
}
