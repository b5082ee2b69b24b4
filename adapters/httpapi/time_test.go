package httpapi

import (
	"math/rand/v2"
	"testing"
	"time"
)

func TestAppendTime(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 1))
	for range 10_000 {
		at := time.Unix(r.Int64N(253402300800), r.Int64N(1e9)).In(time.FixedZone("", r.IntN(7200)-3600))
		if got, want := string(appendTime(nil, at)), at.UTC().Format("2006-01-02T15:04:05.000000Z07:00"); got != want {
			t.Fatalf("got %s, want %s", got, want)
		}
	}
	if got := string(appendTime(nil, time.Time{})); got != "0001-01-01T00:00:00.000000Z" {
		t.Errorf("got %s", got)
	}
}
