package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/sheafdb/sheaf/migrations"
)

// Migrator moves the schema of one database from version to version. It is for one goroutine; several processes that migrate at once take turns.
type Migrator struct {
	db       *sql.DB
	provider *goose.Provider
}

// Migration is one step of the schema's history.
type Migration struct {
	Name string
	// AppliedAt is zero for one that is not applied.
	AppliedAt time.Time
}

// OpenMigrator connects to the database. The turn is a lock of the session, so url leads past a pooler in transaction mode.
// Whoever opened a migrator closes it.
func OpenMigrator(ctx context.Context, url string) (*Migrator, error) {
	settings, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("connection string: %w", err)
	}
	settings.ConnectTimeout = Config{}.withDefaults().ConnectTimeout // pgx waits two minutes
	db := stdlib.OpenDB(*settings)
	m := &Migrator{db: db}
	if err := db.PingContext(ctx); err != nil {
		return nil, errors.Join(failed(ctx, err, "open the database"), m.Close())
	}
	turn, err := lock.NewPostgresSessionLocker()
	if err == nil {
		m.provider, err = goose.NewProvider(goose.DialectPostgres, db, migrations.FS, goose.WithSessionLocker(turn), goose.WithDisableGlobalRegistry(true))
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("migrations: %w", err), m.Close())
	}
	return m, nil
}

// Close gives the connection back.
func (m *Migrator) Close() error { return m.db.Close() }

// Up applies what is missing, oldest first, each in a transaction of its own, and returns the names of what it applied, also beside an error.
func (m *Migrator) Up(ctx context.Context) ([]string, error) {
	results, err := m.provider.Up(ctx)
	var partial *goose.PartialError
	if errors.As(err, &partial) {
		results = partial.Applied
	}
	names := make([]string, len(results))
	for i, r := range results {
		names[i] = name(r.Source)
	}
	return names, migrationFailed(ctx, err)
}

// Down takes back the newest applied migration and returns its name, "" when there is none.
func (m *Migrator) Down(ctx context.Context) (string, error) {
	result, err := m.provider.Down(ctx)
	switch {
	case errors.Is(err, goose.ErrNoNextVersion):
		return "", nil
	case err != nil:
		return "", migrationFailed(ctx, err)
	}
	return name(result.Source), nil
}

// Status lists all migrations, oldest first.
func (m *Migrator) Status(ctx context.Context) ([]Migration, error) {
	all, err := m.provider.Status(ctx)
	if err != nil {
		return nil, migrationFailed(ctx, err)
	}
	list := make([]Migration, len(all))
	for i, one := range all {
		list[i] = Migration{Name: name(one.Source), AppliedAt: one.AppliedAt}
	}
	return list, nil
}

// Migrate applies what is missing in the database behind url.
func Migrate(ctx context.Context, url string) error {
	m, err := OpenMigrator(ctx, url)
	if err != nil {
		return err
	}
	_, err = m.Up(ctx)
	return errors.Join(err, m.Close())
}

func name(source *goose.Source) string { return strings.TrimSuffix(path.Base(source.Path), ".sql") }

func migrationFailed(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	// A step that the server refuses is for whoever wrote or runs it, with the server's words.
	if stateOf(err) != "" && !lost(err) {
		return fmt.Errorf("migrate: %w", err)
	}
	return failed(ctx, err, "migrate")
}

// ErrSchemaBehind says that the database lacks a migration that this version needs.
var ErrSchemaBehind = errors.New("the database's schema is behind")

// checkSchema refuses a database that is behind. One that is ahead is good: a migration leaves the version before it working.
func (s *Store) checkSchema(ctx context.Context) error {
	need, err := newestMigration()
	if err != nil {
		return err
	}
	have, err := sqlRow[int64](ctx, s, `SELECT coalesce(max(version_id), 0)::bigint FROM public.goose_db_version WHERE is_applied`)
	if err != nil && stateOf(err) != stateNoTable {
		return failed(ctx, err, "look at the schema")
	}
	if have < need {
		return fmt.Errorf("%w: it is at %d and this version needs %d; run sheaf migrate up", ErrSchemaBehind, have, need)
	}
	return nil
}

func newestMigration() (int64, error) {
	files, err := fs.Glob(migrations.FS, "*.sql")
	if err != nil || len(files) == 0 {
		return 0, fmt.Errorf("this build holds no migrations: %w", err)
	}
	// Glob sorts, and the numbers have leading zeros.
	number, _, _ := strings.Cut(files[len(files)-1], "_")
	return strconv.ParseInt(number, 10, 64)
}
