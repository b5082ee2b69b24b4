package document

import (
	"strconv"
	"strings"
)

// ParseCondition reads `*` or a list of entity tags (RFC 9110 sections 8.8.3 and 13.1). A tag that names no revision is one that nothing has, and so
// is a weak tag where the comparison is strong.
func ParseCondition(text string, weak bool) (Condition, bool) {
	text = strings.Trim(text, " \t")
	if text == "*" {
		return Condition{Any: true}, true
	}
	c := Condition{}
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
