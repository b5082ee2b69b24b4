package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
)

// contender is a variant of a workload.
type contender struct {
	name   string
	target *target
	ask    asking
	verify check
	tells  []share
	mark   mark
}

// share is a ratio of a server's counters that explains a figure.
type share struct {
	says  string // with a verb for the ratio
	of    []string
	among []string
}

// What explains figures of a Sheaf server.
var (
	readsFromMemory = share{
		"%.2f of reads from memory",
		[]string{`sheaf_cache_reads_total{layer="memory",result="hit"}`},
		[]string{`sheaf_cache_reads_total{layer="memory",result="hit"}`, `sheaf_cache_reads_total{layer="memory",result="miss"}`, `sheaf_cache_reads_total{layer="memory",result="bypass"}`},
	}
	readsTogether  = share{"%.1f reads a statement", []string{"sheaf_postgres_reads_total"}, []string{"sheaf_postgres_read_statements_total"}}
	writesTogether = share{"%.1f writes a commit", []string{"sheaf_postgres_batches_total"}, []string{"sheaf_postgres_transactions_total"}}
)

// race lets variants of a workload take turns.
type race struct {
	work string
	// connections are those of the load; 0 is as many as the options say.
	connections int
	by          measure // "" is perSecond
	// base names the contender that the others are compared with.
	base       string
	contenders []contender
}

// run returns a row for each contender.
func (r race) run(ctx context.Context, s *stage) ([]result, error) {
	if r.connections == 0 {
		r.connections = s.connections
	}
	if r.by == "" {
		r.by = perSecond
	}
	for _, c := range r.contenders { // warm up
		if _, err := hit(ctx, c.target.addr, load{connections: r.connections, duration: s.slice / 2}, c.ask, c.verify); err != nil {
			return nil, fmt.Errorf("%s: %s: %w", r.work, c.name, err)
		}
	}
	sums, told := make([]slice, len(r.contenders)), make([]counters, len(r.contenders))
	for round := range s.rounds {
		for i := range r.contenders {
			k := (i + round) % len(r.contenders)
			one, counted, err := r.turn(ctx, s, r.contenders[k])
			if err != nil {
				return nil, fmt.Errorf("%s: %s: %w", r.work, r.contenders[k].name, err)
			}
			sums[k].add(one)
			told[k] = told[k].plus(counted)
		}
	}
	rows := make([]result, len(r.contenders))
	for i, c := range r.contenders {
		rows[i] = result{Workload: r.work, Variant: c.name, Connections: r.connections, ResidentMiB: c.target.residentMiB(), Note: told[i].tell(c.tells)}
		rows[i].measured(sums[i])
		rows[i].Floor, rows[i].Goal = c.mark.floor, c.mark.goal
	}
	compare(rows, r.base, r.by)
	return rows, ctx.Err()
}

// turn is one slice of a contender, with what its server counted meanwhile.
func (r race) turn(ctx context.Context, s *stage, c contender) (slice, counters, error) {
	var before, after counters
	var err error
	if len(c.tells) > 0 {
		if before, err = scrape(ctx, c.target); err != nil {
			return slice{}, nil, err
		}
	}
	cpu, database := c.target.cpu(), s.databaseCPU()
	one, err := hit(ctx, c.target.addr, load{connections: r.connections, duration: s.slice}, c.ask, c.verify)
	if err != nil {
		return slice{}, nil, err
	}
	one.cpu, one.database = c.target.cpu()-cpu, s.databaseCPU()-database
	if len(c.tells) > 0 {
		after, err = scrape(ctx, c.target)
	}
	return one, after.plus(before.times(-1)), err
}

// measured fills in what slices came to.
func (r *result) measured(all slice) {
	slices.Sort(all.latencies)
	n := float64(len(all.latencies))
	if n == 0 {
		return
	}
	r.PerSecond = n / all.elapsed.Seconds()
	r.P50Micro, r.P99Micro = micros(percentile(all.latencies, 50)), micros(percentile(all.latencies, 99))
	r.CPUMicro, r.DBMicro = micros(all.cpu)/n, micros(all.database)/n
}

// percentile returns the smallest of sorted values that at least p of a hundred do not exceed (the nearest rank).
func percentile(sorted []time.Duration, p int) time.Duration {
	return sorted[max((len(sorted)*p+99)/100-1, 0)]
}

// compare fills in the ratios to the row of base.
func compare(rows []result, base string, by measure) {
	i := slices.IndexFunc(rows, func(r result) bool { return r.Variant == base })
	if i < 0 {
		return
	}
	for k := range rows {
		if k != i {
			rows[k].Base, rows[k].Compared, rows[k].Ratio = base, by, by.of(rows[k])/by.of(rows[i])
		}
	}
}

func micros(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// counters are a server's metrics by name and labels.
type counters map[string]float64

func (c counters) plus(other counters) counters {
	sum := counters{}
	for _, part := range []counters{c, other} {
		for name, value := range part {
			sum[name] += value
		}
	}
	return sum
}

func (c counters) times(factor float64) counters {
	product := counters{}
	for name, value := range c {
		product[name] = factor * value
	}
	return product
}

func (c counters) sum(names []string) float64 {
	var sum float64
	for _, name := range names {
		sum += c[name]
	}
	return sum
}

// tell says the shares in words, those of nothing left out.
func (c counters) tell(shares []share) string {
	var words []string
	for _, x := range shares {
		if among := c.sum(x.among); among > 0 {
			words = append(words, fmt.Sprintf(x.says, c.sum(x.of)/among))
		}
	}
	return strings.Join(words, ", ")
}
