package document

import (
	"strconv"
	"strings"
)

// EntityTag is one of a list.
type EntityTag struct {
	// Text is the opaque part, in its quotes.
	Text string
	Weak bool
}

// ParseTags reads `*` or a list of entity tags (RFC 9110 sections 8.8.3 and 13.1).
func ParseTags(text string) (tags []EntityTag, all, ok bool) {
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
		tags = append(tags, EntityTag{rest[:len(tag)+2], weak})
		text = strings.TrimLeft(after, " \t")
		if text != "" && text[0] != ',' {
			return nil, false, false
		}
	}
	return tags, false, len(tags) > 0
}

// ParseCondition reads a condition on a revision. A tag that names none is one that nothing has, and so is a weak tag where the comparison is strong.
func ParseCondition(text string, weak bool) (Condition, bool) {
	tags, all, ok := ParseTags(text)
	c := Condition{Any: all}
	for _, tag := range tags {
		digits := tag.Text[1 : len(tag.Text)-1]
		if revision, err := strconv.ParseInt(digits, 10, 64); err == nil && revision > 0 && digits[0] != '+' && digits[0] != '0' && (weak || !tag.Weak) {
			c.Revisions = append(c.Revisions, revision)
		}
	}
	return c, ok
}

// notInTag says which characters an opaque tag cannot hold.
func notInTag(r rune) bool { return r < 0x21 || r == 0x7f }
