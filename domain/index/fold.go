package index

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Fold returns s with every letter replaced by the one that stands for all its cases: the lower-case form of the first of them, by Unicode's simple case folding.
func Fold(s string) string {
	for i := range len(s) {
		if c := s[i]; c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' {
			return strings.Map(foldRune, s)
		}
	}
	return s
}

func foldRune(r rune) rune {
	first := r
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		first = min(first, other)
	}
	lower := unicode.ToLower(first)
	for other := unicode.SimpleFold(first); other != first; other = unicode.SimpleFold(other) {
		if other == lower {
			return lower
		}
	}
	return first // ToLower leads elsewhere: a capital I with a dot is no case of i
}
