package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
)

// flatness compares work spread over many collections with the same work in one.
func flatness(ctx context.Context, s *stage) ([]result, error) {
	if s.collections == 0 {
		return nil, nil
	}
	before := s.sheaf.residentMiB()
	if err := s.declareMany(ctx); err != nil {
		return nil, err
	}
	after := s.sheaf.residentMiB()
	pick := func(many bool) int {
		if many {
			return rand.IntN(s.collections)
		}
		return 0
	}
	works := []struct {
		name   string
		ask    func(many bool) asking
		verify check
	}{
		{"read by id", func(many bool) asking {
			return func(_, _ int) question { i := pick(many); return question{get(ofMany(i) + "/one"), 200, i} }
		}, isNumber},
		{"list", func(many bool) asking {
			return func(_, _ int) question { i := pick(many); return question{get(ofMany(i) + "?pageSize=1"), 200, i} }
		}, isOnly},
		{"create", func(many bool) asking {
			return func(c, k int) question {
				n := c<<20 | k
				return question{send("POST", ofMany(pick(many)), sample(n)), 201, n}
			}
		}, isNumber},
	}
	var rows []result
	one, many := "one collection", number(s.collections)+" collections"
	for _, w := range works {
		r, err := race{work: w.name + " over collections", base: one, contenders: []contender{
			{name: many, target: s.sheaf, ask: w.ask(true), verify: w.verify, mark: markFlat},
			{name: one, target: s.sheaf, ask: w.ask(false), verify: w.verify},
		}}.run(ctx, s)
		if err != nil {
			return rows, err
		}
		rows = append(rows, r...)
	}
	rows[0].notes("%.0f KiB for each collection in use", (after-before)*1024/float64(s.collections))
	return rows, nil
}

// ofMany is the path of the documents of one of many collections.
func ofMany(i int) string { return fmt.Sprintf("/v1/collections/many-%d/documents", i) }

// declareMany makes collections with one document each, and reads it: the first use of a collection after it was declared compiles it, which is not what is compared.
func (s *stage) declareMany(ctx context.Context) error {
	n := s.collections
	for _, step := range []func(i int) question{
		func(i int) question {
			return question{send("PUT", fmt.Sprintf("/v1/collections/many-%d", i), []byte(declaration)), 201, i}
		},
		func(i int) question { return question{send("PUT", ofMany(i)+"/one", sample(i)), 201, i} },
		func(i int) question { return question{get(ofMany(i) + "/one"), 200, i} },
	} {
		if _, err := hit(ctx, s.sheaf.addr, load{connections: s.connections, requests: int64(n)}, inTurn(n, step), isAnything); err != nil {
			return err
		}
	}
	return nil
}

// isOnly checks that an answer is a page with the document of the number that the question is about.
func isOnly(q question, a answer) error {
	var page struct{ Items []found }
	if err := json.Unmarshal(a.body, &page); err != nil {
		return err
	}
	if len(page.Items) != 1 {
		return fmt.Errorf("%d documents, want one", len(page.Items))
	}
	n, err := page.Items[0].number()
	if err == nil && n != q.about {
		err = fmt.Errorf("collection %d has a document with number %d", q.about, n)
	}
	return err
}
