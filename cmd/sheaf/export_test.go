package main

import (
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func mustRead(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// wantFiles says what a folder holds: no half-written file is left.
func wantFiles(t *testing.T, dir string, names ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, entry := range entries {
		got = append(got, entry.Name())
	}
	if strings.Join(got, " ") != strings.Join(names, " ") {
		t.Errorf("the folder holds %q, want %q", got, names)
	}
}

const twoLines = "{\"n\": 1}\n{\"n\": 2}\n"

func TestExport(t *testing.T) {
	t.Parallel()
	url := mustStart(t, func(w http.ResponseWriter, r *http.Request) {
		if got := r.Method + " " + r.URL.String() + " " + r.Header.Get("Accept"); got != "GET /v1/collections/books/export?shape=document application/x-ndjson" {
			t.Errorf("got %s", got)
		}
		_, _ = io.WriteString(w, twoLines)
	})
	export := []string{"export", "--collection=books", "--shape=document", "--url", url}
	t.Run("to standard output", func(t *testing.T) {
		t.Parallel()
		call(t, nil, nil, export...).want(t, 0, twoLines, "")
		call(t, nil, nil, append(export, "-o", "-")...).want(t, 0, twoLines, "")
	})
	t.Run("to a file", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		path := filepath.Join(dir, "books.ndjson")
		for range 2 { // the second time over the first
			call(t, nil, nil, append(export, "-o", path)...).want(t, 0, path+": 2 documents\n", "")
			if got := mustRead(t, path); got != twoLines {
				t.Errorf("got %q", got)
			}
		}
		wantFiles(t, dir, "books.ndjson")
	})
	t.Run("through a link", func(t *testing.T) {
		t.Parallel()
		dir := t.TempDir()
		mustWrite(t, filepath.Join(dir, "old.ndjson"), "old")
		link := filepath.Join(dir, "link.ndjson")
		if err := os.Symlink("old.ndjson", link); err != nil {
			t.Fatal(err)
		}
		call(t, nil, nil, append(export, "-o", link)...).want(t, 0, link+": 2 documents\n", "")
		if got := mustRead(t, filepath.Join(dir, "old.ndjson")); got != twoLines {
			t.Errorf("got %q", got)
		}
	})
	t.Run("compressed", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "books.ndjson.gz")
		call(t, nil, nil, append(export, "-o", path)...).want(t, 0, path+": 2 documents\n", "")
		unzipped, err := gzip.NewReader(strings.NewReader(mustRead(t, path)))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := io.ReadAll(unzipped); string(got) != twoLines || err != nil {
			t.Errorf("got %q, %v", got, err)
		}
	})
	t.Run("to what is no file", func(t *testing.T) {
		t.Parallel()
		call(t, nil, nil, append(export, "-o", os.DevNull)...).want(t, 0, os.DevNull+": 2 documents\n", "")
		if info, err := os.Stat(os.DevNull); err != nil || info.Mode().IsRegular() {
			t.Errorf("%s is replaced: %v, %v", os.DevNull, info, err)
		}
	})
	t.Run("to nowhere", func(t *testing.T) {
		t.Parallel()
		got := call(t, nil, nil, append(export, "-o", "/absent/books.ndjson")...)
		if got.code != 1 || got.stdout != "" || !strings.Contains(got.stderr, "no such file or directory") {
			t.Errorf("got %+v", got)
		}
	})
}

// An export that does not reach its end fails, leaves nothing, and does not touch what was there.
func TestExport_Failures(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
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
			name: "ends early",
			answer: func(w http.ResponseWriter, _ *http.Request) {
				_, _ = io.WriteString(w, twoLines)
				_ = http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			},
			want: "the server's answer ends before its end: its log says why",
		},
		{
			name: "ends early, compressed",
			answer: func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Encoding", "gzip")
				_, _ = w.Write(zipped(t, twoLines))
				_ = http.NewResponseController(w).Flush()
				panic(http.ErrAbortHandler)
			},
			want: "the server's answer ends before its end: its log says why",
		},
		{
			name: "stopped",
			answer: func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.WriteString(w, twoLines)
				_ = http.NewResponseController(w).Flush()
				cancel()
				<-r.Context().Done()
			},
			want: "stopped before the end",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			ctx := ctx
			if test.name != "stopped" {
				ctx = t.Context()
			}
			dir := t.TempDir()
			path := filepath.Join(dir, "books.ndjson")
			mustWrite(t, path, "what was there")
			p, stdout, stderr := testProgram(t)
			code := report(p.run(ctx, []string{"export", "--collection=books", "-o", path, "--url", mustStart(t, test.answer)}), stderr)
			outcome{stdout.String(), stderr.String(), code}.want(t, 1, "", "sheaf: "+test.want+"\n")
			if got := mustRead(t, path); got != "what was there" {
				t.Errorf("got %q", got)
			}
			wantFiles(t, dir, "books.ndjson")
		})
	}
}
