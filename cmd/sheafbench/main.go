// Command sheafbench measures a Sheaf server against what could have been written by hand, side by side in one run.
//
// It starts a private PostgreSQL, a Sheaf server as a process of its own, and two baselines, also processes:
//
//	http  bare net/http answering the same bytes from memory
//	pgx   bare net/http with one prepared statement for each request on a table (id, doc jsonb): no validation, history, feed or conditions
//
// The variants take turns in short slices, so that whatever else the machine does falls on all of them; a figure is a
// ratio to a baseline of the same run. The load is a closed loop of connections over loopback.
// Start at workloads.go for what is measured.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// options are the command's flags.
type options struct {
	server      string
	connections int
	slice       time.Duration
	rounds      int
	documents   int
	collections int
	scales      sizes
	imported    int
	only        string
	jsonFile    string
}

// sizes are numbers, separated by commas.
type sizes []int

// String writes them as Set reads them.
func (s *sizes) String() string {
	return strings.Trim(strings.ReplaceAll(fmt.Sprint([]int(*s)), " ", ","), "[]")
}

// Set reads them.
func (s *sizes) Set(text string) error {
	*s = nil
	for word := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(word)
		if err != nil || n < 1 {
			return fmt.Errorf("%q is not a number of at least 1", word)
		}
		*s = append(*s, n)
	}
	return nil
}

func main() {
	if len(os.Args) > 1 && strings.HasPrefix(os.Args[1], "baseline-") {
		if err := baseline(os.Args[1], os.Args[2:]); err != nil {
			fmt.Fprintln(os.Stderr, "sheafbench:", err)
			os.Exit(1)
		}
		return
	}
	var o options
	flag.StringVar(&o.server, "server", "bin/sheaf", "the sheaf program to measure")
	flag.IntVar(&o.connections, "connections", 32, "connections of the load")
	flag.DurationVar(&o.slice, "slice", time.Second, "how long a variant runs before the next has its turn")
	flag.IntVar(&o.rounds, "rounds", 5, "turns of each variant")
	flag.IntVar(&o.documents, "documents", 100_000, "documents in the collection that is read")
	flag.IntVar(&o.collections, "collections", 5000, "collections of the flatness workload; 0 leaves it out")
	o.scales = sizes{1000, 100_000, 1_000_000}
	flag.Var(&o.scales, "scales", "sizes of the collections that are compared, separated by commas")
	flag.IntVar(&o.imported, "import", 10_000, "documents of an import")
	flag.StringVar(&o.only, "only", "", "names of workloads, separated by commas; empty is all")
	flag.StringVar(&o.jsonFile, "json", "", "file for the results as JSON")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := measure(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "sheafbench:", err)
		os.Exit(1)
	}
}

func measure(ctx context.Context, o options) error {
	s, err := openStage(ctx, o)
	if err != nil {
		return err
	}
	defer s.close()
	var results []result
	for _, w := range workloads {
		if o.only != "" && !strings.Contains(","+o.only+",", ","+w.name+",") {
			continue
		}
		if !w.alone {
			if err := fill(ctx, s); err != nil {
				return err
			}
		}
		fmt.Fprintf(os.Stderr, "measuring %s\n", w.name)
		rows, err := w.run(ctx, s)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		results = append(results, rows...)
	}
	fmt.Print(table(results))
	fmt.Printf("\n%d connections, %d x %s for each variant, %d documents of about 600 B; %s, %d cores.\n",
		o.connections, o.rounds, o.slice, o.documents, runtime.Version(), runtime.NumCPU())
	if o.jsonFile == "" {
		return nil
	}
	text, err := json.MarshalIndent(results, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(o.jsonFile, append(text, '\n'), 0o644)
}

// result is one variant of one workload.
type result struct {
	Workload    string  `json:"workload"`
	Variant     string  `json:"variant"`
	PerSecond   float64 `json:"perSecond"`
	P50Micro    float64 `json:"p50Micros"`
	P99Micro    float64 `json:"p99Micros"`
	CPUMicro    float64 `json:"serverCpuMicrosPerRequest"`
	DBMicro     float64 `json:"databaseCpuMicrosPerRequest"`
	ResidentMiB float64 `json:"serverResidentMiB"`
	// Ratio is PerSecond over that of Base in the same run; at one client it is the p50 over that of Base.
	Ratio float64 `json:"ratio,omitempty"`
	Base  string  `json:"base,omitempty"`
	// Note is what else there is to say.
	Note string `json:"note,omitempty"`
}

// table renders results as Markdown.
func table(results []result) string {
	var b strings.Builder
	b.WriteString("| workload | variant | per second | p50 | p99 | server CPU | database CPU | resident | ratio | |\n| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n")
	for _, r := range results {
		ratio := ""
		if r.Base != "" {
			ratio = fmt.Sprintf("%.2f x %s", r.Ratio, r.Base)
		}
		fmt.Fprintf(&b, "| %s | %s | %.0f | %.0f µs | %.0f µs | %.0f µs | %.0f µs | %.0f MiB | %s | %s |\n",
			r.Workload, r.Variant, r.PerSecond, r.P50Micro, r.P99Micro, r.CPUMicro, r.DBMicro, r.ResidentMiB, ratio, r.Note)
	}
	return b.String()
}
