package expression_test

import (
	"strings"
	"testing"

	"github.com/sheafdb/sheaf/adapters/postgres/expression"
	"github.com/sheafdb/sheaf/adapters/postgres/pgtest"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
)

// example is the document that the table below asks about. It is the second of three: revision 2.
const example = `{
	"n": 1.10, "zero": 0, "neg": -2.5, "big": 9223372036854775808, "s": "Aé😀", "digits": "-007.50", "yes": true, "no": false, "nil": null,
	"l": [1, "a", null, {"x": 1}, [1]], "numbers": [1, 2.0, 3], "empty": [], "none": {},
	"m": {"a": 1, "b": null, "0": "zero", "odd name": 2}, "t": "2024-02-29T23:30:00.1234569-01:00", "later": "2024-03-01T00:30:01Z", "bad": "2023-02-29T00:00:00Z",
	"items": [{"sku": "x", "price": 0.1, "n": 3}, {"sku": "y", "price": 0.2}]
}`

var semantics = []struct {
	topic string
	want  map[string]verdict
}{
	{"numbers are exact decimals", map[string]verdict{
		`doc.n == 1.1`: isTrue, `doc.n == 1.10000000000000000001`: isFalse, `doc.n + 1 == 2.1`: isTrue, `0.1 + 0.2 == 0.3`: isTrue, `1 == 1.0`: isTrue, `1e2 == 100`: isTrue, `-0 == 0`: isTrue,
		`doc.big == 9223372036854775808`: isTrue, `doc.big == 9223372036854775809`: isFalse, `doc.big > 9223372036854775807`: isTrue, `doc.big < -170141183460469231731687303715884105728`: isFalse,
		`doc.neg * doc.neg == 6.25`: isTrue, `-doc.neg == 2.5`: isTrue, `doc.n - 0.1 == 1`: isTrue, `1.0e-20 * 1e20 == 1`: isTrue, `007 == 7`: isTrue, `.5 == 0.5`: isTrue,
		`doc.items[0].price + doc.items[1].price == 0.3`: isTrue,
	}},
	{"what is missing is an error", map[string]verdict{
		`doc.gone`: isError, `doc.gone == null`: isError, `doc.gone != 1`: isError, `!(doc.gone == 1)`: isError, `doc.gone.further == 1`: isError, `doc.n.further == 1`: isError, `doc.nil.further == 1`: isError,
		`doc.l.further == 1`: isError, `doc.l[5] == 1`: isError, `doc.m["gone"] == 1`: isError, `doc.m[0] == "zero"`: isError, `doc.s[0] == "A"`: isError, `doc.gone > 1`: isError, `size(doc.gone) == 0`: isError,
		`doc.gone in [1]`: isError, `doc.gone in []`: isError, `1 in doc.gone`: isError, `[doc.gone] == [1]`: isError, `doc.gone ? true : true`: isError, `1 in [1, doc.gone]`: isError,
	}},
	{"null is a value", map[string]verdict{
		`doc.nil == null`: isTrue, `doc.nil != null`: isFalse, `doc.n == null`: isFalse, `doc.s != null`: isTrue, `null == null`: isTrue, `doc.nil == 0`: isFalse, `doc.nil == doc.m.b`: isTrue, `doc.nil == doc.n`: isFalse,
		`doc.nil > 1`: isError, `doc.nil < "a"`: isError, `doc.nil + 1 == 1`: isError, `null in doc.l`: isTrue, `doc.nil && true`: isError, `createdAt == null`: isFalse, `createdAt != null`: isTrue, `duration("1s") == null`: isFalse,
	}},
	{"has asks for a member", map[string]verdict{
		`has(doc.n)`: isTrue, `has(doc.gone)`: isFalse, `has(doc.nil)`: isTrue, `has(doc.m.a)`: isTrue, `has(doc.m["odd name"])`: isTrue, `has(doc.m.gone)`: isFalse, `has(doc.gone.a)`: isError,
		`has(doc.n.a)`: isFalse, `has(doc.nil.a)`: isFalse, `has(doc.s.a)`: isFalse, `has(doc.l.a)`: isError, `has(doc.m.a.b)`: isFalse,
	}},
	{"other kinds are not equal, and have no order", map[string]verdict{
		`doc.n == doc.s`: isFalse, `doc.n != doc.s`: isTrue, `doc.n < doc.s`: isError, `doc.s < doc.n`: isError, `doc.digits == doc.n`: isFalse, `doc.yes == doc.n`: isFalse, `doc.l < doc.l`: isError, `doc.m > doc.m`: isError,
		`doc.l == doc.m`: isFalse, `doc.s > 1`: isError, `doc.n > "1"`: isError, `doc.yes > doc.no`: isTrue, `doc.yes >= true`: isTrue, `doc.no > true`: isFalse,
	}},
	{"logic absorbs errors as Kleene has it", map[string]verdict{
		`true || doc.gone`: isTrue, `doc.gone || true`: isTrue, `false || doc.gone`: isError, `doc.gone || false`: isError, `doc.gone && false`: isFalse, `false && doc.gone`: isFalse, `doc.gone && true`: isError,
		`doc.gone || doc.gone || doc.yes`: isTrue, `doc.gone && doc.yes && doc.no`: isFalse, `!doc.gone`: isError, `!doc.no`: isTrue, `!doc.n`: isError, `doc.n || true`: isTrue, `doc.n || false`: isError, `doc.n && false`: isFalse,
		`doc.yes ? doc.no : doc.gone`: isFalse, `doc.no ? doc.gone : doc.yes`: isTrue, `doc.n ? true : true`: isError, `(doc.yes ? 1 : "a") == 1`: isTrue, `(doc.yes ? doc.n : null) > 1`: isTrue, `(doc.no ? doc.n : null) > 1`: isError,
	}},
	{"strings are characters", map[string]verdict{
		`size(doc.s) == 3`: isTrue, `doc.s.size() == 3`: isTrue, `doc.s.startsWith("Aé")`: isTrue, `doc.s.endsWith("😀")`: isTrue, `doc.s.endsWith("")`: isTrue, `doc.s.contains("é")`: isTrue, `doc.s.contains("")`: isTrue,
		`doc.s.startsWith("a")`: isFalse, `doc.n.startsWith("1")`: isError, `doc.s.lowerAscii() == "aé😀"`: isTrue, `"éa".upperAscii() == "éA"`: isTrue, `doc.s + "!" == "Aé😀!"`: isTrue, `doc.s + doc.s == "Aé😀Aé😀"`: isTrue,
		`doc.s + doc.n == "x"`: isError, `"B" < "a"`: isTrue, `"a" < "é"`: isTrue, `"é" < "😀"`: isTrue, `"\uffff" < "😀"`: isTrue, `doc.s < "B"`: isTrue, `"it's" == 'it\'s'`: isTrue, `r"\d" == "\\d"`: isTrue,
	}},
	{"patterns are RE2, anywhere in the string", map[string]verdict{
		`doc.s.matches("é")`: isTrue, `doc.s.matches("^é")`: isFalse, `doc.s.matches("^.{3}$")`: isTrue, `doc.s.matches("(?i)a")`: isTrue, `doc.s.matches(r"^\pL+\PL$")`: isTrue, `doc.digits.matches(r"^-?\d+\.\d\d$")`: isTrue,
		`doc.n.matches("1")`: isError, `doc.s.matches(r"\bA")`: isTrue, `"a\nb".matches("a.b")`: isFalse, `"a\nb".matches("(?s)a.b")`: isTrue, `"a\n".matches("a$")`: isFalse, `"٣".matches(r"\d")`: isFalse, `"K".matches("(?i)k")`: isTrue,
	}},
	{"lists and maps are equal by value", map[string]verdict{
		`doc.numbers == [1.0, 2, 3]`: isTrue, `doc.numbers == [3, 2, 1]`: isFalse, `doc.numbers == [1, 2]`: isFalse, `doc.empty == []`: isTrue, `doc.none == {}`: isTrue, `doc.empty == doc.none`: isFalse, `doc.l[4] == [1]`: isTrue,
		`doc.l[3] == {"x": 1.0}`: isTrue, `doc.m == {"odd name": 2, "a": 1, "b": null, "0": "zero"}`: isTrue, `doc.m == {"a": 1}`: isFalse, `[doc.n, 1] == [1.1, 1.0]`: isTrue, `doc == doc`: isTrue,
	}},
	{"in looks for elements and names", map[string]verdict{
		`"a" in doc.l`: isTrue, `1.0 in doc.l`: isTrue, `2 in doc.l`: isFalse, `[1] in doc.l`: isTrue, `1 in doc.l[4]`: isTrue, `{"x": 1} in doc.l`: isTrue, `"a" in doc.m`: isTrue, `"gone" in doc.m`: isFalse, `1 in doc.m`: isFalse,
		`doc.n in doc.m`: isFalse, `"A" in doc.s`: isError, `1 in doc.n`: isError, `doc.n in [1, 1.1]`: isTrue, `doc.l[4] in [1, "a"]`: isFalse, `doc.s in []`: isFalse, `doc.s in ["x", doc.s]`: isTrue, `doc.n in doc.numbers`: isFalse,
		`"x" in {"x": 1}`: isTrue,
	}},
	{"elements and members", map[string]verdict{
		`doc.l[0] == 1`: isTrue, `doc.l[doc.zero] == 1`: isTrue, `doc.l[doc.n] == 1`: isError, `doc.l[doc.neg] == 1`: isError, `doc.numbers[doc.numbers[0]] == 2`: isTrue, `doc.numbers[doc.numbers[1]] == 3`: isTrue, `doc.l[1.0] == "a"`: isTrue,
		`doc.m["odd name"] == 2`: isTrue, `doc.m[doc.l[1]] == 1`: isTrue, `doc.l[doc.s] == 1`: isError, `doc.l[3].x == 1`: isTrue, `doc.l[4][0] == 1`: isTrue, `doc.m["0"] == "zero"`: isTrue, `[1, 2][1] == 2`: isTrue, `{"a": 1}.a == 1`: isTrue,
	}},
	{"quantifiers", map[string]verdict{
		`doc.numbers.exists(x, x == 2)`: isTrue, `doc.numbers.all(x, x > 0)`: isTrue, `doc.numbers.exists_one(x, x > 2)`: isTrue, `doc.numbers.existsOne(x, x > 1)`: isFalse, `doc.empty.exists(x, true)`: isFalse, `doc.empty.all(x, false)`: isTrue,
		`doc.empty.exists_one(x, true)`: isFalse, `doc.l.exists(x, x > 0)`: isTrue, `doc.l.exists(x, x > 1)`: isError, `doc.l.all(x, x > 0)`: isError, `doc.l.all(x, x > 1)`: isFalse, `doc.l.exists_one(x, x == 1)`: isTrue, `doc.l.exists_one(x, x > 0)`: isError,
		`doc.m.exists(k, k == "odd name")`: isTrue, `doc.m.all(k, size(k) > 0)`: isTrue, `doc.n.exists(x, true)`: isError, `doc.gone.all(x, true)`: isError, `doc.s.exists(x, true)`: isError, `doc.nil.exists(x, true)`: isError,
		`doc.items.exists(i, i.sku == "x" && i.price < 0.15)`: isTrue, `doc.items.exists(i, i.sku == "y" && i.price < 0.15)`: isFalse, `doc.items.all(i, has(i.n))`: isFalse, `doc.items.exists(i, i.n == 3)`: isTrue, `doc.items.all(i, i.n == 3)`: isError,
		`doc.items.exists(i, doc.numbers.exists(n, n == i.n))`: isTrue, `doc.items.all(i, doc.items.exists(j, j.sku == i.sku))`: isTrue, `doc.numbers.exists(x, doc.numbers.all(y, x >= y))`: isTrue,
		`doc.numbers.exists(x, x)`: isError, `!doc.l.exists(x, x > 1)`: isError,
	}},
	{"times", map[string]verdict{
		`timestamp(doc.t) == timestamp("2024-03-01T00:30:00.123456Z")`: isTrue, `timestamp(doc.later) > timestamp(doc.t)`: isTrue, `timestamp(doc.bad) > createdAt`: isError, `timestamp(doc.n) > createdAt`: isError,
		`timestamp(doc.later) - timestamp(doc.t) == duration("876.544ms")`: isTrue, `timestamp(doc.later) - duration("1h") < timestamp(doc.t)`: isTrue, `createdAt + duration("24h") == updatedAt`: isTrue, `duration("1h") + createdAt > createdAt`: isTrue,
		`createdAt > timestamp("2024-02-28T00:00:00Z")`: isTrue, `updatedAt - createdAt >= duration("1h30m") + duration("30m")`: isTrue, `createdAt + duration("2500000h") + duration("2500000h") + duration("2500000h") > createdAt + duration("2500000h")`: isTrue,
		`timestamp("9999-12-31T23:59:59Z") + duration("1s") > createdAt`: isError, `timestamp("0001-01-01T00:00:00Z") - duration("1us") < createdAt`: isError, `-duration("1s") < duration("0s")`: isTrue,
		`(doc.yes ? createdAt : updatedAt) == createdAt`: isTrue,
	}},
	{"numbers in strings", map[string]verdict{
		`double(doc.digits) == -7.5`: isTrue, `int(doc.digits) == -7`: isError, `int("-007") == -7`: isTrue, `int(doc.n) == 1`: isTrue, `int(doc.neg) == -2`: isTrue, `double(doc.n) == 1.1`: isTrue, `double("1e5") == 100000`: isError, `int("") == 0`: isError,
		`int(doc.s) == 0`: isError, `double(doc.nil) == 0`: isError, `double("٣") == 3`: isError, `int("9223372036854775809") > doc.big`: isTrue,
	}},
	{"other variables", map[string]verdict{`id == "1"`: isTrue, `revision == 2`: isTrue, `revision > 1.5`: isTrue, `id < "2" && doc.n > 1`: isTrue}},
	{"a filter that is no bool matches nothing", map[string]verdict{`doc.n`: isError, `doc.yes`: isTrue, `doc.no`: isFalse}},
}

func TestSemantics(t *testing.T) {
	t.Parallel()
	text, err := jsontext.Canonical(nil, []byte(example), jsontext.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	for _, mode := range pgtest.ExecModes {
		t.Run(mode.String(), func(t *testing.T) {
			t.Parallel()
			conn := connect(t, mode)
			store(t, conn, []string{`{}`, string(text), `{}`})
			vars := rowsOf(t, conn)[1]
			for _, group := range semantics {
				for source, want := range group.want {
					e := mustCompile(t, source, query.FilterEnv(nil))
					if got := byGo(e, vars); got != want {
						t.Errorf("%s: %s: Go says %c, want %c", group.topic, source, got, want)
					}
					if got := bySQL(t, conn, e)[1]; got != want {
						t.Errorf("%s: %s: SQL says %c, want %c", group.topic, source, got, want)
					}
					if got := e.Match(vars); got != (want == isTrue) {
						t.Errorf("%s: %s: Match is %t", group.topic, source, got)
					}
				}
			}
		})
	}
}

// The largest numbers that a document and an expression can have, multiplied as often as is admitted: PostgreSQL keeps every digit.
func TestFilter_LargestNumbers(t *testing.T) {
	t.Parallel()
	conn := connect(t, pgtest.CacheStatement)
	digits := strings.Repeat("1234567890", 100)
	store(t, conn, []string{`{"n":0.` + digits[:998] + `}`, `{"n":` + digits + `}`, `{"n":-` + digits[:500] + "." + digits[:498] + `}`, `{"n":"` + digits + `"}`})
	rows := rowsOf(t, conn)
	product := strings.TrimSuffix(strings.Repeat("doc.n * ", 16), " * ")
	for _, source := range []string{
		product + " > 0", strings.TrimPrefix(product, "doc.n * ") + " - 1 < " + product, strings.ReplaceAll(product, "doc.n", "double(doc.n)") + " > 1", "doc.n + doc.n == doc.n * 2", "-doc.n < doc.n", "int(doc.n) == doc.n", "1e308 * 1e308 * doc.n > 1e-308",
		"doc.n * 1" + strings.Repeat("0", 999) + " == doc.n",
	} {
		e := mustCompile(t, source, query.FilterEnv(nil))
		for i, sql := range bySQL(t, conn, e) {
			if got := byGo(e, rows[i]); got != sql {
				t.Errorf("%.60s of row %d: Go says %c, SQL says %c", source, i, got, sql)
			}
		}
	}
}

func TestFilter_UnknownVariable(t *testing.T) {
	t.Parallel()
	e := mustCompile(t, "auth.name == doc.owner", &query.Env{Variables: map[string]*query.Type{"auth": nil, "doc": nil}})
	var args expression.Arguments
	if _, err := expression.Filter(e, expression.DocumentRow(), &args); err == nil {
		t.Error("a statement without auth is compiled")
	}
	args = expression.Arguments{}
	row := expression.DocumentRow()
	row["auth"] = expression.Fragment{SQL: args.Add(`{"name":"ann"}`, "jsonb"), Form: expression.JSON}
	condition, err := expression.Filter(e, row, &args)
	if err != nil || condition != "(($1::jsonb -> $2::text) = (d.data -> $3::text))" {
		t.Errorf("got %s, %v", condition, err)
	}
}
