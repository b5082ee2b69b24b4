package postgres

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"

	"github.com/jackc/pgx/v5"

	"github.com/sheafdb/sheaf/adapters/postgres/sqlcgen"
	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/ports"
)

// mergedReads is how many reads one statement answers at most: the first does not wait long for the last.
const mergedReads = 128

// reader merges point reads that wait at the same time into one statement.
//
// A few turns go round. Whoever finds one free reads by itself, as if there were no reader; whoever does not waits for a turn to be given back, and is read
// together with everybody else who waits then. So a lone caller waits for nobody, and under load a statement reads many.
type reader struct {
	store *Store

	// mu guards the fields below. While a turn is free nobody waits.
	mu     sync.Mutex
	free   int
	queue  []*lookup
	limit  int
	closed bool

	serving           sync.WaitGroup
	statements, reads atomic.Int64
}

// lookup is a read that waits.
type lookup struct {
	key collection.Key
	id  ident.Document
	// left says that the caller does not wait any more.
	left atomic.Bool
	done chan struct{}

	// The fields below are the reader's until done is closed.
	found document.Document
	err   error
}

func newReader(s *Store, config Config) *reader {
	return &reader{store: s, free: config.Readers, limit: config.QueueLength}
}

// Get returns the current document.
// It fails with fault.Unavailable, code "read.queueFull", when too many reads wait.
func (s *Store) Get(ctx context.Context, key collection.Key, id ident.Document) (document.Document, error) {
	if err := ctx.Err(); err != nil {
		return document.Document{}, err
	}
	l, err := s.reader.turn(key, id)
	if err != nil {
		return document.Document{}, err
	}
	if l == nil {
		defer s.reader.pass() //nolint:contextcheck // whoever waits has another one
		d, err := s.reader.one(ctx, key, id)
		return d, failed(ctx, err, "get document")
	}
	select {
	case <-l.done:
		return l.found, l.err
	case <-ctx.Done():
		l.left.Store(true)
		return document.Document{}, ctx.Err()
	}
}

// GetRecent returns the current document.
func (s *Store) GetRecent(ctx context.Context, key collection.Key, id ident.Document, _ change.Position) (document.Document, ports.Source, error) {
	d, err := s.Get(ctx, key, id)
	return d, ports.FromStore, err
}

// turn takes a free turn, which the caller gives back by pass, or returns a lookup that waits for one.
func (r *reader) turn(key collection.Key, id ident.Document) (*lookup, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	switch {
	case r.closed:
		return nil, errClosed()
	case r.free > 0:
		r.free--
		return nil, nil
	case len(r.queue) >= r.limit:
		return nil, fault.New(fault.Unavailable, "read.queueFull", "too many reads wait for the database").After(retryAfter)
	}
	l := &lookup{key: key, id: id, done: make(chan struct{})}
	r.queue = append(r.queue, l)
	return l, nil
}

// pass gives a turn back: to those who wait, if there are any.
func (r *reader) pass() {
	r.mu.Lock()
	defer r.mu.Unlock()
	if next := r.next(); next != nil {
		r.serving.Go(func() { r.serve(next) })
	}
}

// next takes what waits, and gives the turn back where nothing does. The caller has the lock.
func (r *reader) next() []*lookup {
	if len(r.queue) == 0 || r.closed {
		r.free++
		return nil
	}
	next := r.queue[:min(len(r.queue), mergedReads)]
	if r.queue = r.queue[len(next):]; len(r.queue) == 0 {
		r.queue = nil
	}
	return next
}

// serve reads until nobody waits.
func (r *reader) serve(list []*lookup) {
	for list != nil {
		r.read(list)
		r.mu.Lock()
		list = r.next()
		r.mu.Unlock()
	}
}

// close fails those who wait, and returns when nothing is read any more. The pool is closed already.
func (r *reader) close() {
	r.mu.Lock()
	r.closed = true
	for _, l := range r.queue {
		l.finish(document.Document{}, errClosed())
	}
	r.queue = nil
	r.mu.Unlock()
	r.serving.Wait()
}

func (r *reader) stat() (queued int, statements, reads int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.queue), r.statements.Load(), r.reads.Load()
}

func (l *lookup) finish(d document.Document, err error) {
	l.found, l.err = d, err
	close(l.done)
}

// read answers the lookups, by one statement for all of them. Where that fails because of one of them, each has a statement of its own.
func (r *reader) read(list []*lookup) {
	ctx, cancel := context.WithTimeout(context.Background(), r.store.timeout)
	defer cancel()
	waiting := make([]*lookup, 0, len(list))
	for _, l := range list {
		if !l.left.Load() {
			waiting = append(waiting, l)
		}
	}
	waiting, err := r.together(ctx, waiting)
	if err != nil && lost(err) {
		r.store.pool.Reset()
		waiting, err = r.together(ctx, waiting)
	}
	err = failedRead(ctx, err)
	for _, l := range waiting {
		if !divisible(err) {
			l.finish(document.Document{}, err)
			continue
		}
		d, err := r.one(ctx, l.key, l.id)
		l.finish(d, failedRead(ctx, err))
	}
}

// failedRead classifies an error. The context is the reader's own: its end is the database's delay.
func failedRead(ctx context.Context, err error) error {
	return failed(context.WithoutCancel(ctx), err, "get documents")
}

// together answers the lookups by one statement, and returns those that are still without an answer and the error that is the reason.
func (r *reader) together(ctx context.Context, list []*lookup) ([]*lookup, error) {
	if len(list) == 0 {
		return nil, nil
	}
	buckets, collections, ids := make([]int32, len(list)), make([]int32, len(list)), make([]string, len(list))
	for i, l := range list {
		buckets[i], collections[i], ids[i] = l.key.Bucket, l.key.ID, l.id.String()
	}
	r.statements.Add(1)
	r.reads.Add(int64(len(list)))
	rows, err := r.store.pool.Query(ctx, sqlcgen.GetDocuments, buckets, collections, ids)
	if err != nil {
		return list, err
	}
	defer rows.Close()
	answered := make([]bool, len(list))
	for rows.Next() {
		var d document.Document
		var ordinal int32
		if err = rows.Scan(&ordinal, &d.Revision, &d.SchemaRevision, &d.CreatedAt, &d.UpdatedAt, &d.Data); err != nil {
			break
		}
		l := list[ordinal-1]
		d.ID, answered[ordinal-1] = l.id, true
		l.finish(d, nil)
	}
	rows.Close()
	err = errors.Join(err, rows.Err())
	left := list[:0]
	for i, l := range list {
		switch {
		case answered[i]:
		case err != nil:
			left = append(left, l)
		default:
			l.finish(document.Document{}, noDocument(l.id))
		}
	}
	return left, err
}

// one is one prepared point read, whose text is copied once, out of the driver's buffer. A connection that turns out to be dead is no reason to fail.
func (r *reader) one(ctx context.Context, key collection.Key, id ident.Document) (document.Document, error) {
	arg := sqlcgen.GetDocumentParams{Bucket: key.Bucket, CollectionID: key.ID, ID: id.String()}
	r.statements.Add(1)
	r.reads.Add(1)
	row, err := r.store.queries.GetDocument(ctx, arg)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) && ctx.Err() == nil && lost(err) {
		r.store.pool.Reset()
		row, err = r.store.queries.GetDocument(ctx, arg)
	}
	if errors.Is(err, pgx.ErrNoRows) {
		err = noDocument(id)
	}
	if err != nil {
		return document.Document{}, err
	}
	return document.Document{
		ID: id, Revision: row.Revision, SchemaRevision: row.SchemaRevision, CreatedAt: row.CreatedAt, UpdatedAt: row.UpdatedAt, Data: row.Data,
	}, nil
}

func noDocument(id ident.Document) error {
	return fault.New(fault.NotFound, "document.notFound", "there is no document %q", id)
}
