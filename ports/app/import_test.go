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
