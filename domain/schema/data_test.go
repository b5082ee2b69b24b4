package schema

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sheafdb/sheaf/domain/fault"
)

// shared returns a path in the folder of shared test data: SHEAF_SHARED, or ../shared beside the repository.
func shared(t testing.TB, parts ...string) string {
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

func compileFile(t testing.TB, path string) *Schema {
	t.Helper()
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return mustCompile(t, string(raw))
}

func mustCompile(t testing.TB, text string) *Schema {
	t.Helper()
	s, err := Compile([]byte(text), DefaultLimits())
	if err != nil {
		t.Fatalf("compile %.200s: %v %v", text, err, fault.Find(err).Violations)
	}
	return s
}

// eachLine calls do with every line of a file, unpacked where its name says so.
func eachLine(t testing.TB, path string, do func(line string)) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var reader io.Reader = file
	if strings.HasSuffix(path, ".gz") {
		if reader, err = gzip.NewReader(file); err != nil {
			t.Fatal(err)
		}
	}
	lines := bufio.NewScanner(reader)
	lines.Buffer(nil, 8<<20)
	for lines.Scan() {
		if lines.Text() != "" {
			do(lines.Text())
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

func TestSharedDocumentsAreValid(t *testing.T) {
	t.Parallel()
	schemas, _ := filepath.Glob(shared(t, "*", "*.schema.json"))
	for _, path := range schemas {
		base := strings.TrimSuffix(path, ".schema.json")
		s := compileFile(t, path)
		documents, _ := filepath.Glob(base + "*.ndjson*")
		for _, file := range documents {
			if strings.Contains(file, ".export.") {
				continue // Extended JSON, before conversion
			}
			count := 0
			eachLine(t, file, func(line string) {
				count++
				doc := decode(t, line)
				if got := s.Validate(doc); got != nil {
					t.Errorf("%s line %d: %v", file, count, got)
				}
				if got := s.Unknown(doc); got != nil && !strings.Contains(file, "mongo-export") {
					t.Errorf("%s line %d: unknown %v", file, count, got)
				}
			})
			t.Logf("%s: %d documents", filepath.Base(file), count)
		}
	}
}

func TestSharedRejectsNameTheirFault(t *testing.T) {
	t.Parallel()
	files, _ := filepath.Glob(shared(t, "*", "*.rejects.json"))
	for _, path := range files {
		s := compileFile(t, strings.TrimSuffix(path, ".rejects.json")+".schema.json")
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var rejects []struct {
			Name, Keyword, InstanceLocation string
			Doc                             json.RawMessage
		}
		if err := json.Unmarshal(raw, &rejects); err != nil {
			t.Fatal(err)
		}
		for _, reject := range rejects {
			got := s.Validate(decode(t, string(reject.Doc)))
			if !hasFault(got, reject.InstanceLocation, reject.Keyword) {
				t.Errorf("%s: want %s at %q, got %v", reject.Name, reject.Keyword, reject.InstanceLocation, got)
			}
		}
	}
}

func hasFault(faults []fault.Violation, pointer, code string) bool {
	for _, f := range faults {
		if f.Pointer == pointer && f.Code == code {
			return true
		}
	}
	return false
}

func TestSharedSamplesHaveTheirVerdict(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile(shared(t, "app-shapes", "samples.json"))
	if err != nil {
		t.Fatal(err)
	}
	var samples []struct {
		Schema string
		Doc    json.RawMessage
		Valid  bool
	}
	if err := json.Unmarshal(raw, &samples); err != nil {
		t.Fatal(err)
	}
	for i, sample := range samples {
		s := compileFile(t, shared(t, "app-shapes", sample.Schema))
		if got := s.Validate(decode(t, string(sample.Doc))); (len(got) == 0) != sample.Valid {
			t.Errorf("sample %d of %s: want valid=%v, got %v", i, sample.Schema, sample.Valid, got)
		}
	}
}

func BenchmarkValidate(b *testing.B) {
	s := compileFile(b, shared(b, "earthquakes", "earthquakes.schema.json"))
	doc, size := any(nil), 0
	eachLine(b, shared(b, "earthquakes", "earthquakes.ndjson.gz"), func(line string) {
		if doc == nil {
			doc, size = decode(b, line), len(line)
		}
	})
	b.Run("valid", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(int64(size))
		for b.Loop() {
			if s.Validate(doc) != nil {
				b.Fatal("the document is valid")
			}
		}
	})
	wrong := decode(b, `{"type":"Feature"}`)
	b.Run("invalid", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if s.Validate(wrong) == nil {
				b.Fatal("the document is not valid")
			}
		}
	})
	b.Run("unknown", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			s.Unknown(doc)
		}
	})
}
