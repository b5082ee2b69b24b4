package aggregation

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sheafdb/sheaf/adapters/postgres/expression"
	"github.com/sheafdb/sheaf/domain/aggregate"
)

func (c *compiler) stages(stages []aggregate.Stage, in relation) relation {
	for _, s := range stages {
		in = c.stage(s, in)
	}
	return in
}

func (c *compiler) stage(s aggregate.Stage, in relation) relation {
	switch s := s.(type) {
	case *aggregate.Match:
		return c.renamed(in, fmt.Sprintf("SELECT r.* FROM %s AS r WHERE %s", in.name, c.fragment(s.Condition, in).Bool()))
	case *aggregate.Limit:
		return c.renamed(in, fmt.Sprintf("SELECT r.* FROM %s AS r%s LIMIT %d", in.name, in.orderBy(), s.Rows))
	case *aggregate.Skip:
		return c.renamed(in, fmt.Sprintf("SELECT r.* FROM %s AS r%s OFFSET %d", in.name, in.orderBy(), s.Rows))
	case *aggregate.Sort:
		return c.sort(s, in)
	case *aggregate.Project:
		return c.project(s, in)
	case *aggregate.Unwind:
		return c.unwind(s, in)
	case *aggregate.Lookup:
		return c.lookup(s, in)
	case *aggregate.Group:
		return c.group(s, in)
	case *aggregate.Facet:
		return c.facet(s, in)
	}
	panic(fmt.Sprintf("aggregation: a stage of an unknown type: %T", s))
}

// renamed is a relation with the same columns.
func (c *compiler) renamed(in relation, body string) relation {
	in.name = c.table(body)
	return in
}

func (c *compiler) sort(s *aggregate.Sort, in relation) relation {
	out := relation{variables: in.variables}
	var keys strings.Builder
	for _, term := range s.Terms {
		column := c.column()
		fmt.Fprintf(&keys, ", %s AS %s", c.json(term.By, in), column)
		out.order = append(out.order, place{column: column, value: true, desc: term.Desc})
	}
	out.order = append(out.order, in.order...)
	out.name = c.table(fmt.Sprintf("SELECT r.*%s FROM %s AS r OFFSET 0", keys.String(), in.name))
	return out
}

// member is the value of a member as jsonb, null where it has none.
func (c *compiler) member(v aggregate.Value, in relation) string {
	if v.Bucket == nil {
		return orNull(c.json(v.Expr, in))
	}
	return orNull(fmt.Sprintf("to_jsonb(public.sheaf_bucket_v1(%s, %s, %s))", c.fragment(v.Expr, in).SQL,
		c.args.Add(string(v.Bucket.Unit), "text"), c.args.Add(v.Bucket.Zone.String(), "text")))
}

func (c *compiler) project(s *aggregate.Project, in relation) relation {
	out := relation{order: in.order}
	values := make([]string, len(s.Members))
	for i, m := range s.Members {
		column := c.column()
		values[i] = c.member(m.Value, in) + " AS " + column
		out.variables = append(out.variables, variable{m.Name, column, expression.JSON})
	}
	out.name = c.table(fmt.Sprintf("SELECT %s%s FROM %s AS r OFFSET 0", strings.Join(values, ", "), in.kept(), in.name))
	return out
}

// settled is the relation with its rows numbered, so that a stage which makes many of one does not have them all compared by what they were sorted by.
func (c *compiler) settled(in relation) relation {
	if !slices.ContainsFunc(in.order, func(p place) bool { return p.value }) {
		return in
	}
	number := c.column()
	in.name = c.table(fmt.Sprintf("SELECT r.*, row_number() OVER (%s) AS %s FROM %s AS r", strings.TrimPrefix(in.orderBy(), " "), number, in.name))
	in.order = []place{{column: number}}
	return in
}

func (c *compiler) unwind(s *aggregate.Unwind, in relation) relation {
	in = c.settled(in)
	list := c.json(s.Path, in)
	join, value := "CROSS JOIN", "u.item"
	if s.PreserveEmpty {
		join, value = "LEFT JOIN", orNull("u.item")
	}
	target := s.As
	if s.As == "" {
		target = s.Root
	}
	if len(s.Members) > 0 && s.As == "" {
		root, path := in.row()[s.Root].JSON(), c.args.Add([]string(s.Members), "text[]")
		value = fmt.Sprintf("jsonb_set(%s, %s, u.item, false)", root, path)
		if s.PreserveEmpty {
			value = fmt.Sprintf("CASE WHEN u.n IS NOT NULL THEN %s WHEN jsonb_typeof(%s) = 'array' THEN %s #- %s ELSE %s END", value, list, root, path, root)
		}
	}
	column, position := c.column(), c.column()
	out := in.with(target, column)
	columns := value + " AS " + column + ", u.n AS " + position
	if s.Index != "" {
		index := c.column()
		out = out.with(s.Index, index)
		columns += ", " + orNull("to_jsonb(u.n - 1)") + " AS " + index
	}
	out.order = append(append([]place{}, in.order...), place{column: position})
	on := ""
	if s.PreserveEmpty {
		on = " ON TRUE"
	}
	out.name = c.table(fmt.Sprintf("SELECT r.*, %s FROM %s AS r %s LATERAL jsonb_array_elements(public.sheaf_unwound_v1(%s)) WITH ORDINALITY AS u(item, n)%s OFFSET 0",
		columns, in.name, join, list, on))
	return out
}

// lookup finds each document by its whole key.
func (c *compiler) lookup(s *aggregate.Lookup, in relation) relation {
	id, column := c.json(s.ID, in), c.column()
	out := in.with(s.As, column)
	out.name = c.table(fmt.Sprintf(`SELECT r.*, COALESCE((SELECT CASE WHEN jsonb_typeof(l.id) = 'array' THEN COALESCE(jsonb_agg(f.data ORDER BY i.n), '[]') ELSE jsonb_agg(f.data) -> 0 END
		FROM jsonb_array_elements(CASE jsonb_typeof(l.id) WHEN 'array' THEN l.id ELSE jsonb_build_array(l.id) END) WITH ORDINALITY AS i(item, n)
		CROSS JOIN LATERAL (SELECT x.data FROM public.documents AS x WHERE x.bucket = %s AND x.collection_id = %s AND x.id = public.sheaf_reference_v1(i.item)%s OFFSET 0) AS f), 'null') AS %s
		FROM %s AS r CROSS JOIN LATERAL (SELECT %s AS id) AS l OFFSET 0`,
		c.args.Add(s.Key.Bucket, "integer"), c.args.Add(s.Key.ID, "integer"), c.living(s.Living, "x"), column, in.name, id))
	return out
}

// facet reads the rows once and goes through them for each branch.
func (c *compiler) facet(s *aggregate.Facet, in relation) relation {
	shared := in
	shared.name = fmt.Sprintf("s%d", len(c.tables))
	c.tables = append(c.tables, fmt.Sprintf("%s AS MATERIALIZED (SELECT r.* FROM %s AS r)", shared.name, in.name))
	var out relation
	values := make([]string, len(s.Branches))
	for i, b := range s.Branches {
		rows, column := c.stages(b.Stages, shared), c.column()
		aggregated := "jsonb_agg(" + c.object(b.Columns, rows) + rows.orderBy() + ")"
		values[i] = fmt.Sprintf("(SELECT CASE WHEN count(*) > %d THEN public.sheaf_facet_overflow_v2(%s) ELSE COALESCE(%s, '[]') END FROM (SELECT r.* FROM %s AS r%s LIMIT %d) AS r) AS %s",
			aggregate.MaxFacetRows, c.args.Add(b.Name, "text"), aggregated, rows.name, rows.orderBy(), aggregate.MaxFacetRows+1, column)
		out.variables = append(out.variables, variable{b.Name, column, expression.JSON})
	}
	out.name = c.table("SELECT " + strings.Join(values, ", "))
	return out
}
