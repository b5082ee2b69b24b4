package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"syscall"
	"time"

	"golang.org/x/net/netutil"
)

// listen opens the address with the bounds that one connection has: how many
// there are, and how long a client may let us wait when it does not read.
func listen(ctx context.Context, settings HTTPSettings) (net.Listener, error) {
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", settings.Addr)
	if err != nil {
		if errors.Is(err, syscall.EADDRINUSE) {
			return nil, fmt.Errorf("%s is in use: stop what listens there, or choose another with --http-addr", settings.Addr)
		}
		return nil, fmt.Errorf("open http.addr: %w", err)
	}
	bounded := netutil.LimitListener(listener, settings.MaxConnections)
	return problemListener{patientListener{Listener: bounded, patience: newPatience(settings.WriteTimeout, settings.MinBytesPerSecond)}}, nil
}

// patience is how much longer a slow peer is waited for: a head start, regained
// at the least rate of bytes that is endured and never more than the start. Only
// waiting costs it, so that our own slowness is not held against the client.
type patience struct {
	start, left time.Duration
	perByte     time.Duration
}

func newPatience(start time.Duration, perSecond Bytes) patience {
	return patience{start: start, left: start, perByte: time.Second / time.Duration(perSecond)}
}

func (p *patience) spend(waited time.Duration, moved int) {
	p.left = min(p.start, p.left-waited+time.Duration(moved)*p.perByte)
}

// patientListener gives each connection its own patience for writing.
type patientListener struct {
	net.Listener
	patience patience
}

// Accept returns the next connection, bounded.
func (l patientListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &patientConn{Conn: conn, patience: l.patience}, nil
}

// patientConn fails a write when the client does not take the bytes. http.Server's
// own WriteTimeout bounds a whole response, which no bound fits that an export needs.
// Writes are made by one goroutine at a time, as net/http does.
type patientConn struct {
	net.Conn
	patience patience
	deadline time.Time // the one that is set
}

// writeChunk is how many bytes a client has to take within one wait.
const writeChunk = 64 << 10

// Write writes all of b, waiting for each part as long as the patience lasts.
func (c *patientConn) Write(b []byte) (written int, err error) {
	for {
		part := b[written:min(len(b), written+writeChunk)]
		before := time.Now()
		// Setting a timer for each write would cost more than the write of a small
		// answer: one that is roughly right stays.
		if left := c.deadline.Sub(before); left < c.patience.left/2 || left > c.patience.left {
			c.deadline = before.Add(c.patience.left)
			if err := c.SetWriteDeadline(c.deadline); err != nil {
				return written, err
			}
		}
		n, err := c.Conn.Write(part)
		written += n
		c.patience.spend(time.Since(before), n)
		if err != nil || written == len(b) {
			return written, err
		}
	}
}

// patientBodies bounds the wait for the bytes of request bodies. A body that
// does not come fails its Read with an error that is os.ErrDeadlineExceeded.
func patientBodies(next http.Handler, settings HTTPSettings) http.Handler {
	fresh := newPatience(settings.ReadTimeout, settings.MinBytesPerSecond)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Body == nil || r.Body == http.NoBody {
			next.ServeHTTP(w, r)
			return
		}
		body := &patientBody{ReadCloser: r.Body, connection: http.NewResponseController(w), patience: fresh}
		r.Body = body
		// net/http reads on after a handler that stopped early, and that wait needs its bound too.
		body.arm(time.Now())
		defer body.leave()
		next.ServeHTTP(w, r)
	})
}

type patientBody struct {
	io.ReadCloser
	connection *http.ResponseController
	patience   patience
	ended      bool
}

func (b *patientBody) arm(now time.Time) {
	// It fails only where there is no connection, as in tests of handlers.
	_ = b.connection.SetReadDeadline(now.Add(b.patience.left))
}

// Read reads as the body does, no longer than the patience lasts.
func (b *patientBody) Read(p []byte) (int, error) {
	before := time.Now()
	b.arm(before)
	n, err := b.ReadCloser.Read(p)
	b.patience.spend(time.Since(before), n)
	if errors.Is(err, io.EOF) {
		// From here net/http watches the connection for the client leaving; that wait has no end of its own.
		b.ended = true
		_ = b.connection.SetReadDeadline(time.Time{})
	}
	return n, err
}

func (b *patientBody) leave() {
	if !b.ended {
		b.arm(time.Now())
	}
}
