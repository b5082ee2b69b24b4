package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/operation"
	"github.com/sheafdb/sheaf/domain/principal"
	"github.com/sheafdb/sheaf/domain/receipt"
	"github.com/sheafdb/sheaf/ports"
	"github.com/sheafdb/sheaf/ports/app"
)

// exchange is one request with its answer on the way: what the layers tell one another.
type exchange struct {
	requestID string
	principal principal.Principal
	// plan is the operation's, nil where none was found.
	plan *plan
	// request is the one that reached the operation, with the context of its span.
	request *http.Request
	// query are its query parameters, nil where there are none.
	query url.Values
	// mediaType is that of the body, without parameters; "" where there is none.
	mediaType string
	// seen is what the caller has seen, by its consistency token.
	seen change.Token
	// from is where the document was found that the answer is about.
	from ports.Source
	// key is what the request came with to be told from others that are sent again, "" for none.
	key string
	// ticket is the claim of a request with a key, nil for every other.
	ticket *app.Ticket
	// keep stores the answer to a request with a key.
	keep func(receipt.Answer) error
	// pending says that the answer is kept by the write, if it succeeds; settled that an answer is kept.
	pending, settled bool
	// started says that an answer is on its way.
	started bool
	// code is of the problem that was answered.
	code string
}

type exchangeKey struct{}

// exchangeOf returns the exchange that ctx belongs to.
func exchangeOf(ctx context.Context) *exchange {
	ex, _ := ctx.Value(exchangeKey{}).(*exchange)
	if ex == nil {
		return &exchange{principal: principal.Anonymous}
	}
	return ex
}

// nosniff is a header's value that all answers share. Whoever adds to it gets a copy.
var nosniff = []string{"nosniff"}

// requestIDHeader carries the id of a request, both ways.
const requestIDHeader = "Request-Id"

// tokenHeader carries what a caller has seen, both ways.
const tokenHeader = "Consistency-Token"

// maxRequestID bounds an id that a caller gives, in bytes: it is stored with every change.
const maxRequestID = 128

// exchanged is the outermost layer: it names the request, and logs and counts what became of it.
func (s *Server) exchanged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		began := time.Now()
		ex := &exchange{requestID: requestID(r), principal: principal.Anonymous}
		r = r.WithContext(context.WithValue(r.Context(), exchangeKey{}, ex))
		answer := &observed{ResponseWriter: w}
		h := answer.Header()
		h[requestIDHeader], h["X-Content-Type-Options"] = []string{ex.requestID}, nosniff
		s.metrics.running.Inc()
		defer func() {
			s.metrics.running.Dec()
			s.observe(r, ex, answer, time.Since(began))
		}()
		next.ServeHTTP(answer, r)
	})
}

// guarded turns a panic into a problem, or ends the connection where an answer is on its way, so that nobody takes it for whole.
// It lies inside of the compression, which would otherwise send what it holds as if nothing had happened.
func (s *Server) guarded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() { //nolint:contextcheck // the request has it
			v := recover()
			if v == nil {
				return
			}
			if err, ok := v.(error); ok && errors.Is(err, http.ErrAbortHandler) {
				panic(http.ErrAbortHandler)
			}
			s.Log.LogAttrs(r.Context(), slog.LevelError, "panic", slog.String("request_id", exchangeOf(r.Context()).requestID),
				slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
			s.fail(w, r, fault.New(fault.Internal, "internal", "panic"))
		}()
		next.ServeHTTP(w, r)
	})
}

// observe counts and logs an answer.
func (s *Server) observe(r *http.Request, ex *exchange, answer *observed, elapsed time.Duration) {
	operation := "none"
	if ex.plan != nil {
		operation, r = ex.plan.id, ex.request
	}
	status := answer.status
	if status == 0 {
		status = http.StatusOK
		if r.Context().Err() != nil {
			status = statusClientGone
		}
	}
	s.metrics.observe(operation, status, elapsed)
	level := slog.LevelInfo
	switch {
	case status >= http.StatusInternalServerError:
		level = slog.LevelWarn
	case ex.plan != nil && ex.plan.quiet:
		level = slog.LevelDebug
	}
	if !s.Log.Enabled(r.Context(), level) {
		return
	}
	attrs := append(make([]slog.Attr, 0, 9),
		slog.String("request_id", ex.requestID), slog.String("method", shortened(r.Method)), slog.String("operation", operation), slog.Int("status", status),
		slog.Int64("answer_bytes", answer.bytes), slog.Float64("elapsed_ms", float64(elapsed.Microseconds())/1000))
	if ex.plan == nil {
		attrs = append(attrs, slog.String("path", shortened(r.URL.Path)))
	} else if name := r.PathValue("collection"); name != "" {
		attrs = append(attrs, slog.String("collection", shortened(name)))
	}
	if ex.code != "" {
		attrs = append(attrs, slog.String("code", ex.code))
	}
	s.Log.LogAttrs(r.Context(), level, "request", attrs...)
}

// requestID returns the id that came with the request, or a new one. Ids like those of changes that operations make are none of a request.
func requestID(r *http.Request) string {
	id := r.Header.Get(requestIDHeader)
	if id == "" || len(id) > maxRequestID || strings.HasPrefix(id, operation.RequestPrefix) {
		return newRequestID()
	}
	for i := range len(id) {
		if id[i] < 0x21 || id[i] > 0x7e {
			return newRequestID()
		}
	}
	return id
}

func newRequestID() string {
	id, err := uuid.NewV7()
	if err != nil {
		id = uuid.New()
	}
	return id.String()
}

// observed is a ResponseWriter that remembers what was written.
type observed struct {
	http.ResponseWriter
	status int
	bytes  int64
}

// WriteHeader notes the status.
func (o *observed) WriteHeader(status int) {
	if o.status == 0 && status >= http.StatusOK {
		o.status = status
	}
	o.ResponseWriter.WriteHeader(status)
}

// Write notes how much was written.
func (o *observed) Write(b []byte) (int, error) {
	if o.status == 0 {
		o.status = http.StatusOK
	}
	n, err := o.ResponseWriter.Write(b)
	o.bytes += int64(n)
	return n, err
}

// Flush sends what was written so far; a wrapper that only unwraps would turn every stream into one block.
func (o *observed) Flush() { _ = http.NewResponseController(o.ResponseWriter).Flush() }

// Unwrap returns the writer beneath, for http.ResponseController.
func (o *observed) Unwrap() http.ResponseWriter { return o.ResponseWriter }
