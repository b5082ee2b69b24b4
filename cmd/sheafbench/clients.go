package main

import "context"

// withClients repeats reads and creates with other numbers of connections.
func withClients(ctx context.Context, s *stage) ([]result, error) {
	var all []result
	for _, work := range []func(context.Context, *stage, int) ([]result, error){readCached, readUncached, create} {
		for _, n := range s.clients {
			rows, err := work(ctx, s, n)
			if err != nil {
				return all, err
			}
			all = append(all, rows...)
		}
	}
	return all, nil
}

// coalescing compares a server that merges the writes which wait at the same time with the same one that gives each request a transaction of its own: what is the longest that
// one of many clients waits, and what does one client wait that is alone.
func coalescing(ctx context.Context, s *stage) ([]result, error) {
	var all []result
	each := []string{"--postgres-merged-writes=1", "--postgres-writers=32", "--postgres-max-conns=33"}
	err := s.beside(ctx, each, func(t *target) error {
		for _, r := range []race{
			{work: "create: p99 of merged writes", by: p99},
			{work: "create: p50 of merged writes, one client", connections: 1, by: p50},
		} {
			r.base = "a transaction each"
			r.contenders = []contender{
				{name: "sheaf", target: s.sheaf, ask: posting(bench), verify: isNumber, tells: []share{writesTogether}, mark: markCoalesced},
				{name: r.base, target: t, ask: posting(bench), verify: isNumber, tells: []share{writesTogether}},
			}
			if r.connections == 1 {
				r.contenders[0].mark = markCoalescing
			}
			rows, err := r.run(ctx, s)
			if err != nil {
				return err
			}
			all = append(all, rows...)
		}
		return nil
	})
	return all, err
}
