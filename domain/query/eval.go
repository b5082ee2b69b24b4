package query

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/jsontext"
)

// Vars are the values of an environment's variables: decoded JSON (see jsontext.Decode), and Instant where the type is that of timestamps.
type Vars map[string]any

// DocumentVars returns the variables of FilterEnv for one document; data is decoded.
func DocumentVars(data any, id string, revision int64, createdAt, updatedAt time.Time) Vars {
	return Vars{
		"doc": data, "id": id, "revision": json.Number(strconv.FormatInt(revision, 10)),
		"createdAt": InstantOf(createdAt), "updatedAt": InstantOf(updatedAt),
	}
}

// EvalError is why an expression has no value for some values of its variables. SQL says NULL in its place.
type EvalError string

// Error returns the reason.
func (e EvalError) Error() string { return string(e) }

// The reasons.
const (
	errVariable = EvalError("a variable has no value")
	errMember   = EvalError("there is no such member")
	errElement  = EvalError("there is no such element")
	errKind     = EvalError("a value is not of the kind that is needed")
	errNumber   = EvalError("a string is not a number")
	errInstant  = EvalError("a string is not a time of RFC 3339")
	errRange    = EvalError("a time is out of range")
	errSearch   = EvalError("a search is answered by an index alone")
	errWork     = EvalError("the expression takes too much work")
)

// maxWork bounds one evaluation, in nodes and what else takes as long as one: quantifiers multiply the lengths of their lists. It takes about half a second.
const maxWork = 10_000_000

// Match reports whether the expression is true; an error is no match.
func (e *Expr) Match(vars Vars) bool {
	ev := evaluation{vars: vars}
	v, err := ev.eval(e.root)
	return err == nil && v == true && ev.work <= maxWork
}

// Eval returns the value of the expression: decoded JSON with canonical numbers, an Instant or a Span. Parts of vars may be parts of it.
// It fails with an EvalError where a node of the tree has no value, and with fault.Invalid and code "expression.work" when
// quantifiers inside one another multiply to more than anybody waits for.
func (e *Expr) Eval(vars Vars) (any, error) {
	ev := evaluation{vars: vars}
	v, err := ev.eval(e.root)
	if ev.work > maxWork {
		return nil, fault.New(fault.Invalid, "expression.work", "%s", string(errWork))
	}
	return v, err
}

// Judge is Eval for an expression whose result is a bool, within a budget that several share: work is what is left of it, in nodes, and less afterwards.
// It fails with an EvalError where the expression has no value, is no bool, or takes more work than is left.
func (e *Expr) Judge(vars Vars, work *int) (bool, error) {
	ev := evaluation{vars: vars, work: maxWork - min(max(*work, 0), maxWork)}
	before := ev.work
	holds, err := ev.truth(e.root)
	*work -= ev.work - before
	if ev.work > maxWork {
		return false, errWork
	}
	return holds, err
}

// evaluation is one walk of a tree. It never fails for good but by its work, which ends every loop.
type evaluation struct {
	vars  Vars
	bound [maxLevels]any
	work  int
}

func (ev *evaluation) spend(work int) bool {
	ev.work += work
	return ev.work <= maxWork
}

func (ev *evaluation) eval(n Node) (any, error) {
	if !ev.spend(1) {
		return nil, errWork
	}
	switch n := n.(type) {
	case *Literal:
		return n.Value, nil
	case *Variable:
		v, ok := ev.vars[n.Name]
		if !ok {
			return nil, errVariable
		}
		return v, nil
	case *Bound:
		return ev.bound[n.Level], nil
	case *Select:
		return ev.member(n)
	case *Has:
		return ev.has(n)
	case *Index:
		return ev.index(n)
	case *ListOf:
		return ev.list(n)
	case *Call:
		return ev.call(n)
	case *Conditional:
		condition, err := ev.truth(n.If)
		switch {
		case err != nil:
			return nil, err
		case condition:
			return ev.eval(n.Then)
		}
		return ev.eval(n.Else)
	case *Quantified:
		return ev.quantified(n)
	}
	panic("query: a node of an unknown type")
}

// truth evaluates what has to be a bool.
func (ev *evaluation) truth(n Node) (bool, error) {
	v, err := ev.eval(n)
	if err != nil {
		return false, err
	}
	b, ok := v.(bool)
	if !ok {
		return false, errKind
	}
	return b, nil
}

func (ev *evaluation) member(n *Select) (any, error) {
	v, err := ev.eval(n.Operand)
	if err != nil {
		return nil, err
	}
	object, ok := v.(map[string]any)
	if !ok {
		return nil, errMember
	}
	v, ok = object[n.Member]
	if !ok {
		return nil, errMember
	}
	return v, nil
}

func (ev *evaluation) has(n *Has) (any, error) {
	v, err := ev.eval(n.Operand)
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case map[string]any:
		_, ok := v[n.Member]
		return ok, nil
	case []any:
		return nil, errKind
	}
	return false, nil
}

func (ev *evaluation) index(n *Index) (any, error) {
	v, err := ev.eval(n.Operand)
	if err != nil {
		return nil, err
	}
	at, err := ev.eval(n.At)
	if err != nil {
		return nil, err
	}
	switch v := v.(type) {
	case []any:
		if number, ok := at.(json.Number); ok {
			if i, ok := smallInt(number); ok && i < len(v) {
				return v[i], nil
			}
		}
	case map[string]any:
		if name, ok := at.(string); ok {
			if member, ok := v[name]; ok {
				return member, nil
			}
		}
	}
	return nil, errElement
}

func (ev *evaluation) list(n *ListOf) (any, error) {
	elements := make([]any, len(n.Elements))
	for i, element := range n.Elements {
		v, err := ev.eval(element)
		if err != nil {
			return nil, err
		}
		elements[i] = v
	}
	return elements, nil
}

func (ev *evaluation) quantified(n *Quantified) (any, error) {
	over, err := ev.eval(n.Over)
	if err != nil {
		return nil, err
	}
	tally := tally{quantifier: n.Quantifier}
	switch over := over.(type) {
	case []any:
		for _, element := range over {
			ev.bound[n.Level] = element
			if tally.add(ev.truth(n.Body)) || ev.work > maxWork {
				break
			}
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(over)) { // which error comes first is not to depend on the run
			ev.bound[n.Level] = name
			if tally.add(ev.truth(n.Body)) || ev.work > maxWork {
				break
			}
		}
	default:
		return nil, errKind
	}
	return tally.result()
}

// tally is what a quantifier has seen so far.
type tally struct {
	quantifier Quantifier
	holds      int
	decided    bool
	err        error
}

// add counts one element, and says whether the others do not matter any more.
func (t *tally) add(holds bool, err error) bool {
	switch {
	case err != nil:
		t.err = err
		return t.quantifier == One
	case holds:
		t.holds++
	}
	t.decided = t.quantifier == Any && holds || t.quantifier == All && !holds
	return t.decided
}

func (t *tally) result() (any, error) {
	switch {
	case t.decided:
		return t.quantifier == Any, nil
	case t.err != nil:
		return nil, t.err
	}
	return t.quantifier == All || t.quantifier == One && t.holds == 1, nil
}

// equal is jsontext.Equal within the bounds of the work.
func (ev *evaluation) equal(a, b any) bool {
	switch a := a.(type) {
	case string:
		b, ok := b.(string)
		return ok && ev.spend(len(a)/textWork) && a == b
	case []any:
		b, ok := b.([]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for i := range a {
			if !ev.spend(1) || !ev.equal(a[i], b[i]) {
				return false
			}
		}
		return true
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok || len(a) != len(b) {
			return false
		}
		for name, member := range a {
			if other, ok := b[name]; !ok || !ev.spend(1) || !ev.equal(member, other) {
				return false
			}
		}
		return true
	}
	return jsontext.Equal(a, b)
}
