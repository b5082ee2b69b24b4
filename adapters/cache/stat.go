package cache

import (
	"sync/atomic"
	"time"
)

// counters count what reads came to, since the beginning.
type counters struct {
	memoryHits, memoryMisses, bypassed, loads, sharedHits, sharedRefused, restarts atomic.Int64
}

type sharedCounters struct {
	misses, errors, foreign, puts, dropped atomic.Int64
}

// Stat is what a cache is doing at one moment. The counters begin with it.
type Stat struct {
	// MemoryHits and MemoryMisses count reads that memory had an answer to, and none. Bypassed counts those that it was not asked about, because the cache could not be sure of itself.
	MemoryHits, MemoryMisses, Bypassed int64
	// Loads counts reads of the store.
	Loads int64
	// MemoryBytes is about what the entries in memory take.
	MemoryBytes int64
	// SharedHits counts answers of the shared cache, SharedMisses what it did not have, SharedRefused what it had and was known to be old, SharedForeign what was no entry.
	SharedHits, SharedMisses, SharedRefused, SharedForeign int64
	// SharedErrors counts questions that were not answered, or not asked because the ones before were not. SharedPuts counts entries that were sent, SharedDropped those
	// for which there was no time.
	SharedErrors, SharedPuts, SharedDropped int64
	// Restarts counts how often everything was forgotten because the store had another history, or had gone too far ahead.
	Restarts int64
	// Age is how long ago the store was last asked what changed, and answered.
	Age time.Duration
}

// Age is how long ago the store was last asked what changed, and answered: what is answered from here is at most that old.
func (s *Store) Age() time.Duration {
	return time.Duration(s.elapsed() - max(s.trusted.Load()-int64(s.bound), 0))
}

// Stat returns what the cache is doing, for metrics.
func (s *Store) Stat() Stat {
	stat := Stat{
		MemoryHits: s.stat.memoryHits.Load(), MemoryMisses: s.stat.memoryMisses.Load(), Bypassed: s.stat.bypassed.Load(), Loads: s.stat.loads.Load(),
		MemoryBytes: int64(s.otter.bytes()), SharedHits: s.stat.sharedHits.Load(), SharedRefused: s.stat.sharedRefused.Load(), Restarts: s.stat.restarts.Load(),
		Age: s.Age(),
	}
	if s.shared != nil {
		c := &s.shared.stat
		stat.SharedMisses, stat.SharedErrors, stat.SharedForeign = c.misses.Load(), c.errors.Load(), c.foreign.Load()
		stat.SharedPuts, stat.SharedDropped = c.puts.Load(), c.dropped.Load()
	}
	return stat
}
