package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sheafdb/sheaf/adapters/postgres/aggregation"
	"github.com/sheafdb/sheaf/domain/aggregate"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/ports"
)

// aggregating are the settings of a statement that is planned for what it reads and runs once; %d is its time in milliseconds.
const aggregating = `SET LOCAL statement_timeout = %d; SET LOCAL plan_cache_mode = 'force_custom_plan'; SET LOCAL enable_seqscan = on; SET LOCAL jit = off`

// Aggregate runs the pipeline as one statement.
func (s *Store) Aggregate(ctx context.Context, key collection.Key, a ports.Aggregation, visit func(row []byte) error) error {
	st, err := aggregateStatement(key, a)
	if err != nil {
		return fault.Wrap(err, fault.Internal, "internal", "the aggregation cannot be compiled")
	}
	var refused error
	err = s.atOneMoment(ctx, "aggregate documents", func(tx pgx.Tx) error {
		// The simple protocol takes several statements at once; it has no arguments.
		if _, err := tx.Exec(ctx, fmt.Sprintf(aggregating, a.Budget.Milliseconds()), pgx.QueryExecModeSimpleProtocol); err != nil {
			return err
		}
		rows, err := tx.Query(ctx, st.sql, st.args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		n := int64(0)
		for rows.Next() {
			var row []byte
			if err := rows.Scan(&row); err != nil {
				return err
			}
			switch n++; {
			case n > a.Pipeline.Rows():
				refused = aggregate.TooManyRows()
			case len(row) > aggregate.MaxRow:
				refused = aggregate.TooLarge()
			default:
				refused = visit(row)
			}
			if refused != nil {
				return nil
			}
		}
		rows.Close()
		return rows.Err()
	})
	if refused != nil {
		return refused
	}
	return tooMuch(err, a.Budget)
}

// tooMuch says that an aggregation took more than it may have.
func tooMuch(err error, budget time.Duration) error {
	switch state := stateOf(err); {
	case fault.CodeOf(err) == "postgres.timeout":
		return aggregate.OverTime(budget, err)
	case state == "53400": // the most room for what does not fit into memory
		return aggregate.OverBudget(err)
	case state == stateFacetOverflow:
		return aggregate.TooManyFacetRows(serverError(err).Detail, err)
	case strings.HasPrefix(state, "54"): // a limit of the database: of a value, or of the nesting in one
		return fault.Wrap(err, fault.TooLarge, "aggregate.tooLarge", "a value on the way is too large or nested too deeply")
	case state == "22023":
		return fault.Wrap(err, fault.Malformed, "aggregate.invalid", "the database does not know a time zone")
	}
	return err
}

// aggregateStatement compiles a pipeline. What the plan answers of the first match is not asked again.
func aggregateStatement(key collection.Key, a ports.Aggregation) (statement, error) {
	b := newBuilder(key)
	b.write(`SELECT `, aggregation.Columns)
	switch {
	case a.Plan.Index == nil:
		b.documents()
	case a.Plan.Repeats:
		b.write(` FROM (SELECT DISTINCT e.id`)
		b.spans(a.Plan.Index.ID, a.Plan.Spans)
		b.write(`) AS e`)
		b.lookUp()
		b.write(` WHERE `, b.ready())
	default:
		b.spans(a.Plan.Index.ID, a.Plan.Spans)
		b.lookUp()
		b.write(` WHERE `, b.ready())
	}
	b.living(a.Living)
	b.residual(a.Plan.Residual)
	if b.err != nil {
		return statement{}, b.err
	}
	stages := a.Pipeline.Stages
	if a.Pipeline.Leading() != nil {
		stages = stages[1:]
	}
	living := func(l index.Living, alias string) string { return livingSQL(l, alias, b.bind) }
	sql, err := aggregation.Compile(b.String(), stages, a.Pipeline.Columns, a.Pipeline.Rows(), living, &b.args)
	return statement{sql, b.args.Values()}, err
}
