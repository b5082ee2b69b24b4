package app

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/ports"
)

const (
	// edgeEvery is how often the feed is looked at: about how long an answer in a cache outlives the change of its document, at most.
	edgeEvery = 250 * time.Millisecond
	// edgeLease is how long a turn lasts; it is taken again long before. When a process dies another one goes on after that.
	edgeLease = 5 * time.Second
	// edgePage is how many changes of a bucket are read at once, edgeRounds how many pages one after the other before it is looked whether the turn still holds.
	edgePage, edgeRounds = 1000, 20
	// edgeMarks is how many moments are kept on the way from the first purge to the second.
	edgeMarks = 64
	// edgePatience bounds the wait after a failure: first as long as edgeEvery, then twice as long each time.
	edgePatience = 30 * time.Second
)

// EdgePurge tells a cache in front of the server what has changed: at once, and a second time some while later. An answer that was made before a change and arrived
// at a cache after the first purge would else stay there until it is too old. It follows the feed from a place that is kept, so that no change is passed over
// whatever happens to a process, and what is waiting takes no memory. Of several processes one does it at a time.
type EdgePurge struct {
	Dependencies
	Edge ports.Edge
	// Turn is the name that the turn goes by: one for each cache, so that one that is away does not keep the others waiting.
	Turn string
	// Holder tells this process from others.
	Holder string
	// Again is how long after the first purge the second one comes: longer than an answer may take on its way to a cache.
	Again time.Duration

	stat edgeStat
}

type edgeStat struct {
	active         atomic.Bool
	purges, failed atomic.Int64
	keys           atomic.Int64
	current        atomic.Int64 // when all that was known was purged, in Unix microseconds
}

// EdgeStat is what an EdgePurge is doing at one moment.
type EdgeStat struct {
	// Active says that this process has the turn.
	Active bool
	// Purges counts calls that succeeded, Failed those that did not, and Keys the keys of the first ones.
	Purges, Failed, Keys int64
	// Behind is how long ago there was nothing left to purge a first time; 0 without the turn.
	Behind time.Duration
}

// Stat returns what it is doing, for metrics.
func (e *EdgePurge) Stat() EdgeStat {
	s := EdgeStat{Active: e.stat.active.Load(), Purges: e.stat.purges.Load(), Failed: e.stat.failed.Load(), Keys: e.stat.keys.Load()}
	if s.Active {
		s.Behind = e.Clock().Sub(time.UnixMicro(e.stat.current.Load()))
	}
	return s
}

// Run follows the feed until ctx ends.
func (e *EdgePurge) Run(ctx context.Context, log *slog.Logger) {
	var f *edgeFollower
	wait, failing := edgeEvery, false
	for {
		next, err := e.step(ctx, f)
		if ctx.Err() != nil {
			e.leave(ctx, f)
			return
		}
		f = next
		if (err != nil) != failing {
			failing = err != nil
			if failing {
				log.Warn("a cache in front is not told what changes", "cache", e.Turn, "error", err)
			} else {
				log.Info("a cache in front is told again what changes", "cache", e.Turn)
			}
		}
		wait = min(2*wait, edgePatience)
		if err == nil {
			wait = edgeEvery
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
		case <-timer.C:
		}
	}
}

// step takes the turn where it is to be had, and purges what there is. After a failure it begins anew, from the place that is kept.
func (e *EdgePurge) step(ctx context.Context, f *edgeFollower) (*edgeFollower, error) {
	now := e.Clock()
	if f == nil || f.until.Sub(now) < edgeLease/2 {
		until := now.Add(edgeLease)
		place, err := e.Store.TakeTurn(ctx, ports.Turn{Name: e.Turn, Holder: e.Holder, At: now, Until: until})
		if err == nil && f == nil {
			f, err = e.begin(ctx, place)
		}
		if err != nil {
			e.stat.active.Store(false)
			if errors.Is(err, change.ErrTurnTaken) {
				err = nil
			}
			return nil, err
		}
		f.until = until
	}
	e.stat.active.Store(true)
	err := f.first(ctx, now)
	if err == nil {
		err = f.second(ctx, now)
	}
	switch {
	case err == nil:
		return f, nil
	case errors.Is(err, change.ErrTurnTaken): // it took so long that somebody else has taken over
		err = nil
	}
	e.stat.active.Store(false)
	return nil, err
}

// leave gives the turn back, so that another process need not wait for its end.
func (e *EdgePurge) leave(ctx context.Context, f *edgeFollower) {
	e.stat.active.Store(false)
	if f == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), edgeLease)
	defer cancel()
	now := e.Clock()
	_, _ = e.Store.TakeTurn(ctx, ports.Turn{Name: e.Turn, Holder: e.Holder, At: now, Until: now}) // or it ends by itself
}

// begin continues from a place, or begins with what changes from now on where there is none.
func (e *EdgePurge) begin(ctx context.Context, place *change.Place) (*edgeFollower, error) {
	f := &edgeFollower{EdgePurge: e}
	configurations, err := e.Store.ConfigurationPosition(ctx)
	if err != nil {
		return nil, err
	}
	if f.known, err = readPublished(ctx, e.Store); err != nil {
		return nil, err
	}
	if place == nil {
		news, err := e.Store.News(ctx, beyond, 1)
		if err != nil {
			return nil, err
		}
		place = &change.Place{History: news.History, Configurations: configurations, Documents: news.Until}
		if err := e.Store.KeepPlace(ctx, e.Turn, e.Holder, *place); err != nil {
			return nil, err
		}
	}
	f.once, f.twice = *place, *place
	e.stat.current.Store(e.Clock().UnixMicro())
	return f, nil
}

// beyond are positions that no bucket has reached: it has no news, but where it is.
var beyond = func() (p change.Positions) {
	for i := range p {
		p[i] = 1<<63 - 1
	}
	return p
}()

// purge tells the cache.
func (e *EdgePurge) purge(ctx context.Context, keys []string) error {
	if len(keys) == 0 {
		return nil
	}
	if err := e.Edge.Purge(ctx, keys); err != nil {
		e.stat.failed.Add(1)
		return err
	}
	e.stat.purges.Add(1)
	e.stat.keys.Add(int64(len(keys)))
	return nil
}

// edgeFollower is an EdgePurge that has the turn.
type edgeFollower struct {
	*EdgePurge
	until time.Time
	known published
	// once is how far changes were purged for, twice how far they were a second time; that one is kept.
	once, twice change.Place
	// marks are moments on the way from one to the other, the oldest first.
	marks []edgeMark
}

// edgeMark is a moment at which everything up to a place had been purged once. Of configurations it has the names that were purged since the mark before.
type edgeMark struct {
	at    time.Time
	place change.Place
	names []ident.Collection
}

// first purges what has changed since it did so last.
func (f *edgeFollower) first(ctx context.Context, now time.Time) error {
	before := f.once
	var names []ident.Collection
	for range edgeRounds {
		keys := edgeKeys{known: f.known}
		changed, configurations, err := f.Store.ConfigurationChanges(ctx, f.once.Configurations, edgePage)
		if err != nil {
			return err
		}
		// Before the documents: one that was changed later is one of the collection as it is declared now.
		if err := f.known.refresh(ctx, f.Store, changed); err != nil {
			return err
		}
		keys.configured(changed)
		news, err := f.Store.News(ctx, f.once.Documents, edgePage)
		if err != nil {
			return err
		}
		if news.History != f.once.History || anyBehind(news.Until, f.once.Documents) {
			// The database is not the one that it was: what was kept of it and what is public now goes as a whole.
			keys.everything()
			if configurations, err = f.Store.ConfigurationPosition(ctx); err != nil {
				return err
			}
			if f.known, err = readPublished(ctx, f.Store); err != nil {
				return err
			}
			if news, err = f.Store.News(ctx, beyond, 1); err != nil {
				return err
			}
			keys.known = f.known
			keys.everything()
			changed = keys.names()
		}
		keys.touched(news.Touched, nil)
		if err := f.purge(ctx, keys.list()); err != nil {
			return err
		}
		names = append(names, changed...)
		f.once = change.Place{History: news.History, Configurations: configurations, Documents: news.Until}
		if !news.More && len(changed) < edgePage {
			f.stat.current.Store(now.UnixMicro())
			break
		}
	}
	if f.once != before {
		f.mark(f.Clock(), names) // when the purge is over: the second one is to come later than that by all of Again
	}
	return nil
}

// mark notes the moment. Moments that are close together share a mark, that of the latest.
func (f *edgeFollower) mark(now time.Time, names []ident.Collection) {
	last := len(f.marks) - 1
	if last > 0 && now.Sub(f.marks[last-1].at) < f.Again/edgeMarks {
		f.marks[last].at, f.marks[last].place, f.marks[last].names = now, f.once, append(f.marks[last].names, names...)
		return
	}
	f.marks = append(f.marks, edgeMark{now, f.once, names})
}

// second purges a second time what was purged once long enough ago, and keeps how far that is.
func (f *edgeFollower) second(ctx context.Context, now time.Time) error {
	before := f.twice
	for range edgeRounds {
		if len(f.marks) == 0 || now.Sub(f.marks[0].at) < f.Again {
			break
		}
		target := f.marks[0]
		keys := edgeKeys{known: f.known}
		keys.configured(target.names)
		var news change.News
		if f.twice.History == target.place.History && !anyBehind(target.place.Documents, f.twice.Documents) {
			var err error
			if news, err = f.Store.News(ctx, f.twice.Documents, edgePage); err != nil {
				return err
			}
			keys.touched(news.Touched, &target.place.Documents)
		} else {
			keys.everything()
			news.Until = target.place.Documents
		}
		if err := f.purge(ctx, keys.list()); err != nil {
			return err
		}
		arrived := true
		for i := range news.Until {
			news.Until[i] = min(news.Until[i], target.place.Documents[i])
			arrived = arrived && news.Until[i] == target.place.Documents[i]
		}
		f.twice = change.Place{History: target.place.History, Configurations: f.twice.Configurations, Documents: news.Until}
		if arrived {
			f.twice.Configurations = target.place.Configurations
			f.marks = f.marks[1:]
		}
	}
	if f.twice == before {
		return nil
	}
	return f.Store.KeepPlace(ctx, f.Turn, f.Holder, f.twice)
}

func anyBehind(now, before change.Positions) bool {
	for i := range now {
		if now[i] < before[i] {
			return true
		}
	}
	return false
}
