package query

import (
	"regexp"
	"strings"
)

// The parser's messages name its tokens; a person wants to know what stood where something else could.
var (
	badCharacter = regexp.MustCompile(`(?s)token recognition error at: '(.*)'$`)
	mismatched   = regexp.MustCompile(`(?s)(?:mismatched|extraneous) input '(.*)' expecting (.*)$`)
	missing      = regexp.MustCompile(`(?s)missing (.*) at '(.*)'$`)
	noWay        = regexp.MustCompile(`(?s)no viable alternative at input '(.*)'$`)
	reserved     = regexp.MustCompile(`reserved identifier: (\w+)`)
)

// maxShown bounds what a message repeats of an expression, in bytes.
const maxShown = 40

// explainSyntax says in our words what the parser found.
func explainSyntax(message string) string {
	if m := badCharacter.FindStringSubmatch(message); m != nil {
		if strings.HasPrefix(m[1], `"`) || strings.HasPrefix(m[1], `'`) {
			return "a string begins here that does not end, or has an escape that is not known"
		}
		return found(m[1])
	}
	if m := mismatched.FindStringSubmatch(message); m != nil {
		return found(m[1]) + "; expected " + expectation(m[2])
	}
	if m := missing.FindStringSubmatch(message); m != nil {
		return found(m[2]) + "; expected " + expectation(m[1])
	}
	if m := reserved.FindStringSubmatch(message); m != nil {
		return shown(m[1]) + ` is a reserved word; a member of that name is doc.` + m[1] + ` or doc["` + m[1] + `"]`
	}
	if m := noWay.FindStringSubmatch(message); m != nil {
		return shown(m[1]) + " is not an expression"
	}
	switch {
	case strings.Contains(message, "recursion limit"):
		return "it is nested too deeply"
	case strings.Contains(message, "int literal"), strings.Contains(message, "double literal"):
		return "this is not a number"
	case strings.Contains(message, "invalid"), strings.Contains(message, "unable to unescape"):
		return "a string has an escape that is not known"
	}
	return "it is not an expression of CEL"
}

func found(token string) string {
	if token == "<EOF>" {
		return "the expression ends here"
	}
	text := shown(token) + " cannot stand here"
	if instead := elsewhere[strings.ToLower(strings.TrimSpace(token))]; instead != "" {
		text += "; write " + instead
	}
	return text
}

// elsewhere are operators of other languages.
var elsewhere = map[string]string{"=": "==", "<>": "!=", "and": "&&", "or": "||", "not": "!", "&": "&&", "|": "||", "like": "contains(…)", "is": "=="}

func shown(text string) string {
	if len(text) > maxShown {
		text = strings.ToValidUTF8(text[:maxShown], "") + "…"
	}
	return `"` + strings.TrimSpace(strings.ReplaceAll(text, `\n`, " ")) + `"`
}

// expectation turns a set of tokens into words. Where a value can begin, the set holds IDENTIFIER among others.
func expectation(set string) string {
	switch {
	case set == "<EOF>":
		return "the end or an operator"
	case strings.Contains(set, "NUM_INT"):
		return "a value"
	case strings.Contains(set, "IDENTIFIER"):
		return "a name"
	case strings.Contains(set, "'&&'"):
		return "an operator"
	}
	return strings.NewReplacer("{", "", "}", "", "'", `"`).Replace(set)
}
