// Package surrogate names answers for the caches in front of a server, so that they can be told which ones to forget.
//
// An answer carries the keys of all that it shows; a change sends out the keys of all that it touches. An answer is to be forgotten when it has one of them.
// Keys are made of letters, digits and -._~%/: alone, so that they can be separated by spaces and by commas, and are at most 830 bytes long.
package surrogate

import "github.com/sheafdb/sheaf/domain/ident"

// Collection is the key of every answer about a collection's documents: a change of its configuration touches them all.
func Collection(name ident.Collection) string { return name.String() }

// List is the key of every answer that depends on which documents a collection has: any change of any of them touches it.
func List(name ident.Collection) string { return name.String() + ":list" }

// Document is the key of every answer about one document.
func Document(name ident.Collection, id ident.Document) string {
	return string(escape(append([]byte(name.String()), '/'), id.String()))
}

// escape appends s with all but the unreserved characters of RFC 3986 percent-encoded.
func escape(b []byte, s string) []byte {
	const hex = "0123456789ABCDEF"
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '.', c == '_', c == '~':
			b = append(b, c)
		default:
			b = append(b, '%', hex[c>>4], hex[c&15])
		}
	}
	return b
}
