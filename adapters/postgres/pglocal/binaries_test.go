package pglocal

import (
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// fakeBinaries makes a folder that looks like an installed PostgreSQL and says the version.
func fakeBinaries(t *testing.T, dir, version string) string {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"initdb", "postgres"} {
		script := fmt.Sprintf("#!/bin/sh\necho '%s'\n", version)
		if err := os.WriteFile(filepath.Join(dir, name), []byte(script), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func testFinder(t *testing.T, folders ...string) finder {
	t.Helper()
	who, err := accountFor(filepath.Join(t.TempDir(), "none"))
	if err != nil {
		t.Fatal(err)
	}
	return finder{folders: folders, who: who, logger: slog.New(slog.DiscardHandler)}
}

func TestFinder(t *testing.T) {
	root := openDir(t)
	for _, major := range []string{"9.6.24", "14.1", "15.18 (Debian 15.18-0+deb12u1)", "16beta1", "18.4"} {
		fakeBinaries(t, filepath.Join(root, "pg", strings.FieldsFunc(major, func(r rune) bool { return r < '0' || r > '9' })[0], "bin"), "postgres (PostgreSQL) "+major)
	}
	only := fakeBinaries(t, filepath.Join(root, "mine"), "postgres (PostgreSQL) 17.2")
	path := fakeBinaries(t, filepath.Join(root, "path"), "postgres (PostgreSQL) 16.9")
	mute := fakeBinaries(t, filepath.Join(root, "mute"), "hello")
	folders := filepath.Join(root, "pg", "*", "bin")

	for _, test := range []struct {
		name, path string
		only       string
		want       int
		dir        string
		err        error
	}{
		{name: "newest first", dir: "pg/18/bin"},
		{name: "PATH before folders", path: path, dir: "path"},
		{name: "what fits the data before PATH", path: path, want: 15, dir: "pg/15/bin"},
		{name: "the given folder alone", path: path, only: only, dir: "mine"},
		{name: "the given folder does not fit", only: only, want: 18, err: ErrVersion},
		{name: "too old even for its own data", want: 14, err: ErrVersion},
		{name: "none fits the data", want: 19, err: ErrVersion},
		{name: "not a PostgreSQL", only: mute, err: ErrNoBinaries},
		{name: "no such folder", only: filepath.Join(root, "none"), err: ErrNoBinaries},
	} {
		t.Run(test.name, func(t *testing.T) { // not parallel: PATH is the process's
			t.Setenv("PATH", test.path)
			f := testFinder(t, folders)
			f.only = test.only
			got, err := f.find(t.Context(), test.want)
			if !errors.Is(err, test.err) || (err == nil) != (test.err == nil) {
				t.Fatalf("error = %v, want %v", err, test.err)
			}
			if err == nil && got.dir != filepath.Join(root, test.dir) {
				t.Errorf("found %s, want %s", got.dir, test.dir)
			}
		})
	}
}

func TestStart_NoBinaries(t *testing.T) {
	t.Setenv("PATH", "")
	opts := quick(openDir(t))
	opts.search = []string{filepath.Join(t.TempDir(), "*", "bin")}
	opts.Fetch = true // and without npm on the PATH there is nothing to fetch with
	_, err := Start(t.Context(), opts)
	if !errors.Is(err, ErrNoBinaries) {
		t.Fatalf("error = %v, want ErrNoBinaries", err)
	}
	if text := err.Error(); strings.Count(text, installCommand()) != 1 || !strings.HasSuffix(text, installCommand()) || !strings.Contains(text, "npm is not installed") {
		t.Errorf("error %q should end in the one command %q", text, installCommand())
	}
}

func TestInstallCommandFor(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		release string
		root    bool
		want    string
	}{
		{"ID=debian\n", true, "apt-get install -y postgresql"},
		{"NAME=\"Linux Mint\"\nID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", false, "sudo apt-get install -y postgresql"},
		{"ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n", false, "sudo dnf install -y postgresql-server"},
		{"ID=alpine\n", true, "apk add postgresql"},
		{"", false, "sudo apt-get install -y postgresql"},
	} {
		if got := installCommandFor(test.release, test.root); got != test.want {
			t.Errorf("%q: %q, want %q", test.release, got, test.want)
		}
	}
}
