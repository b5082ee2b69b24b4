package httpapi

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"github.com/sheafdb/sheaf/adapters/httpapi/oas"
	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/ports/app"
)

// ListCollections answers with a page of collections.
func (s *Server) ListCollections(ctx context.Context, r oas.ListCollectionsRequestObject) (oas.ListCollectionsResponseObject, error) {
	page, err := s.Collections.List(ctx, caller(ctx), paging(r.Params.PageSize, r.Params.PageToken, string(r.Params.Count)))
	if err != nil {
		return nil, err
	}
	ex := exchangeOf(ctx)
	return answer{
		ex: ex, status: http.StatusOK, contentType: jsonType, cache: revalidate, link: pageLinks(ex, page.Next, ""), body: pageText(page, appendCollection),
	}, nil
}

// GetCollection answers with a collection.
func (s *Server) GetCollection(ctx context.Context, r oas.GetCollectionRequestObject) (oas.GetCollectionResponseObject, error) {
	name, _, err := named(r.Collection, "")
	if err != nil {
		return nil, err
	}
	pre, err := parseConditions("", r.Params.IfNoneMatch)
	if err != nil {
		return nil, err
	}
	found, err := s.Collections.Get(ctx, caller(ctx), name)
	if err != nil {
		return nil, err
	}
	a := answer{ex: exchangeOf(ctx), status: http.StatusOK, etag: document.Tag(found.Revision), cache: revalidate}
	// What becomes of an index is no part of the revision: as long as that may change, nobody is told that nothing did.
	if pre.Unmodified(found.Revision) && index.Settled(found.Indexes) {
		a.status = http.StatusNotModified
		return a, nil
	}
	a.contentType, a.body = jsonType, appendCollection(nil, found)
	return a, nil
}

// PutCollection creates or replaces a collection.
func (s *Server) PutCollection(ctx context.Context, r oas.PutCollectionRequestObject) (oas.PutCollectionResponseObject, error) {
	return s.writeCollection(ctx, s.Collections.Put, r.Collection, *r.Body, r.Params.IfMatch, r.Params.IfNoneMatch, r.Params.Prefer, r.Params.ValidateOnly)
}

// PatchCollection changes a collection by a merge patch.
func (s *Server) PatchCollection(ctx context.Context, r oas.PatchCollectionRequestObject) (oas.PatchCollectionResponseObject, error) {
	body := r.JSONBody
	if body == nil {
		body = r.ApplicationMergePatchPlusJSONBody
	}
	return s.writeCollection(ctx, s.Collections.Patch, r.Collection, *body, r.Params.IfMatch, "", r.Params.Prefer, r.Params.ValidateOnly)
}

type collectionWrite func(context.Context, app.Caller, app.WriteCollection) (app.Written, error)

func (s *Server) writeCollection(ctx context.Context, write collectionWrite, collectionName string, body []byte, match, noneMatch, prefer string, validateOnly bool) (answer, error) {
	name, _, err := named(collectionName, "")
	if err != nil {
		return answer{}, err
	}
	pre, err := parseConditions(match, noneMatch)
	if err != nil {
		return answer{}, err
	}
	render := func(written app.Written) answer { return declaredAnswer(ctx, written, validateOnly, prefer) }
	written, err := write(ctx, caller(ctx), app.WriteCollection{Name: name, Body: body, Precondition: pre, ValidateOnly: validateOnly, Receipt: pending(ctx, render)})
	if err != nil {
		return answer{}, err
	}
	a := render(written)
	if seconds, waits := patientFor(prefer); waits && !validateOnly {
		s.Collections.Everywhere(ctx)
		a.preference = strings.TrimPrefix(a.preference+", wait="+seconds, ", ")
	}
	return a, nil
}

// patientFor says whether the caller has time to wait for other processes, and how many seconds they have (RFC 7240 section 4.3): one is enough.
func patientFor(prefer string) (seconds string, waits bool) {
	seconds, _ = preferred(prefer, "wait")
	n, err := strconv.ParseUint(seconds, 10, 32)
	return seconds, err == nil && n > 0
}

// declaredAnswer says what became of a configuration that was written, in the form that is preferred.
func declaredAnswer(ctx context.Context, written app.Written, validateOnly bool, prefer string) answer {
	a := answer{ex: exchangeOf(ctx), status: http.StatusOK, contentType: jsonType, body: appendImpact(appendCollection(nil, written.Collection), written.Impact)}
	if validateOnly {
		return a.asPreferred(prefer, http.StatusNoContent)
	}
	a.etag = document.Tag(written.Collection.Revision)
	if written.Created {
		a.status, a.location = http.StatusCreated, "/v1/collections/"+written.Collection.Name.String()
		return a.asPreferred(prefer, http.StatusCreated)
	}
	return a.asPreferred(prefer, http.StatusNoContent)
}

// DeleteCollection deletes a collection with its documents.
func (s *Server) DeleteCollection(ctx context.Context, r oas.DeleteCollectionRequestObject) (oas.DeleteCollectionResponseObject, error) {
	name, _, err := named(r.Collection, "")
	if err != nil {
		return nil, err
	}
	pre, err := parseConditions(r.Params.IfMatch, "")
	if err != nil {
		return nil, err
	}
	stored, done, err := s.Collections.Delete(ctx, caller(ctx), app.DeleteCollection{Name: name, Precondition: pre, Force: r.Params.Force, ValidateOnly: r.Params.ValidateOnly})
	if err != nil {
		return nil, err
	}
	a := answer{ex: exchangeOf(ctx)}
	switch {
	case r.Params.ValidateOnly:
		a.status, a.etag = http.StatusOK, document.Tag(stored.Revision)
	case done:
		a.status = http.StatusNoContent
		return a, nil
	default:
		a.status, a.etag = http.StatusAccepted, document.Tag(stored.Revision)
	}
	a.contentType, a.body = jsonType, appendCollection(nil, stored)
	return a, nil
}

// ListCollectionRevisions answers with a page of the revisions of a configuration.
func (s *Server) ListCollectionRevisions(ctx context.Context, r oas.ListCollectionRevisionsRequestObject) (oas.ListCollectionRevisionsResponseObject, error) {
	name, _, err := named(r.Collection, "")
	if err != nil {
		return nil, err
	}
	page, err := s.Collections.ListRevisions(ctx, caller(ctx), name, paging(r.Params.PageSize, r.Params.PageToken, ""))
	if err != nil {
		return nil, err
	}
	ex := exchangeOf(ctx)
	return answer{
		ex: ex, status: http.StatusOK, contentType: jsonType, cache: revalidate, link: pageLinks(ex, page.Next, ""),
		body: pageText(page, func(b []byte, rev collection.Revision) []byte { return appendRevision(b, rev, name.String()) }),
	}, nil
}
