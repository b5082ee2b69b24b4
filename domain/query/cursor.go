package query

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"strings"

	"github.com/sheafdb/sheaf/domain/fault"
)

// Limits of a page, in items.
const (
	DefaultPageSize = 50
	MaxPageSize     = 1000
)

// PageSize returns the number of items that a request for n gets: 0 is the default, and what is above the maximum is the maximum. n is not negative.
func PageSize(n int) int {
	switch {
	case n <= 0:
		return DefaultPageSize
	case n > MaxPageSize:
		return MaxPageSize
	}
	return n
}

// Cursor is the place in a list after which the next page begins.
type Cursor struct {
	// List names the list with everything that decides its order and contents; a cursor of one list is refused by another.
	List string
	// After is the last key of the page before; of documents, the id.
	After string
	// Key is the place of that document in an order by values.
	Key []byte
	// Back says that the page before is asked for, not the one behind.
	Back bool
}

// cursorPrefix is the version of the token's form; another form gets another prefix, so that old tokens are told from altered ones.
const cursorPrefix = "c1-"

// wireCursor is what a token holds. The list is kept as a digest: it may be long, and it is only ever compared.
type wireCursor struct {
	List  []byte `json:"l"`
	After string `json:"a"`
	Key   []byte `json:"k,omitempty"`
	Back  bool   `json:"b,omitempty"`
}

const (
	listDigestBytes = 12
	checksumBytes   = 4
)

// Format returns the cursor as an opaque token: URL-safe, and with a checksum, so that a damaged one is told from a foreign one.
func (c Cursor) Format() string {
	body, err := json.Marshal(wireCursor{List: c.digest(), After: c.After, Key: c.Key, Back: c.Back})
	if err != nil {
		panic("query: a cursor of bytes and a string always encodes: " + err.Error())
	}
	sum := sha256.Sum256(body)
	return cursorPrefix + base64.RawURLEncoding.EncodeToString(append(body, sum[:checksumBytes]...))
}

func (c Cursor) digest() []byte {
	sum := sha256.Sum256([]byte(c.List))
	return sum[:listDigestBytes]
}

// ParseCursor reads a token that Format made for the same list. The empty token is the beginning of the list.
// It fails with fault.Malformed: code "page.token" when the token is damaged or of an unknown version, "page.foreign" when it belongs to another list.
func ParseCursor(list, token string) (Cursor, error) {
	c := Cursor{List: list}
	if token == "" {
		return c, nil
	}
	encoded, ok := strings.CutPrefix(token, cursorPrefix)
	if !ok {
		return Cursor{}, damaged()
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil || len(raw) < checksumBytes {
		return Cursor{}, damaged()
	}
	body, sum := raw[:len(raw)-checksumBytes], sha256.Sum256(raw[:len(raw)-checksumBytes])
	if !bytes.Equal(raw[len(body):], sum[:checksumBytes]) {
		return Cursor{}, damaged()
	}
	var w wireCursor
	if json.Unmarshal(body, &w) != nil {
		return Cursor{}, damaged()
	}
	if !bytes.Equal(w.List, c.digest()) {
		return Cursor{}, pageFault("page.foreign", "the page token belongs to another list or to other parameters")
	}
	c.After, c.Key, c.Back = w.After, w.Key, w.Back
	return c, nil
}

func damaged() error {
	return pageFault("page.token", "the page token is not one that this server made")
}

func pageFault(code, text string) error {
	return fault.New(fault.Malformed, code, "%s", text).
		With(fault.Violation{In: "query", Pointer: "pageToken", Code: code, Message: text})
}

// CountKind is how a list is counted.
type CountKind string

// The ways to count.
const (
	CountNone      CountKind = "none"
	CountEstimated CountKind = "estimated" // from statistics; may be off, costs nothing
	CountExact     CountKind = "exact"     // costs a scan of the list
	CountCapped    CountKind = "capped"    // exact up to CountCap
)

// CountCap is where a capped count stops, in items.
const CountCap = 10_000

// Count is how many items a list has.
type Count struct {
	Value int64
	// Kind is "exact", "estimated" or "atLeast".
	Kind string
}

// CappedCount returns the count of a list in which at most CountCap+1 items were looked at and n found.
func CappedCount(n int64) Count {
	if n > CountCap {
		return Count{Value: CountCap, Kind: "atLeast"}
	}
	return Count{Value: n, Kind: "exact"}
}
