package app_test

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sheafdb/sheaf/adapters/postgres"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/operation"
	"github.com/sheafdb/sheaf/domain/schema"
	"github.com/sheafdb/sheaf/ports/app"
)

// A bulk update of a hundred thousand documents by an operation, beside one UPDATE of as many rows of a plain table in the same database, in turn. The operation reads them twice,
// judges each, and writes history and feed; "ratio" is the time of the statement by that of the operation.
func BenchmarkBulk_Update(b *testing.B) {
	const documents = 100_000
	database := migrated.Open(b)
	store, err := postgres.Open(b.Context(), postgres.Config{URL: database})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(store.Close)
	conn, err := pgx.Connect(b.Context(), database)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close(b.Context()) })
	limits := app.Limits{Schema: schema.DefaultLimits(), Scan: 10_000}
	parts := app.Dependencies{
		Store: store, Clock: func() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }, Limits: limits,
		IDs: func() ident.Document { return documentID(fmt.Sprintf("made-%09d", made.Add(1))) },
	}
	catalog := app.NewCatalog(store, parts.Clock, limits.Schema)
	collections, found := &app.Collections{Dependencies: parts, Catalog: catalog}, &app.Documents{Dependencies: parts, Catalog: catalog}
	operations := app.NewOperations(parts, catalog, found)
	bulk := &app.Bulk{Dependencies: parts, Catalog: catalog, Documents: found, Operations: operations}
	name, err := ident.ParseCollection("goods")
	if err != nil {
		b.Fatal(err)
	}
	written, err := collections.Put(b.Context(), clerk, app.WriteCollection{Name: name, Body: []byte(
		`{"schema": {"type": "object", "required": ["title"], "properties": {"n": {"type": "integer"}, "title": {"type": "string"}}}}`)})
	if err != nil {
		b.Fatal(err)
	}
	c := written.Collection
	text := strings.Repeat("x", 500)
	for from := 0; from < documents; from += 5000 {
		batch := document.Batch{At: parts.Clock()}
		for i := from; i < from+5000; i++ {
			id := documentID(fmt.Sprintf("%06d", i))
			batch.Writes = append(batch.Writes, document.Write{
				Collection: c.Version(), ID: id, Fresh: true, Change: document.Create(name, id, document.AsIs(fmt.Appendf(nil, `{"n": %d, "text": %q, "title": "Article %d"}`, i, text, i))),
			})
		}
		if _, err := store.Write(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	execute := func(sql string) {
		if _, err := conn.Exec(b.Context(), sql); err != nil {
			b.Fatal(err)
		}
	}
	execute(`CREATE TABLE plain (id text PRIMARY KEY, doc jsonb NOT NULL)`)
	execute(`INSERT INTO plain SELECT id, data FROM documents`)
	execute(`ANALYZE`)
	var ours, theirs time.Duration
	b.ResetTimer()
	for b.Loop() {
		began := time.Now()
		execute(`UPDATE plain SET doc = doc || jsonb_build_object('n', (doc->>'n')::int + 1)`)
		theirs += time.Since(began)
		began = time.Now()
		done, err := bulk.Change(b.Context(), clerk, app.ChangeDocuments{
			Collection: name, Kind: operation.Update, Body: []byte(`{"all": true, "contentType": "application/vnd.sheaf.update+json", "patch": {"increment": {"doc.n": 1}}}`),
		})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := operations.WorkOnce(b.Context(), slog.New(slog.DiscardHandler)); err != nil {
			b.Fatal(err)
		}
		ours += time.Since(began)
		o, err := operations.Get(b.Context(), clerk, done.Operation.ID)
		if err != nil || o.State != operation.Succeeded || o.Progress.Changed != documents {
			b.Fatalf("ended as %+v, %v", o, err)
		}
	}
	b.ReportMetric(ours.Seconds()/float64(b.N), "operation-s")
	b.ReportMetric(theirs.Seconds()/float64(b.N), "statement-s")
	b.ReportMetric(theirs.Seconds()/ours.Seconds(), "ratio")
}
