package httpapi

import (
	"context"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"github.com/sheafdb/sheaf/adapters/httpapi/oas"
	"github.com/sheafdb/sheaf/domain/fault"
)

// checkTimeout bounds one health check.
const checkTimeout = 2 * time.Second

// health is the answer to a probe.
type health struct {
	Status string        `json:"status"`
	Checks []healthCheck `json:"checks"`
}

type healthCheck struct {
	Name   string `json:"name"`
	Status string `json:"status"`
	Reason string `json:"reason,omitempty"`
}

const (
	statusOK       = "ok"
	statusDegraded = "degraded"
	statusFailing  = "failing"
)

func (h health) answer(ex *exchange, status int) answer {
	text, err := json.Marshal(h)
	if err != nil {
		panic("httpapi: health of text always encodes: " + err.Error())
	}
	return answer{ex: ex, status: status, contentType: jsonType, cache: "no-store", body: text}
}

// GetLiveness says that the process lives: it answers.
func (s *Server) GetLiveness(ctx context.Context, _ oas.GetLivenessRequestObject) (oas.GetLivenessResponseObject, error) {
	return health{Status: statusOK, Checks: []healthCheck{}}.answer(exchangeOf(ctx), http.StatusOK), nil
}

// GetReadiness asks everything that the process needs, side by side.
func (s *Server) GetReadiness(ctx context.Context, _ oas.GetReadinessRequestObject) (oas.GetReadinessResponseObject, error) {
	h := health{Status: statusOK, Checks: make([]healthCheck, len(s.Checks))}
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	var all sync.WaitGroup
	for i, check := range s.Checks {
		all.Go(func() {
			h.Checks[i] = healthCheck{Name: check.Name, Status: statusOK}
			if err := check.Check(ctx); err != nil {
				h.Checks[i].Status, h.Checks[i].Reason = statusFailing, reason(err)
				if check.Optional {
					h.Checks[i].Status = statusDegraded
				}
			}
		})
	}
	all.Wait()
	if s.draining.Load() {
		h.Checks = append(h.Checks, healthCheck{Name: "drain", Status: statusFailing, Reason: "the process is about to stop"})
	}
	status := http.StatusOK
	for _, check := range h.Checks {
		switch {
		case check.Status == statusFailing:
			h.Status, status = statusFailing, http.StatusServiceUnavailable
		case check.Status == statusDegraded && h.Status == statusOK:
			h.Status = statusDegraded
		}
	}
	return h.answer(exchangeOf(ctx), status), nil
}

// reason is what may be told of a failed check to anybody who asks.
func reason(err error) string {
	if f := fault.Find(err); f != nil && f.Text != "" {
		return f.Text
	}
	return "does not answer"
}

// GetContract answers with the contract, as it is written.
func (s *Server) GetContract(ctx context.Context, _ oas.GetContractRequestObject) (oas.GetContractResponseObject, error) {
	return answer{ex: exchangeOf(ctx), status: http.StatusOK, contentType: "application/yaml", cache: revalidate, body: s.Contract}, nil
}

// GetMetrics answers with the metrics, where they are served.
func (s *Server) GetMetrics(ctx context.Context, _ oas.GetMetricsRequestObject) (oas.GetMetricsResponseObject, error) {
	if s.Metrics == nil {
		return nil, fault.New(fault.NotFound, "metrics.disabled", "metrics are not served here")
	}
	ex := exchangeOf(ctx)
	return answer{stream: func(w http.ResponseWriter) error {
		ex.started = true
		s.Metrics.ServeHTTP(w, ex.request)
		return nil
	}}, nil
}
