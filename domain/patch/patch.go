// Package patch says how a document changes without being sent whole, and how two documents differ.
//
// There are three formats: a merge patch (RFC 7396) for whoever knows what members shall be, a JSON Patch (RFC 6902) for exact
// places and tests, and an update for what depends on the values that are there, such as a counter, or what is computed of them. Each is parsed once, before anything
// is locked, into a Patch, whose Apply is a pure function of the document; it is called inside the write, perhaps more than once.
//
// Whether the result may be stored is for the collection to say. Start at Parse; diff.go has the way back, from two documents to a patch.
package patch

import (
	"math"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/jsontext"
)

// Format is the media type of a patch.
type Format string

// The formats.
const (
	Merge      Format = "application/merge-patch+json"
	Operations Format = "application/json-patch+json"
	Update     Format = "application/vnd.sheaf.update+json"
)

// MaxOperations bounds the operations of a JSON Patch and the paths of an update: a write holds locks while it is applied.
const MaxOperations = 1000

// Patch is a checked patch. It is immutable and may be applied by several callers at once.
type Patch struct {
	change func(doc any, of index.Document) (any, error)
	limits jsontext.Limits
}

// Parse reads a patch. The limits are those of a document; a patch has no more bytes than a document may have.
// It fails with fault.Malformed (codes "json.invalid" and "document.patchMalformed"), with fault.Invalid where a merge patch is no object
// ("document.patchInvalid"), and with fault.TooLarge ("document.tooLarge", and "document.patchTooLarge" above MaxOperations).
func Parse(format Format, body []byte, limits jsontext.Limits) (Patch, error) {
	if limits.Depth <= 0 {
		limits.Depth = jsontext.DefaultDepth
	}
	if limits.Bytes <= 0 {
		limits.Bytes = math.MaxInt32
	}
	// A value lies up to two levels deeper in a patch than in the document.
	text, err := jsontext.Canonical(nil, body, jsontext.Limits{Bytes: limits.Bytes, Depth: limits.Depth + 2})
	if err != nil {
		return Patch{}, err
	}
	tree, err := jsontext.Decode(text)
	if err != nil {
		return Patch{}, err
	}
	p := Patch{limits: limits}
	switch format {
	case Operations:
		p.change, err = parseOperations(tree, limits)
	case Update:
		p.change, err = parseUpdate(tree, limits)
	default:
		p.change, err = parseMerge(tree)
	}
	return p, err
}

func parseMerge(tree any) (func(any, index.Document) (any, error), error) {
	if _, ok := tree.(map[string]any); !ok {
		return nil, fault.New(fault.Invalid, "document.patchInvalid", "a merge patch that is not an object would replace the document by something that is none").
			With(fault.Violation{In: "body", Code: "type", Message: "must be an object"})
	}
	return func(doc any, _ index.Document) (any, error) { return jsontext.MergePatch(doc, tree), nil }, nil
}

// Apply returns the canonical text of the document, changed.
// It fails with fault.Conflict where the document is not as the patch expects ("document.patchTest", "document.patchConflict"), each place a violation with a
// pointer into the patch; with fault.TooLarge ("document.tooLarge", and "document.patchTooLarge" where applying takes too much), and with fault.Invalid
// ("document.invalid") where the result is nested too deep.
func (p Patch) Apply(d index.Document) ([]byte, error) {
	doc, err := jsontext.Decode(d.Data)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "internal", "decode canonical data")
	}
	if doc, err = p.change(doc, d); err != nil {
		return nil, err
	}
	if deeper(doc, p.limits.Depth) {
		return nil, tooDeep(p.limits.Depth)
	}
	text := jsontext.Append(make([]byte, 0, len(d.Data)+len(d.Data)/8), doc)
	if len(text) > p.limits.Bytes {
		return nil, fault.New(fault.TooLarge, "document.tooLarge", "a document has at most %d bytes", p.limits.Bytes)
	}
	return text, nil
}

// deeper says whether a tree has more levels; it looks no further.
func deeper(v any, levels int) bool {
	switch v := v.(type) {
	case []any:
		for _, element := range v {
			if levels == 0 || deeper(element, levels-1) {
				return true
			}
		}
		return levels == 0
	case map[string]any:
		for _, member := range v {
			if levels == 0 || deeper(member, levels-1) {
				return true
			}
		}
		return levels == 0
	}
	return false
}

func tooDeep(levels int) error {
	return fault.New(fault.Invalid, "document.invalid", "the result is nested deeper than a document may be").
		With(fault.Violation{In: "body", Code: "json.depth", Message: "values are nested too deep", Params: map[string]any{"levels": levels}})
}

// malformed is the fault of a patch that cannot be read.
func malformed(faults ...fault.Violation) error {
	return fault.New(fault.Malformed, "document.patchMalformed", "the patch cannot be read").With(faults...)
}

func violation(pointer, code, message string) fault.Violation {
	return fault.Violation{In: "body", Pointer: pointer, Code: code, Message: message}
}

func tooMany() error {
	return fault.New(fault.TooLarge, "document.patchTooLarge", "a patch has at most %d operations", MaxOperations)
}
