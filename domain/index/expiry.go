package index

import (
	"strings"
	"time"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
)

// Expires is the kind of the index that a collection has whose documents expire. Nobody declares it by name: it is what the configuration's expiry amounts to.
// Its entry is an instant, which is kept with the document itself; it has one field, and its instants are those of the field and After.
const Expires Kind = "expires"

// ExpiryName is the name of that index.
const ExpiryName = "$expiry"

// Implied says whether an index has this name because of what else a configuration says: none that is declared has such a name.
func Implied(name string) bool { return strings.HasPrefix(name, "$") }

// NewExpiry returns the index of documents that expire some time after what a field says: a path to a time, createdAt or updatedAt.
func NewExpiry(at Field, after time.Duration) *Index {
	return &Index{Name: ExpiryName, Kind: Expires, Fields: []Field{at}, After: after}
}

// Instant returns when a document expires, in UTC, and whether it ever does: not where the field is missing or no time.
func (x *Index) Instant(d Document) (at time.Time, ok bool) {
	var tree any
	if x.Fields[0].Column == "" {
		var err error
		if tree, err = jsontext.Decode(d.Data); err != nil {
			return time.Time{}, false
		}
	}
	return x.instant(source{d, tree})
}

func (x *Index) instant(d source) (time.Time, bool) {
	v, _ := d.value(x.Fields[0])
	at, ok := v.(query.Instant)
	if s, text := v.(string); text {
		at, ok = query.ParseInstant(s)
	}
	if !ok {
		return time.Time{}, false
	}
	return at.Plus(x.After)
}

// Check says what keeps data, decoded, from being that of a document that expires: the field is there, and is no time or one too far away.
func (x *Index) Check(tree any) []fault.Violation {
	f := x.Fields[0]
	v, found := f.Path.Find(tree)
	if f.Column != "" || !found || v == nil {
		return nil
	}
	wrong := func(message string) []fault.Violation {
		return []fault.Violation{{In: "body", Pointer: f.Pointer(), Code: "expiry", Message: message}}
	}
	s, _ := v.(string)
	if _, ok := query.ParseInstant(s); !ok {
		return wrong("must be a time of RFC 3339, such as 2026-01-31T12:00:00Z: it is when the document expires")
	}
	if _, ok := x.instant(source{tree: tree}); !ok {
		return wrong("must be earlier: the document would expire after the year 9999")
	}
	return nil
}

// Living is which documents a read finds: those that have not expired at an instant. The zero Living finds all.
type Living struct {
	// Expiry is when the documents expire; nil is never.
	Expiry *Index
	At     time.Time
	// Kept says that the instant of every document is kept with it as Expiry has it; else a reader finds out from what the document says.
	Kept bool
}

// Finds says whether a read finds the document.
func (l Living) Finds(d Document) bool {
	if l.Expiry == nil {
		return true
	}
	at, ok := l.Expiry.Instant(d)
	return !ok || at.After(l.At)
}
