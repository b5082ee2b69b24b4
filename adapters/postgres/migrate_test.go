package postgres_test

import (
	"errors"
	"testing"

	"github.com/sheafdb/sheaf/adapters/postgres"
	"github.com/sheafdb/sheaf/adapters/postgres/pgtest"
)

func TestMigrate_UpDownUp(t *testing.T) {
	t.Parallel()
	url := pgtest.Open(t)
	if _, err := postgres.Open(t.Context(), postgres.Config{URL: url}); !errors.Is(err, postgres.ErrSchemaBehind) {
		t.Errorf("an empty database opens: %v", err)
	}
	open(t, postgres.Config{URL: url, AnySchema: true}).Close()
	m, err := postgres.OpenMigrator(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := m.Close(); err != nil {
			t.Error(err)
		}
	}()
	all, err := m.Status(t.Context())
	if err != nil || len(all) == 0 || !all[0].AppliedAt.IsZero() {
		t.Fatalf("status %v, %v", all, err)
	}
	for round := range 2 {
		names, err := m.Up(t.Context())
		if err != nil || len(names) != len(all) || names[0] != "0001_documents" {
			t.Fatalf("up: %q, %v", names, err)
		}
		if names, err = m.Up(t.Context()); err != nil || len(names) != 0 {
			t.Errorf("up again: %q, %v", names, err)
		}
		s := open(t, postgres.Config{URL: url})
		c := mustCollection(t, s, "books")
		mustWrite(t, s, fresh(c, "x", `1`), put(c, "x", `2`))
		s.Close()
		if round > 0 {
			break
		}
		for range all {
			if name, err := m.Down(t.Context()); err != nil || name == "" {
				t.Fatalf("down: %q, %v", name, err)
			}
		}
		if name, err := m.Down(t.Context()); err != nil || name != "" {
			t.Errorf("down of nothing: %q, %v", name, err)
		}
	}
	if all, err = m.Status(t.Context()); err != nil || all[0].AppliedAt.IsZero() {
		t.Errorf("status %v, %v", all, err)
	}
}

func TestOpen_Refuses(t *testing.T) {
	t.Parallel()
	if _, err := postgres.Open(t.Context(), postgres.Config{URL: "postgres://127.0.0.1:1/none?sslmode=disable"}); err == nil {
		t.Error("nobody listens, and it opens")
	} else {
		wantCode(t, err, "postgres.unavailable")
	}
	if _, err := postgres.Open(t.Context(), postgres.Config{URL: schema.Open(t), ExecMode: "fast"}); err == nil {
		t.Error("an unknown exec mode")
	}
}
