package cache

import (
	"context"
	"errors"
	"net"
	"time"

	"github.com/redis/go-redis/v9"
)

const (
	// wakeChannel is where those who changed something say so, without saying what: who hears it asks the store. A message that is lost is made up for by the next regular question.
	wakeChannel = "sheaf:changed"
	// wakePause is how long nothing is said after something was said: one message is enough for all that happens meanwhile.
	wakePause = 5 * time.Millisecond
	// listenFor is how long nothing has to be heard for Redis to be asked whether it is there, and listenPause how long a failure is waited out.
	listenFor   = 10 * time.Second
	listenPause = 250 * time.Millisecond
)

// announce has others told that something has changed.
func (s *Shared) announce() {
	if s == nil {
		return
	}
	select {
	case s.news <- struct{}{}:
	default:
	}
}

// tell tells others that something has changed, until ctx ends.
func (s *Shared) tell(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.news:
		}
		_, err := s.breaker.Execute(func() (string, error) {
			ctx, cancel := context.WithTimeout(ctx, s.timeout)
			defer cancel()
			return guard(func() (string, error) { return "", s.client.Publish(ctx, wakeChannel, "").Err() })
		})
		if err != nil {
			s.stat.errors.Add(1)
		}
		pause(ctx, wakePause)
	}
}

// listen calls wake whenever somebody says that something has changed, until the function that it returns is called. It connects again for as long as it takes.
func (s *Shared) listen(wake func()) (end func()) {
	if s == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(detached)
	heard := s.client.Subscribe(ctx, wakeChannel)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for ctx.Err() == nil {
			switch kind, err := s.hear(ctx, heard); {
			case err != nil:
				pause(ctx, listenPause)
			case kind == "message":
				wake()
			}
		}
	}()
	return func() {
		cancel()
		_ = heard.Close() // nobody listens any more
		<-done
	}
}

// hear waits for the next message, and says what kind it is. Where nothing comes for long, it asks whether anybody is there.
func (s *Shared) hear(ctx context.Context, heard *redis.PubSub) (string, error) {
	return guard(func() (string, error) {
		message, err := heard.ReceiveTimeout(ctx, listenFor)
		if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
			return "", heard.Ping(ctx)
		}
		if _, ok := message.(*redis.Message); ok {
			return "message", err
		}
		return "", err
	})
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
