package app

import (
	"context"
	"crypto/sha256"
	"time"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/operation"
	"github.com/sheafdb/sheaf/domain/query"
	"github.com/sheafdb/sheaf/domain/search"
	"github.com/sheafdb/sheaf/ports"
)

const (
	// impactTime bounds how long stored documents are judged where nobody says otherwise.
	impactTime = 3 * time.Second
	// impactDocuments and impactBytes bound what is read at once, and so what is held in memory.
	impactDocuments = 500
	impactBytes     = 4 << 20
	// impactFailures bounds the documents that are named.
	impactFailures = 20
	// impactKeys bounds the keys of unique indexes that are remembered: about 16 MiB.
	impactKeys = 100_000
	// impactsAtOnce bounds how many changes are rehearsed on documents at once; further ones go without.
	impactsAtOnce = 4
)

// Impact is what a change of a configuration would mean.
type Impact struct {
	Effect       collection.Effect
	Consequences []collection.Consequence
	Documents    JudgedDocuments
	Indexes      []IndexImpact
}

// JudgedDocuments are the stored documents, as the new configuration would judge them if they were written again.
type JudgedDocuments struct {
	// Total is how many there are, Judged how many of them were looked at: all, or as many as there was time for, from both ends of the collection.
	Total  query.Count
	Judged int64
	// Failing is how many of these it would refuse, whatever its enforcement lets pass; Failures are some of them.
	Failing  int64
	Failures []operation.Failure
}

// Exact says that every document was looked at.
func (j JudgedDocuments) Exact() bool { return j.Total.Kind == "exact" && j.Judged >= j.Total.Value }

// IndexImpact is what becomes of an index.
type IndexImpact struct {
	Name string
	// Dropped says that it goes; else it is built.
	Dropped bool
	// Duplicates are documents that have equal values where the index allows none, among those that were judged; some are named.
	Duplicates int64
	Examples   []index.Duplicate
}

// impact says what it would mean to replace the configuration of a stored collection.
func (s *Collections) impact(ctx context.Context, current, next collection.Stored) (*Impact, error) {
	consequences, err := collection.Consequences(current.Configuration, next.Configuration)
	if err != nil {
		return nil, err
	}
	impact := &Impact{Effect: collection.Gravest(consequences), Consequences: consequences}
	strict, err := enforcing(next, s.Limits)
	if err != nil {
		return nil, err
	}
	now, err := collection.Compile(current, s.Limits.Schema)
	if err != nil {
		return nil, err
	}
	e := &examination{collections: s, impact: impact, strict: strict, at: s.Clock()}
	e.living = now.Living(e.at)
	e.watchIndexes(current, next)
	if s.examining.Add(1) <= impactsAtOnce {
		err = e.run(ctx)
	}
	s.examining.Add(-1)
	if err != nil {
		return nil, err
	}
	if !impact.Documents.Exact() {
		if impact.Documents.Total, err = s.Store.Count(ctx, current.Key, query.CountEstimated); err != nil {
			return nil, err
		}
	}
	return impact, nil
}

// enforcing compiles a configuration as one that lets no fault pass.
func enforcing(c collection.Stored, limits Limits) (*collection.Collection, error) {
	tree, err := jsontext.Decode(c.Configuration)
	if err != nil {
		return nil, err
	}
	tree.(map[string]any)["enforcement"] = string(collection.Enforce)
	c.Configuration = jsontext.Append(nil, tree)
	return collection.Compile(c, limits.Schema)
}

// examination goes through stored documents.
type examination struct {
	collections *Collections
	impact      *Impact
	strict      *collection.Collection
	at          time.Time
	living      index.Living
	watched     []watchedIndex
}

// watchedIndex is an index that is to be built.
type watchedIndex struct {
	impact int // its number among the indexes of the impact
	set    *index.Set
	// seen are the unique keys that documents have.
	seen map[[16]byte]ident.Document
}

// watchIndexes notes which indexes come and go.
func (e *examination) watchIndexes(current, next collection.Stored) {
	for _, was := range current.Indexes {
		if was.State == index.Deleting {
			continue
		}
		for _, is := range next.Indexes {
			if is.ID == was.ID && is.State == index.Deleting {
				e.impact.Indexes = append(e.impact.Indexes, IndexImpact{Name: was.Name, Dropped: true})
			}
		}
	}
	for _, is := range next.Indexes {
		if is.ID != 0 {
			continue // it is there already
		}
		e.impact.Indexes = append(e.impact.Indexes, IndexImpact{Name: is.Name})
		if declared, err := index.ParseSpec(is.Spec); err == nil {
			e.watched = append(e.watched, watchedIndex{len(e.impact.Indexes) - 1, index.NewSet(index.Kept{Index: declared, ID: 1}), map[[16]byte]ident.Document{}})
		}
	}
}

// run judges documents from both ends of the collection, in turn, until it has met itself or its time is over.
func (e *examination) run(ctx context.Context) error {
	budget := e.collections.Limits.Impact
	if budget <= 0 {
		budget = impactTime
	}
	bounded, cancel := context.WithTimeout(ctx, budget)
	defer cancel()
	var low, high *search.Position // what lies between them was not looked at
	for back := false; ; back = !back {
		find := ports.Find{Plan: search.Plan{Ordered: true}, From: low, Limit: impactDocuments, Bytes: impactBytes}
		find.Query.Living = e.living
		if back {
			find.From, find.Back = high, true
		}
		found, err := e.collections.Store.Find(bounded, e.strict.Key, find)
		if bounded.Err() != nil && ctx.Err() == nil {
			return nil
		}
		if err != nil {
			return err
		}
		for _, d := range found.Items {
			if back && low != nil && d.ID.String() <= low.ID || !back && high != nil && d.ID.String() >= high.ID {
				return e.finish()
			}
			e.judge(d)
			at := &search.Position{ID: d.ID.String()}
			if back {
				high = at
			} else {
				low = at
			}
			if bounded.Err() != nil {
				return ctx.Err()
			}
		}
		if !found.More {
			return e.finish()
		}
	}
}

// finish notes that every document was looked at.
func (e *examination) finish() error {
	e.impact.Documents.Total = query.Count{Value: e.impact.Documents.Judged, Kind: "exact"}
	return nil
}

// judge looks at one document as if it were written again.
func (e *examination) judge(d document.Document) {
	j := &e.impact.Documents
	j.Judged++
	// A document that is written as it is stored breaks no rule about changes, and changes no member that is kept from clients.
	_, err := e.strict.Admit(collection.Submission{Way: collection.Kept, Data: d.Data, ID: d.ID, Now: e.at}, d.Data)
	for i := range e.watched {
		if wrong := e.watched[i].see(&e.impact.Indexes[e.watched[i].impact], d); err == nil {
			err = wrong
		}
	}
	if err == nil {
		return
	}
	j.Failing++
	if len(j.Failures) < impactFailures {
		j.Failures = append(j.Failures, operation.FailureOf(d.ID, err))
	}
}

// see looks for another document with the keys of this one, among as many as there is room for. It fails where the document cannot be indexed.
func (w *watchedIndex) see(impact *IndexImpact, d document.Document) error {
	entries, err := w.set.Entries(d.Indexable())
	if err != nil {
		return err
	}
	for _, entry := range entries.Unique {
		sum := sha256.Sum256(entry.Key)
		key := [16]byte(sum[:16])
		other, taken := w.seen[key]
		switch {
		case !taken && len(w.seen) < impactKeys:
			w.seen[key] = d.ID
		case taken && other != d.ID:
			impact.Duplicates++
			if len(impact.Examples) < index.MaxDuplicates {
				impact.Examples = append(impact.Examples, index.Duplicate{ID: d.ID.String(), Other: other.String()})
			}
		}
	}
	return nil
}
