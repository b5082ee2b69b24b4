package httpapi_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/sheafdb/sheaf/domain/jsontext"
)

// parsingCase is a case of the JSON parsing suite.
type parsingCase struct {
	name, src string
	code      string // of the first violation; "" when accepted
}

// parsingSuite reads the suite where it is kept, so that every door has the cases that the parser has.
func parsingSuite(t *testing.T) (suite []parsingCase) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "../../domain/jsontext/suite_test.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if c, ok := n.(*ast.CompositeLit); ok && c.Type == nil && len(c.Elts) == 3 {
			suite = append(suite, parsingCase{text(t, c.Elts[0]), text(t, c.Elts[1]), text(t, c.Elts[2])})
		}
		return true
	})
	if len(suite) < 100 {
		t.Fatalf("only %d cases found", len(suite))
	}
	return suite
}

// text evaluates an expression of literals, + and strings.Repeat.
func text(t *testing.T, e ast.Expr) string {
	t.Helper()
	switch e := e.(type) {
	case *ast.BasicLit:
		s, err := strconv.Unquote(e.Value)
		if err != nil {
			t.Fatal(err)
		}
		return s
	case *ast.BinaryExpr:
		return text(t, e.X) + text(t, e.Y)
	case *ast.CallExpr:
		n, err := strconv.ParseInt(e.Args[1].(*ast.BasicLit).Value, 0, 32)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Repeat(text(t, e.Args[0]), int(n))
	}
	t.Fatalf("cannot evaluate %T", e)
	return ""
}

// A text is judged as the parser judges it whichever door it comes by, alone and inside of a document, and what is accepted comes back.
func TestParsingSuite(t *testing.T) {
	t.Parallel()
	for name, open := range everyStore {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := open(t)
			a.declare(t, "books", `{}`)
			for i, c := range parsingSuite(t) {
				id := fmt.Sprintf("case-%d", i)
				for _, send := range []string{"POST " + booksPath + "/documents", "PUT " + booksPath + "/documents/" + id + "-alone"} {
					wantVerdict(t, c, a.send(t, send, c.src))
				}
				wrapped := parsingCase{c.name, `{"v":` + c.src + `}`, c.code}
				if i := strings.Index(c.src, `{"v":`); i >= 0 || c.src == "" && c.code == "" {
					continue
				}
				if wrapped.code != "" {
					got := a.send(t, "POST "+booksPath+"/documents?id="+id, wrapped.src)
					if got.status != http.StatusBadRequest {
						t.Errorf("%s in an object: %d %.200s", c.name, got.status, got.body)
					}
					continue
				}
				path := booksPath + "/documents/" + id
				wantStatus(t, a.send(t, "PUT "+path, wrapped.src), http.StatusCreated)
				stored := a.send(t, "GET "+path, "").tree(t).(map[string]any)["data"]
				if want := decode(t, []byte(wrapped.src)); !jsontext.Equal(stored, want) {
					t.Errorf("%s: got %v, want %v", c.name, stored, want)
				}
			}
		})
	}
}

// wantVerdict holds the answer to a text alone against the suite: what is JSON and no object breaks a rule, all else is an object or no JSON.
func wantVerdict(t *testing.T, c parsingCase, got reply) {
	t.Helper()
	object := strings.HasPrefix(strings.TrimLeft(c.src, " \t\r\n"), "{")
	switch {
	case c.src == "":
		wantProblem(t, got, http.StatusBadRequest, "request.body")
	case c.code != "":
		p := wantProblem(t, got, http.StatusBadRequest, "json.invalid")
		if p.Errors[0].Code != c.code || p.Errors[0].In != "body" {
			t.Errorf("%s: got %+v, want %s", c.name, p.Errors[0], c.code)
		}
	case object:
		wantStatus(t, got, http.StatusCreated)
	default:
		wantProblem(t, got, http.StatusUnprocessableEntity, "document.invalid")
	}
}
