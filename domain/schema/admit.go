package schema

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Bounds of a number in a schema: far beyond any use, and small enough that nobody can make arithmetic slow.
const (
	maxNumberBytes    = 1100
	maxNumberExponent = 308
)

// measure bounds the size of the schema before anything else looks at it.
// It reports the first excess and stops: what is beyond a limit is not worth more work.
func (c *compiler) measure(p *place, depth int) bool {
	if c.nodeCount++; c.nodeCount > c.lim.Nodes {
		c.fault(p, "limit", "is one value too many: a schema has at most "+strconv.Itoa(c.lim.Nodes))
		return false
	}
	if depth > c.lim.Depth {
		c.fault(p, "limit", "is nested too deeply: at most "+strconv.Itoa(c.lim.Depth)+" levels")
		return false
	}
	switch v := p.value.(type) {
	case json.Number:
		return c.measureNumber(p, string(v))
	case []any:
		for i, item := range v {
			if !c.measure(&place{parent: p, token: strconv.Itoa(i), value: item}, depth+1) {
				return false
			}
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if len(name) > c.lim.Name {
				c.fault(p, "limit", "has a member name that is too long: at most "+strconv.Itoa(c.lim.Name)+" bytes")
				return false
			}
			if !c.measure(&place{parent: p, token: name, value: v[name]}, depth+1) {
				return false
			}
		}
	}
	return true
}

func (c *compiler) measureNumber(p *place, written string) bool {
	_, exponent, _ := strings.Cut(strings.ToLower(written), "e")
	if power := parseExponent(exponent); len(written) > maxNumberBytes || power > maxNumberExponent || power < -maxNumberExponent {
		c.fault(p, "limit", "is a number with too many digits or too large an exponent")
		return false
	}
	return true
}

// expansion is what a node costs at one place of a document.
type expansion struct {
	subschemas int // it and everything it applies in place, counted as often as it is applied
	chain      int // the longest way down among them
	state      uint8
}

const (
	unvisited uint8 = iota
	visiting
	visited
)

// expand bounds the subschemas that meet at one place of a document. Doubling references double that
// number at each level, and a circle of them never ends; both are seen here, by a walk that
// takes each node once. Circles through properties or items are legal: a document ends.
func (c *compiler) expand(s *Schema) {
	costs := make(map[*node]*expansion, len(c.nodes))
	for _, n := range c.nodes {
		if !c.expandNode(s, n, costs) {
			return
		}
	}
}

// expandNode reports the first excess and returns false.
func (c *compiler) expandNode(s *Schema, n *node, costs map[*node]*expansion) bool {
	cost := costs[n]
	if cost == nil {
		cost = &expansion{}
		costs[n] = cost
	}
	switch cost.state {
	case visited:
		return true
	case visiting:
		c.fault(n.place, "cycle", "refers to itself without going into a member or an item, so that checking it would never end")
		return false
	}
	cost.state = visiting
	cost.subschemas, cost.chain = 1, 1
	sound := true
	n.inPlace(s, func(child *node) {
		if !sound {
			return
		}
		if sound = c.expandNode(s, child, costs); sound {
			cost.subschemas = min(cost.subschemas+costs[child].subschemas, c.lim.Expansion+1)
			cost.chain = max(cost.chain, costs[child].chain+1)
		}
	})
	if !sound {
		return false
	}
	cost.state = visited
	switch {
	case cost.subschemas > c.lim.Expansion:
		c.fault(n.place, "limit", "applies too many subschemas to one value: at most "+strconv.Itoa(c.lim.Expansion)+", references counted each time")
	case cost.chain > c.lim.Chain:
		c.fault(n.place, "limit", "applies subschemas inside one another too deeply: at most "+strconv.Itoa(c.lim.Chain))
	default:
		return true
	}
	return false
}
