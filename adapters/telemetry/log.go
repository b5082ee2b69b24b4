package telemetry

import (
	"context"
	"io"
	"log/slog"

	"go.opentelemetry.io/otel/trace"
)

// timeLayout has microseconds, as all times of ours have, and fixed width, so that lines sort.
const timeLayout = "2006-01-02T15:04:05.000000Z07:00"

func newLogger(options Options) *slog.Logger {
	if options.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return slog.New(traced{newHandler(options.Log, options)})
}

func newHandler(w io.Writer, options Options) slog.Handler {
	settings := &slog.HandlerOptions{
		Level: options.Level,
		ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
			if len(groups) == 0 && a.Key == slog.TimeKey && a.Value.Kind() == slog.KindTime {
				a.Value = slog.StringValue(a.Value.Time().UTC().Format(timeLayout))
			}
			return a
		},
	}
	if options.Text {
		return slog.NewTextHandler(w, settings)
	}
	return slog.NewJSONHandler(w, settings)
}

// traced adds the trace that a record belongs to.
type traced struct{ slog.Handler }

// Handle passes the record on, with trace_id and span_id when ctx has a valid span.
func (h traced) Handle(ctx context.Context, record slog.Record) error {
	if span := trace.SpanContextFromContext(ctx); span.IsValid() {
		record.AddAttrs(slog.String("trace_id", span.TraceID().String()), slog.String("span_id", span.SpanID().String()))
	}
	return h.Handler.Handle(ctx, record)
}

// WithAttrs keeps the wrapper around the handler it returns.
func (h traced) WithAttrs(attrs []slog.Attr) slog.Handler { return traced{h.Handler.WithAttrs(attrs)} }

// WithGroup keeps the wrapper around the handler it returns.
func (h traced) WithGroup(name string) slog.Handler { return traced{h.Handler.WithGroup(name)} }
