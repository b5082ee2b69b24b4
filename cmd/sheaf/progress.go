package main

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
)

// progress shows people how far a transfer is, in bytes, on the last line of their terminal. With nobody watching it
// shows nothing and still prints. Its methods may be called concurrently.
type progress struct {
	out io.Writer

	mu  sync.Mutex // the bar's own lock leaves Clear out
	bar *progressbar.ProgressBar
}

// startProgress shows a transfer of total bytes, -1 when nobody knows. The caller ends it.
func (p *program) startProgress(what string, total int64) *progress {
	g := &progress{out: p.stderr}
	if !p.watched {
		return g
	}
	if total >= 0 {
		total++ // a full bar would vanish while the server still works
	}
	g.bar = progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(p.stderr),
		progressbar.OptionSetDescription(what),
		progressbar.OptionShowBytes(true),
		progressbar.OptionShowCount(),
		progressbar.OptionUseIECUnits(true),
		progressbar.OptionUseANSICodes(true),
		progressbar.OptionSetWidth(24),
		progressbar.OptionThrottle(100*time.Millisecond),
		progressbar.OptionSetSpinnerChangeInterval(0), // it would draw from a goroutine that nobody waits for
	)
	return g
}

// add counts bytes.
func (g *progress) add(n int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.bar != nil {
		_ = g.bar.Add(n) // a failure to draw is no failure of the transfer
	}
}

// print writes a line above the bar.
func (g *progress) print(line string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.bar != nil {
		_ = g.bar.Clear()
	}
	_, _ = fmt.Fprintln(g.out, line)
}

// end takes the bar away. It may be called twice; what is added later is not shown.
func (g *progress) end() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.bar != nil {
		_ = g.bar.Clear()
		g.bar = nil
	}
}
