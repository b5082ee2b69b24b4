package query

import (
	"fmt"
	"maps"
	"slices"
	"sync"
	"unicode/utf8"

	"cel.dev/cel-go/common"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/parser"

	"github.com/sheafdb/sheaf/domain/fault"
)

// Limits of an expression.
const (
	maxSource   = 4096 // bytes
	maxNodes    = 500  // constants in a list or map do not count
	maxDepth    = 24   // nodes inside one another; the interpreters recurse
	maxLevels   = 4    // quantifiers inside one another: the work is the product of their lists
	maxElements = 1000 // of a list or map of constants

	// maxComputed bounds what arithmetic can make of the values of a document, in digits of a number: PostgreSQL has 16,383 behind the point,
	// and a number of a document has up to 1,000. Strings that are put together count 1,000 for each part, whatever their length.
	maxComputed = 16_000
	maxDigits   = 1000
)

// Env is what an expression is compiled for. Its zero value has no variables.
type Env struct {
	// Variables are the names an expression may use, with what is known of them.
	Variables map[string]*Type
	// Result is the kind that the whole must have; Dynamic accepts any.
	Result Kind
	// Search allows one search(…), as a part of the conjunction that the whole is; see SearchOf.
	Search bool
	// Code is that of the fault, "filter.invalid" where it is empty; In and Pointer of its violations are "query" and "filter".
	Code, In, Pointer string
}

// FilterEnv returns the environment of a filter over documents of a type: doc, id, revision, createdAt and updatedAt.
func FilterEnv(doc *Type) *Env {
	return &Env{
		Variables: map[string]*Type{
			"doc": doc, "id": TypeOf(String), "revision": TypeOf(Number), "createdAt": TypeOf(Timestamp), "updatedAt": TypeOf(Timestamp),
		},
		Result: Bool,
	}
}

// Expr is a checked expression: immutable, and safe for concurrent use.
type Expr struct {
	source string
	root   Node
	typ    *Type
}

// Type returns what is known of the value.
func (e *Expr) Type() *Type { return e.typ }

// Root returns the tree, which is not to be changed.
func (e *Expr) Root() Node { return e.root }

// String returns the source.
func (e *Expr) String() string { return e.source }

// Compile parses and checks an expression in the syntax of CEL; docs/expressions.md says what it may have.
// It fails with fault.Malformed and the environment's code. Every mistake is a violation whose code is one of "syntax", "unknown" (a name),
// "type", "refused" (CEL that is not offered) and "limit"; params are its offset in characters, line and column, and "nearest" where a name is.
func Compile(source string, env *Env) (*Expr, error) {
	c := &checker{env: env, source: source}
	if node, ok := c.compile(); ok && len(c.faults) == 0 {
		return &Expr{source: source, root: node, typ: c.typ}, nil
	}
	code := env.Code
	if code == "" {
		code = "filter.invalid"
	}
	first := c.faults[0]
	return nil, fault.New(fault.Malformed, code, "the expression cannot be used: at character %d, %s", first.Params["offset"].(int)+1, first.Message).With(c.faults...)
}

// expressionParser parses expressions. It is safe for concurrent use.
var expressionParser = sync.OnceValues(func() (*parser.Parser, error) {
	return parser.NewParser(
		parser.MaxRecursionDepth(4*maxDepth),
		parser.ErrorRecoveryLimit(4),
		parser.ErrorReportingLimit(4),
		parser.EnableVariadicOperatorASTs(true),
	)
})

// checker makes the tree of one expression.
type checker struct {
	env    *Env
	source string
	info   *ast.SourceInfo
	tokens []numberToken
	read   int // of tokens
	faults []fault.Violation
	typ    *Type // of the whole

	searches     []Node
	nodes, depth int
	bound        []boundName
}

// boundName is the variable of an open quantifier.
type boundName struct {
	name string
	typ  *Type
}

func (c *checker) compile() (Node, bool) {
	if len(c.source) > maxSource {
		return nil, c.fail(0, "limit", "it has more than %d bytes", maxSource)
	}
	if !utf8.ValidString(c.source) {
		return nil, c.fail(0, "syntax", "it is not UTF-8")
	}
	safe, tokens := numbers(c.source)
	c.tokens = tokens
	p, err := expressionParser()
	if err != nil {
		return nil, c.fail(0, "syntax", "it cannot be parsed")
	}
	tree, issues := p.Parse(common.NewTextSource(safe))
	c.info = tree.SourceInfo()
	if found := issues.GetErrors(); len(found) > 0 {
		// What follows the first one is mostly a consequence.
		at := 0
		if found[0].Location.Line() > 0 {
			at = int(c.info.ComputeOffset(int32(found[0].Location.Line()), int32(found[0].Location.Column())))
		}
		return nil, c.fail(at, "syntax", "%s", explainSyntax(found[0].Message))
	}
	root, ok := c.check(tree.Expr())
	if !ok {
		return nil, false
	}
	if c.nodes > maxNodes {
		return nil, c.fail(0, "limit", "it has too many parts: at most %d", maxNodes)
	}
	if c.read != len(c.tokens) {
		return nil, c.fail(0, "syntax", "a number stands where none can be")
	}
	if want := c.env.Result; want != Dynamic && !root.is(want) {
		return nil, c.fail(root.node.Offset(), "type", "the whole must be %s, and is %s", want, root.kind())
	}
	c.typ = root.typ
	return root.node, c.searchesAlone(root.node)
}

// fail notes a mistake at a place of the source, and returns false.
func (c *checker) fail(offset int, code, format string, args ...any) bool {
	c.violate(offset, code, fmt.Sprintf(format, args...), nil)
	return false
}

func (c *checker) violate(offset int, code, message string, params map[string]any) {
	at := positionOf(c.source, offset)
	all := map[string]any{"offset": at.offset, "line": at.line, "column": at.column}
	maps.Copy(all, params)
	v := fault.Violation{In: "query", Pointer: "filter", Code: code, Message: message, Params: all}
	if c.env.In != "" {
		v.In, v.Pointer = c.env.In, c.env.Pointer
	}
	c.faults = append(c.faults, v)
}

// unknown notes a name that is not there. what says what it would be; suggestion is what it stands for, written out, "" for none.
func (c *checker) unknown(offset int, what, suggestion string, known []string) bool {
	params := map[string]any{}
	if len(known) > 0 {
		params["expected"] = known
	}
	if suggestion != "" {
		params["nearest"] = suggestion
		what += fmt.Sprintf("; did you mean %s?", suggestion)
	} else if len(known) > 0 && len(known) <= 12 {
		what += "; there are " + enumerate(known)
	}
	c.violate(offset, "unknown", what, params)
	return false
}

func enumerate(names []string) string {
	switch len(names) {
	case 0:
		return "none"
	case 1:
		return names[0]
	}
	text := names[0]
	for _, name := range names[1 : len(names)-1] {
		text += ", " + name
	}
	return text + " and " + names[len(names)-1]
}

func (c *checker) variableNames() []string {
	names := slices.Sorted(maps.Keys(c.env.Variables))
	for _, b := range c.bound {
		names = append(names, b.name)
	}
	return names
}

// offset returns where a part of the parsed expression stands, in characters.
func (c *checker) offset(e ast.Expr) int {
	where, _ := c.info.GetOffsetRange(e.ID())
	return max(int(where.Start), 0)
}
