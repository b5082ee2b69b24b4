package httpapi

import (
	"strconv"
	"strings"

	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
)

// parseConditions reads If-Match and If-None-Match. All that is wrong with them is reported at once.
func parseConditions(match, noneMatch string) (document.Precondition, error) {
	var pre document.Precondition
	var faults []fault.Violation
	read := func(name, text string, weak bool) *document.Condition {
		if text == "" {
			return nil
		}
		c, ok := parseCondition(text, weak)
		if !ok {
			faults = append(faults, fault.Violation{In: "header", Pointer: name, Code: "entityTag", Message: `must be * or a list of entity tags in quotes, such as "3"`})
		}
		return &c
	}
	pre.Match = read("If-Match", match, false)
	pre.NoneMatch = read("If-None-Match", noneMatch, true)
	if len(faults) > 0 {
		return document.Precondition{}, fault.New(fault.Malformed, "condition.malformed", "a condition cannot be read").With(faults...)
	}
	return pre, nil
}

// parseCondition reads `*` or a list of entity tags (RFC 9110 sections 8.8.3 and 13.1). A tag that names no revision is one that nothing has, and so
// is a weak tag where the comparison is strong.
func parseCondition(text string, weak bool) (document.Condition, bool) {
	text = strings.Trim(text, " \t")
	if text == "*" {
		return document.Condition{Any: true}, true
	}
	c := document.Condition{}
	tags := 0
	for text != "" {
		if text[0] == ',' || text[0] == ' ' || text[0] == '\t' { // empty elements are allowed (section 5.6.1.2)
			text = text[1:]
			continue
		}
		rest, isWeak := strings.CutPrefix(text, "W/")
		if rest == "" || rest[0] != '"' {
			return c, false
		}
		tag, after, closed := strings.Cut(rest[1:], `"`)
		if !closed || strings.IndexFunc(tag, notInTag) >= 0 {
			return c, false
		}
		tags++
		text = strings.TrimLeft(after, " \t")
		if text != "" && text[0] != ',' {
			return c, false
		}
		if revision, err := strconv.ParseInt(tag, 10, 64); err == nil && revision > 0 && tag[0] != '+' && tag[0] != '0' && (weak || !isWeak) {
			c.Revisions = append(c.Revisions, revision)
		}
	}
	return c, tags > 0
}

// notInTag says which characters an opaque tag cannot hold.
func notInTag(r rune) bool { return r < 0x21 || r == 0x7f }

// minimal says whether the header Prefer asks for an answer without a body (RFC 7240 section 4.2).
func minimal(prefer string) bool {
	for preference := range strings.SplitSeq(prefer, ",") {
		name, _, _ := strings.Cut(preference, ";")
		name, value, _ := strings.Cut(name, "=")
		if strings.EqualFold(strings.TrimSpace(name), "return") {
			return strings.Trim(strings.TrimSpace(value), `"`) == "minimal"
		}
	}
	return false
}
