package schema

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOfficialSuite runs the JSON Schema Test Suite for draft 2020-12, in the folder that
// JSON_SCHEMA_SUITE names (such as tests/draft2020-12 of a checkout). Required is that every case
// agrees, apart from schemas that need another document: those must be refused.
func TestOfficialSuite(t *testing.T) {
	t.Parallel()
	folder := os.Getenv("JSON_SCHEMA_SUITE")
	if folder == "" {
		t.Skip("JSON_SCHEMA_SUITE names no checkout of the official suite")
	}
	files, err := filepath.Glob(filepath.Join(folder, "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no tests in %s: %v", folder, err)
	}
	cases, refused := 0, 0
	for _, file := range files {
		if filepath.Base(file) == "format.json" {
			continue // says that formats are annotations; here they are asserted, as its optional/format wants
		}
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var groups []struct {
			Description string
			Schema      json.RawMessage
			Tests       []struct {
				Description string
				Data        json.RawMessage
				Valid       bool
			}
		}
		if err := json.Unmarshal(raw, &groups); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		for _, group := range groups {
			name := filepath.Base(file) + "/" + group.Description
			s, err := Compile(group.Schema, DefaultLimits())
			if err != nil {
				if !needsAnotherDocument(group.Schema) {
					t.Errorf("%s: refused: %v", name, err)
				}
				refused++
				continue
			}
			for _, test := range group.Tests {
				cases++
				if got := s.Validate(decode(t, string(test.Data))); (len(got) == 0) != test.Valid {
					t.Errorf("%s/%s: want valid=%v, got %v", name, test.Description, test.Valid, got)
				}
			}
		}
	}
	t.Logf("%d cases agree; %d schemas of other documents refused", cases, refused)
}

func needsAnotherDocument(schema []byte) bool {
	text := string(schema)
	for _, sign := range []string{"http://localhost:1234/", "$vocabulary", "json-schema.org/draft/2019-09", "json-schema.org/draft/next"} {
		if strings.Contains(text, sign) {
			return true
		}
	}
	return false
}

func decode(t testing.TB, text string) any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader([]byte(text)))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		t.Fatalf("decode %.80s: %v", text, err)
	}
	return v
}
