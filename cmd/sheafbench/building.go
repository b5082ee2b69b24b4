package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
)

// building measures what writers feel of an index that is built over all documents, and then proves that a build which is killed three times ends right.
//
// Writers replace documents all the while. No write may fail; when the server is killed, nothing but connections may.
func building(ctx context.Context, s *stage) ([]result, error) {
	base := result{Workload: "put while an index is built", Variant: "nothing is built"}
	if err := s.whileWriting(ctx, &base, func(ctx context.Context) error { return pause(ctx, time.Duration(s.rounds)*s.slice) }); err != nil {
		return nil, err
	}
	built := result{Workload: base.Workload, Variant: "building", Base: base.Variant}
	if err := s.whileWriting(ctx, &built, func(ctx context.Context) error {
		began := time.Now()
		if err := declareIndexed(ctx, s, "bench", `{"name":"by_email","on":["doc.customer.email","doc.placedAt desc"]}`); err != nil {
			return err
		}
		err := s.awaitIndex(ctx, "by_email", nil)
		built.Note = fmt.Sprintf("%d documents in %.0f s", s.documents, time.Since(began).Seconds())
		return err
	}); err != nil {
		return nil, err
	}
	built.Ratio = built.P99Micro / base.P99Micro
	killed := result{Workload: base.Workload, Variant: "building, killed three times"}
	if err := s.whileWriting(ctx, &killed, func(ctx context.Context) error {
		if err := declareIndexed(ctx, s, "bench", `{"name":"by_sku","on":["doc.lines[].sku","doc.total"]}`); err != nil {
			return err
		}
		return s.awaitIndex(ctx, "by_sku", []float64{0.2, 0.5, 0.8})
	}); err != nil {
		return nil, err
	}
	entries, err := s.compareEntries(ctx, "bench")
	killed.Note = fmt.Sprintf("%d entries are those of the documents", entries)
	return []result{base, built, killed}, err
}

// declareIndexed adds an index to those of the declaration; indexes that were added before go.
func declareIndexed(ctx context.Context, s *stage, name, index string) error {
	text := bytes.Replace([]byte(declaration), []byte(`"indexes":[`), []byte(`"indexes":[`+index+`,`), 1)
	_, err := s.call(ctx, "PUT", "/v1/collections/"+name, "application/json", text, 200)
	return err
}

// pause waits.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

// whileWriting does something while every connection replaces documents, and adds to the row what the writers saw.
func (s *stage) whileWriting(ctx context.Context, row *result, do func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	seed := int(rand.Uint32())
	render := func(c, n int) []byte {
		return send("PUT", bench+"/"+documentID(anyDocument(s)), sample(seed+c<<20+n))
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var all []time.Duration
	var failed error
	began, before := time.Now(), s.sheaf.cpu()
	for c := range s.connections {
		wg.Go(func() {
			for ctx.Err() == nil {
				took, err := loop(ctx, s.sheaf.addr, c, 200, render, contains(`"revision":`))
				mu.Lock()
				all = append(all, took...)
				if err != nil && !disconnected(err) && failed == nil {
					failed = fmt.Errorf("a write failed: %w", err)
					cancel()
				}
				mu.Unlock()
				if err != nil {
					_ = pause(ctx, 20*time.Millisecond)
				}
			}
		})
	}
	err := do(ctx)
	cancel()
	wg.Wait()
	if failed != nil {
		return failed
	}
	slices.Sort(all)
	if n := len(all); n > 0 {
		row.PerSecond, row.P50Micro, row.P99Micro = float64(n)/time.Since(began).Seconds(), micros(all[n/2]), micros(all[n*99/100])
		row.CPUMicro = micros(s.sheaf.cpu()-before) / float64(n)
	}
	row.ResidentMiB = s.sheaf.residentMiB()
	return err
}

// disconnected says that there was no answer, which is all that may happen to a writer when the server is killed.
func disconnected(err error) bool {
	var network *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNREFUSED) || errors.As(err, &network)
}

// shownIndex is an index as the API shows it.
type shownIndex struct {
	Name, State string
	Failure     json.RawMessage
	Progress    struct{ Done, Total int64 }
}

// awaitIndex waits until an index is ready. Whenever the build has come as far as the next of kills, a part of the whole, the server is killed and started again.
func (s *stage) awaitIndex(ctx context.Context, name string, kills []float64) error {
	for ; ; time.Sleep(10 * time.Millisecond) {
		text, err := s.call(ctx, "GET", "/v1/collections/bench", "application/json", nil, 200)
		if err != nil {
			return err
		}
		var c struct{ Indexes []shownIndex }
		if err := json.Unmarshal(text, &c); err != nil {
			return err
		}
		i := slices.IndexFunc(c.Indexes, func(x shownIndex) bool { return x.Name == name })
		if i < 0 {
			return fmt.Errorf("there is no index %s", name)
		}
		switch x := c.Indexes[i]; {
		case x.State == "ready" && len(kills) > 0:
			return errors.New("the build ended before the server was killed as often as it should: give it more documents")
		case x.State == "ready":
			return nil
		case x.State != "building":
			return fmt.Errorf("the index is %s: %s", x.State, x.Failure)
		}
		if p := c.Indexes[i].Progress; len(kills) > 0 && float64(p.Done) >= kills[0]*float64(p.Total) {
			fmt.Fprintf(os.Stderr, "killing the server at %d of %d documents\n", p.Done, p.Total)
			kills = kills[1:]
			if err := s.restartSheaf(ctx); err != nil {
				return err
			}
		}
	}
}

// restartSheaf kills the server as a crash would, and starts it again at the same address.
func (s *stage) restartSheaf(ctx context.Context) error {
	if err := s.sheaf.cmd.Process.Kill(); err != nil {
		return err
	}
	_ = s.sheaf.cmd.Wait()
	again, err := startSheaf(ctx, s.server, s.dir, s.database.URL(), s.sheaf.addr)
	if err == nil {
		s.sheaf = again
	}
	return err
}

// compareEntries fails unless the entries of a collection's indexes are exactly those that its documents have. It returns how many there are.
func (s *stage) compareEntries(ctx context.Context, name string) (int, error) {
	set, collection, err := s.indexesOf(ctx, name)
	if err != nil {
		return 0, err
	}
	var want, got tally
	rows, err := s.conn.Query(ctx, `SELECT id, revision, created_at, updated_at, data FROM documents WHERE collection_id = $1`, collection)
	if err != nil {
		return 0, err
	}
	var d document.Document
	var id string
	if _, err := pgx.ForEachRow(rows, []any{&id, &d.Revision, &d.CreatedAt, &d.UpdatedAt, &d.Data}, func() error {
		var err error
		if d.ID, err = ident.ParseDocument(id); err != nil {
			return err
		}
		entries, err := set.Entries(d.Indexable())
		for _, e := range entries.Ordered {
			want.add(e.Index, e.Key, id)
		}
		return err
	}); err != nil {
		return 0, err
	}
	rows, err = s.conn.Query(ctx, `SELECT index_id, key, id FROM index_entries WHERE index_id IN (SELECT index_id FROM collection_indexes WHERE collection_id = $1)`, collection)
	if err != nil {
		return 0, err
	}
	var number int32
	var key []byte
	if _, err := pgx.ForEachRow(rows, []any{&number, &key, &id}, func() error { got.add(number, key, id); return nil }); err != nil {
		return 0, err
	}
	if got != want {
		return 0, fmt.Errorf("there are %d entries, and the documents have %d, or others", got.count, want.count)
	}
	return got.count, nil
}

// indexesOf returns what the documents of a collection are indexed by.
func (s *stage) indexesOf(ctx context.Context, name string) (*index.Set, int32, error) {
	rows, err := s.conn.Query(ctx, `SELECT x.index_id, x.spec, x.collection_id FROM collection_indexes AS x JOIN collections AS c USING (collection_id) WHERE c.name = $1`, name)
	if err != nil {
		return nil, 0, err
	}
	var kept []index.Kept
	var k index.Kept
	var spec []byte
	var collection int32
	_, err = pgx.ForEachRow(rows, []any{&k.ID, &spec, &collection}, func() error {
		x, err := index.ParseSpec(spec)
		kept = append(kept, index.Kept{Index: x, ID: k.ID})
		return err
	})
	return index.NewSet(kept...), collection, err
}

// tally stands for a set of entries, in whatever order they come: sums of hashes are equal when, but for luck, the entries are.
type tally struct {
	count int
	sum   [2]uint64
}

func (t *tally) add(number int32, key []byte, id string) {
	b := binary.BigEndian.AppendUint32(nil, uint32(number))
	b = binary.BigEndian.AppendUint32(b, uint32(len(key)))
	h := sha256.Sum256(append(append(b, key...), id...))
	t.count++
	t.sum[0] += binary.BigEndian.Uint64(h[:8])
	t.sum[1] += binary.BigEndian.Uint64(h[8:16])
}
