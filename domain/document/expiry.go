package document

import (
	"time"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/principal"
)

// Expiration is what a change records of a deletion that nobody asked for: the document has expired.
var Expiration = change.Origin{Actor: principal.System.Name, RequestID: "expiry"}

// Expire returns the deletion of a document that has expired by the time of a write, and whether it has. Whoever makes a write makes this change before: what is decided
// is decided as if there were no document, and there is none.
func Expire(w Write, current *Document, at time.Time) (Transition, bool) {
	x := w.Indexes.Expiry()
	if current == nil || x == nil || (index.Living{Expiry: x, At: at}).Finds(current.Indexable()) {
		return Transition{}, false
	}
	return Transition{Outcome: Deleted, Document: deletion(w, current, at)}, true
}

// Touch leaves a document as it is: of a write that comes after Expire, what is left is that deletion.
func Touch(*Document) (Next, error) { return Keep(), nil }
