package jsontext_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/jsontext"
)

func mustCanonical(t testing.TB, src string) string {
	t.Helper()
	got, err := jsontext.Canonical(nil, []byte(src), jsontext.Limits{})
	if err != nil {
		t.Fatalf("Canonical(%.200q): %v", src, err)
	}
	return string(got)
}

// mustRefuse returns the violations of a text that Canonical refuses.
func mustRefuse(t testing.TB, src string, lim jsontext.Limits) []fault.Violation {
	t.Helper()
	got, err := jsontext.Canonical(nil, []byte(src), lim)
	if err == nil {
		t.Fatalf("Canonical(%.200q) = %.200s, want a fault", src, got)
	}
	if fault.KindOf(err) != fault.Malformed || fault.CodeOf(err) != "json.invalid" {
		t.Fatalf("Canonical(%.200q): %v %q, want Malformed json.invalid", src, fault.KindOf(err), fault.CodeOf(err))
	}
	return fault.Find(err).Violations
}

// What PostgreSQL 15 prints for text::jsonb::text; each line is what it was given and what it printed.
func TestCanonical_PostgreSQL(t *testing.T) {
	t.Parallel()
	file, err := os.Open("testdata/postgres.ndjson")
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		var pair [2]string
		if err := json.Unmarshal(lines.Bytes(), &pair); err != nil {
			t.Fatal(err)
		}
		src, want := pair[0], pair[1]
		got := mustCanonical(t, src)
		if got != want {
			t.Errorf("Canonical(%q)\n got %s\nwant %s", src, got, want)
		}
		if again := mustCanonical(t, got); again != got {
			t.Errorf("Canonical(%q) = %q, want it unchanged", got, again)
		}
		tree, err := jsontext.Decode([]byte(src))
		if err != nil {
			t.Errorf("Decode(%q): %v", src, err)
		}
		if text := string(jsontext.Append(nil, tree)); text != want {
			t.Errorf("Append(Decode(%q))\n got %s\nwant %s", src, text, want)
		}
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

func TestCanonical_AppendsToDst(t *testing.T) {
	t.Parallel()
	for _, room := range []int{0, 3, 4, 10, 100} {
		dst := append(make([]byte, 0, room), "abc"...)
		got, err := jsontext.Canonical(dst, []byte(`{"b":1,"a":"x"}`), jsontext.Limits{})
		if want := `abc{"a": "x", "b": 1}`; err != nil || string(got) != want {
			t.Errorf("with room for %d: %s, %v; want %s", room, got, err, want)
		}
	}
}

func TestCanonical_Faults(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		src  string
		want []string // code and pointer
	}{
		{`"\u0000"`, []string{"json.nul "}},
		{"\"\x00\"", []string{"json.nul "}},
		{`{"a":["x","\u0000\ud800"]}`, []string{"json.nul /a/1"}},
		{`{"a":"\ud800","b":"\udc00","c":"\ud800\u0041","d":"\ud800\ud800","e":"\ud800\udc00"}`,
			[]string{"json.surrogate /a", "json.surrogate /b", "json.surrogate /c", "json.surrogate /d"}},
		{"{\"a\":\"\xff\",\"b\":[\"\xc0\xaf\",\"\xed\xa0\x80\",\"\xf4\x90\x80\x80\",\"\xe2\x82\"]}",
			[]string{"json.utf8 /a", "json.utf8 /b/0", "json.utf8 /b/1", "json.utf8 /b/2", "json.utf8 /b/3"}},
		{`{"a":{"b\u0000":1,"c\ud800":2}}`, []string{"json.nul /a", "json.surrogate /a"}},
		{"{\"a\":{\"\xff\":[1e999]}}", []string{"json.utf8 /a", "json.number /a/\uFFFD/0"}},
		{`{"a":1,"b":2,"a":3}`, []string{"json.duplicate /a"}},
		{`{"a":1,"\u0061":1,"a":1}`, []string{"json.duplicate /a"}},
		{`[{"x":{"\n":1,"y":0,"\u000a":2,"y":0}}]`, []string{"json.duplicate /0/x/\n", "json.duplicate /0/x/y"}},
		{`{"~/":{"":{"":0,"":0}}}`, []string{"json.duplicate /~0~1//"}},
		{`[1e308,1e309,1e-309,-1E+0309,1e99999999999999999999999,0e309]`,
			[]string{"json.number /1", "json.number /2", "json.number /3", "json.number /4", "json.number /5"}},
		{`[` + strings.Repeat("1", 1000) + `,` + strings.Repeat("1", 1001) + `]`, []string{"json.number /1"}},
		{`[` + strings.Repeat("1", 700) + `e300,` + strings.Repeat("1", 700) + `e305]`, []string{"json.number /1"}},
		{`["\u0000", 1e309, }`, []string{"json.nul /0", "json.number /1", "json.syntax "}},
	} {
		var got []string
		for _, v := range mustRefuse(t, test.src, jsontext.Limits{}) {
			got = append(got, v.Code+" "+v.Pointer)
			if v.In != "body" || v.Message == "" {
				t.Errorf("%.100q: violation %+v, want In body and a message", test.src, v)
			}
		}
		if !slices.Equal(got, test.want) {
			t.Errorf("%.100q\n got %q\nwant %q", test.src, got, test.want)
		}
		if _, err := jsontext.Decode([]byte(test.src)); err == nil {
			t.Errorf("Decode(%.100q) accepts what Canonical refuses", test.src)
		}
	}
}

func TestCanonical_SyntaxPosition(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		src, message         string
		offset, line, column int
	}{
		{"", "expected a value, found the end of the text", 0, 1, 1},
		{"\uFEFF{}", "expected a value, found a byte order mark", 0, 1, 1},
		{"{\n  \"é\": 1,\n  \"日本\" 2}", "expected ':', found '2'", 24, 3, 8},
		{"[1\n\n2]", "expected ',' or ']', found '2'", 4, 3, 1},
		{"[1,]", "expected a value, found ']'", 3, 1, 4},
		{`{"a":1,}`, "expected a member name in quotes, found '}'", 7, 1, 8},
		{`{"a":1 "b"}`, `expected ',' or '}', found '"'`, 7, 1, 8},
		{`{'a':1}`, `expected a member name in quotes, found "'"`, 1, 1, 2},
		{"[1.]", "expected a digit, found ']'", 3, 1, 4},
		{`"a\x"`, "expected an escape sequence, found 'x'", 3, 1, 4},
		{`"a\u12g4"`, "expected an escape sequence, found 'g'", 6, 1, 7},
		{"\"a\nb\"", "expected no control character inside a string, found the character U+000A", 2, 1, 3},
		{`"abc`, "expected the closing quote of a string, found the end of the text", 4, 1, 5},
		{"{} \xff", "expected the end of the text, found the byte 0xff", 3, 1, 4},
		{"nul", "expected a value, found 'n'", 0, 1, 1},
	} {
		violations := mustRefuse(t, test.src, jsontext.Limits{})
		v := violations[len(violations)-1]
		if v.Code != "json.syntax" || v.Pointer != "" || v.Message != test.message ||
			v.Params["offset"] != test.offset || v.Params["line"] != test.line || v.Params["column"] != test.column {
			t.Errorf("%q: %+v, want %q at %d, line %d, column %d", test.src, v, test.message, test.offset, test.line, test.column)
		}
	}
}

func TestCanonical_Depth(t *testing.T) {
	t.Parallel()
	nested := func(levels int) string { return strings.Repeat("[", levels) + strings.Repeat("]", levels) }
	mustCanonical(t, nested(100))
	violations := mustRefuse(t, nested(101), jsontext.Limits{})
	if len(violations) != 1 || violations[0].Code != "json.depth" || violations[0].Pointer != strings.Repeat("/0", 100) {
		t.Errorf("101 levels: %+v, want json.depth", violations)
	}
	for _, src := range []string{strings.Repeat("[", 100_000), strings.Repeat(`{"a":`, 100_000), nested(100_000), strings.Repeat(`[{"":`, 50_000)} {
		if v := mustRefuse(t, src, jsontext.Limits{}); v[0].Code != "json.depth" {
			t.Errorf("%.20q…: %q, want json.depth", src, v[0].Code)
		}
		if _, err := jsontext.Decode([]byte(src)); err == nil {
			t.Errorf("Decode(%.20q…) succeeds", src)
		}
	}
	if _, err := jsontext.Canonical(nil, []byte(`[[1]]`), jsontext.Limits{Depth: 1}); err == nil {
		t.Error("two levels pass a limit of one")
	}
	if _, err := jsontext.Canonical(nil, []byte(`[1]`), jsontext.Limits{Depth: 1}); err != nil {
		t.Error(err)
	}
}

func TestCanonical_Size(t *testing.T) {
	t.Parallel()
	src := `{"b":[1,2],"a":1e3}`
	size := len(mustCanonical(t, src))
	if _, err := jsontext.Canonical(nil, []byte(src), jsontext.Limits{Bytes: size}); err != nil {
		t.Errorf("at the limit: %v", err)
	}
	_, err := jsontext.Canonical(nil, []byte(src), jsontext.Limits{Bytes: size - 1})
	if fault.KindOf(err) != fault.TooLarge || fault.CodeOf(err) != "document.tooLarge" {
		t.Errorf("one over the limit: %v, want TooLarge document.tooLarge", err)
	}
}

// Not parallel, because it counts allocations.
func TestAllocations(t *testing.T) {
	src := []byte(benchmarkDocument)
	dst := make([]byte, 0, 64<<10)
	if got := testing.AllocsPerRun(100, func() { _, _ = jsontext.Canonical(dst, src, jsontext.Limits{}) }); got > 2 {
		t.Errorf("%v allocations for a document, want 2 at most", got)
	}
	if got := testing.AllocsPerRun(100, func() { jsontext.CompareNumbers("123.4500", "12345e-2") }); got != 0 {
		t.Errorf("%v allocations for a comparison, want none", got)
	}
	// A million numbers of five bytes would be written out as 309 MB; writing stops at the limit.
	bomb := []byte("[" + strings.Repeat("1e308,", 1_000_000) + "1]")
	var err error
	if got := testing.AllocsPerRun(1, func() { _, err = jsontext.Canonical(dst, bomb, jsontext.Limits{Bytes: 60 << 10}) }); got > 10 {
		t.Errorf("%v allocations for a refused bomb", got)
	}
	if fault.KindOf(err) != fault.TooLarge {
		t.Errorf("a bomb: %v, want TooLarge", err)
	}
}

func TestCanonical_FaultsAreBounded(t *testing.T) {
	t.Parallel()
	many := "[" + strings.Repeat(`"\u0000",`, 1000) + "1]"
	if got := len(mustRefuse(t, many, jsontext.Limits{})); got != fault.MaxViolations {
		t.Errorf("%d violations, want %d", got, fault.MaxViolations)
	}
	almost := "[" + strings.Repeat(`"\u0000",`, fault.MaxViolations-1) + "}"
	got := mustRefuse(t, almost, jsontext.Limits{})
	if last := got[len(got)-1]; len(got) != fault.MaxViolations || last.Code != "json.syntax" {
		t.Errorf("%d violations, the last %q", len(got), last.Code)
	}
	long := strings.Repeat("k", 1<<20)
	violations := mustRefuse(t, `{"outer":{"`+long+`":[1e999,1e999]},"`+long+`":0,"`+long+`":0`+"\x01", jsontext.Limits{})
	for _, v := range violations {
		if len(v.Pointer)+len(v.Message) > 2048 {
			t.Errorf("a violation of %d bytes", len(v.Pointer)+len(v.Message))
		}
	}
	if violations[0].Pointer != "/outer" {
		t.Errorf("pointer %.100q, want the nearest that is short", violations[0].Pointer)
	}
}

// Objects of any size are put in order, and so are objects inside objects that move.
func TestCanonical_Order(t *testing.T) {
	t.Parallel()
	random := rand.New(rand.NewPCG(1, 2))
	var build func(depth int) (string, any)
	build = func(depth int) (string, any) {
		if depth == 0 || random.IntN(4) == 0 {
			n := fmt.Sprint(random.IntN(1000))
			return n, json.Number(n)
		}
		object := map[string]any{}
		var parts []string
		for range random.IntN(12) {
			name := strings.Repeat("k", random.IntN(10)) + string(rune(random.IntN(100)+1))
			if _, found := object[name]; found {
				continue
			}
			text, value := build(depth - 1)
			quoted, _ := json.Marshal(name)
			object[name] = value
			parts = append(parts, string(quoted)+":"+text)
		}
		return "{" + strings.Join(parts, ",") + "}", object
	}
	for range 300 {
		text, tree := build(5)
		if got, want := mustCanonical(t, text), string(jsontext.Append(nil, tree)); got != want {
			t.Fatalf("Canonical(%s)\n got %s\nwant %s", text, got, want)
		}
	}
}

func TestCanonical_ManyMembers(t *testing.T) {
	t.Parallel()
	var src, want strings.Builder
	const n = 100_000
	for i := range n {
		fmt.Fprintf(&src, `,"%06d":{"b":%d,"a":0}`, n-1-i, n-1-i)
		fmt.Fprintf(&want, `, "%06d": {"a": 0, "b": %d}`, i, i)
	}
	if got := mustCanonical(t, "{"+src.String()[1:]+"}"); got != "{"+want.String()[2:]+"}" {
		t.Error("members are not in order")
	}
	same := "{" + strings.Repeat(`"a":0,`, n) + `"b":0}`
	if got := mustRefuse(t, same, jsontext.Limits{}); len(got) != 1 {
		t.Errorf("%d violations for one name, want 1", len(got))
	}
}

// wantMembers checks that each member is decoded alone as it is with all others.
func wantMembers(t *testing.T, canonical []byte, tree any) {
	t.Helper()
	object, ok := tree.(map[string]any)
	if !ok {
		object = map[string]any{"": nil}
	}
	for name, value := range object {
		want := any(map[string]any{name: value})
		if !ok {
			want = tree
		}
		if got, err := jsontext.DecodeMembers(canonical, name); err != nil || !jsontext.Equal(got, want) {
			t.Fatalf("%q of %s is %v, %v", name, canonical, got, err)
		}
	}
	if got, err := jsontext.DecodeMembers(canonical); err != nil || ok && len(got.(map[string]any)) > 0 {
		t.Fatalf("nothing of %s is %v, %v", canonical, got, err)
	}
}

func TestDecodeMembers(t *testing.T) {
	t.Parallel()
	for _, src := range []string{
		benchmarkDocument, `{}`, `{"": 1}`, `[{"a": 1}]`, `"a"`, `null`, `-1.50`,
		`{"a": {"b": [1, {"c": "}]\\\"{["}], "d": {}}, "e": [], "f": "\\", "g": true, "\u001fh": -0.10, "ü\n": [[[]], "x"], "z": null}`,
	} {
		canonical := mustCanonical(t, src)
		tree, err := jsontext.Decode([]byte(canonical))
		if err != nil {
			t.Fatal(err)
		}
		wantMembers(t, []byte(canonical), tree)
	}
	for _, src := range []string{``, `{`, `{"a": }`, `{"a": 1`, `{"a": [1, 2}`, `{"a": "b`, `{"a" 1}`, `{"a": 1} x`, `{"a": 1, "a": 2}`} {
		if got, err := jsontext.DecodeMembers([]byte(src), "b"); err == nil && src != `{"a": [1, 2}` && src != `{"a": 1, "a": 2}` { // of what is stepped over little is seen
			t.Errorf("%s is %v", src, got)
		}
	}
}

// Real lines of documents, and the same with members in every order, have one canonical text.
func TestCanonical_Idempotent(t *testing.T) {
	t.Parallel()
	src := benchmarkDocument
	once := mustCanonical(t, src)
	tree, err := jsontext.Decode([]byte(src))
	if err != nil {
		t.Fatal(err)
	}
	shuffled, err := json.Marshal(tree) // another order, and no spaces
	if err != nil {
		t.Fatal(err)
	}
	if got := mustCanonical(t, string(shuffled)); got != once || mustCanonical(t, once) != once {
		t.Errorf("got %s\nwant %s", got, once)
	}
}

func FuzzCanonical(f *testing.F) {
	for _, test := range suite {
		f.Add([]byte(test.src))
	}
	f.Add([]byte(benchmarkDocument))
	f.Add([]byte(`{"b":{"d":1,"c":[{"y":-0.0,"x":1E+3}]},"a":"\ud83d\ude00\n","aa":{"":0}}`))
	f.Fuzz(func(t *testing.T, src []byte) {
		canonical, err := jsontext.Canonical(nil, src, jsontext.Limits{Bytes: 1 << 20})
		if err != nil {
			found := fault.Find(err)
			for _, v := range found.Violations {
				if v.Code == "json.syntax" && json.Valid(src) && !bytes.Contains(src, []byte{0}) {
					t.Fatalf("%q is valid, but %s", src, v.Message)
				}
			}
			return
		}
		var theirs any
		decoder := json.NewDecoder(bytes.NewReader(src))
		decoder.UseNumber()
		if !json.Valid(src) || decoder.Decode(&theirs) != nil {
			t.Fatalf("%q is accepted, but not valid", src)
		}
		ours, err := jsontext.Decode(canonical)
		if err != nil || !jsontext.Equal(ours, theirs) {
			t.Fatalf("%q means something else: %s, %v", src, canonical, err)
		}
		wantMembers(t, canonical, ours)
		if again, err := jsontext.Canonical([]byte("x"), canonical, jsontext.Limits{}); err != nil || string(again[1:]) != string(canonical) {
			t.Fatalf("%q is not canonical: %q, %v", canonical, again, err)
		}
		if text := jsontext.Append(nil, ours); !bytes.Equal(text, canonical) {
			t.Fatalf("Append(Decode(%q)) = %q", canonical, text)
		}
		if text := jsontext.Append(nil, theirs); !bytes.Equal(text, canonical) {
			t.Fatalf("Append = %q, Canonical = %q", text, canonical)
		}
	})
}
