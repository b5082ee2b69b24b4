// Command sheafbench measures a Sheaf server against what could have been written by hand, side by side in one run.
//
// It starts a private PostgreSQL, a Sheaf server as a process of its own, and two baselines, also processes:
//
//	http  bare net/http answering the same bytes from memory
//	pgx   bare net/http with one prepared statement for each request on a table (id, doc jsonb): no validation, history, feed or conditions
//
// The variants take turns in short slices, so that whatever else the machine does falls on all of them; a figure is a
// ratio to a baseline of the same run. The load is a closed loop of connections over loopback, and of the answers one in
// 64 is compared with what has to be there.
// Start at workloads.go for what is measured; race.go has how, result.go and chart.go what becomes of it.
package main

import (
	"context"
	"flag"
	"fmt"
	"os"
	"os/signal"
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
	clients     sizes
	scales      sizes
	building    int
	imported    int
	only        string
	report      report
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
	o := options{clients: sizes{1, 8, 128}, scales: sizes{1000, 100_000, 1_000_000}}
	flag.StringVar(&o.server, "server", "bin/sheaf", "the sheaf program to measure")
	flag.IntVar(&o.connections, "connections", 32, "connections of the load")
	flag.DurationVar(&o.slice, "slice", 500*time.Millisecond, "how long a variant runs before the next has its turn")
	flag.IntVar(&o.rounds, "rounds", 5, "turns of each variant")
	flag.IntVar(&o.documents, "documents", 100_000, "documents in the collection that is read")
	flag.IntVar(&o.collections, "collections", 5000, "collections of the workload of that name; 0 leaves it out")
	flag.Var(&o.clients, "clients", "other numbers of connections that are compared, separated by commas")
	flag.Var(&o.scales, "scales", "sizes of the collections that are compared, separated by commas")
	flag.IntVar(&o.building, "build", 100_000, "documents of which an index is built")
	flag.IntVar(&o.imported, "import", 10_000, "documents of an import")
	flag.StringVar(&o.only, "only", "", "names of workloads, separated by commas; empty is all of "+names())
	flag.StringVar(&o.report.json, "json", "", "file for the results as JSON")
	flag.StringVar(&o.report.svg, "svg", "", "file for the results as a chart")
	flag.StringVar(&o.report.docs, "docs", "", "folder in which performance.md gets the tables, with performance.svg and performance.json beside it")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := measureAll(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "sheafbench:", err)
		os.Exit(1)
	}
}

// names lists the workloads.
func names() string {
	var all []string
	for _, w := range workloads {
		all = append(all, w.name)
	}
	return strings.Join(all, ", ")
}

// chosen returns the workloads that only names, in their order; all of them when it names none.
func chosen(only string) ([]workload, error) {
	if only == "" {
		return workloads, nil
	}
	wanted := map[string]bool{}
	for name := range strings.SplitSeq(only, ",") {
		wanted[name] = true
	}
	var list []workload
	for _, w := range workloads {
		if wanted[w.name] {
			list = append(list, w)
			delete(wanted, w.name)
		}
	}
	for name := range wanted {
		return nil, fmt.Errorf("there is no workload %q; there are %s", name, names())
	}
	return list, nil
}

func measureAll(ctx context.Context, o options) error {
	list, err := chosen(o.only)
	if err != nil {
		return err
	}
	s, err := openStage(ctx, o)
	if err != nil {
		return err
	}
	defer s.close()
	began := time.Now()
	var results []result
	for _, w := range list {
		if !w.alone {
			if err := fill(ctx, s); err != nil {
				return err
			}
		}
		fmt.Fprintf(os.Stderr, "%4.0f s: %s\n", time.Since(began).Seconds(), w.name)
		rows, err := w.run(ctx, s)
		if err != nil {
			return fmt.Errorf("%s: %w", w.name, err)
		}
		results = append(results, rows...)
	}
	fmt.Fprintf(os.Stderr, "%4.0f s: done\n", time.Since(began).Seconds())
	about, err := s.about(ctx)
	if err != nil {
		return err
	}
	return o.report.write(os.Stdout, about, results)
}
