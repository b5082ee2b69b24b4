package main

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestPercentile(t *testing.T) {
	t.Parallel()
	hundred := make([]time.Duration, 100)
	for i := range hundred {
		hundred[i] = time.Duration(i + 1)
	}
	tests := []struct {
		of   []time.Duration
		p    int
		want time.Duration
	}{
		{hundred, 50, 50}, {hundred, 99, 99}, {hundred, 100, 100}, {hundred, 0, 1}, {hundred[:1], 99, 1}, {hundred[:10], 99, 10}, {hundred[:10], 50, 5}, {hundred[:3], 50, 2},
	}
	for _, test := range tests {
		if got := percentile(test.of, test.p); got != test.want {
			t.Errorf("%d of %d values: %d, want %d", test.p, len(test.of), got, test.want)
		}
	}
}

func TestMeasured(t *testing.T) {
	t.Parallel()
	var r result
	r.measured(slice{elapsed: 2 * time.Second, latencies: []time.Duration{3000, 1000, 2000, 4000}, cpu: 8 * time.Millisecond, database: 4 * time.Millisecond})
	if r.PerSecond != 2 || r.P50Micro != 2 || r.P99Micro != 4 || r.CPUMicro != 2000 || r.DBMicro != 1000 {
		t.Errorf("got %+v", r)
	}
	var none result
	none.measured(slice{elapsed: time.Second})
	if none != (result{}) {
		t.Errorf("of nothing: %+v", none)
	}
}

func TestCompare(t *testing.T) {
	t.Parallel()
	rows := []result{{Variant: "sheaf", PerSecond: 300, P50Micro: 20, P99Micro: 90}, {Variant: "pgx", PerSecond: 200, P50Micro: 40, P99Micro: 30}}
	for by, want := range map[measure]float64{perSecond: 1.5, p50: 0.5, p99: 3} {
		compare(rows, "pgx", by)
		if rows[0].Ratio != want || rows[0].Base != "pgx" || rows[0].Compared != by || rows[1].Base != "" {
			t.Errorf("by %s: %+v", by, rows)
		}
	}
}

func TestVerdict(t *testing.T) {
	t.Parallel()
	ratio := func(figure float64, by measure, m mark) result {
		return result{Base: "pgx", Ratio: figure, Compared: by, Floor: m.floor, Goal: m.goal}
	}
	tests := []struct {
		r    result
		want string
	}{
		{ratio(1.99, perSecond, markCached), "floor not met"},
		{ratio(1.996, perSecond, markCached), "floor met"}, // as it is printed: 2.00
		{ratio(2, perSecond, markCached), "floor met"},
		{ratio(2.8, perSecond, markCached), "goal met"},
		{ratio(1.16, p50, markOneClient), "floor not met"},
		{ratio(1.15, p50, markOneClient), "floor met"},
		{ratio(0.4, p50, markOneClient), "goal met"},
		{ratio(2.01, p99, markBuilding), "floor not met"},
		{ratio(0.5, p99, markBuilding), "floor met"},
		{ratio(3, perSecond, mark{}), ""},
		{result{ResidentMiB: 61, Compared: residentIn, Floor: 60, Goal: 30}, "floor not met"},
		{result{ResidentMiB: 59, Compared: residentIn, Floor: 60, Goal: 30}, "floor met"},
		{result{ResidentMiB: 29, Compared: residentIn, Floor: 60, Goal: 30}, "goal met"},
	}
	for _, test := range tests {
		if got := test.r.verdict(); got != test.want {
			t.Errorf("%s: %q, want %q", test.r.says(), got, test.want)
		}
	}
}

func TestCounters_Tell(t *testing.T) {
	t.Parallel()
	before := counters{`sheaf_cache_reads_total{layer="memory",result="hit"}`: 10, `sheaf_cache_reads_total{layer="memory",result="miss"}`: 10}
	after := counters{
		`sheaf_cache_reads_total{layer="memory",result="hit"}`: 40, `sheaf_cache_reads_total{layer="memory",result="miss"}`: 20,
		"sheaf_postgres_batches_total": 25, "sheaf_postgres_transactions_total": 2,
	}
	got := after.plus(before.times(-1)).tell([]share{readsFromMemory, readsTogether, writesTogether})
	if want := "0.75 of reads from memory, 12.5 writes a commit"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// someResults are of each kind that the chart and the tables have.
var someResults = []result{
	{Workload: "read & check", Variant: "sheaf", Base: "pgx", Ratio: 1.5, Compared: perSecond, Floor: 2, Goal: 2.5},
	{Workload: "read & check", Variant: "pgx", PerSecond: 10},
	{Workload: "read, by size", Variant: "1,000,000 documents", Base: "1,000 documents", Ratio: 0.9, Compared: perSecond, Floor: 0.77, Goal: 1},
	{Workload: "patch", Variant: "sheaf", Base: "pgx", Ratio: 0.5, Compared: perSecond},
	{Workload: "one client", Variant: "sheaf", Base: "pgx", Ratio: 0.5, Compared: p50, Floor: 1.15, Goal: 1},
	{Workload: "memory", Variant: "sheaf", ResidentMiB: 45, Compared: residentIn, Floor: 60, Goal: 30},
}

func TestSummary(t *testing.T) {
	t.Parallel()
	want := `| work | measured | compared by | floor | goal | |
| --- | ---: | --- | ---: | ---: | --- |
| read & check | 1.50 × pgx | per second | ≥ 2 | ≥ 2.5 | floor not met |
| read, by size: 1,000,000 documents | 0.90 × 1,000 documents | per second | ≥ 0.77 | ≥ 1 | floor met |
| patch | 0.50 × pgx | per second |  |  |  |
| one client | 0.50 × pgx | p50 | ≤ 1.15 | ≤ 1 | goal met |
| memory | 45 MiB | MiB | ≤ 60 | ≤ 30 | floor met |
`
	if got := summary(someResults); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

// drawing is what the test reads of a chart.
type drawing struct {
	Title string `xml:"title"`
	Desc  string `xml:"desc"`
	Heads []struct {
		Class string `xml:"class,attr"`
		Text  string `xml:",chardata"`
	} `xml:"text"`
	Groups []struct {
		Rect []struct {
			Class string  `xml:"class,attr"`
			X     float64 `xml:"x,attr"`
			Width float64 `xml:"width,attr"`
		} `xml:"rect"`
		Marks []struct {
			D string `xml:"d,attr"`
		} `xml:"path"`
		Text []string `xml:"text"`
	} `xml:"g"`
}

func TestChart(t *testing.T) {
	t.Parallel()
	text, err := chart(someResults)
	if err != nil {
		t.Fatal(err)
	}
	var d drawing
	if err := xml.Unmarshal(text, &d); err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	if d.Title == "" || !strings.Contains(d.Desc, "read & check: 1.50 × pgx, floor not met; ") || !strings.HasSuffix(d.Desc, "memory: 45 MiB, floor met.") {
		t.Errorf("title %q, description %q", d.Title, d.Desc)
	}
	if !bytes.Contains(text, []byte("prefers-color-scheme: dark")) || !bytes.Contains(text, []byte(`role="img"`)) {
		t.Error("it has no dark mode, or is no image to those who listen")
	}
	var heads int
	for _, h := range d.Heads {
		if h.Class == "head" {
			heads++
		}
	}
	if heads != 3 {
		t.Errorf("%d panels, want one for each measure", heads)
	}
	bars := d.Groups[1:] // the first is the legend
	wants := []struct {
		name, class string
		width       float64
		marks       int
	}{
		// The longest of the first panel, the goal of 2.5, is the end of the scale.
		{"read & check", "short", chartBars * 1.5 / 2.5, 2}, {"read, by size: 1,000,000 documents", "floor", chartBars * 0.9 / 2.5, 2}, {"patch", "plain", chartBars * 0.5 / 2.5, 0},
		{"one client", "goal", chartBars * 0.5 / 1.2, 2}, {"memory", "floor", chartBars * 45. / 60, 2},
	}
	if len(bars) != len(wants) {
		t.Fatalf("%d bars, want %d", len(bars), len(wants))
	}
	for i, want := range wants {
		b := bars[i]
		if b.Text[0] != want.name || b.Rect[0].Class != want.class || len(b.Marks) != want.marks || b.Rect[0].X != chartLeft || b.Rect[0].Width-want.width > 0.1 || want.width-b.Rect[0].Width > 0.1 {
			t.Errorf("bar %d: %+v, want %+v", i, b, want)
		}
	}
}

func TestTickStep(t *testing.T) {
	t.Parallel()
	for longest, want := range map[float64]float64{0.5: 0.1, 1: 0.2, 1.15: 0.2, 2.8: 0.5, 8: 1, 9: 2, 60: 10, 100: 20} {
		got := tickStep(longest)
		if got-want > 1e-9 || want-got > 1e-9 {
			t.Errorf("of %v: %v, want %v", longest, got, want)
		}
	}
}

func TestReport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	page := filepath.Join(dir, "performance.md")
	if err := os.WriteFile(page, []byte("before\n"+tablesBegin+"old\n"+tablesEnd+"after\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := report{json: filepath.Join(dir, "r.json"), docs: dir}
	for range 2 { // what is there is replaced, and not added to
		var out bytes.Buffer
		if err := r.write(&out, about{Connections: 32}, someResults); err != nil || !strings.Contains(out.String(), "| memory | 45 MiB |") {
			t.Fatalf("%v: %s", err, out.String())
		}
	}
	read := func(name string) string {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
		}
		return string(text)
	}
	got := read("performance.md")
	if !strings.HasPrefix(got, "before\n"+tablesBegin) || !strings.HasSuffix(got, tablesEnd+"after\n") || strings.Contains(got, "old") || strings.Count(got, "| memory | 45 MiB |") != 1 {
		t.Errorf("the page is\n%s", got)
	}
	if text := read("r.json"); text != read("performance.json") || !strings.Contains(text, `"workload": "memory"`) {
		t.Errorf("the figures are %s", text)
	}
	if !strings.HasPrefix(read("performance.svg"), "<svg") {
		t.Error("the chart is none")
	}
	if err := os.WriteFile(page, []byte("no place"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := r.write(io.Discard, about{}, someResults); err == nil {
		t.Error("a page without a place for tables is written")
	}
}

func TestChosen(t *testing.T) {
	t.Parallel()
	list, err := chosen("create,list")
	if err != nil || len(list) != 2 || list[0].name != "list" || list[1].name != "create" {
		t.Errorf("got %v, %v", list, err)
	}
	if all, err := chosen(""); err != nil || len(all) != len(workloads) {
		t.Errorf("%d of all, %v", len(all), err)
	}
	if _, err := chosen("list,get"); err == nil || !strings.Contains(err.Error(), `"get"`) {
		t.Errorf("an unknown one: %v", err)
	}
}

func TestSizes(t *testing.T) {
	t.Parallel()
	var s sizes
	if err := s.Set("1,20"); err != nil || s.String() != "1,20" {
		t.Errorf("got %s, %v", s.String(), err)
	}
	for _, bad := range []string{"", "0", "1,x", "-1"} {
		if s.Set(bad) == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1_234_567: "1,234,567"} {
		if got := number(n); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestDisconnected(t *testing.T) {
	t.Parallel()
	if !disconnected(io.ErrUnexpectedEOF) || disconnected(errors.New("status 500")) || disconnected(nil) {
		t.Error("what only a kill explains is told from a failure wrongly")
	}
}
