package postgres_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sheafdb/sheaf/adapters/postgres"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/query"
	"github.com/sheafdb/sheaf/ports"
)

func TestRead_Range(t *testing.T) {
	inEveryMode(t, func(t *testing.T, s *postgres.Store) { //nolint:thelper // the test itself
		c := mustCollection(t, s, "books")
		var writes []document.Write
		var want []string
		for i := range 300 {
			name := fmt.Sprintf("d%03d", i)
			want = append(want, name)
			// The sizes jump, so that no estimate of the rest is right.
			writes = append(writes, put(c, name, `"`+strings.Repeat("x", (i%7)*(i%7)*20)+`"`))
		}
		mustWrite(t, s, writes...)
		for _, r := range []ports.Range{{Limit: 1, Bytes: 1}, {Limit: 50, Bytes: 1 << 20}, {Limit: 64, Bytes: 1 << 20}, {Limit: 1000, Bytes: 1}, {Limit: 1000, Bytes: 5000}, {Limit: 1000, Bytes: 1 << 20}, {Limit: 300, Bytes: 1 << 20}} {
			var got []string
			for more := true; more; {
				var items []document.Document
				var err error
				items, more, err = s.List(t.Context(), c.Key, r)
				if err != nil || len(items) == 0 || len(items) > r.Limit {
					t.Fatalf("%+v: %d items, %v", r, len(items), err)
				}
				bytes := 0
				for i, d := range items {
					if bytes >= r.Bytes && i > 0 {
						t.Errorf("%+v: %d bytes were enough", r, bytes)
					}
					bytes += len(d.Data)
					got = append(got, d.ID.String())
				}
				if more && len(items) < r.Limit && bytes < r.Bytes {
					t.Errorf("%+v: a page ends at %d items and %d bytes", r, len(items), bytes)
				}
				r.After = got[len(got)-1]
			}
			if !slices.Equal(got, want) {
				t.Errorf("%+v: %d of %d documents", r, len(got), len(want))
			}
		}
		stop := errors.New("stop")
		n := 0
		if err := s.Export(t.Context(), c.Key, func(d document.Document) error {
			if d.ID.String() != want[n] {
				t.Errorf("%s instead of %s", d.ID, want[n])
			}
			// What happens meanwhile is not part of it.
			if n++; n == 10 {
				mustWrite(t, s, put(c, "d000x", `1`), remove(c, "d250"))
			}
			return nil
		}); err != nil || n != 300 {
			t.Errorf("exported %d, %v", n, err)
		}
		if err := s.Export(t.Context(), c.Key, func(document.Document) error { return stop }); !errors.Is(err, stop) {
			t.Errorf("got %v", err)
		}
		for kind, want := range map[query.CountKind]string{query.CountExact: "exact", query.CountCapped: "exact", query.CountEstimated: "estimated"} {
			if got, err := s.Count(t.Context(), c.Key, kind); err != nil || got.Kind != want || got.Value < 100 || kind != query.CountEstimated && got.Value != 300 {
				t.Errorf("count %s: %v, %v", kind, got, err)
			}
		}
	})
}
