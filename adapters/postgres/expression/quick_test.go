package expression_test

import ("testing"; "github.com/sheafdb/sheaf/adapters/postgres/pgtest"; "github.com/sheafdb/sheaf/domain/query")

func TestQuick(t *testing.T) {
	for _, mode := range pgtest.ExecModes {
	conn := connect(t, mode)
	store(t, conn, []string{`{}`, `{"n":1.10,"s":"abc","l":[1,2,{"a":"x"}],"big":9223372036854775809,"t":"2024-01-01T00:00:00Z","m":{"a":1}}`, `{"n":null,"s":5,"l":"x","t":"no"}`})
	rows := rowsOf(t, conn)
	for _, s := range []string{
		`doc.n + 1 == 2.1`, `doc.big == 9223372036854775809`, `doc.l.exists(x, x.a == "x")`, `doc.l[2].a == "x"`, `doc.z == null`, `doc.n == null`, `doc.n > 1`,
		`doc.s.matches("^a.c$")`, `timestamp(doc.t) < createdAt`, `doc.s in ["a","abc"]`, `doc.s in doc.l`, `1 in doc.l`, `has(doc.m.a)`, `size(doc.l) == 3`, `doc.s + "x" == "abcx"`, `doc.s + doc.s == "abcabc"`,
		`createdAt + duration("24h") == updatedAt`, `updatedAt - createdAt == duration("24h")`, `doc.s < doc.s`, `id == "1" && revision == 2`, `doc.l.all(x, x == 1 || x == 2)`, `doc.m.exists_one(k, k == "a")`,
		`[doc.n, 1] == [1.1, 1.0]`, `doc.l[doc.n] == 1`, `doc.s.lowerAscii().endsWith("C".lowerAscii())`, `int(doc.n) == 1`, `(doc.n > 1 ? doc.l : doc.m).exists(x, x == 1)`, `-doc.n < 0`, `doc.n * doc.n == 1.21`,
	} {
		e := mustCompile(t, s, query.FilterEnv(nil))
		sql := bySQL(t, conn, e)
		for i, vars := range rows {
			if g := byGo(e, vars); g != sql[i] { t.Errorf("%s: doc %d: go %c sql %c", s, i, g, sql[i]) }
		}
		if mode == pgtest.CacheStatement { t.Logf("%s %s", s, sql) }
	}
	}
}
