package expression

import (
	"fmt"
	"regexp/syntax"
	"strings"
	"unicode"
)

// translate writes a regular expression of RE2, as query has admitted it, as one of PostgreSQL's that matches the same texts.
//
// Whether there is a match is all that is asked: groups capture nothing, and greed does not matter. Classes are written as ranges of
// code points, so that no locale has a say.
func translate(re *syntax.Regexp) string {
	var b strings.Builder
	write(&b, re)
	return b.String()
}

const (
	word     = `[0-9A-Z_a-z]`
	boundary = `(?:(?<=` + word + `)(?!` + word + `)|(?<!` + word + `)(?=` + word + `))`
	interior = `(?:(?<=` + word + `)(?=` + word + `)|(?<!` + word + `)(?!` + word + `))`
)

func write(b *strings.Builder, re *syntax.Regexp) {
	switch re.Op {
	case syntax.OpEmptyMatch:
		b.WriteString(`(?:)`)
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			if re.Flags&syntax.FoldCase != 0 {
				b.WriteString(class(folds(r)))
			} else {
				b.WriteString(character(r))
			}
		}
	case syntax.OpCharClass:
		b.WriteString(class(re.Rune))
	case syntax.OpAnyCharNotNL:
		b.WriteString(`[^\n]`)
	case syntax.OpAnyChar:
		b.WriteString(`.`)
	case syntax.OpBeginText:
		b.WriteString(`\A`)
	case syntax.OpEndText:
		b.WriteString(`\Z`)
	case syntax.OpWordBoundary:
		b.WriteString(boundary)
	case syntax.OpNoWordBoundary:
		b.WriteString(interior)
	case syntax.OpCapture:
		group(b, re.Sub[0])
	case syntax.OpStar:
		group(b, re.Sub[0])
		b.WriteString(`*`)
	case syntax.OpPlus:
		group(b, re.Sub[0])
		b.WriteString(`+`)
	case syntax.OpQuest:
		group(b, re.Sub[0])
		b.WriteString(`?`)
	case syntax.OpRepeat:
		group(b, re.Sub[0])
		if re.Max < 0 {
			fmt.Fprintf(b, "{%d,}", re.Min)
		} else {
			fmt.Fprintf(b, "{%d,%d}", re.Min, re.Max)
		}
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			group(b, sub)
		}
	case syntax.OpAlternate:
		for i, sub := range re.Sub {
			if i > 0 {
				b.WriteString(`|`)
			}
			group(b, sub)
		}
	default:
		panic("expression: a pattern that was not admitted: " + re.String())
	}
}

// group writes an expression so that it is one operand.
func group(b *strings.Builder, re *syntax.Regexp) {
	b.WriteString(`(?:`)
	write(b, re)
	b.WriteString(`)`)
}

// class is a class of the characters in pairs of first and last. No text has U+0000 or a surrogate, and PostgreSQL need not be asked about them.
func class(pairs []rune) string {
	var b strings.Builder
	b.WriteString(`[`)
	for i := 0; i+1 < len(pairs); i += 2 {
		first, last := max(pairs[i], 1), pairs[i+1]
		if first >= 0xd800 && first <= 0xdfff {
			first = 0xe000
		}
		if last >= 0xd800 && last <= 0xdfff {
			last = 0xd7ff
		}
		if first <= last {
			b.WriteString(character(first) + `-` + character(last))
		}
	}
	if b.Len() == 1 {
		return `(?!)` // nothing is left of it
	}
	return b.String() + `]`
}

// folds are the characters that are equal to r but for their case, as pairs.
func folds(r rune) []rune {
	pairs := []rune{r, r}
	for next := unicode.SimpleFold(r); next != r; next = unicode.SimpleFold(next) {
		pairs = append(pairs, next, next)
	}
	return pairs
}

// character is a character that stands for itself, within a class and outside.
func character(r rune) string {
	switch {
	case r >= '0' && r <= '9' || r >= 'A' && r <= 'Z' || r >= 'a' && r <= 'z':
		return string(r)
	case r > 0xffff:
		return fmt.Sprintf(`\U%08x`, r)
	}
	return fmt.Sprintf(`\u%04x`, r)
}
