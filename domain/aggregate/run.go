package aggregate

import (
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/query"
)

// Reader is what a pipeline reads while it runs.
type Reader struct {
	// Documents are the variables of every document, in the order of their ids. An error ends the run.
	Documents iter.Seq2[query.Vars, error]
	// Find returns the data of the document that a lookup finds by an id, decoded, and whether there is one.
	Find func(l *Lookup, id string) (any, bool)
	// Check is asked now and then whether to go on.
	Check func() error
}

// maxHeld bounds the rows that a run holds at once: it is a model for tests and demonstrations.
const maxHeld = 1_000_000

// Run calls visit with the canonical text of every row of the pipeline, and ends with the first error of visit.
// It fails with TooManyRows and TooLarge, and with fault.TooLarge and code "aggregate.budget" where it would hold too much.
func (p *Pipeline) Run(r Reader, visit func(row []byte) error) error {
	run := &run{reader: r}
	n := int64(0)
	for vars := range run.stages(p.Stages, run.documents()) {
		if n++; n > p.Rows() {
			run.fail(TooManyRows())
			break
		}
		row := text(told(vars, p.Columns))
		if len(row) > MaxRow {
			run.fail(TooLarge())
			break
		}
		if err := visit([]byte(row)); err != nil {
			run.fail(err)
			break
		}
	}
	return run.err
}

// TooManyRows is the fault of a result that has more rows than its pipeline may give.
func TooManyRows() error {
	return fault.New(fault.TooLarge, "aggregate.rows", "the result has more than %d rows: end the stages with a limit", DefaultRows)
}

// TooManyFacetRows is the fault of a list of a facet that has more rows than it may.
func TooManyFacetRows(list string, cause error) error {
	return fault.Wrap(cause, fault.TooLarge, "aggregate.rows", "the list %q of the facet has more than %d rows: end its stages with a limit", list, MaxFacetRows)
}

// TooLarge is the fault of a row that nobody wants.
func TooLarge() error {
	return fault.New(fault.TooLarge, "aggregate.tooLarge", "a row has more than %d bytes: collect less", MaxRow)
}

// OverBudget is the fault of an aggregation that takes too much room.
func OverBudget(cause error) error {
	return fault.Wrap(cause, fault.TooLarge, "aggregate.budget", "the aggregation takes too much work: match fewer documents, or declare an index for the first match")
}

// OverTime is the fault of an aggregation that takes longer than it may.
func OverTime(budget time.Duration, cause error) error {
	return fault.Wrap(cause, fault.TooLarge, "aggregate.budget", "the aggregation takes longer than %s: match fewer documents, or declare an index for the first match", budget)
}

// told returns a row as it is told.
func told(vars query.Vars, columns []Column) map[string]any {
	row := make(map[string]any, len(columns))
	for _, c := range columns {
		row[c.Name] = query.JSON(vars[c.Variable])
	}
	return row
}

// rows are rows in their order.
type rows = iter.Seq[query.Vars]

// run is one run of a pipeline. Its error ends all of its rows.
type run struct {
	reader Reader
	err    error
	held   int
}

func (r *run) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

func (r *run) documents() rows {
	return func(yield func(query.Vars) bool) {
		for vars, err := range r.reader.Documents {
			if err == nil {
				err = r.reader.Check()
			}
			if err != nil {
				r.fail(err)
				return
			}
			if r.err != nil || !yield(vars) {
				return
			}
		}
	}
}

// hold collects rows, as many as one run may hold.
func (r *run) hold(in rows) []query.Vars {
	var list []query.Vars
	for vars := range in {
		if r.held++; r.held > maxHeld {
			r.fail(OverBudget(errors.New("too many rows are held")))
			return nil
		}
		if r.held%1024 == 0 && r.err == nil {
			if err := r.reader.Check(); err != nil {
				r.fail(err)
				return nil
			}
		}
		list = append(list, vars)
	}
	return list
}

func (r *run) stages(stages []Stage, in rows) rows {
	for _, s := range stages {
		in = r.stage(s, in)
	}
	return in
}

func (r *run) stage(s Stage, in rows) rows {
	switch s := s.(type) {
	case *Match:
		return keep(in, s.Condition.Match)
	case *Unwind:
		return func(yield func(query.Vars) bool) {
			for vars := range in {
				if !r.unwind(s, vars, yield) {
					return
				}
			}
		}
	case *Project:
		return each(in, func(vars query.Vars) query.Vars { return r.members(s.Members, vars) })
	case *Lookup:
		return each(in, func(vars query.Vars) query.Vars { return with(vars, s.As, r.lookup(s, vars)) })
	case *Limit:
		return func(yield func(query.Vars) bool) {
			left := s.Rows
			for vars := range in {
				if left--; !yield(vars) || left == 0 {
					return
				}
			}
		}
	case *Skip:
		left := s.Rows + 1
		return keep(in, func(query.Vars) bool { left--; return left <= 0 })
	case *Sort:
		return func(yield func(query.Vars) bool) { slices.Values(r.sorted(s, in))(yield) }
	case *Group:
		return func(yield func(query.Vars) bool) { slices.Values(r.grouped(s, in))(yield) }
	case *Facet:
		return func(yield func(query.Vars) bool) { yield(r.facets(s, in)) }
	}
	panic(fmt.Sprintf("aggregate: a stage of an unknown type: %T", s))
}

func keep(in rows, holds func(query.Vars) bool) rows {
	return func(yield func(query.Vars) bool) {
		for vars := range in {
			if holds(vars) && !yield(vars) {
				return
			}
		}
	}
}

func each(in rows, change func(query.Vars) query.Vars) rows {
	return func(yield func(query.Vars) bool) {
		for vars := range in {
			if !yield(change(vars)) {
				return
			}
		}
	}
}

// with returns a row with one more variable.
func with(vars query.Vars, name string, value any) query.Vars {
	next := make(query.Vars, len(vars)+1)
	for n, v := range vars {
		next[n] = v
	}
	next[name] = value
	return next
}

// value evaluates an expression as JSON; ok is false where it has no value.
func (r *run) value(e *query.Expr, vars query.Vars) (v any, ok bool) {
	v, err := e.Eval(vars)
	if err != nil {
		if fault.Find(err) != nil {
			r.fail(OverBudget(err))
		}
		return nil, false
	}
	v = query.JSON(v)
	if Computes(e.Root()) && !bounded(v) {
		return nil, false
	}
	return v, true
}

func (r *run) members(members []Member, vars query.Vars) query.Vars {
	row := make(query.Vars, len(members))
	for _, m := range members {
		row[m.Name] = r.member(m.Value, vars)
	}
	return row
}

func (r *run) member(m Value, vars query.Vars) any {
	if m.Bucket == nil {
		v, _ := r.value(m.Expr, vars)
		return v
	}
	v, _ := m.Expr.Eval(vars)
	if instant, ok := v.(query.Instant); ok {
		if label, ok := m.Bucket.Label(instant); ok {
			return label
		}
	}
	return nil
}

func (r *run) unwind(u *Unwind, vars query.Vars, yield func(query.Vars) bool) bool {
	value, _ := r.value(u.Path, vars)
	list, isList := value.([]any)
	if !isList && value != nil {
		list = []any{value}
	}
	for i, element := range list {
		row := vars
		if u.As != "" {
			row = with(row, u.As, element)
		} else {
			row = with(row, u.Root, put(row[u.Root], u.Members, element))
		}
		if u.Index != "" {
			row = with(row, u.Index, json.Number(fmt.Sprint(i)))
		}
		if r.err != nil || !yield(row) {
			return false
		}
	}
	if len(list) > 0 || !u.PreserveEmpty {
		return true
	}
	row := vars
	switch {
	case u.As != "":
		row = with(row, u.As, nil)
	case len(u.Members) == 0:
		row = with(row, u.Root, nil)
	case isList:
		row = with(row, u.Root, remove(row[u.Root], u.Members))
	}
	if u.Index != "" {
		row = with(row, u.Index, nil)
	}
	return yield(row)
}

// put returns a copy of a value with another one at the path, to which objects lead.
func put(v any, path query.Path, by any) any {
	if len(path) == 0 {
		return by
	}
	object := copied(v)
	object[path[0]] = put(object[path[0]], path[1:], by)
	return object
}

// remove returns a copy of a value without the member at the path.
func remove(v any, path query.Path) any {
	object := copied(v)
	if len(path) == 1 {
		delete(object, path[0])
	} else {
		object[path[0]] = remove(object[path[0]], path[1:])
	}
	return object
}

func copied(v any) map[string]any {
	before, _ := v.(map[string]any)
	object := make(map[string]any, len(before)+1)
	for name, member := range before {
		object[name] = member
	}
	return object
}

func (r *run) lookup(l *Lookup, vars query.Vars) any {
	value, _ := r.value(l.ID, vars)
	list, isList := value.([]any)
	if !isList {
		found, _ := r.find(l, value)
		return found
	}
	all := []any{}
	for _, element := range list {
		if found, ok := r.find(l, element); ok {
			all = append(all, found)
		}
	}
	return all
}

// find returns the document with an id that is a string or a whole number.
func (r *run) find(l *Lookup, id any) (any, bool) {
	switch id := id.(type) {
	case string:
		return r.reader.Find(l, id)
	case json.Number:
		if whole, fraction, _ := strings.Cut(string(id), "."); strings.Trim(fraction, "0") == "" {
			return r.reader.Find(l, whole)
		}
	}
	return nil, false
}

func (r *run) sorted(s *Sort, in rows) []query.Vars {
	type placed struct {
		vars query.Vars
		keys []any
	}
	var list []placed
	for _, vars := range r.hold(in) {
		keys := make([]any, len(s.Terms))
		for i, term := range s.Terms {
			keys[i], _ = r.value(term.By, vars)
		}
		list = append(list, placed{vars, keys})
	}
	slices.SortStableFunc(list, func(a, b placed) int {
		for i, term := range s.Terms {
			if c := compareIn(a.keys[i], b.keys[i], term.Desc); c != 0 {
				return c
			}
		}
		return 0
	})
	result := make([]query.Vars, len(list))
	for i := range list {
		result[i] = list[i].vars
	}
	return result
}

func (r *run) facets(f *Facet, in rows) query.Vars {
	all := r.hold(in)
	row := make(query.Vars, len(f.Branches))
	for _, b := range f.Branches {
		list := []any{}
		for vars := range r.stages(b.Stages, slices.Values(all)) {
			if len(list) == MaxFacetRows {
				r.fail(TooManyFacetRows(b.Name, nil))
				break
			}
			list = append(list, told(vars, b.Columns))
		}
		row[b.Name] = list
	}
	return row
}
