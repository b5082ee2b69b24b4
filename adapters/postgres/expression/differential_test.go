package expression_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"testing"

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
			g := &generator{Rand: rand.New(rand.NewPCG(7, uint64(run)))}
			conn := connect(t, pgtest.CacheStatement)
			store(t, conn, g.canonicalDocuments(t, documents))
			rows := rowsOf(t, conn)
			env := query.FilterEnv(nil)
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
