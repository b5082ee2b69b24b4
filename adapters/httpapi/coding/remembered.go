package coding

import (
	"container/list"
	"hash/maphash"
	"sync"
)

const (
	// rememberedBytes bounds the encoded bodies that are kept: some thousands of usual size.
	rememberedBytes = 8 << 20
	// rememberable bounds a body that is worth keeping, in bytes; a few larger ones would drive all others out.
	rememberable = 256 << 10
	// entryBytes is about what an entry takes beside its body.
	entryBytes = 200
)

// key names a body by what it is, so that an entry is never wrong and never has to be dropped: the two hashes have seeds that nobody outside of this process can know,
// and with a thousand million different bodies, the odds that two of them share both are one in 10^20.
type key struct {
	coding        string
	first, second uint64
}

// seeds are those of the two hashes.
var seeds = [2]maphash.Seed{maphash.MakeSeed(), maphash.MakeSeed()}

func keyOf(coding string, body []byte) key {
	return key{coding, maphash.Bytes(seeds[0], body), maphash.Bytes(seeds[1], body)}
}

// remembered keeps encoded bodies, those that were asked for last. It is safe for concurrent use; what it returns is not changed.
type remembered struct {
	bound int

	mu      sync.Mutex
	entries map[key]*list.Element
	order   list.List // of *entry, the last used first
	bytes   int
}

type entry struct {
	key
	encoded []byte
}

func newRemembered(bound int) *remembered {
	return &remembered{bound: bound, entries: map[key]*list.Element{}}
}

// get returns nil for a body that is not there.
func (r *remembered) get(k key) []byte {
	r.mu.Lock()
	defer r.mu.Unlock()
	found := r.entries[k]
	if found == nil {
		return nil
	}
	r.order.MoveToFront(found)
	return found.Value.(*entry).encoded
}

func (r *remembered) put(k key, encoded []byte) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.entries[k] != nil {
		return
	}
	r.entries[k] = r.order.PushFront(&entry{k, encoded})
	r.bytes += cap(encoded) + entryBytes
	for r.bytes > r.bound {
		last := r.order.Remove(r.order.Back()).(*entry)
		delete(r.entries, last.key)
		r.bytes -= cap(last.encoded) + entryBytes
	}
}
