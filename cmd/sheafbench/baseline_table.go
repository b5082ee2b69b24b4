package main

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strconv"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// fromTable does what a handler written by hand does: one statement for each request, which pgx prepares once for each connection.
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
	mux.HandleFunc("GET /tagged/{id}", func(w http.ResponseWriter, r *http.Request) {
		var doc []byte
		if err := pool.QueryRow(r.Context(), "SELECT doc::text FROM baseline WHERE id = $1", r.PathValue("id")).Scan(&doc); err != nil {
			fail(w, err)
			return
		}
		tag := tagOf(doc)
		w.Header().Set("ETag", tag)
		if r.Header.Get("If-None-Match") == tag {
			w.WriteHeader(http.StatusNotModified)
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
	mux.HandleFunc("PATCH /docs/{id}", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			fail(w, err)
			return
		}
		id := r.PathValue("id")
		var doc []byte
		if err := pool.QueryRow(r.Context(), "UPDATE baseline SET doc = doc || $2 WHERE id = $1 RETURNING doc::text", id, body).Scan(&doc); err != nil {
			fail(w, err)
			return
		}
		write(w, 200, envelope(id, doc))
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
