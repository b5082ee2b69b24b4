package change

import "github.com/sheafdb/sheaf/domain/ident"

// Positions are those of all buckets, by their numbers.
type Positions [Buckets]Position

// Touched says which document a change was of.
type Touched struct {
	Bucket       int32
	Position     Position
	CollectionID int32
	DocumentID   ident.Document
}

// News is which documents changed after some positions.
type News struct {
	// History names the order of commits that positions count. A database that was restored, or that lost commits when another server took over, has another history,
	// in which a position or revision may name something else.
	History string
	// Touched are the changes, those of a bucket in their order.
	Touched []Touched
	// Until is how far the news go: no change up to there is missing, but for those of collections that are being deleted.
	Until Positions
	// More says that there are changes after Until already.
	More bool
}
