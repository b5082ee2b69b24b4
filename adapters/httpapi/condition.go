package httpapi

import (
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
		c, ok := document.ParseCondition(text, weak)
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
