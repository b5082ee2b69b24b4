package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sheafdb/sheaf/adapters/postgres"
	"github.com/sheafdb/sheaf/adapters/postgres/pgtest"
	"github.com/sheafdb/sheaf/domain/index"
)

const (
	crashWriters   = 16
	crashDocuments = 6 // of each writer
	crashIndexes   = `{"indexes": [
		{"name": "by_n", "on": ["doc.n", "updatedAt desc"]}, {"name": "by_tags", "on": ["doc.tags[]", "doc.n"]}, {"name": "by_mail", "on": ["doc.mail"], "unique": true}
	]}`
)

// kept is what is known of a document by the answers of the server: the newest revision, and what it is; "" is nothing.
type kept struct {
	revision int64
	data     string
	// doubtful is what it may be instead, one revision later, because a write was not answered.
	doubtful bool
	instead  string
}

// crash is a server that is killed again and again, and those who write to it.
type crash struct {
	t        *testing.T
	database string
	// documents are those of each writer, which nobody else changes.
	documents    [crashWriters][crashDocuments]kept
	acknowledged atomic.Int64
	made         atomic.Int64
}

// Sheaf and PostgreSQL are killed again and again while sixteen callers create, replace, patch and delete. What was acknowledged is stored, and once: as the document, as its history, in
// the feed, whose positions have no gaps, and in the indexes. What was refused is not, and what was not answered is stored as a whole or not at all.
//
// It takes eight rounds, and a hundred with SHEAF_NIGHTLY=1.
func TestWhole_KilledWhileWriting(t *testing.T) {
	t.Parallel()
	rounds := 8
	if os.Getenv("SHEAF_NIGHTLY") != "" {
		rounds = 100
	}
	server := pgtest.Server(t, nil)
	if err := postgres.Migrate(t.Context(), server.URL()); err != nil {
		t.Fatal(err)
	}
	c := &crash{t: t, database: server.URL()}
	var p *process
	start := func() (url string) {
		p = startProcess(t, whole, "serve", "--http-addr=127.0.0.1:0", "--postgres-url="+c.database, "--log-level=info")
		return listening(t, p)
	}
	url := start()
	mustAsk(t, http.MethodPut, url+"/v1/collections/users", crashIndexes, http.StatusCreated)
	var transactions, batches float64
	for round := range rounds {
		var writing sync.WaitGroup
		client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: crashWriters}}
		before, enough := c.acknowledged.Load(), int64(40+rand.IntN(400))
		for writer := range crashWriters {
			writing.Go(func() { c.write(client, url, writer) })
		}
		eventually(t, "enough was written", func() bool { return c.acknowledged.Load() >= before+enough })
		if round%4 == 3 {
			server.Kill()
			writing.Wait()
			server.Restart()
		} else {
			transactions += metric(t, url, "sheaf_postgres_transactions_total")
			batches += metric(t, url, "sheaf_postgres_batches_total")
			p.signal(syscall.SIGKILL)
			writing.Wait()
			_ = p.cmd.Wait()
			url = start()
		}
		client.CloseIdleConnections()
		c.check(round)
		if t.Failed() {
			t.FailNow()
		}
	}
	t.Logf("%d writes were acknowledged; %.0f batches in %.0f transactions", c.acknowledged.Load(), batches, transactions)
	if batches <= transactions {
		t.Error("no writes were merged")
	}
}

// write changes the writer's documents, one after the other, until an answer says nothing, or that the server cannot.
func (c *crash) write(client *http.Client, url string, writer int) {
	for {
		k := rand.IntN(crashDocuments)
		d := &c.documents[writer][k]
		name := fmt.Sprintf("w%d-%d", writer, k)
		made := c.made.Add(1)
		next := fmt.Sprintf(`{"n": %d, "made": %d, "mail": "%s-%d", "tags": ["t%d", "t%d"]}`, rand.IntN(5), made, name, rand.IntN(3), rand.IntN(3), rand.IntN(3))
		method, body, media := http.MethodPut, next, "application/json"
		if d.data != "" {
			switch rand.IntN(4) {
			case 0:
				method, body, next = http.MethodDelete, "", ""
			case 1:
				method, media = http.MethodPatch, "application/merge-patch+json"
			}
		}
		request, err := http.NewRequestWithContext(c.t.Context(), method, url+"/v1/collections/users/documents/"+name, strings.NewReader(body))
		if err != nil {
			c.t.Error(err)
			return
		}
		request.Header.Set("Content-Type", media)
		status, code := c.answer(client, request, d)
		switch {
		case status == http.StatusOK || status == http.StatusCreated || status == http.StatusNoContent:
			d.data = next
			if method == http.MethodDelete {
				d.revision++
			}
			c.acknowledged.Add(1)
		case status == 0 || code == "write.unknown":
			d.doubtful, d.instead = true, next
			return
		case status == http.StatusServiceUnavailable: // nothing was stored
			return
		default:
			c.t.Errorf("%s %s: got %d %s", method, name, status, code)
			return
		}
	}
}

// answer sends a request, and returns status and code of the answer; no status is no answer. The revision is taken down.
func (c *crash) answer(client *http.Client, request *http.Request, d *kept) (status int, code string) {
	response, err := client.Do(request)
	if err != nil {
		return 0, ""
	}
	defer func() { _ = response.Body.Close() }()
	// The status alone is an acknowledgement.
	text, _ := io.ReadAll(response.Body)
	if tag := response.Header.Get("Etag"); response.StatusCode < http.StatusMultipleChoices && tag != "" {
		revision, err := strconv.ParseInt(strings.Trim(tag, `"`), 10, 64)
		if err != nil || revision != d.revision+1 {
			c.t.Errorf("%s made the revision %s after %d", request.Method, tag, d.revision)
		}
		d.revision = revision
	}
	var problem struct{ Code string }
	_ = json.Unmarshal(text, &problem) // one that is not whole has no code
	return response.StatusCode, problem.Code
}

// check compares what is known with what is stored, and the tables with one another.
func (c *crash) check(round int) {
	c.t.Helper()
	conn, err := pgx.Connect(c.t.Context(), c.database)
	if err != nil {
		c.t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	stored := rowsOf(c.t, conn, pgx.RowToStructByPos[storedRow], `SELECT id, revision, created_at, updated_at, data::text FROM public.documents`)
	documents := map[string]storedRow{}
	for _, d := range stored {
		if _, twice := documents[d.ID]; twice {
			c.t.Errorf("round %d: %s is there twice", round, d.ID)
		}
		documents[d.ID] = d
	}

	// The feed: positions without gaps, revisions without gaps, and at its end what is stored.
	newest := map[string]changeRow{}
	position := int64(0)
	for _, row := range rowsOf(c.t, conn, pgx.RowToStructByPos[changeRow], `SELECT position, id, revision, op::text, coalesce(data::text, '') FROM public.changes ORDER BY position`) {
		if position++; row.Position != position {
			c.t.Fatalf("round %d: position %d follows %d", round, row.Position, position-1)
		}
		if before := newest[row.ID]; row.Revision != before.Revision+1 {
			c.t.Errorf("round %d: revision %d of %s follows %d", round, row.Revision, row.ID, before.Revision)
		}
		newest[row.ID] = row
	}
	if at := rowsOf(c.t, conn, pgx.RowTo[int64], `SELECT position FROM public.buckets WHERE bucket IN (SELECT bucket FROM public.changes)`); len(at) != 1 || at[0] != position {
		c.t.Errorf("round %d: the counter is at %d after %d changes", round, at, position)
	}
	for name, last := range newest {
		d, there := documents[name]
		if gone := last.Op == "d"; gone == there || there && (d.Revision != last.Revision || d.Data != last.Data) {
			c.t.Errorf("round %d: %s is %+v, and its last change %+v", round, name, d, last)
		}
	}
	c.checkEntries(conn, stored)

	// What the callers know.
	for writer := range c.documents {
		for k := range c.documents[writer] {
			d := &c.documents[writer][k]
			name := fmt.Sprintf("w%d-%d", writer, k)
			have, data := newest[name].Revision, documents[name].Data
			switch {
			case have == d.revision && same(data, d.data):
			case d.doubtful && have == d.revision+1 && same(data, d.instead):
				d.revision, d.data = have, d.instead
			default:
				c.t.Errorf("round %d: %s is at revision %d, %s; known is %+v", round, name, have, data, *d)
			}
			d.doubtful, d.instead = false, ""
			delete(newest, name)
		}
	}
	for name := range newest {
		c.t.Errorf("round %d: nobody has written %s", round, name)
	}
}

// checkEntries compares the entries of the indexes with what the stored documents have.
func (c *crash) checkEntries(conn *pgx.Conn, stored []storedRow) {
	c.t.Helper()
	type spec struct {
		ID   int32
		Spec []byte
	}
	var indexes []index.Kept
	for _, s := range rowsOf(c.t, conn, pgx.RowToStructByPos[spec], `SELECT index_id, spec::text::bytea FROM public.collection_indexes`) {
		x, err := index.ParseSpec(s.Spec)
		if err != nil {
			c.t.Fatal(err)
		}
		indexes = append(indexes, index.Kept{Index: x, ID: s.ID})
	}
	set := index.NewSet(indexes...)
	var ordered, unique []string
	list := func(to []string, entries []index.Entry, name string) []string {
		for _, e := range entries {
			to = append(to, fmt.Sprintf("%d %x %s", e.Index, e.Key, name))
		}
		return to
	}
	for _, d := range stored {
		entries, err := set.Entries(index.Document{ID: d.ID, Revision: d.Revision, CreatedAt: d.CreatedAt, UpdatedAt: d.UpdatedAt, Data: []byte(d.Data)})
		if err != nil {
			c.t.Error(err)
		}
		ordered, unique = list(ordered, entries.Ordered, d.ID), list(unique, entries.Unique, d.ID)
	}
	if len(indexes) != 3 || len(ordered) < len(stored) {
		c.t.Fatalf("%d indexes have %d entries of %d documents", len(indexes), len(ordered), len(stored))
	}
	for table, want := range map[string][]string{"index_entries": ordered, "unique_entries": unique} {
		got := rowsOf(c.t, conn, pgx.RowTo[string], `SELECT index_id || ' ' || encode(key, 'hex') || ' ' || id FROM public.`+table)
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			c.t.Errorf("%s has %d rows, and the documents %d entries", table, len(got), len(want))
		}
	}
}

type storedRow struct {
	ID                   string
	Revision             int64
	CreatedAt, UpdatedAt time.Time
	Data                 string
}

type changeRow struct {
	Position int64
	ID       string
	Revision int64
	Op, Data string
}

func rowsOf[T any](t *testing.T, conn *pgx.Conn, row pgx.RowToFunc[T], query string) []T {
	t.Helper()
	rows, err := conn.Query(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, row)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// same says whether two texts are the same JSON, or both nothing.
func same(a, b string) bool {
	if a == "" || b == "" {
		return a == b
	}
	var x, y any
	return json.Unmarshal([]byte(a), &x) == nil && json.Unmarshal([]byte(b), &y) == nil && reflect.DeepEqual(x, y)
}
