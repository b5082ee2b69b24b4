package pglocal

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is the operating system's user that initdb and postgres run as.
type account struct {
	uid, gid uint32
	// drop says that this process is root, and so must change to the account for every program it starts.
	drop bool
}

// accountFor returns who runs the server of a data directory, which may not exist yet. An ordinary user is always
// themselves. Root stands aside for the owner of the data, so that a directory keeps its owner whoever starts it.
func accountFor(data string) (account, error) {
	if euid := os.Geteuid(); euid != 0 {
		return account{uid: uint32(euid), gid: uint32(os.Getegid())}, nil
	}
	if uid, gid, err := owner(data); err == nil && uid != 0 {
		return account{uid: uid, gid: gid, drop: true}, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		found, err := user.Lookup(name)
		if err != nil {
			continue
		}
		// Signed, because some systems write the id of nobody as -2.
		uid, uidErr := strconv.ParseInt(found.Uid, 10, 64)
		gid, gidErr := strconv.ParseInt(found.Gid, 10, 64)
		if uidErr == nil && gidErr == nil && uid != 0 {
			return account{uid: uint32(uid), gid: uint32(gid), drop: true}, nil
		}
	}
	return account{}, errors.New("PostgreSQL refuses to run as root, and this system has neither a user postgres nor nobody: start as an ordinary user")
}

func owner(path string) (uid, gid uint32, err error) {
	info, err := os.Stat(path)
	if err != nil {
		return 0, 0, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return 0, 0, fmt.Errorf("the owner of %s is not known", path)
	}
	return stat.Uid, stat.Gid, nil
}

// give makes the account the owner of path. For an ordinary user there is nothing to do: what they make is theirs.
func (a account) give(path string) error {
	if !a.drop {
		return nil
	}
	return os.Lchown(path, int(a.uid), int(a.gid))
}

// run makes cmd run as the account, away from any directory and variable that the account may not use or that would
// change what PostgreSQL does: PGDATA, PGPORT, LC_* and the like.
func (a account) run(cmd *exec.Cmd) {
	cmd.Dir = "/"
	cmd.Env = []string{"LC_ALL=C", "PATH=" + os.Getenv("PATH")}
	if libraries, ok := os.LookupEnv("LD_LIBRARY_PATH"); ok {
		cmd.Env = append(cmd.Env, "LD_LIBRARY_PATH="+libraries)
	}
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	if a.drop {
		cmd.SysProcAttr.Credential = &syscall.Credential{Uid: a.uid, Gid: a.gid}
	}
}

// blocked returns the topmost folder on the way to path, itself included, that the account may not enter; "" means that
// it reaches path. It reads mode bits alone, so it can err where access lists widen them: then the answer is the safe one.
// Folders that do not exist yet do not block.
func (a account) blocked(path string) string {
	if !a.drop {
		return ""
	}
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		path = resolved
	}
	if parent := filepath.Dir(path); parent != path {
		if at := a.blocked(parent); at != "" {
			return at
		}
	}
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	if err != nil {
		return path
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return path
	}
	enter := fs.FileMode(0o001)
	switch {
	case stat.Uid == a.uid:
		enter = 0o100
	case stat.Gid == a.gid:
		enter = 0o010
	}
	if info.Mode().Perm()&enter == 0 {
		return path
	}
	return ""
}
