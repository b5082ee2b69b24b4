// Package coding sends answers in the content coding that the caller likes best: zstd, gzip, or as they are (RFC 9110 section 12.5.3).
//
// An answer that is written at once goes out at once, with its encoded length; one that is flushed or longer than it can know is a stream. What an answer is does not depend
// on its coding, and neither does its entity tag. Start at New.
package coding

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// The content codings, in the order in which they are preferred where the caller likes them equally well.
const (
	zstdCoding = "zstd"
	gzipCoding = "gzip"
	identity   = "identity"
)

// choice is the coding of an answer.
type choice struct {
	coding string // zstdCoding, gzipCoding or identity
	// must says that an answer may not go out as it is, however short it is.
	must bool
	// none says that the caller takes no coding that there is.
	none bool
}

// codings are those that an answer can have, the worst one first.
var codings = [...]string{identity, gzipCoding, zstdCoding}

// unnamed is the weight of a coding that a header says nothing of.
const unnamed = -1

// negotiate reads the lines of Accept-Encoding. What cannot be read in them is passed over, as if it were not there.
func negotiate(lines []string) choice {
	if len(lines) == 0 {
		return choice{coding: identity}
	}
	weights, others := [len(codings)]float64{unnamed, unnamed, unnamed}, float64(unnamed)
	for _, line := range lines {
		for element := range strings.SplitSeq(line, ",") {
			name, weight, ok := parseElement(element)
			if !ok {
				continue
			}
			if name == "*" {
				others = weight
			}
			if i := slices.Index(codings[:], name); i >= 0 {
				weights[i] = weight
			}
		}
	}
	for i := range weights {
		if weights[i] == unnamed {
			weights[i] = others
		}
	}
	forbidden := weights[0] == 0
	best, choice := 0, choice{coding: identity, must: forbidden, none: forbidden}
	for i := 1; i < len(codings); i++ {
		if weights[i] > 0 && weights[i] >= weights[best] {
			best, choice.coding, choice.none = i, codings[i], false
		}
	}
	return choice
}

// parseElement reads an element of the list such as `gzip;q=0.5`.
func parseElement(element string) (name string, weight float64, ok bool) {
	name, parameter, weighed := strings.Cut(element, ";")
	name = strings.ToLower(strings.Trim(name, " \t"))
	if name == "x-gzip" { // section 8.4.1.3
		name = gzipCoding
	}
	if !weighed {
		return name, 1, name != ""
	}
	parameter = strings.ToLower(strings.Trim(parameter, " \t"))
	digits, found := strings.CutPrefix(parameter, "q=")
	if !found || len(digits) == 0 || len(digits) > len("0.000") || strings.Trim(digits, ".0123456789") != "" {
		return "", 0, false
	}
	weight, err := strconv.ParseFloat(digits, 64)
	return name, weight, err == nil && weight <= 1 && name != ""
}

// Encoder encodes the answers of a handler. It is safe for concurrent use.
type Encoder struct {
	compressible func(contentType string) bool
	kept         *remembered
}

// New returns an encoder of answers of at least some size whose media types are compressible.
func New(compressible func(contentType string) bool) *Encoder {
	return &Encoder{compressible: compressible, kept: newRemembered(rememberedBytes)}
}

// Wrap returns a handler whose answers are those of next, encoded. Where the caller takes none of the codings, and forbids the answer as it is, refuse answers instead.
func (e *Encoder) Wrap(next http.Handler, refuse http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h["Vary"] = append(h["Vary"], "Accept-Encoding")
		c := negotiate(r.Header["Accept-Encoding"])
		if c.none {
			refuse(w, r)
			return
		}
		if c.coding == identity {
			next.ServeHTTP(w, r)
			return
		}
		out := &writer{ResponseWriter: w, encoder: e, choice: c, head: r.Method == http.MethodHead}
		// A handler that panics ends the connection: nothing may make what it sent look whole.
		defer out.release()
		next.ServeHTTP(out, r)
		out.finish()
	})
}
