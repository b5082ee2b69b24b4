package main

import (
	"context"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/schema"
	"github.com/sheafdb/sheaf/ports"
)

// watchful counts and logs, once each, the documents that a collection lets pass with faults: every way in writes through it.
type watchful struct {
	ports.Store
	passed prometheus.Counter
	log    *slog.Logger
}

func watch(store ports.Store, registry prometheus.Registerer, log *slog.Logger) watchful {
	w := watchful{store, prometheus.NewCounter(prometheus.CounterOpts{
		Name: "sheaf_documents_with_faults_total", Help: "Documents that were stored although they have faults, because the enforcement of their collection lets them pass.",
	}), log}
	registry.MustRegister(w.passed)
	return w
}

// Write is that of the store.
func (w watchful) Write(ctx context.Context, batch document.Batch) ([]document.Result, error) {
	results, err := w.Store.Write(ctx, batch)
	if batch.DryRun {
		return results, err
	}
	faulty, first := 0, -1
	for i, r := range results {
		if r.Outcome != document.Unchanged && letPass(r) {
			if faulty++; first < 0 {
				first = i
			}
		}
	}
	if faulty > 0 {
		w.passed.Add(float64(faulty))
		w.log.LogAttrs(ctx, slog.LevelInfo, "documents stored with faults", slog.Int("documents", faulty), slog.String("first_document_id", results[first].Document.ID.String()),
			slog.Int("collection_id", int(batch.Writes[first].Collection.ID)), slog.String("request_id", batch.RequestID))
	}
	return results, err
}

// letPass says whether a document was stored with a fault, and not only coerced.
func letPass(r document.Result) bool {
	for _, v := range r.Warnings {
		if v.Code != schema.CodeCoerced {
			return true
		}
	}
	return false
}
