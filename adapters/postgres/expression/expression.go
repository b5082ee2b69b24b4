// Package expression compiles the checked expressions of domain/query to parameterised SQL.
//
// It is one of two interpreters of the same tree, and gives the same answer as the other, Expr.Eval, on every document: SQL NULL stands
// for its errors. Nothing that a user wrote gets into the text of a statement, member names included: all of it is bound. No
// expression makes a statement fail, whatever the documents hold: what could raise an error is behind a CASE, here or in the functions
// that migration 0002 makes.
//
// Start at Filter. The forms a value has in SQL: fragment.go. Operators and functions: call.go. Regular expressions: regexp.go.
package expression

import (
	"encoding/json"
	"fmt"

	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
)

// Row says what the variables of an expression are in a statement.
type Row map[string]Fragment

// DocumentRow is a row of documents under the alias d, for the variables of query.FilterEnv.
func DocumentRow() Row {
	return Row{
		"doc":       {"d.data", JSON},
		"id":        {"d.id", Text},
		"revision":  {"d.revision::numeric", Number},
		"createdAt": {"d.created_at", Timestamp},
		"updatedAt": {"d.updated_at", Timestamp},
	}
}

// Filter returns a condition that is true for the rows that e matches, and FALSE or NULL for all others. Its values are added to args.
// It fails when row has no such variable, which is a mistake of the caller's.
func Filter(e *query.Expr, row Row, args *Arguments) (string, error) {
	f, err := Value(e.Root(), row, args)
	return f.Bool(), err
}

// Value returns the value of an expression or of a part of one. Its values are added to args.
// It fails as Filter does.
func Value(n query.Node, row Row, args *Arguments) (Fragment, error) {
	c := compiler{row: row, args: args}
	f := c.value(n)
	return f, c.err
}

type compiler struct {
	row  Row
	args *Arguments
	err  error
}

// bind returns a parameter of a type that has the value.
func (c *compiler) bind(value any, typ string) string { return c.args.Add(value, typ) }

func (c *compiler) value(n query.Node) Fragment {
	switch n := n.(type) {
	case *query.Literal:
		return c.literal(n)
	case *query.Variable:
		f, ok := c.row[n.Name]
		if !ok && c.err == nil {
			c.err = fmt.Errorf("expression: the statement has no variable %q", n.Name)
		}
		return f
	case *query.Bound:
		return Fragment{fmt.Sprintf("e%d.item", n.Level), JSON}
	case *query.Select:
		return Fragment{c.json(n.Operand) + " -> " + c.bind(n.Member, "text"), JSON}.grouped()
	case *query.Has:
		return c.has(n)
	case *query.Index:
		return c.index(n)
	case *query.ListOf:
		return c.list(n)
	case *query.Call:
		return c.call(n)
	case *query.Conditional:
		return c.conditional(n)
	case *query.Quantified:
		return c.quantified(n)
	}
	panic("expression: a node of an unknown type")
}

func (c *compiler) literal(n *query.Literal) Fragment {
	switch v := n.Value.(type) {
	case bool:
		if v {
			return Fragment{"TRUE", Bool}
		}
		return Fragment{"FALSE", Bool}
	case json.Number:
		return Fragment{c.bind(string(v), "numeric"), Number}
	case string:
		return Fragment{c.bind(v, "text"), Text}
	case query.Instant:
		return Fragment{c.bind(v.Time(), "timestamptz"), Timestamp}
	case query.Span:
		return Fragment{c.bind(int64(v), "bigint"), Duration}
	}
	return Fragment{c.bind(string(jsontext.Append(nil, n.Value)), "jsonb"), JSON}
}

// json is a value as jsonb; a literal is bound as that.
func (c *compiler) json(n query.Node) string {
	if l, ok := n.(*query.Literal); ok && l.Kind() != query.Timestamp && l.Kind() != query.Duration {
		return c.bind(string(jsontext.Append(nil, l.Value)), "jsonb")
	}
	return c.value(n).JSON()
}

func (c *compiler) has(n *query.Has) Fragment {
	if v, ok := n.Operand.(*query.Variable); ok && v.Name == "doc" {
		return Fragment{c.json(v) + " ? " + c.bind(n.Member, "text"), Bool}.grouped() // a document is an object
	}
	return call("has", Bool, c.json(n.Operand), c.bind(n.Member, "text"))
}

func (c *compiler) index(n *query.Index) Fragment {
	if at, ok := n.At.(*query.Literal); ok {
		return call("item", JSON, c.json(n.Operand), c.bind(at.Value.(json.Number).String(), "numeric")+"::integer")
	}
	return call("index", JSON, c.json(n.Operand), c.json(n.At))
}

func (c *compiler) list(n *query.ListOf) Fragment {
	return call("list", JSON, c.array(n.Elements))
}

// array is an SQL array of values, NULL where one is an error.
func (c *compiler) array(nodes []query.Node) string {
	text := "ARRAY["
	for i, n := range nodes {
		if i > 0 {
			text += ", "
		}
		text += c.json(n)
	}
	return text + "]::jsonb[]"
}

func (c *compiler) conditional(n *query.Conditional) Fragment {
	condition := c.value(n.If).Bool()
	yes, no := c.value(n.Then), c.value(n.Else)
	form := yes.Form
	if form != no.Form {
		form, yes.SQL, no.SQL = JSON, yes.JSON(), no.JSON()
	}
	return Fragment{"CASE " + condition + " WHEN TRUE THEN " + yes.SQL + " WHEN FALSE THEN " + no.SQL + " END", form}.grouped()
}

// quantified counts what the elements say. bool_or passes over NULL: errors are looked for by themselves.
func (c *compiler) quantified(n *query.Quantified) Fragment {
	var verdict string
	switch n.Quantifier {
	case query.Any:
		verdict = "CASE WHEN bool_or(q.p) THEN TRUE WHEN bool_or(q.p IS NULL) THEN NULL ELSE FALSE END"
	case query.All:
		verdict = "CASE WHEN bool_or(NOT q.p) THEN FALSE WHEN bool_or(q.p IS NULL) THEN NULL ELSE TRUE END"
	case query.One:
		verdict = "CASE WHEN bool_or(q.p IS NULL) THEN NULL ELSE count(*) FILTER (WHERE q.p) = 1 END"
	}
	over, body := c.json(n.Over), c.value(n.Body).Bool()
	return Fragment{fmt.Sprintf("(SELECT %[1]s FROM (SELECT CASE WHEN e%[2]d.ok THEN %[3]s END AS p FROM public.sheaf_items_v1(%[4]s) AS e%[2]d) AS q)",
		verdict, n.Level, body, over), Bool}
}
