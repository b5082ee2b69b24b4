package query

import (
	"maps"
	"slices"
	"strconv"

	"github.com/sheafdb/sheaf/domain/jsontext"
)

// Place is a path from a name into a value: to a member, an element, or to what the name itself stands for.
type Place struct {
	Root  string
	Steps []Step
}

// Step leads from an object to a member, or from a list to an element.
type Step struct {
	Name  string
	Index int
	// Element says that Index counts and not Name.
	Element bool
}

// Pointer returns the JSON Pointer (RFC 6901) to the same place, the root being its first token.
func (p Place) Pointer() string {
	pointer := jsontext.AppendPointer("", p.Root)
	for _, step := range p.Steps {
		token := step.Name
		if step.Element {
			token = strconv.Itoa(step.Index)
		}
		pointer = jsontext.AppendPointer(pointer, token)
	}
	return pointer
}

// Find returns what is at the place in the decoded value that the root stands for, and whether there is something.
func (p Place) Find(v any) (any, bool) {
	for _, step := range p.Steps {
		var found bool
		switch in := v.(type) {
		case map[string]any:
			v, found = in[step.Name]
			found = found && !step.Element
		case []any:
			if found = step.Element && step.Index < len(in); found {
				v = in[step.Index]
			}
		}
		if !found {
			return nil, false
		}
	}
	return v, true
}

// Put returns v with a value at the place: a member, new or not, or an element that is there; objects that are missing on the way are made. It fails where there is no such
// element, or something else in the way.
// v itself is not changed; the result shares with it what stayed as it was.
func (p Place) Put(v, value any) (any, bool) { return put(v, p.Steps, value) }

func put(v any, steps []Step, value any) (any, bool) {
	if len(steps) == 0 {
		return value, true
	}
	step := steps[0]
	switch in := v.(type) {
	case map[string]any:
		member, found := in[step.Name]
		if step.Element {
			return v, false
		}
		if !found && len(steps) > 1 {
			member = map[string]any{}
		}
		changed, ok := put(member, steps[1:], value)
		if !ok {
			return v, false
		}
		in = maps.Clone(in)
		in[step.Name] = changed
		return in, true
	case []any:
		if !step.Element || step.Index >= len(in) {
			return v, false
		}
		changed, ok := put(in[step.Index], steps[1:], value)
		if !ok {
			return v, false
		}
		in = slices.Clone(in)
		in[step.Index] = changed
		return in, true
	}
	return v, false
}

// Equal says whether p and other are one place.
func (p Place) Equal(other Place) bool {
	return p.Root == other.Root && slices.Equal(p.Steps, other.Steps)
}
