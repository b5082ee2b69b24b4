package httpapi

import (
	"context"
	"net/http"
	"strconv"

	"github.com/sheafdb/sheaf/adapters/httpapi/oas"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/operation"
	"github.com/sheafdb/sheaf/ports/app"
)

// UpdateDocuments changes the documents that match a filter, or starts an operation that does.
func (s *Server) UpdateDocuments(ctx context.Context, r oas.UpdateDocumentsRequestObject) (oas.UpdateDocumentsResponseObject, error) {
	return s.changeDocuments(ctx, operation.Update, r.Collection, *r.Body, r.Params.ValidateOnly, r.Params.Prefer)
}

// DeleteDocuments deletes the documents that match a filter, or starts an operation that does.
func (s *Server) DeleteDocuments(ctx context.Context, r oas.DeleteDocumentsRequestObject) (oas.DeleteDocumentsResponseObject, error) {
	return s.changeDocuments(ctx, operation.Delete, r.Collection, *r.Body, r.Params.ValidateOnly, r.Params.Prefer)
}

// MigrateDocuments starts an operation that brings documents into another form.
func (s *Server) MigrateDocuments(ctx context.Context, r oas.MigrateDocumentsRequestObject) (oas.MigrateDocumentsResponseObject, error) {
	return s.changeDocuments(ctx, operation.Migration, r.Collection, *r.Body, r.Params.ValidateOnly, r.Params.Prefer)
}

func (s *Server) changeDocuments(ctx context.Context, kind operation.Kind, collectionName string, body []byte, validateOnly bool, prefer string) (answer, error) {
	name, _, err := named(collectionName, "")
	if err != nil {
		return answer{}, err
	}
	async := prefersAsync(prefer)
	render := func(done app.ChangedDocuments) answer {
		if done.Operation == nil {
			return answer{ex: exchangeOf(ctx), status: http.StatusOK, contentType: jsonType, body: appendBulkReport(nil, *done.Report), token: tokenOf(done.Report.Mark)}
		}
		a := accepted(ctx, *done.Operation)
		if async {
			a.preference = asyncApplied
		}
		return a
	}
	done, err := s.Bulk.Change(ctx, caller(ctx), app.ChangeDocuments{
		Collection: name, Kind: kind, Body: body, Async: async, ValidateOnly: validateOnly, Receipt: pending(ctx, render),
	})
	if err != nil {
		return answer{}, err
	}
	return render(done), nil
}

const asyncApplied = "respond-async"

// prefersAsync says whether the preferences ask for an operation (RFC 7240 section 4.1).
func prefersAsync(prefer string) bool {
	_, found := preferred(prefer, asyncApplied)
	return found
}

// outcomes are the names of what becomes of documents, in the API.
var outcomes = map[document.Outcome]string{document.Updated: "updated", document.Deleted: "deleted", document.Unchanged: "unchanged"}

func appendBulkReport(b []byte, r app.BulkReport) []byte {
	b = append(b, `{"matched":{"value":`...)
	b = strconv.AppendInt(b, r.Matched.Value, 10)
	b = append(b, `,"kind":`...)
	b = appendString(b, r.Matched.Kind)
	for _, n := range [...]struct {
		name  string
		value int64
	}{{`},"judged":`, r.Judged}, {`,"changed":`, r.Changed}, {`,"unchanged":`, r.Unchanged}, {`,"failed":`, r.Failed}} {
		b = append(b, n.name...)
		b = strconv.AppendInt(b, n.value, 10)
	}
	if len(r.Samples) > 0 {
		b = append(b, `,"samples":`...)
		b = appendList(b, r.Samples, appendSample)
	}
	if len(r.Failures) > 0 {
		b = append(b, `,"failures":`...)
		b = appendList(b, r.Failures, appendFailure)
	}
	return append(b, '}')
}

func appendSample(b []byte, s app.BulkSample) []byte {
	outcome := outcomes[s.Outcome]
	if s.Failed {
		outcome = "failed"
	}
	b = append(b, `{"outcome":`...)
	b = appendString(b, outcome)
	b = append(b, `,"document":`...)
	b = appendDocument(b, s.Document)
	return append(b, '}')
}

func appendList[T any](b []byte, list []T, appendItem func([]byte, T) []byte) []byte {
	b = append(b, '[')
	for i, item := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendItem(b, item)
	}
	return append(b, ']')
}
