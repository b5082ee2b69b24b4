package query

import (
	"maps"
	"slices"
)

// Type is what is known of the values of a variable or of a part of one. It only serves to refuse mistakes: a value may turn out to be
// something else, and null can be anywhere. A nil Type knows nothing: it is that of any JSON value.
type Type struct {
	kind    Kind
	element *Type            // of a List
	members map[string]*Type // of a Map; nil leaves open which there are
	place   *place           // where a schema says all of this
	before  *Type            // says the rest of a Map of which members were replaced
}

// TypeOf returns the type of all values of a kind.
func TypeOf(kind Kind) *Type { return &Type{kind: kind} }

// ListType returns the type of lists of elements.
func ListType(element *Type) *Type { return &Type{kind: List, element: element} }

// MapType returns the type of objects that have these members and no others.
func MapType(members map[string]*Type) *Type {
	if members == nil {
		members = map[string]*Type{}
	}
	return &Type{kind: Map, members: members}
}

// Kind returns the kind of the values.
func (t *Type) Kind() Kind {
	if t == nil {
		return Dynamic
	}
	return t.kind
}

// Element returns what is known of all elements of a list.
func (t *Type) Element() *Type { return t.at(-1) }

// At returns what is known of the member that the path leads to.
func (t *Type) At(path Path) *Type {
	for _, name := range path {
		t, _, _ = t.member(name)
	}
	return t
}

// Replace returns the type of objects in which the member at the path has another type. t is not changed.
func (t *Type) Replace(path Path, by *Type) *Type {
	if len(path) == 0 {
		return by
	}
	member, _, _ := t.member(path[0])
	return &Type{kind: Map, before: t, members: map[string]*Type{path[0]: member.Replace(path[1:], by)}}
}

// member returns the type of a member, or ok = false and the names that are known when there can be no such member.
func (t *Type) member(name string) (member *Type, known []string, ok bool) {
	switch {
	case t == nil:
		return nil, nil, true
	case t.before != nil:
		if member, replaced := t.members[name]; replaced {
			return member, nil, true
		}
		return t.before.member(name)
	case t.members != nil:
		member, ok = t.members[name]
		return member, slices.Sorted(maps.Keys(t.members)), ok
	case t.place != nil:
		return t.place.member(name)
	}
	return nil, nil, true
}

// Reaches says that a path of plain names leads to what there may be in a value of the type: Compile accepts it, and takes a hundred times as long. Where it says no, Compile decides.
func (t *Type) Reaches(path Path) bool {
	for _, name := range path {
		if k := t.Kind(); k != Dynamic && k != Map || !IsName(name) {
			return false
		}
		member, _, ok := t.member(name)
		if !ok {
			return false
		}
		t = member
	}
	return len(path) < maxDepth
}

// at returns the type of an element of a list, or of all of them where i is negative.
func (t *Type) at(i int) *Type {
	switch {
	case t == nil || t.kind != List:
		return nil
	case t.place != nil:
		return t.place.item(i)
	}
	return t.element
}

// names reports whether a member is known by its name.
func (t *Type) names(name string) bool {
	switch {
	case t == nil:
		return false
	case t.before != nil:
		return t.members[name] != nil || t.before.names(name)
	case t.members != nil:
		return t.members[name] != nil
	case t.place != nil:
		return len(t.place.named(name).applied) > 0
	}
	return false
}
