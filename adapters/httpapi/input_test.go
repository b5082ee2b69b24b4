package httpapi_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"runtime"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sheafdb/sheaf/domain/jsontext"
)

// naughty are texts that software is known to stumble over, all of them fine as values, as names of members and as ids.
var naughty = []string{
	"undefined", "null", "NULL", "nil", "true", "0", "-1", "1e2", "NaN", "Infinity", "-", "_", "...", ".a", "a..", "~", "~0", "~1", "$", "$ref", "$exists", "__proto__", "constructor",
	" ", "  leading", "trailing  ", "a b", "a+b", "a&b=c", "a;b", "a,b", "a:b", "a@b", "a#b", "a?b", "a%b", "%", "%20", "%2F", "%00", "%zz", "a\\b", `a"b`, "a'b", "`", "<script>alert(1)", "{{7*7}}", "${7*7}", "$(id)", "';--", "%s%n", "*", "(", "[1]", "{}", "|", "^",
	"é", "e\u0301", "ﬁ", "ß", "İ", "ı", "Ω", "ö̲̈", "田中さん", "사회과학원", "ЁЂЃ", "שלום", "مرحبا", "\u202eright to left", "\u2066isolated\u2069", "\u200b", "\u00ad", "\ufeffbom", "\u2028", "\u3000", "\uffff", "\ufffd", "😀", "👩‍👩‍👧‍👦", "🇨🇭", "𝕋𝕙𝕖", "Z̮̞̠͙͔ͅḀ̗̞͈̻̗Ḷ͙͎̯̹̞͓G̻O̭̗̮", "\U0010ffff",
	strings.Repeat("x", 255), strings.Repeat("é", 127) + "x",
}

// A naughty text is kept as it is: as an id in a path, in a query and in a link, as a name and as a value.
func TestNaughtyStrings(t *testing.T) {
	t.Parallel()
	for name, open := range everyStore {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := open(t)
			a.declare(t, "books", `{}`)
			a.declare(t, "named", `{"id":{"from":"doc.id"}}`)
			for _, s := range naughty {
				quoted := string(jsontext.Append(nil, s))
				data := "{" + quoted + ":" + quoted + `,"id":` + quoted + "}"
				want := decode(t, []byte(`{"id":`+quoted+`,"data":`+data+"}"))
				wantAt := func(location string) {
					t.Helper()
					wantPart(t, wantStatus(t, a.send(t, "GET "+location, ""), http.StatusOK).tree(t), want)
				}
				for _, created := range []reply{
					a.send(t, "POST "+booksPath+"/documents?id="+url.QueryEscape(s), data),
					a.send(t, "POST /v1/collections/named/documents", data),
				} {
					wantAt(wantStatus(t, created, http.StatusCreated).header.Get("Location"))
				}
				path := booksPath + "/documents/" + url.PathEscape(s)
				wantAt(path)
				wantStatus(t, a.send(t, "PUT "+path, data), http.StatusOK)
				// One at a time, so that every id is the end of a page once.
			}
			for _, name := range []string{"books", "named"} {
				if got := len(a.walk(t, name, 1)); got != len(naughty) {
					t.Errorf("%s: %d documents on pages of one, want %d", name, got, len(naughty))
				}
			}
		})
	}
}

// walk reads a list page by page, and returns the ids. It follows the link or the token in turn.
func (a *api) walk(tb testing.TB, name string, size int) (ids []string) {
	tb.Helper()
	base := fmt.Sprintf("/v1/collections/%s/documents?pageSize=%d", name, size)
	for target := base; target != ""; {
		got := wantStatus(tb, a.send(tb, "GET "+target, ""), http.StatusOK)
		page := got.tree(tb).(map[string]any)
		items := page["items"].([]any)
		for _, item := range items {
			ids = append(ids, item.(map[string]any)["id"].(string))
		}
		link, _, _ := strings.Cut(got.header.Get("Link"), `; rel="next"`)
		if strings.Contains(link, `rel="prev"`) {
			link = ""
		}
		token := page["nextPageToken"]
		if (link == "") != (token == nil) || token != nil && len(items) == 0 {
			tb.Fatalf("link %q, token %v, %d items", link, token, len(items))
		}
		switch {
		case token == nil:
			return ids
		case len(ids)%2 == 0:
			target, _, _ = strings.Cut(strings.TrimPrefix(link, "<"), ">")
		default:
			target = base + "&pageToken=" + url.QueryEscape(token.(string))
		}
	}
	return ids
}

func TestIDs_Refused(t *testing.T) {
	t.Parallel()
	a := inMemory(t)
	a.declare(t, "books", `{}`)
	a.declare(t, "named", `{"id":{"from":"doc.id"}}`)
	for _, id := range []string{
		".", "..", "a/b", "a/", "\x00", "a\x00", "\n", "\x1b[0m", "\x7f", "\u0080", "\u0085", "\u009f", strings.Repeat("x", 256), strings.Repeat("é", 128), strings.Repeat("x", 100_000),
		"\xff", "\xc0\xaf", "\xc0\xae\xc0\xae", "\xe0\x80\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80", "a\xe2\x82",
	} {
		escaped := strings.ReplaceAll(url.PathEscape(id), ".", "%2E")
		for _, send := range []string{
			"POST " + booksPath + "/documents?id=" + url.QueryEscape(id), "PUT " + booksPath + "/documents/" + escaped, "GET " + booksPath + "/documents/" + escaped,
			"DELETE " + booksPath + "/documents/" + escaped,
		} {
			body := ""
			if strings.HasPrefix(send, "P") {
				body = "{}"
			}
			if got := a.send(t, send, body); got.status != http.StatusBadRequest {
				t.Errorf("%.100s: %d %.200s", send, got.status, got.body)
			}
		}
		quoted := `"` + id + `"`
		if utf8.ValidString(id) {
			quoted = string(jsontext.Append(nil, id))
		}
		got := a.send(t, "POST /v1/collections/named/documents", `{"id":`+quoted+"}")
		if got.status != http.StatusUnprocessableEntity && got.status != http.StatusBadRequest {
			t.Errorf("%.100q in the data: %d %.200s", id, got.status, got.body)
		}
	}
	if got := contents(t, a.store); strings.Contains(got, "  ") {
		t.Errorf("something was stored: %.500s", got)
	}
}

// The id in the data and the id in the request have to agree.
func TestIDs_FromData(t *testing.T) {
	t.Parallel()
	a := inMemory(t)
	a.declare(t, "named", `{"id":{"from":"doc[\"order no\"]"}}`)
	documents := "/v1/collections/named/documents"
	for _, test := range []struct {
		send, body string
		id         string // "" is refused
	}{
		{"POST " + documents, `{"order no":"a"}`, "a"},
		{"POST " + documents, `{"order no":12345678901234567890123}`, "12345678901234567890123"},
		{"POST " + documents, `{"order no":-7.00}`, "-7"},
		{"POST " + documents, `{"order no":1e3}`, "1000"},
		{"POST " + documents + "?id=b", `{"order no":"b"}`, "b"},
		{"PUT " + documents + "/7", `{"order no":7}`, "7"},
		{"POST " + documents + "?id=b", `{"order no":"c"}`, ""},
		{"PUT " + documents + "/7", `{"order no":8}`, ""},
		{"PUT " + documents + "/7", `{}`, ""},
		{"POST " + documents, `{"order no":null}`, ""},
		{"POST " + documents, `{"order no":1.5}`, ""},
		{"POST " + documents, `{"order no":["a"]}`, ""},
		{"POST " + documents, `{"order no":""}`, ""},
	} {
		got := a.send(t, test.send, test.body)
		if test.id == "" {
			wantFault(t, wantProblem(t, got, http.StatusUnprocessableEntity, "document.invalid"), "body", "/order no", "id")
			continue
		}
		wantPart(t, wantStatus(t, got, http.StatusCreated).tree(t), map[string]any{"id": test.id})
	}
}

// A hostile schema is refused, or does no harm: the answer is never a failure of ours.
func TestHostileSchemas(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, schema string
		pointer      string // of a fault; "-" where the schema is taken
	}{
		{"no schema", `3`, "/schema"},
		{"unknown type", `{"properties":{"a":{"type":"strang"}}}`, "/schema/properties/a/type"},
		{"remote reference", `{"$ref":"https://example.com/s.json"}`, "/schema/$ref"},
		{"file reference", `{"$ref":"file:///etc/passwd"}`, "/schema/$ref"},
		{"reference to itself", `{"$ref":"#"}`, "/schema"},
		{"reference to nothing", `{"$ref":"#/$defs/a"}`, "/schema/$ref"},
		{"endless expansion", `{"allOf":[{"$ref":"#/$defs/a"}],"$defs":{"a":{"anyOf":[{"$ref":"#/$defs/b"}]},"b":{"not":{"$ref":"#/$defs/a"}}}}`, ""},
		{"doubling", doubling(30), ""},
		{"another dialect", `{"$schema":"http://json-schema.org/draft-07/schema#"}`, "/schema/$schema"},
		{"look-around", `{"pattern":"(?=a)b"}`, "/schema/pattern"},
		{"a huge pattern", `{"pattern":"((a{100}){100}){100}"}`, "/schema/pattern"},
		{"deep", strings.Repeat(`{"not":`, 90) + `{}` + strings.Repeat(`}`, 90), ""},
		{"a large enum", `{"enum":[` + strings.Repeat(`0,`, 20_000) + `1]}`, ""},
		{"the metaschema", `{"$ref":"https://json-schema.org/draft/2020-12/schema"}`, "-"},
		{"recursion through properties", `{"properties":{"next":{"$ref":"#"}}}`, "-"},
		{"a slow pattern", `{"additionalProperties":{"pattern":"^(a+)+$"}}`, "-"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			a := inMemory(t)
			got := a.send(t, "PUT "+booksPath, `{"schema":`+test.schema+`}`)
			if test.pointer == "-" {
				wantStatus(t, got, http.StatusCreated)
				for _, data := range []string{
					`{"a":"` + strings.Repeat("a", 100_000) + `!"}`, strings.Repeat(`{"next":`, 99) + `{}` + strings.Repeat(`}`, 99), `{"a":1e308,"b":1e-308}`,
				} {
					if got := a.send(t, "POST "+booksPath+"/documents", data); got.status >= http.StatusInternalServerError {
						t.Errorf("%d %s", got.status, got.body)
					}
				}
				return
			}
			p := wantProblem(t, got, http.StatusUnprocessableEntity, "collection.invalid")
			if test.pointer != "" && (len(p.Errors) == 0 || p.Errors[0].Pointer != test.pointer) {
				t.Errorf("got %+v, want %s", p.Errors, test.pointer)
			}
		})
	}
}

// doubling is a schema of which each level names the next one twice.
func doubling(levels int) string {
	var b strings.Builder
	b.WriteString(`{"$ref":"#/$defs/d0","$defs":{`)
	for i := range levels {
		fmt.Fprintf(&b, `"d%d":{"allOf":[{"$ref":"#/$defs/d%d"},{"$ref":"#/$defs/d%d"}]},`, i, i+1, i+1)
	}
	fmt.Fprintf(&b, `"d%d":true}}`, levels)
	return b.String()
}

// A collection may only be called what a name is.
func TestCollectionNames(t *testing.T) {
	t.Parallel()
	a := inMemory(t)
	for _, name := range []string{"a", "z9_-", strings.Repeat("a", 63), "openapi", "con", "null"} {
		wantStatus(t, a.send(t, "PUT /v1/collections/"+name, `{}`), http.StatusCreated)
	}
	for _, name := range []string{"A", "1a", "_a", "-a", "a.b", "a b", "ä", "a%2Fb", "a%00", "%C0%AF", strings.Repeat("a", 64), "a$", "%2E%2E", "a%0A", "аdmin"} {
		wantFault(t, wantProblem(t, a.send(t, "PUT /v1/collections/"+name, `{}`), http.StatusBadRequest, "request.parameters"), "path", "collection", "pattern")
	}
}

func TestConditions_Malformed(t *testing.T) {
	t.Parallel()
	a := inMemory(t)
	furnish(t, a)
	for _, value := range []string{
		"1", "W/1", `"1`, `1"`, `"1" "2"`, `"1",2`, `*, "1"`, "**", `w/"1"`, `W/ "1"`, `"a b"`, ",", "é", `"1";`, `'1'`,
	} {
		for _, name := range []string{"If-Match", "If-None-Match"} {
			p := wantProblem(t, a.send(t, "PUT "+mobyPath, `{}`, name+": "+value), http.StatusBadRequest, "condition.malformed")
			wantFault(t, p, "header", name, "entityTag")
		}
	}
	// Tags that are no revisions of ours are tags that nothing has.
	for _, value := range []string{`""`, `"x"`, `"01"`, `"+1"`, `"1.0"`, `"99999999999999999999"`, `"é"`, `"-1"`, `W/"1"`} {
		wantProblem(t, a.send(t, "PUT "+mobyPath, `{}`, "If-Match: "+value), http.StatusPreconditionFailed, "document.stale")
	}
	for _, value := range []string{`"1"`, ` , "7" ,"1" ,`, `W/"7", "1"`, "*"} {
		wantStatus(t, a.send(t, "GET "+mobyPath, "", "If-Match: "+value), http.StatusOK)
	}
	// All that is wrong is said at once.
	p := a.send(t, "PUT "+mobyPath, `{}`, "If-Match: 1", "If-None-Match: 2").problem(t)
	wantFault(t, p, "header", "If-Match", "entityTag")
	wantFault(t, p, "header", "If-None-Match", "entityTag")
}

// A condition may come in several lines.
func TestConditions_SeveralLines(t *testing.T) {
	t.Parallel()
	a := inMemory(t)
	furnish(t, a)
	r := a.request(t, "GET "+mobyPath, "")
	r.Header["If-Match"] = []string{`"7"`, `"1"`}
	wantStatus(t, a.do(t, r), http.StatusOK)
}

// A put that is repeated is one put, also where it is written in another way.
func TestPut_Idempotent(t *testing.T) {
	t.Parallel()
	for name, open := range everyStore {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := open(t)
			a.declare(t, "books", `{}`)
			key := keyOf(t, a.store, "books")
			for i, text := range []string{`{"a":1.10,"b":[1,2],"c":"é"}`, `{"a":1.10,"b":[1,2],"c":"é"}`, " {\n\"c\" : \"\\u00e9\", \"b\":[1,\t2],\"a\":1.10}\r\n", `{"b":[1,2],"c":"é","a":110e-2}`} {
				got := a.send(t, "PUT "+mobyPath, text)
				if want := map[bool]int{true: http.StatusCreated, false: http.StatusOK}[i == 0]; got.status != want || got.header.Get("Etag") != `"1"` {
					t.Errorf("%q: %d %s", text, got.status, got.body)
				}
			}
			if position, err := a.store.Position(t.Context(), key.Bucket); err != nil || position != 1 {
				t.Errorf("position %d (%v), want 1", position, err)
			}
		})
	}
}

func TestEncodedBodies(t *testing.T) {
	t.Parallel()
	a := inMemory(t)
	a.declare(t, "books", `{}`)
	want := decode(t, []byte(`{"data":{"n":1.10}}`))
	for _, encoding := range []string{"gzip", "zstd"} {
		packed := string(pack(t, encoding, []byte(`{"n":1.10}`)))
		for _, header := range []string{encoding, strings.ToUpper(encoding), " " + encoding + " "} {
			wantPart(t, wantStatus(t, a.send(t, "POST "+booksPath+"/documents", packed, "Content-Encoding: "+header), http.StatusCreated).tree(t), want)
		}
		report := wantStatus(t, a.send(t, "POST "+booksPath+"/import?existing=replace", string(pack(t, encoding, []byte("[{},{}]"))), "Content-Encoding: "+encoding), http.StatusOK)
		wantPart(t, report.tree(t), decode(t, []byte(`{"failed":0}`)))

		held := contents(t, a.store)
		damaged := []byte(packed)
		damaged[len(damaged)/2] ^= 0xff
		for name, body := range map[string]string{"cut short": packed[:len(packed)-3], "damaged": string(damaged), "its head alone": packed[:3], "something else": `{"n":1.10}`} {
			for _, send := range []string{"POST " + booksPath + "/documents", "POST " + booksPath + "/import", "PUT " + booksPath} {
				if got := a.send(t, send, body, "Content-Encoding: "+encoding); got.status != http.StatusBadRequest {
					t.Errorf("%s %s to %s: %d %s", encoding, name, send, got.status, got.body)
				}
			}
		}
		if contents(t, a.store) != held {
			t.Errorf("%s: something was stored", encoding)
		}
	}
}

// A small body that unpacks to a large one is refused at its limit, and memory stays where it is. Not parallel: it measures what is allocated.
func TestEncodedBodies_Bombs(t *testing.T) {
	a := inMemory(t)
	a.declare(t, "books", `{}`)
	const most = 20 << 20 // bytes: the window of zstd is 8 MiB of them
	size := 64 << 20
	if testing.Short() {
		size = 24 << 20
	}
	for _, encoding := range []string{"gzip", "zstd"} {
		// Both formats may be several streams one after the other.
		rest := strings.Repeat(string(pack(t, encoding, bytes.Repeat([]byte("a"), 1<<20))), size>>20)
		array := string(pack(t, encoding, []byte(`[{"a":"`))) + rest
		object := string(pack(t, encoding, []byte(`{"a":"`))) + rest
		for _, test := range []struct {
			send, body, code string
			status           int
			headers          []string
		}{
			{"POST " + booksPath + "/documents", object, "document.tooLarge", http.StatusRequestEntityTooLarge, nil},
			{"PUT " + mobyPath, object, "document.tooLarge", http.StatusRequestEntityTooLarge, nil},
			{"PUT " + booksPath, object, "request.tooLarge", http.StatusRequestEntityTooLarge, nil},
			{"POST " + booksPath + "/import", array, "json.invalid", http.StatusBadRequest, nil},
			{"POST " + booksPath + "/import", object, "import.failed", http.StatusUnprocessableEntity, []string{"Content-Type: application/x-ndjson"}},
		} {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			got := a.send(t, test.send, test.body, append([]string{"Content-Encoding: " + encoding}, test.headers...)...)
			runtime.ReadMemStats(&after)
			wantProblem(t, got, test.status, test.code)
			if taken := after.TotalAlloc - before.TotalAlloc; taken > most {
				t.Errorf("%s to %s allocated %d MiB", encoding, test.send, taken>>20)
			}
		}
	}
}

// A frame of zstd that asks for a huge window is refused.
func TestEncodedBodies_HugeWindow(t *testing.T) {
	t.Parallel()
	a := inMemory(t)
	a.declare(t, "books", `{}`)
	frame := []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 0xa8, 0x01, 0x00, 0x00} // a window of 2 GiB, and an empty block
	wantProblem(t, a.send(t, "POST "+booksPath+"/documents", string(frame), "Content-Encoding: zstd"), http.StatusBadRequest, "request.body")
}

// A large document is refused by what it takes to keep, however it is written.
func TestDocumentLimit(t *testing.T) {
	t.Parallel()
	a := inMemory(t)
	a.declare(t, "books", `{}`)
	fits := `{"a": "` + strings.Repeat("x", maxDocument-9) + `"}`
	wantStatus(t, a.send(t, "POST "+booksPath+"/documents", fits), http.StatusCreated)
	wantStatus(t, a.send(t, "POST "+booksPath+"/documents", strings.Repeat(" ", maxDocument)+fits), http.StatusCreated)
	for _, text := range []string{
		`{"a": "` + strings.Repeat("x", maxDocument-8) + `"}`, strings.Repeat(" ", 3*maxDocument) + `{}`, `{"a":[` + strings.Repeat("1,", maxDocument/2) + `1]}`,
	} {
		wantProblem(t, a.send(t, "POST "+booksPath+"/documents", text), http.StatusRequestEntityTooLarge, "document.tooLarge")
		r := a.request(t, "PUT "+mobyPath, text)
		r.Body, r.ContentLength = io.NopCloser(bytes.NewReader([]byte(text))), -1 // and without telling its length
		wantProblem(t, a.do(t, r), http.StatusRequestEntityTooLarge, "document.tooLarge")
	}
}
