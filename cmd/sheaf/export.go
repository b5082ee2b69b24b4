package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	sheaf "github.com/sheafdb/sheaf/sdk/go"
)

func (p *program) exportCommand() *cobra.Command {
	var server clientFlags
	var collection, file string
	shape := newWord("data", "document")
	cmd := &cobra.Command{
		Use:   "export --collection NAME",
		Short: "Write the documents of a server's collection as NDJSON",
		Long: `Write the documents of a server's collection as NDJSON, in the order of their
ids, all as they were at one moment.

With --output a file appears under its name when it is whole, readable by its
owner, and compressed when the name ends in .gz; an export that breaks off leaves
none. "sheaf import" takes the file back: with --shape document on both sides,
every document keeps its id.
` + clientHelp,
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			from, err := p.collectionClient(server, collection)
			if err != nil {
				return err
			}
			return p.export(cmd.Context(), from, collection, shape.text, file)
		},
	}
	cmd.Flags().SortFlags = false
	cmd.Flags().StringVar(&collection, "collection", "", "whose documents")
	cmd.Flags().StringVarP(&file, "output", "o", "", "file to write (default standard output)")
	cmd.Flags().Var(shape, "shape", "what a line holds: data, the document alone; document, its envelope with the id")
	server.add(cmd)
	return cmd
}

func (p *program) export(ctx context.Context, from client, collection, shape, file string) error {
	params := &sheaf.ExportDocumentsParams{Shape: new(sheaf.ExportDocumentsParamsShape(shape))}
	response, err := from.answered(ctx)(from.ExportDocuments(ctx, collection, params, accepting(mediaTypes["ndjson"]))) //nolint:bodyclose // it is, below
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if file == "" || file == standardInput {
		_, err := p.copyDocuments(ctx, p.stdout, response, "")
		return err
	}
	out, err := createOutput(file)
	if err != nil {
		return err
	}
	documents, err := p.copyDocuments(ctx, out, response, file)
	if err != nil {
		return errors.Join(err, out.discard())
	}
	if err := out.commit(); err != nil {
		return err
	}
	_, err = fmt.Fprintf(p.stdout, "%s: %d documents\n", file, documents)
	return err
}

// copyDocuments copies the stream to its end and counts its lines. It fails when the stream ends early.
func (p *program) copyDocuments(ctx context.Context, to io.Writer, response *http.Response, file string) (int64, error) {
	bar := &progress{}
	if file != "" { // else the documents themselves may be on the terminal
		bar = p.startProgress(file, response.ContentLength)
	}
	defer bar.end()
	from := &countedReader{Reader: response.Body, bar: bar}
	lines := &lineCounter{to: to}
	if _, err := io.Copy(lines, from); err != nil {
		if cause := from.failure(); cause != nil {
			return 0, brokenOff(ctx, cause)
		}
		return 0, fmt.Errorf("write: %w", err)
	}
	return lines.n, nil
}

// lineCounter counts the lines that pass.
type lineCounter struct {
	to io.Writer
	n  int64
}

// Write passes b on.
func (c *lineCounter) Write(b []byte) (int, error) {
	c.n += int64(bytes.Count(b, []byte{'\n'}))
	return c.to.Write(b)
}
