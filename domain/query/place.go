package query

import (
	"math"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/jsontext"
)

// Place is a path from a name into a value: to a member, an element, or to what the name itself stands for.
type Place struct {
	Root  string
	Steps []Step
}

// Step leads from an object to a member, or from a list to an element.
type Step struct {
	Name  string
	Index int
	// Element says that Index counts and not Name.
	Element bool
}

// ParsePlace reads a CEL path that begins with any name and may lead into lists, such as order.doc.items[0].price.
// It fails with fault.Invalid and code "path.invalid" when s is anything else.
func ParsePlace(s string) (Place, error) {
	if place, ok := plainPlace(s); ok {
		return place, nil
	}
	return parsePlace(s)
}

// plainPlace reads names with dots between them.
func plainPlace(s string) (Place, bool) {
	names := strings.Split(s, ".")
	if len(s) > maxPathBytes || len(names) > maxPathDepth || slices.ContainsFunc(names, func(name string) bool { return !IsName(name) }) {
		return Place{}, false
	}
	place := Place{Root: names[0]}
	for _, name := range names[1:] {
		place.Steps = append(place.Steps, Step{Name: name})
	}
	return place, true
}

func parsePlace(s string) (Place, error) {
	if len(s) > maxPathBytes {
		return Place{}, fault.New(fault.Invalid, "path.invalid", "a path has at most %d bytes", maxPathBytes)
	}
	p, err := pathParser()
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

// Pointer returns the JSON Pointer (RFC 6901) to the same place, the root being its first token.
func (p Place) Pointer() string {
	pointer := jsontext.AppendPointer("", p.Root)
	for _, step := range p.Steps {
		token := step.Name
		if step.Element {
			token = strconv.Itoa(step.Index)
		}
		pointer = jsontext.AppendPointer(pointer, token)
	}
	return pointer
}

// Find returns what is at the place in the decoded value that the root stands for, and whether there is something.
func (p Place) Find(v any) (any, bool) {
	for _, step := range p.Steps {
		var found bool
		switch in := v.(type) {
		case map[string]any:
			v, found = in[step.Name]
			found = found && !step.Element
		case []any:
			if found = step.Element && step.Index < len(in); found {
				v = in[step.Index]
			}
		}
		if !found {
			return nil, false
		}
	}
	return v, true
}

// Put puts a value at the place in v, which it changes, and returns what v has become: a member, new or not, or an element that is there; objects that are missing on the
// way are made. It fails where there is no such element, or something else in the way.
func (p Place) Put(v, value any) (any, bool) { return put(v, p.Steps, value) }

func put(v any, steps []Step, value any) (any, bool) {
	if len(steps) == 0 {
		return value, true
	}
	step := steps[0]
	switch in := v.(type) {
	case map[string]any:
		member, found := in[step.Name]
		if !found {
			member = map[string]any{}
		}
		changed, ok := put(member, steps[1:], value)
		if !ok || step.Element {
			return v, false
		}
		in[step.Name] = changed
		return in, true
	case []any:
		if !step.Element || step.Index >= len(in) {
			return v, false
		}
		changed, ok := put(in[step.Index], steps[1:], value)
		if ok {
			in[step.Index] = changed
		}
		return in, ok
	}
	return v, false
}

// Equal says whether p and other are one place.
func (p Place) Equal(other Place) bool {
	return p.Root == other.Root && slices.Equal(p.Steps, other.Steps)
}
