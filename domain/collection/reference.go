package collection

import (
	"maps"
	"slices"
	"strconv"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
)

// maxReferences bounds the references of a collection.
const maxReferences = 64

// OnDelete says what happens to a document when the one that it refers to is deleted.
type OnDelete string

// The choices for OnDelete. A reference with any of them is checked: what it newly refers to has to be there.
const (
	// Unchecked is a reference without onDelete: it says where to look, and nothing is checked.
	Unchecked OnDelete = ""
	// Ignore leaves it as it is, referring to nothing.
	Ignore OnDelete = "ignore"
	// Restrict refuses the deletion.
	Restrict OnDelete = "restrict"
	// Cascade deletes it, too.
	Cascade OnDelete = "cascade"
	// SetNull takes the reference away from it: the member becomes null, an element leaves its array.
	SetNull OnDelete = "setNull"
)

// Reference says that a member of a document is the id of a document in another collection.
type Reference struct {
	// Field is a path into the data; it may lead through one array, each element of which refers to a document then.
	Field      index.Field
	Collection ident.Collection
	OnDelete   OnDelete
}

// referenceMembers are what a declaration has, referenceStates what an answer says beside it; a declaration may bring these back, and they are ignored.
var referenceMembers, referenceStates = []string{"path", "collection", "onDelete"}, []string{"state", "progress", "failure"}

// Tree returns the reference as decoded JSON, in the form that a configuration declares it.
func (r Reference) Tree() map[string]any {
	tree := map[string]any{"path": r.Field.String(), "collection": r.Collection.String()}
	if r.OnDelete != Unchecked {
		tree["onDelete"] = string(r.OnDelete)
	}
	return tree
}

// index is the index of the reference: what it checks, and who refers.
func (r Reference) index() *index.Index { return index.NewReference(r.Field, r.Collection) }

// Indexed says that the reference has entries, by which those who refer to a document are found.
func (r Reference) Indexed() bool { return r.OnDelete != Unchecked && r.OnDelete != Ignore }

// references reads the declarations of references.
func (p *parsing) references(pointer string, value any) {
	list, ok := value.([]any)
	if !ok {
		p.fail(pointer, "type", "must be an array")
		return
	}
	if len(list) > maxReferences {
		p.fail(pointer, "maxItems", "must have at most 64 references")
		return
	}
	for i, v := range list {
		p.reference(jsontext.AppendPointer(pointer, strconv.Itoa(i)), v)
	}
}

func (p *parsing) reference(pointer string, value any) {
	object, ok := value.(map[string]any)
	if !ok {
		p.fail(pointer, "type", "must be an object")
		return
	}
	before := len(p.faults)
	for _, key := range sortedKeys(object) {
		if !slices.Contains(referenceMembers, key) && !slices.Contains(referenceStates, key) {
			p.fail(jsontext.AppendPointer(pointer, key), "unknownField", `is not a member of a reference; it has "path", "collection" and "onDelete"`)
		}
	}
	var r Reference
	var err error
	for _, member := range []string{"path", "collection"} {
		given, found := object[member]
		if !found {
			p.faults = append(p.faults, fault.Violation{
				In: "body", Pointer: pointer, Code: "required", Message: `must have the member "` + member + `"`, Params: map[string]any{"missing": []string{member}},
			})
			continue
		}
		text, ok := p.text(pointer+"/"+member, given)
		switch {
		case !ok:
		case member == "collection":
			if r.Collection, err = ident.ParseCollection(text); err != nil {
				p.fail(pointer+"/collection", "name", fault.Find(err).Text)
			}
		default:
			if r.Field, err = index.ParseField(text); err != nil || r.Field.Column != "" || r.Field.Desc {
				p.fail(pointer+"/path", "path", "is not a path like doc.customer or doc.lines[].product")
			}
		}
	}
	if given, found := object["onDelete"]; found {
		choice(p, pointer+"/onDelete", given, &r.OnDelete, Ignore, Restrict, Cascade, SetNull)
	}
	if slices.ContainsFunc(p.config.References, func(o Reference) bool { return o.Field.String() == r.Field.String() }) {
		p.fail(pointer+"/path", "unique", "is declared more than once")
	}
	if len(p.faults) == before {
		p.config.References = append(p.config.References, r)
	}
}

// Clear takes a document, decoded, away from what another one refers to: a member that refers to it becomes null, an element of an array that is its id is removed.
// It returns the document as it is then, and changes nothing in tree.
func (r Reference) Clear(tree any, id ident.Document) any {
	leads := func(value any) bool { return targetOf(value).ID == id }
	if !r.Field.Each {
		return replaced(tree, r.Field.Path, func(value any) any {
			if leads(value) {
				return nil
			}
			return value
		})
	}
	return replaced(tree, r.Field.Path, func(value any) any {
		list, ok := value.([]any)
		if !ok {
			return value
		}
		next := []any{}
		for _, element := range list {
			if len(r.Field.Rest) > 0 {
				element = replaced(element, r.Field.Rest, func(value any) any {
					if leads(value) {
						return nil
					}
					return value
				})
			} else if leads(element) {
				continue
			}
			next = append(next, element)
		}
		return next
	})
}

// replaced returns a tree in which the value at a path is what f makes of it; where there is none, the tree as it is.
func replaced(tree any, path query.Path, f func(value any) any) any {
	if len(path) == 0 {
		return f(tree)
	}
	object, ok := tree.(map[string]any)
	if !ok {
		return tree
	}
	value, found := object[path[0]]
	if !found {
		return tree
	}
	next := maps.Clone(object)
	next[path[0]] = replaced(value, path[1:], f)
	return next
}

// Target is one thing that a document refers to.
type Target struct {
	// Text is the id as the document has it; "" where it has none.
	Text string
	// ID is the id; zero where the document has none, or something that is none.
	ID ident.Document
}

// Targets returns what a document, decoded, refers to: one target, or one for each element of the array that the reference leads through, which are none where there is no array.
func (r Reference) Targets(tree any) []Target {
	value, found := r.Field.Path.Find(tree)
	if !r.Field.Each {
		if !found {
			value = nil
		}
		return []Target{targetOf(value)}
	}
	list, _ := value.([]any)
	targets := make([]Target, len(list))
	for i, element := range list {
		member, _ := r.Field.Rest.Find(element)
		targets[i] = targetOf(member)
	}
	return targets
}

func targetOf(value any) Target {
	text, ok := ident.TextOf(value)
	if !ok {
		return Target{}
	}
	id, err := ident.ParseDocument(text)
	if err != nil {
		return Target{Text: text}
	}
	return Target{Text: text, ID: id}
}
