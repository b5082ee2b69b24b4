package pglocal

import (
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
)

const (
	// port only names the socket's file; nothing listens on it.
	port = "5432"
	// maxSocketPath is how long the path of a unix socket may be, in bytes: sun_path has 104 on some systems, 108 on Linux,
	// and one is for the final zero.
	maxSocketPath = 103
	// socketPrefix begins the name of a socket folder outside the server's home.
	socketPrefix = "sheaf-pg-"
)

// plainPath has no character that means something in a list of PostgreSQL's folders or in a connection string.
var plainPath = regexp.MustCompile(`^[A-Za-z0-9_./@+-]+$`)

// makeSocketDir makes the folder of the server's socket, which only the account can enter: run/ in its home, or a short
// one among the temporary folders where home's path is too long or too unusual. Only an address ever lies there, so a
// former one is simply replaced; the caller has made sure that no server uses it.
func makeSocketDir(home string, who account) (string, error) {
	dir := filepath.Join(home, "run")
	if fits(dir) {
		if err := os.RemoveAll(dir); err != nil {
			return "", err
		}
		if err := os.Mkdir(dir, 0o700); err != nil {
			return "", err
		}
		return dir, who.give(dir)
	}
	base := os.TempDir()
	// The random part of the name has up to 10 digits.
	if !fits(filepath.Join(base, socketPrefix+"0123456789")) || who.blocked(base) != "" {
		base = "/tmp"
	}
	dir, err := os.MkdirTemp(base, socketPrefix)
	if err != nil {
		return "", err
	}
	return dir, who.give(dir)
}

// removeSocketDir removes a socket folder that is not in a home; any other path is left alone.
func removeSocketDir(dir string) {
	if strings.HasPrefix(filepath.Base(dir), socketPrefix) {
		_ = os.RemoveAll(dir) // at worst an empty folder stays among the temporary ones
	}
}

func fits(dir string) bool {
	return len(filepath.Join(dir, ".s.PGSQL."+port)) <= maxSocketPath && plainPath.MatchString(dir)
}

// dsn is the connection string of a database behind the socket, for pgx and for libpq's programs alike. It names
// port and sslmode so that no variable of the environment can.
func dsn(socketDir, database string) string {
	return fmt.Sprintf("postgres://%s@/%s?host=%s&port=%s&sslmode=disable",
		superuser, url.PathEscape(database), url.QueryEscape(socketDir), port)
}
