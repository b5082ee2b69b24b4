package httpapi_test

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"github.com/sheafdb/sheaf/adapters/memory"
	"github.com/sheafdb/sheaf/ports"
)

// Whatever is wrong with a request, and wherever that is found, it is a problem that names it.
func TestDoors(t *testing.T) {
	t.Parallel()
	a := inMemory(t)
	furnish(t, a)
	ndjson := "Content-Type: application/x-ndjson"
	for _, test := range []struct {
		name, send, body string
		headers          []string
		status           int
		code             string
		in, pointer      string // of a fault, with the code below
		fault            string
	}{
		{name: "unknown route", send: "GET /v2/collections", status: 404, code: "path.notFound"},
		{name: "a path too long", send: "GET " + mobyPath + "/revisions/1/more", status: 404, code: "path.notFound"},
		{name: "a path with a slash at its end", send: "GET /v1/collections/", status: 404, code: "path.notFound"},
		{name: "a path in another case", send: "GET /V1/collections", status: 404, code: "path.notFound"},
		{name: "unknown asset", send: "GET /docs/nothing.js", status: 404, code: "path.notFound"},
		{name: "index of the assets", send: "GET /docs/index.html", status: 404, code: "path.notFound"},
		{name: "unclean, two slashes", send: "GET //v1/collections", status: 404, code: "path.notFound"},
		{name: "unclean, two slashes inside", send: "GET /v1//collections", status: 404, code: "path.notFound"},
		{name: "unclean, a dot", send: "GET /v1/./collections", status: 404, code: "path.notFound"},
		{name: "unclean, two dots", send: "GET /v1/collections/..", status: 404, code: "path.notFound"},
		{name: "no id", send: "GET " + booksPath + "/documents/", status: 404, code: "path.notFound"},
		{name: "dots for an id", send: "GET " + booksPath + "/documents/%2E%2E", status: 400, code: "document.id", in: "path", pointer: "id", fault: "format"},
		{name: "a slash in an id", send: "POST " + booksPath + "/documents?id=a%2Fb", body: `{}`, status: 400, code: "document.id", in: "query", pointer: "id", fault: "format"},
		{name: "wrong method", send: "POST /v1/collections", body: `{}`, status: 405, code: "method.notAllowed"},
		{name: "wrong method of a document", send: "POST " + mobyPath, body: `{}`, status: 405, code: "method.notAllowed"},
		{name: "wrong method of a page", send: "DELETE /", status: 405, code: "method.notAllowed"},
		{name: "no method at all", send: "BREW /livez", status: 405, code: "method.notAllowed"},
		{name: "options of nothing", send: "OPTIONS /v1/nothing", status: 404, code: "path.notFound"},

		{name: "unknown parameter", send: "GET /v1/collections?pagesize=3", status: 400, code: "request.parameters", in: "query", pointer: "pagesize", fault: "unknownParameter"},
		{name: "repeated parameter", send: "GET /v1/collections?count=none&count=exact", status: 400, code: "request.parameters", in: "query", pointer: "count", fault: "single"},
		{name: "broken escape in the query", send: "GET /v1/collections?count=%zz", status: 400, code: "request.parameters", in: "query", fault: "syntax"},
		{name: "semicolon in the query", send: "GET /v1/collections?count=none;pageSize=1", status: 400, code: "request.parameters", in: "query", fault: "syntax"},
		{name: "huge number", send: "GET /v1/collections?pageSize=99999999999999999999", status: 400, code: "request.parameters", in: "query", pointer: "pageSize", fault: "type"},
		{name: "negative number", send: "GET /v1/collections?pageSize=-1", status: 400, code: "request.parameters", in: "query", pointer: "pageSize", fault: "minimum"},
		{name: "fraction", send: "GET /v1/collections?pageSize=1.5", status: 400, code: "request.parameters", in: "query", pointer: "pageSize", fault: "type"},
		{name: "empty number", send: "GET /v1/collections?pageSize=", status: 400, code: "request.parameters", in: "query", pointer: "pageSize", fault: "minLength"},
		{name: "empty id", send: "POST " + booksPath + "/documents?id=", body: `{}`, status: 400, code: "request.parameters", in: "query", pointer: "id", fault: "minLength"},

		{name: "broken condition", send: "GET " + mobyPath, headers: []string{"If-Match: 1"}, status: 400, code: "condition.malformed", in: "header", pointer: "If-Match", fault: "entityTag"},

		{name: "no coding at all", send: "GET " + mobyPath, headers: []string{"Accept-Encoding: br, identity;q=0"}, status: 406, code: "request.notAcceptable"},

		{name: "no body", send: "POST " + booksPath + "/documents", status: 400, code: "request.body", in: "body", fault: "required"},
		{name: "empty stream", send: "POST " + booksPath + "/import", headers: []string{ndjson}, status: 400, code: "request.body", in: "body", fault: "required"},
		{name: "no media type", send: "POST " + booksPath + "/documents", body: `{}`, headers: []string{"Content-Type: "}, status: 415, code: "request.mediaType"},
		{name: "broken media type", send: "POST " + booksPath + "/documents", body: `{}`, headers: []string{"Content-Type: application/json; charset"}, status: 415, code: "request.mediaType"},
		{name: "jsonx", send: "PATCH " + booksPath, body: `{}`, headers: []string{"Content-Type: application/merge-patch+jsonx"}, status: 415, code: "request.mediaType"},
		{name: "another charset", send: "POST " + booksPath + "/documents", body: `{}`, headers: []string{"Content-Type: application/json; charset=latin1"}, status: 415, code: "request.charset"},
		{name: "two encodings", send: "POST " + booksPath + "/documents", body: `{}`, headers: []string{"Content-Encoding: gzip, gzip"}, status: 415, code: "request.contentEncoding"},
		{name: "no gzip after all", send: "POST " + booksPath + "/documents", body: `{}`, headers: []string{"Content-Encoding: gzip"}, status: 400, code: "request.body"},
		{name: "no zstd after all", send: "POST " + booksPath + "/documents", body: `{}`, headers: []string{"Content-Encoding: zstd"}, status: 400, code: "request.body"},

		{name: "null for a document", send: "POST " + booksPath + "/documents", body: `null`, status: 422, code: "document.invalid", in: "body", fault: "type"},
		{name: "null for a collection", send: "PUT " + booksPath, body: `null`, status: 422, code: "collection.invalid", in: "body", fault: "type"},
		{name: "null for a patch", send: "PATCH " + booksPath, body: `null`, status: 422, code: "collection.invalid", in: "body", fault: "type"},
		{name: "null for a list", send: "POST " + booksPath + "/import", body: `null`, status: 400, code: "json.invalid"},
		{name: "junk after a document", send: "POST " + booksPath + "/documents", body: `{"a":1} junk`, status: 400, code: "json.invalid", in: "body", fault: "json.syntax"},
		{name: "a second document", send: "PUT " + mobyPath, body: `{"a":1}{"a":2}`, status: 400, code: "json.invalid", in: "body", fault: "json.syntax"},
		{name: "junk after a collection", send: "PUT " + booksPath, body: `{}]`, status: 400, code: "json.invalid", in: "body", fault: "json.syntax"},
		{name: "junk after a list", send: "POST " + booksPath + "/import", body: `[{}] {}`, status: 400, code: "json.invalid", in: "body", fault: "json.syntax"},
		{name: "members in another case", send: "PUT " + booksPath, body: `{"unknownFields":"allow","UNKNOWNFIELDS":"reject"}`, status: 422, code: "collection.invalid", in: "body", pointer: "/UNKNOWNFIELDS", fault: "unknownField"},
		{name: "a member twice", send: "PUT " + booksPath, body: `{"unknownFields":"allow","unknownFields":"reject"}`, status: 400, code: "json.invalid", in: "body", pointer: "/unknownFields", fault: "json.duplicate"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p := wantProblem(t, a.send(t, test.send, test.body, test.headers...), test.status, test.code)
			if test.fault != "" {
				wantFault(t, p, test.in, test.pointer, test.fault)
			}
		})
	}
}

func TestDoors_NearestParameter(t *testing.T) {
	t.Parallel()
	p := inMemory(t).send(t, "GET /v1/collections?pagesize=3&cuont=exact&zebra=1", "").problem(t)
	for i, want := range []string{"did you mean count?", "did you mean pageSize?", ""} {
		if got := p.Errors[i].Message; !strings.Contains(got, want) || want == "" && strings.Contains(got, "did you mean") {
			t.Errorf("%s: %s, want %q", p.Errors[i].Pointer, got, want)
		}
	}
}

func TestDoors_AllowAndAccept(t *testing.T) {
	t.Parallel()
	a := inMemory(t)
	for _, test := range []struct{ send, header, want string }{
		{"POST /v1/collections", "Allow", "GET, HEAD, OPTIONS"},
		{"POST " + booksPath, "Allow", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"},
		{"GET " + booksPath + "/import", "Allow", "POST, OPTIONS"},
		{"PUT /docs/", "Allow", "GET, HEAD, OPTIONS"},
		{"OPTIONS /v1/collections", "Allow", "GET, HEAD, OPTIONS"},
		{"OPTIONS /v1/collections", "Accept-Patch", ""},
		{"OPTIONS " + booksPath, "Allow", "GET, HEAD, PUT, PATCH, DELETE, OPTIONS"},
		{"OPTIONS " + booksPath, "Accept-Patch", "application/json, application/merge-patch+json"},
		{"OPTIONS " + mobyPath, "Accept-Patch", "application/json, application/json-patch+json, application/merge-patch+json, application/vnd.sheaf.update+json"},
		{"PUT " + booksPath, "Accept", "application/json"},
		{"PATCH " + booksPath, "Accept-Patch", "application/json, application/merge-patch+json"},
	} {
		if got := a.send(t, test.send, "x", "Content-Type: text/csv").header.Get(test.header); got != test.want {
			t.Errorf("%s: %s %q, want %q", test.send, test.header, got, test.want)
		}
	}
}

// What is equal by the rules of HTTP is taken as equal.
func TestDoors_SameMediaType(t *testing.T) {
	t.Parallel()
	a := inMemory(t)
	furnish(t, a)
	for _, test := range []struct{ send, body, media string }{
		{"PUT " + mobyPath, `{}`, "APPLICATION/JSON"},
		{"PUT " + mobyPath, `{}`, `Application/Json; Charset="UTF-8"`},
		{"PATCH " + booksPath, `{}`, "APPLICATION/MERGE-PATCH+JSON"},
		{"POST " + booksPath + "/import", "{}\n{}", "Application/X-NDJSON"},
	} {
		wantStatus(t, a.send(t, test.send, test.body, "Content-Type: "+test.media), http.StatusOK)
	}
	wantPart(t, a.send(t, "GET "+mobyPath, "").tree(t), decode(t, []byte(`{"revision":2,"data":{}}`)))
}

// wrongValues are values that a parameter of that schema cannot have.
func wrongValues(schema *openapi3.Schema) []string {
	switch {
	case schema.Type.Is("integer"):
		return []string{"x", "1.5", "-1", "1e3", "0x10", " 1", "99999999999999999999", "[1]", "null"}
	case schema.Type.Is("boolean"):
		return []string{"maybe", "2", "yes", "null", ""}
	case len(schema.Enum) > 0:
		return []string{"nonsense", strings.ToUpper(fmt.Sprint(schema.Enum[0])), "[]"}
	case schema.Format == "date-time":
		return []string{"yesterday", "2026-11-24", "2026-11-24T12:00:00", "2026-02-30T00:00:00Z", "2026-11-24T25:00:00Z", "1764000000"}
	case schema.Pattern != "":
		fits := regexp.MustCompile(schema.Pattern).MatchString
		return slices.DeleteFunc([]string{"UPPER", "1st", "a b", "ä", strings.Repeat("a", 64), "%00", "\x00"}, fits)
	case schema.MaxLength != nil:
		return []string{strings.Repeat("x", int(*schema.MaxLength)+1)}
	}
	return nil
}

// Every parameter of every operation is judged: the problem names it, and nothing else happens.
func TestDoors_WrongParameters(t *testing.T) {
	t.Parallel()
	a := inMemory(t)
	furnish(t, a)
	held := contents(t, a.store)
	for _, e := range examples() {
		for _, p := range e.op.Parameters {
			for _, value := range wrongValues(p.Value.Schema.Value) {
				send, headers := e.send(), e.headers
				switch p.Value.In {
				case openapi3.ParameterInQuery:
					send += "?" + p.Value.Name + "=" + url.QueryEscape(value)
				case openapi3.ParameterInPath:
					send = strings.Replace(send, "/"+fmt.Sprint(p.Value.Example), "/"+url.PathEscape(value), 1)
				case openapi3.ParameterInHeader:
					headers = append([]string{p.Value.Name + ": " + value}, headers...)
				}
				got := a.send(t, send, e.body, headers...)
				if got.status != http.StatusBadRequest {
					t.Errorf("%s with %s %.40q: %d %.200s", e.op.OperationID, p.Value.Name, value, got.status, got.body)
					continue
				}
				if e.method != http.MethodHead {
					if all := got.problem(t).Errors; len(all) != 1 || all[0].In != p.Value.In || all[0].Pointer != p.Value.Name {
						t.Errorf("%s with %s %.40q: %+v", e.op.OperationID, p.Value.Name, value, all)
					}
				}
			}
		}
	}
	if contents(t, a.store) != held {
		t.Error("something was stored")
	}
}

// HEAD answers as GET does, without the body.
func TestDoors_Head(t *testing.T) {
	t.Parallel()
	a := inMemory(t)
	furnish(t, a)
	targets := []string{"/", "/docs", "/docs/swagger-ui.css", "/nothing", "/v1/collections/ghosts", "/v1/collections?nonsense=1"}
	for _, e := range examples() {
		if e.method == http.MethodGet {
			targets = append(targets, e.target)
		}
	}
	for _, target := range targets {
		get, head := a.send(t, "GET "+target, "", "Request-Id: r"), a.send(t, "HEAD "+target, "", "Request-Id: r")
		if head.status != get.status || len(head.body) > 0 {
			t.Errorf("HEAD %s: %d with %d bytes, GET %d", target, head.status, len(head.body), get.status)
		}
		for _, name := range []string{"Content-Type", "Content-Length", "Etag", "Cache-Control"} {
			if got, want := head.header.Get(name), get.header.Get(name); got != want && got != "" {
				t.Errorf("HEAD %s: %s %q, GET %q", target, name, got, want)
			}
		}
	}
}

// panicking is a store of which every call panics.
func panicking(ports.Store) ports.Store {
	return broken{fail: func() error { panic(errors.New("password=secret")) }}
}

func TestDoors_Panic(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	store := memory.New()
	furnish(t, serve(t, store))
	a := serve(t, panicking(store), func(s *settings) { s.Log = slog.New(slog.NewJSONHandler(&log, nil)) })
	for _, e := range examples() {
		if e.op.Responses.Status(http.StatusInternalServerError) == nil {
			continue
		}
		for _, encoding := range []string{"identity", "gzip"} {
			got := wantStatus(t, a.send(t, e.send(), e.body, append([]string{"Accept-Encoding: " + encoding}, e.headers...)...), http.StatusInternalServerError)
			if strings.Contains(string(got.body), "secret") {
				t.Errorf("%s tells a secret: %s", e.op.OperationID, got.body)
			}
		}
	}
	wantStatus(t, a.send(t, "GET /livez", ""), http.StatusOK)
	a.stop() // and nobody writes to the log any more
	if !strings.Contains(log.String(), `"msg":"panic"`) || !strings.Contains(log.String(), "doors_test.go") {
		t.Errorf("the log does not say where: %.500s", log.String())
	}
}

// raw sends bytes as they are, and no more after them, and reads the answer.
func (a *api) raw(t *testing.T, text string) reply {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(a.url, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, text); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(text)))
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), r)
	if err != nil {
		t.Fatalf("%.60q: %v", text, err)
	}
	return a.read(t, r, response)
}

// A body that stops half-way is no document, however whole it looks.
func TestDoors_BodyCutShort(t *testing.T) {
	t.Parallel()
	a := inMemory(t)
	furnish(t, a)
	held := contents(t, a.store)
	for _, target := range []string{"PUT " + mobyPath, "POST " + booksPath + "/documents", "PUT " + booksPath, "PATCH " + booksPath, "POST " + booksPath + "/import"} {
		for _, body := range []string{
			"Content-Length: 100\r\n\r\n{}", "Content-Length: 100\r\n\r\n[{}]", "Transfer-Encoding: chunked\r\n\r\n3\r\n{} \r\n", "Transfer-Encoding: chunked\r\n\r\n4\r\n[{}]\r\n",
			"Transfer-Encoding: chunked\r\n\r\n4\r\n[{}]\r\nzz\r\n",
		} {
			got := a.raw(t, target+" HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"+body)
			if got.status != http.StatusBadRequest {
				t.Errorf("%s %q: %d %s", target, body, got.status, got.body)
			}
		}
	}
	if contents(t, a.store) != held {
		t.Errorf("something was stored: %s", contents(t, a.store))
	}
}
