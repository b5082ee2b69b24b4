package query

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"github.com/sheafdb/sheaf/domain/jsontext"
)

// maxApplied bounds how many subschemas are looked at for one place of a document; where there are more, nothing is known of it.
const maxApplied = 500

// SchemaType returns what a JSON Schema (2020-12), decoded, says of the documents it admits. With closed, members that it does not name do
// not exist wherever it names some. Places are worked out as they are asked for; the schema is kept and not changed.
func SchemaType(schema any, closed bool) *Type {
	p := &place{root: schema, closed: closed}
	p.apply(schema, true)
	t := p.typ()
	t.kind = Map // a document is an object, said or not
	return t
}

// place is a place in a document with the subschemas that may apply there.
type place struct {
	root    any
	closed  bool
	applied []applied
	opaque  bool // something applies that is not understood here
}

// applied is a subschema; one that is not certain applies to some values only.
type applied struct {
	schema  map[string]any
	certain bool
}

// apply adds a schema and what it applies in place.
func (p *place) apply(schema any, certain bool) {
	object, ok := schema.(map[string]any)
	if !ok {
		return // true and false name nothing
	}
	if len(p.applied) >= maxApplied {
		p.opaque = true
		return
	}
	p.applied = append(p.applied, applied{object, certain})
	for _, sub := range list(object["allOf"]) {
		p.apply(sub, certain)
	}
	for _, keyword := range [...]string{"anyOf", "oneOf"} {
		for _, sub := range list(object[keyword]) {
			p.apply(sub, false)
		}
	}
	for _, keyword := range [...]string{"if", "then", "else"} {
		p.apply(object[keyword], false)
	}
	if dependent, ok := object["dependentSchemas"].(map[string]any); ok {
		for _, name := range slices.Sorted(maps.Keys(dependent)) {
			p.apply(dependent[name], false)
		}
	}
	if ref, given := object["$ref"]; given {
		sub, found := p.resolve(ref)
		p.opaque = p.opaque || !found
		p.apply(sub, certain)
	}
	if _, given := object["$dynamicRef"]; given {
		p.opaque = true
	}
	// References in a part with an id of its own start from there.
	if id, given := object["$id"]; given {
		root, _ := p.root.(map[string]any)
		p.opaque = p.opaque || id != root["$id"]
	}
}

// resolve follows a reference that is a JSON Pointer into the schema. Others are not followed here.
func (p *place) resolve(ref any) (any, bool) {
	text, _ := ref.(string)
	pointer, ok := strings.CutPrefix(text, "#")
	if !ok || strings.Contains(pointer, "%") {
		return nil, false
	}
	return jsontext.Lookup(p.root, pointer)
}

// typ returns the type of the place, nil where nothing is known.
func (p *place) typ() *Type {
	if p.opaque {
		return &Type{}
	}
	kinds := anyKind
	for _, a := range p.applied {
		if a.certain {
			kinds &= p.kinds(a.schema, 0)
		}
	}
	return &Type{kind: kinds.only(), place: p}
}

// kindSet has a bit for each Kind.
type kindSet uint16

const anyKind = ^kindSet(0)

// only returns the one kind in the set, null aside, and Dynamic for none or several: null may be anywhere a comparison with it is written.
func (s kindSet) only() Kind {
	for _, kind := range [...]Kind{Bool, Number, String, List, Map} {
		if s&^(1<<Null) == 1<<kind {
			return kind
		}
	}
	return Dynamic
}

var kindsOfTypes = map[string]kindSet{
	"null": 1 << Null, "boolean": 1 << Bool, "number": 1 << Number, "integer": 1 << Number, "string": 1 << String, "array": 1 << List, "object": 1 << Map,
}

// kinds returns what a schema alone says, its branches included; allOf and $ref are in the place already.
func (p *place) kinds(schema any, depth int) kindSet {
	object, ok := schema.(map[string]any)
	if !ok || depth > maxDepth {
		return anyKind
	}
	kinds := anyKind
	switch t := object["type"].(type) {
	case string:
		kinds = kindsOfTypes[t]
	case []any:
		kinds = 0
		for _, one := range t {
			name, _ := one.(string)
			kinds |= kindsOfTypes[name]
		}
	}
	if constant, given := object["const"]; given {
		kinds &= 1 << KindOf(constant)
	}
	if enum := list(object["enum"]); enum != nil {
		var some kindSet
		for _, value := range enum {
			some |= 1 << KindOf(value)
		}
		kinds &= some
	}
	for _, keyword := range [...]string{"anyOf", "oneOf"} {
		if branches := list(object[keyword]); branches != nil {
			var some kindSet
			for _, branch := range branches {
				some |= p.branch(branch, depth+1)
			}
			kinds &= some
		}
	}
	return kinds
}

// branch is kinds with what the schema refers to.
func (p *place) branch(schema any, depth int) kindSet {
	kinds := p.kinds(schema, depth)
	if object, ok := schema.(map[string]any); ok && depth <= maxDepth {
		if sub, found := p.resolve(object["$ref"]); found {
			kinds &= p.branch(sub, depth+1)
		}
	}
	return kinds
}

// below collects the subschemas of one member or element.
func (p *place) below(pick func(schema map[string]any) []any) *place {
	sub := &place{root: p.root, closed: p.closed}
	for _, a := range p.applied {
		for _, schema := range pick(a.schema) {
			sub.apply(schema, a.certain)
			if schema == true || schema == false {
				sub.applied = append(sub.applied, applied{map[string]any{}, false}) // named, with nothing said
			}
		}
	}
	return sub
}

// named is the place of a member, with nothing applied where no subschema names it.
func (p *place) named(name string) *place {
	return p.below(func(schema map[string]any) []any {
		properties, _ := schema["properties"].(map[string]any)
		if sub, given := properties[name]; given {
			return []any{sub}
		}
		return nil
	})
}

func (p *place) member(name string) (member *Type, known []string, ok bool) {
	if named := p.named(name); len(named.applied) > 0 {
		return named.typ(), nil, true
	}
	if !p.isClosed() {
		return nil, nil, true
	}
	names := map[string]bool{}
	for _, a := range p.applied {
		properties, _ := a.schema["properties"].(map[string]any)
		for name := range properties {
			names[name] = true
		}
	}
	return nil, slices.Sorted(maps.Keys(names)), false
}

// isClosed says whether members that no subschema names cannot be there.
func (p *place) isClosed() bool {
	declares, closed := false, false
	for _, a := range p.applied {
		for _, keyword := range [...]string{"additionalProperties", "unevaluatedProperties"} {
			if rest, given := a.schema[keyword]; given && rest != false {
				return false
			} else if given && a.certain {
				closed = true
			}
		}
		if _, given := a.schema["patternProperties"]; given {
			return false
		}
		properties, _ := a.schema["properties"].(map[string]any)
		declares = declares || len(properties) > 0
	}
	return !p.opaque && (closed || p.closed && declares)
}

// item returns the type of the element i of a list, of all elements where i is negative.
func (p *place) item(i int) *Type {
	whole := false
	sub := p.below(func(schema map[string]any) []any {
		prefix := list(schema["prefixItems"])
		switch items, given := schema["items"]; {
		case i >= 0 && i < len(prefix):
			return prefix[i : i+1]
		case i < 0 && len(prefix) > 0:
			whole = true // the first elements are not like the others
		case given:
			return []any{items}
		}
		return nil
	})
	if whole || len(sub.applied) == 0 {
		return nil
	}
	return sub.typ()
}

func list(value any) []any {
	elements, _ := value.([]any)
	return elements
}

// KindOf returns the kind of a decoded value.
func KindOf(value any) Kind {
	switch value.(type) {
	case nil:
		return Null
	case bool:
		return Bool
	case json.Number:
		return Number
	case string:
		return String
	case []any:
		return List
	case map[string]any:
		return Map
	case Instant:
		return Timestamp
	case Span:
		return Duration
	}
	return Dynamic
}
