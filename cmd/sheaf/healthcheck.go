package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// healthTimeout bounds a health check: longer than /readyz gives its own checks, shorter than those who ask usually wait.
const healthTimeout = 3 * time.Second

func (p *program) healthcheckCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "healthcheck",
		Short: "Ask the server on this machine whether it is ready, and tell by the exit code",
		Long: `Ask the server on this machine whether it is ready, and tell by the exit code.

It reads the settings that serve reads, and asks /readyz at http.addr: a container
without a shell can check itself. 0 is ready, 1 is not, and says why.`,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			settings, err := p.load(cmd, nil)
			if err != nil {
				return err
			}
			ctx, cancel := context.WithTimeout(cmd.Context(), healthTimeout)
			defer cancel()
			return askReadiness(ctx, settings.HTTP.Addr)
		},
	}
	addFlags(cmd, nil)
	return cmd
}

// askReadiness fails when the server that listens at an address is not ready.
func askReadiness(ctx context.Context, address string) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+reachable(address)+"/readyz", http.NoBody)
	if err != nil {
		return err
	}
	// No proxy: the server is here.
	client := http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	response, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("%s does not answer: %w", address, errors.Unwrap(err))
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusOK {
		return nil
	}
	const most = 64 << 10 // bytes of an answer that are read
	var health struct {
		Checks []struct{ Name, Status, Reason string }
	}
	var reasons []string
	if json.NewDecoder(io.LimitReader(response.Body, most)).Decode(&health) == nil {
		for _, check := range health.Checks {
			if check.Status != "ok" {
				reasons = append(reasons, printable(check.Name+": "+check.Reason))
			}
		}
	}
	if len(reasons) == 0 {
		reasons = []string{response.Status}
	}
	return fmt.Errorf("not ready: %s", strings.Join(reasons, "; "))
}
