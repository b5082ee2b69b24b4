package expression_test

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"strings"
)

// generator makes random documents and random expressions about them. Both use the same few names and values, so that they meet often.
type generator struct {
	*rand.Rand
	bound []string
}

func (g *generator) one(of ...string) string { return of[g.IntN(len(of))] }

var (
	texts = []string{
		"", "a", "A", "ab", "b", "ba", "é", "É", "ß", "ſ", "K", "k", "K", "z", "Z", "0", "1", "10", "9", "-5", "-5.50", "007", "1.", "+1", "1e5", "a\nb", "\n", "a b", "😀", "😀a", "\u200d", "aab", "a.b", "[", "\\", "'", "$1", "%", "true", "null",
		"2024-02-29T12:00:00Z", "2024-02-29t12:00:00.1234567891z", "2023-02-29T12:00:00Z", "2024-12-31T23:59:59.999999+23:59", "2024-03-01T00:00:00-05:30", "2024-03-01 00:00:00Z", "2024-03-01T00:00:60Z", "2024-03-01T24:00:00Z",
		"0000-12-31T23:59:59-01:00", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59.9999999Z", "9999-12-31T23:59:59-00:01", "2024-3-1T00:00:00Z", "2024-03-01T00:00:00", "yesterday", "2024-03-01T00:00:00.Z", "2024-03-01T00:00:00Z\n",
	}
	decimals = []string{
		"0", "-0", "0.0", "1", "1.0", "1.10", "-1", "2", "3", "0.1", "0.2", "0.3", "0.10000000000000000001", "9007199254740993", "9223372036854775807", "9223372036854775808", "-9223372036854775809",
		"123456789012345678901234567890.12345", "1e20", "1E-20", "2.5", "-2.5", "99999999999999999999", "1e300",
	}
	memberNames = []string{"a", "b", "c", "n", "s", "l", "m", "t", "x", "odd name", "0", "$k", "é"}
)

func (g *generator) value(depth int) string {
	kinds := 12
	if depth > 2 {
		kinds = 9
	}
	switch k := g.IntN(kinds); {
	case k < 1:
		return "null"
	case k < 3:
		return g.one("true", "false")
	case k < 6:
		return g.one(decimals...)
	case k < 9:
		return jsonText(g.one(texts...))
	case k < 11:
		return g.array(depth)
	}
	return g.document(depth + 1)
}

func (g *generator) array(depth int) string {
	parts := make([]string, g.IntN(4))
	same := g.IntN(2) == 0
	for i := range parts {
		if parts[i] = g.value(depth + 1); same && i > 0 {
			parts[i] = parts[0]
		}
	}
	return "[" + strings.Join(parts, ",") + "]"
}

func (g *generator) document(depth int) string {
	var parts []string
	likely := func() bool { return g.IntN(9-2*depth) > 0 }
	for _, name := range memberNames {
		if likely() {
			value := g.value(depth)
			switch {
			case !likely():
			case name == "n":
				value = g.one(decimals...)
			case name == "s" || name == "t":
				value = jsonText(g.one(texts...))
			case name == "l":
				value = g.array(depth)
			case name == "m" && depth < 2:
				value = g.document(depth + 1)
			}
			parts = append(parts, jsonText(name)+":"+value)
		}
	}
	return "{" + strings.Join(parts, ",") + "}"
}

func jsonText(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for _, r := range s {
		if r < ' ' || r == '"' || r == '\\' {
			fmt.Fprintf(&b, `\u%04x`, r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String() + `"`
}

// literal is a string of CEL.
func (g *generator) literal() string { return jsonText(g.one(texts...)) }

// path leads somewhere in the document, or into a bound variable.
func (g *generator) path(depth int) string {
	path := "doc"
	if len(g.bound) > 0 && g.IntN(3) > 0 {
		path = g.bound[g.IntN(len(g.bound))]
		if g.IntN(2) == 0 {
			return path
		}
	}
	for range 1 + g.IntN(2) {
		switch k := g.IntN(12); {
		case k == 0 && path != "doc":
			path += "[" + strconv.Itoa(g.IntN(3)) + "]"
		case k == 1 && depth > 0:
			path += "[" + g.any(depth-1) + "]"
		case k < 4:
			path += "[" + jsonText(g.one(memberNames...)) + "]"
		default:
			path += "." + g.one("a", "b", "c", "n", "s", "l", "m", "t", "x")
		}
	}
	return path
}

func (g *generator) any(depth int) string {
	switch k := g.IntN(14); {
	case depth == 0 || k < 7:
		return g.path(depth)
	case k == 7:
		return g.number(depth - 1)
	case k == 8:
		return g.text(depth - 1)
	case k == 9:
		return "(" + g.bool(depth-1) + ")"
	case k == 10:
		return g.list(depth - 1)
	case k == 11:
		return "(" + g.any(depth-1) + " + " + g.any(depth-1) + ")"
	case k == 12:
		return g.one("null", `{"a": 1, "b": [true]}`, "[]", "{}")
	}
	return "(" + g.bool(depth-1) + " ? " + g.any(depth-1) + " : " + g.any(depth-1) + ")"
}

func (g *generator) list(depth int) string {
	parts := make([]string, g.IntN(4))
	constant := g.IntN(2) == 0
	for i := range parts {
		if constant || depth == 0 {
			parts[i] = g.one(g.literal(), g.one(decimals...), "null", "true")
		} else {
			parts[i] = g.any(depth - 1)
		}
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

func (g *generator) number(depth int) string {
	switch k := g.IntN(12); {
	case depth == 0 || k < 3:
		return g.one("doc.n", g.one(decimals...), g.path(0))
	case k < 6:
		return "(" + g.number(depth-1) + g.one(" + ", " - ", " * ") + g.number(depth-1) + ")"
	case k == 6:
		return "(-" + g.one("doc.n", "("+g.number(depth-1)+")") + ")"
	case k == 7:
		return "size(" + g.any(depth-1) + ")"
	case k == 8:
		return g.one("int", "double") + "(" + g.one("doc.s", g.text(depth-1), g.number(depth-1)) + ")"
	case k == 9:
		return "revision"
	case k == 10:
		return "(" + g.bool(depth-1) + " ? " + g.number(depth-1) + " : " + g.number(depth-1) + ")"
	}
	return g.path(depth)
}

func (g *generator) text(depth int) string {
	switch k := g.IntN(12); {
	case depth == 0 || k < 4:
		return g.one("doc.s", g.literal(), g.path(0))
	case k < 6:
		return "(" + g.text(depth-1) + " + " + g.text(depth-1) + ")"
	case k == 6:
		return g.text(depth-1) + g.one(".lowerAscii()", ".upperAscii()")
	case k == 7:
		return "id"
	case k == 8:
		return "(" + g.bool(depth-1) + " ? " + g.text(depth-1) + " : " + g.text(depth-1) + ")"
	}
	return g.path(depth)
}

func (g *generator) instant(depth int) string {
	switch k := g.IntN(6); {
	case depth == 0 || k < 2:
		return g.one("createdAt", "updatedAt", `timestamp("2024-03-01T00:00:00Z")`, "timestamp(doc.t)", "timestamp(doc.s)")
	case k < 4:
		return "(" + g.instant(depth-1) + g.one(" + ", " - ") + g.span(depth-1) + ")"
	case k == 4:
		return "timestamp(" + g.one(`doc["t"]`, g.path(depth-1), "("+g.any(depth-1)+" + "+g.path(depth-1)+")") + ")"
	}
	return "(" + g.bool(depth-1) + " ? " + g.instant(depth-1) + " : " + g.instant(depth-1) + ")"
}

func (g *generator) span(depth int) string {
	switch k := g.IntN(6); {
	case depth == 0 || k < 2:
		return `duration("` + g.one("0s", "24h", "-1h30m", "1.000001s", "2540400h", "-2540400h", "1us") + `")`
	case k < 4:
		return "(" + g.instant(depth-1) + " - " + g.instant(depth-1) + ")"
	case k == 4:
		return "(" + g.span(depth-1) + g.one(" + ", " - ") + g.span(depth-1) + ")"
	}
	return "(-" + g.span(depth-1) + ")"
}

func (g *generator) bool(depth int) string {
	if depth == 0 {
		return g.one("true", "false", "doc.a", "doc.b", "has(doc.a)", "doc.n > 1", "doc.s == 'a'", g.path(0))
	}
	compare := func() string { return g.one(" == ", " != ", " < ", " <= ", " > ", " >= ") }
	switch g.IntN(22) {
	case 0, 1, 2:
		return "(" + g.bool(depth-1) + g.one(" && ", " || ") + g.bool(depth-1) + ")"
	case 3:
		return "(" + g.bool(depth-1) + " || " + g.bool(depth-1) + " || " + g.bool(depth-1) + ")"
	case 4:
		return "!(" + g.bool(depth-1) + ")"
	case 5:
		return "(" + g.bool(depth-1) + " ? " + g.bool(depth-1) + " : " + g.bool(depth-1) + ")"
	case 6, 7:
		return "(" + g.number(depth-1) + compare() + g.number(depth-1) + ")"
	case 8:
		return "(" + g.text(depth-1) + compare() + g.text(depth-1) + ")"
	case 9, 10:
		return "(" + g.any(depth-1) + compare() + g.any(depth-1) + ")"
	case 11:
		return "(" + g.any(depth-1) + g.one(" == ", " != ") + g.one("null", g.list(depth-1), `{"a": 1.0}`) + ")"
	case 12:
		return "(" + g.instant(depth-1) + compare() + g.instant(depth-1) + ")"
	case 13:
		return "(" + g.span(depth-1) + compare() + g.span(depth-1) + ")"
	case 14:
		return "has(" + g.path(depth-1) + "." + g.one("a", "m", "n", "s") + ")"
	case 15:
		return "(" + g.any(depth-1) + " in " + g.one("doc.l", "doc.m", g.any(depth-1), g.list(depth-1)) + ")"
	case 16:
		return g.text(depth-1) + g.one(".startsWith(", ".endsWith(", ".contains(") + g.text(depth-1) + ")"
	case 17:
		return g.text(depth-1) + ".matches(" + jsonText(g.pattern(3)) + ")"
	case 18, 19, 20:
		return g.quantified(depth)
	}
	return g.path(depth)
}

func (g *generator) quantified(depth int) string {
	if len(g.bound) == 3 {
		return g.bool(depth - 1)
	}
	over := g.one("doc.l", "doc.m", g.any(depth-1), g.list(depth-1))
	name := g.one("i", "j", "k")
	g.bound = append(g.bound, name)
	body := g.bool(depth - 1)
	g.bound = g.bound[:len(g.bound)-1]
	return over + g.one(".exists(", ".all(", ".exists_one(") + name + ", " + body + ")"
}

// pattern is a regular expression, of which a few are not admitted.
func (g *generator) pattern(depth int) string {
	if depth == 0 {
		return g.one("a", "b", "A", "k", ".", "é", `\.`, `\d`, `\w`, `\s`, `\W`, "[a-c]", "[^a]", "[[:alpha:]]", `\pL`, `\PL`, `\n`, "", "😀", `[^\x00-\x{d7ff}]`, "^", "$", `\b`, `\B`, `\A`, `\z`, `\x{200d}`, `[^\x00-\x{10FFFF}]`, `[\]\\^-]`, `\Qa.b\E`)
	}
	switch g.IntN(8) {
	case 0, 1, 2:
		return g.pattern(depth-1) + g.pattern(depth-1)
	case 3:
		return "(" + g.pattern(depth-1) + "|" + g.pattern(depth-1) + ")"
	case 4:
		return "(?:" + g.pattern(depth-1) + ")" + g.one("*", "+", "?", "*?", "+?", "??", "{2}", "{0,3}", "{1,}", "{0}")
	case 5:
		return g.one("(?i:", "(?s:", "(?is:", "(?U:") + g.pattern(depth-1) + ")"
	case 6:
		return "^" + g.pattern(depth-1) + "$"
	}
	return g.pattern(0)
}
