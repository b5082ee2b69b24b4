package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/schema"
)

func TestSample_IsAdmitted(t *testing.T) {
	t.Parallel()
	var declared struct{ Schema json.RawMessage }
	if err := json.Unmarshal([]byte(declaration), &declared); err != nil {
		t.Fatal(err)
	}
	compiled, err := schema.Compile(declared.Schema, schema.DefaultLimits())
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{0, 1, 99_999, 1 << 40} {
		text := sample(n)
		doc, err := jsontext.Decode(text)
		if err != nil || len(text) < 500 || len(text) > 700 {
			t.Errorf("%d bytes, %v: %s", len(text), err, text)
		}
		if faults := compiled.Validate(doc); len(faults) > 0 {
			t.Errorf("%v: %s", faults, text)
		}
		if faults := compiled.Unknown(doc); len(faults) > 0 {
			t.Errorf("%v: %s", faults, text)
		}
	}
}

func envelopeOf(id string, data string) string {
	return fmt.Sprintf(`{"id":%q,"revision":3,"data":%s}`, id, data)
}

func TestIsDocument(t *testing.T) {
	t.Parallel()
	const n = 1000
	good := string(sample(7 + 5*n))
	change := func(old, with string) string { return strings.Replace(good, old, with, 1) }
	tests := []struct {
		name, body, says string
	}{
		{"the one", envelopeOf(documentID(7), good), ""},
		{"patched", envelopeOf(documentID(7), change(`"note":"`+sampleNote+`","total":7.07`, `"note":"patched 5","total":1.00`)), ""},
		{"another", envelopeOf(documentID(8), string(sample(8))), "asked for document 7"},
		{"the number of another", envelopeOf(documentID(7), string(sample(8))), "asked for document 7"},
		{"not whole", envelopeOf(documentID(7), change(`"city":"London"`, `"city":"Paris"`)), "is not that with number"},
		{"a number written otherwise", envelopeOf(documentID(7), change(`12.50`, `12.5`)), "is not that with number"},
		{"a total of another, not patched", envelopeOf(documentID(7), change(`"total":7.07`, `"total":8.07`)), "is not that with number"},
		{"without a revision", fmt.Sprintf(`{"id":%q,"data":%s}`, documentID(7), good), "no revision"},
		{"a failure", `{"type":"about:blank"}`, "document"},
		{"no JSON", `{`, "unexpected end"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			err := isDocument(n)(question{about: 7}, answer{body: []byte(test.body)})
			if (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want %q", err, test.says)
			}
		})
	}
	for i := range 50 {
		if got := another(i, n); got%n != i || got == i {
			t.Errorf("another number of %d is %d", i, got)
		}
	}
}

func TestIsNumber(t *testing.T) {
	t.Parallel()
	for body, right := range map[string]bool{
		envelopeOf("a-new-one", string(sample(5))): true, envelopeOf("a-new-one", string(sample(6))): false, envelopeOf("", string(sample(5))): false, `[]`: false,
	} {
		if err := isNumber(question{about: 5}, answer{body: []byte(body)}); (err == nil) != right {
			t.Errorf("%.60s: %v", body, err)
		}
	}
}

func TestIsPage(t *testing.T) {
	t.Parallel()
	page := func(numbers ...int) answer {
		var items []string
		for _, n := range numbers {
			items = append(items, envelopeOf(documentID(n), string(sample(n))))
		}
		return answer{body: []byte(`{"items":[` + strings.Join(items, ",") + `]}`)}
	}
	verify := isPage(3, -4, func(about int) int { return 20 + about })
	if err := verify(question{about: 1}, page(21, 17, 13)); err != nil {
		t.Error(err)
	}
	for name, wrong := range map[string]answer{
		"out of order": page(21, 13, 17), "another place": page(17, 13, 9), "one short": page(21, 17), "one too many": page(21, 17, 13, 9), "twice": page(21, 21, 17), "nothing": {body: []byte(`{}`)},
	} {
		if verify(question{about: 1}, wrong) == nil {
			t.Errorf("%s: taken for right", name)
		}
	}
	// The highest numbers of each status, of any number of documents.
	for n := 100; n < 104; n++ {
		for status := range statuses {
			var numbers []int
			for i := n - 1; len(numbers) < pageSize; i-- {
				if i%len(statuses) == status {
					numbers = append(numbers, i)
				}
			}
			if err := isNewest(n)(question{about: status}, page(numbers...)); err != nil {
				t.Errorf("%d documents, status %d: %v", n, status, err)
			}
		}
	}
}

func TestIsUnchanged(t *testing.T) {
	t.Parallel()
	verify := isUnchanged([]string{`"1"`, `"2"`}, isDocument(2))
	tests := []struct {
		name  string
		a     answer
		right bool
	}{
		{"unchanged", answer{304, `"2"`, nil}, true},
		{"changed", answer{200, `"2"`, []byte(envelopeOf(documentID(1), string(sample(1))))}, true},
		{"unchanged since another revision", answer{304, `"1"`, nil}, false},
		{"a body", answer{304, `"2"`, []byte("x")}, false},
		{"another document", answer{200, `"2"`, []byte(envelopeOf(documentID(0), string(sample(0))))}, false},
	}
	for _, test := range tests {
		if err := verify(question{about: 1}, test.a); (err == nil) != test.right {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

func TestIsTransacted(t *testing.T) {
	t.Parallel()
	results := func(step int, wrap string) answer {
		var all []string
		for i := range transacted {
			all = append(all, fmt.Sprintf(wrap, envelopeOf("x", string(sample(40+i*step)))))
		}
		return answer{body: []byte(`{"results":[` + strings.Join(all, ",") + `]}`)}
	}
	for _, wrap := range []string{`%s`, `{"id":"x","document":%s}`} {
		if err := isTransacted(question{about: 40}, results(1, wrap)); err != nil {
			t.Errorf("%s: %v", wrap, err)
		}
		if isTransacted(question{about: 41}, results(1, wrap)) == nil || isTransacted(question{about: 40}, results(0, wrap)) == nil {
			t.Errorf("%s: wrong results are taken for right", wrap)
		}
	}
	if isTransacted(question{}, answer{body: []byte(`{"results":[]}`)}) == nil {
		t.Error("no results are taken for right")
	}
}

func TestScattered(t *testing.T) {
	t.Parallel()
	for _, n := range []int{1, 10, 1000, 7919 * 2} {
		seen := map[int]bool{}
		for i := range n {
			seen[scattered(i, n)] = true
		}
		if len(seen) != n {
			t.Errorf("%d of %d are reached", len(seen), n)
		}
	}
}
