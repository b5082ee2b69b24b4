package main

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
)

// pageSize is how many documents are on the pages that are measured.
const pageSize = 20

// listing asks for the first page by id.
func listing(ctx context.Context, s *stage) ([]result, error) {
	ask := func(path string) asking { return func(_, _ int) question { return question{get(path), 200, 0} } }
	verify := isPage(pageSize, 1, func(int) int { return 0 })
	rows, err := race{work: "list of 20 by id", base: "pgx", contenders: []contender{
		{name: "sheaf", target: s.sheaf, ask: ask(bench + "?pageSize=20"), verify: verify},
		{name: "pgx", target: s.pgx, ask: ask("/docs?after="), verify: verify},
		{name: "http", target: s.http, ask: ask("/docs"), verify: isAnything},
	}}.run(ctx, s)
	return rows, err
}

// baselineIndexes are those of the table beside: it has them only while lists are measured, because its writes are to be bare.
func baselineIndexes(ctx context.Context, s *stage, do func() ([]result, error)) ([]result, error) {
	if _, err := s.conn.Exec(ctx, `CREATE INDEX baseline_status ON baseline ((doc ->> 'status'), ((doc ->> 'number')::numeric) DESC, id);
		CREATE INDEX baseline_number ON baseline (((doc ->> 'number')::numeric), id); ANALYZE baseline`); err != nil {
		return nil, err
	}
	rows, err := do()
	_, dropped := s.conn.Exec(ctx, `DROP INDEX baseline_status, baseline_number`)
	return rows, errors.Join(err, dropped)
}

// listingByIndex asks for the first page of a filter with an order, which an index answers.
func listingByIndex(ctx context.Context, s *stage) ([]result, error) {
	return baselineIndexes(ctx, s, func() ([]result, error) {
		return race{work: "list of 20 by index", base: "pgx", contenders: []contender{
			{name: "sheaf", target: s.sheaf, ask: byStatus(bench), verify: isNewest(s.documents), mark: markIndexedList},
			{name: "pgx", target: s.pgx, ask: func(_, _ int) question {
				i := rand.IntN(len(statuses))
				return question{get("/by-status?status=" + statuses[i]), 200, i}
			}, verify: isNewest(s.documents)},
			{name: "http", target: s.http, ask: func(_, _ int) question { return question{get("/docs"), 200, 0} }, verify: isAnything},
		}}.run(ctx, s)
	})
}

// byStatus asks for the documents of any status with the highest numbers. It is about the place of the status.
func byStatus(documents string) asking {
	var paths [len(statuses)]string
	for i, status := range statuses {
		paths[i] = documents + "?pageSize=20&orderBy=doc.number%20desc&filter=" + url.QueryEscape(fmt.Sprintf("doc.status == %q", status))
	}
	return func(_, _ int) question {
		i := rand.IntN(len(paths))
		return question{get(paths[i]), 200, i}
	}
}

// isNewest checks the answers to that, of n documents as they were filled in.
func isNewest(n int) check {
	return isPage(pageSize, -len(statuses), func(status int) int {
		last := n - 1
		return last - ((last-status)%len(statuses)+len(statuses))%len(statuses)
	})
}

// pagingDeep asks for a page in the middle of an order, and compares it with the first page of the same order, too.
func pagingDeep(ctx context.Context, s *stage) ([]result, error) {
	depth := min(50_000, s.documents/2)
	const order = bench + "?orderBy=doc.number"
	token, err := s.tokenAt(ctx, order, depth)
	if err != nil {
		return nil, err
	}
	ask := func(path string, first int) asking {
		return func(_, _ int) question { return question{get(path), 200, first} }
	}
	verify := isPage(pageSize, 1, func(first int) int { return first })
	rows, err := baselineIndexes(ctx, s, func() ([]result, error) {
		return race{work: "page at depth " + number(depth), base: "pgx", contenders: []contender{
			{name: "sheaf", target: s.sheaf, ask: ask(order+"&pageSize=20&pageToken="+token, depth), verify: verify, mark: markDeepPage},
			{name: "sheaf, first page", target: s.sheaf, ask: ask(order+"&pageSize=20", 0), verify: verify},
			{name: "pgx", target: s.pgx, ask: ask(fmt.Sprintf("/by-number?after=%d", depth-1), depth), verify: verify},
		}}.run(ctx, s)
	})
	if err == nil {
		rows[0].notes("%.2f × the first page", rows[0].PerSecond/rows[1].PerSecond)
	}
	return rows, err
}
