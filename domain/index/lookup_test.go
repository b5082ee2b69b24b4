package index

import (
	"bytes"
	"testing"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/query"
)

func TestParseKey(t *testing.T) {
	t.Parallel()
	x, faults := Parse(mustDecode(t, `{"name": "pair", "on": ["doc.a", "doc.b desc"], "unique": true, "caseInsensitive": true}`))
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	kinds := []query.Kind{query.String, query.Dynamic}
	same := [][2]string{{"A%2Cb,1", `%22a%2Cb%22,1.0`}, {"null,null", `%22null%22,null`}, {"1,true", `%221%22,true`}, {"x,007", `x,%22007%22`}, {"%2B,1e2", "+,100"}}
	for _, pair := range same {
		one, err := x.ParseKey(pair[0], kinds)
		if err != nil {
			t.Errorf("%s: %v", pair[0], err)
		}
		if other, err := x.ParseKey(pair[1], kinds); err != nil || !bytes.Equal(one, other) {
			t.Errorf("%s and %s are two keys: %v", pair[0], pair[1], err)
		}
	}
	for _, text := range []string{"", ",", "a", "a,b,c", "a,", ",b", "%,b", "a,%22", `%22a,b`, `%22\ud800%22,b`} {
		if _, err := x.ParseKey(text, kinds); fault.CodeOf(err) != "key.malformed" {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// A key that is read is one that a document can have, or the text is refused.
func FuzzParseKey(f *testing.F) {
	for _, text := range []string{"a,b", `%22a%22,1`, "1e400,null", "%ff,%00", `%22\u0000%22,x`, "-0,0", ","} {
		f.Add(text, uint8(query.Dynamic), uint8(query.String))
		f.Add(text, uint8(query.Number), uint8(query.Bool))
	}
	x, _ := Parse(map[string]any{"name": "pair", "on": []any{"doc.a", "doc.b"}, "unique": true})
	f.Fuzz(func(t *testing.T, text string, one, two uint8) {
		key, err := x.ParseKey(text, []query.Kind{query.Kind(one % 9), query.Kind(two % 9)})
		if err != nil {
			if fault.CodeOf(err) != "key.malformed" {
				t.Errorf("got %v", err)
			}
			return
		}
		if len(key) == 0 || len(key) > KeyBytes {
			t.Errorf("a key of %d bytes", len(key))
		}
	})
}
