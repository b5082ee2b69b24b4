package memory

import (
	"context"
	"errors"

	"github.com/sheafdb/sheaf/domain/aggregate"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
	"github.com/sheafdb/sheaf/ports"
)

// Aggregate goes through every document, whatever the plan.
func (s *Store) Aggregate(ctx context.Context, key collection.Key, a ports.Aggregation, visit func(row []byte) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := s.ready(key, a.Plan); err != nil {
		return err
	}
	within, cancel := context.WithTimeout(ctx, a.Budget)
	defer cancel()
	others := map[collection.Key]*documents{} // one moment for all that is looked up
	return a.Pipeline.Run(aggregate.Reader{
		Documents: s.aggregated(key, a.Living),
		Find: func(l *aggregate.Lookup, id string) (any, bool) {
			if others[l.Key] == nil {
				others[l.Key] = &documents{sorted: s.snapshot(l.Key)}
			}
			name, err := ident.ParseDocument(id)
			if err != nil {
				return nil, false
			}
			d, _ := others[l.Key].get(name)
			if d == nil || !l.Living.Finds(d.Indexable()) {
				return nil, false
			}
			tree, err := jsontext.Decode(d.Data)
			return tree, err == nil
		},
		Check: func() error {
			if err := within.Err(); errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil {
				return aggregate.OverTime(a.Budget, err)
			}
			return ctx.Err()
		},
	}, visit)
}

// aggregated are the variables of every document that is there, as it is now.
func (s *Store) aggregated(key collection.Key, living index.Living) func(yield func(query.Vars, error) bool) {
	all := s.snapshot(key)
	return func(yield func(query.Vars, error) bool) {
		for _, d := range all {
			if !living.Finds(d.Indexable()) {
				continue
			}
			tree, err := jsontext.Decode(d.Data)
			if !yield(query.DocumentVars(tree, d.ID.String(), d.Revision, d.CreatedAt, d.UpdatedAt), err) {
				return
			}
		}
	}
}
