package aggregate

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
)

func (p *parser) match(pointer string, value any, in *scope) (Stage, *scope) {
	return &Match{p.expression(pointer, value, in, query.Bool)}, in
}

func (p *parser) unwind(pointer string, value any, in *scope) (Stage, *scope) {
	object, at := map[string]any{"path": value}, pointer
	if _, short := value.(string); !short {
		var ok bool
		if object, ok = p.object(pointer, value, []string{"path"}, []string{"as", "index", "preserveEmpty"}); !ok {
			return nil, nil
		}
		at += "/path"
	}
	u := &Unwind{Path: p.expression(at, object["path"], in, query.Dynamic)}
	out := in
	var named, counted bool
	u.As, named = p.fresh(pointer, object, "as", in)
	if u.As != "" {
		out = out.with(u.As, nil)
	}
	if u.Index, counted = p.fresh(pointer, object, "index", out); u.Index != "" {
		out = out.with(u.Index, query.TypeOf(query.Number))
	}
	u.PreserveEmpty = p.flag(pointer, object, "preserveEmpty")
	if u.Path == nil || !named || !counted {
		return nil, nil
	}
	var ok bool
	if u.Root, u.Members, ok = place(u.Path.Root()); !ok || u.Root == "doc" && len(u.Members) == 0 {
		p.fail(at, "path", "must be a path to an array, such as doc.lines")
		return nil, nil
	}
	element := u.Path.Type().Element()
	if u.As != "" {
		return u, out.with(u.As, element)
	}
	return u, out.with(u.Root, out.types[u.Root].Replace(u.Members, element))
}

// place returns the variable that a path begins at, and the members that lead on.
func place(n query.Node) (string, query.Path, bool) {
	switch n := n.(type) {
	case *query.Variable:
		return n.Name, nil, true
	case *query.Select:
		root, path, ok := place(n.Operand)
		return root, append(path, n.Member), ok
	}
	return "", nil, false
}

func (p *parser) project(pointer string, value any, in *scope) (Stage, *scope) {
	out := members()
	list, ok := p.members(pointer, value, in, out)
	if !ok {
		return nil, nil
	}
	if len(list) == 0 || len(list) > MaxMembers {
		p.fail(pointer, "maxProperties", fmt.Sprintf("must have 1 to %d members", MaxMembers))
	}
	return &Project{list}, out
}

// members reads named values, and adds them to a scope.
func (p *parser) members(pointer string, value any, in, out *scope) ([]Member, bool) {
	object, ok := value.(map[string]any)
	if !ok {
		p.fail(pointer, "type", "must be an object whose members are expressions")
		return nil, false
	}
	var list []Member
	for _, name := range slices.Sorted(maps.Keys(object)) {
		at := jsontext.AppendPointer(pointer, name)
		p.name(at, name)
		v, typ := p.value(at, object[name], in)
		list = append(list, Member{name, v})
		out.add(name, typ)
	}
	return list, true
}

// value reads an expression or a bucket, and says what is known of what it gives.
func (p *parser) value(pointer string, value any, in *scope) (Value, *query.Type) {
	if object, ok := value.(map[string]any); ok {
		return p.bucket(pointer, object, in), query.TypeOf(query.String)
	}
	e := p.expression(pointer, value, in, query.Dynamic)
	if e == nil {
		return Value{}, nil
	}
	return Value{Expr: e}, jsonType(e)
}

// jsonType is what is known of a value when it has become JSON.
func jsonType(e *query.Expr) *query.Type {
	switch e.Root().Kind() {
	case query.Timestamp:
		return query.TypeOf(query.String)
	case query.Duration:
		return query.TypeOf(query.Number)
	}
	return e.Type()
}

func (p *parser) bucket(pointer string, value map[string]any, in *scope) Value {
	outer, ok := p.object(pointer, value, []string{"bucket"}, nil)
	if !ok {
		return Value{}
	}
	pointer += "/bucket"
	object, ok := p.object(pointer, outer["bucket"], []string{"time", "unit"}, []string{"zone"})
	if !ok {
		return Value{}
	}
	v := Value{Expr: p.expression(pointer+"/time", object["time"], in, query.Timestamp), Bucket: &Bucket{}}
	text, _ := object["unit"].(string)
	if v.Bucket.Unit = Unit(text); !slices.Contains(Units, v.Bucket.Unit) {
		words := make([]string, len(Units))
		for i, u := range Units {
			words[i] = string(u)
		}
		p.fail(pointer+"/unit", "enum", "must be one of "+strings.Join(words, ", "))
	}
	zone, given := object["zone"]
	name, isText := zone.(string)
	if !given {
		name, isText = "UTC", true
	}
	var known bool
	if v.Bucket.Zone, known = loadZone(name); !known || !isText {
		p.fail(pointer+"/zone", "zone", "must be the name of a time zone, such as Europe/Berlin or UTC")
	}
	return v
}

func (p *parser) sort(pointer string, value any, in *scope) (Stage, *scope) {
	list, ok := value.([]any)
	if !ok || len(list) == 0 || len(list) > MaxTerms {
		p.fail(pointer, "type", fmt.Sprintf(`must be an array of 1 to %d terms, such as "total desc"`, MaxTerms))
		return nil, in
	}
	s := &Sort{}
	for i, element := range list {
		at := pointer + "/" + strconv.Itoa(i)
		text, ok := element.(string)
		if !ok {
			p.fail(at, "type", `must be a term, such as "total desc"`)
			continue
		}
		path, desc := strings.CutSuffix(text, " desc")
		if !desc {
			path = strings.TrimSuffix(text, " asc")
		}
		s.Terms = append(s.Terms, Term{p.compile(at, path, in, query.Dynamic), desc})
	}
	return s, in
}

// count reads a number of rows.
func (p *parser) count(pointer string, value any, from, to int64) int64 {
	number, _ := value.(json.Number)
	n, err := strconv.ParseInt(string(number), 10, 64)
	if err != nil || n < from || n > to {
		p.fail(pointer, "range", fmt.Sprintf("must be a whole number from %d to %d", from, to))
	}
	return n
}

func (p *parser) lookup(pointer string, value any, in *scope) (Stage, *scope) {
	object, ok := p.object(pointer, value, []string{"path", "as"}, []string{"from"})
	if !ok {
		return nil, nil
	}
	l := &Lookup{ID: p.expression(pointer+"/path", object["path"], in, query.Dynamic)}
	l.As, ok = p.fresh(pointer, object, "as", in)
	if l.ID == nil || !ok {
		return nil, nil
	}
	if l.From, ok = p.foreign(pointer, object, l.ID, in); !ok {
		return nil, in.with(l.As, nil)
	}
	found, err := p.source.Open(l.From)
	switch {
	case fault.KindOf(err) == fault.NotFound && err != nil:
		p.fail(pointer+"/from", "notFound", fault.Find(err).Text)
	case err != nil:
		p.broken = err
	}
	l.Key, l.Living, l.Hidden = found.Key, found.Living, found.Hidden
	typ := found.Document
	if kind := l.ID.Type().Kind(); kind == query.List {
		typ = query.ListType(typ)
	} else if kind == query.Dynamic {
		typ = nil // it may be an array
	}
	return l, in.with(l.As, typ)
}

// foreign returns the collection of a lookup: the one that is named, else the one that the path is declared to refer to.
func (p *parser) foreign(pointer string, object map[string]any, id *query.Expr, in *scope) (ident.Collection, bool) {
	if p.source.Open == nil {
		p.fail(pointer, "refused", "lookups are not offered here")
		return ident.Collection{}, false
	}
	value, given := object["from"]
	if !given {
		if path, ok := query.PathOf(id.Root()); ok && in.documents && p.source.Refers != nil {
			if name, declared := p.source.Refers(path); declared {
				return name, true
			}
		}
		p.fail(pointer, "required", "must have the member from: no reference is declared for this path")
		return ident.Collection{}, false
	}
	text, _ := value.(string)
	name, err := ident.ParseCollection(text)
	if err != nil {
		p.fail(pointer+"/from", "type", "must be the name of a collection")
	}
	return name, err == nil
}

func (p *parser) facets(pointer string, value any, in *scope) (Stage, *scope) {
	object, ok := value.(map[string]any)
	switch {
	case p.facet:
		p.fail(pointer, "refused", "a facet has no facets")
		return nil, nil
	case !ok || len(object) == 0 || len(object) > MaxFacets:
		p.fail(pointer, "type", fmt.Sprintf("must be an object of 1 to %d named arrays of stages", MaxFacets))
		return nil, nil
	}
	p.facet = true
	defer func() { p.facet = false }()
	f, out := &Facet{}, members()
	for _, name := range slices.Sorted(maps.Keys(object)) {
		at := jsontext.AppendPointer(pointer, name)
		p.name(at, name)
		stages, behind := p.stages(at, object[name], in, MaxFacetStages)
		f.Branches = append(f.Branches, Branch{name, stages, behind.columns()})
		out.add(name, query.ListType(nil))
	}
	return f, out
}
