package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"

	"github.com/sheafdb/sheaf/adapters/httpapi/oas"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/ports/app"
)

// reportedLines is how many faults a report holds; the stream has all.
const reportedLines = 1000

// importFault is a fault of a line as it is sent.
type importFault struct {
	Line    int64          `json:"line"`
	Pointer string         `json:"pointer"`
	Code    string         `json:"code"`
	Message string         `json:"message"`
	Params  map[string]any `json:"params,omitempty"`
}

func faultOf(f app.LineFault) importFault {
	return importFault{f.Line, f.Pointer, f.Code, f.Message, f.Params}
}

// importReport is the report as it is sent.
type importReport struct {
	Created   int64         `json:"created"`
	Replaced  int64         `json:"replaced"`
	Unchanged int64         `json:"unchanged"`
	Skipped   int64         `json:"skipped"`
	Failed    int64         `json:"failed"`
	Warned    int64         `json:"warned,omitempty"`
	Errors    []importFault `json:"errors,omitempty"`
	Warnings  []importFault `json:"warnings,omitempty"`
}

func reportText(r app.ImportReport, faults, warnings []importFault) []byte {
	text, err := json.Marshal(importReport{r.Created, r.Replaced, r.Unchanged, r.Skipped, r.Failed, r.Warned, faults, warnings})
	if err != nil {
		panic("httpapi: a report of text and numbers always encodes: " + err.Error())
	}
	return text
}

// ImportDocuments stores a stream of documents, and answers with a report, or with a stream of the faults with the report as its last line.
func (s *Server) ImportDocuments(ctx context.Context, r oas.ImportDocumentsRequestObject) (oas.ImportDocumentsResponseObject, error) {
	name, _, err := named(r.Collection, "")
	if err != nil {
		return nil, err
	}
	ex := exchangeOf(ctx)
	request := app.ImportDocuments{
		Collection: name, ID: r.Params.ImportID, By: r.Params.By, Shape: app.DataShape, Mode: app.Strict, Existing: app.Existing(r.Params.Existing), ValidateOnly: r.Params.ValidateOnly,
	}
	if r.Params.Shape != "" {
		request.Shape = app.Shape(r.Params.Shape)
	}
	if r.Params.Mode != "" {
		request.Mode = app.ImportMode(r.Params.Mode)
	}
	// Escapes and white space may make a line longer than what is kept of it.
	limit := int(documentBody(s.MaxDocumentBytes))
	if ex.mediaType == ndjsonType {
		request.Lines = ndjson(r.Body, limit)
	} else {
		request.Lines = jsonArray(r.Body, limit)
	}
	if prefers(ex.request, jsonType, ndjsonType) == ndjsonType {
		return answer{stream: func(w http.ResponseWriter) error { return s.importStreaming(ctx, ex, w, request) }}, nil
	}
	var faults, warnings []importFault
	keep := func(list *[]importFault) func(app.LineFault) {
		return func(f app.LineFault) {
			if len(*list) < reportedLines {
				*list = append(*list, faultOf(f))
			}
		}
	}
	request.Fault, request.Warning = keep(&faults), keep(&warnings)
	report, err := s.Transfer.Import(ctx, caller(ctx), request)
	if err != nil {
		return nil, &reported{err, reportText(report, faults, warnings)}
	}
	a := answer{ex: ex, status: http.StatusOK, contentType: jsonType, body: reportText(report, faults, warnings)}
	if !r.Params.ValidateOnly {
		a.token = tokenOf(s.Transfer.Mark(ctx, name))
	}
	return a, nil
}

// importStreaming answers while the import goes on: a line for each fault, then one with the report, and with the problem where the import failed as a whole.
func (s *Server) importStreaming(ctx context.Context, ex *exchange, w http.ResponseWriter, request app.ImportDocuments) error {
	// HTTP/1 would otherwise stop reading the body once the answer begins.
	_ = http.NewResponseController(w).EnableFullDuplex()
	lines := newLineStream(ex, w)
	defer lines.close()
	request.Fault = func(f app.LineFault) { lines.write(importLine{Error: new(faultOf(f))}) }
	request.Warning = func(f app.LineFault) { lines.write(importLine{Warning: new(faultOf(f))}) }
	report, err := s.Transfer.Import(ctx, caller(ctx), request)
	last := importLine{Report: reportText(report, nil, nil)}
	if err != nil && fault.CodeOf(err) != "import.failed" {
		if !ex.started {
			return &reported{err, last.Report}
		}
		p, _ := describe(err)
		p.RequestID = ex.requestID
		last.Problem = &p
	}
	lines.write(last)
	return nil
}

// importLine is a line of the answer to an import: one fault or warning, or in the end the report.
type importLine struct {
	Error   *importFault    `json:"error,omitempty"`
	Warning *importFault    `json:"warning,omitempty"`
	Report  json.RawMessage `json:"report,omitempty"`
	Problem *problem        `json:"problem,omitempty"`
}

// lineStream writes an answer of lines of JSON, of which each is sent as soon as the ones before it are: where faults are few they arrive at once, and where
// they are many they share packets. The answer begins with the first line.
type lineStream struct {
	ex *exchange
	w  http.ResponseWriter
	// written has an element where there is something to send; quiet is closed when nothing more is sent.
	written, quiet chan struct{}

	mu  sync.Mutex // guards out, and w since the answer began
	out *bufio.Writer
}

// newLineStream returns a stream that sends until it is closed.
func newLineStream(ex *exchange, w http.ResponseWriter) *lineStream {
	s := &lineStream{ex: ex, w: w, written: make(chan struct{}, 1), quiet: make(chan struct{}), out: bufio.NewWriterSize(w, 16<<10)}
	go s.send()
	return s
}

func (s *lineStream) write(line importLine) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.ex.started {
		s.ex.started = true
		s.w.Header().Set("Content-Type", ndjsonType)
		s.w.WriteHeader(http.StatusOK)
	}
	encoder := json.NewEncoder(s.out)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(line) // the texts and numbers of a line always encode, and a client that is gone needs no answer
	select {
	case s.written <- struct{}{}:
	default: // whoever sends next sends this too
	}
}

func (s *lineStream) send() {
	defer close(s.quiet)
	for range s.written {
		s.mu.Lock()
		_ = s.out.Flush()
		_ = http.NewResponseController(s.w).Flush()
		s.mu.Unlock()
	}
}

// close sends what is left. Nothing is written after it.
func (s *lineStream) close() {
	close(s.written)
	<-s.quiet
	_ = s.out.Flush()
}

// sent forgets that a client is gone: there is nobody to tell.
func sent(error) error { return nil }

// ExportDocuments streams every document.
func (s *Server) ExportDocuments(ctx context.Context, r oas.ExportDocumentsRequestObject) (oas.ExportDocumentsResponseObject, error) {
	name, _, err := named(r.Collection, "")
	if err != nil {
		return nil, err
	}
	envelope := app.Shape(r.Params.Shape) == app.DocumentShape
	ex := exchangeOf(ctx)
	return answer{stream: func(w http.ResponseWriter) error {
		out := bufio.NewWriterSize(w, 64<<10)
		begin := func() {
			if ex.started {
				return
			}
			ex.started = true
			w.Header().Set("Content-Type", ndjsonType)
			w.Header().Set("Cache-Control", "no-store")
			w.WriteHeader(http.StatusOK)
		}
		var line []byte
		err := s.Transfer.Export(ctx, caller(ctx), name, func(d document.Document) error {
			begin()
			line = line[:0]
			if envelope {
				line = appendDocument(line, d)
			} else {
				line = append(line, d.Data...)
			}
			if _, err := out.Write(append(line, '\n')); err != nil {
				return errors.Join(errClientGone, err)
			}
			return nil
		})
		if errors.Is(err, errClientGone) {
			panic(http.ErrAbortHandler)
		}
		if err != nil {
			return err
		}
		begin()
		return sent(out.Flush())
	}}, nil
}

// errClientGone says that the answer cannot be sent.
var errClientGone = errors.New("the client does not take the answer")
