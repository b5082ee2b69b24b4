package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// workload is one thing that is measured.
type workload struct {
	name string
	run  func(ctx context.Context, s *stage) ([]result, error)
	// alone says that it does not need the documents that others read.
	alone bool
}

// workloads are in the order in which they run.
var workloads = []workload{
	{"import", importing, true},
	{"import-memory", importingStream, true},
	{"get", reading, false},
	{"list", listing, false},
	{"list-by-index", listingByIndex, false},
	{"page-at-depth", pagingDeep, false},
	{"create", creating, false},
	{"put", replacing, false},
	{"transaction", transacting, false},
	{"get-one-client", readingAlone, false},
	{"create-one-client", creatingAlone, false},
	{"collections", flatness, true},
	{"scales", scaling, true},
	{"build", building, false},
}

// declaration is the collection that is measured: validated, closed, with formats and money, and two indexes.
const declaration = `{"unknownFields":"reject","indexes":[{"name":"by_status","on":["doc.status","doc.number desc"]},{"name":"by_number","on":["doc.number"]}],"schema":{"type":"object","required":["number","status","customer","lines","total"],"properties":{
"number":{"type":"integer","minimum":0},"status":{"enum":["new","paid","shipped","done"]},"placedAt":{"type":"string","format":"date-time"},
"customer":{"type":"object","required":["name","email"],"properties":{"name":{"type":"string","minLength":1},"email":{"type":"string","format":"email"},"city":{"type":"string"}}},
"lines":{"type":"array","minItems":1,"items":{"type":"object","required":["sku","quantity","price"],"properties":{"sku":{"type":"string","pattern":"^[A-Z]{2}-[0-9]{4}$"},"quantity":{"type":"integer","minimum":1},"price":{"type":"number","minimum":0,"multipleOf":0.01}}}},
"note":{"type":"string"},"total":{"type":"number","minimum":0,"multipleOf":0.01}}}}`

// sample returns a document of about 600 B that the declaration admits.
func sample(n int) []byte {
	status := []string{"new", "paid", "shipped", "done"}[n%4]
	return fmt.Appendf(nil, `{"number":%d,"status":%q,"placedAt":"2026-11-%02dT10:%02d:00Z","customer":{"name":"Customer %d","email":"customer%d@example.org","city":"London"},`+
		`"lines":[{"sku":"AB-%04d","quantity":%d,"price":12.50},{"sku":"CD-%04d","quantity":1,"price":0.99},{"sku":"EF-%04d","quantity":3,"price":199.95}],`+
		`"note":"%s","total":%d.%02d}`,
		n, status, n%28+1, n%60, n, n, n%10000, n%9+1, n%10000, n%10000, strings.Repeat("lorem ipsum ", 16), n%1000, n%100)
}

func documentID(n int) string { return fmt.Sprintf("document-%08d", n) }

const bench = "/v1/collections/bench/documents"

func declare(ctx context.Context, s *stage, name string) error {
	_, err := s.call(ctx, "PUT", "/v1/collections/"+name, "application/json", []byte(declaration), 200, 201)
	return err
}

// lines returns documents as an import of envelopes.
func lines(from, n int) []byte {
	var b bytes.Buffer
	for i := from; i < from+n; i++ {
		fmt.Fprintf(&b, `{"id":%q,"data":%s}`+"\n", documentID(i), sample(i))
	}
	return b.Bytes()
}

// importing compares an import with a COPY of the same documents into a table with a primary key, then fills both with what the other workloads read.
func importing(ctx context.Context, s *stage) ([]result, error) {
	var ours, copied time.Duration
	for round := range s.rounds {
		name := fmt.Sprintf("import-%d", round)
		if err := declare(ctx, s, name); err != nil {
			return nil, err
		}
		body := lines(0, s.imported)
		began := time.Now()
		if _, err := s.call(ctx, "POST", "/v1/collections/"+name+"/import?shape=document&mode=skip", "application/x-ndjson", body, 200); err != nil {
			return nil, err
		}
		ours += time.Since(began)

		if _, err := s.conn.Exec(ctx, `DROP TABLE IF EXISTS copied; CREATE TABLE copied (id text COLLATE "C" PRIMARY KEY, doc jsonb NOT NULL)`); err != nil {
			return nil, err
		}
		rows := make([][]any, s.imported)
		for i := range rows {
			rows[i] = []any{documentID(i), sample(i)}
		}
		began = time.Now()
		if _, err := s.conn.CopyFrom(ctx, pgx.Identifier{"copied"}, []string{"id", "doc"}, pgx.CopyFromRows(rows)); err != nil {
			return nil, err
		}
		copied += time.Since(began)
	}
	total := float64(s.rounds * s.imported)
	base := result{Workload: "import", Variant: "copy", PerSecond: total / copied.Seconds()}
	row := result{Workload: "import", Variant: "sheaf", PerSecond: total / ours.Seconds(), Base: "copy", ResidentMiB: s.sheaf.residentMiB()}
	row.Ratio = row.PerSecond / base.PerSecond
	return []result{row, base}, nil
}

// fill stores the documents that are read and replaced, once.
func fill(ctx context.Context, s *stage) error {
	if s.filled {
		return nil
	}
	if err := s.importSamples(ctx, "bench", s.documents); err != nil {
		return err
	}
	const chunk = 20_000
	for from := 0; from < s.documents; from += chunk {
		rows := make([][]any, min(chunk, s.documents-from))
		for i := range rows {
			rows[i] = []any{documentID(from + i), sample(from + i)}
		}
		if _, err := s.conn.CopyFrom(ctx, pgx.Identifier{"baseline"}, []string{"id", "doc"}, pgx.CopyFromRows(rows)); err != nil {
			return err
		}
	}
	_, err := s.conn.Exec(ctx, "VACUUM ANALYZE")
	s.filled = err == nil
	return err
}

// importSamples declares a collection and fills it with the first n samples.
func (s *stage) importSamples(ctx context.Context, name string, n int) error {
	if err := declare(ctx, s, name); err != nil {
		return err
	}
	const chunk = 20_000
	for from := 0; from < n; from += chunk {
		body := lines(from, min(chunk, n-from))
		if _, err := s.call(ctx, "POST", "/v1/collections/"+name+"/import?shape=document&mode=skip&existing=skip", "application/x-ndjson", body, 200); err != nil {
			return err
		}
	}
	return nil
}

// contains is a check that an answer holds a text.
func contains(text string) check {
	return func(_ int, body []byte) error {
		if !bytes.Contains(body, []byte(text)) {
			return fmt.Errorf("the answer %.200q does not hold %s", body, text)
		}
		return nil
	}
}

func anyDocument(s *stage) int { return rand.IntN(s.documents) }

func readers(s *stage) []contender {
	return []contender{
		{"sheaf", s.sheaf, 200, func(_, _ int) []byte { return get(bench + "/" + documentID(anyDocument(s))) }, contains(`"revision":`)},
		{"pgx", s.pgx, 200, func(_, _ int) []byte { return get("/docs/" + documentID(anyDocument(s))) }, contains(`"lines"`)},
		{"http", s.http, 200, func(_, _ int) []byte { return get("/docs/1") }, nil},
	}
}

func writers(s *stage) []contender {
	return []contender{
		{"sheaf", s.sheaf, 201, func(c, n int) []byte { return send("POST", bench, sample(c<<20|n)) }, contains(`"revision":1`)},
		{"pgx", s.pgx, 201, func(c, n int) []byte { return send("POST", "/docs", sample(c<<20|n)) }, nil},
		{"http", s.http, 201, func(c, n int) []byte { return send("POST", "/docs", sample(c<<20|n)) }, nil},
	}
}

func reading(ctx context.Context, s *stage) ([]result, error) {
	return race(ctx, s, "get", s.connections, "pgx", readers(s)...)
}

func readingAlone(ctx context.Context, s *stage) ([]result, error) {
	return race(ctx, s, "get, one client", 1, "pgx", readers(s)...)
}

func creating(ctx context.Context, s *stage) ([]result, error) {
	return race(ctx, s, "create", s.connections, "pgx", writers(s)...)
}

func creatingAlone(ctx context.Context, s *stage) ([]result, error) {
	return race(ctx, s, "create, one client", 1, "pgx", writers(s)...)
}

// replacing replaces documents by others, so that every request makes a revision.
func replacing(ctx context.Context, s *stage) ([]result, error) {
	seed := rand.Uint32()
	path := func(prefix string, c, n int, method string) []byte {
		return send(method, prefix+"/"+documentID(anyDocument(s)), sample(int(seed)+c<<20+n))
	}
	return race(ctx, s, "put", s.connections, "pgx",
		contender{"sheaf", s.sheaf, 200, func(c, n int) []byte { return path(bench, c, n, "PUT") }, contains(`"revision":`)},
		contender{"pgx", s.pgx, 200, func(c, n int) []byte { return path("/docs", c, n, "PUT") }, nil},
		contender{"http", s.http, 200, func(c, n int) []byte { return path("/docs", c, n, "PUT") }, nil})
}

// transacting stores a hundred documents in one transaction: half of them are new, the others are replaced. Connections keep out of each other's way, because the bare
// transactions would deadlock.
func transacting(ctx context.Context, s *stage) ([]result, error) {
	if err := declare(ctx, s, "bench"); err != nil {
		return nil, err
	}
	const operations = 100
	seed := int(rand.Uint32())
	body := func(c, n int) []byte {
		b := []byte(`{"operations":[`)
		for i := range operations {
			if i > 0 {
				b = append(b, ',')
			}
			id := fmt.Sprintf("transaction-%02d-%06d-%04d", c, n-i%2, i)
			b = fmt.Appendf(b, `{"op":"put","collection":"bench","id":%q,"data":%s}`, id, sample(seed+c<<20+n*operations+i))
		}
		return append(b, `]}`...)
	}
	return race(ctx, s, "transaction of 100", s.connections, "pgx",
		contender{"sheaf", s.sheaf, 200, func(c, n int) []byte { return send("POST", "/v1/transactions", body(c, n)) }, contains(`"outcome":`)},
		contender{"pgx", s.pgx, 200, func(c, n int) []byte { return send("POST", "/transactions", body(c, n)) }, nil})
}

// listing asks for the first page of 20 by id.
func listing(ctx context.Context, s *stage) ([]result, error) {
	return race(ctx, s, "list of 20 by id", s.connections, "pgx",
		contender{"sheaf", s.sheaf, 200, func(_, _ int) []byte { return get(bench + "?pageSize=20") }, contains(`"nextPageToken"`)},
		contender{"pgx", s.pgx, 200, func(_, _ int) []byte { return get("/docs?after=") }, contains(`"items"`)},
		contender{"http", s.http, 200, func(_, _ int) []byte { return get("/docs") }, nil})
}

// baselineIndexes are those of the table beside: it has them only while lists are measured, because its writes are to be bare.
func baselineIndexes(ctx context.Context, s *stage, do func() ([]result, error)) ([]result, error) {
	if _, err := s.conn.Exec(ctx, `CREATE INDEX baseline_status ON baseline ((doc ->> 'status'), ((doc ->> 'number')::numeric) DESC, id);
		CREATE INDEX baseline_number ON baseline (((doc ->> 'number')::numeric), id); ANALYZE baseline`); err != nil {
		return nil, err
	}
	rows, err := do()
	_, dropped := s.conn.Exec(ctx, `DROP INDEX baseline_status, baseline_number`)
	return rows, errors.Join(err, dropped)
}

// listingByIndex asks for the first page of 20 of a filter with an order, which an index answers.
func listingByIndex(ctx context.Context, s *stage) ([]result, error) {
	status := func() string { return []string{"new", "paid", "shipped", "done"}[rand.IntN(4)] }
	return baselineIndexes(ctx, s, func() ([]result, error) {
		return race(ctx, s, "list of 20 by index", s.connections, "pgx",
			contender{"sheaf", s.sheaf, 200, func(_, _ int) []byte {
				return get(bench + "?pageSize=20&orderBy=doc.number%20desc&filter=" + url.QueryEscape(fmt.Sprintf("doc.status == %q", status())))
			}, contains(`"nextPageToken"`)},
			contender{"pgx", s.pgx, 200, func(_, _ int) []byte { return get("/by-status?status=" + status()) }, contains(`"items"`)},
			contender{"http", s.http, 200, func(_, _ int) []byte { return get("/docs") }, nil})
	})
}

// pagingDeep asks for a page of 20 in the middle of an order, and compares it with the first page of the same order, too.
func pagingDeep(ctx context.Context, s *stage) ([]result, error) {
	depth := min(50_000, s.documents/2)
	const order = bench + "?orderBy=doc.number"
	token, err := s.tokenAt(ctx, order, depth)
	if err != nil {
		return nil, err
	}
	return baselineIndexes(ctx, s, func() ([]result, error) {
		return race(ctx, s, fmt.Sprintf("page at depth %d", depth), s.connections, "pgx",
			contender{"sheaf", s.sheaf, 200, func(_, _ int) []byte { return get(order + "&pageSize=20&pageToken=" + token) }, contains(`"nextPageToken"`)},
			contender{"sheaf, first page", s.sheaf, 200, func(_, _ int) []byte { return get(order + "&pageSize=20") }, contains(`"nextPageToken"`)},
			contender{"pgx", s.pgx, 200, func(_, _ int) []byte { return get(fmt.Sprintf("/by-number?after=%d", depth)) }, contains(`"items"`)})
	})
}

// flatness compares work spread over many collections with the same work in one.
func flatness(ctx context.Context, s *stage) ([]result, error) {
	if s.collections == 0 {
		return nil, nil
	}
	name := func(i int) string { return fmt.Sprintf("many-%d", i) }
	for i := range s.collections {
		if err := declare(ctx, s, name(i)); err != nil {
			return nil, err
		}
		if _, err := s.call(ctx, "PUT", "/v1/collections/"+name(i)+"/documents/one", "application/json", sample(i), 200, 201); err != nil {
			return nil, err
		}
		if i%1000 == 999 {
			fmt.Fprintf(os.Stderr, "declared %d collections\n", i+1)
		}
	}
	// The first use of a collection after it was declared compiles it, which is not what is compared here.
	for i := range s.collections {
		if _, err := s.call(ctx, "GET", "/v1/collections/"+name(i)+"/documents/one", "application/json", nil, 200); err != nil {
			return nil, err
		}
	}
	pick := func(many bool) string {
		if many {
			return "/v1/collections/" + name(rand.IntN(s.collections)) + "/documents"
		}
		return "/v1/collections/" + name(0) + "/documents"
	}
	works := []struct {
		name string
		want int
		make func(many bool) request
	}{
		{"get", 200, func(many bool) request { return func(_, _ int) []byte { return get(pick(many) + "/one") } }},
		{"list", 200, func(many bool) request { return func(_, _ int) []byte { return get(pick(many) + "?pageSize=1") } }},
		{"create", 201, func(many bool) request {
			return func(c, n int) []byte { return send("POST", pick(many), sample(c<<20|n)) }
		}},
	}
	var rows []result
	one, many := "one collection", fmt.Sprintf("%d collections", s.collections)
	for _, w := range works {
		r, err := race(ctx, s, w.name+" over collections", s.connections, one,
			contender{many, s.sheaf, w.want, w.make(true), nil},
			contender{one, s.sheaf, w.want, w.make(false), nil})
		if err != nil {
			return nil, err
		}
		rows = append(rows, r...)
	}
	return rows, nil
}
