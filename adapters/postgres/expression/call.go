package expression

import (
	"fmt"
	"strings"

	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
)

func (c *compiler) call(n *query.Call) Fragment {
	args := n.Arguments
	switch n.Op {
	case query.OpAnd:
		return c.logic(" AND ", args)
	case query.OpOr:
		return c.logic(" OR ", args)
	case query.OpNot:
		return Fragment{"NOT " + c.value(args[0]).Bool(), Bool}.grouped()
	case query.OpEqual:
		return c.equal("=", n)
	case query.OpNotEqual:
		return c.equal("<>", n)
	case query.OpLess, query.OpLessOrEqual, query.OpGreater, query.OpGreaterOrEqual:
		return c.order(n)
	case query.OpIn:
		return c.in(args[0], args[1])
	case query.OpAdd:
		return c.sum("+", n)
	case query.OpSubtract:
		return c.sum("-", n)
	case query.OpMultiply:
		return Fragment{c.value(args[0]).Number() + " * " + c.value(args[1]).Number(), Number}.grouped()
	case query.OpNegate:
		if n.On == query.Duration {
			return Fragment{"- " + c.value(args[0]).SQL, Duration}.grouped()
		}
		return Fragment{"- " + c.value(args[0]).Number(), Number}.grouped()
	}
	return c.function(n)
}

func (c *compiler) function(n *query.Call) Fragment {
	arg := c.value(n.Arguments[0])
	var second string
	if len(n.Arguments) > 1 {
		second = c.value(n.Arguments[1]).Text()
	}
	switch n.Op {
	case query.OpSize:
		if arg.Form == Text {
			return Fragment{"char_length(" + arg.SQL + ")::numeric", Number}
		}
		return call("size", Number, arg.JSON())
	case query.OpStartsWith:
		return Fragment{"starts_with(" + arg.Text() + ", " + second + ")", Bool}
	case query.OpEndsWith:
		return call("ends_with", Bool, arg.Text(), second)
	case query.OpContains:
		return Fragment{"strpos(" + arg.Text() + ", " + second + ") > 0", Bool}.grouped()
	case query.OpMatches:
		return Fragment{arg.Text() + ` COLLATE "C" ~ ` + c.bind(translate(n.Pattern.Tree), "text"), Bool}.grouped()
	case query.OpLowerASCII:
		return Fragment{"lower(" + arg.Text() + ` COLLATE "C")`, Text} // which knows no other letters
	case query.OpUpperASCII:
		return Fragment{"upper(" + arg.Text() + ` COLLATE "C")`, Text}
	case query.OpTimestamp:
		return call("timestamp", Timestamp, arg.Text())
	case query.OpInt:
		return call("int", Number, arg.JSON())
	case query.OpDouble:
		return call("double", Number, arg.JSON())
	}
	panic("expression: an operator that is not known: " + string(n.Op))
}

func (c *compiler) logic(operator string, args []query.Node) Fragment {
	parts := make([]string, len(args))
	for i, arg := range args {
		parts[i] = c.value(arg).Bool()
	}
	return Fragment{strings.Join(parts, operator), Bool}.grouped()
}

// equal compares values of one form as they are, and others as jsonb, which compares numbers by their value and strings by their bytes.
func (c *compiler) equal(operator string, n *query.Call) Fragment {
	a, b := n.Arguments[0], n.Arguments[1]
	if _, ok := a.(*query.Literal); ok {
		a, b = b, a
	}
	x := c.value(a)
	var y Fragment
	if _, ok := b.(*query.Literal); ok && x.Form == JSON {
		y = Fragment{c.json(b), JSON}
	} else {
		y = c.value(b)
	}
	if x.Form != y.Form {
		return Fragment{x.JSON() + " " + operator + " " + y.JSON(), Bool}.grouped()
	}
	return Fragment{collated(x) + " " + operator + " " + y.SQL, Bool}.grouped()
}

// collated is a value that orders by bytes when it is text.
func collated(f Fragment) string {
	if f.Form == Text {
		return f.SQL + ` COLLATE "C"`
	}
	return f.SQL
}

func (c *compiler) order(n *query.Call) Fragment {
	a, b := n.Arguments[0], n.Arguments[1]
	compare := func(x, y string) Fragment { return Fragment{fmt.Sprintf("%s %s %s", x, n.Op, y), Bool}.grouped() }
	switch n.On {
	case query.Number:
		return compare(c.value(a).Number(), c.value(b).Number())
	case query.String:
		return compare(collated(Fragment{c.value(a).Text(), Text}), c.value(b).Text())
	case query.Bool:
		return compare(c.value(a).Bool(), c.value(b).Bool())
	case query.Timestamp, query.Duration:
		return compare(c.value(a).SQL, c.value(b).SQL)
	}
	return compare(call("order", Number, c.json(a), c.json(b)).SQL, "0")
}

func (c *compiler) in(a, list query.Node) Fragment {
	if l, ok := list.(*query.Literal); ok {
		if elements, ok := l.Value.([]any); ok && len(elements) == 0 {
			return Fragment{"CASE WHEN " + c.json(a) + " IS NOT NULL THEN FALSE END", Bool}.grouped() // ANY would pass over an error
		} else if ok {
			texts := make([]string, len(elements))
			for i, element := range elements {
				texts[i] = string(jsontext.Append(nil, element))
			}
			return Fragment{c.json(a) + " = ANY (" + c.bind(texts, "jsonb[]") + ")", Bool}.grouped()
		}
	}
	if value, ok := a.(*query.Literal); ok && value.Kind() != query.List && value.Kind() != query.Map {
		return call("in_scalar", Bool, c.json(a), c.json(list))
	}
	return call("in", Bool, c.json(a), c.json(list))
}

// sum is + or -, of which + joins strings as well.
func (c *compiler) sum(operator string, n *query.Call) Fragment {
	a, b := n.Arguments[0], n.Arguments[1]
	join := func(x, operator, y string) string { return "(" + x + " " + operator + " " + y + ")" }
	switch n.On {
	case query.Number:
		return Fragment{join(c.value(a).Number(), operator, c.value(b).Number()), Number}
	case query.String:
		return Fragment{join(c.value(a).Text(), "||", c.value(b).Text()), Text}
	case query.Duration:
		return call("span", Duration, join(c.value(a).SQL, operator, c.value(b).SQL))
	case query.Timestamp:
		if b.Kind() == query.Timestamp {
			elapsed := call("elapsed", Duration, c.value(a).SQL, c.value(b).SQL)
			return call("span", Duration, elapsed.SQL)
		}
		span := c.value(b).SQL
		if operator == "-" {
			span = "(- " + span + ")"
		}
		return call("shift", Timestamp, c.value(a).SQL, span)
	}
	return call("plus", JSON, c.json(a), c.json(b))
}
