package postgres

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/pgxpool"
)

// execModes are the ways to send a statement, by the names they have in connection strings.
var execModes = map[string]pgx.QueryExecMode{
	"cache_statement": pgx.QueryExecModeCacheStatement,
	"cache_describe":  pgx.QueryExecModeCacheDescribe,
	"exec":            pgx.QueryExecModeExec,
	"simple_protocol": pgx.QueryExecModeSimpleProtocol,
}

// poolSettings says how the pool connects. Errors of it name no secret: pgx leaves passwords out.
func poolSettings(config Config) (*pgxpool.Config, error) {
	settings, err := pgxpool.ParseConfig(config.URL)
	if err != nil {
		return nil, fmt.Errorf("connection string: %w", err)
	}
	conn := settings.ConnConfig
	if config.ExecMode != "" {
		mode, known := execModes[config.ExecMode]
		if !known {
			return nil, fmt.Errorf("exec mode %q is not cache_statement, cache_describe, exec or simple_protocol", config.ExecMode)
		}
		conn.DefaultQueryExecMode = mode
	}
	settings.MaxConns = int32(min(config.MaxConns, math.MaxInt32))
	conn.ConnectTimeout = config.ConnectTimeout
	if _, given := conn.RuntimeParams["application_name"]; !given {
		conn.RuntimeParams["application_name"] = "sheaf"
	}
	if conn.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement {
		for name, value := range sessionSettings(config.StatementTimeout) {
			if _, given := conn.RuntimeParams[name]; !given {
				conn.RuntimeParams[name] = value
			}
		}
	}
	settings.AfterConnect = func(_ context.Context, c *pgx.Conn) error {
		// Times come back in UTC, whatever zone the machine is in.
		c.TypeMap().RegisterType(&pgtype.Type{Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: time.UTC}})
		return nil
	}
	return settings, nil
}

// sessionSettings are sent when a connection is made. A pooler would refuse them, and nothing is wrong without them.
func sessionSettings(statement time.Duration) map[string]string {
	return map[string]string{
		// Every statement has one sensible plan whatever its arguments, so none is planned twice.
		"plan_cache_mode": "force_generic_plan",
		// One that was made while a table was small would go on scanning it when it is large.
		"enable_seqscan":                "off",
		"jit":                           "off",
		"statement_timeout":             milliseconds(statement),
		"lock_timeout":                  milliseconds(statement / 2),
		"TimeZone":                      "UTC",
		"default_transaction_isolation": "read committed",
		// An export whose reader stalls holds a snapshot, and with it every row that has been replaced since.
		"idle_in_transaction_session_timeout": milliseconds(2 * statement),
	}
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// sqlRow runs a statement that returns one row with one column.
func sqlRow[T any](ctx context.Context, s *Store, sql string, args ...any) (value T, err error) {
	err = s.pool.QueryRow(ctx, sql, args...).Scan(&value)
	return value, err
}
