package query

import (
	"encoding/json"
	"strings"
	"unicode/utf8"

	"github.com/sheafdb/sheaf/domain/jsontext"
)

// numberToken is a number as the source has it.
type numberToken struct {
	offset int // in characters
	text   string
}

// numbers finds the numbers of an expression and returns the source with those that the parser would refuse or round replaced by others of
// the same length: the parser finds the structure, and the values are read from here.
func numbers(source string) (safe string, tokens []numberToken) {
	s := scanner{in: []rune(source)}
	s.out = append(s.out, s.in...)
	for s.at < len(s.in) {
		s.token()
	}
	return string(s.out), s.tokens
}

type scanner struct {
	in, out []rune
	at      int
	tokens  []numberToken
}

// peek returns the character that stands n behind the current one, 0 behind the end.
func (s *scanner) peek(n int) rune {
	if s.at+n < len(s.in) {
		return s.in[s.at+n]
	}
	return 0
}

func (s *scanner) token() {
	c := s.peek(0)
	switch {
	case c == '/' && s.peek(1) == '/':
		for s.at < len(s.in) && s.peek(0) != '\n' {
			s.at++
		}
	case c == '"' || c == '\'':
		s.text(c, false)
	case isLetter(c):
		start := s.at
		for isLetter(s.peek(0)) || isDigit(s.peek(0)) {
			s.at++
		}
		prefix := strings.ToLower(string(s.in[start:s.at]))
		if quote := s.peek(0); (quote == '"' || quote == '\'') && (prefix == "r" || prefix == "b" || prefix == "br") {
			s.text(quote, prefix != "b")
		}
	case isDigit(c) || c == '.' && isDigit(s.peek(1)):
		s.number()
	default:
		s.at++
	}
}

// text skips a string.
func (s *scanner) text(quote rune, raw bool) {
	long := s.peek(1) == quote && s.peek(2) == quote
	if long {
		s.at += 2
	}
	for s.at++; s.at < len(s.in); s.at++ {
		switch c := s.peek(0); {
		case c == '\\' && !raw:
			s.at++
		case c == quote && !long:
			s.at++
			return
		case c == quote && s.peek(1) == quote && s.peek(2) == quote:
			s.at += 3
			return
		}
	}
}

// longestInt is how many digits always fit the parser's integers.
const longestInt = 18

func (s *scanner) number() {
	start, exact := s.at, true
	if s.peek(0) == '0' && s.peek(1) == 'x' {
		s.at += 2
		for isDigit(s.peek(0)) || isLetter(s.peek(0)) {
			s.at++
		}
	} else {
		s.digits()
		if s.peek(0) == '.' && isDigit(s.peek(1)) {
			s.at++
			s.digits()
		}
		if exponent := 1; s.peek(0)|0x20 == 'e' {
			if s.peek(1) == '+' || s.peek(1) == '-' {
				exponent++
			}
			if isDigit(s.peek(exponent)) {
				s.at += exponent
				s.digits()
				exact = false
			}
		}
		if s.peek(0)|0x20 == 'u' {
			s.at++
		} else if !exact || s.at-start > longestInt {
			copy(s.out[start:s.at], []rune("1."+strings.Repeat("0", s.at-start-2)))
		}
	}
	s.tokens = append(s.tokens, numberToken{start, string(s.in[start:s.at])})
}

func (s *scanner) digits() {
	for isDigit(s.peek(0)) {
		s.at++
	}
}

func isLetter(c rune) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' }
func isDigit(c rune) bool  { return c >= '0' && c <= '9' }

// canonicalNumber returns the number that a token of the source, or a string of digits, stands for; leading zeros count for nothing.
func canonicalNumber(text string, negative bool) (json.Number, bool) {
	digits := strings.TrimLeft(text, "0")
	if digits == "" || !isDigit(rune(digits[0])) {
		digits = "0" + digits
	}
	if negative {
		digits = "-" + digits
	}
	if !jsontext.ValidNumber(digits) {
		return "", false
	}
	canonical, err := jsontext.Canonical(nil, []byte(digits), jsontext.Limits{})
	return json.Number(canonical), err == nil
}

// position is where a character of a text stands.
type position struct{ offset, line, column int }

// positionOf returns the line and column, from 1, of the character at an offset.
func positionOf(source string, offset int) position {
	offset = max(offset, 0)
	p := position{offset: offset, line: 1, column: 1}
	for _, r := range source {
		if offset--; offset < 0 {
			break
		}
		p.column++
		if r == '\n' {
			p.line, p.column = p.line+1, 1
		}
	}
	p.offset = min(p.offset, utf8.RuneCountInString(source))
	return p
}
