package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/sheafdb/sheaf/adapters/httpapi/oas"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/query"
	"github.com/sheafdb/sheaf/ports/app"
)

// ListDocuments answers with a page of documents.
func (s *Server) ListDocuments(ctx context.Context, r oas.ListDocumentsRequestObject) (oas.ListDocumentsResponseObject, error) {
	name, _, err := named(r.Collection, "")
	if err != nil {
		return nil, err
	}
	conditions, err := parseListConditions(r.Params.IfMatch, r.Params.IfNoneMatch)
	if err != nil {
		return nil, err
	}
	a, page, err := s.list(ctx, app.ListDocuments{
		Known: conditions.noneMatch, Collection: name, Filter: r.Params.Filter, OrderBy: r.Params.OrderBy, Fields: r.Params.Fields, Expand: r.Params.Expand,
		Paging:    paging(r.Params.PageSize, r.Params.PageToken, string(r.Params.Count)),
		AllowScan: r.Params.AllowScan, Explain: r.Params.Explain,
	})
	if err == nil {
		err = conditions.check(page.Tag)
	}
	if err != nil {
		return nil, err
	}
	a.link = pageLinks(exchangeOf(ctx), page.Next, page.Previous)
	s.keep(ctx, &a, name, nil, r.Params.Expand)
	return a, nil
}

// QueryDocuments answers like ListDocuments.
func (s *Server) QueryDocuments(ctx context.Context, r oas.QueryDocumentsRequestObject) (oas.QueryDocumentsResponseObject, error) {
	name, _, err := named(r.Collection, "")
	if err != nil {
		return nil, err
	}
	request, err := s.parseQuery(*r.Body)
	if err != nil {
		return nil, err
	}
	conditions, err := parseListConditions("", r.Params.IfNoneMatch)
	if err != nil {
		return nil, err
	}
	request.Collection, request.Known = name, conditions.noneMatch
	a, _, err := s.list(ctx, request)
	if err != nil {
		return nil, err
	}
	return a, nil
}

// largestLent is the largest buffer of a body that is used again, in bytes.
const largestLent = 256 << 10

func (s *Server) list(ctx context.Context, r app.ListDocuments) (answer, app.DocumentPage, error) {
	page, err := s.Documents.List(ctx, caller(ctx), r)
	if err != nil {
		return answer{}, page, err
	}
	if page.Unchanged {
		return answer{ex: exchangeOf(ctx), status: http.StatusNotModified, etag: page.Tag, cache: revalidate}, page, nil
	}
	a := answer{ex: exchangeOf(ctx), status: http.StatusOK, etag: page.Tag, contentType: jsonType, cache: revalidate}
	s.lend(&a, func(b []byte) []byte {
		at := -1
		b = appendPage(b, page.Page, func(b []byte, item document.Document) []byte {
			at++
			if page.Expanded == nil {
				return appendDocument(b, item)
			}
			return appendExpanded(b, item, page.Expanded[at])
		})
		if page.Previous != "" {
			b = append(b, `,"previousPageToken":`...)
			b = appendString(b, page.Previous)
		}
		if page.Explain != nil {
			b = append(b, `,"explain":`...)
			b = append(b, explanation(page.Explain)...)
		}
		return append(b, '}')
	})
	return a, page, nil
}

// lend has a body written into a buffer that others use again when it was sent.
func (s *Server) lend(a *answer, write func(b []byte) []byte) {
	buffer := s.bodies.Get().(*[]byte)
	a.body = write((*buffer)[:0])
	a.sent = func(body []byte) {
		if cap(body) <= largestLent {
			*buffer = body
			s.bodies.Put(buffer)
		}
	}
}

// explanation is how documents were found, as it is sent.
func explanation(e *app.Explanation) []byte {
	sent := struct {
		Reads     string   `json:"reads"`
		Index     string   `json:"index,omitempty"`
		Spans     []string `json:"spans,omitempty"`
		Ordered   bool     `json:"ordered"`
		Residual  []string `json:"residual"`
		Estimated *int64   `json:"estimatedRows,omitempty"`
		Examined  int64    `json:"examinedRows"`
		Returned  int      `json:"returned"`
	}{Reads: "all", Ordered: e.Ordered, Residual: []string{}, Examined: e.Examined, Returned: e.Returned}
	switch {
	case e.Index != nil:
		sent.Reads, sent.Index, sent.Spans = "index", e.Index.Name, e.Reads
	case e.Ordered:
		sent.Reads = "ids"
	}
	for _, part := range e.Residual {
		sent.Residual = append(sent.Residual, query.Format(part))
	}
	if e.Estimated >= 0 {
		sent.Estimated = &e.Estimated
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false) // comparisons are to be read
	if err := encoder.Encode(sent); err != nil {
		panic("httpapi: an explanation of text and numbers always encodes: " + err.Error())
	}
	return bytes.TrimSpace(b.Bytes())
}

// queryMembers read the members of the body of a query, each like the parameter of its name.
var queryMembers = map[string]func(r *app.ListDocuments, v any) string{
	"filter":    func(r *app.ListDocuments, v any) string { return readString(&r.Filter, v) },
	"orderBy":   func(r *app.ListDocuments, v any) string { return readString(&r.OrderBy, v) },
	"fields":    func(r *app.ListDocuments, v any) string { return readString(&r.Fields, v) },
	"expand":    func(r *app.ListDocuments, v any) string { return readString(&r.Expand, v) },
	"pageToken": func(r *app.ListDocuments, v any) string { return readString(&r.Token, v) },
	"allowScan": func(r *app.ListDocuments, v any) string { return readBool(&r.AllowScan, v) },
	"explain":   func(r *app.ListDocuments, v any) string { return readBool(&r.Explain, v) },
	"pageSize": func(r *app.ListDocuments, v any) string {
		n, err := strconv.Atoi(string(asNumber(v)))
		if err != nil || n < 0 {
			return "must be an integer that is not negative"
		}
		r.Size = n
		return ""
	},
	"count": func(r *app.ListDocuments, v any) string {
		word, _ := v.(string)
		if !slices.Contains([]query.CountKind{query.CountNone, query.CountEstimated, query.CountExact, query.CountCapped}, query.CountKind(word)) {
			return "must be one of none, estimated, exact, capped"
		}
		r.Count = query.CountKind(word)
		return ""
	},
}

func asNumber(v any) json.Number {
	n, _ := v.(json.Number)
	return n
}

func readString(into *string, v any) string {
	text, ok := v.(string)
	if !ok {
		return "must be a string"
	}
	*into = text
	return ""
}

func readBool(into *bool, v any) string {
	yes, ok := v.(bool)
	if !ok {
		return "must be true or false"
	}
	*into = yes
	return ""
}

// parseQuery reads the body of a query. All that is wrong with it is reported at once.
func (s *Server) parseQuery(body []byte) (app.ListDocuments, error) {
	var r app.ListDocuments
	object, err := s.readObject(body)
	if err != nil {
		return r, err
	}
	var faults []fault.Violation
	names := slices.Sorted(maps.Keys(queryMembers))
	for _, name := range slices.Sorted(maps.Keys(object)) {
		read, known := queryMembers[name]
		if !known {
			message := "is not a parameter of this operation"
			if near := ident.Nearest(name, names); near != "" {
				message += "; did you mean " + near + "?"
			}
			faults = append(faults, fault.Violation{In: "body", Pointer: jsontext.AppendPointer("", name), Code: "unknownField", Message: message})
			continue
		}
		if message := read(&r, object[name]); message != "" {
			faults = append(faults, fault.Violation{In: "body", Pointer: "/" + name, Code: codeFor(message), Message: message})
		}
	}
	if len(faults) > 0 {
		return r, fault.New(fault.Malformed, "request.parameters", "the query is not what the operation takes").With(faults...)
	}
	return r, nil
}

func codeFor(message string) string {
	if strings.HasPrefix(message, "must be one of") {
		return "enum"
	}
	return "type"
}

// readObject decodes a body that is a JSON object, as strictly as documents are read.
func (s *Server) readObject(body []byte) (map[string]any, error) {
	text, err := collection.Read(body, collection.Limits{Bytes: s.MaxBodyBytes, Depth: jsontext.DefaultDepth})
	if err != nil {
		return nil, err
	}
	tree, err := jsontext.Decode(text)
	if err != nil {
		return nil, err
	}
	object, ok := tree.(map[string]any)
	if !ok {
		return nil, fault.New(fault.Malformed, "request.parameters", "the body must be an object").With(fault.Violation{In: "body", Code: "type", Message: "must be an object"})
	}
	return object, nil
}
