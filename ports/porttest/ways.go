package porttest

import (
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"maps"
	"math/rand/v2"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/operation"
	"github.com/sheafdb/sheaf/domain/patch"
	"github.com/sheafdb/sheaf/domain/schema"
	"github.com/sheafdb/sheaf/ports"
	"github.com/sheafdb/sheaf/ports/app"
)

// Ways stores random documents in collections with random schemas and rules by every way in, and compares what comes of them: the verdict, the faults, the
// warnings, and what is stored. A seed stands for one collection and one document; a failure tells it.
//
// Ways that say the same of a document are compared with each other: those that make one, those that replace one, those that edit one, and those that put one
// back. They differ only in what is filled in and may be said: where a collection does neither all of them are compared, and where it has defaults those that do
// not store any are compared with the same collection without.
func Ways(t *testing.T, store ports.Store, seeds iter.Seq[uint64]) {
	t.Helper()
	limits := app.Limits{
		Document: collection.Limits{Bytes: 1 << 20}, Schema: schema.DefaultLimits(),
		Import: app.ImportLimits{StrictDocuments: 100, StrictBytes: 1 << 20}, Scan: 1000, Operations: 10, Filled: 1 << 20,
	}
	made := 0
	parts := app.Dependencies{
		Store: store, Clock: func() time.Time { return noon }, Limits: limits,
		IDs: func() ident.Document {
			made++
			return id(fmt.Sprint("made-", made))
		},
	}
	catalog := app.NewCatalog(store, parts.Clock, limits.Schema)
	documents := &app.Documents{Dependencies: parts, Catalog: catalog}
	operations := app.NewOperations(parts, catalog, documents)
	admitted, total := 0, 0
	for seed := range seeds {
		w := &wayfarer{
			T: t, Dependencies: parts, seed: seed, random: rand.New(rand.NewPCG(seed, 1)),
			collections: &app.Collections{Dependencies: parts, Catalog: catalog}, documents: documents,
			bulk:     &app.Bulk{Dependencies: parts, Catalog: catalog, Documents: documents, Operations: operations},
			transfer: &app.Transfer{Dependencies: parts, Catalog: catalog}, outcomes: map[string]outcome{},
		}
		if w.journey() {
			admitted++
		}
		if total++; t.Failed() {
			return
		}
	}
	// Where nothing were admitted, or everything, the test would say nothing.
	if total >= 100 && (admitted < total/10 || admitted > total*9/10) {
		t.Errorf("%d of %d documents were admitted", admitted, total)
	}
}

// wayfarer tries all ways in for one collection and one document.
type wayfarer struct {
	*testing.T
	app.Dependencies
	seed        uint64
	random      *rand.Rand
	collections *app.Collections
	documents   *app.Documents
	transfer    *app.Transfer
	bulk        *app.Bulk

	name     ident.Collection
	config   configured
	outcomes map[string]outcome
}

// outcome is what came of a document, with its key written as @.
type outcome struct {
	Faults, Warnings []fault.Violation
	// Shown is what the answer shows, "" where the document was refused.
	Shown string
	// stored is what is stored; "" where that is nothing new.
	stored string
}

// by is who writes.
var by = app.Caller{RequestID: "r"}

// groups are the ways that say the same of a document, by whether one is stored already.
var groups = [][]string{
	{"create", "create with an id", "put anew", "import anew", "transaction to create", "transaction to put anew"},
	{"put", "put, rehearsed", "put after a failure", "transaction to put"},
	{
		"operations", "operations at the root", "merge", "merge, rehearsed", "update", "transaction to patch",
		"bulk", "bulk, rehearsed", "bulk by an operation",
	},
	{"restore", "import of a backup"},
	{"restore of what is deleted", "import of a backup, anew"},
	{"migration"},
}

// journey returns whether the document was admitted by the first way.
func (w *wayfarer) journey() bool {
	w.name = named(fmt.Sprint("ways", w.seed))
	w.config = randomConfiguration(w.random)
	stored, data := w.config.document(w.random), w.config.document(w.random)
	w.declare(`{}`)
	for _, group := range groups {
		for _, way := range group {
			w.furnish(way, stored, data)
		}
	}
	w.furnish("put without defaults", stored, data)
	w.declare(w.config.text)
	for _, group := range groups {
		for _, way := range group {
			w.try(way, stored, data)
		}
		w.compare(group)
	}
	if w.config.marks {
		return w.outcomes["create"].Shown != ""
	}
	put, create := "put", "create"
	if w.config.fills {
		put, create = "put without defaults", "create without defaults"
		w.declare(w.config.bare)
		w.try(put, stored, data)
		w.try(create, stored, data)
		w.declare(w.config.text)
	}
	w.compare([]string{put, "operations", "restore", "migration"})
	w.compare([]string{create, "restore of what is deleted"})
	if made := w.outcomes["put"]; made.stored != "" {
		w.again(stored, made)
	}
	return w.outcomes["create"].Shown != ""
}

func (w *wayfarer) declare(config string) {
	w.Helper()
	if _, err := w.collections.Put(w.Context(), by, app.WriteCollection{Name: w.name, Body: []byte(config)}); err != nil {
		w.Fatalf("seed %d: %s: %v", w.seed, config, err)
	}
}

// idOf is the document that a way is tried on.
func idOf(way string) ident.Document {
	return id(strings.NewReplacer(" ", "-", ",", "").Replace(way))
}

// keyed writes a document as one of a way: the key that the id may be taken from is the id.
func keyed(way string, tree map[string]any) map[string]any {
	made := maps.Clone(tree)
	made["key"] = idOf(way).String()
	return made
}

// furnish stores what a way finds, in a collection that admits everything: the document before, and for those that put one back the revision.
func (w *wayfarer) furnish(way string, stored, data map[string]any) {
	w.Helper()
	put := func(tree map[string]any) {
		if _, err := w.documents.Put(w.Context(), by, app.PutDocument{Collection: w.name, ID: idOf(way), Data: jsontext.Append(nil, keyed(way, tree))}); err != nil {
			w.Fatal(err)
		}
	}
	switch way {
	case "create", "create with an id", "create without defaults", "put anew", "import anew", "import of a backup, anew", "transaction to create", "transaction to put anew":
	case "restore":
		put(data)
		put(map[string]any{"between": true})
		put(stored)
	case "restore of what is deleted":
		put(data)
		if _, err := w.documents.Delete(w.Context(), by, app.DeleteDocument{Collection: w.name, ID: idOf(way)}); err != nil {
			w.Fatal(err)
		}
	default:
		put(stored)
	}
}

// try tries one way, and holds what it says against what is stored then.
func (w *wayfarer) try(way string, stored, data map[string]any) {
	w.Helper()
	ctx, name := w.Context(), idOf(way)
	text := jsontext.Append(nil, keyed(way, data))
	before := w.look(way)
	var result document.Result
	var err error
	rehearsed := strings.HasSuffix(way, "rehearsed")
	update := func(format patch.Format, text []byte) {
		result, err = w.documents.Patch(ctx, by, app.PatchDocument{Collection: w.name, ID: name, Format: format, Patch: text, ValidateOnly: rehearsed})
	}
	switch way {
	case "create", "create without defaults":
		result, err = w.documents.Create(ctx, by, app.CreateDocument{Collection: w.name, Data: text})
	case "create with an id":
		result, err = w.documents.Create(ctx, by, app.CreateDocument{Collection: w.name, ID: name, Data: text})
	case "put", "put, rehearsed", "put without defaults", "put anew":
		result, err = w.documents.Put(ctx, by, app.PutDocument{Collection: w.name, ID: name, Data: text, ValidateOnly: rehearsed})
	case "put after a failure":
		_, err = w.documents.Put(ctx, by, app.PutDocument{Collection: w.name, ID: name, Data: []byte(`{"key": 1}`)})
		if after := w.look(way); err != nil && !reflect.DeepEqual(after, before) {
			w.Errorf("seed %d: what was refused has made %v of %v", w.seed, after, before)
		} else if err == nil {
			w.outcomes[way] = w.outcomes["put"] // it admits even that
			return
		}
		result, err = w.documents.Put(ctx, by, app.PutDocument{Collection: w.name, ID: name, Data: text})
	case "merge", "merge, rehearsed":
		change, ok := merging(keyed(way, stored), keyed(way, data))
		if !ok {
			w.outcomes[way] = w.outcomes["operations"] // a merge patch cannot say it
			return
		}
		update(patch.Merge, jsontext.Append(nil, change))
	case "operations":
		update(patch.Operations, patch.FormatOperations(patch.Diff(any(keyed(way, stored)), any(keyed(way, data)))))
	case "operations at the root":
		update(patch.Operations, fmt.Appendf(nil, `[{"op": "add", "path": "", "value": %s}]`, text))
	case "update":
		update(patch.Update, jsontext.Append(nil, updating(keyed(way, stored), keyed(way, data))))
	case "bulk", "bulk, rehearsed", "bulk by an operation":
		result, err = w.changing(way, operation.Update, patch.FormatOperations(patch.Diff(any(keyed(way, stored)), any(keyed(way, data)))))
	case "migration":
		result, err = w.changing(way, operation.Migration, patch.FormatOperations(patch.Diff(any(keyed(way, stored)), any(keyed(way, data)))))
	case "restore":
		result, err = w.documents.Restore(ctx, by, app.RestoreDocument{Collection: w.name, ID: name, Revision: 1})
	case "restore of what is deleted":
		result, err = w.documents.Restore(ctx, by, app.RestoreDocument{Collection: w.name, ID: name, Revision: 1})
	case "transaction to create":
		result, err = w.transacting(fmt.Sprintf(`{"op": "create", "collection": %q, "data": %s}`, w.name, text))
	case "transaction to put", "transaction to put anew":
		result, err = w.transacting(fmt.Sprintf(`{"op": "put", "collection": %q, "id": %q, "data": %s}`, w.name, name, text))
	case "transaction to patch":
		result, err = w.transacting(fmt.Sprintf(`{"op": "patch", "collection": %q, "id": %q, "contentType": %q, "patch": %s}`,
			w.name, name, patch.Operations, patch.FormatOperations(patch.Diff(any(keyed(way, stored)), any(keyed(way, data))))))
	case "import anew":
		result, err = w.importing(app.DataShape, text)
	case "import of a backup", "import of a backup, anew":
		result, err = w.importing(app.DocumentShape, fmt.Appendf(nil, `{"id": %q, "data": %s}`, name, text))
	default:
		w.Fatalf("there is no way %q", way)
	}
	w.outcomes[way] = w.told(way, result, err)
	if after := w.look(way); (err != nil || rehearsed) && !reflect.DeepEqual(after, before) {
		w.Errorf("seed %d: %s, refused or rehearsed, has made %v of %v", w.seed, way, after, before)
	} else if err == nil && !rehearsed {
		o := w.outcomes[way]
		o.stored = after.data
		w.outcomes[way] = o
	}
}

// told is what an answer says.
func (w *wayfarer) told(way string, result document.Result, err error) outcome {
	w.Helper()
	o := outcome{Warnings: result.Warnings}
	if err == nil {
		o.Shown = anonymous(way, result.Document.Data)
		return o
	}
	f := fault.Find(err)
	if f == nil || f.Kind != fault.Invalid {
		w.Errorf("seed %d: %s fails with %v", w.seed, way, err)
		return o
	}
	o.Faults = f.Violations
	return o
}

// anonymous writes @ for the key of a document.
func anonymous(way string, data []byte) string {
	return strings.Replace(string(data), `"key": "`+idOf(way).String()+`"`, `"key": "@"`, 1)
}

// transacting makes a transaction of one operation, and returns what the operation would by itself.
func (w *wayfarer) transacting(operation string) (document.Result, error) {
	w.Helper()
	results, err := w.documents.Transact(w.Context(), by, app.RunTransaction{Body: []byte(`{"operations": [` + operation + `]}`)})
	if f := fault.Find(err); f != nil {
		plain := *f
		plain.Violations = slices.Clone(f.Violations)
		for i := range plain.Violations {
			plain.Violations[i].Pointer = strings.TrimPrefix(plain.Violations[i].Pointer, "/operations/0/data")
		}
		return document.Result{}, &plain
	}
	if err != nil {
		return document.Result{}, err
	}
	return results[0].Result, nil
}

// importing imports one line, and returns what a write of it would.
func (w *wayfarer) importing(shape app.Shape, line []byte) (document.Result, error) {
	w.Helper()
	var result document.Result
	var faults []fault.Violation
	prefix := map[app.Shape]string{app.DocumentShape: "/data"}[shape]
	plain := func(f app.LineFault) fault.Violation {
		v := f.Violation
		v.Pointer = strings.TrimPrefix(v.Pointer, prefix)
		return v
	}
	report, err := w.transfer.Import(w.Context(), by, app.ImportDocuments{
		Collection: w.name, Shape: shape, Mode: app.Strict, Existing: app.ExistingReplace,
		Lines:   func(yield func(app.Line, error) bool) { yield(app.Line{Number: 1, Data: line}, nil) },
		Fault:   func(f app.LineFault) { faults = append(faults, plain(f)) },
		Warning: func(f app.LineFault) { result.Warnings = append(result.Warnings, plain(f)) },
	})
	if fault.CodeOf(err) == "import.failed" {
		return result, fault.New(fault.Invalid, "document.invalid", "").With(faults...)
	}
	if err != nil || report.Created+report.Replaced+report.Unchanged != 1 {
		w.Errorf("seed %d: an import of %s: %+v, %v", w.seed, line, report, err)
	}
	return result, nil
}

// changing changes the document by a JSON Patch of all that match.
func (w *wayfarer) changing(way string, kind operation.Kind, change []byte) (document.Result, error) {
	w.Helper()
	body := fmt.Appendf(nil, `{"filter": "id == '%s'", "contentType": %q, "patch": %s}`, idOf(way), patch.Operations, change)
	done, err := w.bulk.Change(w.Context(), by, app.ChangeDocuments{
		Collection: w.name, Kind: kind, Body: body, Async: way == "bulk by an operation", ValidateOnly: strings.HasSuffix(way, "rehearsed"),
	})
	var refused *app.BulkFailedError
	var failures []operation.Failure
	switch {
	case errors.As(err, &refused):
		failures = refused.Report.Failures
	case err != nil:
		return document.Result{}, err
	case done.Operation != nil:
		if _, err := w.bulk.Operations.WorkOnce(w.Context(), slog.New(slog.DiscardHandler)); err != nil {
			return document.Result{}, err
		}
		page, err := w.bulk.Operations.ListFailures(w.Context(), by, done.Operation.ID, app.Paging{})
		if err != nil {
			return document.Result{}, err
		}
		failures = page.Items
	default:
		failures = done.Report.Failures
		if len(failures) == 0 && len(done.Report.Samples) == 1 {
			return document.Result{Document: done.Report.Samples[0].Document}, nil
		}
	}
	if len(failures) == 0 {
		return document.Result{}, nil
	}
	for _, v := range failures[0].Violations {
		for name, param := range v.Params {
			if list, ok := param.([]any); ok {
				texts := []string{}
				for _, text := range list {
					texts = append(texts, text.(string))
				}
				v.Params[name] = texts
			}
		}
	}
	return document.Result{}, fault.New(fault.Invalid, failures[0].Code, "%s", failures[0].Message).With(failures[0].Violations...)
}

// sight is what is stored for a way, and how much ever was.
type sight struct {
	data     string
	revision int64
	position change.Position
}

// look finds the document by its key: an import has made its id.
func (w *wayfarer) look(way string) sight {
	w.Helper()
	c, err := w.documents.Catalog.Get(w.Context(), w.name)
	if err != nil {
		w.Fatal(err)
	}
	var p sight
	if p.position, err = w.Store.Position(w.Context(), c.Bucket); err != nil {
		w.Fatal(err)
	}
	key := `"key": "` + idOf(way).String() + `"`
	if err := w.Store.Export(w.Context(), c.Key, func(d document.Document) error {
		if strings.Contains(string(d.Data), key) {
			p.data, p.revision = anonymous(way, d.Data), d.Revision
		}
		return nil
	}); err != nil {
		w.Fatal(err)
	}
	return p
}

// compare wants the same of all these ways.
func (w *wayfarer) compare(ways []string) {
	w.Helper()
	first := w.outcomes[ways[0]]
	for _, way := range ways[1:] {
		o := w.outcomes[way]
		if o.stored == "" || first.stored == "" {
			o.stored = first.stored // one of them has only rehearsed, or an answer does not tell
		}
		if o.Shown == "" && len(o.Faults) == 0 {
			o.Shown = first.Shown // an import answers with a report
		}
		if strings.HasPrefix(way, "bulk") || way == "migration" {
			o.Warnings = first.Warnings // these report no warnings
		}
		if !reflect.DeepEqual(o, first) {
			w.Errorf("seed %d: %s\n%s: %s\n%s: %s", w.seed, w.config.text, ways[0], first, way, o)
		}
	}
}

// String writes an outcome for a person.
func (o outcome) String() string {
	if len(o.Faults) > 0 {
		return fmt.Sprint("refused: ", o.Faults)
	}
	return fmt.Sprintf("%s, stored as %s, with %v", o.Shown, o.stored, o.Warnings)
}

// again stores what was made of a document by an edit: it is the same document then, and nothing is left to be made of it.
func (w *wayfarer) again(stored map[string]any, made outcome) {
	w.Helper()
	const way = "once more"
	w.declare(`{}`)
	w.furnish(way, stored, nil)
	w.declare(w.config.text)
	text := strings.Replace(made.stored, `"key": "@"`, `"key": "`+idOf(way).String()+`"`, 1)
	result, err := w.documents.Patch(w.Context(), by, app.PatchDocument{
		Collection: w.name, ID: idOf(way), Format: patch.Operations, Patch: fmt.Appendf(nil, `[{"op": "add", "path": "", "value": %s}]`, text),
	})
	made.Warnings = slices.DeleteFunc(slices.Clone(made.Warnings), func(v fault.Violation) bool { return v.Code == schema.CodeCoerced })
	o := w.told(way, result, err)
	if o.stored = w.look(way).data; len(o.Warnings) == 0 && len(made.Warnings) == 0 {
		o.Warnings, made.Warnings = nil, nil
	}
	if !reflect.DeepEqual(o, made) {
		w.Errorf("seed %d: %s\nput: %s\nand edited: %s", w.seed, w.config.text, made, o)
	}
}

// merging returns the merge patch that leads from one document to another, and whether there is one: none sets null.
func merging(from, to map[string]any) (map[string]any, bool) {
	change, ok := map[string]any{}, true
	for name := range from {
		if _, stays := to[name]; !stays {
			change[name] = nil
		}
	}
	for name, value := range to {
		inner, isObject := value.(map[string]any)
		before, wasObject := from[name].(map[string]any)
		switch {
		case jsontext.Equal(value, from[name]) && from[name] != nil:
		case isObject && wasObject:
			part, fine := merging(before, inner)
			change[name], ok = part, ok && fine
		default:
			change[name], ok = value, ok && !holdsNull(value)
		}
	}
	return change, ok
}

// holdsNull says whether a merge patch could not set a value.
func holdsNull(value any) bool {
	object, ok := value.(map[string]any)
	if !ok {
		return value == nil
	}
	for _, member := range object {
		if holdsNull(member) {
			return true
		}
	}
	return false
}

// updating returns the update that leads from one document to another.
func updating(from, to map[string]any) map[string]any {
	set, unset := map[string]any{}, []any{}
	for name := range from {
		if _, stays := to[name]; !stays {
			unset = append(unset, "doc."+name)
		}
	}
	for name, value := range to {
		set["doc."+name] = value
	}
	return map[string]any{"set": set, "unset": unset}
}
