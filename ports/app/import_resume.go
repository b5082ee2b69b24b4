package app

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"hash"
	"time"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/receipt"
)

// A checkpoint holds at most this many faults and as many warnings, and this many bytes of both: it is written with every chunk.
const (
	toldAgain      = 100
	toldAgainBytes = 16 << 10
)

// importPlace is a place in the lines of an import: behind the line with this number, where all up to it have this digest.
type importPlace struct {
	Line   int64  `json:"line"`
	Digest []byte `json:"digest"`
}

// importCheckpoint is what a receipt keeps of an import: where it is, and what became of the lines up to there.
type importCheckpoint struct {
	importPlace
	Report ImportReport `json:"report"`
	// Told is how much of the room for faults and warnings is taken, in bytes; the first ones are kept.
	Told     int         `json:"told,omitempty"`
	Faults   []LineFault `json:"faults,omitempty"`
	Warnings []LineFault `json:"warnings,omitempty"`
}

// importThread ties an import to what was done of it before. Its methods do nothing, or return zero, for nil.
type importThread struct {
	ticket *Ticket
	// done is the newest checkpoint.
	done importCheckpoint
	// digest is of the lines so far, line the number of the last one. They belong to who reads the lines.
	digest hash.Hash
	line   int64
}

// importReused is the fault of an id that came with another import before.
func importReused() error {
	return fault.New(fault.Conflict, "import.reused", "this importId was used for another import: its parameters or its lines differ")
}

// importRunning is the fault of an import that is being served already.
func importRunning() error {
	return fault.New(fault.Conflict, "import.running", "the import with this importId is running").After(time.Second)
}

// resume claims the import's id, and takes up what is kept of it: the report goes on from there, and so do the lines.
func (run *importRun) resume(ctx context.Context, c *collection.Collection) error {
	r := run.request
	ticket, stored, err := run.transfer.Receipts.Claim(ctx, run.by, KeyedRequest{
		// A collection that was deleted and declared again is another one.
		Method: "import", Path: fmt.Sprint(c.Bucket, "/", c.ID), Key: r.ID,
		Fingerprint: receipt.DigestOf([]byte(r.Shape), []byte(r.Mode), []byte(r.existing()), []byte(r.By)),
	})
	switch fault.CodeOf(err) {
	case "idempotency.running":
		return importRunning()
	case "idempotency.reused":
		return importReused()
	}
	if err != nil {
		return err
	}
	t := &importThread{ticket: ticket, digest: sha256.New()}
	if stored.Progress != nil {
		if err := json.Unmarshal(stored.Progress, &t.done); err != nil {
			ticket.Close(ctx, false)
			return fault.Wrap(err, fault.Internal, "internal", "a checkpoint cannot be read")
		}
	}
	run.thread, run.report, run.lines = t, t.done.Report, t.behind(r.Lines)
	for _, f := range t.done.Faults {
		r.Fault(f)
	}
	for _, f := range t.done.Warnings {
		if r.Warning != nil {
			r.Warning(f)
		}
	}
	return nil
}

// behind are the lines behind the checkpoint. The others are read, and have to be those that were read before.
// They end with fault.Conflict, code "import.reused", where they are not.
func (t *importThread) behind(lines func(func(Line, error) bool)) func(func(Line, error) bool) {
	return func(yield func(Line, error) bool) {
		done := t.done.importPlace
		for line, err := range lines {
			if err != nil {
				yield(Line{}, err)
				return
			}
			if line.Number > done.Line && t.line < done.Line {
				break
			}
			t.read(line)
			if line.Number < done.Line {
				continue
			}
			if line.Number == done.Line {
				if !bytes.Equal(t.digest.Sum(nil), done.Digest) {
					yield(Line{}, importReused())
					return
				}
				continue
			}
			if !yield(line, nil) {
				return
			}
		}
		if t.line < done.Line {
			yield(Line{}, importReused())
		}
	}
}

// read adds a line to the digest.
func (t *importThread) read(line Line) {
	var head [17]byte
	binary.BigEndian.PutUint64(head[:], uint64(line.Number))
	binary.BigEndian.PutUint64(head[8:], uint64(len(line.Data)))
	if line.Err != nil {
		head[16] = 1
	}
	t.digest.Write(head[:])
	t.digest.Write(line.Data)
	t.line = line.Number
}

// here is the place behind the last line.
func (t *importThread) here() importPlace {
	if t == nil {
		return importPlace{}
	}
	return importPlace{t.line, t.digest.Sum(nil)}
}

// checkpoint is what is kept with a chunk, of which report is what became of the lines before.
func (t *importThread) checkpoint(report ImportReport, chunk *importChunk) *receipt.Pending[[]document.Result] {
	if t == nil {
		return nil
	}
	before := t.done
	return &receipt.Pending[[]document.Result]{Claim: t.ticket.Claim, Outcome: func([]document.Result) receipt.Outcome {
		return receipt.Outcome{Progress: before.after(report, chunk).encode()}
	}}
}

// keep notes that the checkpoint behind a chunk is stored.
func (t *importThread) keep(report ImportReport, chunk *importChunk) {
	if t != nil {
		t.done = t.done.after(report, chunk)
	}
}

// after is the checkpoint behind a chunk, of which report is what became of the lines before.
func (c importCheckpoint) after(report ImportReport, chunk *importChunk) importCheckpoint {
	next := c
	next.importPlace, next.Report = chunk.end, report
	for _, item := range chunk.items {
		next.Report.add(item)
		for _, v := range item.faults {
			next.tell(&next.Faults, LineFault{item.line, v})
		}
		if item.faults != nil {
			continue
		}
		for _, v := range item.warnings {
			next.tell(&next.Warnings, item.warning(v))
		}
	}
	return next
}

// tell adds a fault to those of a list that are told again, as long as there is room.
func (c *importCheckpoint) tell(list *[]LineFault, f LineFault) {
	if c.Told >= toldAgainBytes || len(*list) >= toldAgain {
		return
	}
	text, err := json.Marshal(f)
	if c.Told += len(text); err == nil && c.Told <= toldAgainBytes {
		*list = append((*list)[:len(*list):len(*list)], f)
	}
}

func (c importCheckpoint) encode() []byte {
	text, err := json.Marshal(c)
	if err != nil {
		panic("app: a checkpoint of texts and numbers always encodes: " + err.Error())
	}
	return text
}
