package main

import "context"

// remembering measures how much memory a server holds that has just read, listed and written, in the largest of the collections, all connections at once. Its cache has the least
// room that there can be, so that what it holds is what it works with.
func remembering(ctx context.Context, s *stage) ([]result, error) {
	n := s.scales[len(s.scales)-1]
	if err := s.fillScale(ctx, n); err != nil {
		return nil, err
	}
	const cacheMiB = 1
	row := result{Workload: "memory with " + number(n) + " documents", Variant: "sheaf", Connections: s.connections, Compared: residentIn, Floor: markMemory.floor, Goal: markMemory.goal}
	err := s.beside(ctx, []string{"--cache-max-bytes=1MiB"}, func(t *target) error {
		row.notes("%.0f MiB after its start", t.residentMiB())
		put := func(_, _ int) question {
			i := anyOf(n)(0)
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
		row.ResidentMiB = t.residentMiB() - cacheMiB
		row.notes("%.0f MiB at most, the 1 MiB of its cache left out", t.peakMiB()-cacheMiB)
		return nil
	})
	return []result{row}, err
}
