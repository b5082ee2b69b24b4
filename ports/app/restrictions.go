package app

import (
	"fmt"
	"slices"

	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/ports"
)

// namedReferrers is how many documents a fault names of those that restrict a deletion by one reference.
const namedReferrers = 10

// restrictions are the references that restrict deletions.
type restrictions struct {
	list []*restriction
}

// restriction is what one reference says against the deletion of one document.
type restriction struct {
	document.Referred
	name ident.Collection
	path string
	ids  []string
	n    int
	// more says that there are more than were counted, written that one of those that are named is changed by the same batch.
	more, written bool
}

func (r *restrictions) add(d document.Referred, by ports.Referrer, more, written bool) {
	i := slices.IndexFunc(r.list, func(known *restriction) bool {
		return known.Collection == d.Collection && known.ID == d.ID && known.name == by.Name && known.path == by.Path && known.written == written
	})
	if i < 0 {
		i = len(r.list)
		r.list = append(r.list, &restriction{Referred: d, name: by.Name, path: by.Path, more: more, written: written})
	}
	if r.list[i].n++; len(r.list[i].ids) < namedReferrers {
		r.list[i].ids = append(r.list[i].ids, by.ID.String())
	}
}

// error returns a *document.ReferredError that names who refers, nil where nothing restricts. Documents that the batch itself changes may be in nobody's way: they are named only where
// there are no others.
func (r *restrictions) error() error {
	list := slices.DeleteFunc(slices.Clone(r.list), func(one *restriction) bool { return one.written })
	if len(list) == 0 {
		list = r.list
	}
	if len(list) == 0 {
		return nil
	}
	var referred []document.Referred
	var violations []fault.Violation
	for _, one := range list {
		if !slices.Contains(referred, one.Referred) {
			referred = append(referred, one.Referred)
		}
		violations = append(violations, one.violation())
	}
	e := document.ReferredTo(referred...)
	e.Fault = fault.New(fault.Conflict, e.Fault.Code, "%s", e.Fault.Text).With(violations...)
	return e
}

func (r *restriction) violation() fault.Violation {
	many, least := "documents refer", ""
	if r.n == 1 {
		many = "document refers"
	}
	if r.more {
		least = "at least "
	}
	params := map[string]any{"collection": r.name.String(), "path": r.path, "ids": r.ids, "count": r.n}
	if r.more {
		params["more"] = true
	}
	return fault.Violation{
		In: "path", Pointer: "id", Code: "reference", Params: params,
		Message: fmt.Sprintf("%s%d %s to document %s by %s in collection %s", least, r.n, many, r.ID, r.path, r.name),
	}
}
