package schema

import "encoding/json"

// node is one subschema with its keywords read and its references resolved.
// A keyword that is absent is nil, zero or empty.
type node struct {
	place    *place
	resource *resource
	keyword  string // the keyword this subschema stands under: what a false schema is reported as

	always, never bool // the schemas true and {}, and false
	meta          bool // the instance must itself be a schema

	types    types
	enum     *valueSet
	constant *valueSet
	format   *format

	number numberRules
	text   textRules
	object objectRules
	array  arrayRules

	// hasX say whether any rule for that type of value is there.
	hasNumber, hasText, hasObject, hasArray, hasInPlace bool

	// What stands beside the rules: see annotation.go. shapes says what about a value, or in it, Shape could change because of this node.
	shapes    uint8
	normalize normalizer
	own       *standard // default
	standard  *standard // the default of a member to which the node applies: its own, or the one of what it refers to
	access    access

	ref               *node
	dynamicRef        *node
	dynamicName       string // not empty: the target depends on the dynamic scope
	allOf             []*node
	anyOf             []*node
	oneOf             []*node
	not               *node
	condition         *node
	thenward          *node
	elseward          *node
	unevaluatedMember *node
	unevaluatedItem   *node
}

type numberRules struct {
	minimum, maximum, above, below, multiple *bound
}

// bound is a number of the schema with the text it was written as.
type bound struct {
	decimal
	text string
}

type textRules struct {
	min, max int // in characters; max < 0 is no limit
	pattern  *pattern
}

type objectRules struct {
	min, max          int // max < 0 is no limit
	required          []string
	properties        map[string]*node
	declared          []member // properties in the order they are checked
	patterns          []patternMember
	additional        *node
	names             *node
	dependentRequired []dependentRequired // by name
	dependentSchemas  []member            // by name
}

type member struct {
	name string
	node *node
}

type patternMember struct {
	pattern *pattern
	node    *node
}

type dependentRequired struct {
	name     string
	required []string
}

type arrayRules struct {
	min, max            int // max < 0 is no limit
	unique              bool
	prefix              []*node
	items               *node
	contains            *node
	minContains         int
	maxContains         int  // < 0 is no limit
	minContainsDeclared bool // without it, one is wanted
}

// inPlace calls visit for every subschema applied at the same place of a document, whatever it decides there.
// negated ones too, since they cost what the others cost.
func (n *node) inPlace(s *Schema, visit func(*node)) {
	n.declaring(s, visit)
	if n.not != nil {
		visit(n.not)
	}
}

// declaring is inPlace without not: the subschemas whose members are members of the document.
func (n *node) declaring(s *Schema, visit func(*node)) {
	if !n.hasInPlace && len(n.object.dependentSchemas) == 0 {
		return
	}
	for _, one := range [...]*node{n.ref, n.dynamicRef, n.condition, n.thenward, n.elseward} {
		if one != nil {
			visit(one)
		}
	}
	if n.dynamicName != "" {
		for _, one := range s.dynamics[n.dynamicName] {
			if one != n.dynamicRef {
				visit(one)
			}
		}
	}
	for _, many := range [...][]*node{n.allOf, n.anyOf, n.oneOf} {
		for _, one := range many {
			visit(one)
		}
	}
	for _, one := range n.object.dependentSchemas {
		visit(one.node)
	}
}

// types is a set of JSON types.
type types uint8

const (
	typeNull types = 1 << iota
	typeBoolean
	typeInteger
	typeNumber
	typeString
	typeArray
	typeObject
)

// typeNames are in the order messages name them.
var typeNames = []struct {
	bit     types
	name    string
	article string
}{
	{typeString, "string", "a string"},
	{typeInteger, "integer", "an integer"},
	{typeNumber, "number", "a number"},
	{typeBoolean, "boolean", "a boolean"},
	{typeObject, "object", "an object"},
	{typeArray, "array", "an array"},
	{typeNull, "null", "null"},
}

func typeNamed(name string) types {
	for _, t := range typeNames {
		if t.name == name {
			return t.bit
		}
	}
	return 0
}

// admits says whether v is of one of the types; 1.0 is an integer.
func (t types) admits(v any) bool {
	switch v := v.(type) {
	case nil:
		return t&typeNull != 0
	case bool:
		return t&typeBoolean != 0
	case string:
		return t&typeString != 0
	case map[string]any:
		return t&typeObject != 0
	case []any:
		return t&typeArray != 0
	case json.Number:
		return t&typeNumber != 0 || t&typeInteger != 0 && isInteger(string(v))
	}
	return false
}
