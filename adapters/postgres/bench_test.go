package postgres_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sheafdb/sheaf/adapters/postgres"
	"github.com/sheafdb/sheaf/domain/collection"
	declared "github.com/sheafdb/sheaf/domain/schema"
)

// benchmarked opens a store for benchmarks: of a given durable database, else of the private one of tests, which does not wait for the disk.
func benchmarked(b *testing.B) (*postgres.Store, collection.Stored) {
	b.Helper()
	config := postgres.Config{}
	if url := os.Getenv("BENCH_DATABASE_URL"); url != "" {
		config.URL = url
		if err := postgres.Migrate(b.Context(), url); err != nil {
			b.Fatal(err)
		}
	}
	s := open(b, config)
	return s, mustCollection(b, s, "bench"+strings.ToLower(rand.Text()))
}

// payload is a document of about 600 bytes.
var payload = `{"name": "` + strings.Repeat("n", 100) + `", "text": "` + strings.Repeat("t", 400) + `", "tags": ["a", "b", "c"], "price": 12.50, "n": %d}`

func BenchmarkCreate(b *testing.B) {
	concurrently(b, func(s *postgres.Store, c collection.Stored, _ int64) error {
		_, err := s.Write(context.Background(), batch(fresh(c, newID(), fmt.Sprintf(payload, 1))))
		return err
	})
}

func BenchmarkPut(b *testing.B) {
	concurrently(b, func(s *postgres.Store, c collection.Stored, i int64) error {
		_, err := s.Write(context.Background(), batch(put(c, fmt.Sprint(i*7919%2000), fmt.Sprintf(payload, i))))
		return err
	})
}

func BenchmarkGet(b *testing.B) {
	concurrently(b, func(s *postgres.Store, c collection.Stored, i int64) error {
		_, err := s.Get(context.Background(), c.Key, id(fmt.Sprint(i%2000)))
		return err
	})
}

func BenchmarkImport(b *testing.B) {
	s, c := benchmarked(b)
	for b.Loop() {
		writes := batch()
		for range 1000 {
			writes.Writes = append(writes.Writes, fresh(c, newID(), fmt.Sprintf(payload, 1)))
		}
		if _, err := s.Write(context.Background(), writes); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(1000*b.N)/b.Elapsed().Seconds(), "documents/s")
}

// BenchmarkReferences creates documents that refer to one of two thousand others: where nothing is checked, where that is, and where it is indexed, too.
func BenchmarkReferences(b *testing.B) {
	for _, onDelete := range []string{"", `, "onDelete": "ignore"`, `, "onDelete": "restrict"`} {
		name := "unchecked"
		if onDelete != "" {
			name = strings.Trim(onDelete[len(`, "onDelete": `):], `"`)
		}
		b.Run(name, func(b *testing.B) {
			concurrently(b, func(s *postgres.Store, c collection.Stored, i int64) error {
				from := referring(b, s, c, onDelete)
				w := fresh(from.Stored, newID(), strings.Replace(fmt.Sprintf(payload, 1), "{", fmt.Sprintf(`{"parent": "%d", `, i%2000), 1))
				w.Indexes = from.Maintained
				_, err := s.Write(context.Background(), batch(w))
				return err
			})
		})
	}
}

// referrers are the collections that refer to others, by the names of these.
var referrers = struct {
	sync.Mutex
	of map[string]*collection.Collection
}{of: map[string]*collection.Collection{}}

// referring is a collection with a reference to another one.
func referring(b *testing.B, s *postgres.Store, to collection.Stored, onDelete string) *collection.Collection {
	b.Helper()
	referrers.Lock()
	defer referrers.Unlock()
	if known := referrers.of[to.Name.String()]; known != nil {
		return known
	}
	text := fmt.Sprintf(`{"references": [{"path": "doc.parent", "collection": %q%s}]}`, to.Name, onDelete)
	stored, _, err := s.WriteCollection(context.Background(), configuring(to.Name.String()+"-from", text))
	if err != nil {
		b.Fatal(err)
	}
	c, err := collection.Compile(stored, declared.Limits{})
	if err != nil {
		b.Fatal(err)
	}
	referrers.of[to.Name.String()] = c
	return c
}

// concurrently runs one operation by one caller and by thirty-two on two thousand documents.
func concurrently(b *testing.B, do func(s *postgres.Store, c collection.Stored, i int64) error) {
	b.Helper()
	for _, callers := range []int{1, 32} {
		b.Run(fmt.Sprint(callers), func(b *testing.B) {
			s, c := benchmarked(b)
			seed := batch()
			for i := range 2000 {
				seed.Writes = append(seed.Writes, put(c, fmt.Sprint(i), fmt.Sprintf(payload, i)))
			}
			if _, err := s.Write(context.Background(), seed); err != nil {
				b.Fatal(err)
			}
			before := s.Stat()
			b.ResetTimer()
			var next atomic.Int64
			var wg sync.WaitGroup
			for range callers {
				wg.Go(func() {
					for i := next.Add(1); i <= int64(b.N); i = next.Add(1) {
						if err := do(s, c, i); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "op/s")
			if n := s.Stat().Transactions - before.Transactions; n > 0 {
				b.ReportMetric(float64(s.Stat().Batches-before.Batches)/float64(n), "batches/tx")
				b.ReportMetric(float64(s.Stat().Retries-before.Retries), "retries")
			}
		})
	}
}
