package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/sheafdb/sheaf/adapters/httpapi/oas"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/patch"
	"github.com/sheafdb/sheaf/ports/app"
)

const (
	problemType = "application/problem+json"
	// statusClientGone is what is logged and counted where nobody is left to answer.
	statusClientGone = 499
)

// problemKind is a kind of failure as HTTP knows it; /problems/{slug} explains it.
type problemKind struct {
	slug, title string
	status      int
	advice      string
}

// kinds is the table from what a caller can do about a failure to what HTTP says.
var kinds = map[fault.Kind]problemKind{
	fault.Internal:          {"internal", "Internal error", http.StatusInternalServerError, "The server failed in a way that nobody foresaw. The request id leads to the log; sending the request again may work."},
	fault.Malformed:         {"malformed", "The request cannot be read", http.StatusBadRequest, "A parameter, a header or the body is not what the contract says. <code>errors</code> names every place. Sending the same request again is pointless."},
	fault.Invalid:           {"invalid", "The content breaks a rule", http.StatusUnprocessableEntity, "The request is well-formed, but what it wants to store is not admitted. <code>errors</code> names every place by a JSON Pointer, with the keyword of the schema or the code of the rule."},
	fault.Unauthenticated:   {"unauthenticated", "The caller is not known", http.StatusUnauthorized, "Send a key: <code>Authorization: Bearer …</code>."},
	fault.Denied:            {"denied", "Not allowed", http.StatusForbidden, "The caller is known, and may not do this."},
	fault.NotFound:          {"not-found", "Not found", http.StatusNotFound, "There is nothing at this address. <code>code</code> says what is missing: the path, the collection, or the document."},
	fault.Conflict:          {"conflict", "Something is in the way", http.StatusConflict, "A name, a key or a state is in the way of the request. <code>code</code> says which."},
	fault.Stale:             {"stale", "A condition does not hold", http.StatusPreconditionFailed, "<code>If-Match</code> or <code>If-None-Match</code> asked for another revision. The problem carries the current one and, where history still has the revision asked for, what both sides have changed since: merge, and try again with its entity tag."},
	fault.ConditionRequired: {"condition-required", "A condition is required", http.StatusPreconditionRequired, "The collection takes writes to documents only with <code>If-Match</code> or <code>If-None-Match</code>."},
	fault.TooLarge:          {"too-large", "Too large", http.StatusRequestEntityTooLarge, "The request is over a declared size. <code>detail</code> says which; send less."},
	fault.Unsupported:       {"unsupported-media-type", "The media type is not understood", http.StatusUnsupportedMediaType, "The header <code>Accept</code> of the answer lists what the operation understands."},
	fault.Exhausted:         {"exhausted", "Too many requests", http.StatusTooManyRequests, "A declared rate is exceeded. Wait as long as <code>Retry-After</code> says."},
	fault.Unavailable:       {"unavailable", "Not available now", http.StatusServiceUnavailable, "Something that the server needs does not answer. The same request may succeed after <code>Retry-After</code> seconds."},
}

// Kinds that only HTTP has.
var (
	notAllowedKind      = problemKind{"method-not-allowed", "The method is not allowed here", http.StatusMethodNotAllowed, "The path exists; the header <code>Allow</code> lists its methods."}
	notAcceptableKind   = problemKind{"not-acceptable", "None of the accepted media types can be produced", http.StatusNotAcceptable, "The header <code>Accept</code> of the request names nothing that this operation answers with, or <code>Accept-Encoding</code> no content coding that there is. <code>detail</code> lists what it does."}
	misdirectedKind     = problemKind{"misdirected", "The request is meant for another server", http.StatusMisdirectedRequest, "The header <code>Host</code> names no host that this server answers for. Use the address that it listens at, or add the name to the setting <code>http.hosts</code>."}
	headersTooLargeKind = problemKind{"headers-too-large", "The request line and the headers are too large", http.StatusRequestHeaderFieldsTooLarge, "Send shorter headers, or a long query in a body: <code>POST …/query</code>. The setting <code>http.maxHeaderBytes</code> bounds them."}
	notImplementedKind  = problemKind{"not-implemented", "The transfer coding is not known", http.StatusNotImplemented, "Send the body with <code>Content-Length</code>, or chunked."}
	versionKind         = problemKind{"http-version", "The version of HTTP is not spoken here", http.StatusHTTPVersionNotSupported, "Speak HTTP/1.1."}
)

// edgeKinds are all of them.
var edgeKinds = []problemKind{notAllowedKind, notAcceptableKind, misdirectedKind, headersTooLargeKind, notImplementedKind, versionKind}

// edgeError is a failure that only HTTP knows.
type edgeError struct {
	fault  *fault.Error
	kind   problemKind
	header http.Header
}

// Error returns the text of the fault.
func (e *edgeError) Error() string { return e.fault.Error() }

// Unwrap returns the fault.
func (e *edgeError) Unwrap() error { return e.fault }

func noSuchPath(r *http.Request) error {
	return fault.New(fault.NotFound, "path.notFound", "there is nothing at %s", shortened(r.URL.Path))
}

func methodNotAllowed(r *http.Request, methods []string) error {
	return &edgeError{
		fault: fault.New(fault.Malformed, "method.notAllowed", "%s is not a method of this path", shortened(r.Method)), kind: notAllowedKind,
		header: http.Header{"Allow": {strings.Join(methods, ", ")}},
	}
}

func notAcceptable(produces []string) error {
	return &edgeError{fault: fault.New(fault.Malformed, "request.notAcceptable", "this operation answers with %s", strings.Join(produces, " or ")), kind: notAcceptableKind}
}

// noCoding is the fault of a caller who takes no answer as it is, and none that is encoded as we can.
func noCoding() error {
	return &edgeError{fault: fault.New(fault.Malformed, "request.notAcceptable", "answers are sent as they are, or encoded with gzip or zstd"), kind: notAcceptableKind}
}

// shortened bounds what is repeated of a request.
func shortened(s string) string {
	const most = 200
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strings.ToValidUTF8(s, "\uFFFD")
}

// problem is a failure as it is sent (RFC 9457).
type problem struct {
	Type            string           `json:"type"`
	Title           string           `json:"title"`
	Status          int              `json:"status"`
	Detail          string           `json:"detail,omitempty"`
	Instance        string           `json:"instance,omitempty"`
	Code            string           `json:"code"`
	RequestID       string           `json:"requestId"`
	Errors          []violation      `json:"errors,omitempty"`
	CurrentRevision int64            `json:"currentRevision,omitempty"`
	BaseRevision    int64            `json:"baseRevision,omitempty"`
	Changes         *divergence      `json:"changes,omitempty"`
	Conflicts       []string         `json:"conflicts,omitzero"`
	Report          *json.RawMessage `json:"report,omitempty"`
	Failures        []sentFailure    `json:"failures,omitempty"`
	SuggestedIndex  map[string]any   `json:"suggestedIndex,omitempty"`
	// current is the text of a document, which goes out as it is stored.
	current []byte
}

// divergence is what became of a document since a revision, as JSON Patches.
type divergence struct {
	Current json.RawMessage `json:"current"`
	Yours   json.RawMessage `json:"yours,omitempty"`
}

type violation struct {
	In      string         `json:"in"`
	Pointer string         `json:"pointer"`
	Code    string         `json:"code"`
	Message string         `json:"message"`
	Params  map[string]any `json:"params,omitempty"`
}

// reported is a failed import with its report.
type reported struct {
	error
	report []byte
}

// Unwrap returns the failure.
func (r *reported) Unwrap() error { return r.error }

// fail answers with a failure: the one door that all of them leave by.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	ex := exchangeOf(r.Context())
	if r.Context().Err() != nil && (errors.Is(err, context.Canceled) || fault.Find(err) == nil) {
		return // nobody is there to read it: counted, and no failure of ours
	}
	if ex.started {
		// The answer is on its way and cannot be taken back; its end will be missed.
		s.Log.LogAttrs(r.Context(), slog.LevelWarn, "answer cut short", slog.String("request_id", ex.requestID), slog.String("error", err.Error()))
		panic(http.ErrAbortHandler)
	}
	p, header := describe(err)
	p.Instance, p.RequestID = shortened(r.URL.EscapedPath()), ex.requestID
	if unkept := ex.settleProblem(p); unkept != nil {
		err = unkept
		p, header = describe(err)
		p.Instance, p.RequestID = shortened(r.URL.EscapedPath()), ex.requestID
	}
	ex.code = p.Code
	if p.Status >= http.StatusInternalServerError {
		s.Log.LogAttrs(r.Context(), slog.LevelError, "request failed", slog.String("request_id", ex.requestID), slog.String("code", p.Code), slog.String("error", err.Error()))
	}
	for name, values := range header {
		w.Header()[name] = values
	}
	if p.Status == http.StatusUnsupportedMediaType && ex.plan != nil {
		ex.plan.sayUnderstood(w.Header())
	}
	ex.started = true
	p.write(w, r.Method)
}

// failBinding answers where the generated code could not bind a parameter. The plan has judged all of them before; what it lets through are days that no month has.
func (s *Server) failBinding(w http.ResponseWriter, r *http.Request, err error) {
	f := fault.Wrap(err, fault.Malformed, "request.parameters", "a parameter cannot be read")
	var unreadable *oas.InvalidParamFormatError
	if errors.As(err, &unreadable) {
		f = f.With(fault.Violation{In: "query", Pointer: unreadable.ParamName, Code: "format", Message: instantMessage})
	}
	s.fail(w, r, f)
}

// describe makes a problem of an error, and the headers that belong to it.
func describe(err error) (problem, http.Header) {
	f := fault.Find(err)
	if f == nil {
		f = fault.Wrap(err, fault.Internal, "internal", "")
	}
	kind, header := kinds[f.Kind], http.Header{}
	var edge *edgeError
	if errors.As(err, &edge) {
		kind = edge.kind
		if edge.header != nil {
			header = edge.header
		}
	}
	p := problem{Type: "/problems/" + kind.slug, Title: kind.title, Status: kind.status, Detail: f.Text, Code: f.Code}
	p.Errors = violationsOf(f.Violations)
	switch f.Kind {
	case fault.Internal:
		p.Detail, p.Code, p.Errors = "see the log at this request id", "internal", nil
	case fault.Unauthenticated:
		header.Set("WWW-Authenticate", "Bearer")
	}
	if f.RetryAfter > 0 || f.Kind == fault.Unavailable || f.Kind == fault.Exhausted {
		header.Set("Retry-After", strconv.FormatInt(max(1, int64(math.Ceil(f.RetryAfter.Seconds()))), 10))
	}
	p.carry(err)
	return p, header
}

// violationsOf are places that are wrong, as they are sent.
func violationsOf(list []fault.Violation) []violation {
	var sent []violation
	for _, v := range list {
		in := v.In
		if in == "" {
			in = "body"
		}
		sent = append(sent, violation{in, v.Pointer, v.Code, v.Message, v.Params})
	}
	return sent
}

// carry adds what some failures bring along.
func (p *problem) carry(err error) {
	var stale *document.StaleError
	if errors.As(err, &stale) && stale.Current != nil {
		p.CurrentRevision, p.current = stale.Current.Revision, appendDocument(nil, *stale.Current)
	}
	var diverged *app.DivergedError
	if errors.As(err, &diverged) {
		p.BaseRevision, p.Conflicts = diverged.Base, diverged.Conflicts
		p.Changes = &divergence{Current: patch.FormatOperations(diverged.Current)}
		if diverged.Conflicts != nil {
			p.Changes.Yours = patch.FormatOperations(diverged.Yours)
		}
	}
	var staleCollection *app.StaleError
	if errors.As(err, &staleCollection) {
		p.CurrentRevision = staleCollection.Current.Revision
	}
	var scan *app.UnindexedError
	if errors.As(err, &scan) {
		p.SuggestedIndex = scan.Suggestion
	}
	var bulk *app.BulkFailedError
	if errors.As(err, &bulk) {
		for _, f := range bulk.Report.Failures {
			p.Failures = append(p.Failures, failureOf(f))
		}
	}
	var failed *reported
	if errors.As(err, &failed) {
		report := json.RawMessage(failed.report)
		p.Report = &report
	}
}

func (p *problem) write(w http.ResponseWriter, method string) {
	body := p.encode()
	h := w.Header()
	h.Set("Content-Type", problemType)
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	for _, name := range []string{"ETag", "Location", "Link"} {
		h.Del(name)
	}
	w.WriteHeader(p.Status)
	if method != http.MethodHead {
		_, _ = w.Write(body) //nolint:gosec // JSON, sent as such; and a client that is gone needs no answer
	}
}

func (p *problem) encode() []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(p); err != nil {
		panic(fmt.Sprintf("httpapi: a problem of text and numbers always encodes: %v", err))
	}
	if p.current != nil { // encoding/json would write it anew
		b.Truncate(b.Len() - len("}\n"))
		b.WriteString(`,"current":`)
		b.Write(p.current)
		b.WriteString("}\n")
	}
	return b.Bytes()
}

// appendTime appends an instant (RFC 3339), with microseconds always, as all times of ours have. Every document has two, and a layout takes four times as long.
func appendTime(b []byte, t time.Time) []byte {
	t = t.UTC()
	year, month, day := t.Date()
	hour, minute, second := t.Clock()
	b = append(appendDigits(b, year, 4), '-')
	b = append(appendDigits(b, int(month), 2), '-')
	b = append(appendDigits(b, day, 2), 'T')
	b = append(appendDigits(b, hour, 2), ':')
	b = append(appendDigits(b, minute, 2), ':')
	b = append(appendDigits(b, second, 2), '.')
	return append(appendDigits(b, t.Nanosecond()/1000, 6), 'Z')
}

// appendDigits appends a number that is not negative with leading zeros.
func appendDigits(b []byte, n, width int) []byte {
	for range width {
		b = append(b, '0')
	}
	for i := len(b) - 1; n > 0 && i >= len(b)-width; i-- {
		b[i] = byte('0' + n%10)
		n /= 10
	}
	return b
}
