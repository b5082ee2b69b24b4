package index

import (
	"slices"
	"strings"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
)

// Column is a field that the server keeps of every document.
type Column string

// The columns.
const (
	ID        Column = "id"
	Revision  Column = "revision"
	CreatedAt Column = "createdAt"
	UpdatedAt Column = "updatedAt"
	// Rank is how well a document matches a search. Lists can be ordered by it; no index has it.
	Rank Column = "rank"
)

var columns = []Column{ID, Revision, CreatedAt, UpdatedAt}

// Field is one of the things that an index orders by.
type Field struct {
	// Column is the field when it is not "".
	Column Column
	// Path leads to the member, or to the array when Each says so.
	Path query.Path
	Each bool
	// Rest leads on from an element; it is empty where the element itself is the field.
	Rest query.Path
	Desc bool
}

// parseField reads a field such as "doc.items[].sku desc".
// It fails with fault.Invalid and code "path.invalid".
func parseField(s string) (Field, error) {
	var f Field
	path, desc := strings.CutSuffix(s, " desc")
	if !desc {
		path = strings.TrimSuffix(s, " asc")
	}
	path, f.Desc = strings.TrimSpace(path), desc
	if slices.Contains(columns, Column(path)) {
		f.Column = Column(path)
		return f, nil
	}
	head, rest, each := cutElements(path)
	if _, _, again := cutElements(rest); again {
		return Field{}, fault.New(fault.Invalid, "path.invalid", "leads through one array at most")
	}
	var err error
	if f.Path, err = query.ParsePath(head); err != nil {
		return Field{}, err
	}
	f.Each = each
	if rest != "" {
		if f.Rest, err = query.ParsePath("doc" + rest); err != nil {
			return Field{}, err
		}
	}
	if len(f.String()) > maxField {
		return Field{}, fault.New(fault.Invalid, "path.invalid", "has at most %d bytes", maxField)
	}
	return f, nil
}

// maxField bounds a field as it is kept, in bytes: quoting a name may make it longer, and what is kept is read again.
const maxField = 1000

// cutElements cuts a path at the first [] that is not in a quoted name.
func cutElements(path string) (head, rest string, found bool) {
	quote := byte(0)
	for i := 0; i < len(path); i++ {
		switch c := path[i]; {
		case c == '\\' && quote != 0:
			i++
		case c == quote:
			quote = 0
		case quote == 0 && (c == '"' || c == '\''):
			quote = c
		case quote == 0 && c == '[' && strings.HasPrefix(path[i:], "[]"):
			return path[:i], path[i+2:], true
		}
	}
	return path, "", false
}

// String returns the field as parseField reads it. Equal fields have equal texts.
func (f Field) String() string {
	var b strings.Builder
	if f.Column != "" {
		b.WriteString(string(f.Column))
	} else {
		b.WriteString("doc")
		writePath(&b, f.Path)
		if f.Each {
			b.WriteString("[]")
			writePath(&b, f.Rest)
		}
	}
	if f.Desc {
		b.WriteString(" desc")
	}
	return b.String()
}

func writePath(b *strings.Builder, path query.Path) {
	for _, member := range path {
		if query.IsName(member) {
			b.WriteString("." + member)
			continue
		}
		b.WriteByte('[')
		b.Write(jsontext.Append(nil, member)) // a JSON string is a CEL string, too
		b.WriteByte(']')
	}
}

// Pointer returns the JSON Pointer to the member, or to the array that the field leads through; "" for a column.
func (f Field) Pointer() string { return f.Path.Pointer() }
