package main

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/adapters/postgres"
)

// fakeMigrator is one answer to everything.
type fakeMigrator struct {
	up     []string
	down   string
	status []postgres.Migration
	err    error
	closed int
}

func (f *fakeMigrator) Up(context.Context) ([]string, error)                 { return f.up, f.err }
func (f *fakeMigrator) Down(context.Context) (string, error)                 { return f.down, f.err }
func (f *fakeMigrator) Status(context.Context) ([]postgres.Migration, error) { return f.status, f.err }
func (f *fakeMigrator) Close() error                                         { f.closed++; return nil }

func TestMigrate(t *testing.T) {
	t.Parallel()
	broken := errors.New("apply 0002_more: no answer")
	tests := []struct {
		name, command string
		migrator      fakeMigrator
		want          string
		err           error
	}{
		{name: "up", command: "up", migrator: fakeMigrator{up: []string{"0001_base", "0002_more"}}, want: "applied 0001_base\napplied 0002_more\n"},
		{name: "up to date", command: "up", want: "nothing to apply\n"},
		{name: "up half-way", command: "up", migrator: fakeMigrator{up: []string{"0001_base"}, err: broken}, want: "applied 0001_base\n", err: broken},
		{name: "down", command: "down", migrator: fakeMigrator{down: "0002_more"}, want: "took back 0002_more\n"},
		{name: "down at the bottom", command: "down", want: "nothing to take back\n"},
		{name: "down fails", command: "down", migrator: fakeMigrator{down: "0002_more", err: broken}, err: broken},
		{
			name: "status", command: "status",
			migrator: fakeMigrator{status: []postgres.Migration{{Name: "0001_base", AppliedAt: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)}, {Name: "0002_more"}}},
			want:     "MIGRATION  APPLIED\n0001_base  2026-01-02T03:04:05Z\n0002_more  no\n",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			p, stdout, _ := testProgram(t)
			p.openMigration = func(_ context.Context, settings PostgresSettings) (migrator, error) {
				if settings.directURL() != "postgres://direct/d" {
					t.Errorf("opened %s", settings.directURL().Reveal())
				}
				return &test.migrator, nil
			}
			err := p.run(t.Context(), []string{"migrate", test.command, "--postgres-url=postgres://pooler/d", "--postgres-direct-url=postgres://direct/d"})
			if !errors.Is(err, test.err) || (test.err == nil) != (err == nil) {
				t.Errorf("got %v, want %v", err, test.err)
			}
			if stdout.String() != test.want || test.migrator.closed != 1 {
				t.Errorf("got %q, closed %d times; want %q", stdout, test.migrator.closed, test.want)
			}
		})
	}
}
