package main

import (
	"crypto/sha256"
	"encoding/hex"
	"net/url"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sheafdb/sheaf/adapters/purge"
	"github.com/sheafdb/sheaf/ports/app"
)

// edgeCache is a cache in front of the server, and what tells it to forget.
type edgeCache struct {
	host   string
	caller *purge.Cache
	sender *app.EdgePurge
}

// edgeCaches are those of the settings.
func edgeCaches(settings PurgeSettings, parts app.Dependencies) []edgeCache {
	var all []edgeCache
	for _, target := range settings.URLs {
		host := target
		if u, err := url.Parse(target); err == nil { // it was checked
			host = u.Host
		}
		caller := purge.New(purge.Options{
			URL: target, Form: purge.Form(settings.Form), Method: settings.Method, Field: settings.Field,
			Token: settings.Token.Reveal(), TokenHeader: settings.TokenHeader, Timeout: settings.Timeout,
		})
		// The turn belongs to the URL, which need not be read by whoever may read the table.
		digest := sha256.Sum256([]byte(target))
		all = append(all, edgeCache{host, caller, &app.EdgePurge{
			Dependencies: parts, Edge: caller, Turn: "edge/" + host + "/" + hex.EncodeToString(digest[:4]), Holder: uuid.NewString(), Again: settings.Again,
		}})
	}
	return all
}

// edgeMetrics tells Prometheus how far the caches in front are, at the moment it asks.
type edgeMetrics struct{ caches []edgeCache }

var _ prometheus.Collector = edgeMetrics{}

func edgeMetric(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("sheaf_purge_"+name, help, []string{"cache"}, nil)
}

var (
	edgeActive   = edgeMetric("active", "Whether this process tells the cache what changes; of several processes one does.")
	edgeBehind   = edgeMetric("behind_seconds", "How long ago there was nothing left to tell, where this process tells.")
	edgeRequests = edgeMetric("calls_total", "Times that the cache was told, in one or more requests.")
	edgeFailures = edgeMetric("failures_total", "Times that the cache could not be told; it is told again.")
	edgeKeys     = edgeMetric("keys_total", "Keys that the cache was told.")
)

// Describe names every metric.
func (m edgeMetrics) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{edgeActive, edgeBehind, edgeRequests, edgeFailures, edgeKeys} {
		out <- d
	}
}

// Collect tells every metric.
func (m edgeMetrics) Collect(out chan<- prometheus.Metric) {
	for _, c := range m.caches {
		s := c.sender.Stat()
		active := 0.0
		if s.Active {
			active = 1
		}
		out <- prometheus.MustNewConstMetric(edgeActive, prometheus.GaugeValue, active, c.host)
		out <- prometheus.MustNewConstMetric(edgeBehind, prometheus.GaugeValue, s.Behind.Seconds(), c.host)
		out <- prometheus.MustNewConstMetric(edgeRequests, prometheus.CounterValue, float64(s.Purges), c.host)
		out <- prometheus.MustNewConstMetric(edgeFailures, prometheus.CounterValue, float64(s.Failed), c.host)
		out <- prometheus.MustNewConstMetric(edgeKeys, prometheus.CounterValue, float64(s.Keys), c.host)
	}
}
