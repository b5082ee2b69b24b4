// Package collection says what a collection is: its configuration, the checked
// form of it, and what it admits.
//
// Start at Configuration (what a user declares), Parse (how a declaration is
// judged) and Collection (what the rest of the program works with).
package collection

import (
	"slices"
	"time"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
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
	Base     int64 // see Stored
}

// Stored is a collection as an adapter keeps it.
type Stored struct {
	Key
	Name     ident.Collection
	Revision int64
	// Base is a revision that no document of an earlier collection with this name was above, 0 where there was none: the documents of this one begin above it.
	Base      int64
	State     State
	CreatedAt time.Time
	UpdatedAt time.Time
	// Configuration is the canonical JSON text of the configuration, without its name.
	Configuration []byte
	// Indexes are in the order of their ids. Beside those that the configuration declares there may be some of earlier revisions that are being deleted.
	// Their states change without a revision.
	Indexes []index.Stored
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
	// Indexed are the indexes that the configuration declares, in its order.
	Indexed []Index
	// expiry is the index of the instants at which documents expire; its Index is nil where they do not.
	expiry Index
	// Maintained is what every write of a document maintains: the indexes that are building or ready, those included that the rest of the configuration amounts to.
	Maintained *index.Set
	schema     *schema.Schema
	filters    *query.Env
	// plain says that every object is admitted as it is.
	plain bool
	// judgesChanges says that a rule mentions old.
	judgesChanges bool
	marks         []mark
	hidden        []query.Path
}

// Filters is what expressions over the collection's documents are compiled for: the members that the schema names have its types, and where it is closed
// there are no others.
func (c *Collection) Filters() *query.Env { return c.filters }

// documentType reads the types of a schema; nil is the schema of any object.
func documentType(config Configuration) (*query.Type, error) {
	var tree any = true
	if config.Schema != nil {
		var err error
		if tree, err = jsontext.Decode(config.Schema); err != nil {
			return nil, err
		}
	}
	return query.SchemaType(tree, config.UnknownFields != AllowUnknown), nil
}

// prepare works out what judging documents needs.
func (c *Collection) prepare() {
	c.marks = marksOf(c.schema)
	for _, m := range c.marks {
		if m.WriteOnly {
			c.hidden = append(c.hidden, m.path)
		}
	}
	c.judgesChanges = slices.ContainsFunc(c.Config.Rules, func(r *Rule) bool { return r.change })
	c.plain = c.schema.AdmitsAnyObject() && c.Config.IDFrom == nil && len(c.Config.Rules) == 0 && len(c.marks) == 0 && c.Config.Expiry == nil
}

// Index is a declared index with what has become of it.
type Index struct {
	index.Kept
	State index.State
}

// adoptIndexes brings together what is declared and what is stored.
func (c *Collection) adoptIndexes() {
	var maintained []index.Kept
	for i, declared := range slices.Concat(c.Config.Indexes, c.Config.implied()) {
		at := slices.IndexFunc(c.Indexes, func(s index.Stored) bool { return s.Name == declared.Name && s.State != index.Deleting })
		if at < 0 {
			continue // an adapter made them in the transaction of the configuration: there are none only where nothing was stored
		}
		x := Index{index.Kept{Index: declared, ID: c.Indexes[at].ID}, c.Indexes[at].State}
		switch {
		case i < len(c.Config.Indexes):
			c.Indexed = append(c.Indexed, x)
		case x.Kind == index.Expires:
			c.expiry = x
		case x.State == index.Failed:
			maintained = append(maintained, index.Kept{Index: declared})
		}
		if x.State != index.Failed {
			maintained = append(maintained, x.Kept)
		}
	}
	for _, r := range c.Config.References {
		if r.OnDelete == Ignore {
			maintained = append(maintained, index.Kept{Index: r.index()})
		}
	}
	c.Maintained = index.NewSet(maintained...)
}

// Living is which documents a read finds at an instant.
func (c *Collection) Living(at time.Time) index.Living {
	return index.Living{Expiry: c.expiry.Index, At: at, Kept: c.expiry.State == index.Ready}
}

// Searches is Filters for the filter of a list, which may have search(…).
func (c *Collection) Searches() *query.Env {
	env := *c.filters
	env.Search = true
	return &env
}

// ReadyIndexes are the indexes that searches may use.
func (c *Collection) ReadyIndexes() []index.Kept {
	var ready []index.Kept
	for _, x := range c.Indexed {
		if x.State == index.Ready {
			ready = append(ready, x.Kept)
		}
	}
	return ready
}

// ErrChanged says that a collection is no longer at the version that judged a write: read it again and judge again.
var ErrChanged = fault.New(fault.Unavailable, "collection.changed", "the collection is being changed").After(time.Second)

// Same says whether two views of a collection are the same version with its indexes in the same states.
func (s Stored) Same(other Stored) bool {
	return s.Version() == other.Version() && index.SameStates(s.Indexes, other.Indexes)
}

// Version returns the version that is stored.
func (s Stored) Version() Version { return Version{s.Key, s.Revision, s.Base} }

// BeingDeleted is the fault of a name that cannot be used again yet.
func BeingDeleted(name ident.Collection) error {
	return fault.New(fault.Conflict, "collection.deleting", "collection %q is being deleted; its name is free when that is done", name).After(time.Second)
}
