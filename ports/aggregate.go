package ports

import (
	"context"
	"time"

	"github.com/sheafdb/sheaf/domain/aggregate"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/search"
)

// Aggregation is a pipeline over the documents of a collection.
type Aggregation struct {
	Pipeline *aggregate.Pipeline
	// Plan is one of search.Plans for the condition of the pipeline's first match. Whatever the plan, the answer is the same.
	Plan search.Plan
	// Living is which documents there are; the zero value is all that are stored.
	Living index.Living
	// Budget is how long it may take.
	Budget time.Duration
}

// DocumentAggregator sums documents up.
type DocumentAggregator interface {
	// Aggregate calls visit with the canonical text of every row of the pipeline, in their order, all from one moment.
	// It ends with the first error of visit and returns it as it is. The row must not be kept after visit returned.
	// It fails with collection.ErrChanged, before it has called visit, when the index that it is to read is no longer ready, and
	// with fault.TooLarge: code "aggregate.rows" for more rows than the pipeline may give, "aggregate.tooLarge" for a row that is too long,
	// "aggregate.budget" when it takes longer than its budget. visit may have been called by then.
	Aggregate(ctx context.Context, key collection.Key, a Aggregation, visit func(row []byte) error) error
}
