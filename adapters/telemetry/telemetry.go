// Package telemetry sets up what tells an operator about a running process: the
// log, the metrics registry and the tracer provider. It counts and traces
// nothing itself; that is for the middleware and decorators that are handed its
// parts. Start at Open.
//
// Nothing global is changed: the parts are passed on. The one exception is
// OpenTelemetry's error handler, which exists once a process and would write to
// standard error past the log.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// Options say what to set up. The zero value logs nothing and exports nothing.
type Options struct {
	// Log takes the log lines; nil discards them.
	Log io.Writer
	// Level is the least level written.
	Level slog.Level
	// Text writes lines for people instead of JSON.
	Text bool
	// Endpoint is the URL of an OTLP/HTTP collector, such as http://127.0.0.1:4318.
	// Empty turns tracing off. Headers and certificates come from the OTEL_EXPORTER_OTLP_*
	// variables of the OpenTelemetry specification.
	Endpoint string
	// SampleRatio is the share of traces kept where no caller has decided, 0 to 1.
	SampleRatio float64
	// Version and Commit name the build, in the metric sheaf_build_info and in traces.
	Version, Commit string
}

// Telemetry is the parts. All of them may be used concurrently, also after Close.
type Telemetry struct {
	// Log writes one line a record, in UTC, with trace_id and span_id where the context has a span.
	Log *slog.Logger
	// Registry holds the metrics of Go, of the process, of the build, and whatever is registered later.
	Registry *prometheus.Registry
	// Tracers makes tracers; without an endpoint they do nothing and cost nothing.
	Tracers trace.TracerProvider
	// Propagator reads and writes W3C trace context and baggage.
	Propagator propagation.TextMapPropagator

	stopTracing func(context.Context) error
}

// Open sets everything up. It connects to nothing: a collector that is away
// costs log lines, never a start. It fails when an OTEL_* variable makes no sense.
func Open(ctx context.Context, options Options) (*Telemetry, error) {
	t := &Telemetry{
		Log:        newLogger(options),
		Registry:   newRegistry(options),
		Propagator: propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}),
	}
	if err := t.startTracing(ctx, options); err != nil {
		return nil, fmt.Errorf("start tracing: %w", err)
	}
	return t, nil
}

// Metrics serves the registry in the format that the scraper asks for.
func (t *Telemetry) Metrics() http.Handler {
	return promhttp.HandlerFor(t.Registry, promhttp.HandlerOpts{
		Registry: t.Registry,
		ErrorLog: slog.NewLogLogger(t.Log.Handler(), slog.LevelWarn),
		// A scrape reads shared state; a few scrapers at once are enough for anybody.
		MaxRequestsInFlight: 4,
	})
}

// Close sends the spans that are still here, within ctx. It may be called twice.
func (t *Telemetry) Close(ctx context.Context) error {
	if err := t.stopTracing(ctx); err != nil && !errors.Is(err, context.Canceled) {
		return fmt.Errorf("stop tracing: %w", err)
	}
	return nil
}

func newRegistry(options Options) *prometheus.Registry {
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "sheaf_build_info",
		Help: "The build that is running; always 1.",
		ConstLabels: prometheus.Labels{
			"version": options.Version, "commit": options.Commit, "goversion": runtime.Version(),
		},
	})
	build.Set(1)
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		build,
	)
	return registry
}
