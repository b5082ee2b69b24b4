// Package memory keeps collections, documents and changes in this process: the adapter of ports.Store for tests and demonstrations, and the model that
// other adapters are compared with.
//
// It gives the answers that PostgreSQL gives, and nothing outlives the process: what is stored, and every change that ever was, stays in memory until its
// collection is purged.
//
// One lock guards all. The functions that a caller passes in to decide something run while it is held, which they cannot notice: they are pure. The visitor of an
// export is not, and runs without it.
//
// Start reading at Store; documents.go has the reading and writing of documents, collections.go that of configurations.
package memory

import (
	"crypto/rand"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/receipt"
	"github.com/sheafdb/sheaf/ports"
)

var _ ports.Store = (*Store)(nil)

// Store is everything that is kept. Its methods may be called concurrently. The slices that it returns are the caller's; the texts in them are shared, and nobody changes them.
type Store struct {
	// history names what is kept here: another store has another one.
	history string

	mu sync.RWMutex // guards the fields below and everything that they lead to

	names []*kept // in the order of their names
	keys  map[collection.Key]*kept
	// purged has what is kept of a name when its collection is gone.
	purged map[ident.Collection]highest
	// newest is the id of the newest collection, newestIndex that of the newest index.
	newest, newestIndex int32
	// feed has the name of each configuration change; the first is at position 1.
	feed     []ident.Collection
	buckets  [change.Buckets]bucket
	receipts map[receipt.Digest]receipt.Stored
	// operations are in the order of their ids.
	operations []*running
	// followers are by what is followed for.
	followers map[string]*follower
}

// highest are the highest revisions that the configurations of a name had, and their documents. The next collection of that name begins above them.
type highest struct{ configuration, document int64 }

// kept is a collection with all that belongs to it.
type kept struct {
	collection.Stored
	// revisions are in their order, without gaps.
	revisions []collection.Revision
	documents documents
	// builds has what is kept of the indexes, by their ids.
	builds map[int32]*building
}

// bucket is a part of the change feed. Positions have gaps where a collection was purged.
type bucket struct {
	position change.Position
	changes  []change.Change
}

// New returns an empty store.
func New() *Store {
	return &Store{history: rand.Text(), keys: map[collection.Key]*kept{}, purged: map[ident.Collection]highest{}, receipts: map[receipt.Digest]receipt.Stored{}, followers: map[string]*follower{}}
}

// find returns where in names the collection is, or would be.
func (s *Store) find(name string) (int, bool) {
	return slices.BinarySearchFunc(s.names, name, func(k *kept, name string) int { return strings.Compare(k.Name.String(), name) })
}

// none is what the documents of a collection are that does not exist. It is never written to.
var none = &documents{}

// of returns the documents of a collection.
func (s *Store) of(key collection.Key) *documents {
	if k := s.keys[key]; k != nil {
		return &k.documents
	}
	return none
}

// documents are the documents of a collection. A document that is stored is never changed, only replaced.
type documents struct {
	// sorted are in the order of the bytes of their ids.
	sorted []*document.Document
	// exported says that somebody reads sorted without the lock: it is copied before the next change.
	exported bool
	// gone has the revision at which an id was deleted.
	gone map[ident.Document]int64
}

// find returns where in sorted the id is, or would be.
func (d *documents) find(id string) (int, bool) {
	return slices.BinarySearchFunc(d.sorted, id, func(d *document.Document, id string) int { return strings.Compare(d.ID.String(), id) })
}

// get returns the document, nil where there is none, and the highest revision that the id ever had.
func (d *documents) get(id ident.Document) (*document.Document, int64) {
	if i, found := d.find(id.String()); found {
		return d.sorted[i], d.sorted[i].Revision
	}
	return nil, d.gone[id]
}

// set makes next the document with that id, and last its highest revision; nil is no document.
func (d *documents) set(id ident.Document, next *document.Document, last int64) {
	if d.exported {
		d.sorted, d.exported = slices.Clone(d.sorted), false
	}
	i, found := d.find(id.String())
	switch {
	case next != nil && found:
		d.sorted[i] = next
	case next != nil:
		d.sorted = slices.Insert(d.sorted, i, next)
		delete(d.gone, id)
	default:
		if found {
			d.sorted = slices.Delete(d.sorted, i, i+1)
		}
		if d.gone == nil {
			d.gone = map[ident.Document]int64{}
		}
		d.gone[id] = last
	}
}

// part returns a copy of at most limit elements from index on, never nil. An index outside of all is the nearer end.
func part[T any](all []T, index, limit int) []T {
	rest := all[max(0, min(index, len(all))):]
	return append([]T{}, rest[:max(0, min(limit, len(rest)))]...)
}

// stamp cuts a time to what PostgreSQL keeps, so that both tell the same.
func stamp(t time.Time) time.Time { return t.UTC().Truncate(time.Microsecond) }
