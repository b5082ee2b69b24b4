package postgres_test

import (
	"fmt"
	"testing"

	"github.com/sheafdb/sheaf/adapters/memory"
	"github.com/sheafdb/sheaf/adapters/postgres"
	"github.com/sheafdb/sheaf/adapters/postgres/pgtest"
	"github.com/sheafdb/sheaf/ports"
	"github.com/sheafdb/sheaf/ports/porttest"
)

func TestPort(t *testing.T) {
	t.Parallel()
	for _, mode := range pgtest.ExecModes {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			fresh := func(tb testing.TB) ports.Store {
				tb.Helper()
				return open(tb, postgres.Config{ExecMode: mode.String()})
			}
			if mode == pgtest.CacheStatement {
				porttest.Store(t, fresh)
				return
			}
			// The other modes differ in how values travel. What happens between callers and in large batches is the same in all.
			for name, part := range map[string]func(*testing.T, porttest.Open){
				"Collections": porttest.Collections, "Documents": porttest.Documents, "Words": porttest.Words, "Writes": porttest.Writes, "Receipts": porttest.Receipts, "Indexes": porttest.Indexes, "Changes": porttest.Changes, "Aggregate": porttest.Aggregate, "History": porttest.History, "Operations": porttest.Operations, "Expiry": porttest.Expiry, "References": porttest.References,
			} {
				t.Run(name, func(t *testing.T) { part(t, fresh) })
			}
		})
	}
}

// Random operations have the same answers in memory and in PostgreSQL.
func TestPort_Agree(t *testing.T) {
	t.Parallel()
	for seed := range uint64(10) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			mode := pgtest.ExecModes[seed%uint64(len(pgtest.ExecModes))]
			porttest.Agree(t, memory.New(), open(t, postgres.Config{ExecMode: mode.String()}), seed)
		})
	}
}

// Random pipelines have the same rows in memory and in PostgreSQL.
func TestPort_AgreeOnRows(t *testing.T) {
	t.Parallel()
	for seed := range uint64(12) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			t.Parallel()
			mode := pgtest.ExecModes[seed%uint64(len(pgtest.ExecModes))]
			porttest.AgreeOnRows(t, memory.New(), open(t, postgres.Config{ExecMode: mode.String()}), seed)
		})
	}
}

// Every way in has the same verdict, also where the judgement ends in a transaction of the database.
func TestPort_Ways(t *testing.T) {
	t.Parallel()
	porttest.Ways(t, open(t, postgres.Config{}), func(yield func(uint64) bool) {
		for seed := range uint64(60) {
			if !yield(1_000_000 + seed) {
				return
			}
		}
	})
}
