package schema

import (
	"strconv"
	"strings"

	"github.com/sheafdb/sheaf/domain/fault"
)

// evaluated is what some subschemas looked at in one value: the members of an object, or the items of an array.
// unevaluatedProperties and unevaluatedItems apply to the rest.
type evaluated struct {
	all   bool
	names map[string]struct{}
	upTo  int // items before this one
	items map[int]struct{}
}

func (e *evaluated) addName(name string) {
	if e.names == nil {
		e.names = make(map[string]struct{})
	}
	e.names[name] = struct{}{}
}

func (e *evaluated) addItem(i int) {
	if e.items == nil {
		e.items = make(map[int]struct{})
	}
	e.items[i] = struct{}{}
}

func (e *evaluated) hasName(name string) bool {
	_, ok := e.names[name]
	return ok || e.all
}

func (e *evaluated) hasItem(i int) bool {
	_, ok := e.items[i]
	return ok || e.all || i < e.upTo
}

// size is what a merge costs, in steps.
func (e *evaluated) size() int { return len(e.names) + len(e.items) }

func (e *evaluated) merge(other *evaluated) {
	e.all = e.all || other.all
	e.upTo = max(e.upTo, other.upTo)
	for name := range other.names {
		e.addName(name)
	}
	for i := range other.items {
		e.addItem(i)
	}
}

// inPlace checks what applies to the same value: references, the logical keywords and the conditional.
func (r *run) inPlace(n *node, v any, seen *evaluated) bool {
	ok := true
	// Subschemas that say nothing cost next to nothing, but there may be thousands of them.
	if !r.spend((len(n.allOf) + len(n.anyOf) + len(n.oneOf)) / 8) {
		return false
	}
	// What must hold adds to seen even where it fails: the verdict is the same, and nobody is told that
	// a member is not allowed because another one is wrong.
	must := func(sub *node) bool {
		ok = r.check(sub, v, seen) && ok
		return ok || r.collect
	}
	if n.ref != nil && !must(n.ref) {
		return false
	}
	if n.dynamicRef != nil && !must(r.target(n)) {
		return false
	}
	for _, sub := range n.allOf {
		if !must(sub) {
			return false
		}
	}
	if len(n.anyOf) > 0 && !r.anyOf(n, v, seen) {
		if ok = false; !r.collect {
			return false
		}
	}
	if len(n.oneOf) > 0 && !r.oneOf(n, v, seen) {
		if ok = false; !r.collect {
			return false
		}
	}
	if n.not != nil && r.holds(n.not, v, nil) {
		ok = r.collect && r.fail("not", "must not be what the schema excludes here", nil)
		if !r.collect {
			return false
		}
	}
	if n.condition != nil {
		branch := n.elseward
		if r.holds(n.condition, v, seen) {
			branch = n.thenward
		}
		if branch != nil && !must(branch) {
			return false
		}
	}
	return ok
}

// target resolves a $dynamicRef: the outermost resource of the dynamic scope that has the anchor has the word.
func (r *run) target(n *node) *node {
	if n.dynamicName != "" {
		for _, res := range r.scope {
			if outermost := res.dynamics[n.dynamicName]; outermost != nil {
				return outermost
			}
		}
	}
	return n.dynamicRef
}

// holds asks for a verdict and gathers nothing; seen gains only if it holds.
func (r *run) holds(n *node, v any, seen *evaluated) bool {
	collect := r.collect
	r.collect = false
	ok := r.try(n, v, seen)
	r.collect = collect
	return ok
}

// try is check where failing is allowed: seen gains only on success, and faults are gathered up to a limit of their own.
func (r *run) try(n *node, v any, seen *evaluated) bool {
	if seen == nil {
		return r.check(n, v, nil)
	}
	var own evaluated
	ok := r.check(n, v, &own)
	if ok {
		r.spend(own.size())
		seen.merge(&own)
	}
	return ok
}

// alternative tries one branch, and gives its faults room of their own so that those gathered before leave it some.
func (r *run) alternative(n *node, v any, seen *evaluated) bool {
	limit := r.limit
	r.limit = len(r.faults) + fault.MaxViolations
	ok := r.try(n, v, seen)
	r.limit = limit
	return ok
}

func (r *run) anyOf(n *node, v any, seen *evaluated) bool {
	start := len(r.faults)
	var ends []int
	matched := false
	for _, sub := range n.anyOf {
		if r.alternative(sub, v, seen) {
			matched = true
			if seen == nil {
				break
			}
		}
		if r.collect {
			ends = append(ends, len(r.faults))
		}
	}
	switch {
	case matched:
		r.faults = r.faults[:start]
	case r.collect:
		r.closest("anyOf", "must match at least one of "+plural(len(n.anyOf), "alternative"), start, ends)
	}
	return matched
}

func (r *run) oneOf(n *node, v any, seen *evaluated) bool {
	start := len(r.faults)
	var ends []int
	matched := -1
	for i, sub := range n.oneOf {
		if matched >= 0 {
			if !r.holds(sub, v, nil) {
				continue
			}
			if r.faults = r.faults[:start]; r.collect {
				r.fail("oneOf", "must match exactly one of "+plural(len(n.oneOf), "alternative")+
					", and matches those at "+strconv.Itoa(matched)+" and "+strconv.Itoa(i), nil)
			}
			return false
		}
		if r.alternative(sub, v, seen) {
			matched = i
		}
		if r.collect {
			ends = append(ends, len(r.faults))
		}
	}
	switch {
	case matched >= 0:
		r.faults = r.faults[:start]
		return true
	case r.collect:
		r.closest("oneOf", "must match exactly one of "+plural(len(n.oneOf), "alternative")+", and matches none", start, ends)
	}
	return false
}

// closest keeps, behind a fault for the keyword, the faults of those alternatives that were plausibly meant.
// An alternative of another type, or one told apart by a const or enum in a member, is not. The faults of
// the alternatives begin at start and end one after the other at ends.
func (r *run) closest(keyword, message string, start int, ends []int) {
	here := r.pointer()
	branches := make([][]fault.Violation, len(ends))
	ranks := make([]int, len(ends))
	best := len(distances)
	for i, begin := 0, start; i < len(ends); begin, i = ends[i], i+1 {
		branches[i] = append([]fault.Violation(nil), r.faults[begin:ends[i]]...)
		ranks[i] = distance(here, branches[i])
		best = min(best, ranks[i])
	}
	r.faults = r.faults[:start]
	r.add(here, keyword, message, nil)
	for i, branch := range branches {
		if ranks[i] != best {
			continue
		}
		for _, f := range branch {
			if len(r.faults) < r.limit {
				r.faults = append(r.faults, f)
			}
		}
	}
}

// distances are how far an alternative is from what was meant, nearest first.
var distances = [...]string{"faults inside", "another kind of object", "another type"}

func distance(here string, faults []fault.Violation) int {
	far := 0
	for _, f := range faults {
		switch {
		case f.Code == "type" && f.Pointer == here:
			return 2
		case f.Code == "const" || f.Code == "enum":
			if rest, ok := strings.CutPrefix(f.Pointer, here+"/"); ok && !strings.Contains(rest, "/") {
				far = 1
			}
		}
	}
	return far
}
