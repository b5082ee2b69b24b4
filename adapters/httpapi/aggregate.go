package httpapi

import (
	"bytes"
	"context"
	"encoding/csv"
	"errors"
	"net/http"
	"time"

	"github.com/sheafdb/sheaf/adapters/httpapi/oas"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/ports/app"
)

const csvType = "text/csv"

const (
	// aggregateBytes bounds an answer that is one JSON value: it is whole, or a problem, and so it is made in memory.
	aggregateBytes = 16 << 20
	// aggregateHeld is how much of a stream is made before any of it is sent, in bytes: what fails before that is a problem, too, and the database is done with most answers
	// before a slow caller has had the first byte.
	aggregateHeld = aggregateBytes
	// aggregateChunk is how much is sent at once after that, in bytes.
	aggregateChunk = 64 << 10
	// aggregateSending is how long a caller may take for what the database still has to do with: a connection to it waits.
	aggregateSending = time.Minute
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
				return out.send()
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
	// began is when the first part was sent while rows were still coming.
	began time.Time
}

// send sends what was written, when that is enough.
func (s *rowStream) send() error {
	switch {
	case s.began.IsZero() && s.Len() < aggregateHeld, s.Len() < aggregateChunk:
		return nil
	case s.began.IsZero():
		s.began = time.Now()
	case time.Since(s.began) > aggregateSending:
		return errors.Join(errClientGone, errSlow)
	}
	return s.flush()
}

// errSlow says that a caller takes too long for an answer that a connection of the database waits for.
var errSlow = errors.New("the answer is taken too slowly")

// flush sends all that was written.
func (s *rowStream) flush() error {
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
		err = s.flush()
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
		return out.send()
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
