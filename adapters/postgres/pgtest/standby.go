package pgtest

import (
	"context"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// standbyName is what a standby calls itself, and what its server waits for.
const standbyName = "standby"

// Standby starts a copy of the server that follows it, and returns when commits wait for both: what the server acknowledges from then on the copy has, too. The server is restarted for that.
// There may be one, and only while its server runs.
func (p *Private) Standby() *Private {
	p.tb.Helper()
	p.Stop()
	// A server that was shut down is copied as files are; no program is needed that not every installation has.
	data := filepath.Join(p.server.Home(), "data")
	dir := filepath.Join(filepath.Dir(p.opts.Dir), standbyName)
	copied := filepath.Join(dir, "data")
	if err := os.Mkdir(dir, 0o755); err != nil {
		p.tb.Fatal(err)
	}
	if said, err := exec.CommandContext(p.tb.Context(), "cp", "-a", data, copied).CombinedOutput(); err != nil {
		p.tb.Fatalf("copy the server: %v: %s", err, said)
	}
	p.signal(copied, "standby.signal")

	own := maps.Clone(p.opts.Settings)
	if p.opts.Settings == nil {
		p.opts.Settings, own = map[string]string{}, map[string]string{}
	}
	p.opts.Settings["synchronous_standby_names"] = standbyName
	p.Restart()
	at, err := pgx.ParseConfig(p.URL())
	if err != nil {
		p.tb.Fatal(err)
	}
	own["primary_conninfo"] = "host=" + at.Host + " port=5432 user=" + at.User + " application_name=" + standbyName
	s := &Private{tb: p.tb, opts: p.opts}
	s.opts.Dir, s.opts.Settings = dir, own
	s.Restart()
	p.tb.Cleanup(s.Stop)
	p.eventually("the standby follows", `SELECT EXISTS (SELECT FROM pg_catalog.pg_stat_replication WHERE application_name = '`+standbyName+`' AND sync_state = 'sync')`)
	return s
}

// signal makes a file without content in a data directory, which belongs to whom the directory belongs to.
func (p *Private) signal(data, name string) {
	p.tb.Helper()
	path := filepath.Join(data, name)
	info, err := os.Stat(data)
	if err == nil {
		err = os.WriteFile(path, nil, 0o600)
	}
	if err != nil {
		p.tb.Fatal(err)
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); ok && os.Geteuid() == 0 {
		if err := os.Lchown(path, int(owner.Uid), int(owner.Gid)); err != nil {
			p.tb.Fatal(err)
		}
	}
}

// Promote makes a standby the server. The one that it followed has to be gone.
func (p *Private) Promote() {
	p.tb.Helper()
	p.eventually("the standby is the server", `SELECT pg_catalog.pg_promote(true, 60)`)
}

// With is the connection string that leads to whichever of two servers takes writes.
func (p *Private) With(other *Private) string {
	p.tb.Helper()
	hosts := ""
	for _, s := range []*Private{p, other} {
		u, err := url.Parse(s.URL())
		if err != nil {
			p.tb.Fatal(err)
		}
		if hosts != "" {
			hosts += ","
		}
		hosts += u.Query().Get("host")
	}
	return withParameter(withParameter(p.URL(), "host", hosts), "target_session_attrs", "read-write")
}

// eventually asks until the answer is true.
func (p *Private) eventually(what, question string) {
	p.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), adminTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, p.URL())
	if err != nil {
		p.tb.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }() // the question has had its answer
	for ok := false; !ok; time.Sleep(5 * time.Millisecond) {
		if err := conn.QueryRow(ctx, question).Scan(&ok); err != nil {
			p.tb.Fatalf("%s: %v", what, err)
		}
	}
}
