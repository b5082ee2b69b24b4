package app

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"time"

	"github.com/google/uuid"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/jsontext"
)

// importOutcome is what became of an item.
type importOutcome byte

const (
	created importOutcome = iota
	replaced
	unchanged
	skipped
)

// importItem is one line on its way: read, then judged, then stored.
type importItem struct {
	line int64
	// given is the id that the envelope names, zero in the shape of data.
	given ident.Document
	// data is the canonical text as it came, proposal what the collection has to say of it.
	data     []byte
	proposal *collection.Proposal
	id       ident.Document
	// prefix leads from the line to the data.
	prefix string
	faults []fault.Violation
	// warnings are those that the document is stored with.
	warnings []fault.Violation
	// unreadable says that the faults are in the line itself, whatever the collection.
	unreadable bool
	outcome    importOutcome
}

// read takes a line in: its JSON, and in the shape of documents its envelope.
func (run *importRun) read(line Line) *importItem {
	item := &importItem{line: line.Number}
	err := line.Err
	if err == nil {
		item.data, err = collection.Read(line.Data, run.transfer.Limits.Document)
	}
	if err == nil && run.request.Shape == DocumentShape {
		err = item.open()
	}
	if err != nil {
		item.unreadable = true
		item.refuse("", err)
	}
	return item
}

// open takes the envelope off. The id counts; revision and times are made anew.
func (item *importItem) open() error {
	tree, err := jsontext.Decode(item.data)
	if err != nil {
		return err
	}
	wrong := func(pointer, code, message string) error {
		return fault.New(fault.Invalid, "document.invalid", "%s", message).With(fault.Violation{In: "body", Pointer: pointer, Code: code, Message: message})
	}
	envelope, ok := tree.(map[string]any)
	if !ok {
		return wrong("", "type", "must be an object with the members id and data")
	}
	for key := range envelope {
		switch key {
		case "id", "data", "revision", "createdAt", "updatedAt":
		default:
			return wrong(jsontext.AppendPointer("", key), "unknownField", "is not a member of a document's envelope")
		}
	}
	text, ok := envelope["id"].(string)
	if !ok {
		return wrong("/id", "type", "must be a string")
	}
	if item.given, err = ident.ParseDocument(text); err != nil {
		return wrong("/id", "id", fault.Find(err).Text)
	}
	data, ok := envelope["data"]
	if !ok {
		return wrong("", "required", `must have the member "data"`)
	}
	item.data, item.prefix = jsontext.Append(nil, data), "/data"
	return nil
}

// judgeItem begins the judgement of the data; it may be called again for another version of the collection.
func (run *importRun) judgeItem(item *importItem, c *collection.Collection, now time.Time) {
	item.faults, item.warnings = nil, nil
	id := item.given
	if id == (ident.Document{}) && !c.TakesIDs() {
		id = lineID(item.line, item.data)
	}
	way := collection.Whole
	if item.backup() {
		way = collection.Returned
	}
	var err error
	item.proposal, err = c.Propose(collection.Submission{
		Way: way, New: run.request.Existing != ExistingReplace, Data: item.data, ID: id, Now: now, MaxBytes: run.transfer.Limits.Document.Bytes,
	})
	if err != nil {
		item.refuse(item.prefix, err)
		return
	}
	item.id = item.proposal.ID()
}

// backup says whether the line is an envelope.
func (item *importItem) backup() bool { return item.prefix != "" }

// refuse records an error as the faults of the line.
func (item *importItem) refuse(prefix string, err error) {
	f := fault.Find(err)
	switch {
	case f == nil:
		item.faults = []fault.Violation{{In: "body", Code: "line", Message: "cannot be read"}}
	case len(f.Violations) == 0:
		item.faults = []fault.Violation{{In: "body", Pointer: prefix, Code: f.Code, Message: f.Text}}
	default:
		item.faults = make([]fault.Violation, len(f.Violations))
		for i, v := range f.Violations {
			v.Pointer = prefix + v.Pointer
			item.faults[i] = v
		}
	}
}

// lineID makes the id of a document that names none. It is a UUID (RFC 9562, version 8) made of the number of the line and a digest of the data:
// the same file sent again finds its documents instead of doubling them, and lists keep the order of the file.
func lineID(line int64, data []byte) ident.Document {
	digest := sha256.New()
	var number [8]byte
	binary.BigEndian.PutUint64(number[:], uint64(line))
	digest.Write(number[:])
	digest.Write(data)
	var id uuid.UUID
	copy(id[:6], number[2:])
	copy(id[6:], digest.Sum(nil))
	id[6] = id[6]&0x0f | 0x80 // version 8
	id[8] = id[8]&0x3f | 0x80 // the variant of RFC 9562
	parsed, err := ident.ParseDocument(id.String())
	if err != nil {
		panic("app: a UUID is an id: " + err.Error())
	}
	return parsed
}

// importChunk are the items of one transaction.
type importChunk struct {
	items []*importItem
	bytes int
	// collection is what the items were judged by, judged how many of them.
	collection *collection.Collection
	judged     int
	// written are the items of the writes, in their order.
	written []*importItem
}

func (c *importChunk) add(item *importItem) {
	c.items = append(c.items, item)
	c.bytes += len(item.data)
}

// release drops the items where nothing will be stored: what follows is judged only to be reported.
func (c *importChunk) release(hopeless bool) {
	if hopeless {
		c.items, c.judged, c.bytes = nil, 0, 0
	}
}

// bad says whether an item has faults.
func (c *importChunk) bad() bool {
	for _, item := range c.items {
		if item.faults != nil {
			return true
		}
	}
	return false
}

// writes returns the writes of the items without faults. They leave their outcomes in the items, and conflicts as faults.
// The last one ends the transaction where nothing shall be stored: it alone knows how all were decided.
func (c *importChunk) writes(r ImportDocuments, all bool) []document.Write {
	writes := make([]document.Write, 0, len(c.items))
	c.written = c.written[:0]
	var conflicts int
	for _, item := range c.items {
		if item.faults != nil {
			continue
		}
		c.written = append(c.written, item)
		first := len(writes) == 0
		writes = append(writes, document.Write{Collection: c.collection.Version(), Indexes: c.collection.Maintained, ID: item.id, Change: func(current *document.Document) (document.Next, error) {
			if first { // a transaction may be tried more than once
				conflicts = 0
			}
			next := item.decide(r, current)
			if item.faults != nil {
				conflicts++
			}
			return next, nil
		}})
	}
	if len(writes) == 0 {
		return nil
	}
	last := writes[len(writes)-1].Change
	writes[len(writes)-1].Change = func(current *document.Document) (document.Next, error) {
		next, err := last(current)
		if all && conflicts > 0 {
			return document.Next{}, errNotStored
		}
		return next, err
	}
	return writes
}

// refuse records what the store found wrong with writes as faults of their lines.
func (c *importChunk) refuse(faults map[int]*fault.Error) {
	for write, f := range faults {
		item := c.written[write]
		if len(f.Violations) == 0 {
			item.refuse("", f)
		}
		for _, v := range f.Violations {
			v.Pointer = item.prefix + v.Pointer
			item.faults = append(item.faults, v)
		}
	}
}

// decide says what becomes of the item where current is stored under its id.
func (item *importItem) decide(r ImportDocuments, current *document.Document) document.Next {
	item.faults, item.warnings = nil, nil
	var stored []byte
	switch {
	case current == nil:
	case r.Existing == ExistingReplace:
		stored = current.Data
	case r.Existing == ExistingSkip:
		item.outcome = skipped
		return document.Keep()
	default:
		item.refuse("", document.Exists(r.Collection, item.id))
		return document.Keep()
	}
	admitted, err := item.proposal.Admit(stored)
	switch {
	case err != nil:
		item.refuse(item.prefix, err)
		return document.Keep()
	case current == nil:
		item.outcome = created
	case bytes.Equal(stored, admitted.Data):
		item.outcome = unchanged
	default:
		item.outcome = replaced
	}
	item.warnings = admitted.Warnings
	return document.Accept(admitted)
}
