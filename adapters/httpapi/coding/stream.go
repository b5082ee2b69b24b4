package coding

import (
	"bytes"
	"io"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// windowBytes is how far back zstd looks for what it has seen: the longer, the more memory each stream takes.
const windowBytes = 256 << 10

// compressor is what the libraries have in common.
type compressor interface {
	io.WriteCloser
	Flush() error
	Reset(w io.Writer)
}

// gzips and zstds are compressors that wait for work: making one costs more than encoding an answer of usual size.
var (
	gzips = sync.Pool{New: func() any { return gzip.NewWriter(nil) }}
	zstds = sync.Pool{New: func() any {
		// One after the other: answers share the processors with one another.
		e, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(windowBytes), zstd.WithLowerEncoderMem(true))
		if err != nil {
			panic("coding: options that are constants are right: " + err.Error())
		}
		return e
	}}
)

func poolOf(coding string) *sync.Pool {
	if coding == zstdCoding {
		return &zstds
	}
	return &gzips
}

// stream encodes what is written to it.
type stream struct {
	compressor
	pool *sync.Pool
}

func newStream(coding string, w io.Writer) *stream {
	pool := poolOf(coding)
	s := &stream{pool.Get().(compressor), pool}
	s.Reset(w)
	return s
}

// release gives the compressor back, whatever it still holds.
func (s *stream) release() {
	s.Reset(nil)
	s.pool.Put(s.compressor)
}

// encode returns an encoded body. One that is asked for again and again is remembered, if repeated says that it may come again.
func (e *Encoder) encode(coding string, body []byte, repeated bool) []byte {
	if !repeated || len(body) > rememberable {
		return encode(coding, body)
	}
	k := keyOf(coding, body)
	if found := e.kept.get(k); found != nil {
		return found
	}
	encoded := encode(coding, body)
	e.kept.put(k, encoded)
	return encoded
}

func encode(coding string, body []byte) []byte {
	out := bytes.NewBuffer(make([]byte, 0, len(body)/2))
	s := newStream(coding, out)
	defer s.release()
	if z, ok := s.compressor.(*zstd.Encoder); ok {
		return z.EncodeAll(body, out.Bytes())
	}
	_, _ = s.Write(body) // a buffer takes everything
	_ = s.Close()
	return out.Bytes()
}
