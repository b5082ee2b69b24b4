package httpapi

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"

	"github.com/sheafdb/sheaf/domain/fault"
)

// unread are the failures that net/http answers itself, before any handler, where it cannot read a request; by its status.
var unread = map[int]*edgeError{
	http.StatusBadRequest:                  {fault: fault.New(fault.Malformed, "request.http", "the request cannot be read"), kind: kinds[fault.Malformed]},
	http.StatusRequestHeaderFieldsTooLarge: {fault: fault.New(fault.Malformed, "request.headersTooLarge", "the request line and the headers are too large"), kind: headersTooLargeKind},
	http.StatusNotImplemented:              {fault: fault.New(fault.Malformed, "request.transferEncoding", "the transfer coding is not known"), kind: notImplementedKind},
	http.StatusHTTPVersionNotSupported:     {fault: fault.New(fault.Malformed, "request.httpVersion", "the version of HTTP is not spoken here"), kind: versionKind},
}

const (
	// unreadHeaders are the headers of such an answer, to the letter.
	unreadHeaders = "\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n\r\n"
	// unreadBytes bounds it: a status, its text twice, and a few words.
	unreadBytes = 512
)

// RetellUnread returns the problem that says what an answer of net/http's own says in plain text, headers and all. It returns nil for whatever else a server writes to a connection.
func RetellUnread(raw []byte) []byte {
	if len(raw) > unreadBytes || !bytes.HasPrefix(raw, []byte("HTTP/1.1 ")) {
		return nil
	}
	line, body, found := bytes.Cut(raw[len("HTTP/1.1 "):], []byte(unreadHeaders))
	if !found || len(line) < 3 {
		return nil
	}
	status, err := strconv.Atoi(string(line[:3]))
	known, ours := unread[status]
	if err != nil || !ours {
		return nil
	}
	p, _ := describe(known)
	if _, text, said := bytes.Cut(body, []byte(": ")); said {
		p.Detail += ": " + shortened(string(text))
	}
	p.RequestID = newRequestID()
	text := p.encode()
	return fmt.Appendf(nil, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\nCache-Control: no-store\r\n%s: %s\r\nX-Content-Type-Options: nosniff\r\nConnection: close\r\n\r\n%s",
		status, http.StatusText(status), problemType, len(text), requestIDHeader, p.RequestID, text)
}
