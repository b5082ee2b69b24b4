package app

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"

	"github.com/sheafdb/sheaf/domain/collection"
	"github.com/sheafdb/sheaf/domain/document"
	"github.com/sheafdb/sheaf/domain/fault"
	"github.com/sheafdb/sheaf/domain/ident"
	"github.com/sheafdb/sheaf/domain/index"
	"github.com/sheafdb/sheaf/domain/jsontext"
	"github.com/sheafdb/sheaf/domain/patch"
	"github.com/sheafdb/sheaf/domain/query"
	"github.com/sheafdb/sheaf/domain/transaction"
)

// judge makes the write of an operation.
func (run *transactionRun) judge(ctx context.Context, i int, batch *document.Batch) (document.Write, error) {
	o, limits := run.operations[i], run.documents.Limits.Document
	c, err := run.documents.Catalog.Get(ctx, o.Collection)
	if err != nil {
		return document.Write{}, err
	}
	run.collections[i] = c
	if f := o.FilledID(); f != nil {
		if o.ID = run.ids[f.From]; o.ID == (ident.Document{}) {
			return document.Write{}, errFollows
		}
	}
	run.ids[i] = o.ID
	switch o.Op {
	case transaction.Create:
		return run.create(i, o, batch)
	case transaction.Put:
		s := collection.Submission{ID: o.ID, Now: batch.At, MaxBytes: limits.Bytes}
		if err := document.RequireCondition(c, o.Precondition); err != nil {
			return document.Write{}, err
		}
		judge, _, err := run.proposed(i, o, s)
		return document.Write{ID: o.ID, Change: document.Put(judge, o.Precondition)}, err
	case transaction.Patch:
		if err := document.RequireCondition(c, o.Precondition); err != nil {
			return document.Write{}, err
		}
		apply, err := run.patched(o)
		return document.Write{ID: o.ID, Change: document.Edit{
			Collection: c, ID: o.ID, Precondition: o.Precondition, Way: collection.Edited, Now: batch.At, Apply: apply, MaxBytes: limits.Bytes,
		}.Change}, err
	case transaction.Delete:
		if err := document.RequireCondition(c, o.Precondition); err != nil {
			return document.Write{}, err
		}
		return document.Write{ID: o.ID, Change: document.Delete(c.Name, o.ID, o.Precondition)}, nil
	case transaction.Check:
	}
	return document.Write{ID: o.ID, Change: document.Check(c.Name, o.ID, o.Precondition)}, nil
}

// create makes the write of a create; where nobody names the id, the server makes one.
func (run *transactionRun) create(i int, o transaction.Operation, batch *document.Batch) (document.Write, error) {
	c := run.collections[i]
	fresh := o.ID == ident.Document{} && !c.TakesIDs()
	if fresh {
		if run.made[i] == (ident.Document{}) {
			run.made[i] = run.documents.IDs()
		}
		o.ID = run.made[i]
	}
	judge, id, err := run.proposed(i, o, collection.Submission{New: true, ID: o.ID, Now: batch.At, MaxBytes: run.documents.Limits.Document.Bytes})
	run.ids[i] = id
	return document.Write{ID: id, Fresh: fresh, Change: document.Create(c.Name, id, judge)}, err
}

// proposed begins the judgement of data, and ends it inside the write where values of it are known only there.
func (run *transactionRun) proposed(i int, o transaction.Operation, s collection.Submission) (document.Judge, ident.Document, error) {
	c := run.collections[i]
	if run.dynamic(o) {
		if s.ID == (ident.Document{}) {
			return nil, s.ID, &misplaced{fmt.Sprintf("/operations/%d", i), fault.New(fault.Invalid, "transaction.invalid",
				"the id is needed: it is taken from the data, and the data is known only when earlier operations are done")}
		}
		return func(stored []byte) (collection.Admitted, error) {
			s := s
			var err error
			if s.Data, err = run.filled(o); err != nil {
				return collection.Admitted{}, err
			}
			return c.Admit(s, stored)
		}, s.ID, nil
	}
	var err error
	if s.Data, err = run.filled(o); err != nil {
		return nil, s.ID, err
	}
	proposal, err := c.Propose(s)
	if err != nil {
		return nil, s.ID, err
	}
	return proposal.Admit, proposal.ID(), nil
}

// patched returns what applies a patch.
func (run *transactionRun) patched(o transaction.Operation) (func(current index.Document) ([]byte, error), error) {
	parsed := func() (patch.Patch, error) {
		text, err := run.filled(o)
		if err != nil {
			return patch.Patch{}, err
		}
		p, err := patch.Parse(o.Format, text, jsontext.Limits(run.documents.Limits.Document))
		return p, inPatch(err)
	}
	if !run.dynamic(o) {
		p, err := parsed()
		return func(current index.Document) ([]byte, error) {
			data, err := p.Apply(current)
			return data, inPatch(err)
		}, err
	}
	return func(current index.Document) ([]byte, error) {
		p, err := parsed()
		if err != nil {
			return nil, err
		}
		data, err := p.Apply(current)
		return data, inPatch(err)
	}, nil
}

// dynamic says whether an operation takes values that are known only inside the write.
func (run *transactionRun) dynamic(o transaction.Operation) bool {
	return slices.ContainsFunc(o.Fill, func(f transaction.Fill) bool { return !f.Static() })
}

// filled returns the text of an operation's body with the values that it takes from results.
func (run *transactionRun) filled(o transaction.Operation) ([]byte, error) {
	var failed error
	body, missing := o.Filled(func(f transaction.Fill) (any, bool) {
		if failed != nil {
			return nil, false
		}
		value, found := run.value(f)
		if !found {
			failed = &misplaced{f.Pointer, fault.New(fault.Conflict, "transaction.unresolved", "the result of operation %d has nothing at %s", f.From, f.Source.Pointer())}
			return nil, false
		}
		// A large value may be taken again and again.
		if run.taken += len(jsontext.Append(nil, value)); run.taken > run.documents.Limits.Filled {
			failed = &misplaced{f.Pointer, fault.New(fault.TooLarge, "transaction.tooLarge", "a transaction takes at most %d bytes from results", run.documents.Limits.Filled)}
			return nil, false
		}
		return value, true
	})
	if missing != nil {
		return nil, &misplaced{missing.Pointer, fault.New(fault.Invalid, "transaction.invalid", "there is no place to fill in")}
	}
	if failed != nil {
		return nil, failed
	}
	return collection.Read(jsontext.Append(nil, body), run.documents.Limits.Document)
}

// value finds a value in the result of an earlier operation. Of a document it shows what an answer shows.
func (run *transactionRun) value(f transaction.Fill) (any, bool) {
	if f.Static() {
		return run.ids[f.From].String(), true
	}
	r := run.results[f.From]
	if r.Document.Revision == 0 {
		return nil, false // nothing is there
	}
	tree, made := run.trees[f.From]
	if !made {
		tree = map[string]any{
			"revision":  json.Number(strconv.FormatInt(r.Document.Revision, 10)),
			"createdAt": query.InstantOf(r.Document.CreatedAt).Text(),
			"updatedAt": query.InstantOf(r.Document.UpdatedAt).Text(),
			"doc":       decoded(run.collections[f.From].Shown(r.Document.Data, nil)),
		}
		run.trees[f.From] = tree
	}
	return f.Source.Find(tree)
}
