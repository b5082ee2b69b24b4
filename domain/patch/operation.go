package patch

import (
	"slices"
	"strconv"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/jsontext"
)

// Operation is one operation of a JSON Patch (RFC 6902 section 4).
type Operation struct {
	// Op is add, remove, replace, move, copy or test.
	Op string
	// Path and From are the tokens of the pointers; From belongs to move and copy.
	Path, From []string
	// Value belongs to add, replace and test.
	Value any
}

const (
	opAdd     = "add"
	opRemove  = "remove"
	opReplace = "replace"
	opMove    = "move"
	opCopy    = "copy"
	opTest    = "test"
)

// members are what an operation needs beside its path.
var members = map[string]string{opAdd: "value", opRemove: "", opReplace: "value", opMove: "from", opCopy: "from", opTest: "value"}

var opNames = []string{opAdd, opRemove, opReplace, opMove, opCopy, opTest}

// FormatOperations returns the canonical text of a JSON Patch.
func FormatOperations(list []Operation) []byte {
	tree := make([]any, len(list))
	for i, o := range list {
		object := map[string]any{"op": o.Op, "path": jsontext.FormatPointer(o.Path)}
		switch members[o.Op] {
		case "value":
			object["value"] = o.Value
		case "from":
			object["from"] = jsontext.FormatPointer(o.From)
		}
		tree[i] = object
	}
	return jsontext.Append(nil, tree)
}

// parseOperations judges a JSON Patch; all that is wrong with it is reported at once.
func parseOperations(tree any, limits jsontext.Limits) (func(any, index.Document) (any, error), error) {
	elements, ok := tree.([]any)
	if !ok {
		return nil, malformed(violation("", "type", "must be an array of operations"))
	}
	if len(elements) > MaxOperations {
		return nil, tooMany()
	}
	var faults []fault.Violation
	list := make([]Operation, len(elements))
	for i, element := range elements {
		var wrong []fault.Violation
		list[i], wrong = parseOperation("/"+strconv.Itoa(i), element)
		faults = append(faults, wrong...)
	}
	if len(faults) > 0 {
		return nil, malformed(faults...)
	}
	return func(doc any, _ index.Document) (any, error) { return edit(doc, list, limits) }, nil
}

// parseOperation reads the operation at a pointer. Members that it does not need are ignored (section 4).
func parseOperation(at string, element any) (o Operation, faults []fault.Violation) {
	object, ok := element.(map[string]any)
	if !ok {
		return o, []fault.Violation{violation(at, "type", "must be an object")}
	}
	fail := func(name, code, message string) { faults = append(faults, violation(at+"/"+name, code, message)) }
	missing := func(name string) {
		v := violation(at, "required", "must have the member "+strconv.Quote(name))
		v.Params = map[string]any{"missing": []string{name}}
		faults = append(faults, v)
	}
	pointer := func(name string) []string {
		value, given := object[name]
		text, ok := value.(string)
		switch {
		case !given:
			missing(name)
		case !ok:
			fail(name, "type", "must be a string")
		default:
			tokens, err := jsontext.ParsePointer(text)
			if err != nil {
				fail(name, "pointer", fault.Find(err).Text)
			}
			return tokens
		}
		return nil
	}
	value, given := object["op"]
	if o.Op, ok = value.(string); !given {
		missing("op")
	} else if !slices.Contains(opNames, o.Op) {
		message := "must be one of add, remove, replace, move, copy, test"
		if near := ident.Nearest(o.Op, opNames); ok && near != "" {
			message += "; did you mean " + near + "?"
		}
		fail("op", "enum", message)
	}
	o.Path = pointer("path")
	switch members[o.Op] {
	case "value":
		if o.Value, given = object["value"]; !given {
			missing("value")
		}
	case "from":
		o.From = pointer("from")
		if o.Op == opMove && len(faults) == 0 && len(o.From) < len(o.Path) && slices.Equal(o.From, o.Path[:len(o.From)]) {
			fail("path", "move", "a value cannot be moved into itself")
		}
	}
	return o, faults
}
