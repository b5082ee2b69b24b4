package transaction

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/patch"
	"github.com/sheafdb/sheaf/domain/query"
)

// bodyLevels is how much deeper a document may lie in a transaction than by itself: the list, the operation, and the operations of a JSON Patch.
const bodyLevels = 5

// maxFill bounds how many values a transaction takes from results: their paths are parsed, and they are looked for while locks are held.
const maxFill = 1000

// Limits bound a transaction.
type Limits struct {
	// Operations is how many at most.
	Operations int
	// Depth bounds nesting in a document, in levels; 0 is the default.
	Depth int
}

// Parse reads a transaction.
// It fails with fault.Malformed where body is not JSON ("json.invalid"), with fault.TooLarge where there are too many operations ("transaction.tooLarge"), and with
// fault.Invalid ("transaction.invalid") where it is not a list of operations; every mistake is a violation with a pointer into the body.
func Parse(body []byte, limits Limits) ([]Operation, error) {
	if limits.Depth <= 0 {
		limits.Depth = jsontext.DefaultDepth
	}
	text, err := jsontext.Canonical(nil, body, jsontext.Limits{Depth: limits.Depth + bodyLevels})
	if err != nil {
		return nil, err
	}
	tree, err := jsontext.Decode(text)
	if err != nil {
		return nil, err
	}
	p := &parsing{named: map[string]int{}}
	root, ok := tree.(map[string]any)
	if !ok {
		return nil, invalid(fault.Violation{In: "body", Code: "type", Message: "must be an object"})
	}
	p.unknown("", root, "operations")
	given, found := root["operations"]
	elements, ok := given.([]any)
	switch {
	case !found:
		p.wrong("", "required", `must have the member "operations"`)
	case !ok:
		p.wrong("/operations", "type", "must be an array")
	case len(elements) == 0:
		p.wrong("/operations", "minItems", "must have an operation")
	case len(elements) > limits.Operations:
		return nil, fault.New(fault.TooLarge, "transaction.tooLarge", "a transaction has at most %d operations", limits.Operations)
	}
	list := make([]Operation, len(elements))
	for i, element := range elements {
		list[i] = p.operation(i, element)
	}
	if len(p.faults) > 0 {
		return nil, invalid(p.faults...)
	}
	return list, nil
}

// Collections returns the collections that a transaction is about, each once; none of what is no transaction.
func Collections(body []byte) []ident.Collection {
	list, err := Parse(body, Limits{Operations: math.MaxInt})
	if err != nil {
		return nil
	}
	var names []ident.Collection
	for _, o := range list {
		if !slices.Contains(names, o.Collection) {
			names = append(names, o.Collection)
		}
	}
	return names
}

func invalid(faults ...fault.Violation) error {
	return fault.New(fault.Invalid, "transaction.invalid", "the transaction is not valid").With(faults...)
}

// parsing is what is found while a transaction is read.
type parsing struct {
	faults []fault.Violation
	// named are the operations so far, by their names.
	named map[string]int
	// filled is how many values were taken from results so far.
	filled int
}

func (p *parsing) wrong(pointer, code, message string) {
	p.faults = append(p.faults, fault.Violation{In: "body", Pointer: pointer, Code: code, Message: message})
}

// unknown finds members that mean nothing.
func (p *parsing) unknown(at string, object map[string]any, known ...string) {
	for _, name := range slices.Sorted(maps.Keys(object)) {
		if slices.Contains(known, name) {
			continue
		}
		message := "is not known here"
		if near := ident.Nearest(name, known); near != "" {
			message += "; did you mean " + near + "?"
		}
		p.wrong(jsontext.AppendPointer(at, name), "unknownField", message)
	}
}

// members are those that an operation may have, beside the ones that all have.
var members = map[Op][]string{
	Create: {"data", "fill"},
	Put:    {"data", "fill", "ifMatch", "ifNoneMatch"},
	Patch:  {"patch", "contentType", "fill", "ifMatch", "ifNoneMatch"},
	Delete: {"fill", "ifMatch", "ifNoneMatch"},
	Check:  {"fill", "ifMatch", "ifNoneMatch"},
}

func (p *parsing) operation(i int, element any) (o Operation) {
	at := "/operations/" + strconv.Itoa(i)
	object, ok := element.(map[string]any)
	if !ok {
		p.wrong(at, "type", "must be an object")
		return o
	}
	op, _ := object["op"].(string)
	o.Op = Op(op)
	own, known := members[o.Op]
	if !known {
		p.wrong(at+"/op", "enum", "must be one of "+strings.Join(ops, ", "))
		return o
	}
	p.unknown(at, object, append([]string{"op", "name", "collection", "id"}, own...)...)
	p.names(at, object, &o)
	p.body(at, object, &o)
	o.Precondition.Match = p.condition(at+"/ifMatch", object["ifMatch"], false)
	o.Precondition.NoneMatch = p.condition(at+"/ifNoneMatch", object["ifNoneMatch"], true)
	p.fills(at, object["fill"], &o)
	if member := bodyOf(o.Op); member != "" {
		whole := slices.ContainsFunc(o.Fill, func(f Fill) bool { return f.Target.Root == member && len(f.Target.Steps) == 0 })
		if _, given := object[member]; given == whole {
			p.wrong(at, "required", `must have the member "`+member+`", or have it filled in from a result`)
		}
	}
	if o.ID == (ident.Document{}) && o.Op != Create && object["id"] == nil && o.FilledID() == nil {
		p.wrong(at, "required", `must have the member "id"`)
	}
	if o.ID != (ident.Document{}) && o.FilledID() != nil {
		p.wrong(at+"/id", "taken", "is filled in from a result too")
	}
	if o.Name != "" {
		p.named[o.Name] = i // not before: an operation has no result while it is done
	}
	return o
}

// names reads what the operation is called and what it is about.
func (p *parsing) names(at string, object map[string]any, o *Operation) {
	text := func(member string, required bool) (string, bool) {
		value, given := object[member]
		s, ok := value.(string)
		switch {
		case given && !ok:
			p.wrong(at+"/"+member, "type", "must be a string")
		case !given && required:
			p.wrong(at, "required", `must have the member "`+member+`"`)
		}
		return s, ok
	}
	if name, ok := text("name", false); ok {
		place, err := query.ParsePlace(name)
		switch _, taken := p.named[name]; {
		case err != nil || len(place.Steps) > 0 || place.Root != name || len(name) > ident.MaxCollectionName:
			p.wrong(at+"/name", "name", "must be a word that an expression can begin with, of letters, digits and _")
		case taken:
			p.wrong(at+"/name", "uniqueName", "another operation has this name")
		default:
			o.Name = name
		}
	}
	var err error
	if name, ok := text("collection", true); ok {
		if o.Collection, err = ident.ParseCollection(name); err != nil {
			p.wrong(at+"/collection", "name", fault.Find(err).Text)
		}
	}
	if id, ok := text("id", false); ok {
		if o.ID, err = ident.ParseDocument(id); err != nil {
			p.wrong(at+"/id", "id", fault.Find(err).Text)
		}
	}
}

// formats are the media types of patches.
var formats = map[string]patch.Format{
	"": patch.Merge, "application/json": patch.Merge, string(patch.Merge): patch.Merge, string(patch.Operations): patch.Operations, string(patch.Update): patch.Update,
}

// body reads the data or the patch, which are judged by whoever knows the collection.
func (p *parsing) body(at string, object map[string]any, o *Operation) {
	member := bodyOf(o.Op)
	if member == "" {
		return
	}
	o.Body = object[member]
	if o.Op != Patch {
		return
	}
	media, _ := object["contentType"].(string)
	format, known := formats[media]
	if _, given := object["contentType"]; given && (!known || media == "") {
		p.wrong(at+"/contentType", "enum", fmt.Sprintf("must be one of %s, %s, %s, application/json", patch.Merge, patch.Operations, patch.Update))
	}
	o.Format = format
}

func bodyOf(op Op) string {
	switch op {
	case Create, Put:
		return dataTarget
	case Patch:
		return patchTarget
	case Delete, Check:
	}
	return ""
}

// condition reads what a header of that name would say: a revision, or the header's own text.
func (p *parsing) condition(at string, value any, weak bool) *document.Condition {
	switch v := value.(type) {
	case nil:
		return nil
	case json.Number:
		if revision, err := strconv.ParseInt(string(v), 10, 64); err == nil && revision > 0 {
			return &document.Condition{Revisions: []int64{revision}}
		}
	case string:
		if c, ok := document.ParseCondition(v, weak); ok {
			return &c
		}
	}
	p.wrong(at, "entityTag", `must be a revision such as 3, "*", or what the header takes, such as "\"3\""`)
	return nil
}

// columns are what a result has.
var columns = []string{"id", "revision", "createdAt", "updatedAt", "doc"}

// fills reads which values come from results.
func (p *parsing) fills(at string, value any, o *Operation) {
	if value == nil {
		return
	}
	at += "/fill"
	object, ok := value.(map[string]any)
	if !ok {
		p.wrong(at, "type", "must be an object")
		return
	}
	if p.filled += len(object); p.filled > maxFill {
		p.wrong(at, "maxProperties", fmt.Sprintf("a transaction takes at most %d values from results", maxFill))
		return
	}
	for _, target := range slices.Sorted(maps.Keys(object)) {
		f := Fill{Pointer: jsontext.AppendPointer(at, target)}
		var err error
		if f.Target, err = query.ParsePlace(target); err != nil || !o.takes(f.Target) {
			p.wrong(f.Pointer, "path", o.targets())
			continue
		}
		source, ok := object[target].(string)
		if !ok {
			p.wrong(f.Pointer, "type", "must be a string")
			continue
		}
		if f.Source, err = query.ParsePlace(source); err != nil || len(f.Source.Steps) == 0 || f.Source.Steps[0].Element || !slices.Contains(columns, f.Source.Steps[0].Name) ||
			len(f.Source.Steps) > 1 && f.Source.Steps[0].Name != "doc" {
			p.wrong(f.Pointer, "path", "must be a path such as order.id, order.revision or order.doc.total, that begins with the name of an operation")
			continue
		}
		if f.From, ok = p.named[f.Source.Root]; !ok {
			message := "no earlier operation has the name " + f.Source.Root
			if near := ident.Nearest(f.Source.Root, slices.Collect(maps.Keys(p.named))); near != "" {
				message += "; did you mean " + near + "?"
			}
			p.wrong(f.Pointer, "unknown", message)
			continue
		}
		if f.Target.Root == idTarget && !f.Static() {
			p.wrong(f.Pointer, "path", "an id is filled in from an id, such as order.id")
			continue
		}
		o.Fill = append(o.Fill, f)
	}
	// What is filled in as a whole may be filled in further.
	slices.SortStableFunc(o.Fill, func(a, b Fill) int { return cmp.Compare(len(a.Target.Steps), len(b.Target.Steps)) })
	for i, f := range o.Fill {
		if slices.ContainsFunc(o.Fill[:i], func(other Fill) bool { return f.Target.Equal(other.Target) }) {
			p.wrong(f.Pointer, "overlap", "is filled in twice")
		}
	}
}

// takes says whether the operation has a place like this.
func (o Operation) takes(target query.Place) bool {
	if target.Root == idTarget {
		return len(target.Steps) == 0
	}
	return target.Root == bodyOf(o.Op)
}

func (o Operation) targets() string {
	if member := bodyOf(o.Op); member != "" {
		return "must be id, " + member + ", or a path into it such as " + member + ".order"
	}
	return "must be id"
}
