package schema

import (
	"regexp"
	"testing"
)

func TestPatternsMeanWhatTheyMeanInECMA262(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		pattern, text string
		match         bool
	}{
		{`^\d{3}$`, "123", true},
		{`^\d{3}$`, "१२३", false},
		{`^\w+$`, "é", false},
		{`^a\/b\-c$`, "a/b-c", true},
		{`^[\w\-.]+@x$`, "a-b.c@x", true},
		{`^\u00e9$`, "é", true},
		{`^\x41\u{1F600}$`, "A😀", true},
		{`^\uD83D\uDE00$`, "😀", true},
		{`^\cA$`, "\x01", true},
		{`^\0$`, "\x00", true},
		{`^[\b]$`, "\b", true},
		{`\bfoo\b`, "a foo b", true},
		{`^\s$`, "\u00a0", true},
		{`^\s$`, "\ufeff", true},
		{`^\S$`, "\u2003", false},
		{`^[\S]$`, "a", true},
		{`^[\S]$`, "\u3000", false},
		{`^[^\s@]+$`, "a\u00a0b", false},
		{`^[\s\S]$`, "\n", true},
		{`^.$`, "\n", false},
		{`^.$`, "\r", false},
		{`^.$`, "\u2028", false},
		{`^.$`, "😀", true},
		{`^a$`, "a\n", false},
		{`^[[:alpha:]]$`, "a]", true},
		{`^[[a]$`, "[", true},
		{`^[^]$`, "\n", true},
		{`a|[]`, "b", false},
		{`^\p{L}+$`, "Ωé", true},
		{`^\p{Script=Greek}\P{Lu}$`, "Ωa", true},
		{`^\p{Letter}$`, "a", true},
		{`^(?<year>\d{4})$`, "2024", true},
		{`^(?:a|b)+?c$`, "abac", true},
		{`^\$\{x\}\^$`, "${x}^", true},
		{`^\_\"\'$`, `_"'`, true},
		{`a{,2}`, "a{,2}", true},
		{`^é+$`, "éé", true},
		{`^\é$`, "é", true},
	} {
		translated, err := translate(tt.pattern)
		if err != nil {
			t.Errorf("%s: %v", tt.pattern, err)
			continue
		}
		compiled, err := regexp.Compile(translated)
		if err != nil {
			t.Errorf("%s: %v", tt.pattern, err)
			continue
		}
		if got := compiled.MatchString(tt.text); got != tt.match {
			t.Errorf("%s on %q: got %v", tt.pattern, tt.text, got)
		}
	}
}

func TestPatternsRefusedWithAReason(t *testing.T) {
	t.Parallel()
	for pattern, want := range map[string]string{
		`(?=a)`:         errLookAround.Error(),
		`(?i)a`:         errGroup.Error(),
		`(?i:a)`:        errGroup.Error(),
		`(?P<a>b)`:      errGroup.Error(),
		`(?<!a)`:        errLookAround.Error(),
		`(a)\1`:         errBackReference.Error(),
		`\Z`:            `\Z is not an escape of ECMA-262`,
		`\uD800`:        "a lone surrogate matches nothing that JSON can hold",
		`\u12`:          `\u is not a complete escape`,
		`\p{Emoji=Yes}`: `the Unicode property "Emoji" is not supported`,
		`\pL`:           `\p needs a property in braces, such as \p{L}`,
		`[a`:            "a ] is missing",
		`a\`:            "it ends in a backslash",
		`a**`:           "a repetition follows a repetition",
		`a{1001}`:       "a repetition is out of range: at most 1000, and no product of them above that",
		`(a`:            "a ) is missing",
		`a)`:            "a ) has no (",
		`*`:             "a repetition has nothing to repeat",
		`[z-a]`:         "a range of characters runs backwards or is not known",
		`(?<a b>x)`:     "the name of a group is malformed or used twice",
	} {
		c := newCompiler(DefaultLimits())
		if c.pattern(&place{}, pattern) != nil {
			t.Errorf("%s is admitted", pattern)
			continue
		}
		if got := c.faults[0].Message; got != "is not a usable regular expression: "+want {
			t.Errorf("%s: got %q", pattern, got)
		}
	}
}

// The sets for \s and \S are written out by hand; together they are everything, once.
func TestSpaceAndItsComplement(t *testing.T) {
	t.Parallel()
	space, other := regexp.MustCompile(`^[`+ecmaSpace+`]$`), regexp.MustCompile(`^[`+ecmaOther+`]$`)
	for r := rune(0); r < 0x11000; r++ {
		if r >= 0xd800 && r <= 0xdfff {
			continue
		}
		if space.MatchString(string(r)) == other.MatchString(string(r)) {
			t.Fatalf("U+%04X is in both or in neither", r)
		}
	}
}

func FuzzTranslate(f *testing.F) {
	for _, seed := range []string{`^\d+$`, `[^\s\]]`, `\u{1F600}`, `\p{L}`, `(?=a)`, `[[]`, `\uD83D\uDE00`, `a{2,3}?`, `\`, `[]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, source string) {
		translated, err := translate(source)
		if err == nil {
			_, _ = programSize(translated)
		}
		isECMA(source)
	})
}
