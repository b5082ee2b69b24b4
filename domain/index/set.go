package index

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
)

// Document is what an index sees of a document.
type Document struct {
	ID                   string
	Revision             int64
	CreatedAt, UpdatedAt time.Time
	// Data is the canonical text.
	Data []byte
	// Rank is 0 where nothing was searched for; it is not negative.
	Rank float32
}

// Kept is an index with the id under which its entries are kept.
type Kept struct {
	*Index
	// ID is 0 for a reference that is checked, and has no entries because nobody asks who refers.
	ID int32
}

// Set is the indexes that a write of a document maintains. It is immutable; a nil Set has none.
type Set struct {
	kept []Kept
	// members are those of a document that its entries depend on; whole says that they may depend on any.
	members []string
	whole   bool
}

// NewSet returns a set of the indexes, in the order of their ids; nil when there are none.
func NewSet(kept ...Kept) *Set {
	if len(kept) == 0 {
		return nil
	}
	s := &Set{kept: slices.Clone(kept)}
	slices.SortFunc(s.kept, func(a, b Kept) int { return cmp.Compare(a.ID, b.ID) })
	for _, k := range s.kept {
		s.whole = s.whole || k.Where != ""
		for _, f := range k.Fields {
			s.whole = s.whole || f.Column == "" && len(f.Path) == 0
			if len(f.Path) > 0 && !slices.Contains(s.members, f.Path[0]) {
				s.members = append(s.members, f.Path[0])
			}
		}
	}
	return s
}

// decode returns what of a document its entries depend on.
func (s *Set) decode(data []byte) (any, error) {
	if s.whole {
		return jsontext.Decode(data)
	}
	return jsontext.DecodeMembers(data, s.members...)
}

// Find returns the index with an id, nil when it is not in the set.
func (s *Set) Find(id int32) *Index {
	if s == nil {
		return nil
	}
	for _, k := range s.kept {
		if k.ID == id {
			return k.Index
		}
	}
	return nil
}

// Expiry returns the index that says when documents expire, nil when none is in the set.
func (s *Set) Expiry() *Index {
	if s == nil {
		return nil
	}
	for _, k := range s.kept {
		if k.Kind == Expires {
			return k.Index
		}
	}
	return nil
}

// Entry is one entry of a document in an index.
type Entry struct {
	Index int32
	Key   []byte
}

func compareEntries(a, b Entry) int {
	return cmp.Or(cmp.Compare(a.Index, b.Index), bytes.Compare(a.Key, b.Key))
}

// Entries are all entries of one document, in the order of indexes and keys.
type Entries struct {
	// Ordered are what searches find.
	Ordered []Entry
	// Unique are the keys that no other document may have.
	Unique []Entry
	// Texts are those of text indexes, at most one for each.
	Texts []Text
	// Refers are the places at which the document refers to others, by references that are checked.
	Refers []Referral
	// Expires is when the document expires; nil is never.
	Expires *time.Time
}

// Entries returns the entries of a document.
// It fails with fault.Invalid and code "document.invalid" when it has more than MaxEntries in an index; it returns those in the others all the same.
func (s *Set) Entries(d Document) (Entries, error) {
	if s == nil {
		return Entries{}, nil
	}
	tree, err := s.decode(d.Data)
	if err != nil {
		return Entries{}, fault.Wrap(err, fault.Internal, "internal", "decode canonical data")
	}
	var all Entries
	var refused error
	for _, k := range s.kept {
		own, err := k.entries(source{d, tree})
		if refused == nil {
			refused = err
		}
		if own.Expires != nil {
			all.Expires = own.Expires
		}
		all.Refers = append(all.Refers, own.Refers...)
		all.Ordered, all.Unique, all.Texts = append(all.Ordered, own.Ordered...), append(all.Unique, own.Unique...), append(all.Texts, own.Texts...)
	}
	return all, refused
}

// source is a document with its data decoded.
type source struct {
	of   Document
	tree any
}

// value returns what a field has in a document, and whether it is there.
func (d source) value(f Field) (v any, found bool) {
	switch f.Column {
	case ID:
		return d.of.ID, true
	case Revision:
		return json.Number(strconv.FormatInt(d.of.Revision, 10)), true
	case CreatedAt:
		return query.Instant(d.of.CreatedAt.UnixMicro()), true
	case UpdatedAt:
		return query.Instant(d.of.UpdatedAt.UnixMicro()), true
	case Rank:
		// The bits of numbers that are not negative order as the numbers do, and are exact.
		return json.Number(strconv.FormatUint(uint64(math.Float32bits(d.of.Rank)), 10)), true
	}
	return f.Path.Find(d.tree)
}

// vars returns the document as an expression sees it.
func (d source) vars() query.Vars {
	vars := query.Vars{"doc": d.tree}
	for _, c := range columns {
		vars[string(c)], _ = d.value(Field{Column: c})
	}
	return vars
}

// elements returns what a field leads through: the elements of an array, or the names of an object's members, which are what quantifiers and "in" look at.
func (d source) elements(f Field) []any {
	v, _ := f.Path.Find(d.tree)
	switch v := v.(type) {
	case []any:
		return v
	case map[string]any:
		names := make([]any, 0, len(v))
		for _, name := range sortedKeys(v) {
			names = append(names, name)
		}
		return names
	}
	return nil
}

// entries returns the entries of a document in one index.
func (k Kept) entries(d source) (Entries, error) {
	if k.where != nil && !k.where.Match(d.vars()) {
		return Entries{}, nil
	}
	switch k.Kind {
	case Words:
		return Entries{Texts: k.texts(d)}, nil
	case Refers:
		return k.referring(d.tree)
	case Expires:
		if at, ok := k.instant(d); ok {
			return Entries{Expires: &at}, nil
		}
		return Entries{}, nil
	}
	values, whole := make([]any, len(k.Fields)), true // whole: no field is missing
	for i, f := range k.Fields {
		if !f.Each {
			var found bool
			values[i], found = d.value(f)
			whole = whole && found
		}
	}
	each := k.Each()
	if each < 0 {
		list := []Entry{{k.ID, k.key(values)}}
		if k.Unique && whole {
			return Entries{Ordered: list, Unique: list}, nil
		}
		return Entries{Ordered: list}, nil
	}
	ordered, unique := keys{}, keys{}
	for _, element := range d.elements(k.Fields[each]) {
		v, found := k.Fields[each].Rest.Find(element)
		values[each] = v
		key := string(k.key(values))
		ordered[key] = struct{}{}
		if k.Unique && whole && found {
			unique[key] = struct{}{}
		}
		if len(ordered) > MaxEntries {
			return Entries{}, tooMany(k.Index)
		}
	}
	return Entries{Ordered: ordered.entries(k.ID), Unique: unique.entries(k.ID)}, nil
}

// keys are the distinct keys of one document in one index.
type keys map[string]struct{}

func (k keys) entries(id int32) []Entry {
	list := make([]Entry, 0, len(k))
	for _, key := range sortedKeys(k) {
		list = append(list, Entry{id, []byte(key)})
	}
	return list
}

// key returns the key of an entry.
func (x *Index) key(values []any) []byte {
	var key []byte
	for i, f := range x.Fields {
		key = x.appendField(key, f, values[i])
	}
	return cut(key, 0, KeyBytes-digestBytes)
}

func tooMany(x *Index) error {
	f := x.Fields[x.Each()]
	return fault.New(fault.Invalid, "document.invalid", "the document has too many entries in index %q", x.Name).With(fault.Violation{
		In: "body", Pointer: f.Pointer(), Code: "maxItems", Params: map[string]any{"index": x.Name, "limit": MaxEntries},
		Message: "must have at most " + strconv.Itoa(MaxEntries) + fmt.Sprintf(" distinct elements, because index %q has an entry for each", x.Name),
	})
}

// Diff returns the entries that are only in before, and those that are only in after. Of texts, those that come replace what is there, and only the others go.
func Diff(before, after Entries) (gone, come Entries) {
	gone.Ordered, come.Ordered = diff(before.Ordered, after.Ordered)
	gone.Unique, come.Unique = diff(before.Unique, after.Unique)
	gone.Texts, come.Texts = diffTexts(before.Texts, after.Texts)
	return gone, come
}

func diff(before, after []Entry) (gone, come []Entry) {
	for len(before) > 0 && len(after) > 0 {
		switch c := compareEntries(before[0], after[0]); {
		case c < 0:
			gone, before = append(gone, before[0]), before[1:]
		case c > 0:
			come, after = append(come, after[0]), after[1:]
		default:
			before, after = before[1:], after[1:]
		}
	}
	return append(gone, before...), append(come, after...)
}
