package query

// Kind is what is known of a value before there is one.
type Kind uint8

// The kinds of values. Those of a document are JSON; instants and lengths of time come from functions and variables only.
const (
	Dynamic   Kind = iota // any JSON value
	Null                  // the literal null
	Bool                  //
	Number                // an exact decimal; integers and fractions are one kind
	String                //
	List                  // a JSON array
	Map                   // a JSON object
	Timestamp             // an Instant
	Duration              // a Span
)

// String returns the kind as messages write it.
func (k Kind) String() string { return kindNames[k] }

var kindNames = [...]string{
	Dynamic: "a JSON value", Null: "null", Bool: "a bool", Number: "a number", String: "a string",
	List: "a list", Map: "an object", Timestamp: "a timestamp", Duration: "a duration",
}

// Node is a part of a checked expression: *Literal, *Variable, *Bound, *Select, *Has, *Index, *ListOf, *Call, *Conditional or *Quantified.
//
// Every node has a value or an error when it is evaluated. Errors are ordinary: a member that is missing, an operator on the
// wrong kind of value. SQL has NULL in their place.
type Node interface {
	// Kind returns the kind the value is declared to have. That of a part of a document comes from the schema, and a stored
	// document may be older than its schema: whoever evaluates it looks at the value.
	Kind() Kind
	// Offset returns where the node stands in the source, in characters from 0.
	Offset() int
}

// typed is what every node has.
type typed struct {
	kind   Kind
	offset int
}

// Kind returns the declared kind of the value.
func (t typed) Kind() Kind { return t.kind }

// Offset returns the place in the source.
func (t typed) Offset() int { return t.offset }

// Literal is a constant. Lists and maps of constants are one literal.
type Literal struct {
	typed
	// Value is nil, bool, json.Number (canonical: without an exponent), string, []any, map[string]any, Instant or Span.
	Value any
}

// Variable is what the environment gives: doc, id, revision, createdAt, updatedAt, or whatever else it declares.
type Variable struct {
	typed
	Name string
}

// Bound is the variable of an enclosing Quantified: an element of a list, or the name of a member of a map.
type Bound struct {
	typed
	Name string
	// Level is that of the Quantified.
	Level int
}

// Select is a member of a map: operand.member or operand["member"].
// It is an error when the operand is no map or has no such member.
type Select struct {
	typed
	Operand Node
	Member  string
}

// Has tells whether a map has a member; has(operand.member).
// It is false for a scalar and null, and an error for a list or when the operand is an error.
type Has struct {
	typed
	Operand Node
	Member  string
}

// Index is operand[at] where at is not a constant string: an element of a list (counted from 0) or a member of a map.
// It is an error where there is none. A constant at is a whole number that is not negative.
type Index struct {
	typed
	Operand Node
	At      Node
}

// ListOf is a list of JSON values of which at least one is computed. It is an error when an element is.
type ListOf struct {
	typed
	Elements []Node
}

// Conditional is if ? then : else. It is an error when the condition is one or is no bool; the other branch is not looked at.
type Conditional struct {
	typed
	If, Then, Else Node
}

// Quantifier says how many elements have to satisfy a Quantified.
type Quantifier uint8

// The quantifiers. Any and All absorb errors as OpOr and OpAnd do; with One an error of any element is an error.
const (
	Any Quantifier = iota // exists
	All                   // all
	One                   // exists_one
)

// Quantified asks something of each element of a list, or of each name of a map's members. It is an error when Over is neither.
type Quantified struct {
	typed
	Quantifier Quantifier
	Over       Node
	// Level counts the Quantified around this one: 0 for none.
	Level int
	Name  string
	Body  Node
}

// Call is an operator or a function with its arguments; the receiver of a method comes first.
type Call struct {
	typed
	Op Op
	// On is the kind that the arguments must have when they are evaluated, where Op says that it depends; Dynamic leaves it to the values.
	On        Kind
	Arguments []Node
	// Pattern is that of OpMatches.
	Pattern *Pattern
}

// Op is an operator or a function.
type Op string

// Logic, by Kleene: an error beside a false (or, for OpOr, a true) does not count, any other error does. What is no bool is an error.
const (
	OpAnd Op = "&&" // two or more arguments
	OpOr  Op = "||" // two or more arguments
	OpNot Op = "!"
)

// Comparison. Values of different kinds are not equal, which is no error; ordering them is one.
// Numbers compare by exact value, strings by their bytes, false before true.
const (
	OpEqual          Op = "=="
	OpNotEqual       Op = "!="
	OpLess           Op = "<"  // On: Bool, Number, String, Timestamp, Duration or Dynamic
	OpLessOrEqual    Op = "<=" // likewise
	OpGreater        Op = ">"  // likewise
	OpGreaterOrEqual Op = ">=" // likewise
	// OpIn asks for an element of a list, or for the name of a member of a map: what is no string is not in a map.
	OpIn Op = "in"
)

// Arithmetic is exact.
const (
	// OpAdd works On Number, String (one after the other), Timestamp (its arguments are a Timestamp and a Duration, in this order),
	// Duration, and Dynamic: two numbers or two strings.
	OpAdd Op = "+"
	// OpSubtract works On Number, Timestamp (less a Duration, or less another Timestamp, which is a Duration) and Duration.
	OpSubtract Op = "-"
	OpMultiply Op = "*"
	OpNegate   Op = "-x" // On Number or Duration
)

// Functions of strings and other values.
const (
	OpSize       Op = "size" // characters of a string, elements of a list, members of a map
	OpStartsWith Op = "startsWith"
	OpEndsWith   Op = "endsWith"
	OpContains   Op = "contains"
	OpMatches    Op = "matches" // Pattern
	OpLowerASCII Op = "lowerAscii"
	OpUpperASCII Op = "upperAscii"
	OpTimestamp  Op = "timestamp" // of a string, by ParseInstant
	OpInt        Op = "int"       // a number without its fraction, or a string of digits
	OpDouble     Op = "double"    // a number, or a string that is one
)

// OpSearch has no value by itself: only a text index can tell, see SearchOf.
const OpSearch Op = "search"

// PathOf returns the path that a node leads to in the document, and false for any other node.
func PathOf(n Node) (Path, bool) {
	switch n := n.(type) {
	case *Variable:
		return nil, n.Name == "doc"
	case *Select:
		path, ok := PathOf(n.Operand)
		return append(path, n.Member), ok
	}
	return nil, false
}

// Visit calls see with n and every part of it, a part before its own parts, and leaves out the parts of a node for which see returns false.
func Visit(n Node, see func(Node) bool) {
	if !see(n) {
		return
	}
	switch n := n.(type) {
	case *Select:
		Visit(n.Operand, see)
	case *Has:
		Visit(n.Operand, see)
	case *Index:
		Visit(n.Operand, see)
		Visit(n.At, see)
	case *ListOf:
		for _, element := range n.Elements {
			Visit(element, see)
		}
	case *Conditional:
		Visit(n.If, see)
		Visit(n.Then, see)
		Visit(n.Else, see)
	case *Quantified:
		Visit(n.Over, see)
		Visit(n.Body, see)
	case *Call:
		for _, argument := range n.Arguments {
			Visit(argument, see)
		}
	}
}

// Uses says whether the expression mentions a variable.
func (e *Expr) Uses(variable string) bool {
	found := false
	Visit(e.root, func(n Node) bool {
		v, ok := n.(*Variable)
		found = found || ok && v.Name == variable
		return !found
	})
	return found
}
