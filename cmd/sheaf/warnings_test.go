package main

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sheafdb/sheaf/adapters/memory"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/schema"
	"github.com/sheafdb/sheaf/ports/app"
)

func TestWatchful(t *testing.T) {
	t.Parallel()
	var lines bytes.Buffer
	registry := prometheus.NewRegistry()
	store := watch(memory.New(), registry, slog.New(slog.NewTextHandler(&lines, nil)))
	parts := app.Dependencies{Store: store, Clock: now, IDs: newDocumentID, Limits: app.Limits{Document: collection.Limits{Bytes: 1 << 20}, Schema: schema.DefaultLimits()}}
	catalog := app.NewCatalog(store, now, parts.Limits.Schema)
	things, err := ident.ParseCollection("things")
	if err != nil {
		t.Fatal(err)
	}
	config := `{"enforcement": "report", "coerce": true, "schema": {"properties": {"n": {"type": "integer"}}}}`
	collections := &app.Collections{Dependencies: parts, Catalog: catalog}
	if _, err := collections.Put(t.Context(), app.Caller{}, app.WriteCollection{Name: things, Body: []byte(config)}); err != nil {
		t.Fatal(err)
	}
	documents := &app.Documents{Dependencies: parts, Catalog: catalog}
	for _, data := range []string{`{"n": 1}`, `{"n": "1"}`, `{"n": "x"}`, `{"n": 1.5}`} {
		if _, err := documents.Create(t.Context(), app.Caller{RequestID: "r7"}, app.CreateDocument{Collection: things, Data: []byte(data)}); err != nil {
			t.Fatal(err)
		}
	}
	counted, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if n := counted[0].GetMetric()[0].GetCounter().GetValue(); n != 2 {
		t.Errorf("counted %v documents with faults, want 2", n)
	}
	if text := lines.String(); strings.Count(text, "documents stored with faults") != 2 || strings.Count(text, "request_id=r7") != 2 {
		t.Errorf("logged %s", text)
	}
}
