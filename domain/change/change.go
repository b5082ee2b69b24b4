// Package change describes committed changes and their order.
//
// A change is one committed revision of a document with the image after it.
// Every bucket numbers its changes 1, 2, 3 … without gaps; the number is given
// in the transaction of the write, so that whoever has read up to a position
// will never see a lower one appear.
package change

import (
	"time"

	"github.com/sheafdb/sheaf/domain/ident"
)

// Buckets is how many logical shards there are. A collection lives in one, and every table leads with it, so that the tables can be distributed by it.
const Buckets = 64

// Op is what a change did.
type Op byte

// The operations, as the letters that the changes table keeps.
const (
	Created Op = 'c'
	Updated Op = 'u'
	Deleted Op = 'd'
)

// Position is the number of a change within its bucket; 0 is before the first.
type Position int64

// Change is one committed revision.
type Change struct {
	Bucket       int32
	Position     Position
	CollectionID int32
	DocumentID   ident.Document
	// Revision is the document's revision after the change; a deletion has one too.
	Revision  int64
	Op        Op
	At        time.Time
	Actor     string
	RequestID string
	// Data is the canonical text of the document after the change, nil after a deletion.
	Data []byte
}

// Origin is what a change records of the request that made it.
type Origin struct {
	Actor     string
	RequestID string
}
