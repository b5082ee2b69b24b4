package cache

import (
	"bytes"
	"errors"
	"net"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/ident"
)

func at(name string) place {
	id, err := ident.ParseDocument(name)
	if err != nil {
		panic(err)
	}
	return place{collection.Key{Bucket: 3, ID: 7}, id}
}

func TestEntry_RoundTrip(t *testing.T) {
	t.Parallel()
	p := at("é:1")
	for _, e := range []*entry{
		{at: 0, gone: true},
		{at: 1 << 61, gone: true},
		{at: 5, document: document.Document{
			ID: p.id, Revision: 3, SchemaRevision: 1 << 40, CreatedAt: time.Date(1969, 1, 1, 0, 0, 0, 1000, time.UTC),
			UpdatedAt: time.Date(2026, 11, 24, 12, 0, 0, 123_456_000, time.UTC), Data: []byte(`{"n":1.10}`),
		}},
	} {
		text := string(formatEntry(p, e))
		got, err := parseEntry(text, p)
		if err != nil || !reflect.DeepEqual(got, e) {
			t.Errorf("got %+v, %v, want %+v", got, err, e)
		}
		for _, other := range []place{at("é:2"), {collection.Key{Bucket: 4, ID: 7}, p.id}, {collection.Key{Bucket: 3, ID: 8}, p.id}} {
			if _, err := parseEntry(text, other); !errors.Is(err, errForeign) {
				t.Errorf("it is an entry of %v: %v", other, err)
			}
		}
	}
}

func FuzzParseEntry(f *testing.F) {
	p := at("a")
	f.Add([]byte{})
	f.Add(formatEntry(p, &entry{at: 7, gone: true}))
	f.Add(formatEntry(p, &entry{at: 7, document: document.Document{ID: p.id, Revision: 3, Data: []byte(`1`)}}))
	f.Fuzz(func(t *testing.T, text []byte) {
		e, err := parseEntry(string(text), p)
		if err != nil {
			return
		}
		again, err := parseEntry(string(formatEntry(p, e)), p)
		if err != nil || !reflect.DeepEqual(again, e) {
			t.Errorf("%+v came back as %+v, %v", e, again, err)
		}
	})
}

// chunked is a connection that has its text in pieces.
type chunked struct {
	net.Conn
	pieces []string
}

func (c *chunked) Read(b []byte) (int, error) {
	if len(c.pieces) == 0 {
		return 0, net.ErrClosed
	}
	n := copy(b, c.pieces[0])
	c.pieces = c.pieces[1:]
	return n, nil
}

func TestGuarded(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 100_000)
	for _, test := range []struct {
		text string
		ok   bool
	}{
		{"+PONG\r\n$-1\r\n:17\r\n-ERR no\r\n$0\r\n\r\n", true},
		{"$100000\r\n" + long + "\r\n+OK\r\n", true},
		{"*2\r\n$3\r\n$99\r\n$1\r\n*\r\n+OK\r\n", true}, // what is in a text announces nothing
		{"$3\r\nabc\r\n$9999999999\r\n", false},
		{"$99999999999999999999999999\r\n", false},
		{"*70000\r\n", false},
		{"%70000\r\n", false},
		{"+" + long, false},
		{"$3\r\nabc\r\n" + long, false},
	} {
		for _, size := range []int{1, 2, 3, 7, 4096, 1 << 20} {
			var pieces []string
			for rest := test.text; rest != ""; {
				n := min(size, len(rest))
				pieces, rest = append(pieces, rest[:n]), rest[n:]
			}
			g := &guarded{Conn: &chunked{pieces: pieces}}
			var got bytes.Buffer
			b := make([]byte, 1<<20)
			var err error
			for err == nil {
				var n int
				n, err = g.Read(b)
				got.Write(b[:n])
			}
			if ok := errors.Is(err, net.ErrClosed); ok != test.ok || ok && got.String() != test.text {
				t.Errorf("%.40q in pieces of %d: %v", test.text, size, err)
			}
		}
	}
}

func FuzzGuarded(f *testing.F) {
	f.Add("+PONG\r\n$-1\r\n:17\r\n", 3)
	f.Add("$3\r\nabc\r\n*2\r\n", 1)
	f.Fuzz(func(t *testing.T, text string, cut int) {
		cut = min(max(cut, 0), len(text))
		one := &guarded{}
		whole := one.follow([]byte(text))
		two := &guarded{}
		parts := two.follow([]byte(text[:cut]))
		if parts == nil {
			parts = two.follow([]byte(text[cut:]))
		}
		if (whole == nil) != (parts == nil) || whole == nil && (one.skip != two.skip || one.kind != two.kind) {
			t.Errorf("%q at once: %v, cut at %d: %v", text, whole, cut, parts)
		}
	})
}
