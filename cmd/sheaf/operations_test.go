package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5"
)

// An operation whose process is killed in the middle goes on in another one, and each document has exactly one new revision.
func TestWhole_OperationKilled(t *testing.T) {
	t.Parallel()
	const documents = 3000
	database := migrated.Open(t)
	p := startProcess(t, whole, "serve", "--http-addr=127.0.0.1:0", "--postgres-url="+database)
	url := fmt.Sprint("http://", p.await("listening")["addr"])
	mustAsk(t, http.MethodPut, url+"/v1/collections/books", `{}`, http.StatusCreated)
	lines := make([]string, documents)
	for i := range lines {
		lines[i] = fmt.Sprintf(`{"n": %d}`, i)
	}
	mustAsk(t, http.MethodPost, url+"/v1/collections/books/import", "["+strings.Join(lines, ",")+"]", http.StatusOK)
	var asked struct{ ID string }
	text := mustAsk(t, http.MethodPost, url+"/v1/collections/books/update",
		`{"all": true, "documentsPerSecond": 2000, "contentType": "application/vnd.sheaf.update+json", "patch": {"increment": {"doc.n": 1}}}`, http.StatusAccepted)
	if err := json.Unmarshal([]byte(text), &asked); err != nil {
		t.Fatal(err)
	}
	stands := func() (state, phase string, changed int) {
		var o struct {
			State, Phase string
			Progress     struct{ Changed int }
		}
		if err := json.Unmarshal([]byte(mustAsk(t, http.MethodGet, url+"/v1/operations/"+asked.ID, "", http.StatusOK)), &o); err != nil {
			t.Fatal(err)
		}
		return o.State, o.Phase, o.Progress.Changed
	}
	eventually(t, "something is changed", func() bool { _, _, changed := stands(); return changed > 0 })
	p.signal(syscall.SIGKILL)
	_ = p.cmd.Wait()

	conn, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(t.Context()) }()
	count := func(query string, args ...any) (n int) {
		if err := conn.QueryRow(t.Context(), query, args...).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	half := count(`SELECT changed FROM operations WHERE state = 'running'`)
	if half == 0 || half == documents {
		t.Errorf("it was killed after %d documents, which is not in the middle", half)
	}
	// Nobody waits here until the dead process counts as dead.
	if _, err := conn.Exec(t.Context(), `UPDATE operations SET held_until = created_at`); err != nil {
		t.Fatal(err)
	}
	url, _ = startWhole(t, database)
	eventually(t, "the operation has ended", func() bool { state, _, _ := stands(); return state == "succeeded" })
	if _, _, changed := stands(); changed != documents {
		t.Errorf("%d documents changed, want %d", changed, documents)
	}
	if n := count(`SELECT count(*) FROM documents WHERE revision = 2`); n != documents {
		t.Errorf("%d documents are at revision 2, want %d", n, documents)
	}
	if n := count(`SELECT count(DISTINCT id) FROM changes WHERE request_id = $1`, "operation/"+asked.ID); n != documents {
		t.Errorf("%d documents have a revision of the operation", n)
	}
	if n := count(`SELECT count(*) FROM changes WHERE request_id = $1`, "operation/"+asked.ID); n != documents {
		t.Errorf("the feed has %d changes of the operation", n)
	}
}
