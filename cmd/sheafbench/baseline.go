package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// baselineSetup makes the table that the pgx baseline works on.
const baselineSetup = `CREATE TABLE IF NOT EXISTS baseline (id text COLLATE "C" PRIMARY KEY, doc jsonb NOT NULL)`

// baselineConnections is how many database connections the pgx baseline has: one for each connection of the load does best when requests are not gathered.
const baselineConnections = 32

// baseline runs one of the servers that Sheaf is compared with, and prints its address; it ends when standard input does.
func baseline(kind string, args []string) error {
	var handler http.Handler
	switch kind {
	case "baseline-http":
		handler = fromMemory()
	case "baseline-pgx":
		config, err := pgxpool.ParseConfig(args[0])
		if err != nil {
			return err
		}
		config.MaxConns = baselineConnections
		pool, err := pgxpool.NewWithConfig(context.Background(), config)
		if err != nil {
			return err
		}
		handler = fromTable(pool)
	default:
		return fmt.Errorf("unknown baseline %q", kind)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(listener.Addr())
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}
	return server.Serve(listener)
}

// envelope is about what an answer of Sheaf looks like.
func envelope(id string, data []byte) []byte {
	return fmt.Appendf(nil, `{"id":%q,"revision":1,"createdAt":"2026-11-22T10:00:00.000000Z","updatedAt":"2026-11-22T10:00:00.000000Z","data":%s}`, id, data)
}

func fromMemory() http.Handler {
	answer := envelope("00000000-0000-7000-8000-000000000000", sample(1))
	page := []byte(`{"items":[`)
	for i := range 20 {
		if i > 0 {
			page = append(page, ',')
		}
		page = append(page, envelope(documentID(i), sample(i))...)
	}
	page = append(page, `]}`...)
	mux := http.NewServeMux()
	write := func(w http.ResponseWriter, status int, body []byte) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}
	mux.HandleFunc("GET /docs/{id}", func(w http.ResponseWriter, _ *http.Request) { write(w, 200, answer) })
	mux.HandleFunc("GET /docs", func(w http.ResponseWriter, _ *http.Request) { write(w, 200, page) })
	take := func(status int) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if _, err := io.ReadAll(r.Body); err != nil {
				w.WriteHeader(http.StatusBadRequest)
				return
			}
			write(w, status, answer)
		}
	}
	mux.HandleFunc("POST /docs", take(201))
	mux.HandleFunc("PUT /docs/{id}", take(200))
	return mux
}

func fromTable(pool *pgxpool.Pool) http.Handler {
	mux := http.NewServeMux()
	fail := func(w http.ResponseWriter, err error) {
		status := 500
		if errors.Is(err, pgx.ErrNoRows) {
			status = 404
		}
		http.Error(w, err.Error(), status)
	}
	write := func(w http.ResponseWriter, status int, body []byte) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write(body)
	}
	mux.HandleFunc("GET /docs/{id}", func(w http.ResponseWriter, r *http.Request) {
		var doc []byte
		if err := pool.QueryRow(r.Context(), "SELECT doc::text FROM baseline WHERE id = $1", r.PathValue("id")).Scan(&doc); err != nil {
			fail(w, err)
			return
		}
		write(w, 200, envelope(r.PathValue("id"), doc))
	})
	list := func(w http.ResponseWriter, r *http.Request, sql string, arg any) {
		rows, err := pool.Query(r.Context(), sql, arg)
		if err != nil {
			fail(w, err)
			return
		}
		page := []byte(`{"items":[`)
		var id string
		var doc []byte
		_, err = pgx.ForEachRow(rows, []any{&id, &doc}, func() error {
			if len(page) > len(`{"items":[`) {
				page = append(page, ',')
			}
			page = append(page, envelope(id, doc)...)
			return nil
		})
		if err != nil {
			fail(w, err)
			return
		}
		write(w, 200, append(page, `]}`...))
	}
	mux.HandleFunc("GET /docs", func(w http.ResponseWriter, r *http.Request) {
		list(w, r, "SELECT id, doc::text FROM baseline WHERE id > $1 ORDER BY id LIMIT 20", r.URL.Query().Get("after"))
	})
	mux.HandleFunc("GET /by-status", func(w http.ResponseWriter, r *http.Request) {
		list(w, r, "SELECT id, doc::text FROM baseline WHERE doc ->> 'status' = $1 ORDER BY (doc ->> 'number')::numeric DESC, id LIMIT 20", r.URL.Query().Get("status"))
	})
	mux.HandleFunc("GET /by-number", func(w http.ResponseWriter, r *http.Request) {
		after, err := strconv.Atoi(r.URL.Query().Get("after"))
		if err != nil {
			fail(w, err)
			return
		}
		list(w, r, "SELECT id, doc::text FROM baseline WHERE (doc ->> 'number')::numeric > $1 ORDER BY (doc ->> 'number')::numeric, id LIMIT 20", after)
	})
	mux.HandleFunc("POST /docs", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			fail(w, err)
			return
		}
		id := uuid.Must(uuid.NewV7()).String()
		if _, err := pool.Exec(r.Context(), "INSERT INTO baseline (id, doc) VALUES ($1, $2)", id, body); err != nil {
			fail(w, err)
			return
		}
		write(w, 201, envelope(id, body))
	})
	mux.HandleFunc("PUT /docs/{id}", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			fail(w, err)
			return
		}
		id := r.PathValue("id")
		if _, err := pool.Exec(r.Context(), "INSERT INTO baseline (id, doc) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET doc = excluded.doc", id, body); err != nil {
			fail(w, err)
			return
		}
		write(w, 200, envelope(id, body))
	})
	mux.HandleFunc("POST /transactions", func(w http.ResponseWriter, r *http.Request) {
		transact(w, r, pool, fail)
	})
	return mux
}

// transact stores documents in one transaction, a prepared statement for each.
func transact(w http.ResponseWriter, r *http.Request, pool *pgxpool.Pool, fail func(http.ResponseWriter, error)) {
	var request struct {
		Operations []struct {
			ID   string
			Data json.RawMessage
		}
	}
	if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
		fail(w, err)
		return
	}
	err := pgx.BeginFunc(r.Context(), pool, func(tx pgx.Tx) error {
		for _, o := range request.Operations {
			if _, err := tx.Exec(r.Context(), "INSERT INTO baseline (id, doc) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET doc = excluded.doc", o.ID, o.Data); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	b := []byte(`{"results":[`)
	for i, o := range request.Operations {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, envelope(o.ID, o.Data)...)
	}
	_, _ = w.Write(append(b, `]}`...))
}
