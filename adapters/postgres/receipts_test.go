package postgres_test

import (
	"context"
	"runtime"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/sheafdb/sheaf/adapters/postgres"
	"github.com/sheafdb/sheaf/domain/receipt"
)

// Who takes a receipt over while a transaction of who had it commits learns how far that one came.
func TestReceipts_TakenWhileCommitting(t *testing.T) {
	t.Parallel()
	url := schema.Open(t)
	s := open(t, postgres.Config{URL: url})
	claim := receipt.Claim{ID: receipt.DigestOf([]byte("import")), Owner: receipt.Owner{1}, At: noon, LeasedUntil: noon.Add(time.Second), ExpiresAt: noon.Add(time.Hour)}
	if _, mine, err := s.ClaimReceipt(t.Context(), claim); err != nil || !mine {
		t.Fatal(mine, err)
	}
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	if _, err := conn.Exec(t.Context(), `BEGIN; UPDATE receipts SET progress = 'half'`); err != nil {
		t.Fatal(err)
	}
	claim.Owner, claim.At, claim.LeasedUntil = receipt.Owner{2}, noon.Add(time.Minute), noon.Add(2*time.Minute)
	taken := make(chan string, 1)
	go func() {
		found, mine, err := s.ClaimReceipt(context.Background(), claim)
		if err != nil || !mine {
			t.Errorf("got %v, %v", mine, err)
		}
		taken <- string(found.Progress)
	}()
	for waits := false; !waits; runtime.Gosched() {
		if err := conn.QueryRow(t.Context(), `SELECT EXISTS (SELECT FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid) WHERE NOT l.granted AND a.datname = current_database())`).Scan(&waits); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := conn.Exec(t.Context(), `COMMIT`); err != nil {
		t.Fatal(err)
	}
	if got := <-taken; got != "half" {
		t.Errorf("progress %q", got)
	}
}
