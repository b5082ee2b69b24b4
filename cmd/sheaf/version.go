package main

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Set by the release build: -ldflags "-X main.version=v1.2.3 -X main.commit=… -X main.date=…".
// Other builds take what the Go command stamps.
var version, commit, date string

// build says which program this is.
type build struct {
	Version string // v1.2.3, or "devel"
	Commit  string // short, with "+changes" on an unclean tree; "unknown" outside version control
	Date    string // RFC 3339, of the commit; "" when unknown
}

func readBuild() build {
	b := build{Version: version, Commit: commit, Date: date}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	stamped := map[string]string{}
	for _, s := range info.Settings {
		stamped[s.Key] = s.Value
	}
	if b.Version == "" && info.Main.Version != "(devel)" {
		b.Version = info.Main.Version
	}
	if b.Commit == "" {
		const short = 12 // digits: enough to be unique, and what the Go command shows
		b.Commit = stamped["vcs.revision"]
		b.Commit = b.Commit[:min(len(b.Commit), short)]
		if stamped["vcs.modified"] == "true" {
			b.Commit += "+changes"
		}
	}
	return build{
		Version: cmp.Or(b.Version, "devel"),
		Commit:  cmp.Or(b.Commit, "unknown"),
		Date:    cmp.Or(b.Date, stamped["vcs.time"]),
	}
}

func (b build) String() string {
	text := fmt.Sprintf("sheaf %s, commit %s", b.Version, b.Commit)
	if b.Date != "" {
		text += " of " + b.Date
	}
	return fmt.Sprintf("%s, %s %s/%s", text, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

func (p *program) versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print which build this is",
		Args:  noArguments,
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(p.stdout, readBuild())
			return err
		},
	}
}
