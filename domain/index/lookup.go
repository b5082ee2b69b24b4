package index

import (
	"bytes"
	"net/url"
	"strings"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
)

// ParseKey reads a key of a unique index as it stands in a path: its values in the order of the fields, each percent-encoded, with commas between them.
// A value is a JSON string in quotes; else what is known of its field says what it is: a string as it is, a number, true or false. Where nothing is known, a number, true, false
// and null are what they look like, and everything else is a string.
// It fails with fault.Malformed and code "key.malformed".
func (x *Index) ParseKey(escaped string, kinds []query.Kind) ([]byte, error) {
	parts := strings.Split(escaped, ",")
	if len(parts) != len(x.Fields) {
		return nil, malformedKey("index %q has %d fields: a key has as many values, with commas between them; a comma in a value is %%2C", x.Name, len(x.Fields))
	}
	values := make([]any, len(parts))
	for i, part := range parts {
		text, err := url.PathUnescape(part)
		if err != nil {
			return nil, malformedKey("a value of the key is not percent-encoded")
		}
		var ok bool
		if values[i], ok = parseValue(text, kinds[i]); !ok {
			return nil, malformedKey("value %d of the key is not what %s has", i+1, strings.TrimSuffix(x.Fields[i].String(), " desc"))
		}
	}
	return x.key(values), nil
}

func malformedKey(format string, args ...any) error {
	f := fault.New(fault.Malformed, "key.malformed", format, args...)
	return f.With(fault.Violation{In: "path", Pointer: "key", Code: "key", Message: f.Text})
}

// parseValue reads a value of a key.
func parseValue(text string, kind query.Kind) (any, bool) {
	scalar, isScalar := decodeScalar(text)
	_, isString := scalar.(string)
	switch {
	case text == "":
		return nil, false // the empty string is ""
	case isString && isScalar:
		return scalar, true
	case strings.HasPrefix(text, `"`):
		return nil, false
	}
	switch kind { //nolint:exhaustive // the others cannot be told from their text
	case query.String:
		return text, true
	case query.Number, query.Bool:
		return scalar, isScalar && (scalar == nil || query.KindOf(scalar) == kind)
	}
	if isScalar {
		return scalar, true
	}
	return text, true
}

// decodeScalar reads a JSON value that is no list and no object.
func decodeScalar(text string) (any, bool) {
	if text == "" || strings.TrimSpace(text) != text {
		return nil, false
	}
	canonical, err := jsontext.Canonical(nil, []byte(text), jsontext.Limits{Depth: 1})
	if err != nil {
		return nil, false
	}
	value, err := jsontext.Decode(canonical)
	switch value.(type) {
	case map[string]any, []any:
		return nil, false
	}
	return value, err == nil
}

// Has says whether a document has the key in an index.
func (k Kept) Has(d Document, key []byte) bool {
	all, err := NewSet(k).Entries(d)
	if err != nil {
		return false
	}
	for _, e := range all.Unique {
		if bytes.Equal(e.Key, key) {
			return true
		}
	}
	return false
}

// KeysOf returns the keys that a document has in a unique index.
func (k Kept) KeysOf(d Document) [][]byte {
	all, _ := NewSet(k).Entries(d) // one that has too many entries has none
	keys := make([][]byte, len(all.Unique))
	for i, e := range all.Unique {
		keys[i] = e.Key
	}
	return keys
}
