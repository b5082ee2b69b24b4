package main

import (
	"context"
	"math/rand/v2"
)

func readingCached(ctx context.Context, s *stage) ([]result, error) { return readCached(ctx, s, 0) }

// readCached reads documents that are all in the memory of the server. The table has the same few to find.
func readCached(ctx context.Context, s *stage, connections int) ([]result, error) {
	n := s.workingSet()
	if err := s.warm(ctx, s.sheaf, bench, n); err != nil {
		return nil, err
	}
	r := race{work: s.title("read by id, cached", connections), connections: connections, base: "pgx", contenders: []contender{
		{name: "sheaf", target: s.sheaf, ask: reading(bench, anyOf(n)), verify: isDocument(s.documents), tells: []share{readsFromMemory}, mark: markCached},
		{name: "pgx", target: s.pgx, ask: reading(inTable, anyOf(n)), verify: isDocument(s.documents)},
		{name: "http", target: s.http, ask: reading(inTable, anyOf(n)), verify: isAnything},
	}}
	r.alone(connections)
	rows, err := r.run(ctx, s)
	if err == nil && connections == 0 {
		besideHTTP(rows, " (goal 0.85)")
	}
	return rows, err
}

// alone compares one client by what it waits.
func (r *race) alone(connections int) {
	if connections == 1 {
		r.by, r.contenders[0].mark = p50, markOneClient
	}
}

func readingUncached(ctx context.Context, s *stage) ([]result, error) {
	return readUncached(ctx, s, 0)
}

// readUncached reads any document from a server that has no cache.
func readUncached(ctx context.Context, s *stage, connections int) (rows []result, err error) {
	err = s.uncached(ctx, func(t *target) error {
		r := race{work: s.title("read by id, not cached", connections), connections: connections, base: "pgx", contenders: []contender{
			{name: "sheaf", target: t, ask: reading(bench, anyOf(s.documents)), verify: isDocument(s.documents), tells: []share{readsTogether}, mark: markUncached},
			{name: "pgx", target: s.pgx, ask: reading(inTable, anyOf(s.documents)), verify: isDocument(s.documents)},
		}}
		r.alone(connections)
		rows, err = r.run(ctx, s)
		return err
	})
	return rows, err
}

// uncached runs a server without a cache.
func (s *stage) uncached(ctx context.Context, do func(*target) error) error {
	return s.beside(ctx, []string{"--cache-enabled=false"}, do)
}

// readingAny reads any document, each as likely, with a cache that holds some of them.
func readingAny(ctx context.Context, s *stage) ([]result, error) {
	return readSome(ctx, s, "read by id, any of "+number(s.documents), func() func(int) int { return anyOf(s.documents) })
}

// readingZipf reads some documents much more often than others (Zipf's law with an exponent of 1.1), which lie scattered.
func readingZipf(ctx context.Context, s *stage) ([]result, error) {
	return readSome(ctx, s, "read by id, Zipf over "+number(s.documents), func() func(int) int {
		draws := make([]*rand.Zipf, s.connections)
		for i := range draws {
			draws[i] = rand.NewZipf(rand.New(rand.NewPCG(rand.Uint64(), 0)), 1.1, 1, uint64(s.documents-1))
		}
		return func(connection int) int { return scattered(int(draws[connection].Uint64()), s.documents) }
	})
}

// scattered puts neighbours far from each other: it is a permutation, because the factor is a prime that does not divide n.
func scattered(i, n int) int {
	factor := 7919
	if n%factor == 0 {
		factor = 7907
	}
	return i * factor % n
}

func readSome(ctx context.Context, s *stage, work string, pick func() func(int) int) ([]result, error) {
	if err := s.warm(ctx, s.sheaf, bench, s.documents); err != nil {
		return nil, err
	}
	return race{work: work, base: "pgx", contenders: []contender{
		{name: "sheaf", target: s.sheaf, ask: reading(bench, pick()), verify: isDocument(s.documents), tells: []share{readsFromMemory, readsTogether}},
		{name: "pgx", target: s.pgx, ask: reading(inTable, pick()), verify: isDocument(s.documents)},
	}}.run(ctx, s)
}

// revalidating asks whether documents are still what they were. Now and then it asks about one that has changed since.
func revalidating(ctx context.Context, s *stage) ([]result, error) {
	const changed = 64
	n := s.workingSet()
	contenders := []contender{
		{name: "sheaf", target: s.sheaf, tells: []share{readsFromMemory}},
		{name: "pgx", target: s.pgx},
		{name: "http", target: s.http},
	}
	for i, prefix := range []string{bench, "/tagged", "/tagged"} {
		t := contenders[i].target
		old, err := s.tags(ctx, t, prefix, n)
		if err != nil {
			return nil, err
		}
		tags := old
		if t != s.http { // which has one answer only
			writes := prefix
			if t == s.pgx {
				writes = inTable
			}
			if _, err := hit(ctx, t.addr, load{connections: 1, requests: changed, every: 1}, func(_, i int) question {
				return question{send("PUT", writes+"/"+documentID(i), sample(another(i, s.documents))), 200, i}
			}, isDocument(s.documents)); err != nil {
				return nil, err
			}
			if tags, err = s.tags(ctx, t, prefix, n); err != nil {
				return nil, err
			}
		}
		contenders[i].ask = func(_, k int) question {
			if k%(2*sampleEvery) == sampleEvery && t != s.http {
				i := rand.IntN(min(changed, n))
				return question{getUnless(prefix+"/"+documentID(i), old[i]), 200, i}
			}
			i := rand.IntN(n)
			return question{getUnless(prefix+"/"+documentID(i), tags[i]), 304, i}
		}
		contenders[i].verify = isUnchanged(tags, isDocument(s.documents))
	}
	rows, err := race{work: "not modified (304)", base: "pgx", contenders: contenders}.run(ctx, s)
	if err == nil {
		besideHTTP(rows, "")
	}
	return rows, err
}

// mixing reads nine times and replaces once, among documents that the cache can hold, and among all.
func mixing(ctx context.Context, s *stage) ([]result, error) {
	var all []result
	for _, n := range []int{s.workingSet(), s.documents} {
		mixed := func(prefix string) asking {
			return func(c, k int) question {
				i := rand.IntN(n)
				// Connections begin at different places, so that replacements are spread evenly.
				if (c+k)%10 == 9 {
					return question{send("PUT", prefix+"/"+documentID(i), sample(another(i, s.documents))), 200, i}
				}
				return question{get(prefix + "/" + documentID(i)), 200, i}
			}
		}
		rows, err := race{work: "90 % reads, 10 % replacements of " + number(n), base: "pgx", contenders: []contender{
			{name: "sheaf", target: s.sheaf, ask: mixed(bench), verify: isDocument(s.documents), tells: []share{readsFromMemory, writesTogether}, mark: markMixed},
			{name: "pgx", target: s.pgx, ask: mixed(inTable), verify: isDocument(s.documents)},
		}}.run(ctx, s)
		if err != nil {
			return all, err
		}
		all = append(all, rows...)
	}
	return all, nil
}
