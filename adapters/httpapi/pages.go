package httpapi

import (
	"bytes"
	"context"
	"embed"
	"html/template"
	"io/fs"
	"net/http"

	"github.com/swaggest/swgui"
	"github.com/swaggest/swgui/v5/static"
	"github.com/swaggest/swgui/v5emb"

	"github.com/sheafdb/sheaf/adapters/httpapi/oas"
	"github.com/sheafdb/sheaf/domain/fault"
)

//go:embed pages/*.html
var pageFiles embed.FS

var pages = template.Must(template.ParseFS(pageFiles, "pages/*.html"))

const htmlType = "text/html; charset=utf-8"

// routePages registers what people look at: the root, which says where things are, and Swagger UI. They are no part of the contract.
func (s *Server) routePages(mux *http.ServeMux) {
	docs := v5emb.NewWithConfig(swgui.Config{
		Title:       "Sheaf API",
		SwaggerJSON: "/openapi.yaml",
		BasePath:    "/docs",
		SettingsUI:  map[string]string{"tryItOutEnabled": "true", "persistAuthorization": "true", "deepLinking": "true", "displayRequestDuration": "true"},
	})("", "", "")
	root := http.HandlerFunc(s.rootPage)
	assets := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if file := r.PathValue("file"); file != "" && !isAsset(file) {
			s.fail(w, r, noSuchPath(r))
			return
		}
		docs.ServeHTTP(w, r)
	})
	for _, on := range []*http.ServeMux{mux, s.allowed} {
		on.Handle("GET /{$}", root)
		on.Handle("GET /docs", docs)
		on.Handle("GET /docs/{file...}", assets)
	}
}

// isAsset says whether Swagger UI has a file of that name. Most are kept compressed.
func isAsset(name string) bool {
	for _, kept := range []string{name, name + ".gz"} {
		if info, err := fs.Stat(static.FS, kept); err == nil && info.Mode().IsRegular() {
			return true
		}
	}
	return false
}

func (s *Server) rootPage(w http.ResponseWriter, r *http.Request) {
	s.render(w, r, "root.html", struct {
		Version string
		Roles   []string
		Metrics bool
	}{s.Version, s.Roles, s.Metrics != nil})
}

// render answers with a page. Pages hold no script and load nothing from elsewhere.
func (s *Server) render(w http.ResponseWriter, r *http.Request, name string, data any) {
	var b bytes.Buffer
	if err := pages.ExecuteTemplate(&b, name, data); err != nil {
		s.fail(w, r, fault.Wrap(err, fault.Internal, "internal", "render %s", name))
		return
	}
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'")
	a := answer{ex: exchangeOf(r.Context()), status: http.StatusOK, contentType: htmlType, cache: revalidate, body: b.Bytes()}
	_ = a.write(w) // it never fails
}

// GetProblemType answers with a page about a kind of problem.
func (s *Server) GetProblemType(ctx context.Context, r oas.GetProblemTypeRequestObject) (oas.GetProblemTypeResponseObject, error) {
	kind, found := kindOf(r.Slug)
	if !found {
		return nil, fault.New(fault.NotFound, "problem.notFound", "there is no problem type %q", shortened(r.Slug))
	}
	return answer{stream: func(w http.ResponseWriter) error {
		s.render(w, exchangeOf(ctx).request, "problem.html", struct {
			Title  string
			Status int
			Advice template.HTML
		}{kind.title, kind.status, template.HTML(kind.advice)}) //nolint:gosec // the texts are constants of problem.go
		return nil
	}}, nil
}

func kindOf(slug string) (problemKind, bool) {
	for _, kind := range kinds {
		if kind.slug == slug {
			return kind, true
		}
	}
	for _, kind := range edgeKinds {
		if kind.slug == slug {
			return kind, true
		}
	}
	return problemKind{}, false
}
