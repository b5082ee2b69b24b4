package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sheafdb/sheaf/adapters/postgres"
)

// storeMetrics tells Prometheus what the pool and the writers of a store are doing, at the moment it asks.
type storeMetrics struct {
	stat func() postgres.Stat
}

var _ prometheus.Collector = storeMetrics{}

// storeMetric is one number of a postgres.Stat, and what an operator reads about it.
type storeMetric struct {
	about *prometheus.Desc
	kind  prometheus.ValueType
	value func(postgres.Stat) float64
}

func storeGauge(name, help string, value func(postgres.Stat) float64) storeMetric {
	return storeMetric{prometheus.NewDesc("sheaf_postgres_"+name, help, nil, nil), prometheus.GaugeValue, value}
}

func storeCounter(name, help string, value func(postgres.Stat) float64) storeMetric {
	return storeMetric{prometheus.NewDesc("sheaf_postgres_"+name+"_total", help, nil, nil), prometheus.CounterValue, value}
}

var storeMetricTable = []storeMetric{
	storeGauge("connections", "Connections of the pool, those being opened included.",
		func(s postgres.Stat) float64 { return float64(s.Connections) }),
	storeGauge("connections_in_use", "Connections that a statement or transaction holds.",
		func(s postgres.Stat) float64 { return float64(s.Acquired) }),
	storeGauge("connections_idle", "Connections that wait for work.",
		func(s postgres.Stat) float64 { return float64(s.Idle) }),
	storeGauge("connections_max", "The most connections that there may be: postgres.maxConns.",
		func(s postgres.Stat) float64 { return float64(s.MaxConns) }),
	storeCounter("connection_waits", "How often a connection was waited for.",
		func(s postgres.Stat) float64 { return float64(s.Waits) }),
	storeCounter("connection_wait_seconds", "How long connections were waited for, in all.",
		func(s postgres.Stat) float64 { return s.Waited.Seconds() }),
	storeGauge("queued_batches", "Batches of writes that wait for a writer.",
		func(s postgres.Stat) float64 { return float64(s.Queued) }),
	storeCounter("transactions", "Committed transactions of documents.",
		func(s postgres.Stat) float64 { return float64(s.Transactions) }),
	storeCounter("batches", "Batches of writes in committed transactions; over transactions it is how many share a commit.",
		func(s postgres.Stat) float64 { return float64(s.Batches) }),
	storeGauge("queued_reads", "Reads of single documents that wait for a statement.",
		func(s postgres.Stat) float64 { return float64(s.ReadsQueued) }),
	storeCounter("read_statements", "Statements that read single documents.",
		func(s postgres.Stat) float64 { return float64(s.Statements) }),
	storeCounter("reads", "Reads of single documents; over read_statements it is how many share a statement.",
		func(s postgres.Stat) float64 { return float64(s.Reads) }),
	storeCounter("retries", "Transactions tried again because others changed the same documents.",
		func(s postgres.Stat) float64 { return float64(s.Retries) }),
}

// Describe names every metric.
func (storeMetrics) Describe(to chan<- *prometheus.Desc) {
	for _, m := range storeMetricTable {
		to <- m.about
	}
}

// Collect reads the store once, so that the numbers of a scrape belong together.
func (m storeMetrics) Collect(to chan<- prometheus.Metric) {
	stat := m.stat()
	for _, metric := range storeMetricTable {
		to <- prometheus.MustNewConstMetric(metric.about, metric.kind, metric.value(stat))
	}
}
