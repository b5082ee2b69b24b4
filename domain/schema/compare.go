package schema

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"

	"github.com/sheafdb/sheaf/domain/jsontext"
)

// Difference is a place of a new schema that may refuse, or show less of, what an old one admits and shows.
type Difference struct {
	// Pointer leads into the new schema, or to where the old one had something.
	Pointer string
	// Reads says that answers show less; else something may be refused.
	Reads bool
}

// Closing says whether members that a schema does not name are refused or dropped, before and after.
type Closing struct{ Was, Is bool }

// Compare returns the places at which a new schema, decoded, is stricter than an old one. None says that everything is admitted that was admitted before.
//
// It looks at keywords one by one, and does not reason about what they mean together: where it names a place, something may be refused, and need not be.
// Both are schemas that Compile takes.
func Compare(old, next any, closing Closing) []Difference {
	c := comparison{closing: closing}
	if jsontext.Equal(old, next) {
		if closing.Is && !closing.Was {
			c.stricter("")
		}
		return c.found
	}
	if mentions(old, entangled) || mentions(next, entangled) || closing.Is && (mentions(old, naming) || mentions(next, naming)) {
		c.stricter("") // no place can be looked at by itself
	}
	c.closing.Was = closing.Was && !mentions(old, naming)
	c.compare("", old, next)
	if closing.Is && !closing.Was {
		c.stricter("")
	}
	return c.found
}

// entangled are keywords by which a change in one place means something for another: there, admitting more may mean admitting less.
var entangled = []string{"unevaluatedProperties", "unevaluatedItems", "$dynamicRef"}

// naming are those by which members are named in other ways than by properties, where members that nobody names are refused.
var naming = []string{"allOf", "anyOf", "oneOf", "if", "not", "dependentSchemas", "$ref", "patternProperties", "additionalProperties"}

// mentions says whether a schema has one of the names anywhere, be it as a keyword or not.
func mentions(v any, names []string) bool {
	switch v := v.(type) {
	case []any:
		return slices.ContainsFunc(v, func(element any) bool { return mentions(element, names) })
	case map[string]any:
		for name, member := range v {
			if slices.Contains(names, name) || mentions(member, names) {
				return true
			}
		}
	}
	return false
}

type comparison struct {
	closing Closing
	found   []Difference
}

// maxDifferences bounds what is told; nobody reads more.
const maxDifferences = 100

func (c *comparison) stricter(pointer string) { c.note(Difference{Pointer: pointer}) }

func (c *comparison) note(d Difference) {
	if len(c.found) < maxDifferences && !slices.Contains(c.found, d) {
		c.found = append(c.found, d)
	}
}

// compare looks for what next refuses and old admits.
func (c *comparison) compare(at string, old, next any) {
	before, wasObject := old.(map[string]any)
	after, isObject := next.(map[string]any)
	switch {
	case jsontext.Equal(old, next), next == true, old == false:
		return
	case !isObject: // false
		c.stricter(at)
		return
	case !wasObject: // true
		before = map[string]any{}
	}
	for _, keyword := range slices.Sorted(maps.Keys(after)) {
		was, had := before[keyword]
		if !had || !jsontext.Equal(was, after[keyword]) {
			c.keyword(jsontext.AppendPointer(at, keyword), keyword, was, had, after[keyword])
		}
	}
	c.members(at, before, after)
	// What one of these keywords leaves alone another one judges.
	if before["prefixItems"] != nil && after["prefixItems"] == nil && after["items"] != nil {
		c.stricter(jsontext.AppendPointer(at, "prefixItems"))
	}
	patterns, _ := after["patternProperties"].(map[string]any)
	older, _ := before["patternProperties"].(map[string]any)
	for pattern := range older {
		if _, kept := patterns[pattern]; !kept && (after["additionalProperties"] != nil || c.closing.Is) {
			c.stricter(jsontext.AppendPointer(at, "patternProperties"))
		}
	}
}

// members looks at members that one of the schemas names: where others are not admitted, naming one more admits more, and elsewhere less.
func (c *comparison) members(at string, before, after map[string]any) {
	was, _ := before["properties"].(map[string]any)
	is, _ := after["properties"].(map[string]any)
	at = jsontext.AppendPointer(at, "properties")
	if c.closing.Is && len(was) == 0 && len(is) > 0 {
		c.stricter(at) // a place that names members is closed
	}
	for _, name := range slices.Sorted(maps.Keys(is)) {
		if old, named := was[name]; named {
			c.compare(jsontext.AppendPointer(at, name), old, is[name])
		} else if !excludes(before, c.closing.Was) && !trivial(is[name]) {
			c.stricter(jsontext.AppendPointer(at, name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(was)) {
		if _, named := is[name]; !named && (c.closing.Is || after["additionalProperties"] != nil || after["patternProperties"] != nil) {
			c.stricter(jsontext.AppendPointer(at, name))
		}
	}
}

// excludes says whether a place is certain to refuse members that are not named.
func excludes(s map[string]any, closed bool) bool {
	if s["patternProperties"] != nil {
		return false
	}
	additional, says := s["additionalProperties"]
	named, _ := s["properties"].(map[string]any)
	return additional == false || closed && !says && len(named) > 0
}

// trivial says whether a schema admits everything and says nothing else.
func trivial(s any) bool {
	object, ok := s.(map[string]any)
	if !ok {
		return s == true
	}
	for keyword := range object {
		if !slices.Contains(notes, keyword) {
			return false
		}
	}
	return true
}

// notes are keywords that refuse nothing.
var notes = []string{"title", "description", "$comment", "examples", "deprecated", "default", "x-normalize", "$schema", "$id", "$anchor", "contentEncoding", "contentMediaType"}

// bounds are keywords whose value bounds something: 1 from above, -1 from below.
var bounds = map[string]int{
	"minimum": -1, "exclusiveMinimum": -1, "minLength": -1, "minItems": -1, "minProperties": -1, "minContains": -1,
	"maximum": 1, "exclusiveMaximum": 1, "maxLength": 1, "maxItems": 1, "maxProperties": 1, "maxContains": 1,
}

// keyword judges a keyword that is new, or has another value than before.
func (c *comparison) keyword(at, keyword string, old any, had bool, next any) {
	if ends, is := bounds[keyword]; is {
		if !had || order(next, old)*ends < 0 {
			c.stricter(at)
		}
		return
	}
	switch keyword {
	case "properties": // see members
	case "type":
		types := listOf(next)
		admits := func(t any) bool {
			return slices.Contains(types, t) || t == "integer" && slices.Contains(types, any("number"))
		}
		if !had || slices.ContainsFunc(listOf(old), func(t any) bool { return !admits(t) }) {
			c.stricter(at)
		}
	case "enum":
		c.subset(at, had, listOf(old), listOf(next))
	case "required":
		if !had {
			old = []any{}
		}
		c.subset(at, true, listOf(next), listOf(old))
	case "additionalProperties", "items", "propertyNames", "then", "else":
		c.inner(at, old, had, next)
	case "patternProperties", "dependentSchemas":
		c.each(at, old, next)
	case "$defs":
		c.definitions(at, old, next)
	case "allOf", "anyOf", "prefixItems":
		before, after := listOf(old), listOf(next)
		if !had || len(after) < len(before) || len(after) > len(before) && keyword != "anyOf" {
			c.stricter(at)
			return
		}
		for i := range before {
			c.compare(at+"/"+strconv.Itoa(i), before[i], after[i])
		}
	case "readOnly", "x-immutable":
		if next == true {
			c.stricter(at)
		}
	case "writeOnly":
		if next == true {
			c.note(Difference{Pointer: at, Reads: true})
		}
	default:
		if !slices.Contains(notes, keyword) {
			c.stricter(at)
		}
	}
}

// inner compares one schema that is the value of a keyword.
func (c *comparison) inner(at string, old any, had bool, next any) {
	if !had {
		old = true
	}
	c.compare(at, old, next)
}

// each compares the schemas that are the members of a keyword's value.
func (c *comparison) each(at string, old, next any) {
	before, _ := old.(map[string]any)
	after, _ := next.(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(after)) {
		was, named := before[name]
		if !named {
			was = true
		}
		c.compare(jsontext.AppendPointer(at, name), was, after[name])
	}
}

// definitions compares what is referred to. Where what refers to one is a negation, a looser one refuses more: any change counts. What is new nobody could refer to.
func (c *comparison) definitions(at string, old, next any) {
	before, _ := old.(map[string]any)
	after, _ := next.(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if was, named := before[name]; named && !jsontext.Equal(was, after[name]) {
			c.stricter(jsontext.AppendPointer(at, name))
		}
	}
}

// subset wants every element of a list in another one.
func (c *comparison) subset(at string, had bool, list, of []any) {
	if !had || slices.ContainsFunc(list, func(v any) bool { return !slices.ContainsFunc(of, func(w any) bool { return jsontext.Equal(v, w) }) }) {
		c.stricter(at)
	}
}

// listOf returns a list, or a single value as a list of one.
func listOf(v any) []any {
	if list, ok := v.([]any); ok {
		return list
	}
	return []any{v}
}

// order compares two numbers.
func order(a, b any) int {
	x, _ := a.(json.Number)
	y, _ := b.(json.Number)
	return compare(parseDecimal(string(x)), parseDecimal(string(y)))
}
