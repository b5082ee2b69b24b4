package jsontext_test

import (
	"encoding/json"
	"math/big"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"testing"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/jsontext"
)

func mustDecode(t testing.TB, src string) any {
	t.Helper()
	v, err := jsontext.Decode([]byte(src))
	if err != nil {
		t.Fatalf("Decode(%.200q): %v", src, err)
	}
	return v
}

func TestDecode(t *testing.T) {
	t.Parallel()
	got := mustDecode(t, ` {"a": [1.10, -0, 1e2, "x\ny", "é\ud83d\ude00", true, false, null], "": {}, "e": [] } `)
	want := map[string]any{
		"a": []any{json.Number("1.10"), json.Number("-0"), json.Number("1e2"), "x\ny", "é😀", true, false, nil},
		"":  map[string]any{}, "e": []any{},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %#v\nwant %#v", got, want)
	}
}

func TestDecode_FaultsLikeCanonical(t *testing.T) {
	t.Parallel()
	_, err := jsontext.Decode([]byte(`{"a":1,"a":2}`))
	if fault.CodeOf(err) != "json.invalid" || fault.Find(err).Violations[0].Code != "json.duplicate" {
		t.Errorf("%v, want json.duplicate", err)
	}
	deep := strings.Repeat("[", 9_000) + strings.Repeat("]", 9_000)
	if text := string(jsontext.Append(nil, mustDecode(t, deep))); text != deep {
		t.Error("9,000 levels are not kept")
	}
}

func TestDecode_DoesNotKeepItsArgument(t *testing.T) {
	t.Parallel()
	src := []byte(`{"name": ["value", 12]}`)
	v, err := jsontext.Decode(src)
	clear(src)
	if err != nil || !jsontext.Equal(v, map[string]any{"name": []any{"value", json.Number("12")}}) {
		t.Errorf("got %v, %v", v, err)
	}
}

func TestAppend(t *testing.T) {
	t.Parallel()
	tree := map[string]any{"bb": json.Number("1e2"), "a": []any{nil, true, false, "\x01\"\\/é\x7f"}, "": map[string]any{}, "b": []any{}}
	want := `x{"": {}, "a": [null, true, false, "\u0001\"\\/é` + "\x7f" + `"], "b": [], "bb": 100}`
	if got := string(jsontext.Append([]byte("x"), tree)); got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
	if got := string(jsontext.Append(nil, "a\xffb")); got != "\"a\uFFFDb\"" {
		t.Errorf("got %q", got)
	}
	for _, v := range []any{1, 1.5, json.Number(""), json.Number("1x"), json.Number("1e309"), []string{"a"}} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("Append(%#v) does not panic", v)
				}
			}()
			jsontext.Append(nil, v)
		}()
	}
}

func TestEqual(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{`1`, `1.0`, true}, {`1e2`, `100`, true}, {`-0`, `0.00`, true}, {`0e9`, `0`, true}, {`1`, `"1"`, false}, {`1`, `true`, false},
		{`0.1`, `0.10000000000000001`, false}, {`9007199254740993`, `9007199254740992`, false},
		{`null`, `null`, true}, {`null`, `false`, false}, {`true`, `true`, true}, {`true`, `false`, false}, {`"a"`, `"\u0061"`, true}, {`"a"`, `"A"`, false},
		{`{"a":1,"b":[2,{"c":3}]}`, `{"b":[2.0,{"c":30e-1}],"a":1.00}`, true},
		{`{"a":1}`, `{"a":1,"b":null}`, false}, {`{"a":null}`, `{"b":null}`, false}, {`{}`, `[]`, false}, {`{}`, `null`, false},
		{`[1,2]`, `[2,1]`, false}, {`[1]`, `[1,1]`, false}, {`[]`, `[]`, true}, {`[]`, `null`, false}, {`""`, `null`, false},
	} {
		a, b := mustDecode(t, test.a), mustDecode(t, test.b)
		if jsontext.Equal(a, b) != test.want || jsontext.Equal(b, a) != test.want {
			t.Errorf("Equal(%s, %s) is not %t", test.a, test.b, test.want)
		}
	}
	if jsontext.Equal(1, 1) {
		t.Error("an int is not part of a tree")
	}
}

func TestCompareNumbers(t *testing.T) {
	t.Parallel()
	ordered := [][]json.Number{ // numbers in one line are equal
		{"-1e1308", "-10e1307"}, {"-1e308"}, {"-100.1"}, {"-100", "-1e2", "-1000e-1"}, {"-99.9"}, {"-1", "-1.0"}, {"-0.1"}, {"-1e-1308"},
		{"0", "-0", "0.0", "-0.000e5", "0e1308"}, {"1e-1308", "0.1e-1307"}, {"0.001"}, {"0.01"}, {"0.1", "1e-1", "0.10", "0.01e1"},
		{"0.10000000000000001"}, {"0.11"}, {"1", "1.0", "1.000", "10e-1", "0.001e3"}, {"1.01", "101e-2"}, {"9"}, {"10", "1e1", "10.0"}, {"10.5"},
		{"99"}, {"100", "1e2"}, {"101"}, {"9007199254740992"}, {"9007199254740993"}, {"1e308"}, {"1e1308"}, {"1e99999999999999999999"},
	}
	for i, as := range ordered {
		for j, bs := range ordered {
			want := 0
			if i != j {
				want = 1 - 2*btoi(i < j)
			}
			for _, a := range as {
				for _, b := range bs {
					if got := jsontext.CompareNumbers(a, b); got != want {
						t.Errorf("CompareNumbers(%s, %s) = %d, want %d", a, b, got, want)
					}
				}
			}
		}
	}
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Numbers of every shape compare as math/big has it.
func TestCompareNumbers_Random(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(3, 4))
	draw := func() json.Number {
		s := []string{"", "-"}[random.IntN(2)] + strconv.Itoa(random.IntN(30))
		if random.IntN(2) == 0 {
			s += "." + []string{"", "0", "00"}[random.IntN(3)] + strconv.Itoa(random.IntN(30))
		}
		if random.IntN(2) == 0 {
			s += "e" + strconv.Itoa(random.IntN(9)-4)
		}
		return json.Number(s)
	}
	for range 50_000 {
		a, b := draw(), draw()
		x, _ := new(big.Rat).SetString(string(a))
		y, _ := new(big.Rat).SetString(string(b))
		if got, want := jsontext.CompareNumbers(a, b), x.Cmp(y); got != want {
			t.Fatalf("CompareNumbers(%s, %s) = %d, want %d", a, b, got, want)
		}
		z, _ := new(big.Rat).SetString(mustCanonical(t, string(a)))
		if x.Cmp(z) != 0 {
			t.Fatalf("Canonical(%s) is another number", a)
		}
	}
}

func TestValidNumber(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"0": true, "-0": true, "1.5e-308": true, "1E+0308": true, strings.Repeat("1", 1000): true,
		"": false, "-": false, "01": false, "1.": false, ".1": false, "+1": false, "1e": false, "1e309": false, " 1": false, "1 ": false, "0x1": false, "NaN": false,
		strings.Repeat("1", 1001): false, strings.Repeat("1", 900) + "e200": false,
	} {
		if got := jsontext.ValidNumber(s); got != want {
			t.Errorf("ValidNumber(%.40q) = %t, want %t", s, got, want)
		}
		if _, err := jsontext.Canonical(nil, []byte(s), jsontext.Limits{}); strings.TrimSpace(s) == s && (err == nil) != want {
			t.Errorf("Canonical(%.40q): %v", s, err)
		}
	}
}

func TestMergePatch(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ target, patch, want string }{
		// RFC 7396, appendix A
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`["a","b"]`, `["c","d"]`, `["c","d"]`},
		{`{"a":"b"}`, `["c"]`, `["c"]`},
		{`{"a":"foo"}`, `null`, `null`},
		{`{"a":"foo"}`, `"bar"`, `"bar"`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		// section 3
		{`{"title":"Goodbye!","author":{"givenName":"John","familyName":"Doe"},"tags":["example","sample"],"content":"This will be unchanged"}`,
			`{"title":"Hello!","phoneNumber":"+01-123-456-7890","author":{"familyName":null},"tags":["example"]}`,
			`{"title":"Hello!","author":{"givenName":"John"},"tags":["example"],"content":"This will be unchanged","phoneNumber":"+01-123-456-7890"}`},
		{`{"a":1}`, `{}`, `{"a":1}`},
		{`1`, `{"a":[null,{"b":null}]}`, `{"a":[null,{"b":null}]}`}, // arrays are values: their nulls stay
	} {
		target, patch := mustDecode(t, test.target), mustDecode(t, test.patch)
		if got := jsontext.MergePatch(target, patch); !jsontext.Equal(got, mustDecode(t, test.want)) {
			t.Errorf("MergePatch(%s, %s) = %s, want %s", test.target, test.patch, jsontext.Append(nil, got), test.want)
		}
		if !jsontext.Equal(target, mustDecode(t, test.target)) || !jsontext.Equal(patch, mustDecode(t, test.patch)) {
			t.Errorf("MergePatch(%s, %s) changes its arguments", test.target, test.patch)
		}
	}
}

func FuzzMergePatch(f *testing.F) {
	f.Add([]byte(`{"a":{"b":"c"},"x":[1]}`), []byte(`{"a":{"b":null,"d":{"e":null}},"x":{"y":1}}`))
	f.Add([]byte(`[1,2]`), []byte(`{"a":null}`))
	f.Add([]byte(`{"a":1}`), []byte(`null`))
	f.Fuzz(func(t *testing.T, targetText, patchText []byte) {
		target, err := jsontext.Decode(targetText)
		if err != nil {
			return
		}
		patch, err := jsontext.Decode(patchText)
		if err != nil {
			return
		}
		got := jsontext.MergePatch(target, patch)
		if !jsontext.Equal(target, mustDecode(t, string(targetText))) || !jsontext.Equal(patch, mustDecode(t, string(patchText))) {
			t.Fatal("an argument is changed")
		}
		if again := jsontext.MergePatch(got, patch); !jsontext.Equal(again, got) {
			t.Fatalf("patching twice: %s, once: %s", jsontext.Append(nil, again), jsontext.Append(nil, got))
		}
		checkMerged(t, target, patch, got)
	})
}

// checkMerged says what RFC 7396 says, member by member.
func checkMerged(t *testing.T, target, patch, got any) {
	t.Helper()
	changes, ok := patch.(map[string]any)
	if !ok {
		if !jsontext.Equal(got, patch) {
			t.Fatalf("got %v, want %v", got, patch)
		}
		return
	}
	before, _ := target.(map[string]any)
	after, ok := got.(map[string]any)
	if !ok {
		t.Fatalf("got %v, want an object", got)
	}
	for name, value := range before {
		if _, changed := changes[name]; !changed && !jsontext.Equal(value, after[name]) {
			t.Fatalf("member %q is changed", name)
		}
	}
	for name, value := range after {
		change, changed := changes[name]
		switch _, found := before[name]; {
		case changed && change == nil:
			t.Fatalf("member %q is not removed", name)
		case changed:
			checkMerged(t, before[name], change, value)
		case !found:
			t.Fatalf("member %q comes from nowhere", name)
		}
	}
	for name, change := range changes {
		if _, found := after[name]; !found && change != nil {
			t.Fatalf("member %q is missing", name)
		}
	}
}

func TestPointer_Lookup(t *testing.T) {
	t.Parallel()
	// RFC 6901, section 5
	doc := mustDecode(t, `{"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,"i\\j":5,"k\"l":6," ":7,"m~n":8,"~1":9}`)
	for pointer, want := range map[string]string{
		"/foo": `["bar","baz"]`, "/foo/0": `"bar"`, "/": `0`, "/a~1b": `1`, "/c%d": `2`, "/e^f": `3`, "/g|h": `4`, `/i\j`: `5`, `/k"l`: `6`, "/ ": `7`,
		"/m~0n": `8`, "/~01": `9`,
	} {
		if got, found := jsontext.Lookup(doc, pointer); !found || !jsontext.Equal(got, mustDecode(t, want)) {
			t.Errorf("Lookup(%q) = %v, %t; want %s", pointer, got, found, want)
		}
	}
	if got, found := jsontext.Lookup(doc, ""); !found || !jsontext.Equal(got, doc) {
		t.Error("the empty pointer is not the whole")
	}
	for _, pointer := range []string{"/bar", "/foo/2", "/foo/-", "/foo/-1", "/foo/01", "/foo/", "/foo/+1", "/foo/0/x", "/foo/99999999999999999999", "foo", "/a~b", "/a~", "//"} {
		if got, found := jsontext.Lookup(doc, pointer); found {
			t.Errorf("Lookup(%q) = %v, want nothing", pointer, got)
		}
	}
}

func TestPointer_Parse(t *testing.T) {
	t.Parallel()
	for pointer, want := range map[string][]string{"": nil, "/": {""}, "//": {"", ""}, "/a/0/b~1c~0~01": {"a", "0", "b/c~~1"}} {
		if got, err := jsontext.ParsePointer(pointer); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("ParsePointer(%q) = %q, %v; want %q", pointer, got, err, want)
		}
		rebuilt := ""
		for _, token := range want {
			rebuilt = jsontext.AppendPointer(rebuilt, token)
		}
		if rebuilt != pointer {
			t.Errorf("AppendPointer of %q gives %q, want %q", want, rebuilt, pointer)
		}
	}
	for _, pointer := range []string{"a", " /a", "/~", "/~2", "/a~/b", "#/a"} {
		if _, err := jsontext.ParsePointer(pointer); fault.KindOf(err) != fault.Malformed || fault.CodeOf(err) != "pointer.invalid" {
			t.Errorf("ParsePointer(%q): %v, want Malformed pointer.invalid", pointer, err)
		}
	}
}

func FuzzPointer(f *testing.F) {
	for _, s := range []string{"", "/", "/a~1b/0", "/~01", "x", "/~"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		tokens, err := jsontext.ParsePointer(s)
		if err != nil {
			return
		}
		rebuilt := ""
		for _, token := range tokens {
			rebuilt = jsontext.AppendPointer(rebuilt, token)
		}
		if rebuilt != s {
			t.Fatalf("ParsePointer(%q) reads %q", s, rebuilt)
		}
	})
}
