package httpapi

import (
	"context"

	"github.com/sheafdb/sheaf/adapters/httpapi/oas"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/patch"
	"github.com/sheafdb/sheaf/ports/app"
)

// PatchDocument changes a document by a patch in one of three formats.
func (s *Server) PatchDocument(ctx context.Context, r oas.PatchDocumentRequestObject) (oas.PatchDocumentResponseObject, error) {
	name, id, err := named(r.Collection, r.ID)
	if err != nil {
		return nil, err
	}
	pre, err := parseConditions(r.Params.IfMatch, r.Params.IfNoneMatch)
	if err != nil {
		return nil, err
	}
	request := app.PatchDocument{Collection: name, ID: id, Precondition: pre, ValidateOnly: r.Params.ValidateOnly}
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
		return storedAnswer(ctx, name, result, r.Params.ValidateOnly, r.Params.Prefer)
	}
	result, err := s.Documents.Patch(ctx, answering(ctx, render), request)
	if err != nil {
		return nil, err
	}
	return render(result), nil
}
