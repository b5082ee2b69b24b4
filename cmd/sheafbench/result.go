package main

import (
	"fmt"
	"math"
	"strings"
)

// measure is what variants are compared by.
type measure string

// Of these more is better of perSecond alone.
const (
	perSecond  measure = "per second"
	p50        measure = "p50"
	p99        measure = "p99"
	residentIn measure = "MiB"
)

func (m measure) of(r result) float64 {
	switch m {
	case p50:
		return r.P50Micro
	case p99:
		return r.P99Micro
	case residentIn:
		return r.ResidentMiB
	}
	return r.PerSecond
}

// mark is what a figure has to reach, and what it is to reach one day. The zero value is none.
type mark struct{ floor, goal float64 }

// result is one variant of one workload.
type result struct {
	Workload    string  `json:"workload"`
	Variant     string  `json:"variant"`
	Connections int     `json:"connections,omitempty"`
	PerSecond   float64 `json:"perSecond,omitempty"`
	P50Micro    float64 `json:"p50Micros,omitempty"`
	P99Micro    float64 `json:"p99Micros,omitempty"`
	CPUMicro    float64 `json:"serverCpuMicrosPerRequest,omitempty"`
	DBMicro     float64 `json:"databaseCpuMicrosPerRequest,omitempty"`
	ResidentMiB float64 `json:"serverResidentMiB,omitempty"`
	// Ratio is what Compared names, over that of Base in the same run.
	Ratio    float64 `json:"ratio,omitempty"`
	Base     string  `json:"base,omitempty"`
	Compared measure `json:"compared,omitempty"`
	// Floor and Goal are for Ratio, or without a Base for what Compared names.
	Floor float64 `json:"floor,omitempty"`
	Goal  float64 `json:"goal,omitempty"`
	// Note is what else there is to say.
	Note string `json:"note,omitempty"`
}

// figure is what Floor and Goal are about.
func (r result) figure() float64 {
	if r.Base == "" {
		return r.Compared.of(r)
	}
	return r.Ratio
}

// says writes the figure.
func (r result) says() string {
	switch {
	case r.Base != "":
		return fmt.Sprintf("%.2f × %s", r.Ratio, r.Base)
	case r.Compared != "":
		return fmt.Sprintf("%.0f %s", r.figure(), r.Compared)
	}
	return ""
}

// reaches says whether the figure is as good as a bound, as both are printed.
func (r result) reaches(bound float64) bool {
	figure := math.Round(r.figure()*100) / 100
	if r.Compared == perSecond {
		return figure >= bound
	}
	return figure <= bound
}

// verdict says how the figure stands to floor and goal; it is empty where there is none.
func (r result) verdict() string {
	switch {
	case r.Floor == 0 && r.Goal == 0:
		return ""
	case r.Goal != 0 && r.reaches(r.Goal):
		return "goal met"
	case r.Floor == 0:
		return "goal not met"
	case r.reaches(r.Floor):
		return "floor met"
	}
	return "floor not met"
}

// notes adds to the note.
func (r *result) notes(format string, args ...any) {
	if r.Note != "" {
		r.Note += ", "
	}
	r.Note += fmt.Sprintf(format, args...)
}

// find returns the row of a variant.
func find(rows []result, variant string) *result {
	for i := range rows {
		if rows[i].Variant == variant {
			return &rows[i]
		}
	}
	return &result{}
}

// summary renders what is compared with a baseline, or has a floor, as Markdown.
func summary(results []result) string {
	var b strings.Builder
	b.WriteString("| work | measured | compared by | floor | goal | |\n| --- | ---: | --- | ---: | ---: | --- |\n")
	for _, r := range results {
		if !r.counts() {
			continue
		}
		bound := func(x float64) string {
			if x == 0 {
				return ""
			}
			return fmt.Sprintf("%s %.4g", map[bool]string{true: "≥", false: "≤"}[r.Compared == perSecond], x)
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s |\n", r.title(), r.says(), r.Compared, bound(r.Floor), bound(r.Goal), r.verdict())
	}
	return b.String()
}

// counts says whether a row belongs into summary and chart: Sheaf beside a baseline, and whatever has a floor or a goal.
func (r result) counts() bool {
	return r.verdict() != "" || r.Variant == "sheaf" && r.Base != ""
}

// title names the row where its variants are not beside it.
func (r result) title() string {
	if r.Variant == "sheaf" {
		return r.Workload
	}
	return r.Workload + ": " + r.Variant
}

// table renders results as Markdown.
func table(results []result) string {
	var b strings.Builder
	b.WriteString("| workload | variant | per second | p50 | p99 | server CPU | database CPU | resident | ratio | |\n| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n")
	cell := func(format string, x float64) string {
		if x == 0 {
			return ""
		}
		return fmt.Sprintf(format, x)
	}
	for _, r := range results {
		ratio := ""
		if r.Base != "" {
			ratio = r.says()
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s | %s | %s | %s |\n", r.Workload, r.Variant, cell("%.0f", r.PerSecond), cell("%.0f µs", r.P50Micro), cell("%.0f µs", r.P99Micro),
			cell("%.0f µs", r.CPUMicro), cell("%.0f µs", r.DBMicro), cell("%.0f MiB", r.ResidentMiB), ratio, r.Note)
	}
	return b.String()
}
