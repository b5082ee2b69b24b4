package schema

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
)

// Lengths of RFC 1035 and RFC 5321, in bytes.
const (
	maxHostname  = 253
	maxLabel     = 63
	maxEmail     = 254
	maxLocalPart = 64
)

// isHostname follows RFC 1123 section 2.1; a label with the prefix xn-- must be what IDNA makes of some name.
func isHostname(s string) bool {
	if s == "" || len(s) > maxHostname {
		return false
	}
	for _, label := range strings.Split(s, ".") {
		if !isLabel(label) {
			return false
		}
	}
	return true
}

func isLabel(s string) bool {
	if s == "" || len(s) > maxLabel || s[0] == '-' || s[len(s)-1] == '-' {
		return false
	}
	for i := range len(s) {
		if !isAlpha(s[i]) && !isDigit(s[i]) && s[i] != '-' {
			return false
		}
	}
	if len(s) >= 4 && s[2] == '-' && s[3] == '-' {
		// Only IDNA uses hyphens there (RFC 5891 section 4.2.3.1).
		return strings.EqualFold(s[:2], "xn") && isIDNHostname(strings.ToLower(s))
	}
	return true
}

// internationalNames judges labels by IDNA 2008 and does not map them.
var internationalNames = idna.New(
	idna.StrictDomainName(true), idna.ValidateLabels(true), idna.CheckHyphens(true), idna.CheckJoiners(true),
	idna.BidiRule(), idna.VerifyDNSLength(true), idna.Transitional(false),
)

// isIDNHostname follows RFC 5890 to 5893: it accepts what has a form in ASCII.
func isIDNHostname(s string) bool {
	// IDNA separates labels at these as well (UTS 46 section 2.3).
	s = strings.NewReplacer("。", ".", "．", ".", "｡", ".").Replace(s)
	if len(s) > utf8.UTFMax*maxHostname || strings.HasSuffix(s, ".") {
		return false
	}
	ascii, err := internationalNames.ToASCII(s)
	if err != nil || ascii == "" {
		return false
	}
	unicodeName, err := internationalNames.ToUnicode(ascii)
	return err == nil && inContext(unicodeName)
}

// inContext checks the characters that RFC 5892 appendix A admits between certain others only, and the few it refuses.
func inContext(s string) bool {
	runes := []rune(s)
	at := func(i int) rune {
		if i < 0 || i >= len(runes) {
			return 0
		}
		return runes[i]
	}
	var arabic, extended, katakana, dot bool
	for i, r := range runes {
		switch {
		case r == '·' && (at(i-1) != 'l' || at(i+1) != 'l'):
			return false
		case r == '͵' && !unicode.Is(unicode.Greek, at(i+1)):
			return false
		case (r == '׳' || r == '״') && !unicode.Is(unicode.Hebrew, at(i-1)):
			return false
		case r == '・':
			dot = true
		case r >= 0x660 && r <= 0x669:
			arabic = true
		case r >= 0x6f0 && r <= 0x6f9:
			extended = true
		case r == 0x640 || r == 0x7fa || r == 0x302e || r == 0x302f || r >= 0x3031 && r <= 0x3035 || r == 0x303b:
			return false
		}
		katakana = katakana || r != '・' && unicode.In(r, unicode.Hiragana, unicode.Katakana, unicode.Han)
	}
	return !(arabic && extended) && (!dot || katakana)
}

// isEmail follows the Mailbox of RFC 5321 section 4.1.2.
func isEmail(s string) bool { return isMailbox(s, false) }

// isIDNEmail is isEmail with the characters and host names of RFC 6531.
func isIDNEmail(s string) bool { return isMailbox(s, true) }

func isMailbox(s string, international bool) bool {
	at := strings.LastIndexByte(s, '@')
	if at < 1 || at > maxLocalPart || len(s) > maxEmail {
		return false
	}
	local, domain := s[:at], s[at+1:]
	if local[0] == '"' {
		if !isQuoted(local, international) {
			return false
		}
	} else if !isDotAtom(local, international) {
		return false
	}
	if literal, ok := strings.CutPrefix(domain, "["); ok {
		literal, ok = strings.CutSuffix(literal, "]")
		if six, is := strings.CutPrefix(literal, "IPv6:"); is {
			return ok && isIPv6(six)
		}
		return ok && isIPv4(literal)
	}
	return isHostname(domain) || international && isIDNHostname(domain)
}

func isDotAtom(s string, international bool) bool {
	for _, atom := range strings.Split(s, ".") {
		if atom == "" {
			return false
		}
		for _, r := range atom {
			if r >= utf8.RuneSelf {
				if !international || r == utf8.RuneError || unicode.IsControl(r) || unicode.IsSpace(r) {
					return false
				}
				continue
			}
			if !isAlpha(byte(r)) && !isDigit(byte(r)) && !strings.ContainsRune("!#$%&'*+-/=?^_`{|}~", r) {
				return false
			}
		}
	}
	return true
}

func isQuoted(s string, international bool) bool {
	if len(s) < 2 || s[len(s)-1] != '"' {
		return false
	}
	inner, escaped := s[1:len(s)-1], false
	for _, r := range inner {
		switch {
		case r < ' ' || r == 0x7f || r >= utf8.RuneSelf && !international:
			return false
		case escaped:
			escaped = false
		case r == '\\':
			escaped = true
		case r == '"':
			return false
		}
	}
	return !escaped
}
