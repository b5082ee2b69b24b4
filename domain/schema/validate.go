package schema

import (
	"encoding/json"
	"unicode/utf8"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/jsontext"
)

// Steps are the unit of Limits.Work: a step is about what one keyword of one value costs, 10 to 100 ns.
const (
	bytesAStep        = 64 // bytes of text counted or compared
	instructionsAStep = 16 // characters times instructions of a pattern
	squareDigitsAStep = 4096
	stepsAFault       = 16 // a fault is built, kept and perhaps thrown away
)

// maxFrames bounds the recursion of one validation: the depth of a document times Limits.Chain, with room.
const maxFrames = 50_000

// A document can have a member name of megabytes, and a hundred faults behind it.
const (
	maxFaultBytes = 512 << 10 // of pointers and messages in a result
	maxHeldBytes  = 16 << 20  // of those gathered, also on the way to a result without them
)

// Validate returns everything that is wrong with doc, at most fault.MaxViolations, in an order that does not
// depend on the run; nothing means it satisfies the schema. doc is a decoded tree with numbers as written
// (json.Number); it is not changed or kept.
//
// The pointer of a violation is the place in doc and its code the keyword that refused it. Where no alternative
// of an anyOf or oneOf holds, the faults of the alternatives that come closest follow. A document that needs more than Limits.Work
// steps has the one violation "tooComplex", whatever else is wrong with it.
func (s *Schema) Validate(doc any) []fault.Violation {
	// Most documents are valid. The first walk builds nothing; only when it fails is the document
	// walked again, for the faults.
	first := run{schema: s, left: s.work}
	if first.check(s.root, doc, nil) && !first.exhausted {
		return nil
	}
	if first.exhausted {
		return []fault.Violation{tooComplex()}
	}
	second := run{schema: s, left: s.work, collect: true, limit: fault.MaxViolations}
	second.check(s.root, doc, nil)
	if second.exhausted {
		return []fault.Violation{tooComplex()}
	}
	return second.result()
}

// run is one walk of a schema beside a document.
type run struct {
	schema    *Schema
	left      int // steps
	exhausted bool
	frames    int
	scope     []*resource // the dynamic scope, outermost first; kept only where the schema has dynamic anchors

	// collect says whether faults are gathered. Without it a walk stops at the first.
	collect bool
	faults  []fault.Violation
	limit   int // faults are dropped beyond
	held    int // bytes of the faults gathered
	path    []step
}

// step is one level of the way to the value under check: a member's name, or an index where name is not used.
type step struct {
	name  string
	index int // -1 for a member
}

// spend takes steps from the budget. Once it is gone every check fails at once, and the result is thrown away.
func (r *run) spend(steps int) bool {
	if r.left -= steps; r.left < 0 {
		r.exhausted = true
	}
	return !r.exhausted
}

// check says whether v satisfies n, and adds what n looked at to seen, if given.
func (r *run) check(n *node, v any, seen *evaluated) bool {
	if n.always {
		return true
	}
	if !r.spend(1) {
		return false
	}
	if n.never {
		return r.collect && r.fail(n.keyword, "is not allowed", nil)
	}
	if r.frames++; r.frames > maxFrames {
		r.exhausted = true
		return false
	}
	var ok bool
	if r.schema.dynamic && (len(r.scope) == 0 || r.scope[len(r.scope)-1] != n.resource) {
		r.scope = append(r.scope, n.resource)
		ok = r.apply(n, v, seen)
		r.scope = r.scope[:len(r.scope)-1]
	} else {
		ok = r.apply(n, v, seen)
	}
	r.frames--
	return ok
}

// apply is check behind its guards. Where faults are not collected, it returns at the first.
func (r *run) apply(n *node, v any, seen *evaluated) bool {
	if n.types != 0 && !n.types.admits(v) {
		// What the value would have to be otherwise is noise.
		return r.collect && r.fail("type", typeMessage(n.types), nil)
	}
	ok := r.values(n, v)
	if n.meta {
		ok = r.isSchema(v) && ok
	}
	if !ok && !r.collect {
		return false
	}
	mine := seen
	var own evaluated
	if n.unevaluatedMember != nil || n.unevaluatedItem != nil {
		// What is evaluated beside n, by whoever applies it, is not evaluated in it.
		mine = &own
	}
	switch v := v.(type) {
	case string:
		if n.hasText {
			ok = r.text(n, v) && ok
		}
	case json.Number:
		if n.hasNumber {
			ok = r.number(n, v) && ok
		}
	case map[string]any:
		if n.hasObject {
			ok = r.object(n, v, mine) && ok
		}
	case []any:
		if n.hasArray {
			ok = r.array(n, v, mine) && ok
		}
	}
	if !ok && !r.collect {
		return false
	}
	if n.hasInPlace {
		ok = r.inPlace(n, v, mine) && ok
		if !ok && !r.collect {
			return false
		}
	}
	if mine != seen {
		ok = r.unevaluated(n, v, mine) && ok
		if seen != nil {
			seen.merge(mine)
		}
	}
	return ok
}

// values checks const, enum and format, which mean the same for every type.
func (r *run) values(n *node, v any) bool {
	ok := true
	for _, set := range [...]*valueSet{n.constant, n.enum} {
		if set == nil {
			continue
		}
		found, work := set.has(v)
		if r.spend(work); found {
			continue
		}
		if !r.collect {
			return false
		}
		keyword := "enum"
		if set == n.constant {
			keyword = "const"
		}
		ok = r.fail(keyword, set.message, nil)
	}
	if n.format != nil {
		if text, isText := v.(string); isText {
			if !r.spend(1 + len(text)*n.format.weight/bytesAStep) {
				return false
			}
			if !n.format.valid(text) {
				return r.collect && r.fail("format", n.format.message, map[string]any{"format": n.format.name})
			}
		}
	}
	return ok
}

func (r *run) text(n *node, v string) bool {
	ok, rules := true, &n.text
	// Bytes bound characters from above, so most texts need not be counted.
	if rules.max >= 0 && len(v) > rules.max || rules.min > 0 && len(v)/utf8.UTFMax < rules.min {
		r.spend(len(v) / bytesAStep)
		length := utf8.RuneCountInString(v)
		if length < rules.min {
			ok = r.collect && r.fail("minLength", "must have at least "+plural(rules.min, "character"), nil)
		}
		if rules.max >= 0 && length > rules.max {
			ok = r.collect && r.fail("maxLength", "must have at most "+plural(rules.max, "character"), nil)
		}
	}
	if rules.pattern != nil && !r.matches(rules.pattern, v) {
		ok = r.collect && r.fail("pattern", "must match the pattern "+clip(rules.pattern.source, maxShownPattern), nil)
	}
	return ok
}

func (r *run) matches(p *pattern, text string) bool {
	return r.spend(1+len(text)*p.instructions/instructionsAStep) && p.MatchString(text)
}

func (r *run) number(n *node, v json.Number) bool {
	ok, rules := true, &n.number
	d := parseDecimal(string(v))
	// Arithmetic on thousands of digits takes time in the square of their number.
	if digits := len(d.large); !r.spend(digits/bytesAStep + digits*digits/squareDigitsAStep) {
		return false
	}
	if b := rules.minimum; b != nil && compare(d, b.decimal) < 0 {
		ok = r.collect && r.fail("minimum", "must be at least "+clip(b.text, maxShown), nil)
	}
	if b := rules.maximum; b != nil && compare(d, b.decimal) > 0 {
		ok = r.collect && r.fail("maximum", "must be at most "+clip(b.text, maxShown), nil)
	}
	if b := rules.above; b != nil && compare(d, b.decimal) <= 0 {
		ok = r.collect && r.fail("exclusiveMinimum", "must be greater than "+clip(b.text, maxShown), nil)
	}
	if b := rules.below; b != nil && compare(d, b.decimal) >= 0 {
		ok = r.collect && r.fail("exclusiveMaximum", "must be less than "+clip(b.text, maxShown), nil)
	}
	if b := rules.multiple; b != nil && !isMultiple(d, b.decimal) {
		ok = r.collect && r.fail("multipleOf", "must be a multiple of "+clip(b.text, maxShown), nil)
	}
	return ok
}

// isSchema checks that v is a schema, as a reference to the metaschema asks for.
func (r *run) isSchema(v any) bool {
	if !r.spend(len(appendKey(nil, v))) {
		return false
	}
	c := newCompiler(Limits{})
	c.shapeOnly = true
	if c.root(v); len(c.faults) == 0 {
		return true
	}
	if r.collect {
		here := r.pointer()
		for _, f := range c.faults {
			r.add(here+f.Pointer, f.Code, f.Message, nil)
		}
	}
	return false
}

// fail gathers a fault at the current place. It returns false, always, for the convenience of its callers.
func (r *run) fail(code, message string, params map[string]any) bool {
	r.add(r.pointer(), code, message, params)
	return false
}

func (r *run) add(pointer, code, message string, params map[string]any) {
	size := len(pointer) + len(message)
	r.spend(stepsAFault + size/bytesAStep)
	if len(r.faults) < r.limit && (r.held < maxHeldBytes || len(r.faults) == 0) {
		r.held += size
		r.faults = append(r.faults, fault.Violation{In: "body", Pointer: pointer, Code: code, Message: message, Params: params})
	}
}

// result returns the faults, each once: two subschemas that refer to a third say the same thing.
func (r *run) result() []fault.Violation {
	type sameness struct{ pointer, code, message string }
	said := make(map[sameness]bool, len(r.faults))
	kept, size := r.faults[:0], 0
	for _, f := range r.faults {
		key := sameness{f.Pointer, f.Code, f.Message}
		size += len(f.Pointer) + len(f.Message)
		if said[key] || len(kept) > 0 && size > maxFaultBytes {
			continue
		}
		said[key] = true
		kept = append(kept, f)
	}
	return kept[:min(len(kept), fault.MaxViolations)]
}

func (r *run) pointer() string {
	size := 0
	for _, s := range r.path {
		size += len(s.name) + 8
	}
	text := make([]byte, 0, size)
	for _, s := range r.path {
		text = s.appendTo(text)
	}
	return string(text)
}

// inside checks a part of the current value against n.
func (r *run) inside(n *node, v any, s step) bool {
	if n.always {
		return true
	}
	if !r.collect {
		return r.check(n, v, nil)
	}
	r.path = append(r.path, s)
	ok := r.check(n, v, nil)
	r.path = r.path[:len(r.path)-1]
	return ok
}

func (s step) appendTo(text []byte) []byte {
	if s.index >= 0 {
		return appendInt(append(text, '/'), s.index)
	}
	return append(text, jsontext.AppendPointer("", s.name)...)
}
