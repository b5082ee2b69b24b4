package porttest

import (
	"fmt"
	"testing"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
)

// News are the promises about positions and what is new after them.
func News(t *testing.T, open Open) {
	t.Helper()
	promises{
		"Results": func(f fixture) {
			a, b := f.sharing()
			other := f.elsewhere(a.Bucket)
			f.write(put(a, "x", `1`))
			results := f.write(put(a, "x", `2`), put(other, "x", `1`), put(a, "x", `2`), leave(b, "x"), put(b, "y", `1`), put(a, "z", `1`), remove(a, "z"), remove(a, "x"))
			got := []change.Mark{}
			for _, r := range results {
				got = append(got, r.Mark)
			}
			at := func(p change.Position) change.Mark { return change.Mark{Bucket: a.Bucket, Position: p} }
			wantEqual(f, got, []change.Mark{at(2), {Bucket: other.Bucket, Position: 1}, {}, {}, at(3), at(4), at(5), at(6)})
		},
		"Results/Many": func(f fixture) {
			c := f.configure("books", `{"indexes":[{"name":"n","on":["doc.n"]}]}`)
			for _, n := range []int{1, 3000} {
				before, err := f.Position(f.Context(), c.Bucket)
				wantError(f, err, nil)
				var writes []document.Write
				for i := range n {
					writes = append(writes, fresh(create(c, fmt.Sprint(n, "-", number(i)), fmt.Sprintf(`{"n": %d}`, i))))
				}
				for i, r := range f.write(writes...) {
					if r.Mark.Bucket != c.Bucket || r.Mark.Position != before+change.Position(i)+1 {
						f.Fatalf("write %d of %d is at %v, after %d", i, n, r.Mark, before)
					}
				}
			}
		},
		"Results/Together": func(f fixture) {
			c := f.configure("books", `{}`)
			at := make([]change.Position, writers)
			together(writers, func(i int) {
				results, err := f.Write(f.Context(), batch(leave(c, "none"), put(c, number(i), `1`)))
				wantError(f, err, nil)
				at[i] = results[1].Mark.Position
			})
			feed := f.feed(c.Bucket)
			for i, p := range at {
				wantEqual(f, feed[p-1].DocumentID, id(number(i)))
			}
		},
		"News": func(f fixture) {
			a, b := f.sharing()
			other := f.elsewhere(a.Bucket)
			news := f.news(change.Positions{}, 10)
			wantEqual(f, news.Touched, []change.Touched(nil))
			wantEqual(f, news.Until, change.Positions{})
			history := news.History
			f.write(put(a, "x", `1`), put(b, "x", `1`), put(other, "y", `1`), put(a, "x", `2`))
			f.write(remove(a, "x"))
			news = f.news(change.Positions{}, 10)
			until := change.Positions{}
			until[a.Bucket], until[other.Bucket] = 4, 1
			wantEqual(f, news.Until, until)
			wantEqual(f, news.More, false)
			wantEqual(f, news.History, history)
			wantEqual(f, of(news, a.Bucket), []string{touched(a, "x", 1), touched(b, "x", 2), touched(a, "x", 3), touched(a, "x", 4)})
			wantEqual(f, of(news, other.Bucket), []string{touched(other, "y", 1)})
			after := until
			after[a.Bucket] = 3
			news = f.news(after, 10)
			wantEqual(f, news.Until, until)
			wantEqual(f, of(news, a.Bucket), []string{touched(a, "x", 4)})
			wantEqual(f, of(news, other.Bucket), []string{})
		},
		"News/Limit": func(f fixture) {
			c := f.configure("books", `{}`)
			other := f.elsewhere(c.Bucket)
			for i := range 5 {
				f.write(put(c, number(i), `1`))
			}
			f.write(put(other, "x", `1`))
			after, seen := change.Positions{}, []string{}
			for more := true; more; {
				news := f.news(after, 2)
				seen = append(seen, of(news, c.Bucket)...)
				after, more = news.Until, news.More
			}
			wantEqual(f, after[c.Bucket], change.Position(5))
			wantEqual(f, after[other.Bucket], change.Position(1))
			want := []string{}
			for i := range 5 {
				want = append(want, touched(c, number(i), change.Position(i+1)))
			}
			wantEqual(f, seen, want)
			wantEqual(f, f.news(change.Positions{}, 5).More, false)
		},
		"News/PositionAhead": func(f fixture) {
			c := f.configure("books", `{}`)
			f.write(put(c, "x", `1`))
			ahead := change.Positions{}
			for i := range ahead {
				ahead[i] = 1 << 62
			}
			news := f.news(ahead, 10)
			wantEqual(f, news.Touched, []change.Touched(nil))
			want := change.Positions{}
			want[c.Bucket] = 1
			wantEqual(f, news.Until, want)
		},
	}.keep(t, open)
}

// elsewhere creates collections until one of them is in another bucket, and returns that one.
func (f fixture) elsewhere(bucket int32) collection.Stored {
	f.Helper()
	for i := range 100 {
		if c := f.configure(fmt.Sprint("elsewhere", i), `{}`); c.Bucket != bucket {
			return c
		}
	}
	f.Fatal("all collections are in one bucket")
	return collection.Stored{}
}

func (f fixture) news(after change.Positions, limit int) change.News {
	f.Helper()
	news, err := f.News(f.Context(), after, limit)
	if err != nil {
		f.Fatal(err)
	}
	return news
}

func touched(c collection.Stored, name string, at change.Position) string {
	return fmt.Sprint(c.ID, " ", name, " ", at)
}

// of returns the news of a bucket.
func of(news change.News, bucket int32) []string {
	list := []string{}
	for _, t := range news.Touched {
		if t.Bucket == bucket {
			list = append(list, fmt.Sprint(t.CollectionID, " ", t.DocumentID, " ", t.Position))
		}
	}
	return list
}
