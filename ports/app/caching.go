package app

import (
	"context"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/ident"
)

// Caching is how long an answer about documents may be used, and what it depends on.
type Caching struct {
	collection.CachePolicy
	// Follows are the collections that the answer shows documents of beside the one that was asked for. A change of any of them changes the answer.
	Follows []ident.Collection
}

// Caching returns the policy of a collection, or what it has in common with those of the collections that expand leads to, for an answer about one document, or about which
// there are where shown is nil. It is the zero policy where something is not there, or not any more. No answer may be used beyond the instant at which a document in it expires.
func (d *Documents) Caching(ctx context.Context, name ident.Collection, shown *document.Document, expand string) Caching {
	c, err := d.Catalog.Get(ctx, name)
	if err != nil {
		return Caching{}
	}
	caching := Caching{CachePolicy: c.Config.Cache}
	switch {
	case c.Config.Expiry == nil:
	case shown == nil:
		caching.CachePolicy = caching.Within(0)
	default:
		now := d.Clock()
		if at, expires := c.Living(now).Expiry.Instant(shown.Indexable()); expires {
			caching.CachePolicy = caching.Within(at.Sub(now))
		}
	}
	if expand == "" || caching.CachePolicy == (collection.CachePolicy{}) {
		return caching
	}
	x, err := d.expansion(ctx, c, expand)
	if err != nil || !d.follows(ctx, x, &caching) {
		return Caching{}
	}
	return caching
}

// follows adds the collections that an expansion leads to.
func (d *Documents) follows(ctx context.Context, x *expansion, caching *Caching) bool {
	if x == nil {
		return true
	}
	for _, f := range x.references {
		c, err := d.Catalog.Get(ctx, f.Collection)
		if err != nil {
			return false
		}
		caching.CachePolicy = caching.Meet(c.Config.Cache)
		if c.Config.Expiry != nil {
			caching.CachePolicy = caching.Within(0)
		}
		caching.Follows = append(caching.Follows, f.Collection)
		if !d.follows(ctx, f.then, caching) {
			return false
		}
	}
	return true
}
