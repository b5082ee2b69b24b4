package postgres

import (
	"cmp"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/operation"
)

// place is where a document is or would be. Places order as locks are taken.
type place struct {
	collection.Key
	id string
}

func comparePlaces(a, b place) int {
	return cmp.Or(cmp.Compare(a.Bucket, b.Bucket), cmp.Compare(a.ID, b.ID), strings.Compare(a.id, b.id))
}

// slot is a document of a transaction: what is stored, and what has become of it so far.
type slot struct {
	place
	// read says that the fields below were read; else they are what a fresh id has: nothing.
	read bool
	// active is the revision of the collection, 0 where it is not active.
	active int64
	// base is the revision that is stored, 0 for none.
	base    int64
	current *document.Document
	last    int64
	// final is the newest of the plan's changes to this document, -1 for none.
	final int
	// before are the entries of what is stored, known when indexed says so.
	before     index.Entries
	indexed    bool
	references document.References
}

// plan is what a transaction will do: the changes of the batches in it, decided in Go.
type plan struct {
	units []*unit
	slots []slot
	index map[place]int
	// changes are in the order of commit.
	changes []planned
	bytes   int
	journal []undo
}

// planned is one change with what it leaves.
type planned struct {
	slot    int
	outcome document.Outcome
	after   document.Document
	entries index.Entries // of after
	by      change.Origin
	unit    *unit
	write   int // its number in the unit's batch
}

// undo is a slot as it was before a unit changed it.
type undo struct {
	index int
	was   slot
}

// newPlan collects the documents of the units. A document that any write knows only by its id is to be read; all of them when everything is.
func newPlan(units []*unit, everything bool) *plan {
	n := 0
	for _, u := range units {
		n += len(u.batch.Writes)
	}
	p := &plan{units: units, slots: make([]slot, 0, n), changes: make([]planned, 0, n), index: make(map[place]int, n)}
	for _, u := range units {
		u.slots, u.err = u.slots[:0], nil
		for _, w := range u.batch.Writes {
			at := place{w.Collection.Key, w.ID.String()}
			i, known := p.index[at]
			if !known {
				i = len(p.slots)
				p.index[at] = i
				p.slots = append(p.slots, slot{place: at, final: -1})
			}
			if everything || !w.Fresh {
				p.slots[i].read = true
			}
			u.slots = append(u.slots, i)
		}
	}
	return p
}

// toRead returns the slots that are to be read, in the order of locks.
func (p *plan) toRead() []int {
	var list []int
	for i := range p.slots {
		if p.slots[i].read {
			list = append(list, i)
		}
	}
	slices.SortFunc(list, func(a, b int) int { return comparePlaces(p.slots[a].place, p.slots[b].place) })
	return list
}

// decide lets every unit decide, in their order. A unit that fails leaves nothing behind; its error is kept in it.
// The units from next on were not decided, because the changes of those before fill a transaction, or are in the way of the references of the next one.
func (p *plan) decide() (next int) {
	var related crossing
	for i, u := range p.units {
		if i > 0 && p.bytes >= mergedBytes {
			return i
		}
		p.journal = p.journal[:0]
		changes, bytes := len(p.changes), p.bytes
		u.results, u.err = make([]document.Result, len(u.batch.Writes)), nil
		u.changed = false
		u.swayed = slices.ContainsFunc(u.slots, func(at int) bool { return p.slots[at].final >= 0 })
		u.err = p.decideUnit(u)
		apart := u.err == nil && !related.take(p.changes[changes:], p.slots) && i > 0
		if u.err == nil && !apart {
			continue
		}
		for _, before := range slices.Backward(p.journal) {
			p.slots[before.index] = before.was
		}
		p.changes, p.bytes = p.changes[:changes], bytes
		if apart {
			return i
		}
	}
	return len(p.units)
}

func (p *plan) decideUnit(u *unit) (err error) {
	defer func() {
		// The caller's own goroutine is where a panic of its function belongs.
		if v := recover(); v != nil {
			err = &panicked{value: v, stack: debug.Stack()}
		}
	}()
	for i, w := range u.batch.Writes {
		at := u.slots[i]
		s := &p.slots[at]
		if s.read && s.active != w.Collection.Revision {
			return collection.ErrChanged
		}
		if t, expired := document.Expire(w, s.current, u.at); expired {
			p.change(planned{slot: at, outcome: t.Outcome, after: t.Document, by: document.Expiration, unit: u, write: i})
		}
		t, err := document.Decide(w, s.current, s.last, u.at)
		if err != nil {
			return err
		}
		entries, err := entriesOf(w, t)
		if err != nil {
			return err
		}
		u.results[i] = document.Result(t)
		if t.Outcome == document.Unchanged {
			continue
		}
		next, err := p.referring(s, w, i, entries)
		if err != nil {
			return err
		}
		if t.Outcome == document.Deleted {
			u.results[i].Document = *s.current
		}
		p.change(planned{slot: at, outcome: t.Outcome, after: t.Document, entries: entries, by: u.batch.Origin, unit: u, write: i})
		s.references = next
	}
	if u.batch.Step != nil {
		step, err := u.batch.Step(u.results)
		if err != nil {
			return err
		}
		u.step = &step
	}
	if r := u.batch.Receipt; r != nil {
		u.outcome = r.Outcome(u.results)
		if u.outcome.Answer != nil {
			p.bytes += len(u.outcome.Answer.Body)
		}
	}
	return nil
}

// step is what the plan makes of an operation, nil where it is no step of one.
func (p *plan) step() *operation.Step {
	if len(p.units) != 1 || p.units[0].err != nil {
		return nil
	}
	return p.units[0].step
}

// dryRun says that nothing is to be written. The unit is alone then.
func (p *plan) dryRun() bool { return len(p.units) == 1 && p.units[0].batch.DryRun }

// change adds a change of a document.
func (p *plan) change(c planned) {
	s := &p.slots[c.slot]
	p.journal = append(p.journal, undo{c.slot, *s})
	c.unit.changed = true
	s.findEntries(c.unit.batch.Writes[c.write])
	s.final = len(p.changes)
	p.changes = append(p.changes, c)
	p.bytes += len(c.after.Data)
	s.last, s.current = c.after.Revision, nil
	if c.outcome == document.Deleted {
		s.references = s.references.Removed()
		return
	}
	s.current = &p.changes[s.final].after
}

// referring returns what becomes of the references of a document by a write, whose change is the next one of the plan.
func (p *plan) referring(s *slot, w document.Write, number int, entries index.Entries) (document.References, error) {
	s.findEntries(w)
	next, wrong := s.references.Written(entries.Refers, len(p.changes))
	if len(wrong) == 0 {
		return next, nil
	}
	for i := range wrong {
		wrong[i].Write = number
	}
	return next, document.Dangling(wrong...)
}

// entriesOf returns the entries of what a write leaves.
func entriesOf(w document.Write, t document.Transition) (index.Entries, error) {
	if w.Indexes == nil || t.Outcome == document.Unchanged || t.Outcome == document.Deleted {
		return index.Entries{}, nil
	}
	return w.Indexes.Entries(t.Document.Indexable())
}

// findEntries finds out which entries the stored document has, before it is changed for the first time.
func (s *slot) findEntries(w document.Write) {
	if s.indexed || w.Indexes == nil {
		return
	}
	s.indexed = true
	if s.current != nil {
		s.before, _ = w.Indexes.Entries(s.current.Indexable()) // in an index that refuses it, it has none
		s.references = document.ReferencesOf(s.before.Refers)
	}
}

// panicked is a panic of a Change on its way to the goroutine that asked for the write.
type panicked struct {
	value any
	stack []byte
}

func (e *panicked) Error() string { return fmt.Sprintf("panic: %v\n%s", e.value, e.stack) }

// versions returns the collections that the successful units name, each version once.
func (p *plan) versions() []collection.Version {
	var list []collection.Version
	for _, u := range p.units {
		if u.err != nil || !u.changed {
			continue
		}
		for _, w := range u.batch.Writes {
			// A transaction is about a handful of collections, and most often one.
			if n := len(list); n > 0 && list[n-1] == w.Collection {
				continue
			}
			if !slices.Contains(list, w.Collection) {
				list = append(list, w.Collection)
			}
		}
	}
	return list
}

// kept returns the slots that units left as they are which change something else, or rely on such a change: their decisions hold only as long as these do.
func (p *plan) kept() []int {
	var list []int
	for _, u := range p.units {
		if u.err != nil || !u.changed && !u.swayed || len(u.slots) == 1 {
			continue
		}
		for i, at := range u.slots {
			if u.results[i].Outcome == document.Unchanged && p.slots[at].final < 0 {
				list = append(list, at)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// unread says whether a unit was refused, or succeeded without a change, and nobody has looked at a document and a collection that it is about.
// The statement that writes a change finds out when an id is not fresh after all; these units write none.
func (p *plan) unread() bool {
	for _, u := range p.units {
		if u.err == nil && u.changed {
			continue
		}
		if slices.ContainsFunc(u.slots, func(at int) bool { return !p.slots[at].read }) {
			return true
		}
	}
	return false
}

func opOf(o document.Outcome) string {
	switch o {
	case document.Created:
		return string(rune(change.Created))
	case document.Deleted:
		return string(rune(change.Deleted))
	}
	return string(rune(change.Updated))
}
