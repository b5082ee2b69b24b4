package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// importingStream imports documents that are made while they are sent, under a name, and says how much memory the server held at most meanwhile.
func importingStream(ctx context.Context, s *stage) ([]result, error) {
	if err := declare(ctx, s, "import-memory"); err != nil {
		return nil, err
	}
	if err := s.sheaf.forgetPeak(); err != nil {
		return nil, err
	}
	read, write := io.Pipe()
	go func() { _ = write.CloseWithError(writeLines(write, s.imported)) }()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+s.sheaf.addr+"/v1/collections/import-memory/import?shape=document&mode=skip&importId=bench", read)
	if err != nil {
		return nil, err
	}
	request.Header.Set("Content-Type", "application/x-ndjson")
	cpu, database, began := s.sheaf.cpu(), s.databaseCPU(), time.Now()
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	elapsed := time.Since(began)
	if want := fmt.Sprintf(`{"created":%d,`, s.imported); response.StatusCode != http.StatusOK || !strings.HasPrefix(string(answer), want) {
		return nil, fmt.Errorf("status %d: %.500s", response.StatusCode, answer)
	}
	n := float64(s.imported)
	return []result{{
		Workload: "import-memory", Variant: "sheaf", PerSecond: n / elapsed.Seconds(), ResidentMiB: s.sheaf.residentMiB(),
		CPUMicro: float64((s.sheaf.cpu() - cpu).Microseconds()) / n, DBMicro: float64((s.databaseCPU() - database).Microseconds()) / n,
		Note: fmt.Sprintf("%d documents, at most %.0f MiB resident", s.imported, s.sheaf.peakMiB()),
	}}, nil
}

// writeLines writes the first n samples as an import of envelopes.
func writeLines(to io.Writer, n int) error {
	out := bufio.NewWriterSize(to, 64<<10)
	for i := range n {
		if _, err := fmt.Fprintf(out, `{"id":%q,"data":%s}`+"\n", documentID(i), sample(i)); err != nil {
			return err
		}
	}
	return out.Flush()
}

// forgetPeak begins the peak of the server's memory anew (proc(5), clear_refs).
func (t *target) forgetPeak() error {
	return os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", t.cmd.Process.Pid), []byte("5"), 0)
}
