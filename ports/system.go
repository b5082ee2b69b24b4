package ports

import (
	"context"
	"time"

	"github.com/sheafdb/sheaf/domain/ident"
)

// Clock tells the time: UTC, cut to microseconds, because that is what PostgreSQL keeps.
type Clock func() time.Time

// IDs makes ids of documents. Each call returns another one; later ones order after earlier ones, as far as one process can tell.
type IDs func() ident.Document

// HealthCheck says whether a dependency answers. An error's text is for operators and holds nothing private.
type HealthCheck struct {
	Name string
	// Optional says that everything works without it, if more slowly.
	Optional bool
	Check    func(ctx context.Context) error
}
