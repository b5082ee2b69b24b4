//go:build unix && !linux

package pglocal

import (
	"os/exec"
	"strconv"
	"strings"
)

// start starts cmd so that it is asked for a fast shutdown when this process dies, and returns what waits for its end.
func start(cmd *exec.Cmd) (wait func() error, err error) { return startGuarded(cmd) }

// servesFrom reports whether the process is a postgres that was started on the data directory, as its arguments say.
func servesFrom(pid int, data string) bool {
	out, err := exec.Command("ps", "-ww", "-o", "args=", "-p", strconv.Itoa(pid)).Output()
	return err == nil && strings.Contains(strings.TrimSpace(string(out))+" ", "postgres -D "+data+" ")
}

// serversOn would list sessions that outlived their server; their arguments do not tell which directory they use, so
// PostgreSQL's own check has to do.
func serversOn(string) []int { return nil }
