package pglocal

import (
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
)

// start starts cmd so that the kernel asks it for a fast shutdown when this process dies, however it dies, and returns
// what waits for its end.
//
// The kernel sends that signal when the thread that started the child ends, not the process, and Go ends threads as it
// sees fit. So one thread is kept for the child's whole life: the one that starts it and then waits for it.
func start(cmd *exec.Cmd) (wait func() error, err error) {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGINT
	started, ended := make(chan error, 1), make(chan error, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		started <- err
		if err == nil {
			ended <- cmd.Wait()
		}
	}()
	if err := <-started; err != nil {
		return nil, err
	}
	return func() error { return <-ended }, nil
}

// servesFrom reports whether the process is a postgres at work on the data directory: the server and all its children
// run there, and nothing else called postgres does.
func servesFrom(pid int, data string) bool {
	proc := "/proc/" + strconv.Itoa(pid)
	program, err := os.Readlink(filepath.Join(proc, "exe"))
	// A server whose package was upgraded meanwhile runs a file that is no longer there.
	if err != nil || filepath.Base(strings.TrimSuffix(program, " (deleted)")) != "postgres" {
		return false
	}
	at, err := os.Stat(filepath.Join(proc, "cwd"))
	if err != nil {
		return false
	}
	want, err := os.Stat(data)
	return err == nil && os.SameFile(at, want)
}

// serversOn lists the processes for which servesFrom holds.
func serversOn(data string) []int {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	var pids []int
	for _, entry := range entries {
		if pid, err := strconv.Atoi(entry.Name()); err == nil && servesFrom(pid, data) {
			pids = append(pids, pid)
		}
	}
	return pids
}
