package schema

import (
	"maps"
	"slices"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/jsontext"
)

// Shaping says what Shape does to a document beside normalizing its texts.
type Shaping struct {
	// Coerce makes values of the type that is asked for.
	Coerce bool
	// Fill adds members that are missing and have a default.
	Fill bool
}

// Shaped is what Shape made of a document.
type Shaped struct {
	// Doc shares with the document what stayed as it was.
	Doc any
	// Changed says whether anything did not.
	Changed bool
	// Coerced has an element for every value that became one of another type, at most fault.MaxViolations, with its place and the two types.
	Coerced []fault.Violation
	// Faults say why the document cannot be shaped; the rest is of no use then.
	Faults []fault.Violation
}

// maxFilled bounds the defaults that are filled into one document, in bytes of their text: a default in the items of an array counts for every item.
const maxFilled = 1 << 20

// CodeCoerced is the code of a warning: a value became one of another type.
const CodeCoerced = "coerced"

// What can change about a value.
const (
	shapesText uint8 = 1 << iota
	shapesMembers
	shapesType
)

func (h Shaping) needs() uint8 {
	needs := shapesText
	if h.Coerce {
		needs |= shapesType
	}
	if h.Fill {
		needs |= shapesMembers
	}
	return needs
}

// Shapes says whether Shape could change any document.
func (s *Schema) Shapes(how Shaping) bool { return s.root.shapes&how.needs() != 0 }

// Shape returns the document that is meant by doc: texts as x-normalize says, values of the type that the schema asks for, and defaults where members are missing.
// doc itself is not changed. Shaping what was shaped changes nothing, unless a condition asks for what its own branch has added.
//
// What applies to a value is, in this order: the subschema itself, $ref, allOf, then or else as the value made so far decides, and dependentSchemas of members that are there.
// What anyOf, oneOf and not apply does not count: which of it was meant is known only when the document is judged. Of several defaults the first one counts.
func (s *Schema) Shape(doc any, how Shaping) Shaped {
	w := shaping{schema: s, how: how, needs: how.needs(), left: s.work, room: maxFilled}
	shaped, changed := w.value(s.root, doc)
	switch {
	case w.exhausted:
		return Shaped{Faults: []fault.Violation{tooComplex()}}
	case w.room < 0:
		return Shaped{Faults: []fault.Violation{{In: "body", Code: "default", Message: "would get more default values than one document can have: 1 MiB"}}}
	case w.deep:
		return Shaped{Faults: []fault.Violation{{In: "body", Code: "json.depth", Message: "would be nested too deep with its default values"}}}
	}
	return Shaped{Doc: shaped, Changed: changed, Coerced: w.coerced}
}

// shaping is one walk of Shape.
type shaping struct {
	schema    *Schema
	how       Shaping
	needs     uint8
	left      int
	exhausted bool
	room      int // for defaults, in bytes
	deep      bool
	frames    int
	path      []step
	coerced   []fault.Violation
}

func (w *shaping) spend(steps int) bool {
	if w.left -= steps; w.left < 0 {
		w.exhausted = true
	}
	return !w.exhausted
}

// value shapes a value to which n applies, and says whether it changed.
func (w *shaping) value(n *node, v any) (any, bool) {
	if n.shapes&w.needs == 0 || !w.spend(1) {
		return v, false
	}
	if w.frames++; w.frames > maxFrames {
		w.exhausted = true
		return v, false
	}
	defer func() { w.frames-- }()
	shaped, changed := w.scalar(n, v)
	apply := func(made any, did bool) { shaped, changed = made, changed || did }
	switch v := shaped.(type) {
	case map[string]any:
		apply(w.object(n, v))
	case []any:
		apply(w.array(n, v))
	}
	if n.ref != nil {
		apply(w.value(n.ref, shaped))
	}
	for _, sub := range n.allOf {
		apply(w.value(sub, shaped))
	}
	if branch := w.branch(n, shaped); branch != nil {
		apply(w.value(branch, shaped))
	}
	for _, dependent := range n.object.dependentSchemas {
		if object, ok := shaped.(map[string]any); ok && w.spend(1) {
			if _, present := object[dependent.name]; present {
				apply(w.value(dependent.node, shaped))
			}
		}
	}
	return shaped, changed
}

func (w *shaping) scalar(n *node, v any) (any, bool) {
	changed := false
	if text, ok := v.(string); ok && n.normalize != 0 && w.spend(len(text)/bytesAStep) {
		if normal := n.normalize.apply(text); normal != text {
			v, changed = normal, true
		}
	}
	if target := n.types.target(); w.how.Coerce && target != 0 && !n.types.admits(v) {
		if made, ok := coerced(v, target); ok {
			w.note(roughType(v), target)
			return made, true
		}
	}
	return v, changed
}

// note records a coercion at the current place.
func (w *shaping) note(from, to types) {
	pointer := (&run{path: w.path}).pointer()
	if !w.spend(stepsAFault+len(pointer)/bytesAStep) || len(w.coerced) >= fault.MaxViolations {
		return
	}
	w.coerced = append(w.coerced, fault.Violation{
		In: "body", Pointer: pointer, Code: CodeCoerced, Message: "was a " + nameOf(from) + " and is taken as the " + nameOf(to) + " that the schema asks for",
		Params: map[string]any{"from": nameOf(from), "to": nameOf(to)},
	})
}

// branch returns what then or else applies to a value, nil for nothing.
func (w *shaping) branch(n *node, v any) *node {
	if n.condition == nil {
		return nil
	}
	var shapes uint8
	for _, branch := range [...]*node{n.thenward, n.elseward} {
		if branch != nil {
			shapes |= branch.shapes
		}
	}
	if shapes&w.needs == 0 {
		return nil
	}
	test := run{schema: w.schema, left: w.left}
	holds := test.check(n.condition, v, nil)
	if w.left = test.left; test.exhausted {
		w.exhausted = true
		return nil
	}
	if holds {
		return n.thenward
	}
	return n.elseward
}

// object shapes the members that are there, then adds those that are missing.
func (w *shaping) object(n *node, v map[string]any) (any, bool) {
	rules, changed := &n.object, map[string]any(nil)
	put := func(name string, value any) {
		if changed == nil {
			changed = maps.Clone(v)
		}
		changed[name] = value
	}
	member := func(sub *node, name string) {
		value := v[name]
		if changed != nil {
			value = changed[name]
		}
		w.path = append(w.path, step{name, -1})
		if made, did := w.value(sub, value); did {
			put(name, made)
		}
		w.path = w.path[:len(w.path)-1]
	}
	w.spend(len(rules.declared) / 4)
	for i := range rules.declared {
		m := &rules.declared[i]
		if _, present := v[m.name]; present && m.node.shapes&w.needs != 0 {
			member(m.node, m.name)
		}
	}
	if len(rules.patterns) > 0 || rules.additional != nil && rules.additional.shapes&w.needs != 0 {
		w.otherMembers(rules, v, member)
	}
	if w.how.Fill {
		for i := range rules.declared {
			m := &rules.declared[i]
			if _, present := v[m.name]; present || m.node.standard == nil {
				continue
			}
			if w.room -= m.node.standard.bytes; w.room < 0 || w.exhausted {
				break
			}
			if len(w.path)+1+m.node.standard.depth > jsontext.DefaultDepth {
				w.deep = true
				break
			}
			put(m.name, m.node.standard.value)
			member(m.node, m.name)
		}
	}
	if changed == nil {
		return v, false
	}
	return changed, true
}

// otherMembers goes through the members that patternProperties and additionalProperties apply to, by name.
func (w *shaping) otherMembers(rules *objectRules, v map[string]any, member func(*node, string)) {
	if !w.spend(len(v)) {
		return
	}
	for _, name := range slices.Sorted(maps.Keys(v)) {
		known := rules.properties[name] != nil
		for _, p := range rules.patterns {
			if w.spend(1+len(name)*p.pattern.instructions/instructionsAStep) && p.pattern.MatchString(name) {
				known = true
				member(p.node, name)
			}
		}
		if !known && rules.additional != nil {
			member(rules.additional, name)
		}
	}
}

func (w *shaping) array(n *node, v []any) (any, bool) {
	rules, changed := &n.array, []any(nil)
	for i, item := range v {
		sub := rules.items
		if i < len(rules.prefix) {
			sub = rules.prefix[i]
		}
		if sub == nil || sub.shapes&w.needs == 0 {
			continue
		}
		w.path = append(w.path, step{"", i})
		made, did := w.value(sub, item)
		w.path = w.path[:len(w.path)-1]
		if w.exhausted || w.room < 0 {
			break
		}
		if did {
			if changed == nil {
				changed = slices.Clone(v)
			}
			changed[i] = made
		}
	}
	if changed == nil {
		return v, false
	}
	return changed, true
}
