package change_test

import (
	"strings"
	"testing"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/fault"
)

func TestToken_RoundTrip(t *testing.T) {
	t.Parallel()
	all := []change.Mark{}
	for b := range int32(change.Buckets) {
		all = append(all, change.Mark{Bucket: b, Position: 1 << 62})
	}
	for _, marks := range [][]change.Mark{{}, {{Bucket: 0, Position: 1}}, {{Bucket: 63, Position: 1 << 40}, {Bucket: 2, Position: 7}}, all} {
		token := change.NewToken(marks...)
		back, err := change.ParseToken(token.Format())
		if err != nil {
			t.Fatalf("%v: %v", marks, err)
		}
		for _, m := range marks {
			if back.At(m.Bucket) != m.Position {
				t.Errorf("%v: bucket %d is at %d", marks, m.Bucket, back.At(m.Bucket))
			}
		}
		if back.IsZero() != (len(marks) == 0) || back.At(64) != 0 || back.Format() != token.Format() {
			t.Errorf("%v came back as %v", marks, back)
		}
	}
}

func TestToken_HighestCounts(t *testing.T) {
	t.Parallel()
	token := change.NewToken(change.Mark{Bucket: 3, Position: 5}, change.Mark{Bucket: 3, Position: 9}, change.Mark{Bucket: 1}, change.Mark{Bucket: 3, Position: 2})
	if token.At(3) != 9 || token.At(1) != 0 {
		t.Errorf("got %v", token)
	}
	if !change.NewToken(change.Mark{Bucket: 1}).IsZero() {
		t.Error("position 0 asks for something")
	}
}

func TestParseToken_Damaged(t *testing.T) {
	t.Parallel()
	good := change.NewToken(change.Mark{Bucket: 3, Position: 500}).Format()
	for _, text := range []string{
		"x", "t1-", "t2" + good[2:], good + "A", good[:len(good)-1], strings.ToUpper(good), good + "=", " " + good, "t1-AAAA", "t1-" + strings.Repeat("A", 4000),
	} {
		if _, err := change.ParseToken(text); fault.KindOf(err) != fault.Malformed || fault.CodeOf(err) != "consistency.token" {
			t.Errorf("%q: got %v", text, err)
		}
	}
}

func FuzzParseToken(f *testing.F) {
	f.Add("")
	f.Add(change.NewToken(change.Mark{Bucket: 3, Position: 500}).Format())
	f.Add(change.NewToken(change.Mark{Bucket: 0, Position: 1}, change.Mark{Bucket: 63, Position: 1 << 62}).Format())
	f.Fuzz(func(t *testing.T, text string) {
		token, err := change.ParseToken(text)
		if err == nil && token.Format() != text {
			t.Errorf("%q came back as %q", text, token.Format())
		}
	})
}
