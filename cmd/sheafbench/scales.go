package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
)

// scaling compares the same requests to collections of different sizes, and pages at different depths of the largest: neither should matter.
func scaling(ctx context.Context, s *stage) ([]result, error) {
	names := make([]string, len(s.scales))
	for i, n := range s.scales {
		names[i] = fmt.Sprintf("scale-%d", n)
		if err := s.importSamples(ctx, names[i], n); err != nil {
			return nil, err
		}
	}
	if _, err := s.conn.Exec(ctx, "VACUUM ANALYZE"); err != nil {
		return nil, err
	}
	documents := func(i int) string { return "/v1/collections/" + names[i] + "/documents" }
	var rows []result
	compare := func(work string, path func(i int) string, says string) error {
		var contenders []contender
		for i, n := range s.scales {
			contenders = append(contenders, contender{fmt.Sprintf("%d documents", n), s.sheaf, 200, func(_, _ int) []byte { return get(path(i)) }, contains(says)})
		}
		r, err := race(ctx, s, work, s.connections, contenders[0].name, contenders...)
		rows = append(rows, r...)
		return err
	}
	status := func() string {
		return url.QueryEscape(fmt.Sprintf("doc.status == %q", []string{"new", "paid", "shipped", "done"}[rand.IntN(4)]))
	}
	if err := compare("read by id, by size", func(i int) string { return documents(i) + "/" + documentID(rand.IntN(s.scales[i])) }, `"revision":`); err != nil {
		return nil, err
	}
	if err := compare("list of 20 by index, by size", func(i int) string { return documents(i) + "?pageSize=20&orderBy=doc.number%20desc&filter=" + status() }, `"nextPageToken"`); err != nil {
		return nil, err
	}
	if err := compare("list of 20 anywhere in an index, by size", func(i int) string {
		return documents(i) + "?pageSize=20&orderBy=doc.number&filter=" + url.QueryEscape(fmt.Sprintf("doc.number >= %d", rand.IntN(s.scales[i])))
	}, `"items"`); err != nil {
		return nil, err
	}
	last := len(s.scales) - 1
	var pages []contender
	for _, page := range []int{1, 100, 10_000} {
		depth := (page - 1) * 20
		if depth > s.scales[last]-20 {
			break
		}
		token, err := s.tokenAt(ctx, documents(last)+"?orderBy=doc.number", depth)
		if err != nil {
			return nil, err
		}
		pages = append(pages, contender{fmt.Sprintf("page %d", page), s.sheaf, 200, func(_, _ int) []byte {
			return get(documents(last) + "?orderBy=doc.number&pageSize=20&pageToken=" + token)
		}, contains(`"nextPageToken"`)})
	}
	r, err := race(ctx, s, fmt.Sprintf("list of 20 of %d, by page", s.scales[last]), s.connections, pages[0].name, pages...)
	return append(rows, r...), err
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
