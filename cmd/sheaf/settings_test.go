package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/spf13/cobra"
)

// loadIn loads from a folder with the given files, variables and flags.
func loadIn(t *testing.T, files map[string]string, environ, args []string) (loaded, error) {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		mustWrite(t, filepath.Join(dir, name), text)
	}
	cmd := &cobra.Command{Use: "serve"}
	addFlags(cmd, nil)
	if err := cmd.ParseFlags(args); err != nil {
		t.Fatal(err)
	}
	config, err := cmd.Flags().GetString("config")
	if err != nil {
		t.Fatal(err)
	}
	return load(sources{dir: dir, environ: environ, config: config, flags: cmd.Flags()})
}

func mustLoad(t *testing.T, files map[string]string, environ, args []string) loaded {
	t.Helper()
	got, err := loadIn(t, files, environ, args)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

// The table itself: names that clash, defaults or bounds that do not parse, and settings without help are found here.
func TestTable(t *testing.T) {
	t.Parallel()
	seen := map[string]string{}
	for _, row := range table {
		for _, spelled := range []string{row.name, row.flag, row.env} {
			if other, taken := seen[spelled]; taken && other != row.name {
				t.Errorf("%s and %s are both spelled %s", row.name, other, spelled)
			}
			seen[spelled] = row.name
		}
		if groups[row.name] {
			t.Errorf("%s is a setting and a group", row.name)
		}
		if kubernetesName.MatchString(row.env) || otherNames[row.env] != "" {
			t.Errorf("%s would be overlooked in the environment", row.env)
		}
		if err := row.check(row.defaultValue()); err != nil {
			t.Errorf("the default of %s %v", row.name, err)
		}
		if row.help == "" || strings.HasSuffix(row.help, ".") || strings.Contains(row.help, "\n") {
			t.Errorf("help of %s is not one line: %q", row.name, row.help)
		}
		if _, found := formats[row.format]; row.format != "" && !found {
			t.Errorf("%s has the unknown format %s", row.name, row.format)
		}
		if row.kind != reflect.TypeFor[Secret]() && (row.min != "" || row.max != "") {
			_ = row.check(row.defaultValue()) // panics on a bound that does not parse
		}
	}
	for command, defaults := range map[string]map[string]string{"dev": devDefaults} {
		for name, text := range defaults {
			row, found := lookup(byName, name)
			if !found {
				t.Errorf("%s sets the unknown %s", command, name)
				continue
			}
			if _, err := row.read(text); err != nil {
				t.Errorf("%s sets %s to %q, which %v", command, name, text, err)
			}
		}
	}
}

func TestTable_Names(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][2]string{
		"postgres.maxConns":         {"postgres-max-conns", "SHEAF_POSTGRES_MAX_CONNS"},
		"postgres.url":              {"postgres-url", "SHEAF_POSTGRES_URL"},
		"postgres.directUrl":        {"postgres-direct-url", "SHEAF_POSTGRES_DIRECT_URL"},
		"http.addr":                 {"http-addr", "SHEAF_HTTP_ADDR"},
		"http.cors.maxAge":          {"http-cors-max-age", "SHEAF_HTTP_CORS_MAX_AGE"},
		"auth.mode":                 {"auth-mode", "SHEAF_AUTH_MODE"},
		"auth.rootKey":              {"auth-root-key", "SHEAF_AUTH_ROOT_KEY"},
		"redis.url":                 {"redis-url", "SHEAF_REDIS_URL"},
		"postgres.migrate":          {"postgres-migrate", "SHEAF_POSTGRES_MIGRATE"},
		"roles":                     {"roles", "SHEAF_ROLES"},
		"import.strictMaxDocuments": {"import-strict-max-documents", "SHEAF_IMPORT_STRICT_MAX_DOCUMENTS"},
	} {
		row, found := lookup(byName, name)
		if !found || row.flag != want[0] || row.env != want[1] {
			t.Errorf("%s is --%s and %s, want --%s and %s", name, row.flag, row.env, want[0], want[1])
		}
	}
}

func TestLoad_Defaults(t *testing.T) {
	t.Parallel()
	got := mustLoad(t, nil, nil, nil)
	if got.HTTP.Addr != "127.0.0.1:8080" || got.HTTP.MaxDocumentBytes != 4<<20 || got.HTTP.ReadHeaderTimeout != 10*time.Second ||
		got.Postgres.Migrate != "check" || got.Auth.Mode != "key" || !got.Metrics.Enabled || got.Schema.Limits.Nodes != 20000 ||
		!slices.Equal(got.Roles, []string{"configuration", "store", "process"}) || got.HTTP.CORS.Origins == nil {
		t.Errorf("got %+v", got.Settings)
	}
}

// Each source replaces what the ones before it said, and nothing else.
func TestLoad_Precedence(t *testing.T) {
	t.Parallel()
	const name = "postgres.maxConns"
	steps := []struct {
		source  string
		files   map[string]string
		environ []string
		args    []string
		want    int
	}{
		{source: "default", want: 16},
		{source: "sheaf.yaml", files: map[string]string{"sheaf.yaml": "postgres: {maxConns: 21}"}, want: 21},
		{source: ".env", files: map[string]string{".env": "SHEAF_POSTGRES_MAX_CONNS=22\nOTHER=x\n"}, want: 22},
		{source: "environment", environ: []string{"SHEAF_POSTGRES_MAX_CONNS=23", "PATH=/bin"}, want: 23},
		{source: "flags", args: []string{"--postgres-max-conns=24"}, want: 24},
	}
	files := map[string]string{}
	var environ, args []string
	for _, step := range steps {
		maps.Copy(files, step.files)
		environ, args = append(environ, step.environ...), append(args, step.args...)
		got := mustLoad(t, files, environ, args)
		if got.Postgres.MaxConns != step.want || got.origins[name].source != step.source {
			t.Errorf("%s: got %d of %s, want %d", step.source, got.Postgres.MaxConns, got.origins[name].source, step.want)
		}
		if got.HTTP.MaxConnections != 10000 || got.origins["http.maxConnections"].source != "default" {
			t.Errorf("%s: http.maxConnections changed to %d", step.source, got.HTTP.MaxConnections)
		}
	}
}

func TestLoad_CommandDefaults(t *testing.T) {
	t.Parallel()
	got, err := load(sources{dir: t.TempDir(), command: "dev", defaults: devDefaults, environ: []string{"SHEAF_LOG_FORMAT=json"}})
	if err != nil {
		t.Fatal(err)
	}
	if got.Postgres.Migrate != "auto" || got.origins["postgres.migrate"].source != "default of dev" || got.Log.Format != "json" {
		t.Errorf("got %q of %s and %q", got.Postgres.Migrate, got.origins["postgres.migrate"].source, got.Log.Format)
	}
}

func TestLoad_ConfigFile(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"sheaf.yaml": "roles: [store]", "flag.yaml": "roles: [process]", "variable.yaml": "roles: [configuration]",
		"dotenv.yaml": "roles: [store, process]",
	}
	tests := []struct {
		name    string
		environ []string
		args    []string
		dotenv  string
		want    string
	}{
		{name: "found", want: "store"},
		{name: "in .env", dotenv: "SHEAF_CONFIG=dotenv.yaml", want: "store,process"},
		{name: "by variable", dotenv: "SHEAF_CONFIG=dotenv.yaml", environ: []string{"SHEAF_CONFIG=variable.yaml"}, want: "configuration"},
		{name: "by flag", environ: []string{"SHEAF_CONFIG=variable.yaml"}, args: []string{"--config=flag.yaml"}, want: "process"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			all := maps.Clone(files)
			all[".env"] = test.dotenv
			if got := strings.Join(mustLoad(t, all, test.environ, test.args).Roles, ","); got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

func TestLoad_Values(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		file    string
		environ []string
		args    []string
		got     func(Settings) any
		want    any
	}{
		{name: "list in the environment", environ: []string{"SHEAF_ROLES=store, process"}, got: func(s Settings) any { return s.Roles }, want: []string{"store", "process"}},
		{name: "list in the file", file: "http: {cors: {origins: ['https://a.example', 'http://localhost:3000']}}", got: func(s Settings) any { return s.HTTP.CORS.Origins }, want: []string{"https://a.example", "http://localhost:3000"}},
		{name: "list as text in the file", file: "roles: store,process", got: func(s Settings) any { return s.Roles }, want: []string{"store", "process"}},
		{name: "list by repeated flag", args: []string{"--roles=store", "--roles", "process"}, got: func(s Settings) any { return s.Roles }, want: []string{"store", "process"}},
		{name: "list shortened", file: "roles: [store, process]", environ: []string{"SHEAF_ROLES=process"}, got: func(s Settings) any { return s.Roles }, want: []string{"process"}},
		{name: "list emptied by flag", file: "http: {cors: {origins: ['*']}}", args: []string{"--http-cors-origins="}, got: func(s Settings) any { return s.HTTP.CORS.Origins }, want: []string{}},
		{name: "duration", environ: []string{"SHEAF_HTTP_IDLE_TIMEOUT=90s"}, got: func(s Settings) any { return s.HTTP.IdleTimeout }, want: 90 * time.Second},
		{name: "size", file: "http: {maxDocumentBytes: 2MiB}", got: func(s Settings) any { return s.HTTP.MaxDocumentBytes }, want: Bytes(2 << 20)},
		{name: "size as a number", file: "http: {maxDocumentBytes: 65536}", got: func(s Settings) any { return s.HTTP.MaxDocumentBytes }, want: Bytes(65536)},
		{name: "bool", file: "metrics: {enabled: false}", got: func(s Settings) any { return s.Metrics.Enabled }, want: false},
		{name: "bool by bare flag", file: "metrics: {enabled: false}", args: []string{"--metrics-enabled"}, got: func(s Settings) any { return s.Metrics.Enabled }, want: true},
		{name: "bool in the environment", environ: []string{"SHEAF_METRICS_ENABLED=off"}, got: func(s Settings) any { return s.Metrics.Enabled }, want: false},
		{name: "whole number for a ratio", file: "telemetry: {sampleRatio: 1}", got: func(s Settings) any { return s.Telemetry.SampleRatio }, want: 1.0},
		{name: "text", file: "postgres: {execMode: exec}", got: func(s Settings) any { return s.Postgres.ExecMode }, want: "exec"},
		{name: "dotted name", file: "postgres.execMode: exec", got: func(s Settings) any { return s.Postgres.ExecMode }, want: "exec"},
		{name: "empty variable is not set", file: "postgres: {execMode: exec}", environ: []string{"SHEAF_POSTGRES_EXEC_MODE="}, got: func(s Settings) any { return s.Postgres.ExecMode }, want: "exec"},
		{name: "nothing after the colon", file: "postgres:\n  execMode:\nhttp:\n", got: func(s Settings) any { return s.Postgres.ExecMode }, want: "cache_statement"},
		{name: "empty file", file: "# nothing\n", got: func(s Settings) any { return s.Log.Level }, want: "info"},
		{name: "words of libpq", environ: []string{"SHEAF_POSTGRES_URL=host=/tmp dbname=sheaf"}, got: func(s Settings) any { return s.Postgres.URL }, want: Secret("host=/tmp dbname=sheaf")},
		{name: "direct url falls back", environ: []string{"SHEAF_POSTGRES_URL=postgres://a/b"}, got: func(s Settings) any { return s.Postgres.directURL() }, want: Secret("postgres://a/b")},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			loaded := mustLoad(t, map[string]string{"sheaf.yaml": test.file}, test.environ, test.args)
			if got := test.got(loaded.Settings); !reflect.DeepEqual(got, test.want) {
				t.Errorf("got %#v, want %#v", got, test.want)
			}
		})
	}
}

// Names that Kubernetes makes up, and those that others read, are no mistakes.
func TestLoad_ForeignNames(t *testing.T) {
	t.Parallel()
	mustLoad(t, nil, []string{
		"SHEAF_SERVICE_HOST=10.0.0.1", "SHEAF_SERVICE_PORT=80", "SHEAF_SERVICE_PORT_HTTP=80", "SHEAF_PORT=tcp://10.0.0.1:80",
		"SHEAF_PORT_80_TCP=tcp://10.0.0.1:80", "SHEAF_PORT_80_TCP_ADDR=10.0.0.1", "SHEAF_PORT_80_TCP_PORT=80", "SHEAF_PORT_80_TCP_PROTO=tcp",
		"SHEAF_STORE_SERVICE_HOST=10.0.0.2", "SHEAF_STORE_PORT=tcp://10.0.0.2:80", "SHEAF_STORE_PORT_80_TCP=tcp://10.0.0.2:80",
		"SHEAF_CONFIG=", "SHEAF_SHARED=/somewhere", "SHEAFS=1", "PATH=/bin",
	}, nil)
}

func TestLoad_Mistakes(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		files   map[string]string
		environ []string
		args    []string
		want    []string
	}{
		{name: "unknown in the file", files: map[string]string{"sheaf.yaml": "postgres: {maxConn: 3}"}, want: []string{"sheaf.yaml: postgres.maxConn is not a setting; did you mean postgres.maxConns?"}},
		{name: "other case in the file", files: map[string]string{"sheaf.yaml": "postgres: {maxconns: 3}"}, want: []string{"sheaf.yaml: postgres.maxconns is not a setting; did you mean postgres.maxConns?"}},
		{name: "unknown group", files: map[string]string{"sheaf.yaml": "postgress: {url: x}"}, want: []string{"sheaf.yaml: postgress.url is not a setting; did you mean postgres.url?"}},
		{name: "unlike anything", files: map[string]string{"sheaf.yaml": "entirely: {unlike: x}"}, want: []string{"sheaf.yaml: entirely.unlike is not a setting"}},
		{name: "value for a group", files: map[string]string{"sheaf.yaml": "postgres: 5"}, want: []string{"sheaf.yaml: postgres holds settings and has no value of its own"}},
		{name: "group for a value", files: map[string]string{"sheaf.yaml": "http: {addr: {host: x}}"}, want: []string{"sheaf.yaml: http.addr takes a value and holds no further settings"}},
		{name: "empty group for a value", files: map[string]string{"sheaf.yaml": "http: {addr: {}}"}, want: []string{"sheaf.yaml: http.addr takes a value and holds no further settings"}},
		{name: "list for a value", files: map[string]string{"sheaf.yaml": "log: {level: [info]}"}, want: []string{"sheaf.yaml: log.level takes one value, not a list"}},
		{name: "list of numbers", files: map[string]string{"sheaf.yaml": "roles: [1]"}, want: []string{"sheaf.yaml: roles takes a list of texts: put its entries in quotes"}},
		{name: "number for a secret", files: map[string]string{"sheaf.yaml": "auth: {rootKey: 0123456789012345}"}, want: []string{"sheaf.yaml: auth.rootKey takes a text: put the value in quotes"}},
		{name: "not a map", files: map[string]string{"sheaf.yaml": "- a\n- b\n"}, want: []string{"sheaf.yaml: yaml: "}},
		{name: "not yaml", files: map[string]string{"sheaf.yaml": "a: [\n"}, want: []string{"sheaf.yaml: yaml: "}},
		{name: "given file is missing", args: []string{"--config=other.yaml"}, want: []string{"other.yaml: no such file or directory"}},
		{name: "unknown in .env", files: map[string]string{".env": "SHEAF_POSTGRES_MAXCONNS=3"}, want: []string{".env: SHEAF_POSTGRES_MAXCONNS is not a setting; did you mean SHEAF_POSTGRES_MAX_CONNS?"}},
		{name: ".env is something else", files: map[string]string{".env": "hunter2 and hunter2 !!\n"}, want: []string{".env: is not a list of NAME=value lines"}},
		{name: "unknown in the environment", environ: []string{"SHEAF_PORT=8080"}, want: []string{"environment: SHEAF_PORT is not a setting"}},
		{name: "number", environ: []string{"SHEAF_POSTGRES_MAX_CONNS=many"}, want: []string{`environment: SHEAF_POSTGRES_MAX_CONNS "many" is not a whole number`}},
		{name: "below", args: []string{"--postgres-max-conns=1"}, want: []string{`flags: --postgres-max-conns "1" is below 2`}},
		{name: "above", args: []string{"--telemetry-sample-ratio=1.5"}, want: []string{`flags: --telemetry-sample-ratio "1.5" is above 1`}},
		{name: "duration below", args: []string{"--http-idle-timeout=1ms"}, want: []string{`flags: --http-idle-timeout "1ms" is below 1s`}},
		{name: "duration without unit", files: map[string]string{"sheaf.yaml": "http: {idleTimeout: 30}"}, want: []string{"sheaf.yaml: http.idleTimeout is not a duration such as 500ms, 30s or 2m"}},
		{name: "size", args: []string{"--http-max-document-bytes=4 megs"}, want: []string{`flags: --http-max-document-bytes "4 megs" is not a size such as 4MiB, 500KB or 1024`}},
		{name: "bool", environ: []string{"SHEAF_METRICS_ENABLED=maybe"}, want: []string{`environment: SHEAF_METRICS_ENABLED "maybe" is neither true nor false`}},
		{name: "word", environ: []string{"SHEAF_POSTGRES_MIGRATE=never"}, want: []string{`environment: SHEAF_POSTGRES_MIGRATE "never" is not one of check, auto, off`}},
		{name: "role", environ: []string{"SHEAF_ROLES=store,gateway"}, want: []string{`environment: SHEAF_ROLES "store,gateway" holds "gateway"; it takes some of configuration, store, process`}},
		{name: "role twice", environ: []string{"SHEAF_ROLES=store,store"}, want: []string{`environment: SHEAF_ROLES "store,store" holds "store" twice`}},
		{name: "no role", args: []string{"--roles="}, want: []string{`flags: --roles "" is empty; it takes some of configuration, store, process`}},
		{name: "address", environ: []string{"SHEAF_HTTP_ADDR=8080"}, want: []string{`environment: SHEAF_HTTP_ADDR "8080" is not host:port`}},
		{name: "port", environ: []string{"SHEAF_HTTP_ADDR=localhost:http"}, want: []string{`environment: SHEAF_HTTP_ADDR "localhost:http" has no port between 0 and 65535`}},
		{name: "profiles beyond loopback", environ: []string{"SHEAF_PPROF_ADDR=:6060"}, want: []string{`environment: SHEAF_PPROF_ADDR ":6060" is not a loopback address`}},
		{name: "origin", environ: []string{"SHEAF_HTTP_CORS_ORIGINS=https://a.example/"}, want: []string{`environment: SHEAF_HTTP_CORS_ORIGINS "https://a.example/" holds "https://a.example/", which is not an origin such as https://app.example.com`}},
		{name: "every origin and more", environ: []string{"SHEAF_HTTP_CORS_ORIGINS=*,https://a.example"}, want: []string{`environment: SHEAF_HTTP_CORS_ORIGINS "*,https://a.example" holds "*" beside other origins`}},
		{name: "host with a port", environ: []string{"SHEAF_HTTP_HOSTS=api.example.com:80"}, want: []string{`environment: SHEAF_HTTP_HOSTS "api.example.com:80" holds "api.example.com:80", which is not a host name such as api.example.com, without a port`}},
		{name: "every host and more", environ: []string{"SHEAF_HTTP_HOSTS=*,a.example"}, want: []string{`environment: SHEAF_HTTP_HOSTS "*,a.example" holds "*" beside other names`}},
		{name: "no method", environ: []string{"SHEAF_PURGE_METHOD=PUR GE"}, want: []string{`environment: SHEAF_PURGE_METHOD "PUR GE" is not a word of HTTP`}},
		{name: "no cache", environ: []string{"SHEAF_PURGE_URLS=varnish"}, want: []string{`environment: SHEAF_PURGE_URLS "varnish" holds something that is not a URL that begins with http:// or https://`}},
		{name: "a cache with a password", environ: []string{"SHEAF_PURGE_URLS=http://a:hunter2@varnish"}, want: []string{`environment: SHEAF_PURGE_URLS holds a URL with a name or a password; secrets have settings of their own`}},
		{name: "a cache twice", environ: []string{"SHEAF_PURGE_URLS=http://a,http://a"}, want: []string{`environment: SHEAF_PURGE_URLS "http://a,http://a" holds a URL twice, or none`}},
		{name: "collector", environ: []string{"SHEAF_TELEMETRY_OTLP_ENDPOINT=localhost:4318"}, want: []string{`environment: SHEAF_TELEMETRY_OTLP_ENDPOINT "localhost:4318" is not a URL that begins with http:// or https://`}},
		{name: "database", environ: []string{"SHEAF_POSTGRES_URL=mysql://root:hunter2@h/d"}, want: []string{"environment: SHEAF_POSTGRES_URL is not a URL that begins with postgres:// or postgresql://"}},
		{name: "password to encode", environ: []string{"SHEAF_POSTGRES_URL=postgres://u:hunter2%@h/d"}, want: []string{"environment: SHEAF_POSTGRES_URL is not a URL (a password with special characters has to be percent-encoded)"}},
		{name: "short key", environ: []string{"SHEAF_AUTH_ROOT_KEY=hunter2"}, want: []string{"environment: SHEAF_AUTH_ROOT_KEY is shorter than 16 characters"}},
		{name: "key that nobody needs", environ: []string{"SHEAF_AUTH_ROOT_KEY=hunter2hunter2hunter2"}, args: []string{"--auth-mode=none"}, want: []string{"flags: --auth-mode is none, and environment: SHEAF_AUTH_ROOT_KEY is set: only one can hold"}},
		{name: "direct without", environ: []string{"SHEAF_POSTGRES_DIRECT_URL=postgres://a"}, want: []string{"environment: SHEAF_POSTGRES_DIRECT_URL is set without postgres.url"}},
		{name: "more writers than connections", args: []string{"--postgres-writers=17"}, want: []string{"flags: --postgres-writers is above postgres.maxConns: each transaction has a connection"}},
		{
			name:    "all at once, from every source",
			files:   map[string]string{"sheaf.yaml": "log: {levell: info}\nhttp: {addr: nowhere}", ".env": "SHEAF_LOG_FORMAT=xml"},
			environ: []string{"SHEAF_ROLE=store", "SHEAF_POSTGRES_MAX_CONNS=0"},
			args:    []string{"--http-addr=127.0.0.1:1", "--http-drain-timeout=soon"},
			want: []string{
				"sheaf.yaml: log.levell is not a setting; did you mean log.level?",
				`sheaf.yaml: http.addr "nowhere" is not host:port`, // although the flag is good
				`.env: SHEAF_LOG_FORMAT "xml" is not one of json, text`,
				"environment: SHEAF_ROLE is not a setting; did you mean SHEAF_ROLES?",
				`environment: SHEAF_POSTGRES_MAX_CONNS "0" is below 2`,
				`flags: --http-drain-timeout "soon" is not a duration such as 500ms, 30s or 2m`,
			},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := loadIn(t, test.files, test.environ, test.args)
			var got mistakes
			_ = errors.As(err, &got)
			if len(got) != len(test.want) {
				t.Fatalf("got %q, want %q", got, test.want)
			}
			for i, want := range test.want {
				if exact := !strings.HasSuffix(want, ": "); got[i] != want && (exact || !strings.HasPrefix(got[i], want)) {
					t.Errorf("got %q, want %q", got[i], want)
				}
			}
			if text := err.Error(); strings.Contains(text, "hunter2") || strings.Contains(text, "\n") {
				t.Errorf("a secret or a second line in %q", text)
			}
		})
	}
}

func TestCheckExposure(t *testing.T) {
	t.Parallel()
	key := "SHEAF_AUTH_ROOT_KEY=0123456789abcdef"
	tests := []struct {
		addr    string
		environ []string
		refused bool
	}{
		{addr: "127.0.0.1:8080"}, {addr: "127.8.9.1:1"}, {addr: "[::1]:8080"}, {addr: "localhost:8080"}, {addr: "[::ffff:127.0.0.1]:80"},
		{addr: ":8080", refused: true}, {addr: "0.0.0.0:8080", refused: true}, {addr: "[::]:8080", refused: true},
		{addr: "10.0.0.1:8080", refused: true}, {addr: "example.com:80", refused: true}, {addr: "localhost.example.com:80", refused: true},
		{addr: ":8080", environ: []string{key}}, {addr: ":8080", environ: []string{"SHEAF_AUTH_MODE=none"}},
		{addr: ":8080", environ: []string{"SHEAF_AUTH_MODE=key"}, refused: true},
	}
	for _, test := range tests {
		t.Run(fmt.Sprint(test.addr, len(test.environ)), func(t *testing.T) {
			t.Parallel()
			got := checkExposure(mustLoad(t, nil, test.environ, []string{"--http-addr=" + test.addr}))
			if (len(got) > 0) != test.refused {
				t.Errorf("got %q, want refused: %v", got, test.refused)
			}
		})
	}
}

// No way of printing shows a secret.
func TestSecret(t *testing.T) {
	t.Parallel()
	const text = "hunter2-hunter2-hunter2"
	var settings Settings
	settings.Auth.RootKey, settings.Postgres.URL = text, "postgres://u:"+text+"@h/d"

	var printed bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x", "%X", "%T"} {
		fmt.Fprintf(&printed, verb+" ", settings.Auth.RootKey)
		fmt.Fprintf(&printed, verb+" ", settings)
		fmt.Fprintf(&printed, verb+" ", &settings)
		fmt.Fprintf(&printed, verb+" ", fmt.Errorf("open: %v", settings.Postgres.URL))
	}
	for _, value := range []any{settings, settings.Auth.RootKey} {
		encoded, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		printed.Write(encoded)
	}
	for _, handler := range []slog.Handler{slog.NewJSONHandler(&printed, nil), slog.NewTextHandler(&printed, nil)} {
		slog.New(handler).Info("start", "key", settings.Auth.RootKey, "settings", settings, "pointer", &settings)
	}
	if strings.Contains(printed.String(), "hunter2") || strings.Contains(printed.String(), fmt.Sprintf("%x", "hunter2")) {
		t.Errorf("a secret is printed: %s", printed.String())
	}
	if !strings.Contains(printed.String(), redacted) || Secret("").String() != "" || settings.Auth.RootKey.Reveal() != text {
		t.Errorf("got %s", printed.String())
	}
}

func TestBytes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Bytes{"0": 0, "1": 1, "1024": 1024, "1B": 1, "4MiB": 4 << 20, "4 MiB": 4 << 20, "3KB": 3000, "3kB": 3000, "2GB": 2e9, "1GiB": 1 << 30, "5MB": 5e6} {
		if got, err := ParseBytes(text); err != nil || got != want {
			t.Errorf("%q: got %d, %v, want %d", text, got, err, want)
		}
	}
	for _, text := range []string{"", "-1", "MiB", "1.5MiB", "4mib", "1TB", "9999999999GiB", "0x10", "1 2"} {
		if got, err := ParseBytes(text); err == nil {
			t.Errorf("%q: got %d, want a refusal", text, got)
		}
	}
}

// What is printed is read as the same value, for every text that is read at all.
func FuzzParseValue(f *testing.F) {
	for _, text := range []string{"4MiB", "1536", "9223372036854775807", "30s", "1h0m0.5s", "-2m", "true", "off", "a, b,,c", "0.1", "1e-7", "12", "NaN", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, row := range table {
			if row.kind == reflect.TypeFor[Secret]() {
				continue
			}
			value, err := parseValue(row.kind, text)
			if err != nil {
				continue
			}
			again, err := parseValue(row.kind, formatValue(value))
			if err != nil || !reflect.DeepEqual(again, value) {
				t.Fatalf("%s: %q is %#v, printed %q and read %#v, %v", row.kind, text, value, formatValue(value), again, err)
			}
		}
	})
}

// .env.example is what the table says. Run with -update to write it.
func TestEnvExample(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString(`# Settings of sheaf, with their defaults. Copy this file to .env and uncomment what you change;
# the same names work as environment variables. Of the same setting, a flag counts before the
# environment, that before .env, and that before sheaf.yaml. "sheaf config" shows what is in force.
#
# Put single quotes around values with spaces, # or $. Lists are separated by commas.
#
# Made from cmd/sheaf/settings.go by: go test ./cmd/sheaf -run TestEnvExample -update

# The settings file; without it sheaf.yaml is read if it is there
#SHEAF_CONFIG=
`)
	group := ""
	for _, row := range table {
		if first, _, _ := strings.Cut(row.name, "."); first != group {
			group = first
			fmt.Fprintf(&b, "\n# --- %s ---\n", group)
		}
		fmt.Fprintf(&b, "\n# %s", row.help)
		if own, differs := devDefaults[row.name]; differs {
			fmt.Fprintf(&b, " (dev: %s)", own)
		}
		if row.oneof != nil {
			fmt.Fprintf(&b, "; %s", strings.Join(row.oneof, " | "))
		}
		fmt.Fprintf(&b, "\n#%s=%s\n", row.env, row.fallback)
	}
	wantGolden(t, "../../.env.example", []byte(b.String()))

	// Uncommented as it is, the file changes nothing.
	example, err := os.ReadFile("../../.env.example")
	if err != nil {
		t.Fatal(err)
	}
	got := mustLoad(t, map[string]string{".env": strings.ReplaceAll(string(example), "\n#SHEAF_", "\nSHEAF_")}, nil, nil)
	if want := mustLoad(t, nil, nil, nil); !reflect.DeepEqual(got.Settings, want.Settings) {
		t.Errorf("the example changes the defaults: %+v", got.Settings)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	for _, format := range []string{"table", "json"} {
		t.Run(format, func(t *testing.T) {
			t.Parallel()
			p, stdout, _ := testProgram(t)
			p.environ = []string{"SHEAF_AUTH_ROOT_KEY=hunter2-hunter2-hunter2", "SHEAF_HTTP_IDLE_TIMEOUT=90s"}
			mustWrite(t, filepath.Join(p.dir, "sheaf.yaml"), "postgres: {url: 'postgres://u:hunter2@h/d', maxConns: 40}\nhttp: {cors: {origins: ['https://a.example']}}\n")
			mustWrite(t, filepath.Join(p.dir, ".env"), "SHEAF_ROLES=store,process\n")
			if err := p.run(t.Context(), []string{"config", "--format", format, "--log-level=debug"}); err != nil {
				t.Fatal(err)
			}
			if strings.Contains(stdout.String(), "hunter2") {
				t.Error("a secret is printed")
			}
			wantGolden(t, filepath.Join("testdata", "config."+format+".golden"), stdout.Bytes())
		})
	}
}

func TestHostsOf(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		hosts []string
		auth  AuthSettings
		want  []string
	}{
		{auth: AuthSettings{Mode: "key"}, want: []string{"localhost"}},
		{auth: AuthSettings{Mode: "key", RootKey: "sesame"}},
		{auth: AuthSettings{Mode: "none"}},
		{hosts: []string{"API.example"}, auth: AuthSettings{Mode: "key", RootKey: "sesame"}, want: []string{"api.example"}},
		{hosts: []string{"api.example"}, auth: AuthSettings{Mode: "key"}, want: []string{"api.example"}},
		{hosts: []string{"*"}, auth: AuthSettings{Mode: "key"}},
	} {
		if got := hostsOf(Settings{HTTP: HTTPSettings{Hosts: test.hosts}, Auth: test.auth}); !slices.Equal(got, test.want) {
			t.Errorf("%+v: got %v", test, got)
		}
	}
}
