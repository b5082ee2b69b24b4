package main

import "time"

// Settings is everything an operator can set. The tags are the table of known
// settings (settings_table.go): names, defaults, bounds and help come from
// nowhere else. A setting postgres.maxConns is --postgres-max-conns,
// SHEAF_POSTGRES_MAX_CONNS and postgres: {maxConns: …} in the file.
//
// Tags: setting (name), default, help, oneof (words allowed), min and max
// (of a number, size or duration; of the length of a secret that is set),
// format (a check named in settings_check.go).
type Settings struct {
	HTTP         HTTPSettings         `setting:"http"`
	Postgres     PostgresSettings     `setting:"postgres"`
	Cache        CacheSettings        `setting:"cache"`
	Redis        RedisSettings        `setting:"redis"`
	Auth         AuthSettings         `setting:"auth"`
	Roles        []string             `setting:"roles" default:"configuration,store,process" oneof:"configuration,store,process" help:"what this process serves"`
	Log          LogSettings          `setting:"log"`
	Telemetry    TelemetrySettings    `setting:"telemetry"`
	Metrics      MetricsSettings      `setting:"metrics"`
	Pprof        PprofSettings        `setting:"pprof"`
	Schema       SchemaSettings       `setting:"schema"`
	Import       ImportSettings       `setting:"import"`
	Query        QuerySettings        `setting:"query"`
	References   ReferencesSettings   `setting:"references"`
	Bulk         BulkSettings         `setting:"bulk"`
	Operations   OperationsSettings   `setting:"operations"`
	Transactions TransactionsSettings `setting:"transactions"`
	Idempotency  IdempotencySettings  `setting:"idempotency"`
	Purge        PurgeSettings        `setting:"purge"`
	Dev          DevSettings          `setting:"dev"`
}

// HTTPSettings bound what one client can take, in bytes and in time.
type HTTPSettings struct {
	Addr              string        `setting:"addr" default:"127.0.0.1:8080" format:"address" help:"host:port to listen on; beyond loopback needs auth.rootKey, or auth.mode=none"`
	Hosts             []string      `setting:"hosts" format:"hosts" help:"names that requests may be sent to, such as api.example.com, or *; empty is any, but only localhost where no key guards a server on loopback"`
	MaxDocumentBytes  Bytes         `setting:"maxDocumentBytes" default:"4MiB" min:"1KiB" max:"64MiB" help:"largest document; larger ones get 413"`
	MaxBodyBytes      Bytes         `setting:"maxBodyBytes" default:"1MiB" min:"1KiB" max:"64MiB" help:"largest body of a request that is neither a document nor an import"`
	MaxHeaderBytes    Bytes         `setting:"maxHeaderBytes" default:"64KiB" min:"4KiB" max:"16MiB" help:"largest request line and headers together; larger ones get 431"`
	MaxConnections    int           `setting:"maxConnections" default:"10000" min:"1" help:"open connections; further ones wait in the system's queue"`
	ReadHeaderTimeout time.Duration `setting:"readHeaderTimeout" default:"10s" min:"100ms" help:"time for a client to send its request headers"`
	ReadTimeout       time.Duration `setting:"readTimeout" default:"30s" min:"100ms" help:"longest wait for the next bytes of a body, and head start of http.minBytesPerSecond"`
	WriteTimeout      time.Duration `setting:"writeTimeout" default:"30s" min:"100ms" help:"longest wait for a client to take the next bytes, and head start of http.minBytesPerSecond"`
	MinBytesPerSecond Bytes         `setting:"minBytesPerSecond" default:"1KiB" min:"1" help:"slowest client endured beyond the head start; only time spent waiting for it counts"`
	IdleTimeout       time.Duration `setting:"idleTimeout" default:"2m" min:"1s" help:"how long a connection may stay open without a request"`
	DrainDelay        time.Duration `setting:"drainDelay" default:"1s" min:"0s" help:"time between /readyz saying no and refusing connections, for balancers to notice"`
	DrainTimeout      time.Duration `setting:"drainTimeout" default:"20s" min:"0s" help:"time for open requests to end at shutdown; then they are cut"`
	CORS              CORSSettings  `setting:"cors"`
}

// CORSSettings say which pages of other origins a browser lets in.
type CORSSettings struct {
	Origins []string      `setting:"origins" format:"origins" help:"origins allowed to call from a browser, such as https://app.example.com, or *; empty is off"`
	MaxAge  time.Duration `setting:"maxAge" default:"10m" min:"0s" max:"24h" help:"how long a browser may remember the answer to a preflight"`
}

// PostgresSettings say where the truth is kept and how to talk to it.
type PostgresSettings struct {
	URL              Secret        `setting:"url" format:"postgresURL" help:"connection string; serve and migrate need it, dev starts a private server without it"`
	DirectURL        Secret        `setting:"directUrl" format:"postgresURL" help:"connection string past a pooler, for migrations; default postgres.url"`
	MaxConns         int           `setting:"maxConns" default:"16" min:"2" max:"10000" help:"connections in the pool"`
	Writers          int           `setting:"writers" default:"2" min:"1" max:"1000" help:"transactions of documents that this process runs at once; with more, each merges fewer writes"`
	MergedWrites     int           `setting:"mergedWrites" default:"256" min:"1" max:"10000" help:"writes that make a transaction full, of those that wait at the same time; 1 gives each request a transaction of its own"`
	ExecMode         string        `setting:"execMode" default:"cache_statement" oneof:"cache_statement,cache_describe,exec,simple_protocol" help:"how statements are sent; behind a transaction pooler use exec or simple_protocol"`
	Migrate          string        `setting:"migrate" default:"check" oneof:"check,auto,off" help:"check: refuse to start on a database that is behind; auto: bring it up; off: do not look"`
	StatementTimeout time.Duration `setting:"statementTimeout" default:"30s" min:"100ms" help:"longest one statement may run"`
	Binaries         string        `setting:"binaries" help:"folder with initdb and postgres for dev; empty looks on the machine"`
}

// CacheSettings say how many documents a process keeps at hand, and how old they may be.
type CacheSettings struct {
	Enabled      bool          `setting:"enabled" default:"true" help:"answer reads of single documents from memory where that is known to be right"`
	MaxBytes     Bytes         `setting:"maxBytes" default:"64MiB" min:"1MiB" max:"1024GiB" help:"documents kept in memory, with what it takes to find them"`
	MaxStaleness time.Duration `setting:"maxStaleness" default:"1s" min:"100ms" max:"1m" help:"how old a document may be that another process has changed; the database is asked four times as often what changed"`
}

// RedisSettings name the optional second level of the cache.
type RedisSettings struct {
	URL     Secret        `setting:"url" format:"redisURL" help:"cache that several processes share, such as redis://127.0.0.1:6379; empty is none"`
	Timeout time.Duration `setting:"timeout" default:"100ms" min:"1ms" max:"10s" help:"longest wait for Redis; what it does not say in time is read from the database"`
}

// AuthSettings say who may ask.
type AuthSettings struct {
	Mode    string `setting:"mode" default:"key" oneof:"key,none" help:"key: requests carry auth.rootKey as bearer token; none: everybody may do everything"`
	RootKey Secret `setting:"rootKey" min:"16" help:"key that may do everything, at least 16 characters; without it only loopback is served, openly"`
}

// LogSettings shape the log on standard error.
type LogSettings struct {
	Level  string `setting:"level" default:"info" oneof:"debug,info,warn,error" help:"least level written"`
	Format string `setting:"format" default:"json" oneof:"json,text" help:"shape of a log line"`
}

// TelemetrySettings say where traces go.
type TelemetrySettings struct {
	OTLPEndpoint string  `setting:"otlpEndpoint" format:"httpURL" help:"OTLP/HTTP collector for traces, such as http://127.0.0.1:4318; empty is off"`
	SampleRatio  float64 `setting:"sampleRatio" default:"0.1" min:"0" max:"1" help:"share of traces kept where the caller has not decided"`
}

// MetricsSettings say whether /metrics is served.
type MetricsSettings struct {
	Enabled bool `setting:"enabled" default:"true" help:"serve Prometheus metrics at /metrics"`
	Keyed   bool `setting:"keyed" default:"false" help:"ask for the key at /metrics too"`
}

// PprofSettings open a listener of its own, because profiles show memory.
type PprofSettings struct {
	Addr string `setting:"addr" format:"loopbackAddress" help:"loopback host:port for Go profiles, such as 127.0.0.1:6060; empty is off"`
}

// SchemaSettings bound what a collection may declare.
type SchemaSettings struct {
	Limits     SchemaLimits  `setting:"limits"`
	ImpactTime time.Duration `setting:"impactTime" default:"3s" min:"1ms" max:"1m" help:"how long stored documents are judged when a change of a configuration is tried with validateOnly"`
}

// SchemaLimits bound one JSON Schema before it is compiled.
type SchemaLimits struct {
	Bytes     Bytes `setting:"bytes" default:"512KiB" min:"1KiB" max:"16MiB" help:"size of a schema"`
	Depth     int   `setting:"depth" default:"64" min:"1" max:"1000" help:"nesting of a schema, in levels"`
	Nodes     int   `setting:"nodes" default:"20000" min:"1" help:"values in a schema"`
	Enum      int   `setting:"enum" default:"10000" min:"1" help:"members of one enum"`
	Expansion int   `setting:"expansion" default:"100000" min:"1" help:"subschemas one place of a document can reach through $ref and combinators"`
}

// ImportSettings bound an import that stores all or nothing.
type ImportSettings struct {
	StrictMaxDocuments int   `setting:"strictMaxDocuments" default:"100000" min:"1" help:"documents in one import of mode strict; mode skip has no bound"`
	StrictMaxBytes     Bytes `setting:"strictMaxBytes" default:"64MiB" min:"1KiB" max:"4GiB" help:"bytes in one import of mode strict, after decompression"`
}

// ReferencesSettings bound what the deletion of a document does to those that refer to it.
type ReferencesSettings struct {
	MaxCascade int `setting:"maxCascade" default:"1000" min:"1" max:"10000" help:"other documents that one write may delete or change because they refer to what it deletes"`
	MaxDepth   int `setting:"maxDepth" default:"16" min:"1" max:"60" help:"references one after the other over which a deletion is followed"`
}

// QuerySettings bound what one query reads.
type QuerySettings struct {
	MaxScan          int           `setting:"maxScan" default:"10000" min:"0" help:"documents or index entries that a query reads to find or sort its answer; beyond, it needs an index or allowScan=true"`
	AggregateTimeout time.Duration `setting:"aggregateTimeout" default:"20s" min:"100ms" max:"10m" help:"longest an aggregation may take; beyond, it answers 413"`
}

// BulkSettings bound changes of many documents by one request.
type BulkSettings struct {
	MaxDocuments int `setting:"maxDocuments" default:"1000" min:"1" max:"10000" help:"documents that a request changes itself, in one transaction; more are changed by an operation"`
}

// OperationsSettings are about work that takes longer than a request.
type OperationsSettings struct {
	Parallel           int           `setting:"parallel" default:"2" min:"1" max:"64" help:"operations that this process works on at once, where it has the role process"`
	DocumentsPerSecond int           `setting:"documentsPerSecond" default:"0" min:"0" max:"1000000" help:"documents that an operation changes in a second at most; 0 sets no bound"`
	Keep               time.Duration `setting:"keep" default:"168h" min:"0s" help:"how long operations that ended are listed, and can be rolled back; 0 is for ever"`
}

// TransactionsSettings bound a transaction.
type TransactionsSettings struct {
	MaxOperations int   `setting:"maxOperations" default:"500" min:"1" max:"10000" help:"operations in one transaction"`
	MaxBytes      Bytes `setting:"maxBytes" default:"16MiB" min:"1KiB" max:"256MiB" help:"body of one transaction, after decompression"`
}

// IdempotencySettings say what is kept of requests that may be sent again.
type IdempotencySettings struct {
	Retention time.Duration `setting:"retention" default:"24h" min:"1m" max:"720h" help:"how long the answer to a request with an Idempotency-Key is kept"`
}

// PurgeSettings say which caches in front are told what changes, and how.
type PurgeSettings struct {
	URLs        []string      `setting:"urls" format:"httpURLs" help:"where caches in front are told what to forget, such as http://varnish:80/; empty is nowhere"`
	Form        string        `setting:"form" default:"header" oneof:"header,json" help:"how keys are sent: header (separated by spaces, as Varnish and Fastly take them) or json (a list in an object)"`
	Method      string        `setting:"method" format:"token" help:"method of the requests; empty is PURGE, with json POST"`
	Field       string        `setting:"field" format:"token" help:"header or member that has the keys; empty is Surrogate-Key, with json keys"`
	Token       Secret        `setting:"token" help:"secret that the requests carry"`
	TokenHeader string        `setting:"tokenHeader" default:"Authorization" format:"token" help:"header that has the secret; in Authorization it is a bearer token"`
	Again       time.Duration `setting:"again" default:"30s" min:"1s" max:"10m" help:"how long after the first purge of a change the second one comes: longer than an answer may take on its way to a cache"`
	Timeout     time.Duration `setting:"timeout" default:"5s" min:"100ms" max:"1m" help:"longest wait for an answer to one purge"`
}

// DevSettings belong to sheaf dev.
type DevSettings struct {
	Dir string `setting:"dir" default:".sheaf" help:"folder of the private database"`
}
