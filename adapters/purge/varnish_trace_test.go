package purge_test

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// The trace: readers ask for documents as often as people do, the first much more often than the hundredth, now and then for a list, and for what is private.
const (
	traceDocuments = 300
	traceReaders   = 4
	traceReads     = 2500 // of each reader
	traceWrites    = 60
	// traceAgain is how long after the first purge the second comes. No answer of the origin is on its way for as long as that.
	traceAgain = 2 * time.Second
)

// written is what is known of a document.
type written struct {
	mu sync.Mutex
	// acknowledged is the newest revision that a write has answered with, at when it was sent.
	acknowledged int64
	at           time.Time
}

// Of what many read and few write, nine of ten answers come from the cache; none of them is older than the second purge of its document, and none is private.
func TestVarnish_Trace(t *testing.T) {
	t.Parallel()
	s := newSite(t, "", traceAgain)
	s.declare("books", `{"public": true, "maxAge": "0s", "sMaxAge": "1h"}`)
	s.declare("notes", `{"maxAge": "1h"}`)
	documents := make([]written, traceDocuments)
	for i := range documents {
		documents[i].acknowledged = s.put(fmt.Sprint("books/documents/", i), fmt.Sprintf(`{"n": %d}`, i)).revision
	}
	s.put("notes/documents/a", `{}`)
	var hits, reads, private atomic.Int64
	var seenPrivate sync.Map
	var reading, writing sync.WaitGroup
	done := make(chan struct{})
	for reader := range traceReaders {
		reading.Go(func() {
			random := rand.New(rand.NewPCG(7, uint64(reader)))
			popular := rand.NewZipf(random, 1.1, 1, traceDocuments-1)
			for range traceReads {
				switch kind := random.IntN(100); {
				case kind < 3:
					p := s.get("notes/documents/a", fmt.Sprint("Authorization: Bearer ", reader))
					if _, shared := seenPrivate.LoadOrStore(p.answer, reader); shared || p.hit || p.status != http.StatusOK {
						t.Errorf("a private answer is shared: %d %v", p.status, p.header)
						return
					}
					private.Add(1)
					continue
				case kind < 8:
					if s.get("books/documents?pageSize=10").hit {
						hits.Add(1)
					}
				default:
					i := popular.Uint64()
					if p := s.readDocument(&documents[i], i); p.hit {
						hits.Add(1)
					}
				}
				reads.Add(1)
			}
		})
	}
	writing.Go(func() {
		random := rand.New(rand.NewPCG(8, 8))
		popular := rand.NewZipf(random, 1.1, 1, traceDocuments-1)
		for n := range traceWrites {
			s.writeDocument(&documents, popular.Uint64(), n)
			// Between two writes there are as many reads as the trace has, whatever the machine.
			for reads.Load() < int64(n*traceReaders*traceReads/traceWrites) {
				select {
				case <-done:
					return
				case <-time.After(time.Millisecond):
				}
			}
		}
	})
	reading.Wait()
	close(done)
	writing.Wait()
	ratio := float64(hits.Load()) / float64(reads.Load())
	t.Logf("%d reads, hit ratio %.3f; %d private reads", reads.Load(), ratio, private.Load())
	if ratio < 0.9 {
		t.Errorf("hit ratio %.3f", ratio)
	}
	// In the end everything is as it was written.
	for i := range documents {
		d := &documents[i]
		if d.acknowledged > 1 {
			s.await("the second purge", func() bool { return s.told.since("books", fmt.Sprint(i), d.at.Add(traceAgain)) })
		}
		if p := s.get(fmt.Sprint("books/documents/", i)); p.revision != d.acknowledged {
			t.Errorf("document %d: revision %d, want %d", i, p.revision, d.acknowledged)
		}
	}
}

// readDocument reads a document through the cache, and fails where the answer is older than a write whose second purge was over when it was asked for.
func (s *site) readDocument(d *written, i uint64) page {
	d.mu.Lock()
	least, at := d.acknowledged, d.at
	d.mu.Unlock()
	purged := s.told.since("books", fmt.Sprint(i), at.Add(traceAgain))
	p := s.get(fmt.Sprint("books/documents/", i))
	if p.status != http.StatusOK || purged && p.revision < least {
		s.Errorf("document %d: %d with revision %d after the second purge of %d", i, p.status, p.revision, least)
	}
	return p
}

// writeDocument changes a document, past the cache.
func (s *site) writeDocument(documents *[]written, i uint64, n int) {
	d := &(*documents)[i]
	d.mu.Lock()
	defer d.mu.Unlock()
	d.at = time.Now()
	d.acknowledged = s.put(fmt.Sprint("books/documents/", i), fmt.Sprintf(`{"n": %d, "write": %d}`, i, n)).revision
}
