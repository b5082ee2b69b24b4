package telemetry_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/sheafdb/sheaf/adapters/telemetry"
)

func open(t *testing.T, options telemetry.Options) *telemetry.Telemetry {
	t.Helper()
	parts, err := telemetry.Open(t.Context(), options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = parts.Close(context.WithoutCancel(t.Context())) })
	return parts
}

func TestLog(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	log := open(t, telemetry.Options{Log: &out, Level: slog.LevelInfo}).Log.With("collection", "orders")

	log.Debug("not written")
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}})
	log.InfoContext(trace.ContextWithSpanContext(t.Context(), span), "document stored", "elapsed_ms", 3)

	var line map[string]any
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatalf("not one JSON line: %v: %s", err, out.String())
	}
	want := map[string]any{"level": "INFO", "msg": "document stored", "collection": "orders", "elapsed_ms": 3.0,
		"trace_id": "01000000000000000000000000000000", "span_id": "0200000000000000"}
	for key, value := range want {
		if line[key] != value {
			t.Errorf("%s = %v, want %v", key, line[key], value)
		}
	}
	written, _ := line["time"].(string)
	if at, err := time.Parse(time.RFC3339Nano, written); err != nil || !strings.HasSuffix(written, "Z") || time.Since(at) > time.Minute {
		t.Errorf("time = %q, want now, in UTC", written)
	}
}

func TestLog_Text(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	open(t, telemetry.Options{Log: &out, Text: true}).Log.Info("listening", "addr", "127.0.0.1:1")
	if got := out.String(); !strings.Contains(got, `msg=listening addr=127.0.0.1:1`) {
		t.Errorf("got %q", got)
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	parts := open(t, telemetry.Options{Version: "v1.2.3", Commit: "abc"})
	answer := httptest.NewRecorder()
	parts.Metrics().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, want := range []string{`sheaf_build_info{commit="abc",goversion="go`, `version="v1.2.3"} 1`, "go_goroutines ", "process_start_time_seconds "} {
		if !strings.Contains(answer.Body.String(), want) {
			t.Errorf("no %s in the metrics", want)
		}
	}
}

// A collector behind a prefix gets the span when the process closes, with the service's name.
func TestTraces(t *testing.T) {
	t.Parallel()
	var path atomic.Value
	var named atomic.Bool
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		path.Store(r.URL.Path)
		body := io.Reader(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			body, _ = gzip.NewReader(r.Body)
		}
		text, _ := io.ReadAll(body)
		named.Store(bytes.Contains(text, []byte("sheaf")) && bytes.Contains(text, []byte("putDocument")))
	}))
	t.Cleanup(collector.Close)

	parts := open(t, telemetry.Options{Endpoint: collector.URL + "/otlp/", SampleRatio: 1})
	_, span := parts.Tracers.Tracer("test").Start(t.Context(), "putDocument")
	span.End()
	for range 2 { // Close may be called twice
		if err := parts.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if got := path.Load(); got != "/otlp/v1/traces" {
		t.Errorf("sent to %v, want /otlp/v1/traces", got)
	}
	if !named.Load() {
		t.Error("the span or the service's name is missing from what was sent")
	}
}

func TestTraces_Off(t *testing.T) {
	t.Parallel()
	_, span := open(t, telemetry.Options{}).Tracers.Tracer("test").Start(t.Context(), "putDocument")
	if span.IsRecording() {
		t.Error("recording without an endpoint")
	}
}
