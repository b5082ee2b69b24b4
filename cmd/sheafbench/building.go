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

// built is the collection whose index is built.
const built = "/v1/collections/built"

// quiet is how long writers are watched at least while nothing is built: the longest waits are rare, and come with checkpoints.
const quiet = 10 * time.Second

// building measures what writers feel of an index that is built over all documents, and then proves that a build which is killed three times ends right.
//
// Writers replace documents all the while. No write may fail; when the server is killed, nothing but connections may.
func building(ctx context.Context, s *stage) ([]result, error) {
	if err := s.importSamples(ctx, "built", s.building); err != nil {
		return nil, err
	}
	if _, err := s.conn.Exec(ctx, "VACUUM ANALYZE"); err != nil {
		return nil, err
	}
	work := "replace while an index is built"
	idle := result{Workload: work, Variant: "nothing is built"}
	if err := s.whileWriting(ctx, &idle, func(ctx context.Context) error { return pause(ctx, max(quiet, time.Duration(s.rounds)*s.slice)) }); err != nil {
		return nil, err
	}
	busy := result{Workload: work, Variant: "building", Floor: markBuilding.floor}
	if err := s.whileWriting(ctx, &busy, func(ctx context.Context) error {
		return s.build(ctx, &busy, `{"name":"by_email","on":["doc.customer.email","doc.placedAt desc"]}`, "by_email")
	}); err != nil {
		return nil, err
	}
	killed := result{Workload: work, Variant: "building, killed three times"}
	if err := s.whileWriting(ctx, &killed, func(ctx context.Context) error {
		return s.build(ctx, &killed, `{"name":"by_sku","on":["doc.lines[].sku","doc.total"]}`, "by_sku", 0.2, 0.5, 0.8)
	}); err != nil {
		return nil, err
	}
	entries, err := s.compareEntries(ctx, "built")
	killed.notes("%s entries are those of the documents", number(entries))
	rows := []result{idle, busy, killed}
	compare(rows[:2], idle.Variant, p99)
	return rows, err
}

// build declares an index and waits until it is ready.
func (s *stage) build(ctx context.Context, row *result, declared, name string, kills ...float64) error {
	began := time.Now()
	if err := s.declareIndexed(ctx, declared); err != nil {
		return err
	}
	err := s.awaitIndex(ctx, name, kills)
	row.notes("%s documents in %.0f s", number(s.building), time.Since(began).Seconds())
	return err
}

// declareIndexed adds an index to those of the declaration; indexes that were added before go.
func (s *stage) declareIndexed(ctx context.Context, index string) error {
	text := bytes.Replace([]byte(declaration), []byte(`"indexes":[`), []byte(`"indexes":[`+index+`,`), 1)
	_, err := s.call(ctx, "PUT", built, "application/json", text, 200)
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
	var wg sync.WaitGroup
	var mu sync.Mutex
	var all slice
	var failed error
	ask := func(_, _ int) question {
		i := rand.IntN(s.building)
		return question{send("PUT", built+"/documents/"+documentID(i), sample(another(i, s.building))), 200, i}
	}
	more := func() bool { return ctx.Err() == nil }
	began, before, database := time.Now(), s.sheaf.cpu(), s.databaseCPU()
	addr := s.sheaf.addr // of which ever process
	for c := range s.connections {
		wg.Go(func() {
			for more() {
				took, err := loop(addr, c, 0, more, ask, isDocument(s.building))
				mu.Lock()
				all.latencies = append(all.latencies, took...)
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
	all.elapsed, all.cpu, all.database = time.Since(began), s.sheaf.cpu()-before, s.databaseCPU()-database
	row.Connections = s.connections
	row.measured(all)
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
		text, err := s.call(ctx, "GET", built, "application/json", nil, 200)
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
