package schema

import (
	"net/netip"
	"strings"
)

// format is one value of the keyword format. All that draft 2020-12 defines are asserted; another name is an annotation.
type format struct {
	name    string
	message string
	valid   func(string) bool
	weight  int // steps that bytesAStep bytes cost
}

var formats = func() map[string]*format {
	byName := map[string]*format{}
	for _, f := range []format{
		{"date-time", `must be a date and time such as "2024-05-31T23:59:59Z"`, isDateTime, 1},
		{"date", `must be a date such as "2024-05-31"`, isDate, 1},
		{"time", `must be a time with an offset, such as "23:59:59Z"`, isTime, 1},
		{"duration", `must be a duration such as "P3DT12H"`, isDuration, 1},
		{"email", "must be an e-mail address", isEmail, 32},
		{"idn-email", "must be an e-mail address", isIDNEmail, 256},
		{"hostname", "must be a host name", isHostname, 32},
		{"idn-hostname", "must be a host name", isIDNHostname, 256},
		{"ipv4", `must be an IPv4 address such as "192.0.2.1"`, isIPv4, 1},
		{"ipv6", `must be an IPv6 address such as "2001:db8::1"`, isIPv6, 1},
		{"uri", "must be a URI with a scheme", func(s string) bool { return isURI(s, true, false) }, 1},
		{"uri-reference", "must be a URI or a relative reference", func(s string) bool { return isURI(s, false, false) }, 1},
		{"iri", "must be an IRI with a scheme", func(s string) bool { return isURI(s, true, true) }, 1},
		{"iri-reference", "must be an IRI or a relative reference", func(s string) bool { return isURI(s, false, true) }, 1},
		{"uri-template", "must be a URI template", isURITemplate, 1},
		{"uuid", `must be a UUID such as "f81d4fae-7dec-11d0-a765-00a0c91e6bf6"`, isUUID, 1},
		{"json-pointer", `must be a JSON Pointer such as "/a/0"`, isJSONPointer, 1},
		{"relative-json-pointer", `must be a relative JSON Pointer such as "1/a"`, isRelativeJSONPointer, 1},
		{"regex", "must be a regular expression of ECMA-262", isRegex, 2560},
	} {
		byName[f.name] = &f
	}
	return byName
}()

// isUUID accepts the text form of RFC 9562 section 4, of any version.
func isUUID(s string) bool {
	if len(s) != 36 {
		return false
	}
	for i := range len(s) {
		switch i {
		case 8, 13, 18, 23:
			if s[i] != '-' {
				return false
			}
		default:
			if !isHex(s[i]) {
				return false
			}
		}
	}
	return true
}

func isIPv4(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is4()
}

// isIPv6 refuses a zone, which is no part of an address by RFC 4291.
func isIPv6(s string) bool {
	a, err := netip.ParseAddr(s)
	return err == nil && a.Is6() && a.Zone() == "" && !strings.Contains(s, "%")
}

// isJSONPointer follows RFC 6901.
func isJSONPointer(s string) bool {
	if s == "" {
		return true
	}
	if s[0] != '/' {
		return false
	}
	for i := range len(s) {
		if s[i] == '~' && (i+1 == len(s) || s[i+1] != '0' && s[i+1] != '1') {
			return false
		}
	}
	return true
}

func isRelativeJSONPointer(s string) bool {
	digits := countDigits(s)
	if digits == 0 || digits > 1 && s[0] == '0' {
		return false
	}
	rest := s[digits:]
	return rest == "#" || isJSONPointer(rest)
}

// maxRegex bounds what is parsed as a regular expression, in bytes; nobody keeps larger ones.
const maxRegex = 16 << 10

func isRegex(s string) bool { return len(s) <= maxRegex && isECMA(s) }

func isHex(ch byte) bool   { return isDigit(ch) || ch|0x20 >= 'a' && ch|0x20 <= 'f' }
func isDigit(ch byte) bool { return ch >= '0' && ch <= '9' }
func isAlpha(ch byte) bool { return ch|0x20 >= 'a' && ch|0x20 <= 'z' }

// countDigits counts the ASCII digits s begins with.
func countDigits(s string) int {
	for i := range len(s) {
		if !isDigit(s[i]) {
			return i
		}
	}
	return len(s)
}
