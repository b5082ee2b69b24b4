package pgtest

import (
	"bytes"
	"errors"
	"net"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"
)

// Proxy stands between a program and its database. At a chosen point it is, for the database, as if the program were killed: its connections end, with whatever had been sent
// on them; and for the program as if the network stood still: nothing comes any more. So a test can be at every step of what a program does.
type Proxy struct {
	dsn      string
	listener net.Listener
	server   func() (net.Conn, error)
	pumps    sync.WaitGroup

	mu      sync.Mutex
	armed   bool
	left    int    // pieces that still pass
	text    []byte // what the last piece holds, whatever left says; nil for none
	deliver bool   // whether the next one arrives
	dead    bool
	died    chan struct{}
	clients []net.Conn
	servers []net.Conn
}

// NewProxy returns a proxy in front of the database that dsn names, for as long as the test runs.
func NewProxy(tb testing.TB, dsn string) *Proxy {
	tb.Helper()
	config, err := pgconn.ParseConfig(dsn)
	if err != nil {
		tb.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	network, address := pgconn.NetworkAddress(config.Host, config.Port)
	host, port, _ := net.SplitHostPort(listener.Addr().String())
	p := &Proxy{listener: listener, died: make(chan struct{}), server: func() (net.Conn, error) { return net.Dial(network, address) }}
	p.dsn = withParameter(withParameter(withParameter(dsn, "host", host), "port", port), "sslmode", "disable")
	p.pumps.Go(p.accept)
	tb.Cleanup(p.Close)
	return p
}

// DSN is the connection string of the same database by way of the proxy.
func (p *Proxy) DSN() string { return p.dsn }

// KillAt lets n pieces pass, in whatever direction, and dies with the next one; deliver says whether that one still arrives. A piece is what was sent at once.
func (p *Proxy) KillAt(n int, deliver bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed, p.left, p.deliver = true, n, deliver
}

// KillOn dies with the first piece that holds the text, which still arrives.
func (p *Proxy) KillOn(text string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed, p.text, p.deliver = true, []byte(text), true
}

// Disarm has everything pass again, and says whether the proxy is dead, which it stays.
func (p *Proxy) Disarm() (dead bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.armed = false
	return p.dead
}

// Died is closed when the proxy dies.
func (p *Proxy) Died() <-chan struct{} { return p.died }

func (p *Proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		p.join(client)
	}
}

// join connects a client to the server, unless the proxy is dead.
func (p *Proxy) join(client net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clients = append(p.clients, client)
	if p.dead {
		return
	}
	server, err := p.server()
	if err != nil {
		_ = client.Close()
		return
	}
	p.servers = append(p.servers, server)
	p.pumps.Go(func() { p.pump(server, client) })
	p.pumps.Go(func() { p.pump(client, server) })
}

// pump forwards what comes from a connection, until it ends or the proxy dies.
func (p *Proxy) pump(to, from net.Conn) {
	buffer := make([]byte, 256<<10)
	for {
		n, err := from.Read(buffer)
		if n > 0 {
			passes, last := p.pass(buffer[:n])
			if passes {
				_, _ = to.Write(buffer[:n]) // whoever is gone is noticed by the next read
			}
			if last {
				p.die()
			}
		}
		if err != nil && !p.isDead() {
			_ = errors.Join(to.Close(), from.Close())
		}
		if err != nil || p.isDead() {
			return
		}
	}
}

// pass says whether a piece arrives, and whether it is the last one.
func (p *Proxy) pass(piece []byte) (passes, last bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.dead {
		return false, false
	}
	if !p.armed {
		return true, false
	}
	if p.text != nil {
		if !bytes.Contains(piece, p.text) {
			return true, false
		}
	} else if p.left--; p.left >= 0 {
		return true, false
	}
	p.dead = true
	return p.deliver, true
}

func (p *Proxy) die() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, server := range p.servers {
		_ = server.Close()
	}
	close(p.died)
}

func (p *Proxy) isDead() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.dead
}

// Close ends all connections. It may be called twice.
func (p *Proxy) Close() {
	_ = p.listener.Close()
	p.mu.Lock()
	for _, c := range append(p.clients, p.servers...) {
		_ = c.Close()
	}
	p.mu.Unlock()
	p.pumps.Wait()
}
