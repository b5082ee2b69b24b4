package index

import (
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
)

// WholeKeyBytes is how long a key is that is not cut.
const WholeKeyBytes = KeyBytes - digestBytes

// ParseField reads a field as an index declares it, such as "doc.total desc".
// It fails with fault.Invalid and code "path.invalid".
func ParseField(s string) (Field, error) { return parseField(s) }

// Vars returns a document as an expression sees it.
func Vars(d Document) (query.Vars, error) {
	tree, err := jsontext.Decode(d.Data)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "internal", "decode canonical data")
	}
	return source{d, tree}.vars(), nil
}

// KeyOf returns the key of a document in an index without a condition and without a field through an array: its place in the order of the fields.
func (x *Index) KeyOf(d Document) ([]byte, error) {
	tree, err := jsontext.Decode(d.Data)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "internal", "decode canonical data")
	}
	return x.KeyOfTree(d, tree), nil
}

// KeyOfTree is KeyOf for a document whose data is decoded, or as much of it as the fields need.
func (x *Index) KeyOfTree(d Document, tree any) []byte {
	values := make([]any, len(x.Fields))
	for i, f := range x.Fields {
		values[i], _ = source{d, tree}.value(f)
	}
	return x.key(values)
}

// SameKind says whether two values are of kinds that have one range: false and true, or numbers, or strings.
func SameKind(a, b any) bool { return kindOf(a) == kindOf(b) }
