package app

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/operation"
	"github.com/sheafdb/sheaf/domain/receipt"
	"github.com/sheafdb/sheaf/ports"
)

// CascadeLimits bound what a write does to documents that it does not name.
type CascadeLimits struct {
	// Documents is how many of them at most; 0 is 1,000. Depth is how many references one after the other are followed; 0 is 16.
	Documents, Depth int
}

func (l CascadeLimits) withDefaults() CascadeLimits {
	if l.Documents <= 0 {
		l.Documents = 1000
	}
	if l.Depth <= 0 {
		l.Depth = 16
	}
	return l
}

// relationTries bounds how often a write is tried again because of other documents: each time there is something less in its way.
const relationTries = 64

// Relate returns the store with writes that reach beyond the documents which they name. What refers to a document that is deleted follows it, as the references of its collection
// say, in the same transaction. Keys that expired documents have in unique indexes are free.
//
// The store refuses a write that would leave references to nothing (document.ReferredError), and the write is tried again with what follows from it, until the store finds nothing
// any more. So whatever happens in between is found by the store, and nothing is decided on what was read before the transaction.
func Relate(store ports.Store, catalog *Catalog, limits CascadeLimits) ports.Store {
	return &relations{store, catalog, limits.withDefaults()}
}

type relations struct {
	ports.Store
	catalog *Catalog
	limits  CascadeLimits
}

// Write makes every write of the batch or none; see ports.DocumentWriter. The results are those of the batch's own writes.
// It fails with a *document.ReferredError where a reference restricts a deletion, with fault.Conflict and code "document.referenced" where a document is not admitted without its
// reference, and with fault.Conflict and code "document.cascadeTooLarge" where more would follow than the limits allow.
func (s *relations) Write(ctx context.Context, batch document.Batch) ([]document.Result, error) {
	c := &cascade{relations: s, asked: batch}
	for range relationTries {
		results, err := s.Store.Write(ctx, c.batch())
		var duplicate *document.DuplicateError
		var referred *document.ReferredError
		switch {
		case err == nil:
			return results[:len(batch.Writes)], nil
		case errors.As(err, &duplicate):
			if freed, why := c.free(ctx, duplicate); !freed {
				return nil, why
			}
		case errors.As(err, &referred):
			if err := c.follow(ctx, referred); err != nil {
				return nil, err
			}
		default:
			if errors.Is(err, collection.ErrChanged) {
				s.catalog.Forget(c.names...)
			}
			return nil, err
		}
	}
	return nil, fault.New(fault.Unavailable, "write.contended", "others changed the same documents again and again").After(time.Second)
}

// cascade is a batch with what follows from it.
type cascade struct {
	*relations
	asked document.Batch
	// followers are the documents that follow.
	followers []*follower
	names     []ident.Collection
}

// follower is a document that follows: because of one of the batch's own writes, to which depth references lead from it.
type follower struct {
	collection     *collection.Collection
	id             ident.Document
	because, depth int
	// deletions are those that it follows; one that has expired follows none, and is gone with the first write.
	deletions []document.Deletion
}

func (f *follower) write(at time.Time) document.Write {
	return document.Write{Collection: f.collection.Version(), Indexes: f.collection.Maintained, ID: f.id, Change: document.Follow(f.collection, f.id, f.deletions, at)}
}

// batch is what is sent to the store. Whoever looks at the results of the batch sees those of its own writes.
func (c *cascade) batch() document.Batch {
	if len(c.followers) == 0 {
		return c.asked
	}
	b, own := c.asked, len(c.asked.Writes)
	b.Writes = slices.Clip(b.Writes)
	for _, f := range c.followers {
		b.Writes = append(b.Writes, f.write(b.At))
	}
	if step := b.Step; step != nil {
		b.Step = func(results []document.Result) (operation.Step, error) { return step(results[:own]) }
	}
	if pending := b.Receipt; pending != nil {
		b.Receipt = &receipt.Pending[[]document.Result]{Claim: pending.Claim, Outcome: func(results []document.Result) receipt.Outcome { return pending.Outcome(results[:own]) }}
	}
	return b
}

// origin returns the write of the batch that a write of what was sent follows from, and how many references led to it.
func (c *cascade) origin(write int) (because, depth int) {
	if i := write - len(c.asked.Writes); i >= 0 {
		return c.followers[i].because, c.followers[i].depth
	}
	return write, 0
}

// follow adds what follows from deletions, each of which somebody refers to.
func (c *cascade) follow(ctx context.Context, deleted *document.ReferredError) error {
	var restricting restrictions
	for _, d := range deleted.Referred {
		because, depth := c.origin(d.Write)
		if depth >= c.limits.Depth {
			return tooLargeCascade("deleting it would lead to others over more than %d references", c.limits.Depth)
		}
		referrers, err := c.Referrers(ctx, d.Collection, d.ID, c.limits.Documents+1)
		if err != nil {
			return err
		}
		for _, r := range referrers {
			from, reference, err := c.declared(ctx, r)
			if err != nil {
				return err
			}
			switch {
			case reference.OnDelete != collection.Restrict:
				c.add(follower{from, r.ID, because, depth + 1, []document.Deletion{{Reference: reference, ID: d.ID}}})
			case d.Expired:
			default:
				gone, err := c.expired(ctx, from, r.ID)
				if err != nil {
					return err
				}
				if gone {
					c.add(follower{from, r.ID, because, depth + 1, nil})
					continue
				}
				d.Write = because
				restricting.add(d, r, len(referrers) > c.limits.Documents, c.writes(from.Key, r.ID))
			}
		}
	}
	if len(c.followers) > c.limits.Documents {
		return tooLargeCascade("deleting it would change more than %d other documents", c.limits.Documents)
	}
	return restricting.error()
}

func tooLargeCascade(text string, limit int) error {
	return fault.New(fault.Conflict, "document.cascadeTooLarge", text, limit)
}

// declared returns the collection of a referrer and what it declares of its reference.
func (c *cascade) declared(ctx context.Context, r ports.Referrer) (*collection.Collection, collection.Reference, error) {
	from, err := c.catalog.Get(ctx, r.Name)
	if fault.KindOf(err) == fault.NotFound && err != nil {
		return nil, collection.Reference{}, collection.ErrChanged
	}
	if err != nil {
		return nil, collection.Reference{}, err
	}
	i := slices.IndexFunc(from.Config.References, func(known collection.Reference) bool { return known.Field.String() == r.Path && known.Indexed() })
	if from.Key != r.Key || i < 0 {
		c.catalog.Forget(r.Name)
		return nil, collection.Reference{}, collection.ErrChanged
	}
	return from, from.Config.References[i], nil
}

// add adds a document that follows, or what else it follows.
func (c *cascade) add(f follower) {
	for _, known := range c.followers {
		if known.collection.Key == f.collection.Key && known.id == f.id {
			for _, d := range f.deletions {
				if !slices.ContainsFunc(known.deletions, d.Same) {
					known.deletions = append(known.deletions, d)
				}
			}
			return
		}
	}
	c.followers = append(c.followers, &f)
	if !slices.Contains(c.names, f.collection.Name) {
		c.names = append(c.names, f.collection.Name)
	}
}

// expired says whether a document has expired, so that it refers to nothing any more.
func (c *cascade) expired(ctx context.Context, from *collection.Collection, id ident.Document) (bool, error) {
	living := from.Living(c.asked.At)
	if living.Expiry == nil {
		return false, nil
	}
	found, err := c.Get(ctx, from.Key, id)
	if err != nil {
		return fault.KindOf(err) == fault.NotFound, ignoreNotFound(err)
	}
	return !living.Finds(found.Indexable()), nil
}

func ignoreNotFound(err error) error {
	if fault.KindOf(err) == fault.NotFound {
		return nil
	}
	return err
}

// writes says whether the batch itself writes to a document.
func (c *cascade) writes(key collection.Key, id ident.Document) bool {
	return slices.ContainsFunc(c.asked.Writes, func(w document.Write) bool { return w.Collection.Key == key && w.ID == id })
}

// free removes expired documents that have keys which the batch wants, and says whether any of these keys is free now; if not, it returns why the batch fails.
func (c *cascade) free(ctx context.Context, duplicate *document.DuplicateError) (freed bool, err error) {
	removal := document.Batch{Origin: document.Expiration, At: c.asked.At}
	sent := c.batch().Writes
	for _, d := range duplicate.Duplicates {
		w := sent[d.Write]
		if w.Indexes.Expiry() != nil {
			removal.Writes = append(removal.Writes, document.Write{Collection: w.Collection, Indexes: w.Indexes, ID: d.Holder, Change: document.Touch})
		}
	}
	if len(removal.Writes) > 0 {
		results, err := c.Write(ctx, removal)
		if err != nil {
			return false, err
		}
		if slices.ContainsFunc(results, func(r document.Result) bool { return r.Document.Revision == 0 }) {
			return true, nil
		}
	}
	for _, d := range duplicate.Duplicates {
		if i := d.Write - len(c.asked.Writes); i >= 0 {
			return false, fault.New(fault.Conflict, "document.referenced", "document %q refers to what would be deleted, and another one is the same without: %s", c.followers[i].id, duplicate.Fault.Text)
		}
	}
	return false, duplicate
}
