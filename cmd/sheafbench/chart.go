package main

import (
	"bytes"
	_ "embed"
	"fmt"
	"math"
	"strings"
	"text/template"
)

//go:embed chart.svg.tmpl
var chartText string

var chartTemplate = template.Must(template.New("chart").Parse(chartText))

// Sizes of the chart, in its units: names stand left of the bars, figures right of them.
const (
	chartWidth = 1060
	chartLeft  = 400
	chartBars  = 380
	chartRow   = 22
	chartHead  = 34
	chartFoot  = 30
	chartTop   = 74
)

// chartPanel is bars that share a scale.
type chartPanel struct {
	Title        string
	Y, Top, Foot int
	Ticks        []chartTick
	Bars         []chartBar
}

type chartTick struct {
	X    float64
	Text string
}

type chartBar struct {
	Y           int
	Name        string
	Length      float64
	Says        string
	Class       string  // of its verdict
	Floor, Goal float64 // where they are, 0 for none
}

// chart draws what counts of the results as SVG: a panel for each measure, a bar for each figure, with floor and goal on it.
func chart(results []result) ([]byte, error) {
	var panels []chartPanel
	y := chartTop
	for _, p := range []struct {
		title    string
		measures []measure
	}{
		{"Throughput, as a multiple of what is named on the right: longer is better", []measure{perSecond}},
		{"Time, as a multiple of what is named on the right: shorter is better", []measure{p50, p99}},
		{"Memory of the server beside its cache, in MiB: shorter is better", []measure{residentIn}},
	} {
		var rows []result
		for _, r := range results {
			for _, m := range p.measures {
				if r.counts() && r.Compared == m {
					rows = append(rows, r)
				}
			}
		}
		if len(rows) > 0 {
			panel := drawPanel(p.title, y, rows)
			panels = append(panels, panel)
			y = panel.Foot + chartFoot
		}
	}
	var b bytes.Buffer
	err := chartTemplate.Execute(&b, map[string]any{
		"Width": chartWidth, "Height": y, "Left": chartLeft, "Right": chartLeft + chartBars, "Panels": panels, "Description": description(results),
	})
	return b.Bytes(), err
}

func drawPanel(title string, y int, rows []result) chartPanel {
	longest := 0.0
	for _, r := range rows {
		longest = max(longest, r.figure(), r.Floor, r.Goal)
	}
	step := tickStep(longest)
	end := math.Ceil(longest/step) * step
	at := func(x float64) float64 { return math.Round(x/end*chartBars*10) / 10 }
	panel := chartPanel{Title: title, Y: y + 14, Top: y + chartHead - 8, Foot: y + chartHead + len(rows)*chartRow}
	for i := range int(math.Round(end/step)) + 1 {
		x := float64(i) * step
		panel.Ticks = append(panel.Ticks, chartTick{chartLeft + at(x), fmt.Sprintf("%.4g", x)})
	}
	for i, r := range rows {
		bar := chartBar{
			Y: y + chartHead + i*chartRow, Name: r.title(), Length: at(r.figure()), Says: r.says(),
			Class: map[string]string{"": "plain", "goal met": "goal", "floor met": "floor"}[r.verdict()],
		}
		if bar.Class == "" {
			bar.Class = "short"
		}
		if verdict := r.verdict(); verdict != "" {
			bar.Says += ", " + verdict
		}
		if r.Floor != 0 {
			bar.Floor = chartLeft + at(r.Floor)
		}
		if r.Goal != 0 {
			bar.Goal = chartLeft + at(r.Goal)
		}
		panel.Bars = append(panel.Bars, bar)
	}
	return panel
}

// tickStep returns a round distance of ticks that divides a length into at most eight parts.
func tickStep(longest float64) float64 {
	step := math.Pow(10, math.Floor(math.Log10(max(longest, 1e-3)))-1)
	for _, factor := range []float64{1, 2, 5, 10, 20, 50} {
		if longest/(factor*step) <= 8 {
			return factor * step
		}
	}
	return 100 * step
}

// description says in words what the chart shows.
func description(results []result) string {
	var words []string
	for _, r := range results {
		if r.counts() {
			words = append(words, strings.TrimSuffix(fmt.Sprintf("%s: %s, %s", r.title(), r.says(), r.verdict()), ", "))
		}
	}
	return strings.Join(words, "; ") + "."
}
