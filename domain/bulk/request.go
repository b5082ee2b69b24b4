// Package bulk says how many documents change at once: which ones (a filter), and what becomes of each (a patch, or a deletion).
//
// A Request is what a client declares; it is kept as text with an operation and read again by whoever goes on with it. Compile makes a Change of it for a collection
// as it is now: a pure function of one document, that is called inside the write, so that a document which no longer matches when its turn comes is left alone.
//
// Start at Request.
package bulk

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/operation"
	"github.com/sheafdb/sheaf/domain/patch"
)

// Mode says what a document that cannot be changed means for the others.
type Mode string

// The modes.
const (
	Strict Mode = "strict" // all or nothing, as far as there is one transaction
	Skip   Mode = "skip"   // whatever can be changed
)

// Bounds of numbers in a request.
const (
	maxAffected   = 1_000_000_000
	maxPerSecond  = 100_000
	maxFilter     = 4096 // bytes
	levelsAround  = 3    // of a body around a value in a patch
	lastBodyLevel = jsontext.DefaultDepth + levelsAround
)

// Request is what shall be done with many documents.
type Request struct {
	// Kind is operation.Update, operation.Delete or operation.Migration.
	Kind operation.Kind
	// Filter is an expression as it came; "" matches everything.
	Filter string
	// All says that it is meant when the filter matches everything.
	All bool
	// AllowScan lets the search for documents read as much as it takes.
	AllowScan bool
	// Patch is the canonical text of a patch in Format; nil for a deletion.
	Patch  []byte
	Format patch.Format
	Mode   Mode
	// MaxAffected is how many documents may match at most; 0 sets no bound.
	MaxAffected int64
	// PerSecond bounds how many documents are changed in a second; 0 sets no bound.
	PerSecond int
}

// formats are the media types of patches.
var formats = []patch.Format{patch.Merge, patch.Operations, patch.Update}

// Parse reads a request from the body of one. limit bounds the body, in bytes.
// It fails with fault.Malformed (codes "json.invalid" and "bulk.malformed"), and with fault.Invalid, code "bulk.unfiltered", where it has no filter and does not say that everything is meant.
// All that is wrong is reported at once; what a filter and a patch say is for Compile to judge.
func Parse(kind operation.Kind, body []byte, limit int) (Request, error) {
	text, err := jsontext.Canonical(nil, body, jsontext.Limits{Bytes: limit, Depth: lastBodyLevel})
	if err != nil {
		return Request{}, err
	}
	tree, err := jsontext.Decode(text)
	if err != nil {
		return Request{}, err
	}
	object, ok := tree.(map[string]any)
	if !ok {
		return Request{}, malformed(fault.Violation{In: "body", Code: "type", Message: "must be an object"})
	}
	p := parsing{request: Request{Kind: kind, Mode: Strict}}
	known := p.known()
	for _, name := range sorted(object) {
		if read := members[name]; read != nil && slices.Contains(known, name) {
			read(&p, object[name])
			continue
		}
		message := "is not a member of this request; there are " + strings.Join(known, ", ")
		if near := ident.Nearest(name, known); near != "" {
			message = "is not a member of this request; did you mean " + near + "?"
		}
		p.fail(jsontext.AppendPointer("", name), "unknownField", message)
	}
	if kind != operation.Delete && object["patch"] == nil {
		p.faults = append(p.faults, fault.Violation{In: "body", Code: "required", Message: `must have the member "patch"`, Params: map[string]any{"missing": []string{"patch"}}})
	}
	if len(p.faults) > 0 {
		return Request{}, malformed(p.faults...)
	}
	if p.request.Format == "" && kind != operation.Delete {
		p.request.Format = patch.Merge
	}
	if p.request.Filter == "" && !p.request.everythingIsMeant() {
		return Request{}, unfiltered("there is no filter")
	}
	return p.request, nil
}

// everythingIsMeant says whether a request may be about every document. Migrations are about a collection by what they are.
func (r Request) everythingIsMeant() bool { return r.All || r.Kind == operation.Migration }

func malformed(faults ...fault.Violation) error {
	return fault.New(fault.Malformed, "bulk.malformed", "the request cannot be read").With(faults...)
}

func unfiltered(why string) error {
	return fault.New(fault.Invalid, "bulk.unfiltered", `%s: where every document is meant, say so with "all": true`, why).
		With(fault.Violation{In: "body", Pointer: "/filter", Code: "unfiltered", Message: `matches everything; "all": true allows that`})
}

type parsing struct {
	request Request
	faults  []fault.Violation
}

func (p *parsing) fail(pointer, code, message string) {
	p.faults = append(p.faults, fault.Violation{In: "body", Pointer: pointer, Code: code, Message: message})
}

// known are the members that a request of the kind may have.
func (p *parsing) known() []string {
	names := []string{"filter", "all", "allowScan", "mode", "maxAffected", "documentsPerSecond"}
	if p.request.Kind != operation.Delete {
		names = append(names, "patch", "contentType")
	}
	if p.request.Kind == operation.Migration {
		names = slices.DeleteFunc(names, func(name string) bool { return name == "all" })
	}
	slices.Sort(names)
	return names
}

// members has one function for each member.
var members = map[string]func(p *parsing, v any){
	"filter": func(p *parsing, v any) {
		text, ok := v.(string)
		switch {
		case !ok:
			p.fail("/filter", "type", "must be a string")
		case len(text) > maxFilter:
			p.fail("/filter", "maxLength", fmt.Sprintf("must have at most %d bytes", maxFilter))
		}
		p.request.Filter = text
	},
	"all":       func(p *parsing, v any) { p.flag("/all", v, &p.request.All) },
	"allowScan": func(p *parsing, v any) { p.flag("/allowScan", v, &p.request.AllowScan) },
	"patch":     func(p *parsing, v any) { p.request.Patch = jsontext.Append(nil, v) },
	"contentType": func(p *parsing, v any) {
		text, _ := v.(string)
		if text == "application/json" {
			text = string(patch.Merge)
		}
		if p.request.Format = patch.Format(text); !slices.Contains(formats, p.request.Format) {
			p.fail("/contentType", "enum", fmt.Sprintf("must be one of %s, %s, %s", formats[0], formats[1], formats[2]))
		}
	},
	"mode": func(p *parsing, v any) {
		text, _ := v.(string)
		if p.request.Mode = Mode(text); p.request.Mode != Strict && p.request.Mode != Skip {
			p.fail("/mode", "enum", "must be one of strict, skip")
		}
	},
	"maxAffected":        func(p *parsing, v any) { p.request.MaxAffected = p.number("/maxAffected", v, maxAffected) },
	"documentsPerSecond": func(p *parsing, v any) { p.request.PerSecond = int(p.number("/documentsPerSecond", v, maxPerSecond)) },
}

func (p *parsing) flag(pointer string, v any, into *bool) {
	yes, ok := v.(bool)
	if !ok {
		p.fail(pointer, "type", "must be true or false")
	}
	*into = yes
}

func (p *parsing) number(pointer string, v any, most int64) int64 {
	text, _ := v.(json.Number)
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil || n < 1 || n > most {
		p.fail(pointer, "range", fmt.Sprintf("must be a whole number from 1 to %d", most))
	}
	return n
}

// Text returns the canonical text of the request, in the form that Parse reads.
func (r Request) Text() []byte {
	tree := map[string]any{"mode": string(r.Mode)}
	if r.Filter != "" {
		tree["filter"] = r.Filter
	}
	if r.All && r.Kind != operation.Migration {
		tree["all"] = true
	}
	if r.AllowScan {
		tree["allowScan"] = true
	}
	if r.MaxAffected > 0 {
		tree["maxAffected"] = json.Number(strconv.FormatInt(r.MaxAffected, 10))
	}
	if r.PerSecond > 0 {
		tree["documentsPerSecond"] = json.Number(strconv.Itoa(r.PerSecond))
	}
	if r.Patch != nil {
		value, err := jsontext.Decode(r.Patch)
		if err != nil {
			panic("bulk: a parsed patch is canonical JSON: " + err.Error())
		}
		tree["patch"], tree["contentType"] = value, string(r.Format)
	}
	return jsontext.Append(nil, tree)
}

func sorted(object map[string]any) []string {
	names := make([]string, 0, len(object))
	for name := range object {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}
