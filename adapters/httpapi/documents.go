package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"github.com/sheafdb/sheaf/adapters/httpapi/oas"
	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/ports"
	"github.com/sheafdb/sheaf/ports/app"
)

// CreateDocument stores a new document.
func (s *Server) CreateDocument(ctx context.Context, r oas.CreateDocumentRequestObject) (oas.CreateDocumentResponseObject, error) {
	name, id, err := namedIn("query", r.Collection, r.Params.ID)
	if err != nil {
		return nil, err
	}
	render := func(result document.Result) answer {
		return storedAnswer(ctx, name, result, r.Params.ValidateOnly, r.Params.Prefer)
	}
	result, err := s.Documents.Create(ctx, answering(ctx, render), app.CreateDocument{Collection: name, ID: id, Data: *r.Body, ValidateOnly: r.Params.ValidateOnly})
	if err != nil {
		return nil, err
	}
	return render(result), nil
}

// PutDocument creates or replaces a document.
func (s *Server) PutDocument(ctx context.Context, r oas.PutDocumentRequestObject) (oas.PutDocumentResponseObject, error) {
	name, id, err := named(r.Collection, r.ID)
	if err != nil {
		return nil, err
	}
	pre, err := parseConditions(r.Params.IfMatch, r.Params.IfNoneMatch)
	if err != nil {
		return nil, err
	}
	result, err := s.Documents.Put(ctx, caller(ctx), app.PutDocument{Collection: name, ID: id, Data: *r.Body, Precondition: pre, ValidateOnly: r.Params.ValidateOnly})
	if err != nil {
		return nil, err
	}
	return storedAnswer(ctx, name, result, r.Params.ValidateOnly, r.Params.Prefer), nil
}

// storedAnswer says what became of a document that was written, in the form that is preferred.
func storedAnswer(ctx context.Context, name ident.Collection, result document.Result, validateOnly bool, prefer string) answer {
	a := answer{ex: exchangeOf(ctx), status: http.StatusOK, contentType: jsonType, body: storedText(result)}
	if validateOnly {
		return a.asPreferred(prefer, http.StatusNoContent)
	}
	a.etag, a.token = document.Tag(result.Document.Revision), tokenOf(result.Mark)
	if result.Outcome == document.Created {
		a.status, a.location = http.StatusCreated, documentPath(name, result.Document)
		return a.asPreferred(prefer, http.StatusCreated)
	}
	return a.asPreferred(prefer, http.StatusNoContent)
}

// tokenOf is what who made a change sends in order not to be served anything older.
func tokenOf(marks ...change.Mark) string {
	return change.NewToken(marks...).Format()
}

// DeleteDocument deletes a document.
func (s *Server) DeleteDocument(ctx context.Context, r oas.DeleteDocumentRequestObject) (oas.DeleteDocumentResponseObject, error) {
	name, id, err := named(r.Collection, r.ID)
	if err != nil {
		return nil, err
	}
	pre, err := parseConditions(r.Params.IfMatch, "")
	if err != nil {
		return nil, err
	}
	result, err := s.Documents.Delete(ctx, caller(ctx), app.DeleteDocument{Collection: name, ID: id, Precondition: pre, ValidateOnly: r.Params.ValidateOnly})
	if err != nil {
		return nil, err
	}
	return deletedAnswer(ctx, result, r.Params.ValidateOnly), nil
}

// deletedAnswer says what became of a document that was deleted.
func deletedAnswer(ctx context.Context, result document.Result, validateOnly bool) answer {
	a := answer{ex: exchangeOf(ctx), status: http.StatusNoContent, token: tokenOf(result.Mark)}
	if validateOnly {
		a.status, a.etag, a.contentType, a.body = http.StatusOK, document.Tag(result.Document.Revision), jsonType, documentText(result.Document)
	}
	return a
}

// GetDocument answers with a document.
func (s *Server) GetDocument(ctx context.Context, r oas.GetDocumentRequestObject) (oas.GetDocumentResponseObject, error) {
	a, found, err := s.find(ctx, r.Collection, r.ID, r.Params.Expand, r.Params.AsOf, r.Params.IfMatch, r.Params.IfNoneMatch)
	if err != nil {
		return nil, err
	}
	if a.status != http.StatusOK {
		return a, nil
	}
	a.contentType = jsonType
	name, _, err := named(r.Collection, "")
	if err != nil {
		return nil, err
	}
	cut, expanded, err := s.Documents.Present(ctx, name, found, r.Params.Fields, r.Params.Expand)
	if err != nil {
		return nil, err
	}
	s.lend(&a, func(b []byte) []byte { return appendExpanded(b, cut, expanded) })
	return a, nil
}

// HeadDocument answers with what GetDocument would, without the body.
func (s *Server) HeadDocument(ctx context.Context, r oas.HeadDocumentRequestObject) (oas.HeadDocumentResponseObject, error) {
	a, _, err := s.find(ctx, r.Collection, r.ID, "", r.Params.AsOf, r.Params.IfMatch, r.Params.IfNoneMatch)
	if err != nil {
		return nil, err
	}
	return a, nil
}

func (s *Server) find(ctx context.Context, collectionName, documentID, expand string, asOf time.Time, match, noneMatch string) (answer, document.Document, error) {
	name, id, err := named(collectionName, documentID)
	if err != nil {
		return answer{}, document.Document{}, err
	}
	var pre document.Precondition
	if match != "" || noneMatch != "" {
		if pre, err = parseConditions(match, noneMatch); err != nil {
			return answer{}, document.Document{}, err
		}
	}
	var found document.Document
	var age time.Duration
	if asOf.IsZero() {
		if s.CacheAge != nil {
			age = s.CacheAge() // before it is asked: the answer is not older than that
		}
		found, exchangeOf(ctx).from, err = s.Documents.Get(ctx, caller(ctx), name, id, pre)
	} else {
		found, err = s.Documents.GetAsOf(ctx, caller(ctx), name, id, asOf, pre)
	}
	if err != nil {
		return answer{}, document.Document{}, err
	}
	a := answer{ex: exchangeOf(ctx), status: http.StatusOK, etag: document.Tag(found.Revision), cache: revalidate}
	if asOf.IsZero() {
		s.keep(ctx, &a, name, &found, expand)
		if s.CacheAge != nil {
			a.cacheStatus = cacheStatus[a.ex.from]
			if a.ex.from != ports.FromStore {
				a.age = strconv.FormatInt(int64(age/time.Second), 10)
			}
		}
	}
	if pre.Unmodified(found.Revision) {
		a.status = http.StatusNotModified
	}
	return a, found, nil
}
