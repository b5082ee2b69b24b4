package porttest

import (
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/ports"
)

// Followers are the promises to those who follow the feed.
func Followers(t *testing.T, open Open) {
	t.Helper()
	promises{
		"Turns": func(f fixture) {
			wantPlace(f, f.turn("purge", "a", 0, 10), nil)
			f.wantTaken("purge", "b", 9)
			wantPlace(f, f.turn("purge", "a", 5, 15), nil) // which keeps it
			f.wantTaken("purge", "b", 14)
			wantPlace(f, f.turn("other", "b", 5, 15), nil)
			wantPlace(f, f.turn("purge", "b", 15, 25), nil) // when it is over
			f.wantTaken("purge", "a", 16)
			wantPlace(f, f.turn("purge", "b", 17, 17), nil) // which gives it back
			wantPlace(f, f.turn("purge", "a", 17, 27), nil)
		},
		"Places": func(f fixture) {
			first := change.Place{History: "h", Configurations: 7}
			for i := range first.Documents {
				first.Documents[i] = change.Position(i * i)
			}
			if err := f.KeepPlace(f.Context(), "purge", "a", first); !errors.Is(err, change.ErrTurnTaken) {
				f.Fatalf("without a turn: %v", err)
			}
			wantPlace(f, f.turn("purge", "a", 0, 10), nil)
			f.keep("purge", "a", first)
			wantPlace(f, f.turn("purge", "a", 5, 10), &first)
			wantPlace(f, f.turn("other", "a", 5, 10), nil)
			wantPlace(f, f.turn("purge", "b", 10, 20), &first)
			second := first
			second.History, second.Documents[63] = "", 1<<40
			if err := f.KeepPlace(f.Context(), "purge", "a", second); !errors.Is(err, change.ErrTurnTaken) {
				f.Fatalf("after the turn: %v", err)
			}
			wantPlace(f, f.turn("purge", "b", 11, 20), &first)
			f.keep("purge", "b", second)
			wantPlace(f, f.turn("purge", "b", 12, 20), &second)
		},
		"OneGetsIt": func(f fixture) {
			for round := range 5 {
				var got atomic.Int64
				together(writers, func(i int) {
					at := noon.Add(seconds(20 * round))
					_, err := f.TakeTurn(f.Context(), ports.Turn{Name: "purge", Holder: fmt.Sprint(i), At: at, Until: at.Add(seconds(20))})
					if err == nil {
						got.Add(1)
					} else if !errors.Is(err, change.ErrTurnTaken) {
						f.Error(err)
					}
				})
				wantEqual(f, got.Load(), int64(1))
			}
		},
	}.keep(t, open)
}

// turn takes a turn from some seconds after noon to some later.
func (f fixture) turn(name, holder string, from, until int) *change.Place {
	f.Helper()
	place, err := f.TakeTurn(f.Context(), ports.Turn{Name: name, Holder: holder, At: noon.Add(seconds(from)), Until: noon.Add(seconds(until))})
	if err != nil {
		f.Fatalf("%s for %s at %d: %v", name, holder, from, err)
	}
	return place
}

func (f fixture) wantTaken(name, holder string, at int) {
	f.Helper()
	if place, err := f.TakeTurn(f.Context(), ports.Turn{Name: name, Holder: holder, At: noon.Add(seconds(at)), Until: noon.Add(seconds(100))}); !errors.Is(err, change.ErrTurnTaken) || place != nil {
		f.Fatalf("%s for %s at %d: %v, %v", name, holder, at, place, err)
	}
}

func (f fixture) keep(name, holder string, p change.Place) {
	f.Helper()
	if err := f.KeepPlace(f.Context(), name, holder, p); err != nil {
		f.Fatal(err)
	}
}

func wantPlace(f fixture, got, want *change.Place) {
	f.Helper()
	if (got == nil) != (want == nil) || got != nil && *got != *want {
		f.Fatalf("got %+v, want %+v", got, want)
	}
}
