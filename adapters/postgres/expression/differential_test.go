package expression_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/sheafdb/sheaf/adapters/postgres/expression"
	"github.com/sheafdb/sheaf/adapters/postgres/pgtest"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
)

// TestFilter_AgreesWithGo asks both interpreters random questions about random documents. With SHEAF_NIGHTLY=1 it asks a hundred times as many.
func TestFilter_AgreesWithGo(t *testing.T) {
	t.Parallel()
	runs, questions, documents := 2, 250, 60
	if os.Getenv("SHEAF_NIGHTLY") != "" {
		runs, questions = 20, 2500
	}
	for run := range runs {
		t.Run(fmt.Sprint(run), func(t *testing.T) {
			t.Parallel()
			g := &generator{Rand: rand.New(rand.NewPCG(7, uint64(run)))}
			conn := connect(t, pgtest.CacheStatement)
			store(t, conn, g.canonicalDocuments(t, documents))
			rows := rowsOf(t, conn)
			env := query.FilterEnv(nil)
			if run%2 > 0 { // a schema that not all documents keep to
				env = query.FilterEnv(query.MapType(map[string]*query.Type{
					"a": nil, "b": query.TypeOf(query.Bool), "c": nil, "n": query.TypeOf(query.Number), "s": query.TypeOf(query.String), "l": query.TypeOf(query.List),
					"m": query.TypeOf(query.Map), "t": query.TypeOf(query.String), "x": query.TypeOf(query.Number), "odd name": nil, "0": nil, "$k": nil, "é": nil,
				}))
			}
			asked, refused := 0, 0
			count := map[verdict]int{}
			for asked < questions {
				source := g.bool(1 + g.IntN(5))
				e, err := query.Compile(source, env)
				if err != nil {
					refused++
					continue
				}
				asked++
				for i, sql := range bySQL(t, conn, e) {
					count[sql]++
					if got := byGo(e, rows[i]); got != sql {
						t.Errorf("%s\n%s\nGo says %c, SQL says %c", source, jsontext.Append(nil, rows[i]["doc"]), got, sql)
						break
					}
				}
			}
			t.Logf("%d expressions (%d refused), %d comparisons: %d true, %d false, %d errors", asked, refused, asked*documents, count[isTrue], count[isFalse], count[isError])
		})
	}
}

// TestValue_AgreesWithGo compares values of every kind, to the last digit of a number.
func TestValue_AgreesWithGo(t *testing.T) {
	t.Parallel()
	questions := 300
	if os.Getenv("SHEAF_NIGHTLY") != "" {
		questions = 10_000
	}
	g := &generator{Rand: rand.New(rand.NewPCG(13, 1))}
	conn := connect(t, pgtest.CacheStatement)
	store(t, conn, g.canonicalDocuments(t, 60))
	rows := rowsOf(t, conn)
	env := query.FilterEnv(nil)
	env.Result = query.Dynamic
	asked, values := 0, 0
	for asked < questions {
		depth := 1 + g.IntN(4)
		source := g.one(g.any(depth), g.number(depth), g.text(depth), g.list(depth))
		e, err := query.Compile(source, env)
		if err != nil {
			continue
		}
		asked++
		var args expression.Arguments
		value, err := expression.Value(e.Root(), expression.DocumentRow(), &args)
		if err != nil {
			t.Fatal(err)
		}
		found, err := conn.Query(t.Context(), "SELECT ("+value.JSON()+")::text FROM documents AS d ORDER BY revision", args.Values()...)
		if err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		texts, err := pgx.CollectRows(found, pgx.RowTo[*string])
		if err != nil {
			t.Fatalf("%s: %v", source, err)
		}
		for i, sql := range texts {
			got, err := e.Eval(rows[i])
			switch {
			case err != nil && sql != nil:
				t.Errorf("%s\n%s\nGo says %v, SQL says %s", source, jsontext.Append(nil, rows[i]["doc"]), err, *sql)
			case err == nil && sql == nil:
				t.Errorf("%s\n%s\nGo says %s, SQL says NULL", source, jsontext.Append(nil, rows[i]["doc"]), jsontext.Append(nil, got))
			case err == nil && string(jsontext.Append(nil, got)) != *sql:
				t.Errorf("%s\n%s\nGo says %s, SQL says %s", source, jsontext.Append(nil, rows[i]["doc"]), jsontext.Append(nil, got), *sql)
			default:
				if values++; err != nil {
					values--
				}
				continue
			}
			break
		}
	}
	t.Logf("%d expressions, %d comparisons, %d of them of values", asked, asked*len(rows), values)
}

func (g *generator) canonicalDocuments(tb testing.TB, n int) []string {
	tb.Helper()
	list := make([]string, n)
	for i := range list {
		text, err := jsontext.Canonical(nil, []byte(g.document(0)), jsontext.Limits{})
		if err != nil {
			tb.Fatal(err)
		}
		list[i] = string(text)
	}
	return list
}
