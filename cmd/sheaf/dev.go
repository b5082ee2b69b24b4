package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
)

// devDefaults are what dev sets otherwise than the table.
var devDefaults = map[string]string{
	"postgres.migrate": "auto",
	"http.drainDelay":  "0s",
	"log.format":       "text",
}

// devDatabase is a private database server.
type devDatabase struct {
	url   Secret
	close func() error
}

func (p *program) devCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "dev",
		Short: "Serve the API with a database of its own, for a desk",
		Long: `Serve the API on loopback with a database of its own, for a desk.

The database is a private PostgreSQL in dev.dir, kept between runs and reached
by nobody else. With postgres.url set that database is used, and nothing else is
tried when it does not answer. Migrations are applied at the start.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := p.load(cmd, devDefaults, checkExposure)
			if err != nil {
				return err
			}
			return p.dev(cmd.Context(), settings.Settings)
		},
	}
	addFlags(cmd, devDefaults)
	return cmd
}

func (p *program) dev(ctx context.Context, settings Settings) error {
	own := *p
	var database *devDatabase
	if settings.Postgres.URL == "" {
		own.wire = func(ctx context.Context, w wiring) (*service, error) {
			var err error
			if database, err = p.openDatabase(ctx, p.inDir(settings.Dev.Dir), settings.Postgres.Binaries, w.telemetry.Log); err != nil {
				return nil, err
			}
			w.settings.Postgres.URL = database.url
			return withDatabase(ctx, w, p.wire, database)
		}
	}
	return own.serve(ctx, settings, func(addr net.Addr) {
		if p.terminal {
			writeBanner(p.stdout, addr, settings, database)
		}
	})
}

// withDatabase wires the service over a database that is closed after it, or at once when wiring fails.
func withDatabase(ctx context.Context, w wiring, wire func(context.Context, wiring) (*service, error), database *devDatabase) (*service, error) {
	opened, err := wire(ctx, w)
	if err != nil {
		return nil, errors.Join(err, database.close())
	}
	closeService := opened.close
	opened.close = func(ctx context.Context) error {
		return errors.Join(closeService(ctx), database.close())
	}
	return opened, nil
}

// inDir is a path of a setting as the process has to open it.
func (p *program) inDir(path string) string {
	if filepath.IsAbs(path) {
		return path
	}
	return filepath.Join(p.dir, path)
}

// writeBanner tells a person where things are and what to type first. A failure
// to write is nobody's: the log says the same address.
func writeBanner(w io.Writer, addr net.Addr, settings Settings, database *devDatabase) {
	base := "http://" + reachable(addr.String())
	where := "the one of postgres.url"
	if database != nil {
		where = "psql " + shellQuote(database.url.Reveal()) + "  (kept in " + settings.Dev.Dir + ")"
	}
	key := ""
	if settings.Auth.RootKey != "" {
		key = ` -H "Authorization: Bearer $SHEAF_AUTH_ROOT_KEY"`
	}
	_, _ = fmt.Fprintf(w, `
  Sheaf is ready; Ctrl-C stops it.

  API       %[1]s/v1
  Docs      %[1]s/docs
  Contract  %[1]s/openapi.yaml
  Database  %[2]s

  Declare a collection, then store a document in it:

    curl -X PUT %[1]s/v1/collections/notes%[3]s -H 'Content-Type: application/json' \
      -d '{"schema": {"type": "object", "required": ["text"], "properties": {"text": {"type": "string"}}}}'

    curl -X POST %[1]s/v1/collections/notes/documents%[3]s -H 'Content-Type: application/json' \
      -d '{"text": "hello"}'

`, base, where, key)
}

// reachable is the address to type on this machine: a server on all interfaces is on loopback too.
func reachable(address string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return address
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		return net.JoinHostPort("127.0.0.1", port)
	}
	return address
}

// shellQuote makes text one word of a POSIX shell.
func shellQuote(text string) string {
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
