package index

import (
	"strconv"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/jsontext"
)

// Refers is the kind of the index that a checked reference of a configuration amounts to. Nobody declares it by name. It has an entry for each document that a document refers to,
// whose key is the bytes of the other one's id.
const Refers Kind = "refers"

// NewReference returns the index of a reference: a field, which may lead through an array, and the collection of the documents that it names.
func NewReference(field Field, to ident.Collection) *Index {
	return &Index{Name: ReferenceName(field.String()), Kind: Refers, Fields: []Field{field}, Collection: to}
}

// ReferenceName is the name of the index of a reference, by the text of its field.
func ReferenceName(field string) string { return "$reference " + field }

// ReferenceKey is the key of the entries that lead to a document.
func ReferenceKey(to ident.Document) []byte { return []byte(to.String()) }

// Referral is a place at which a document refers to another one.
type Referral struct {
	// Reference is what is declared of the place, an index of kind Refers.
	Reference *Index
	// Pointer leads to the place.
	Pointer string
	// ID is the other document; it is zero where what stands there is no id. Text is what stands there, as JSON in that case.
	ID   ident.Document
	Text string
}

// Same says whether two places refer to the same document by the same reference.
func (r Referral) Same(other Referral) bool {
	return r.Reference.Name == other.Reference.Name && r.ID == other.ID && r.Text == other.Text
}

// referrals are the places at which a document refers to others by one reference; null, and a member that is missing, refer to none.
func (x *Index) referrals(tree any) []Referral {
	f := x.Fields[0]
	value, found := f.Path.Find(tree)
	if !f.Each {
		return x.referral(nil, f.Pointer(), value, found)
	}
	elements, _ := value.([]any)
	var list []Referral
	for i, element := range elements {
		member, found := f.Rest.Find(element)
		list = x.referral(list, f.Pointer()+"/"+strconv.Itoa(i)+f.Rest.Pointer(), member, found)
	}
	return list
}

func (x *Index) referral(list []Referral, pointer string, value any, found bool) []Referral {
	if !found || value == nil {
		return list
	}
	r := Referral{Reference: x, Pointer: pointer}
	text, ok := ident.TextOf(value)
	if ok {
		if id, err := ident.ParseDocument(text); err == nil {
			r.ID, r.Text = id, text
			return append(list, r)
		}
	}
	r.Text = string(jsontext.Append(nil, value))
	return append(list, r)
}

// referring are the entries of a document by a reference, and the places where it refers to others.
func (k Kept) referring(tree any) (Entries, error) {
	e := Entries{Refers: k.referrals(tree)}
	distinct := keys{}
	for _, r := range e.Refers {
		if r.ID != (ident.Document{}) {
			distinct[string(ReferenceKey(r.ID))] = struct{}{}
		}
	}
	if len(distinct) > MaxEntries {
		return Entries{}, fault.New(fault.Invalid, "document.invalid", "the document refers to too many others").With(fault.Violation{
			In: "body", Pointer: k.Fields[0].Pointer(), Code: "maxItems", Params: map[string]any{"limit": MaxEntries},
			Message: "must refer to at most " + strconv.Itoa(MaxEntries) + " documents",
		})
	}
	if k.ID != 0 {
		e.Ordered = distinct.entries(k.ID)
	}
	return e, nil
}
