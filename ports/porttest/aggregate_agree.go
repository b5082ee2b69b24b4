package porttest

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/domain/aggregate"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/ports"
)

// agreePipelines is how many pipelines a seed stands for.
const agreePipelines = 60

// AgreeOnRows stores the same random documents in two empty stores, and compares the rows of random pipelines byte for byte.
// A failure tells the seed and the pipeline.
func AgreeOnRows(t *testing.T, model, other ports.Store, seed uint64) {
	t.Helper()
	random := rand.New(rand.NewPCG(seed, 1))
	var collections [2]*collection.Collection
	for i, s := range []ports.Store{model, other} {
		f := fixture{t, s}
		collections[i] = f.compile(f.configure("sales", `{}`))
	}
	for i := range 25 {
		data := jsontext.Append(nil, randomData(random))
		for j, s := range []ports.Store{model, other} {
			fixture{t, s}.one(write(collections[j].Stored, fmt.Sprint("d", i), document.Put(document.AsIs(data), document.Precondition{})))
		}
	}
	g := &pipelines{random}
	for range agreePipelines {
		p, text := g.pipeline(t, collections[0].Key)
		want, wantErr := rowsOf(t.Context(), model, collections[0].Key, within(p))
		got, gotErr := rowsOf(t.Context(), other, collections[1].Key, within(p))
		if endless(wantErr) || endless(gotErr) {
			continue // some pipelines multiply rows without end
		}
		if !sameError(gotErr, wantErr) || len(got) != len(want) {
			t.Fatalf("seed %d: %s\ngot %d rows, %v; want %d, %v", seed, text, len(got), gotErr, len(want), wantErr)
		}
		for i := range want {
			if got[i] != want[i] {
				t.Fatalf("seed %d: %s\nrow %d\ngot  %s\nwant %s", seed, text, i, got[i], want[i])
			}
		}
	}
}

// within is an aggregation that nobody waits for long.
func within(p *aggregate.Pipeline) ports.Aggregation {
	a := scanning(p)
	a.Budget = 5 * time.Second
	return a
}

func endless(err error) bool {
	code := fault.CodeOf(err)
	return code == "aggregate.budget" || code == "aggregate.rows"
}

// pipeline grows a list of stages by those that can stand where they are: most that are drawn name what is not there, or a kind that does not fit.
func (g *pipelines) pipeline(tb testing.TB, key collection.Key) (p *aggregate.Pipeline, text string) {
	tb.Helper()
	stages := []any{}
	length := 1 + g.IntN(6)
	for range 30 {
		next := append(slices.Clip(stages), g.stage())
		parsed, err := aggregate.Parse(next, "", aggregate.Source{Open: func(ident.Collection) (aggregate.Foreign, error) { return aggregate.Foreign{Key: key}, nil }})
		if err != nil && fault.KindOf(err) != fault.Malformed {
			tb.Fatal(err)
		}
		if err == nil {
			stages, p, text = next, parsed, string(jsontext.Append(nil, next))
		}
		if len(stages) == length {
			break
		}
	}
	if p == nil {
		return g.pipeline(tb, key)
	}
	return p, text
}

// one returns one of some values.
func one[T any](random *rand.Rand, values ...T) T { return values[random.IntN(len(values))] }

// randomData is a document whose members are of any kind, mostly of the one that their names say.
func randomData(random *rand.Rand) map[string]any {
	data := map[string]any{}
	for name, usual := range map[string]func() any{
		"n": func() any { return randomScalar(random, 3) },
		"m": func() any { return randomScalar(random, 4) },
		"s": func() any { return one[any](random, "a", "b", "ä", "", "d1", "d2", "zz") },
		"t": func() any {
			return fmt.Sprintf("20%02d-%02d-%02dT%02d:30:00%s", random.IntN(40), 1+random.IntN(12), 1+random.IntN(28), random.IntN(24), one(random, "Z", "+05:30", "-11:00"))
		},
		"l":  func() any { return randomList(random, 1) },
		"o":  func() any { return map[string]any{"a": randomValue(random, 1), "b": randomScalar(random, 8)} },
		"id": func() any { return one[any](random, "d3", "d4", json.Number("5"), []any{"d1", "d2", nil}) },
	} {
		switch random.IntN(8) {
		case 0:
		case 1:
			data[name] = randomValue(random, 2)
		default:
			data[name] = usual()
		}
	}
	return data
}

// randomScalar is a number in most cases, more so the smaller kinds is.
func randomScalar(random *rand.Rand, kinds int) any {
	switch random.IntN(kinds + 3) {
	case 3:
		return nil
	case 4:
		return random.IntN(2) == 0
	case 5, 6, 7:
		return one[any](random, "a", "b", "é", "10", "")
	}
	return json.Number(one(random, "0", "0.00", "1", "1.0", "1.00", "2", "2.5", "-1", "-1.50", "10", "0.1", "0.3333333333333333333", "123456789012345678901234567890", "-0.005", "7", "3"))
}

func randomList(random *rand.Rand, depth int) any {
	list := []any{}
	for range random.IntN(4) {
		list = append(list, randomValue(random, depth))
	}
	return list
}

func randomValue(random *rand.Rand, depth int) any {
	if depth > 0 && random.IntN(3) == 0 {
		if random.IntN(2) == 0 {
			return randomList(random, depth-1)
		}
		object := map[string]any{}
		for _, name := range []string{"a", "b", "aa"}[:random.IntN(4)] {
			object[name] = randomValue(random, depth-1)
		}
		return object
	}
	return randomScalar(random, 8)
}

// pipelines makes random pipelines. Names are drawn from one small set, so that stages use what those before have made.
type pipelines struct{ *rand.Rand }

var pipelineNames = []string{"x", "y", "z"}

func (g *pipelines) list(n int) []any {
	stages := []any{}
	for range n {
		stages = append(stages, g.stage())
	}
	return stages
}

// expression is over documents, or over what a project or a group has left.
func (g *pipelines) expression() string {
	operand := func() string {
		return one(g.Rand, "doc.n", "doc.m", "doc.s", "doc.l", "doc.o", "doc.o.a", "doc.o.b", "doc.t", "doc.l[0]", "id", "x", "y", "z", "x", "y", "z", "createdAt", "timestamp(doc.t)", "doc")
	}
	switch g.IntN(8) {
	case 0:
		return operand() + one(g.Rand, " + ", " * ", " - ") + operand()
	case 1:
		return "[" + operand() + ", " + operand() + "]"
	case 2:
		return operand() + one(g.Rand, " == ", " < ", " != ", " >= ") + operand()
	case 3:
		return one(g.Rand, "size("+operand()+")", "int("+operand()+")", "-"+operand(), operand()+".lowerAscii()", "timestamp(doc.t) - createdAt", "null", "1.50", `"k"`)
	}
	return operand()
}

func (g *pipelines) condition() string {
	left := one(g.Rand, "doc.n", "doc.m", "doc.s", "x", "y", "size(doc.l)")
	return left + one(g.Rand, " > ", " < ", " != ") + one(g.Rand, "1", `"a"`, "0.5", "doc.m", "z", "null")
}

func (g *pipelines) member() any {
	if g.IntN(6) == 0 {
		return map[string]any{"bucket": map[string]any{
			"time": one(g.Rand, "timestamp(doc.t)", "timestamp(x)", "createdAt"), "unit": string(one(g.Rand, aggregate.Units...)),
			"zone": one(g.Rand, "UTC", "Europe/Berlin", "America/St_Johns", "Asia/Kathmandu", "America/Havana"),
		}}
	}
	return g.expression()
}

func (g *pipelines) members(n int) map[string]any {
	object := map[string]any{}
	for _, i := range g.Perm(len(pipelineNames))[:n] {
		object[pipelineNames[i]] = g.member()
	}
	return object
}

func (g *pipelines) stage() any {
	number := func(n int) json.Number { return json.Number(fmt.Sprint(n)) }
	switch g.IntN(11) {
	case 0:
		return map[string]any{"match": g.condition()}
	case 1, 2:
		unwind := map[string]any{"path": one(g.Rand, "doc.l", "doc.l", "doc.o.a", "doc.n", "x", "y", "z"), "preserveEmpty": g.IntN(2) == 0}
		if g.IntN(2) == 0 {
			unwind["as"] = one(g.Rand, pipelineNames...)
		}
		if g.IntN(3) == 0 {
			unwind["index"] = one(g.Rand, pipelineNames...)
		}
		return map[string]any{"unwind": unwind}
	case 3:
		return map[string]any{"project": g.members(1 + g.IntN(3))}
	case 4, 5, 6:
		return g.group()
	case 7, 8:
		terms := []any{}
		for range 1 + g.IntN(2) {
			terms = append(terms, g.expression()+one(g.Rand, "", " desc", " asc"))
		}
		return map[string]any{"sort": terms}
	case 9:
		return one[any](g.Rand, map[string]any{"limit": number(1 + g.IntN(20))}, map[string]any{"skip": number(g.IntN(5))},
			map[string]any{"lookup": map[string]any{"from": "sales", "path": one(g.Rand, "doc.id", "doc.s", "x", "[doc.s, doc.id]"), "as": one(g.Rand, pipelineNames...)}})
	}
	return map[string]any{"facet": map[string]any{"x": g.list(g.IntN(3)), "y": g.list(1 + g.IntN(2))}}
}

func (g *pipelines) group() any {
	by := g.members(g.IntN(3))
	fields := map[string]any{}
	for _, name := range []string{"x", "y", "z", "u", "v", "w"} {
		if _, taken := by[name]; taken || g.IntN(2) == 0 {
			continue
		}
		op := one(g.Rand, "count", "sum", "avg", "min", "max", "first", "last", "distinct", "countDistinct", "percentile", "collect")
		field := map[string]any{op: g.expression()}
		switch op {
		case "count":
			field[op] = one[any](g.Rand, true, g.condition())
		case "sum", "avg":
			field[op] = one(g.Rand, "doc.n", "doc.m", "x", "y", "doc.n * doc.m", "createdAt - timestamp(doc.t)")
		case "percentile":
			field[op] = one(g.Rand, "doc.n", "doc.m", "x")
			field["p"] = json.Number(one(g.Rand, "0", "0.1", "0.5", "0.95", "1"))
		case "distinct", "collect":
			if g.IntN(2) == 0 {
				field["limit"] = json.Number(fmt.Sprint(1 + g.IntN(5)))
			}
		}
		fields[name] = field
	}
	if len(by)+len(fields) == 0 {
		fields["x"] = map[string]any{"count": true}
	}
	return map[string]any{"group": map[string]any{"by": by, "fields": fields}}
}
