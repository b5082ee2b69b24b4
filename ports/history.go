package ports

import (
	"context"
	"time"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/ident"
)

// RevisionRange is a stretch of a document's history, from the newest revision down.
type RevisionRange struct {
	// Before is the revision that the stretch begins below; 0 begins with the newest.
	Before int64
	// Limit is how many revisions at most, at least 1.
	Limit int
	// Bytes ends the stretch with the revision whose data brings the sum to this size or above. At least 1.
	Bytes int
	// WithoutData leaves the data unread; it is nil then.
	WithoutData bool
}

// DocumentHistory reads what documents were, also those that are deleted. A revision is the change that made it; it stays as it is until it is trimmed (RetentionStore), and then it is gone.
type DocumentHistory interface {
	// ListRevisions returns the revisions of a document in the range, the newest first, and says whether older ones follow.
	// There are none of a document that never was.
	ListRevisions(ctx context.Context, key collection.Key, id ident.Document, r RevisionRange) (items []change.Change, more bool, err error)

	// GetRevision returns one revision of a document.
	// It fails with fault.NotFound, code "revision.notFound", when there is none, and with fault.Gone, code "revision.trimmed", when it is below the oldest that is kept of a document whose
	// history was trimmed.
	GetRevision(ctx context.Context, key collection.Key, id ident.Document, revision int64) (change.Change, error)

	// GetAsOf returns the document as it was at an instant: at the highest revision that was made then or before, with the time at which it was created.
	// SchemaRevision is 0: history does not keep it.
	// It fails with fault.NotFound, code "document.notFound", when there was none, or the document was deleted, and with fault.Gone, code "revision.trimmed", for an instant before the oldest
	// revision that is kept of a document whose history was trimmed.
	GetAsOf(ctx context.Context, key collection.Key, id ident.Document, at time.Time) (document.Document, error)
}
