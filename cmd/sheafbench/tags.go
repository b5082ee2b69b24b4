package main

import (
	"context"
	"errors"
	"fmt"
)

// tags returns the entity tags of the first n documents.
func (s *stage) tags(ctx context.Context, t *target, prefix string, n int) ([]string, error) {
	tags := make([]string, n)
	_, err := hit(ctx, t.addr, load{connections: s.connections, requests: int64(n), every: 1}, inTurn(n, func(i int) question {
		return question{get(prefix + "/" + documentID(i)), 200, i}
	}), func(q question, a answer) error {
		if a.tag == "" {
			return errors.New("a document without a tag")
		}
		tags[q.about] = a.tag // everything is asked once
		return nil
	})
	return tags, err
}

// isUnchanged checks that a 304 names the tag that the document has, and has no body, and that any other answer is the document, with that tag.
func isUnchanged(tags []string, document check) check {
	return func(q question, a answer) error {
		switch {
		case a.tag != tags[q.about]:
			return fmt.Errorf("document %d has tag %s, want %s", q.about, a.tag, tags[q.about])
		case a.status != 304:
			return document(q, a)
		case len(a.body) > 0:
			return errors.New("a 304 with a body")
		}
		return nil
	}
}
