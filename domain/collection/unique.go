package collection

import (
	"slices"
	"time"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/query"
)

// Unique is a unique index by which documents can be named: no two have the same key in it.
type Unique struct {
	index.Kept
	kinds []query.Kind // of the fields
}

// Unique returns the unique index with a name.
// It fails with fault.NotFound ("index.notFound") where there is none, with fault.Invalid ("index.notUnique") where it is of another kind, or has fields that a client does
// not choose, and with fault.Conflict ("index.notReady") where it is not ready.
func (c *Collection) Unique(name string) (Unique, error) {
	at := slices.IndexFunc(c.Indexed, func(x Index) bool { return x.Name == name })
	if at < 0 {
		text := ""
		if near := ident.Nearest(name, c.indexNames()); near != "" {
			text = "; did you mean " + near + "?"
		}
		return Unique{}, fault.New(fault.NotFound, "index.notFound", "collection %q has no index of this name%s", c.Name, text)
	}
	x := c.Indexed[at]
	u := Unique{Kept: x.Kept}
	switch {
	case !x.Unique:
		return u, fault.New(fault.Invalid, "index.notUnique", "index %q is not unique: it does not name a document", name)
	case slices.ContainsFunc(x.Fields, func(f index.Field) bool { return f.Column != "" }):
		return u, fault.New(fault.Invalid, "index.notUnique", "index %q has fields that are not in the data", name)
	case x.State == index.Building:
		return u, fault.New(fault.Conflict, "index.notReady", "index %q is being built", name).After(time.Second)
	case x.State != index.Ready:
		return u, fault.New(fault.Conflict, "index.notReady", "index %q is %s", name, x.State)
	}
	for _, f := range x.Fields {
		t := c.filters.Variables["doc"].At(f.Path)
		if f.Each {
			t = t.Element().At(f.Rest)
		}
		u.kinds = append(u.kinds, t.Kind())
	}
	return u, nil
}

func (c *Collection) indexNames() []string {
	names := make([]string, len(c.Indexed))
	for i, x := range c.Indexed {
		names[i] = x.Name
	}
	return names
}

// ParseKey reads a key as it stands in a path; see index.ParseKey.
func (u Unique) ParseKey(escaped string) ([]byte, error) { return u.Index.ParseKey(escaped, u.kinds) }

// Nameless is the fault of a document that has no key in an index by which it shall be named.
func (c *Collection) Nameless(u Unique) error {
	faults := make([]fault.Violation, len(u.Fields))
	for i, f := range u.Fields {
		faults[i] = fault.Violation{In: "body", Pointer: f.Pointer(), Code: "key", Message: "must be given: the document is found by it", Params: map[string]any{"index": u.Name}}
		if u.Where != "" {
			faults[i].Message += ", and has to be one that the index covers"
		}
	}
	return c.refuse(faults...)
}

// Disagrees is the fault of a document that does not have the key which it is named by.
func (c *Collection) Disagrees(u Unique) error {
	faults := make([]fault.Violation, len(u.Fields))
	for i, f := range u.Fields {
		faults[i] = fault.Violation{In: "body", Pointer: f.Pointer(), Code: "key", Message: "must agree with the key in the request", Params: map[string]any{"index": u.Name}}
		if u.Where != "" {
			faults[i].Message = "must agree with the key in the request, and the document has to be one that the index covers"
		}
	}
	return c.refuse(faults...)
}
