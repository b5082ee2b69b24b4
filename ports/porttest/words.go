package porttest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/search"
	"github.com/sheafdb/sheaf/ports"
)

// Words is the part of the suite about searches for words, which an adapter may leave out.
func Words(t *testing.T, open Open) {
	t.Helper()
	worded.keep(t, open)
}

// NoWords is what an adapter without them promises: indexes can be declared, and a search says that there is none.
func NoWords(t *testing.T, open Open) {
	t.Helper()
	promises{"Unsupported": func(f fixture) {
		c := f.articles(`{"title": "Running"}`)
		q, p := f.searchFor(c, `search("running")`, search.ByRank)
		_, err := f.Find(f.Context(), c.Key, ports.Find{Query: q, Plan: p, Limit: 1, Bytes: 1})
		wantFault(f, err, fault.Invalid, "search.unsupported")
		_, err = f.CountFound(f.Context(), c.Key, q, p, 0)
		wantFault(f, err, fault.Invalid, "search.unsupported")
	}}.keep(t, open)
}

const byText = `{"name": "by_text", "kind": "text", "on": ["doc.title", "doc.body", "doc.tags[]", "doc.parts[].text"], "language": "english", "weights": {"doc.title": "A"}}`

// articles is a collection with a text index and these documents, a0, a1 and so on.
func (f fixture) articles(data ...string) *collection.Collection {
	f.Helper()
	c := f.compile(f.declare("articles", canonicalIndex(byText)))
	f.add(c, data...)
	return c
}

func (f fixture) add(c *collection.Collection, data ...string) {
	f.Helper()
	for i, text := range data {
		f.write(put(c.Stored, fmt.Sprintf("a%d", i), text))
	}
}

// canonicalIndex is a declaration as it is kept.
func canonicalIndex(text string) string {
	tree, err := jsontext.Decode([]byte(text))
	if err != nil {
		panic(err)
	}
	x, wrong := index.Parse(tree)
	if wrong != nil {
		panic(fmt.Sprint(wrong))
	}
	return string(x.Spec())
}

// searchFor returns a query with its only plan.
func (f fixture) searchFor(c *collection.Collection, filter, order string) (search.Query, search.Plan) {
	f.Helper()
	q := f.query(c, filter, order)
	plans := search.Plans(q, c.ReadyIndexes())
	if len(plans) != 1 {
		f.Fatalf("filter %q: %d plans; want one", filter, len(plans))
	}
	return q, plans[0]
}

// lastOf returns the place of the last item, and checks that what the adapter says of it is what the document says.
func (f fixture) lastOf(q search.Query, page ports.Found) *search.Position {
	f.Helper()
	n := len(page.Items)
	var told [2]search.Position
	for i, d := range []document.Document{page.Items[0], page.Items[n-1]} {
		at, err := q.Order.Of(d)
		wantError(f, err, nil)
		told[i] = at
		if page.Ends != nil && !q.Order.Ranked() && page.Ends[i].Compare(at) != 0 {
			f.Errorf("document %s is at %x, and said to be at %x", d.ID, at.Key, page.Ends[i].Key)
		}
	}
	if page.Ends != nil {
		return &page.Ends[1]
	}
	return &told[1]
}

// found returns the ids of what a filter finds, read in pages of that size, forwards and, which has to be the same, backwards.
func (f fixture) found(c *collection.Collection, filter, order string, size int) string {
	f.Helper()
	q, p := f.searchFor(c, filter, order)
	read := func(from *search.Position, back bool) (ids []string, last *search.Position) {
		for {
			page, err := f.Find(f.Context(), c.Key, ports.Find{Query: q, Plan: p, From: from, Back: back, Limit: size, Bytes: 1 << 20})
			if err != nil {
				f.Fatalf("filter %q: %v", filter, err)
			}
			for _, d := range page.Items {
				ids = append(ids, d.ID.String())
			}
			if len(page.Items) > 0 {
				from = f.lastOf(q, page)
			}
			if !page.More {
				return ids, from
			}
		}
	}
	ids, last := read(nil, false)
	n, err := f.CountFound(f.Context(), c.Key, q, p, 0)
	wantError(f, err, nil)
	wantEqual(f, n, int64(len(ids)))
	if last != nil {
		back, _ := read(last, true)
		slices.Reverse(back)
		wantEqual(f, append(back, last.ID), ids)
	}
	return strings.Join(ids, " ")
}

func (f fixture) wantFound(c *collection.Collection, filter, want string) {
	f.Helper()
	if got := f.found(c, filter, "id", 2); got != want {
		f.Errorf("filter %q: found %q, want %q", filter, got, want)
	}
}

var worded = promises{
	"Syntax": func(f fixture) {
		c := f.articles(
			`{"title": "Running shoes", "body": "For the runner of long distances"}`,
			`{"title": "A distance", "tags": ["shoe", 7, null, ["red"]], "parts": [{"text": "nested words"}, {"other": "unseen"}]}`,
			`{"title": "Nothing", "body": {"deep": ["inside shoes", "of glass"]}, "elsewhere": "runs"}`, `{"title": 1}`, `{}`, `[]`, `{"title": "", "body": "the"}`)
		for words, want := range map[string]string{
			`run`: "a0", `RUNS`: "a0", `shoe`: "a0 a1 a2", `shoes running`: "a0", `\"long distances\"`: "a0", `\"distances long\"`: "", `shoe -run`: "a1 a2", `-shoe`: "a6",
			`run or glass`: "a0 a2", `red`: "a1", `nest word`: "a1", `unseen`: "", `inside`: "a2", `the`: "", ``: "", `   `: "", `the shoe`: "a0 a1 a2", `index 1`: "", `runs nothing`: "",
		} {
			f.wantFound(c, `search("`+words+`")`, want)
			f.wantFound(c, `search("by_text", "`+words+`")`, want)
		}
	},
	"Hostile": func(f fixture) {
		c := f.articles(`{"title": "a b c"}`)
		for _, words := range []string{
			`'`, `''`, `\\`, `\"`, `\"\"\"`, `:*`, `a:*`, `!`, `!!a`, `&`, `|`, `a & | b`, `(`, `)))`, `<->`, `a <2> b`, `-`, `--`, `- - -`, `or`, strings.Repeat("or ", 3), `\"or`, `-\"a b`, `%`, `%s$1`, `é\u0301`, `\ud7ff`, `\n\t`,
			strings.Repeat("x", 3500), strings.Repeat("zz ", 1200), strings.Repeat("-zz ", 900), strings.Repeat(`-\"`, 1200), strings.Repeat("zz-", 1200), strings.Repeat("-1.e", 900), strings.Repeat("zz or ", 600), `\"` + strings.Repeat("zz ", 1200),
		} {
			f.found(c, `search("`+words+`")`, search.ByRank, 2)
		}
	},
	"Rank": func(f fixture) {
		c := f.articles(
			`{"body": "one two three four shoes"}`, `{"title": "shoes", "n": 2}`, `{"body": "many things and shoes", "title": "other"}`, `{"title": "shoes", "n": 1}`,
			`{"title": "shoes shoes"}`, `{"title": "none"}`)
		for size := 1; size < 7; size++ {
			// A title counts for more than anything else, then a short text; equal ones are in the order of their ids.
			wantEqual(f, f.found(c, `search("shoe")`, search.ByRank, size), "a1 a3 a4 a2 a0")
			wantEqual(f, f.found(c, `search("shoe")`, "rank desc, doc.n", size), "a3 a1 a4 a2 a0")
			wantEqual(f, f.found(c, `search("shoe")`, "rank, id desc", size), "a0 a2 a4 a3 a1")
			wantEqual(f, f.found(c, `search("shoe")`, "doc.n desc", size), "a1 a3 a0 a2 a4")
			wantEqual(f, f.found(c, `search("shoe") && doc.n > 0`, search.ByRank, size), "a1 a3")
			wantEqual(f, f.found(c, `doc.n == 1 && search("shoe")`, "id", size), "a3")
		}
	},
	"Written": func(f fixture) {
		c := f.articles(`{"title": "first words"}`, `{"title": "second words"}`)
		f.write(put(c.Stored, "a0", `{"title": "changed words"}`), remove(c.Stored, "a1"), put(c.Stored, "b", `{"title": "fresh words"}`))
		f.wantFound(c, `search("words")`, "a0 b")
		f.wantFound(c, `search("first")`, "")
		f.wantFound(c, `search("changed")`, "a0")
		f.write(put(c.Stored, "a0", `{}`), put(c.Stored, "a1", `{"title": "third"}`), put(c.Stored, "a1", `{"title": "fourth"}`), put(c.Stored, "b", `{"title": "fresh words", "n": 1}`))
		f.wantFound(c, `search("words or third or fourth")`, "a1 b")
		f.wantFound(c, `search("third")`, "")
		// Other indexes, and other collections, have other words.
		other := f.compile(f.declare("others", canonicalIndex(byText)))
		f.write(put(other.Stored, "z", `{"title": "words of others"}`))
		f.wantFound(c, `search("words")`, "b")
		f.wantFound(other, `search("-words or others")`, "z")
	},
	"Partial": func(f fixture) {
		c := f.compile(f.declare("articles", canonicalIndex(`{"name": "open", "kind": "text", "on": ["doc"], "where": "doc.open == true"}`)))
		f.add(c, `{"open": true, "a": {"b": "words"}}`, `{"open": false, "a": "words"}`, `{"open": true, "a": "words"}`)
		f.wantFound(c, `search("words") && doc.open == true`, "a0 a2")
		if plans := search.Plans(f.query(c, `search("words")`, ""), c.ReadyIndexes()); len(plans) != 0 {
			f.Errorf("got %+v", plans)
		}
		f.write(put(c.Stored, "a0", `{"open": false, "a": "words"}`), put(c.Stored, "a1", `{"open": true, "a": "words"}`))
		f.wantFound(c, `search("words") && doc.open == true`, "a1 a2")
	},
	"Built": func(f fixture) {
		c := f.configure("articles", `{}`)
		for i := range 20 {
			f.write(put(c, number(i), fmt.Sprintf(`{"title": "number%d words"}`, i)))
		}
		c = f.declare("articles", canonicalIndex(byText))
		i := 0
		f.finish(3, func() {
			f.write(put(c, number(i), fmt.Sprintf(`{"title": "later%d words"}`, i)), remove(c, number(19-i)))
			i++
		})
		wantIn(f, statesOf(f.reread(c)), "by_text ready")
		built := f.compile(c)
		items, _, err := f.List(f.Context(), c.Key, all)
		wantError(f, err, nil)
		ids := []string{}
		for _, d := range items {
			ids = append(ids, d.ID.String())
		}
		f.wantFound(built, `search("words")`, strings.Join(ids, " "))
		f.wantFound(built, `search("later1")`, number(1))
		f.wantFound(built, `search("number1")`, "")
		// A dropped index is not read, and in the end it is gone.
		q, p := f.searchFor(built, `search("words")`, search.ByRank)
		f.configure("articles", `{}`)
		_, err = f.Find(f.Context(), c.Key, ports.Find{Query: q, Plan: p, Limit: 5, Bytes: 1 << 20})
		wantError(f, err, collection.ErrChanged)
		_, err = f.CountFound(f.Context(), c.Key, q, p, 0)
		wantError(f, err, collection.ErrChanged)
		f.finish(3, nothing)
		wantEqual(f, len(f.reread(c).Indexes), 0)
		f.declare("articles", canonicalIndex(byText))
		f.mark("articles")
		f.purge(c.Key, 7)
	},
	"Large": func(f fixture) {
		c := f.articles()
		// No text is refused, and none takes long; of what is too long, the beginning is found.
		for i, text := range []string{
			strings.Repeat("-1.e", index.TextBytes/2), strings.Repeat("x", index.TextBytes*2), strings.Repeat("<a@b.c/", index.TextBytes/2), manyWords(60_000), strings.Repeat("é", index.TextBytes),
		} {
			f.write(put(c.Stored, fmt.Sprintf("a%d", i), `{"title": "first `+text+` last"}`))
		}
		f.wantFound(c, `search("first")`, "a0 a1 a2 a3 a4")
		f.wantFound(c, `search("last")`, "")
		f.wantFound(c, `search("w1x and w9x")`, "a3")
		many := []string{}
		for i := range 40 {
			many = append(many, fmt.Sprintf(`{"body": "%s"}`, manyWords(40_000+i)))
		}
		f.add(c, many...)
		wantEqual(f, len(strings.Fields(f.found(c, `search("w1x")`, search.ByRank, 30))), 40)
	},
}

// manyWords has n different words.
func manyWords(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "w%dx ", i)
	}
	return b.String()
}
