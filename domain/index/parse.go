package index

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
)

// indexName is what an index can be called.
var indexName = regexp.MustCompile(`^[a-z][a-z0-9_]{0,62}$`)

// kept are the members that the server adds to an answer; a declaration may bring them back, and they are ignored.
var kept = []string{"state", "progress", "failure"}

// ParseAll judges the declarations of a collection: body is their decoded JSON. Each mistake is a violation with a pointer into it.
// An element whose state is "deleting" is one that an answer mentioned and nobody declares; it is ignored.
func ParseAll(body any) ([]*Index, []fault.Violation) {
	list, ok := body.([]any)
	if !ok {
		return nil, []fault.Violation{{In: "body", Code: "type", Message: "must be an array"}}
	}
	var faults []fault.Violation
	var indexes []*Index
	seen := map[string]bool{}
	for i, element := range list {
		if object, ok := element.(map[string]any); ok && object["state"] == Deleting.String() {
			continue
		}
		pointer := fmt.Sprintf("/%d", i)
		x, wrong := Parse(element)
		for _, v := range wrong {
			v.Pointer = pointer + v.Pointer
			faults = append(faults, v)
		}
		if x == nil {
			continue
		}
		if seen[x.Name] {
			faults = append(faults, fault.Violation{In: "body", Pointer: pointer + "/name", Code: "uniqueName", Message: "another index of the collection has this name"})
		}
		seen[x.Name] = true
		indexes = append(indexes, x)
	}
	if len(indexes) > MaxIndexes {
		faults = append(faults, fault.Violation{In: "body", Code: "maxItems", Message: fmt.Sprintf("must have at most %d indexes", MaxIndexes)})
	}
	return indexes, faults
}

// Parse judges one declaration. It returns nil and what is wrong, with pointers into the declaration, when it is not one.
func Parse(body any) (*Index, []fault.Violation) {
	object, ok := body.(map[string]any)
	if !ok {
		return nil, []fault.Violation{{In: "body", Code: "type", Message: "must be an object"}}
	}
	p := parsing{index: Index{Kind: Ordered}}
	if object["kind"] == string(Words) {
		p.index.Kind, p.index.Language = Words, DefaultLanguage
	}
	var missing []string
	for _, required := range []string{"name", "on"} {
		if _, given := object[required]; !given {
			missing = append(missing, required)
		}
	}
	if missing != nil {
		p.faults = append(p.faults, fault.Violation{
			In: "body", Code: "required", Message: "must have the members name and on", Params: map[string]any{"missing": missing},
		})
	}
	for _, key := range sortedKeys(object) {
		if member, known := members[key]; known {
			member(&p, "/"+key, object[key])
		} else if !slices.Contains(kept, key) {
			p.unknown(key)
		}
	}
	p.finish(object)
	if len(p.faults) > 0 {
		return nil, p.faults
	}
	return &p.index, nil
}

// ParseSpec reads what Spec returned.
// It fails with fault.Internal when this version cannot read it.
func ParseSpec(spec []byte) (*Index, error) {
	tree, err := jsontext.Decode(spec)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "internal", "a stored index cannot be read")
	}
	if x := parseImplicit(tree); x != nil {
		return x, nil
	}
	x, wrong := Parse(tree)
	if x == nil {
		return nil, fault.New(fault.Internal, "internal", "a stored index cannot be read: %s %s", wrong[0].Pointer, wrong[0].Message)
	}
	return x, nil
}

// parseImplicit reads the specification of an index that nobody declares by name, nil where it is none.
func parseImplicit(tree any) *Index {
	object, _ := tree.(map[string]any)
	on, _ := object["on"].([]any)
	if len(on) != 1 {
		return nil
	}
	text, _ := on[0].(string)
	field, err := parseField(text)
	if err != nil {
		return nil
	}
	switch object["kind"] {
	case string(Refers):
		text, _ := object["collection"].(string)
		to, err := ident.ParseCollection(text)
		if err != nil {
			return nil
		}
		return NewReference(field, to)
	case string(Expires):
	default:
		return nil
	}
	after, _ := object["after"].(json.Number)
	micros, err := after.Int64()
	if err != nil {
		return nil
	}
	return NewExpiry(field, time.Duration(micros)*time.Microsecond)
}

type parsing struct {
	index  Index
	faults []fault.Violation
}

func (p *parsing) fail(pointer, code, message string) {
	p.faults = append(p.faults, fault.Violation{In: "body", Pointer: pointer, Code: code, Message: message})
}

func (p *parsing) unknown(key string) {
	message := "is not a member of an index"
	if near := ident.Nearest(key, sortedKeys(members)); near != "" {
		message += fmt.Sprintf("; did you mean %q?", near)
	}
	p.fail(jsontext.AppendPointer("", key), "unknownField", message)
}

// is returns value as a T, and fails at pointer when it is none.
func is[T any](p *parsing, pointer string, value any, what string) (T, bool) {
	v, ok := value.(T)
	if !ok {
		p.fail(pointer, "type", "must be "+what)
	}
	return v, ok
}

// members has one function for each member of a declaration; a member that is not here is a mistake.
var members = map[string]func(p *parsing, pointer string, value any){
	"name": func(p *parsing, pointer string, value any) {
		s, ok := is[string](p, pointer, value, "a string")
		if ok && !indexName.MatchString(s) {
			p.fail(pointer, "pattern", "has 1 to 63 of a-z, 0-9 and _, and begins with a letter")
		}
		p.index.Name = s
	},
	"on": (*parsing).on,
	"unique": func(p *parsing, pointer string, value any) {
		p.index.Unique, _ = is[bool](p, pointer, value, "true or false")
	},
	"caseInsensitive": func(p *parsing, pointer string, value any) {
		p.index.CaseInsensitive, _ = is[bool](p, pointer, value, "true or false")
	},
	"where": func(p *parsing, pointer string, value any) {
		s, ok := is[string](p, pointer, value, "an expression")
		if !ok {
			return
		}
		where, err := query.Compile(s, environment)
		if err != nil {
			p.refuse(pointer, err)
			return
		}
		p.index.Where, p.index.where = s, where
	},
	"kind": func(p *parsing, pointer string, value any) {
		if s, ok := is[string](p, pointer, value, "a string"); ok && Kind(s) != Ordered && Kind(s) != Words {
			p.fail(pointer, "enum", `must be "ordered" or "text"`)
		}
	},
	"language": (*parsing).language,
	"weights":  (*parsing).weights,
}

// environment is what the condition of an index may speak of. It knows no schema: an index outlives that.
var environment = query.FilterEnv(query.TypeOf(query.Map))

// refuse takes over what is wrong with an expression.
func (p *parsing) refuse(pointer string, err error) {
	f := fault.Find(err)
	if f == nil || len(f.Violations) == 0 {
		p.fail(pointer, "expression", err.Error())
		return
	}
	for _, v := range f.Violations {
		v.In, v.Pointer = "body", pointer
		p.faults = append(p.faults, v)
	}
}

func (p *parsing) on(pointer string, value any) {
	list, ok := is[[]any](p, pointer, value, "an array of fields")
	if !ok {
		return
	}
	if len(list) == 0 {
		p.fail(pointer, "minItems", "must have at least 1 field")
	}
	if len(list) > MaxFields {
		p.fail(pointer, "maxItems", fmt.Sprintf("must have at most %d fields", MaxFields))
		return
	}
	each, seen := false, map[string]bool{}
	for i, element := range list {
		at := fmt.Sprintf("%s/%d", pointer, i)
		s, ok := is[string](p, at, element, `a string like "doc.status" or "createdAt desc"`)
		if !ok {
			continue
		}
		f, err := p.field(s)
		if err != nil {
			p.fail(at, "path", fault.Find(err).Text)
			continue
		}
		if f.Each && each && p.index.Kind == Ordered {
			p.fail(at, "path", "is the second field that leads through an array; an index has one at most")
		}
		each = each || f.Each
		path := strings.TrimSuffix(f.String(), " desc")
		if seen[path] {
			p.fail(at, "uniqueItems", "is a field of the index already")
		}
		seen[path] = true
		p.index.Fields = append(p.index.Fields, f)
	}
}

// field reads a field of an index of this kind.
func (p *parsing) field(s string) (Field, error) {
	if p.index.Kind == Words {
		return parseTextField(s)
	}
	return parseField(s)
}

func sortedKeys[V any](object map[string]V) []string {
	keys := make([]string, 0, len(object))
	for key := range object {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}
