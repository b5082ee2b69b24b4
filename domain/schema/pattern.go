package schema

import (
	"errors"
	"regexp"
	"regexp/syntax"
	"strconv"
	"unicode/utf8"
)

// pattern is a compiled regular expression of a schema.
type pattern struct {
	*regexp.Regexp
	source       string // as the schema has it
	instructions int    // matching one character costs at most this many steps of the machine
}

// pattern compiles the ECMA-262 expression at p, or reports why it cannot and returns nil.
// Expressions are matched by RE2, in time linear in the text: no look-around and no back-references.
func (c *compiler) pattern(p *place, source string) *pattern {
	if c.shapeOnly {
		return nil
	}
	if known := c.patterns[source]; known != nil {
		return known
	}
	if utf8.RuneCountInString(source) > c.lim.Pattern {
		c.fault(p, "limit", "is too long a pattern: at most "+strconv.Itoa(c.lim.Pattern)+" characters")
		return nil
	}
	if c.instructions > c.lim.Programs {
		return nil // reported once; the rest is not worth parsing
	}
	t := translator{in: source}
	translated, err := t.run()
	if err != nil {
		c.fault(p, "pattern", "is not a usable regular expression: "+err.Error())
		return nil
	}
	tables := t.properties * instructionsAProperty
	if tables > c.lim.PatternProgram {
		c.fault(p, "limit", "is too large a pattern: it has too many Unicode properties")
		return nil
	}
	instructions, err := programSize(translated)
	if err != nil {
		c.fault(p, "pattern", "is not a usable regular expression: "+explain(err))
		return nil
	}
	size := instructions + tables
	c.instructions += size
	if size > c.lim.PatternProgram {
		c.fault(p, "limit", "is too large a pattern: repeat less")
		return nil
	}
	if c.instructions > c.lim.Programs {
		c.fault(p, "limit", "is one pattern too many: all patterns together are too large")
		return nil
	}
	compiled, err := regexp.Compile(translated)
	if err != nil {
		c.fault(p, "pattern", "is not a usable regular expression: "+explain(err))
		return nil
	}
	made := &pattern{compiled, source, instructions}
	c.patterns[source] = made
	return made
}

// instructionsAProperty is what a \p{…} counts for: it takes the time of many instructions to read and their memory to keep.
const instructionsAProperty = 64

// programSize counts instructions without building the matcher, which takes many times the memory.
func programSize(expr string) (int, error) {
	parsed, err := syntax.Parse(expr, syntax.Perl)
	if err != nil {
		return 0, err
	}
	program, err := syntax.Compile(parsed.Simplify())
	if err != nil {
		return 0, err
	}
	return len(program.Inst), nil
}

// explanations say what RE2's parser found; a code that is not here is explained by its own text.
var explanations = map[syntax.ErrorCode]string{
	syntax.ErrInvalidCharClass:      "a character class is malformed",
	syntax.ErrInvalidCharRange:      "a range of characters runs backwards or is not known",
	syntax.ErrInvalidNamedCapture:   "the name of a group is malformed or used twice",
	syntax.ErrInvalidPerlOp:         "this kind of group is not supported",
	syntax.ErrInvalidRepeatOp:       "a repetition follows a repetition",
	syntax.ErrInvalidRepeatSize:     "a repetition is out of range: at most 1000, and no product of them above that",
	syntax.ErrInvalidUTF8:           "it is not UTF-8",
	syntax.ErrMissingBracket:        "a ] is missing",
	syntax.ErrMissingParen:          "a ) is missing",
	syntax.ErrMissingRepeatArgument: "a repetition has nothing to repeat",
	syntax.ErrTrailingBackslash:     "it ends in a backslash",
	syntax.ErrUnexpectedParen:       "a ) has no (",
	syntax.ErrNestingDepth:          "its groups are nested too deeply",
	syntax.ErrLarge:                 "it is too large",
}

func explain(err error) string {
	var e *syntax.Error
	if !errors.As(err, &e) {
		return "it cannot be read"
	}
	if text := explanations[e.Code]; text != "" {
		return text
	}
	return e.Code.String()
}
