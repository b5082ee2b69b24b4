package query

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"strconv"
	"unicode/utf8"
)

// Pattern is a regular expression in the syntax of RE2 that every interpreter matches alike.
type Pattern struct {
	// Tree is the parsed expression, not to be changed. It has no node that compilePattern refuses.
	Tree    *syntax.Regexp
	matcher *regexp.Regexp
	work    int // of matching one byte, see maxWork
}

// Limits of a pattern.
const (
	maxProgram = 2000   // instructions of the compiled program: what matching one character costs at most
	maxRanges  = 10_000 // ranges of characters in the program: \pL has 600 of them
	maxRepeat  = 255    // that PostgreSQL's expressions can repeat
	maxEmpty   = 256    // parts that may be empty, each as often as it is repeated: PostgreSQL takes a second to compile a thousand
)

// compilePattern checks and compiles a pattern. The error is for people.
func compilePattern(source string) (*Pattern, error) {
	tree, err := syntax.Parse(source, syntax.Perl)
	if err != nil {
		var e *syntax.Error
		if errors.As(err, &e) {
			return nil, errors.New("is not a regular expression of RE2: " + e.Code.String())
		}
		return nil, errors.New("is not a regular expression of RE2")
	}
	if err := admit(tree); err != nil {
		return nil, err
	}
	program, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return nil, errors.New("is not a regular expression of RE2")
	}
	ranges := 0
	for _, instruction := range program.Inst {
		ranges += len(instruction.Rune) / 2
	}
	if len(program.Inst) > maxProgram || ranges > maxRanges || empty(tree) > maxEmpty {
		return nil, errors.New("is too large a regular expression: repeat less, and use fewer classes of characters")
	}
	matcher, err := regexp.Compile(source)
	if err != nil {
		return nil, errors.New("is not a regular expression of RE2")
	}
	return &Pattern{Tree: tree, matcher: matcher, work: 1 + len(program.Inst)/16}, nil
}

// admit refuses what cannot be said in the regular expressions of PostgreSQL with the same meaning.
func admit(re *syntax.Regexp) error {
	switch re.Op {
	case syntax.OpNoMatch:
		return errors.New("has a class without characters, which matches nothing")
	case syntax.OpBeginLine, syntax.OpEndLine:
		return errors.New("has (?m), which is not offered: ^ and $ are the ends of the whole text")
	case syntax.OpRepeat:
		if re.Min > maxRepeat || re.Max > maxRepeat {
			return errors.New("repeats more than " + strconv.Itoa(maxRepeat) + " times")
		}
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			if r == 0 || !utf8.ValidRune(r) {
				return errors.New("names a character that no text has")
			}
		}
	}
	for _, sub := range re.Sub {
		if err := admit(sub); err != nil {
			return err
		}
	}
	return nil
}

// empty counts the parts of an expression that may match nothing, as often as they are repeated.
func empty(re *syntax.Regexp) int {
	n := 0
	for _, sub := range re.Sub {
		n += empty(sub)
	}
	switch re.Op {
	case syntax.OpEmptyMatch, syntax.OpStar, syntax.OpQuest:
		n++
	case syntax.OpRepeat:
		n *= max(re.Min, re.Max, 1)
		if re.Min == 0 {
			n++
		}
	}
	return n
}
