package schema

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// White space as ECMA-262 has it for \s, and everything else; RE2's \s is ASCII.
const (
	ecmaSpace = `\t-\r \x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}`
	ecmaOther = `\x{0}-\x{8}\x{e}-\x{1f}!-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027}\x{202a}-\x{202e}` +
		`\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{fefe}\x{ff00}-\x{10ffff}`
)

var (
	errLookAround    = errors.New("look-ahead and look-behind, (?=…) (?!…) (?<=…) (?<!…), are not supported")
	errGroup         = errors.New("groups with flags, such as (?i), are not supported")
	errBackReference = errors.New(`back-references, \1 or \k<name>, are not supported`)
)

// translate writes an ECMA-262 regular expression in RE2's syntax.
// It fails on look-around and back-references, which RE2 leaves out to stay linear, and on
// escapes that mean something in other dialects only, such as \A.
func translate(source string) (string, error) {
	t := translator{in: source}
	return t.run()
}

// isECMA says whether source is a regular expression of ECMA-262, usable here or not.
func isECMA(source string) bool {
	t := translator{in: source, lenient: true}
	translated, err := t.run()
	if err != nil {
		return false
	}
	_, err = syntax.Parse(translated, syntax.Perl)
	var e *syntax.Error
	if errors.As(err, &e) {
		// Large counts are RE2's limit and not the language's.
		return e.Code == syntax.ErrInvalidRepeatSize || e.Code == syntax.ErrLarge
	}
	return err == nil
}

type translator struct {
	in      string
	out     strings.Builder
	lenient bool // look-around and back-references pass, as empty groups
	// properties counts \p{…}: each is a table of hundreds of ranges.
	properties int
}

func (t *translator) run() (string, error) {
	if !utf8.ValidString(t.in) {
		return "", errors.New("it is not UTF-8")
	}
	for i := 0; i < len(t.in); {
		next, err := t.one(i)
		if err != nil {
			return "", err
		}
		i = next
	}
	return t.out.String(), nil
}

// one translates what begins at i and returns where it ends.
func (t *translator) one(i int) (int, error) {
	switch t.in[i] {
	case '\\':
		return t.escape(i, false)
	case '[':
		return t.class(i)
	case '.':
		// RE2's dot stops at \n alone.
		t.out.WriteString(`[^\n\r\x{2028}\x{2029}]`)
		return i + 1, nil
	case '(':
		return t.group(i)
	}
	t.out.WriteByte(t.in[i])
	return i + 1, nil
}

func (t *translator) group(i int) (int, error) {
	for _, look := range []string{"(?=", "(?!", "(?<=", "(?<!"} {
		if strings.HasPrefix(t.in[i:], look) {
			if !t.lenient {
				return 0, errLookAround
			}
			t.out.WriteString("(?:")
			return i + len(look), nil
		}
	}
	if strings.HasPrefix(t.in[i:], "(?") && !strings.HasPrefix(t.in[i:], "(?:") && !strings.HasPrefix(t.in[i:], "(?<") {
		// RE2 would take flags; folding the case of a wide class takes it milliseconds.
		return 0, errGroup
	}
	t.out.WriteByte('(')
	return i + 1, nil
}

// class translates [ … ]. A bracket inside opens nothing in ECMA-262, where RE2 would see [:alpha:].
func (t *translator) class(i int) (int, error) {
	i++
	negated := i < len(t.in) && t.in[i] == '^'
	if negated {
		i++
	}
	if i < len(t.in) && t.in[i] == ']' {
		// [] matches nothing and [^] anything; RE2 reads the bracket as a member.
		if negated {
			t.out.WriteString(`[\x{0}-\x{10ffff}]`)
		} else {
			t.out.WriteString(`[^\x{0}-\x{10ffff}]`)
		}
		return i + 1, nil
	}
	t.out.WriteByte('[')
	if negated {
		t.out.WriteByte('^')
	}
	for i < len(t.in) {
		switch t.in[i] {
		case ']':
			t.out.WriteByte(']')
			return i + 1, nil
		case '[':
			t.out.WriteString(`\[`)
			i++
		case '\\':
			next, err := t.escape(i, true)
			if err != nil {
				return 0, err
			}
			i = next
		default:
			t.out.WriteByte(t.in[i])
			i++
		}
	}
	return 0, errors.New("a ] is missing")
}

// escape translates the escape at i, inside a class or outside.
func (t *translator) escape(i int, inClass bool) (int, error) {
	if i+1 >= len(t.in) {
		return 0, errors.New("it ends in a backslash")
	}
	ch := t.in[i+1]
	switch {
	case strings.IndexByte("dDwWtnrfv", ch) >= 0:
		t.out.WriteString(t.in[i : i+2])
		return i + 2, nil
	case ch == 's' || ch == 'S':
		t.space(ch, inClass)
		return i + 2, nil
	case ch == 'b' && inClass:
		t.out.WriteString(`\x08`)
		return i + 2, nil
	case ch == 'b' || ch == 'B' && !inClass:
		t.out.WriteString(t.in[i : i+2])
		return i + 2, nil
	case ch == 'p' || ch == 'P':
		return t.property(i)
	case ch == 'c' || ch == 'x' || ch == 'u' || ch == '0':
		return t.codePoint(i)
	case ch >= '1' && ch <= '9' || ch == 'k':
		if !t.lenient {
			return 0, errBackReference
		}
		t.out.WriteString("(?:)")
		return i + 2, nil
	case ch == '_' || ch >= utf8.RuneSelf:
		t.out.WriteByte(ch)
		return i + 2, nil
	case ch >= 'a' && ch <= 'z' || ch >= 'A' && ch <= 'Z':
		return 0, fmt.Errorf(`\%c is not an escape of ECMA-262`, ch)
	case ch < ' ' || ch == ' ' || ch == 0x7f:
		fmt.Fprintf(&t.out, `\x{%x}`, ch)
		return i + 2, nil
	}
	// Punctuation stands for itself.
	t.out.WriteString(t.in[i : i+2])
	return i + 2, nil
}

func (t *translator) space(ch byte, inClass bool) {
	set := ecmaSpace
	if ch == 'S' {
		set = ecmaOther
	}
	if inClass {
		t.out.WriteString(set)
	} else {
		t.out.WriteString("[" + set + "]")
	}
}

// codePoint translates \cX, \xHH, \uHHHH (two of them for a surrogate pair), \u{H…} and \0.
func (t *translator) codePoint(i int) (int, error) {
	rest := t.in[i+2:]
	write := func(r rune, length int) (int, error) {
		fmt.Fprintf(&t.out, `\x{%x}`, r)
		return i + 2 + length, nil
	}
	switch t.in[i+1] {
	case '0':
		if rest == "" || rest[0] < '0' || rest[0] > '9' {
			return write(0, 0)
		}
	case 'c':
		if rest != "" && (rest[0]|0x20) >= 'a' && (rest[0]|0x20) <= 'z' {
			return write(rune(rest[0]&0x1f), 1)
		}
	case 'x':
		if r, ok := hex(rest, 2); ok {
			return write(r, 2)
		}
	case 'u':
		if end := strings.IndexByte(rest, '}'); end > 1 && rest[0] == '{' {
			if r, ok := hex(rest[1:], end-1); ok && r <= utf8.MaxRune && utf8.ValidRune(r) {
				return write(r, end+1)
			}
			break
		}
		r, ok := hex(rest, 4)
		if !ok {
			break
		}
		if !utf16.IsSurrogate(r) {
			return write(r, 4)
		}
		if strings.HasPrefix(rest[4:], `\u`) {
			if low, ok := hex(rest[6:], 4); ok {
				if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
					return write(pair, 10)
				}
			}
		}
		return 0, errors.New("a lone surrogate matches nothing that JSON can hold")
	}
	return 0, fmt.Errorf(`\%c is not a complete escape`, t.in[i+1])
}

func hex(s string, digits int) (rune, bool) {
	if digits > 8 || len(s) < digits {
		return 0, false
	}
	n, err := strconv.ParseUint(s[:digits], 16, 31)
	return rune(n), err == nil && s[0] != '+'
}

// property translates \p{…}: RE2 knows general categories and scripts by name, without the name of the property.
func (t *translator) property(i int) (int, error) {
	t.properties++
	rest := t.in[i+2:]
	end := strings.IndexByte(rest, '}')
	if end < 2 || rest[0] != '{' {
		return 0, fmt.Errorf(`\%c needs a property in braces, such as \p{L}`, t.in[i+1])
	}
	name := rest[1:end]
	if key, value, ok := strings.Cut(name, "="); ok {
		switch key {
		case "gc", "General_Category", "sc", "Script":
			name = value
		default:
			return 0, fmt.Errorf("the Unicode property %.40q is not supported", key)
		}
	}
	t.out.WriteString(t.in[i:i+2] + "{" + name + "}")
	return i + 2 + end + 1, nil
}
