package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"unicode"

	"github.com/spf13/cobra"

	sheaf "github.com/sheafdb/sheaf/sdk/go"
)

// Variables that only the commands read which talk to a server.
const (
	urlEnv = envPrefix + "URL"
	keyEnv = envPrefix + "KEY"
)

// clientHelp ends the help of every command that talks to a server.
const clientHelp = `
The server is that of --url, else of SHEAF_URL, else http://127.0.0.1:8080. Its
key is that of --key, else of SHEAF_KEY, else of SHEAF_AUTH_ROOT_KEY; variables
keep it from other users of this machine. No other setting is read.`

// clientFlags say which server a command talks to.
type clientFlags struct {
	url, key string
}

func (f *clientFlags) add(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.url, "url", "", "server to talk to")
	cmd.Flags().StringVar(&f.key, "key", "", "key of the server")
}

// client talks to one server.
type client struct {
	*sheaf.Client
	base string
}

func (p *program) client(flags clientFlags) (client, error) {
	base := cmp.Or(flags.url, p.variable(urlEnv), "http://127.0.0.1:8080")
	if err := checkURL(base, "http", "https"); err != nil {
		return client{}, mistakes{"the server's URL " + err.Error()}
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.DisableKeepAlives = true // one request, and nothing of it stays
	options := []sheaf.ClientOption{sheaf.WithHTTPClient(&http.Client{Transport: transport})}
	if key := cmp.Or(flags.key, p.variable(keyEnv), p.variable(envPrefix+"AUTH_ROOT_KEY")); key != "" {
		options = append(options, sheaf.WithKey(key))
	}
	made, err := sheaf.NewClient(base, options...)
	return client{made, base}, err
}

// variable returns the value of an environment variable, "" when it is not set.
func (p *program) variable(name string) string {
	for _, v := range p.environ {
		if value, ok := strings.CutPrefix(v, name+"="); ok {
			return value
		}
	}
	return ""
}

// accepting asks for an answer of one type.
func accepting(mediaType string) sheaf.RequestEditorFn {
	return func(_ context.Context, request *http.Request) error {
		request.Header.Set("Accept", mediaType)
		return nil
	}
}

// errStopped is the end of a command that was told to stop.
var errStopped = errors.New("stopped before the end")

// answered takes what a request came back with, and returns an answer whose body the caller closes, or what is wrong.
func (c client) answered(ctx context.Context) func(*http.Response, error) (*http.Response, error) {
	return func(response *http.Response, err error) (*http.Response, error) {
		var failed *url.Error
		switch {
		case err != nil && ctx.Err() != nil:
			return nil, errStopped
		case errors.As(err, &failed):
			return nil, fmt.Errorf("%s does not answer: %w", c.base, failed.Err)
		case err != nil:
			return nil, err
		}
		err = sheaf.Check(response)
		if err != nil && response.StatusCode == http.StatusUnauthorized {
			err = fmt.Errorf("%w; set %s to the server's key", err, keyEnv)
		}
		return response, err
	}
}

// countedReader is a stream that tells bar what passes, and remembers how it failed.
type countedReader struct {
	io.Reader
	bar    *progress
	failed atomic.Pointer[error] // the HTTP client may still read a body when it has returned
}

// Read reads as the stream does.
func (r *countedReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.bar.add(n)
	if err != nil && !errors.Is(err, io.EOF) {
		r.failed.Store(&err)
	}
	return n, err
}

// failure returns the error that ended the stream, nil while it goes on and at its proper end.
func (r *countedReader) failure() error {
	if err := r.failed.Load(); err != nil {
		return *err
	}
	return nil
}

// word is a flag that takes one of some words.
type word struct {
	text  string
	words []string // the first is the default
}

func newWord(words ...string) *word { return &word{text: words[0], words: words} }

func (w *word) String() string { return w.text }
func (w *word) Type() string   { return "word" }

// Set takes one of the words.
func (w *word) Set(text string) error {
	for _, known := range w.words {
		if text == known {
			w.text = text
			return nil
		}
	}
	return fmt.Errorf("it takes one of %s", strings.Join(w.words, ", "))
}

// printable makes a line of text that others wrote harmless for a terminal.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}
