package httpapi

import (
	"context"
	"net/http"
	"strconv"

	"github.com/sheafdb/sheaf/adapters/httpapi/oas"
	"github.com/sheafdb/sheaf/domain/change"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/ports/app"
)

// RunTransaction changes several documents at once.
func (s *Server) RunTransaction(ctx context.Context, r oas.RunTransactionRequestObject) (oas.RunTransactionResponseObject, error) {
	render := func(results []app.OperationResult) answer {
		a := answer{ex: exchangeOf(ctx), status: http.StatusOK, contentType: jsonType}
		short := minimal(r.Params.Prefer)
		if short {
			a.preference = minimalApplied
		}
		a.body = append(a.body, `{"results":[`...)
		for i, result := range results {
			if i > 0 {
				a.body = append(a.body, ',')
			}
			a.body = appendOperationResult(a.body, result, short)
		}
		a.body = append(a.body, `]}`...)
		if !r.Params.ValidateOnly {
			a.token = tokenOf(marksOf(results)...)
		}
		return a
	}
	results, err := s.Documents.Transact(ctx, caller(ctx), app.RunTransaction{Body: *r.Body, ValidateOnly: r.Params.ValidateOnly, Receipt: pending(ctx, render)})
	if err != nil {
		return nil, err
	}
	return render(results), nil
}

// marksOf are the places in the feed where the documents of a transaction are as its results say.
func marksOf(results []app.OperationResult) []change.Mark {
	marks := make([]change.Mark, len(results))
	for i, r := range results {
		marks[i] = r.Mark
	}
	return marks
}

// outcomeNames are the names of outcomes in the API.
var outcomeNames = map[document.Outcome]string{document.Created: "created", document.Updated: "updated", document.Unchanged: "unchanged", document.Deleted: "deleted"}

// appendOperationResult appends what an operation did; short leaves the document out.
func appendOperationResult(b []byte, r app.OperationResult, short bool) []byte {
	b = append(b, `{"op":"`...)
	b = append(b, r.Op...)
	b = append(b, `","outcome":"`...)
	b = append(b, outcomeNames[r.Outcome]...)
	b = append(b, `","collection":`...)
	b = appendString(b, r.Collection.String())
	b = append(b, `,"id":`...)
	b = appendString(b, r.ID.String())
	if r.Outcome != document.Deleted && r.Document.Revision > 0 {
		b = append(b, `,"revision":`...)
		b = strconv.AppendInt(b, r.Document.Revision, 10)
		if !short {
			b = append(b, `,"document":`...)
			b = append(b, storedText(r.Result)...)
		}
	}
	return append(b, '}')
}
