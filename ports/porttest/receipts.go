package porttest

import (
	"bytes"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/receipt"
	"github.com/sheafdb/sheaf/ports"
)

// Receipts are the promises of ports.ReceiptStore, and of writers to receipts.
func Receipts(t *testing.T, open Open) {
	t.Helper()
	promises{
		"Claim": func(f fixture) {
			first := claim("k", 1)
			stored, claimed := f.claim(first)
			wantEqual(f, claimed, true)
			wantEqual(f, stored, receipt.Stored{Claim: first})
			// Who asks for the same, or for something else under the same key, is told who has it.
			for _, other := range []receipt.Claim{claim("k", 2), asking(claim("k", 3), "else"), first} {
				stored, claimed = f.claim(other)
				wantEqual(f, claimed, false)
				wantEqual(f, stored, receipt.Stored{Claim: first})
			}
			if _, claimed = f.claim(claim("another", 4)); !claimed {
				f.Error("another key is taken too")
			}
		},
		"Claim/LeaseEnds": func(f fixture) {
			first, late := claim("k", 1), at(claim("k", 2), first10s)
			f.claim(first)
			stored, claimed := f.claim(late)
			wantEqual(f, claimed, true)
			wantEqual(f, stored, receipt.Stored{Claim: late})
			f.wantLost(first)
			wantError(f, f.SettleReceipt(f.Context(), late, answered("done")), nil)
		},
		"Claim/AnotherRequestAfterTheLease": func(f fixture) {
			f.claim(claim("k", 1))
			other := asking(at(claim("k", 2), first10s), "else")
			stored, claimed := f.claim(other)
			wantEqual(f, claimed, true)
			wantEqual(f, stored, receipt.Stored{Claim: other})
		},
		"Claim/GoesOn": func(f fixture) {
			first := claim("k", 1)
			f.claim(first)
			for _, text := range []string{"one", "two"} {
				wantError(f, f.SettleReceipt(f.Context(), first, receipt.Outcome{Progress: []byte(text)}), nil)
			}
			// What was done is done for this request only.
			if _, claimed := f.claim(asking(at(claim("k", 2), first10s), "else")); claimed {
				f.Error("another request goes on with it")
			}
			next := at(claim("k", 3), first10s)
			stored, claimed := f.claim(next)
			wantEqual(f, claimed, true)
			wantEqual(f, stored, receipt.Stored{Claim: next, Outcome: receipt.Outcome{Progress: []byte("two")}})
			wantError(f, f.SettleReceipt(f.Context(), next, answered("done")), nil)
			stored, claimed = f.claim(claim("k", 4))
			wantEqual(f, claimed, false)
			wantEqual(f, stored, receipt.Stored{Claim: next, Outcome: receipt.Outcome{Answer: answered("done").Answer, Progress: []byte("two")}})
		},
		"Claim/Ended": func(f fixture) {
			first := claim("k", 1)
			f.claim(first)
			wantError(f, f.SettleReceipt(f.Context(), first, receipt.Outcome{Answer: answered("done").Answer, Progress: []byte("all")}), nil)
			next := asking(at(claim("k", 2), 24*time.Hour), "else")
			stored, claimed := f.claim(next)
			wantEqual(f, claimed, true)
			wantEqual(f, stored, receipt.Stored{Claim: next})
			f.wantLost(first)
		},
		"Claim/OneWins": func(f fixture) {
			for round := range 5 {
				var won atomic.Int64
				// Every second round they take over from one that is gone.
				if round%2 == 1 {
					f.claim(claim(fmt.Sprint(round), 0))
				}
				together(writers, func(i int) {
					c := at(claim(fmt.Sprint(round), byte(i+1)), first10s)
					stored, claimed, err := f.ClaimReceipt(f.Context(), c)
					if err != nil {
						f.Error(err)
					}
					if claimed {
						won.Add(1)
						wantEqual(f, stored, receipt.Stored{Claim: c})
					}
				})
				wantEqual(f, won.Load(), int64(1))
			}
		},
		"Settle": func(f fixture) {
			c := claim("k", 1)
			f.claim(c)
			want := receipt.Outcome{Answer: &receipt.Answer{Status: 201, Header: map[string]string{"Etag": `"1"`, "Location": "/x?ä=1"}, Body: append([]byte{0, 0xff}, bytes.Repeat([]byte("x"), 5<<20)...)}}
			wantError(f, f.SettleReceipt(f.Context(), c, want), nil)
			stored, claimed := f.claim(claim("k", 2))
			wantEqual(f, claimed, false)
			wantEqual(f, stored, receipt.Stored{Claim: c, Outcome: want})
			f.wantLost(c) // an answer is an answer
		},
		"Settle/NothingThere": func(f fixture) { f.wantLost(claim("k", 1)) },
		"Release": func(f fixture) {
			first, second := claim("k", 1), asking(claim("k", 2), "else")
			f.claim(first)
			wantError(f, f.ReleaseReceipt(f.Context(), second), nil)
			if _, claimed := f.claim(second); claimed {
				f.Error("anybody can release it")
			}
			wantError(f, f.ReleaseReceipt(f.Context(), first), nil)
			stored, claimed := f.claim(second)
			wantEqual(f, claimed, true)
			wantEqual(f, stored, receipt.Stored{Claim: second})
			wantError(f, f.SettleReceipt(f.Context(), second, answered("done")), nil)
			wantError(f, f.ReleaseReceipt(f.Context(), second), nil)
			if _, claimed := f.claim(at(claim("k", 3), first10s)); claimed {
				f.Error("an answer is released")
			}
		},
		"Renew": func(f fixture) {
			c := claim("k", 1)
			f.claim(c)
			c.LeasedUntil, c.ExpiresAt = noon.Add(time.Minute), noon.Add(25*time.Hour)
			wantError(f, f.RenewReceipt(f.Context(), c), nil)
			stored, claimed := f.claim(at(claim("k", 2), first10s))
			wantEqual(f, claimed, false)
			wantEqual(f, stored, receipt.Stored{Claim: c})
			if _, claimed := f.claim(at(claim("k", 2), time.Minute)); !claimed {
				f.Error("a lease without end")
			}
			wantError(f, f.RenewReceipt(f.Context(), c), receipt.ErrLost)
		},
		"Purge": func(f fixture) {
			for i := range byte(3) {
				c := at(claim(fmt.Sprint(i), i), time.Duration(i)*time.Hour)
				f.claim(c)
				if i != 1 {
					wantError(f, f.SettleReceipt(f.Context(), c, answered("done")), nil)
				}
			}
			for i, want := range []int{0, 1, 1, 0, 1} {
				now := noon.Add([]time.Duration{24*time.Hour - 1000, 25 * time.Hour, 25 * time.Hour, 25 * time.Hour, 1 << 60}[i])
				n, err := f.PurgeReceipts(f.Context(), now, 1)
				wantError(f, err, nil)
				if n != want {
					f.Errorf("step %d removes %d, want %d", i, n, want)
				}
			}
			if _, claimed := f.claim(claim("0", 7)); !claimed {
				f.Error("it is still there")
			}
		},
		"Write": func(f fixture) {
			c := f.configure("books", `{}`)
			b, pending := f.pending(batch(create(c, "a", `1`), put(c, "b", `2`)), "k")
			results, err := f.Write(f.Context(), b)
			wantError(f, err, nil)
			wantEqual(f, len(results), 2)
			f.wantAnswer(pending, fmt.Sprint(unmarked(results)))
			// It is done, and cannot be done again.
			before := f.picture()
			_, err = f.Write(f.Context(), b)
			if err == nil {
				f.Error("done twice")
			}
			f.wantSame(before)
		},
		"Write/Unchanged": func(f fixture) {
			c := f.configure("books", `{}`)
			f.write(put(c, "a", `1`))
			before := f.picture()
			b, pending := f.pending(batch(put(c, "a", `1`), leave(c, "b")), "k")
			results, err := f.Write(f.Context(), b)
			wantError(f, err, nil)
			f.wantAnswer(pending, fmt.Sprint(unmarked(results)))
			nothing, pending := f.pending(batch(), "k2")
			results, err = f.Write(f.Context(), nothing)
			wantError(f, err, nil)
			f.wantAnswer(pending, fmt.Sprint(unmarked(results)))
			f.wantSame(before)
		},
		"Write/Refused": func(f fixture) {
			c := f.configure("unique", byCode)
			f.write(put(c, "a", `{"code": "x"}`))
			before := f.picture()
			for i, w := range []document.Write{refuse(c, "b"), put(c, "b", `{"code": "x"}`)} {
				b, pending := f.pending(batch(put(c, "c", `{}`), w), fmt.Sprint(i))
				if _, err := f.Write(f.Context(), b); err == nil {
					f.Error("written")
				}
				f.wantRunning(pending)
			}
			f.wantSame(before)
		},
		"Write/Lost": func(f fixture) {
			c := f.configure("unique", byCode)
			f.write(put(c, "a", `{}`))
			before := f.picture()
			for _, writes := range [][]document.Write{
				{fresh(create(c, "b", `{}`))}, {create(c, "b", `{}`)}, {put(c, "a", `{"code": "y"}`)}, {remove(c, "a")}, {put(c, "a", `{}`)}, {put(c, "b", `1`), leave(c, "c")}, {},
			} {
				b := batch(writes...)
				b.Receipt = &receipt.Pending[[]document.Result]{Claim: claim("nobody's", 1), Outcome: func([]document.Result) receipt.Outcome { return answered("done") }}
				_, err := f.Write(f.Context(), b)
				wantError(f, err, receipt.ErrLost)
			}
			f.wantSame(before)
		},
		"Write/Progress": func(f fixture) {
			c := f.configure("books", `{}`)
			b, pending := f.pending(batch(put(c, "a", `1`)), "k")
			for _, text := range []string{"half", "most"} {
				b.Receipt.Outcome = func([]document.Result) receipt.Outcome { return receipt.Outcome{Progress: []byte(text)} }
				_, err := f.Write(f.Context(), b)
				wantError(f, err, nil)
				stored, claimed := f.claim(claim("k", 99))
				wantEqual(f, claimed, false)
				wantEqual(f, stored, receipt.Stored{Claim: pending, Outcome: receipt.Outcome{Progress: []byte(text)}})
			}
		},
		"Write/Large": func(f fixture) {
			c := f.configure("books", `{}`)
			writes := make([]document.Write, 2500)
			for i := range writes {
				writes[i] = create(c, number(i), fmt.Sprintf(`"%0100d"`, i))
			}
			b, pending := f.pending(batch(writes...), "k")
			results, err := f.Write(f.Context(), b)
			wantError(f, err, nil)
			f.wantAnswer(pending, fmt.Sprint(unmarked(results)))
		},
		"Write/Panics": func(f fixture) {
			c := f.configure("books", `{}`)
			before := f.picture()
			b, pending := f.pending(batch(create(c, "a", `1`)), "k")
			b.Receipt.Outcome = func([]document.Result) receipt.Outcome { panic("out") }
			wantEqual(f, panics(func() { _, _ = f.Write(f.Context(), b) }), any("out"))
			f.wantSame(before)
			f.wantRunning(pending)
		},
		"Write/Concurrently": func(f fixture) {
			c := f.configure("books", `{}`)
			var done, lost atomic.Int64
			together(writers, func(i int) {
				for round := range 10 {
					name := fmt.Sprintf("%d-%d", i, round)
					b, pending := f.pending(batch(unhurried(add(c, "sum", 1)), put(c, name, `1`)), name)
					if round%3 == 2 {
						b.Receipt.Claim.Owner[1]++ // a claim that somebody else has
					}
					switch _, err := f.Write(f.Context(), b); {
					case err == nil:
						done.Add(1)
						if round == 0 {
							f.wantAnswered(pending)
						}
					default:
						lost.Add(1)
						wantError(f, err, receipt.ErrLost)
					}
				}
			})
			wantEqual(f, done.Load(), int64(writers*7))
			wantEqual(f, lost.Load(), int64(writers*3))
			wantEqual(f, valueOf(new(f.get(c, "sum"))), writers*7)
		},
		"WriteCollection": func(f fixture) {
			for i, step := range []struct {
				text    string
				created bool
			}{{`{"n": 1}`, true}, {`{"n": 2}`, false}, {`{"n": 2}`, false}} {
				change := configuring("books", step.text)
				claimed := claim(fmt.Sprint(i), byte(i))
				f.claim(claimed)
				change.Receipt = &receipt.Pending[ports.CollectionResult]{Claim: claimed, Outcome: func(r ports.CollectionResult) receipt.Outcome {
					return answered(fmt.Sprint(r.Name, r.Revision, r.Created, string(r.Configuration)))
				}}
				stored, created, err := f.WriteCollection(f.Context(), change)
				wantError(f, err, nil)
				wantEqual(f, created, step.created)
				f.wantAnswer(claimed, fmt.Sprint(stored.Name, stored.Revision, created, string(stored.Configuration)))
				_, _, err = f.WriteCollection(f.Context(), change)
				wantError(f, err, receipt.ErrLost)
			}
			before := f.picture()
			for _, name := range []string{"books", "maps"} {
				change := configuring(name, `{"n": 3}`)
				change.Receipt = &receipt.Pending[ports.CollectionResult]{Claim: claim("nobody's", 1), Outcome: func(ports.CollectionResult) receipt.Outcome { return answered("done") }}
				_, _, err := f.WriteCollection(f.Context(), change)
				wantError(f, err, receipt.ErrLost)
			}
			f.wantSame(before)
			refused, claimed := configuring("books", `{}`), claim("refused", 9)
			f.claim(claimed)
			refused.Decide = func(*collection.Stored) ([]byte, error) { return nil, errRefused }
			refused.Receipt = &receipt.Pending[ports.CollectionResult]{Claim: claimed, Outcome: func(ports.CollectionResult) receipt.Outcome { return answered("done") }}
			_, _, err := f.WriteCollection(f.Context(), refused)
			wantError(f, err, errRefused)
			f.wantRunning(claimed)
		},
	}.keep(t, open)
}

// byCode declares a unique index.
const byCode = `{"indexes": [{"name": "by_code", "on": ["doc.code"], "unique": true}]}`

// first10s is when the lease of a claim that was made at noon ends.
const first10s = 10 * time.Second

// claim is a claim of a key at noon, for ten seconds and a day.
func claim(key string, owner byte) receipt.Claim {
	return at(receipt.Claim{
		ID: receipt.NewID("bo", "POST", "/x", key), Owner: receipt.Owner{owner, 1}, Fingerprint: receipt.DigestOf([]byte("this")),
	}, 0)
}

// at makes a claim that much after noon.
func at(c receipt.Claim, after time.Duration) receipt.Claim {
	c.At = noon.Add(after)
	c.LeasedUntil, c.ExpiresAt = c.At.Add(first10s), c.At.Add(24*time.Hour)
	return c
}

// asking makes a claim for another request.
func asking(c receipt.Claim, what string) receipt.Claim {
	c.Fingerprint = receipt.DigestOf([]byte(what))
	return c
}

func answered(text string) receipt.Outcome {
	return receipt.Outcome{Answer: &receipt.Answer{Status: 200, Header: map[string]string{"X": "y"}, Body: []byte(text)}}
}

func (f fixture) claim(c receipt.Claim) (receipt.Stored, bool) {
	f.Helper()
	stored, claimed, err := f.ClaimReceipt(f.Context(), c)
	if err != nil {
		f.Fatal(err)
	}
	return stored, claimed
}

// pending claims a receipt for a batch whose answer is its results.
func (f fixture) pending(b document.Batch, key string) (document.Batch, receipt.Claim) {
	f.Helper()
	c := claim(key, 1)
	f.claim(c)
	b.Receipt = &receipt.Pending[[]document.Result]{Claim: c, Outcome: func(results []document.Result) receipt.Outcome { return answered(fmt.Sprint(results)) }}
	return b, c
}

// wantLost wants that the owner of c can do nothing.
func (f fixture) wantLost(c receipt.Claim) {
	f.Helper()
	wantError(f, f.SettleReceipt(f.Context(), c, answered("late")), receipt.ErrLost)
	wantError(f, f.RenewReceipt(f.Context(), c), receipt.ErrLost)
	wantError(f, f.ReleaseReceipt(f.Context(), c), nil)
}

// receipt returns the receipt of c as it is, which nobody can claim.
func (f fixture) receipt(c receipt.Claim) receipt.Stored {
	f.Helper()
	other := c
	other.Owner[0] ^= 0xff
	stored, claimed := f.claim(other)
	if claimed {
		f.Fatal("nobody had it")
	}
	return stored
}

func (f fixture) wantAnswer(c receipt.Claim, text string) {
	f.Helper()
	wantEqual(f, f.receipt(c), receipt.Stored{Claim: c, Outcome: answered(text)})
}

func (f fixture) wantAnswered(c receipt.Claim) {
	f.Helper()
	if f.receipt(c).Answer == nil {
		f.Error("there is no answer")
	}
}

func (f fixture) wantRunning(c receipt.Claim) {
	f.Helper()
	wantEqual(f, f.receipt(c), receipt.Stored{Claim: c})
}

// unmarked are the results as a receipt is given them: before they are committed, and have a place in the feed.
func unmarked(results []document.Result) []document.Result {
	list := slices.Clone(results)
	for i := range list {
		list[i].Mark = change.Mark{}
	}
	return list
}
