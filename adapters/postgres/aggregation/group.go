package aggregation

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sheafdb/sheaf/adapters/postgres/expression"
	"github.com/sheafdb/sheaf/domain/aggregate"
)

// grouping is a group on its way into SQL. The keys and what is summed up are columns of the first step, a; where fields depend on the order of rows, the
// steps b and c number the rows of each group by window functions, which need no memory for a group as arrays would.
type grouping struct {
	*aggregate.Group
	keys   []string
	values []string // the column of each field
	// numbered, summed and fresh are the columns of a field that holds the first of some values: the number of a value, the size of all up to it, and whether it is another one.
	numbered, summed, fresh []string
}

func (c *compiler) group(s *aggregate.Group, in relation) relation {
	g := &grouping{
		Group: s, values: make([]string, len(s.Fields)), numbered: make([]string, len(s.Fields)), summed: make([]string, len(s.Fields)), fresh: make([]string, len(s.Fields)),
	}
	from := c.number(g, c.gather(g, in), in)
	var out relation
	var columns []string
	for i, m := range s.By {
		column := c.column()
		columns = append(columns, fmt.Sprintf(`min(r.%s::text COLLATE "C")::jsonb AS %s`, g.keys[i], column))
		out.variables = append(out.variables, variable{m.Name, column, expression.JSON})
		out.order = append(out.order, place{column: column, value: true})
	}
	for i, f := range s.Fields {
		column := c.column()
		columns = append(columns, c.sum(g, i, f)+" AS "+column)
		out.variables = append(out.variables, variable{f.Name, column, expression.JSON})
	}
	by := ""
	if len(g.keys) > 0 {
		by = " GROUP BY r." + strings.Join(g.keys, ", r.")
	}
	out.name = c.table(fmt.Sprintf("SELECT %s FROM %s AS r%s", strings.Join(columns, ", "), from, by))
	return out
}

// gather is the first step: the keys, what is summed up, and the order of rows.
func (c *compiler) gather(g *grouping, in relation) string {
	var columns []string
	add := func(value string) string {
		column := c.column()
		columns = append(columns, value+" AS "+column)
		return column
	}
	fence := ""
	for _, m := range g.By {
		g.keys = append(g.keys, add(c.member(m.Value, in)))
	}
	for i, f := range g.Fields {
		switch {
		case f.Of == nil:
		case f.Op == aggregate.OpCount:
			g.values[i] = add(c.fragment(f.Of, in).Bool())
		case f.Op == aggregate.OpSum || f.Op == aggregate.OpAvg || f.Op == aggregate.OpPercentile:
			g.values[i] = add(c.numeric(f, in))
		default:
			fence = " OFFSET 0" // these name the value more than once
			g.values[i] = add(c.json(f.Of, in))
		}
	}
	for _, p := range in.order {
		columns = append(columns, "r."+p.column)
	}
	if len(columns) == 0 {
		columns = []string{"NULL"}
	}
	return c.table(fmt.Sprintf("SELECT %s FROM %s AS r%s", strings.Join(columns, ", "), in.name, fence))
}

// numeric is a value as a number, NULL where it is none.
func (c *compiler) numeric(f aggregate.Field, in relation) string {
	value := c.fragment(f.Of, in)
	if value.Form == expression.Duration || aggregate.Computes(f.Of.Root()) {
		return expression.Fragment{SQL: c.json(f.Of, in), Form: expression.JSON}.Number()
	}
	return value.Number()
}

// number adds the steps that fields need which depend on an order, and returns the last one.
func (c *compiler) number(g *grouping, from string, in relation) string {
	partition := ""
	if len(g.keys) > 0 {
		partition = "PARTITION BY r." + strings.Join(g.keys, ", r.") + " "
	}
	window := "(" + partition + strings.TrimPrefix(in.orderBy(), " ") + ")"
	var first, second []string
	for i, f := range g.Fields {
		value := "r." + g.values[i]
		switch f.Op {
		case aggregate.OpFirst, aggregate.OpLast:
			g.numbered[i] = c.column()
			number := "row_number() OVER " + window
			if f.Op == aggregate.OpLast {
				number = "count(*) OVER (" + partition + ") - " + number + " + 1"
			}
			first = append(first, number+" AS "+g.numbered[i])
		case aggregate.OpCollect:
			g.numbered[i], g.summed[i] = c.column(), c.column()
			upTo := strings.TrimSuffix(window, ")") + " ROWS UNBOUNDED PRECEDING)"
			first = append(first, fmt.Sprintf("count(%s) OVER %s AS %s, sum(octet_length(%s::text)) OVER %s AS %s", value, upTo, g.numbered[i], value, upTo, g.summed[i]))
		case aggregate.OpDistinct:
			g.numbered[i], g.summed[i], g.fresh[i] = c.column(), c.column(), c.column()
			own := fmt.Sprintf(`(%sORDER BY %s, %s::text COLLATE "C"`, partition, ordered(value, false), value)
			upTo := own + " ROWS UNBOUNDED PRECEDING)"
			first = append(first, fmt.Sprintf("(%[1]s <> 'null' AND %[1]s IS DISTINCT FROM lag(%[1]s) OVER %[2]s)) AS %[3]s", value, own, g.fresh[i]))
			second = append(second, fmt.Sprintf("count(*) FILTER (WHERE r.%[1]s) OVER %[2]s AS %[3]s, sum(octet_length(%[4]s::text)) FILTER (WHERE r.%[1]s) OVER %[2]s AS %[5]s",
				g.fresh[i], upTo, g.numbered[i], value, g.summed[i]))
		}
	}
	for _, columns := range [][]string{first, second} {
		if len(columns) > 0 {
			from = c.table(fmt.Sprintf("SELECT r.*, %s FROM %s AS r", strings.Join(columns, ", "), from))
		}
	}
	return from
}

// sum is the value of a field as jsonb.
func (c *compiler) sum(g *grouping, i int, f aggregate.Field) string {
	value := "r." + g.values[i]
	switch f.Op {
	case aggregate.OpCount:
		if f.Of == nil {
			return "to_jsonb(count(*))"
		}
		return "to_jsonb(count(*) FILTER (WHERE " + value + "))"
	case aggregate.OpSum:
		return orNull("public.sheaf_bounded_v1(to_jsonb(COALESCE(sum(" + value + "), 0)))")
	case aggregate.OpAvg:
		return orNull(fmt.Sprintf("public.sheaf_bounded_v1(to_jsonb(public.sheaf_average_v1(sum(%s), count(%s))))", value, value))
	case aggregate.OpMin, aggregate.OpMax:
		return extreme(value, f.Op == aggregate.OpMax)
	case aggregate.OpFirst, aggregate.OpLast:
		return orNull(fmt.Sprintf("(jsonb_agg(%s) FILTER (WHERE r.%s = 1) -> 0)", value, g.numbered[i]))
	case aggregate.OpCountDistinct:
		return fmt.Sprintf("to_jsonb(count(DISTINCT %[1]s) FILTER (WHERE %[1]s <> 'null'))", value)
	case aggregate.OpPercentile:
		return orNull(fmt.Sprintf("to_jsonb((percentile_disc(%[2]s) WITHIN GROUP (ORDER BY ARRAY[%[1]s, scale(%[1]s)]) FILTER (WHERE %[1]s IS NOT NULL))[1])",
			value, c.args.Add(f.At, "double precision")))
	case aggregate.OpCollect:
		return fmt.Sprintf("COALESCE(jsonb_agg(%[1]s ORDER BY r.%[2]s) FILTER (WHERE %[1]s IS NOT NULL AND r.%[2]s <= %[3]d AND r.%[4]s <= %[5]d), '[]')",
			value, g.numbered[i], f.Most, g.summed[i], aggregate.MaxCollectBytes)
	case aggregate.OpDistinct:
		return fmt.Sprintf("COALESCE(jsonb_agg(%[1]s ORDER BY r.%[2]s) FILTER (WHERE r.%[6]s AND r.%[2]s <= %[3]d AND r.%[4]s <= %[5]d), '[]')",
			value, g.numbered[i], f.Most, g.summed[i], aggregate.MaxCollectBytes, g.fresh[i])
	}
	panic("aggregation: an operator that is not known: " + strconv.Quote(string(f.Op)))
}

// extreme is the least or the greatest scalar, by the functions of the database for each kind. Of equal numbers it is the one with the fewest digits.
func extreme(value string, greatest bool) string {
	function, logic, scale := "min", "bool_and", "scale"
	if greatest {
		function, logic, scale = "max", "bool_or", "- scale"
	}
	number := "public.sheaf_number_v1(" + value + ")"
	kinds := []string{
		fmt.Sprintf("to_jsonb(%s(public.sheaf_bool_v1(%s)))", logic, value),
		fmt.Sprintf("to_jsonb((%s(ARRAY[%s, %s(%s)]) FILTER (WHERE %s IS NOT NULL))[1])", function, number, scale, number, number),
		fmt.Sprintf(`to_jsonb(%s(public.sheaf_text_v1(%s) COLLATE "C"))`, function, value),
	}
	if greatest {
		slices.Reverse(kinds)
	}
	return "COALESCE(" + strings.Join(kinds, ", ") + ", 'null')"
}
