package app_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/schema"
	"github.com/sheafdb/sheaf/ports"
	"github.com/sheafdb/sheaf/ports/app"
)

// flickering is a store whose feed of configurations is away for a while.
type flickering struct {
	ports.CollectionStore
	calls, from, until int
}

func (f *flickering) ask() error {
	f.calls++
	if f.calls >= f.from && f.calls < f.until {
		return errors.New("away")
	}
	return nil
}

func (f *flickering) ConfigurationPosition(context.Context) (change.Position, error) {
	return 0, f.ask()
}

func (f *flickering) ConfigurationChanges(context.Context, change.Position, int) ([]ident.Collection, change.Position, error) {
	return nil, 0, f.ask()
}

// That the database is away is a warning, once; that it is back is good news.
func TestCatalog_FollowTellsOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		app.NewCatalog(&flickering{from: 3, until: 7}, time.Now, schema.Limits{}).Follow(ctx, slog.New(slog.NewTextHandler(&log, nil)))
		lines := strings.Split(strings.TrimSpace(log.String()), "\n")
		if len(lines) != 2 || !strings.Contains(lines[0], "level=WARN") || !strings.Contains(lines[0], "error=away") || !strings.Contains(lines[1], "level=INFO") {
			t.Errorf("got %q", lines)
		}
	})
}
