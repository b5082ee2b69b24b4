package expression_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sheafdb/sheaf/adapters/postgres"
	"github.com/sheafdb/sheaf/adapters/postgres/expression"
	"github.com/sheafdb/sheaf/adapters/postgres/pgtest"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
)

var schema = pgtest.NewTemplate(postgres.Migrate)

func TestMain(m *testing.M) { pgtest.Main(m) }

// connect opens a connection to a migrated database, with the settings of the application.
func connect(tb testing.TB, mode pgtest.ExecMode) *pgx.Conn {
	tb.Helper()
	config, err := pgx.ParseConfig(mode.DSN(schema.Open(tb)))
	if err != nil {
		tb.Fatal(err)
	}
	config.RuntimeParams["jit"] = "off"
	config.RuntimeParams["plan_cache_mode"] = "force_generic_plan"
	config.RuntimeParams["timezone"] = "America/New_York" // nothing is to depend on it
	config.RuntimeParams["datestyle"] = "German, DMY"
	conn, err := pgx.ConnectConfig(tb.Context(), config)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close(context.Background()) }) // the database goes anyway
	return conn
}

// store keeps documents, whose ids are the numbers of their places, created and updated a day apart.
func store(tb testing.TB, conn *pgx.Conn, documents []string) {
	tb.Helper()
	_, err := conn.Exec(tb.Context(), `
		INSERT INTO documents (bucket, collection_id, id, revision, schema_revision, created_at, updated_at, data)
		SELECT 1, 1, n - 1, n, 1, timestamptz '2024-02-28 12:00:00.123456Z' + n * interval '24 hours', timestamptz '2024-02-29 12:00:00.123456Z' + n * interval '24 hours', data
		  FROM unnest($1::jsonb[]) WITH ORDINALITY AS u(data, n)`, documents)
	if err != nil {
		tb.Fatal(err)
	}
}

// verdict is what a filter says of a document.
type verdict byte

const (
	isTrue  verdict = 't'
	isFalse verdict = 'f'
	isError verdict = '-'
)

// bySQL asks the database about all documents in the order of their places.
func bySQL(tb testing.TB, conn *pgx.Conn, e *query.Expr) []verdict {
	tb.Helper()
	var args expression.Arguments
	condition, err := expression.Filter(e, expression.DocumentRow(), &args)
	if err != nil {
		tb.Fatalf("%s: %v", e, err)
	}
	rows, err := conn.Query(tb.Context(), "SELECT ("+condition+")::boolean FROM documents AS d ORDER BY revision", args.Values()...)
	if err != nil {
		tb.Fatalf("%s\n%s\n%q: %v", e, condition, args.Values(), err)
	}
	verdicts, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (verdict, error) {
		var is *bool
		err := row.Scan(&is)
		switch {
		case is == nil:
			return isError, err
		case *is:
			return isTrue, err
		}
		return isFalse, err
	})
	if err != nil {
		tb.Fatalf("%s\n%s\n%q: %v", e, condition, args.Values(), err)
	}
	return verdicts
}

// rowsOf returns the variables of every stored document.
func rowsOf(tb testing.TB, conn *pgx.Conn) []query.Vars {
	tb.Helper()
	rows, err := conn.Query(tb.Context(), `SELECT data::text, id, revision, (extract(epoch FROM created_at) * 1000000)::bigint, (extract(epoch FROM updated_at) * 1000000)::bigint
		  FROM documents ORDER BY revision`)
	if err != nil {
		tb.Fatal(err)
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (query.Vars, error) {
		var data, id string
		var revision, created, updated int64
		if err := row.Scan(&data, &id, &revision, &created, &updated); err != nil {
			return nil, err
		}
		tree, err := jsontext.Decode([]byte(data))
		return query.DocumentVars(tree, id, revision, time.UnixMicro(created), time.UnixMicro(updated)), err
	})
	if err != nil {
		tb.Fatal(err)
	}
	return all
}

// byGo asks the other interpreter about one document.
func byGo(e *query.Expr, vars query.Vars) verdict {
	switch v, err := e.Eval(vars); {
	case err != nil:
		return isError
	case v == true:
		return isTrue
	case v == false:
		return isFalse
	}
	return isError
}

func mustCompile(tb testing.TB, source string, env *query.Env) *query.Expr {
	tb.Helper()
	e, err := query.Compile(source, env)
	if err != nil {
		var all []string
		for _, v := range fault.Find(err).Violations {
			all = append(all, v.Message)
		}
		tb.Fatalf("%s: %s", source, strings.Join(all, "; "))
	}
	return e
}
