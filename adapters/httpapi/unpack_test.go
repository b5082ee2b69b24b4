package httpapi_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// pack encodes a body.
func pack(tb testing.TB, encoding string, text []byte) []byte {
	tb.Helper()
	var b bytes.Buffer
	var w io.WriteCloser = gzip.NewWriter(&b)
	if encoding == "zstd" {
		encoder, err := zstd.NewWriter(&b, zstd.WithEncoderConcurrency(1))
		if err != nil {
			tb.Fatal(err)
		}
		w = encoder
	}
	if _, err := w.Write(text); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}

// unpack decodes a body.
func unpack(tb testing.TB, encoding string, packed []byte) []byte {
	tb.Helper()
	var r io.Reader
	var err error
	if encoding == "zstd" {
		var decoder *zstd.Decoder
		if decoder, err = zstd.NewReader(bytes.NewReader(packed), zstd.WithDecoderConcurrency(1)); err == nil {
			defer decoder.Close()
			r = decoder
		}
	} else {
		r, err = gzip.NewReader(bytes.NewReader(packed))
	}
	if err != nil {
		tb.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		tb.Fatal(err)
	}
	return text
}
