package collection

import (
	"bytes"
	"time"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
	"github.com/sheafdb/sheaf/domain/schema"
)

// Codes of violations: a client changes what is the server's, or what is set once.
const (
	codeReadOnly  = "readOnly"
	codeImmutable = "immutable"
)

// mark is a member that not everybody may see or change.
type mark struct {
	schema.Mark
	path query.Path
}

func marksOf(s *schema.Schema) []mark {
	var marks []mark
	for _, m := range s.Marks() {
		marks = append(marks, mark{m, query.Path(m.Path)})
	}
	return marks
}

// keep gives a document that stands for the whole what its client could not know: the members with readOnly or writeOnly that are stored and that it lacks.
func (c *Collection) keep(tree any, stored *lookback) (any, bool) {
	kept := false
	for _, m := range c.marks {
		if !m.ReadOnly && !m.WriteOnly {
			continue
		}
		if _, given := m.path.Find(tree); given {
			continue
		}
		if old, found := m.path.Find(stored.tree()); found {
			if with, ok := m.path.With(tree, old); ok {
				tree, kept = with, true
			}
		}
	}
	return tree, kept
}

// protect returns what a document changes that it may not.
func (c *Collection) protect(way Way, tree any, stored *lookback) []fault.Violation {
	var faults []fault.Violation
	for _, m := range c.marks {
		readOnly := m.ReadOnly && (way == Whole || way == Edited)
		immutable := m.Immutable && way != Kept
		if !readOnly && !immutable {
			continue
		}
		value, given := m.path.Find(tree)
		old, had := m.path.Find(stored.tree())
		if given == had && (!had || jsontext.Equal(value, old) || c.meansSame(m.path, value, stored)) {
			continue
		}
		switch {
		case readOnly:
			faults = append(faults, fault.Violation{In: "body", Pointer: m.path.Pointer(), Code: codeReadOnly, Message: "is set by the server alone: leave it out, or send it as it is stored"})
		case had:
			faults = append(faults, fault.Violation{In: "body", Pointer: m.path.Pointer(), Code: codeImmutable, Message: "is set once, and can be neither changed nor removed"})
		}
	}
	return faults
}

// stamp writes the times that the server keeps into a document. A document that is as it was keeps the time of its last change.
func (c *Collection) stamp(tree any, stored *lookback, now time.Time) (any, bool) {
	var updated []query.Path
	stamped := false
	write := func(path query.Path) {
		if with, ok := path.With(tree, timestamp(now)); ok {
			tree, stamped = with, true
		}
	}
	for _, m := range c.marks {
		switch {
		case m.Stamp == schema.Created && !stored.exists():
			write(m.path)
		case m.Stamp == schema.Updated:
			updated = append(updated, m.path)
		}
	}
	if len(updated) == 0 || stored.exists() && sameWithout(tree, stored.tree(), updated) {
		return tree, stamped
	}
	for _, path := range updated {
		write(path)
	}
	return tree, stamped
}

// sameWithout says whether two documents would be stored alike but for these members.
func sameWithout(a, b any, members []query.Path) bool {
	a, _ = query.Without(a, members...)
	b, _ = query.Without(b, members...)
	return bytes.Equal(jsontext.Append(nil, a), jsontext.Append(nil, b))
}

// timestamp writes a time as answers do.
func timestamp(at time.Time) string { return at.UTC().Format("2006-01-02T15:04:05.000000Z") }

// meansSame says whether a value is what a stored one would be taken for if it were sent: schemas learn to normalize after documents were stored.
func (c *Collection) meansSame(path query.Path, value any, stored *lookback) bool {
	how := schema.Shaping{Coerce: c.Config.Coerce}
	if !c.schema.Shapes(how) {
		return false
	}
	old, found := path.Find(c.schema.Shape(stored.tree(), how).Doc)
	return found && jsontext.Equal(value, old)
}

// Shown returns what an answer shows of data: all but the members with writeOnly, save those that except says true of. data is not changed.
func (c *Collection) Shown(data []byte, except func(query.Path) bool) []byte {
	if len(c.hidden) == 0 || len(data) == 0 {
		return data
	}
	hidden := c.hidden
	if except != nil {
		hidden = nil
		for _, path := range c.hidden {
			if !except(path) {
				hidden = append(hidden, path)
			}
		}
	}
	tree, err := jsontext.Decode(data)
	if err != nil {
		panic("collection: what is stored is canonical: " + err.Error())
	}
	shown, less := query.Without(tree, hidden...)
	if !less {
		return data
	}
	return jsontext.Append(make([]byte, 0, len(data)), shown)
}

// Hidden are the members with writeOnly.
func (c *Collection) Hidden() []query.Path { return c.hidden }
