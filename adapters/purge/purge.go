// Package purge tells a cache in front of the server what to forget, over HTTP: with the keys in a header, as Varnish and Fastly take them, or in a JSON object, as
// Cloudflare and webhooks of one's own do. Which keys, when, and what happens after a failure is for whoever calls. Start at New.
package purge

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/sheafdb/sheaf/ports"
)

// Form is how keys are sent.
type Form string

// The forms.
const (
	Header Form = "header" // in one header, separated by spaces
	JSON   Form = "json"   // as a list that is a member of an object
)

const (
	// mostKeys bounds the keys of one request: some services take no more.
	mostKeys = 100
	// mostBytes bounds the keys of one request in bytes: Varnish takes headers of 8 KiB.
	mostBytes = 4096
	// readBytes bounds what is read of an answer, so that its connection can be used again.
	readBytes = 64 << 10
)

// Options say where and how.
type Options struct {
	URL  string
	Form Form
	// Method and Field are the method, and the header or the member that has the keys. "" is PURGE and Surrogate-Key, or POST and keys.
	Method, Field string
	// Token is sent in the header TokenHeader: as a bearer token where that is Authorization. "" sends none.
	Token, TokenHeader string
	// Timeout bounds one request.
	Timeout time.Duration
}

// Cache is told over HTTP. It is safe for concurrent use.
type Cache struct {
	Options
	client *http.Client
}

var _ ports.Edge = (*Cache)(nil)

// New returns a cache that is told as the options say. It sends nothing.
func New(o Options) *Cache {
	if o.Method == "" {
		o.Method = map[Form]string{Header: "PURGE", JSON: http.MethodPost}[o.Form]
	}
	if o.Field == "" {
		o.Field = map[Form]string{Header: "Surrogate-Key", JSON: "keys"}[o.Form]
	}
	return &Cache{o, &http.Client{
		Timeout: o.Timeout,
		// A cache that leads elsewhere has forgotten nothing.
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// Purge tells the cache, part by part where there are many keys.
func (c *Cache) Purge(ctx context.Context, keys []string) error {
	for _, part := range split(keys) {
		if err := c.send(ctx, part); err != nil {
			return err
		}
	}
	return nil
}

// Close gives back the connections that are open. It may be called twice.
func (c *Cache) Close() { c.client.CloseIdleConnections() }

// split cuts keys into parts of which each fits into one request.
func split(keys []string) [][]string {
	var parts [][]string
	from, size := 0, 0
	for i, key := range keys {
		if i > from && (i-from == mostKeys || size+1+len(key) > mostBytes) {
			parts = append(parts, keys[from:i])
			from, size = i, 0
		}
		size += 1 + len(key)
	}
	if from < len(keys) {
		parts = append(parts, keys[from:])
	}
	return parts
}

// send makes one request. Its errors name no URL, which may have a secret in it.
func (c *Cache) send(ctx context.Context, keys []string) error {
	var body io.Reader = http.NoBody
	if c.Form == JSON {
		text, err := json.Marshal(map[string][]string{c.Field: keys})
		if err != nil {
			return err
		}
		body = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(ctx, c.Method, c.URL, body)
	if err != nil {
		return errors.New("the URL cannot be used")
	}
	request.Header.Set("User-Agent", "sheaf")
	if c.Form == JSON {
		request.Header.Set("Content-Type", "application/json")
	} else {
		request.Header.Set(c.Field, strings.Join(keys, " "))
	}
	switch {
	case c.Token == "":
	case strings.EqualFold(c.TokenHeader, "Authorization"):
		request.Header.Set("Authorization", "Bearer "+c.Token)
	default:
		request.Header.Set(c.TokenHeader, c.Token)
	}
	response, err := c.client.Do(request)
	if err != nil {
		return errors.Unwrap(err) // without the URL
	}
	defer response.Body.Close()
	_, _ = io.CopyN(io.Discard, response.Body, readBytes)
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return fmt.Errorf("answered %s", response.Status)
	}
	return nil
}
