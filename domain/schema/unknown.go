package schema

import (
	"maps"
	"slices"
	"strings"

	"github.com/sheafdb/sheaf/domain/fault"
)

// Unknown returns a violation "unknownField" for every member of doc that the schema does not declare, at most
// fault.MaxViolations, in the order of their pointers' names.
//
// Declared are, at one place, the members that properties or patternProperties name in any of the subschemas that
// apply there: through $ref, allOf, anyOf, oneOf, if, then, else and dependentSchemas, whether or not they hold,
// and never through not. A place where none of them declares a member, or where one has an additionalProperties or
// unevaluatedProperties other than false, is open: everything is known there. Members and items are looked
// into with the subschemas that apply to them.
func (s *Schema) Unknown(doc any) []fault.Violation {
	w := walk{schema: s, left: s.work, limit: fault.MaxViolations}
	w.visit([]*node{s.root}, doc)
	if w.exhausted {
		return []fault.Violation{tooComplex()}
	}
	var found []fault.Violation
	for _, pointer := range w.found {
		name := pointer[strings.LastIndexByte(pointer, '/')+1:]
		found = append(found, fault.Violation{
			In: "body", Pointer: pointer, Code: "unknownField",
			Message: quote(unescape.Replace(name)) + " is not a member the schema knows here",
		})
	}
	return found
}

var unescape = strings.NewReplacer("~1", "/", "~0", "~")

// Strip returns doc without the members that Unknown would report, and pointers to those that went, all of them and in
// the same order. doc itself is not changed; the result shares with it what stayed as it was.
// Where doc needs more than Limits.Work steps, faults has one violation and the rest is of no use.
func (s *Schema) Strip(doc any) (stripped any, gone []string, faults []fault.Violation) {
	w := walk{schema: s, left: s.work, limit: -1, strip: true}
	stripped, _ = w.visit([]*node{s.root}, doc)
	if w.exhausted {
		return nil, nil, []fault.Violation{tooComplex()}
	}
	return stripped, w.found, nil
}

// walk looks for undeclared members.
type walk struct {
	schema    *Schema
	left      int
	exhausted bool
	strip     bool
	limit     int // of found; -1 is no limit
	path      []step
	found     []string
}

func (w *walk) spend(steps int) bool {
	if w.left -= steps; w.left < 0 {
		w.exhausted = true
	}
	return !w.exhausted
}

// visit walks the value v, to which the given nodes apply, and returns what is left of it and whether that is less.
func (w *walk) visit(applied []*node, v any) (left any, less bool) {
	if len(w.path) > maxFrames {
		w.exhausted = true
	}
	switch v := v.(type) {
	case map[string]any:
		return w.object(w.closure(applied), v)
	case []any:
		return w.array(w.closure(applied), v)
	}
	return v, false
}

// closure adds what the nodes apply in place, each node once.
func (w *walk) closure(applied []*node) []*node {
	all := applied
	var known map[*node]bool
	for i := 0; i < len(all); i++ {
		if !w.spend(1) {
			return nil
		}
		n := all[i]
		if !n.hasInPlace && len(n.object.dependentSchemas) == 0 {
			continue
		}
		if known == nil {
			known = make(map[*node]bool, len(all))
			for _, one := range all {
				known[one] = true
			}
			// The caller's slice is not to be written behind its end.
			all = slices.Clip(all)
		}
		n.declaring(w.schema, func(sub *node) {
			if w.spend(1) && !known[sub] {
				known[sub] = true
				all = append(all, sub)
			}
		})
	}
	return all
}

func (w *walk) object(applied []*node, v map[string]any) (left any, less bool) {
	declares, open := false, false
	for _, n := range applied {
		declares = declares || len(n.object.properties) > 0 || len(n.object.patterns) > 0
		open = open || n.object.additional != nil && !n.object.additional.never ||
			n.unevaluatedMember != nil && !n.unevaluatedMember.never
	}
	if !declares && !open || !w.spend(len(v)) {
		return v, false
	}
	closed := declares && !open
	var changed map[string]any
	change := func() map[string]any {
		if changed == nil {
			changed = maps.Clone(v)
		}
		return changed
	}
	var inside []*node
	for _, name := range slices.Sorted(maps.Keys(v)) {
		var known bool
		inside, known = w.member(applied, name, inside[:0])
		if !known && closed {
			w.report(step{name, -1})
			if w.strip {
				delete(change(), name)
			}
			continue
		}
		if value := v[name]; len(inside) > 0 && holdsMembers(value) {
			w.path = append(w.path, step{name, -1})
			kept, less := w.visit(slices.Clone(inside), value)
			w.path = w.path[:len(w.path)-1]
			if less {
				change()[name] = kept
			}
		}
		if w.exhausted {
			return v, false
		}
	}
	if changed != nil {
		return changed, true
	}
	return v, false
}

// member appends what applies to a member, and says whether any node knows it.
func (w *walk) member(applied []*node, name string, inside []*node) ([]*node, bool) {
	known := false
	for _, n := range applied {
		w.spend(1)
		here := false
		if sub := n.object.properties[name]; sub != nil {
			here = true
			inside = append(inside, sub)
		}
		for _, p := range n.object.patterns {
			if w.spend(1+len(name)*p.pattern.instructions/instructionsAStep) && p.pattern.MatchString(name) {
				here = true
				inside = append(inside, p.node)
			}
		}
		known = known || here
		if rest := n.object.additional; !here && rest != nil {
			inside = append(inside, rest)
		}
		if rest := n.unevaluatedMember; !here && rest != nil {
			inside = append(inside, rest)
		}
	}
	return inside, known
}

func (w *walk) array(applied []*node, v []any) (left any, less bool) {
	var changed []any
	for i, item := range v {
		if !holdsMembers(item) {
			continue
		}
		var inside []*node
		for _, n := range applied {
			w.spend(1)
			inside = n.array.appendItem(inside, i)
			if n.unevaluatedItem != nil {
				inside = append(inside, n.unevaluatedItem)
			}
		}
		if len(inside) == 0 {
			continue
		}
		w.path = append(w.path, step{"", i})
		kept, less := w.visit(inside, item)
		w.path = w.path[:len(w.path)-1]
		if w.exhausted {
			return v, false
		}
		if less {
			if changed == nil {
				changed = slices.Clone(v)
			}
			changed[i] = kept
		}
	}
	if changed != nil {
		return changed, true
	}
	return v, false
}

// appendItem appends what applies to the item at i.
func (rules *arrayRules) appendItem(inside []*node, i int) []*node {
	switch {
	case i < len(rules.prefix):
		inside = append(inside, rules.prefix[i])
	case rules.items != nil:
		inside = append(inside, rules.items)
	}
	if rules.contains != nil {
		inside = append(inside, rules.contains)
	}
	return inside
}

func (w *walk) report(at step) {
	if w.limit >= 0 && len(w.found) >= w.limit {
		return
	}
	r := run{path: append(w.path, at)}
	pointer := r.pointer()
	if w.spend(stepsAFault + len(pointer)/bytesAStep) {
		w.found = append(w.found, pointer)
	}
}

func holdsMembers(v any) bool { return roughType(v)&(typeObject|typeArray) != 0 }
