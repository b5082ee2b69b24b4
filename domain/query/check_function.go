package query

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"

	"cel.dev/cel-go/common/ast"

	"github.com/sheafdb/sheaf/domain/ident"
)

// function says how a function is called and what it takes; the receiver of a method comes first.
type function struct {
	usage  string
	method bool // written text.f(…); size is both
	global bool // written f(…)
	takes  []Kind
	gives  Kind
}

var functions = map[Op]function{
	OpSize:       {usage: "size(value)", method: true, global: true, gives: Number},
	OpStartsWith: {usage: "text.startsWith(text)", method: true, takes: []Kind{String, String}, gives: Bool},
	OpEndsWith:   {usage: "text.endsWith(text)", method: true, takes: []Kind{String, String}, gives: Bool},
	OpContains:   {usage: "text.contains(text)", method: true, takes: []Kind{String, String}, gives: Bool},
	OpMatches:    {usage: "text.matches(pattern)", method: true, takes: []Kind{String, String}, gives: Bool},
	OpLowerASCII: {usage: "text.lowerAscii()", method: true, takes: []Kind{String}, gives: String},
	OpUpperASCII: {usage: "text.upperAscii()", method: true, takes: []Kind{String}, gives: String},
	OpTimestamp:  {usage: "timestamp(text)", global: true, gives: Timestamp},
	OpInt:        {usage: "int(text)", global: true, gives: Number},
	OpDouble:     {usage: "double(text)", global: true, gives: Number},
	// These have rules of their own.
	OpSearch:     {usage: `search("words")`, global: true},
	"has":        {usage: "has(object.member)", global: true},
	"duration":   {usage: `duration("1h30m")`, global: true},
	"exists":     {usage: "list.exists(element, …)", method: true},
	"all":        {usage: "list.all(element, …)", method: true},
	"exists_one": {usage: "list.exists_one(element, …)", method: true},
	"existsOne":  {usage: "list.existsOne(element, …)", method: true},
}

// refusals say why a function of CEL is not offered.
var refusals = map[string]string{
	"type":   "types have no common names here; compare the value, or ask has(…)",
	"dyn":    "nothing needs it: members that the schema does not name are dynamic",
	"string": "there is no one text of a number",
	"bytes":  "bytes are not offered",
	"uint":   "there is one kind of number",
	"map":    "a filter asks about elements: exists, all and exists_one",
	"filter": "a filter asks about elements: exists, all and exists_one",
}

func (c *checker) function(e ast.Expr, name string) (operand, bool) {
	call := e.AsCall()
	f, known := functions[Op(name)]
	switch {
	case !known && refusals[name] != "":
		return operand{}, c.fail(c.offset(e), "refused", "%s() is not offered: %s", name, refusals[name])
	case !known:
		names := make([]string, 0, len(functions))
		for _, op := range slices.Sorted(maps.Keys(functions)) {
			names = append(names, string(op))
		}
		return operand{}, c.unknown(c.offset(e), "there is no function "+shown(name), ident.Nearest(name, names), names)
	case call.IsMemberFunction() && !f.method, !call.IsMemberFunction() && !f.global:
		return operand{}, c.misuse(e, f)
	}
	args := call.Args()
	if call.IsMemberFunction() {
		args = append([]ast.Expr{call.Target()}, args...)
	}
	switch name {
	case string(OpSearch):
		return c.search(e, args)
	case "has":
		return c.has(e, f, args)
	case "exists":
		return c.quantified(e, f, Any, args)
	case "all":
		return c.quantified(e, f, All, args)
	case "exists_one", "existsOne":
		return c.quantified(e, f, One, args)
	}
	operands, ok := c.checkAll(args)
	if !ok {
		return operand{}, false
	}
	if len(operands) != max(len(f.takes), 1) {
		return operand{}, c.misuse(e, f)
	}
	for i, kind := range f.takes {
		if !operands[i].is(kind) {
			return operand{}, c.fail(c.offset(args[i]), "type", "%s takes %s, and this is %s", f.usage, kind, operands[i].kind())
		}
	}
	return c.apply(e, Op(name), f, operands)
}

func (c *checker) misuse(e ast.Expr, f function) bool {
	return c.fail(c.offset(e), "type", "the function is written %s", f.usage)
}

// apply checks what the kinds of the operands do not tell.
func (c *checker) apply(e ast.Expr, op Op, f function, o []operand) (operand, bool) {
	constant, _ := o[len(o)-1].node.(*Literal)
	takes := func(kinds ...Kind) bool {
		if o[0].is(kinds...) {
			return true
		}
		return c.fail(o[0].node.Offset(), "type", "%s does not take %s", f.usage, o[0].kind())
	}
	switch op {
	case OpSize:
		return c.result(e, Number, 20, op, Dynamic, o...), takes(String, List, Map)
	case OpInt, OpDouble:
		return c.result(e, Number, maxDigits, op, Dynamic, o...), takes(String, Number)
	case OpTimestamp:
		if !takes(String) {
			return operand{}, false
		}
		if constant != nil {
			instant, ok := ParseInstant(constant.Value.(string))
			return c.constant(e, instant), ok ||
				c.fail(constant.offset, "type", "is not a time of RFC 3339 with its offset, such as 2026-01-31T23:59:59Z")
		}
	case "duration":
		if constant == nil || constant.kind != String {
			return operand{}, c.fail(o[0].node.Offset(), "refused", "a duration is written out: %s", f.usage)
		}
		span, ok := parseSpan(constant.Value.(string))
		return c.constant(e, span), ok ||
			c.fail(constant.offset, "type", "is not a duration in h, m, s, ms and us, such as 1h30m or 1.5s, of at most 292 years")
	case OpMatches:
		if constant == nil {
			return operand{}, c.fail(o[1].node.Offset(), "refused", "a pattern is written out: a computed one cannot be checked")
		}
		pattern, err := compilePattern(constant.Value.(string))
		if err != nil {
			return operand{}, c.fail(constant.offset, "refused", "the pattern %s", err)
		}
		o := c.result(e, Bool, 1, op, Dynamic, o[0])
		o.node.(*Call).Pattern = pattern
		return o, true
	}
	return c.result(e, f.gives, o[0].size, op, Dynamic, o...), true
}

func (c *checker) has(e ast.Expr, f function, args []ast.Expr) (operand, bool) {
	if len(args) != 1 {
		return operand{}, c.misuse(e, f)
	}
	var from ast.Expr
	var name string
	isMember := false
	switch arg := args[0]; arg.Kind() {
	case ast.SelectKind:
		from, name, isMember = arg.AsSelect().Operand(), arg.AsSelect().FieldName(), true
	case ast.CallKind:
		if call := arg.AsCall(); call.FunctionName() == "_[_]" {
			from = call.Args()[0]
			name, isMember = stringLiteral(call.Args()[1])
		}
	}
	if !isMember {
		return operand{}, c.fail(c.offset(args[0]), "type", `has asks for a member: has(doc.name) or has(doc["odd name"])`)
	}
	o, ok := c.check(from)
	if !ok {
		return o, false
	}
	if _, ok := c.memberOf(args[0], o, name); !ok {
		return o, false
	}
	return operand{&Has{c.at(e, Bool), o.node, name}, TypeOf(Bool), 1}, true
}

func (c *checker) quantified(e ast.Expr, f function, q Quantifier, args []ast.Expr) (operand, bool) {
	if len(args) != 3 || args[1].Kind() != ast.IdentKind || strings.HasPrefix(args[1].AsIdent(), ".") {
		return operand{}, c.misuse(e, f)
	}
	over, ok := c.check(args[0])
	if !ok {
		return over, false
	}
	if !over.is(List, Map) {
		return over, c.fail(c.offset(e), "type", "%s is for a list or the names of an object's members, and this is %s", f.usage, over.kind())
	}
	level := len(c.bound)
	if level == maxLevels {
		return over, c.fail(c.offset(e), "limit", "exists, all and exists_one stand at most %d inside one another", maxLevels)
	}
	element := over.typ.at(-1)
	if over.kind() == Map {
		element = TypeOf(String)
	}
	name := args[1].AsIdent()
	c.bound = append(c.bound, boundName{name, element})
	body, ok := c.check(args[2])
	c.bound = c.bound[:level]
	if ok && !body.is(Bool) {
		ok = c.fail(c.offset(args[2]), "type", "%s asks what is true or false, and this is %s", f.usage, body.kind())
	}
	return operand{&Quantified{c.at(e, Bool), q, over.node, level, name, body.node}, TypeOf(Bool), 1}, ok
}

// smallInt returns the value of a whole number that is the index of an element, and false for all other numbers.
func smallInt(n json.Number) (int, bool) {
	whole, fraction, _ := strings.Cut(string(n), ".")
	if strings.Trim(fraction, "0") != "" {
		return 0, false
	}
	i, err := strconv.Atoi(whole)
	return i, err == nil && i >= 0 && i < 1<<31
}
