package httpapi

import (
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are rate, errors and duration of requests, by operation.
type metrics struct {
	running  prometheus.Gauge
	duration *prometheus.HistogramVec
	series   sync.Map // of labels to prometheus.Observer: what was counted before
}

func newMetrics(registry prometheus.Registerer) *metrics {
	m := &metrics{
		running: prometheus.NewGauge(prometheus.GaugeOpts{Name: "sheaf_http_requests_running", Help: "Requests that are being answered."}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "sheaf_http_request_duration_seconds",
			Help:    "How long answering took, by operation of the contract and status.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30},
		}, []string{"operation", "status"}),
	}
	if registry != nil {
		registry.MustRegister(m.running, m.duration)
	}
	return m
}

// labels are what a duration is counted under.
type labels struct {
	operation string
	status    int
}

func (m *metrics) observe(operation string, status int, elapsed time.Duration) {
	key := labels{operation, status}
	series, known := m.series.Load(key)
	if !known {
		series, _ = m.series.LoadOrStore(key, m.duration.WithLabelValues(operation, strconv.Itoa(status)))
	}
	series.(prometheus.Observer).Observe(elapsed.Seconds())
}
