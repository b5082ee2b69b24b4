package aggregate

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
)

// ops are the ways to sum up values, in the order in which messages name them.
var ops = []Op{OpCount, OpSum, OpAvg, OpMin, OpMax, OpFirst, OpLast, OpDistinct, OpCountDistinct, OpPercentile, OpCollect}

// modifiers are the members beside the operator.
var modifiers = map[Op]string{OpDistinct: "limit", OpCollect: "limit", OpPercentile: "p"}

func (p *parser) group(pointer string, value any, in *scope) (Stage, *scope) {
	object, ok := p.object(pointer, value, nil, []string{"by", "fields"})
	if !ok {
		return nil, nil
	}
	g, out := &Group{}, members()
	if by, given := object["by"]; given {
		if g.By, ok = p.members(pointer+"/by", by, in, out); !ok {
			return nil, nil
		}
	}
	if fields, given := object["fields"]; given && !p.fields(pointer+"/fields", fields, in, g, out) {
		return nil, nil
	}
	switch {
	case len(g.By) > MaxKeys:
		p.fail(pointer+"/by", "maxProperties", fmt.Sprintf("must have at most %d members", MaxKeys))
	case len(g.By)+len(g.Fields) == 0 || len(g.By)+len(g.Fields) > MaxMembers:
		p.fail(pointer, "maxProperties", fmt.Sprintf("must have 1 to %d members in by and fields", MaxMembers))
	}
	return g, out
}

func (p *parser) fields(pointer string, value any, in *scope, g *Group, out *scope) bool {
	object, ok := value.(map[string]any)
	if !ok {
		p.fail(pointer, "type", `must be an object such as {"n": {"count": true}}`)
		return false
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		at := jsontext.AppendPointer(pointer, name)
		p.name(at, name)
		if slices.ContainsFunc(g.By, func(m Member) bool { return m.Name == name }) {
			p.fail(at, "taken", "is the name of a key of the group, too")
		}
		f, typ := p.field(at, object[name], in)
		f.Name = name
		g.Fields = append(g.Fields, f)
		out.add(name, typ)
	}
	return true
}

// field reads a way to sum up, and says what is known of what it gives.
func (p *parser) field(pointer string, value any, in *scope) (Field, *query.Type) {
	object, _ := value.(map[string]any)
	var f Field
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if slices.Contains(ops, Op(name)) && f.Op == "" {
			f.Op = Op(name)
		}
	}
	if f.Op == "" {
		p.noOperator(pointer, object)
		return f, nil
	}
	var optional []string
	if m := modifiers[f.Op]; m != "" {
		optional = append(optional, m)
	}
	if _, ok := p.object(pointer, object, []string{string(f.Op)}, optional); !ok {
		return f, nil
	}
	at := pointer + "/" + string(f.Op)
	switch of := object[string(f.Op)]; {
	case f.Op == OpCount && of == true:
		return f, query.TypeOf(query.Number)
	case f.Op == OpCount:
		f.Of = p.expression(at, of, in, query.Bool)
		return f, query.TypeOf(query.Number)
	default:
		f.Of = p.expression(at, of, in, query.Dynamic)
	}
	p.modify(&f, pointer, object)
	if f.Of == nil {
		return f, nil
	}
	switch kind := jsonType(f.Of).Kind(); f.Op {
	case OpSum, OpAvg, OpPercentile:
		if kind != query.Number && kind != query.Dynamic {
			p.fail(at, "type", fmt.Sprintf("must be a number, and is %s", kind))
		}
		return f, query.TypeOf(query.Number)
	case OpCountDistinct:
		return f, query.TypeOf(query.Number)
	case OpDistinct, OpCollect:
		return f, query.ListType(jsonType(f.Of))
	}
	return f, jsonType(f.Of)
}

// noOperator notes that a field does not say how to sum up.
func (p *parser) noOperator(pointer string, object map[string]any) {
	known := make([]string, len(ops))
	for i, op := range ops {
		known[i] = string(op)
	}
	if len(object) == 1 {
		for name := range object {
			p.unknown(pointer, name, known)
		}
		return
	}
	p.fail(pointer, "type", `must be an object such as {"sum": "doc.total"}, with one of `+strings.Join(known, ", "))
}

// modify reads what stands beside the operator.
func (p *parser) modify(f *Field, pointer string, object map[string]any) {
	switch f.Op {
	case OpDistinct, OpCollect:
		f.Most = MaxCollected
		if most, given := object["limit"]; given {
			f.Most = int(p.count(pointer+"/limit", most, 1, MaxCollected))
		}
	case OpPercentile:
		number, _ := object["p"].(json.Number)
		at, err := strconv.ParseFloat(string(number), 64)
		if err != nil || at < 0 || at > 1 {
			p.fail(pointer+"/p", "range", `must be a number from 0 to 1: the median is {"percentile": "…", "p": 0.5}`)
		}
		f.At = at
	}
}
