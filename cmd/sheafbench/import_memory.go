package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
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
	peak, err := s.sheaf.peakMiB()
	if err != nil {
		return nil, err
	}
	n := float64(s.imported)
	return []result{{
		Workload: "import-memory", Variant: "sheaf", PerSecond: n / elapsed.Seconds(), ResidentMiB: s.sheaf.residentMiB(),
		CPUMicro: float64((s.sheaf.cpu() - cpu).Microseconds()) / n, DBMicro: float64((s.databaseCPU() - database).Microseconds()) / n,
		Note: fmt.Sprintf("%d documents, at most %.0f MiB resident", s.imported, peak),
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

// peakMiB returns how much memory the server's process has held at most (proc(5), VmHWM of status).
func (t *target) peakMiB() (float64, error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", t.cmd.Process.Pid))
	if err != nil {
		return 0, err
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) == 3 && fields[0] == "VmHWM:" {
			kib, err := strconv.ParseFloat(fields[1], 64)
			return kib / 1024, err
		}
	}
	return 0, errors.New("the process has no VmHWM")
}
