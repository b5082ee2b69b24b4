package query

import (
	"regexp"
	"regexp/syntax"
)

// Pattern is a regular expression in the syntax of RE2 that every interpreter matches alike.
type Pattern struct {
	// Tree is the parsed expression, not to be changed.
	Tree    *syntax.Regexp
	matcher *regexp.Regexp
}
