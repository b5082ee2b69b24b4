package httpapi

import (
	"context"
	"net/http"
	"strconv"

	"github.com/sheafdb/sheaf/adapters/httpapi/oas"
	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/patch"
	"github.com/sheafdb/sheaf/ports/app"
)

const jsonPatchType = "application/json-patch+json"

// opNames are the names of operations in the API.
var opNames = map[change.Op]string{change.Created: "create", change.Updated: "update", change.Deleted: "delete"}

// appendDocumentRevision appends a revision, with its data where it has some.
func appendDocumentRevision(b []byte, c change.Change) []byte {
	b = append(b, `{"revision":`...)
	b = strconv.AppendInt(b, c.Revision, 10)
	b = append(b, `,"op":`...)
	b = appendString(b, opNames[c.Op])
	b = append(b, `,"at":"`...)
	b = appendTime(b, c.At)
	b = append(b, `","actor":`...)
	b = appendString(b, c.Actor)
	b = append(b, `,"requestId":`...)
	b = appendString(b, c.RequestID)
	if c.Data != nil {
		b = append(b, `,"data":`...)
		b = append(b, c.Data...)
	}
	return append(b, '}')
}

// ListDocumentRevisions answers with a page of the history of a document.
func (s *Server) ListDocumentRevisions(ctx context.Context, r oas.ListDocumentRevisionsRequestObject) (oas.ListDocumentRevisionsResponseObject, error) {
	name, id, err := named(r.Collection, r.ID)
	if err != nil {
		return nil, err
	}
	page, err := s.Documents.ListRevisions(ctx, caller(ctx), app.ListDocumentRevisions{
		Collection: name, ID: id, Paging: paging(r.Params.PageSize, r.Params.PageToken, ""), WithoutData: r.Params.Data != nil && !*r.Params.Data,
	})
	if err != nil {
		return nil, err
	}
	ex := exchangeOf(ctx)
	return answer{
		ex: ex, status: http.StatusOK, contentType: jsonType, cache: revalidate, link: pageLinks(ex, page.Next, ""),
		body: pageText(page, appendDocumentRevision),
	}, nil
}

// GetDocumentRevision answers with one revision of a document.
func (s *Server) GetDocumentRevision(ctx context.Context, r oas.GetDocumentRevisionRequestObject) (oas.GetDocumentRevisionResponseObject, error) {
	name, id, err := named(r.Collection, r.ID)
	if err != nil {
		return nil, err
	}
	pre, err := parseConditions("", r.Params.IfNoneMatch)
	if err != nil {
		return nil, err
	}
	found, err := s.Documents.GetRevision(ctx, caller(ctx), name, id, r.Revision)
	if err != nil {
		return nil, err
	}
	a := answer{ex: exchangeOf(ctx), status: http.StatusOK, etag: document.Tag(found.Revision), cache: revalidate}
	if pre.Unmodified(found.Revision) {
		a.status = http.StatusNotModified
		return a, nil
	}
	a.contentType, a.body = jsonType, appendDocumentRevision(nil, found)
	return a, nil
}

// DiffDocument answers with the difference of two revisions.
func (s *Server) DiffDocument(ctx context.Context, r oas.DiffDocumentRequestObject) (oas.DiffDocumentResponseObject, error) {
	name, id, err := named(r.Collection, r.ID)
	if err != nil {
		return nil, err
	}
	diff, err := s.Documents.Diff(ctx, caller(ctx), app.DiffDocument{Collection: name, ID: id, From: r.Params.From, To: r.Params.To})
	if err != nil {
		return nil, err
	}
	return answer{ex: exchangeOf(ctx), status: http.StatusOK, contentType: jsonPatchType, cache: revalidate, body: patch.FormatOperations(diff)}, nil
}

// RestoreDocument stores an older revision of a document as a new one.
func (s *Server) RestoreDocument(ctx context.Context, r oas.RestoreDocumentRequestObject) (oas.RestoreDocumentResponseObject, error) {
	name, id, err := named(r.Collection, r.ID)
	if err != nil {
		return nil, err
	}
	pre, err := parseConditions(r.Params.IfMatch, r.Params.IfNoneMatch)
	if err != nil {
		return nil, err
	}
	revision, err := document.ParseRestoration(*r.Body)
	if err != nil {
		return nil, err
	}
	render := func(result document.Result) answer {
		return storedAnswer(ctx, name, result, r.Params.ValidateOnly, r.Params.Prefer)
	}
	result, err := s.Documents.Restore(ctx, answering(ctx, render), app.RestoreDocument{Collection: name, ID: id, Revision: revision, Precondition: pre, ValidateOnly: r.Params.ValidateOnly})
	if err != nil {
		return nil, err
	}
	return render(result), nil
}
