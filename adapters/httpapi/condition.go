package httpapi

import (
	"strconv"
	"strings"

	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/ports/app"
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
			faults = append(faults, brokenCondition(name))
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

// entityTag is one of a list: its opaque part, in its quotes, and whether it is weak.
type entityTag struct {
	text string
	weak bool
}

// parseTags reads `*` or a list of entity tags (RFC 9110 sections 8.8.3 and 13.1).
func parseTags(text string) (tags []entityTag, all, ok bool) {
	text = strings.Trim(text, " \t")
	if text == "*" {
		return nil, true, true
	}
	for text != "" {
		if text[0] == ',' || text[0] == ' ' || text[0] == '\t' { // empty elements are allowed (section 5.6.1.2)
			text = text[1:]
			continue
		}
		rest, weak := strings.CutPrefix(text, "W/")
		if rest == "" || rest[0] != '"' {
			return nil, false, false
		}
		tag, after, closed := strings.Cut(rest[1:], `"`)
		if !closed || strings.IndexFunc(tag, notInTag) >= 0 {
			return nil, false, false
		}
		tags = append(tags, entityTag{rest[:len(tag)+2], weak})
		text = strings.TrimLeft(after, " \t")
		if text != "" && text[0] != ',' {
			return nil, false, false
		}
	}
	return tags, false, len(tags) > 0
}

// parseCondition reads a condition on a revision. A tag that names none is one that nothing has, and so is a weak tag where the comparison is strong.
func parseCondition(text string, weak bool) (document.Condition, bool) {
	tags, all, ok := parseTags(text)
	c := document.Condition{Any: all}
	for _, tag := range tags {
		digits := tag.text[1 : len(tag.text)-1]
		if revision, err := strconv.ParseInt(digits, 10, 64); err == nil && revision > 0 && digits[0] != '+' && digits[0] != '0' && (weak || !tag.weak) {
			c.Revisions = append(c.Revisions, revision)
		}
	}
	return c, ok
}

// listConditions are those of a request for a list.
type listConditions struct {
	match, noneMatch *app.Tags
}

// parseListConditions reads If-Match, which compares strongly, and If-None-Match, which does not. All that is wrong with them is reported at once.
func parseListConditions(match, noneMatch string) (listConditions, error) {
	var faults []fault.Violation
	read := func(name, text string, weak bool) *app.Tags {
		if text == "" {
			return nil
		}
		tags, all, ok := parseTags(text)
		if !ok {
			faults = append(faults, brokenCondition(name))
		}
		known := &app.Tags{Any: all}
		for _, tag := range tags {
			if weak || !tag.weak {
				known.Tags = append(known.Tags, tag.text)
			}
		}
		return known
	}
	c := listConditions{read("If-Match", match, false), read("If-None-Match", noneMatch, true)}
	if len(faults) > 0 {
		return listConditions{}, fault.New(fault.Malformed, "condition.malformed", "a condition cannot be read").With(faults...)
	}
	return c, nil
}

// check fails where the list is none of those that the caller wants.
func (c listConditions) check(tag string) error {
	if c.match != nil && !c.match.Has(tag) {
		return fault.New(fault.Stale, "list.stale", "the list is not, or not any more, one of those that If-Match names")
	}
	return nil
}

func brokenCondition(header string) fault.Violation {
	return fault.Violation{In: "header", Pointer: header, Code: "entityTag", Message: `must be * or a list of entity tags in quotes, such as "3"`}
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
