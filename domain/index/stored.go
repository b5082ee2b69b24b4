package index

import (
	"bytes"
	"slices"

	"github.com/sheafdb/sheaf/domain/jsontext"
)

// State is where an index is in its life.
type State byte

// The states, as the letters that an adapter keeps. Every write maintains an index that is building or ready.
const (
	Building State = 'b' // the documents that were there before it are being gone through; searches do not use it, a unique one holds already
	Ready    State = 'r'
	Failed   State = 'f' // it cannot be built, see Failure; it does nothing, and its entries are being removed
	Deleting State = 'd' // nobody declares it any more, and its entries are being removed
)

// String returns the state's name in the API.
func (s State) String() string {
	switch s {
	case Building:
		return "building"
	case Ready:
		return "ready"
	case Failed:
		return "failed"
	}
	return "deleting"
}

// Stored is an index as an adapter keeps it.
type Stored struct {
	// ID is never used again after the index is gone.
	ID   int32
	Name string
	// Spec is the canonical text of the declaration; see ParseSpec.
	Spec  []byte
	State State
	// Done is how many documents were gone through, Total how many there were when the build began, as far as an estimate can tell.
	Done, Total int64
	// Failure is why it failed, nil where it did not.
	Failure *Failure
}

// Failure is why an index cannot be built.
type Failure struct {
	Code    string `json:"code"`
	Message string `json:"message"`
	// Duplicates are some of the documents that have equal keys in a unique index, at most MaxDuplicates.
	Duplicates []Duplicate `json:"duplicates,omitempty"`
}

// MaxDuplicates bounds how many duplicates a failure names: enough to see what they have in common.
const MaxDuplicates = 10

// Duplicate is a document with a key that another one has.
type Duplicate struct {
	ID    string `json:"id"`
	Other string `json:"other"`
}

// Duplicated is the failure of a unique index over documents with equal keys.
func Duplicated(duplicates []Duplicate) *Failure {
	if len(duplicates) > MaxDuplicates {
		duplicates = duplicates[:MaxDuplicates]
	}
	return &Failure{Code: "document.duplicate", Message: "documents have equal values where the index allows none", Duplicates: duplicates}
}

// Settled says that every index is ready: what an answer says of them will not change by itself.
func Settled(indexes []Stored) bool {
	return !slices.ContainsFunc(indexes, func(s Stored) bool { return s.State != Ready })
}

// SameStates says whether two views of a collection's indexes have the same ones in the same states. Progress does not count.
func SameStates(a, b []Stored) bool {
	return slices.EqualFunc(a, b, func(x, y Stored) bool { return x.ID == y.ID && x.State == y.State })
}

// Declaration is an index as a configuration declares it.
type Declaration struct {
	Name string
	Spec []byte
}

// Declared returns the declarations in the canonical text of a collection's configuration, in their order.
func Declared(configuration []byte) ([]Declaration, error) {
	tree, err := jsontext.Decode(configuration)
	if err != nil {
		return nil, err
	}
	object, _ := tree.(map[string]any)
	list, _ := object["indexes"].([]any)
	var declared []Declaration
	for _, element := range list {
		if one, ok := element.(map[string]any); ok {
			name, _ := one["name"].(string)
			declared = append(declared, Declaration{Name: name, Spec: jsontext.Append(nil, element)})
		}
	}
	return declared, nil
}

// Plan is what a change of a configuration does to the indexes of a collection.
type Plan struct {
	Drop   []Stored      // to be marked as Deleting
	Create []Declaration // to be built, with ids of their own
}

// PlanChange compares what is declared with what is there. An index that is declared as before stays; one that failed is built again; one
// that is declared in another way is another index of the same name.
func PlanChange(declared []Declaration, there []Stored) Plan {
	var p Plan
	for _, s := range there {
		if s.State != Deleting && (s.State == Failed || !slices.ContainsFunc(declared, s.is)) {
			p.Drop = append(p.Drop, s)
		}
	}
	for _, d := range declared {
		if !slices.ContainsFunc(there, func(s Stored) bool { return s.State != Deleting && s.State != Failed && s.is(d) }) {
			p.Create = append(p.Create, d)
		}
	}
	return p
}

func (s Stored) is(d Declaration) bool { return s.Name == d.Name && bytes.Equal(s.Spec, d.Spec) }

// AnyFailed says whether writing a configuration again, although nothing in it changed, has something to do.
func AnyFailed(there []Stored) bool {
	return slices.ContainsFunc(there, func(s Stored) bool { return s.State == Failed })
}
