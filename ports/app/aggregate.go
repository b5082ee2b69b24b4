package app

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"github.com/sheafdb/sheaf/domain/aggregate"
	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
	"github.com/sheafdb/sheaf/domain/search"
	"github.com/sheafdb/sheaf/ports"
)

// aggregateBudget is how long an aggregation may take where Limits says nothing: longer than that nobody waits for an answer.
const aggregateBudget = 20 * time.Second

// AggregateDocuments is a request for the rows that stages make of documents.
type AggregateDocuments struct {
	Collection ident.Collection
	Body       []byte // JSON as it came
	// Tagged says that the answer is to have a tag, where it can have one; Known are the tags of answers that the caller has, nil is none.
	Tagged bool
	Known  *Tags
}

// Aggregated is an aggregation that is checked and planned, and has yet to run.
type Aggregated struct {
	documents *Documents
	request   AggregateDocuments
	key       collection.Key
	run       ports.Aggregation
	// hidden leads to members of rows that answers do not show.
	hidden []query.Path
	// Columns are the members of its rows in the order in which they are told.
	Columns []string
	// Explain is set when it was asked for.
	Explain *Explanation
	// Unchanged says that the caller has the rows: there is nothing to run.
	Unchanged bool

	// tag is that of the rows at a position of the collection's bucket.
	tag string
	at  change.Position
}

// Aggregate checks and plans an aggregation.
// It fails with fault.NotFound (no collection), with fault.Malformed and code "aggregate.invalid" for stages that cannot be read, and with an *UnindexedError for a
// collection that would take too much to read.
func (d *Documents) Aggregate(ctx context.Context, _ Caller, r AggregateDocuments) (*Aggregated, error) {
	for range judgements {
		a, err := d.aggregate(ctx, r)
		if !errors.Is(err, collection.ErrChanged) {
			return a, err
		}
		d.Catalog.Forget(r.Collection) // an index that it was to be read by is gone
	}
	return nil, collection.ErrChanged
}

func (d *Documents) aggregate(ctx context.Context, r AggregateDocuments) (*Aggregated, error) {
	c, err := d.Catalog.Get(ctx, r.Collection)
	if err != nil {
		return nil, err
	}
	text, err := collection.Read(r.Body, collection.Limits{Depth: d.Limits.Document.Depth})
	if err != nil {
		return nil, err
	}
	foreign, at := false, d.Clock()
	request, err := aggregate.ParseRequest(text, aggregate.Source{
		Document: c.Filters().Variables["doc"],
		Refers:   func(path query.Path) (ident.Collection, bool) { return refers(c, path) },
		Open: func(name ident.Collection) (aggregate.Foreign, error) {
			other, err := d.Catalog.Get(ctx, name)
			if err != nil {
				return aggregate.Foreign{}, err
			}
			foreign = true
			return aggregate.Foreign{Key: other.Key, Living: other.Living(at), Document: other.Filters().Variables["doc"], Hidden: other.Hidden()}, nil
		},
	})
	if err != nil {
		return nil, err
	}
	hidden, err := request.Pipeline.Hidden(c.Hidden())
	if err != nil {
		return nil, err
	}
	a := &Aggregated{documents: d, request: r, key: c.Key, hidden: hidden}
	if r.Tagged && !foreign && !request.Explain {
		if a.at, err = d.Store.Position(ctx, c.Bucket); err != nil {
			return nil, err
		}
		a.tag = tagOf(c, a.at, "aggregate", string(text))
	}
	if a.Unchanged = r.Known.Has(a.tag); a.Unchanged {
		return a, nil
	}
	plan, estimated, err := d.planAll(ctx, c, search.Query{Filter: request.Pipeline.Leading()}, request.AllowScan)
	if err != nil {
		return nil, err
	}
	a.run = ports.Aggregation{Pipeline: request.Pipeline, Plan: plan, Living: c.Living(at), Budget: d.Limits.Aggregate}
	if a.run.Budget <= 0 {
		a.run.Budget = aggregateBudget
	}
	for _, column := range request.Pipeline.Columns {
		a.Columns = append(a.Columns, column.Name)
	}
	if request.Explain {
		a.Explain = &Explanation{Plan: plan, Estimated: estimated}
	}
	return a, nil
}

// Run calls visit with the text of every row, and ends with the first error of visit. The row must not be kept.
// It fails with fault.TooLarge, see ports.DocumentAggregator.
func (a *Aggregated) Run(ctx context.Context, visit func(row []byte) error) error {
	for range judgements {
		rows := 0
		err := a.documents.Store.Aggregate(ctx, a.key, a.run, func(row []byte) error {
			rows++
			return visit(a.shown(row))
		})
		if rows > 0 || !errors.Is(err, collection.ErrChanged) {
			if a.Explain != nil && err == nil {
				a.Explain.Returned = rows
				a.Explain.Examined, err = a.examined(ctx)
			}
			return err
		}
		a.documents.Catalog.Forget(a.request.Collection)
		a.request.Known = nil
		again, err := a.documents.aggregate(ctx, a.request)
		if err != nil {
			return err
		}
		*a = *again
	}
	return collection.ErrChanged
}

// Tag returns the strong entity tag of the rows, once they are there; "" where more than the collection decides what they are, or it was changed since Aggregate.
func (a *Aggregated) Tag(ctx context.Context) string {
	if a.tag == "" || a.Unchanged {
		return a.tag
	}
	if at, err := a.documents.Store.Position(ctx, a.key.Bucket); err != nil || at != a.at {
		return ""
	}
	return a.tag
}

// shown is what an answer shows of a row.
func (a *Aggregated) shown(row []byte) []byte {
	if len(a.hidden) == 0 {
		return row
	}
	shown, less := query.Without(decoded(row), a.hidden...)
	if !less {
		return row
	}
	return jsontext.Append(nil, shown)
}

// examined counts what the plan reads: entries of its index, or documents. It is only asked when somebody wants to know.
func (a *Aggregated) examined(ctx context.Context) (int64, error) {
	if p := a.run.Plan; p.Index != nil {
		return a.documents.Store.CountEntries(ctx, a.key, p.Index.ID, p.Spans, math.MaxInt64)
	}
	return a.documents.Store.CountFound(ctx, a.key, search.Query{}, search.Plan{}, 0)
}

// refers returns the collection that a path is declared to refer to, be it that of one document or of each in an array.
func refers(c *collection.Collection, path query.Path) (ident.Collection, bool) {
	for _, r := range c.Config.References {
		if slices.Equal(slices.Concat(r.Field.Path, r.Field.Rest), path) {
			return r.Collection, true
		}
	}
	return ident.Collection{}, false
}

// planAll chooses how everything that matches is read: by the index that leaves the fewest entries to read, else through all documents.
func (d *Documents) planAll(ctx context.Context, c *collection.Collection, q search.Query, allowScan bool) (plan search.Plan, estimated int64, err error) {
	plans := search.Plans(q, c.ReadyIndexes())
	plan, estimated = plans[len(plans)-1], d.Limits.Scan+1
	for _, p := range plans {
		if p.Bound == 0 {
			continue
		}
		n, err := d.Store.CountEntries(ctx, c.Key, p.Index.ID, p.Spans, d.Limits.Scan+1)
		if err != nil {
			return search.Plan{}, 0, err
		}
		if n < estimated || plan.Index == nil && n == estimated {
			plan, estimated = p, n
		}
	}
	if estimated <= d.Limits.Scan {
		return plan, estimated, nil
	}
	n, err := d.Store.CountFound(ctx, c.Key, search.Query{}, search.Plan{}, d.Limits.Scan+1)
	switch {
	case err != nil:
		return search.Plan{}, 0, err
	case n <= d.Limits.Scan:
		return plans[len(plans)-1], n, nil
	case !allowScan:
		return search.Plan{}, 0, tooWide(q)
	}
	return plan, estimated, nil
}

// tooWide is the fault of an aggregation that reads too many documents.
func tooWide(q search.Query) error {
	return &UnindexedError{
		Fault: fault.New(fault.Invalid, "query.unindexed",
			"the collection is large, and no index bounds what is read of it: begin with a match that one answers, or read everything with allowScan"),
		Suggestion: search.Suggest(q),
	}
}
