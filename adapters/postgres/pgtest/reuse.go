package pgtest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
)

// A database that a test is done with is made as it was and given to another one: emptying some tables costs a fraction of copying a few hundred files.

// maxSeed bounds what a template may hold for its copies to be used again, in bytes; copying the files is faster where it holds more.
const maxSeed = 1 << 20

// seed is what the tables of a template hold.
type seed struct {
	// shape stands for the tables, functions and settings: who changed these is not used again.
	shape string
	// rows are those of the tables that have some, as COPY writes them.
	rows map[string][]byte
	// sequences are the values of the sequences, as statements.
	sequences string
}

// shapeOf is a digest of everything in a database but rows. What an update of a catalog changes is the transaction in its row.
const shapeOf = `SELECT md5(string_agg(line, ',' ORDER BY line)) FROM (
	SELECT concat('schema', oid, xmin) AS line FROM pg_namespace WHERE nspname NOT LIKE 'pg\_%' UNION ALL
	SELECT concat('table', oid, relname, relkind, reloptions) FROM pg_class WHERE relnamespace = 'public'::regnamespace UNION ALL
	SELECT concat('column', a.attrelid, ' ', a.attnum, ' ', a.xmin) FROM pg_attribute AS a JOIN pg_class AS c ON c.oid = a.attrelid WHERE c.relnamespace = 'public'::regnamespace UNION ALL
	SELECT concat('constraint', oid, xmin) FROM pg_constraint WHERE connamespace = 'public'::regnamespace UNION ALL
	SELECT concat('function', oid, xmin) FROM pg_proc WHERE pronamespace = 'public'::regnamespace UNION ALL
	SELECT concat('type', oid, xmin) FROM pg_type WHERE typnamespace = 'public'::regnamespace UNION ALL
	SELECT concat('trigger', oid, xmin) FROM pg_trigger UNION ALL
	SELECT concat('extension', oid, xmin) FROM pg_extension UNION ALL
	SELECT concat('setting', setdatabase, setrole, setconfig) FROM pg_db_role_setting WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
) AS x`

// used are the tables that have, or had, rows.
const used = `SELECT quote_ident(relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND pg_relation_size(oid) > 0 ORDER BY relname`

// sequences are statements that give each sequence the value that it has.
const sequences = `SELECT coalesce(string_agg(format('SELECT setval(%L, %s, %L);', format('%I.%I', schemaname, sequencename), coalesce(last_value, start_value), last_value IS NOT NULL), ''), '') FROM pg_sequences`

// readSeed reads what a template holds; nil is too much to be used again.
func readSeed(ctx context.Context, url string) (*seed, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(ctx) }() // it has only read
	s := &seed{rows: map[string][]byte{}}
	if err := conn.QueryRow(ctx, shapeOf).Scan(&s.shape); err != nil {
		return nil, err
	}
	if err := conn.QueryRow(ctx, sequences).Scan(&s.sequences); err != nil {
		return nil, err
	}
	tables, err := tablesOf(ctx, conn)
	if err != nil {
		return nil, err
	}
	size := 0
	for _, table := range tables {
		var rows bytes.Buffer
		if _, err := conn.PgConn().CopyTo(ctx, &rows, "COPY public."+table+" TO STDOUT (FORMAT binary)"); err != nil {
			return nil, err
		}
		if size += rows.Len(); size > maxSeed {
			return nil, nil
		}
		s.rows[table] = rows.Bytes()
	}
	return s, nil
}

func tablesOf(ctx context.Context, conn *pgx.Conn) ([]string, error) {
	rows, err := conn.Query(ctx, used)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// errReshaped says that a test changed more than rows.
var errReshaped = errors.New("the tables are not what they were")

// restore makes a database hold what its template holds. Connections that a test forgot are closed.
func (s *seed) restore(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }() // after an error the database is dropped
	if _, err := conn.Exec(ctx, `SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()`); err != nil {
		return err
	}
	var shape string
	if err := conn.QueryRow(ctx, shapeOf).Scan(&shape); err != nil {
		return err
	}
	if shape != s.shape {
		return errReshaped
	}
	tables, err := tablesOf(ctx, conn)
	if err != nil {
		return err
	}
	tx, err := conn.Begin(ctx)
	if err != nil {
		return err
	}
	if len(tables) > 0 {
		if _, err := tx.Exec(ctx, "TRUNCATE public."+strings.Join(tables, ", public.")); err != nil {
			return err
		}
	}
	for table, rows := range s.rows {
		if _, err := conn.PgConn().CopyFrom(ctx, bytes.NewReader(rows), "COPY public."+table+" FROM STDIN (FORMAT binary)"); err != nil {
			return fmt.Errorf("fill %s: %w", table, err)
		}
	}
	if _, err := tx.Exec(ctx, s.sequences, pgx.QueryExecModeSimpleProtocol); err != nil {
		return err
	}
	return tx.Commit(ctx)
}
