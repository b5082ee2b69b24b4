package schema

import (
	"maps"
	"slices"
	"strconv"
)

// manyMembers is where it is cheaper to sort an object's members than to look every declared one up.
const manyMembers = 32

// object checks the rules for members. The order in which members are looked at never depends on the run:
// the declared order where that is enough, the order of the names otherwise.
func (r *run) object(n *node, v map[string]any, seen *evaluated) bool {
	rules := &n.object
	ok := r.memberCounts(rules, v)
	if !ok && !r.collect {
		return false
	}
	if len(rules.properties) > 0 || len(rules.patterns) > 0 || rules.additional != nil {
		ok = r.members(rules, v, seen) && ok
		if !ok && !r.collect {
			return false
		}
	}
	if rules.names != nil {
		ok = r.memberNames(rules.names, v) && ok
	}
	r.spend(len(rules.dependentSchemas) / 4)
	for _, dependent := range rules.dependentSchemas {
		if !ok && !r.collect {
			return false
		}
		if _, present := v[dependent.name]; present {
			ok = r.check(dependent.node, v, seen) && ok
		}
	}
	return ok
}

func (r *run) memberCounts(rules *objectRules, v map[string]any) bool {
	ok := true
	if len(v) < rules.min {
		ok = r.collect && r.fail("minProperties", "must have at least "+plural(rules.min, "member"), nil)
	}
	if rules.max >= 0 && len(v) > rules.max {
		ok = r.collect && r.fail("maxProperties", "must have at most "+plural(rules.max, "member"), nil)
	}
	if missing := r.missing(rules.required, v); missing != nil {
		ok = r.collect && r.fail("required", "must have "+memberList(missing), missingParams(missing))
	}
	for i := range rules.dependentRequired {
		dependent := &rules.dependentRequired[i]
		if r.spend(1); !ok && !r.collect {
			return false
		}
		if _, present := v[dependent.name]; !present {
			continue
		}
		if missing := r.missing(dependent.required, v); missing != nil {
			ok = r.collect && r.fail("dependentRequired",
				"must have "+memberList(missing)+" where "+quote(dependent.name)+" is present",
				missingParams(missing))
		}
	}
	return ok
}

func missingParams(missing []string) map[string]any {
	return map[string]any{"missing": missing[:min(len(missing), maxListed)]}
}

// missing returns the names that v lacks, nil when it lacks none; one is enough where faults are not collected.
func (r *run) missing(names []string, v map[string]any) []string {
	if len(names) == 0 {
		return nil
	}
	r.spend(len(names) / 4)
	for i, name := range names {
		if _, ok := v[name]; ok {
			continue
		}
		if !r.collect {
			return names[i : i+1]
		}
		var missing []string
		for _, name := range names[i:] {
			if _, ok := v[name]; !ok {
				missing = append(missing, name)
			}
		}
		return missing
	}
	return nil
}

func (r *run) members(rules *objectRules, v map[string]any, seen *evaluated) bool {
	rest := rules.additional
	if len(rules.patterns) > 0 || rest != nil && !rest.always && !rest.never || len(rules.declared) > len(v)+manyMembers {
		return r.allMembers(rules, v, seen)
	}
	known, ok := r.declaredMembers(rules, v, seen)
	if rest == nil || !ok && !r.collect {
		return ok
	}
	if seen != nil {
		seen.all = true
	}
	if rest.never && known < len(v) {
		return r.collect && r.unexpected(rules, v)
	}
	return ok
}

// declaredMembers checks the members that properties names, and counts them.
func (r *run) declaredMembers(rules *objectRules, v map[string]any, seen *evaluated) (known int, ok bool) {
	r.spend(len(rules.declared) / 4)
	ok = true
	for i := range rules.declared {
		m := &rules.declared[i]
		value, present := v[m.name]
		if !present {
			continue
		}
		known++
		if seen != nil {
			seen.addName(m.name)
		}
		if ok = r.inside(m.node, value, step{m.name, -1}) && ok; !ok && !r.collect {
			return known, false
		}
	}
	return known, ok
}

// allMembers goes through the members of v by name.
func (r *run) allMembers(rules *objectRules, v map[string]any, seen *evaluated) bool {
	ok, strangers := true, false
	for _, name := range r.sorted(v) {
		known := false
		if sub := rules.properties[name]; sub != nil {
			known = true
			ok = r.inside(sub, v[name], step{name, -1}) && ok
		}
		for _, p := range rules.patterns {
			if r.matches(p.pattern, name) {
				known = true
				ok = r.inside(p.node, v[name], step{name, -1}) && ok
			}
		}
		if !known && rules.additional != nil {
			known = true
			if rules.additional.never {
				strangers = true
			} else {
				ok = r.inside(rules.additional, v[name], step{name, -1}) && ok
			}
		}
		if known && seen != nil {
			seen.addName(name)
		}
		if (!ok || strangers) && !r.collect {
			return false
		}
	}
	if strangers {
		return r.unexpected(rules, v)
	}
	return ok
}

// unexpected reports the members that neither properties nor patternProperties names; faults are being collected.
func (r *run) unexpected(rules *objectRules, v map[string]any) bool {
	var names []string
next:
	for _, name := range r.sorted(v) {
		if rules.properties[name] != nil {
			continue
		}
		for _, p := range rules.patterns {
			if r.matches(p.pattern, name) {
				continue next
			}
		}
		names = append(names, name)
	}
	return r.failUnexpected("additionalProperties", names)
}

func (r *run) failUnexpected(keyword string, names []string) bool {
	params := map[string]any{"unexpected": names[:min(len(names), maxListed)]}
	return r.fail(keyword, "must not have "+memberList(names), params)
}

func (r *run) memberNames(n *node, v map[string]any) bool {
	ok := true
	for _, name := range r.sorted(v) {
		if r.holds(n, name, nil) {
			continue
		}
		if !r.collect {
			return false
		}
		// The faults of a name have no place in the document, so the first of them goes into the message.
		start, limit := len(r.faults), r.limit
		r.limit = start + 1
		r.check(n, name, nil)
		message := "has a member name that is not allowed: " + quote(name)
		if len(r.faults) > start {
			message += " " + r.faults[start].Message
		}
		r.faults, r.limit = r.faults[:start], limit
		ok = r.fail("propertyNames", message, map[string]any{"name": clip(name, maxShown)})
	}
	return ok
}

// sorted returns the names of v in order.
func (r *run) sorted(v map[string]any) []string {
	if !r.spend(len(v)) {
		return nil
	}
	names := slices.AppendSeq(make([]string, 0, len(v)), maps.Keys(v))
	slices.Sort(names)
	return names
}

// unevaluated applies unevaluatedProperties or unevaluatedItems to what nothing in n has looked at.
func (r *run) unevaluated(n *node, v any, seen *evaluated) bool {
	ok := true
	switch v := v.(type) {
	case map[string]any:
		if n.unevaluatedMember == nil || seen.all {
			return true
		}
		var strangers []string
		for _, name := range r.sorted(v) {
			switch {
			case seen.hasName(name):
			case n.unevaluatedMember.never:
				strangers = append(strangers, name)
			default:
				ok = r.inside(n.unevaluatedMember, v[name], step{name, -1}) && ok
			}
		}
		seen.all = true
		if strangers != nil {
			return r.collect && r.failUnexpected("unevaluatedProperties", strangers)
		}
	case []any:
		if n.unevaluatedItem == nil || seen.all {
			return true
		}
		r.spend(len(v))
		strangers := 0
		for i, item := range v {
			switch {
			case seen.hasItem(i):
			case n.unevaluatedItem.never:
				strangers++
			default:
				ok = r.inside(n.unevaluatedItem, item, step{"", i}) && ok
			}
		}
		seen.all = true
		if strangers > 0 {
			return r.collect && r.fail("unevaluatedItems", "must not have items that the schema says nothing about, and has "+strconv.Itoa(strangers), nil)
		}
	}
	return ok
}
