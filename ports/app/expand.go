package app

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/jsontext"
)

// Limits of an expansion.
const (
	maxExpandPaths  = 20
	maxExpandLevels = 4
	// maxExpanded bounds the documents that one level of one path follows references to.
	maxExpanded = 5000
	// maxExpandedBytes bounds the documents that all of them hold: an answer is built in memory, and may repeat each.
	maxExpandedBytes = 16 << 20
)

// Expanded is what a document refers to, by the path of the reference.
type Expanded map[string]Related

// Related is what one reference leads to.
type Related struct {
	// Many says that the reference leads through an array; then there is a relation for each element, else there is one.
	Many  bool
	Items []Relation
}

// Relation is the document that is referred to, or why there is none.
type Relation struct {
	// Document is nil where there is none.
	Document *document.Document
	// ID is the id as the document has it, and Reason why nothing was found by it.
	ID     string
	Reason string
	// Expanded is what the document refers to in its turn.
	Expanded Expanded
}

// Why a reference leads to no document.
const (
	ReasonAbsent   = "absent"   // the member is missing, or null
	ReasonInvalid  = "invalid"  // the member is no id
	ReasonNotFound = "notFound" // there is no such document, or no such collection
)

// expansion is a set of references to follow, level by level.
type expansion struct {
	collection *collection.Collection
	references []*followed
}

type followed struct {
	collection.Reference
	path string
	// then is what to follow from there; nil where that ends.
	then *expansion
}

// expansion reads paths such as "doc.customer, doc.lines[].product.maker". The part of a path behind a reference is one of the collection that it leads to.
// It fails with fault.Malformed and code "expand.invalid".
func (d *Documents) expansion(ctx context.Context, c *collection.Collection, text string) (*expansion, error) {
	if strings.TrimSpace(text) == "" {
		return nil, nil //nolint:nilnil // nothing to follow
	}
	x := &expansion{collection: c}
	var faults []fault.Violation
	paths := strings.Split(text, ",")
	if len(paths) > maxExpandPaths {
		faults = append(faults, expandFault("names at most 20 paths"))
		paths = nil
	}
	for _, path := range paths {
		message, err := d.follow(ctx, x, strings.TrimSpace(path), 1)
		if err != nil {
			return nil, err
		}
		if message != "" {
			faults = append(faults, expandFault(message))
		}
	}
	if len(faults) > 0 {
		return nil, fault.New(fault.Malformed, "expand.invalid", "what to expand cannot be read").With(faults...)
	}
	return x, nil
}

func expandFault(message string) fault.Violation {
	return fault.Violation{In: "query", Pointer: "expand", Code: "expand", Message: message}
}

// follow adds one path, and says what is wrong with it.
func (d *Documents) follow(ctx context.Context, x *expansion, path string, level int) (string, error) {
	if level > maxExpandLevels {
		return "follows at most 4 references one after the other", nil
	}
	var known []string
	for _, r := range x.collection.Config.References {
		name := r.Field.String()
		known = append(known, name)
		rest, ok := strings.CutPrefix(path, name)
		if !ok || rest != "" && rest[0] != '.' && rest[0] != '[' {
			continue
		}
		f := x.add(r, name)
		if rest == "" {
			return "", nil
		}
		if f.then == nil {
			target, err := d.Catalog.Get(ctx, r.Collection)
			if fault.KindOf(err) == fault.NotFound {
				return "there is no collection " + r.Collection.String(), nil
			}
			if err != nil {
				return "", err
			}
			f.then = &expansion{collection: target}
		}
		return d.follow(ctx, f.then, "doc"+rest, level+1)
	}
	message := path + " is not a reference that collection " + x.collection.Name.String() + " declares"
	if near := ident.Nearest(path, known); near != "" {
		message += "; did you mean " + near + "?"
	}
	return message, nil
}

func (x *expansion) add(r collection.Reference, path string) *followed {
	for _, f := range x.references {
		if f.path == path {
			return f
		}
	}
	f := &followed{Reference: r, path: path}
	x.references = append(x.references, f)
	return f
}

// expand follows the references of documents, with one look-up for each reference of each level. It returns what each document refers to at that instant, in their order.
func (d *Documents) expand(ctx context.Context, x *expansion, documents []document.Document, at time.Time) ([]Expanded, error) {
	if x == nil {
		return nil, nil
	}
	room := maxExpandedBytes
	return d.expandLevel(ctx, x, documents, at, &room)
}

func (d *Documents) expandLevel(ctx context.Context, x *expansion, documents []document.Document, at time.Time, room *int) ([]Expanded, error) {
	trees := make([]any, len(documents))
	expanded := make([]Expanded, len(documents))
	for i, doc := range documents {
		tree, err := jsontext.Decode(doc.Data)
		if err != nil {
			return nil, err
		}
		trees[i], expanded[i] = tree, Expanded{}
	}
	for _, f := range x.references {
		targets := make([][]collection.Target, len(trees))
		for i, tree := range trees {
			targets[i] = f.Targets(tree)
		}
		found, err := d.lookUp(ctx, f, targets, at, room)
		if err != nil {
			return nil, err
		}
		for i := range documents {
			related := Related{Many: f.Field.Each, Items: []Relation{}}
			for _, t := range targets[i] {
				related.Items = append(related.Items, found.relation(t))
			}
			expanded[i][f.path] = related
		}
	}
	return expanded, nil
}

// foundTargets are the documents that were found, with what they refer to.
type foundTargets struct {
	documents map[ident.Document]*document.Document
	expanded  map[ident.Document]Expanded
}

// shown leaves in the documents what an answer may show of them.
func (f foundTargets) shown(c *collection.Collection) foundTargets {
	for _, d := range f.documents {
		d.Data = c.Shown(d.Data, nil)
	}
	return f
}

func (f foundTargets) relation(t collection.Target) Relation {
	switch none := (ident.Document{}); {
	case t.ID == none && t.Text == "":
		return Relation{Reason: ReasonAbsent}
	case t.ID == none:
		return Relation{ID: t.Text, Reason: ReasonInvalid}
	case f.documents[t.ID] == nil:
		return Relation{ID: t.Text, Reason: ReasonNotFound}
	}
	return Relation{Document: f.documents[t.ID], ID: t.Text, Expanded: f.expanded[t.ID]}
}

// lookUp finds the targets of one reference, and follows on from them.
func (d *Documents) lookUp(ctx context.Context, f *followed, targets [][]collection.Target, at time.Time, room *int) (foundTargets, error) {
	result := foundTargets{map[ident.Document]*document.Document{}, map[ident.Document]Expanded{}}
	var ids []ident.Document
	seen := map[ident.Document]bool{}
	for _, list := range targets {
		for _, t := range list {
			if t.ID != (ident.Document{}) && !seen[t.ID] {
				seen[t.ID] = true
				ids = append(ids, t.ID)
			}
		}
	}
	if len(ids) > maxExpanded {
		return result, fault.New(fault.TooLarge, "expand.tooLarge", "a page refers to more than %d documents by %s: ask for smaller pages", maxExpanded, f.path)
	}
	if len(ids) == 0 {
		return result, nil
	}
	c, err := d.Catalog.Get(ctx, f.Collection)
	switch {
	case err == nil:
	case fault.KindOf(err) == fault.NotFound:
		return result, nil // no collection, no documents
	default:
		return result, err
	}
	found, err := d.Store.GetAll(ctx, c.Key, ids)
	if err != nil {
		return result, err
	}
	living := c.Living(at)
	found = slices.DeleteFunc(found, func(d document.Document) bool { return !living.Finds(d.Indexable()) })
	for i := range found {
		result.documents[found[i].ID] = &found[i]
		*room -= len(found[i].Data)
	}
	if *room < 0 {
		return result, fault.New(fault.TooLarge, "expand.tooLarge", "the documents that a page refers to have more than %d bytes: ask for smaller pages", maxExpandedBytes)
	}
	if f.then == nil {
		return result.shown(c), nil
	}
	expanded, err := d.expandLevel(ctx, f.then, found, at, room)
	if err != nil {
		return result, err
	}
	for i := range found {
		result.expanded[found[i].ID] = expanded[i]
	}
	return result.shown(c), nil
}
