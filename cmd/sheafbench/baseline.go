package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"net"
	"net/http"
	"strconv"
	"time"

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
		handler = answersFromMemory()
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

// tagOf is an entity tag made of the bytes of an answer, which is what a handler without revisions has.
func tagOf(answer []byte) string {
	h := fnv.New64a()
	_, _ = h.Write(answer)
	return fmt.Sprintf(`"%x"`, h.Sum64())
}

// answersFromMemory answers with the same bytes whatever is asked.
func answersFromMemory() http.Handler {
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
	tag := tagOf(answer)
	mux.HandleFunc("GET /tagged/{id}", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
			return
		}
		write(w, 200, answer)
	})
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
