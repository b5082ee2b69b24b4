package patch

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
)

// assignment is one operator on one member of a document.
type assignment struct {
	operator
	path query.Path
	// text is the path as it was written, and at the pointer to it in the update.
	text, at string
	// argument is what the operator is given; an *query.Expr stands for what it is of the document.
	argument any
}

// nothing is the value of a member that is not there.
type nothing struct{}

// parseUpdate judges an update; all that is wrong with it is reported at once.
func parseUpdate(tree any, limits jsontext.Limits) (func(any, index.Document) (any, error), error) {
	object, ok := tree.(map[string]any)
	if !ok {
		return nil, malformed(violation("", "type", "must be an object of operators"))
	}
	var faults []fault.Violation
	var list []assignment
	paths := 0
	for _, name := range sortedNames(object) {
		at := jsontext.AppendPointer("", name)
		o, known := operators[name]
		if !known {
			message := "is not an operator"
			if near := ident.Nearest(name, sortedNames(operators)); near != "" {
				message += "; did you mean " + near + "?"
			}
			faults = append(faults, violation(at, "operator", message))
			continue
		}
		if paths += sizeOf(object[name]); paths > MaxOperations {
			return nil, tooMany()
		}
		some, wrong := o.read(at, object[name])
		list, faults = append(list, some...), append(faults, wrong...)
	}
	if faults = append(faults, overlaps(list)...); len(faults) > 0 {
		return nil, malformed(faults...)
	}
	return func(doc any, of index.Document) (any, error) {
		list, err := compute(doc, of, list, limits)
		if err != nil {
			return nil, err
		}
		return assign(doc, list)
	}, nil
}

func sizeOf(v any) int {
	switch v := v.(type) {
	case map[string]any:
		return len(v)
	case []any:
		return len(v)
	}
	return 0
}

func sortedNames[V any](m map[string]V) []string {
	names := make([]string, 0, len(m))
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// read reads what an operator is given: paths with their arguments, or only paths where it takes none.
func (o operator) read(at string, given any) (list []assignment, faults []fault.Violation) {
	add := func(text, at string, argument any) {
		path, err := query.ParsePath(text)
		if err != nil {
			faults = append(faults, violation(at, "path", fault.Find(err).Text))
			return
		}
		if o.accepts != nil {
			if message := o.accepts(argument); message != "" {
				faults = append(faults, violation(at, "type", message))
				return
			}
		}
		if o.computes {
			expression, wrong := compile(at, argument.(string))
			faults = append(faults, wrong...)
			argument = expression
		}
		list = append(list, assignment{operator: o, path: path, text: text, at: at, argument: argument})
	}
	switch given := given.(type) {
	case map[string]any:
		if o.bare {
			return nil, []fault.Violation{violation(at, "type", "must be an array of paths")}
		}
		for _, text := range sortedNames(given) {
			add(text, jsontext.AppendPointer(at, text), given[text])
		}
	case []any:
		if !o.bare {
			return nil, []fault.Violation{violation(at, "type", "must be an object whose members are paths")}
		}
		for i, element := range given {
			at := at + "/" + strconv.Itoa(i)
			if text, ok := element.(string); ok {
				add(text, at, nil)
			} else {
				faults = append(faults, violation(at, "type", "must be a path"))
			}
		}
	default:
		return nil, []fault.Violation{violation(at, "type", "must name paths")}
	}
	return list, faults
}

// overlaps finds operators that would get into one another's way: on one member, or on a member and what is in it.
func overlaps(list []assignment) (faults []fault.Violation) {
	ordered := slices.Clone(list)
	slices.SortStableFunc(ordered, func(a, b assignment) int { return slices.Compare(a.path, b.path) })
	// What begins with a path follows it directly, so that looking back to the last path that begins the others is enough.
	last := 0
	for i := 1; i < len(ordered); i++ {
		outer, inner := ordered[last], ordered[i]
		if len(outer.path) > len(inner.path) || !slices.Equal(outer.path, inner.path[:len(outer.path)]) {
			last = i
			continue
		}
		faults = append(faults, violation(inner.at, "overlap", fmt.Sprintf("overlaps with %s of %s; an update says one thing of each place", outer.text, outer.name)))
	}
	return faults
}

// assign applies all operators, whose order does not matter. It fails with every one that cannot be applied.
func assign(doc any, list []assignment) (any, error) {
	var faults []fault.Violation
	var texts []string
	for _, a := range list {
		if message := a.apply(doc); message != "" {
			v := violation(a.at, "conflict", message)
			v.Params = map[string]any{"path": a.text, "pointer": a.path.Pointer()}
			faults, texts = append(faults, v), append(texts, message)
		}
	}
	if len(faults) > 0 {
		return nil, fault.New(fault.Conflict, "document.patchConflict", "the update cannot be applied: %s", strings.Join(texts[:min(len(texts), 3)], "; ")).With(faults...)
	}
	return doc, nil
}

// apply changes doc in place, or says why it cannot.
func (a assignment) apply(doc any) (message string) {
	object, depth, blocked := reach(doc, a.path)
	var current any = nothing{}
	name := a.path[len(a.path)-1]
	if member, found := object[name]; found && depth == len(a.path)-1 {
		current = member
	}
	next, message := a.operator.apply(current, a.argument)
	if message != "" {
		return a.text + " " + message
	}
	if _, leave := next.(nothing); leave {
		if _, missing := current.(nothing); !missing {
			delete(object, name)
		}
		return ""
	}
	if blocked != (nothing{}) {
		return fmt.Sprintf("%s lies in %s and no object", a.text, kindOf(blocked))
	}
	for _, missing := range a.path[depth : len(a.path)-1] {
		inner := map[string]any{}
		object[missing], object = inner, inner
	}
	object[name] = next
	return ""
}

// reach goes down a path as far as there are objects, and returns the last of them with the number of names that lead to it.
// blocked is what stands where the next object should be, and nothing where there is room for it.
func reach(doc any, path query.Path) (object map[string]any, depth int, blocked any) {
	object, ok := doc.(map[string]any)
	if !ok {
		return nil, 0, doc
	}
	for ; depth < len(path)-1; depth++ {
		member, found := object[path[depth]]
		if !found {
			break
		}
		inner, ok := member.(map[string]any)
		if !ok {
			return object, depth, member
		}
		object = inner
	}
	return object, depth, nothing{}
}
