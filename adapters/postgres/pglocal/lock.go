package pglocal

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

// lockName is the file that the launcher of a directory holds locked. It stays when the lock goes: removing it would let
// two processes hold locks on two files of that name.
const lockName = "lock"

// lock takes the directory for this process until release. The system lets go of it when the process dies, however it
// dies. It fails with ErrInUse, naming the holder, when another launcher (or another Server of this process) has it.
func lock(dir string, who account) (release func(), err error) {
	path := filepath.Join(dir, lockName)
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o644) //nolint:gosec // says who holds it
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		defer file.Close()
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, fmt.Errorf("lock %s: %w", path, err)
		}
		return nil, refuse(ErrInUse, "%s is in use by process %s: stop it, or use another directory", dir, holder(path))
	}
	if err := errors.Join(file.Truncate(0), who.give(path)); err != nil {
		file.Close()
		return nil, err
	}
	if _, err := file.WriteAt([]byte(strconv.Itoa(os.Getpid())+"\n"), 0); err != nil {
		file.Close()
		return nil, err
	}
	return func() {
		// Said aloud, because closing is not enough while a child that is just being started still has a copy of the file.
		_ = syscall.Flock(int(file.Fd()), syscall.LOCK_UN)
		file.Close()
	}, nil
}

func holder(path string) string {
	text, err := os.ReadFile(path)
	if pid := strings.TrimSpace(string(text)); err == nil && pid != "" {
		return pid
	}
	return "(unknown)" // it has the lock and has not yet written its name
}
