package search

import (
	"slices"
	"strings"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
)

// maxFields bounds a projection.
const maxFields = 100

// Fields says which members of a document's data an answer has. The zero Fields has all. It is immutable.
type Fields struct{ root *branch }

// branch is a part of the data: whole, or some of its members.
type branch struct {
	whole   bool
	members map[string]*branch
}

// ParseFields reads paths such as "doc.name,doc.address.zip". The envelope is always there: id, revision and times may be named, and change nothing.
// It fails with fault.Malformed and code "fields.invalid".
func ParseFields(text string, env *query.Env) (Fields, error) {
	if strings.TrimSpace(text) == "" {
		return Fields{}, nil
	}
	root := &branch{}
	var faults []fault.Violation
	parts := splitList(text)
	for _, part := range parts {
		part = strings.TrimSpace(part)
		if part == "doc" {
			root.whole = true
			continue
		}
		f, err := index.ParseField(part)
		if err == nil && (f.Each || f.Desc) {
			err = fault.New(fault.Invalid, "path.invalid", "is not a path like doc.name")
		}
		if err == nil && f.Column == "" {
			err = checkPath(f, env)
		}
		if err != nil {
			message := fault.Find(err).Text
			if len(fault.Find(err).Violations) > 0 {
				message = firstMessage(err)
			}
			faults = append(faults, fault.Violation{In: "query", Pointer: "fields", Code: "fields", Message: shown(part) + ": " + message})
			continue
		}
		if f.Column == "" {
			root.add(f.Path)
		}
	}
	if len(parts) > maxFields {
		faults = append(faults, fault.Violation{In: "query", Pointer: "fields", Code: "maxItems", Message: "names at most 100 paths"})
	}
	if len(faults) > 0 {
		return Fields{}, fault.New(fault.Malformed, "fields.invalid", "the fields cannot be read").With(faults...)
	}
	return Fields{root}, nil
}

func (b *branch) add(path query.Path) {
	for _, name := range path {
		if b.members == nil {
			b.members = map[string]*branch{}
		}
		next := b.members[name]
		if next == nil {
			next = &branch{}
			b.members[name] = next
		}
		b = next
	}
	b.whole = true
}

// Names says whether a path, or one into it, is asked for by its name.
func (f Fields) Names(path query.Path) bool {
	b := f.root
	if b == nil {
		return false
	}
	for _, name := range path {
		if b = b.members[name]; b == nil {
			return false
		}
	}
	return true
}

// All says that nothing is left out.
func (f Fields) All() bool { return f.root == nil || f.root.whole }

// Apply returns the canonical text of the members that are asked for, nested as they were. Of an array, every element is cut in the same way.
func (f Fields) Apply(data []byte) ([]byte, error) {
	if f.All() {
		return data, nil
	}
	tree, err := jsontext.Decode(data)
	if err != nil {
		return nil, err
	}
	return jsontext.Append(make([]byte, 0, len(data)), f.root.cut(tree)), nil
}

func (b *branch) cut(v any) any {
	if b.whole {
		return v
	}
	switch v := v.(type) {
	case map[string]any:
		kept := map[string]any{}
		for name, next := range b.members {
			if member, found := v[name]; found {
				kept[name] = next.cut(member)
			}
		}
		return kept
	case []any:
		kept := slices.Clone(v)
		for i := range kept {
			kept[i] = b.cut(kept[i])
		}
		return kept
	}
	return v
}
