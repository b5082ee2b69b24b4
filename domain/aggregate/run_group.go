package aggregate

import (
	"encoding/json"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/sheafdb/sheaf/domain/query"
)

// gathered is a group with the values of its fields.
type gathered struct {
	keys   []any
	rows   int64
	values [][]any // of each field, in the order of the rows; missing ones are left out but for first and last
}

func (r *run) grouped(g *Group, in rows) []query.Vars {
	groups := map[string]*gathered{}
	var list []*gathered
	if len(g.By) == 0 {
		list = append(list, &gathered{values: make([][]any, len(g.Fields))})
		groups[""] = list[0]
	}
	for _, vars := range r.hold(in) {
		keys := make([]any, len(g.By))
		var name strings.Builder
		for i, m := range g.By {
			keys[i] = r.member(m.Value, vars)
			name.WriteString(sameKey(keys[i]) + "\x00")
		}
		of := groups[name.String()]
		if of == nil {
			of = &gathered{keys: keys, values: make([][]any, len(g.Fields))}
			groups[name.String()] = of
			list = append(list, of)
		}
		of.add(r, g, keys, vars)
	}
	slices.SortFunc(list, func(a, b *gathered) int { return slices.CompareFunc(a.keys, b.keys, Compare) })
	result := make([]query.Vars, len(list))
	for i, of := range list {
		row := make(query.Vars, len(g.By)+len(g.Fields))
		for j, m := range g.By {
			row[m.Name] = of.keys[j]
		}
		for j, f := range g.Fields {
			v := of.sum(f, of.values[j])
			if n, ok := v.(json.Number); ok && !bounded(n) {
				v = nil
			}
			row[f.Name] = v
		}
		result[i] = row
	}
	return result
}

func (of *gathered) add(r *run, g *Group, keys []any, vars query.Vars) {
	of.rows++
	for i, key := range keys {
		if text(key) < text(of.keys[i]) {
			of.keys[i] = key
		}
	}
	for i, f := range g.Fields {
		if f.Of == nil {
			continue
		}
		v, ok := r.value(f.Of, vars)
		if ok || f.Op == OpFirst || f.Op == OpLast {
			of.values[i] = append(of.values[i], v)
		}
	}
}

// sum is the value of a field.
func (of *gathered) sum(f Field, values []any) any {
	switch f.Op {
	case OpCount:
		if f.Of == nil {
			return number(of.rows)
		}
		return number(int64(len(slices.DeleteFunc(values, func(v any) bool { return v != true }))))
	case OpSum:
		return sum(numbersOf(values))
	case OpAvg:
		return average(numbersOf(values))
	case OpMin, OpMax:
		return extreme(values, f.Op == OpMax)
	case OpFirst:
		if len(values) > 0 {
			return values[0]
		}
	case OpLast:
		if len(values) > 0 {
			return values[len(values)-1]
		}
	case OpDistinct:
		return most(distinct(values), f.Most)
	case OpCountDistinct:
		return number(int64(len(distinct(values))))
	case OpPercentile:
		return percentile(values, f.At)
	case OpCollect:
		return most(values, f.Most)
	}
	return nil
}

func number(n int64) json.Number { return json.Number(strconv.FormatInt(n, 10)) }

func numbersOf(values []any) []json.Number {
	var list []json.Number
	for _, v := range values {
		if n, ok := v.(json.Number); ok {
			list = append(list, n)
		}
	}
	return list
}

// extreme returns the least or the greatest scalar. Of equal numbers it is the one that is written shortest.
func extreme(values []any, greatest bool) any {
	var best any
	for _, v := range values {
		switch v.(type) {
		case nil, []any, map[string]any:
			continue
		}
		c := Compare(v, best)
		if best != nil && c == 0 {
			c = len(text(v)) - len(text(best))
		} else if best == nil || greatest {
			c = -c
		}
		if best == nil || c < 0 {
			best = v
		}
	}
	return best
}

// distinct returns the different values but null in their order. Of equal ones it has the one that is written shortest.
func distinct(values []any) []any {
	list := slices.DeleteFunc(slices.Clone(values), func(v any) bool { return v == nil })
	slices.SortFunc(list, compareShown)
	return slices.CompactFunc(list, func(a, b any) bool { return Compare(a, b) == 0 })
}

// most returns the first n values, as far as there is room for them.
func most(values []any, n int) []any {
	kept, size := []any{}, 0
	for _, v := range values {
		if size += len(text(v)); len(kept) == n || size > MaxCollectBytes {
			break
		}
		kept = append(kept, v)
	}
	return kept
}

// percentile is the nearest rank.
func percentile(values []any, at float64) any {
	list := numbersOf(values)
	if len(list) == 0 {
		return nil
	}
	slices.SortFunc(list, func(a, b json.Number) int { return compareShown(a, b) })
	return list[max(int(math.Ceil(at*float64(len(list)))), 1)-1]
}
