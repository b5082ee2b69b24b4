package pglocal

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

const (
	// movedRoot is where root keeps the database of a directory that the server's user cannot reach, such as a clone
	// under a private home. It outlives a restart of the machine and is not swept by age, as temporary folders may be.
	movedRoot = "/var/lib/sheaf-dev"

	// pointerName is the file that then stands in Options.Dir and holds the path of the real place.
	pointerName = "moved-to"
)

// homeOf returns the directory that really holds the server of dir: dir itself, or a folder of movedRoot named after dir.
// The folder is found by dir's path, not by the pointer, so that a copied project never shares a database by accident:
// where the two differ it refuses and says what to do.
func homeOf(dir, movedRoot string) (string, account, error) {
	data := filepath.Join(dir, dataName)
	who, err := accountFor(data)
	if err != nil {
		return "", who, err
	}
	if err := makeFolder(dir); err != nil {
		return "", who, err
	}
	resolved, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return "", who, err
	}
	sum := sha256.Sum256([]byte(resolved))
	moved := filepath.Join(movedRoot, hex.EncodeToString(sum[:6]), "postgres")
	pointer := filepath.Join(dir, pointerName)

	told, err := os.ReadFile(pointer)
	place := strings.TrimSpace(string(told))
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return "", who, err
	case err == nil && !who.drop:
		return "", who, refuse(ErrForeign, "the database of %s was made by root and is kept in %s: start as root, or delete %s to begin with an empty one",
			dir, place, pointer)
	case err == nil && place != moved:
		return "", who, refuse(ErrForeign, "%s names %s, but the place for this directory is %s: move the database there and write the new place into the file, or delete the file to begin with an empty one",
			pointer, place, moved)
	case err != nil:
		at := who.blocked(resolved)
		if at == "" {
			return resolved, who, nil
		}
		if _, err := os.Lstat(data); err == nil {
			return "", who, refuse(ErrForeign, "%s belongs to user %d, who cannot enter %s: allow it (chmod o+x %s), or start as that user",
				data, who.uid, at, at)
		}
	}
	if err := makeMoved(moved, who); err != nil {
		return "", who, err
	}
	if err := os.WriteFile(pointer, []byte(moved+"\n"), 0o644); err != nil { //nolint:gosec // to be read by whoever looks for the data
		return "", who, err
	}
	who, err = accountFor(filepath.Join(moved, dataName))
	return moved, who, err
}

// makeMoved makes the folders above and of a moved home. They are root's alone, and others may pass but not look.
func makeMoved(moved string, who account) error {
	folder := filepath.Dir(moved)
	for _, dir := range []string{filepath.Dir(folder), folder} {
		if err := os.MkdirAll(dir, 0o711); err != nil { //nolint:gosec // the server's user passes through
			return err
		}
		info, err := os.Lstat(dir)
		if err != nil {
			return err
		}
		if uid, _, err := owner(dir); err != nil || uid != 0 || !info.IsDir() || info.Mode().Perm()&0o022 != 0 {
			return refuse(ErrForeign, "%s must be a folder of root's that nobody else can write to", dir)
		}
		// Whatever the umask made of it.
		if err := os.Chmod(dir, info.Mode().Perm()|0o711); err != nil {
			return err
		}
	}
	if err := makeFolder(moved); err != nil {
		return err
	}
	if at := who.blocked(moved); at != "" {
		return fmt.Errorf("user %d cannot enter %s", who.uid, at)
	}
	return nil
}
