package postgres

import (
	"slices"
	"time"
	"unsafe"

	"github.com/sheafdb/sheaf/adapters/postgres/sqlcgen"
	"github.com/sheafdb/sheaf/domain/document"
)

// rows are the changes of a plan as the parallel arrays that the functions of the database take.
type rows struct {
	bucket, collection     []int32
	id                     []string
	base, revision, schema []int64
	op                     []string
	created, at, expires   []time.Time
	data                   []string
	ordinal                []int64
	actor, request         []string
	order                  []int32 // of elements that update or delete a row, from 1
	inserts                int32
	buckets                []int32 // ascending
	counts                 []int64
	checkedCollection      []int32
	checkedRevision        []int64
	size                   []int // of data; sizes bound a statement
}

// rowsOf lists the changes of a plan in the order of commit.
func rowsOf(p *plan) *rows {
	n := len(p.changes)
	r := &rows{
		bucket: make([]int32, n), collection: make([]int32, n), id: make([]string, n), base: make([]int64, n), revision: make([]int64, n),
		schema: make([]int64, n), op: make([]string, n), created: make([]time.Time, n), at: make([]time.Time, n), expires: make([]time.Time, n), data: make([]string, n),
		ordinal: make([]int64, n), actor: make([]string, n), request: make([]string, n), order: []int32{}, size: make([]int, n),
		checkedCollection: []int32{}, checkedRevision: []int64{},
	}
	r.takeBuckets(p)
	given := make([]int64, len(r.buckets))
	for i := range p.changes {
		c := &p.changes[i]
		s := &p.slots[c.slot]
		b, _ := slices.BinarySearch(r.buckets, s.Bucket)
		given[b]++
		r.bucket[i], r.collection[i], r.id[i] = s.Bucket, s.ID, s.id
		r.revision[i], r.schema[i], r.op[i] = c.after.Revision, c.after.SchemaRevision, opOf(c.outcome)
		r.created[i], r.at[i], r.expires[i] = c.after.CreatedAt, c.after.UpdatedAt, expiresOf(c.entries)
		r.data[i], r.size[i] = textOf(c.after.Data), len(c.after.Data)
		r.ordinal[i], r.actor[i], r.request[i] = given[b], c.by.Actor, c.by.RequestID
		switch {
		case s.final != i:
			r.base[i] = -1
		case s.base > 0:
			r.base[i] = s.base
			r.order = append(r.order, int32(i+1))
		case c.outcome != document.Deleted:
			r.inserts++
		}
	}
	slices.SortFunc(r.order, func(a, b int32) int {
		return comparePlaces(p.slots[p.changes[a-1].slot].place, p.slots[p.changes[b-1].slot].place)
	})
	for _, v := range p.versions() {
		r.checkedCollection, r.checkedRevision = append(r.checkedCollection, v.ID), append(r.checkedRevision, v.Revision)
	}
	return r
}

// takeBuckets counts the changes of each bucket. The buckets of documents that have to stay as they are come along with no change.
func (r *rows) takeBuckets(p *plan) {
	var counts = map[int32]int64{}
	for i := range p.changes {
		counts[p.slots[p.changes[i].slot].Bucket]++
	}
	for _, u := range p.units {
		if u.err != nil || !u.changed {
			continue
		}
		for _, at := range u.slots {
			counts[p.slots[at].Bucket] += 0
		}
	}
	for b := range counts {
		r.buckets = append(r.buckets, b)
	}
	slices.Sort(r.buckets)
	for _, b := range r.buckets {
		r.counts = append(r.counts, counts[b])
	}
}

// textOf is data as a string without a copy: it is canonical text that nobody changes. No data, after a deletion, is JSON null, because an array of jsonb is not to have a gap.
func textOf(data []byte) string {
	if len(data) == 0 {
		return "null"
	}
	return unsafe.String(unsafe.SliceData(data), len(data)) //nolint:gosec // the bytes are never written to again: see above
}

// chunks cuts the elements with these indexes into statements of bounded size.
func (r *rows) chunks(indexes []int) [][]int {
	var list [][]int
	begin, bytes := 0, 0
	for i, at := range indexes {
		if i > begin && (i-begin >= chunkRows || bytes+r.size[at] > chunkBytes) {
			list = append(list, indexes[begin:i])
			begin, bytes = i, 0
		}
		bytes += r.size[at]
	}
	if begin < len(indexes) {
		list = append(list, indexes[begin:])
	}
	return list
}

// documents returns the elements that insert a row and those that update or delete one, each in the order of locks.
func (r *rows) documents() (inserts, others []int) {
	for i, base := range r.base {
		if base == 0 && r.op[i] != "d" {
			inserts = append(inserts, i)
		}
	}
	slices.SortFunc(inserts, func(a, b int) int { return comparePlaces(r.place(a), r.place(b)) })
	for _, at := range r.order {
		others = append(others, int(at-1))
	}
	return inserts, others
}

func (r *rows) place(i int) place {
	p := place{id: r.id[i]}
	p.Bucket, p.ID = r.bucket[i], r.collection[i]
	return p
}

func (r *rows) writeDocuments(indexes []int, inserting bool) sqlcgen.WriteDocumentsParams {
	arg := sqlcgen.WriteDocumentsParams{
		Buckets: pick(r.bucket, indexes), Collections: pick(r.collection, indexes), Ids: pick(r.id, indexes), Bases: pick(r.base, indexes),
		Revisions: pick(r.revision, indexes), SchemaRevisions: pick(r.schema, indexes), Ops: pick(r.op, indexes),
		Created: pick(r.created, indexes), Ats: pick(r.at, indexes), Expires: pick(r.expires, indexes), Datas: pick(r.data, indexes), LockOrder: []int32{},
	}
	if inserting {
		arg.Inserts = int32(len(indexes))
		return arg
	}
	for i := range indexes {
		arg.LockOrder = append(arg.LockOrder, int32(i+1))
	}
	return arg
}

func (r *rows) appendChanges(indexes []int, bases []int64) sqlcgen.AppendChangesParams {
	return sqlcgen.AppendChangesParams{
		TakenBuckets: r.buckets, TakenBases: bases, Buckets: pick(r.bucket, indexes), Ordinals: pick(r.ordinal, indexes),
		Collections: pick(r.collection, indexes), Ids: pick(r.id, indexes), Revisions: pick(r.revision, indexes), Ops: pick(r.op, indexes),
		Ats: pick(r.at, indexes), Actors: pick(r.actor, indexes), RequestIds: pick(r.request, indexes), Datas: pick(r.data, indexes),
	}
}

func pick[T any](all []T, indexes []int) []T {
	list := make([]T, len(indexes))
	for i, at := range indexes {
		list[i] = all[at]
	}
	return list
}
