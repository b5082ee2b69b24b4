package httpapi

import (
	"bytes"
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/klauspost/compress/zstd"

	"github.com/sheafdb/sheaf/domain/fault"
)

// takeBody checks the body's media type and encoding, and reads it whole unless the operation wants a stream.
func (p *plan) takeBody(ex *exchange, w http.ResponseWriter, r *http.Request) error {
	if r.Body == http.NoBody || r.Body == nil || r.ContentLength == 0 {
		return fault.New(fault.Malformed, "request.body", "the body is missing").With(fault.Violation{In: "body", Code: "required", Message: "must be given"})
	}
	media, err := mediaTypeOf(r)
	if err != nil {
		return err
	}
	if !slices.Contains(p.consumes, media) {
		return fault.New(fault.Unsupported, "request.mediaType", "this operation takes %s", strings.Join(p.consumes, " or "))
	}
	ex.mediaType = media
	if p.limit == 0 {
		r.Body, err = decoded(r.Header.Get("Content-Encoding"), r.Body)
		return err
	}
	if r.ContentLength > p.limit {
		return p.tooLarge()
	}
	body, err := decoded(r.Header.Get("Content-Encoding"), http.MaxBytesReader(w, r.Body, p.limit))
	if err != nil {
		return err
	}
	held, err := readWhole(body, p.limit, r.ContentLength)
	if err != nil {
		if big := (*http.MaxBytesError)(nil); errors.As(err, &big) || errors.Is(err, errLimit) {
			return p.tooLarge()
		}
		return broken(err)
	}
	r.Body = held
	return nil
}

func (p *plan) tooLarge() error {
	if p.transaction {
		return fault.New(fault.TooLarge, "transaction.tooLarge", "a transaction has at most %d bytes", p.limit)
	}
	if p.limit == documentBody(p.server.MaxDocumentBytes) {
		return fault.New(fault.TooLarge, "document.tooLarge", "a document has at most %d bytes", p.server.MaxDocumentBytes)
	}
	return fault.New(fault.TooLarge, "request.tooLarge", "the body has at most %d bytes", p.limit)
}

// heldBody is a body in memory; the generated code takes its bytes as they are.
type heldBody struct {
	bytes.Reader
	data []byte
}

// Bytes returns the whole body.
func (b *heldBody) Bytes() []byte { return b.data }

// Close does nothing.
func (b *heldBody) Close() error { return nil }

// errLimit says that a body is longer, after decoding, than it may be.
var errLimit = errors.New("the body is over its limit")

// trustedLength bounds what a Content-Length alone makes us allocate, in bytes; a longer body grows as it arrives.
const trustedLength = 64 << 10

func readWhole(body io.Reader, limit, length int64) (*heldBody, error) {
	var buf bytes.Buffer
	if length > 0 {
		buf.Grow(int(min(length, trustedLength)) + bytes.MinRead)
	}
	n, err := buf.ReadFrom(io.LimitReader(body, limit+1))
	if err != nil {
		return nil, err
	}
	if n > limit {
		return nil, errLimit
	}
	held := &heldBody{data: buf.Bytes()}
	held.Reset(held.data)
	return held, nil
}

// maxWindow bounds the memory that decoding zstd takes, in bytes; RFC 8878 asks decoders for 8 MiB at least.
const maxWindow = 8 << 20

// decoded returns the body without its content encoding.
// It fails with fault.Unsupported where the encoding is not known.
func decoded(encoding string, body io.ReadCloser) (io.ReadCloser, error) {
	switch strings.ToLower(strings.TrimSpace(encoding)) {
	case "", "identity":
		return body, nil
	case "gzip", "x-gzip":
		return &unpacked{open: func() (io.Reader, error) { return gzip.NewReader(body) }, body: body}, nil
	case "zstd":
		return &unpacked{open: func() (io.Reader, error) {
			return zstd.NewReader(body, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderLowmem(true))
		}, body: body}, nil
	}
	return nil, fault.New(fault.Unsupported, "request.contentEncoding", "a body is sent plain, or encoded with gzip or zstd")
}

// unpacked is a body whose decoder is made by the first Read, because that reads already.
type unpacked struct {
	open func() (io.Reader, error)
	body io.ReadCloser
	from io.Reader
	err  error
}

// Read reads decoded bytes.
func (u *unpacked) Read(b []byte) (int, error) {
	if u.from == nil && u.err == nil {
		u.from, u.err = u.open()
	}
	if u.err != nil {
		return 0, u.err
	}
	n, err := u.from.Read(b)
	if err != nil {
		u.err = err
		u.release()
	}
	return n, err
}

func (u *unpacked) release() {
	if d, ok := u.from.(*zstd.Decoder); ok {
		d.Close()
	}
}

// Close closes the body.
func (u *unpacked) Close() error {
	if u.err == nil {
		u.err = os.ErrClosed
		u.release()
	}
	return u.body.Close()
}
