package telemetry

import (
	"context"
	"log/slog"
	"strings"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace/noop"
)

// tracesPath follows the base URL of a collector (OTLP specification, "OTLP/HTTP Request").
const tracesPath = "/v1/traces"

func (t *Telemetry) startTracing(ctx context.Context, options Options) error {
	if options.Endpoint == "" {
		t.Tracers = noop.NewTracerProvider()
		t.stopTracing = func(context.Context) error { return nil }
		return nil
	}
	about, err := resource.New(ctx,
		resource.WithTelemetrySDK(),
		resource.WithHost(),
		resource.WithAttributes(attribute.String("service.name", "sheaf"), attribute.String("service.version", options.Version)),
		resource.WithFromEnv(), // last: OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win
	)
	if err != nil {
		return err
	}
	exporter, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(tracesURL(options.Endpoint)))
	if err != nil {
		return err
	}
	provider := sdktrace.NewTracerProvider(
		sdktrace.WithResource(about),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(options.SampleRatio))),
		sdktrace.WithBatcher(exporter), // bounded queue; spans beyond it are dropped, requests never wait
	)
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		t.Log.Warn("telemetry failed", slog.Any("error", err))
	}))
	t.Tracers, t.stopTracing = provider, provider.Shutdown
	return nil
}

// tracesURL completes a base URL; one that names the traces path itself is kept.
func tracesURL(endpoint string) string {
	base := strings.TrimRight(endpoint, "/")
	if strings.HasSuffix(base, tracesPath) {
		return base
	}
	return base + tracesPath
}
