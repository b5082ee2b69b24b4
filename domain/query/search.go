package query

import (
	"slices"

	"cel.dev/cel-go/common/ast"
)

// Search is what search("words") or search("index", "words") asks for.
type Search struct {
	// Index is the name of a text index; "" is the only one that there is.
	Index string
	// Words are in the syntax of web searches; every text is in it.
	Words string
}

// SearchOf returns what a node searches for, and false for any other node.
func SearchOf(n Node) (Search, bool) {
	call, ok := n.(*Call)
	if !ok || call.Op != OpSearch {
		return Search{}, false
	}
	s := Search{Words: call.Arguments[len(call.Arguments)-1].(*Literal).Value.(string)}
	if len(call.Arguments) > 1 {
		s.Index = call.Arguments[0].(*Literal).Value.(string)
	}
	return s, true
}

// Parts returns the parts of the conjunction that a node is: itself, where it is none.
func Parts(n Node) []Node {
	if call, ok := n.(*Call); ok && call.Op == OpAnd {
		var all []Node
		for _, a := range call.Arguments {
			all = append(all, Parts(a)...)
		}
		return all
	}
	return []Node{n}
}

// search checks search(…), but for its place.
func (c *checker) search(e ast.Expr, args []ast.Expr) (operand, bool) {
	if !c.env.Search {
		return operand{}, c.fail(c.offset(e), "refused", "search(…) is for the filter of a list")
	}
	if len(args) != 1 && len(args) != 2 {
		return operand{}, c.fail(c.offset(e), "type", `the function is written search("words"), or search("index", "words")`)
	}
	operands, ok := c.checkAll(args)
	if !ok {
		return operand{}, false
	}
	for i, o := range operands {
		if constant, is := o.node.(*Literal); !is || constant.kind != String {
			return operand{}, c.fail(c.offset(args[i]), "refused", "what is searched for is written out, as a string")
		}
	}
	o := c.result(e, Bool, 1, OpSearch, Dynamic, operands...)
	c.searches = append(c.searches, o.node)
	return o, true
}

// searchesAlone refuses a search that is not one of the whole's parts: only what matches it is found, so that nothing else can be asked of it.
func (c *checker) searchesAlone(root Node) bool {
	ok, parts := true, Parts(root)
	for i, s := range c.searches {
		switch {
		case !slices.Contains(parts, s):
			ok = c.fail(s.Offset(), "refused", "search(…) stands by itself, or beside && with what else is asked: not inside of !, ||, ?: or a function")
		case i > 0:
			ok = c.fail(s.Offset(), "refused", "a filter has one search(…); put the words together")
		}
	}
	return ok
}
