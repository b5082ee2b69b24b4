package httpapi

import (
	"context"
	"net/http"
	"strings"

	"github.com/sheafdb/sheaf/adapters/httpapi/oas"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/patch"
	"github.com/sheafdb/sheaf/ports/app"
)

// nameByKey is the document that the request's path names by a key. The key is taken from the path as it came: of several values the commas between them are plain,
// and those in them are not.
func nameByKey(ctx context.Context, collectionName, indexName string) (app.Name, error) {
	name, _, err := named(collectionName, "")
	path := exchangeOf(ctx).request.URL.EscapedPath()
	return app.Name{Collection: name, Index: indexName, Key: path[strings.LastIndexByte(path, '/')+1:]}, err
}

// GetDocumentByKey answers with the document that has a unique key.
func (s *Server) GetDocumentByKey(ctx context.Context, r oas.GetDocumentByKeyRequestObject) (oas.GetDocumentByKeyResponseObject, error) {
	name, err := nameByKey(ctx, r.Collection, r.Index)
	if err != nil {
		return nil, err
	}
	found, err := s.Documents.GetByKey(ctx, caller(ctx), name)
	if err != nil {
		return nil, err
	}
	cut, expanded, err := s.Documents.Present(ctx, name.Collection, found, r.Params.Fields, r.Params.Expand)
	if err != nil {
		return nil, err
	}
	return answer{
		ex: exchangeOf(ctx), status: http.StatusOK, etag: document.Tag(found.Revision), place: documentPath(name.Collection, found), cache: revalidate,
		contentType: jsonType, body: appendExpanded(nil, cut, expanded),
	}, nil
}

// PutDocumentByKey creates or replaces the document that has a unique key.
func (s *Server) PutDocumentByKey(ctx context.Context, r oas.PutDocumentByKeyRequestObject) (oas.PutDocumentByKeyResponseObject, error) {
	name, err := nameByKey(ctx, r.Collection, r.Index)
	if err != nil {
		return nil, err
	}
	pre, err := parseConditions(r.Params.IfMatch, r.Params.IfNoneMatch)
	if err != nil {
		return nil, err
	}
	result, err := s.Documents.PutByKey(ctx, caller(ctx), app.PutByKey{Name: name, Data: *r.Body, Precondition: pre, ValidateOnly: r.Params.ValidateOnly})
	if err != nil {
		return nil, err
	}
	return storedAnswer(ctx, name.Collection, result, r.Params.ValidateOnly, r.Params.Prefer), nil
}

// PatchDocumentByKey changes the document that has a unique key.
func (s *Server) PatchDocumentByKey(ctx context.Context, r oas.PatchDocumentByKeyRequestObject) (oas.PatchDocumentByKeyResponseObject, error) {
	name, err := nameByKey(ctx, r.Collection, r.Index)
	if err != nil {
		return nil, err
	}
	pre, err := parseConditions(r.Params.IfMatch, r.Params.IfNoneMatch)
	if err != nil {
		return nil, err
	}
	request := app.PatchByKey{Name: name, Precondition: pre, ValidateOnly: r.Params.ValidateOnly}
	switch {
	case r.ApplicationJSONPatchPlusJSONBody != nil:
		request.Format, request.Patch = patch.Operations, *r.ApplicationJSONPatchPlusJSONBody
	case r.ApplicationVndSheafUpdatePlusJSONBody != nil:
		request.Format, request.Patch = patch.Update, *r.ApplicationVndSheafUpdatePlusJSONBody
	case r.ApplicationMergePatchPlusJSONBody != nil:
		request.Format, request.Patch = patch.Merge, *r.ApplicationMergePatchPlusJSONBody
	default:
		request.Format, request.Patch = patch.Merge, *r.JSONBody
	}
	render := func(result document.Result) answer {
		return storedAnswer(ctx, name.Collection, result, r.Params.ValidateOnly, r.Params.Prefer)
	}
	result, err := s.Documents.PatchByKey(ctx, answering(ctx, render), request)
	if err != nil {
		return nil, err
	}
	return render(result), nil
}

// DeleteDocumentByKey deletes the document that has a unique key.
func (s *Server) DeleteDocumentByKey(ctx context.Context, r oas.DeleteDocumentByKeyRequestObject) (oas.DeleteDocumentByKeyResponseObject, error) {
	name, err := nameByKey(ctx, r.Collection, r.Index)
	if err != nil {
		return nil, err
	}
	pre, err := parseConditions(r.Params.IfMatch, "")
	if err != nil {
		return nil, err
	}
	result, err := s.Documents.DeleteByKey(ctx, caller(ctx), app.DeleteByKey{Name: name, Precondition: pre, ValidateOnly: r.Params.ValidateOnly})
	if err != nil {
		return nil, err
	}
	return deletedAnswer(ctx, result, r.Params.ValidateOnly), nil
}
