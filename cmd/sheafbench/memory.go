package main

import (
	"context"
	"fmt"
	"math/rand/v2"
)

// remembering measures how much memory a server holds that has just read, listed and written, in the largest of the collections, all connections at once: with the least room for
// a cache that there can be, so that what it holds is what it works with, and with the usual room.
func remembering(ctx context.Context, s *stage) ([]result, error) {
	n := s.scales[len(s.scales)-1]
	if err := s.fillScale(ctx, n); err != nil {
		return nil, err
	}
	var rows []result
	for _, cacheMiB := range []float64{1, 64} {
		row := result{Workload: "memory with " + number(n) + " documents", Variant: "sheaf", Connections: s.connections, Compared: residentIn, Floor: markMemory.floor, Goal: markMemory.goal}
		if len(rows) > 0 {
			row.Variant, row.Floor, row.Goal = fmt.Sprintf("cache of %.0f MiB", cacheMiB), 0, 0
		}
		err := s.beside(ctx, []string{fmt.Sprintf("--cache-max-bytes=%.0fMiB", cacheMiB)}, func(t *target) error {
			row.notes("%.0f MiB after its start", t.residentMiB())
			if err := s.work(ctx, t, n); err != nil {
				return err
			}
			row.ResidentMiB = t.residentMiB() - cacheMiB
			row.notes("%.0f MiB at most, both without the %.0f MiB of its cache; %.0f MiB are pages of the program's file", t.peakMiB()-cacheMiB, cacheMiB, t.programMiB())
			return nil
		})
		if rows = append(rows, row); err != nil {
			return rows, err
		}
	}
	return rows, nil
}

// work reads, lists, replaces and creates documents of a collection of n, in turns.
func (s *stage) work(ctx context.Context, t *target, n int) error {
	put := func(_, _ int) question {
		i := rand.IntN(n)
		return question{send("PUT", scale(n)+"/"+documentID(i), sample(another(i, n))), 200, i}
	}
	for range s.rounds {
		for _, c := range []contender{
			{ask: reading(scale(n), anyOf(n)), verify: isDocument(n)},
			{ask: byStatus(scale(n))},
			{ask: put, verify: isDocument(n)},
			{ask: posting(scale(n)), verify: isNumber},
		} {
			if _, err := hit(ctx, t.addr, load{connections: s.connections, duration: s.slice}, c.ask, c.verify); err != nil {
				return err
			}
		}
	}
	return nil
}
