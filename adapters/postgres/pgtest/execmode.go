package pgtest

import (
	"net/url"
	"strings"
)

// ExecMode is how pgx sends queries, as in the parameter default_query_exec_mode of its connection strings.
type ExecMode string

// The modes that differ in what the server sees.
const (
	// CacheStatement is pgx's default: each query is prepared once for a connection.
	CacheStatement ExecMode = "cache_statement"
	// Exec sends query and arguments in one go, with types guessed from the Go values. It works behind every pooler.
	Exec ExecMode = "exec"
	// SimpleProtocol writes the arguments into the text of the query. It works behind every pooler.
	SimpleProtocol ExecMode = "simple_protocol"
)

// ExecModes are the modes that an adapter has to work in: cached statements, and the two ways through a pooler.
var ExecModes = []ExecMode{CacheStatement, Exec, SimpleProtocol}

// String returns the mode as pgx writes it.
func (m ExecMode) String() string { return string(m) }

// DSN returns the connection string with the mode in it.
func (m ExecMode) DSN(dsn string) string {
	return withParameter(dsn, "default_query_exec_mode", string(m))
}

// withParameter sets a parameter of a connection string in either of the two forms that PostgreSQL knows. The value is
// plain: it has no character that needs quoting.
func withParameter(dsn, name, value string) string {
	u, err := url.Parse(dsn)
	if err != nil || !strings.HasPrefix(u.Scheme, "postgres") {
		return dsn + " " + name + "=" + value // of several values, the last one counts
	}
	query := u.Query()
	query.Set(name, value)
	u.RawQuery = query.Encode()
	return u.String()
}

// withDatabase is the connection string for another database of the same server.
func withDatabase(dsn, database string) string {
	u, err := url.Parse(dsn)
	if err != nil || !strings.HasPrefix(u.Scheme, "postgres") {
		return withParameter(dsn, "dbname", database)
	}
	u.Path = "/" + database
	return u.String()
}
