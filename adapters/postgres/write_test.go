package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/sheafdb/sheaf/adapters/postgres"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/query"
	"github.com/sheafdb/sheaf/ports"
)

func TestWrite_Life(t *testing.T) {
	inEveryMode(t, func(t *testing.T, s *postgres.Store) { //nolint:thelper // the test itself
		c := mustCollection(t, s, "books")
		text := `{"a": 1.10, "é": "\"{},\\n' $1"}`
		r := mustWrite(t, s, fresh(c, "x", text))[0]
		if r.Outcome != document.Created || r.Document.Revision != 1 || !r.Document.CreatedAt.Equal(noon) {
			t.Errorf("created %+v", r)
		}
		d, err := s.Get(t.Context(), c.Key, id("x"))
		if err != nil || string(d.Data) != text || d.Revision != 1 || d.SchemaRevision != 1 || d.UpdatedAt != noon {
			t.Errorf("got %+v, %v", d, err)
		}
		_, err = s.Write(t.Context(), batch(create(c, "x", `{}`)))
		wantCode(t, err, "document.exists")
		_, err = s.Write(t.Context(), batch(fresh(c, "x", `{}`)))
		wantCode(t, err, "document.exists")
		if r := mustWrite(t, s, put(c, "x", text))[0]; r.Outcome != document.Unchanged || r.Document.Revision != 1 {
			t.Errorf("the same again: %+v", r)
		}
		if r := mustWrite(t, s, put(c, "x", `{"a": 2}`))[0]; r.Outcome != document.Updated || r.Document.Revision != 2 {
			t.Errorf("updated %+v", r)
		}
		if r := mustWrite(t, s, remove(c, "x"))[0]; r.Outcome != document.Deleted || string(r.Document.Data) != `{"a": 2}` || r.Document.Revision != 2 {
			t.Errorf("deleted %+v", r)
		}
		_, err = s.Get(t.Context(), c.Key, id("x"))
		wantCode(t, err, "document.notFound")
		_, err = s.Write(t.Context(), batch(remove(c, "x")))
		wantCode(t, err, "document.notFound")
		// The id has a history, and goes on counting, also for whoever believes that it is new.
		if r := mustWrite(t, s, fresh(c, "x", `{"a": 3}`))[0]; r.Outcome != document.Created || r.Document.Revision != 4 {
			t.Errorf("created again %+v", r)
		}
		if got, want := history(t, s, c.Bucket), []string{"c x 1", "u x 2", "d x 3", "c x 4"}; !slices.Equal(got, want) {
			t.Errorf("history %q, want %q", got, want)
		}
		changes, err := s.Changes(t.Context(), c.Bucket, 1, 2)
		if err != nil || len(changes) != 2 || string(changes[0].Data) != `{"a": 2}` || changes[1].Data != nil || changes[0].Actor != "bo" || changes[0].RequestID != "r2" {
			t.Errorf("changes %+v, %v", changes, err)
		}
	})
}

func TestWrite_Batch(t *testing.T) {
	inEveryMode(t, func(t *testing.T, s *postgres.Store) { //nolint:thelper // the test itself
		c, other := mustCollection(t, s, "books"), mustCollection(t, s, "authors")
		mustWrite(t, s, put(c, "old", `1`), put(c, "gone", `1`))
		r := mustWrite(t, s,
			put(c, "a", `1`), put(c, "a", `2`), put(other, "z", `1`), remove(c, "a"), put(c, "a", `3`), put(c, "old", `2`),
			remove(c, "gone"), put(c, "passing", `1`), remove(c, "passing"), put(c, "old", `2`))
		var got []string
		for _, one := range r {
			got = append(got, fmt.Sprint(one.Outcome, " ", one.Document.Revision))
		}
		if want := []string{"1 1", "2 2", "1 1", "3 2", "1 4", "2 2", "3 1", "1 1", "3 1", "0 2"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		want := []string{"c old 1", "c gone 1", "c a 1", "u a 2", "d a 3", "c a 4", "u old 2", "d gone 2", "c passing 1", "d passing 2"}
		if got := history(t, s, c.Bucket); !slices.Equal(got, want) {
			t.Errorf("history %q, want %q", got, want)
		}
		if got := history(t, s, other.Bucket); !slices.Equal(got, []string{"c z 1"}) {
			t.Errorf("history of the other %q", got)
		}
		items, more, err := s.List(t.Context(), c.Key, ports.Range{Limit: 10, Bytes: 1 << 20})
		if err != nil || more || len(items) != 2 || string(items[0].Data) != "3" || string(items[1].Data) != "2" {
			t.Errorf("list %v %v %v", items, more, err)
		}
		// All or nothing: what fails, fails alone.
		refused := errors.New("refused")
		_, err = s.Write(t.Context(), batch(put(c, "b", `1`), document.Write{
			Collection: c.Version(), ID: id("b"), Change: func(current *document.Document) (document.Next, error) {
				if current == nil || string(current.Data) != "1" {
					t.Error("a later write does not see what an earlier one made")
				}
				return document.Next{}, refused
			},
		}))
		if !errors.Is(err, refused) {
			t.Errorf("got %v", err)
		}
		if _, err = s.Get(t.Context(), c.Key, id("b")); err == nil {
			t.Error("half a batch was written")
		}
	})
}

func TestWrite_ChangedCollection(t *testing.T) {
	inEveryMode(t, func(t *testing.T, s *postgres.Store) { //nolint:thelper // the test itself
		c, other := mustCollection(t, s, "books"), mustCollection(t, s, "authors")
		mustWrite(t, s, put(c, "x", `1`))
		if _, _, err := s.WriteCollection(t.Context(), configuring("books", `{"description": "new"}`)); err != nil {
			t.Fatal(err)
		}
		for name, writes := range map[string][]document.Write{
			"fresh": {fresh(c, "y", `1`)}, "create": {create(c, "y", `1`)}, "unchanged": {put(c, "x", `1`)},
			"one of several": {put(other, "y", `1`), put(c, "y", `1`)},
		} {
			if _, err := s.Write(t.Context(), batch(writes...)); !errors.Is(err, collection.ErrChanged) {
				t.Errorf("%s: got %v", name, err)
			}
		}
		if got := history(t, s, c.Bucket); len(got) != 1 {
			t.Errorf("written: %q", got)
		}
		// An adapter is told the new version by whoever judges again.
		c.Revision = 2
		mustWrite(t, s, fresh(c, "y", `1`))
	})
}

// A batch that relies on a document which it does not change fails, or decides again, when that document changes before it is committed.
func TestWrite_KeptDocument(t *testing.T) {
	t.Parallel()
	s := open(t, postgres.Config{Writers: 2})
	c := mustCollection(t, s, "books")
	mustWrite(t, s, put(c, "guard", `"open"`))
	first := true
	results, err := s.Write(t.Context(), batch(
		document.Write{Collection: c.Version(), ID: id("guard"), Change: func(current *document.Document) (document.Next, error) {
			if first {
				first = false
				mustWrite(t, s, put(c, "guard", `"shut"`))
				return document.Keep(), nil
			}
			if string(current.Data) != `"shut"` {
				t.Errorf("decided again on %s", current.Data)
			}
			return document.Keep(), errors.New("shut")
		}},
		put(c, "guarded", `1`)))
	if err == nil || err.Error() != "shut" {
		t.Errorf("got %v, %v", results, err)
	}
	// While nothing comes between, it goes through.
	mustWrite(t, s, document.Write{Collection: c.Version(), ID: id("guard"), Change: func(*document.Document) (document.Next, error) { return document.Keep(), nil }},
		put(c, "guarded", `1`))
	if got, want := history(t, s, c.Bucket), []string{"c guard 1", "u guard 2", "c guarded 1"}; !slices.Equal(got, want) {
		t.Errorf("history %q", got)
	}
}

func TestWrite_Large(t *testing.T) {
	inEveryMode(t, func(t *testing.T, s *postgres.Store) { //nolint:thelper // the test itself
		c := mustCollection(t, s, "books")
		const n = 3500
		big := `"` + strings.Repeat("x", 3000) + `"`
		var all []document.Write
		for i := range n {
			all = append(all, put(c, fmt.Sprintf("%05d", (i*7919)%n), big))
		}
		mustWrite(t, s, all...)
		for i := range n {
			all[i] = put(c, fmt.Sprintf("%05d", i), `1`)
			if i%3 == 0 {
				all[i] = remove(c, fmt.Sprintf("%05d", i))
			}
		}
		mustWrite(t, s, all...)
		if got := history(t, s, c.Bucket); len(got) != 2*n || got[0] != "c 00000 1" || got[1] != "c 00919 1" || got[2*n-1] != "u 03499 2" {
			t.Errorf("%d changes, %q %q … %q", len(got), got[0], got[1], got[2*n-1])
		}
		count, err := s.Count(t.Context(), c.Key, query.CountExact)
		if err != nil || count.Value != n-(n+2)/3 {
			t.Errorf("count %v, %v", count, err)
		}
	})
}

func TestWrite_Callers(t *testing.T) {
	t.Parallel()
	s := open(t, postgres.Config{})
	c := mustCollection(t, s, "books")
	t.Run("cancelled before", func(t *testing.T) {
		t.Parallel()
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := s.Write(ctx, batch(put(c, "cancelled", `1`))); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v", err)
		}
	})
	t.Run("panic", func(t *testing.T) {
		t.Parallel()
		defer func() {
			if recover() == nil {
				t.Error("the panic is lost")
			}
		}()
		_, _ = s.Write(t.Context(), batch(document.Write{Collection: c.Version(), ID: id("p"), Change: func(*document.Document) (document.Next, error) { panic("no") }}))
	})
	t.Run("nothing to write", func(t *testing.T) {
		t.Parallel()
		if results, err := s.Write(t.Context(), batch()); err != nil || len(results) != 0 {
			t.Errorf("got %v, %v", results, err)
		}
	})
	t.Run("data that the database refuses", func(t *testing.T) {
		t.Parallel()
		_, err := s.Write(t.Context(), batch(put(c, "broken", `{`)))
		wantCode(t, err, "internal")
	})
}

// TestWrite_QueueFull fills the one place of the queue while the only writer is busy.
func TestWrite_QueueFull(t *testing.T) {
	t.Parallel()
	s := open(t, postgres.Config{Writers: 1, QueueLength: 1})
	c := mustCollection(t, s, "books")
	busy, release := make(chan struct{}), make(chan struct{})
	first := make(chan error, 1)
	go func() {
		_, err := s.Write(context.Background(), batch(document.Write{Collection: c.Version(), ID: id("slow"), Change: func(*document.Document) (document.Next, error) {
			close(busy)
			<-release
			return document.Store([]byte(`1`)), nil
		}}))
		first <- err
	}()
	<-busy
	// This one takes the place, and its caller leaves before it has begun.
	ctx, cancel := context.WithCancel(t.Context())
	left := make(chan error, 1)
	go func() {
		_, err := s.Write(ctx, batch(put(c, "left", `1`)))
		left <- err
	}()
	for s.Stat().Queued == 0 {
		select {
		case err := <-left:
			t.Fatal(err)
		default:
		}
	}
	_, err := s.Write(t.Context(), batch(put(c, "third", `1`)))
	wantCode(t, err, "write.queueFull")
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("left with %v", err)
	}
	close(release)
	if err := <-first; err != nil {
		t.Error(err)
	}
	s.Close()
	_, err = s.Write(t.Context(), batch(put(c, "late", `1`)))
	wantCode(t, err, "postgres.unavailable")
	_, err = s.Get(t.Context(), c.Key, id("slow"))
	wantCode(t, err, "postgres.unavailable")
	s.Close()
}

// One culprit in a merged transaction fails alone.
func TestWrite_CulpritAlone(t *testing.T) {
	t.Parallel()
	s := open(t, postgres.Config{Writers: 1})
	c := mustCollection(t, s, "books")
	busy, release := make(chan struct{}), make(chan struct{})
	errs := make([]chan error, 12)
	start := func(i int, w document.Write) {
		errs[i] = make(chan error, 1)
		go func() {
			_, err := s.Write(context.Background(), batch(w))
			errs[i] <- err
		}()
	}
	start(0, document.Write{Collection: c.Version(), ID: id("slow"), Change: func(*document.Document) (document.Next, error) {
		close(busy)
		<-release
		return document.Store([]byte(`1`)), nil
	}})
	<-busy
	for i := 1; i < len(errs); i++ {
		w := put(c, fmt.Sprintf("d%d", i), `1`)
		switch i {
		case 5:
			w = put(c, "d5", `{`) // the database refuses it
		case 6:
			w = remove(c, "nobody") // its change refuses
		case 7:
			w.Collection.Revision = 9
		}
		start(i, w)
	}
	for s.Stat().Queued < len(errs)-1 {
		runtime.Gosched()
	}
	close(release)
	for i := range errs {
		err := <-errs[i]
		switch i {
		case 5:
			wantCode(t, err, "internal")
		case 6:
			wantCode(t, err, "document.notFound")
		case 7:
			wantCode(t, err, "collection.changed")
		default:
			if err != nil {
				t.Errorf("%d: %v", i, err)
			}
		}
	}
	if got := history(t, s, c.Bucket); len(got) != len(errs)-3 {
		t.Errorf("history %q", got)
	}
}

// Callers that leave do not spoil a transaction for those beside them: who leaves in time is not written, and what is on its way goes on.
func TestWrite_CallersLeave(t *testing.T) {
	t.Parallel()
	s := open(t, postgres.Config{Writers: 1})
	c := mustCollection(t, s, "books")
	busy, release := make(chan struct{}), make(chan struct{})
	first, leaveFirst := context.WithCancel(t.Context())
	others, leave := context.WithCancel(t.Context())
	write := func(ctx context.Context, w document.Write) chan error {
		done := make(chan error, 1)
		go func() {
			_, err := s.Write(ctx, batch(w))
			done <- err
		}()
		return done
	}
	taken := write(first, document.Write{Collection: c.Version(), ID: id("taken"), Change: func(*document.Document) (document.Next, error) {
		close(busy)
		<-release
		return document.Store([]byte(`1`)), nil
	}})
	<-busy
	var stay, left []chan error
	for i := range 20 {
		if i%2 == 0 {
			stay = append(stay, write(t.Context(), put(c, fmt.Sprintf("d%02d", i), `1`)))
		} else {
			left = append(left, write(others, put(c, fmt.Sprintf("d%02d", i), `1`)))
		}
	}
	for s.Stat().Queued < len(stay)+len(left) {
		runtime.Gosched()
	}
	leaveFirst()
	leave()
	for _, done := range left {
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Errorf("left with %v", err)
		}
	}
	close(release)
	for _, done := range append(stay, taken) { // who commits leaves when that is done, and knows how it ended
		if err := <-done; err != nil {
			t.Errorf("who stayed got %v", err)
		}
	}
	want := []string{"c taken 1"}
	for i := 0; i < 20; i += 2 {
		want = append(want, fmt.Sprintf("c d%02d 1", i))
	}
	got := history(t, s, c.Bucket)
	slices.Sort(got[1:])
	if !slices.Equal(got, want) {
		t.Errorf("history %q", got)
	}
	if stat := s.Stat(); stat.Transactions != 2 {
		t.Errorf("%d transactions", stat.Transactions)
	}
}

// What waits is merged up to the bound, and a bound of one merges nothing.
func TestWrite_Merged(t *testing.T) {
	t.Parallel()
	for bound, want := range map[int]int64{1: 7, 3: 3, 6: 2, 256: 2} {
		t.Run(fmt.Sprint(bound), func(t *testing.T) {
			t.Parallel()
			s := open(t, postgres.Config{Writers: 1, MergedWrites: bound})
			c := mustCollection(t, s, "books")
			busy, release, errs := make(chan struct{}), make(chan struct{}), make(chan error)
			start := func(w document.Write) {
				go func() {
					_, err := s.Write(context.Background(), batch(w))
					errs <- err
				}()
			}
			start(document.Write{Collection: c.Version(), ID: id("slow"), Change: func(*document.Document) (document.Next, error) {
				close(busy)
				<-release
				return document.Store([]byte(`1`)), nil
			}})
			<-busy
			for i := range 6 {
				start(put(c, fmt.Sprintf("d%d", i), `1`))
			}
			for s.Stat().Queued < 6 {
				runtime.Gosched()
			}
			close(release)
			for range 7 {
				if err := <-errs; err != nil {
					t.Error(err)
				}
			}
			if got := s.Stat(); got.Batches != 7 || got.Transactions != want {
				t.Errorf("%d batches in %d transactions, want 7 in %d", got.Batches, got.Transactions, want)
			}
		})
	}
}

// While a transaction is under way the next one begins when as many batches wait as that one has.
func TestWrite_BeginsWhenAsManyWait(t *testing.T) {
	t.Parallel()
	s := open(t, postgres.Config{Writers: 2})
	c := mustCollection(t, s, "books")
	held := func(name string, busy, release chan struct{}) document.Write {
		return document.Write{Collection: c.Version(), ID: id(name), Change: func(*document.Document) (document.Next, error) {
			close(busy)
			<-release
			return document.Store([]byte(`1`)), nil
		}}
	}
	write := func(w document.Write) chan error {
		done := make(chan error, 1)
		go func() {
			_, err := s.Write(context.Background(), batch(w))
			done <- err
		}()
		return done
	}
	waiting := func(n int) {
		for s.Stat().Queued != n {
			runtime.Gosched()
		}
	}
	var busy, release [3]chan struct{}
	for i := range busy {
		busy[i], release[i] = make(chan struct{}), make(chan struct{})
	}
	first := write(held("first", busy[0], release[0]))
	<-busy[0]
	second := write(held("second", busy[1], release[1])) // one waits, and one is under way
	<-busy[1]
	third := []chan error{write(held("third", busy[2], release[2]))}
	waiting(1)
	for i := range 2 {
		third = append(third, write(put(c, fmt.Sprint("beside", i), `1`)))
	}
	waiting(3)
	close(release[0])
	<-busy[2] // the three of them
	close(release[1])
	for _, done := range []chan error{first, second} {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	var last []chan error
	for i := range 3 {
		last = append(last, write(put(c, fmt.Sprint("last", i), `1`)))
		if i < 2 {
			waiting(i + 1)
		}
	}
	for _, done := range last { // begun by the third, while the three are held
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	close(release[2])
	for _, done := range third {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	if got := s.Stat(); got.Transactions != 4 || got.Batches != 8 {
		t.Errorf("%d batches in %d transactions", got.Batches, got.Transactions)
	}
}
