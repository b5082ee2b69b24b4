package main

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sheafdb/sheaf/adapters/cache"
	"github.com/sheafdb/sheaf/adapters/telemetry"
	"github.com/sheafdb/sheaf/ports"
)

// cached is a store with what keeps its documents at hand, if anything does.
type cached struct {
	store  ports.Store
	checks []ports.HealthCheck
	// follow runs until its context ends.
	follow func(context.Context)
	// age is nil where nothing does.
	age   func() time.Duration
	close func()
}

// openCache puts the cache that the settings ask for in front of a store. A Redis that is away is no reason to fail.
func openCache(settings Settings, store ports.Store, t *telemetry.Telemetry) (cached, error) {
	if !settings.Cache.Enabled {
		return cached{store: store, follow: func(context.Context) {}, close: func() {}}, nil
	}
	var shared *cache.Shared
	var checks []ports.HealthCheck
	if url := settings.Redis.URL.Reveal(); url != "" {
		var err error
		if shared, err = cache.OpenShared(cache.SharedConfig{URL: url, Timeout: settings.Redis.Timeout, Logger: t.Log}); err != nil {
			return cached{}, err
		}
		checks = append(checks, ports.HealthCheck{Name: "redis", Optional: true, Check: shared.Ping})
	}
	c := cache.New(cache.Config{
		Store: store, MaxBytes: int(settings.Cache.MaxBytes), MaxStaleness: settings.Cache.MaxStaleness, Shared: shared, Logger: t.Log,
	})
	t.Registry.MustRegister(cacheMetrics{c.Stat, shared != nil})
	return cached{store: c, checks: checks, follow: c.Follow, age: c.Age, close: func() {
		c.Close()
		shared.Close()
	}}, nil
}

// cacheMetrics tells Prometheus what a cache is doing, at the moment it asks.
type cacheMetrics struct {
	stat   func() cache.Stat
	shared bool
}

var _ prometheus.Collector = cacheMetrics{}

// cacheMetric is one number of a cache.Stat, and what an operator reads about it.
type cacheMetric struct {
	about  *prometheus.Desc
	kind   prometheus.ValueType
	shared bool // it is about Redis
	labels []string
	value  func(cache.Stat) float64
}

var (
	cacheReads = prometheus.NewDesc("sheaf_cache_reads_total",
		"Reads of documents by layer and result: hit, miss, refused (known to be old), foreign (no entry), error, or bypass (the cache was not sure of itself).", []string{"layer", "result"}, nil)
	cacheMetricTable = []cacheMetric{
		{about: cacheReads, kind: prometheus.CounterValue, labels: []string{"memory", "hit"}, value: func(s cache.Stat) float64 { return float64(s.MemoryHits) }},
		{about: cacheReads, kind: prometheus.CounterValue, labels: []string{"memory", "miss"}, value: func(s cache.Stat) float64 { return float64(s.MemoryMisses) }},
		{about: cacheReads, kind: prometheus.CounterValue, labels: []string{"memory", "bypass"}, value: func(s cache.Stat) float64 { return float64(s.Bypassed) }},
		{about: cacheReads, kind: prometheus.CounterValue, shared: true, labels: []string{"redis", "hit"}, value: func(s cache.Stat) float64 { return float64(s.SharedHits) }},
		{about: cacheReads, kind: prometheus.CounterValue, shared: true, labels: []string{"redis", "miss"}, value: func(s cache.Stat) float64 { return float64(s.SharedMisses) }},
		{about: cacheReads, kind: prometheus.CounterValue, shared: true, labels: []string{"redis", "refused"}, value: func(s cache.Stat) float64 { return float64(s.SharedRefused) }},
		{about: cacheReads, kind: prometheus.CounterValue, shared: true, labels: []string{"redis", "foreign"}, value: func(s cache.Stat) float64 { return float64(s.SharedForeign) }},
		{about: cacheReads, kind: prometheus.CounterValue, shared: true, labels: []string{"redis", "error"}, value: func(s cache.Stat) float64 { return float64(s.SharedErrors) }},
		{
			about: prometheus.NewDesc("sheaf_cache_loads_total", "Documents that were read from the database because no layer had them.", nil, nil),
			kind:  prometheus.CounterValue, value: func(s cache.Stat) float64 { return float64(s.Loads) },
		},
		{
			about: prometheus.NewDesc("sheaf_cache_memory_bytes", "What the documents in memory take; cache.maxBytes bounds it.", nil, nil),
			kind:  prometheus.GaugeValue, value: func(s cache.Stat) float64 { return float64(s.MemoryBytes) },
		},
		{
			about: prometheus.NewDesc("sheaf_cache_age_seconds", "How long ago the database was last asked what changed, and answered; above cache.maxStaleness the cache is not used.", nil, nil),
			kind:  prometheus.GaugeValue, value: func(s cache.Stat) float64 { return s.Age.Seconds() },
		},
		{
			about: prometheus.NewDesc("sheaf_cache_restarts_total", "How often everything was forgotten: the database had another history, or was far ahead.", nil, nil),
			kind:  prometheus.CounterValue, value: func(s cache.Stat) float64 { return float64(s.Restarts) },
		},
		{
			about: prometheus.NewDesc("sheaf_cache_redis_puts_total", "Documents sent to Redis.", nil, nil),
			kind:  prometheus.CounterValue, shared: true, value: func(s cache.Stat) float64 { return float64(s.SharedPuts) },
		},
		{
			about: prometheus.NewDesc("sheaf_cache_redis_dropped_total", "Documents not sent to Redis because too many waited.", nil, nil),
			kind:  prometheus.CounterValue, shared: true, value: func(s cache.Stat) float64 { return float64(s.SharedDropped) },
		},
	}
)

// Describe names every metric.
func (m cacheMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, metric := range cacheMetricTable {
		to <- metric.about
	}
}

// Collect reads the cache once, so that the numbers of a scrape belong together.
func (m cacheMetrics) Collect(to chan<- prometheus.Metric) {
	stat := m.stat()
	for _, metric := range cacheMetricTable {
		if !metric.shared || m.shared {
			to <- prometheus.MustNewConstMetric(metric.about, metric.kind, metric.value(stat), metric.labels...)
		}
	}
}
