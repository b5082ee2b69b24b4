//go:build unix

package pglocal

import (
	"os"
	"os/exec"
)

// guardScript becomes the program given as its arguments, under the same process id, beside a small shell that reads a
// pipe from the launcher. The pipe ends without a word only when the launcher has died.
const guardScript = `(read -r word <&3 || kill -INT $$) >/dev/null 2>&1 & exec "$0" "$@" 3<&-`

// startGuarded starts cmd so that it is interrupted when this process dies, by means that every unix has. It is how the
// launcher works where the kernel has no signal for a parent's death.
func startGuarded(cmd *exec.Cmd) (wait func() error, err error) {
	read, write, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	cmd.Args = append([]string{"sh", "-c", guardScript, cmd.Path}, cmd.Args[1:]...)
	cmd.Path = "/bin/sh"
	cmd.ExtraFiles = []*os.File{read}
	err = cmd.Start()
	read.Close()
	if err != nil {
		write.Close()
		return nil, err
	}
	return func() error {
		err := cmd.Wait()
		// The word tells the guard that its charge is gone and the process id no longer its business.
		_, _ = write.WriteString("done\n")
		write.Close()
		return err
	}, nil
}
