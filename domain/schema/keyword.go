package schema

import (
	"encoding/json"
	"maps"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// keywords has one reader for each keyword that means something here. A reader checks the
// keyword's shape as the metaschema does and keeps it in the node; what is not listed is an
// annotation, and an annotation may have any shape but those the metaschema fixes.
//
// It is filled by init because readers call back into schema.
var keywords map[string]func(c *compiler, n *node, p *place)

func init() { //nolint:gochecknoinits // see above
	keywords = map[string]func(c *compiler, n *node, p *place){
		"$schema":          readDialect,
		"$vocabulary":      refused("$vocabulary", "custom vocabularies are not supported"),
		"$recursiveRef":    refused("$recursiveRef", "is not part of draft 2020-12; use $dynamicRef"),
		"$recursiveAnchor": refused("$recursiveAnchor", "is not part of draft 2020-12; use $dynamicAnchor"),
		"$id":              readID,
		"$anchor":          readAnchor,
		"$dynamicAnchor":   readAnchor,
		"$ref":             readRef,
		"$dynamicRef":      readRef,
		"$comment":         text,
		"$defs":            func(c *compiler, _ *node, p *place) { schemaMap(c, p, "false") },
		"definitions":      func(c *compiler, _ *node, p *place) { schemaMap(c, p, "false") },

		"allOf":            func(c *compiler, n *node, p *place) { n.allOf = schemaList(c, p) },
		"anyOf":            func(c *compiler, n *node, p *place) { n.anyOf = schemaList(c, p) },
		"oneOf":            func(c *compiler, n *node, p *place) { n.oneOf = schemaList(c, p) },
		"not":              one(func(n *node) **node { return &n.not }),
		"if":               one(func(n *node) **node { return &n.condition }),
		"then":             one(func(n *node) **node { return &n.thenward }),
		"else":             one(func(n *node) **node { return &n.elseward }),
		"dependentSchemas": readDependentSchemas,

		"properties":            readProperties,
		"patternProperties":     readPatternProperties,
		"additionalProperties":  one(func(n *node) **node { return &n.object.additional }),
		"propertyNames":         one(func(n *node) **node { return &n.object.names }),
		"unevaluatedProperties": one(func(n *node) **node { return &n.unevaluatedMember }),
		"minProperties":         count(func(n *node) *int { return &n.object.min }),
		"maxProperties":         count(func(n *node) *int { return &n.object.max }),
		"required":              func(c *compiler, n *node, p *place) { n.object.required = names(c, p) },
		"dependentRequired":     readDependentRequired,
		"dependencies":          readDependencies,

		"prefixItems":      func(c *compiler, n *node, p *place) { n.array.prefix = schemaList(c, p) },
		"items":            readItems,
		"contains":         one(func(n *node) **node { return &n.array.contains }),
		"unevaluatedItems": one(func(n *node) **node { return &n.unevaluatedItem }),
		"minItems":         count(func(n *node) *int { return &n.array.min }),
		"maxItems":         count(func(n *node) *int { return &n.array.max }),
		"uniqueItems":      func(c *compiler, n *node, p *place) { n.array.unique = boolean(c, p) },
		"minContains":      readMinContains,
		"maxContains":      count(func(n *node) *int { return &n.array.maxContains }),

		"type":             readType,
		"enum":             readEnum,
		"const":            func(_ *compiler, n *node, p *place) { n.constant = newValueSet([]any{p.value}) },
		"minimum":          limit(func(n *node) **bound { return &n.number.minimum }),
		"maximum":          limit(func(n *node) **bound { return &n.number.maximum }),
		"exclusiveMinimum": limit(func(n *node) **bound { return &n.number.above }),
		"exclusiveMaximum": limit(func(n *node) **bound { return &n.number.below }),
		"multipleOf":       readMultipleOf,
		"minLength":        count(func(n *node) *int { return &n.text.min }),
		"maxLength":        count(func(n *node) *int { return &n.text.max }),
		"pattern":          readPattern,
		"format":           readFormat,

		// Annotations, whose shapes the metaschema fixes all the same. Some are more than notes here: annotation.go.
		"title":            text,
		"description":      text,
		"contentEncoding":  text,
		"contentMediaType": text,
		"contentSchema":    one(func(*node) **node { return new(*node) }),
		"deprecated":       func(c *compiler, _ *node, p *place) { boolean(c, p) },
		"default":          readDefault,
		"readOnly":         marking(access{ReadOnly: true}),
		"writeOnly":        marking(access{WriteOnly: true}),
		"x-immutable":      marking(access{Immutable: true}),
		"x-timestamp":      readTimestamp,
		"x-normalize":      readNormalize,
		"examples":         func(c *compiler, _ *node, p *place) { list(c, p) },
	}
}

// IsKeyword says whether a name is a keyword that means something here: the codes of violations are such names.
func IsKeyword(name string) bool { return keywords[name] != nil }

// Shapes. Each reports what is wrong and returns what can be used.

func text(c *compiler, _ *node, p *place) { textAt(c, p) }

func textAt(c *compiler, p *place) (string, bool) {
	s, ok := p.value.(string)
	if !ok {
		c.fault(p, "type", "must be a string")
	}
	return s, ok
}

func boolean(c *compiler, p *place) bool {
	b, ok := p.value.(bool)
	if !ok {
		c.fault(p, "type", "must be a boolean")
	}
	return b
}

func list(c *compiler, p *place) []any {
	items, ok := p.value.([]any)
	if !ok {
		c.fault(p, "type", "must be an array")
	}
	return items
}

func object(c *compiler, p *place) map[string]any {
	members, ok := p.value.(map[string]any)
	if !ok {
		c.fault(p, "type", "must be an object")
	}
	return members
}

func one(field func(*node) **node) func(*compiler, *node, *place) {
	return func(c *compiler, n *node, p *place) { *field(n) = c.schema(p, p.token) }
}

func schemaList(c *compiler, p *place) []*node {
	items := list(c, p)
	if items != nil && len(items) == 0 {
		c.fault(p, "minItems", "must have at least 1 schema")
	}
	nodes := make([]*node, len(items))
	for i := range items {
		nodes[i] = c.schema(p.element(i), p.token)
	}
	return nodes
}

// schemaMap compiles a map of schemas and returns it in the order of the names.
func schemaMap(c *compiler, p *place, keyword string) []member {
	members := object(c, p)
	found := make([]member, 0, len(members))
	for _, name := range slices.Sorted(maps.Keys(members)) {
		found = append(found, member{name, c.schema(p.child(name), keyword)})
	}
	return found
}

func names(c *compiler, p *place) []string {
	items := list(c, p)
	found := make([]string, 0, len(items))
	seen := make(map[string]bool, len(items))
	for i, item := range items {
		name, ok := item.(string)
		switch {
		case !ok:
			c.fault(p.element(i), "type", "must be a string")
		case seen[name]:
			c.fault(p, "uniqueItems", "must not name "+quote(name)+" twice")
		default:
			found = append(found, name)
		}
		seen[name] = true
	}
	return found
}

func numberAt(c *compiler, p *place) *bound {
	written, ok := p.value.(json.Number)
	if !ok {
		c.fault(p, "type", "must be a number")
		return nil
	}
	return &bound{parseDecimal(string(written)), string(written)}
}

func limit(field func(*node) **bound) func(*compiler, *node, *place) {
	return func(c *compiler, n *node, p *place) { *field(n) = numberAt(c, p) }
}

// count reads a number of things. One too large for an int is as good as the largest.
func count(field func(*node) *int) func(*compiler, *node, *place) {
	return func(c *compiler, n *node, p *place) {
		b := numberAt(c, p)
		if b == nil {
			return
		}
		switch {
		case b.exponent < 0:
			c.fault(p, "type", "must be an integer")
		case b.negative:
			c.fault(p, "minimum", "must be at least 0")
		case compare(b.decimal, parseDecimal("1e15")) >= 0:
			*field(n) = math.MaxInt
		default:
			*field(n) = int(b.big().Uint64()) * int(math.Pow10(b.exponent))
		}
	}
}

// Keywords with a shape of their own.

func refused(name, why string) func(*compiler, *node, *place) {
	return func(c *compiler, _ *node, p *place) {
		if !c.shapeOnly {
			c.fault(p, name, why)
		}
	}
}

func readDialect(c *compiler, _ *node, p *place) {
	written, ok := textAt(c, p)
	if ok && !c.shapeOnly && strings.TrimSuffix(written, "#") != Dialect {
		c.fault(p, "$schema", "must be "+quote(Dialect)+": no other dialect is supported")
	}
}

func readType(c *compiler, n *node, p *place) {
	read := func(at *place) {
		name, ok := textAt(c, at)
		if !ok {
			return
		}
		t := typeNamed(name)
		switch {
		case t == 0:
			c.fault(at, "enum", "is not a type; the types are string, integer, number, boolean, object, array and null")
		case n.types&t != 0:
			c.fault(p, "uniqueItems", "must not name "+quote(name)+" twice")
		}
		n.types |= t
	}
	items, ok := p.value.([]any)
	if !ok {
		read(p)
		return
	}
	if len(items) == 0 {
		c.fault(p, "minItems", "must have at least 1 type")
	}
	for i := range items {
		read(p.element(i))
	}
}

func readEnum(c *compiler, n *node, p *place) {
	items := list(c, p)
	if len(items) > c.lim.Enum && !c.shapeOnly {
		c.fault(p, "limit", "has too many values: at most "+strconv.Itoa(c.lim.Enum))
		return
	}
	if items != nil {
		n.enum = newValueSet(items)
	}
}

func readMultipleOf(c *compiler, n *node, p *place) {
	n.number.multiple = numberAt(c, p)
	if b := n.number.multiple; b != nil && b.sign() <= 0 {
		c.fault(p, "exclusiveMinimum", "must be greater than 0")
	}
}

func readMinContains(c *compiler, n *node, p *place) {
	n.array.minContainsDeclared = true
	count(func(n *node) *int { return &n.array.minContains })(c, n, p)
}

func readItems(c *compiler, n *node, p *place) {
	if _, ok := p.value.([]any); ok {
		c.fault(p, "type", "must be a schema: an object or a boolean; draft 2020-12 calls a list of schemas prefixItems")
		return
	}
	n.array.items = c.schema(p, "items")
}

func readProperties(c *compiler, n *node, p *place) {
	n.object.declared = schemaMap(c, p, "properties")
	n.object.properties = make(map[string]*node, len(n.object.declared))
	for _, m := range n.object.declared {
		n.object.properties[m.name] = m.node
	}
	// What tells alternatives apart is looked at first: most branches of a oneOf end there.
	slices.SortStableFunc(n.object.declared, func(a, b member) int { return a.node.rank() - b.node.rank() })
}

// rank is 0 for nodes that admit a few values only, and 1 for the rest.
func (n *node) rank() int {
	if n.constant != nil || n.enum != nil {
		return 0
	}
	return 1
}

func readPatternProperties(c *compiler, n *node, p *place) {
	for _, m := range schemaMap(c, p, "patternProperties") {
		if compiled := c.pattern(p.child(m.name), m.name); compiled != nil {
			n.object.patterns = append(n.object.patterns, patternMember{compiled, m.node})
		}
	}
}

func readPattern(c *compiler, n *node, p *place) {
	if source, ok := textAt(c, p); ok {
		n.text.pattern = c.pattern(p, source)
	}
}

func readFormat(c *compiler, n *node, p *place) {
	if name, ok := textAt(c, p); ok {
		n.format = formats[name]
	}
}

func readDependentSchemas(c *compiler, n *node, p *place) {
	n.object.dependentSchemas = append(n.object.dependentSchemas, schemaMap(c, p, "dependentSchemas")...)
}

func readDependentRequired(c *compiler, n *node, p *place) {
	members := object(c, p)
	for _, name := range slices.Sorted(maps.Keys(members)) {
		n.object.dependentRequired = append(n.object.dependentRequired, dependentRequired{name, names(c, p.child(name))})
	}
}

// readDependencies reads the keyword that draft 2019-09 split in two; schemas in use still have it, and to drop it silently would admit what they refuse.
func readDependencies(c *compiler, n *node, p *place) {
	members := object(c, p)
	for _, name := range slices.Sorted(maps.Keys(members)) {
		at := p.child(name)
		if _, ok := at.value.([]any); ok {
			n.object.dependentRequired = append(n.object.dependentRequired, dependentRequired{name, names(c, at)})
			continue
		}
		n.object.dependentSchemas = append(n.object.dependentSchemas, member{name, c.schema(at, "dependencies")})
	}
}

func readID(c *compiler, _ *node, p *place) {
	if id, ok := textAt(c, p); ok && strings.Contains(strings.TrimSuffix(id, "#"), "#") {
		c.fault(p, "pattern", "must not have a fragment; use $anchor")
	}
}

// anchorSyntax is the metaschema's.
var anchorSyntax = regexp.MustCompile(`^[A-Za-z_][-A-Za-z0-9._]*$`)

func readAnchor(c *compiler, _ *node, p *place) {
	if name, ok := textAt(c, p); ok && !anchorSyntax.MatchString(name) {
		c.fault(p, "pattern", "must begin with a letter or _ and go on with letters, digits, -, . and _")
	}
}

func readRef(c *compiler, n *node, p *place) {
	if ref, ok := textAt(c, p); ok && !c.shapeOnly {
		c.pending = append(c.pending, reference{n, p, ref})
	}
}
