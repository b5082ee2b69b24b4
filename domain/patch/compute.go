package patch

import (
	"encoding/json"
	"errors"
	"strings"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
)

// compile reads an expression over any document: what is stored may be older than the schema, and an update is often there to change just that.
func compile(at, source string) (*query.Expr, []fault.Violation) {
	env := query.FilterEnv(nil)
	env.Result, env.Code, env.In, env.Pointer = query.Dynamic, "document.patchMalformed", "body", at
	expression, err := query.Compile(source, env)
	if err != nil {
		return nil, fault.Find(err).Violations
	}
	return expression, nil
}

// compute puts the values of expressions in their places, all of them of the document as it is before the update. Together they are no longer than a document may be.
// It fails with every one that has no value.
func compute(doc any, of index.Document, list []assignment, limits jsontext.Limits) ([]assignment, error) {
	var vars query.Vars
	var faults []fault.Violation
	var texts []string
	left := limits.Bytes
	next := make([]assignment, len(list))
	for i, a := range list {
		next[i] = a
		expression, ok := a.argument.(*query.Expr)
		if !ok {
			continue
		}
		if vars == nil {
			vars = query.DocumentVars(doc, of.ID, of.Revision, of.CreatedAt, of.UpdatedAt)
		}
		value, length, err := valueOf(expression, vars)
		if f := fault.Find(err); f != nil {
			return nil, f
		}
		if err != nil {
			v := violation(a.at, "expression", "cannot be computed: "+err.Error())
			v.Params = map[string]any{"path": a.text, "pointer": a.path.Pointer()}
			faults, texts = append(faults, v), append(texts, a.text+" cannot be computed: "+err.Error())
		}
		if left -= length; left < 0 {
			return nil, fault.New(fault.TooLarge, "document.patchTooLarge", "what an update computes has at most %d bytes", limits.Bytes)
		}
		next[i].argument = value
	}
	if len(faults) > 0 {
		return nil, fault.New(fault.Conflict, "document.patchConflict", "the update cannot be applied: %s", strings.Join(texts[:min(len(texts), 3)], "; ")).With(faults...)
	}
	return next, nil
}

var errDigits = errors.New("a number has too many digits")

// valueOf returns the value of an expression as JSON that can be stored, with nothing in common with the document, and the length of its text.
func valueOf(expression *query.Expr, vars query.Vars) (value any, length int, err error) {
	if value, err = expression.Eval(vars); err != nil {
		return nil, 0, err
	}
	value = query.JSON(value)
	if !storable(value) {
		return nil, 0, errDigits
	}
	text := jsontext.Append(nil, value)
	value, err = jsontext.Decode(text)
	return value, len(text), err
}

// storable says whether every number in a value is one that can be kept.
func storable(v any) bool {
	switch v := v.(type) {
	case json.Number:
		return jsontext.ValidNumber(string(v))
	case []any:
		for _, element := range v {
			if !storable(element) {
				return false
			}
		}
	case map[string]any:
		for _, member := range v {
			if !storable(member) {
				return false
			}
		}
	}
	return true
}
