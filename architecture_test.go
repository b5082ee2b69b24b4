// Package sheaf_test keeps the shape of the repository: who may import whom, and what a package may be called.
package sheaf_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/sheafdb/sheaf"

// pkg is what `go list` says about one package.
type pkg struct {
	Dir, ImportPath, Name              string
	GoFiles                            []string
	Imports, TestImports, XTestImports []string
}

// rule says what the packages under a path may import of ours and of others. The first rule that matches holds, so the
// order is from the narrow to the wide. A package may always import what lies beneath itself.
type rule struct {
	path string
	// ours are the packages of this module that are allowed, each with everything beneath it.
	ours []string
	// others are the modules that are allowed; nil allows all. The standard library needs no naming.
	others []string
	// never are packages that are refused although they belong to the standard library or to an allowed module.
	never []string
	why   string
}

// io is what the domain does not do: it is given values and returns values.
var ioPackages = []string{
	"context", "crypto/rand", "database/sql", "io/ioutil", "log", "log/slog", "math/rand", "math/rand/v2",
	"net", "net/http", "net/smtp", "os", "os/exec", "os/signal", "os/user", "syscall",
}

var rules = []rule{
	{path: "domain/fault", ours: nil, others: []string{}, never: ioPackages, why: "the bottom of everything"},
	{path: "domain/ident", ours: []string{"domain/fault"}, others: []string{}, never: ioPackages, why: "just above fault"},
	{
		path: "domain", ours: []string{"domain"}, never: ioPackages, why: "true whatever stores or serves it",
		others: []string{"cel.dev/cel-go", "github.com/cockroachdb/apd/v3", "github.com/santhosh-tekuri/jsonschema/v6", "golang.org/x/net/idna", "golang.org/x/text"},
	},
	{
		path: "ports/porttest", ours: []string{"ports", "domain"}, never: []string{"database/sql", "net/http"}, why: "it runs on every adapter, so it knows none",
		others: []string{"golang.org/x/sync"},
	},
	{
		path: "ports", ours: []string{"ports", "domain"}, never: []string{"database/sql", "net", "net/http", "os", "os/exec"}, why: "use cases do no I/O themselves",
		others: []string{"github.com/google/uuid", "golang.org/x/sync"},
	},
	{path: "adapters/httpapi/oas", ours: nil, why: "generated from the contract alone"},
	{path: "adapters/httpapi", ours: []string{"ports", "domain"}, never: []string{"database/sql"}, why: "HTTP in front of the use cases"},
	{path: "adapters/postgres", ours: []string{"ports", "domain", "migrations"}, never: []string{"net/http"}, why: "an adapter of the ports; pgtest migrates"},
	{path: "adapters", ours: []string{"ports", "domain"}, why: "adapters do not know one another"},
	{path: "migrations", ours: nil, why: "SQL and its embedding"},
	{path: "sdk", ours: nil, why: "programs elsewhere import it, and want nothing of the server"},
	{path: "cmd", ours: []string{""}, why: "the only place that knows which adapter stands behind which port"},
	{path: "", ours: nil, why: "the root holds the contract and tests of the whole"},
}

// testOnly are packages of helpers that no shipped code imports.
var testOnly = []string{"ports/porttest", "adapters/postgres/pgtest", "adapters/cache/redistest"}

// vague are names that say nothing about what a package holds.
var vague = []string{"base", "common", "helper", "helpers", "lib", "misc", "model", "models", "shared", "types", "util", "utils"}

func TestImportDirection(t *testing.T) {
	t.Parallel()
	for _, p := range list(t) {
		r := ruleFor(p.ImportPath)
		for _, imported := range p.Imports {
			if problem := r.judge(p, imported, testOnly); problem != "" {
				t.Errorf("%s imports %s: %s (%s)", rel(p.ImportPath), rel(imported), problem, r.why)
			}
		}
		// Tests inside a package obey too, but for the helpers; external test packages may import any adapter.
		for _, imported := range p.TestImports {
			inside := r
			inside.others, inside.never = nil, nil
			inside.ours = append(slices.Clone(r.ours), testOnly...)
			if problem := inside.judge(p, imported, nil); problem != "" {
				t.Errorf("a test in %s imports %s: %s (%s)", rel(p.ImportPath), rel(imported), problem, r.why)
			}
		}
	}
}

func TestPackageNames(t *testing.T) {
	t.Parallel()
	for _, p := range list(t) {
		if slices.Contains(vague, p.Name) {
			t.Errorf("package %s (%s): name it for what it holds", p.Name, rel(p.ImportPath))
		}
		if strings.Contains(strings.TrimSuffix(p.Name, "_test"), "_") {
			t.Errorf("package %s (%s): one word, without underscores", p.Name, rel(p.ImportPath))
		}
	}
}

// judge returns what is wrong with p importing imported, or nothing.
func (r rule) judge(p pkg, imported string, helpers []string) string {
	if slices.Contains(r.never, imported) {
		return "refused here"
	}
	if !inModule(imported) {
		if first, _, _ := strings.Cut(imported, "/"); !strings.Contains(first, ".") || r.others == nil {
			return ""
		}
		if slices.ContainsFunc(r.others, func(m string) bool { return beneath(imported, m) }) {
			return ""
		}
		return "not one of the modules allowed here"
	}
	path := rel(imported)
	if slices.Contains(helpers, path) && !slices.ContainsFunc(helpers, func(h string) bool { return beneath(rel(p.ImportPath), h) }) {
		return "a helper of tests"
	}
	if beneath(path, rel(p.ImportPath)) || slices.ContainsFunc(r.ours, func(o string) bool { return beneath(path, o) }) {
		return ""
	}
	// Packages of one adapter import one another.
	if whole := adapterOf(p.ImportPath); whole != "" && beneath(path, whole) && r.path != "adapters/httpapi/oas" {
		return ""
	}
	return "wrong direction"
}

func ruleFor(importPath string) rule {
	i := slices.IndexFunc(rules, func(r rule) bool { return beneath(rel(importPath), r.path) })
	return rules[i] // the last rule matches everything
}

// adapterOf returns adapters/NAME for a package of an adapter, and nothing for others.
func adapterOf(importPath string) string {
	parts := strings.SplitN(rel(importPath), "/", 3)
	if len(parts) < 2 || parts[0] != "adapters" {
		return ""
	}
	return parts[0] + "/" + parts[1]
}

func inModule(importPath string) bool { return beneath(importPath, module) }

// rel returns an import path relative to the module; others stay as they are.
func rel(importPath string) string {
	return strings.TrimPrefix(strings.TrimPrefix(importPath, module), "/")
}

func beneath(path, root string) bool {
	return root == "" || path == root || strings.HasPrefix(path, root+"/")
}

func list(t *testing.T) []pkg {
	t.Helper()
	var stderr bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "go", "list", "-e", "-json=Dir,ImportPath,Name,GoFiles,Imports,TestImports,XTestImports", "./...")
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v\n%s", err, stderr.String())
	}
	var pkgs []pkg
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatal(fmt.Errorf("read what go list says: %w", err))
		}
		if inModule(p.ImportPath) {
			pkgs = append(pkgs, p)
		}
	}
	if len(pkgs) < 5 {
		t.Fatalf("go list names %d packages: this test looks at the wrong place", len(pkgs))
	}
	return pkgs
}
