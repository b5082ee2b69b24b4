package postgres_test

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sheafdb/sheaf/adapters/postgres"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/jsontext"
)

// What the domain takes for canonical is what this PostgreSQL prints: else a document would differ from what was stored, and every replacement would be a change.
func TestCanonical_Goldens(t *testing.T) {
	t.Parallel()
	file, err := os.Open(filepath.Join("..", "..", "domain", "jsontext", "testdata", "postgres.ndjson"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }() // it was only read
	var sources [][]byte
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var pair [2]string
		if err := json.Unmarshal(lines.Bytes(), &pair); err != nil {
			t.Fatal(err)
		}
		sources = append(sources, []byte(pair[0]))
	}
	wantKept(t, sources)
}

func TestCanonical_RealDocuments(t *testing.T) {
	t.Parallel()
	folder := os.Getenv("SHEAF_SHARED")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared")
	}
	files, err := filepath.Glob(filepath.Join(folder, "data", "*", "*.ndjson*"))
	if err != nil || len(files) == 0 {
		if os.Getenv("CI") != "" {
			t.Fatalf("no shared test data in %s", folder)
		}
		t.Skipf("no shared test data in %s; SHEAF_SHARED names their folder", folder)
	}
	var sources [][]byte
	for _, name := range files {
		sources = append(sources, readLines(t, name, 500)...)
	}
	wantKept(t, sources)
}

func readLines(t *testing.T, name string, atMost int) (list [][]byte) {
	t.Helper()
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }() // it was only read
	var r io.Reader = file
	if strings.HasSuffix(name, ".gz") {
		if r, err = gzip.NewReader(file); err != nil {
			t.Fatal(err)
		}
	}
	lines := bufio.NewReader(r)
	for len(list) < atMost {
		line, err := lines.ReadBytes('\n')
		if len(line) > 1 {
			list = append(list, line)
		}
		if err != nil {
			break
		}
	}
	return list
}

// wantKept stores the canonical form of each text and reads it back, and stores it again, which changes nothing.
func wantKept(t *testing.T, sources [][]byte) {
	t.Helper()
	s := open(t, postgres.Config{})
	c := mustCollection(t, s, "corpus")
	texts := map[string]string{}
	var writes []document.Write
	for i, source := range sources {
		text, err := jsontext.Canonical(nil, source, jsontext.Limits{})
		if err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		name := fmt.Sprintf("%06d", i)
		texts[name] = string(text)
		writes = append(writes, put(c, name, string(text)))
	}
	mustWrite(t, s, writes...)
	if err := s.Export(t.Context(), c.Key, func(d document.Document) error {
		if want := texts[d.ID.String()]; string(d.Data) != want {
			t.Errorf("PostgreSQL keeps\n%s\nof\n%s", d.Data, want)
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for i, r := range mustWrite(t, s, writes...) {
		if r.Outcome != document.Unchanged {
			t.Errorf("the same text again is a change: %s", sources[i])
		}
	}
}
