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

// member returns the type of a member, or ok = false and the names that are known when there can be no such member.
func (t *Type) member(name string) (member *Type, known []string, ok bool) {
	switch {
	case t == nil:
		return nil, nil, true
	case t.members != nil:
		member, ok = t.members[name]
		return member, slices.Sorted(maps.Keys(t.members)), ok
	case t.place != nil:
		return t.place.member(name)
	}
	return nil, nil, true
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
	case t.members != nil:
		return t.members[name] != nil
	case t.place != nil:
		return len(t.place.named(name).applied) > 0
	}
	return false
}
