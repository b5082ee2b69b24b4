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
	"slices"
	"strings"
	"sync"

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

// pathParser parses paths. It is safe for concurrent use.
var pathParser = sync.OnceValues(func() (*parser.Parser, error) { return parser.NewParser(parser.MaxRecursionDepth(2 * maxPathDepth)) })

// ParsePath reads a CEL path to a member of the document, such as doc.address.zip or doc["odd name"].
// It fails with fault.Invalid and code "path.invalid" when s is anything else.
func ParsePath(s string) (Path, error) {
	if len(s) <= maxPathBytes {
		if path := plainPath(s); path != nil {
			return path, nil
		}
	}
	return parsePath(s)
}

func parsePath(s string) (Path, error) {
	place, err := parsePlace(s)
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

// plainPath reads what nearly every path is, names with dots between them, in a hundredth of the parser's time. It returns nil for everything else, be it a path or not.
func plainPath(s string) Path {
	rest, ok := strings.CutPrefix(s, "doc.")
	if !ok {
		return nil
	}
	path := Path(strings.Split(rest, "."))
	if len(path) > maxPathDepth || slices.ContainsFunc(path, func(name string) bool { return !IsName(name) }) {
		return nil
	}
	return path
}

// IsName says whether a member can stand behind a dot. CEL reserves some words, though most of them may stand there, too.
func IsName(s string) bool {
	for i := range len(s) {
		c := s[i]
		if c != '_' && (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != "" && !slices.Contains(reservedWords, s)
}

var reservedWords = []string{
	"as", "break", "const", "continue", "else", "false", "for", "function", "if", "import", "in", "let", "loop", "namespace", "null", "package", "return", "true", "var", "void", "while",
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

// Without returns doc without the members at these paths, of every element where an array is in the way, and whether that is less. doc itself is not changed; the result shares with it what stayed as it was.
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
	if list, ok := doc.([]any); ok {
		return p.cutEach(list)
	}
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

func (p Path) cutEach(list []any) (any, bool) {
	var changed []any
	for i, element := range list {
		if cut, less := p.cut(element); less {
			if changed == nil {
				changed = slices.Clone(list)
			}
			changed[i] = cut
		}
	}
	if changed == nil {
		return list, false
	}
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
