package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
)

// places is how many places all over a collection are asked about, as many in one of any size: so PostgreSQL has them at hand after the warm-up, and the server remembers every
// filter that names one. What is compared is finding documents, and not reading them from a disk, nor reading expressions, of which a larger collection would have more.
const places = 256

// scaling compares the same requests to collections of different sizes, and pages at different depths of the largest: neither should matter.
func scaling(ctx context.Context, s *stage) (rows []result, err error) {
	for _, n := range s.scales {
		if err := s.fillScale(ctx, n); err != nil {
			return nil, err
		}
	}
	if _, err := s.conn.Exec(ctx, "VACUUM ANALYZE"); err != nil {
		return nil, err
	}
	// Without a cache, which would have all of a small collection and little of a large one.
	if err := s.uncached(ctx, func(t *target) error {
		r, err := s.bySize(ctx, "read by id, not cached, by size", markFlat, func(n int) contender {
			return contender{target: t, ask: reading(scale(n), func(int) int { return place(rand.IntN(places), n) }), verify: isDocument(n), tells: []share{readsTogether}}
		})
		if rows = append(rows, r...); err != nil {
			return err
		}
		r, err = s.bySize(ctx, "read by id, not cached, any, by size", mark{}, func(n int) contender {
			return contender{target: t, ask: reading(scale(n), anyOf(n)), verify: isDocument(n), tells: []share{readsTogether}}
		})
		rows = append(rows, r...)
		return err
	}); err != nil {
		return rows, err
	}
	r, err := s.bySize(ctx, "list of 20 by index, by size", markFlat, func(n int) contender {
		return contender{target: s.sheaf, ask: byStatus(scale(n)), verify: isNewest(n)}
	})
	if rows = append(rows, r...); err != nil {
		return rows, err
	}
	r, err = s.bySize(ctx, "list of 20 anywhere in an index, by size", markFlat, s.anywhere)
	if rows = append(rows, r...); err != nil {
		return rows, err
	}
	r, err = s.byPage(ctx, s.scales[len(s.scales)-1])
	return append(rows, r...), err
}

// scale is the path of the documents of a collection of n.
func scale(n int) string { return fmt.Sprintf("/v1/collections/scale-%d/documents", n) }

// fillScale stores n documents, once.
func (s *stage) fillScale(ctx context.Context, n int) error {
	if s.scaled[n] {
		return nil
	}
	s.scaled[n] = true
	return s.importSamples(ctx, fmt.Sprintf("scale-%d", n), n)
}

// bySize compares what is the same for each size.
func (s *stage) bySize(ctx context.Context, work string, reach mark, of func(n int) contender) ([]result, error) {
	contenders := make([]contender, len(s.scales))
	for i, n := range s.scales {
		contenders[i] = of(n)
		contenders[i].name = number(n) + " documents"
		if i > 0 {
			contenders[i].mark = reach
		}
	}
	return race{work: work, base: contenders[0].name, contenders: contenders}.run(ctx, s)
}

// place is the i-th of places all over a collection of n.
func place(i, n int) int { return i * max(n-pageSize, 0) / places }

// anywhere asks for pages of an order that begin at places all over the index.
func (s *stage) anywhere(n int) contender {
	paths := make([]string, places)
	for i := range paths {
		paths[i] = scale(n) + "?pageSize=20&orderBy=doc.number&filter=" + url.QueryEscape(fmt.Sprintf("doc.number >= %d", place(i, n)))
	}
	return contender{target: s.sheaf, ask: func(_, _ int) question {
		i := rand.IntN(places)
		return question{get(paths[i]), 200, i}
	}, verify: isPage(pageSize, 1, func(i int) int { return place(i, n) })}
}

// byPage compares pages of a list of n by their depth.
func (s *stage) byPage(ctx context.Context, n int) ([]result, error) {
	list := scale(n) + "?orderBy=doc.number"
	var pages []contender
	for _, page := range []int{1, 100, 10_000} {
		depth := (page - 1) * pageSize
		if depth > n-pageSize {
			break
		}
		token, err := s.tokenAt(ctx, list, depth)
		if err != nil {
			return nil, err
		}
		path := list + "&pageSize=20&pageToken=" + token
		c := contender{name: "page " + number(page), target: s.sheaf, ask: func(_, _ int) question { return question{get(path), 200, depth} }, verify: isPage(pageSize, 1, func(first int) int { return first })}
		if page > 1 {
			c.mark = markFlat
		}
		pages = append(pages, c)
	}
	return race{work: fmt.Sprintf("list of 20 of %s, by page", number(n)), base: pages[0].name, contenders: pages}.run(ctx, s)
}

// tokenAt returns the token of the page behind the first depth documents of a list, "" for the first page.
func (s *stage) tokenAt(ctx context.Context, list string, depth int) (token string, err error) {
	const step = 1000
	for at := 0; at < depth; at += step {
		path := fmt.Sprintf("%s&fields=id&pageSize=%d&pageToken=%s", list, min(step, depth-at), token)
		body, err := s.call(ctx, "GET", path, "application/json", nil, 200)
		if err != nil {
			return "", err
		}
		var page struct{ NextPageToken string }
		if err := json.Unmarshal(body, &page); err != nil {
			return "", err
		}
		token = page.NextPageToken
	}
	return token, nil
}
