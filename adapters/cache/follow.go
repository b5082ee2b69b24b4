package cache

import (
	"context"
	"errors"
	"time"

	"github.com/sheafdb/sheaf/domain/change"
)

const (
	// newsLimit is how many changes of a bucket are asked for at once.
	newsLimit = 2000
	// newsRounds bounds how many times the follower asks until it is up to date; when it is further behind, beginning anew costs less.
	newsRounds = 50
	// forgetAfter is how long the store may be out of reach before the cache begins anew: what is kept of changes is kept for longer than that.
	forgetAfter = 10 * time.Minute
	// rest is how long the follower waits before it asks again, whoever wakes it: a message may be one of very many.
	rest = 20 * time.Millisecond
	// warmth is how many changes of each bucket the follower begins before the newest, where there is a shared cache: entries that are not older can be used at once.
	warmth = 500
)

// Wake has the follower ask soon what changed, for those who know that something has.
func (s *Store) Wake() {
	select {
	case s.woken <- struct{}{}:
	default:
	}
}

// Follow keeps the cache up to date with what other processes change, until ctx ends: it asks regularly, and when somebody says in Redis that there is something new.
func (s *Store) Follow(ctx context.Context) {
	listening := s.shared.listen(s.Wake)
	defer listening()
	tick := time.NewTicker(s.bound / 4)
	defer tick.Stop()
	last, failing := s.elapsed(), false
	for {
		began := s.elapsed()
		if began-last > int64(forgetAfter) {
			s.restart(s.ledger.Load())
		}
		err := s.catchUp(ctx)
		if ctx.Err() != nil {
			return
		}
		if err == nil {
			last = began
			s.trusted.Store(began + int64(s.bound))
		}
		if (err != nil) != failing {
			failing = err != nil
			s.log.Warn("following changes", "failing", failing, "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		case <-s.woken:
			pause(ctx, min(rest, s.bound/8)) // who is woken all the time, rests all the same
		}
	}
}

// errAnew says that what was known is of no use any more.
var errAnew = errors.New("the store has another history, or is far ahead")

// catchUp takes down what changed since the last time. Where that is too much, or makes no sense, the cache begins anew.
func (s *Store) catchUp(ctx context.Context) error {
	l := s.ledger.Load()
	if l.history == "" {
		if err := s.beginLedger(ctx, l); err != nil {
			return err
		}
	}
	for range newsRounds {
		news, err := s.inner.News(ctx, l.followed(), newsLimit)
		if err != nil {
			return err
		}
		if news.History != l.history || behind(news.Until, l.followed()) {
			break
		}
		s.take(l, news)
		if !news.More {
			return nil
		}
	}
	s.restart(l)
	return errAnew
}

// behind says whether a bucket has come less far than it had.
func behind(now, before change.Positions) bool {
	for i := range now {
		if now[i] < before[i] {
			return true
		}
	}
	return false
}

// beginLedger finds out where the store is, and has the ledger begin there, or somewhat before.
func (s *Store) beginLedger(ctx context.Context, l *ledger) error {
	var end change.Positions
	for i := range end {
		end[i] = unknown
	}
	news, err := s.inner.News(ctx, end, 1)
	if err != nil {
		return err
	}
	at := news.Until
	if s.shared != nil {
		for i := range at {
			at[i] = max(at[i]-warmth, 0)
		}
	}
	l.begin(news.History, at)
	return nil
}

// take takes the news down, and drops from memory what they make old.
func (s *Store) take(l *ledger, news change.News) {
	drop := func(b *bucket, bucketNumber int32, touched []change.Touched) {
		b.mu.Lock()
		defer b.mu.Unlock()
		for _, t := range touched {
			p := place{id: t.DocumentID}
			p.key.Bucket, p.key.ID = t.Bucket, t.CollectionID
			_, slot := l.of(p)
			b.note(slot, t.Position)
			if s.older(p, t.Position) {
				s.memory.drop(p)
			}
		}
		until := news.Until[bucketNumber]
		b.seen = max(b.seen, until)
		b.through.Store(int64(until))
	}
	for list := news.Touched; len(list) > 0; {
		n := 1
		for n < len(list) && list[n].Bucket == list[0].Bucket {
			n++
		}
		drop(&l.buckets[list[0].Bucket], list[0].Bucket, list[:n])
		list = list[n:]
	}
	for i := range l.buckets { // some go on without news: what was purged leaves gaps
		if b := &l.buckets[i]; b.through.Load() < int64(news.Until[i]) {
			drop(b, int32(i), nil)
		}
	}
}

// restart forgets everything, if the ledger is still the one in force. Nothing is served from here until the follower has begun anew.
func (s *Store) restart(l *ledger) {
	l.lock() // whoever puts an entry has the lock of its bucket
	defer l.unlock()
	if s.ledger.Load() != l {
		return
	}
	s.stat.restarts.Add(1)
	s.trusted.Store(0)
	s.ledger.Store(newLedger())
	s.memory.clear()
}
