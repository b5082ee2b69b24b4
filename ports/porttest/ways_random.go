package porttest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/sheafdb/sheaf/domain/jsontext"
)

// configured is a random configuration.
type configured struct {
	text string
	// bare is the same without defaults.
	bare string
	// fills says that defaults are stored, marks that some members are kept from clients.
	fills, marks bool
}

// memberNames are those of random documents; what a member holds most often is in memberValues.
var memberNames = []string{"text", "count", "flag", "state", "list", "part", "due", "other"}

// someOf are values, most of which are near to what schemas ask for.
var someOf = map[string][]any{
	"text":  {"a", " A ", "B  b", "", "42", "true", json.Number("7"), true, nil, "long enough"},
	"count": {json.Number("1"), json.Number("2.50"), json.Number("-3"), json.Number("100"), "12", "1.0", "x", nil, false},
	"flag":  {true, false, "true", "yes", json.Number("1"), json.Number("2"), nil},
	"state": {"new", "open", "closed", "NEW", json.Number("1")},
	"due":   {"2026-01-31T12:00:00Z", "2030-01-31T12:00:00.5Z", "tomorrow", nil},
	"other": {json.Number("0"), "x", []any{}, map[string]any{}},
}

// oneOf returns one of several.
func oneOf[T any](r *rand.Rand, of ...T) T { return of[r.IntN(len(of))] }

// rarely says yes one time in n.
func rarely(r *rand.Rand, n int) bool { return r.IntN(n) == 0 }

// document returns a random document without its key.
func (configured) document(r *rand.Rand) map[string]any {
	doc := map[string]any{}
	for _, name := range memberNames {
		if rarely(r, 3) {
			continue
		}
		switch name {
		case "list":
			list := []any{}
			for range r.IntN(4) {
				list = append(list, oneOf[any](r, part(r), oneOf(r, someOf["count"]...), part(r)))
			}
			doc[name] = list
		case "part":
			doc[name] = oneOf[any](r, part(r), part(r), nil)
		default:
			// The first ones are mostly right.
			doc[name] = someOf[name][min(r.IntN(len(someOf[name])), r.IntN(len(someOf[name])))]
		}
	}
	return doc
}

func part(r *rand.Rand) map[string]any {
	made := map[string]any{}
	for _, name := range []string{"text", "count", "state"} {
		if !rarely(r, 3) {
			made[name] = someOf[name][min(r.IntN(len(someOf[name])), r.IntN(len(someOf[name])))]
		}
	}
	return made
}

// defaultsOf are defaults that every subschema of a member admits here.
var defaultsOf = map[string]string{"text": `"std"`, "count": `5`, "flag": `false`, "state": `"new"`}

// memberSchema returns a random schema of a member.
func memberSchema(r *rand.Rand, name string, c *configured) map[string]any {
	s := map[string]any{}
	put := func(keyword, value string) { s[keyword] = decodedText(value) }
	switch name {
	case "text":
		put("type", oneOf(r, `"string"`, `"string"`, `["string", "null"]`))
		if rarely(r, 3) {
			put("x-normalize", oneOf(r, `"trim"`, `["trim", "lowercase"]`, `["collapse"]`))
		} else if rarely(r, 4) {
			put("maxLength", `3`)
		}
	case "count":
		put("type", oneOf(r, `"number"`, `"integer"`, `["number", "null"]`))
		if rarely(r, 3) {
			put("minimum", `0`)
		}
	case "flag":
		put("type", `"boolean"`)
	case "state":
		put("enum", `["new", "open", "closed"]`)
	case "due":
		put("format", `"date-time"`)
	}
	if text := defaultsOf[name]; text != "" && rarely(r, 4) && s["x-normalize"] == nil {
		put("default", text)
	}
	if rarely(r, 12) && c.marks {
		s[oneOf(r, "readOnly", "writeOnly", "x-immutable")] = true
	} else if name == "due" && rarely(r, 4) && c.marks {
		s["x-timestamp"] = oneOf(r, "created", "updated")
	}
	return s
}

func objectSchema(r *rand.Rand, names []string, c *configured) map[string]any {
	properties, required := map[string]any{}, []any{}
	for _, name := range names {
		if rarely(r, 4) {
			continue
		}
		switch name {
		case "list":
			bare := configured{}
			properties[name] = map[string]any{"type": "array", "items": map[string]any{"properties": objectSchema(r, []string{"text", "count", "state"}, &bare)["properties"]}}
		case "part":
			properties[name] = objectSchema(r, []string{"text", "count", "state"}, c)
		default:
			properties[name] = memberSchema(r, name, c)
		}
		if rarely(r, 5) {
			required = append(required, name)
		}
	}
	return map[string]any{"type": "object", "properties": properties, "required": required}
}

// ruleTexts are rules of every sort: about the document, about what is not there, about changes, and some that often cannot be evaluated.
var ruleTexts = []string{
	`!has(doc.count) || doc.count != 100`, `has(doc.text) || has(doc.state)`, `doc.count >= 0`, `old == null || old.state == doc.state`,
	`old == null || !has(old.count) || old.count <= doc.count`, `!has(doc.list) || doc.list.all(x, size(x) < 3)`, `!has(doc.due) || timestamp(doc.due) > now`,
	`!(has(doc.flag) && has(doc.other))`, `id != "nobody"`, `size(doc.list) < 3 || doc.flag`,
}

func randomConfiguration(r *rand.Rand) configured {
	c := configured{marks: rarely(r, 3)}
	object := objectSchema(r, memberNames, &c)
	properties, _ := object["properties"].(map[string]any)
	properties["key"] = map[string]any{"type": "string"}
	if rarely(r, 5) {
		object["additionalProperties"] = false
	}
	if rarely(r, 4) {
		object["if"] = decodedText(`{"properties": {"state": {"const": "closed"}}, "required": ["state"]}`)
		object["then"] = decodedText(oneOf(r, `{"required": ["count"]}`, `{"properties": {"flag": {"type": "boolean", "default": true}}}`))
	}
	if rarely(r, 5) {
		object["anyOf"] = decodedText(`[{"required": ["text"]}, {"properties": {"count": {"minimum": 2}}, "required": ["count"]}]`)
	}
	config := map[string]any{
		"schema": object, "unknownFields": oneOf(r, "allow", "allow", "reject", "strip"), "coerce": rarely(r, 2), "defaults": !rarely(r, 3),
		"enforcement": oneOf(r, "enforce", "enforce", "report", "ratchet"),
	}
	if rarely(r, 4) {
		config["id"] = map[string]any{"from": "doc.key"}
	}
	var rules []any
	for i, at := range r.Perm(len(ruleTexts))[:r.IntN(3)] {
		rules = append(rules, map[string]any{"code": fmt.Sprint("rule-", i), "rule": ruleTexts[at], "path": oneOf(r, "", "doc.count", "/list")})
	}
	if rules != nil {
		config["rules"] = rules
	}
	// A closed object does not have every member that a rule asks for.
	if closed := object["additionalProperties"] == false || config["unknownFields"] != "allow"; closed {
		for _, name := range memberNames {
			if properties[name] == nil {
				properties[name] = map[string]any{}
			}
		}
	}
	c.fills = config["defaults"] == true && strings.Contains(string(jsontext.Append(nil, object)), `"default"`)
	c.text = string(jsontext.Append(nil, config))
	config["defaults"] = false
	c.bare = string(jsontext.Append(nil, config))
	return c
}

func decodedText(text string) any {
	tree, err := jsontext.Decode([]byte(text))
	if err != nil {
		panic(err)
	}
	return tree
}
