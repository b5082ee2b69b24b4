package porttest

import (
	"fmt"
	"maps"
	"sync"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/search"
	"github.com/sheafdb/sheaf/ports"
)

// momentLists are lists of all documents that findMoment writes, each by other plans.
var momentLists = []struct{ filter, order string }{{``, ``}, {`doc.b == "x"`, `doc.n`}, {`doc.b in ["x", "y"]`, `doc.n desc`}, {`doc.n >= 0`, `doc.m`}, {`has(doc.b)`, `id desc`}}

// What is found is what was there at the position that it says, whatever others write meanwhile.
func findMoment(f fixture) {
	c := f.compile(f.configure("searched", searched))
	if c == nil {
		return
	}
	type read struct {
		where     string
		at        change.Position
		revisions map[string]int64
	}
	var mu sync.Mutex
	var reads []read
	find := func(i int) {
		list := momentLists[i%len(momentLists)]
		q := f.query(c, list.filter, list.order)
		for _, p := range search.Plans(q, c.ReadyIndexes()) {
			found, err := f.Find(f.Context(), c.Key, ports.Find{Query: q, Plan: p, Limit: 100, Bytes: 1 << 20})
			if err != nil || found.More {
				f.Errorf("%q: more %v, %v", list.filter, found.More, err)
				return
			}
			r := read{fmt.Sprintf("filter %q, plan %s", list.filter, planName(p)), found.At, map[string]int64{}}
			for _, d := range found.Items {
				r.revisions[d.ID.String()] = d.Revision
			}
			mu.Lock()
			reads = append(reads, r)
			mu.Unlock()
		}
	}
	for i := range momentLists { // of nothing, which has a position, too
		find(i)
	}
	whileDoing(func() {
		together(4, func(i int) {
			for n := range 40 {
				w := put(c.Stored, number(n%7), fmt.Sprintf(`{"b": "x", "n": %d}`, n))
				if (n+i)%5 == 0 {
					w = remove(c.Stored, number(n%7))
				}
				_, _ = f.Write(f.Context(), batch(w)) // what is not there cannot be deleted
			}
		})
	}, find, find)
	position, err := f.Position(f.Context(), c.Bucket)
	if err != nil {
		f.Fatal(err)
	}
	quiet := len(reads)
	for i := range momentLists {
		find(i)
	}
	for _, r := range reads[quiet:] {
		wantEqual(f, r.at, position)
	}
	for _, r := range reads {
		if r.at == ports.Unplaced {
			continue
		}
		if want := livingAt(f.feed(c.Bucket), c.Key, r.at); !maps.Equal(r.revisions, want) {
			f.Fatalf("%s: found %v at position %d, when there were %v", r.where, r.revisions, r.at, want)
		}
	}
}

// livingAt are the documents of a collection at a position, with their revisions.
func livingAt(feed []change.Change, key collection.Key, at change.Position) map[string]int64 {
	living := map[string]int64{}
	for _, c := range feed {
		if c.CollectionID != key.ID || c.Position > at {
			continue
		}
		if living[c.DocumentID.String()] = c.Revision; c.Op == change.Deleted {
			delete(living, c.DocumentID.String())
		}
	}
	return living
}
