package cache

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"time"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/document"
)

// entryVersion is the form in which entries are shared. Another form gets another number, and what has another number is no entry.
const entryVersion = 1

// errForeign is what is wrong with a text that is no entry of that place: damaged, of another version, or somebody else's.
var errForeign = errors.New("not an entry of this place")

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// formatEntry returns an entry as it is shared: version, place, position, the document with its lengths, and a checksum of it all.
func formatEntry(p place, e *entry) []byte {
	b := append(make([]byte, 0, len(e.document.Data)+len(p.id.String())+64), entryVersion)
	b = appendText(b, p.name())
	b = binary.AppendUvarint(b, uint64(e.at))
	if e.gone {
		b = append(b, 0)
	} else {
		b = append(b, 1)
		b = binary.AppendUvarint(b, uint64(e.document.Revision))
		b = binary.AppendUvarint(b, uint64(e.document.SchemaRevision))
		b = binary.AppendVarint(b, e.document.CreatedAt.UnixMicro())
		b = binary.AppendVarint(b, e.document.UpdatedAt.UnixMicro())
		b = appendText(b, e.document.Data)
	}
	return binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
}

func appendText[T string | []byte](b []byte, text T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// parseEntry reads what formatEntry wrote of that place, and nothing else.
func parseEntry(text string, p place) (*entry, error) {
	if len(text) <= crc32.Size {
		return nil, errForeign
	}
	body := []byte(text[:len(text)-crc32.Size])
	if binary.BigEndian.Uint32([]byte(text[len(body):])) != crc32.Checksum(body, castagnoli) {
		return nil, errForeign
	}
	r := entryReader{rest: body}
	if r.byte() != entryVersion || string(r.text()) != p.name() {
		return nil, errForeign
	}
	e := &entry{at: change.Position(r.uint())}
	switch r.byte() {
	case 0:
		e.gone = true
	case 1:
		e.document = document.Document{
			ID: p.id, Revision: int64(r.uint()), SchemaRevision: int64(r.uint()), CreatedAt: r.time(), UpdatedAt: r.time(), Data: r.text(),
		}
	default:
		r.bad = true
	}
	if r.bad || len(r.rest) > 0 {
		return nil, errForeign
	}
	return e, nil
}

// entryReader reads a text from its beginning; bad says that it did not have what was asked for.
type entryReader struct {
	rest []byte
	bad  bool
}

func (r *entryReader) byte() byte {
	if len(r.rest) == 0 {
		r.bad = true
		return 0
	}
	b := r.rest[0]
	r.rest = r.rest[1:]
	return b
}

func (r *entryReader) uint() uint64 {
	v, n := binary.Uvarint(r.rest)
	if n <= 0 || v > 1<<62 {
		r.bad = true
		return 0
	}
	r.rest = r.rest[n:]
	return v
}

func (r *entryReader) time() time.Time {
	v, n := binary.Varint(r.rest)
	if n <= 0 {
		r.bad = true
		return time.Time{}
	}
	r.rest = r.rest[n:]
	return time.UnixMicro(v).UTC()
}

func (r *entryReader) text() []byte {
	n := r.uint()
	if n > uint64(len(r.rest)) {
		r.bad = true
		return nil
	}
	text := r.rest[:n:n]
	r.rest = r.rest[n:]
	return text
}
