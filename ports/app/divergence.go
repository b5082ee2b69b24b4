package app

import (
	"context"
	"errors"
	"slices"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/patch"
)

// DivergedError is a condition that does not hold, of a request that was made for a revision which history still has: what has happened to the document since, and what
// the request would have done to it. With both, whoever asked can merge.
type DivergedError struct {
	*document.StaleError
	// Base is the revision that the request was made for.
	Base int64
	// Current leads from Base to the document as it stands.
	Current []patch.Operation
	// Yours leads from Base to what the request would have stored.
	Yours []patch.Operation
	// Conflicts are JSON Pointers to what both have changed, and not to the same. It is nil, and Yours with it, where the request could not be applied to Base either.
	Conflicts []string
}

// Unwrap returns the stale condition.
func (e *DivergedError) Unwrap() error { return e.StaleError }

// diverged makes a *DivergedError of an error that w failed with, where it can. What the error shows of documents is what an answer may show.
func (d *Documents) diverged(ctx context.Context, c *collection.Collection, w document.Write, err error) error {
	var failed *document.StaleError
	if !errors.As(err, &failed) {
		return err
	}
	err = stale(c, err)
	var stale *document.StaleError
	if !errors.As(err, &stale) || stale.Current == nil || stale.Precondition.Match == nil {
		return err
	}
	older := slices.DeleteFunc(slices.Clone(stale.Precondition.Match.Revisions), func(r int64) bool { return r >= stale.Current.Revision })
	if len(older) == 0 {
		return err
	}
	at := slices.Max(older)
	made, missing := d.Store.GetRevision(ctx, w.Collection.Key, w.ID, at)
	if missing != nil || made.Data == nil {
		return err // there is nothing to compare with: the answer is the one without
	}
	base, current := decoded(c.Shown(made.Data, nil)), decoded(stale.Current.Data)
	e := &DivergedError{StaleError: stale, Base: at, Current: patch.Diff(base, current)}
	if yours, ok := outcomeOn(c, w, document.Document{ID: w.ID, Revision: at, UpdatedAt: made.At, Data: made.Data}); ok {
		e.Yours, e.Conflicts = patch.Diff(base, yours), patch.Conflicts(base, current, yours)
	}
	return e
}

// decoded returns the tree of what is stored, which is canonical.
func decoded(data []byte) any {
	tree, err := jsontext.Decode(data)
	if err != nil {
		panic("app: what is stored is canonical: " + err.Error())
	}
	return tree
}

// outcomeOn returns what an answer shows of what a write makes of a document, nil where it deletes it, and whether it makes anything of it at all.
func outcomeOn(c *collection.Collection, w document.Write, base document.Document) (tree any, ok bool) {
	t, err := document.Decide(w, &base, base.Revision, base.UpdatedAt)
	if err != nil {
		return nil, false
	}
	if t.Outcome == document.Deleted {
		return nil, true
	}
	return decoded(c.Shown(t.Document.Data, nil)), true
}
