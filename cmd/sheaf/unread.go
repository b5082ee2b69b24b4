package main

import (
	"net"

	"github.com/sheafdb/sheaf/adapters/httpapi"
)

// problemListener makes problems of what net/http answers by itself, past every handler: it writes them straight to the connection.
type problemListener struct{ net.Listener }

// Accept returns the next connection.
func (l problemListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return problemConn{conn}, nil
}

type problemConn struct{ net.Conn }

// Write writes b, or what stands for it.
func (c problemConn) Write(b []byte) (int, error) {
	problem := httpapi.RetellUnread(b)
	if problem == nil {
		return c.Conn.Write(b)
	}
	if _, err := c.Conn.Write(problem); err != nil {
		return 0, err
	}
	return len(b), nil
}
