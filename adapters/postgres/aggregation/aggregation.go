// Package aggregation compiles the stages of domain/aggregate to one parameterised statement.
//
// It is one of two interpreters of the same stages, and gives the same rows as the other, Pipeline.Run, byte for byte. Nothing that a user wrote gets into the text of
// the statement, names of members included: all of it is bound, and columns have numbers.
//
// Each stage is a common table expression, whose rows have a column for each variable and those that keep their order. What a stage computes is fenced off by OFFSET 0:
// the planner would otherwise write an expression into every place where it is used, and a few stages could double it a few dozen times.
//
// Start at Compile. group.go has what sums up.
package aggregation

import (
	"fmt"
	"strings"

	"github.com/sheafdb/sheaf/adapters/postgres/expression"
	"github.com/sheafdb/sheaf/domain/aggregate"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/query"
)

// Columns are what the documents that a statement reads have to be selected as, under the alias d.
const Columns = `d.data, d.id, d.revision::numeric, d.created_at, d.updated_at`

// Compile returns a statement whose rows are the texts of the rows of stages, at most one more than limit. documents is a SELECT of Columns; the values of the
// statement are added to args.
// living returns the condition that a document under an alias is there, which begins with AND, or nothing.
func Compile(documents string, stages []aggregate.Stage, columns []aggregate.Column, limit int64, living func(l index.Living, alias string) string, args *expression.Arguments) (string, error) {
	c := &compiler{args: args, living: living}
	from := c.table(`SELECT * FROM (` + documents + `) AS d(c1, c2, c3, c4, c5)`)
	c.columns = 5
	in := relation{name: from, variables: []variable{
		{"doc", "c1", expression.JSON}, {"id", "c2", expression.Text}, {"revision", "c3", expression.Number},
		{"createdAt", "c4", expression.Timestamp}, {"updatedAt", "c5", expression.Timestamp},
	}, order: []place{{column: "c2", text: true}}}
	out := c.stages(stages, in)
	row := c.object(columns, out)
	if c.err != nil {
		return "", c.err
	}
	// A row that is longer than rows may be is cut: whoever reads it refuses it.
	return fmt.Sprintf("WITH %s SELECT left((%s)::text, %d) FROM %s AS r%s LIMIT %d",
		strings.Join(c.tables, ", "), row, aggregate.MaxRow+1, out.name, out.orderBy(), limit+1), nil
}

// relation is the rows behind a stage.
type relation struct {
	name      string
	variables []variable
	order     []place
}

// variable is a variable of rows and the column that has it. Only those of documents have another form than JSON; what has no value is null there.
type variable struct {
	name, column string
	form         expression.Form
}

// place is a column that rows are ordered by: a number, a text, or a JSON value.
type place struct {
	column            string
	text, value, desc bool
}

type compiler struct {
	args    *expression.Arguments
	living  func(l index.Living, alias string) string
	tables  []string
	columns int
	err     error
}

// table adds a common table expression and returns its name.
func (c *compiler) table(body string) string {
	name := fmt.Sprintf("s%d", len(c.tables))
	c.tables = append(c.tables, name+" AS ("+body+")")
	return name
}

// column returns the name of a new column.
func (c *compiler) column() string {
	c.columns++
	return fmt.Sprintf("c%d", c.columns)
}

// orderBy is the order of rows under the alias r, "" where they have none.
func (r relation) orderBy() string {
	if len(r.order) == 0 {
		return ""
	}
	terms := make([]string, len(r.order))
	for i, p := range r.order {
		terms[i] = p.term()
	}
	return " ORDER BY " + strings.Join(terms, ", ")
}

func (p place) term() string {
	switch {
	case p.value:
		return ordered("r."+p.column, p.desc)
	case p.text:
		return "r." + p.column + ` COLLATE "C"`
	}
	return "r." + p.column
}

// ordered orders by a JSON value: by the rank of its kind, and among those of one kind by themselves.
func ordered(value string, desc bool) string {
	direction := ""
	if desc {
		direction = " DESC"
	}
	return fmt.Sprintf(`public.sheaf_rank_v1(%[1]s)%[2]s NULLS LAST, public.sheaf_number_v1(%[1]s)%[2]s, public.sheaf_text_v1(%[1]s) COLLATE "C"%[2]s, public.sheaf_parts_v1(%[1]s)%[2]s`,
		value, direction)
}

// kept lists the columns that keep the order, behind others.
func (r relation) kept() string {
	var b strings.Builder
	for _, p := range r.order {
		b.WriteString(", r." + p.column)
	}
	return b.String()
}

// row is what the variables are in a statement over the relation under the alias r.
func (r relation) row() expression.Row {
	row := make(expression.Row, len(r.variables))
	for _, v := range r.variables {
		row[v.name] = expression.Fragment{SQL: "r." + v.column, Form: v.form}
	}
	return row
}

// with returns the relation under another name, with a variable added or replaced.
func (r relation) with(name, column string) relation {
	next := relation{name: r.name, order: r.order}
	for _, v := range r.variables {
		if v.name != name {
			next.variables = append(next.variables, v)
		}
	}
	next.variables = append(next.variables, variable{name, column, expression.JSON})
	return next
}

// fragment compiles an expression over r.
func (c *compiler) fragment(e *query.Expr, r relation) expression.Fragment {
	f, err := expression.Value(e.Root(), r.row(), c.args)
	if err != nil && c.err == nil {
		c.err = err
	}
	return f
}

// json is the value of an expression as jsonb, NULL where it has none.
func (c *compiler) json(e *query.Expr, r relation) string {
	value := asJSON(c.fragment(e, r))
	if aggregate.Computes(e.Root()) {
		return "public.sheaf_bounded_v1(" + value + ")"
	}
	return value
}

// asJSON is a fragment as aggregate writes its value.
func asJSON(f expression.Fragment) string {
	switch f.Form {
	case expression.Timestamp:
		return "to_jsonb(public.sheaf_instant_v1(" + f.SQL + "))"
	case expression.Duration:
		return "to_jsonb(" + f.SQL + " * 0.000001)"
	}
	return f.JSON()
}

// orNull is a jsonb that is null where there is no value.
func orNull(value string) string { return "COALESCE(" + value + ", 'null')" }

// maxPairs is how many members one call of jsonb_build_object makes: a function of PostgreSQL has at most 100 arguments.
const maxPairs = 40

// object is a row as jsonb, over the relation under the alias r.
func (c *compiler) object(columns []aggregate.Column, r relation) string {
	row := r.row()
	var objects []string
	for len(columns) > 0 {
		n := min(len(columns), maxPairs)
		pairs := make([]string, n)
		for i, column := range columns[:n] {
			pairs[i] = c.args.Add(column.Name, "text") + ", " + asJSON(row[column.Variable])
		}
		objects = append(objects, "jsonb_build_object("+strings.Join(pairs, ", ")+")")
		columns = columns[n:]
	}
	return strings.Join(objects, " || ")
}
