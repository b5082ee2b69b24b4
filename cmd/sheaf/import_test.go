package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
)

// outcome is what a command printed and how it ended.
type outcome struct {
	stdout, stderr string
	code           int
}

func (o outcome) want(t *testing.T, code int, stdout, stderr string) {
	t.Helper()
	if want := (outcome{stdout, stderr, code}); o != want {
		t.Errorf("got %+v, want %+v", o, want)
	}
}

// mustStart serves handler until the test ends, and returns its URL.
func mustStart(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

// call runs a command to its end, with an environment and standard input of its own.
func call(t *testing.T, environ []string, stdin io.Reader, args ...string) outcome {
	t.Helper()
	p, stdout, stderr := testProgram(t)
	p.environ, p.stdin = environ, stdin
	code := report(p.run(t.Context(), args), stderr)
	return outcome{stdout.String(), stderr.String(), code}
}

func mustFile(t *testing.T, name string, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), name)
	mustWrite(t, path, string(data))
	return path
}

func zipped(t *testing.T, text string) []byte {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	_, err := io.WriteString(w, text)
	if err := errors.Join(err, w.Close()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

const oneCreated = `{"report":{"created":1,"replaced":0,"unchanged":0,"skipped":0,"failed":0}}` + "\n"

// What is sent, for whatever a file holds and the flags say.
func TestImport_Request(t *testing.T) {
	t.Parallel()
	const lines = "{\"n\":1}\n"
	defaults := "POST /v1/collections/books/import?existing=error&importId=i1&mode=strict&shape=data application/x-ndjson"
	tests := []struct {
		name, file string
		data       []byte
		environ    []string
		args       []string
		want       string
	}{
		{name: "ndjson", file: "a.ndjson", data: []byte(lines), want: defaults + " [] [] " + lines},
		{name: "jsonl", file: "a.JSONL", data: []byte(lines), want: defaults + " [] [] " + lines},
		{name: "empty", file: "a.ndjson", want: defaults + " [] [] "},
		{name: "array", file: "a.json", data: []byte("[]"), want: strings.Replace(defaults, "x-nd", "", 1) + " [] [] []"},
		{name: "gzip", file: "a.ndjson.gz", data: zipped(t, lines), want: defaults + " [gzip] [] " + lines},
		{name: "gzip by another name", file: "a.ndjson", data: zipped(t, lines), want: defaults + " [gzip] [] " + lines},
		{name: "named gzip and is none", file: "a.json.gz", data: []byte("[]"), want: strings.Replace(defaults, "x-nd", "", 1) + " [] [] []"},
		{name: "format", file: "a", args: []string{"--format=json"}, data: []byte("[]"), want: strings.Replace(defaults, "x-nd", "", 1) + " [] [] []"},
		{
			name: "options", file: "a.jsonl", args: []string{"--mode=skip", "--existing=replace", "--shape=document", "--validate-only"},
			want: "POST /v1/collections/books/import?existing=replace&mode=skip&shape=document&validateOnly=true application/x-ndjson [] [] ",
		},
		{
			name: "upsert", file: "a.jsonl", args: []string{"--by=by_email"},
			want: "POST /v1/collections/books/import?by=by_email&importId=i1&mode=strict&shape=data application/x-ndjson [] [] ",
		},
		{
			name: "by a key, as it says", file: "a.jsonl", args: []string{"--by=by_email", "--existing=error"},
			want: "POST /v1/collections/books/import?by=by_email&existing=error&importId=i1&mode=strict&shape=data application/x-ndjson [] [] ",
		},
		{name: "key", file: "a.jsonl", args: []string{"--key=k1"}, environ: []string{"SHEAF_KEY=k2"}, want: defaults + " [] [Bearer k1] "},
		{name: "key by variable", file: "a.jsonl", environ: []string{"SHEAF_AUTH_ROOT_KEY=k3", "SHEAF_KEY=k2"}, want: defaults + " [] [Bearer k2] "},
		{name: "key of the server", file: "a.jsonl", environ: []string{"SHEAF_AUTH_ROOT_KEY=k3"}, want: defaults + " [] [Bearer k3] "},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var got string
			url := mustStart(t, func(w http.ResponseWriter, r *http.Request) {
				body, err := io.ReadAll(r.Body)
				encoding := r.Header["Content-Encoding"]
				if encoding != nil && err == nil {
					var unzipped *gzip.Reader
					if unzipped, err = gzip.NewReader(bytes.NewReader(body)); err == nil {
						body, err = io.ReadAll(unzipped)
					}
				}
				if err != nil || r.Header.Get("Accept") != "application/x-ndjson" {
					t.Errorf("body: %v; accepts %q", err, r.Header["Accept"])
				}
				got = fmt.Sprintf("%s %s?%s %s %s %s %s", r.Method, r.URL.Path, r.URL.Query().Encode(), r.Header.Get("Content-Type"), encoding, r.Header["Authorization"], body)
				_, _ = io.WriteString(w, oneCreated)
			})
			file := mustFile(t, test.file, test.data)
			result := call(t, append(test.environ, "SHEAF_URL="+url), nil, append([]string{"import", file, "--collection=books", "--import-id=i1"}, test.args...)...)
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
			report := file + ": 1 created, 0 replaced, 0 unchanged, 0 skipped, 0 failed\n"
			if strings.Contains(got, "validateOnly") {
				report = strings.Replace(report, "1 created", "nothing stored; would be 1 created", 1)
			}
			result.want(t, 0, report, "")
		})
	}
}

// Bad lines are printed as they are found, the next file is sent all the same, and the exit code says that something is wrong.
func TestImport_BadLines(t *testing.T) {
	t.Parallel()
	for mode, end := range map[string]string{
		"strict": "sheaf: bad lines: 2; nothing was stored of a file that has one (--mode skip stores the others)\n",
		"skip":   "sheaf: bad lines: 2; they were not stored\n",
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			url := mustStart(t, func(w http.ResponseWriter, r *http.Request) {
				body, _ := io.ReadAll(r.Body)
				if string(body) == "good" {
					_, _ = io.WriteString(w, oneCreated)
					return
				}
				_, _ = io.WriteString(w, `{"error":{"line":2,"pointer":"/name","code":"type","message":"must be a string"}}
{"error":{"line":2,"pointer":"/a\u001b[2J","code":"unknownField","message":"is not declared"}}
{"error":{"line":1000001,"pointer":"","code":"json.invalid","message":"ends early"}}
{"report":{"created":5,"replaced":4,"unchanged":3,"skipped":1,"failed":2}}`)
			})
			good := mustFile(t, "good.ndjson", []byte("good"))
			call(t, nil, strings.NewReader("bad"), "import", "-", good, "--collection=books", "--mode", mode, "--url", url).want(t, 1,
				"-: 5 created, 4 replaced, 3 unchanged, 1 skipped, 2 failed\n"+good+": 1 created, 0 replaced, 0 unchanged, 0 skipped, 0 failed\n",
				"-:2: /name: must be a string (type)\n-:2: /a\uFFFD[2J: is not declared (unknownField)\n-:1000001: ends early (json.invalid)\n"+end)
		})
	}
}

const notFound = `{"type":"/problems/not-found","title":"Not found","status":404,"code":"collection.notFound","detail":"there is no collection \"books\"","requestId":"r1"}`

func answerProblem(w http.ResponseWriter, status int, body string) {
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, body)
}

// goOn is what is said of an import that may be sent again.
const goOn = "; to go on where it stopped: --import-id i1"

// Whatever a server answers that is no report, it is one line and exit code 1.
func TestImport_Failures(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		answer http.HandlerFunc
		want   string
	}{
		{
			name:   "problem",
			answer: func(w http.ResponseWriter, _ *http.Request) { answerProblem(w, 404, notFound) },
			want:   `there is no collection "books" (404 collection.notFound), request r1`,
		},
		{
			name: "violations",
			answer: func(w http.ResponseWriter, _ *http.Request) {
				answerProblem(w, 400, `{"title":"Malformed","status":400,"code":"parameter.invalid","requestId":"r1","errors":[
					{"in":"query","pointer":"mode","code":"enum","message":"must be strict or skip"},{"in":"body","pointer":"","code":"json","message":"must be an array"}]}`)
			},
			want: `Malformed (400 parameter.invalid), request r1; mode: must be strict or skip (enum); must be an array (json)`,
		},
		{
			name: "no key",
			answer: func(w http.ResponseWriter, _ *http.Request) {
				answerProblem(w, 401, `{"title":"Unauthenticated","status":401,"code":"auth.missing","requestId":"r1"}`)
			},
			want: `Unauthenticated (401 auth.missing), request r1; set SHEAF_KEY to the server's key`,
		},
		{
			name:   "of a proxy",
			answer: func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "<h1>\nSorry", http.StatusBadGateway) },
			want:   `Bad Gateway (502)` + goOn,
		},
		{
			name:   "ends early",
			answer: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"error":{"line":1}`) },
			want:   "the server's answer ends before its end: its log says why" + goOn,
		},
		{
			name:   "no report",
			answer: func(http.ResponseWriter, *http.Request) {},
			want:   "the server's answer ends before its end: its log says why" + goOn,
		},
		{
			name:   "something else",
			answer: func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") },
			want:   "the server's answer breaks off: read the report: invalid character 'h' looking for beginning of value" + goOn,
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			file := mustFile(t, "a.ndjson", bytes.Repeat([]byte("{}\n"), 1<<20)) // more than buffers take: an early answer is heard all the same
			result := call(t, nil, nil, "import", file, "--collection=books", "--import-id=i1", "--url", mustStart(t, test.answer))
			result.stderr = strings.TrimPrefix(result.stderr, `sheaf: `+file+": ")
			result.want(t, 1, "", test.want+"\n")
		})
	}
}

// What an import has stored before it broke off is reported all the same.
func TestImport_BrokenOff(t *testing.T) {
	t.Parallel()
	url := mustStart(t, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, `{"report":{"created":500,"failed":1},"problem":{"title":"Unavailable","status":503,"code":"postgres.unavailable","requestId":"r1"}}`)
	})
	call(t, nil, strings.NewReader("{}"), "import", "-", "--collection=books", "--mode=skip", "--import-id=i1", "--url", url).want(t, 1,
		"-: 500 created, 0 replaced, 0 unchanged, 0 skipped, 1 failed\n", "sheaf: -: Unavailable (503 postgres.unavailable), request r1"+goOn+"\n")
}

// brokenReader fails half-way.
type brokenReader struct{ start io.Reader }

func (r brokenReader) Read(p []byte) (int, error) {
	if n, err := r.start.Read(p); err == nil {
		return n, nil
	}
	return 0, errors.New("the disk is on fire")
}

func TestImport_Input(t *testing.T) {
	t.Parallel()
	nowhere := "--url=http://127.0.0.1:1"
	t.Run("no such file", func(t *testing.T) {
		t.Parallel()
		call(t, nil, nil, "import", "/absent/a.ndjson", "--collection=books", nowhere).want(t, 1, "",
			"sheaf: /absent/a.ndjson: open /absent/a.ndjson: no such file or directory\n")
	})
	t.Run("breaks off", func(t *testing.T) {
		t.Parallel()
		url := mustStart(t, func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) })
		in := brokenReader{strings.NewReader("{}\n")}
		call(t, nil, in, "import", "-", "--collection=books", "--import-id=i1", "--url", url).want(t, 1, "", "sheaf: -: the disk is on fire"+goOn+"\n")
	})
	t.Run("no server", func(t *testing.T) {
		t.Parallel()
		call(t, nil, strings.NewReader(""), "import", "-", "--collection=books", "--import-id=i1", nowhere).want(t, 1, "",
			"sheaf: -: http://127.0.0.1:1 does not answer: dial tcp 127.0.0.1:1: connect: connection refused"+goOn+"\n")
	})
	for name, test := range map[string]struct{ args, want string }{
		"no files":      {"--collection=books", "sheaf import takes the files to send, or - for standard input"},
		"no collection": {"-", "--collection is not set: which one?"},
		"names":         {"a b.csv c.json --collection=books", `2 mistakes: "a" says neither NDJSON (.ndjson, .jsonl) nor JSON (.json): give --format; "b.csv" says neither`},
		"mode":          {"- --collection=books --mode=lax", `flags: invalid argument "lax" for "--mode" flag: it takes one of strict, skip`},
		"url":           {"- --collection=books --url=localhost:8080", "the server's URL is not a URL that begins with http:// or https://"},
		"setting":       {"- --collection=books --http-addr=:80", "flags: --http-addr is not a flag of sheaf import"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := call(t, nil, nil, append([]string{"import"}, strings.Fields(test.args)...)...)
			if got.code != 2 || !strings.HasPrefix(got.stderr, "sheaf: "+test.want) || strings.Count(got.stderr, "\n") != 1 {
				t.Errorf("got %+v, want %q", got, test.want)
			}
		})
	}
}

// An import that is told to stop ends at once, whatever the server and the input do.
func TestImport_Stopped(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	url := mustStart(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = r.Body.Read(make([]byte, 3))
		cancel()
		_, _ = io.Copy(io.Discard, r.Body) // until the client is gone
	})
	p, stdout, stderr := testProgram(t)
	in, more := io.Pipe()
	defer func() { _ = more.Close() }()
	go func() { _, _ = more.Write(bytes.Repeat([]byte("{}\n"), 1<<20)) }() // more than buffers keep back, and then nothing
	p.stdin = in
	code := report(p.run(ctx, []string{"import", "-", "--collection=books", "--import-id=i1", "--url", url}), stderr)
	outcome{stdout.String(), stderr.String(), code}.want(t, 1, "", "sheaf: -: stopped before the end"+goOn+"\n")
}

// On a terminal the bar is out of the way of every line, and gone at the end.
func TestImport_Progress(t *testing.T) {
	t.Parallel()
	url := mustStart(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, `{"error":{"line":1,"pointer":"","code":"type","message":"must be an object"}}`+oneCreated)
	})
	p, _, stderr := testProgram(t)
	p.watched = true
	file := mustFile(t, "a.ndjson", bytes.Repeat([]byte("1\n"), 1<<10))
	if err := p.run(t.Context(), []string{"import", file, "--collection=books", "--url", url}); err != nil {
		t.Fatal(err)
	}
	const wipe = "\x1b[2K\r"
	if got := stderr.String(); !strings.Contains(got, "2.0/2.0 KiB") || !strings.HasSuffix(got, wipe+file+":1: must be an object (type)\n"+wipe) {
		t.Errorf("got %q", got)
	}
}

// Whoever gives no name gets one, another each time, and each file has its own.
func TestImport_Names(t *testing.T) {
	t.Parallel()
	var names []string
	url := mustStart(t, func(w http.ResponseWriter, r *http.Request) {
		names = append(names, r.URL.Query().Get("importId"))
		_, _ = io.WriteString(w, oneCreated)
	})
	a, b := mustFile(t, "a.ndjson", nil), mustFile(t, "b.ndjson", nil)
	for _, args := range [][]string{{a}, {a}, {a, b, "--import-id=i1"}, {a, "--import-id=i1", "--validate-only"}} {
		if got := call(t, nil, nil, append([]string{"import", "--collection=books", "--url", url}, args...)...); got.code != 0 {
			t.Errorf("%q: %+v", args, got)
		}
	}
	if len(names) != 5 || len(names[0]) != 36 || names[0] == names[1] || strings.Join(names[2:], " ") != "i1/1 i1/2 " {
		t.Errorf("got %q", names)
	}
}
