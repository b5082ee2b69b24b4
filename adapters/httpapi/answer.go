package httpapi

import (
	"encoding/json"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/ports/app"
)

// answer is what an operation answers with, whatever the operation: it stands for all the response types of the generated code, whose own encoding
// would decode documents and write them anew.
type answer struct {
	status int
	// etag, location, place (of what the answer is about), link, preference, cache and token are headers; "" is left out.
	etag, location, place, link, preference, cache, token string
	contentType                                           string
	// varies is a header of the request that the answer depends on, beside those that all do; cacheStatus says what our own cache did, and age how many seconds ago what it
	// answered with was known to be current. "" is left out.
	varies, cacheStatus, age string
	// body is the answer's own: it may be appended to.
	body []byte
	// sent takes the body when nobody needs it any more; nil leaves it to the garbage collector.
	sent func(body []byte)
	// edge is nil for an answer that only the caller may keep.
	edge *shared
	// stream writes the whole answer instead, headers included.
	stream func(w http.ResponseWriter) error
	ex     *exchange
}

const jsonType = "application/json"

type headerField struct{ name, value string }

// fields are the headers of the answer; those without a value are not sent.
func (a answer) fields() [10]headerField {
	return [...]headerField{
		{"Etag", a.etag}, {"Location", a.location}, {"Content-Location", a.place}, {"Link", a.link}, {"Preference-Applied", a.preference}, {"Cache-Control", a.cache}, {tokenHeader, a.token},
		{"Cache-Status", a.cacheStatus}, {"Age", a.age}, {"Content-Type", a.contentType},
	}
}

// write sends the answer. Of a request that came with a key, it is kept first.
func (a answer) write(w http.ResponseWriter) error {
	if a.stream != nil {
		return a.stream(w)
	}
	if a.ex != nil {
		if err := a.ex.settle(a); err != nil {
			return err
		}
		a.ex.started = true
	}
	h := w.Header()
	fields := a.fields()
	values := make([]string, 0, len(fields)+1) // one array for all of them
	set := func(name, value string) {
		values = append(values, value)
		h[name] = values[len(values)-1 : len(values) : len(values)]
	}
	for _, field := range &fields {
		if field.value != "" {
			set(field.name, field.value)
		}
	}
	switch {
	case a.edge != nil:
		a.edge.set(h)
	case a.cache != "":
		h["Vary"] = append(h["Vary"], authorizationField)
	}
	if a.varies != "" {
		h["Vary"] = append(h["Vary"], a.varies)
	}
	a.body = a.text()
	if a.contentType != "" {
		set("Content-Length", strconv.Itoa(len(a.body)))
	}
	w.WriteHeader(a.status)
	if len(a.body) == 0 {
		return nil
	}
	_, _ = w.Write(a.body) // a client that is gone needs no answer
	if a.sent != nil {
		a.sent(a.body)
	}
	return nil
}

// text is the body as it is sent: JSON ends with the end of a line, for people at a terminal; problems end with one too.
func (a answer) text() []byte {
	if a.contentType == jsonType || a.contentType == jsonPatchType {
		return append(a.body, '\n')
	}
	return a.body
}

const minimalApplied = "return=minimal"

// asPreferred takes the body away where the caller prefers an answer without one.
func (a answer) asPreferred(prefer string, withoutBody int) answer {
	if !minimal(prefer) {
		return a
	}
	a.preference = minimalApplied
	a.status, a.body, a.contentType = withoutBody, nil, ""
	return a
}

// appendDocument appends the envelope of a document; the data goes out as it is stored.
func appendDocument(b []byte, d document.Document) []byte {
	b = append(b, `{"id":`...)
	b = appendString(b, d.ID.String())
	b = append(b, `,"revision":`...)
	b = strconv.AppendInt(b, d.Revision, 10)
	b = append(b, `,"createdAt":"`...)
	b = appendTime(b, d.CreatedAt)
	b = append(b, `","updatedAt":"`...)
	b = appendTime(b, d.UpdatedAt)
	b = append(b, `","data":`...)
	b = append(b, d.Data...)
	return append(b, '}')
}

// appendExpanded appends the envelope of a document with what it refers to.
func appendExpanded(b []byte, d document.Document, expanded app.Expanded) []byte {
	b = appendDocument(b, d)
	if expanded == nil {
		return b
	}
	b = append(b[:len(b)-1], `,"expanded":{`...)
	for i, path := range slices.Sorted(maps.Keys(expanded)) {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(appendString(b, path), ':')
		related := expanded[path]
		if !related.Many {
			b = appendRelation(b, related.Items[0])
			continue
		}
		b = append(b, '[')
		for j, item := range related.Items {
			if j > 0 {
				b = append(b, ',')
			}
			b = appendRelation(b, item)
		}
		b = append(b, ']')
	}
	return append(b, `}}`...)
}

// appendRelation appends a document that is referred to, or null and the reason.
func appendRelation(b []byte, r app.Relation) []byte {
	if r.Document != nil {
		b = append(b, `{"document":`...)
		return append(appendExpanded(b, *r.Document, r.Expanded), '}')
	}
	b = append(b, `{"document":null,"reason":`...)
	b = appendString(b, r.Reason)
	if r.ID != "" {
		b = append(b, `,"id":`...)
		b = appendString(b, r.ID)
	}
	return append(b, '}')
}

// envelopeBytes is about how much longer an envelope is than its data, in bytes.
const envelopeBytes = 160

func documentText(d document.Document) []byte {
	return appendDocument(make([]byte, 0, len(d.Data)+len(d.ID.String())+envelopeBytes), d)
}

// storedText is the envelope of a document that was written, with the warnings of the collection where there are any.
func storedText(r document.Result) []byte {
	b := documentText(r.Document)
	if len(r.Warnings) == 0 {
		return b
	}
	b = append(b[:len(b)-1], `,"warnings":`...)
	return append(appendWarnings(b, r.Warnings), '}')
}

// warning is a violation that did not refuse a document, as it is sent.
type warning struct {
	Pointer string         `json:"pointer"`
	Code    string         `json:"code"`
	Message string         `json:"message"`
	Params  map[string]any `json:"params,omitempty"`
}

func appendWarnings(b []byte, list []fault.Violation) []byte {
	sent := make([]warning, len(list))
	for i, v := range list {
		sent[i] = warning{v.Pointer, v.Code, v.Message, v.Params}
	}
	text, err := json.Marshal(sent)
	if err != nil {
		panic("httpapi: warnings of texts and numbers always encode: " + err.Error())
	}
	return append(b, text...)
}

// pageLinks is the header that leads to the pages around (RFC 8288).
func pageLinks(ex *exchange, next, previous string) string {
	var links []string
	for _, l := range [...]struct{ token, rel string }{{next, "next"}, {previous, "prev"}} {
		if l.token == "" {
			continue
		}
		if ex.query == nil {
			ex.query = url.Values{}
		}
		ex.query.Set("pageToken", l.token)
		target := url.URL{Path: ex.request.URL.Path, RawPath: ex.request.URL.RawPath, RawQuery: ex.query.Encode()}
		links = append(links, "<"+target.String()+`>; rel="`+l.rel+`"`)
	}
	return strings.Join(links, ", ")
}
