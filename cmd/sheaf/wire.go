package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/sheafdb/sheaf/adapters/postgres/pglocal"
)

// wire opens what stands behind the listener: pool, stores, cache, app, HTTP.
func wire(_ context.Context, w wiring) (*service, error) {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /livez", func(http.ResponseWriter, *http.Request) {})
	if w.settings.Metrics.Enabled {
		mux.Handle("GET /metrics", w.telemetry.Metrics())
	}
	return &service{handler: mux, drain: func() {}, close: func(context.Context) error { return nil }}, nil
}

// openMigration connects to the database past a pooler.
func openMigration(context.Context, PostgresSettings) (migrator, error) {
	return nil, errors.New("this build holds no migrations")
}

// openDevDatabase starts the private server of dir, on the machine's binaries or on fetched ones.
func openDevDatabase(ctx context.Context, dir, binaries string, log *slog.Logger) (*devDatabase, error) {
	server, err := pglocal.Start(ctx, pglocal.Options{Dir: dir, Binaries: binaries, Fetch: true, Logger: log})
	if err != nil {
		return nil, err
	}
	return &devDatabase{url: Secret(server.URL()), close: server.Close}, nil
}
