package coding

import (
	"net/http"
	"strconv"
)

// leastBytes is the size below which an answer goes out as it is: it fits into one packet either way.
const leastBytes = 1024

// writer is a ResponseWriter whose answer is encoded.
type writer struct {
	http.ResponseWriter
	encoder *Encoder
	choice
	head bool

	status int // 0 until the answer begins
	length int // what the handler says its body has, in bytes; -1 where it does not say
	state  state
	stream *stream // while the state is streaming
}

type state byte

const (
	unbegun   state = iota
	waiting         // the header is held back until it is seen whether the body comes at once
	plain           // the answer goes out as it is
	streaming       // the answer is encoded as it comes
	bodiless        // the answer has a body that nobody is told
)

// WriteHeader begins the answer.
func (w *writer) WriteHeader(status int) {
	if status < http.StatusOK {
		w.ResponseWriter.WriteHeader(status)
		return
	}
	if w.state != unbegun {
		return
	}
	w.status, w.length = status, -1
	h := w.Header()
	if n, err := strconv.Atoi(h.Get("Content-Length")); err == nil {
		w.length = n
	}
	switch {
	case !w.wanted(h):
		w.state = plain
		w.ResponseWriter.WriteHeader(status)
	case w.head:
		// What GET would send has a length that only encoding it would tell.
		h.Del("Content-Length")
		h.Set("Content-Encoding", w.coding)
		w.state = bodiless
		w.ResponseWriter.WriteHeader(status)
	default:
		w.state = waiting
	}
}

// wanted says whether an answer with this header is to be encoded.
func (w *writer) wanted(h http.Header) bool {
	switch {
	case w.status == http.StatusNoContent, w.status == http.StatusNotModified, w.status == http.StatusPartialContent, h.Get("Content-Encoding") != "", w.length == 0:
		return false
	case w.must:
		return true
	}
	return (w.length < 0 || w.length >= leastBytes) && w.encoder.compressible(h.Get("Content-Type"))
}

// Write sends a part of the body.
func (w *writer) Write(b []byte) (int, error) {
	if w.state == unbegun {
		w.WriteHeader(http.StatusOK)
	}
	switch w.state {
	case waiting:
		if len(b) == w.length {
			return len(b), w.whole(b)
		}
		w.begin(b)
		return w.stream.Write(b)
	case streaming:
		return w.stream.Write(b)
	case bodiless:
		return len(b), nil
	}
	return w.ResponseWriter.Write(b)
}

// whole sends a body that came at once.
func (w *writer) whole(b []byte) error {
	w.state = plain
	h := w.Header()
	encoded := w.encoder.encode(w.coding, b, h.Get("Etag") != "")
	if w.must || len(encoded) < len(b) {
		w.announce(b)
		h.Set("Content-Length", strconv.Itoa(len(encoded)))
		b = encoded
	}
	w.ResponseWriter.WriteHeader(w.status)
	_, err := w.ResponseWriter.Write(b)
	return err
}

// announce says in the header that the answer is encoded; first is the beginning of its body.
func (w *writer) announce(first []byte) {
	h := w.Header()
	if h.Get("Content-Type") == "" { // or it would be guessed from what is encoded
		h.Set("Content-Type", http.DetectContentType(first))
	}
	h.Set("Content-Encoding", w.coding)
	h.Del("Content-Length")
	h.Del("Accept-Ranges")
}

// begin sends the header of an answer that is encoded as it comes.
func (w *writer) begin(first []byte) {
	w.announce(first)
	w.state, w.stream = streaming, newStream(w.coding, w.ResponseWriter)
	w.ResponseWriter.WriteHeader(w.status)
}

// Flush sends what was written so far.
func (w *writer) Flush() {
	if w.state == unbegun {
		w.WriteHeader(http.StatusOK)
	}
	if w.state == waiting {
		w.begin(nil)
	}
	if w.state == streaming {
		_ = w.stream.Flush() // whoever is gone is missed by the next write
	}
	_ = http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap returns the writer beneath, for http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// finish ends an answer that is whole.
func (w *writer) finish() {
	switch w.state {
	case waiting: // there was no body after all
		w.ResponseWriter.WriteHeader(w.status)
	case streaming:
		_ = w.stream.Close() // whoever is gone needs no end
	}
	w.state = plain
}

// release gives back what the answer was encoded with.
func (w *writer) release() {
	if w.stream != nil {
		w.stream.release()
		w.stream = nil
	}
}
