package index

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
)

// Bounds of keys, in bytes. An entry of a B-tree in PostgreSQL has at most 2704, with the id and some numbers beside the key.
const (
	ValueBytes = 1024
	KeyBytes   = 2048
)

// digestBytes is how much of a SHA-256 stands for what was cut off: two different values never meet.
const digestBytes = 16

// The first byte of a value says its kind. The gaps are for kinds to come. In a field that descends all bytes are inverted, but for those of null: a tag
// inverted is below tagNull too.
const (
	tagEnd      = 0x01 // of an array or object
	tagFalse    = 0x10
	tagTrue     = 0x11
	tagNegative = 0x20
	tagZero     = 0x21
	tagPositive = 0x22
	tagString   = 0x30
	tagTime     = 0x40
	tagArray    = 0x50
	tagObject   = 0x51
	tagNull     = 0xFE
)

// appendField appends the key of a value in a field. No key of one value is the beginning of another's.
func (x *Index) appendField(dst []byte, f Field, v any) []byte {
	if v == nil {
		return append(dst, tagNull)
	}
	start := len(dst)
	dst = appendValue(dst, v, x.CaseInsensitive)
	dst = cut(dst, start, ValueBytes)
	if f.Desc {
		invert(dst[start:])
	}
	return dst
}

// cut shortens what begins at start to limit bytes and a digest of all of it, where it is longer.
func cut(key []byte, start, limit int) []byte {
	if len(key)-start <= limit {
		return key
	}
	digest := sha256.Sum256(key[start:])
	return append(key[:start+limit], digest[:digestBytes]...)
}

func invert(key []byte) {
	for i := range key {
		key[i] = ^key[i]
	}
}

// appendValue appends the key of a value as a whole: what Decode of jsontext returns, or a query.Instant.
func appendValue(dst []byte, v any, fold bool) []byte {
	switch v := v.(type) {
	case nil:
		return append(dst, tagNull)
	case bool:
		if v {
			return append(dst, tagTrue)
		}
		return append(dst, tagFalse)
	case json.Number:
		return appendNumber(dst, v)
	case string:
		if fold {
			v = Fold(v)
		}
		return appendTerminated(append(dst, tagString), v)
	case query.Instant:
		return binary.BigEndian.AppendUint64(append(dst, tagTime), uint64(v)^1<<63)
	case []any:
		dst = append(dst, tagArray)
		for _, element := range v {
			dst = appendValue(dst, element, fold)
		}
		return append(dst, tagEnd)
	case map[string]any:
		dst = append(dst, tagObject)
		for _, name := range sortedKeys(v) {
			dst = appendValue(appendTerminated(append(dst, tagString), name), v[name], fold)
		}
		return append(dst, tagEnd)
	}
	panic(fmt.Sprintf("index: a %T is not a value of a document", v))
}

// appendTerminated appends a string and its end, 0x00 0x01. A byte 0x00 in it becomes 0x00 0xFF, so that a string orders before those that it begins.
func appendTerminated(dst []byte, s string) []byte { return append(appendEscaped(dst, s), 0x00, 0x01) }

func appendEscaped(dst []byte, s string) []byte {
	for {
		at := strings.IndexByte(s, 0)
		if at < 0 {
			return append(dst, s...)
		}
		dst = append(append(dst, s[:at]...), 0x00, 0xFF)
		s = s[at+1:]
	}
}

// appendNumber appends the sign, the scale, and the digits two by two with an end below all of them; of a negative number all is inverted.
func appendNumber(dst []byte, n json.Number) []byte {
	sign, digits, scale := jsontext.Digits(n)
	if sign == 0 {
		return append(dst, tagZero)
	}
	tag := byte(tagPositive)
	if sign < 0 {
		tag = tagNegative
	}
	dst = append(dst, tag)
	start := len(dst)
	dst = appendScale(dst, scale)
	dst = appendDigits(dst, digits)
	if sign < 0 {
		invert(dst[start:])
	}
	return dst
}

// Scales up to nearScale either way are one byte; others are a byte beyond those, and eight more.
const (
	nearScale  = 100
	zeroScale  = 0x80
	smallScale = zeroScale - nearScale - 1
	largeScale = zeroScale + nearScale + 1
)

func appendScale(dst []byte, scale int) []byte {
	switch {
	case scale < -nearScale:
		dst = append(dst, smallScale)
	case scale > nearScale:
		dst = append(dst, largeScale)
	default:
		return append(dst, byte(zeroScale+scale))
	}
	return binary.BigEndian.AppendUint64(dst, uint64(scale)^1<<63)
}

// appendDigits appends pairs of digits as 1 to 100, without the zeros at the end, and then 0.
func appendDigits(dst []byte, digits string) []byte {
	if strings.IndexByte(digits, '.') >= 0 {
		digits = strings.Replace(digits, ".", "", 1)
	}
	digits = strings.TrimRight(digits, "0")
	for ; len(digits) > 1; digits = digits[2:] {
		dst = append(dst, (digits[0]-'0')*10+digits[1]-'0'+1)
	}
	if digits != "" {
		dst = append(dst, (digits[0]-'0')*10+1)
	}
	return append(dst, 0)
}
