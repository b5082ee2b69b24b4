package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/jsontext"
)

// shared returns a path in the folder of shared test data: SHEAF_SHARED, or ../shared beside the repository.
func shared(t *testing.T, parts ...string) string {
	t.Helper()
	folder := os.Getenv("SHEAF_SHARED")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared")
	}
	path := filepath.Join(append([]string{folder, "data"}, parts...)...)
	if matches, err := filepath.Glob(path); err != nil || len(matches) == 0 {
		if os.Getenv("CI") != "" {
			t.Fatalf("no shared test data at %s", path)
		}
		t.Skipf("no shared test data at %s; SHEAF_SHARED names their folder", path)
	}
	return path
}

func mustRead(t *testing.T, path string) []byte {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// set is a collection of the shared data.
type set struct {
	name, folder string
	File, Schema string
	ID           string // the pointer of the member that identifies a document
	Count        int
}

// sets are all collections that the shared data describe.
func sets(t *testing.T) (all []set) {
	t.Helper()
	files, _ := filepath.Glob(shared(t, "*", "queries.json"))
	for _, file := range files {
		var about struct{ Collections map[string]set }
		if err := json.Unmarshal(mustRead(t, file), &about); err != nil {
			t.Fatal(err)
		}
		for _, name := range slices.Sorted(maps.Keys(about.Collections)) {
			s := about.Collections[name]
			s.name, s.folder = name, filepath.Dir(file)
			all = append(all, s)
		}
	}
	if len(all) < 10 {
		t.Fatalf("only %d sets", len(all))
	}
	return all
}

func (s set) path() string { return "/v1/collections/" + s.name }

// definition declares the set's schema, and the id where the set has it.
func (s set) definition(t *testing.T) string {
	t.Helper()
	return `{"schema":` + string(mustRead(t, filepath.Join(s.folder, s.Schema))) + `,"id":{"from":"doc.` + strings.TrimPrefix(s.ID, "/") + `"}}`
}

// documents returns the set's documents by their ids.
func (s set) documents(t *testing.T) map[string]any {
	t.Helper()
	text := mustRead(t, filepath.Join(s.folder, s.File))
	if strings.HasSuffix(s.File, ".gz") {
		unpacked, err := gzip.NewReader(bytes.NewReader(text))
		if err != nil {
			t.Fatal(err)
		}
		if text, err = io.ReadAll(unpacked); err != nil {
			t.Fatal(err)
		}
	}
	return s.byID(t, text)
}

// byID decodes lines, and returns them by their ids.
func (s set) byID(t *testing.T, lines []byte) map[string]any {
	t.Helper()
	all := map[string]any{}
	for line := range bytes.Lines(lines) {
		tree := decode(t, line)
		all[fmt.Sprint(tree.(map[string]any)[strings.TrimPrefix(s.ID, "/")])] = tree
	}
	return all
}

// load imports the set's file as it is.
func (a *api) load(t *testing.T, s set, parameters string) report {
	t.Helper()
	headers := []string{"Content-Type: application/x-ndjson"}
	if strings.HasSuffix(s.File, ".gz") {
		headers = append(headers, "Content-Encoding: gzip")
	}
	got := wantStatus(t, a.send(t, "POST "+s.path()+"/import"+parameters, string(mustRead(t, filepath.Join(s.folder, s.File))), headers...), http.StatusOK)
	var r report
	if err := json.Unmarshal(got.body, &r); err != nil {
		t.Fatal(err)
	}
	return r
}

func wantReport(t *testing.T, got, want report) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("got %+v, want %+v", got, want)
	}
}

// Real documents go in and come out again: all of them, exactly, once on every walk, and no more of them when they are sent again.
func TestSharedData(t *testing.T) {
	t.Parallel()
	for _, s := range sets(t) {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			if testing.Short() && s.Count > 1000 {
				t.Skip("large")
			}
			a := onPostgres(t)
			a.declare(t, s.name, s.definition(t))
			want := s.documents(t)
			if len(want) != s.Count {
				t.Fatalf("the file has %d documents, want %d", len(want), s.Count)
			}
			all := int64(s.Count)
			wantReport(t, a.load(t, s, "?validateOnly=true"), report{Created: all})
			wantReport(t, a.load(t, s, ""), report{Created: all})
			wantPart(t, a.send(t, "GET "+s.path()+"/documents?pageSize=1&count=exact", "").tree(t), decode(t, fmt.Appendf(nil, `{"count":{"value":%d,"kind":"exact"}}`, s.Count)))

			positions := a.positions(t)
			wantReport(t, a.load(t, s, "?existing=replace"), report{Unchanged: all})
			wantReport(t, a.load(t, s, "?existing=replace&mode=skip"), report{Unchanged: all})
			wantReport(t, a.load(t, s, "?existing=skip"), report{Skipped: all})
			if got := a.positions(t); got != positions {
				t.Errorf("repeated imports moved a position: %v, before %v", got, positions)
			}

			exported := s.byID(t, wantStatus(t, a.send(t, "GET "+s.path()+"/export", "", "Accept-Encoding: identity"), http.StatusOK).body)
			for id, document := range want {
				if !jsontext.Equal(exported[id], document) {
					t.Errorf("%s: got %v, want %v", id, exported[id], document)
				}
			}
			s.wantWalks(t, a, slices.Sorted(maps.Keys(want)))
			s.wantRejects(t, a)
		})
	}
}

// positions are those of all buckets.
func (a *api) positions(t *testing.T) (all [change.Buckets]change.Position) {
	t.Helper()
	for bucket := range all {
		var err error
		if all[bucket], err = a.store.Position(t.Context(), int32(bucket)); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// wantWalks walks the list on pages of several sizes; ids are those that each walk has to yield, in order and once.
func (s set) wantWalks(t *testing.T, a *api, ids []string) {
	t.Helper()
	for _, size := range []int{1, 7, 1000} {
		if s.Count/size > 500 && (testing.Short() || size == 1) {
			continue
		}
		if got := a.walk(t, s.name, size); !slices.Equal(got, ids) {
			t.Errorf("pages of %d: %d ids, want %d; the first difference is at %d", size, len(got), len(ids), firstDifference(got, ids))
		}
	}
}

func firstDifference(a, b []string) int {
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return i
		}
	}
	return min(len(a), len(b))
}

// wantRejects sends the documents that the set says have to be refused, by every way in.
func (s set) wantRejects(t *testing.T, a *api) {
	t.Helper()
	file := filepath.Join(s.folder, s.name+".rejects.json")
	if _, err := os.Stat(file); err != nil {
		return // not every set has any
	}
	var rejects []struct {
		Name, Keyword, InstanceLocation string
		Doc                             json.RawMessage
	}
	if err := json.Unmarshal(mustRead(t, file), &rejects); err != nil {
		t.Fatal(err)
	}
	for _, reject := range rejects {
		for _, send := range []string{"POST " + s.path() + "/documents", "POST " + s.path() + "/documents?validateOnly=true", "PUT " + s.path() + "/documents/reject"} {
			wantFault(t, wantProblem(t, a.send(t, send, string(reject.Doc)), http.StatusUnprocessableEntity, "document.invalid"), "body", reject.InstanceLocation, reject.Keyword)
		}
		p := wantProblem(t, a.send(t, "POST "+s.path()+"/import", "["+string(reject.Doc)+"]"), http.StatusUnprocessableEntity, "import.failed")
		if !slices.ContainsFunc(p.Report.Errors, func(f lineFault) bool {
			return f.Line == 1 && f.Code == reject.Keyword && f.Pointer == reject.InstanceLocation
		}) {
			t.Errorf("%s: no %s at %s in %+v", reject.Name, reject.Keyword, reject.InstanceLocation, p.Report.Errors)
		}
	}
}

// What applications declare today is declared here, and admits what the schema admits; a default that is stored would make up for a member that a sample lacks.
func TestSharedSamples(t *testing.T) {
	t.Parallel()
	var samples []struct {
		Schema string
		Doc    json.RawMessage
		Valid  bool
	}
	if err := json.Unmarshal(mustRead(t, shared(t, "app-shapes", "samples.json")), &samples); err != nil {
		t.Fatal(err)
	}
	a := onPostgres(t)
	for i, sample := range samples {
		path := "/v1/collections/" + strings.TrimSuffix(sample.Schema, ".schema.json")
		if a.send(t, "GET "+path, "").status == http.StatusNotFound {
			wantStatus(t, a.send(t, "PUT "+path, `{"defaults":false,"schema":`+string(mustRead(t, shared(t, "app-shapes", sample.Schema)))+`}`), http.StatusCreated)
		}
		got := a.send(t, "POST "+path+"/documents", string(sample.Doc))
		if want := map[bool]int{true: http.StatusCreated, false: http.StatusUnprocessableEntity}[sample.Valid]; got.status != want {
			t.Errorf("sample %d of %s: %d, want %d: %s", i, sample.Schema, got.status, want, got.body)
		}
	}
}
