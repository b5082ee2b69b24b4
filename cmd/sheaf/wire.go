package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"sync"

	"go.opentelemetry.io/otel/trace"

	"github.com/sheafdb/sheaf"
	"github.com/sheafdb/sheaf/adapters/httpapi"
	"github.com/sheafdb/sheaf/adapters/postgres"
	"github.com/sheafdb/sheaf/adapters/postgres/pglocal"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/schema"
	"github.com/sheafdb/sheaf/ports"
	"github.com/sheafdb/sheaf/ports/app"
)

// wire opens what stands behind the listener, from the bottom up: the database, the use cases on it, HTTP in front of
// them, and the loops beside. It fails, with nothing left open, where the database is away, unusable or behind.
func wire(ctx context.Context, w wiring) (*service, error) {
	settings, log := w.settings, w.telemetry.Log

	if settings.Postgres.Migrate == "auto" {
		if err := bringUp(ctx, settings.Postgres, log); err != nil {
			return nil, err
		}
	}
	store, err := postgres.Open(ctx, postgres.Config{
		URL:              settings.Postgres.URL.Reveal(),
		MaxConns:         settings.Postgres.MaxConns,
		Writers:          settings.Postgres.Writers,
		MergedWrites:     settings.Postgres.MergedWrites,
		ExecMode:         settings.Postgres.ExecMode,
		StatementTimeout: settings.Postgres.StatementTimeout,
		AnySchema:        settings.Postgres.Migrate == "off",
		Logger:           log,
	})
	if err != nil {
		return nil, err
	}

	cached, err := openCache(settings, store, w.telemetry)
	if err != nil {
		store.Close()
		return nil, err
	}

	watched := watch(cached.store, w.telemetry.Registry, log)
	parts := app.Dependencies{Store: watched, Clock: now, IDs: newDocumentID, Limits: limitsOf(settings)}
	catalog := app.NewCatalog(cached.store, now, parts.Limits.Schema)
	parts.Store = app.Relate(watched, catalog, parts.Limits.Cascade)
	collections := &app.Collections{Dependencies: parts, Catalog: catalog}
	documents := &app.Documents{Dependencies: parts, Catalog: catalog}
	operations := app.NewOperations(parts, catalog, documents)
	receipts := &app.Receipts{Dependencies: parts, Retention: settings.Idempotency.Retention}

	var metrics http.Handler
	if settings.Metrics.Enabled {
		metrics = w.telemetry.Metrics()
	}
	var tracers trace.TracerProvider // nil costs a request nothing
	if settings.Telemetry.OTLPEndpoint != "" {
		tracers = w.telemetry.Tracers
	}
	w.telemetry.Registry.MustRegister(storeMetrics{store.Stat})
	var edge []edgeCache
	if slices.Contains(settings.Roles, "process") {
		edge = edgeCaches(settings.Purge, parts)
	}
	w.telemetry.Registry.MustRegister(edgeMetrics{edge})
	server, err := httpapi.New(httpapi.Config{
		Collections:         collections,
		Documents:           documents,
		Transfer:            &app.Transfer{Dependencies: parts, Catalog: catalog, Receipts: receipts},
		Bulk:                &app.Bulk{Dependencies: parts, Catalog: catalog, Documents: documents, Operations: operations},
		Operations:          operations,
		Receipts:            receipts,
		CacheAge:            cached.age,
		Roles:               settings.Roles,
		RootKey:             settings.Auth.RootKey.Reveal(),
		Checks:              append([]ports.HealthCheck{{Name: "postgres", Check: store.Ping}}, cached.checks...),
		Metrics:             metrics,
		Registry:            w.telemetry.Registry,
		Log:                 log,
		Tracers:             tracers,
		Propagator:          w.telemetry.Propagator,
		Contract:            sheaf.Contract,
		MaxDocumentBytes:    int(settings.HTTP.MaxDocumentBytes),
		MaxBodyBytes:        int(settings.HTTP.MaxBodyBytes),
		MaxTransactionBytes: int(settings.Transactions.MaxBytes),
		Hosts:               hostsOf(settings),
		MetricsKeyed:        settings.Metrics.Keyed,
		CORSOrigins:         settings.HTTP.CORS.Origins,
		CORSMaxAge:          settings.HTTP.CORS.MaxAge,
		Version:             w.build.Version,
	})
	if err != nil {
		cached.close()
		store.Close()
		return nil, err
	}

	// The loops outlive the signal: requests that are still open need them.
	looping, stop := context.WithCancel(context.WithoutCancel(ctx))
	var loops sync.WaitGroup
	loops.Go(func() { catalog.Follow(looping, log) })
	loops.Go(func() { cached.follow(looping) })
	if slices.Contains(settings.Roles, "process") {
		loops.Go(func() { collections.Purge(looping, log) })
		loops.Go(func() { collections.BuildIndexes(looping, log) })
		loops.Go(func() { operations.Work(looping, log, settings.Operations.Parallel, settings.Operations.Keep) })
		loops.Go(func() { documents.Expire(looping, log) })
		loops.Go(func() { documents.Retain(looping, log) })
		loops.Go(func() { receipts.Forget(looping, log) })
		for _, cache := range edge {
			loops.Go(func() {
				defer cache.caller.Close()
				cache.sender.Run(looping, log)
			})
		}
	}

	return &service{
		handler: server,
		drain:   server.Drain,
		close: func(ctx context.Context) error {
			stop()
			return endWithin(ctx, "close the database", func() {
				loops.Wait()
				cached.close()
				store.Close()
			})
		},
	}, nil
}

// bringUp applies the migrations that are missing.
func bringUp(ctx context.Context, settings PostgresSettings, log *slog.Logger) error {
	m, err := openMigration(ctx, settings)
	if err != nil {
		return err
	}
	applied, err := m.Up(ctx)
	for _, name := range applied {
		log.Info("migrated", slog.String("migration", name))
	}
	return errors.Join(err, m.Close())
}

// openMigration connects to the database past a pooler.
func openMigration(ctx context.Context, settings PostgresSettings) (migrator, error) {
	m, err := postgres.OpenMigrator(ctx, settings.directURL().Reveal())
	if err != nil {
		return nil, err // and not m: an interface that holds a nil pointer is not nil
	}
	return m, nil
}

// limitsOf are the declared sizes of the settings; those of schemas that nobody sets are the domain's.
func limitsOf(settings Settings) app.Limits {
	limits := app.Limits{
		Document:      collection.Limits{Bytes: int(settings.HTTP.MaxDocumentBytes)},
		Schema:        schema.DefaultLimits(),
		Scan:          int64(settings.Query.MaxScan),
		Aggregate:     settings.Query.AggregateTimeout,
		Bulk:          settings.Bulk.MaxDocuments,
		Impact:        settings.Schema.ImpactTime,
		OperationRate: settings.Operations.DocumentsPerSecond,
		Cascade:       app.CascadeLimits{Documents: settings.References.MaxCascade, Depth: settings.References.MaxDepth},
		Import: app.ImportLimits{
			StrictDocuments: settings.Import.StrictMaxDocuments,
			StrictBytes:     int(settings.Import.StrictMaxBytes),
		},
		Operations: settings.Transactions.MaxOperations,
		Filled:     int(settings.Transactions.MaxBytes),
	}
	limits.Schema.Bytes = int(settings.Schema.Limits.Bytes)
	limits.Schema.Depth = settings.Schema.Limits.Depth
	limits.Schema.Nodes = settings.Schema.Limits.Nodes
	limits.Schema.Enum = settings.Schema.Limits.Enum
	limits.Schema.Expansion = settings.Schema.Limits.Expansion
	return limits
}

// endWithin runs f, and gives it up when ctx ends first: the process is about to end, and nobody waits for it for ever.
func endWithin(ctx context.Context, what string, f func()) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		f()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", what, ctx.Err())
	}
}

// openDevDatabase starts the private server of dir, on the machine's binaries or on fetched ones.
func openDevDatabase(ctx context.Context, dir, binaries string, log *slog.Logger) (*devDatabase, error) {
	server, err := pglocal.Start(ctx, pglocal.Options{Dir: dir, Binaries: binaries, Fetch: true, Logger: log})
	if err != nil {
		return nil, err
	}
	return &devDatabase{url: Secret(server.URL()), close: server.Close}, nil
}
