package expression_test

import (
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/sheafdb/sheaf/adapters/postgres/pgtest"
	"github.com/sheafdb/sheaf/domain/query"
)

func TestFilter_PatternsAgreeWithGo(t *testing.T) {
	t.Parallel()
	questions := 400
	if os.Getenv("SHEAF_NIGHTLY") != "" {
		questions = 30_000
	}
	g := &generator{Rand: rand.New(rand.NewPCG(11, 1))}
	conn := connect(t, pgtest.CacheStatement)
	documents := make([]string, 120)
	for i := range documents {
		var text strings.Builder
		for range g.IntN(6) {
			text.WriteString(g.one("a", "b", "c", "A", "k", "K", "é", "É", "ſ", "\u212a", ".", " ", "\n", "0", "😀", "_", "-", "]", "\\", "^", "\u200d", "ß", "\u00a0", "٣"))
		}
		documents[i] = `{"s":` + jsonText(text.String()) + `}`
	}
	store(t, conn, documents)
	rows := rowsOf(t, conn)
	asked, matches := 0, 0
	for range questions {
		source := "doc.s.matches(" + jsonText(g.pattern(1+g.IntN(5))) + ")"
		e, err := query.Compile(source, query.FilterEnv(nil))
		if err != nil {
			continue
		}
		asked++
		for i, sql := range bySQL(t, conn, e) {
			if sql == isTrue {
				matches++
			}
			if got := byGo(e, rows[i]); got != sql {
				t.Errorf("%s of %q: Go says %c, SQL says %c", source, rows[i]["doc"], got, sql)
				break
			}
		}
	}
	t.Logf("%d patterns (%d refused), %d matches", asked, questions-asked, matches)
}

// The largest patterns that are admitted have to be small enough for PostgreSQL, which gives up on some.
func TestFilter_LargePatterns(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("takes seconds")
	}
	conn := connect(t, pgtest.CacheStatement)
	store(t, conn, []string{`{"s":"` + strings.Repeat("ab", 5000) + `"}`, `{"s":"` + strings.Repeat("é1", 500) + `"}`})
	rows := rowsOf(t, conn)
	admitted := 0
	for _, part := range []string{
		"a", ".", `\w`, `\pL`, `\PL`, `\p{Greek}`, "(?i:k)", "(a|b|ab)", "(a?b?c?)", "(a*b*)", `(\w+\s)`, "(a{1,5}b{1,5})", `[^a]`, `(\b\w)`, `(?:^|a)`, `(a|)`, "(?:(?:a|b)?c?)", `[a-z\d_-]`, `(\pL|\pN)`,
	} {
		for _, repeat := range []string{"{255}", "{3,16}"} {
			for _, frame := range []string{"%", "(%|b%){2,4}", ".*%.*%"} {
				source := `doc.s.matches(r"` + strings.ReplaceAll(frame, "%", "(?:"+part+")"+repeat) + `")`
				e, err := query.Compile(source, query.FilterEnv(nil))
				if err != nil {
					continue
				}
				admitted++
				got := bySQL(t, conn, e)
				for i := range rows {
					if want := byGo(e, rows[i]); got[i] != want {
						t.Errorf("%s of row %d: Go says %c, SQL says %c", source, i, want, got[i])
					}
				}
			}
		}
	}
	t.Logf("%d patterns", admitted)
}
