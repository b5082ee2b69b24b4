package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"github.com/sheafdb/sheaf/adapters/telemetry"
)

// longestStop bounds each step of closing after the drain: long enough for a
// pool to take back its connections and for the last spans to leave.
const longestStop = 10 * time.Second

func (p *program) serveCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve the API from a database that you run",
		Long: `Serve the API from a database that you run.

It stops on SIGINT or SIGTERM: /readyz says no, balancers get http.drainDelay to
notice, open requests get http.drainTimeout to end. A second signal ends it at once.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := p.load(cmd, nil, checkExposure, checkDatabase)
			if err != nil {
				return err
			}
			return p.serve(cmd.Context(), settings.Settings, nil)
		},
	}
	addFlags(cmd, nil)
	return cmd
}

// wiring is what wire builds the service from.
type wiring struct {
	settings  Settings
	telemetry *telemetry.Telemetry
	build     build
}

// service is everything behind the listener, as wire opened it.
type service struct {
	handler http.Handler
	// drain makes /readyz say no; requests are still answered.
	drain func()
	// close gives everything back in the reverse order of opening, within ctx. It
	// is called once, after the last request.
	close func(ctx context.Context) error
}

// serve opens telemetry, service and listener, answers until ctx is cancelled,
// then drains and closes in the reverse order. started is told the address, once; nil is nobody.
func (p *program) serve(ctx context.Context, settings Settings, started func(net.Addr)) (err error) {
	parts, err := p.openTelemetry(ctx, settings)
	if err != nil {
		return err
	}
	defer closing(ctx, &err, parts.Close)

	opened, err := p.wire(ctx, wiring{settings: settings, telemetry: parts, build: readBuild()})
	if err != nil {
		return unlessStopped(ctx, err)
	}
	defer closing(ctx, &err, opened.close)

	listener, err := listen(ctx, settings.HTTP)
	if err != nil {
		return unlessStopped(ctx, err)
	}
	stopProfiles, err := serveProfiles(ctx, settings.Pprof, parts.Log)
	if err != nil {
		_ = listener.Close()
		return unlessStopped(ctx, err)
	}
	defer closing(ctx, &err, stopProfiles)

	parts.Log.Info("listening", slog.String("addr", listener.Addr().String()),
		slog.Any("roles", settings.Roles), slog.String("version", readBuild().Version))
	for _, tell := range []func(net.Addr){p.listening, started} {
		if tell != nil {
			tell(listener.Addr())
		}
	}
	return answer(ctx, listener, opened, settings.HTTP, parts.Log)
}

func (p *program) openTelemetry(ctx context.Context, settings Settings) (*telemetry.Telemetry, error) {
	var level slog.Level
	if err := level.UnmarshalText([]byte(settings.Log.Level)); err != nil {
		return nil, fmt.Errorf("read log.level: %w", err)
	}
	b := readBuild()
	return telemetry.Open(ctx, telemetry.Options{
		Log:         p.stderr,
		Level:       level,
		Text:        settings.Log.Format == "text",
		Endpoint:    settings.Telemetry.OTLPEndpoint,
		SampleRatio: settings.Telemetry.SampleRatio,
		Version:     b.Version,
		Commit:      b.Commit,
	})
}

// answer serves until ctx is cancelled or the listener fails, then lets open
// requests end. It returns when no handler runs any more, or longestStop after it cut the last ones.
func answer(ctx context.Context, listener net.Listener, opened *service, settings HTTPSettings, log *slog.Logger) error {
	// Open requests outlive the signal; they end when the drain is over.
	requests, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	var running atomic.Int64
	server := &http.Server{
		Handler:           counted(patientBodies(opened.handler, settings), &running),
		ReadHeaderTimeout: settings.ReadHeaderTimeout,
		IdleTimeout:       settings.IdleTimeout,
		MaxHeaderBytes:    int(settings.MaxHeaderBytes),
		ErrorLog:          slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		BaseContext:       func(net.Listener) context.Context { return requests },
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("serve: %w", err)
	case <-ctx.Done():
	}

	log.Info("draining", slog.Int64("requests", running.Load()))
	opened.drain()
	pause(settings.DrainDelay, failed)
	last, cancel := context.WithTimeout(requests, settings.DrainTimeout)
	defer cancel()
	if err := server.Shutdown(last); err != nil {
		log.Warn("requests cut", slog.Int64("requests", running.Load()))
		cut()
		_ = server.Close() // of connections whose clients are told by the loss
		awaitZero(&running, longestStop)
	}
	log.Info("stopped")
	return nil
}

// pause waits for d, or until the listener is gone.
func pause(d time.Duration, failed <-chan error) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-failed: //nolint:errcheck // the drain goes on without it
	}
}

// counted keeps the number of handlers that run, because http.Server.Close does not wait for them.
func counted(next http.Handler, running *atomic.Int64) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		running.Add(1)
		defer running.Add(-1)
		next.ServeHTTP(w, r)
	})
}

// awaitZero looks every few milliseconds, as http.Server.Shutdown does, no longer than d.
func awaitZero(running *atomic.Int64, d time.Duration) {
	for end := time.Now().Add(d); running.Load() > 0 && time.Now().Before(end); {
		time.Sleep(5 * time.Millisecond)
	}
}

// serveProfiles opens the listener for profiles, if one is wanted, and returns what closes it.
func serveProfiles(ctx context.Context, settings PprofSettings, log *slog.Logger) (func(context.Context) error, error) {
	if settings.Addr == "" {
		return func(context.Context) error { return nil }, nil
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", settings.Addr)
	if err != nil {
		return nil, fmt.Errorf("open pprof.addr: %w", err)
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/debug/pprof/", pprof.Index)
	mux.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("/debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("/debug/pprof/trace", pprof.Trace)
	server := &http.Server{Handler: mux, ReadHeaderTimeout: time.Second}
	done := make(chan error, 1)
	go func() { done <- server.Serve(listener) }()
	log.Info("profiles", slog.String("addr", listener.Addr().String()))
	return func(context.Context) error {
		err := server.Close()
		<-done //nolint:errcheck // it says that the server was closed
		return err
	}, nil
}

// closing calls end with time of its own and adds its failure to err.
func closing(ctx context.Context, err *error, end func(context.Context) error) {
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), longestStop)
	defer cancel()
	*err = errors.Join(*err, end(last))
}

// unlessStopped drops the failure of an opening that was cancelled: stopping was asked for.
func unlessStopped(ctx context.Context, err error) error {
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return nil
	}
	return err
}
