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
	// target is who the item is about where documents are told apart by a key.
	target importTarget
	// prefix leads from the line to the data.
	prefix string
	faults []fault.Violation
	// warnings are those that the document is stored with.
	warnings []fault.Violation
	// unreadable says that the faults are in the line itself, whatever the collection; decided that they depend on what else is stored.
	unreadable, decided bool
	outcome             importOutcome
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
	item.faults, item.warnings, item.decided = nil, nil, false
	id := item.given
	switch {
	case id != (ident.Document{}), c.TakesIDs():
	case run.request.By != "":
		id = item.target.madeBy(run.transfer.IDs)
	default:
		id = lineID(item.line, item.data)
	}
	if item.proposal, item.faults = run.propose(item, c, id, now); item.faults != nil {
		return
	}
	item.id, item.target.own = item.proposal.ID(), item.proposal
}

// propose begins the judgement of the data under an id, and returns its faults.
func (run *importRun) propose(item *importItem, c *collection.Collection, id ident.Document, now time.Time) (*collection.Proposal, []fault.Violation) {
	way := collection.Whole
	if item.backup() {
		way = collection.Returned
	}
	p, err := c.Propose(collection.Submission{
		Way: way, New: run.request.existing() != ExistingReplace, Data: item.data, ID: id, Now: now, MaxBytes: run.transfer.Limits.Document.Bytes,
	})
	if err != nil {
		return nil, violations(item.prefix, err)
	}
	return p, nil
}

// backup says whether the line is an envelope.
func (item *importItem) backup() bool { return item.prefix != "" }

// warning is a warning of the data as one of the line.
func (item *importItem) warning(v fault.Violation) LineFault {
	v.Pointer = item.prefix + v.Pointer
	return LineFault{item.line, v}
}

// refuse records an error as the faults of the line.
func (item *importItem) refuse(prefix string, err error) { item.faults = violations(prefix, err) }

// violations are an error as the faults of a line.
func violations(prefix string, err error) []fault.Violation {
	f := fault.Find(err)
	switch {
	case f == nil:
		return []fault.Violation{{In: "body", Code: "line", Message: "cannot be read"}}
	case len(f.Violations) == 0:
		return []fault.Violation{{In: "body", Pointer: prefix, Code: f.Code, Message: f.Text}}
	}
	list := make([]fault.Violation, len(f.Violations))
	for i, v := range f.Violations {
		v.Pointer = prefix + v.Pointer
		list[i] = v
	}
	return list
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
	// end is where the import is behind the chunk.
	end importPlace
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

// fresh says whether every item that was stored created its document, and at least one did.
func (c *importChunk) fresh() bool {
	stored := 0
	for _, item := range c.items {
		if item.faults != nil {
			continue
		}
		if stored++; item.outcome != created {
			return false
		}
	}
	return stored > 0
}

// writes returns the writes of the items without faults. They leave their outcomes in the items, and conflicts as faults.
// The last one ends the transaction where nothing shall be stored: it alone knows how all were decided. fresh says that their ids are not expected to be taken.
func (c *importChunk) writes(r ImportDocuments, all, fresh bool) []document.Write {
	writes := make([]document.Write, 0, len(c.items))
	c.written = c.written[:0]
	var bad, conflicts int
	for _, item := range c.items {
		if item.faults != nil {
			bad++
			continue
		}
		c.written = append(c.written, item)
		first := len(writes) == 0
		writes = append(writes, document.Write{Collection: c.collection.Version(), Indexes: c.collection.Maintained, ID: item.id, Fresh: fresh || item.target.fresh, Change: func(current *document.Document) (document.Next, error) {
			if first { // a transaction may be tried more than once
				conflicts = bad
			}
			next, err := item.decide(r, current)
			if item.faults != nil {
				conflicts++
			}
			return next, err
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

// refuse records what the store found wrong with writes as faults of their lines. What was decided beside them is decided again without them.
func (c *importChunk) refuse(faults map[int]*fault.Error) {
	for _, item := range c.items {
		if item.decided {
			item.faults, item.decided = nil, false
		}
	}
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

// existing is what happens to documents that are there: an import by a key replaces them unless it says otherwise.
func (r ImportDocuments) existing() Existing {
	switch {
	case r.Existing != "":
		return r.Existing
	case r.By != "":
		return ExistingReplace
	}
	return ExistingError
}

// decide says what becomes of the item where current is stored under its id.
func (item *importItem) decide(r ImportDocuments, current *document.Document) (document.Next, error) {
	item.faults, item.warnings, item.decided = nil, nil, false
	if r.By != "" && current != nil && !item.target.is(current) {
		if item.target.held {
			return document.Next{}, errMoved
		}
		item.object("", document.Exists(r.Collection, item.id))
		return document.Keep(), nil
	}
	var stored []byte
	switch {
	case current == nil:
	case r.existing() == ExistingReplace:
		stored = current.Data
	case r.existing() == ExistingSkip:
		item.outcome = skipped
		return document.Keep(), nil
	default:
		item.object("", document.Exists(r.Collection, item.id))
		return document.Keep(), nil
	}
	admitted, err := item.proposal.Admit(stored)
	if err == nil && r.By != "" {
		err = item.target.agrees(item.id, admitted.Data)
	}
	switch {
	case err != nil:
		item.object(item.prefix, err)
		return document.Keep(), nil
	case current == nil:
		item.outcome = created
	case bytes.Equal(stored, admitted.Data):
		item.outcome = unchanged
	default:
		item.outcome = replaced
	}
	item.warnings = admitted.Warnings
	return document.Accept(admitted), nil
}

// object refuses the item because of what is stored.
func (item *importItem) object(prefix string, err error) {
	item.refuse(prefix, err)
	item.decided = true
}
