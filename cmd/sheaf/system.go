package main

import (
	"time"

	"github.com/google/uuid"

	"github.com/sheafdb/sheaf/domain/ident"
)

// now is the ports.Clock of the process: UTC, in the microseconds that PostgreSQL keeps.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// newDocumentID is the ports.IDs of the process: a UUID of version 7 (RFC 9562), above every one before it, also when
// the clock of the machine is set back. It may be called concurrently.
func newDocumentID() ident.Document {
	// It fails only where the system has no randomness, and since Go 1.24 that ends the process instead.
	id, err := ident.ParseDocument(uuid.Must(uuid.NewV7()).String())
	if err != nil {
		panic("a UUID is an id: " + err.Error())
	}
	return id
}
