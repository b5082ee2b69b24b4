package index

import (
	"bytes"
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
)

// ascending are values in the documented order; those in one list are equal.
var ascending = [][]any{
	{false}, {true},
	{json.Number("-1e308"), json.Number("-1" + strings.Repeat("0", 308))}, {json.Number("-123456789012345678901")}, {json.Number("-101")}, {json.Number("-100")},
	{json.Number("-2.5"), json.Number("-2.50")}, {json.Number("-2.49")}, {json.Number("-1")}, {json.Number("-0.1")}, {json.Number("-1e-150")}, {json.Number("-1e-308")},
	{json.Number("0"), json.Number("-0"), json.Number("0.00"), json.Number("0e5")},
	{json.Number("1e-308")}, {json.Number("1.5e-308")}, {json.Number("1e-150")}, {json.Number("0.01")}, {json.Number("0.099")}, {json.Number("0.1"), json.Number("1e-1")},
	{json.Number("1"), json.Number("1.0"), json.Number("10e-1")}, {json.Number("1.01")}, {json.Number("9")}, {json.Number("10"), json.Number("1e1")},
	{json.Number("10.1")}, {json.Number("99")}, {json.Number("100"), json.Number("100.00")}, {json.Number("9223372036854775807")}, {json.Number("9223372036854775808")},
	{json.Number("1e300")}, {json.Number("1.000001e300")},
	{""}, {"\x00"}, {"\x00\x01"}, {"\x00a"}, {"\x01"}, {"A"}, {"Z"}, {"a"}, {"a\x00"}, {"a\x00b"}, {"ab"}, {"b"}, {"é"}, {"\uffff"}, {"\U0001F600"},
	{query.Instant(-1)}, {query.Instant(0)}, {query.Instant(1)},
	{[]any{}}, {[]any{false}}, {[]any{json.Number("1")}, []any{json.Number("1.0")}}, {[]any{json.Number("1"), "x"}}, {[]any{"a"}}, {[]any{"a", "b"}}, {[]any{nil}},
	{map[string]any{}}, {map[string]any{"a": json.Number("1")}}, {map[string]any{"a": json.Number("1"), "b": nil}}, {map[string]any{"b": false}},
	{nil},
}

func TestKeys_Order(t *testing.T) {
	t.Parallel()
	for _, desc := range []bool{false, true} {
		for i, list := range ascending {
			for j, other := range ascending {
				for _, a := range list {
					for _, b := range other {
						want := compareInts(i, j)
						if desc && a != nil && b != nil {
							want = -want
						}
						wantOrder(t, a, b, desc, want)
					}
				}
			}
		}
	}
}

func compareInts(a, b int) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

func wantOrder(t *testing.T, a, b any, desc bool, want int) {
	t.Helper()
	x := &Index{Fields: []Field{{Desc: desc}}}
	ka, kb := x.appendField(nil, x.Fields[0], a), x.appendField(nil, x.Fields[0], b)
	if got := bytes.Compare(ka, kb); got != want {
		t.Errorf("%.50v %.50v desc=%v: the keys %.50x %.50x order as %d, want %d", a, b, desc, ka, kb, got, want)
	}
	if got := CompareIn(a, b, desc); got != want {
		t.Errorf("%.50v %.50v desc=%v: Compare says %d, want %d", a, b, desc, got, want)
	}
	if want != 0 && (bytes.HasPrefix(ka, kb) || bytes.HasPrefix(kb, ka)) {
		t.Errorf("%.50v %.50v desc=%v: one key begins with the other: %.50x %.50x", a, b, desc, ka, kb)
	}
}

// Long values keep their order up to the cut, and equality beyond.
func TestKeys_Long(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", ValueBytes)
	for _, test := range []struct {
		a, b any
		want int
	}{
		{long + "a", long + "a", 0}, {"a" + long, "b" + long, -1}, {long, long[:1000], 1}, {long[:1000], long + "a", -1}, {[]any{long, "a"}, []any{long, "a"}, 0},
	} {
		wantOrder(t, test.a, test.b, false, test.want)
		wantOrder(t, test.a, test.b, true, -test.want)
	}
	if c := Compare(long+"a", long+"b"); c == 0 || c != -Compare(long+"b", long+"a") {
		t.Errorf("different long values compare as %d", c)
	}
	x := &Index{Fields: make([]Field, MaxFields)}
	values := slices.Repeat([]any{long}, MaxFields)
	one := x.key(values)
	values[MaxFields-1] = "x"
	if other := x.key(values); len(one) > KeyBytes || bytes.Equal(one, other) {
		t.Errorf("keys of %d and %d bytes, equal: %v", len(one), len(other), bytes.Equal(one, other))
	}
}

func TestFold(t *testing.T) {
	t.Parallel()
	for _, same := range [][]string{
		{"abc", "ABC", "aBc"}, {"straße", "STRAẞE", "Straße"}, {"σ", "ς", "Σ"}, {"k", "K", "\u212a"}, {"s", "S", "ſ"}, {"", ""}, {"é", "É"}, {"ǆ", "ǅ", "Ǆ"},
	} {
		for _, s := range same {
			if Fold(s) != Fold(same[0]) || Fold(Fold(s)) != Fold(s) {
				t.Errorf("%q folds to %q, %q to %q", s, Fold(s), same[0], Fold(same[0]))
			}
		}
	}
	for _, other := range [][2]string{{"ß", "ss"}, {"i", "İ"}, {"ı", "i"}, {"e", "é"}} {
		if Fold(other[0]) == Fold(other[1]) {
			t.Errorf("%q and %q fold alike", other[0], other[1])
		}
	}
}

func FuzzKeys(f *testing.F) {
	for _, list := range ascending {
		for _, v := range list {
			if _, instant := v.(query.Instant); !instant && !bytes.ContainsRune(jsontext.Append(nil, v), '\\') {
				f.Add(string(jsontext.Append(nil, v)), `"a"`)
				f.Add(string(jsontext.Append(nil, v)), `12.5`)
			}
		}
	}
	f.Add(`[[1.0, {"a": null}]]`, `[[1, {"a": null}], true]`)
	f.Fuzz(func(t *testing.T, first, second string) {
		a, err := jsontext.Decode([]byte(first))
		if err != nil {
			return
		}
		b, err := jsontext.Decode([]byte(second))
		if err != nil {
			return
		}
		want := Compare(a, b)
		if Compare(b, a) != -want || Compare(a, a) != 0 {
			t.Fatalf("%s and %s: Compare is no order", first, second)
		}
		if (want == 0) != jsontext.Equal(a, b) {
			t.Fatalf("%s and %s compare as %d", first, second, want)
		}
		wantOrder(t, a, b, false, want)
		wantOrder(t, a, b, true, CompareIn(a, b, true))
		wantSpans(t, a, b)
	})
}

// wantSpans checks every kind of span over the key of one value against what it asks for.
func wantSpans(t *testing.T, value, bound any) {
	t.Helper()
	for _, desc := range []bool{false, true} {
		x := &Index{Fields: []Field{{Desc: true}, {Desc: desc}, {}}}
		key := x.key([]any{"p", value, nil})
		check := func(what string, s Span, want bool) {
			t.Helper()
			got := s.holds(key)
			if got != want && (s.Exact || want) {
				t.Errorf("%.50v, %s %.50v desc=%v: got %v, want %v", value, what, bound, desc, got, want)
			}
		}
		check("all of", x.Range([]any{"p"}, Range{}), true)
		check("all of another", x.Range([]any{"q"}, Range{}), false)
		check("==", x.Equal("p", bound), Compare(value, bound) == 0)
		if bound == nil || value == nil {
			continue
		}
		same, c := kindOf(value) == kindOf(bound), Compare(value, bound)
		check(">", x.Range([]any{"p"}, Range{Lo: &Bound{Value: bound}}), same && c > 0)
		check(">=", x.Range([]any{"p"}, Range{Lo: &Bound{Value: bound, Inclusive: true}}), same && c >= 0)
		check("<", x.Range([]any{"p"}, Range{Hi: &Bound{Value: bound}}), same && c < 0)
		check("<=", x.Range([]any{"p"}, Range{Hi: &Bound{Value: bound, Inclusive: true}}), same && c <= 0)
		check("between", x.Range([]any{"p"}, Range{&Bound{bound, true}, &Bound{bound, true}}), c == 0)
		if s, ok := bound.(string); ok {
			text, isText := value.(string)
			check("starts with", x.StartsWith([]any{"p"}, s), isText && strings.HasPrefix(text, s))
		}
	}
}

func (s Span) holds(key []byte) bool {
	return bytes.Compare(s.From, key) <= 0 && (s.To == nil || bytes.Compare(key, s.To) < 0)
}

func TestSpans(t *testing.T) {
	t.Parallel()
	var values []any
	for _, list := range ascending {
		values = append(values, list...)
	}
	for _, n := range []int{ValueBytes - 3, ValueBytes - 1, ValueBytes, ValueBytes + 1, 2 * ValueBytes, KeyBytes + 100} {
		values = append(values, strings.Repeat("x", n), strings.Repeat("x", n-1)+"y", strings.Repeat("x", n)+"\x00")
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 30 {
		values = append(values, randomNumber(r), randomNumber(r))
	}
	for _, a := range values {
		for _, b := range values {
			wantSpans(t, a, b)
		}
	}
}

func randomNumber(r *rand.Rand) json.Number {
	text := ""
	if r.IntN(2) == 0 {
		text = "-"
	}
	text += string('1' + rune(r.IntN(9)))
	for range r.IntN(5) {
		text += string('0' + rune(r.IntN(10)))
	}
	if r.IntN(2) == 0 {
		text += "." + string('0'+rune(r.IntN(10)))
	}
	if r.IntN(3) == 0 {
		text += "e" + json.Number("-5").String()
	}
	return json.Number(text)
}
