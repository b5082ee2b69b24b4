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

// Template is a database that is made once for the process and copied for each test, which costs a fraction of migrating. A copy is made as new and
// used again when its test has ended; see reuse.go.
type Template struct {
	migrate Migrate

	mu   sync.Mutex
	done bool
	name string
	seed *seed
	err  error
	free []string // copies that nobody uses
}

// NewTemplate returns a template of what migrate makes. Nothing happens before the first Open, so that it can be a
// package variable of tests that may all be skipped.
func NewTemplate(migrate Migrate) *Template { return &Template{migrate: migrate} }

// Open returns the connection string of a copy of the template, which the test has for itself until it ends; what is still connected to it
// then is cut off. A test fails when the migration does.
func (p *Template) Open(tb testing.TB) string {
	tb.Helper()
	return p.openOn(tb, here)
}

func (p *Template) openOn(tb testing.TB, h *host) string {
	tb.Helper()
	h.need(tb)
	from, err := p.make(h)
	if err != nil {
		tb.Fatal(err)
	}
	name := p.take()
	if name == "" {
		name = h.name()
		if err := h.create(tb.Context(), name, from); err != nil {
			tb.Fatal(err)
		}
	}
	url := withDatabase(h.url, name)
	tb.Cleanup(func() {
		if err := p.put(h, name, url); err != nil {
			tb.Error(err)
		}
	})
	return url
}

// take returns a copy that nobody uses, "" when there is none.
func (p *Template) take() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.free) == 0 {
		return ""
	}
	last := len(p.free) - 1
	name := p.free[last]
	p.free = p.free[:last]
	return name
}

// put makes a copy as new for whoever needs one next, or drops it.
func (p *Template) put(h *host, name, url string) error {
	if p.seed == nil {
		return h.drop(name)
	}
	// Not the test's context, which has ended.
	ctx, cancel := context.WithTimeout(context.Background(), adminTimeout)
	defer cancel()
	if err := p.seed.restore(ctx, url); err != nil {
		return h.drop(name) // a test may do to its database what it likes
	}
	h.keep(name)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.free = append(p.free, name)
	return nil
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
	h.keep(p.name)
	if err := p.migrate(ctx, withDatabase(h.url, p.name)); err != nil {
		p.err = fmt.Errorf("pgtest: migrate the template: %w", err)
		return "", p.err
	}
	if p.seed, p.err = readSeed(ctx, withDatabase(h.url, p.name)); p.err != nil {
		return "", p.err
	}
	// Whoever connects to it from here on would stop every test that copies it, so nobody can.
	p.err = h.exec(ctx, "ALTER DATABASE "+pgx.Identifier{p.name}.Sanitize()+" ALLOW_CONNECTIONS false")
	return p.name, p.err
}
