package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/fault"
)

// retryAfter is how long a caller waits who met a database that is away: a restart takes a second or two.
const retryAfter = time.Second

// The states that functions of ours raise, and the others that mean something to a write (PostgreSQL's manual, appendix A).
const (
	stateCollectionChanged = "SH001"
	stateDocumentChanged   = "SH002"
	stateDuplicate         = "SH003"
	stateIndexNotReady     = "SH004"
	stateClaimLost         = "SH005"
	stateDangling          = "SH006"
	stateReferred          = "SH007"
	stateFacetOverflow     = "SH008"
	stateUniqueViolation   = "23505"
	stateSerialization     = "40001"
	stateDeadlock          = "40P01"
	stateNoTable           = "42P01"
)

// A state has one meaning: two that are equal do not compile.
var _ = map[string]bool{
	stateCollectionChanged: true, stateDocumentChanged: true, stateDuplicate: true, stateIndexNotReady: true, stateClaimLost: true, stateDangling: true, stateReferred: true,
	stateFacetOverflow: true, stateUniqueViolation: true, stateSerialization: true, stateDeadlock: true, stateNoTable: true,
}

// The indexes in which writers meet that both thought that something was free: a revision of a document, an id, and an entry, which may also be that of whoever builds an index.
const (
	constraintRevision = "changes_by_document"
	constraintDocument = "documents_pkey"
	constraintEntry    = "index_entries_pkey"
)

// failed classifies an error of the database; what says what was being done, for the log. The context is the caller's: its end is no fault of the database.
func failed(ctx context.Context, err error, what string) error {
	switch {
	case err == nil:
		return nil
	case fault.Find(err) != nil:
		return err
	case ctx.Err() != nil:
		return fmt.Errorf("%s: %w", what, ctx.Err())
	}
	err = fmt.Errorf("%s: %w", what, err)
	if state := stateOf(err); state != "" {
		switch {
		case state == "57014", state == "55P03", state == "25P03":
			return fault.Wrap(err, fault.Unavailable, "postgres.timeout", "the database took too long").After(retryAfter)
		case state == stateIndexNotReady:
			return collection.ErrChanged
		case state == stateSerialization, state == stateDeadlock:
			return contended(err)
		case unavailable(state):
			return away(err)
		}
		return fault.Wrap(err, fault.Internal, "internal", "the database refused a statement")
	}
	if lost(err) {
		return away(err)
	}
	return fault.Wrap(err, fault.Internal, "internal", "the database gave an answer that cannot be read")
}

func away(err error) error {
	return fault.Wrap(err, fault.Unavailable, "postgres.unavailable", "the database does not answer").After(retryAfter)
}

func errClosed() error {
	return fault.New(fault.Unavailable, "postgres.unavailable", "the database is closed").After(retryAfter)
}

func contended(err error) error {
	return fault.Wrap(err, fault.Unavailable, "write.contended", "others changed the same documents again and again").After(retryAfter)
}

func unknown(err error) error {
	return fault.Wrap(err, fault.Unavailable, "write.unknown", "the database went away while it was told to commit: the write may or may not have happened").After(retryAfter)
}

// stateOf returns the SQLSTATE of an error that the server sent, "" for every other error.
func stateOf(err error) string {
	if e := serverError(err); e != nil {
		return e.Code
	}
	return ""
}

func serverError(err error) *pgconn.PgError {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// unavailable says whether the state means that the server cannot serve anybody, or not us, right now:
// class 08 connection, 53 resources, 57P0x shut down or starting, 25006 a standby.
func unavailable(state string) bool {
	return strings.HasPrefix(state, "08") || strings.HasPrefix(state, "53") || strings.HasPrefix(state, "57P") || state == "25006"
}

// overtaken says whether a write met another one, and may succeed when it is tried again.
func overtaken(err error) bool {
	e := serverError(err)
	if e == nil {
		return false
	}
	switch e.Code {
	case stateCollectionChanged, stateDocumentChanged, stateSerialization, stateDeadlock:
		return true
	}
	return violates(err, constraintRevision) || violates(err, constraintDocument) || violates(err, constraintEntry)
}

// violates says whether an error is that of a unique index that has the row already.
func violates(err error, constraint string) bool {
	e := serverError(err)
	return e != nil && e.Code == stateUniqueViolation && e.ConstraintName == constraint
}

// lost says whether the connection, and not the statement, is what failed.
func lost(err error) bool {
	if e := serverError(err); e != nil {
		return unavailable(e.Code)
	}
	var connect *pgconn.ConnectError
	var network net.Error
	return errors.As(err, &connect) || errors.As(err, &network) || pgconn.SafeToRetry(err) || pgconn.Timeout(err) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, puddle.ErrClosedPool) ||
		errors.Is(err, syscall.ECONNREFUSED) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, context.DeadlineExceeded)
}

// undone says whether it is certain that a statement which was to commit has not: the server said so and lived on, or never saw it.
func undone(err error) bool {
	if e := serverError(err); e != nil {
		return e.SeverityUnlocalized == "ERROR" || e.Severity == "ERROR"
	}
	return pgconn.SafeToRetry(err)
}
