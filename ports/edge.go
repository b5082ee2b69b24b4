package ports

import "context"

// Edge is a cache in front of the server that can be told to forget.
type Edge interface {
	// Purge has it forget the answers that carry one of the keys, see package surrogate. When it fails, it may have forgotten some. Asking again does no harm.
	Purge(ctx context.Context, keys []string) error
}
