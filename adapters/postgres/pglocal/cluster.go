package pglocal

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

const (
	// dataName is PostgreSQL's data directory in the server's home.
	dataName = "data"
	// unfinished begins the name of a data directory that is being made; one that is found was never used.
	unfinished = "data.new-"
	// superuser is the role that owns everything; the socket's folder, not a password, keeps others out.
	superuser = "sheaf"
)

// dataMajor returns the major version that a data directory is of, 0 when it is missing or empty. It fails with
// ErrForeign for a directory with anything else in it, or one whose owner the server would not run as.
func dataMajor(data string, who account) (int, error) {
	entries, err := os.ReadDir(data)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, nil
	case errors.Is(err, fs.ErrPermission):
		return 0, refuse(ErrForeign, "%s belongs to another user: start as that user, or use another directory", data)
	case err != nil:
		return 0, err
	case len(entries) == 0:
		return 0, nil
	}
	text, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	major, numErr := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil || numErr != nil {
		return 0, refuse(ErrForeign, "%s holds files but no PostgreSQL data (no PG_VERSION with a version in it): it is as it was; move it away, or use another directory", data)
	}
	uid, _, err := owner(data)
	if err != nil {
		return 0, err
	}
	if uid != who.uid {
		return 0, refuse(ErrForeign, "%s belongs to user %d and the server would run as user %d: start as its owner, or use another directory", data, uid, who.uid)
	}
	return major, nil
}

// makeCluster makes a data directory. It is made under another name and renamed, so that one half made is never taken
// for a whole one; what an interrupted attempt left is removed. durable says whether it must survive a power cut.
func makeCluster(ctx context.Context, home string, b binaries, who account, durable bool) error {
	abandoned, _ := filepath.Glob(filepath.Join(home, unfinished+"*"))
	for _, dir := range abandoned {
		_ = os.RemoveAll(dir) // what cannot go now is in nobody's way
	}
	fresh, err := os.MkdirTemp(home, unfinished)
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(fresh) }() // nothing is there after a success
	if err := who.give(fresh); err != nil {
		return err
	}
	args := []string{
		"--pgdata=" + fresh, "--username=" + superuser, "--encoding=UTF8",
		// Byte order: the same on every machine and for every version of its libraries, so no index goes stale.
		"--locale=C",
		"--auth-local=trust", "--auth-host=reject", "--no-instructions",
	}
	if !durable {
		args = append(args, "--no-sync")
	}
	cmd := exec.CommandContext(ctx, b.initdb(), args...) //nolint:gosec // no shell in between
	who.run(cmd)
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	wait, err := start(cmd) // interrupted, initdb removes what it made
	if err == nil {
		err = wait()
	}
	if err != nil {
		if ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		return fmt.Errorf("initdb: %w: %s", err, lastLine(said.String()))
	}
	data := filepath.Join(home, dataName)
	// Only an empty directory can be in the way here, and only such a one is removed.
	if err := os.Remove(data); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Rename(fresh, data); err != nil {
		return err
	}
	if !durable {
		return nil
	}
	return syncFolder(home)
}

// syncFolder makes a rename in the folder durable.
func syncFolder(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}
