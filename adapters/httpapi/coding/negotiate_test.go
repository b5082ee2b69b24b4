package coding

import (
	"strings"
	"testing"
)

func TestNegotiate(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		lines string // separated by |
		want  choice
	}{
		{"", choice{coding: identity}},
		{"gzip", choice{coding: gzipCoding}},
		{"x-gzip", choice{coding: gzipCoding}},
		{"zstd", choice{coding: zstdCoding}},
		{"gzip, deflate, br, zstd", choice{coding: zstdCoding}},
		{"gzip|zstd", choice{coding: zstdCoding}},
		{"zstd, gzip", choice{coding: zstdCoding}},
		{"GZIP ; Q=1.000", choice{coding: gzipCoding}},
		{"gzip;q=1.0, zstd;q=0.9", choice{coding: gzipCoding}},
		{"gzip;q=0.5, identity", choice{coding: identity}},
		{"gzip;q=0.5, identity;q=0.5", choice{coding: gzipCoding}},
		{"gzip;q=0", choice{coding: identity}},
		{"br, deflate", choice{coding: identity}},
		{"*", choice{coding: zstdCoding}},
		{"*;q=0.1", choice{coding: zstdCoding}},
		{"zstd;q=0, *", choice{coding: gzipCoding}},
		{"gzip, *;q=0", choice{coding: gzipCoding, must: true}},
		{"zstd, identity;q=0", choice{coding: zstdCoding, must: true}},
		{"identity;q=0", choice{coding: identity, must: true, none: true}},
		{"br, identity;q=0.000", choice{coding: identity, must: true, none: true}},
		{"*;q=0", choice{coding: identity, must: true, none: true}},
		{"*;q=0, identity;q=0.1", choice{coding: identity}},
		// What cannot be read counts for nothing.
		{"gzip;q=2", choice{coding: identity}},
		{"gzip;q=-1", choice{coding: identity}},
		{"gzip;q=NaN", choice{coding: identity}},
		{"gzip;q=1e0", choice{coding: identity}},
		{"gzip;q=0.0001", choice{coding: identity}},
		{"gzip;q=", choice{coding: identity}},
		{"gzip;level=9", choice{coding: identity}},
		{"gzip zstd", choice{coding: identity}},
		{",, ;q=0,;,identity;q=x", choice{coding: identity}},
	} {
		var lines []string
		if test.lines != "" {
			lines = strings.Split(test.lines, "|")
		}
		if got := negotiate(lines); got != test.want {
			t.Errorf("%q: got %+v, want %+v", test.lines, got, test.want)
		}
	}
	if got := negotiate([]string{""}); got != (choice{coding: identity}) {
		t.Errorf("an empty header: got %+v", got)
	}
}

func FuzzNegotiate(f *testing.F) {
	for _, header := range []string{"gzip, zstd;q=0.5", "*;q=0, identity;q=0.1", "identity;q=0", ";q=,=;"} {
		f.Add(header)
	}
	f.Fuzz(func(t *testing.T, header string) {
		got := negotiate([]string{header})
		known := got.coding == identity || got.coding == gzipCoding || got.coding == zstdCoding
		if !known || got.none && (!got.must || got.coding != identity) {
			t.Errorf("%q: %+v", header, got)
		}
		if !strings.Contains(strings.ToLower(header), got.coding) && !strings.Contains(header, "*") && got.coding != identity {
			t.Errorf("%q was not asked for by %q", got.coding, header)
		}
	})
}
