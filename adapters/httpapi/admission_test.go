package httpapi_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// accounts has a member of each kind of access, a rule about changes, and coercion.
const accounts = `{"coerce":true,"schema":{"type":"object","required":["email"],"properties":{
	"email":{"type":"string","x-normalize":["trim","lowercase"]},"age":{"type":"integer"},"role":{"type":"string","default":"user"},
	"hash":{"type":"string","writeOnly":true},"auth":{"type":"object","properties":{"token":{"type":"string","writeOnly":true},"kind":{"type":"string"}}},
	"seen":{"type":"integer","readOnly":true},"tenant":{"type":"string","x-immutable":true}}},
	"rules":[{"code":"not-younger","rule":"old == null || !has(old.age) || has(doc.age) && doc.age >= old.age","message":"nobody gets younger","path":"doc.age"}],
	"indexes":[{"name":"by_hash","on":["doc.hash"]}]}`

const (
	accountsPath = "/v1/collections/accounts"
	evePath      = accountsPath + "/documents/eve"
	aggregation  = "POST " + accountsPath + "/aggregate"
	secret       = "s3cret"
)

// eve declares accounts, of which there is one.
func eve(t *testing.T, a *api) {
	t.Helper()
	a.declare(t, "accounts", accounts)
	a.put(t, "accounts", "eve", `{"email":" EVE@example.org ","age":"30","hash":"s3cret","auth":{"token":"s3cret","kind":"app"},"tenant":"t1"}`)
}

// admissionScenarios are those of what collections fill in, keep and forbid.
var admissionScenarios = []scenario{
	{name: "declare rules", send: "PUT /v1/collections/maps", body: `{"coerce":true,"defaults":false,"enforcement":"ratchet","rules":[{"code":"a","rule":"has(doc.a)","message":"m","path":"/a"}]}`, status: 201, writes: true,
		want: `{"coerce":true,"defaults":false,"enforcement":"ratchet","rules":[{"code":"a","rule":"has(doc.a)","message":"m","path":"/a"}]}`},
	{name: "declare rules wrongly", send: "PUT /v1/collections/maps", status: 422, code: "collection.invalid",
		body: `{"schema":{"properties":{"n":{"type":"number"}},"additionalProperties":false},"coerce":1,"enforcement":"off","rules":[{"code":"required","rule":"doc.m == 1"},{"code":"A b","rule":"doc.n == 'x'","path":"n"},{"rule":"true","roll":1},{"code":"c","rule":"doc.n"},{"code":"c","rule":"(","message":""}]}`,
		want: `{"errors":[{"pointer":"/coerce","code":"type"},{"pointer":"/enforcement","code":"enum"},{"pointer":"/rules/0/code","code":"taken"},{"pointer":"/rules/0/rule","code":"unknown","params":{"offset":3,"line":1,"column":4}},
			{"pointer":"/rules/1/code","code":"pattern"},{"pointer":"/rules/1/path","code":"path"},{"pointer":"/rules/1/rule","code":"type"},{"pointer":"/rules/2/roll","code":"unknownField"},{"pointer":"/rules/2","code":"required"},
			{"pointer":"/rules/3/rule","code":"type"},{"pointer":"/rules/4/rule","code":"syntax"}]}`},
	{name: "declare defaults wrongly", send: "PUT /v1/collections/maps", status: 422, code: "collection.invalid",
		body: `{"id":{"from":"doc.by"},"schema":{"properties":{"n":{"type":"number","default":"x"},"by":{"readOnly":true}}}}`,
		want: `{"errors":[{"pointer":"/schema/properties/n/default","code":"default"},{"pointer":"/id/from","code":"marked"}]}`},
	{name: "declare marks wrongly", send: "PUT /v1/collections/maps", status: 422, code: "collection.invalid",
		body: `{"schema":{"properties":{"l":{"items":{"properties":{"x":{"writeOnly":true}}}},"n":{"x-normalize":"shout","x-immutable":1}}}}`,
		want: `{"errors":[{"pointer":"/schema/properties/n/x-immutable","code":"type"},{"pointer":"/schema/properties/n/x-normalize","code":"enum"}]}`},

	{name: "create, made whole", before: eve, send: "POST " + accountsPath + "/documents", body: `{"email":"Bob@Example.org","age":"41"}`, status: 201, writes: true,
		want: `{"data":{"email":"bob@example.org","age":41,"role":"user"},"warnings":[{"pointer":"/age","code":"coerced","params":{"from":"string","to":"integer"}}]}`},
	{name: "create, with what is the server's", before: eve, send: "POST " + accountsPath + "/documents", body: `{"age":"x","seen":1}`, status: 422, code: "document.invalid",
		want: `{"errors":[{"pointer":"/seen","code":"readOnly"},{"pointer":"","code":"required"},{"pointer":"/age","code":"type"}]}`},
	{name: "put what was got", before: eve, send: "PUT " + evePath, body: `{"email":"eve@example.org","age":30,"role":"user","auth":{"kind":"app"},"tenant":"t1"}`, status: 200, want: `{"revision":1}`},
	{name: "put what may not change", before: eve, send: "PUT " + evePath, body: `{"email":"eve@example.org","age":29,"tenant":"t2"}`, status: 422, code: "document.invalid",
		want: `{"errors":[{"pointer":"/tenant","code":"immutable"},{"pointer":"/age","code":"not-younger","message":"nobody gets younger"}]}`},
	{name: "merge what may not change", before: eve, send: "PATCH " + evePath, body: `{"age":"29","tenant":null}`, status: 422, code: "document.invalid",
		want: `{"errors":[{"pointer":"/tenant","code":"immutable"},{"pointer":"/age","code":"not-younger"}]}`},
	{name: "merge, coerced", before: eve, send: "PATCH " + evePath, body: `{"age":"31"}`, status: 200, writes: true, want: `{"data":{"age":31},"warnings":[{"pointer":"/age","code":"coerced"}]}`},
	{name: "get, with what is hidden", before: eve, send: "GET " + evePath + "?fields=doc.hash,doc.auth", status: 200, want: `{"data":{"hash":"s3cret","auth":{"kind":"app","token":null}}}`},
	{name: "list by what is hidden", before: eve, send: "GET " + accountsPath + "/documents?filter=" + url.QueryEscape(`doc.hash == "s3cret"`), status: 200, want: `{"items":[{"id":"eve","data":{"hash":null}}]}`},

	{name: "restore what is refused now", send: "POST " + accountsPath + "/documents/old/restore", body: `{"revision":1}`, before: func(t *testing.T, a *api) {
		t.Helper()
		lenient("enforce")(t, a)
		wantStatus(t, a.send(t, "PUT "+accountsPath+"/documents/old", `{"email":"x"}`), http.StatusOK)
	}, status: 422, code: "document.invalid", want: `{"errors":[{"pointer":"/email","code":"type"}]}`},
	{name: "report faults", send: "PUT " + accountsPath + "/documents/x", before: lenient("report"), body: `{"email":1}`, status: 201, writes: true, want: `{"warnings":[{"pointer":"/email","code":"type"}]}`},
	{name: "ratchet, the same fault", send: "PUT " + accountsPath + "/documents/old", before: lenient("ratchet"), body: `{"email":2}`, status: 200, writes: true, want: `{"warnings":[{"pointer":"/email","code":"type"}]}`},
	{name: "ratchet, another fault", send: "PATCH " + accountsPath + "/documents/old", before: lenient("ratchet"), body: `{"email":null}`, status: 422, code: "document.invalid", want: `{"errors":[{"pointer":"","code":"required"}]}`},
	{name: "import, with warnings", send: "POST " + accountsPath + "/import?existing=replace", before: lenient("report"), body: `{"email":1}`, headers: []string{"Content-Type: application/x-ndjson"}, status: 200, writes: true,
		want: `{"created":1,"warned":1,"warnings":[{"line":1,"pointer":"/email","code":"type"}]}`},
}

// lenient declares accounts with a fault in the document old, and then another enforcement.
func lenient(enforcement string) func(t *testing.T, a *api) {
	return func(t *testing.T, a *api) {
		t.Helper()
		a.declare(t, "accounts", `{}`)
		a.put(t, "accounts", "old", `{"email":1}`)
		wantStatus(t, a.send(t, "PUT "+accountsPath, `{"enforcement":"`+enforcement+`","schema":{"required":["email"],"properties":{"email":{"type":"string"}}}}`), http.StatusOK)
	}
}

// TestHidden asks everything that answers with documents for one that has members with writeOnly.
func TestHidden(t *testing.T) {
	t.Parallel()
	onEvery(t, func(t *testing.T, a *api) {
		t.Helper()
		eve(t, a)
		a.declare(t, "posts", `{"references":[{"path":"doc.by","collection":"accounts"}]}`)
		a.put(t, "posts", "p", `{"by":"eve"}`)
		for _, ask := range [...]struct{ line, body, header string }{
			{line: "GET " + evePath},
			{line: "GET " + evePath + "?asOf=2100-01-01T00:00:00Z"},
			{line: "GET " + evePath + "?fields=doc.auth,doc.email"},
			{line: "GET " + accountsPath + "/documents"},
			{line: "GET " + accountsPath + "/documents?orderBy=doc.hash"},
			{line: "POST " + accountsPath + "/query", body: `{"filter":"has(doc.hash)"}`},
			{line: "GET " + evePath + "/revisions"},
			{line: "GET " + evePath + "/revisions/1"},
			{line: "GET " + evePath + "/diff"},
			{line: "GET /v1/collections/posts/documents/p?expand=doc.by"},
			{line: "GET /v1/collections/posts/documents?expand=doc.by"},
			{line: "PUT " + evePath + "?validateOnly=true", body: `{"email":"eve","age":30,"tenant":"t1","auth":{"kind":"app"}}`},
			{line: "PATCH " + evePath + "?validateOnly=true", body: `{"age":31}`},
			{line: "DELETE " + evePath + "?validateOnly=true"},
			{line: "PUT " + evePath, body: `{"email":"eve@example.org","age":31,"tenant":"t1","auth":{"kind":"app"}}`},
			{line: "PATCH " + evePath, body: `{"age":32}`},
			{line: "PATCH " + evePath, body: `{"age":32}`, header: `Idempotency-Key: k1`},
			{line: "PATCH " + evePath, body: `{"age":32}`, header: `Idempotency-Key: k1`},
			{line: "PUT " + evePath, body: `{}`, header: `If-Match: "1"`},
			{line: "PATCH " + evePath, body: `{"age":33}`, header: `If-Match: "1"`},
			{line: "GET " + evePath, header: `If-Match: "7"`},
			{line: "POST /v1/transactions", body: `{"operations":[{"op":"check","collection":"accounts","id":"eve"},{"op":"patch","collection":"accounts","id":"eve","patch":{"age":32}},
				{"op":"put","collection":"accounts","id":"eve","data":{"email":"eve@example.org","age":32,"tenant":"t1","auth":{"kind":"app"}}}]}`},
			{line: "POST /v1/transactions", body: `{"operations":[{"op":"check","collection":"accounts","id":"eve","ifMatch":1}]}`},
			{line: aggregation, body: `{"stages":[{"match":"doc.hash == 's3cret'"}]}`},
			{line: aggregation, body: `{"stages":[{"project":{"all":"doc","auth":"doc.auth","list":"[doc.auth, doc]","one":"true ? doc.auth : doc","first":"[doc][0]"}}]}`},
			{line: aggregation, body: `{"stages":[{"group":{"by":{"a":"doc.auth"},"fields":{"all":{"collect":"doc"},"one":{"first":"doc"}}}},{"unwind":{"path":"all","as":"each"}}]}`},
			{line: aggregation, body: `{"stages":[{"facet":{"all":[{"limit":1}],"one":[{"project":{"x":"doc"}}]}}]}`},
			{line: "POST /v1/collections/posts/aggregate", body: `{"stages":[{"lookup":{"path":"doc.by","as":"who"}},{"project":{"who":"who","auth":"who.auth"}}]}`},
			{line: "POST " + evePath + "/restore?validateOnly=true", body: `{"revision":3}`},
		} {
			var headers []string
			if ask.header != "" {
				headers = []string{ask.header}
			}
			got := a.send(t, ask.line, ask.body, headers...)
			if got.status >= http.StatusBadRequest && got.status != http.StatusPreconditionFailed {
				t.Errorf("%s: %d %s", ask.line, got.status, got.body)
			}
			if strings.Contains(string(got.body), secret) || !strings.Contains(string(got.body), "app") {
				t.Errorf("%s shows %s", ask.line, got.body)
			}
		}
		if got := a.send(t, aggregation, `{"stages":[{"project":{"h":"doc.hash","t":"doc.auth.token"}}]}`); strings.Count(string(got.body), secret) != 2 {
			t.Errorf("named, an aggregation has %s", got.body)
		}
		got := a.send(t, aggregation, `{"stages":[{"limit":1},{"project":{"h":"doc[doc.email]"}}]}`)
		wantFault(t, wantProblem(t, got, http.StatusBadRequest, "aggregate.invalid"), "body", "/stages/1", "writeOnly")
		// It is still there, and an export has it.
		if got := a.send(t, "GET "+evePath+"?fields=doc.auth.token,doc.hash", ""); strings.Count(string(got.body), secret) != 2 {
			t.Errorf("named, they are %s", got.body)
		}
		if got := a.send(t, "GET "+accountsPath+"/export", ""); strings.Count(string(got.body), secret) != 2 {
			t.Errorf("an export has %s", got.body)
		}
	})
}
