package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync/atomic"

	"github.com/jackc/pgx/v5"
)

// workload is one thing that is measured.
type workload struct {
	name string
	run  func(ctx context.Context, s *stage) ([]result, error)
	// alone says that it does not need the documents that others read.
	alone bool
}

// workloads are in the order in which they run: lists come before whatever changes documents, because they know every document of a page, and many collections come last,
// because a server that has compiled them has more to look after.
var workloads = []workload{
	{"import", importing, true},
	{"import-memory", importingStream, true},
	{"list", listing, false},
	{"list-by-index", listingByIndex, false},
	{"page-at-depth", pagingDeep, false},
	{"get-cached", readingCached, false},
	{"get-uncached", readingUncached, false},
	{"get-any", readingAny, false},
	{"zipf", readingZipf, false},
	{"not-modified", revalidating, false},
	{"mixed", mixing, false},
	{"create", creating, false},
	{"put", replacing, false},
	{"patch", patching, false},
	{"transaction", transacting, false},
	{"clients", withClients, false},
	{"coalesced", coalescing, false},
	{"scales", scaling, true},
	{"memory", remembering, true},
	{"build", building, true},
	{"collections", flatness, true},
}

// What the figures are to reach: floor and goal, in the unit of their comparison. A bound on throughput is a least one, any other a greatest one.
var (
	markCached      = mark{2, 2.8}
	markUncached    = mark{0.9, 2}
	markIndexedList = mark{0.8, 1.2}
	markDeepPage    = mark{0.8, 1.1}
	markMixed       = mark{1.2, 2}
	markWrite       = mark{0.8, 2}
	markTransaction = mark{floor: 0.5}
	markImport      = mark{0.3, 0.6}
	markOneClient   = mark{1.15, 1}     // p50
	markCoalesced   = mark{floor: 1}    // p99 beside a transaction for each request
	markCoalescing  = mark{floor: 1.05} // p50 of one client beside the same
	markMemory      = mark{60, 30}      // MiB
	markBuilding    = mark{floor: 2}    // p99 of writers
	markFlat        = mark{0.77, 1}     // at most 1.3 times the cost: size, depth and number of collections do not matter
)

// bench is the path of the documents that most workloads are about, and inTable that of the same documents of the pgx baseline.
const (
	bench   = "/v1/collections/bench/documents"
	inTable = "/docs"
)

func declare(ctx context.Context, s *stage, name string) error {
	_, err := s.call(ctx, "PUT", "/v1/collections/"+name, "application/json", []byte(declaration), 200, 201)
	return err
}

// fill stores the documents that are read and replaced, once.
func fill(ctx context.Context, s *stage) error {
	if s.filled {
		return nil
	}
	if err := s.importSamples(ctx, "bench", s.documents); err != nil {
		return err
	}
	const chunk = 20_000
	for from := 0; from < s.documents; from += chunk {
		if _, err := s.conn.CopyFrom(ctx, pgx.Identifier{"baseline"}, []string{"id", "doc"}, pgx.CopyFromRows(sampleRows(from, min(chunk, s.documents-from)))); err != nil {
			return err
		}
	}
	_, err := s.conn.Exec(ctx, "VACUUM ANALYZE")
	s.filled = err == nil
	return err
}

// sampleRows returns samples as rows of the table beside.
func sampleRows(from, n int) [][]any {
	rows := make([][]any, n)
	for i := range rows {
		rows[i] = []any{documentID(from + i), sample(from + i)}
	}
	return rows
}

// importSamples declares a collection and fills it with the first n samples.
func (s *stage) importSamples(ctx context.Context, name string, n int) error {
	if err := declare(ctx, s, name); err != nil {
		return err
	}
	const chunk = 20_000
	for from := 0; from < n; from += chunk {
		if err := s.importLines(ctx, name, lines(from, min(chunk, n-from))); err != nil {
			return err
		}
	}
	return nil
}

// workingSet is how many documents are read again and again where the cache is to have them all: about 10 MiB of its 64 with 10,000.
func (s *stage) workingSet() int { return min(10_000, s.documents) }

// reading asks for documents by id that pick chooses.
func reading(prefix string, pick func(connection int) int) asking {
	return func(c, _ int) question {
		i := pick(c)
		return question{get(prefix + "/" + documentID(i)), 200, i}
	}
}

// anyOf picks one of n, each as likely.
func anyOf(n int) func(int) int { return func(int) int { return rand.IntN(n) } }

// warm reads the first n documents once.
func (s *stage) warm(ctx context.Context, t *target, prefix string, n int) error {
	_, err := hit(ctx, t.addr, load{connections: s.connections, requests: int64(n)}, inTurn(n, func(i int) question {
		return question{get(prefix + "/" + documentID(i)), 200, i}
	}), isDocument(s.documents))
	return err
}

// inTurn asks about the first n one after the other, over whatever connections.
func inTurn(n int, ask func(i int) question) asking {
	var next atomic.Int64
	return func(_, _ int) question { return ask(int(next.Add(1)-1) % n) }
}

// besideHTTP notes how the first row stands to the baseline that answers from memory.
func besideHTTP(rows []result, goal string) {
	if bare := find(rows, "http"); bare.PerSecond > 0 {
		rows[0].notes("%.2f × http%s", rows[0].PerSecond/bare.PerSecond, goal)
	}
}

// title is the work with its number of connections, where it is not the usual one.
func (s *stage) title(work string, connections int) string {
	switch connections {
	case 0, s.connections:
		return work
	case 1:
		return work + ", one client"
	}
	return fmt.Sprintf("%s, %d clients", work, connections)
}

// number writes a number with commas.
func number(n int) string {
	text := strconv.Itoa(n)
	for at := len(text) - 3; at > 0; at -= 3 {
		text = text[:at] + "," + text[at:]
	}
	return text
}
