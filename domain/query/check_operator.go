package query

import (
	"strings"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
)

var (
	logicOps    = map[string]Op{operators.LogicalAnd: OpAnd, operators.LogicalOr: OpOr, operators.LogicalNot: OpNot}
	operatorOps = map[string]Op{
		operators.Equals: OpEqual, operators.NotEquals: OpNotEqual, operators.In: OpIn, operators.OldIn: OpIn,
		operators.Less: OpLess, operators.LessEquals: OpLessOrEqual, operators.Greater: OpGreater, operators.GreaterEquals: OpGreaterOrEqual,
		operators.Add: OpAdd, operators.Subtract: OpSubtract, operators.Multiply: OpMultiply, operators.Negate: OpNegate,
		operators.Divide: "/", operators.Modulo: "%",
	}
)

func (c *checker) logic(e ast.Expr, op Op, args []ast.Expr) (operand, bool) {
	operands, ok := c.checkAll(args)
	if !ok {
		return operand{}, false
	}
	for i, o := range operands {
		if !o.is(Bool) {
			ok = c.fail(c.offset(args[i]), "type", "%s joins what is true or false, and this is %s", op, o.kind())
		}
	}
	return c.result(e, Bool, 1, op, Dynamic, operands...), ok
}

func (c *checker) conditional(e ast.Expr, args []ast.Expr) (operand, bool) {
	o, ok := c.checkAll(args)
	if !ok {
		return operand{}, false
	}
	if !o[0].is(Bool) {
		return operand{}, c.fail(c.offset(args[0]), "type", "? asks what is true or false, and this is %s", o[0].kind())
	}
	typ := o[1].typ
	switch a, b := o[1].kind(), o[2].kind(); {
	case a == b && a != List && a != Map:
	case o[1].isTime() || o[2].isTime():
		return operand{}, c.fail(c.offset(e), "type", "the two sides of : must be of one kind; here %s and %s", a, b)
	case b == Null:
	case a == Null:
		typ = o[2].typ
	case a == b:
		typ = TypeOf(a)
	default:
		typ = nil
	}
	return operand{&Conditional{c.at(e, typ.Kind()), o[0].node, o[1].node, o[2].node}, typ, max(o[1].size, o[2].size)}, true
}

// result is a call with its operands.
func (c *checker) result(e ast.Expr, kind Kind, size int, op Op, on Kind, operands ...operand) operand {
	nodes := make([]Node, len(operands))
	for i, o := range operands {
		nodes[i] = o.node
	}
	return operand{&Call{typed: c.at(e, kind), Op: op, On: on, Arguments: nodes}, TypeOf(kind), size}
}

// operator checks everything with one or two operands but logic.
func (c *checker) operator(e ast.Expr, op Op, o []operand) (operand, bool) {
	switch op {
	case OpEqual, OpNotEqual:
		return c.equality(e, op, o[0], o[1])
	case OpLess, OpLessOrEqual, OpGreater, OpGreaterOrEqual:
		return c.order(e, op, o[0], o[1])
	case OpIn:
		return c.in(e, o[0], o[1])
	case OpAdd, OpSubtract:
		return c.sum(e, op, o[0], o[1])
	case OpMultiply:
		if !o[0].is(Number) || !o[1].is(Number) {
			return c.mismatch(e, op, "two numbers", o[0], o[1])
		}
		product := c.result(e, Number, o[0].size+o[1].size, op, Number, o...)
		return product, c.bounded(e, product)
	case OpNegate:
		if o[0].kind() == Duration {
			return c.result(e, Duration, 1, op, Duration, o...), true
		}
		if !o[0].is(Number) {
			return operand{}, c.fail(c.offset(e), "type", "- is for a number or a duration, and this is %s", o[0].kind())
		}
		return c.result(e, Number, o[0].size, op, Number, o...), true
	}
	return operand{}, c.fail(c.offset(e), "refused", "%s is not offered: results would have to be rounded; multiply the other side of a comparison instead", op)
}

// mismatch notes that an operator cannot work on its operands.
func (c *checker) mismatch(e ast.Expr, op Op, wanted string, a, b operand) (operand, bool) {
	hint := ""
	for _, pair := range [...][2]operand{{a, b}, {b, a}} {
		if other := pair[1].kind(); pair[0].isTime() && (other == String || other == Dynamic) {
			hint = "; write " + strings.TrimPrefix(pair[0].kind().String(), "a ") + "(…) around the other"
		}
	}
	return operand{}, c.fail(c.offset(e), "type", "%s is for %s; here are %s and %s%s", op, wanted, a.kind(), b.kind(), hint)
}

// equality is for values of one kind, and for null with anything.
func (c *checker) equality(e ast.Expr, op Op, a, b operand) (operand, bool) {
	switch {
	case a.kind() == b.kind(), a.kind() == Null, b.kind() == Null:
	case a.isTime() || b.isTime() || a.kind() != Dynamic && b.kind() != Dynamic:
		return c.mismatch(e, op, "two values of one kind", a, b)
	}
	on := Dynamic
	if a.isTime() && a.kind() == b.kind() {
		on = a.kind()
	}
	return c.result(e, Bool, 1, op, on, a, b), true
}

func (c *checker) order(e ast.Expr, op Op, a, b operand) (operand, bool) {
	const wanted = "two numbers, strings, bools, timestamps or durations"
	on := a.kind()
	if on == Dynamic {
		on = b.kind()
	}
	one := a.kind() == b.kind() || !a.isTime() && !b.isTime() && (a.kind() == Dynamic || b.kind() == Dynamic)
	if !one || on == Null || on == List || on == Map {
		return c.mismatch(e, op, wanted, a, b)
	}
	return c.result(e, Bool, 1, op, on, a, b), true
}

func (c *checker) in(e ast.Expr, a, b operand) (operand, bool) {
	switch {
	case a.isTime():
		return operand{}, c.fail(c.offset(e), "refused", "in is for JSON values, and not for %s", a.kind())
	case b.kind() == String:
		return operand{}, c.fail(c.offset(e), "type", "in looks for an element of a list or a member of an object, and this is a string; a part of a string is found by contains")
	case !b.is(List, Map):
		return operand{}, c.fail(c.offset(e), "type", "in looks for an element of a list or a member of an object, and this is %s", b.kind())
	case b.kind() == Map && !a.is(String):
		return operand{}, c.fail(c.offset(e), "type", "the names of an object's members are strings, and this is %s", a.kind())
	}
	if element := b.typ.at(-1).Kind(); element != Dynamic && element != Null && a.kind() != Dynamic && a.kind() != Null && a.kind() != element {
		return operand{}, c.fail(c.offset(e), "type", "the list is not one of %ss, and never holds %s", strings.TrimPrefix(a.kind().String(), "a "), a.kind())
	}
	return c.result(e, Bool, 1, OpIn, Dynamic, a, b), true
}

// sum checks + and -.
func (c *checker) sum(e ast.Expr, op Op, a, b operand) (operand, bool) {
	const (
		sums        = "numbers, strings, durations, or a timestamp and a duration"
		differences = "numbers, durations, timestamps, or a timestamp less a duration"
	)
	size := max(a.size, b.size) + 1
	switch ka, kb := a.kind(), b.kind(); {
	case ka == Timestamp && kb == Duration:
		return c.result(e, Timestamp, 1, op, Timestamp, a, b), true
	case ka == Duration && kb == Timestamp && op == OpAdd:
		return c.result(e, Timestamp, 1, op, Timestamp, b, a), true
	case ka == Timestamp && kb == Timestamp && op == OpSubtract:
		return c.result(e, Duration, 1, op, Timestamp, a, b), true
	case ka == Duration && kb == Duration:
		return c.result(e, Duration, 1, op, Duration, a, b), true
	case a.isTime() || b.isTime():
	case a.is(Number) && b.is(Number) && (ka == Number || kb == Number || op == OpSubtract):
		o := c.result(e, Number, size, op, Number, a, b)
		return o, c.bounded(e, o)
	case op == OpAdd && a.is(String) && b.is(String):
		kind := String
		if ka == Dynamic && kb == Dynamic {
			kind = Dynamic
		}
		o := c.result(e, kind, a.size+b.size, op, kind, a, b)
		return o, c.bounded(e, o)
	}
	if op == OpAdd {
		return c.mismatch(e, op, sums, a, b)
	}
	return c.mismatch(e, op, differences, a, b)
}
