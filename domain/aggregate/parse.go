package aggregate

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
)

// Source is what a pipeline reads.
type Source struct {
	// Document is what is known of the documents; nil is nothing.
	Document *query.Type
	// Refers returns the collection that a path of the documents is declared to refer to; nil where none is declared.
	Refers func(path query.Path) (ident.Collection, bool)
	// Open finds another collection for a lookup. It fails with fault.NotFound when there is none. nil offers no lookups.
	Open func(name ident.Collection) (Foreign, error)
}

// Foreign is another collection.
type Foreign struct {
	Key collection.Key
	// Living is which documents there are.
	Living   index.Living
	Document *query.Type
	// Hidden are members that answers do not show unless they are named.
	Hidden []query.Path
}

// Parse reads a list of stages from decoded JSON, found at the pointer of a body.
// It fails with fault.Malformed and code "aggregate.invalid"; every mistake is a violation with its pointer. A stage that cannot be understood hides the mistakes behind it.
// Other faults of Open are returned as they are.
func Parse(stages any, pointer string, source Source) (*Pipeline, error) {
	p := &parser{source: source}
	result, variables := p.stages(pointer, stages, documents(source.Document), MaxStages)
	if p.broken != nil {
		return nil, p.broken
	}
	if len(p.faults) > 0 {
		return nil, Invalid(p.faults...)
	}
	return &Pipeline{Stages: result, Columns: variables.columns()}, nil
}

// Invalid is the fault of a request that has these mistakes.
func Invalid(faults ...fault.Violation) error {
	return fault.New(fault.Malformed, "aggregate.invalid", "the aggregation cannot be read").With(faults...)
}

// scope is the variables of rows.
type scope struct {
	types map[string]*query.Type
	// order are the names in the order in which they are told.
	order []string
	// documents says that doc is a document, and that the rows are told as documents.
	documents bool
}

// documents is the scope of a collection.
func documents(doc *query.Type) *scope {
	return &scope{types: query.FilterEnv(doc).Variables, order: []string{"id", "revision", "createdAt", "updatedAt", "doc"}, documents: true}
}

// members is the scope behind a project or a group.
func members() *scope { return &scope{types: map[string]*query.Type{}} }

// with returns a scope with one more variable.
func (s *scope) with(name string, typ *query.Type) *scope {
	next := &scope{types: maps.Clone(s.types), order: slices.Clone(s.order), documents: s.documents}
	next.add(name, typ)
	return next
}

func (s *scope) add(name string, typ *query.Type) {
	if _, replaced := s.types[name]; !replaced {
		s.order = append(s.order, name)
	}
	s.types[name] = typ
}

func (s *scope) columns() []Column {
	columns := make([]Column, len(s.order))
	for i, name := range s.order {
		columns[i] = Column{name, name}
		if s.documents && name == "doc" {
			columns[i].Name = "data"
		}
	}
	return columns
}

// parser notes every mistake that it finds.
type parser struct {
	source Source
	faults []fault.Violation
	// broken is an error that is no mistake of the caller's.
	broken error
	facet  bool
}

func (p *parser) fail(pointer, code, message string) {
	p.faults = append(p.faults, fault.Violation{In: "body", Pointer: pointer, Code: code, Message: message})
}

// unknown notes a member that is not known, with the one that may have been meant.
func (p *parser) unknown(pointer, name string, known []string) {
	v := fault.Violation{In: "body", Pointer: jsontext.AppendPointer(pointer, name), Code: "unknownField", Params: map[string]any{"expected": known}}
	v.Message = "is not known here; there are " + strings.Join(known, ", ")
	if near := ident.Nearest(name, known); near != "" {
		v.Message = "is not known here; did you mean " + near + "?"
		v.Params["nearest"] = near
	}
	p.faults = append(p.faults, v)
}

// stages reads a list, and returns the scope behind it.
func (p *parser) stages(pointer string, value any, in *scope, most int) ([]Stage, *scope) {
	list, ok := value.([]any)
	switch {
	case !ok:
		p.fail(pointer, "type", "must be an array of stages")
		return nil, in
	case len(list) > most:
		p.fail(pointer, "maxItems", "must have at most "+strconv.Itoa(most)+" stages")
		return nil, in
	}
	stages := make([]Stage, 0, len(list))
	for i, element := range list {
		stage, out := p.stage(pointer+"/"+strconv.Itoa(i), element, in)
		if out == nil {
			return stages, in
		}
		stages, in = append(stages, stage), out
	}
	return stages, in
}

// kinds are the names of the stages.
var kinds = []string{"match", "unwind", "project", "group", "sort", "limit", "skip", "lookup", "facet"}

// stage reads one stage, and returns the scope behind it; nil where that cannot be told.
func (p *parser) stage(pointer string, value any, in *scope) (Stage, *scope) {
	object, ok := value.(map[string]any)
	if !ok || len(object) != 1 {
		p.fail(pointer, "type", `must be an object with one member, the stage, such as {"match": "…"}`)
		return nil, nil
	}
	for name, body := range object {
		at := jsontext.AppendPointer(pointer, name)
		switch name {
		case "match":
			return p.match(at, body, in)
		case "unwind":
			return p.unwind(at, body, in)
		case "project":
			return p.project(at, body, in)
		case "group":
			return p.group(at, body, in)
		case "sort":
			return p.sort(at, body, in)
		case "limit":
			return &Limit{p.count(at, body, 1, MaxLimit)}, in
		case "skip":
			return &Skip{p.count(at, body, 0, MaxSkip)}, in
		case "lookup":
			return p.lookup(at, body, in)
		case "facet":
			return p.facets(at, body, in)
		}
		p.unknown(pointer, name, kinds)
	}
	return nil, nil
}

// expression compiles what is at the pointer.
func (p *parser) expression(pointer string, value any, in *scope, result query.Kind) *query.Expr {
	text, ok := value.(string)
	if !ok {
		p.fail(pointer, "type", "must be an expression, as a string")
		return nil
	}
	return p.compile(pointer, text, in, result)
}

func (p *parser) compile(pointer, text string, in *scope, result query.Kind) *query.Expr {
	e, err := query.Compile(text, &query.Env{Variables: in.types, Result: result, In: "body", Pointer: pointer})
	if err != nil {
		p.faults = append(p.faults, fault.Find(err).Violations...)
		return nil
	}
	return e
}

// object returns the members of an object, having noted those that are not known and the required ones that are missing.
func (p *parser) object(pointer string, value any, required, optional []string) (map[string]any, bool) {
	object, ok := value.(map[string]any)
	if !ok {
		p.fail(pointer, "type", "must be an object")
		return nil, false
	}
	known := slices.Concat(required, optional)
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if !slices.Contains(known, name) {
			p.unknown(pointer, name, known)
			ok = false
		}
	}
	for _, name := range required {
		if _, given := object[name]; !given {
			p.faults = append(p.faults, fault.Violation{In: "body", Pointer: pointer, Code: "required", Message: "must have the member " + name, Params: map[string]any{"missing": []string{name}}})
			ok = false
		}
	}
	return object, ok
}

// flag reads a member that is true or false; it is false where it is not given.
func (p *parser) flag(pointer string, object map[string]any, member string) bool {
	value, given := object[member]
	is, ok := value.(bool)
	if given && !ok {
		p.fail(pointer+"/"+member, "type", "must be true or false")
	}
	return is
}

// name judges the name of a variable to come.
func (p *parser) name(pointer, name string) bool {
	for i := range len(name) {
		c := name[i]
		if c != '_' && (c|0x20 < 'a' || c|0x20 > 'z') && (i == 0 || c < '0' || c > '9') {
			p.fail(pointer, "name", "must be a name: letters, digits and _, not beginning with a digit")
			return false
		}
	}
	switch {
	case name == "" || len(name) > maxNameBytes:
		p.fail(pointer, "name", "must be a name of 1 to "+strconv.Itoa(maxNameBytes)+" characters")
	case name == "doc":
		p.fail(pointer, "name", "doc is the document, and no other member's name")
	default:
		return true
	}
	return false
}

// fresh reads the name of a variable that is not there yet; "" where the member is not given.
func (p *parser) fresh(pointer string, object map[string]any, member string, in *scope) (string, bool) {
	value, given := object[member]
	if !given {
		return "", true
	}
	pointer += "/" + member
	name, ok := value.(string)
	if !ok {
		p.fail(pointer, "type", "must be a name, as a string")
		return "", false
	}
	if !p.name(pointer, name) {
		return "", false
	}
	if _, taken := in.types[name]; taken || in.documents && name == "data" {
		p.fail(pointer, "taken", "is a name that the rows have already")
		return "", false
	}
	return name, true
}
