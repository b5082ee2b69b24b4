package aggregate

import (
	"maps"
	"slices"
	"strconv"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
)

// veiled are members that answers do not show unless they are named, by the variable that they are in: the names on the way to each, through arrays too.
type veiled map[string][]query.Path

// Hidden returns where in the pipeline's rows there are members that answers do not show, when those of its documents are these. A member that a stage names is shown.
// It fails with fault.Malformed and code "aggregate.invalid" where an expression could pick such a member without naming it.
func (p *Pipeline) Hidden(document []query.Path) ([]query.Path, error) {
	v := veil{}
	behind := v.stages("/stages", p.Stages, veiled{"doc": document})
	if len(v.faults) > 0 {
		return nil, Invalid(v.faults...)
	}
	return behind.rows(p.Columns), nil
}

// rows returns the paths from rows with these columns.
func (h veiled) rows(columns []Column) []query.Path {
	var paths []query.Path
	for _, c := range columns {
		for _, path := range h[c.Variable] {
			paths = append(paths, append(query.Path{c.Name}, path...))
		}
	}
	return paths
}

// veil follows hidden members through stages.
type veil struct{ faults []fault.Violation }

func (v *veil) stages(pointer string, stages []Stage, in veiled) veiled {
	for i, stage := range stages {
		in = v.stage(pointer+"/"+strconv.Itoa(i), stage, in)
	}
	return in
}

func (v *veil) stage(pointer string, stage Stage, in veiled) veiled {
	out := veiled{}
	switch s := stage.(type) {
	case *Lookup:
		out = maps.Clone(in)
		out[s.As] = s.Hidden
	case *Unwind:
		out = maps.Clone(in)
		if s.As != "" {
			out[s.As] = below(in[s.Root], s.Members)
		}
	case *Project:
		for _, m := range s.Members {
			out[m.Name] = v.value(pointer, m.Value.Expr, in)
		}
	case *Group:
		for _, m := range s.By {
			out[m.Name] = v.value(pointer, m.Value.Expr, in)
		}
		for _, f := range s.Fields {
			if slices.Contains([]Op{OpFirst, OpLast, OpDistinct, OpCollect}, f.Op) {
				out[f.Name] = v.value(pointer, f.Of, in)
			}
		}
	case *Facet:
		for _, b := range s.Branches {
			out[b.Name] = v.stages(jsontext.AppendPointer(pointer+"/facet", b.Name), b.Stages, in).rows(b.Columns)
		}
	default: // the others leave rows as they are
		return in
	}
	return out
}

// value returns what is hidden in the value of an expression.
func (v *veil) value(pointer string, e *query.Expr, in veiled) []query.Path {
	if e == nil {
		return nil
	}
	paths, ok := in.of(e.Root())
	if !ok {
		v.faults = append(v.faults, fault.Violation{
			In: "body", Pointer: pointer, Code: "writeOnly", Message: "picks a member by a computed name, where there are some that have to be named: " + e.String(),
		})
	}
	return paths
}

// of returns what is hidden in the value of a node, and false where the value itself may be.
func (h veiled) of(n query.Node) ([]query.Path, bool) {
	switch n := n.(type) {
	case *query.Variable:
		return h[n.Name], true
	case *query.Select:
		paths, ok := h.of(n.Operand)
		return below(paths, query.Path{n.Member}), ok
	case *query.Index:
		paths, ok := h.of(n.Operand)
		if n.At.Kind() == query.Number || len(paths) == 0 {
			return paths, ok // an element of a list
		}
		return nil, false
	case *query.Conditional:
		then, ok := h.of(n.Then)
		other, fine := h.of(n.Else)
		return slices.Concat(then, other), ok && fine
	case *query.ListOf:
		var all []query.Path
		ok := true
		for _, element := range n.Elements {
			paths, fine := h.of(element)
			all, ok = append(all, paths...), ok && fine
		}
		return all, ok
	}
	return nil, true // what an operator or a function gives is no part of a document
}

// below returns the paths that lead on from a place; what is named there is not hidden.
func below(paths []query.Path, place query.Path) []query.Path {
	var rest []query.Path
	for _, path := range paths {
		if path.Within(place) && len(path) > len(place) {
			rest = append(rest, path[len(place):])
		}
	}
	return rest
}
