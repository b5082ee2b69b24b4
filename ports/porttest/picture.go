package porttest

import (
	"context"
	"fmt"
	"slices"
	"testing"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/ports"
)

// picture is everything that a store tells at one moment in which nobody writes.
type picture struct {
	collections   []collection.Stored
	deleting      []collection.Stored
	configuration change.Position
	feed          []ident.Collection
	revisions     map[ident.Collection][]collection.Revision
	documents     map[ident.Collection][]document.Document
	positions     map[int32]change.Position
	changes       map[int32][]change.Change
}

// picture returns what there is. Of the change feed it has the buckets of the collections that exist.
func (f fixture) picture() picture {
	f.Helper()
	p, err := pictureOf(f.Context(), f.Store)
	if err != nil {
		f.Fatal(err)
	}
	return p
}

// pictureOf returns what there is, with the further buckets.
func pictureOf(ctx context.Context, s ports.Store, buckets ...int32) (p picture, err error) {
	const plenty = 1 << 20
	ask := func(what string, do func() error) {
		if err == nil {
			if err = do(); err != nil {
				err = fmt.Errorf("%s: %w", what, err)
			}
		}
	}
	ask("list collections", func() (err error) { p.collections, err = s.ListCollections(ctx, "", plenty); return err })
	ask("list deleting", func() (err error) { p.deleting, err = s.DeletingCollections(ctx, plenty); return err })
	ask("configuration position", func() (err error) { p.configuration, err = s.ConfigurationPosition(ctx); return err })
	ask("configuration changes", func() (err error) { p.feed, _, err = s.ConfigurationChanges(ctx, 0, plenty); return err })
	p.revisions, p.documents = map[ident.Collection][]collection.Revision{}, map[ident.Collection][]document.Document{}
	for _, c := range p.collections {
		buckets = append(buckets, c.Bucket)
		ask("list revisions", func() (err error) {
			p.revisions[c.Name], err = s.ListCollectionRevisions(ctx, c.Key, 0, plenty)
			return err
		})
		ask("list documents", func() (err error) { p.documents[c.Name], _, err = s.List(ctx, c.Key, all); return err })
	}
	p.positions, p.changes = map[int32]change.Position{}, map[int32][]change.Change{}
	slices.Sort(buckets)
	for _, b := range slices.Compact(buckets) {
		ask("position", func() (err error) { p.positions[b], err = s.Position(ctx, b); return err })
		ask("changes", func() (err error) { p.changes[b], err = s.Changes(ctx, b, 0, plenty); return err })
	}
	return p, err
}

// wantSame wants that nothing has changed.
func (f fixture) wantSame(before picture) {
	f.Helper()
	wantSamePicture(f.T, f.picture(), before)
}

// wantSamePicture compares part by part, so that a failure does not print everything.
func wantSamePicture(tb testing.TB, got, want picture) {
	tb.Helper()
	wantEqual(tb, got.collections, want.collections)
	wantEqual(tb, got.deleting, want.deleting)
	wantEqual(tb, got.configuration, want.configuration)
	wantEqual(tb, got.feed, want.feed)
	wantEqual(tb, got.revisions, want.revisions)
	wantEqual(tb, got.documents, want.documents)
	wantEqual(tb, got.positions, want.positions)
	wantEqual(tb, got.changes, want.changes)
}
