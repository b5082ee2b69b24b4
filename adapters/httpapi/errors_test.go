package httpapi_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/sheafdb/sheaf/adapters/httpapi"
	"github.com/sheafdb/sheaf/domain/fault"
)

// kindNamed are the kinds by their names in the source.
var kindNamed = map[string]fault.Kind{
	"Internal": fault.Internal, "Malformed": fault.Malformed, "Invalid": fault.Invalid, "Unauthenticated": fault.Unauthenticated, "Denied": fault.Denied, "NotFound": fault.NotFound,
	"Gone": fault.Gone, "Conflict": fault.Conflict, "Stale": fault.Stale, "ConditionRequired": fault.ConditionRequired, "TooLarge": fault.TooLarge, "Unsupported": fault.Unsupported,
	"Exhausted": fault.Exhausted, "Unavailable": fault.Unavailable,
}

// edgeStatus are the codes of failures that only HTTP knows, whatever kind they travel as.
var edgeStatus = map[string]int{
	"method.notAllowed": http.StatusMethodNotAllowed, "request.notAcceptable": http.StatusNotAcceptable, "request.host": http.StatusMisdirectedRequest,
	"request.http": http.StatusBadRequest, "request.headersTooLarge": http.StatusRequestHeaderFieldsTooLarge, "request.transferEncoding": http.StatusNotImplemented,
	"request.httpVersion": http.StatusHTTPVersionNotSupported,
}

// docs/errors.md lists every code that the source can answer with, with its status, and nothing else.
func TestErrorCodes(t *testing.T) {
	t.Parallel()
	source, documented := codesInSource(t).statuses, documentedRows(t, "## Codes")
	source["filter.invalid"] = http.StatusBadRequest // chosen by what an expression is compiled for
	if len(source) < 30 {
		t.Fatalf("only %d codes found", len(source))
	}
	for code, status := range source {
		if row, found := documented[code]; !found {
			t.Errorf("docs/errors.md lacks %s (%d)", code, status)
		} else if row[1] != strconv.Itoa(status) {
			t.Errorf("docs/errors.md says %s for %s, the source %d", row[1], code, status)
		}
	}
	for code, row := range documented {
		if _, found := source[code]; !found {
			t.Errorf("docs/errors.md has %s, the source has not", code)
		}
		if len(row) != 3 || row[2] == "" {
			t.Errorf("%s: say what to do", code)
		}
	}
}

// The second table lists the codes of single places that are no keywords of JSON Schema.
func TestErrorCodes_Violations(t *testing.T) {
	t.Parallel()
	source, documented := codesInSource(t).violations, documentedRows(t, "## Codes of single places")
	for _, code := range slices.Sorted(maps.Keys(source)) {
		if _, found := documented[code]; !found && !keyword(code) {
			t.Errorf("docs/errors.md lacks %s", code)
		}
	}
	for code := range documented {
		if !source[code] {
			t.Errorf("docs/errors.md has %s, the source has not", code)
		}
	}
}

func TestErrorCodes_EveryKindHasAStatus(t *testing.T) {
	t.Parallel()
	for name, kind := range kindNamed {
		if httpapi.StatusOf(kind) == 0 {
			t.Errorf("%s has no status", name)
		}
	}
	if httpapi.StatusOf(fault.Unavailable+1) != 0 {
		t.Error("there are more kinds than this test knows")
	}
}

// documentedRows returns the rows of the table under a heading of docs/errors.md, by the code in their first column.
func documentedRows(t *testing.T, heading string) map[string][]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, found := strings.Cut(string(text), heading+"\n")
	if !found {
		t.Fatalf("docs/errors.md has no section %q", heading)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	rows := map[string][]string{}
	for _, line := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (.*) \\|$").FindAllStringSubmatch(section, -1) {
		rows[line[1]] = append([]string{line[1]}, strings.Split(line[2], " | ")...)
	}
	return rows
}

// goPackage is the source of one folder, without tests and generated code.
type goPackage struct {
	files  []*ast.File
	consts map[string]string
	// takers are the functions that are called with a code, by their names.
	takers map[string]*taker
}

// taker is a function with a parameter called code.
type taker struct {
	body *ast.BlockStmt
	at   int // the parameter's index
	// kinds are those of the failures that it makes with the code, and place says that it makes a violation with it.
	kinds map[string]bool
	place bool
}

// codes are those that the source can answer with.
type codes struct {
	statuses   map[string]int
	violations map[string]bool
}

// codesInSource reads them out of the calls of fault.New and fault.Wrap, out of the values of fault.Violation, and out of the calls of functions that
// pass their parameter code to one of these.
func codesInSource(t *testing.T) codes {
	t.Helper()
	all := codes{map[string]int{}, map[string]bool{}}
	for _, p := range packagesOfSource(t) {
		p.declarations()
		for before := -1; before != p.known(); { // a taker may pass the code to another one
			before = p.known()
			for _, f := range p.takers {
				p.walk(f.body, func(kind string, e ast.Expr) {
					if name, ok := e.(*ast.Ident); ok && name.Name == "code" {
						f.note(kind)
					}
				})
			}
		}
		for name, value := range p.consts { // some are picked from a table
			if strings.HasPrefix(name, "code") {
				all.violations[value] = true
			}
		}
		for _, file := range p.files {
			p.walk(file, func(kind string, e ast.Expr) {
				code := p.constant(e)
				switch {
				case code == "":
				case kind == "":
					all.violations[code] = true
				case edgeStatus[code] != 0:
					all.statuses[code] = edgeStatus[code]
				default:
					all.statuses[code] = httpapi.StatusOf(kindNamed[kind])
				}
			})
		}
	}
	return all
}

func packagesOfSource(t *testing.T) map[string]*goPackage {
	t.Helper()
	found := map[string]*goPackage{}
	for _, root := range []string{"../../domain", "../../ports", "../../adapters", "../../cmd/sheaf"} {
		err := filepath.WalkDir(root, func(path string, _ fs.DirEntry, err error) error {
			folder := filepath.Dir(path)
			if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.HasSuffix(path, ".gen.go") || strings.HasSuffix(folder, "test") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			if found[folder] == nil {
				found[folder] = &goPackage{consts: map[string]string{}, takers: map[string]*taker{}}
			}
			found[folder].files = append(found[folder].files, file)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// declarations finds the constants and the takers.
func (p *goPackage) declarations() {
	take := func(name string, signature *ast.FuncType, body *ast.BlockStmt) {
		at := 0
		for _, field := range signature.Params.List {
			for _, param := range field.Names {
				if param.Name == "code" {
					p.takers[name] = &taker{body: body, at: at, kinds: map[string]bool{}}
				}
				at++
			}
		}
	}
	for _, file := range p.files {
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.ValueSpec:
				if len(n.Values) == 1 {
					p.consts[n.Names[0].Name] = p.constant(n.Values[0])
				}
			case *ast.FuncDecl:
				take(n.Name.Name, n.Type, n.Body)
			case *ast.AssignStmt:
				if f, ok := n.Rhs[0].(*ast.FuncLit); ok {
					take(nameOf(n.Lhs[0]), f.Type, f.Body)
				}
			}
			return true
		})
	}
}

// known is how much is known of the takers.
func (p *goPackage) known() (n int) {
	for _, f := range p.takers {
		n += len(f.kinds)
		if f.place {
			n++
		}
	}
	return n
}

func (f *taker) note(kind string) {
	if kind == "" {
		f.place = true
	} else {
		f.kinds[kind] = true
	}
}

// walk calls visit with every expression that is a code, and the name of the kind of failure that it is the code of; "" is a violation.
func (p *goPackage) walk(root ast.Node, visit func(kind string, code ast.Expr)) {
	ast.Inspect(root, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.KeyValueExpr:
			if nameOf(n.Key) == "Code" {
				visit("", n.Value)
			}
		case *ast.CallExpr:
			name := nameOf(n.Fun)
			if selector, ok := n.Fun.(*ast.SelectorExpr); ok && nameOf(selector.X) == "fault" {
				if first := map[string]int{"New": 0, "Wrap": 1}; name == "New" || name == "Wrap" {
					visit(nameOf(n.Args[first[name]]), n.Args[first[name]+1])
				}
				return true
			}
			f := p.takers[name]
			if f == nil || f.at >= len(n.Args) {
				return true
			}
			for kind := range f.kinds {
				visit(kind, n.Args[f.at])
			}
			if f.place {
				visit("", n.Args[f.at])
			}
		}
		return true
	})
}

// constant returns the text that an expression has, "" where that is not known.
func (p *goPackage) constant(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		text, err := strconv.Unquote(e.Value)
		if err == nil {
			return text
		}
	case *ast.Ident:
		return p.consts[e.Name]
	}
	return ""
}

// nameOf returns the last name of an expression such as p.fail.
func nameOf(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// keyword says whether a code is a keyword of JSON Schema, which needs no explaining of ours.
func keyword(code string) bool { return slices.Contains(keywords, code) }

var keywords = strings.Fields(`$anchor $comment $defs $dynamicAnchor $dynamicRef $id $ref $schema $vocabulary additionalProperties allOf anyOf const contains
	contentEncoding contentMediaType contentSchema default dependentRequired dependentSchemas deprecated description else enum examples exclusiveMaximum exclusiveMinimum
	format if items maxContains maxItems maxLength maxProperties maximum minContains minItems minLength minProperties minimum multipleOf not oneOf pattern patternProperties
	prefixItems properties propertyNames readOnly required then title type unevaluatedItems unevaluatedProperties uniqueItems writeOnly`)
