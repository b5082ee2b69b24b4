package postgres

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/sheafdb/sheaf/adapters/postgres/sqlcgen"
	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/ports"
)

// target is a document that has to be there, because a change of the plan makes another one refer to it.
type target struct {
	name, id string
	at       time.Time
	of       document.Target // its Write is the number of the change in the plan
}

// removed is a document that was stored, and is gone behind the plan.
type removed struct {
	place
	expired bool
	change  int
}

// crossing are the ids of documents that units remove, and of those that they have others refer to. A unit that would remove what another one refers to has a transaction of its own:
// which of the two is refused is then seen by what is stored, and not by what else happens to be written at the same time.
type crossing struct{ removed, referred map[string]bool }

// take adds what a unit does, and says whether it may be written together with those before. It looks at ids alone: two documents with one id in different collections are kept apart
// without need.
func (c *crossing) take(changes []planned, slots []slot) bool {
	var removed, referred []string
	for i := range changes {
		if changes[i].outcome == document.Deleted {
			removed = append(removed, slots[changes[i].slot].id)
		}
		for _, r := range changes[i].entries.Refers {
			referred = append(referred, r.Text)
		}
	}
	if slices.ContainsFunc(removed, func(id string) bool { return c.referred[id] }) || slices.ContainsFunc(referred, func(id string) bool { return c.removed[id] }) {
		return false
	}
	c.removed, c.referred = with(c.removed, removed), with(c.referred, referred)
	return true
}

func with(set map[string]bool, ids []string) map[string]bool {
	if set == nil && len(ids) > 0 {
		set = make(map[string]bool, len(ids))
	}
	for _, id := range ids {
		set[id] = true
	}
	return set
}

// relations are what a plan means for references.
type relations struct {
	targets []target
	removed []removed
}

func (r relations) empty() bool { return len(r.targets) == 0 && len(r.removed) == 0 }

// relationsOf returns the targets in the order of the collections that they are in, and what is removed in the order of places.
func relationsOf(p *plan) relations {
	var r relations
	for i := range p.slots {
		s := &p.slots[i]
		if s.final < 0 {
			continue
		}
		for _, t := range s.references.Targets {
			r.targets = append(r.targets, target{t.Reference.Collection.String(), t.Text, p.changes[t.Write].unit.at, t})
		}
		if c := &p.changes[s.final]; c.outcome == document.Deleted && s.base > 0 {
			r.removed = append(r.removed, removed{s.place, c.by == document.Expiration, s.final})
		}
	}
	slices.SortFunc(r.targets, func(a, b target) int { return cmp.Or(strings.Compare(a.name, b.name), strings.Compare(a.id, b.id)) })
	slices.SortFunc(r.removed, func(a, b removed) int { return comparePlaces(a.place, b.place) })
	return r
}

// targetColumns are targets as parallel arrays, none of them nil.
func targetColumns(list []target) sqlcgen.CheckTargetsParams {
	n := len(list)
	p := sqlcgen.CheckTargetsParams{TargetNames: make([]string, n), TargetIds: make([]string, n), TargetAts: make([]time.Time, n)}
	for i, t := range list {
		p.TargetNames[i], p.TargetIds[i], p.TargetAts[i] = t.name, t.id, t.at
	}
	return p
}

func removedColumns(list []removed) sqlcgen.CheckReferrersParams {
	n := len(list)
	p := sqlcgen.CheckReferrersParams{RemovedBuckets: make([]int32, n), RemovedCollections: make([]int32, n), RemovedIds: make([]string, n), RemovedExpired: make([]bool, n)}
	for i, r := range list {
		p.RemovedBuckets[i], p.RemovedCollections[i], p.RemovedIds[i], p.RemovedExpired[i] = r.Bucket, r.ID, r.id, r.expired
	}
	return p
}

// lockColumns are what is to be locked: documents that are changed or, as removed says, removed, and targets.
func lockColumns(places []place, gone func(i int) bool, targets []target) sqlcgen.LockDocumentsParams {
	n, t := len(places), targetColumns(targets)
	p := sqlcgen.LockDocumentsParams{
		LockedBuckets: make([]int32, n), LockedCollections: make([]int32, n), LockedIds: make([]string, n), LockedRemoved: make([]bool, n),
		TargetNames: t.TargetNames, TargetIds: t.TargetIds,
	}
	for i, at := range places {
		p.LockedBuckets[i], p.LockedCollections[i], p.LockedIds[i], p.LockedRemoved[i] = at.Bucket, at.ID, at.id, gone(i)
	}
	return p
}

// locks are the rows that the changes of a plan update or delete, with the targets. There are none where nothing comes to refer to anything: rows are changed in the order of locks.
func (r *rows) locks(targets []target) sqlcgen.LockDocumentsParams {
	if len(targets) == 0 {
		return lockColumns(nil, nil, nil)
	}
	places := make([]place, len(r.order))
	for i, at := range r.order {
		places[i] = r.place(int(at - 1))
	}
	return lockColumns(places, func(i int) bool { return r.op[r.order[i]-1] == string(rune(change.Deleted)) }, targets)
}

// checkRelations is what sheaf_write_v7 does about references behind the entries.
func (t *transaction) checkRelations(ctx context.Context, p *plan, r relations) error {
	for chunk := range slices.Chunk(r.targets, chunkRows) {
		if err := t.queries.CheckTargets(ctx, targetColumns(chunk)); err != nil {
			return p.blameRelations(err, relations{targets: chunk})
		}
	}
	for chunk := range slices.Chunk(r.removed, chunkRows) {
		if err := t.queries.CheckReferrers(ctx, removedColumns(chunk)); err != nil {
			return p.blameRelations(err, relations{removed: chunk})
		}
	}
	return nil
}

// blameRelations finds out which units are refused because of references; r is what the database was given. Every other error it returns as it is.
func (p *plan) blameRelations(err error, r relations) error {
	e := serverError(err)
	if e == nil || e.Code != stateDangling && e.Code != stateReferred {
		return err
	}
	var numbers []int
	if bad := json.Unmarshal([]byte(e.Detail), &numbers); bad != nil {
		return err
	}
	dangling, referred := map[*unit][]document.Target{}, map[*unit][]document.Referred{}
	for _, n := range numbers {
		switch {
		case e.Code == stateDangling && n >= 1 && n <= len(r.targets):
			found := r.targets[n-1].of
			c := &p.changes[found.Write]
			found.Write = c.write
			dangling[c.unit] = append(dangling[c.unit], found)
		case e.Code == stateReferred && n >= 1 && n <= len(r.removed):
			found := r.removed[n-1]
			c := &p.changes[found.change]
			referred[c.unit] = append(referred[c.unit], document.Referred{Write: c.write, Collection: found.Key, ID: c.after.ID, Expired: found.expired})
		default:
			return err
		}
	}
	refused := &refusal{map[*unit]error{}}
	for u, list := range dangling {
		refused.of[u] = document.Dangling(list...)
	}
	for u, list := range referred {
		refused.of[u] = document.ReferredTo(list...)
	}
	return refused
}

// Referrers returns at most limit documents that refer to one.
func (s *Store) Referrers(ctx context.Context, key collection.Key, id ident.Document, limit int) ([]ports.Referrer, error) {
	rows, err := s.queries.ListReferrers(ctx, sqlcgen.ListReferrersParams{CollectionID: key.ID, Key: index.ReferenceKey(id), PageSize: limitOf(limit)})
	if err != nil {
		return nil, failed(ctx, err, "list referrers")
	}
	return mapped(rows, func(r sqlcgen.ListReferrersRow) (ports.Referrer, error) {
		name, err := ident.ParseCollection(r.Name)
		if err != nil {
			return ports.Referrer{}, unreadable(err)
		}
		from, err := ident.ParseDocument(r.ID)
		return ports.Referrer{Name: name, Key: collection.Key{Bucket: r.Bucket, ID: r.CollectionID}, Path: r.Path, ID: from}, unreadable(err)
	})
}

// ReferringCollections returns the names of at most limit other collections with references to a collection of that name.
func (s *Store) ReferringCollections(ctx context.Context, name ident.Collection, limit int) ([]ident.Collection, error) {
	rows, err := s.queries.ListReferringCollections(ctx, sqlcgen.ListReferringCollectionsParams{Name: name.String(), PageSize: limitOf(limit)})
	if err != nil {
		return nil, failed(ctx, err, "list referring collections")
	}
	return mapped(rows, func(r string) (ident.Collection, error) {
		name, err := ident.ParseCollection(r)
		return name, unreadable(err)
	})
}
