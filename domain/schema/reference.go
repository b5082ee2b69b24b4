package schema

import (
	"net/url"
	"strings"

	"github.com/sheafdb/sheaf/domain/jsontext"
)

// baseURI stands for the schema where it has no $id of its own; nothing is ever fetched from it.
const baseURI = "sheaf://collection/schema"

// resource is a schema with an identifier: the whole, or a part of it with $id.
type resource struct {
	uri      *url.URL
	root     *place
	anchors  map[string]*node
	dynamics map[string]*node // the anchors that are dynamic
}

// reference is a $ref or $dynamicRef that still has to be resolved.
type reference struct {
	from *node
	at   *place
	ref  string
}

func (c *compiler) newResource(p *place, uri string) *resource {
	parsed, err := url.Parse(uri)
	if err != nil {
		c.fault(p, "format", "must be a URI reference")
		return p.nearestResource()
	}
	r := &resource{uri: parsed, root: p, anchors: map[string]*node{}, dynamics: map[string]*node{}}
	c.resources[uri] = r
	return r
}

// identify reads what names a node: $id, $anchor and $dynamicAnchor. Their shapes are checked with the other keywords.
func (c *compiler) identify(n *node, keywords map[string]any) {
	if id, ok := keywords["$id"].(string); ok {
		n.resource = c.embedded(n, strings.TrimSuffix(id, "#"))
		n.place.resource = n.resource
	}
	if name, ok := keywords["$anchor"].(string); ok {
		c.anchor(n, "$anchor", name)
	}
	if name, ok := keywords["$dynamicAnchor"].(string); ok {
		c.anchor(n, "$dynamicAnchor", name)
		n.resource.dynamics[name] = n
		c.dynamics[name] = append(c.dynamics[name], n)
	}
}

func (c *compiler) embedded(n *node, id string) *resource {
	at := n.place.child("$id")
	joined, err := n.resource.join(id)
	switch {
	case err != nil:
		c.fault(at, "format", "must be a URI reference")
	case joined == Dialect:
		c.fault(at, "$id", "is the identifier of the metaschema")
	case c.resources[joined] != nil && c.resources[joined].root != n.place:
		c.fault(at, "$id", "is the identifier of another part of the schema")
	default:
		return c.newResource(n.place, joined)
	}
	return n.resource
}

func (c *compiler) anchor(n *node, keyword, name string) {
	if other := n.resource.anchors[name]; other != nil && other != n {
		c.fault(n.place.child(keyword), keyword, "names two parts of the schema: "+quote(name))
		return
	}
	n.resource.anchors[name] = n
}

// join returns the absolute URI that a reference without a fragment means here.
func (r *resource) join(ref string) (string, error) {
	parsed, err := url.Parse(ref)
	if err != nil {
		return "", err
	}
	return r.uri.ResolveReference(parsed).String(), nil
}

// link resolves the references. A target that no keyword led to is compiled now, and may bring references of its own.
func (c *compiler) link() {
	for i := 0; i < len(c.pending); i++ { //nolint:intrange // it grows on the way
		r := c.pending[i]
		target, anchor := c.resolve(r)
		if target == nil {
			continue
		}
		if r.at.token == "$ref" {
			r.from.ref = target
			continue
		}
		r.from.dynamicRef = target
		if anchor != "" && target.resource != nil && target.resource.dynamics[anchor] == target {
			r.from.dynamicName = anchor
		}
	}
}

// metaNode is what a reference to the metaschema means: the value must be a schema.
var metaNode = &node{meta: true, place: &place{}}

// resolve returns the target of a reference, and the anchor by which it was named; nil when there is none, which it reports.
func (c *compiler) resolve(r reference) (target *node, anchor string) {
	uri, fragment, _ := strings.Cut(r.ref, "#")
	fragment, err := url.PathUnescape(fragment)
	if err != nil {
		c.fault(r.at, "format", "must be a URI reference")
		return nil, ""
	}
	res := r.from.resource
	if uri != "" {
		joined, err := res.join(uri)
		if err != nil {
			c.fault(r.at, "format", "must be a URI reference")
			return nil, ""
		}
		if joined == Dialect && c.resources[joined] == nil {
			if fragment != "" {
				c.fault(r.at, "reference", "must name the metaschema as a whole")
				return nil, ""
			}
			return metaNode, ""
		}
		if res = c.resources[joined]; res == nil {
			c.fault(r.at, "reference", "leaves the schema: "+quote(r.ref)+" is not in it, and nothing is loaded from elsewhere")
			return nil, ""
		}
	}
	if fragment == "" || fragment[0] == '/' {
		at := c.lookup(res, fragment)
		if at == nil {
			c.fault(r.at, "reference", "leads nowhere: the schema has no "+quote(r.ref))
			return nil, ""
		}
		return c.schema(at, "false"), ""
	}
	if target = res.anchors[fragment]; target == nil {
		c.fault(r.at, "reference", "leads nowhere: the schema has no anchor "+quote(fragment))
	}
	return target, fragment
}

func (c *compiler) lookup(res *resource, pointer string) *place {
	tokens, err := jsontext.ParsePointer(pointer)
	if err != nil {
		return nil
	}
	at := res.root
	for _, token := range tokens {
		if at = at.child(token); at == nil {
			return nil
		}
	}
	return at
}
