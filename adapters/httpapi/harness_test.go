package httpapi_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"

	"github.com/sheafdb/sheaf"
	"github.com/sheafdb/sheaf/adapters/httpapi"
	"github.com/sheafdb/sheaf/adapters/memory"
	"github.com/sheafdb/sheaf/adapters/postgres"
	"github.com/sheafdb/sheaf/adapters/postgres/pgtest"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/schema"
	"github.com/sheafdb/sheaf/ports"
	"github.com/sheafdb/sheaf/ports/app"
)

var migrated = pgtest.NewTemplate(postgres.Migrate)

func TestMain(m *testing.M) {
	for _, media := range []string{"application/x-ndjson", "text/html", "application/yaml", "application/openmetrics-text"} {
		openapi3filter.RegisterBodyDecoder(media, openapi3filter.PlainBodyDecoder)
	}
	pgtest.Main(m)
}

// contract is openapi.yaml with every reference resolved.
var contract = sync.OnceValue(func() *openapi3.T {
	doc, err := openapi3.NewLoader().LoadFromData(sheaf.Contract)
	if err != nil {
		panic(err)
	}
	return doc
})

// operations routes requests to the operations of the contract, by patterns.
var operations = sync.OnceValue(func() *http.ServeMux {
	mux := http.NewServeMux()
	for path, item := range contract().Paths.Map() {
		for method := range item.Operations() {
			mux.HandleFunc(method+" "+path, func(http.ResponseWriter, *http.Request) {})
		}
	}
	return mux
})

// operationOf returns the operation that a request means, nil where there is none, and the path that the contract has it under. HEAD means GET where it is no operation of its own.
func operationOf(r *http.Request) (*openapi3.Operation, string) {
	_, pattern := operations().Handler(r)
	method, path, found := strings.Cut(pattern, " ")
	if !found {
		return nil, ""
	}
	return contract().Paths.Value(path).GetOperation(method), path
}

// noon is when everything happens.
var noon = time.Date(2026, 11, 24, 12, 0, 0, 123_456_000, time.UTC)

// api is a server, and a client of it that holds every answer against the contract.
type api struct {
	*httpapi.Server
	store     ports.Store
	documents *app.Documents
	url       string
	http      *http.Client
	// stop waits until every request is done, and takes no more. It may be called twice.
	stop func()
	// seen is called with the operation and status of every answer; nil forgets them.
	seen func(operation string, status int)
}

// settings are what a test may change of a server.
type settings struct {
	httpapi.Config
	limits app.Limits
	clock  ports.Clock
}

const (
	maxDocument = 256 << 10 // bytes
	maxBody     = 1 << 20   // bytes
)

// serve starts a server on the store, with every role and without a key.
func serve(tb testing.TB, store ports.Store, changes ...func(*settings)) *api {
	tb.Helper()
	s := settings{clock: func() time.Time { return noon }, limits: app.Limits{
		Document: collection.Limits{Bytes: maxDocument},
		Schema:   schema.DefaultLimits(),
		Import:   app.ImportLimits{StrictDocuments: 100_000, StrictBytes: 64 << 20},
		Scan:     20_000, Operations: 500, Filled: maxBody,
	}}
	s.Config = httpapi.Config{
		Roles: []string{"configuration", "store", "process"}, Contract: sheaf.Contract, MaxDocumentBytes: maxDocument, MaxBodyBytes: maxBody, MaxTransactionBytes: 4 * maxBody,
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; version=0.0.4")
			_, _ = io.WriteString(w, "up 1\n")
		}),
	}
	for _, change := range changes {
		change(&s)
	}
	var made atomic.Int64
	parts := app.Dependencies{
		Store: store, Clock: s.clock, Limits: s.limits,
		IDs: func() ident.Document { return documentID(fmt.Sprintf("made-%06d", made.Add(1))) },
	}
	catalog := app.NewCatalog(store, parts.Clock, s.limits.Schema)
	parts.Store = app.Relate(store, catalog, parts.Limits.Cascade)
	s.Collections = &app.Collections{Dependencies: parts, Catalog: catalog}
	s.Documents = &app.Documents{Dependencies: parts, Catalog: catalog}
	s.Receipts = &app.Receipts{Dependencies: parts, Retention: 24 * time.Hour}
	s.Transfer = &app.Transfer{Dependencies: parts, Catalog: catalog, Receipts: s.Receipts}
	s.Operations = app.NewOperations(parts, catalog, s.Documents)
	s.Operations.Pause = func(context.Context, time.Duration) {}
	s.Bulk = &app.Bulk{Dependencies: parts, Catalog: catalog, Documents: s.Documents, Operations: s.Operations}
	server, err := httpapi.New(s.Config)
	if err != nil {
		tb.Fatal(err)
	}
	listening := httptest.NewServer(server)
	// What is asked for is what is sent: no compression that the transport would hide.
	transport := &http.Transport{DisableCompression: true}
	stop := func() {
		transport.CloseIdleConnections()
		listening.Close()
	}
	tb.Cleanup(stop)
	return &api{Server: server, store: store, documents: s.Documents, url: listening.URL, stop: stop, http: &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// inMemory starts a server on an empty store in memory.
func inMemory(tb testing.TB, changes ...func(*settings)) *api {
	tb.Helper()
	return serve(tb, memory.New(), changes...)
}

// onPostgres starts a server on an empty database.
func onPostgres(tb testing.TB, changes ...func(*settings)) *api {
	tb.Helper()
	store, err := postgres.Open(tb.Context(), postgres.Config{URL: migrated.Open(tb)})
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(store.Close)
	return serve(tb, store, changes...)
}

// everyStore starts a server on each store.
var everyStore = map[string]func(tb testing.TB, changes ...func(*settings)) *api{"memory": inMemory, "postgres": onPostgres}

// onEvery runs a test on a server on each store.
func onEvery(t *testing.T, test func(t *testing.T, a *api)) {
	t.Helper()
	t.Run("memory", func(t *testing.T) { t.Parallel(); test(t, inMemory(t)) })
	t.Run("postgres", func(t *testing.T) { t.Parallel(); test(t, onPostgres(t)) })
}

// reply is an answer, read to its end.
type reply struct {
	status int
	header http.Header
	body   []byte
}

// request makes a request of a line such as "GET /livez", a body and headers such as "Accept: text/html". A body is JSON unless a header says otherwise.
func (a *api) request(tb testing.TB, line, body string, headers ...string) *http.Request {
	tb.Helper()
	method, target, _ := strings.Cut(line, " ")
	r, err := http.NewRequestWithContext(tb.Context(), method, a.url+target, strings.NewReader(body))
	if err != nil {
		tb.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, header := range headers {
		name, value, _ := strings.Cut(header, ": ")
		r.Header.Set(name, value)
	}
	return r
}

// send sends a request and holds the answer against the contract.
func (a *api) send(tb testing.TB, line, body string, headers ...string) reply {
	tb.Helper()
	return a.do(tb, a.request(tb, line, body, headers...))
}

func (a *api) do(tb testing.TB, r *http.Request) reply {
	tb.Helper()
	response, err := a.http.Do(r)
	if err != nil {
		tb.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	return a.read(tb, r, response)
}

func (a *api) read(tb testing.TB, r *http.Request, response *http.Response) reply {
	tb.Helper()
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		tb.Fatalf("%s %s: %v", r.Method, r.URL, err)
	}
	got := reply{response.StatusCode, response.Header, body}
	a.judge(tb, r, got)
	return got
}

// judge fails the test where an answer is not one of the contract's.
func (a *api) judge(tb testing.TB, r *http.Request, got reply) {
	tb.Helper()
	line := r.Method + " " + r.URL.RequestURI()
	if got.header.Get("Request-Id") == "" {
		tb.Errorf("%.200s: no Request-Id", line)
	}
	op, path := operationOf(r)
	if got.status >= http.StatusBadRequest && (op == nil || op.OperationID != "getReadiness") {
		if media := got.header.Get("Content-Type"); media != "application/problem+json" {
			tb.Errorf("%.200s: %d as %q: %.200s", line, got.status, media, got.body)
		}
		if r.Method != http.MethodHead {
			wantSchema(tb, "Problem", got.body)
			if p := got.problem(tb); p.Status != got.status || p.RequestID != got.header.Get("Request-Id") && got.header.Get("Idempotency-Replayed") == "" {
				tb.Errorf("%.200s: %d, and the problem says %s", line, got.status, got.body)
			}
		}
	}
	if op == nil || r.Method != http.MethodHead && slices.Contains([]string{"path.notFound", "method.notAllowed", "request.host"}, got.code(tb)) {
		return // the contract has nothing to say of it
	}
	if a.seen != nil {
		a.seen(op.OperationID, got.status)
	}
	documented := op.Responses.Status(got.status)
	if documented == nil {
		tb.Errorf("%.200s: %s does not document %d: %.300s", line, op.OperationID, got.status, got.body)
		return
	}
	// Where an answer has no body the validator does not look at the headers either.
	for name, header := range documented.Value.Headers {
		if header.Value.Required && got.header.Get(name) == "" {
			tb.Errorf("%.200s: %d without %s", line, got.status, name)
		}
	}
	if len(got.body) == 0 { // HEAD, or what return=minimal and 204 are
		return
	}
	content := json.RawMessage(got.body)
	if encoding := got.header.Get("Content-Encoding"); encoding != "" {
		content = unpack(tb, encoding, got.body)
	}
	input := openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{
			Request: r, Route: &routers.Route{Spec: contract(), Path: path, PathItem: contract().Paths.Value(path), Method: r.Method, Operation: op},
		},
		Status: got.status, Header: got.header, Body: io.NopCloser(bytes.NewReader(content)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true, MultiError: true},
	}
	if err := openapi3filter.ValidateResponse(tb.Context(), &input); err != nil {
		tb.Errorf("%.200s: %d is not what the contract says: %v", line, got.status, err)
	}
}

// wantSchema holds a text against a schema of the contract.
func wantSchema(tb testing.TB, name string, text []byte) {
	tb.Helper()
	var value any
	if err := json.Unmarshal(text, &value); err != nil {
		tb.Errorf("not a %s: %v: %.200s", name, err, text)
		return
	}
	if err := contract().Components.Schemas[name].Value.VisitJSON(value, openapi3.MultiErrors()); err != nil {
		tb.Errorf("not a %s: %v: %.500s", name, err, text)
	}
}

// problem is what a test looks at in a failure.
type problem struct {
	Type            string
	Status          int
	Detail          string
	Code            string
	RequestID       string
	CurrentRevision int64
	Errors          []violation
	Report          *report
}

type violation struct{ In, Pointer, Code, Message string }

type report struct {
	Created, Replaced, Unchanged, Skipped, Failed int64
	Errors                                        []lineFault
}

type lineFault struct {
	Line                   int64
	Pointer, Code, Message string
}

func (r reply) problem(tb testing.TB) (p problem) {
	tb.Helper()
	if err := json.Unmarshal(r.body, &p); err != nil {
		tb.Fatalf("%d is no problem: %.200s", r.status, r.body)
	}
	return p
}

// code is the code of the problem, "" where the answer is none.
func (r reply) code(tb testing.TB) string {
	tb.Helper()
	if r.header.Get("Content-Type") != "application/problem+json" || len(r.body) == 0 {
		return ""
	}
	return r.problem(tb).Code
}

// tree is the body, decoded.
func (r reply) tree(tb testing.TB) any {
	tb.Helper()
	return decode(tb, r.body)
}

func decode(tb testing.TB, text []byte) any {
	tb.Helper()
	tree, err := jsontext.Decode(text)
	if err != nil {
		tb.Fatalf("%v: %.200s", err, text)
	}
	return tree
}

func wantStatus(tb testing.TB, got reply, status int) reply {
	tb.Helper()
	if got.status != status {
		tb.Fatalf("status %d, want %d: %.500s", got.status, status, got.body)
	}
	return got
}

// wantProblem fails the test where the answer is not this failure.
func wantProblem(tb testing.TB, got reply, status int, code string) problem {
	tb.Helper()
	if got.status != status || got.code(tb) != code {
		tb.Fatalf("got %d %.500s, want %d %s", got.status, got.body, status, code)
	}
	return got.problem(tb)
}

// wantFault fails the test where the problem does not name the place with the code.
func wantFault(tb testing.TB, p problem, in, pointer, code string) {
	tb.Helper()
	for _, v := range p.Errors {
		if v.In == in && v.Pointer == pointer && v.Code == code {
			return
		}
	}
	tb.Errorf("no %s at %s %q in %+v", code, in, pointer, p.Errors)
}

// wantPart fails the test where got lacks something that want has: objects may have more members, everything else is equal.
func wantPart(tb testing.TB, got, want any) {
	tb.Helper()
	switch want := want.(type) {
	case map[string]any:
		if got, ok := got.(map[string]any); ok {
			for key, value := range want {
				wantPart(tb, got[key], value)
			}
			return
		}
	case []any:
		if got, ok := got.([]any); ok && len(got) == len(want) {
			for i, value := range want {
				wantPart(tb, got[i], value)
			}
			return
		}
	}
	if !jsontext.Equal(got, want) {
		tb.Errorf("got %v, want %v", got, want)
	}
}

// declare creates a collection.
func (a *api) declare(tb testing.TB, name, definition string) {
	tb.Helper()
	wantStatus(tb, a.send(tb, "PUT /v1/collections/"+name, definition), http.StatusCreated)
}

// put stores a document. Its condition always holds, for collections that ask for one.
func (a *api) put(tb testing.TB, collectionName, id, data string) {
	tb.Helper()
	got := a.send(tb, "PUT /v1/collections/"+collectionName+"/documents/"+id, data, `If-None-Match: "0"`)
	if got.status != http.StatusOK && got.status != http.StatusCreated {
		tb.Fatalf("put %s/%s: %d %.300s", collectionName, id, got.status, got.body)
	}
}

// contents is all that a store holds, as text.
func contents(tb testing.TB, store ports.Store) string {
	tb.Helper()
	var b strings.Builder
	all, err := store.ListCollections(context.Background(), "", 1000)
	if err != nil {
		tb.Fatal(err)
	}
	for _, c := range all {
		fmt.Fprintf(&b, "%s %d %s %s\n", c.Name, c.Revision, c.State, c.Configuration)
		if err := store.Export(context.Background(), c.Key, func(d document.Document) error {
			fmt.Fprintf(&b, "  %s %d %s\n", d.ID, d.Revision, d.Data)
			return nil
		}); err != nil {
			tb.Fatal(err)
		}
	}
	return b.String()
}

func documentID(s string) ident.Document {
	id, err := ident.ParseDocument(s)
	if err != nil {
		panic(err)
	}
	return id
}

func collectionName(s string) ident.Collection {
	name, err := ident.ParseCollection(s)
	if err != nil {
		panic(err)
	}
	return name
}

// keyOf returns where a store keeps a collection.
func keyOf(tb testing.TB, store ports.Store, name string) collection.Key {
	tb.Helper()
	stored, err := store.GetCollection(context.Background(), collectionName(name))
	if err != nil {
		tb.Fatal(err)
	}
	return stored.Key
}
