package collection

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
	"github.com/sheafdb/sheaf/domain/schema"
)

// Limits of rules.
const (
	maxRules       = 100
	maxRuleMessage = 500
	// ruleWork bounds all rules of one document together, in nodes of their expressions and what else takes as long as one. It takes 10 to 50 ms.
	ruleWork = 200_000
)

// codeRule is the code of a violation: a rule cannot be evaluated for the document. Params name it.
const codeRule = "rule"

// ruleCode is what the code of a rule looks like.
var ruleCode = regexp.MustCompile(`^[a-z][A-Za-z0-9]*([._-][A-Za-z0-9]+)*$`)

const maxRuleCode = 64

// ownCodes are codes of violations that are not keywords of JSON Schema; no rule can have them.
var ownCodes = []string{
	codeRule, codeReadOnly, codeImmutable, schema.CodeCoerced, "expiry", "id", "json.depth", "reference", "tooComplex", "unique", "unknownField",
}

// Rule is something that documents have to satisfy and a schema cannot say.
type Rule struct {
	// Code is that of the violation, Message its text.
	Code, Message string
	// Pointer is the place that the violation names.
	Pointer string
	// Expr is true of documents that satisfy the rule. Its variables are doc, old (null for a new document), now and id.
	Expr *query.Expr

	path string // as it was declared
	// change says that the rule is about changes: it mentions old.
	change bool
}

// Tree returns the rule as decoded JSON, in the form that a configuration declares it.
func (r *Rule) Tree() map[string]any {
	tree := map[string]any{"code": r.Code, "rule": r.Expr.String()}
	if r.Message != "" {
		tree["message"] = r.Message
	}
	if r.path != "" {
		tree["path"] = r.path
	}
	return tree
}

// ruleEnv is what rules are compiled for.
func ruleEnv(doc *query.Type) *query.Env {
	return &query.Env{
		Variables: map[string]*query.Type{"doc": doc, "old": doc, "now": query.TypeOf(query.Timestamp), "id": query.TypeOf(query.String)},
		Result:    query.Bool, In: "body",
	}
}

// rules reads the declarations of rules; doc is what is known of documents.
func (p *parsing) rules(pointer string, value any, doc *query.Type) {
	list, ok := value.([]any)
	if !ok {
		p.fail(pointer, "type", "must be an array")
		return
	}
	if len(list) > maxRules {
		p.fail(pointer, "maxItems", "must have at most 100 rules")
		return
	}
	for i, v := range list {
		p.rule(jsontext.AppendPointer(pointer, strconv.Itoa(i)), v, doc)
	}
}

func (p *parsing) rule(pointer string, value any, doc *query.Type) {
	object, ok := value.(map[string]any)
	if !ok {
		p.fail(pointer, "type", "must be an object")
		return
	}
	before := len(p.faults)
	r := &Rule{}
	texts := map[string]*string{"code": &r.Code, "rule": new(string), "message": &r.Message, "path": &r.path}
	for _, key := range sortedKeys(object) {
		if texts[key] == nil {
			p.fail(jsontext.AppendPointer(pointer, key), "unknownField", `is not a member of a rule; it has "code", "rule", "message" and "path"`)
		} else if text, ok := p.text(pointer+"/"+key, object[key]); ok {
			*texts[key] = text
		}
	}
	for _, key := range []string{"code", "rule"} {
		if _, given := object[key]; !given {
			p.faults = append(p.faults, fault.Violation{
				In: "body", Pointer: pointer, Code: "required", Message: `must have the member "` + key + `"`, Params: map[string]any{"missing": []string{key}},
			})
		}
	}
	if len(p.faults) > before {
		return
	}
	p.ruleCode(pointer+"/code", r.Code)
	if len(r.Message) > maxRuleMessage {
		p.fail(pointer+"/message", "maxLength", "must have at most 500 bytes")
	}
	if r.Pointer, ok = rulePlace(r.path); !ok {
		p.fail(pointer+"/path", "path", `is not a path like doc.name, nor a JSON Pointer like "/name"`)
	}
	if slices.ContainsFunc(p.config.Rules, func(o *Rule) bool { return o.Code == r.Code && o.Pointer == r.Pointer }) {
		p.fail(pointer+"/code", "unique", "is the code of another rule with the same path")
	}
	env := ruleEnv(doc)
	env.Pointer = pointer + "/rule"
	var err error
	if r.Expr, err = query.Compile(*texts["rule"], env); err != nil {
		p.faults = append(p.faults, fault.Find(err).Violations...)
	}
	if len(p.faults) > before {
		return
	}
	r.change = r.Expr.Uses("old")
	p.config.Rules = append(p.config.Rules, r)
}

func (p *parsing) ruleCode(pointer, code string) {
	switch {
	case len(code) > maxRuleCode || !ruleCode.MatchString(code):
		p.fail(pointer, "pattern", "must have at most 64 letters and digits, in parts with one of - . _ between them, and begin with a small letter")
	case schema.IsKeyword(code) || slices.Contains(ownCodes, code):
		p.fail(pointer, "taken", "is a code of other violations: a keyword of JSON Schema, or one of the server's own")
	}
}

// rulePlace returns the JSON Pointer of a place that is written as one, or as a path; "" is the whole document.
func rulePlace(text string) (pointer string, ok bool) {
	if text == "" || strings.HasPrefix(text, "/") {
		_, err := jsontext.ParsePointer(text)
		return text, err == nil && len(text) <= maxRuleMessage
	}
	path, err := query.ParsePath(text)
	return path.Pointer(), err == nil
}

// broken returns what is wrong with a document by these rules. Where it is refused anyway, a rule that has no value for it says nothing.
func broken(rules []*Rule, vars query.Vars, refused bool) []fault.Violation {
	var faults []fault.Violation
	work := ruleWork
	for _, r := range rules {
		holds, err := r.Expr.Judge(vars, &work)
		switch {
		case err == nil && holds, err != nil && refused:
		case err != nil:
			faults = append(faults, fault.Violation{
				In: "body", Pointer: r.Pointer, Code: codeRule, Message: "cannot be judged by the rule " + r.Code + ": " + err.Error(), Params: map[string]any{"rule": r.Code},
			})
		default:
			message := r.Message
			if message == "" {
				message = "breaks the rule " + r.Code
			}
			faults = append(faults, fault.Violation{In: "body", Pointer: r.Pointer, Code: r.Code, Message: message})
		}
	}
	return faults
}
