package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// report says where results go, beside the output.
type report struct{ json, svg, docs string }

// about is what results depend on.
type about struct {
	Connections int    `json:"connections"`
	Rounds      int    `json:"rounds"`
	Slice       string `json:"slice"`
	Documents   int    `json:"documents"`
	Go          string `json:"go"`
	PostgreSQL  string `json:"postgresql"`
	Cores       int    `json:"cores"`
}

func (s *stage) about(ctx context.Context) (about, error) {
	a := about{Connections: s.connections, Rounds: s.rounds, Slice: s.slice.String(), Documents: s.documents, Go: runtime.Version(), Cores: runtime.NumCPU()}
	var version string
	err := s.conn.QueryRow(ctx, `SHOW server_version`).Scan(&version)
	a.PostgreSQL, _, _ = strings.Cut(version, " ")
	return a, err
}

func (a about) String() string {
	return fmt.Sprintf("%d connections where nothing else is said, %d turns of %s for each variant, %s documents of about 600 B; %s, PostgreSQL %s, %d cores for servers, database and load together.",
		a.Connections, a.Rounds, a.Slice, number(a.Documents), a.Go, a.PostgreSQL, a.Cores)
}

// write writes the tables, and whatever else is asked for.
func (r report) write(out io.Writer, a about, results []result) error {
	if _, err := fmt.Fprintf(out, "%s\n%s\n\n%s", summary(results), a, table(results)); err != nil {
		return err
	}
	text, err := json.MarshalIndent(struct {
		About   about    `json:"about"`
		Results []result `json:"results"`
	}{a, results}, "", "  ")
	if err != nil {
		return err
	}
	picture, err := chart(results)
	if err != nil {
		return err
	}
	text = append(text, '\n')
	files := map[string][]byte{r.json: text, r.svg: picture}
	if r.docs != "" {
		page := filepath.Join(r.docs, "performance.md")
		old, err := os.ReadFile(page)
		if err != nil {
			return err
		}
		tables := fmt.Sprintf("%s\n%s\n\n<details>\n<summary>Everything that was measured</summary>\n\n%s\n</details>\n", summary(results), a, table(results))
		if files[page], err = insert(old, tables); err != nil {
			return fmt.Errorf("%s: %w", page, err)
		}
		files[filepath.Join(r.docs, "performance.json")], files[filepath.Join(r.docs, "performance.svg")] = text, picture
	}
	delete(files, "")
	var failed error
	for name, content := range files {
		failed = errors.Join(failed, os.WriteFile(name, content, 0o644))
	}
	return failed
}

// Between these lines of a page stand the tables of a run.
const (
	tablesBegin = "<!-- what make bench measured begins here -->\n"
	tablesEnd   = "<!-- and ends here -->\n"
)

// insert puts tables into a page, in the place of those of a run before.
func insert(page []byte, tables string) ([]byte, error) {
	before, rest, begins := bytes.Cut(page, []byte(tablesBegin))
	_, after, ends := bytes.Cut(rest, []byte(tablesEnd))
	if !begins || !ends {
		return nil, fmt.Errorf("there is no place between %q and %q", strings.TrimSpace(tablesBegin), strings.TrimSpace(tablesEnd))
	}
	return slices.Concat(before, []byte(tablesBegin+"\n"+tables+"\n"+tablesEnd), after), nil
}
