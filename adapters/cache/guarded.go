package cache

import (
	"errors"
	"net"
)

const (
	// maxReply bounds a reply of Redis, in bytes: an entry of the largest document that is shared, with room.
	maxReply = 2 * sharedBytes
	// maxLine bounds a line of the protocol, in bytes: those that are no text are short.
	maxLine = 64 << 10
)

var errReply = errors.New("a reply of Redis that nobody asked for")

// guarded is a connection that reads nothing which claims to be larger than any reply can be. The client makes room for what a server announces before it is there: one that
// speaks something else than Redis does, or is broken, would have it take all memory.
//
// It follows the protocol just so far that it finds the lengths: a line begins with what it is, of which $, ! and = announce so many bytes behind the line, and *, %, ~ and > so many replies.
type guarded struct {
	net.Conn
	// skip is how many bytes of a text are left to come.
	skip int
	// kind is the first byte of the line that is being read, 0 before it came.
	kind byte
	// number is what the line says so far, read how many bytes it had; negative says that there is nothing.
	number, read int
	negative     bool
}

// Read reads, and fails where what came announces too much.
func (g *guarded) Read(b []byte) (int, error) {
	n, err := g.Conn.Read(b)
	if bad := g.follow(b[:n]); bad != nil {
		return 0, bad
	}
	return n, err
}

func (g *guarded) follow(b []byte) error {
	for len(b) > 0 {
		if g.skip > 0 {
			n := min(g.skip, len(b))
			g.skip, b = g.skip-n, b[n:]
			continue
		}
		c := b[0]
		b = b[1:]
		if g.read++; g.read > maxLine {
			return errReply
		}
		switch {
		case g.kind == 0:
			g.kind = c
		case c == '-':
			g.negative = true
		case c >= '0' && c <= '9' && g.number <= maxReply:
			g.number = 10*g.number + int(c-'0')
		case c == '\n':
			if err := g.endLine(); err != nil {
				return err
			}
		}
	}
	return nil
}

// endLine looks at what a line has announced.
func (g *guarded) endLine() error {
	switch g.kind {
	case '$', '!', '=':
		if g.negative {
			break
		}
		if g.number > maxReply {
			return errReply
		}
		g.skip = g.number + len("\r\n")
	case '*', '%', '~', '>':
		if g.number > maxLine {
			return errReply
		}
	}
	g.kind, g.number, g.read, g.negative = 0, 0, 0, false
	return nil
}
