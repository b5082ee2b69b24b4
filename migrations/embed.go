// Package migrations holds the schema of the database as numbered steps, NNNN_what.sql: up and down in one file, for goose.
//
// A step that was released is never edited. Functions carry a version in their names, so that the program before
// and the program after a step can work on the same database at the same time.
package migrations

import "embed"

// FS has every step.
//
//go:embed *.sql
var FS embed.FS
