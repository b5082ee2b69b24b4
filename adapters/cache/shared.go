package cache

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"sync"
	"time"

	gocache "github.com/eko/gocache/lib/v4/store"
	redisstore "github.com/eko/gocache/store/redis/v4"
	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
	"github.com/sony/gobreaker/v2"

	"github.com/sheafdb/sheaf/domain/fault"
)

const (
	// sharedFor is how long Redis keeps an entry, give or take a tenth.
	sharedFor = time.Hour
	// sharedBytes is the largest document that is shared: larger ones cost more on the way than they spare.
	sharedBytes = 1 << 20
	// sharedQueue is how many entries may wait to be sent; further ones are not.
	sharedQueue = 512
	// brokenAfter is how many failures, one after the other, have the shared cache left alone for brokenFor.
	brokenAfter = 5
	brokenFor   = time.Second
)

// SharedConfig says where the shared cache is.
type SharedConfig struct {
	// URL is redis://, rediss:// or unix://.
	URL string
	// Timeout bounds every step of a conversation with Redis: connecting, asking, waiting for a free connection; 0 is 100 ms.
	Timeout time.Duration
	// Logger hears of what no caller can be told; nil discards it.
	Logger *slog.Logger
}

// Shared is a Redis that keeps entries for several processes. Nothing depends on it: what it does not have, or does not say in time, is read from the store, and what it has is
// judged by the ledger. Its methods may be called concurrently. The nil Shared keeps nothing.
type Shared struct {
	client  *redis.Client
	store   gocache.StoreInterface
	breaker *gobreaker.CircuitBreaker[string]
	timeout time.Duration
	queue   chan sending
	news    chan struct{}
	sent    sync.WaitGroup
	stop    context.CancelFunc
	close   sync.Once
	stat    sharedCounters
}

// sending is an entry on its way.
type sending struct {
	history string
	place   place
	entry   *entry
}

// OpenShared prepares for a Redis, which need not be there yet. It fails where the URL cannot be read. Whoever opened it closes it.
func OpenShared(c SharedConfig) (*Shared, error) {
	if c.Timeout <= 0 {
		c.Timeout = 100 * time.Millisecond
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	options, err := redis.ParseURL(c.URL)
	if err != nil {
		return nil, errors.New("redis.url cannot be read") // the error repeats the URL, and with it a password
	}
	options.DialTimeout, options.ReadTimeout, options.WriteTimeout, options.PoolTimeout = c.Timeout, c.Timeout, c.Timeout, c.Timeout
	options.MaxRetries, options.DialerRetries, options.ContextTimeoutEnabled = -1, 1, true
	options.Protocol, options.DisableIdentity = 2, true
	options.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	dial := redis.NewDialer(options)
	options.Dialer = func(ctx context.Context, network, addr string) (net.Conn, error) {
		conn, err := dial(ctx, network, addr)
		if err != nil {
			return nil, err
		}
		return &guarded{Conn: conn}, nil
	}
	redis.SetLogger(silent{})
	client := redis.NewClient(options)
	ctx, stop := context.WithCancel(context.Background())
	s := &Shared{client: client, store: redisstore.NewRedis(client), timeout: c.Timeout, queue: make(chan sending, sharedQueue), news: make(chan struct{}, 1), stop: stop}
	s.breaker = gobreaker.NewCircuitBreaker[string](gobreaker.Settings{
		Name: "redis", MaxRequests: 1, Timeout: brokenFor,
		ReadyToTrip: func(n gobreaker.Counts) bool { return n.ConsecutiveFailures >= brokenAfter },
		OnStateChange: func(_ string, from, to gobreaker.State) {
			c.Logger.Warn("shared cache", slog.String("was", from.String()), slog.String("is", to.String()))
		},
	})
	s.sent.Go(func() { s.send(ctx) })
	s.sent.Go(func() { s.tell(ctx) })
	return s, nil
}

// silent keeps the client from writing to standard error by itself: what it has to say is in the errors.
type silent struct{}

func (silent) Printf(context.Context, string, ...any) {}

// Close ends all connections. It may be called twice.
func (s *Shared) Close() {
	if s == nil {
		return
	}
	s.close.Do(func() {
		s.stop()
		s.sent.Wait()
		_ = s.client.Close() // what it had to say is of no use any more
	})
}

// Ping fails with fault.Unavailable where Redis does not answer.
func (s *Shared) Ping(ctx context.Context) error {
	_, err := guard(func() (string, error) { return s.client.Ping(ctx).Result() })
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "redis.unavailable", "Redis does not answer; documents are read from the database instead")
	}
	return nil
}

// keyOf is what the entry of a place is kept under. Another history has other keys.
func keyOf(history string, p place) string { return "sheaf:" + history + ":" + p.name() }

// get returns what is shared of a place, nil where nothing is, or cannot be had.
func (s *Shared) get(ctx context.Context, history string, p place) *entry {
	if s == nil {
		return nil
	}
	text, err := s.breaker.Execute(func() (string, error) {
		ctx, cancel := context.WithTimeout(ctx, s.timeout)
		defer cancel()
		return guard(func() (string, error) {
			found, err := s.store.Get(ctx, keyOf(history, p))
			if errors.Is(err, gocache.NotFound{}) {
				return "", nil
			}
			text, _ := found.(string)
			return text, err
		})
	})
	switch {
	case err != nil:
		s.stat.errors.Add(1)
		return nil
	case text == "":
		s.stat.misses.Add(1)
		return nil
	}
	e, err := parseEntry(text, p)
	if err != nil {
		s.stat.foreign.Add(1)
		return nil
	}
	return e
}

// put shares an entry, at some time, if there is room.
func (s *Shared) put(history string, p place, e *entry) {
	if s == nil || len(e.document.Data) > sharedBytes {
		return
	}
	select {
	case s.queue <- sending{history, p, e}:
	default:
		s.stat.dropped.Add(1)
	}
}

// send sends what is to be shared until ctx ends.
func (s *Shared) send(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case next := <-s.queue:
			s.set(ctx, next)
		}
	}
}

func (s *Shared) set(ctx context.Context, next sending) {
	_, err := s.breaker.Execute(func() (string, error) {
		ctx, cancel := context.WithTimeout(ctx, s.timeout)
		defer cancel()
		return guard(func() (string, error) {
			// Entries that came together do not go together.
			keep := sharedFor - sharedFor/10 + rand.N(sharedFor/5)
			return "", s.store.Set(ctx, keyOf(next.history, next.place), formatEntry(next.place, next.entry), gocache.WithExpiration(keep))
		})
	})
	if err != nil {
		s.stat.errors.Add(1)
	} else {
		s.stat.puts.Add(1)
	}
}

// guard makes an error of a panic: the client trusts what a server says.
func guard(do func() (string, error)) (text string, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("redis: %v", v)
		}
	}()
	return do()
}
