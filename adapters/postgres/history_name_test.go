package postgres_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/sheafdb/sheaf/adapters/postgres"
	"github.com/sheafdb/sheaf/domain/change"
)

// Positions that are counted anew belong to another history, also in the same database: what others keep of the one before is of no use.
func TestNews_History(t *testing.T) {
	t.Parallel()
	server := schema.Open(t)
	s := open(t, postgres.Config{URL: server})
	name := func() string {
		t.Helper()
		news, err := s.News(t.Context(), change.Positions{}, 1)
		if err != nil || news.History == "" {
			t.Fatalf("history %q, %v", news.History, err)
		}
		return news.History
	}
	before := name()
	c := mustCollection(t, s, "books")
	mustWrite(t, s, put(c, "a", `1`))
	if name() != before {
		t.Error("a write makes another history")
	}
	conn, err := pgx.Connect(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	for what, sql := range map[string]string{
		"truncated": `CREATE TEMP TABLE kept AS TABLE public.buckets; TRUNCATE public.buckets; INSERT INTO public.buckets TABLE kept; DROP TABLE kept`,
		"restored":  `ALTER TABLE public.buckets RENAME TO old; CREATE TABLE public.buckets (LIKE public.old INCLUDING ALL); INSERT INTO public.buckets TABLE public.old; DROP TABLE public.old`,
	} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		if now := name(); now == before {
			t.Errorf("%s, and the history is the same", what)
		} else {
			before = now
		}
	}
	other := open(t, postgres.Config{URL: schema.Open(t)})
	if news, err := other.News(t.Context(), change.Positions{}, 1); err != nil || news.History == before {
		t.Errorf("another database has the same history, %v", err)
	}
}
