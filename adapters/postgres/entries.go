package postgres

import (
	"bytes"
	"cmp"
	"encoding/json"
	"hash/fnv"
	"slices"
	"strings"

	"github.com/sheafdb/sheaf/adapters/postgres/sqlcgen"
	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
)

// entry is a row of index_entries or unique_entries that a transaction removes or adds.
type entry struct {
	bucket int32
	index.Entry
	collection int32
	id         string
	gone       bool
	slot       int
}

// compareRows orders entries as locks are taken; of one key, what goes comes before what is added.
func compareRows(a, b entry) int {
	goes := func(e entry) int {
		if e.gone {
			return 0
		}
		return 1
	}
	return cmp.Or(cmp.Compare(a.bucket, b.bucket), cmp.Compare(a.Index, b.Index), bytes.Compare(a.Key, b.Key), goes(a)-goes(b), strings.Compare(a.id, b.id))
}

// bucketOfKey spreads the keys of unique indexes: two equal ones meet in one bucket, wherever their documents are.
func bucketOfKey(e index.Entry) int32 {
	h := fnv.New32a()
	_, _ = h.Write(e.Key) // it never fails
	return int32((h.Sum32() ^ uint32(e.Index)) % change.Buckets)
}

// entryRows are the entries of a transaction.
type entryRows struct {
	gone, come, unique []entry
	texts              []textEntry
}

// entryRowsOf returns what the changes of a plan mean for the indexes: only entries whose keys changed.
func entryRowsOf(p *plan) entryRows {
	var r entryRows
	for i := range p.slots {
		s := &p.slots[i]
		if s.final < 0 || !s.indexed {
			continue
		}
		gone, come := index.Diff(s.before, p.changes[s.final].entries)
		rows := func(list []entry, entries []index.Entry, unique, gone bool) []entry {
			for _, e := range entries {
				row := entry{bucket: s.Bucket, Entry: e, collection: s.ID, id: s.id, gone: gone, slot: i}
				if unique {
					row.bucket = bucketOfKey(e)
				}
				list = append(list, row)
			}
			return list
		}
		r.gone, r.come = rows(r.gone, gone.Ordered, false, true), rows(r.come, come.Ordered, false, false)
		r.unique = rows(rows(r.unique, gone.Unique, true, true), come.Unique, true, false)
		r.texts = append(append(r.texts, textEntries(s.place, gone.Texts, true)...), textEntries(s.place, come.Texts, false)...)
	}
	for _, list := range [][]entry{r.gone, r.come, r.unique} {
		slices.SortFunc(list, compareRows)
	}
	return r
}

// size is how many rows there are.
func (r entryRows) size() int { return len(r.gone) + len(r.come) + len(r.unique) + len(r.texts) }

// columns are entries as the parallel arrays that statements take, none of them nil.
type columns struct {
	bucket, index, collection []int32
	key                       [][]byte
	id                        []string
	gone                      []bool
}

func columnsOf(list []entry) columns {
	n := len(list)
	c := columns{bucket: make([]int32, n), index: make([]int32, n), collection: make([]int32, n), key: make([][]byte, n), id: make([]string, n), gone: make([]bool, n)}
	for i, e := range list {
		c.bucket[i], c.index[i], c.collection[i], c.key[i], c.id[i], c.gone[i] = e.bucket, e.Index, e.collection, e.Key, e.id, e.gone
	}
	return c
}

// chunksOf cuts entries into statements of bounded size: a key has up to 2 KiB.
func chunksOf(list []entry) [][]entry {
	return slices.Collect(slices.Chunk(list, chunkRows))
}

// write are the parameters of a write of documents and ordered entries.
func (r *rows) write(e entryRows) sqlcgen.WriteParams {
	gone, come := columnsOf(e.gone), columnsOf(e.come)
	return sqlcgen.WriteParams{
		Buckets: r.bucket, Collections: r.collection, Ids: r.id, Bases: r.base, Revisions: r.revision, SchemaRevisions: r.schema, Ops: r.op,
		Created: r.created, Ats: r.at, Expires: r.expires, Datas: r.data, LockOrder: r.order, Inserts: r.inserts,
		GoneBuckets: gone.bucket, GoneIndexes: gone.index, GoneKeys: gone.key, GoneIds: gone.id,
		EntryBuckets: come.bucket, EntryIndexes: come.index, EntryKeys: come.key, EntryIds: come.id,
		Ordinals: r.ordinal, Actors: r.actor, RequestIds: r.request,
		TakenBuckets: r.buckets, TakenCounts: r.counts, CheckedCollections: r.checkedCollection, CheckedRevisions: r.checkedRevision,
	}
}

// writeWithEntries are the parameters of every other write that fits into one statement.
func (r *rows) writeWithEntries(e entryRows, related relations) sqlcgen.WriteWithEntriesParams {
	locks, targets, removed := r.locks(related.targets), targetColumns(related.targets), removedColumns(related.removed)
	w, unique, texts := r.write(e), columnsOf(e.unique), writeTexts(e.texts)
	return sqlcgen.WriteWithEntriesParams{
		Buckets: w.Buckets, Collections: w.Collections, Ids: w.Ids, Bases: w.Bases, Revisions: w.Revisions, SchemaRevisions: w.SchemaRevisions, Ops: w.Ops,
		Created: w.Created, Ats: w.Ats, Expires: w.Expires, Datas: w.Datas, LockOrder: w.LockOrder, Inserts: w.Inserts,
		GoneBuckets: w.GoneBuckets, GoneIndexes: w.GoneIndexes, GoneKeys: w.GoneKeys, GoneIds: w.GoneIds,
		EntryBuckets: w.EntryBuckets, EntryIndexes: w.EntryIndexes, EntryKeys: w.EntryKeys, EntryIds: w.EntryIds,
		TextBuckets: texts.TextBuckets, TextIndexes: texts.TextIndexes, TextIds: texts.TextIds, TextGone: texts.TextGone,
		Languages: texts.Languages, A: texts.A, B: texts.B, C: texts.C, D: texts.D,
		UniqueBuckets: unique.bucket, UniqueIndexes: unique.index, UniqueKeys: unique.key, UniqueCollections: unique.collection, UniqueIds: unique.id, UniqueGone: unique.gone,
		LockedBuckets: locks.LockedBuckets, LockedCollections: locks.LockedCollections, LockedIds: locks.LockedIds, LockedRemoved: locks.LockedRemoved,
		TargetNames: targets.TargetNames, TargetIds: targets.TargetIds, TargetAts: targets.TargetAts,
		RemovedBuckets: removed.RemovedBuckets, RemovedCollections: removed.RemovedCollections, RemovedIds: removed.RemovedIds, RemovedExpired: removed.RemovedExpired,
		Ordinals: w.Ordinals, Actors: w.Actors, RequestIds: w.RequestIds,
		TakenBuckets: w.TakenBuckets, TakenCounts: w.TakenCounts, CheckedCollections: w.CheckedCollections, CheckedRevisions: w.CheckedRevisions,
	}
}

func writeEntries(gone, come []entry) sqlcgen.WriteEntriesParams {
	g, c := columnsOf(gone), columnsOf(come)
	return sqlcgen.WriteEntriesParams{
		GoneBuckets: g.bucket, GoneIndexes: g.index, GoneKeys: g.key, GoneIds: g.id,
		EntryBuckets: c.bucket, EntryIndexes: c.index, EntryKeys: c.key, EntryIds: c.id,
	}
}

func writeUnique(list []entry) sqlcgen.WriteUniqueParams {
	c := columnsOf(list)
	return sqlcgen.WriteUniqueParams{
		UniqueBuckets: c.bucket, UniqueIndexes: c.index, UniqueKeys: c.key, UniqueCollections: c.collection, UniqueIds: c.id, UniqueGone: c.gone,
	}
}

// refusal is what the database says of some units of a transaction, which cannot be committed. The others can.
type refusal struct {
	of map[*unit]error
}

func (*refusal) Error() string { return "some of the batches cannot be committed" }

// takenKey is a key that another document has: the number of its entry in the statement, from 1, and the document.
type takenKey struct {
	number int
	holder ident.Document
}

// UnmarshalJSON reads [number, id].
func (k *takenKey) UnmarshalJSON(text []byte) error {
	var id string
	pair := []any{&k.number, &id}
	err := json.Unmarshal(text, &pair)
	if err == nil {
		k.holder, err = ident.ParseDocument(id)
	}
	return err
}

// blame finds out which units gave documents the keys that the database refused; list is what it was given.
// Every other error it returns as it is.
func (p *plan) blame(err error, list []entry) error {
	e := serverError(err)
	if e == nil || e.Code != stateDuplicate {
		return err
	}
	var taken []takenKey
	if bad := json.Unmarshal([]byte(e.Detail), &taken); bad != nil {
		return err
	}
	found := map[*unit][]document.Duplicate{}
	for _, key := range taken {
		if key.number < 1 || key.number > len(list) {
			return err
		}
		refused := list[key.number-1]
		c := p.origin(refused)
		duplicate := document.Duplicate{Write: c.write, Index: c.unit.batch.Writes[c.write].Indexes.Find(refused.Index), Holder: key.holder}
		if duplicate.Index == nil {
			return err
		}
		if !slices.ContainsFunc(found[c.unit], duplicate.Same) {
			found[c.unit] = append(found[c.unit], duplicate)
		}
	}
	r := &refusal{map[*unit]error{}}
	for u, list := range found {
		slices.SortFunc(list, func(a, b document.Duplicate) int {
			return cmp.Or(cmp.Compare(a.Write, b.Write), strings.Compare(a.Index.Name, b.Index.Name))
		})
		r.of[u] = document.Duplicated(list...)
	}
	return r
}

// origin returns the change that gave a document the key which it has in the end: later ones only kept it.
func (p *plan) origin(e entry) *planned {
	c := &p.changes[p.slots[e.slot].final]
	for i := p.slots[e.slot].final; i >= 0; i-- {
		if p.changes[i].slot != e.slot {
			continue
		}
		if !slices.ContainsFunc(p.changes[i].entries.Unique, func(has index.Entry) bool { return has.Index == e.Index && bytes.Equal(has.Key, e.Key) }) {
			break
		}
		c = &p.changes[i]
	}
	return c
}
