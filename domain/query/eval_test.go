package query

import (
	"encoding/json"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/domain/fault"
)

func mustCompile(tb testing.TB, source string) *Expr {
	tb.Helper()
	e, err := Compile(source, FilterEnv(nil))
	if err != nil {
		tb.Fatalf("%s: %v", source, err)
	}
	return e
}

// The semantics are a table beside the other interpreter, in adapters/postgres/expression. Here is what only this one has.

func TestEval_Values(t *testing.T) {
	t.Parallel()
	vars := Vars{"doc": decode(t, `{"n": 1.10, "s": "a", "l": [1, {"x": 2}], "t": "2024-01-01T00:00:00Z"}`), "createdAt": InstantOf(time.Unix(0, 1999))}
	for source, want := range map[string]any{
		"doc.n * doc.n": json.Number("1.2100"), "doc.n - 1.10": json.Number("0.00"), "-0.0": json.Number("0.0"), "-(0)": json.Number("0"), "int(-0.5)": json.Number("0"), "1e3": json.Number("1000"), "doc.n + 0": json.Number("1.10"),
		"doc.s + 'b'": "ab", "size(doc.l)": json.Number("2"), "createdAt": Instant(1), "duration('1m') - duration('1s')": Span(59_000_000), "timestamp(doc.t)": Instant(1_704_067_200_000_000), "null": nil, "double('007.50')": json.Number("7.50"),
	} {
		e, err := Compile(source, &Env{Variables: FilterEnv(nil).Variables})
		if err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		if got, err := e.Eval(vars); got != want || err != nil {
			t.Errorf("%s: got %v, %v, want %v", source, got, err, want)
		}
	}
}

func TestEval_WorkIsBounded(t *testing.T) {
	t.Parallel()
	long := make([]any, 30_000)
	for i := range long {
		long[i] = "a"
	}
	vars := Vars{"doc": map[string]any{"l": long, "s": strings.Repeat("a", 1<<20)}}
	for _, source := range []string{
		"doc.l.all(a, doc.l.all(b, doc.l.all(c, doc.l.all(d, d == 'a'))))", "doc.l.all(a, doc == doc)", "doc.l.exists(a, doc.l.exists(b, b in doc.l && false))", "doc.l.all(a, doc.s.matches('a*$'))", "doc.l.all(a, size(doc.s + doc.s) > 0)",
		"!doc.l.exists(a, doc.l.exists(b, doc.l.exists(c, c.x == 1)))",
	} {
		begin := time.Now()
		e := mustCompile(t, source)
		_, err := e.Eval(vars)
		if took := time.Since(begin); took > 20*time.Second {
			t.Errorf("%s takes %s", source, took)
		}
		if fault.KindOf(err) != fault.Invalid {
			t.Errorf("%s: %v", source, err)
		}
		if e.Match(vars) {
			t.Errorf("%s matches", source)
		}
	}
}

func TestParseInstant(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"2024-02-29T12:00:00Z": "2024-02-29T12:00:00Z", "2024-02-29t12:00:00z": "2024-02-29T12:00:00Z", "2024-02-29T12:00:00.1234569+01:30": "2024-02-29T10:30:00.123456Z", "2024-12-31T23:59:59.5-23:59": "2025-01-01T23:58:59.5Z",
		"0001-01-01T00:00:00Z": "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999999Z": "9999-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.9999999Z": "1969-12-31T23:59:59.999999Z", "2000-02-29T00:00:00-00:00": "2000-02-29T00:00:00Z",
		"1900-02-29T00:00:00Z": "", "2023-02-29T00:00:00Z": "", "2024-04-31T00:00:00Z": "", "2024-13-01T00:00:00Z": "", "2024-00-01T00:00:00Z": "", "2024-01-00T00:00:00Z": "", "2024-01-01T24:00:00Z": "", "2024-01-01T00:60:00Z": "",
		"2016-12-31T23:59:60Z": "", "0000-01-01T00:00:00Z": "", "0001-01-01T00:00:00+00:01": "", "9999-12-31T23:59:59-00:01": "", "10000-01-01T00:00:00Z": "", "2024-01-01": "", "2024-01-01T00:00:00": "", "2024-01-01 00:00:00Z": "",
		"2024-01-01T00:00:00.Z": "", "2024-01-01T00:00:00,5Z": "", "2024-01-01T00:00:00+0100": "", "2024-01-01T00:00:00+24:00": "", "2024-01-01T00:00:00ZZ": "", "": "", "2024-01-01T00:00:00Z\n": "", "+024-01-01T00:00:00Z": "", "２024-01-01T00:00:00Z": "",
	} {
		got, ok := ParseInstant(text)
		if ok != (want != "") || ok && got.Time().Format(time.RFC3339Nano) != want {
			t.Errorf("%s: %v, %t, want %s", text, got.Time(), ok, want)
		}
	}
}

// The arithmetic of money against integers of cents.
func TestEval_Cents(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(1, 2))
	sum := mustCompile(t, "doc.a + doc.b == doc.sum && doc.a - doc.b == doc.difference && doc.a * doc.n == doc.product")
	cents := func(n int64) json.Number { return json.Number(decimalText(n)) }
	for range 2000 {
		a, b, n := r.Int64N(1e12)-5e11, r.Int64N(1e12)-5e11, r.Int64N(1000)
		vars := Vars{"doc": map[string]any{
			"a": cents(a), "b": cents(b), "n": cents(n * 100), "sum": cents(a + b), "difference": cents(a - b), "product": cents(a * n),
		}}
		if !sum.Match(vars) {
			t.Fatalf("%v", vars)
		}
	}
}

// decimalText writes a number of cents with two digits behind the point.
func decimalText(cents int64) string {
	sign := ""
	if cents < 0 {
		sign, cents = "-", -cents
	}
	digits := string(count(int(cents)))
	for len(digits) < 3 {
		digits = "0" + digits
	}
	return sign + digits[:len(digits)-2] + "." + digits[len(digits)-2:]
}

func TestNumbers(t *testing.T) {
	t.Parallel()
	for source, want := range map[string][]string{
		"1 + 2.50": {"1", "2.50"}, "a1 + x2.y3": nil, "doc.a[0].b": {"0"}, `"1" + '2' + """3 " 4""" + r"\" + 5`: {"5"}, `"\"1" + 2`: {"2"}, "// 1\n2": {"2"}, "1e5 .5e-3 007": {"1e5", ".5e-3", "007"}, "0x1F 1u": {"0x1F", "1u"}, "1.a 1.2.3": {"1", "1.2", ".3"},
		"12345678901234567890 - 1": {"12345678901234567890", "1"}, `b"1" br'2' rb"3"`: nil,
	} {
		safe, tokens := numbers(source)
		var got []string
		for _, token := range tokens {
			got = append(got, token.text)
		}
		if len(safe) != len(source) || !slices.Equal(got, want) {
			t.Errorf("%s: %q in %q, want %q", source, got, safe, want)
		}
	}
}

// FuzzCompile: nothing panics; what compiles once compiles again, and evaluates.
func FuzzCompile(f *testing.F) {
	for _, group := range []string{
		"doc.a == 1 && doc.l.exists(x, x.y > 1.5 || !has(x.z))", "size(doc.s) * 2 - 1 >= 3", `doc.s.matches("^(a|b)+$") ? doc.t : timestamp("2024-01-01T00:00:00Z") > createdAt`, `doc["odd name"] in [1, 'a', null, {"b": [true]}]`,
		`"""x""" + r'\d' + "é😀"`, "-9223372036854775809 < 1e308", "doc.l[doc.n].a.b[0] != null // why", "doc.l.all(x, doc.l.exists_one(y, y == x))", "createdAt + duration('1h') - updatedAt", "doc.s.lowerAscii().startsWith(doc.s.upperAscii())",
	} {
		f.Add(group)
	}
	env := FilterEnv(SchemaType(decode(f, shop), false))
	env.Result = Dynamic
	vars := DocumentVars(decode(f, `{"a": 1, "s": "ab", "l": [1, {"y": 2}, "x"], "n": 1, "t": "2024-01-01T00:00:00Z", "name": "n", "total": 1.5, "lines": [{"sku": "x"}]}`), "id", 1, time.Unix(1, 0), time.Unix(2, 0))
	f.Fuzz(func(t *testing.T, source string) {
		e, err := Compile(source, env)
		if err != nil {
			found := fault.Find(err)
			if found == nil || found.Kind != fault.Malformed || len(found.Violations) == 0 {
				t.Fatalf("%q: %v", source, err)
			}
			return
		}
		first, failure := e.Eval(vars)
		again, err := Compile(e.String(), env)
		if err != nil {
			t.Fatalf("%q compiles once: %v", source, err)
		}
		second, repeated := again.Eval(vars)
		if (failure == nil) != (repeated == nil) || failure == nil && !(&evaluation{}).same(first, second) {
			t.Fatalf("%q is %v, %v and then %v, %v", source, first, failure, second, repeated)
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	vars := DocumentVars(decode(b, `{"status": "paid", "total": 120.50, "customer": {"address": {"city": "London"}}, "items": [{"qty": 1, "price": 2.5}, {"qty": 3, "price": 0.5}, {"qty": 12, "price": 0.1}]}`), "id", 1, time.Unix(1, 0), time.Unix(2, 0))
	for name, source := range map[string]string{
		"equal": `doc.status == "paid"`, "two": `doc.total > 100 && doc.customer.address.city == "London"`, "exists": "doc.items.exists(i, i.qty >= 10 && i.price < 1)", "sum": "doc.total + doc.items[0].price * 2 > 125",
	} {
		e := mustCompile(b, source)
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if !e.Match(vars) {
					b.Fatal("no match")
				}
			}
		})
	}
}

func BenchmarkCompile(b *testing.B) {
	env := FilterEnv(SchemaType(decode(b, shop), true))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Compile(`doc.total > 100 && doc.address.zip == "x" && doc.lines.exists(l, l.price < 1)`, env); err != nil {
			b.Fatal(err)
		}
	}
}
