package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/sheafdb/sheaf/adapters/postgres"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/ports"
)

// declarations are the indexes that the tests below maintain.
var declarations = []string{
	`{"on": ["doc.n", "updatedAt desc"], "kind": "ordered", "name": "by_n", "unique": false}`,
	`{"on": ["doc.email"], "kind": "ordered", "name": "by_email", "unique": true, "caseInsensitive": true}`,
	`{"on": ["doc.tags[]", "doc.n desc"], "kind": "ordered", "name": "by_tags", "unique": false}`,
	`{"on": ["doc.codes[]"], "kind": "ordered", "name": "by_codes", "unique": true}`,
}

func declaring(name string, indexes ...string) ports.CollectionChange {
	return configuring(name, `{"indexes": [`+strings.Join(indexes, ", ")+`]}`)
}

func mustDeclare(tb testing.TB, s ports.CollectionWriter, name string, indexes ...string) collection.Stored {
	tb.Helper()
	stored, _, err := s.WriteCollection(context.Background(), declaring(name, indexes...))
	if err != nil {
		tb.Fatal(err)
	}
	return stored
}

// setOf returns the indexes that a write of the collection maintains.
func setOf(c collection.Stored) *index.Set {
	var kept []index.Kept
	for _, s := range c.Indexes {
		if s.State != index.Building && s.State != index.Ready {
			continue
		}
		x, err := index.ParseSpec(s.Spec)
		if err != nil {
			panic(err)
		}
		kept = append(kept, index.Kept{Index: x, ID: s.ID})
	}
	return index.NewSet(kept...)
}

// indexed is a write that maintains the collection's indexes.
func indexed(c collection.Stored, w document.Write) document.Write {
	w.Indexes = setOf(c)
	return w
}

// wantEntries checks that the tables hold exactly the entries that the documents have.
func wantEntries(t *testing.T, url string, s *postgres.Store, c collection.Stored) {
	t.Helper()
	set := setOf(c)
	var ordered, unique []string
	if err := s.Export(t.Context(), c.Key, func(d document.Document) error {
		entries, err := set.Entries(d.Indexable())
		for _, e := range entries.Ordered {
			ordered = append(ordered, fmt.Sprintf("%d %x %s", e.Index, e.Key, d.ID))
		}
		for _, e := range entries.Unique {
			unique = append(unique, fmt.Sprintf("%d %x %s", e.Index, e.Key, d.ID))
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	for table, want := range map[string][]string{"index_entries": ordered, "unique_entries": unique} {
		rows, err := conn.Query(t.Context(), `SELECT index_id || ' ' || encode(key, 'hex') || ' ' || id FROM public.`+table)
		if err != nil {
			t.Fatal(err)
		}
		got, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			t.Fatal(err)
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s has %d rows, the documents %d entries; only in one: %v", table, len(got), len(want), difference(got, want))
		}
	}
}

func difference(a, b []string) []string {
	var list []string
	for _, s := range a {
		if !slices.Contains(b, s) {
			list = append(list, "+"+s)
		}
	}
	for _, s := range b {
		if !slices.Contains(a, s) {
			list = append(list, "-"+s)
		}
	}
	return list[:min(len(list), 5)]
}

// randomData returns the canonical text of a document that uses each of declarations, now and then. Unique keys are the document's own, or anybody's where own is negative.
func randomData(r *rand.Rand, own int) string {
	code, email := func() int { return r.IntN(500) }, r.IntN(200)
	if own >= 0 {
		code, email = func() int { return own*10 + r.IntN(5) }, own
	}
	var parts []string
	if r.IntN(4) > 0 {
		parts = append(parts, fmt.Sprintf(`"n": %d`, r.IntN(5)))
	}
	if r.IntN(3) > 0 {
		parts = append(parts, fmt.Sprintf(`"tags": ["t%d", "t%d", %d]`, r.IntN(3), r.IntN(3), r.IntN(3)))
	}
	if r.IntN(3) == 0 {
		parts = append(parts, fmt.Sprintf(`"codes": [%d, %d]`, code(), code()))
	}
	if r.IntN(2) == 0 {
		parts = append(parts, fmt.Sprintf(`"email": "%c%d"`, 'a'-32*int32(r.IntN(2)), email))
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func randomWrites(r *rand.Rand, c collection.Stored, conflicts bool) []document.Write {
	var writes []document.Write
	for range 1 + r.IntN(1+r.IntN(5)) {
		n := r.IntN(80)
		name, own := fmt.Sprint("d", n), n
		if conflicts {
			own = -1
		}
		w := put(c, name, randomData(r, own))
		if r.IntN(4) == 0 {
			w.Change = func(current *document.Document) (document.Next, error) {
				if current == nil {
					return document.Keep(), nil
				}
				return document.Remove(), nil
			}
		}
		writes = append(writes, indexed(c, w))
	}
	return writes
}

// expected says whether a write may fail in this way.
func expected(err error) bool { return err == nil || fault.CodeOf(err) == "document.duplicate" }

// Whatever is written, by whom and in which batches, entries are those of the documents.
func TestIndexes_Maintained(t *testing.T) {
	t.Parallel()
	url := schema.Open(t)
	stores := []*postgres.Store{open(t, postgres.Config{URL: url}), open(t, postgres.Config{URL: url, ExecMode: "simple_protocol"})}
	c := mustDeclare(t, stores[0], "users", declarations...)
	var refused, written atomic.Int64
	var wg sync.WaitGroup
	for i := range 16 {
		r := rand.New(rand.NewPCG(uint64(i), 1))
		wg.Go(func() {
			for range 40 {
				_, err := stores[i%2].Write(t.Context(), batch(randomWrites(r, c, true)...))
				if !expected(err) {
					t.Error(err)
				}
				if err != nil {
					refused.Add(1)
				} else {
					written.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if refused.Load() == 0 || written.Load() == 0 {
		t.Errorf("%d written, %d refused", written.Load(), refused.Load())
	}
	wantEntries(t, url, stores[0], c)
	history(t, stores[0], c.Bucket)
}

// Two processes build, and their steps are cancelled again and again, while others write and drop: in the end entries are those of the documents.
func TestIndexes_BuiltWhileWriting(t *testing.T) {
	t.Parallel()
	url := schema.Open(t)
	stores := []*postgres.Store{open(t, postgres.Config{URL: url}), open(t, postgres.Config{URL: url})}
	c := mustCollection(t, stores[0], "users")
	for i := range 80 {
		mustWrite(t, stores[0], put(c, fmt.Sprint("d", i), fmt.Sprintf(`{"n": %d, "tags": ["x", %d], "email": "old%d"}`, i%7, i, i)))
	}
	var current atomic.Pointer[collection.Stored]
	declare := func(which ...string) {
		stored := mustDeclare(t, stores[1], "users", which...)
		current.Store(&stored)
	}
	declare(declarations...)
	done := make(chan struct{})
	var wg sync.WaitGroup
	for i := range 6 {
		r := rand.New(rand.NewPCG(uint64(i), 2))
		wg.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				_, err := stores[i%2].Write(t.Context(), batch(randomWrites(r, *current.Load(), false)...))
				if err != nil && !errors.Is(err, collection.ErrChanged) {
					t.Error(err)
				}
			}
		})
	}
	for round := range 3 {
		var builders sync.WaitGroup
		for i, s := range stores {
			r := rand.New(rand.NewPCG(uint64(i), uint64(round)))
			builders.Go(func() { finish(t, s, 5, r) })
		}
		builders.Wait()
		// An index that is replaced or comes back begins anew.
		if round == 0 {
			declare(declarations[0], strings.Replace(declarations[1], "doc.email", "doc.mail", 1), declarations[2])
		} else {
			declare(declarations...)
		}
	}
	builders := rand.New(rand.NewPCG(9, 9))
	finish(t, stores[0], 5, builders)
	close(done)
	wg.Wait()
	finish(t, stores[0], 100, builders)
	now, err := stores[0].GetCollection(t.Context(), c.Name)
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range now.Indexes {
		if x.State != index.Ready {
			t.Errorf("%s is %s: %+v", x.Name, x.State, x.Failure)
		}
	}
	wantEntries(t, url, stores[0], now)
}

// finish takes steps until nothing is unfinished. Some of the steps are cancelled at a random moment.
func finish(t *testing.T, s *postgres.Store, limit int, r *rand.Rand) {
	t.Helper()
	for range 10_000 {
		list, err := s.UnfinishedIndexes(t.Context(), 10)
		if err != nil {
			t.Error(err)
			return
		}
		if len(list) == 0 {
			return
		}
		for _, x := range list {
			ctx, cancel := context.WithCancel(t.Context())
			if r.IntN(3) == 0 {
				go func() {
					_, _ = s.Position(t.Context(), 0) // about as long as a statement takes
					cancel()
				}()
			}
			err := step(ctx, s, x, limit)
			cancel()
			if err != nil && !errors.Is(err, context.Canceled) && fault.CodeOf(err) != "write.unknown" {
				t.Errorf("step: %v", err)
				return
			}
		}
	}
	t.Error("never finished")
}

func step(ctx context.Context, s *postgres.Store, x ports.UnfinishedIndex, limit int) error {
	if x.State != index.Building {
		_, err := s.PurgeIndex(ctx, x.Key, x.ID, limit)
		return err
	}
	declared, err := index.ParseSpec(x.Spec)
	if err != nil {
		return err
	}
	_, err = s.BuildIndex(ctx, ports.IndexBuild{Key: x.Key, ID: x.ID, Index: declared, At: noon, Limit: limit})
	return err
}

// An index that fails or is dropped leaves no entries behind, and neither does a collection.
func TestIndexes_NothingLeft(t *testing.T) {
	t.Parallel()
	url := schema.Open(t)
	s := open(t, postgres.Config{URL: url})
	c := mustDeclare(t, s, "users", declarations...)
	r := rand.New(rand.NewPCG(3, 3))
	for range 100 {
		if _, err := s.Write(t.Context(), batch(randomWrites(r, c, true)...)); !expected(err) {
			t.Fatal(err)
		}
	}
	wantEntries(t, url, s, c)
	c = mustDeclare(t, s, "users", declarations[0], `{"on": ["doc.n"], "kind": "ordered", "name": "failing", "unique": true}`)
	finish(t, s, 10, rand.New(rand.NewPCG(1, 1)))
	now, err := s.GetCollection(t.Context(), c.Name)
	if err != nil || len(now.Indexes) != 2 || now.Indexes[1].State != index.Failed {
		t.Fatalf("got %+v, %v", now.Indexes, err)
	}
	wantEntries(t, url, s, now)
	if _, err := s.DeleteCollection(t.Context(), deleting("users")); err != nil {
		t.Fatal(err)
	}
	for done := false; !done; {
		if done, err = s.PurgeCollection(t.Context(), c.Key, 10); err != nil {
			t.Fatal(err)
		}
	}
	now.Indexes = nil
	wantEntries(t, url, s, now)
}

// A build is killed three times in the middle of a step, as the end of a process would, while others write. It goes on where it was, and ends right.
func TestIndexes_BuildKilled(t *testing.T) {
	t.Parallel()
	url := schema.Open(t)
	builder, writer := open(t, postgres.Config{URL: url}), open(t, postgres.Config{URL: url})
	c := mustCollection(t, writer, "users")
	const documents, batchSize = 300, 20
	for i := range documents {
		mustWrite(t, writer, put(c, fmt.Sprintf("d%03d", i), fmt.Sprintf(`{"n": %d, "tags": ["x", %d], "email": "old%d"}`, i%7, i, i)))
	}
	c = mustDeclare(t, writer, "users", declarations[:3]...)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	r := rand.New(rand.NewPCG(4, 4))
	kills := 0
	for steps := 0; ; steps++ {
		list, err := builder.UnfinishedIndexes(t.Context(), 10)
		if err != nil {
			t.Fatal(err)
		}
		if len(list) == 0 {
			break
		}
		x := list[steps%len(list)]
		if steps%9 == 4 && kills < 3 {
			killed(t, conn, fmt.Sprintf("d%03d", min(int(x.Done)+batchSize/2, documents-1)), func() error { return step(context.Background(), builder, x, batchSize) })
			kills++
			after, err := builder.UnfinishedIndexes(t.Context(), 10)
			if err != nil || !slices.ContainsFunc(after, func(y ports.UnfinishedIndex) bool { return y.ID == x.ID && y.Done == x.Done }) {
				t.Errorf("a step that was killed is %+v, %v; want %+v", after, err, x)
			}
		} else if err := step(t.Context(), builder, x, batchSize); err != nil {
			t.Fatal(err)
		}
		// Behind, at and in front of the place where the builds are.
		for range 5 {
			n := r.IntN(documents)
			mustWrite(t, writer, indexed(c, put(c, fmt.Sprintf("d%03d", n), fmt.Sprintf(`{"n": %d, "email": "new%d"}`, r.IntN(7), n))))
		}
	}
	if kills != 3 {
		t.Errorf("killed %d times", kills)
	}
	now, err := builder.GetCollection(t.Context(), c.Name)
	if err != nil || !index.Settled(now.Indexes) {
		t.Fatalf("got %+v, %v", now.Indexes, err)
	}
	wantEntries(t, url, builder, now)
}

// killed ends the connection on which do waits for a document.
func killed(t *testing.T, conn *pgx.Conn, document string, do func() error) {
	t.Helper()
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `SELECT FROM public.documents WHERE id = $1 FOR UPDATE`, document); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- do() }()
	for ended := false; !ended; {
		if _, err := conn.Exec(t.Context(), `SELECT pg_stat_clear_snapshot()`); err != nil { // who waits is looked at once for a transaction
			t.Fatal(err)
		}
		if err := conn.QueryRow(t.Context(), `SELECT coalesce(bool_or(pg_terminate_backend(pid)), false) FROM pg_stat_activity WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid))`).Scan(&ended); err != nil {
			t.Fatal(err)
		}
	}
	if err := <-ended; err == nil {
		t.Error("a step that was killed says that it was taken")
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// An entry may be there before its document, because whoever builds an index adds those of documents that change meanwhile.
func TestWrite_EntryThere(t *testing.T) {
	t.Parallel()
	url := schema.Open(t)
	s := open(t, postgres.Config{URL: url})
	c := mustDeclare(t, s, "books", `{"on": ["doc.n"], "kind": "ordered", "name": "by_n", "unique": false}`)
	mustWrite(t, s, indexed(c, put(c, "a", `{"n": 1}`)))
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(t.Context(), `INSERT INTO index_entries SELECT bucket, index_id, key, 'b' FROM index_entries WHERE id = 'a'`); err != nil {
		t.Fatal(err)
	}
	mustWrite(t, s, indexed(c, put(c, "b", `{"n": 1}`)), indexed(c, put(c, "c", `{"n": 1}`)))
	wantEntries(t, url, s, c)
	if got := s.Stat().Retries; got != 1 {
		t.Errorf("%d retries", got)
	}
}
