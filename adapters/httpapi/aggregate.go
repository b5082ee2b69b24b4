package httpapi

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"net/http"

	"github.com/sheafdb/sheaf/adapters/httpapi/oas"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/ports/app"
)

const csvType = "text/csv"

const (
	// aggregateBytes bounds an answer that is one JSON value: it is whole, or a problem, and so it is made in memory.
	aggregateBytes = 16 << 20
	// aggregateBuffer is how much of a stream is held back, in bytes: what fails before that is a problem, too.
	aggregateBuffer = 64 << 10
)

// AggregateDocuments answers with the rows that stages make of documents.
func (s *Server) AggregateDocuments(ctx context.Context, r oas.AggregateDocumentsRequestObject) (oas.AggregateDocumentsResponseObject, error) {
	name, _, err := named(r.Collection, "")
	if err != nil {
		return nil, err
	}
	conditions, err := parseListConditions("", r.Params.IfNoneMatch)
	if err != nil {
		return nil, err
	}
	ex := exchangeOf(ctx)
	media := prefers(ex.request, jsonType, ndjsonType, csvType)
	rows, err := s.Documents.Aggregate(ctx, caller(ctx), app.AggregateDocuments{Collection: name, Body: *r.Body, Tagged: media == jsonType, Known: conditions.noneMatch})
	if err != nil {
		return nil, err
	}
	if rows.Unchanged {
		return answer{ex: ex, status: http.StatusNotModified, etag: rows.Tag(ctx), cache: revalidate}, nil
	}
	switch media {
	case ndjsonType:
		return answer{stream: func(w http.ResponseWriter) error {
			out := &rowStream{w: w, ex: ex, media: ndjsonType}
			return out.end(rows.Run(ctx, func(row []byte) error {
				_, _ = out.Write(row)
				_ = out.WriteByte('\n')
				return out.send(aggregateBuffer)
			}))
		}}, nil
	case csvType:
		return answer{stream: func(w http.ResponseWriter) error {
			return streamCSV(ctx, &rowStream{w: w, ex: ex, media: csvType + "; charset=utf-8; header=present"}, rows)
		}}, nil
	}
	body, err := rowsText(ctx, rows)
	if err != nil {
		return nil, err
	}
	return answer{ex: ex, status: http.StatusOK, etag: rows.Tag(ctx), contentType: jsonType, cache: revalidate, body: body}, nil
}

// rowsText is all rows as one object.
func rowsText(ctx context.Context, rows *app.Aggregated) ([]byte, error) {
	b := []byte(`{"items":[`)
	first := true
	err := rows.Run(ctx, func(row []byte) error {
		if len(b)+len(row) > aggregateBytes {
			return fault.New(fault.TooLarge, "aggregate.tooLarge", "the answer has more than %d bytes: end the stages with a limit, or accept %s or %s", aggregateBytes, ndjsonType, csvType)
		}
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(b, row...)
		return nil
	})
	b = append(b, ']')
	if rows.Explain != nil {
		b = append(b, `,"explain":`...)
		b = append(b, explanation(rows.Explain)...)
	}
	return append(b, '}'), err
}

// rowStream is an answer that is sent as it comes about.
type rowStream struct {
	bytes.Buffer
	w     http.ResponseWriter
	ex    *exchange
	media string
}

// send sends what was written when that is more than kept bytes.
func (s *rowStream) send(kept int) error {
	if s.Len() < kept {
		return nil
	}
	if !s.ex.started {
		s.ex.started = true
		s.w.Header().Set("Content-Type", s.media)
		s.w.Header().Set("Cache-Control", "no-store")
		s.w.WriteHeader(http.StatusOK)
	}
	if _, err := s.WriteTo(s.w); err != nil {
		return errors.Join(errClientGone, err)
	}
	return nil
}

// end sends the rest, unless something failed.
func (s *rowStream) end(err error) error {
	if err == nil {
		err = s.send(0)
	}
	if errors.Is(err, errClientGone) {
		panic(http.ErrAbortHandler)
	}
	return err
}

// streamCSV sends rows as CSV (RFC 4180) with a header. Null is an empty field.
func streamCSV(ctx context.Context, out *rowStream, rows *app.Aggregated) error {
	lines := csv.NewWriter(out)
	lines.UseCRLF = true
	_ = lines.Write(rows.Columns) // a buffer takes everything
	record := make([]string, len(rows.Columns))
	err := rows.Run(ctx, func(row []byte) error {
		tree, err := jsontext.Decode(row)
		if err != nil {
			return err
		}
		object, _ := tree.(map[string]any)
		for i, column := range rows.Columns {
			record[i] = field(object[column])
		}
		_ = lines.Write(record)
		lines.Flush()
		return out.send(aggregateBuffer)
	})
	lines.Flush()
	return out.end(err)
}

// field is a value as a field of CSV: a text as it is, everything else as JSON.
func field(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	}
	return string(jsontext.Append(nil, v))
}
