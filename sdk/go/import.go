package sheaf

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// ReadImport reads the answer to an import that asked for application/x-ndjson: it calls bad with every fault of a line
// as the server finds it, and returns the report at the end.
// It fails with a *Problem, beside the report of what was stored, where the import broke off for a reason that the
// server could name, and with io.ErrUnexpectedEOF where the answer ends before its report.
func ReadImport(answer io.Reader, bad func(ImportError)) (ImportReport, error) {
	lines := json.NewDecoder(answer)
	for {
		var line struct {
			Error   *ImportError  `json:"error"`
			Report  *ImportReport `json:"report"`
			Problem *Problem      `json:"problem"`
		}
		err := lines.Decode(&line)
		switch {
		case errors.Is(err, io.EOF):
			return ImportReport{}, io.ErrUnexpectedEOF
		case err != nil:
			return ImportReport{}, fmt.Errorf("read the report: %w", err)
		case line.Error != nil:
			bad(*line.Error)
		case line.Report != nil && line.Problem != nil:
			return *line.Report, line.Problem
		case line.Report != nil:
			return *line.Report, nil
		}
	}
}
