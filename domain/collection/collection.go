// Package collection says what a collection is: its configuration, the checked
// form of it, and what it admits.
//
// Start at Configuration (what a user declares), Parse (how a declaration is
// judged) and Collection (what the rest of the program works with).
package collection

import (
	"time"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/schema"
)

// State is where a collection is in its life.
type State byte

// The states, as the letters that the collections table keeps.
const (
	Active   State = 'a'
	Deleting State = 'd' // its contents are being removed; it takes no documents
)

// String returns the state's name in the API.
func (s State) String() string {
	if s == Deleting {
		return "deleting"
	}
	return "active"
}

// Key locates a collection in storage. It is never used again after the collection is gone.
type Key struct {
	Bucket int32
	ID     int32
}

// Version is a collection at one revision of its configuration. A write names the version that judged it, and is refused when that is no longer the one in force.
type Version struct {
	Key
	Revision int64
}

// Stored is a collection as an adapter keeps it.
type Stored struct {
	Key
	Name      ident.Collection
	Revision  int64
	State     State
	CreatedAt time.Time
	UpdatedAt time.Time
	// Configuration is the canonical JSON text of the configuration, without its name.
	Configuration []byte
}

// Revision is one revision of a configuration.
type Revision struct {
	Revision      int64
	At            time.Time
	Configuration []byte
	change.Origin
}

// Collection is a stored collection with its configuration checked and compiled. It is immutable.
type Collection struct {
	Stored
	Config Configuration
	schema *schema.Schema
}

// ErrChanged says that a collection is no longer at the version that judged a write: read it again and judge again.
var ErrChanged = fault.New(fault.Unavailable, "collection.changed", "the collection is being changed").After(time.Second)

// Version returns the version that is stored.
func (s Stored) Version() Version { return Version{s.Key, s.Revision} }

// BeingDeleted is the fault of a name that cannot be used again yet.
func BeingDeleted(name ident.Collection) error {
	return fault.New(fault.Conflict, "collection.deleting", "collection %q is being deleted; its name is free when that is done", name).After(time.Second)
}
