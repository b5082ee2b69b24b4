package app_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/adapters/memory"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/schema"
	"github.com/sheafdb/sheaf/ports"
	"github.com/sheafdb/sheaf/ports/app"
)

// noon is when everything happens.
func noon() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 123_456_000, time.UTC) }

var (
	books, _ = ident.ParseCollection("books")
	ann      = app.Caller{RequestID: "r1"}
)

// rig is the use cases on a store in memory.
type rig struct {
	store       ports.Store
	collections *app.Collections
	documents   *app.Documents
	transfer    *app.Transfer
}

// newRig declares books on the store.
func newRig(t *testing.T, store ports.Store, configuration string) *rig {
	t.Helper()
	parts := app.Dependencies{
		Store: store, Clock: noon, IDs: func() ident.Document { panic("an import makes its own ids") },
		Limits: app.Limits{Document: collection.Limits{Bytes: 1 << 20}, Schema: schema.DefaultLimits(), Import: app.ImportLimits{StrictDocuments: 5000, StrictBytes: 1 << 20}},
	}
	catalog := app.NewCatalog(store, noon, parts.Limits.Schema)
	parts.Store = app.Relate(store, catalog, parts.Limits.Cascade)
	r := &rig{store, &app.Collections{Dependencies: parts, Catalog: catalog}, &app.Documents{Dependencies: parts, Catalog: catalog}, &app.Transfer{Dependencies: parts, Catalog: catalog}}
	r.declare(t, configuration)
	return r
}

func (r *rig) declare(t *testing.T, configuration string) {
	t.Helper()
	if _, err := r.collections.Put(context.Background(), ann, app.WriteCollection{Name: books, Body: []byte(configuration)}); err != nil {
		t.Fatal(err)
	}
}

// importing runs an import, and returns its report and its faults as line, pointer and code.
func (r *rig) importing(ctx context.Context, request app.ImportDocuments) (app.ImportReport, []string, error) {
	var faults []string
	request.Collection = books
	request.Fault = func(f app.LineFault) { faults = append(faults, fmt.Sprintf("%d %s %s", f.Line, f.Pointer, f.Code)) }
	report, err := r.transfer.Import(ctx, ann, request)
	return report, faults, err
}

// lines are the lines of a text. Their bytes are overwritten when the next one is asked for, as a reader's are.
func lines(text ...string) iter.Seq2[app.Line, error] {
	return func(yield func(app.Line, error) bool) {
		var buffer []byte
		for i, line := range text {
			buffer = append(buffer[:0], line...)
			if !yield(app.Line{Number: int64(i + 1), Data: buffer}, nil) {
				return
			}
			for j := range buffer {
				buffer[j] = '!'
			}
		}
	}
}

// broken are lines that end with an error.
func broken(err error, text ...string) iter.Seq2[app.Line, error] {
	return func(yield func(app.Line, error) bool) {
		for line := range lines(text...) {
			if !yield(line, nil) {
				return
			}
		}
		yield(app.Line{}, err)
	}
}

// held returns the documents as id, revision and data.
func (r *rig) held(t *testing.T) (all []string) {
	t.Helper()
	if err := r.transfer.Export(context.Background(), ann, books, func(d document.Document) error {
		all = append(all, fmt.Sprintf("%s %d %s", d.ID, d.Revision, d.Data))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	return all
}

const titled = `{"id":{"from":"doc.id"},"schema":{"properties":{"title":{"type":"string"}},"required":["title"]}}`

func TestImport(t *testing.T) {
	t.Parallel()
	existing := []string{`a 1 {"id": "a", "title": "A"}`}
	for _, test := range []struct {
		name    string
		request app.ImportDocuments
		report  app.ImportReport
		faults  []string
		code    string   // of the failure, "" where there is none
		held    []string // nil where nothing changed
	}{
		{
			name: "strict", request: app.ImportDocuments{Lines: lines(`{"id":"b","title":"B"}`, `{"title":"C","id":"c"}`)},
			report: app.ImportReport{Created: 2}, held: []string{existing[0], `b 1 {"id": "b", "title": "B"}`, `c 1 {"id": "c", "title": "C"}`},
		},
		{
			name: "strict, all faults of all bad lines", request: app.ImportDocuments{Lines: lines(`{"id":"b","title":"B"}`, `{"title":1}`, `{`, `{"id":"c","title":"C"}`, `7`)},
			report: app.ImportReport{Failed: 3}, faults: []string{"2 /title type", "2 /id id", "3  json.syntax", "5  type"}, code: "import.failed",
		},
		{
			name: "strict, taken", request: app.ImportDocuments{Lines: lines(`{"id":"b","title":"B"}`, `{"id":"a","title":"A"}`)},
			report: app.ImportReport{Failed: 1}, faults: []string{"2  document.exists"}, code: "import.failed",
		},
		{
			name: "strict, the same id twice", request: app.ImportDocuments{Lines: lines(`{"id":"b","title":"B"}`, `{"id":"b","title":"C"}`)},
			report: app.ImportReport{Failed: 1}, faults: []string{"2  document.exists"}, code: "import.failed",
		},
		{
			name: "skip", request: app.ImportDocuments{Mode: app.Skip, Lines: lines(`{"id":"a","title":"x"}`, `{"title":1}`, `[`, `{"id":"b","title":"B"}`)},
			report: app.ImportReport{Created: 1, Failed: 3}, faults: []string{"1  document.exists", "2 /title type", "2 /id id", "3  json.syntax"}, held: []string{existing[0], `b 1 {"id": "b", "title": "B"}`},
		},
		{
			name: "existing, skip", request: app.ImportDocuments{Existing: app.ExistingSkip, Lines: lines(`{"id":"a","title":"x"}`, `{"id":"b","title":"B"}`)},
			report: app.ImportReport{Created: 1, Skipped: 1}, held: []string{existing[0], `b 1 {"id": "b", "title": "B"}`},
		},
		{
			name: "existing, replace", request: app.ImportDocuments{Existing: app.ExistingReplace, Lines: lines(`{"id":"a","title":"x"}`, `{"title":"x","id":"a"}`)},
			report: app.ImportReport{Replaced: 1, Unchanged: 1}, held: []string{`a 2 {"id": "a", "title": "x"}`},
		},
		{
			name: "validate only", request: app.ImportDocuments{ValidateOnly: true, Existing: app.ExistingReplace, Lines: lines(`{"id":"a","title":"x"}`, `{"id":"b","title":"B"}`)},
			report: app.ImportReport{Created: 1, Replaced: 1},
		},
		{
			name: "validate only, skip", request: app.ImportDocuments{ValidateOnly: true, Mode: app.Skip, Lines: lines(`{"id":"a","title":"x"}`, `{"id":"b","title":"B"}`)},
			report: app.ImportReport{Created: 1, Failed: 1}, faults: []string{"1  document.exists"},
		},
		{
			name: "envelopes", request: app.ImportDocuments{Shape: app.DocumentShape, Lines: lines(
				`{"id":"b","revision":7,"createdAt":"x","updatedAt":null,"data":{"id":"b","title":"B"}}`, `{"id":"b","data":{"id":"c","title":"C"}}`, `{"id":"d"}`, `{"data":{}}`, `{"id":"e","data":{},"etag":1}`,
				`{"id":"a/b","data":{}}`, `{"id":"f","data":{"id":"f","title":1}}`, `[]`)},
			report: app.ImportReport{Failed: 7}, code: "import.failed",
			faults: []string{"2 /data/id id", "3  required", "4 /id type", "5 /etag unknownField", "6 /id id", "7 /data/title type", "8  type"},
		},
		{
			name: "too many", request: app.ImportDocuments{Lines: lines(slices.Repeat([]string{`{"id":"b","title":"B"}`}, 5001)...)}, code: "import.tooLarge",
		},
		{
			name: "too large", request: app.ImportDocuments{Lines: lines(slices.Repeat([]string{`{"id":"b","title":"` + strings.Repeat("x", 1<<18) + `"}`}, 5)...)}, code: "import.tooLarge",
		},
		{
			name: "strict, lines that break off", request: app.ImportDocuments{Lines: broken(fault.New(fault.Malformed, "request.body", "gone"), `{"id":"b","title":"B"}`)}, code: "request.body",
		},
		{
			name: "skip, lines that break off", request: app.ImportDocuments{Mode: app.Skip, Lines: broken(fault.New(fault.Malformed, "request.body", "gone"), `{"id":"b","title":"B"}`, `{}`)}, code: "request.body",
			report: app.ImportReport{Created: 1, Failed: 1}, faults: []string{"2  required", "2 /id id"}, held: []string{existing[0], `b 1 {"id": "b", "title": "B"}`},
		},
		{name: "nothing", request: app.ImportDocuments{Lines: lines()}},
		{name: "nothing, skip", request: app.ImportDocuments{Mode: app.Skip, Lines: lines()}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, memory.New(), titled)
			if _, _, err := r.importing(t.Context(), app.ImportDocuments{Lines: lines(`{"id":"a","title":"A"}`)}); err != nil {
				t.Fatal(err)
			}
			report, faults, err := r.importing(t.Context(), test.request)
			if report != test.report || fault.CodeOf(err) != test.code || (err == nil) != (test.code == "") {
				t.Errorf("got %+v and %v, want %+v and %q", report, err, test.report, test.code)
			}
			if !slices.Equal(faults, test.faults) {
				t.Errorf("faults %q, want %q", faults, test.faults)
			}
			want := test.held
			if want == nil {
				want = existing
			}
			if got := r.held(t); !slices.Equal(got, want) {
				t.Errorf("holds %q, want %q", got, want)
			}
		})
	}
}

// numbered are count lines that differ.
func numbered(count int) iter.Seq2[app.Line, error] {
	return func(yield func(app.Line, error) bool) {
		for i := range count {
			if !yield(app.Line{Number: int64(i + 1), Data: fmt.Appendf(nil, `{"n":%d}`, i%7)}, nil) {
				return
			}
		}
	}
}

// Documents that name no id get one that is the same when the file comes again, and lists keep the order of the file.
func TestImport_RepeatedWithoutIDs(t *testing.T) {
	t.Parallel()
	for _, mode := range []app.ImportMode{app.Strict, app.Skip} {
		t.Run(string(mode), func(t *testing.T) {
			t.Parallel()
			const count = 1234 // more than two chunks
			r := newRig(t, memory.New(), `{}`)
			request := app.ImportDocuments{Mode: mode, Existing: app.ExistingReplace, Lines: numbered(count)}
			for _, want := range []app.ImportReport{{Created: count}, {Unchanged: count}} {
				if report, _, err := r.importing(t.Context(), request); err != nil || report != want {
					t.Fatalf("got %+v (%v), want %+v", report, err, want)
				}
			}
			for i, line := range r.held(t) {
				if !strings.HasSuffix(line, fmt.Sprintf(` 1 {"n": %d}`, i%7)) {
					t.Fatalf("document %d is %s", i, line)
				}
			}
		})
	}
}

// interrupting is a store that does something before writes of documents.
type interrupting struct {
	ports.Store
	before func(call int) error
	calls  *int
}

func (s interrupting) Write(ctx context.Context, batch document.Batch) ([]document.Result, error) {
	*s.calls++
	if err := s.before(*s.calls); err != nil {
		return nil, err
	}
	return s.Store.Write(ctx, batch)
}

func interrupt(store ports.Store, before func(call int) error) interrupting {
	return interrupting{store, before, new(int)}
}

// A configuration that changes between judgement and write judges again; nothing is stored that it does not admit.
func TestImport_ConfigurationChanges(t *testing.T) {
	t.Parallel()
	const lax, strict = `{}`, `{"schema":{"required":["title"]}}`
	for _, test := range []struct {
		mode   app.ImportMode
		report app.ImportReport
		code   string
		held   int
	}{
		{app.Strict, app.ImportReport{Failed: 1}, "import.failed", 0},
		{app.Skip, app.ImportReport{Created: 1, Failed: 1}, "", 1},
	} {
		t.Run(string(test.mode), func(t *testing.T) {
			t.Parallel()
			store := memory.New()
			other := newRig(t, store, lax)
			r := newRig(t, interrupt(store, func(call int) error {
				if call == 1 {
					other.declare(t, strict)
				}
				return nil
			}), lax)
			report, faults, err := r.importing(t.Context(), app.ImportDocuments{Mode: test.mode, Lines: lines(`{"title":"x"}`, `{"n":1}`)})
			if report != test.report || fault.CodeOf(err) != test.code {
				t.Errorf("got %+v and %v, want %+v and %q", report, err, test.report, test.code)
			}
			if !slices.Equal(faults, []string{"2  required"}) {
				t.Errorf("faults %q", faults)
			}
			if got := r.held(t); len(got) != test.held {
				t.Errorf("holds %q", got)
			}
		})
	}
}

// A configuration that never comes to rest ends the import, and is the caller's to try again.
func TestImport_ConfigurationKeepsChanging(t *testing.T) {
	t.Parallel()
	store := memory.New()
	other := newRig(t, store, `{}`)
	r := newRig(t, interrupt(store, func(call int) error {
		other.declare(t, fmt.Sprintf(`{"description":"%d"}`, call))
		return nil
	}), `{}`)
	for _, mode := range []app.ImportMode{app.Strict, app.Skip} {
		report, _, err := r.importing(t.Context(), app.ImportDocuments{Mode: mode, Lines: numbered(3)})
		if fault.KindOf(err) != fault.Unavailable || fault.CodeOf(err) != "collection.changed" || report != (app.ImportReport{}) {
			t.Errorf("%s: got %+v and %v", mode, report, err)
		}
	}
	if got := r.held(t); got != nil {
		t.Errorf("holds %q", got)
	}
}

// A store that fails in the middle ends the import; the report counts what was stored before.
func TestImport_StoreFails(t *testing.T) {
	t.Parallel()
	away := fault.New(fault.Unavailable, "postgres.unavailable", "the database does not answer")
	for _, test := range []struct {
		name string
		fail func() error
		code string
	}{{"fails", func() error { return away }, "postgres.unavailable"}, {"panics", func() error { panic("broken") }, "internal"}} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := newRig(t, interrupt(memory.New(), func(call int) error {
				if call == 2 {
					return test.fail()
				}
				return nil
			}), `{}`)
			report, _, err := r.importing(t.Context(), app.ImportDocuments{Mode: app.Skip, Lines: numbered(5000)})
			if fault.CodeOf(err) != test.code || report != (app.ImportReport{Created: 500}) || len(r.held(t)) != 500 {
				t.Errorf("got %+v and %v, %d documents", report, err, len(r.held(t)))
			}
		})
	}
}

// A caller that leaves stops the import where it is.
func TestImport_Cancelled(t *testing.T) {
	t.Parallel()
	for _, mode := range []app.ImportMode{app.Strict, app.Skip} {
		ctx, cancel := context.WithCancel(t.Context())
		r := newRig(t, memory.New(), `{}`)
		asked := 0
		_, _, err := r.importing(ctx, app.ImportDocuments{Mode: mode, Lines: func(yield func(app.Line, error) bool) {
			for line := range numbered(1_000_000) {
				if asked++; asked == 1000 {
					cancel()
				}
				if !yield(line, nil) {
					return
				}
			}
		}})
		if !errors.Is(err, context.Canceled) || asked > 3000 {
			t.Errorf("%s: %v after %d lines", mode, err, asked)
		}
		if mode == app.Strict && r.held(t) != nil {
			t.Error("something was stored")
		}
	}
}

// A panic where a configuration is looked up is the caller's failure, not the end of the process.
func TestCatalog_Panic(t *testing.T) {
	t.Parallel()
	_, err := app.NewCatalog(panicking{memory.New()}, noon, schema.DefaultLimits()).Get(t.Context(), books)
	if fault.KindOf(err) != fault.Internal || fault.CodeOf(err) != "internal" {
		t.Errorf("got %v", err)
	}
}

type panicking struct{ ports.Store }

func (panicking) GetCollection(context.Context, ident.Collection) (collection.Stored, error) {
	panic("broken")
}

const keyed = `{"indexes":[{"name":"by_email","on":["doc.email"],"unique":true},{"name":"by_tag","on":["doc.tags[]"],"unique":true},{"name":"by_name","on":["doc.name"]}],
	"coerce":true,"schema":{"properties":{"email":{"type":"string"},"n":{"type":"integer"}}}}`

// minting is a rig that makes ids.
func minting(t *testing.T, store ports.Store, configuration string) *rig {
	t.Helper()
	r := newRig(t, store, configuration)
	made := 0
	r.transfer.IDs = func() ident.Document {
		made++
		return mustID(t, fmt.Sprintf("made-%d", made))
	}
	r.transfer.Receipts = &app.Receipts{Dependencies: r.transfer.Dependencies, Retention: time.Hour}
	return r
}

func mustID(t *testing.T, text string) ident.Document {
	t.Helper()
	id, err := ident.ParseDocument(text)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// A line finds its document by a key, those included that lines before it have stored.
func TestImport_ByKey(t *testing.T) {
	t.Parallel()
	ann := `a 1 {"tags": ["red", "blue"], "email": "ann@x"}`
	for _, test := range []struct {
		name    string
		request app.ImportDocuments
		report  app.ImportReport
		faults  []string
		code    string
		held    []string
	}{
		{
			name: "upsert", request: app.ImportDocuments{By: "by_email", Lines: lines(`{"email":"bob@x","n":"1"}`, `{"email":"ann@x","n":1}`, `{"email":"bob@x","n":2}`, `{"n":2,"email":"bob@x"}`)},
			report: app.ImportReport{Created: 1, Replaced: 2, Unchanged: 1, Warned: 1}, held: []string{`a 2 {"n": 1, "email": "ann@x"}`, `made-1 2 {"n": 2, "email": "bob@x"}`},
		},
		{
			name: "skip", request: app.ImportDocuments{By: "by_email", Existing: app.ExistingSkip, Lines: lines(`{"email":"ann@x","n":1}`, `{"email":"bob@x"}`, `{"email":"bob@x","n":1}`)},
			report: app.ImportReport{Created: 1, Skipped: 2}, held: []string{ann, `made-2 1 {"email": "bob@x"}`},
		},
		{
			name: "error", request: app.ImportDocuments{By: "by_email", Mode: app.Skip, Existing: app.ExistingError, Lines: lines(`{"email":"ann@x","n":1}`, `{"email":"bob@x"}`)},
			report: app.ImportReport{Created: 1, Failed: 1}, faults: []string{"1  document.exists"}, held: []string{ann, `made-2 1 {"email": "bob@x"}`},
		},
		{
			name: "ids", request: app.ImportDocuments{By: "by_email", Mode: app.Skip, Shape: app.DocumentShape, Lines: lines(
				`{"id":"a","data":{"email":"ann@x"}}`, `{"id":"b","data":{"email":"ann@x"}}`, `{"id":"a","data":{"email":"bob@x"}}`, `{"id":"c","data":{"email":"cid@x"}}`, `{"id":"d","data":{"email":"cid@x"}}`)},
			report: app.ImportReport{Created: 1, Replaced: 1, Failed: 3}, faults: []string{"2 /data keyHolder", "3  document.exists", "5 /data keyHolder"}, held: []string{`a 2 {"email": "ann@x"}`, `c 1 {"email": "cid@x"}`},
		},
		{
			name: "no key", request: app.ImportDocuments{By: "by_email", Lines: lines(`{"n":1}`, `{"email":"bob@x"}`)},
			report: app.ImportReport{Failed: 1}, faults: []string{"1 /email key"}, code: "import.failed",
		},
		{
			name: "several keys", request: app.ImportDocuments{By: "by_tag", Mode: app.Skip, Lines: lines(`{"tags":["red"]}`, `{"tags":["blue"]}`, `{"tags":["red","blue"]}`, `{"tags":["green"]}`, `{"tags":["green","grey"]}`)},
			report: app.ImportReport{Created: 2, Replaced: 2, Failed: 1}, faults: []string{"3  keyHolder"}, held: []string{`a 2 {"tags": ["red"]}`, `made-2 1 {"tags": ["blue"]}`, `made-4 2 {"tags": ["green", "grey"]}`},
		},
		{
			name: "a duplicate elsewhere, and the line behind it", request: app.ImportDocuments{By: "by_email", Mode: app.Skip, Existing: app.ExistingError, Lines: lines(`{"email":"bob@x","tags":["red"]}`, `{"email":"bob@x","tags":["green"]}`)},
			report: app.ImportReport{Created: 1, Failed: 1}, faults: []string{"1 /tags unique"}, held: []string{ann, `made-2 1 {"tags": ["green"], "email": "bob@x"}`},
		},
		{name: "validate only", request: app.ImportDocuments{By: "by_email", ValidateOnly: true, Lines: lines(`{"email":"bob@x"}`, `{"email":"ann@x"}`)}, report: app.ImportReport{Created: 1, Replaced: 1}},
		{name: "no index", request: app.ImportDocuments{By: "by_mail", Lines: lines(`{}`)}, code: "index.notFound"},
		{name: "not unique", request: app.ImportDocuments{By: "by_name", Lines: lines(`{}`)}, code: "index.notUnique"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			r := minting(t, memory.New(), keyed)
			if _, _, err := r.importing(t.Context(), app.ImportDocuments{Shape: app.DocumentShape, Lines: lines(`{"id":"a","data":{"email":"ann@x","tags":["red","blue"]}}`)}); err != nil {
				t.Fatal(err)
			}
			report, faults, err := r.importing(t.Context(), test.request)
			if report != test.report || fault.CodeOf(err) != test.code || (err == nil) != (test.code == "") {
				t.Errorf("got %+v and %v, want %+v and %q", report, err, test.report, test.code)
			}
			if !slices.Equal(faults, test.faults) {
				t.Errorf("faults %q, want %q", faults, test.faults)
			}
			want := test.held
			if want == nil {
				want = []string{ann}
			}
			if got := r.held(t); !slices.Equal(got, want) {
				t.Errorf("holds %q, want %q", got, want)
			}
		})
	}
}

// Somebody takes or gives up the key between the look-up and the write: the line goes to who has it then.
func TestImport_ByKeyMoves(t *testing.T) {
	t.Parallel()
	for name, before := range map[string]string{
		"taken": `{"id":"b","data":{"email":"bob@x"}}`,
		"moved": `{"id":"a","data":{"email":"other@x"}}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := memory.New()
			other := minting(t, store, keyed)
			if _, _, err := other.importing(t.Context(), app.ImportDocuments{Shape: app.DocumentShape, Lines: lines(`{"id":"a","data":{"email":"ann@x"}}`)}); err != nil {
				t.Fatal(err)
			}
			r := minting(t, interrupt(store, func(call int) error {
				if call > 1 {
					return nil
				}
				_, _, err := other.importing(t.Context(), app.ImportDocuments{Shape: app.DocumentShape, Existing: app.ExistingReplace, Lines: lines(before)})
				return err
			}), keyed)
			report, faults, err := r.importing(t.Context(), app.ImportDocuments{By: "by_email", Lines: lines(`{"email":"ann@x","n":1}`, `{"email":"bob@x","n":1}`)})
			if err != nil || faults != nil || report.Created+report.Replaced != 2 {
				t.Fatalf("got %+v, %q and %v", report, faults, err)
			}
			want := map[string][]string{
				"taken": {`a 2 {"n": 1, "email": "ann@x"}`, `b 2 {"n": 1, "email": "bob@x"}`},
				"moved": {`a 2 {"email": "other@x"}`, `made-1 1 {"n": 1, "email": "ann@x"}`, `made-2 1 {"n": 1, "email": "bob@x"}`},
			}[name]
			if got := r.held(t); !slices.Equal(got, want) {
				t.Errorf("holds %q, want %q", got, want)
			}
		})
	}
}

// An import that broke off goes on behind what is stored of it, wherever that is, and its report counts the whole.
func TestImport_Resumed(t *testing.T) {
	t.Parallel()
	away := fault.New(fault.Unavailable, "postgres.unavailable", "the database does not answer")
	const count, chunks = 2300, 5
	text := make([]string, count)
	for i := range text {
		text[i] = fmt.Sprintf(`{"n":%d}`, i)
		if i%1000 == 7 {
			text[i] = `7`
		}
	}
	whole := app.ImportReport{Created: count - 3, Failed: 3}
	bad := []string{"8  type", "1008  type", "2008  type"}
	for stop := range chunks + 1 {
		t.Run(fmt.Sprint(stop), func(t *testing.T) {
			t.Parallel()
			store := memory.New()
			request := app.ImportDocuments{ID: "i1", Mode: app.Skip, Lines: lines(text...)}
			r := minting(t, interrupt(store, func(call int) error {
				if call == stop+1 {
					return away
				}
				return nil
			}), `{}`)
			report, _, err := r.importing(t.Context(), request)
			if stop == chunks {
				if err != nil || report != whole {
					t.Fatalf("got %+v and %v, want %+v", report, err, whole)
				}
			} else if fault.CodeOf(err) != "postgres.unavailable" || report.Created+report.Failed != int64(500*stop) {
				t.Fatalf("broke off with %+v and %v", report, err)
			}
			calls := 0
			r = minting(t, interrupt(store, func(call int) error { calls = call; return nil }), `{}`)
			for range 2 {
				report, faults, err := r.importing(t.Context(), request)
				if err != nil || report != whole || !slices.Equal(faults, bad) {
					t.Errorf("got %+v, %q and %v, want %+v", report, faults, err, whole)
				}
			}
			if calls != chunks-stop {
				t.Errorf("%d writes, want %d", calls, chunks-stop)
			}
			held := r.held(t)
			for _, line := range held {
				if !strings.Contains(line, " 1 {") {
					t.Errorf("more than one revision: %s", line)
				}
			}
			if len(held) != count-3 {
				t.Errorf("%d documents", len(held))
			}
		})
	}
}

// What comes under the name of another import is refused, and changes nothing.
func TestImport_OtherUnderTheName(t *testing.T) {
	t.Parallel()
	first := app.ImportDocuments{ID: "i1", Lines: lines(`{"n":1}`, `{"n":2}`)}
	for name, test := range map[string]struct {
		request app.ImportDocuments
		code    string
		report  app.ImportReport
	}{
		"the same":         {first, "", app.ImportReport{Created: 2}},
		"more lines":       {app.ImportDocuments{ID: "i1", Lines: lines(`{"n":1}`, `{"n":2}`, `{"n":3}`)}, "", app.ImportReport{Created: 3}},
		"another line":     {app.ImportDocuments{ID: "i1", Lines: lines(`{"n":0}`, `{"n":2}`)}, "import.reused", app.ImportReport{Created: 2}},
		"one line less":    {app.ImportDocuments{ID: "i1", Lines: lines(`{"n":1}`)}, "import.reused", app.ImportReport{Created: 2}},
		"nothing":          {app.ImportDocuments{ID: "i1", Lines: lines()}, "import.reused", app.ImportReport{Created: 2}},
		"another mode":     {app.ImportDocuments{ID: "i1", Mode: app.Skip, Lines: first.Lines}, "import.reused", app.ImportReport{}},
		"another existing": {app.ImportDocuments{ID: "i1", Existing: app.ExistingSkip, Lines: first.Lines}, "import.reused", app.ImportReport{}},
		"another shape":    {app.ImportDocuments{ID: "i1", Shape: app.DocumentShape, Lines: first.Lines}, "import.reused", app.ImportReport{}},
		"another name":     {app.ImportDocuments{ID: "i2", Lines: first.Lines}, "import.failed", app.ImportReport{Failed: 2}},
		"breaks off before": {
			app.ImportDocuments{ID: "i1", Lines: broken(fault.New(fault.Malformed, "request.body", "gone"), `{"n":1}`)}, "request.body", app.ImportReport{Created: 2},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := minting(t, memory.New(), `{}`)
			if _, _, err := r.importing(t.Context(), first); err != nil {
				t.Fatal(err)
			}
			report, _, err := r.importing(t.Context(), test.request)
			if fault.CodeOf(err) != test.code || report != test.report {
				t.Errorf("got %+v and %v, want %+v and %q", report, err, test.report, test.code)
			}
			if held := r.held(t); len(held) != 2 && name != "more lines" {
				t.Errorf("holds %q", held)
			}
		})
	}
	t.Run("a collection declared again", func(t *testing.T) {
		t.Parallel()
		r := minting(t, memory.New(), `{}`)
		for range 2 {
			if report, _, err := r.importing(t.Context(), first); err != nil || report.Created != 2 {
				t.Fatalf("got %+v and %v", report, err)
			}
			if _, _, err := r.collections.Delete(t.Context(), ann, app.DeleteCollection{Name: books, Force: true}); err != nil {
				t.Fatal(err)
			}
			r.declare(t, `{}`)
		}
	})
}

// A second sender is told that the import runs; one whose claim was taken over writes nothing more.
func TestImport_TwoSenders(t *testing.T) {
	t.Parallel()
	store := memory.New()
	var r *rig
	r = minting(t, interrupt(store, func(int) error {
		_, _, err := r.importing(t.Context(), app.ImportDocuments{ID: "i1", Mode: app.Skip, Lines: numbered(3)})
		if fault.KindOf(err) != fault.Conflict || fault.CodeOf(err) != "import.running" {
			t.Errorf("the second sender got %v", err)
		}
		return nil
	}), `{}`)
	if report, _, err := r.importing(t.Context(), app.ImportDocuments{ID: "i1", Mode: app.Skip, Lines: numbered(3)}); err != nil || report.Created != 3 {
		t.Errorf("got %+v and %v", report, err)
	}
	later := minting(t, store, `{}`)
	later.transfer.Clock = func() time.Time { return noon().Add(11 * time.Second) }
	later.transfer.Receipts.Clock = later.transfer.Clock
	slow := minting(t, interrupt(store, func(int) error {
		if report, _, err := later.importing(t.Context(), app.ImportDocuments{ID: "i2", Mode: app.Skip, Existing: app.ExistingReplace, Lines: numbered(5)}); err != nil || report.Created+report.Unchanged != 5 {
			t.Errorf("who took over got %+v and %v", report, err)
		}
		return nil
	}), `{}`)
	if _, _, err := slow.importing(t.Context(), app.ImportDocuments{ID: "i2", Mode: app.Skip, Existing: app.ExistingReplace, Lines: numbered(5)}); fault.CodeOf(err) != "import.running" {
		t.Errorf("who was too slow got %v", err)
	}
	if held := r.held(t); len(held) != 5 {
		t.Errorf("holds %q", held)
	}
}
