package collection_test

import (
	"testing"
	"time"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/fault"
)

func TestParse_Cache(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		text, kept string // "" where it is the policy that counts without any
		want       collection.CachePolicy
	}{
		{text: `{}`},
		{text: `{"public": false, "maxAge": "0s"}`},
		{text: `{"maxAge": "90s"}`, kept: `{"maxAge": "90s", "public": false}`, want: collection.CachePolicy{MaxAge: 90 * time.Second}},
		{text: `{"public": true}`, kept: `{"maxAge": "0s", "public": true}`, want: collection.CachePolicy{Public: true}},
		{
			text: `{"public": true, "maxAge": "60s", "staleWhileRevalidate": "1h0m30s"}`, kept: `{"maxAge": "1m", "public": true, "staleWhileRevalidate": "3630s"}`,
			want: collection.CachePolicy{Public: true, MaxAge: time.Minute, SharedMaxAge: time.Minute, StaleWhileRevalidate: 3630 * time.Second},
		},
		{text: `{"maxAge": "365d", "staleIfError": "48h"}`, kept: `{"maxAge": "365d", "public": false, "staleIfError": "2d"}`, want: collection.CachePolicy{MaxAge: 365 * collection.Day, StaleIfError: 2 * collection.Day}},
	} {
		config, err := parse(t, `{"cache": `+test.text+`}`)
		if err != nil {
			t.Errorf("%s: %v", test.text, err)
			continue
		}
		if config.Cache != test.want {
			t.Errorf("%s: got %+v", test.text, config.Cache)
		}
		rest := `"concurrency": "optional", "unknownFields": "allow"}`
		want := `{` + rest
		if test.kept != "" {
			want = `{"cache": ` + test.kept + `, ` + rest
		}
		if got := string(config.Format()); got != want {
			t.Errorf("%s is kept as %s", test.text, got)
		}
	}
	config, err := parse(t, `{"cache": {"public": true, "maxAge": "5s", "sMaxAge": "1m"}}`)
	if err != nil {
		t.Fatal(err)
	}
	again, err := parse(t, string(config.Format()))
	if err != nil || again.Cache != config.Cache || again.Cache.SharedMaxAge != time.Minute {
		t.Errorf("read again: %+v, %v", again.Cache, err)
	}
}

func TestCachePolicy_Within(t *testing.T) {
	t.Parallel()
	p := collection.CachePolicy{Public: true, MaxAge: time.Minute, SharedMaxAge: time.Hour, StaleWhileRevalidate: time.Hour, StaleIfError: time.Hour}
	for left, want := range map[time.Duration]collection.CachePolicy{
		-time.Second: {Public: true}, 999 * time.Millisecond: {Public: true}, 90*time.Second + 1: {Public: true, MaxAge: time.Minute, SharedMaxAge: 90 * time.Second},
		2 * time.Hour: {Public: true, MaxAge: time.Minute, SharedMaxAge: time.Hour},
	} {
		if got := p.Within(left); got != want {
			t.Errorf("%v: got %+v", left, got)
		}
	}
}

func TestParse_CacheWrongly(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`30`:                       "/cache type",
		`null`:                     "/cache type",
		`{"maxAge": 30}`:           "/cache/maxAge type",
		`{"maxAge": "30"}`:         "/cache/maxAge format",
		`{"maxAge": "1.5s"}`:       "/cache/maxAge format",
		`{"maxAge": "-1s"}`:        "/cache/maxAge format",
		`{"staleIfError": "366d"}`: "/cache/staleIfError maximum",
		`{"staleWhileRevalidate": "99999999999d"}`: "/cache/staleWhileRevalidate format",
		`{"public": "yes"}`:                        "/cache/public type",
		`{"sMaxAge": "1m"}`:                        "/cache/sMaxAge dependentRequired",
		`{"MaxAge": "1m"}`:                         "/cache/MaxAge unknownField",
	} {
		_, err := parse(t, `{"cache": `+text+`}`)
		f := fault.Find(err)
		if f == nil || f.Code != "collection.invalid" || len(f.Violations) != 1 || f.Violations[0].Pointer+" "+f.Violations[0].Code != want {
			t.Errorf("%s: got %+v, want %s", text, f, want)
		}
	}
}

func TestParseDuration(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{
		"0s": 0, "30s": 30 * time.Second, "2m": 2 * time.Minute, "1h30m": 90 * time.Minute, "90d": 90 * collection.Day, "1d0h0m1s": collection.Day + time.Second,
		"36500d": 36_500 * collection.Day, "007s": 7 * time.Second,
	} {
		if got, ok := collection.ParseDuration(text); !ok || got != want {
			t.Errorf("%s: got %v, %v", text, got, ok)
		}
	}
	for _, text := range []string{"", "s", "30", "30 s", "30S", "1s1s", "1s1m", "1w", "1ms", "-1s", "+1s", "1.5h", "٣s", "36501d", "36500d1s", "9223372036854775808s", "1h "} {
		if got, ok := collection.ParseDuration(text); ok {
			t.Errorf("%q is taken as %v", text, got)
		}
	}
}

func FuzzParseDuration(f *testing.F) {
	for _, text := range []string{"0s", "1h30m", "90d", "1d2h3m4s", "x"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d, ok := collection.ParseDuration(text)
		if !ok {
			return
		}
		if again, ok := collection.ParseDuration(collection.FormatDuration(d)); d < 0 || !ok || again != d {
			t.Errorf("%q is %v, which is written %q and read as %v", text, d, collection.FormatDuration(d), again)
		}
	})
}
