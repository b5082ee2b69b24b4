package main

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
)

// answer is what came back. Body and tag are there where the answer was sampled, or was not what was wanted.
type answer struct {
	status int
	tag    string
	body   []byte
}

// answers reads answers of HTTP/1.1 from a connection. It does less than net/http, because what the load takes of the processors is missing in what is measured.
type answers struct {
	in *bufio.Reader
}

func newAnswers(r io.Reader) *answers { return &answers{bufio.NewReaderSize(r, 64<<10)} }

// next reads one answer. Its body is kept when sampled says so, and when its status is not the wanted one.
func (r *answers) next(sampled bool, want int) (answer, error) {
	line, err := r.in.ReadSlice('\n')
	if err != nil {
		return answer{}, err
	}
	version, rest, _ := bytes.Cut(line, []byte(" "))
	code, _, _ := bytes.Cut(rest, []byte(" "))
	a := answer{}
	if a.status, err = strconv.Atoi(string(bytes.TrimSpace(code))); err != nil || !bytes.HasPrefix(version, []byte("HTTP/1.")) {
		return a, fmt.Errorf("no answer of HTTP: %q", line)
	}
	keep := sampled || a.status != want
	length, chunked := int64(-1), false
	for {
		if line, err = r.in.ReadSlice('\n'); err != nil {
			return a, err
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			break
		}
		switch name, value, _ := bytes.Cut(line, []byte(":")); {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.ParseInt(string(bytes.TrimSpace(value)), 10, 64); err != nil {
				return a, fmt.Errorf("no length: %q", line)
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			chunked = strings.EqualFold(string(bytes.TrimSpace(value)), "chunked")
		case keep && bytes.EqualFold(name, []byte("ETag")):
			a.tag = string(bytes.TrimSpace(value))
		}
	}
	switch {
	case a.status == http.StatusNotModified, a.status == http.StatusNoContent:
	case chunked:
		err = r.chunks(&a, keep)
	case length >= 0:
		err = r.part(&a, length, keep)
	default:
		err = fmt.Errorf("an answer without length, status %d", a.status)
	}
	return a, err
}

func (r *answers) chunks(a *answer, keep bool) error {
	for {
		line, err := r.in.ReadSlice('\n')
		if err != nil {
			return err
		}
		size, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 16, 64)
		if err != nil {
			return fmt.Errorf("no size of a chunk: %q", line)
		}
		if err := r.part(a, size, keep); err != nil {
			return err
		}
		if _, err := r.in.Discard(len("\r\n")); err != nil || size == 0 {
			return err
		}
	}
}

// part reads bytes of the body.
func (r *answers) part(a *answer, size int64, keep bool) error {
	if !keep {
		_, err := r.in.Discard(int(size))
		return err
	}
	have := len(a.body)
	a.body = append(a.body, make([]byte, size)...)
	_, err := io.ReadFull(r.in, a.body[have:])
	return err
}
