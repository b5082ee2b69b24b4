package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// program is what the commands share: the outside world as parameters, so that tests have one each.
type program struct {
	dir            string   // where sheaf.yaml and .env are looked for; "" is the working directory
	environ        []string // NAME=value
	stdin          io.Reader
	stdout, stderr io.Writer
	terminal       bool // stdout is one: people are looking
	watched        bool // stderr is one: people see how far things are

	wire          func(context.Context, wiring) (*service, error)
	openDatabase  func(ctx context.Context, dir, binaries string, log *slog.Logger) (*devDatabase, error)
	openMigration func(context.Context, PostgresSettings) (migrator, error)
	listening     func(net.Addr) // told once the server answers; nil is nobody
}

// run is the program without the process: it returns when the command named by
// args is done or ctx is cancelled. environ is as os.Environ has it.
func run(ctx context.Context, args, environ []string, stdout, stderr io.Writer) error {
	p := &program{
		environ: environ, stdin: os.Stdin, stdout: stdout, stderr: stderr, terminal: isTerminal(stdout), watched: isTerminal(stderr),
		wire: wire, openDatabase: openDevDatabase, openMigration: openMigration,
	}
	return p.run(ctx, args)
}

func isTerminal(w io.Writer) bool {
	file, ok := w.(*os.File)
	return ok && term.IsTerminal(int(file.Fd()))
}

func (p *program) run(ctx context.Context, args []string) error {
	root := p.root()
	root.SetArgs(args)
	root.SetOut(p.stdout)
	root.SetErr(p.stderr)
	return root.ExecuteContext(ctx)
}

func (p *program) root() *cobra.Command {
	root := &cobra.Command{
		Use:   "sheaf",
		Short: "Documents on PostgreSQL: declare a collection with a JSON Schema, get a validated, versioned HTTP API",
		// Errors are printed by report, once and on one line.
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          unknownCommand,
		RunE:          func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	root.SetFlagErrorFunc(flagMistake)
	root.AddCommand(
		p.devCommand(),
		p.serveCommand(),
		p.migrateCommand(),
		p.importCommand(),
		p.exportCommand(),
		p.configCommand(),
		p.healthcheckCommand(),
		p.versionCommand(),
	)
	return root
}

// unknownCommand names the nearest command where cobra would print several lines.
func unknownCommand(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	var names []string
	for _, sub := range cmd.Commands() {
		names = append(names, sub.Name())
	}
	return mistakes{fmt.Sprintf("%s is not a command of %s%s", quoteShort(args[0]), cmd.CommandPath(), didYouMean(args[0], names))}
}

// noArguments is for commands that take flags only.
func noArguments(cmd *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	return mistakes{fmt.Sprintf("%s takes no argument, and was given %s", cmd.CommandPath(), quoteShort(args[0]))}
}

// load reads the settings for cmd, whose own defaults come after the table's.
func (p *program) load(cmd *cobra.Command, defaults map[string]string, extra ...func(loaded) []string) (loaded, error) {
	config, err := cmd.Flags().GetString("config")
	if err != nil {
		return loaded{}, err
	}
	return load(sources{
		dir:      p.dir,
		defaults: defaults,
		command:  cmd.Name(),
		environ:  p.environ,
		config:   config,
		flags:    cmd.Flags(),
	}, extra...)
}

// oneLine makes one line of several: what is said twice is said once. A driver that tries an address with and without TLS says that it failed both times.
func oneLine(text string) string {
	var b strings.Builder
	last := ""
	for line := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '\n' || r == '\r' }) {
		line = strings.TrimSpace(line)
		switch {
		case line == "" || line == last:
			continue
		case strings.HasSuffix(last, ":"):
			b.WriteByte(' ')
		case last != "":
			b.WriteString("; ")
		}
		b.WriteString(line)
		last = line
	}
	return b.String()
}

// report prints err on one line and returns the exit code: 0 for none, 2 for what somebody typed, 1 for the rest.
func report(err error, stderr io.Writer) int {
	if err == nil {
		return 0
	}
	_, _ = fmt.Fprintf(stderr, "sheaf: %s\n", oneLine(err.Error()))
	var typed mistakes
	if errors.As(err, &typed) {
		return 2
	}
	return 1
}
