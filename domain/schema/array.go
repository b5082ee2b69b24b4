package schema

import "strconv"

// array checks the rules for items.
func (r *run) array(n *node, v []any, seen *evaluated) bool {
	rules := &n.array
	ok := true
	if len(v) < rules.min {
		ok = r.collect && r.fail("minItems", "must have at least "+plural(rules.min, "item"), nil)
	}
	if rules.max >= 0 && len(v) > rules.max {
		ok = r.collect && r.fail("maxItems", "must have at most "+plural(rules.max, "item"), nil)
	}
	if !ok && !r.collect {
		return false
	}
	if ok = r.items(rules, v, seen) && ok; !ok && !r.collect {
		return false
	}
	if rules.unique {
		ok = r.unique(v) && ok
	}
	if rules.contains != nil {
		ok = r.contains(rules, v, seen) && ok
	}
	return ok
}

func (r *run) items(rules *arrayRules, v []any, seen *evaluated) bool {
	ok := true
	prefix := min(len(rules.prefix), len(v))
	if seen != nil {
		if seen.upTo = max(seen.upTo, prefix); rules.items != nil {
			seen.all = true
		}
	}
	for i, sub := range rules.prefix[:prefix] {
		if ok = r.inside(sub, v[i], step{"", i}) && ok; !ok && !r.collect {
			return false
		}
	}
	if rules.items == nil || rules.items.always || prefix == len(v) {
		return ok
	}
	if rules.items.never {
		return r.collect && r.fail("items", "must have at most "+plural(prefix, "item"), nil)
	}
	for i := prefix; i < len(v); i++ {
		if ok = r.inside(rules.items, v[i], step{"", i}) && ok; !ok && !r.collect {
			return false
		}
	}
	return ok
}

// fewItems is how many scalars are compared pair by pair: less work than keys for all of them.
const fewItems = 8

func (r *run) unique(v []any) bool {
	first, second := r.duplicates(v)
	if first < 0 {
		return true
	}
	return r.collect && r.fail("uniqueItems",
		"must not have an item twice, and those at "+strconv.Itoa(first)+" and "+strconv.Itoa(second)+" are equal",
		map[string]any{"items": []int{first, second}})
}

// duplicates returns the places of two equal items, or -1.
func (r *run) duplicates(v []any) (int, int) {
	if len(v) <= fewItems && allTexts(v) {
		for i := range v {
			for j := range v[:i] {
				if v[i] == v[j] {
					return j, i
				}
			}
		}
		return -1, -1
	}
	if !r.spend(len(v)) {
		return -1, -1
	}
	places := make(map[string]int, len(v))
	var buf []byte
	for i, item := range v {
		buf = appendKey(buf[:0], item)
		if !r.spend(len(buf) / bytesAStep) {
			return -1, -1
		}
		if j, ok := places[string(buf)]; ok {
			return j, i
		}
		places[string(buf)] = i
	}
	return -1, -1
}

func allTexts(v []any) bool {
	for _, item := range v {
		if _, ok := item.(string); !ok {
			return false
		}
	}
	return true
}

func (r *run) contains(rules *arrayRules, v []any, seen *evaluated) bool {
	found := 0
	enough := rules.minContains
	for i, item := range v {
		if found >= enough && rules.maxContains < 0 && seen == nil {
			break
		}
		if r.holds(rules.contains, item, nil) {
			if found++; seen != nil {
				seen.addItem(i)
			}
		}
	}
	ok := true
	if found < rules.minContains {
		keyword := "contains"
		if rules.minContainsDeclared {
			keyword = "minContains"
		}
		ok = r.collect && r.fail(keyword, containsMessage("at least", rules.minContains, found), nil)
	}
	if rules.maxContains >= 0 && found > rules.maxContains {
		ok = r.collect && r.fail("maxContains", containsMessage("at most", rules.maxContains, found), nil)
	}
	return ok
}
