package main

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/klauspost/compress/gzip"
)

// output is a file that appears under its name when it is whole, and not at all before. What is there under that name
// and is no file, such as a pipe, is written to as it is.
type output struct {
	io.Writer
	file *os.File
	gzip *gzip.Writer // nil unless the name ends in .gz
	path string       // to be renamed to; "" for what is no file
}

// createOutput begins the file. The caller commits or discards it.
func createOutput(path string) (*output, error) {
	out := &output{}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		out.path = path
	case err != nil:
		return nil, err
	case info.Mode().IsRegular():
		if out.path, err = filepath.EvalSymlinks(path); err != nil {
			return nil, err
		}
	}
	if out.path == "" {
		out.file, err = os.OpenFile(path, os.O_WRONLY, 0)
	} else {
		out.file, err = os.CreateTemp(filepath.Dir(out.path), "."+filepath.Base(out.path)+".partial-*")
	}
	if err != nil {
		return nil, err
	}
	out.Writer = out.file
	if strings.HasSuffix(strings.ToLower(path), ".gz") {
		out.gzip = gzip.NewWriter(out.file)
		out.Writer = out.gzip
	}
	return out, nil
}

// commit makes what was written the file, durably. When it fails, nothing is there that was not before.
func (o *output) commit() error {
	var err error
	if o.gzip != nil {
		err = o.gzip.Close()
	}
	if o.path == "" {
		return errors.Join(err, o.file.Close())
	}
	if err == nil {
		err = o.file.Sync()
	}
	if err = errors.Join(err, o.file.Close()); err == nil {
		err = os.Rename(o.file.Name(), o.path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(o.file.Name()))
	}
	return nil
}

// discard leaves things as they were.
func (o *output) discard() error {
	err := o.file.Close()
	if o.path != "" {
		err = errors.Join(err, os.Remove(o.file.Name()))
	}
	return err
}
