// Package query holds the small languages of a request as checked values: expressions, paths into documents and page tokens.
//
// An expression is CEL (docs/expressions.md). Compile parses it with cel-go and checks it against what is known of its variables; what is left is a
// tree of ours, node.go, which whoever plans or runs a query walks. It has two interpreters that agree on every document: Expr.Eval here, and the
// SQL that adapters/postgres/expression makes. Where a value is missing or of the wrong kind both have an error, which is no match.
//
// Start at Compile. The checker: check.go, check_operator.go, check_function.go. What a JSON Schema says of a place: shape.go.
package query

import (
	"maps"
	"math"
	"slices"

	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/parser"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/jsontext"
)

// Limits of a path.
const (
	maxPathBytes = 1024
	maxPathDepth = 32
)

// Path leads to a member of a document: the member names from the outside in, at least one.
type Path []string

// ParsePath reads a CEL path to a member of the document, such as doc.address.zip or doc["odd name"].
// It fails with fault.Invalid and code "path.invalid" when s is anything else.
func ParsePath(s string) (Path, error) {
	place, err := ParsePlace(s)
	if err != nil {
		return nil, err
	}
	if place.Root != "doc" || len(place.Steps) == 0 {
		return nil, fault.New(fault.Invalid, "path.invalid", "begins with doc and names 1 to %d members", maxPathDepth)
	}
	path := make(Path, len(place.Steps))
	for i, step := range place.Steps {
		if step.Element {
			return nil, notAPath()
		}
		path[i] = step.Name
	}
	return path, nil
}

// ParsePlace reads a CEL path that begins with any name and may lead into lists, such as order.doc.items[0].price.
// It fails with fault.Invalid and code "path.invalid" when s is anything else.
func ParsePlace(s string) (Place, error) {
	if len(s) > maxPathBytes {
		return Place{}, fault.New(fault.Invalid, "path.invalid", "a path has at most %d bytes", maxPathBytes)
	}
	p, err := parser.NewParser(parser.MaxRecursionDepth(2 * maxPathDepth))
	if err != nil {
		return Place{}, fault.Wrap(err, fault.Internal, "internal", "path parser")
	}
	tree, issues := p.Parse(common.NewTextSource(s))
	if len(issues.GetErrors()) > 0 {
		return Place{}, notAPath()
	}
	var steps []Step
	for e := tree.Expr(); ; {
		switch e.Kind() {
		case ast.IdentKind:
			if len(steps) > maxPathDepth {
				return Place{}, fault.New(fault.Invalid, "path.invalid", "a path has at most %d steps", maxPathDepth)
			}
			slices.Reverse(steps)
			return Place{e.AsIdent(), steps}, nil
		case ast.SelectKind:
			if e.AsSelect().IsTestOnly() {
				return Place{}, notAPath()
			}
			steps, e = append(steps, Step{Name: e.AsSelect().FieldName()}), e.AsSelect().Operand()
		case ast.CallKind:
			call := e.AsCall()
			if call.FunctionName() != operators.Index || len(call.Args()) != 2 || call.Args()[1].Kind() != ast.LiteralKind {
				return Place{}, notAPath()
			}
			var step Step
			switch key := call.Args()[1].AsLiteral().(type) {
			case types.String:
				step.Name = string(key)
			case types.Int:
				if key < 0 || key > math.MaxInt32 {
					return Place{}, notAPath()
				}
				step.Index, step.Element = int(key), true
			default:
				return Place{}, notAPath()
			}
			steps, e = append(steps, step), call.Args()[0]
		default:
			return Place{}, notAPath()
		}
	}
}

func notAPath() error {
	return fault.New(fault.Invalid, "path.invalid", `is not a path like doc.name or doc["odd name"]`)
}

// Pointer returns the JSON Pointer (RFC 6901) to the same member.
func (p Path) Pointer() string {
	var ptr string
	for _, name := range p {
		ptr = jsontext.AppendPointer(ptr, name)
	}
	return ptr
}

// Find returns the value at the path in a decoded document, and whether there is one.
func (p Path) Find(doc any) (any, bool) {
	for _, name := range p {
		object, ok := doc.(map[string]any)
		if !ok {
			return nil, false
		}
		if doc, ok = object[name]; !ok {
			return nil, false
		}
	}
	return doc, true
}

// Within says whether p leads to the same member as outer, or into it.
func (p Path) Within(outer Path) bool {
	return len(p) >= len(outer) && slices.Equal(p[:len(outer)], outer)
}

// Without returns doc without the members at these paths, and whether that is less. doc itself is not changed; the result shares with it what stayed as it was.
func Without(doc any, paths ...Path) (any, bool) {
	less := false
	for _, path := range paths {
		if cut, gone := path.cut(doc); gone {
			doc, less = cut, true
		}
	}
	return doc, less
}

func (p Path) cut(doc any) (any, bool) {
	object, ok := doc.(map[string]any)
	if !ok {
		return doc, false
	}
	member, found := object[p[0]]
	if !found {
		return doc, false
	}
	changed := maps.Clone(object)
	if len(p) == 1 {
		delete(changed, p[0])
		return changed, true
	}
	cut, less := p[1:].cut(member)
	if !less {
		return doc, false
	}
	changed[p[0]] = cut
	return changed, true
}

// With returns doc with a value at the path; objects that are missing on the way are made. It fails where something else than an object is in the way.
// doc itself is not changed; the result shares with it what stayed as it was.
func (p Path) With(doc, value any) (any, bool) {
	object, ok := doc.(map[string]any)
	if !ok {
		return doc, false
	}
	changed := maps.Clone(object)
	if len(p) == 1 {
		changed[p[0]] = value
		return changed, true
	}
	member, found := object[p[0]]
	if !found {
		member = map[string]any{}
	}
	member, ok = p[1:].With(member, value)
	if !ok {
		return doc, false
	}
	changed[p[0]] = member
	return changed, true
}
