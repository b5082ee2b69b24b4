package collection

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
	"github.com/sheafdb/sheaf/domain/schema"
)

// UnknownFields says what happens to members that the schema does not name, at every place where it names some.
type UnknownFields string

// The choices for UnknownFields.
const (
	AllowUnknown  UnknownFields = "allow"
	RejectUnknown UnknownFields = "reject"
	StripUnknown  UnknownFields = "strip"
)

// Concurrency says whether replacing and deleting documents needs a condition.
type Concurrency string

// The choices for Concurrency.
const (
	ConditionOptional Concurrency = "optional"
	ConditionRequired Concurrency = "required"
)

// Configuration is what a user declares of a collection, with every default filled in.
type Configuration struct {
	Description string
	// Schema is the JSON text of the schema; nil is the schema of any object.
	Schema        json.RawMessage
	UnknownFields UnknownFields
	// IDFrom leads to the member that is the id of a new document; nil where ids are given or made.
	IDFrom      query.Path
	idFromText  string
	Concurrency Concurrency
	// Coerce makes values of the types that the schema asks for, Defaults stores defaults of the schema.
	Coerce, Defaults bool
	Rules            []*Rule
	Enforcement      Enforcement
	Indexes          []*index.Index
	References       []Reference
	Cache            CachePolicy
	// Expiry is when documents expire; nil where they do not.
	Expiry *Expiry
}

// maxDescription bounds a description, in bytes.
const maxDescription = 4096

// kept are the members that the server adds to an answer; a declaration may bring them back, and they are ignored.
var kept = []string{"revision", "state", "createdAt", "updatedAt", "impact"}

// Parse judges the declaration of a collection: body is its decoded JSON.
// It fails with fault.Invalid and code "collection.invalid"; every mistake is a violation with a pointer into the body.
func Parse(name ident.Collection, body any, limits schema.Limits) (Configuration, *schema.Schema, error) {
	object, ok := body.(map[string]any)
	if !ok {
		return Configuration{}, nil, invalid(fault.Violation{Code: "type", Message: "must be an object"})
	}
	p := parsing{
		config:   Configuration{UnknownFields: AllowUnknown, Concurrency: ConditionOptional, Defaults: true, Enforcement: Enforce},
		compiled: schema.Any(),
		limits:   limits,
		name:     name,
	}
	for _, key := range sortedKeys(object) {
		if member, known := members[key]; known {
			member(&p, "/"+key, object[key])
		} else if !slices.Contains(kept, key) {
			p.fail(jsontext.AppendPointer("", key), "unknownField", "is not a member of a configuration that this version knows"+suggestion(key))
		}
	}
	if err := p.together(object); err != nil {
		return Configuration{}, nil, err
	}
	if len(p.faults) > 0 {
		return Configuration{}, nil, invalid(p.faults...)
	}
	return p.config, p.compiled, nil
}

// together reads what depends on other members: rules are checked against the schema, and so is what is to be filled in.
func (p *parsing) together(object map[string]any) error {
	if rules, given := object["rules"]; given {
		doc, err := documentType(p.config) // that of any object where the schema is not valid
		if err != nil {
			return fault.Wrap(err, fault.Internal, "internal", "types of a schema")
		}
		p.rules("/rules", rules, doc)
	}
	if p.config.Defaults {
		for _, v := range p.compiled.DefaultFaults() {
			v.Pointer = "/schema" + v.Pointer
			v.Message += `; or declare "defaults": false`
			p.faults = append(p.faults, v)
		}
	}
	for _, m := range marksOf(p.compiled) {
		if (m.ReadOnly || m.WriteOnly) && p.config.IDFrom.Within(m.path) {
			p.fail("/id/from", "marked", "leads to a member with readOnly or writeOnly: an id is set by clients, and shown")
		}
	}
	return nil
}

func invalid(faults ...fault.Violation) error {
	return fault.New(fault.Invalid, "collection.invalid", "the configuration is not valid").With(faults...)
}

type parsing struct {
	name     ident.Collection
	limits   schema.Limits
	config   Configuration
	compiled *schema.Schema
	faults   []fault.Violation
}

func (p *parsing) fail(pointer, code, message string) {
	p.faults = append(p.faults, fault.Violation{In: "body", Pointer: pointer, Code: code, Message: message})
}

// text returns the string in value, and fails at pointer when it is none.
func (p *parsing) text(pointer string, value any) (string, bool) {
	s, ok := value.(string)
	if !ok {
		p.fail(pointer, "type", "must be a string")
	}
	return s, ok
}

func (p *parsing) flag(pointer string, value any, into *bool) {
	b, ok := value.(bool)
	if !ok {
		p.fail(pointer, "type", "must be true or false")
		return
	}
	*into = b
}

// choice returns value when it is one of the allowed words, and fails at pointer when it is not.
func choice[T ~string](p *parsing, pointer string, value any, into *T, allowed ...T) {
	s, ok := p.text(pointer, value)
	if !ok {
		return
	}
	if !slices.Contains(allowed, T(s)) {
		words := make([]string, len(allowed))
		for i, a := range allowed {
			words[i] = string(a)
		}
		p.fail(pointer, "enum", "must be one of "+strings.Join(words, ", "))
		return
	}
	*into = T(s)
}

// members has one function for each member of a configuration; a member that is not here is a mistake.
var members = map[string]func(p *parsing, pointer string, value any){
	"name": func(p *parsing, pointer string, value any) {
		if s, ok := p.text(pointer, value); ok && s != p.name.String() {
			p.fail(pointer, "name", "must be equal to the name in the path, or left out")
		}
	},
	"description": func(p *parsing, pointer string, value any) {
		if s, ok := p.text(pointer, value); ok {
			if len(s) > maxDescription {
				p.fail(pointer, "maxLength", "must have at most 4096 bytes")
			}
			p.config.Description = s
		}
	},
	"schema": func(p *parsing, pointer string, value any) {
		text := jsontext.Append(nil, value)
		compiled, err := schema.Compile(text, p.limits)
		if err != nil {
			p.adopt(pointer, err)
			return
		}
		p.config.Schema, p.compiled = text, compiled
	},
	"unknownFields": func(p *parsing, pointer string, value any) {
		choice(p, pointer, value, &p.config.UnknownFields, AllowUnknown, RejectUnknown, StripUnknown)
	},
	"coerce":   func(p *parsing, pointer string, value any) { p.flag(pointer, value, &p.config.Coerce) },
	"defaults": func(p *parsing, pointer string, value any) { p.flag(pointer, value, &p.config.Defaults) },
	"rules":    func(*parsing, string, any) {}, // see together
	"enforcement": func(p *parsing, pointer string, value any) {
		choice(p, pointer, value, &p.config.Enforcement, Enforce, Report, Ratchet)
	},
	"concurrency": func(p *parsing, pointer string, value any) {
		choice(p, pointer, value, &p.config.Concurrency, ConditionOptional, ConditionRequired)
	},
	"indexes": func(p *parsing, pointer string, value any) {
		indexes, wrong := index.ParseAll(value)
		for _, v := range wrong {
			v.Pointer = pointer + v.Pointer
			p.faults = append(p.faults, v)
		}
		p.config.Indexes = indexes
	},
	"references": (*parsing).references,
	"cache":      (*parsing).cachePolicy,
	"expiry":     (*parsing).expiry,
	"id": func(p *parsing, pointer string, value any) {
		object, ok := value.(map[string]any)
		if !ok {
			p.fail(pointer, "type", "must be an object")
			return
		}
		for _, key := range sortedKeys(object) {
			if key != "from" {
				p.fail(jsontext.AppendPointer(pointer, key), "unknownField", `is not a member of "id"; it has "from"`)
			}
		}
		from, given := object["from"]
		if !given {
			p.faults = append(p.faults, fault.Violation{In: "body", Pointer: pointer, Code: "required", Message: `must have the member "from"`, Params: map[string]any{"missing": []string{"from"}}})
			return
		}
		s, ok := p.text(pointer+"/from", from)
		if !ok {
			return
		}
		path, err := query.ParsePath(s)
		if err != nil {
			p.fail(pointer+"/from", "path", fault.Find(err).Text)
			return
		}
		p.config.IDFrom, p.config.idFromText = path, s
	},
}

// adopt takes over the faults that a member's own parser found, below pointer.
func (p *parsing) adopt(pointer string, err error) {
	f := fault.Find(err)
	if f == nil || len(f.Violations) == 0 {
		p.fail(pointer, "schema", err.Error())
		return
	}
	for _, v := range f.Violations {
		v.In, v.Pointer = "body", pointer+v.Pointer
		p.faults = append(p.faults, v)
	}
}

func sortedKeys(object map[string]any) []string {
	keys := make([]string, 0, len(object))
	for key := range object {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

// Tree returns the configuration as decoded JSON, in the form that Parse reads.
func (c Configuration) Tree() map[string]any {
	tree := map[string]any{
		"unknownFields": string(c.UnknownFields),
		"concurrency":   string(c.Concurrency),
	}
	if c.Coerce {
		tree["coerce"] = true
	}
	if !c.Defaults {
		tree["defaults"] = false
	}
	if c.Enforcement != Enforce {
		tree["enforcement"] = string(c.Enforcement)
	}
	if len(c.Rules) > 0 {
		list := make([]any, len(c.Rules))
		for i, r := range c.Rules {
			list[i] = r.Tree()
		}
		tree["rules"] = list
	}
	if c.Description != "" {
		tree["description"] = c.Description
	}
	if c.Schema != nil {
		value, err := jsontext.Decode(c.Schema)
		if err != nil {
			panic("collection: a parsed schema is canonical JSON: " + err.Error())
		}
		tree["schema"] = value
	}
	if c.IDFrom != nil {
		tree["id"] = map[string]any{"from": c.idFromText}
	}
	if cache := c.Cache.tree(); cache != nil {
		tree["cache"] = cache
	}
	if len(c.References) > 0 {
		list := make([]any, len(c.References))
		for i, r := range c.References {
			list[i] = r.Tree()
		}
		tree["references"] = list
	}
	if c.Expiry != nil {
		tree["expiry"] = c.Expiry.Tree()
	}
	if len(c.Indexes) > 0 {
		list := make([]any, len(c.Indexes))
		for i, x := range c.Indexes {
			list[i] = x.Tree()
		}
		tree["indexes"] = list
	}
	return tree
}

// Format returns the canonical JSON text of the configuration. Equal configurations have equal texts.
func (c Configuration) Format() []byte { return jsontext.Append(nil, c.Tree()) }

// Compile makes a collection of what an adapter keeps.
// It fails when the stored configuration is not one that this version can read.
func Compile(stored Stored, limits schema.Limits) (*Collection, error) {
	tree, err := jsontext.Decode(stored.Configuration)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "internal", "configuration of collection %q", stored.Name)
	}
	config, compiled, err := Parse(stored.Name, tree, limits)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "internal", "configuration of collection %q", stored.Name)
	}
	doc, err := documentType(config)
	if err != nil {
		return nil, fault.Wrap(err, fault.Internal, "internal", "configuration of collection %q", stored.Name)
	}
	c := &Collection{Stored: stored, Config: config, schema: compiled, filters: query.FilterEnv(doc)}
	c.prepare()
	c.adoptIndexes()
	return c, nil
}
