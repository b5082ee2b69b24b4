package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	sheaf "github.com/sheafdb/sheaf/sdk/go"
)

// mediaTypes are what the formats of an import are called in HTTP.
var mediaTypes = map[string]string{"ndjson": "application/x-ndjson", "json": "application/json"}

// standardInput is the file name that stands for it.
const standardInput = "-"

// importOptions are what one import says of every file.
type importOptions struct {
	collection string
	format     *word
	params     sheaf.ImportDocumentsParams
	// id names the import, "" where nothing is stored; of several files each has its own.
	id    string
	files int
}

// idOf is the name of the import of a file, by its number from 0.
func (o importOptions) idOf(file int) string {
	if o.id == "" || o.files == 1 {
		return o.id
	}
	return fmt.Sprint(o.id, "/", file+1)
}

func (p *program) importCommand() *cobra.Command {
	var server clientFlags
	var options importOptions
	var validateOnly bool
	var by string
	options.format = newWord("auto", "ndjson", "json")
	mode, existing, shape := newWord("strict", "skip"), newWord("error", "skip", "replace"), newWord("data", "document")
	cmd := &cobra.Command{
		Use:   "import FILE… --collection NAME",
		Short: "Send documents from files to a collection of a server",
		Long: `Send documents from files to a collection of a server.

A file is NDJSON, one document a line (.ndjson, .jsonl), or one JSON array
(.json), plain or compressed with gzip; "-" is standard input. It is streamed, at
any size. Each file is an import of its own: with --mode strict it is stored as a
whole or not at all, with --mode skip whatever is good is stored.

Every bad line is printed on standard error as FILE:LINE: PLACE: what is wrong
(CODE); then the exit code is 1. Lines count from 1; in a JSON array, elements do.
An import can be repeated: --existing says what becomes of documents that are
there already. With --by they are found by a unique index instead of by their ids,
and are replaced unless --existing says otherwise.

An import that breaks off says by which --import-id it goes on where it stopped,
when the same files are sent again in the same order.
` + clientHelp,
		Args: func(_ *cobra.Command, files []string) error {
			if len(files) == 0 {
				return mistakes{"sheaf import takes the files to send, or - for standard input"}
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, files []string) error {
			options.params = sheaf.ImportDocumentsParams{
				Mode:  new(sheaf.ImportDocumentsParamsMode(mode.text)),
				Shape: new(sheaf.ImportDocumentsParamsShape(shape.text)),
			}
			if by != "" {
				options.params.By = &by
			}
			if by == "" || cmd.Flags().Changed("existing") {
				options.params.Existing = new(sheaf.ImportDocumentsParamsExisting(existing.text))
			}
			switch options.files = len(files); {
			case validateOnly:
				options.params.ValidateOnly, options.id = &validateOnly, ""
			case options.id == "":
				options.id = uuid.NewString()
			}
			return p.importFiles(cmd.Context(), server, files, options)
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&options.collection, "collection", "", "where the documents go")
	cmd.Flags().Var(mode, "mode", "what a bad line means: strict, nothing is stored; skip, the others are")
	cmd.Flags().Var(existing, "existing", "what a document means whose id is taken: error, skip or replace")
	cmd.Flags().StringVar(&by, "by", "", "a unique index by which the documents are found that are there already")
	cmd.Flags().StringVar(&options.id, "import-id", "", "what the import is called; with that of one that broke off, it goes on")
	cmd.Flags().Var(shape, "shape", "what a line holds: data, the document alone; document, its envelope with the id")
	cmd.Flags().BoolVar(&validateOnly, "validate-only", false, "judge everything and store nothing")
	cmd.Flags().Var(options.format, "format", "of the files: ndjson or json; auto goes by their names, and takes standard input for ndjson")
	server.add(cmd)
	return cmd
}

// importFiles imports one file after the other. Bad lines do not keep the next file from being sent; everything else does.
func (p *program) importFiles(ctx context.Context, server clientFlags, files []string, options importOptions) error {
	to, err := p.collectionClient(server, options.collection)
	if err != nil {
		return err
	}
	types := make([]string, len(files))
	var wrong mistakes
	for i, file := range files {
		if types[i] = options.mediaType(file); types[i] == "" {
			wrong = append(wrong, quoteShort(file)+" says neither NDJSON (.ndjson, .jsonl) nor JSON (.json): give --format")
		}
	}
	if len(wrong) > 0 {
		return wrong
	}
	var failed int64
	for i, file := range files {
		if id := options.idOf(i); id != "" {
			options.params.ImportID = &id
		}
		report, err := p.importFile(ctx, to, file, types[i], options)
		if report != nil { // also where the rest of the file was not reached
			failed += report.Failed
			err = errors.Join(err, p.printReport(file, *report, options))
		}
		if err != nil {
			return fmt.Errorf("%s: %w", file, err)
		}
	}
	switch {
	case failed == 0:
		return nil
	case *options.params.Mode == sheaf.ImportDocumentsParamsModeStrict:
		return fmt.Errorf("bad lines: %d; nothing was stored of a file that has one (--mode skip stores the others)", failed)
	}
	return fmt.Errorf("bad lines: %d; they were not stored", failed)
}

// mediaType is what a file holds, "" when its name does not say.
func (o importOptions) mediaType(file string) string {
	if o.format.text != "auto" {
		return mediaTypes[o.format.text]
	}
	name := strings.TrimSuffix(strings.ToLower(file), ".gz")
	switch {
	case file == standardInput, strings.HasSuffix(name, ".ndjson"), strings.HasSuffix(name, ".jsonl"):
		return mediaTypes["ndjson"]
	case strings.HasSuffix(name, ".json"):
		return mediaTypes["json"]
	}
	return ""
}

func (p *program) importFile(ctx context.Context, to client, file, mediaType string, options importOptions) (*sheaf.ImportReport, error) {
	in, size, err := p.openInput(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = in.Close() }() // it was only read
	// The HTTP client waits for a read of its body, whatever becomes of the context.
	stop := context.AfterFunc(ctx, func() { _ = in.Close() })
	defer stop()
	bar := p.startProgress(file, size)
	defer bar.end()

	body := &countedReader{Reader: in, bar: bar}
	report, err := to.send(ctx, body, mediaType, options, func(bad sheaf.ImportError) {
		bar.print(printable(file + ":" + bad.Error()))
	})
	if cause := body.failure(); err != nil && cause != nil && ctx.Err() == nil {
		err = cause
	}
	if err != nil && options.id != "" && mayGoOn(err) {
		err = fmt.Errorf("%w; to go on where it stopped: --import-id %s", err, options.id)
	}
	return report, err
}

// mayGoOn says whether an import that failed may succeed when it is sent again as it is.
func mayGoOn(err error) bool {
	var problem *sheaf.Problem
	return !errors.As(err, &problem) || problem.Status >= http.StatusInternalServerError || problem.Code == "import.running"
}

// send is one import, from the request to its report, which is nil where there is none.
func (c client) send(ctx context.Context, stream io.Reader, mediaType string, options importOptions, bad func(sheaf.ImportError)) (*sheaf.ImportReport, error) {
	body := bufio.NewReaderSize(stream, 64<<10)
	// What keeps it from being read is met again when the whole is.
	start, _ := body.Peek(len(gzipMagic))
	compressed := bytes.Equal(start, gzipMagic)
	response, err := c.answered(ctx)(c.ImportDocumentsWithBody(ctx, options.collection, &options.params, mediaType, body, //nolint:bodyclose // it is, below
		accepting(mediaTypes["ndjson"]), uploading(compressed)))
	if err != nil {
		return nil, err
	}
	defer func() { _ = response.Body.Close() }()
	report, err := sheaf.ReadImport(response.Body, bad)
	var problem *sheaf.Problem
	if err == nil || errors.As(err, &problem) {
		return &report, err
	}
	return nil, brokenOff(ctx, err)
}

// openInput opens a file, and says how large it is, or -1. Closing it ends a read that waits.
func (p *program) openInput(file string) (io.ReadCloser, int64, error) {
	if file == standardInput {
		// Nothing but the end of the process ends a read of a terminal: this goroutine may last as long, and nobody waits for it.
		in, out := io.Pipe()
		go func() {
			_, err := io.Copy(out, p.stdin)
			_ = out.CloseWithError(err)
		}()
		return in, -1, nil
	}
	in, err := os.Open(file)
	if err != nil {
		return nil, 0, err
	}
	if info, err := in.Stat(); err == nil && info.Mode().IsRegular() {
		return in, info.Size(), nil
	}
	return in, -1, nil
}

// gzipMagic begins whatever gzip wrote (RFC 1952), and nothing that is JSON.
var gzipMagic = []byte{0x1f, 0x8b}

// uploading waits for the server's word before the body is sent: one that refuses the request never asks for it, and
// its reason would get lost in a connection that breaks while we write.
func uploading(compressed bool) sheaf.RequestEditorFn {
	return func(_ context.Context, request *http.Request) error {
		request.Header.Set("Expect", "100-continue")
		if compressed {
			request.Header.Set("Content-Encoding", "gzip")
		}
		return nil
	}
}

// brokenOff names the failure of a stream that the server had begun.
func brokenOff(ctx context.Context, err error) error {
	switch {
	case ctx.Err() != nil:
		return errStopped
	case errors.Is(err, io.ErrUnexpectedEOF):
		return errors.New("the server's answer ends before its end: its log says why")
	}
	return fmt.Errorf("the server's answer breaks off: %w", err)
}

func (p *program) printReport(file string, r sheaf.ImportReport, options importOptions) error {
	verb := ""
	if options.params.ValidateOnly != nil {
		verb = "nothing stored; would be "
	}
	_, err := fmt.Fprintf(p.stdout, "%s: %s%d created, %d replaced, %d unchanged, %d skipped, %d failed\n",
		file, verb, r.Created, r.Replaced, r.Unchanged, r.Skipped, r.Failed)
	return err
}

// collectionClient is client for a command that cannot do without a collection.
func (p *program) collectionClient(server clientFlags, collection string) (client, error) {
	if collection == "" {
		return client{}, mistakes{"--collection is not set: which one?"}
	}
	return p.client(server)
}
