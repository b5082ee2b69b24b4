package collection

import (
	"slices"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/query"
)

// Enforcement says what becomes of a document with faults.
type Enforcement string

// The choices for Enforcement. What the id is taken from, and what cannot be kept or indexed, is refused whatever the choice.
const (
	// Enforce refuses it.
	Enforce Enforcement = "enforce"
	// Report stores it, and tells the faults as warnings.
	Report Enforcement = "report"
	// Ratchet stores it where the stored document has the same faults already, and tells them as warnings: none may be added.
	Ratchet Enforcement = "ratchet"
)

// outstanding returns the faults that a document is refused for, where stored is what it takes the place of; the others are let pass.
func (c *Collection) outstanding(faults []fault.Violation, stored *lookback, by Submission) (refused, passed []fault.Violation) {
	switch {
	case len(faults) == 0:
	case c.Config.Enforcement == Report:
		return nil, faults
	case c.Config.Enforcement == Ratchet && stored.exists():
		old := c.standing(stored, by)
		for _, f := range faults {
			if same := faultsAt(old, f); len(same) > 0 && !adds(f, same) {
				passed = append(passed, f)
			} else {
				refused = append(refused, f)
			}
		}
		return refused, passed
	}
	return faults, nil
}

// standing returns the faults that a stored document has by itself. Rules about changes have nothing to say of it.
func (c *Collection) standing(stored *lookback, by Submission) []fault.Violation {
	faults := c.contents(stored.tree())
	rules := slices.DeleteFunc(slices.Clone(c.Config.Rules), func(r *Rule) bool { return r.change })
	vars := query.Vars{"doc": stored.tree(), "now": query.InstantOf(by.Now), "id": by.ID.String()}
	return append(faults, broken(rules, vars, false)...)
}

// faultsAt returns the faults with the place and the code of f.
func faultsAt(old []fault.Violation, f fault.Violation) []fault.Violation {
	var same []fault.Violation
	for _, o := range old {
		if o.Pointer == f.Pointer && o.Code == f.Code && o.Params["rule"] == f.Params["rule"] && o.Params["name"] == f.Params["name"] {
			same = append(same, o)
		}
	}
	return same
}

// adds says whether a fault names members that none of the old ones does: one more that is missing, say, is a fault that is added.
func adds(f fault.Violation, old []fault.Violation) bool {
	for _, param := range [...]string{"missing", "unexpected"} {
		names, _ := f.Params[param].([]string)
		for _, name := range names {
			if !slices.ContainsFunc(old, func(o fault.Violation) bool {
				known, _ := o.Params[param].([]string)
				return slices.Contains(known, name)
			}) {
				return true
			}
		}
	}
	return false
}
