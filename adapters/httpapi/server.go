package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/cors"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/sheafdb/sheaf/adapters/httpapi/coding"
	"github.com/sheafdb/sheaf/adapters/httpapi/oas"
	"github.com/sheafdb/sheaf/ports"
	"github.com/sheafdb/sheaf/ports/app"
)

// Config is what the server stands on.
type Config struct {
	Collections *app.Collections
	Documents   *app.Documents
	Transfer    *app.Transfer
	Bulk        *app.Bulk
	Operations  *app.Operations
	Receipts    *app.Receipts
	// CacheAge says how long ago the cache before the store asked what has changed: what it answers is at most that old. nil says that there is no cache; else answers about
	// documents tell what it did.
	CacheAge func() time.Duration
	// Roles are the roles that this process has; the operations of others answer 404 with code role.notServed.
	Roles []string
	// RootKey is the key that a request carries as bearer token; "" asks for none.
	RootKey string
	// Checks decide whether the process is ready.
	Checks []ports.HealthCheck
	// Metrics serves /metrics; nil answers 404.
	Metrics http.Handler
	// MetricsKeyed has /metrics ask for the key, where there is one.
	MetricsKeyed bool
	// Registry takes the metrics of requests; nil counts nothing.
	Registry prometheus.Registerer
	Log      *slog.Logger
	// Tracers and Propagator trace requests; nil traces nothing.
	Tracers    trace.TracerProvider
	Propagator propagation.TextMapPropagator
	// Contract is the text of openapi.yaml, as it is served.
	Contract []byte
	// MaxDocumentBytes bounds a document, MaxBodyBytes the body of another request but an import, in bytes.
	MaxDocumentBytes, MaxBodyBytes int
	// MaxTransactionBytes bounds the body of a transaction.
	MaxTransactionBytes int
	// Hosts are the names that requests may be sent to, in lower case; none is any. Addresses always do.
	Hosts []string
	// CORSOrigins are the origins whose pages may call, or "*"; none turns CORS off. CORSMaxAge is how long a preflight may be remembered.
	CORSOrigins []string
	CORSMaxAge  time.Duration
	Version     string
}

// Server answers requests. It is safe for concurrent use.
type Server struct {
	Config
	handler  http.Handler
	allowed  *http.ServeMux // the routes without the one that catches all: what a path allows
	plans    map[string]*plan
	metrics  *metrics
	keyHash  [32]byte
	draining atomic.Bool
	bodies   sync.Pool // of *[]byte: bodies that were sent
}

var _ oas.StrictServerInterface = (*Server)(nil)

// readContract reads the contract that the generated code was made of, once for the process. Nobody changes it.
var readContract = sync.OnceValues(oas.GetSpec)

// New returns a server of the contract. It fails when the contract and the generated code do not belong together.
func New(c Config) (*Server, error) {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{Config: c, allowed: http.NewServeMux(), plans: map[string]*plan{}, metrics: newMetrics(c.Registry), keyHash: hashKey(c.RootKey), bodies: sync.Pool{New: func() any { return new([]byte) }}}
	spec, err := readContract()
	if err != nil {
		return nil, fmt.Errorf("read the contract: %w", err)
	}
	mux := http.NewServeMux()
	if err := s.routeOperations(mux, spec); err != nil {
		return nil, err
	}
	s.routePages(mux)
	mux.HandleFunc("/", s.unrouted)

	encoded := coding.New(compressible).Wrap(s.guarded(s.hosted(s.cleanPaths(mux))), func(w http.ResponseWriter, r *http.Request) { s.fail(w, r, noCoding()) })
	s.handler = s.exchanged(s.crossOrigin(encoded))
	return s, nil
}

// ServeHTTP answers a request.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// Drain makes /readyz say no from here on; requests are still answered.
func (s *Server) Drain() { s.draining.Store(true) }

// routeOperations registers every operation behind its plan.
func (s *Server) routeOperations(mux *http.ServeMux, spec *openapi3.T) error {
	strict := oas.NewStrictHandlerWithOptions(s, nil, oas.StrictHTTPServerOptions{RequestErrorHandlerFunc: s.fail, ResponseErrorHandlerFunc: s.fail})
	routes := &routes{server: s, mux: mux, spec: spec}
	oas.HandlerWithOptions(strict, oas.StdHTTPServerOptions{BaseRouter: routes, ErrorHandlerFunc: s.failBinding})
	return errors.Join(routes.errs...)
}

// routes is the router that the generated code registers its operations with: it gives each its plan, so that no request is looked up twice.
type routes struct {
	server *Server
	mux    *http.ServeMux
	spec   *openapi3.T
	errs   []error
}

// HandleFunc registers an operation under a pattern such as "GET /v1/collections".
func (r *routes) HandleFunc(pattern string, handler func(http.ResponseWriter, *http.Request)) {
	method, path, _ := strings.Cut(pattern, " ")
	item := r.spec.Paths.Value(path)
	if item == nil || item.GetOperation(method) == nil {
		r.errs = append(r.errs, fmt.Errorf("the contract has no operation %s", pattern))
		return
	}
	p := r.server.newPlan(item, item.GetOperation(method), http.HandlerFunc(handler))
	r.server.plans[p.id] = p
	r.mux.Handle(pattern, p.traced())
	r.server.allowed.Handle(pattern, p)
}

// ServeHTTP is never called: the routes are served by the mux that they are registered with.
func (r *routes) ServeHTTP(w http.ResponseWriter, req *http.Request) { r.mux.ServeHTTP(w, req) }

// cleanPaths refuses what the router of the standard library would answer with a redirect: a path with empty or dotted segments names nothing here.
func (s *Server) cleanPaths(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		path := r.URL.EscapedPath()
		if r.Method == http.MethodConnect || !strings.HasPrefix(path, "/") || unclean(path) {
			s.fail(w, r, noSuchPath(r))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// unclean says whether a path has empty or dotted segments.
func unclean(path string) bool {
	return strings.Contains(path, "//") || strings.Contains(path, "/./") || strings.Contains(path, "/../") || strings.HasSuffix(path, "/.") || strings.HasSuffix(path, "/..")
}

// unrouted answers what no route matches: OPTIONS, another method where the path has some, else nothing.
func (s *Server) unrouted(w http.ResponseWriter, r *http.Request) {
	var methods []string
	var patch *plan
	for _, method := range []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete} {
		probe := *r
		probe.Method = method
		handler, pattern := s.allowed.Handler(&probe)
		if pattern == "" {
			continue
		}
		methods = append(methods, method)
		if p, ok := handler.(*plan); ok && p.patch {
			patch = p
		}
	}
	if len(methods) == 0 {
		s.fail(w, r, noSuchPath(r))
		return
	}
	methods = append(methods, http.MethodOptions)
	if r.Method != http.MethodOptions {
		s.fail(w, r, methodNotAllowed(r, methods))
		return
	}
	w.Header().Set("Allow", strings.Join(methods, ", "))
	if patch != nil {
		patch.sayUnderstood(w.Header()) // RFC 5789 section 3.1
	}
	w.WriteHeader(http.StatusNoContent)
}

// crossOrigin lets pages of other origins call, where a setting says so.
func (s *Server) crossOrigin(next http.Handler) http.Handler {
	if len(s.CORSOrigins) == 0 {
		return next
	}
	return cors.New(cors.Options{
		AllowedOrigins: s.CORSOrigins,
		AllowedMethods: []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete},
		AllowedHeaders: []string{"*"},
		ExposedHeaders: []string{"ETag", "Idempotency-Replayed", "Location", "Link", "Preference-Applied", "Request-Id", "Retry-After", "Cache-Status", tokenHeader},
		MaxAge:         int(s.CORSMaxAge.Seconds()),
	}).Handler(next)
}

// compressible says which answers are worth compressing.
func compressible(contentType string) bool {
	media, _, _ := strings.Cut(contentType, ";")
	switch media {
	case jsonType, jsonPatchType, problemType, ndjsonType, csvType, "application/yaml", "text/html":
		return true
	}
	return false
}

// serves says whether this process has the role.
func (s *Server) serves(role string) bool {
	for _, have := range s.Roles {
		if have == role {
			return true
		}
	}
	return false
}

// caller is who asks by this request.
func caller(ctx context.Context) app.Caller {
	ex := exchangeOf(ctx)
	return app.Caller{Principal: ex.principal, RequestID: ex.requestID, Seen: ex.seen}
}
