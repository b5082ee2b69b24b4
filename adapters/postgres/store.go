package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/sheafdb/sheaf/adapters/postgres/sqlcgen"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/ports"
)

var _ ports.Store = (*Store)(nil)

// Config says which database to open and how. The zero value of each field but URL is a sensible default.
type Config struct {
	// URL is a connection string, as a URL or as key=value words.
	URL string
	// MaxConns bounds the pool, in connections; 0 is 16. It is at least one more than Writers.
	MaxConns int
	// ExecMode is how statements are sent: cache_statement, cache_describe, exec or simple_protocol. Empty takes what the URL says in
	// default_query_exec_mode, and cache_statement when it says nothing. All but cache_statement are for poolers in transaction mode: no setting of a session is
	// sent then, and the timeouts and planner settings below are those of the database's role.
	ExecMode string
	// StatementTimeout is the longest that one statement may run; 0 is 30 s.
	StatementTimeout time.Duration
	// ConnectTimeout is the longest that connecting may take; 0 is 5 s.
	ConnectTimeout time.Duration
	// Writers is how many transactions of documents this process runs at once; 0 is 2. With one, nobody uses the time of its commits;
	// with more, what waits is divided among them, and every transaction merges less.
	Writers int
	// MergedWrites is how many writes make a transaction full, of those that wait at the same time; 0 is 256: large enough that the commit is shared by many, small enough
	// that the first does not wait long for the last. With 1 every batch has a transaction of its own.
	MergedWrites int
	// Readers is how many statements of this process read single documents at once; 0 is 2. What comes meanwhile is read together.
	Readers int
	// QueueLength is how many batches may wait for a writer, and how many reads for a reader, before further ones are refused; 0 is 4096.
	QueueLength int
	// AnySchema opens the database without looking at its migrations.
	AnySchema bool
	// Logger hears of what no caller can be told; nil discards it.
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	def := func(value *int, standard int) {
		if *value <= 0 {
			*value = standard
		}
	}
	def(&c.Writers, 2)
	def(&c.MergedWrites, 256)
	def(&c.Readers, 2)
	def(&c.MaxConns, 16)
	c.MaxConns = max(c.MaxConns, c.Writers+1)
	def(&c.QueueLength, 4096)
	if c.StatementTimeout <= 0 {
		c.StatementTimeout = 30 * time.Second
	}
	if c.ConnectTimeout <= 0 {
		c.ConnectTimeout = 5 * time.Second
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

// Store is a database. Its methods may be called concurrently.
type Store struct {
	pool    *pgxpool.Pool
	queries *sqlcgen.Queries
	writer  *writer
	reader  *reader
	timeout time.Duration
	close   sync.Once
}

// Open connects to the database. It fails with fault.Unavailable when there is none, and with a plain error when it is not one that this version can use:
// older than PostgreSQL 15, not in UTF-8, or, unless config says not to look, without a migration that this version needs.
// Whoever opened a store closes it.
func Open(ctx context.Context, config Config) (*Store, error) {
	config = config.withDefaults()
	settings, err := poolSettings(config)
	if err != nil {
		return nil, err
	}
	pool, err := pgxpool.NewWithConfig(ctx, settings)
	if err != nil {
		return nil, failed(ctx, err, "open the database")
	}
	s := &Store{pool: pool, queries: sqlcgen.New(pool), timeout: config.StatementTimeout}
	if err := s.inspect(ctx, !config.AnySchema); err != nil {
		pool.Close()
		return nil, err
	}
	s.writer, s.reader = newWriter(s, config), newReader(s, config)
	return s, nil
}

// Close finishes the writes that wait, refuses new ones and gives all connections back. It may be called twice.
func (s *Store) Close() {
	s.close.Do(func() {
		s.writer.close()
		s.pool.Close()
		s.reader.close()
	})
}

// Ping says whether the database answers and takes writes. It fails with fault.Unavailable when not.
func (s *Store) Ping(ctx context.Context) error {
	standby, err := sqlRow[bool](ctx, s, `SELECT pg_catalog.pg_is_in_recovery()`)
	if err != nil {
		return failed(ctx, err, "ping")
	}
	if standby {
		return fault.New(fault.Unavailable, "postgres.unavailable", "the database is a standby and takes no writes").After(retryAfter)
	}
	return nil
}

// Stat is what a store is doing at one moment.
type Stat struct {
	// Connections of the pool: all, in use, idle, and the most there may be.
	Connections, Acquired, Idle, MaxConns int32
	// Waits counts how often a connection was waited for, and Waited how long in all.
	Waits  int64
	Waited time.Duration
	// Queued is how many batches wait for a writer.
	Queued int
	// Transactions counts committed transactions of documents, Batches the batches in them, Retries what had to be tried again.
	Transactions, Batches, Retries int64
	// ReadsQueued is how many reads wait. Statements counts those that read single documents, Reads the documents that they were to read.
	ReadsQueued       int
	Statements, Reads int64
}

// Stat returns what the store is doing, for metrics. The counters begin at Open.
func (s *Store) Stat() Stat {
	p := s.pool.Stat()
	readsQueued, statements, reads := s.reader.stat()
	return Stat{
		ReadsQueued: readsQueued, Statements: statements, Reads: reads,
		Connections: p.TotalConns(), Acquired: p.AcquiredConns(), Idle: p.IdleConns(), MaxConns: p.MaxConns(),
		Waits: p.EmptyAcquireCount(), Waited: p.EmptyAcquireWaitTime(), Queued: s.writer.queued(),
		Transactions: s.writer.transactions.Load(), Batches: s.writer.batches.Load(), Retries: s.writer.retries.Load(),
	}
}

// inspect refuses a database that this version cannot use.
func (s *Store) inspect(ctx context.Context, schema bool) error {
	var version int
	var encoding, isolation string
	err := s.pool.QueryRow(ctx, `SELECT pg_catalog.current_setting('server_version_num')::int,
		pg_catalog.current_setting('server_encoding'), pg_catalog.current_setting('transaction_isolation')`).Scan(&version, &encoding, &isolation)
	switch {
	case err != nil:
		return failed(ctx, err, "open the database")
	case version < 150_000:
		return fmt.Errorf("PostgreSQL %d is too old: 15 is the oldest that works", version/10_000)
	case encoding != "UTF8":
		return fmt.Errorf("the database's encoding is %s: it has to be UTF8", encoding)
	case isolation != "read committed":
		// A write looks at its collection after it has the bucket; in a stricter isolation it would see what was there before.
		return fmt.Errorf("default_transaction_isolation is %q: it has to be \"read committed\"", isolation)
	case schema:
		return s.checkSchema(ctx)
	}
	return nil
}
