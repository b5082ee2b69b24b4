package httpapi

import (
	"errors"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// The rows of an aggregation are held until they are many, and then a caller has so much time for them.
func TestRowStream(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	s := &rowStream{w: w, ex: &exchange{}, media: ndjsonType}
	row := strings.Repeat("x", aggregateHeld/16)
	send := func() error {
		_, _ = s.WriteString(row)
		return s.send()
	}
	for range 15 {
		if err := send(); err != nil || s.ex.started {
			t.Fatalf("%v; the answer has begun: %v", err, s.ex.started)
		}
	}
	for range 2 {
		if err := send(); err != nil || !s.ex.started || s.Len() != 0 {
			t.Fatalf("%v; %d bytes are held", err, s.Len())
		}
	}
	s.began = time.Now().Add(-2 * aggregateSending)
	if err := send(); !errors.Is(err, errClientGone) {
		t.Errorf("got %v of a caller that takes too long", err)
	}
	if got, want := w.Body.Len(), 17*len(row); got != want {
		t.Errorf("%d bytes were sent, want %d", got, want)
	}
}
