package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/jackc/pgx/v5"
)

// importing compares an import with a COPY of the same documents into a table with a primary key.
func importing(ctx context.Context, s *stage) ([]result, error) {
	var ours, copied time.Duration
	for round := range s.rounds {
		name := fmt.Sprintf("import-%d", round)
		if err := declare(ctx, s, name); err != nil {
			return nil, err
		}
		body := lines(0, s.imported)
		began := time.Now()
		if err := s.importLines(ctx, name, body); err != nil {
			return nil, err
		}
		ours += time.Since(began)

		if _, err := s.conn.Exec(ctx, `DROP TABLE IF EXISTS copied; CREATE TABLE copied (id text COLLATE "C" PRIMARY KEY, doc jsonb NOT NULL)`); err != nil {
			return nil, err
		}
		rows := sampleRows(0, s.imported)
		began = time.Now()
		n, err := s.conn.CopyFrom(ctx, pgx.Identifier{"copied"}, []string{"id", "doc"}, pgx.CopyFromRows(rows))
		if err == nil && n != int64(s.imported) {
			err = fmt.Errorf("copied %d of %d documents", n, s.imported)
		}
		if err != nil {
			return nil, err
		}
		copied += time.Since(began)
	}
	total := float64(s.rounds * s.imported)
	rows := []result{
		{Workload: "import of " + number(s.imported), Variant: "sheaf", PerSecond: total / ours.Seconds(), ResidentMiB: s.sheaf.residentMiB(), Floor: markImport.floor, Goal: markImport.goal},
		{Workload: "import of " + number(s.imported), Variant: "COPY", PerSecond: total / copied.Seconds()},
	}
	compare(rows, "COPY", perSecond)
	return rows, nil
}

// importLines imports documents that are not there yet, all of them.
func (s *stage) importLines(ctx context.Context, name string, body []byte) error {
	text, err := s.call(ctx, "POST", "/v1/collections/"+name+"/import?shape=document&mode=skip", "application/x-ndjson", body, 200)
	if err != nil {
		return err
	}
	var done struct{ Created, Replaced, Unchanged, Skipped, Failed int }
	if err := json.Unmarshal(text, &done); err != nil {
		return err
	}
	if done.Created == 0 || done.Replaced+done.Unchanged+done.Skipped+done.Failed > 0 {
		return fmt.Errorf("an import ended with %s", text)
	}
	return nil
}

func creating(ctx context.Context, s *stage) ([]result, error) { return create(ctx, s, 0) }

// create stores new documents, whose ids the server makes.
func create(ctx context.Context, s *stage, connections int) ([]result, error) {
	r := race{work: s.title("create", connections), connections: connections, base: "pgx", contenders: []contender{
		{name: "sheaf", target: s.sheaf, ask: posting(bench), verify: isNumber, tells: []share{writesTogether}, mark: markWrite},
		{name: "pgx", target: s.pgx, ask: posting(inTable), verify: isNumber},
		{name: "http", target: s.http, ask: posting(inTable), verify: isAnything},
	}}
	r.alone(connections)
	return r.run(ctx, s)
}

// posting sends documents that differ.
func posting(path string) asking {
	return func(c, k int) question {
		n := c<<20 | k
		return question{send("POST", path, sample(n)), 201, n}
	}
}

// replacing replaces documents by others, so that every request makes a revision, and changes what the indexes have of it.
func replacing(ctx context.Context, s *stage) ([]result, error) {
	put := func(prefix string) asking {
		return func(_, _ int) question {
			i := rand.IntN(s.documents)
			return question{send("PUT", prefix+"/"+documentID(i), sample(another(i, s.documents))), 200, i}
		}
	}
	return race{work: "replace", base: "pgx", contenders: []contender{
		{name: "sheaf", target: s.sheaf, ask: put(bench), verify: isDocument(s.documents), tells: []share{writesTogether}, mark: markWrite},
		{name: "pgx", target: s.pgx, ask: put(inTable), verify: isDocument(s.documents)},
		{name: "http", target: s.http, ask: put(inTable), verify: isAnything},
	}}.run(ctx, s)
}

// patching changes two members of documents, of which no index has anything.
func patching(ctx context.Context, s *stage) ([]result, error) {
	change := func(prefix string) asking {
		return func(c, k int) question {
			i := rand.IntN(s.documents)
			return question{send("PATCH", prefix+"/"+documentID(i), patch(c<<20|k)), 200, i}
		}
	}
	return race{work: "patch", base: "pgx", contenders: []contender{
		{name: "sheaf", target: s.sheaf, ask: change(bench), verify: isDocument(s.documents), tells: []share{readsFromMemory, writesTogether}},
		{name: "pgx", target: s.pgx, ask: change(inTable), verify: isDocument(s.documents)},
	}}.run(ctx, s)
}

// transacted is how many documents a transaction stores.
const transacted = 100

// transacting stores a hundred documents in one transaction: half of them are new, the others are replaced. Connections keep out of each other's way, because the bare
// transactions would deadlock.
func transacting(ctx context.Context, s *stage) ([]result, error) {
	run := rand.IntN(1000)
	ask := func(path string) asking {
		return func(c, k int) question {
			first := (c<<20 + k) * transacted
			b := []byte(`{"operations":[`)
			for i := range transacted {
				if i > 0 {
					b = append(b, ',')
				}
				b = fmt.Appendf(b, `{"op":"put","collection":"bench","id":"transaction-%d-%02d-%06d-%04d","data":%s}`, run, c, k-i%2, i, sample(first+i))
			}
			return question{send("POST", path, append(b, `]}`...)), 200, first}
		}
	}
	return race{work: fmt.Sprintf("transaction of %d", transacted), base: "pgx", contenders: []contender{
		{name: "sheaf", target: s.sheaf, ask: ask("/v1/transactions"), verify: isTransacted, mark: markTransaction},
		{name: "pgx", target: s.pgx, ask: ask("/transactions"), verify: isTransacted},
	}}.run(ctx, s)
}

// isTransacted checks that the results of a transaction are its documents, in order.
func isTransacted(q question, a answer) error {
	var done struct {
		Results []struct {
			Document *found
			found
		}
	}
	if err := json.Unmarshal(a.body, &done); err != nil {
		return err
	}
	if len(done.Results) != transacted {
		return fmt.Errorf("%d results of %d operations", len(done.Results), transacted)
	}
	for i, r := range done.Results {
		f := r.found
		if r.Document != nil {
			f = *r.Document
		}
		if n, err := f.number(); err != nil {
			return err
		} else if n != q.about+i {
			return fmt.Errorf("result %d has number %d, want %d", i, n, q.about+i)
		}
	}
	return nil
}
