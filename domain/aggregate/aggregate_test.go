package aggregate_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"iter"
	"testing"
	"time"

	"github.com/sheafdb/sheaf/domain/aggregate"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
)

// reading is what a pipeline reads where there are only these documents.
func reading(documents ...string) aggregate.Reader {
	return aggregate.Reader{
		Documents: func() iter.Seq2[query.Vars, error] {
			return func(yield func(query.Vars, error) bool) {
				for i, text := range documents {
					tree, err := jsontext.Decode([]byte(text))
					if !yield(query.DocumentVars(tree, fmt.Sprint("d", i), 1, time.Unix(0, 0), time.Unix(0, 0)), err) {
						return
					}
				}
			}
		}(),
		Check: func() error { return nil },
	}
}

func ExamplePipeline_Run() {
	stages, _ := jsontext.Decode([]byte(`[{"group": {"by": {"city": "doc.city"}, "fields": {"total": {"sum": "doc.total"}}}}]`))
	pipeline, err := aggregate.Parse(stages, "/stages", aggregate.Source{})
	if err != nil {
		fmt.Println(err)
		return
	}
	err = pipeline.Run(reading(`{"city": "Rome", "total": 0.10}`, `{"total": 1}`, `{"city": "Rome", "total": 0.20}`), func(row []byte) error {
		fmt.Println(string(row))
		return nil
	})
	fmt.Println(err)
	// Output:
	// {"city": "Rome", "total": 0.30}
	// {"city": null, "total": 1}
	// <nil>
}

// The order of rows is that of indexes, as far as these look at a value.
func TestCompare(t *testing.T) {
	t.Parallel()
	var values []any
	for _, text := range []string{
		`false`, `true`, `-1.5`, `-1`, `0`, `0.00`, `0.1`, `1`, `1.0`, `10`, `9223372036854775809`, `""`, `"a"`, `"a\u0001"`, `"aa"`, `"ä"`, `[]`, `[false]`, `[1]`, `[1, null]`, `[1.0, 2]`, `[[1]]`, `[null]`,
		`{}`, `{"a": 1}`, `{"a": 1, "b": null}`, `{"a": 2}`, `{"aa": 0}`, `{"b": 1}`, `null`,
	} {
		tree, err := jsontext.Decode([]byte(text))
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, tree)
	}
	for _, a := range values {
		for _, b := range values {
			if got, want := aggregate.Compare(a, b), index.Compare(a, b); cmp.Compare(got, 0) != want {
				t.Errorf("%v and %v: got %d, want %d", a, b, got, want)
			}
		}
	}
}

func TestBucket_Label(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		at, zone string
		unit     aggregate.Unit
		want     string
	}{
		{"2024-02-29T23:59:59.9Z", "UTC", aggregate.Month, "2024-02-01"},
		{"2024-12-31T23:30:00Z", "Europe/Berlin", aggregate.Year, "2025-01-01"},
		{"2024-12-31T23:30:00Z", "UTC", aggregate.Quarter, "2024-10-01"},
		{"2024-12-29T12:00:00Z", "UTC", aggregate.Week, "2024-12-23"}, // a Sunday
		{"2024-12-30T12:00:00Z", "UTC", aggregate.Week, "2024-12-30"},
		{"0001-01-01T00:00:00Z", "America/New_York", aggregate.Day, ""},
		{"0001-01-01T00:00:00Z", "UTC", aggregate.Week, "0001-01-01"},
		{"9999-12-31T23:00:00Z", "Europe/Berlin", aggregate.Day, ""},
		{"2024-03-10T06:59:59Z", "America/New_York", aggregate.Hour, "2024-03-10T01:00:00-05:00"},
		{"2024-03-10T07:00:00Z", "America/New_York", aggregate.Hour, "2024-03-10T03:00:00-04:00"},
		{"2017-10-15T03:30:00Z", "America/Sao_Paulo", aggregate.Day, "2017-10-15"}, // a day without a midnight
		{"2024-05-07T12:34:56Z", "Asia/Kathmandu", aggregate.Minute, "2024-05-07T18:19:00+05:45"},
	} {
		instant, ok := query.ParseInstant(test.at)
		zone, err := time.LoadLocation(test.zone)
		if !ok || err != nil {
			t.Fatal(test, err)
		}
		b := aggregate.Bucket{Unit: test.unit, Zone: zone}
		if got, _ := b.Label(instant); got != test.want {
			t.Errorf("%s by %s in %s: got %q, want %q", test.at, test.unit, test.zone, got, test.want)
		}
	}
}

// Averages are rounded once, from the exact quotient.
func TestAverage(t *testing.T) {
	t.Parallel()
	for values, want := range map[string]string{
		`[1, 2]`: "1.5", `[1, 1, 2]`: "1.3333333333333333", `[1, 2, 2]`: "1.6666666666666667", `[-1, -2, -2]`: "-1.6666666666666667", `[0.00]`: "0", `[10, 30]`: "20",
		`[0.0000000000000001, 0]`: "0.0000000000000001", `[0.0000000000000001, 0, 0]`: "0", `[-0.0000000000000001, 0]`: "-0.0000000000000001",
		`[123456789012345678901234567890, 1]`: "61728394506172839450617283945.5", `[1e300, 1e-300]`: "5" + fmt.Sprintf("%0299d", 0),
	} {
		stages, err := jsontext.Decode([]byte(`[{"unwind": {"path": "doc.l", "as": "n"}}, {"group": {"fields": {"avg": {"avg": "n"}}}}]`))
		if err != nil {
			t.Fatal(err)
		}
		p, err := aggregate.Parse(stages, "", aggregate.Source{})
		if err != nil {
			t.Fatal(err)
		}
		text, err := jsontext.Canonical(nil, []byte(`{"l": `+values+`}`), jsontext.Limits{})
		if err != nil {
			t.Fatal(err)
		}
		err = p.Run(reading(string(text)), func(row []byte) error {
			var got struct{ Avg json.Number }
			if err := json.Unmarshal(row, &got); err != nil || string(got.Avg) != want {
				t.Errorf("%s: got %s, %v; want %s", values, got.Avg, err, want)
			}
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
}

// Whatever the body is, it is read or refused, and what is read runs.
func FuzzParseRequest(f *testing.F) {
	for _, seed := range []string{
		`{"stages": []}`, `{"stages": [{"match": "doc.a > 1"}, {"unwind": {"path": "doc.l", "as": "x", "index": "i", "preserveEmpty": true}}, {"sort": ["x desc", "i"]}, {"skip": 1}, {"limit": 3}]}`,
		`{"stages": [{"group": {"by": {"k": "doc.a", "m": {"bucket": {"time": "createdAt", "unit": "week", "zone": "Asia/Kathmandu"}}}, "fields": {"n": {"count": true}, "p": {"percentile": "doc.a", "p": 0.5}, "c": {"collect": "doc", "limit": 2}}}}, {"project": {"x": "n + p"}}]}`,
		`{"stages": [{"facet": {"a": [{"limit": 1}], "b": [{"unwind": "doc.l"}]}}, {"unwind": "a"}], "allowScan": true, "explain": false}`, `{"stages": [{"project": {"a": "[doc.a, doc.l]"}}, {"unwind": "a"}]}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		text, err := jsontext.Canonical(nil, []byte(body), jsontext.Limits{Bytes: 1 << 16})
		if err != nil {
			return
		}
		r, err := aggregate.ParseRequest(text, aggregate.Source{})
		if err != nil {
			if fault.KindOf(err) != fault.Malformed || len(fault.Find(err).Violations) == 0 {
				t.Fatalf("%s: %v", text, err)
			}
			return
		}
		reader := reading(`{"a": 1, "l": [1, "x", null]}`, `{"a": "s", "l": {}}`, `{}`)
		checks := 0
		reader.Check = func() error {
			if checks++; checks > 100 {
				return aggregate.OverBudget(nil)
			}
			return nil
		}
		err = r.Pipeline.Run(reader, func(row []byte) error {
			tree, err := jsontext.Decode(row)
			if err != nil {
				t.Fatalf("%s: %s: %v", text, row, err)
			}
			if object, ok := tree.(map[string]any); !ok || len(object) != len(r.Pipeline.Columns) {
				t.Fatalf("%s: %s has not the columns %v", text, row, r.Pipeline.Columns)
			}
			return nil
		})
		if err != nil && fault.KindOf(err) != fault.TooLarge {
			t.Fatalf("%s: %v", text, err)
		}
	})
}
