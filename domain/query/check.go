package query

import (
	"encoding/json"
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"

	"github.com/sheafdb/sheaf/domain/ident"
)

// operand is a checked part of an expression.
type operand struct {
	node Node
	typ  *Type
	size int // see maxComputed
}

func (o operand) kind() Kind { return o.node.Kind() }

// is says whether the value can be of one of the kinds.
func (o operand) is(kinds ...Kind) bool {
	for _, kind := range kinds {
		if o.kind() == kind || o.kind() == Dynamic && kind != Timestamp && kind != Duration {
			return true
		}
	}
	return false
}

// isTime says whether the value is no JSON.
func (o operand) isTime() bool { return o.kind() == Timestamp || o.kind() == Duration }

func (c *checker) at(e ast.Expr, kind Kind) typed { return typed{kind: kind, offset: c.offset(e)} }

// check makes the node of a part of the expression. Where ok is false, a mistake in it has been noted.
func (c *checker) check(e ast.Expr) (o operand, ok bool) {
	c.nodes++
	c.depth++
	defer func() { c.depth-- }()
	switch {
	case c.nodes > maxNodes+maxElements:
		if c.nodes == maxNodes+maxElements+1 {
			c.fail(c.offset(e), "limit", "it has too many parts: at most %d, or %d in a list of constants", maxNodes, maxElements)
		}
		return o, false
	case c.depth > maxDepth:
		return o, c.fail(c.offset(e), "limit", "it is nested too deeply: at most %d levels", maxDepth)
	}
	switch e.Kind() {
	case ast.LiteralKind:
		return c.literal(e)
	case ast.IdentKind:
		return c.name(e)
	case ast.SelectKind:
		return c.member(e, e.AsSelect().Operand(), e.AsSelect().FieldName())
	case ast.ListKind:
		return c.list(e)
	case ast.MapKind:
		return c.object(e)
	case ast.CallKind:
		return c.call(e)
	}
	return o, c.fail(c.offset(e), "refused", "messages are not offered")
}

func (c *checker) literal(e ast.Expr) (operand, bool) {
	var value any
	switch v := e.AsLiteral().(type) {
	case types.Null:
	case types.Bool:
		value = bool(v)
	case types.String:
		if strings.ContainsRune(string(v), 0) {
			return operand{}, c.fail(c.offset(e), "refused", "a string has the character U+0000, which no document has")
		}
		value = string(v)
	case types.Int, types.Double, types.Uint:
		return c.number(e)
	default:
		return operand{}, c.fail(c.offset(e), "refused", "bytes are not offered; write a string")
	}
	return c.constant(e, value), true
}

// number reads the number at e as the source has it.
func (c *checker) number(e ast.Expr) (operand, bool) {
	offset := c.offset(e)
	if c.read == len(c.tokens) || c.tokens[c.read].offset < offset {
		return operand{}, c.fail(offset, "syntax", "this is not a number")
	}
	text := c.tokens[c.read].text
	negative := c.tokens[c.read].offset > offset // it begins with its sign
	c.read++
	if strings.ContainsAny(text, "xuU") {
		return operand{}, c.fail(offset, "refused", "numbers are written in decimal digits and without a u")
	}
	value, ok := canonicalNumber(text, negative)
	if !ok {
		return operand{}, c.fail(offset, "limit", "a number has at most %d digits, and an exponent from -308 to 308", maxDigits)
	}
	return c.constant(e, value), true
}

// constant is a literal with a decoded value, an Instant or a Span.
func (c *checker) constant(e ast.Expr, value any) operand {
	o := operand{size: 1}
	kind := KindOf(value)
	switch v := value.(type) {
	case json.Number:
		o.size = len(v)
	case []any:
		o.typ = ListType(TypeOf(uniform(v)))
	}
	if o.typ == nil {
		o.typ = TypeOf(kind)
	}
	o.node = &Literal{c.at(e, kind), value}
	return o
}

// uniform returns the kind of all elements, Dynamic when they differ.
func uniform(elements []any) Kind {
	kind := Dynamic
	for i, element := range elements {
		if k := KindOf(element); i == 0 {
			kind = k
		} else if k != kind {
			return Dynamic
		}
	}
	return kind
}

func (c *checker) name(e ast.Expr) (operand, bool) {
	name := e.AsIdent()
	for level := len(c.bound) - 1; level >= 0; level-- {
		if b := c.bound[level]; b.name == name {
			return operand{&Bound{c.at(e, b.typ.Kind()), name, level}, b.typ, maxDigits}, true
		}
	}
	if typ, known := c.env.Variables[name]; known {
		return operand{&Variable{c.at(e, typ.Kind()), name}, typ, maxDigits}, true
	}
	nearest := ident.Nearest(name, c.variableNames())
	if c.env.Variables["doc"].names(name) {
		nearest = "doc." + name
	}
	return operand{}, c.unknown(c.offset(e), "there is no "+shown(name), nearest, c.variableNames())
}

// member checks operand.name, which may be written operand["name"].
func (c *checker) member(e, from ast.Expr, name string) (operand, bool) {
	o, ok := c.check(from)
	if !ok {
		return o, false
	}
	typ, ok := c.memberOf(e, o, name)
	if !ok {
		return o, false
	}
	return operand{&Select{c.at(e, typ.Kind()), o.node, name}, typ, maxDigits}, true
}

// memberOf returns what is known of a member of o.
func (c *checker) memberOf(e ast.Expr, o operand, name string) (*Type, bool) {
	if o.kind() == List {
		return nil, c.fail(c.offset(e), "type", "a list has no members; its elements are list[0], or list.exists(element, …)")
	}
	if !o.is(Map) {
		return nil, c.fail(c.offset(e), "type", "%s has no members", o.kind())
	}
	typ, known, ok := o.typ.member(name)
	if !ok {
		return nil, c.unknown(c.offset(e), "there is no member "+shown(name)+" here", ident.Nearest(name, known), known)
	}
	return typ, true
}

// list makes one literal of constants.
func (c *checker) list(e ast.Expr) (operand, bool) {
	elements := e.AsList().Elements()
	if len(elements) > maxElements {
		return operand{}, c.fail(c.offset(e), "limit", "a list has at most %d elements", maxElements)
	}
	nodes, values := make([]Node, 0, len(elements)), make([]any, 0, len(elements))
	size, ok := 0, true
	for _, element := range elements {
		o, fine := c.check(element)
		switch {
		case !fine:
			ok = false
		case o.isTime():
			ok = c.fail(c.offset(element), "refused", "a list holds JSON values, and %s is none; compare with each on its own", o.kind())
		default:
			nodes, size = append(nodes, o.node), size+o.size
			if constant, is := o.node.(*Literal); is {
				values = append(values, constant.Value)
			}
		}
	}
	if !ok {
		return operand{}, false
	}
	if len(values) == len(elements) {
		c.nodes -= len(elements)
		return c.constant(e, values), true
	}
	o := operand{&ListOf{c.at(e, List), nodes}, TypeOf(List), size}
	return o, c.bounded(e, o)
}

func (c *checker) object(e ast.Expr) (operand, bool) {
	entries := e.AsMap().Entries()
	value := make(map[string]any, len(entries))
	for _, entry := range entries {
		at := entry.AsMapEntry()
		key, fine := c.check(at.Key())
		element, ok := c.check(at.Value())
		if !fine || !ok {
			return operand{}, false
		}
		c.nodes -= 2
		name, isName := key.node.(*Literal)
		constant, isConstant := element.node.(*Literal)
		if !isName || name.kind != String || !isConstant || element.isTime() {
			return operand{}, c.fail(c.offset(e), "refused", "an object is made of constants: strings before the colons, and JSON behind them")
		}
		if _, twice := value[name.Value.(string)]; twice {
			return operand{}, c.fail(c.offset(at.Key()), "refused", "an object has two members of the same name")
		}
		value[name.Value.(string)] = constant.Value
	}
	return c.constant(e, value), true
}

// index checks operand[at].
func (c *checker) index(e ast.Expr, from, at ast.Expr) (operand, bool) {
	if name, ok := stringLiteral(at); ok {
		c.nodes++
		return c.member(e, from, name)
	}
	o, ok := c.check(from)
	i, fine := c.check(at)
	if !ok || !fine {
		return operand{}, false
	}
	typ := o.typ.at(-1)
	constant, isConstant := i.node.(*Literal)
	switch {
	case !o.is(List, Map):
		return o, c.fail(c.offset(e), "type", "%s has no elements", o.kind())
	case o.kind() == Map && !i.is(String):
		return o, c.fail(c.offset(at), "type", "the members of an object are found by a string, and not by %s", i.kind())
	case o.kind() == List && !i.is(Number), !i.is(Number, String):
		return o, c.fail(c.offset(at), "type", "the elements of a list are found by a number, and not by %s", i.kind())
	case isConstant:
		n, whole := smallInt(constant.Value.(json.Number))
		if !whole || n < 0 {
			return o, c.fail(c.offset(at), "type", "elements are counted from 0, in whole numbers")
		}
		typ = o.typ.at(n)
	}
	return operand{&Index{c.at(e, typ.Kind()), o.node, i.node}, typ, maxDigits}, true
}

func stringLiteral(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().(types.String)
	return string(s), ok && !strings.ContainsRune(string(s), 0)
}

// bounded refuses what could become too large.
func (c *checker) bounded(e ast.Expr, o operand) bool {
	return o.size <= maxComputed ||
		c.fail(c.offset(e), "limit", "it puts too many values together: at most %d parts of a document in one number, string or list", maxComputed/maxDigits)
}

// call checks operators and functions.
func (c *checker) call(e ast.Expr) (operand, bool) {
	call := e.AsCall()
	args := call.Args()
	name := call.FunctionName()
	switch name {
	case operators.Index:
		return c.index(e, args[0], args[1])
	case operators.Conditional:
		return c.conditional(e, args)
	case operators.LogicalAnd, operators.LogicalOr, operators.LogicalNot:
		return c.logic(e, logicOps[name], args)
	}
	op, is := operatorOps[name]
	if !is {
		return c.function(e, name)
	}
	operands, ok := c.checkAll(args)
	if !ok {
		return operand{}, false
	}
	return c.operator(e, op, operands)
}

func (c *checker) checkAll(args []ast.Expr) ([]operand, bool) {
	operands, ok := make([]operand, len(args)), true
	for i, arg := range args {
		var fine bool
		operands[i], fine = c.check(arg)
		ok = ok && fine
	}
	return operands, ok
}
