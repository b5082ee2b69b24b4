package change

import (
	"encoding/base64"
	"encoding/binary"
	"hash/crc32"
	"slices"
	"strings"

	"github.com/sheafdb/sheaf/domain/fault"
)

// Mark is a position of one bucket.
type Mark struct {
	Bucket   int32
	Position Position
}

// Token says what a caller has seen: whoever sends it is not served what is older. The zero Token asks for nothing.
type Token struct {
	// marks are ascending by bucket, each bucket once.
	marks []Mark
}

// tokenPrefix is the version of a token's form; another form gets another prefix.
const tokenPrefix = "t1-"

// maxToken is the longest text that a token has: one with a mark for each bucket.
const maxToken = len(tokenPrefix) + (Buckets*2*binary.MaxVarintLen64+crc32.Size)*4/3 + 1

// NewToken returns the token of somebody who has seen the marks. Marks at position 0 say nothing, and of one bucket the highest counts.
func NewToken(marks ...Mark) Token {
	if len(marks) == 1 && marks[0].Position > 0 {
		return Token{marks}
	}
	kept := slices.DeleteFunc(slices.Clone(marks), func(m Mark) bool { return m.Position <= 0 })
	slices.SortFunc(kept, func(a, b Mark) int {
		if a.Bucket != b.Bucket {
			return int(a.Bucket - b.Bucket)
		}
		return int(min(max(b.Position-a.Position, -1), 1))
	})
	return Token{slices.CompactFunc(kept, func(a, b Mark) bool { return a.Bucket == b.Bucket })}
}

// IsZero says whether the token asks for nothing.
func (t Token) IsZero() bool { return len(t.marks) == 0 }

// At returns the position that was seen of a bucket, 0 for nothing.
func (t Token) At(bucket int32) Position {
	for _, m := range t.marks {
		if m.Bucket == bucket {
			return m.Position
		}
	}
	return 0
}

// Format returns the token as opaque text for a header, with a checksum; "" for the zero Token.
func (t Token) Format() string {
	if t.IsZero() {
		return ""
	}
	var room [64]byte
	b := room[:0]
	for _, m := range t.marks {
		b = binary.AppendUvarint(b, uint64(m.Bucket))
		b = binary.AppendUvarint(b, uint64(m.Position))
	}
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(b)
}

// ParseToken reads what Format made. The empty text is the zero Token.
// It fails with fault.Malformed, code "consistency.token", when it is damaged or of an unknown version.
func ParseToken(text string) (Token, error) {
	if text == "" {
		return Token{}, nil
	}
	encoded, ok := strings.CutPrefix(text, tokenPrefix)
	if !ok || len(text) > maxToken {
		return Token{}, damagedToken()
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(encoded)
	if err != nil || len(b) <= crc32.Size {
		return Token{}, damagedToken()
	}
	b, sum := b[:len(b)-crc32.Size], b[len(b)-crc32.Size:]
	if binary.BigEndian.Uint32(sum) != crc32.ChecksumIEEE(b) {
		return Token{}, damagedToken()
	}
	var t Token
	for len(b) > 0 {
		bucket, n := binary.Uvarint(b)
		position, m := binary.Uvarint(b[max(n, 0):])
		last := int32(-1)
		if len(t.marks) > 0 {
			last = t.marks[len(t.marks)-1].Bucket
		}
		if n <= 0 || m <= 0 || bucket >= Buckets || int32(bucket) <= last || position == 0 || position > 1<<62 {
			return Token{}, damagedToken()
		}
		t.marks = append(t.marks, Mark{int32(bucket), Position(position)})
		b = b[n+m:]
	}
	if t.Format() != text { // numbers that are longer than they need to be
		return Token{}, damagedToken()
	}
	return t, nil
}

func damagedToken() error {
	return fault.New(fault.Malformed, "consistency.token", "the consistency token is not one of this server's").
		With(fault.Violation{In: "header", Pointer: "Consistency-Token", Code: "format", Message: "must be what an answer had in Consistency-Token"})
}
