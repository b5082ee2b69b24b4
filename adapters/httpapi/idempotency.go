package httpapi

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/receipt"
	"github.com/sheafdb/sheaf/domain/transaction"
	"github.com/sheafdb/sheaf/ports/app"
)

const (
	keyHeader = "Idempotency-Key"
	// replayedHeader marks an answer that was given before.
	replayedHeader = "Idempotency-Replayed"
	// maxKey bounds a key, in bytes.
	maxKey = 255
)

// parseKey reads the header Idempotency-Key: a text in quotes, as structured fields have it (RFC 9651 section 3.3.3), or without. Both forms of one text are one key.
func parseKey(lines []string) (string, error) {
	key := ""
	if len(lines) == 1 {
		key = strings.Trim(lines[0], " \t")
	}
	ok := key != ""
	if strings.HasPrefix(key, `"`) {
		key, ok = unquote(key)
	} else {
		ok = ok && !strings.ContainsAny(key, `"`)
	}
	ok = ok && key != "" && len(key) <= maxKey
	for i := range len(key) {
		ok = ok && key[i] >= 0x20 && key[i] <= 0x7e
	}
	if !ok {
		return "", fault.New(fault.Malformed, "idempotency.key", "the header %s cannot be read", keyHeader).With(fault.Violation{
			In: "header", Pointer: keyHeader, Code: "idempotencyKey", Message: "must be given once, with 1 to 255 printable ASCII characters, in quotes or without any",
		})
	}
	return key, nil
}

// unquote takes the quotes off, in which only a quote and a backslash are escaped.
func unquote(text string) (string, bool) {
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		switch c := text[i]; {
		case c == '"':
			return b.String(), i == len(text)-1
		case c == '\\':
			i++
			if i == len(text) || text[i] != '"' && text[i] != '\\' {
				return "", false
			}
			b.WriteByte(text[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", false
}

// serveKeyed serves a request that came with a key: once, and from then on with the same answer.
func (p *plan) serveKeyed(ex *exchange, w http.ResponseWriter, r *http.Request) {
	ticket, stored, err := p.server.Receipts.Claim(r.Context(), caller(r.Context()), app.KeyedRequest{
		Method: r.Method, Path: r.URL.EscapedPath(), Key: ex.key, Fingerprint: fingerprint(ex, r),
	})
	if err != nil {
		p.server.fail(w, r, err)
		return
	}
	if ticket == nil {
		p.server.markReplay(w, r, stored.Answer.Status)
		if err := replay(*stored.Answer, ex).write(w); err != nil {
			p.server.fail(w, r, err)
		}
		return
	}
	ex.ticket = ticket
	ex.keep = func(a receipt.Answer) error { //nolint:contextcheck // the request has it
		err := ticket.Settle(r.Context(), a)
		ex.settled = err == nil
		return err
	}
	defer func() { ticket.Close(r.Context(), ex.settled) }() //nolint:contextcheck // the request has it
	p.next.ServeHTTP(w, r)
}

// markReplay gives an answer that was given before a token of what is there now: the one of its write is known only after the answer was kept.
func (s *Server) markReplay(w http.ResponseWriter, r *http.Request, status int) {
	if status >= http.StatusBadRequest {
		return
	}
	var names []ident.Collection
	if name, err := ident.ParseCollection(r.PathValue("collection")); err == nil {
		names = []ident.Collection{name}
	} else if held, ok := r.Body.(*heldBody); ok {
		names = transaction.Collections(held.data)
	}
	var marks []change.Mark
	for _, name := range names {
		marks = append(marks, s.Transfer.Mark(r.Context(), name))
	}
	if token := tokenOf(marks...); token != "" {
		w.Header().Set(tokenHeader, token)
	}
}

// fingerprint is the digest of all that decides what a request does, but for what its receipt is named by.
func fingerprint(ex *exchange, r *http.Request) receipt.Digest {
	parts := [][]byte{[]byte(ex.mediaType), []byte(r.URL.Query().Encode()), []byte(r.Header.Get("If-Match")), []byte(r.Header.Get("If-None-Match"))}
	if held, ok := r.Body.(*heldBody); ok {
		parts = append(parts, held.data)
	}
	return receipt.DigestOf(parts...)
}

// rehearsal says whether a request stores nothing: it does not use a key up.
func rehearsal(r *http.Request) bool {
	if r.URL.RawQuery == "" {
		return false
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	return err == nil && values.Get("validateOnly") == "true"
}

// keeps says whether an answer is what the operation decided, so that the same request has it again. Others leave the key unused.
func keeps(status int) bool {
	switch status {
	case http.StatusConflict, http.StatusPreconditionFailed, http.StatusUnprocessableEntity:
		return true
	}
	return status >= 200 && status < 300
}

// settle keeps an answer before it is sent, unless the write has kept it.
func (ex *exchange) settle(a answer) error {
	if ex.ticket == nil || ex.pending || !keeps(a.status) {
		ex.settled = ex.pending
		return nil
	}
	return ex.keep(a.kept())
}

// settleProblem keeps a failure before it is sent.
func (ex *exchange) settleProblem(p problem) error {
	if ex.ticket == nil || !keeps(p.Status) {
		return nil
	}
	return ex.keep(receipt.Answer{Status: p.Status, Header: map[string]string{"Content-Type": problemType, "Cache-Control": "no-store"}, Body: p.encode()})
}

// kept is the answer as a receipt has it.
func (a answer) kept() receipt.Answer {
	header := map[string]string{}
	for _, field := range a.fields() {
		if field.value != "" {
			header[field.name] = field.value
		}
	}
	return receipt.Answer{Status: a.status, Header: header, Body: a.text()}
}

// replay is an answer that was given before.
func replay(kept receipt.Answer, ex *exchange) answer {
	return answer{stream: func(w http.ResponseWriter) error {
		h := w.Header()
		for name, value := range kept.Header {
			h.Set(name, value)
		}
		h.Set(replayedHeader, "true")
		ex.started = true
		w.WriteHeader(kept.Status)
		_, _ = w.Write(kept.Body) // a client that is gone needs no answer
		return nil
	}}
}

// pending is what the use case keeps with its effect, as render has it, of a request that came with a key; nil for every other.
// A use case that is given one keeps it whenever it succeeds.
func pending[T any](ctx context.Context, render func(T) answer) *receipt.Pending[T] {
	ex := exchangeOf(ctx)
	if ex.ticket == nil {
		return nil
	}
	ex.pending = true
	return &receipt.Pending[T]{Claim: ex.ticket.Claim, Outcome: func(effect T) receipt.Outcome {
		kept := render(effect).kept()
		return receipt.Outcome{Answer: &kept}
	}}
}

// answering is caller for a request that is answered with what it does to one document.
func answering(ctx context.Context, render func(document.Result) answer) app.Caller {
	by := caller(ctx)
	by.Receipt = pending(ctx, render)
	return by
}
