package pgtest

import (
	"context"
	"fmt"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
)

// Migrate makes a schema in the empty database behind url. It closes what it opens: a database that somebody is connected to
// cannot be copied.
type Migrate func(ctx context.Context, url string) error

// Template is a database that is made once for the process and copied for each test, which costs a fraction of migrating.
type Template struct {
	migrate Migrate

	mu   sync.Mutex
	done bool
	name string
	err  error
}

// NewTemplate returns a template of what migrate makes. Nothing happens before the first Open, so that it can be a
// package variable of tests that may all be skipped.
func NewTemplate(migrate Migrate) *Template { return &Template{migrate: migrate} }

// Open returns the connection string of a copy of the template, which is dropped when the test ends, along with what is
// still connected to it. A test fails when the migration does.
func (p *Template) Open(tb testing.TB) string {
	tb.Helper()
	return p.openOn(tb, here)
}

func (p *Template) openOn(tb testing.TB, h *host) string {
	tb.Helper()
	h.need(tb)
	name, err := p.make(h)
	if err != nil {
		tb.Fatal(err)
	}
	return h.open(tb, name)
}

// make makes the template, once; a failure is remembered, since it would only be the same again.
func (p *Template) make(h *host) (string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.done {
		return p.name, p.err
	}
	p.done = true
	p.name = h.name()
	// Not a test's context: the template outlives the test that happens to come first.
	ctx, cancel := context.WithTimeout(context.Background(), adminTimeout)
	defer cancel()
	if p.err = h.create(ctx, p.name, ""); p.err != nil {
		return "", p.err
	}
	h.mu.Lock()
	h.templates = append(h.templates, p.name)
	h.mu.Unlock()
	if err := p.migrate(ctx, withDatabase(h.url, p.name)); err != nil {
		p.err = fmt.Errorf("pgtest: migrate the template: %w", err)
		return "", p.err
	}
	// Whoever connects to it from here on would stop every test that copies it, so nobody can.
	p.err = h.exec(ctx, "ALTER DATABASE "+pgx.Identifier{p.name}.Sanitize()+" ALLOW_CONNECTIONS false")
	return p.name, p.err
}
