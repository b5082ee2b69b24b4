package main

import (
	"context"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/sheafdb/sheaf/adapters/postgres"
)

// migrator moves the database's tables from version to version. It is used by
// one goroutine; two processes that migrate at once take turns.
type migrator interface {
	// Up applies what is missing, oldest first, and returns the names of what it
	// applied, also beside an error.
	Up(ctx context.Context) ([]string, error)
	// Down takes back the newest applied migration and returns its name, "" when there is none.
	Down(ctx context.Context) (string, error)
	// Status lists all migrations, oldest first.
	Status(ctx context.Context) ([]postgres.Migration, error)
	// Close gives the connection back.
	Close() error
}

func (p *program) migrateCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "migrate",
		Short: "Move the database's tables to another version",
		Args:  unknownCommand,
		RunE:  func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		p.migration("up", "Apply every migration that is missing", p.migrateUp),
		p.migration("down", "Take back the newest migration, and the data that only it can hold", p.migrateDown),
		p.migration("status", "List the migrations and when each was applied", p.migrateStatus),
	)
	return cmd
}

func (p *program) migration(use, short string, do func(context.Context, migrator) error) *cobra.Command {
	cmd := &cobra.Command{
		Use:   use,
		Short: short,
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := p.load(cmd, nil, checkDatabase)
			if err != nil {
				return err
			}
			m, err := p.openMigration(cmd.Context(), settings.Postgres)
			if err != nil {
				return err
			}
			return errors.Join(do(cmd.Context(), m), m.Close())
		},
	}
	addFlags(cmd, nil)
	return cmd
}

func (p *program) migrateUp(ctx context.Context, m migrator) error {
	applied, err := m.Up(ctx)
	for _, name := range applied {
		_, _ = fmt.Fprintln(p.stdout, "applied", name)
	}
	if err == nil && len(applied) == 0 {
		_, err = fmt.Fprintln(p.stdout, "nothing to apply")
	}
	return err
}

func (p *program) migrateDown(ctx context.Context, m migrator) error {
	name, err := m.Down(ctx)
	if err != nil {
		return err
	}
	if name == "" {
		_, err = fmt.Fprintln(p.stdout, "nothing to take back")
		return err
	}
	_, err = fmt.Fprintln(p.stdout, "took back", name)
	return err
}

func (p *program) migrateStatus(ctx context.Context, m migrator) error {
	all, err := m.Status(ctx)
	if err != nil {
		return err
	}
	columns := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(columns, "MIGRATION\tAPPLIED") // a failure is kept for Flush
	for _, one := range all {
		when := "no"
		if !one.AppliedAt.IsZero() {
			when = one.AppliedAt.UTC().Format(time.RFC3339)
		}
		_, _ = fmt.Fprintf(columns, "%s\t%s\n", one.Name, when)
	}
	return columns.Flush()
}
