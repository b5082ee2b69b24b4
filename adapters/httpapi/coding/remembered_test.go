package coding

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
)

func TestRemembered(t *testing.T) {
	t.Parallel()
	const size = 1000
	r := newRemembered(3 * (size + entryBytes))
	body := func(i int) []byte { return bytes.Repeat([]byte{byte(i)}, size) }
	for i := range 3 {
		r.put(keyOf(gzipCoding, body(i)), body(i))
	}
	if r.get(keyOf(gzipCoding, body(0))) == nil || r.get(keyOf(zstdCoding, body(0))) != nil {
		t.Error("what is remembered is not what was put")
	}
	r.put(keyOf(gzipCoding, body(3)), body(3))
	r.put(keyOf(gzipCoding, body(3)), body(3))
	for i, want := range []bool{true, false, true, true} { // the one that was asked for last stays
		if got := r.get(keyOf(gzipCoding, body(i))); (got != nil) != want || want && !bytes.Equal(got, body(i)) {
			t.Errorf("%d is there: %v, want %v", i, got != nil, want)
		}
	}
	if r.bytes > r.bound || len(r.entries) != r.order.Len() {
		t.Errorf("%d bytes in %d entries and %d elements", r.bytes, len(r.entries), r.order.Len())
	}
	r.put(keyOf(gzipCoding, nil), make([]byte, 4*size))
	if len(r.entries) != 0 || r.bytes != 0 {
		t.Errorf("%d bytes in %d entries of what is too large", r.bytes, len(r.entries))
	}
}

// documents is about a page of documents of 600 bytes, which no two are alike.
func documents(n int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	words := []string{"whale", "ship", "sea", "captain", "harpoon", "white", "deck", "storm", "voyage", "oil", "boat", "line", "sailor", "night"}
	var b []byte
	for i := range n {
		b = fmt.Appendf(b, `{"id":"%016x","revision":%d,"data":{"n":%d,"text":"`, random.Uint64(), i, random.Uint32())
		for range 80 {
			b = fmt.Append(b, words[random.IntN(len(words))], " ")
		}
		b = append(b, `"}},`...)
	}
	return b
}

func BenchmarkEncode(b *testing.B) {
	body := documents(20)
	e := New(nil)
	for _, coding := range []string{gzipCoding, zstdCoding} {
		for name, repeated := range map[string]bool{"anew": false, "remembered": true} {
			b.Run(coding+"/"+name, func(b *testing.B) {
				b.SetBytes(int64(len(body)))
				for b.Loop() {
					e.encode(coding, body, repeated)
				}
			})
		}
	}
}
