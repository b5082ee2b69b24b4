package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/jsontext"
)

// Compile admits the JSON text of a schema and prepares it.
// It fails with fault.Invalid and CodeSchema; each violation points to its place inside the schema.
func Compile(raw []byte, lim Limits) (*Schema, error) {
	c := newCompiler(lim)
	value, ok := c.decode(raw)
	if !ok {
		return nil, c.refusal()
	}
	if c.measure(&place{value: value}, 0); len(c.faults) > 0 {
		return nil, c.refusal()
	}
	root := c.root(value)
	c.link()
	if len(c.faults) > 0 {
		return nil, c.refusal()
	}
	s := &Schema{
		root:     root,
		work:     lim.Work,
		dynamic:  len(c.dynamics) > 0,
		dynamics: c.dynamics,
		size:     4*len(raw) + len(c.nodes)*nodeBytes + c.instructions*instructionBytes,
	}
	if c.expand(s); len(c.faults) > 0 {
		return nil, c.refusal()
	}
	if c.annotate(s); len(c.faults) > 0 {
		return nil, c.refusal()
	}
	return s, nil
}

// What a node and an instruction of a pattern take, for Schema.Size.
const (
	nodeBytes        = 800
	instructionBytes = 60
)

// place is a value inside a schema. Places share their way from the root: pointers are built
// for mistakes alone, because all pointers of a schema together may be much larger than the schema.
type place struct {
	parent   *place
	token    string
	value    any
	children map[string]*place
	node     *node
	resource *resource // the resource that begins here or above; nil where nobody has looked yet
}

func (p *place) pointer() string {
	if p.parent == nil {
		return ""
	}
	return jsontext.AppendPointer(p.parent.pointer(), p.token)
}

// child returns the place of a member or an element, or nil where there is none.
func (p *place) child(token string) *place {
	if known := p.children[token]; known != nil {
		return known
	}
	var value any
	switch v := p.value.(type) {
	case map[string]any:
		member, ok := v[token]
		if !ok {
			return nil
		}
		value = member
	case []any:
		i, err := strconv.Atoi(token)
		if err != nil || i < 0 || i >= len(v) || strconv.Itoa(i) != token {
			return nil
		}
		value = v[i]
	default:
		return nil
	}
	made := &place{parent: p, token: token, value: value}
	if p.children == nil {
		p.children = make(map[string]*place)
	}
	p.children[token] = made
	return made
}

func (p *place) element(i int) *place { return p.child(strconv.Itoa(i)) }

// compiler turns one schema into nodes and gathers its mistakes.
type compiler struct {
	lim          Limits
	faults       []fault.Violation
	nodes        []*node
	nodeCount    int // JSON values measured
	resources    map[string]*resource
	dynamics     map[string][]*node
	pending      []reference
	patterns     map[string]*pattern
	instructions int

	// shapeOnly checks a value that is said to be a schema, as the metaschema does, and prepares nothing.
	shapeOnly bool
}

func newCompiler(lim Limits) *compiler {
	return &compiler{
		lim:       lim,
		resources: map[string]*resource{},
		dynamics:  map[string][]*node{},
		patterns:  map[string]*pattern{},
	}
}

func (c *compiler) refusal() error {
	first := c.faults[0]
	where := first.Pointer
	if where == "" {
		where = "it"
	}
	e := fault.New(fault.Invalid, CodeSchema, "the schema cannot be used: %s %s", clip(where, 2*maxShown), first.Message)
	return e.With(c.faults...)
}

func (c *compiler) fault(p *place, code, message string) {
	if len(c.faults) < fault.MaxViolations {
		c.faults = append(c.faults, fault.Violation{In: "body", Pointer: p.pointer(), Code: code, Message: message})
	}
}

func (c *compiler) decode(raw []byte) (any, bool) {
	at := &place{}
	if len(raw) > c.lim.Bytes {
		c.fault(at, "limit", "is too large: a schema has at most "+strconv.Itoa(c.lim.Bytes)+" bytes")
		return nil, false
	}
	decoder := json.NewDecoder(bytes.NewReader(raw))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		c.fault(at, "syntax", "is not JSON")
		return nil, false
	}
	if _, err := decoder.Token(); !errors.Is(err, io.EOF) {
		c.fault(at, "syntax", "is not JSON: there is text after the value")
		return nil, false
	}
	return value, true
}

// root compiles the schema of the whole document.
func (c *compiler) root(value any) *node {
	p := &place{value: value}
	p.resource = c.newResource(p, baseURI)
	return c.schema(p, "false")
}

// schema compiles the subschema at p, once; keyword is what it stands under.
func (c *compiler) schema(p *place, keyword string) *node {
	if p.node != nil {
		return p.node
	}
	if p.resource == nil {
		p.resource = p.parent.nearestResource()
	}
	n := &node{place: p, keyword: keyword, resource: p.resource}
	n.text.max, n.object.max, n.array.max, n.array.maxContains = -1, -1, -1, -1
	p.node = n
	if !c.shapeOnly {
		c.nodes = append(c.nodes, n)
	}
	switch v := p.value.(type) {
	case bool:
		n.always, n.never = v, !v
	case map[string]any:
		if !c.shapeOnly {
			c.identify(n, v)
		}
		// keywords of one schema are read in the order of their names, so that mistakes have a stable order.
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if read := keywords[name]; read != nil {
				read(c, n, p.child(name))
			} else if strings.HasPrefix(name, "x-") && !c.shapeOnly {
				c.misspelt(p.child(name), name)
			}
		}
		if !c.shapeOnly {
			n.settle()
		}
	default:
		c.fault(p, "type", "must be a schema: an object or a boolean")
	}
	return n
}

// misspelt refuses an annotation that is nearly one which does something: whoever writes x-normalise relies on it.
func (c *compiler) misspelt(p *place, name string) {
	if near := ident.Nearest(name, []string{"x-immutable", "x-normalize", "x-timestamp"}); near != "" {
		c.fault(p, "unknownField", "is nothing that is known here; did you mean "+near+"?")
	}
}

func (p *place) nearestResource() *resource {
	for p.resource == nil {
		p = p.parent
	}
	return p.resource
}

// settle notes which groups of rules a node has.
func (n *node) settle() {
	num, text, obj, arr := &n.number, &n.text, &n.object, &n.array
	n.hasNumber = num.minimum != nil || num.maximum != nil || num.above != nil || num.below != nil || num.multiple != nil
	n.hasText = text.min > 0 || text.max >= 0 || text.pattern != nil
	n.hasObject = obj.min > 0 || obj.max >= 0 || len(obj.required) > 0 || len(obj.properties) > 0 ||
		len(obj.patterns) > 0 || obj.additional != nil || obj.names != nil ||
		len(obj.dependentRequired) > 0 || len(obj.dependentSchemas) > 0 || n.unevaluatedMember != nil
	n.hasArray = arr.min > 0 || arr.max >= 0 || arr.unique || len(arr.prefix) > 0 || arr.items != nil ||
		arr.contains != nil || n.unevaluatedItem != nil
	object, _ := n.place.value.(map[string]any)
	for _, keyword := range [...]string{"$ref", "$dynamicRef", "allOf", "anyOf", "oneOf", "not", "if"} {
		if _, ok := object[keyword]; ok {
			n.hasInPlace = true
		}
	}
	n.always = n.types == 0 && n.enum == nil && n.constant == nil && n.format == nil &&
		!n.hasNumber && !n.hasText && !n.hasObject && !n.hasArray && !n.hasInPlace
	// Only if gives then and else a meaning.
	if n.condition == nil {
		n.thenward, n.elseward = nil, nil
	}
	if arr.contains == nil {
		return
	}
	if !arr.minContainsDeclared {
		arr.minContains = 1
	}
}
