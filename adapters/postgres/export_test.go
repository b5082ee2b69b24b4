package postgres

import (
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/ports"
)

// FindStatements are the statements by which a stretch may be found, and what the first of them is called with.
func FindStatements(key collection.Key, f ports.Find, limit int) (map[string]string, error) {
	statements := map[string]string{"fetch": fetchStatement(key, []string{"x"}).sql}
	add := func(name string, st statement, err error) error {
		statements[name] = st.sql
		return err
	}
	if f.Plan.Ordered && len(f.Plan.Spans) <= 1 {
		st, err := orderedStatement(key, f, f.From, limit)
		if err := add("page", st, err); err != nil {
			return nil, err
		}
	} else {
		st, err := placesStatement(key, f)
		if err := add("places", st, err); err != nil {
			return nil, err
		}
	}
	if f.Plan.Index != nil {
		statements["entries"] = countEntriesStatement(key, f.Plan.Index.ID, f.Plan.Spans, 100).sql
	}
	st, err := countStatement(key, f.Query, f.Plan, 100)
	return statements, add("count", st, err)
}

// AggregateStatement is the statement of an aggregation.
func AggregateStatement(key collection.Key, a ports.Aggregation) (sql string, args []any, err error) {
	st, err := aggregateStatement(key, a)
	return st.sql, st.args, err
}
