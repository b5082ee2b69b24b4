package schema

import (
	"strings"
	"unicode/utf8"
)

// Characters of RFC 3986 section 2; letters, digits and percent-encodings go without saying.
const (
	unreserved = "-._~"
	subDelims  = "!$&'()*+,;="
	pathChars  = unreserved + subDelims + ":@"
)

// isURI follows RFC 3986: the URI where absolute, the URI-reference otherwise. With international it follows RFC 3987.
func isURI(s string, absolute, international bool) bool {
	s, fragment, _ := strings.Cut(s, "#")
	s, query, _ := strings.Cut(s, "?")
	if !only(fragment, pathChars+"/?", international, false) || !only(query, pathChars+"/?", international, international) {
		return false
	}
	scheme, rest, hasScheme := cutScheme(s)
	if !hasScheme {
		if absolute {
			return false
		}
		rest = s
		// A colon in the first segment would have made it a scheme.
		if segment, _, _ := strings.Cut(rest, "/"); strings.Contains(segment, ":") {
			return false
		}
	} else if !isScheme(scheme) {
		return false
	}
	if behind, ok := strings.CutPrefix(rest, "//"); ok {
		authority, path := behind, ""
		if i := strings.IndexByte(behind, '/'); i >= 0 {
			authority, path = behind[:i], behind[i:]
		}
		return isAuthority(authority, international) && only(path, pathChars+"/", international, false)
	}
	return only(rest, pathChars+"/", international, false)
}

// cutScheme splits at the first colon, unless a slash comes before it.
func cutScheme(s string) (scheme, rest string, ok bool) {
	i := strings.IndexAny(s, ":/")
	if i < 0 || s[i] == '/' {
		return "", s, false
	}
	return s[:i], s[i+1:], true
}

func isScheme(s string) bool {
	if s == "" || !isAlpha(s[0]) {
		return false
	}
	for i := range len(s) {
		if !isAlpha(s[i]) && !isDigit(s[i]) && s[i] != '+' && s[i] != '-' && s[i] != '.' {
			return false
		}
	}
	return true
}

func isAuthority(s string, international bool) bool {
	if i := strings.LastIndexByte(s, '@'); i >= 0 {
		if !only(s[:i], unreserved+subDelims+":", international, false) {
			return false
		}
		s = s[i+1:]
	}
	port := ""
	if strings.HasPrefix(s, "[") {
		end := strings.IndexByte(s, ']')
		if end < 0 || !isIPLiteral(s[1:end]) {
			return false
		}
		s, port = "", s[end+1:]
		if port != "" && port[0] != ':' {
			return false
		}
		port = strings.TrimPrefix(port, ":")
	} else if i := strings.LastIndexByte(s, ':'); i >= 0 {
		s, port = s[:i], s[i+1:]
	}
	return only(s, unreserved+subDelims, international, false) && countDigits(port) == len(port)
}

// isIPLiteral accepts what stands between brackets: an IPv6 address, or "v", a version and an address of the future.
func isIPLiteral(s string) bool {
	if s == "" || s[0]|0x20 != 'v' {
		return isIPv6(s)
	}
	version, address, ok := strings.Cut(s[1:], ".")
	if !ok || version == "" || address == "" {
		return false
	}
	for i := range len(version) {
		if !isHex(version[i]) {
			return false
		}
	}
	return !strings.Contains(address, "%") && only(address, unreserved+subDelims+":", false, false)
}

// only says whether s has letters, digits, percent-encodings and the characters given, and the
// ucschar and iprivate of RFC 3987 where asked for.
func only(s, allowed string, ucschar, iprivate bool) bool {
	for i := 0; i < len(s); {
		ch := s[i]
		switch {
		case ch >= utf8.RuneSelf:
			r, size := utf8.DecodeRuneInString(s[i:])
			if !(ucschar && isUCSChar(r) || iprivate && isPrivate(r)) {
				return false
			}
			i += size
			continue
		case ch == '%':
			if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
				return false
			}
			i += 2
		case !isAlpha(ch) && !isDigit(ch) && strings.IndexByte(allowed, ch) < 0:
			return false
		}
		i++
	}
	return true
}

func isUCSChar(r rune) bool {
	switch {
	case r >= 0xa0 && r <= 0xd7ff, r >= 0xf900 && r <= 0xfdcf, r >= 0xfdf0 && r <= 0xffef:
		return r != utf8.RuneError
	case r >= 0x10000 && r <= 0xdffff:
		return r&0xffff <= 0xfffd
	}
	return r >= 0xe1000 && r <= 0xefffd
}

func isPrivate(r rune) bool {
	return r >= 0xe000 && r <= 0xf8ff || r >= 0xf0000 && r <= 0xffffd || r >= 0x100000 && r <= 0x10fffd
}

// isURITemplate follows RFC 6570 section 2.
func isURITemplate(s string) bool {
	for s != "" {
		i := strings.IndexAny(s, "{}")
		if i < 0 {
			return isLiteral(s)
		}
		if s[i] == '}' || !isLiteral(s[:i]) {
			return false
		}
		end := strings.IndexByte(s, '}')
		if end < i || !isExpression(s[i+1:end]) {
			return false
		}
		s = s[end+1:]
	}
	return true
}

func isLiteral(s string) bool {
	return only(s, pathChars+"/?#[]", true, true) && !strings.Contains(s, "'")
}

// isExpression reads an operator, if any, and a list of variables with modifiers.
func isExpression(s string) bool {
	if s != "" && strings.IndexByte("+#./;?&=,!@|", s[0]) >= 0 {
		s = s[1:]
	}
	for _, variable := range strings.Split(s, ",") {
		name := strings.TrimSuffix(variable, "*")
		if cut, length, ok := strings.Cut(variable, ":"); ok {
			if length == "" || length[0] == '0' || len(length) > 4 || countDigits(length) != len(length) {
				return false
			}
			name = cut
		}
		if name == "" || name[0] == '.' || name[len(name)-1] == '.' || strings.Contains(name, "..") || !only(name, "_.", false, false) {
			return false
		}
	}
	return true
}
