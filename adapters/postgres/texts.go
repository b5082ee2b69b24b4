package postgres

import (
	"cmp"
	"slices"
	"strings"

	"github.com/sheafdb/sheaf/adapters/postgres/sqlcgen"
	"github.com/sheafdb/sheaf/domain/index"
)

// textEntry is a row of text_entries that a transaction removes, or adds in place of what is there.
type textEntry struct {
	bucket int32
	index.Text
	id   string
	gone bool
}

func textEntries(at place, texts []index.Text, gone bool) []textEntry {
	list := make([]textEntry, len(texts))
	for i, t := range texts {
		list[i] = textEntry{at.Bucket, t, at.id, gone}
	}
	return list
}

// textBytes is how many bytes of text there are.
func textBytes(list []textEntry) int {
	n := 0
	for _, e := range list {
		n += e.Size()
	}
	return n
}

// textChunks cuts entries into statements of bounded size.
func textChunks(list []textEntry) [][]textEntry {
	var chunks [][]textEntry
	begin, bytes := 0, 0
	for i, e := range list {
		if i > begin && (i-begin >= chunkRows || bytes+e.Size() > chunkBytes) {
			chunks = append(chunks, list[begin:i])
			begin, bytes = i, 0
		}
		bytes += e.Size()
	}
	if begin < len(list) {
		chunks = append(chunks, list[begin:])
	}
	return chunks
}

// writeTexts are entries in the order of their keys, as parallel arrays, none of them nil.
func writeTexts(list []textEntry) sqlcgen.WriteTextsParams {
	list = slices.Clone(list)
	slices.SortFunc(list, func(a, b textEntry) int {
		return cmp.Or(cmp.Compare(a.bucket, b.bucket), cmp.Compare(a.Index, b.Index), strings.Compare(a.id, b.id))
	})
	n := len(list)
	p := sqlcgen.WriteTextsParams{
		TextBuckets: make([]int32, n), TextIndexes: make([]int32, n), TextIds: make([]string, n), TextGone: make([]bool, n), Languages: make([]string, n),
		A: make([]string, n), B: make([]string, n), C: make([]string, n), D: make([]string, n),
	}
	for i, e := range list {
		p.TextBuckets[i], p.TextIndexes[i], p.TextIds[i], p.TextGone[i], p.Languages[i] = e.bucket, e.Index, e.id, e.gone, e.Language
		if !e.gone {
			p.A[i], p.B[i], p.C[i], p.D[i] = e.Weighted[0], e.Weighted[1], e.Weighted[2], e.Weighted[3]
		}
	}
	return p
}
