package postgres_test

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/adapters/postgres"
	"github.com/sheafdb/sheaf/adapters/postgres/pgtest"
	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/ports"
)

var schema = pgtest.NewTemplate(postgres.Migrate)

func TestMain(m *testing.M) { pgtest.Main(m) }

// noon is when everything happens.
var noon = time.Date(2026, 11, 24, 12, 0, 0, 123_456_000, time.UTC)

// inEveryMode runs a test on an empty store in each exec mode.
func inEveryMode(t *testing.T, test func(t *testing.T, s *postgres.Store)) {
	t.Helper()
	t.Parallel()
	modes := []string{"cache_describe"}
	for _, mode := range pgtest.ExecModes {
		modes = append(modes, mode.String())
	}
	for _, mode := range modes {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			test(t, open(t, postgres.Config{ExecMode: mode}))
		})
	}
}

func open(tb testing.TB, config postgres.Config) *postgres.Store {
	tb.Helper()
	if config.URL == "" {
		config.URL = schema.Open(tb)
	}
	s, err := postgres.Open(tb.Context(), config)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(s.Close)
	return s
}

func mustCollection(tb testing.TB, s ports.CollectionWriter, name string) collection.Stored {
	tb.Helper()
	stored, _, err := s.WriteCollection(context.Background(), configuring(name, `{}`))
	if err != nil {
		tb.Fatal(err)
	}
	return stored
}

func configuring(name, text string) ports.CollectionChange {
	return ports.CollectionChange{
		Name: collectionName(name), At: noon, Origin: change.Origin{Actor: "ann", RequestID: "r1"},
		Decide: func(*collection.Stored) ([]byte, error) { return []byte(text), nil },
	}
}

func collectionName(s string) ident.Collection {
	name, err := ident.ParseCollection(s)
	if err != nil {
		panic(err)
	}
	return name
}

func id(s string) ident.Document {
	d, err := ident.ParseDocument(s)
	if err != nil {
		panic(err)
	}
	return d
}

// batch is a request by bo at noon.
func batch(writes ...document.Write) document.Batch {
	return document.Batch{Origin: change.Origin{Actor: "bo", RequestID: "r2"}, At: noon, Writes: writes}
}

func create(c collection.Stored, name, data string) document.Write {
	return document.Write{Collection: c.Version(), ID: id(name), Change: document.Create(c.Name, id(name), document.AsIs([]byte(data)))}
}

func fresh(c collection.Stored, name, data string) document.Write {
	w := create(c, name, data)
	w.Fresh = true
	return w
}

func put(c collection.Stored, name, data string) document.Write {
	return document.Write{Collection: c.Version(), ID: id(name), Change: document.Put(document.AsIs([]byte(data)), document.Precondition{})}
}

func remove(c collection.Stored, name string) document.Write {
	return document.Write{Collection: c.Version(), ID: id(name), Change: document.Delete(c.Name, id(name), document.Precondition{})}
}

func mustWrite(tb testing.TB, s ports.DocumentWriter, writes ...document.Write) []document.Result {
	tb.Helper()
	results, err := s.Write(context.Background(), batch(writes...))
	if err != nil {
		tb.Fatal(err)
	}
	return results
}

func wantCode(tb testing.TB, err error, code string) {
	tb.Helper()
	if fault.CodeOf(err) != code {
		tb.Errorf("got %v, want the code %s", err, code)
	}
}

// history returns all changes of a bucket as op, id, revision, having checked that their positions are 1, 2, 3 ….
func history(tb testing.TB, s ports.ChangeReader, bucket int32) []string {
	tb.Helper()
	var list []string
	for {
		page, err := s.Changes(context.Background(), bucket, change.Position(len(list)), 1000)
		if err != nil {
			tb.Fatal(err)
		}
		for _, c := range page {
			if int(c.Position) != len(list)+1 {
				tb.Fatalf("position %d follows %d", c.Position, len(list))
			}
			list = append(list, fmt.Sprintf("%c %s %d", c.Op, c.DocumentID, c.Revision))
		}
		if len(page) == 0 {
			break
		}
	}
	position, err := s.Position(context.Background(), bucket)
	if err != nil || int(position) != len(list) {
		tb.Fatalf("the bucket is at %d after %d changes (%v)", position, len(list), err)
	}
	return list
}

var sequence atomic.Int64

func newID() string { return fmt.Sprintf("%012d", sequence.Add(1)) }
