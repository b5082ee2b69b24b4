package memory

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/ports"
)

// referring is a reference of a collection.
type referring struct {
	from *kept
	collection.Reference
	*index.Index
}

// referringTo returns the indexed references to collections of that name. It looks at all collections.
func (s *Store) referringTo(name ident.Collection) ([]referring, error) {
	var list []referring
	for _, k := range s.names {
		if k.State != collection.Active || !slices.ContainsFunc(k.Indexes, func(x index.Stored) bool { return index.Implied(x.Name) }) {
			continue
		}
		references, err := k.References()
		if err != nil {
			return nil, err
		}
		for _, r := range references {
			built := slices.ContainsFunc(k.Indexes, func(x index.Stored) bool {
				return x.Name == index.ReferenceName(r.Field.String()) && (x.State == index.Building || x.State == index.Ready)
			})
			if r.Collection == name && built {
				list = append(list, referring{k, r, index.NewReference(r.Field, r.Collection)})
			}
		}
	}
	return list, nil
}

// referrers returns the documents that refer to one by a reference, as the drafts have left them.
func (r referring) referrers(drafts map[place]*draft, id ident.Document) ([]ident.Document, error) {
	set := index.NewSet(index.Kept{Index: r.Index})
	var list []ident.Document
	look := func(d *document.Document) error {
		entries, err := set.Entries(d.Indexable())
		if slices.ContainsFunc(entries.Refers, func(r index.Referral) bool { return r.ID == id }) {
			list = append(list, d.ID)
		}
		return err
	}
	for _, d := range r.from.documents.sorted {
		if draft := drafts[place{r.from, d.ID}]; draft != nil && draft.changed {
			continue
		}
		if err := look(d); err != nil {
			return nil, err
		}
	}
	for at, draft := range drafts {
		if at.in == r.from && draft.changed && draft.current != nil {
			if err := look(draft.current); err != nil {
				return nil, err
			}
		}
	}
	slices.SortFunc(list, func(a, b ident.Document) int { return strings.Compare(a.String(), b.String()) })
	return list, nil
}

// checkReferences fails where the drafts would leave documents referring to nothing.
func (s *Store) checkReferences(drafts map[place]*draft, at time.Time) error {
	var dangling []document.Target
	var referred []document.Referred
	for where, d := range drafts {
		if !d.changed {
			continue
		}
		for _, t := range d.references.Targets {
			found, err := s.exists(drafts, t.Reference.Collection, t.ID, at)
			if err != nil {
				return err
			}
			if !found {
				dangling = append(dangling, t)
			}
		}
		if stored, _ := where.in.documents.get(where.id); stored == nil || d.current != nil {
			continue
		}
		list, err := s.referringTo(where.in.Name)
		if err != nil {
			return err
		}
		for _, r := range list {
			if d.expired && r.OnDelete == collection.Restrict {
				continue
			}
			ids, err := r.referrers(drafts, where.id)
			if err != nil {
				return err
			}
			if len(ids) > 0 {
				referred = append(referred, document.Referred{Write: d.write, Collection: where.in.Key, ID: where.id, Expired: d.expired})
				break
			}
		}
	}
	switch {
	case len(dangling) > 0:
		return document.Dangling(dangling...)
	case len(referred) > 0:
		return document.ReferredTo(referred...)
	}
	return nil
}

// exists says whether there is a document that has not expired, as the drafts have left it.
func (s *Store) exists(drafts map[place]*draft, name ident.Collection, id ident.Document, at time.Time) (bool, error) {
	i, found := s.find(name.String())
	if !found || s.names[i].State != collection.Active {
		return false, nil
	}
	k := s.names[i]
	d, _ := k.documents.get(id)
	if draft := drafts[place{k, id}]; draft != nil && draft.changed {
		d = draft.current
	}
	if d == nil {
		return false, nil
	}
	expiry, err := k.expiry()
	return (index.Living{Expiry: expiry, At: at}).Finds(d.Indexable()), err
}

// Referrers returns at most limit documents that refer to one.
func (s *Store) Referrers(ctx context.Context, key collection.Key, id ident.Document, limit int) ([]ports.Referrer, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	all := []ports.Referrer{}
	k := s.keys[key]
	if k == nil {
		return all, nil
	}
	list, err := s.referringTo(k.Name)
	if err != nil {
		return nil, err
	}
	for _, r := range list {
		ids, err := r.referrers(nil, id)
		if err != nil {
			return nil, err
		}
		for _, from := range ids {
			all = append(all, ports.Referrer{Name: r.from.Name, Key: r.from.Key, Path: r.Field.String(), ID: from})
		}
	}
	return part(all, 0, limit), nil
}

// ReferringCollections returns the names of at most limit other collections with references to a collection of that name.
func (s *Store) ReferringCollections(ctx context.Context, name ident.Collection, limit int) ([]ident.Collection, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	names := []ident.Collection{}
	list, err := s.referringTo(name)
	for _, r := range list {
		if r.from.Name != name && !slices.Contains(names, r.from.Name) {
			names = append(names, r.from.Name)
		}
	}
	return part(names, 0, limit), err
}
