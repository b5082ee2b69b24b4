package schema

import (
	"slices"
	"strconv"
	"strings"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/jsontext"
)

// Annotations that are more than notes: default, x-normalize (normalize.go), and what says who may see or change a member.

// Bounds of marks, in members and in steps of the search for them.
const (
	maxMarks      = 200
	maxMarkDepth  = 32
	maxMarkSearch = 100_000
)

// access says who may see or change a member.
type access struct {
	ReadOnly, WriteOnly, Immutable bool
	Stamp                          Stamp
}

// Stamp says which time the server writes into a member.
type Stamp string

// The stamps.
const (
	Unstamped Stamp = ""
	Created   Stamp = "created" // when the document was made
	Updated   Stamp = "updated" // when it was last changed
)

// Mark is a member with readOnly, writeOnly, x-immutable or x-timestamp.
type Mark struct {
	// Path has the names of the members on the way, from the outside in; at least one.
	Path []string
	// ReadOnly members are the server's: clients neither set nor change them. WriteOnly ones are in no answer. Immutable ones are set once.
	ReadOnly, WriteOnly, Immutable bool
	// Stamp is the time that the member holds; such a member is ReadOnly.
	Stamp Stamp
}

// Marks returns the marked members, in the order of their paths. A member inside of one that is marked in the same way is not mentioned again.
func (s *Schema) Marks() []Mark { return s.marks }

// DefaultFaults are the mistakes in defaults, with pointers into the schema: values that the schema itself refuses, and two that contradict each other.
// They matter only to whoever fills them in.
func (s *Schema) DefaultFaults() []fault.Violation { return s.defaultFaults }

// standard is a default.
type standard struct {
	value any
	bytes int
	depth int // levels of nesting
	place *place
}

func readDefault(c *compiler, n *node, p *place) {
	if !c.shapeOnly {
		n.own = &standard{p.value, len(jsontext.Append(nil, p.value)), levels(p.value), p}
	}
}

// levels returns how deeply a value is nested: a scalar not at all.
func levels(v any) int {
	deepest := 0
	switch v := v.(type) {
	case map[string]any:
		for _, member := range v {
			deepest = max(deepest, levels(member)+1)
		}
		return max(deepest, 1)
	case []any:
		for _, item := range v {
			deepest = max(deepest, levels(item)+1)
		}
		return max(deepest, 1)
	}
	return deepest
}

func marking(as access) func(*compiler, *node, *place) {
	return func(c *compiler, n *node, p *place) {
		if c.shapeOnly && as.Immutable || !boolean(c, p) {
			return
		}
		n.access.ReadOnly = n.access.ReadOnly || as.ReadOnly
		n.access.WriteOnly = n.access.WriteOnly || as.WriteOnly
		n.access.Immutable = n.access.Immutable || as.Immutable
	}
}

func readTimestamp(c *compiler, n *node, p *place) {
	if c.shapeOnly {
		return
	}
	switch stamp, _ := textAt(c, p); Stamp(stamp) {
	case Created, Updated:
		n.access.Stamp, n.access.ReadOnly = Stamp(stamp), true
	default:
		c.fault(p, "enum", "must be one of created, updated")
	}
}

// annotate works out what the annotations mean for whole documents.
func (c *compiler) annotate(s *Schema) {
	annotated, standards := false, false
	for _, n := range c.nodes {
		if n.normalize != 0 {
			n.shapes |= shapesText
		}
		if n.types.target() != 0 {
			n.shapes |= shapesType
		}
		if n.own != nil {
			standards = true
		}
		annotated = annotated || n.access != access{}
	}
	if standards {
		c.settleStandards(s)
	}
	c.spread()
	if standards {
		c.checkDefaults(s)
	}
	if annotated {
		m := marker{compiler: c, schema: s, found: map[string]*Mark{}, leads: leading(s, c.nodes)}
		m.visit(s.root, nil, nil)
		s.marks = m.result()
	}
}

// shaping calls visit for every subschema by which Shape changes a value that n applies to, or a part of it.
func (n *node) shaping(visit func(*node)) {
	for _, one := range [...]*node{n.ref, n.thenward, n.elseward, n.object.additional, n.array.items} {
		if one != nil {
			visit(one)
		}
	}
	for _, many := range [...][]*node{n.allOf, n.array.prefix} {
		for _, one := range many {
			visit(one)
		}
	}
	for _, many := range [...][]member{n.object.declared, n.object.dependentSchemas} {
		for _, one := range many {
			visit(one.node)
		}
	}
	for _, one := range n.object.patterns {
		visit(one.node)
	}
}

// spread has every node know what could change inside of it.
func (c *compiler) spread() {
	above := map[*node][]*node{}
	for _, n := range c.nodes {
		n.shaping(func(sub *node) { above[sub] = append(above[sub], n) })
	}
	todo := slices.Clone(c.nodes)
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, outer := range above[n] {
			if outer.shapes|n.shapes != outer.shapes {
				outer.shapes |= n.shapes
				todo = append(todo, outer)
			}
		}
	}
}

// settleStandards gives every node the default that a member gets to which it applies: its own, else that of $ref, else that of allOf.
func (c *compiler) settleStandards(s *Schema) {
	settled := map[*node]bool{}
	var settle func(n *node) *standard
	settle = func(n *node) *standard {
		if settled[n] {
			return n.standard
		}
		settled[n] = true // in place nothing refers to itself: expand has seen to that
		n.standard = n.own
		if n.standard == nil && n.ref != nil {
			n.standard = settle(n.ref)
		}
		for _, sub := range n.allOf {
			other := settle(sub)
			switch {
			case n.standard == nil:
				n.standard = other
			case other != nil && n.own == nil && !jsontext.Equal(other.value, n.standard.value):
				s.contradict(other)
			}
		}
		return n.standard
	}
	for _, n := range c.nodes {
		settle(n)
	}
	for _, n := range c.nodes {
		for _, m := range n.object.declared {
			if m.node.standard != nil {
				n.shapes |= shapesMembers
			}
		}
	}
}

func (s *Schema) contradict(d *standard) {
	s.faultDefault(d, "contradicts another default of the same member; a default beside the reference to both decides")
}

func (s *Schema) faultDefault(d *standard, message string) {
	if len(s.defaultFaults) < fault.MaxViolations {
		s.defaultFaults = append(s.defaultFaults, fault.Violation{In: "body", Pointer: d.place.pointer(), Code: "default", Message: message})
	}
}

// checkDefaults judges every default that can be filled in by the subschema that it belongs to.
func (c *compiler) checkDefaults(s *Schema) {
	members := map[*node]map[string]*standard{}
	reached := map[*node]bool{s.root: true}
	todo := []*node{s.root}
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		s.standards(n, members)
		for _, m := range n.object.declared {
			if d := m.node.standard; d != nil {
				s.checkDefault(m.node, d)
			}
		}
		n.shaping(func(sub *node) {
			if !reached[sub] {
				reached[sub] = true
				todo = append(todo, sub)
			}
		})
	}
	slices.SortStableFunc(s.defaultFaults, func(a, b fault.Violation) int { return strings.Compare(a.Pointer, b.Pointer) })
	s.defaultFaults = slices.CompactFunc(s.defaultFaults, func(a, b fault.Violation) bool { return a.Pointer == b.Pointer && a.Message == b.Message })
}

// standards returns the defaults of members of an object to which n applies for certain, and reports contradictions among them. What stands nearest counts.
func (s *Schema) standards(n *node, known map[*node]map[string]*standard) map[string]*standard {
	if members, done := known[n]; done {
		return members
	}
	members := map[string]*standard{}
	known[n] = members
	for _, m := range n.object.declared {
		if m.node.standard != nil {
			members[m.name] = m.node.standard
		}
	}
	own := len(members)
	nearest := make(map[string]bool, own)
	for name := range members {
		nearest[name] = true
	}
	subs := n.allOf
	if n.ref != nil {
		subs = append([]*node{n.ref}, subs...)
	}
	for _, sub := range subs {
		for name, d := range s.standards(sub, known) {
			switch other := members[name]; {
			case other == nil:
				members[name] = d
			case !nearest[name] && !jsontext.Equal(other.value, d.value):
				s.contradict(d)
			}
		}
	}
	return members
}

func (s *Schema) checkDefault(n *node, d *standard) {
	part := Schema{root: n, work: s.work, dynamic: s.dynamic, dynamics: s.dynamics}
	shaped := part.Shape(d.value, Shaping{})
	if shaped.Changed {
		s.faultDefault(d, "is not what x-normalize makes of it")
		return
	}
	shaped = part.Shape(d.value, Shaping{Fill: true})
	faults := shaped.Faults
	if len(faults) == 0 {
		faults = part.Validate(shaped.Doc)
	}
	if len(faults) > 0 {
		where := ""
		if faults[0].Pointer != "" {
			where = "at " + clip(faults[0].Pointer, maxShown) + " it "
		}
		s.faultDefault(d, "is refused by its own schema: "+where+faults[0].Message)
	}
}

// leading returns the nodes from which a marked node is reached.
func leading(s *Schema, nodes []*node) map[*node]bool {
	above := map[*node][]*node{}
	leads := map[*node]bool{}
	var todo []*node
	for _, n := range nodes {
		n.parts(s, func(sub *node) { above[sub] = append(above[sub], n) })
		if n.access != (access{}) {
			leads[n] = true
			todo = append(todo, n)
		}
	}
	for len(todo) > 0 {
		n := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		for _, outer := range above[n] {
			if !leads[outer] {
				leads[outer] = true
				todo = append(todo, outer)
			}
		}
	}
	return leads
}

// parts calls visit for every subschema that speaks of the value which n applies to, or of a part of it.
func (n *node) parts(s *Schema, visit func(*node)) {
	n.declaring(s, visit)
	for _, m := range n.object.declared {
		visit(m.node)
	}
	n.nameless(visit)
}

// nameless calls visit for the subschemas of parts that have no name of their own in the schema.
func (n *node) nameless(visit func(*node)) {
	for _, one := range [...]*node{n.object.additional, n.unevaluatedMember, n.array.items, n.array.contains, n.unevaluatedItem} {
		if one != nil {
			visit(one)
		}
	}
	for _, one := range n.array.prefix {
		visit(one)
	}
	for _, one := range n.object.patterns {
		visit(one.node)
	}
}

// marker looks for marked members.
type marker struct {
	*compiler
	schema   *Schema
	leads    map[*node]bool
	found    map[string]*Mark
	refused  map[*node]bool
	searched int
}

// visit notes what n says of the member at the path, and goes on into what leads to more. open are the nodes around, from the root on.
func (m *marker) visit(n *node, path []string, open []*node) {
	if !m.leads[n] || len(m.faults) > 0 {
		return
	}
	if m.searched++; m.searched > maxMarkSearch || len(m.found) > maxMarks {
		m.fault(n.place, "limit", "leads to too many members with readOnly, writeOnly, x-immutable or x-timestamp: at most "+strconv.Itoa(maxMarks))
		return
	}
	if slices.Contains(open, n) || len(path) > maxMarkDepth {
		m.fault(n.place, "recursive", "leads to members with readOnly, writeOnly, x-immutable or x-timestamp, and into itself: there is no end to them")
		return
	}
	if n.access != (access{}) {
		m.note(n, path)
	}
	open = append(slices.Clip(open), n)
	n.declaring(m.schema, func(sub *node) { m.visit(sub, path, open) })
	for _, member := range n.object.declared {
		m.visit(member.node, append(slices.Clip(path), member.name), open)
	}
	n.nameless(m.refuse)
}

func (m *marker) note(n *node, path []string) {
	if len(path) == 0 {
		m.fault(n.place, "unnamed", "has readOnly, writeOnly, x-immutable or x-timestamp, which are for members of a document and not for all of it")
		return
	}
	key := jsontext.FormatPointer(path)
	mark := m.found[key]
	if mark == nil {
		mark = &Mark{Path: slices.Clone(path)}
		m.found[key] = mark
	}
	mark.ReadOnly = mark.ReadOnly || n.access.ReadOnly
	mark.WriteOnly = mark.WriteOnly || n.access.WriteOnly
	mark.Immutable = mark.Immutable || n.access.Immutable
	if n.access.Stamp != Unstamped {
		mark.Stamp = n.access.Stamp
	}
}

// refuse reports the marked nodes that are reached through elements of arrays, or through members that the schema does not name.
func (m *marker) refuse(n *node) {
	if !m.leads[n] || m.refused[n] {
		return
	}
	if m.refused == nil {
		m.refused = map[*node]bool{}
	}
	m.refused[n] = true
	if n.access != (access{}) {
		m.fault(n.place, "unnamed", "has readOnly, writeOnly, x-immutable or x-timestamp, which are kept only of members that properties name, outside of arrays; put it on the whole array or object")
	}
	n.parts(m.schema, m.refuse)
}

// result returns what was found, without what lies inside of the same.
func (m *marker) result() []Mark {
	marks := make([]Mark, 0, len(m.found))
	for _, mark := range m.found {
		marks = append(marks, *mark)
	}
	slices.SortFunc(marks, func(a, b Mark) int { return slices.Compare(a.Path, b.Path) })
	for i := range marks {
		for j := range marks {
			outer := marks[j]
			if i == j || len(outer.Path) >= len(marks[i].Path) || !slices.Equal(outer.Path, marks[i].Path[:len(outer.Path)]) {
				continue
			}
			marks[i].ReadOnly = marks[i].ReadOnly && !outer.ReadOnly
			marks[i].WriteOnly = marks[i].WriteOnly && !outer.WriteOnly
			marks[i].Immutable = marks[i].Immutable && !outer.Immutable
		}
	}
	return slices.DeleteFunc(marks, func(mark Mark) bool {
		return !mark.ReadOnly && !mark.WriteOnly && !mark.Immutable && mark.Stamp == Unstamped
	})
}
