// Command sheaf is the whole of Sheaf in one program: the server, the database
// for development, migrations, and the client commands.
//
// A file a command; root.go lists them. Settings begin in settings.go, what
// stands behind the listener in wire.go, the listener itself in listen.go.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	err := run(untilSignal(), os.Args[1:], os.Environ(), os.Stdout, os.Stderr)
	os.Exit(report(err, os.Stderr))
}

// untilSignal returns a context that the first SIGINT or SIGTERM cancels. The
// second one ends the process at once, with the exit code that shells give for it.
func untilSignal() context.Context {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2) // room for both: the second may come before the first is taken
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() { // ends with the process
		<-signals
		cancel()
		number, _ := (<-signals).(syscall.Signal)
		os.Exit(128 + int(number))
	}()
	return ctx
}
