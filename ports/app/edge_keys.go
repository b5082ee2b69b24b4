package app

import (
	"context"
	"maps"
	"slices"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/surrogate"
	"github.com/sheafdb/sheaf/ports"
)

// published are the collections of which caches in front may keep answers: those that are public, by their keys.
type published map[collection.Key]ident.Collection

// readPublished reads the configurations of all collections.
func readPublished(ctx context.Context, store ports.CollectionReader) (published, error) {
	const page = 200
	p := published{}
	for after := ""; ; {
		all, err := store.ListCollections(ctx, after, page)
		if err != nil {
			return nil, err
		}
		for _, c := range all {
			p.note(c)
		}
		if len(all) < page {
			return p, nil
		}
		after = all[len(all)-1].Name.String()
	}
}

func (p published) note(c collection.Stored) {
	if collection.PolicyOf(c).Public {
		p[c.Key] = c.Name
	}
}

// refresh reads the configurations of collections anew.
func (p published) refresh(ctx context.Context, store ports.CollectionReader, names []ident.Collection) error {
	for _, name := range names {
		maps.DeleteFunc(p, func(_ collection.Key, known ident.Collection) bool { return known == name })
		c, err := store.GetCollection(ctx, name)
		switch {
		case err == nil:
			p.note(c)
		case fault.KindOf(err) != fault.NotFound:
			return err
		}
	}
	return nil
}

// manyDocuments is how many documents of one collection are purged one by one in one go. Where there are more, all of its answers are: each carries the collection's key, too.
const manyDocuments = 200

// edgeKeys gathers the keys of what has changed.
type edgeKeys struct {
	known     published
	whole     map[ident.Collection]bool
	documents map[ident.Collection]map[ident.Document]bool
}

// configured adds collections as a whole.
func (k *edgeKeys) configured(names []ident.Collection) {
	if k.whole == nil {
		k.whole = map[ident.Collection]bool{}
	}
	for _, name := range names {
		k.whole[name] = true
	}
}

// everything adds all that is public.
func (k *edgeKeys) everything() { k.configured(slices.Collect(maps.Values(k.known))) }

// names returns the collections that were added as a whole.
func (k *edgeKeys) names() []ident.Collection { return slices.Collect(maps.Keys(k.whole)) }

// touched adds documents that were changed, as far as a place where one is given.
func (k *edgeKeys) touched(all []change.Touched, until *change.Positions) {
	if k.documents == nil {
		k.documents = map[ident.Collection]map[ident.Document]bool{}
	}
	for _, t := range all {
		name, public := k.known[collection.Key{Bucket: t.Bucket, ID: t.CollectionID}]
		if !public || until != nil && t.Position > until[t.Bucket] {
			continue
		}
		if k.documents[name] == nil {
			k.documents[name] = map[ident.Document]bool{}
		}
		k.documents[name][t.DocumentID] = true
	}
}

// list returns the keys, each once.
func (k *edgeKeys) list() []string {
	var keys []string
	for name := range k.whole {
		keys = append(keys, surrogate.Collection(name))
	}
	for name, documents := range k.documents {
		switch {
		case k.whole[name]:
		case len(documents) > manyDocuments:
			keys = append(keys, surrogate.Collection(name))
		default:
			keys = append(keys, surrogate.List(name))
			for id := range documents {
				keys = append(keys, surrogate.Document(name, id))
			}
		}
	}
	slices.Sort(keys)
	return keys
}
