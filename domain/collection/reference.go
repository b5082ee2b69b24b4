package collection

import (
	"slices"
	"strconv"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/jsontext"
)

// maxReferences bounds the references of a collection.
const maxReferences = 64

// Reference says that a member of a document is the id of a document in another collection.
type Reference struct {
	// Field is a path into the data; it may lead through one array, each element of which refers to a document then.
	Field      index.Field
	Collection ident.Collection
}

// Tree returns the reference as decoded JSON, in the form that a configuration declares it.
func (r Reference) Tree() map[string]any {
	return map[string]any{"path": r.Field.String(), "collection": r.Collection.String()}
}

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
		if key != "path" && key != "collection" {
			p.fail(jsontext.AppendPointer(pointer, key), "unknownField", `is not a member of a reference; it has "path" and "collection"`)
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
	if slices.ContainsFunc(p.config.References, func(o Reference) bool { return o.Field.String() == r.Field.String() }) {
		p.fail(pointer+"/path", "unique", "is declared more than once")
	}
	if len(p.faults) == before {
		p.config.References = append(p.config.References, r)
	}
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
	text, ok := idText(value)
	if !ok {
		return Target{}
	}
	id, err := ident.ParseDocument(text)
	if err != nil {
		return Target{Text: text}
	}
	return Target{Text: text, ID: id}
}
