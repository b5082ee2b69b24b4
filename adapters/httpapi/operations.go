package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/sheafdb/sheaf/adapters/httpapi/oas"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/operation"
	"github.com/sheafdb/sheaf/ports/app"
)

// ListOperations answers with a page of operations.
func (s *Server) ListOperations(ctx context.Context, r oas.ListOperationsRequestObject) (oas.ListOperationsResponseObject, error) {
	request := app.ListOperations{State: operation.State(r.Params.State), Paging: paging(r.Params.PageSize, r.Params.PageToken, "")}
	if r.Params.Collection != "" {
		var err error
		if request.Collection, _, err = named(r.Params.Collection, ""); err != nil {
			return nil, err
		}
	}
	page, err := s.Operations.List(ctx, caller(ctx), request)
	if err != nil {
		return nil, err
	}
	ex := exchangeOf(ctx)
	return answer{
		ex: ex, status: http.StatusOK, contentType: jsonType, cache: revalidate, link: pageLinks(ex, page.Next, ""), body: pageText(page, appendOperation),
	}, nil
}

// GetOperation answers with an operation.
func (s *Server) GetOperation(ctx context.Context, r oas.GetOperationRequestObject) (oas.GetOperationResponseObject, error) {
	id, err := ident.ParseOperation(r.Operation)
	if err != nil {
		return nil, err
	}
	o, err := s.Operations.Get(ctx, caller(ctx), id)
	if err != nil {
		return nil, err
	}
	return answer{ex: exchangeOf(ctx), status: http.StatusOK, contentType: jsonType, cache: revalidate, body: appendOperation(nil, o)}, nil
}

// ListOperationFailures answers with a page of the documents that an operation could not change.
func (s *Server) ListOperationFailures(ctx context.Context, r oas.ListOperationFailuresRequestObject) (oas.ListOperationFailuresResponseObject, error) {
	id, err := ident.ParseOperation(r.Operation)
	if err != nil {
		return nil, err
	}
	page, err := s.Operations.ListFailures(ctx, caller(ctx), id, paging(r.Params.PageSize, r.Params.PageToken, ""))
	if err != nil {
		return nil, err
	}
	ex := exchangeOf(ctx)
	return answer{
		ex: ex, status: http.StatusOK, contentType: jsonType, cache: revalidate, link: pageLinks(ex, page.Next, ""), body: pageText(page, appendFailure),
	}, nil
}

// CancelOperation ends an operation.
func (s *Server) CancelOperation(ctx context.Context, r oas.CancelOperationRequestObject) (oas.CancelOperationResponseObject, error) {
	id, err := ident.ParseOperation(r.Operation)
	if err != nil {
		return nil, err
	}
	o, err := s.Operations.Cancel(ctx, caller(ctx), id)
	if err != nil {
		return nil, err
	}
	return answer{ex: exchangeOf(ctx), status: http.StatusOK, contentType: jsonType, body: appendOperation(nil, o)}, nil
}

// RollbackOperation starts an operation that takes back what another one did.
func (s *Server) RollbackOperation(ctx context.Context, r oas.RollbackOperationRequestObject) (oas.RollbackOperationResponseObject, error) {
	id, err := ident.ParseOperation(r.Operation)
	if err != nil {
		return nil, err
	}
	render := func(o operation.Operation) answer { return accepted(ctx, o) }
	o, err := s.Operations.Rollback(ctx, caller(ctx), id, pending(ctx, render))
	if err != nil {
		return nil, err
	}
	return render(o), nil
}

// accepted says that an operation does what was asked for.
func accepted(ctx context.Context, o operation.Operation) answer {
	return answer{ex: exchangeOf(ctx), status: http.StatusAccepted, location: "/v1/operations/" + o.ID.String(), contentType: jsonType, body: appendOperation(nil, o)}
}

// sentOperation is an operation as it is sent.
type sentOperation struct {
	ID         string           `json:"id"`
	Kind       operation.Kind   `json:"kind"`
	Collection string           `json:"collection"`
	State      operation.State  `json:"state"`
	Phase      operation.Phase  `json:"phase,omitempty"`
	Request    json.RawMessage  `json:"request"`
	Progress   sentProgress     `json:"progress"`
	Error      *operation.Fault `json:"error,omitempty"`
	Actor      string           `json:"actor"`
	RequestID  string           `json:"requestId"`
	CreatedAt  string           `json:"createdAt"`
	StartedAt  string           `json:"startedAt,omitempty"`
	EndedAt    string           `json:"endedAt,omitempty"`
}

type sentProgress struct {
	Total   *int64 `json:"total,omitempty"`
	Done    int64  `json:"done"`
	Changed int64  `json:"changed"`
	Failed  int64  `json:"failed"`
}

func appendOperation(b []byte, o operation.Operation) []byte {
	sent := sentOperation{
		ID: o.ID.String(), Kind: o.Kind, Collection: o.Collection.String(), State: o.State, Request: o.Request, Error: o.Fault, Actor: o.Actor, RequestID: o.RequestID,
		Progress:  sentProgress{Done: o.Progress.Done, Changed: o.Progress.Changed, Failed: o.Progress.Failed},
		CreatedAt: timeText(o.CreatedAt), StartedAt: timeText(o.StartedAt), EndedAt: timeText(o.EndedAt),
	}
	if !o.StartedAt.IsZero() {
		sent.Phase = o.Phase
	}
	if o.Progress.Total >= 0 {
		sent.Progress.Total = &o.Progress.Total
	}
	return appendEncoded(b, sent)
}

func timeText(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return string(appendTime(nil, t))
}

// sentFailure is a document that cannot be changed, as it is sent.
type sentFailure struct {
	ID      string      `json:"id"`
	Code    string      `json:"code"`
	Message string      `json:"message"`
	Errors  []violation `json:"errors,omitempty"`
}

func failureOf(f operation.Failure) sentFailure {
	return sentFailure{ID: f.ID.String(), Code: f.Code, Message: f.Message, Errors: violationsOf(f.Violations)}
}

func appendFailure(b []byte, f operation.Failure) []byte { return appendEncoded(b, failureOf(f)) }

// appendEncoded appends a value of texts and numbers as JSON.
func appendEncoded(b []byte, v any) []byte {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		panic("httpapi: a value of texts and numbers always encodes: " + err.Error())
	}
	return append(b, bytes.TrimSpace(text.Bytes())...)
}
