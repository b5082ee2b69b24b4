package jsontext

import "unicode/utf8"

// plain marks the bytes that stand for themselves inside a string: ASCII without controls, quote and backslash.
// valid marks those of text that is known to be UTF-8.
var plain, valid = func() (ascii, text [256]bool) {
	for c := 0x20; c < 256; c++ {
		text[c] = c != '"' && c != '\\'
		ascii[c] = text[c] && c < utf8.RuneSelf
	}
	return ascii, text
}()

// skipSpace returns the offset of the first byte at or after i that is not white space.
func skipSpace(src []byte, i int) int {
	for i < len(src) {
		switch src[i] {
		case ' ', '\n', '\r', '\t':
			i++
		default:
			return i
		}
	}
	return i
}

// hasWord reports whether the literal name word stands at i.
func hasWord(src []byte, i int, word string) bool {
	return len(src)-i >= len(word) && string(src[i:i+len(word)]) == word
}

// scanEscape reads the escape sequence whose backslash is at i and returns the character and the offset after it.
// flaw is "" or why there is no such character: codeNul, codeSurrogate (both may be read on), or codeSyntax with the offset of the wrong byte.
func scanEscape(src []byte, i int) (r rune, next int, flaw string) {
	if i+1 >= len(src) {
		return 0, len(src), codeSyntax
	}
	next = i + 2
	switch c := src[i+1]; c {
	case '"', '\\', '/':
		return rune(c), next, ""
	case 'b':
		return '\b', next, ""
	case 'f':
		return '\f', next, ""
	case 'n':
		return '\n', next, ""
	case 'r':
		return '\r', next, ""
	case 't':
		return '\t', next, ""
	case 'u':
	default:
		return 0, i + 1, codeSyntax
	}
	r, next, ok := scanHex4(src, next)
	switch {
	case !ok:
		return 0, next, codeSyntax
	case r == 0:
		return 0, next, codeNul
	case r < 0xD800 || r > 0xDFFF:
		return r, next, ""
	case r < 0xDC00 && hasWord(src, next, `\u`):
		if low, after, ok := scanHex4(src, next+2); ok && 0xDC00 <= low && low <= 0xDFFF {
			return 0x10000 + (r-0xD800)<<10 + (low - 0xDC00), after, ""
		}
	}
	return utf8.RuneError, next, codeSurrogate
}

// scanHex4 reads four hexadecimal digits at i. Where it fails, next is the offset of the first byte that is none.
func scanHex4(src []byte, i int) (r rune, next int, ok bool) {
	for end := i + 4; i < end; i++ {
		if i >= len(src) {
			return 0, i, false
		}
		c := src[i]
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, i, false
		}
		r = r<<4 | rune(c)
	}
	return r, i, true
}

// appendRune appends r as escape_json of PostgreSQL writes it inside a string.
func appendRune(dst []byte, r rune) []byte {
	const hex = "0123456789abcdef"
	switch {
	case r == '"' || r == '\\':
		return append(dst, '\\', byte(r))
	case r >= 0x20:
		return utf8.AppendRune(dst, r)
	case r == '\b':
		return append(dst, '\\', 'b')
	case r == '\f':
		return append(dst, '\\', 'f')
	case r == '\n':
		return append(dst, '\\', 'n')
	case r == '\r':
		return append(dst, '\\', 'r')
	case r == '\t':
		return append(dst, '\\', 't')
	}
	return append(dst, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
}
