package httpapi

import (
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
		c, ok := document.ParseCondition(text, weak)
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
		tags, all, ok := document.ParseTags(text)
		if !ok {
			faults = append(faults, brokenCondition(name))
		}
		known := &app.Tags{Any: all}
		for _, tag := range tags {
			if weak || !tag.Weak {
				known.Tags = append(known.Tags, tag.Text)
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

// minimal says whether the header Prefer asks for an answer without a body (RFC 7240 section 4.2).
func minimal(prefer string) bool {
	value, _ := preferred(prefer, "return")
	return value == "minimal"
}

// preferred returns the value of a preference, and whether it is in the header; the first of a name counts (RFC 7240 section 2).
func preferred(prefer, name string) (value string, found bool) {
	for preference := range strings.SplitSeq(prefer, ",") {
		preference, _, _ = strings.Cut(preference, ";")
		own, value, _ := strings.Cut(preference, "=")
		if strings.EqualFold(strings.TrimSpace(own), name) {
			return strings.Trim(strings.TrimSpace(value), `"`), true
		}
	}
	return "", false
}
