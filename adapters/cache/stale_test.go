package cache_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"

	"github.com/sheafdb/sheaf/adapters/cache"
	"github.com/sheafdb/sheaf/adapters/cache/redistest"
	"github.com/sheafdb/sheaf/adapters/postgres"
	"github.com/sheafdb/sheaf/adapters/postgres/pgtest"
	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/ports"
)

const (
	staleDocuments = 40
	// staleBound is the documented bound of the caches in this test.
	staleBound = 300 * time.Millisecond
)

// acknowledgement is a write that somebody was told of.
type acknowledgement struct {
	revision int64
	mark     change.Mark
	at       time.Time
}

// observation is a read, with what it must not be older than.
type observation struct {
	document int
	least    int64
	why      string
	// revision is 0 where there was nothing.
	revision int64
	data     string
}

// trial is two instances on one database and one Redis, with writers, readers, and somebody who breaks things.
type trial struct {
	t         *testing.T
	c         collection.Stored
	instances [2]*cache.Store

	mu sync.Mutex
	// acknowledged are the writes by instance and document, in the order in which they were acknowledged.
	acknowledged [2][staleDocuments][]acknowledgement
	observed     []observation

	// made numbers the data that is written: no two are equal, so that every write makes a revision.
	made                   atomic.Int64
	reads, writes, refused atomic.Int64
	from                   [3]atomic.Int64
}

// lossy is the store of an instance whose messages get lost and whose reads are late, at times.
type lossy struct{ ports.Store }

func (s lossy) News(ctx context.Context, after change.Positions, limit int) (change.News, error) {
	if rand.N(3) == 0 {
		return change.News{}, errDeaf
	}
	return s.Store.News(ctx, after, limit)
}

func (s lossy) Get(ctx context.Context, key collection.Key, name ident.Document) (document.Document, error) {
	d, err := s.Store.Get(ctx, key, name)
	if rand.N(4) == 0 {
		time.Sleep(rand.N(20 * time.Millisecond))
	}
	return d, err
}

// While two instances write and read, messages get lost, Redis is killed, emptied and restored, and connections to PostgreSQL are cut. No read is older than a write that its own
// instance acknowledged, than the token that it came with, or than the bound allows; and in the end all is the same everywhere.
//
// It takes two seconds, and a minute with SHEAF_NIGHTLY=1.
func TestNoStaleReads(t *testing.T) {
	t.Parallel()
	long := 2 * time.Second
	if os.Getenv("SHEAF_NIGHTLY") != "" {
		long = time.Minute
	}
	server := redistest.Start(t)
	url := schema.Open(t)
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close(context.Background()) }()
	trial := newTrial(t, url, server)
	end := time.Now().Add(long)
	stop := trial.begin()
	trouble := trouble{t, server, server.Client()}
	for time.Now().Before(end) {
		if rand.N(6) > 0 {
			trouble.redis()
		} else {
			const cut = `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'sheaf' AND datname = current_database() AND random() < 0.5`
			if _, err := conn.Exec(t.Context(), cut); err != nil {
				t.Error(err)
			}
		}
		time.Sleep(rand.N(150 * time.Millisecond)) // for things to happen in
	}
	stop()
	trial.judge()
}

// In the middle of it all PostgreSQL is killed, and its standby, which commits have waited for, takes over: the caches go on with what it has.
func TestNoStaleReads_Failover(t *testing.T) {
	t.Parallel()
	redis := redistest.Start(t)
	first := pgtest.Server(t, map[string]string{"fsync": "off"})
	if err := postgres.Migrate(t.Context(), first.URL()); err != nil {
		t.Fatal(err)
	}
	second := first.Standby()
	trial := newTrial(t, first.With(second), redis)
	stop := trial.begin()
	trouble := trouble{t, redis, redis.Client()}
	enough := int64(300)
	if testing.Short() {
		enough = 100
	}
	some := func(what string) {
		t.Helper()
		before, read := trial.writes.Load(), trial.from[ports.FromMemory].Load()
		eventually(t, what, func() bool {
			trouble.redis()
			time.Sleep(rand.N(20 * time.Millisecond)) // for things to happen in
			return trial.writes.Load() >= before+enough && trial.from[ports.FromMemory].Load() >= read+enough
		})
	}
	some("documents are written and come from memory")
	first.Kill()
	trouble.redis()
	second.Promote()
	some("the standby is written to, and its documents come from memory")
	stop()
	trial.judge()
	for i, s := range trial.instances {
		if s.Stat().Restarts == 0 {
			t.Errorf("instance %d has not noticed that the history is another one", i)
		}
	}
}

// newTrial opens two instances on a database.
func newTrial(t *testing.T, url string, server *redistest.Server) *trial {
	t.Helper()
	r := &trial{t: t}
	for i := range r.instances {
		store := lossy{openPostgres(t, url)}
		if i == 0 {
			r.c = books(t, store)
		}
		shared, err := cache.OpenShared(cache.SharedConfig{URL: server.URL(), Timeout: 20 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(shared.Close)
		// Too small for all, so that entries come and go.
		r.instances[i] = inFront(t, store, func(c *cache.Config) { c.MaxBytes, c.MaxStaleness, c.Shared = staleDocuments*500, staleBound, shared })
	}
	return r
}

// begin has writers and readers at work until stop is called, which returns when all have ended.
func (r *trial) begin() (stop func()) {
	ctx, cancel := context.WithCancel(r.t.Context())
	var all sync.WaitGroup
	for i := range r.instances {
		for range 2 {
			all.Go(func() { r.write(ctx, i) })
		}
		for range 4 {
			all.Go(func() { r.read(ctx, i) })
		}
	}
	return func() {
		cancel()
		all.Wait()
	}
}

// trouble is somebody who breaks a Redis.
type trouble struct {
	t      *testing.T
	server *redistest.Server
	client *redis.Client
}

// redis does one thing to it, or nothing.
func (b trouble) redis() {
	ctx := b.t.Context()
	switch rand.N(5) {
	case 0:
		b.server.Restart() // with what was saved last, if anything
	case 1:
		b.client.FlushAll(ctx)
	case 2:
		b.client.Save(ctx)
	case 3:
		b.server.Freeze()
		pause(ctx, rand.N(50*time.Millisecond))
		b.server.Thaw()
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}

func staleName(n int) string { return fmt.Sprintf("document-%02d", n) }

// write writes to one instance until ctx ends.
func (r *trial) write(ctx context.Context, instance int) {
	for ctx.Err() == nil {
		n := rand.N(staleDocuments)
		does := document.Put(document.AsIs(fmt.Appendf(nil, `{"i": %d, "n": "%s", "by": %d}`, r.made.Add(1), strings.Repeat("x", rand.N(400)), instance)), document.Precondition{})
		deletes := rand.N(5) == 0
		if deletes {
			does = document.Delete(r.c.Name, id(staleName(n)), document.Precondition{})
		}
		results, err := r.instances[instance].Write(context.Background(), document.Batch{At: noon, Writes: []document.Write{{Collection: r.c.Version(), ID: id(staleName(n)), Change: does}}})
		if err != nil {
			if kind := fault.KindOf(err); kind != fault.Unavailable && kind != fault.NotFound {
				r.t.Errorf("write: %v", err)
			}
			continue
		}
		r.writes.Add(1)
		done := acknowledgement{results[0].Document.Revision, results[0].Mark, time.Now()}
		if deletes {
			done.revision++
		}
		r.mu.Lock()
		list := &r.acknowledged[instance][n]
		*list = append(*list, done)
		r.mu.Unlock()
		pause(ctx, rand.N(4*time.Millisecond))
	}
}

// read reads from one instance until ctx ends.
func (r *trial) read(ctx context.Context, instance int) {
	for ctx.Err() == nil {
		n := min(rand.N(staleDocuments), rand.N(staleDocuments))
		seen, least, why := r.least(instance, n, time.Now())
		d, from, err := r.instances[instance].GetRecent(context.Background(), r.c.Key, id(staleName(n)), seen)
		if err != nil && fault.KindOf(err) != fault.NotFound {
			if fault.KindOf(err) != fault.Unavailable {
				r.t.Errorf("read: %v", err)
			}
			r.refused.Add(1)
			continue
		}
		r.reads.Add(1)
		r.from[from].Add(1)
		r.mu.Lock()
		r.observed = append(r.observed, observation{n, least, why, d.Revision, string(d.Data)})
		r.mu.Unlock()
		pause(ctx, rand.N(300*time.Microsecond)) // readers that never rest would leave the writers no time
	}
}

// least returns which revision a read that begins now must not be older than, and the position it has seen, if it comes with a token.
func (r *trial) least(instance, n int, now time.Time) (seen change.Position, least int64, why string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i := range r.instances {
		for _, a := range r.acknowledged[i][n] {
			switch {
			case i == instance && a.revision > least:
				least, why = a.revision, "its own instance acknowledged it"
			case a.at.Before(now.Add(-staleBound)) && a.revision > least:
				least, why = a.revision, "it is older than the bound"
			}
		}
	}
	// Every third read comes with a token, which may be of the other instance.
	if list := r.acknowledged[rand.N(len(r.instances))][n]; rand.N(3) == 0 && len(list) > 0 {
		a := list[len(list)-1]
		if seen = a.mark.Position; a.revision > least {
			least, why = a.revision, "its token says so"
		}
	}
	return seen, least, why
}

// judge holds every read against what was committed, and every instance against the database.
func (r *trial) judge() {
	r.t.Helper()
	type version struct {
		data    string
		deleted bool
	}
	history := map[string]map[int64]version{}
	for after := change.Position(0); ; {
		list, err := r.instances[0].Changes(context.Background(), r.c.Bucket, after, 1000)
		if err != nil {
			r.t.Fatal(err)
		}
		if len(list) == 0 {
			break
		}
		for _, c := range list {
			name := c.DocumentID.String()
			if history[name] == nil {
				history[name] = map[int64]version{}
			}
			history[name][c.Revision] = version{string(c.Data), c.Op == change.Deleted}
		}
		after = list[len(list)-1].Position
	}
	for i := range r.instances {
		for n, list := range r.acknowledged[i] {
			for _, a := range list {
				if _, there := history[staleName(n)][a.revision]; !there {
					r.t.Errorf("revision %d of %s was acknowledged and is lost", a.revision, staleName(n))
				}
			}
		}
	}
	wrong := 0
	for _, o := range r.observed {
		versions := history[staleName(o.document)]
		ok := o.revision >= o.least && versions[o.revision].data == o.data
		if o.revision == 0 { // there was nothing: a deletion has to explain it, or that nothing was ever written
			ok = o.least == 0
			for revision, v := range versions {
				ok = ok || v.deleted && revision >= o.least
			}
		}
		if !ok {
			if wrong++; wrong < 10 {
				r.t.Errorf("%s was read at revision %d, not %d or later, although %s", staleName(o.document), o.revision, o.least, o.why)
			}
		}
	}
	for i, s := range r.instances {
		r.t.Logf("instance %d: %+v", i, s.Stat())
		for n := range staleDocuments {
			name := id(staleName(n))
			eventually(r.t, fmt.Sprintf("instance %d has what is stored of %s", i, name), func() bool {
				stored, storedErr := s.Get(context.Background(), r.c.Key, name)
				found, _, err := s.GetRecent(context.Background(), r.c.Key, name, 0)
				return fault.KindOf(storedErr) == fault.KindOf(err) && stored.Revision == found.Revision && string(stored.Data) == string(found.Data)
			})
		}
	}
	r.t.Logf("%d writes, %d reads: %d from the database, %d from memory, %d from Redis; %d were refused",
		r.writes.Load(), r.reads.Load(), r.from[0].Load(), r.from[1].Load(), r.from[2].Load(), r.refused.Load())
	if r.from[ports.FromMemory].Load() == 0 {
		r.t.Error("nothing came from memory")
	}
}
