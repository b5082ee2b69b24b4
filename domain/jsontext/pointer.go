package jsontext

import (
	"strings"

	"github.com/sheafdb/sheaf/domain/fault"
)

var (
	escapeToken   = strings.NewReplacer("~", "~0", "/", "~1")
	unescapeToken = strings.NewReplacer("~1", "/", "~0", "~")
)

// AppendPointer returns the JSON Pointer (RFC 6901) to the member or element token of the value at ptr; "" points to the whole.
func AppendPointer(ptr, token string) string {
	if strings.ContainsAny(token, "~/") {
		token = escapeToken.Replace(token)
	}
	return ptr + "/" + token
}

// ParsePointer returns the tokens of a JSON Pointer, unescaped; there are none in "", which points to the whole.
// It fails with fault.Malformed and code "pointer.invalid".
func ParsePointer(s string) ([]string, error) {
	if s == "" {
		return nil, nil
	}
	if s[0] != '/' {
		return nil, fault.New(fault.Malformed, "pointer.invalid", "a JSON Pointer is empty or begins with a slash")
	}
	for i := range len(s) {
		if s[i] == '~' && (i+1 == len(s) || s[i+1] != '0' && s[i+1] != '1') {
			return nil, fault.New(fault.Malformed, "pointer.invalid", "in a JSON Pointer, ~ is followed by 0 or 1")
		}
	}
	tokens := strings.Split(s[1:], "/")
	for i, token := range tokens {
		tokens[i] = unescapeToken.Replace(token)
	}
	return tokens, nil
}

// FormatPointer returns the JSON Pointer with these tokens; it is the inverse of ParsePointer.
func FormatPointer(tokens []string) string {
	ptr := ""
	for _, token := range tokens {
		ptr = AppendPointer(ptr, token)
	}
	return ptr
}

// Lookup returns the value at a JSON Pointer in a decoded tree, and whether there is one.
// There is none at a malformed pointer, nor at "-", the place after the last element.
func Lookup(v any, pointer string) (any, bool) {
	tokens, err := ParsePointer(pointer)
	if err != nil {
		return nil, false
	}
	return Find(v, tokens)
}

// Find is Lookup by the tokens of a pointer.
func Find(v any, tokens []string) (any, bool) {
	for _, token := range tokens {
		switch at := v.(type) {
		case map[string]any:
			value, found := at[token]
			if !found {
				return nil, false
			}
			v = value
		case []any:
			i, ok := ParseIndex(token, len(at))
			if !ok {
				return nil, false
			}
			v = at[i]
		default:
			return nil, false
		}
	}
	return v, true
}

// ParseIndex reads the token of an element of an array: digits without a leading zero, below length.
func ParseIndex(token string, length int) (int, bool) {
	if token == "" || token[0] == '0' && token != "0" {
		return 0, false
	}
	index := 0
	for i := range len(token) {
		if !isDigit(token[i]) {
			return 0, false
		}
		if index = index*10 + int(token[i]-'0'); index >= length {
			return 0, false
		}
	}
	return index, true
}
